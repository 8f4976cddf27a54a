/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files opened and closed: names, never contents. At the return of the system call
 * that opened it the file is in the descriptor table, so its real path, size and
 * mode are at hand. Attached only when file names are asked for:
 * a system-call tracepoint costs every process of the host 40-90 ns a call.
 */
#ifndef TRACER_FILE_BPF_H
#define TRACER_FILE_BPF_H

#include "bpf/exec.bpf.h"

#define O_TRUNC 01000

/* The directory that a relative path starts at. */
static __always_inline void put_directory(struct record *r, u32 *off, struct task_struct *task,
					  int fd, struct wire_string *ret)
{
	struct file *file;

	if (fd == AT_FDCWD) {
		struct fs_struct *fs = plain(task)->fs;

		put_path(r, off, fs->pwd.dentry, fs->pwd.mnt, ret);
		return;
	}
	file = fd_file(task, fd);
	if (file)
		put_path(r, off, PEEK(file, file, f_path.dentry), PEEK(file, file, f_path.mnt),
			 ret);
}

/* A path as the program wrote it, and where it starts if it is relative. */
static __always_inline void put_text_path(struct record *r, u32 *off, struct task_struct *task,
					  u64 user_path, int dir)
{
	struct wire_file_event *e = (struct wire_file_event *)r->data;
	u32 at = *off & RECORD_MASK;

	e->path = put_user_text(r, off, (void *)user_path, WIRE_PATH_MAX);
	if (r->data[at] != '/')
		put_directory(r, off, task, dir, &e->dir);
}

__noinline int file_opened(struct thread *t, u32 fd, u64 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = fd_file(task, fd);
	struct inode *inode = file ? PEEK(file, file, f_inode) : NULL;
	u32 off = sizeof(struct wire_file_event), mode;
	struct record *r = scratch_record(RECORD_MAIN);
	enum use_kind kind = inode ? kind_of(inode) : KIND_NONE;
	struct wire_file_event *e;

	if (!t || !r || !kind)
		return 0;
	mode = PEEK(file, file, f_mode);
	if (!(mode & FMODE_WRITE) && is_library(file)) {
		t->lib_opens++;
		return 0;
	}
	e = begin_file_event(task, t, r, WIRE_FILE_OPEN);
	if (!e)
		return 0;
	describe_file(e, file, kind);
	e->access |= (mode & FMODE_CREATED ? WIRE_OPEN_CREATED : 0) |
		     (flags & O_TRUNC ? WIRE_OPEN_TRUNCATED : 0);
	if (kind != KIND_PIPE)
		put_path(r, &off, PEEK(file, file, f_path.dentry), PEEK(file, file, f_path.mnt),
			 &e->path);
	send_record(r, off, LOSS_FILE);
	return 0;
}

/* A failed open of anything: which file was missing or forbidden. */
static __noinline int open_failed(struct task_struct *task, struct thread *t, int dir,
				  u64 user_path, int error)
{
	u32 off = sizeof(struct wire_file_event);
	struct record *r = scratch_record(RECORD_MAIN);
	struct wire_file_event *e;

	if (!r)
		return 0;
	e = begin_file_event(task, t, r, WIRE_FILE_OPEN);
	if (!e)
		return 0;
	e->error = error;
	e->access = WIRE_PATH_IS_TEXT;
	put_text_path(r, &off, task, user_path, dir);
	send_record(r, off, LOSS_FILE);
	return 0;
}

static __always_inline int handle_open(long ret, int dir, u64 user_path, u64 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *t = bpf_task_storage_get(&threads, task, NULL, 0);

	if (!t || (t->flags & THREAD_SPAWNER))
		return 0;
	if (ret >= 0) {
		note_own(t, ret);
		return file_opened(t, ret, flags);
	}
	if (cfg_failed_opens)
		return open_failed(task, t, dir, user_path, -ret);
	return 0;
}

static __always_inline struct pt_regs *current_regs(void)
{
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
}

static __always_inline u32 file_call(struct pt_regs *regs)
{
	return cfg_file_call[SYSCALL_NR(regs) & (SYSCALL_CLASSES - 1)];
}

/* All calls that open: one program, so that the verifier walks it once. */
SEC("?tp/syscalls/sys_exit_openat")
int on_file_open(struct trace_event_raw_sys_exit *ctx)
{
	struct pt_regs *regs = current_regs();
	u64 path = SYSCALL_ARG1(regs), flags = SYSCALL_ARG2(regs);
	int dir = AT_FDCWD;

	switch (file_call(regs)) {
	case FILE_CALL_OPENAT:
		dir = SYSCALL_ARG1(regs);
		path = SYSCALL_ARG2(regs);
		flags = SYSCALL_ARG3(regs);
		break;
	case FILE_CALL_OPENAT2:
		dir = SYSCALL_ARG1(regs);
		path = SYSCALL_ARG2(regs);
		flags = 0;
		bpf_probe_read_user(&flags, sizeof(flags), (void *)SYSCALL_ARG3(regs));
		break;
	case FILE_CALL_CREAT:
		flags = O_TRUNC;
		break;
	case FILE_CALL_OPEN_BY_HANDLE:
		if (ctx->ret < 0)
			return 0; /* a handle is no name */
		flags = SYSCALL_ARG3(regs);
		break;
	}
	return handle_open(ctx->ret, dir, path, flags);
}

/* ---- descriptors that are given up ---- */

/* dup2 gives up what was there before, as a shell does to end a redirection. */
SEC("?tp/syscalls/sys_enter_close")
int on_file_close(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *t = bpf_task_storage_get(&threads, task, NULL, 0);
	struct pt_regs *regs = current_regs();

	if (!t || (t->flags & THREAD_SPAWNER))
		return 0;
	if (file_call(regs) == FILE_CALL_DUP2)
		note_own(t, SYSCALL_ARG2(regs));
	return file_left(t, file_call(regs) == FILE_CALL_DUP2 ? SYSCALL_ARG2(regs)
							      : SYSCALL_ARG1(regs));
}

/* ---- no room ---- */

#define ENOSPC 28
#define EDQUOT 122

/* No room on the file system, or in the user's share of it: programs rarely say where. */
static __noinline int file_full(u32 fd, int error)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *t = bpf_task_storage_get(&threads, task, NULL, 0);
	struct file *file = t && !(t->flags & THREAD_SPAWNER) ? fd_file(task, fd) : NULL;
	struct inode *inode = file ? PEEK(file, file, f_inode) : NULL;
	struct record *r = scratch_record(RECORD_MAIN);
	u32 off = sizeof(struct wire_file_event);
	struct wire_file_event *e;

	if (!inode || !r || !t || !kind_of(inode))
		return 0;
	e = begin_file_event(task, t, r, WIRE_FILE_OPEN);
	if (!e)
		return 0;
	e->error = error;
	e->access = WIRE_OPEN_WRITE;
	put_path(r, &off, PEEK(file, file, f_path.dentry), PEEK(file, file, f_path.mnt), &e->path);
	send_record(r, off, LOSS_FILE);
	return 0;
}

SEC("?tp/syscalls/sys_exit_write")
int on_file_full(struct trace_event_raw_sys_exit *ctx)
{
	struct pt_regs *regs;

	if (ctx->ret != -ENOSPC && ctx->ret != -EDQUOT)
		return 0;
	regs = current_regs();
	return file_full(file_call(regs) == FILE_CALL_COPY_RANGE ? SYSCALL_ARG3(regs)
								 : SYSCALL_ARG1(regs),
			 -ctx->ret);
}

/* ---- io_uring: opens that are no system calls ---- */

#define RING_OPENAT  18
#define RING_OPENAT2 28
#define RING_RENAME  35 /* and unlink, mkdir, symlink, link behind it */
#define RING_LINK    39

/* The request may be completed by a worker, which has no state of its own until it
 * first switches out; it shares the descriptors of its process. */
static __noinline int ring_opened(u64 request, s32 res, u32 opcode)
{
	u64 command = request + bpf_core_field_offset(struct io_kiocb, cmd);
	struct task_struct *task = bpf_get_current_task_btf(), *leader = task->group_leader;
	struct thread *t = bpf_task_storage_get(&threads, task, NULL, 0);
	struct record *r;

	if (!t)
		t = bpf_task_storage_get(&threads, leader, NULL, 0);
	if (!t || (t->flags & THREAD_SPAWNER))
		return 0;
	if (opcode < RING_RENAME && !PEEK(io_open, command, file_slot))
		return file_opened(t, res, 0);
	r = scratch_record(RECORD_MAIN);
	if (r && begin_file_event(task, t, r, WIRE_FILE_RING))
		send_record(r, sizeof(struct wire_file_event), LOSS_FILE);
	return 0;
}

SEC("?tp_btf/io_uring_complete")
int BPF_PROG(on_ring_complete, void *ring, void *request)
{
	u64 object = (u64)request;
	u32 opcode;
	s32 res;

	if (!object)
		return 0;
	opcode = PEEK(io_kiocb, object, opcode);
	if (opcode != RING_OPENAT && opcode != RING_OPENAT2 &&
	    (opcode < RING_RENAME || opcode > RING_LINK))
		return 0;
	res = PEEK(io_kiocb, object, cqe.res);
	return res < 0 ? 0 : ring_opened(object, res, opcode);
}

#endif
