/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names that change: rename, unlink, link, symlink, truncate, mkdir, rmdir. Told
 * when the call has succeeded, as the program wrote them: by then no dentry is at
 * hand, so that inodes are found in user space (src/track/file_names.c).
 */
#ifndef TRACER_FILE_NAMES_BPF_H
#define TRACER_FILE_NAMES_BPF_H

#include "bpf/file.bpf.h"

#define AT_EMPTY_PATH	0x1000
#define AT_REMOVEDIR	0x200
#define RENAME_EXCHANGE 0x2
#define FD_DIR_LEN	14 /* of "/proc/self/fd/" */
#define FD_DIGITS	6

struct two_paths {
	s32 dir, dir2;
	u64 path, path2;
	u64 size;
	u32 op;
	s32 fd; /* of the file itself, else -1 */
};

static __always_inline void put_source(struct task_struct *task, struct record *r, u32 *off,
				       struct two_paths *p, struct wire_file_event *e)
{
	struct file *file = p->fd >= 0 ? fd_file(task, p->fd) : NULL;

	if (!file) {
		e->access |= WIRE_PATH_IS_TEXT;
		put_text_path(r, off, task, p->path, p->dir);
		return;
	}
	describe_file(e, file, KIND_REGULAR);
	put_path(r, off, PEEK(file, file, f_path.dentry), PEEK(file, file, f_path.mnt), &e->path);
}

static __always_inline int names_changed(struct task_struct *task, struct thread *t,
					 struct two_paths *p)
{
	u32 off = sizeof(struct wire_file_event);
	struct record *r = scratch_record(RECORD_MAIN);
	struct wire_file_event *e;

	e = r ? begin_file_event(task, t, r, p->op) : NULL;
	if (!e)
		return 0;
	e->size_bytes = p->size;
	put_source(task, r, &off, p, e);
	if (p->path2) {
		u32 at = off & RECORD_MASK;

		e->access |= WIRE_PATH2_IS_TEXT;
		e->path2 = put_user_text(r, &off, (void *)p->path2, WIRE_PATH_MAX);
		if (r->data[at] != '/')
			put_directory(r, &off, task, p->dir2, &e->dir2);
	}
	send_record(r, off, LOSS_FILE);
	return 0;
}

/* A file made without a name gets one by its descriptor: linkat(fd, "", ..) or
 * linkat(.., "/proc/self/fd/N", ..). The descriptor, or -1. */
static __noinline int linked_descriptor(u64 path, int dir)
{
	static const char place[FD_DIR_LEN] = { '/', 'p', 'r', 'o', 'c', '/', 's',
						'e', 'l', 'f', '/', 'f', 'd', '/' };
	char text[FD_DIR_LEN + FD_DIGITS + 1] = {};
	int fd = 0;

	if (bpf_probe_read_user_str(text, sizeof(text), (void *)path) < 0)
		return -1;
	if (!text[0])
		return dir;
	for (int i = 0; i < FD_DIR_LEN; i++)
		if (text[i] != place[i])
			return -1;
	for (int i = FD_DIR_LEN; i < FD_DIR_LEN + FD_DIGITS; i++) {
		if (!text[i])
			break;
		if (text[i] < '0' || text[i] > '9')
			return -1;
		fd = fd * 10 + text[i] - '0';
	}
	return fd;
}

/* Calls that name by descriptor and path, twice or once. */
static __always_inline void paths_at(struct two_paths *p, struct pt_regs *regs, u32 op)
{
	p->op = op;
	p->dir = SYSCALL_ARG1(regs);
	p->path = SYSCALL_ARG2(regs);
	if (op != WIRE_FILE_RENAME && op != WIRE_FILE_LINK)
		return;
	p->dir2 = SYSCALL_ARG3(regs);
	p->path2 = SYSCALL_ARG4(regs);
}

static __always_inline void paths(struct two_paths *p, struct pt_regs *regs, u32 op)
{
	p->op = op;
	p->path = SYSCALL_ARG1(regs);
	if (op == WIRE_FILE_RENAME || op == WIRE_FILE_LINK || op == WIRE_FILE_SYMLINK)
		p->path2 = SYSCALL_ARG2(regs);
}

static __always_inline void read_paths(struct two_paths *p, struct pt_regs *regs, u32 call)
{
	switch (call) {
	case FILE_CALL_RENAME:
		return paths(p, regs, WIRE_FILE_RENAME);
	case FILE_CALL_RENAMEAT:
		return paths_at(p, regs, WIRE_FILE_RENAME);
	case FILE_CALL_RENAMEAT2:
		paths_at(p, regs, WIRE_FILE_RENAME);
		if (SYSCALL_ARG5(regs) & RENAME_EXCHANGE)
			p->op = WIRE_FILE_EXCHANGE;
		return;
	case FILE_CALL_UNLINK:
		return paths(p, regs, WIRE_FILE_UNLINK);
	case FILE_CALL_UNLINKAT:
		return paths_at(p, regs,
				SYSCALL_ARG3(regs) & AT_REMOVEDIR ? WIRE_FILE_RMDIR
								  : WIRE_FILE_UNLINK);
	case FILE_CALL_LINK:
		return paths(p, regs, WIRE_FILE_LINK);
	case FILE_CALL_LINKAT:
		paths_at(p, regs, WIRE_FILE_LINK);
		p->fd = linked_descriptor(p->path, p->dir);
		return;
	case FILE_CALL_SYMLINK:
		return paths(p, regs, WIRE_FILE_SYMLINK);
	case FILE_CALL_SYMLINKAT:
		paths(p, regs, WIRE_FILE_SYMLINK);
		p->dir2 = SYSCALL_ARG2(regs);
		p->path2 = SYSCALL_ARG3(regs);
		return;
	case FILE_CALL_TRUNCATE:
		p->size = SYSCALL_ARG2(regs);
		return paths(p, regs, WIRE_FILE_TRUNCATE);
	case FILE_CALL_MKDIR:
		return paths(p, regs, WIRE_FILE_MKDIR);
	case FILE_CALL_MKDIRAT:
		return paths_at(p, regs, WIRE_FILE_MKDIR);
	case FILE_CALL_RMDIR:
		return paths(p, regs, WIRE_FILE_RMDIR);
	}
}

/* All calls that change names: one program, so that the verifier walks it once. */
SEC("?tp/syscalls/sys_exit_rename")
int on_file_name(struct trace_event_raw_sys_exit *ctx)
{
	struct two_paths p = { .dir = AT_FDCWD, .dir2 = AT_FDCWD, .fd = -1 };
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *t = bpf_task_storage_get(&threads, task, NULL, 0);
	struct pt_regs *regs = current_regs();

	if (ctx->ret || !t || (t->flags & THREAD_SPAWNER))
		return 0;
	read_paths(&p, regs, file_call(regs));
	return p.path ? names_changed(task, t, &p) : 0;
}

#endif
