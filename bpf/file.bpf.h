/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Regular files opened, renamed and unlinked: names, never contents. At the
 * return of the system call the file is in the descriptor table, so its real
 * path, size and mode are at hand. Attached only when file names are asked for:
 * a system-call tracepoint costs every process of the host 40-90 ns a call, and
 * 0.1-0.2 us where a program is attached: full disks are seen at that price.
 */
#ifndef TRACER_FILE_BPF_H
#define TRACER_FILE_BPF_H

#include "bpf/exec.bpf.h"

#define AT_FDCWD      (-100)
#define FMODE_READ    0x1
#define FMODE_WRITE   0x2
#define FMODE_CREATED 0x100000
#define O_TRUNC	      01000

static __always_inline bool is_pseudo(struct inode *inode)
{
	u64 magic = PEEK(super_block, PEEK(inode, inode, i_sb), s_magic);

	return magic == ANON_INODE_FS_MAGIC || is_pseudo_fs(magic);
}

/* "libz.so.1", "ld.so.cache": counted for the process, not listed. */
__noinline int is_library_name(u64 name_address)
{
	char name[40] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), (void *)name_address);
	for (int i = 0; i + 3 < (int)sizeof(name); i++) {
		if (!name[i])
			break;
		if (name[i] == '.' && name[i + 1] == 's' && name[i + 2] == 'o' &&
		    (name[i + 3] == '.' || !name[i + 3]))
			return 1;
	}
	return 0;
}

static __always_inline struct wire_file_event *
begin_file_event(struct task_struct *task, struct thread *t, struct record *r, u32 op)
{
	struct wire_file_event *e = (struct wire_file_event *)r->data;

	if (t->file_events >= cfg_file_events_per_thread) {
		t->file_events_dropped++;
		return NULL;
	}
	t->file_events++;
	__builtin_memset(e, 0, sizeof(*e));
	fill_header(&e->h, 0, WIRE_FILE, bpf_ktime_get_boot_ns());
	fill_id(&e->id, task);
	e->op = op;
	return e;
}

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

static __always_inline void put_text_path(struct record *r, u32 *off, u64 user_path,
					  struct wire_string *ret)
{
	*ret = put_user_text(r, off, (void *)user_path, WIRE_PATH_MAX);
}

static __noinline int file_opened(struct task_struct *task, struct thread *t, u32 fd, u64 flags)
{
	struct file *file = fd_file(task, fd);
	struct inode *inode = file ? PEEK(file, file, f_inode) : NULL;
	u32 off = sizeof(struct wire_file_event), mode;
	struct record *r = scratch_record(RECORD_MAIN);
	struct wire_file_event *e;
	struct dentry *dentry;

	if (!inode || !r || (PEEK(inode, inode, i_mode) & S_IFMT) != S_IFREG || is_pseudo(inode))
		return 0;
	dentry = PEEK(file, file, f_path.dentry);
	mode = PEEK(file, file, f_mode);
	if (!(mode & FMODE_WRITE) && is_library_name(address(PEEK(dentry, dentry, d_name.name)))) {
		t->lib_opens++;
		return 0;
	}
	e = begin_file_event(task, t, r, WIRE_FILE_OPEN);
	if (!e)
		return 0;
	e->inode = PEEK(inode, inode, i_ino);
	e->size_bytes = PEEK(inode, inode, i_size);
	e->dev = PEEK(super_block, PEEK(inode, inode, i_sb), s_dev);
	e->access = (mode & FMODE_READ ? WIRE_OPEN_READ : 0) |
		    (mode & FMODE_WRITE ? WIRE_OPEN_WRITE : 0) |
		    (mode & FMODE_CREATED ? WIRE_OPEN_CREATED : 0) |
		    (flags & O_TRUNC ? WIRE_OPEN_TRUNCATED : 0);
	put_path(r, &off, dentry, PEEK(file, file, f_path.mnt), &e->path);
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
	put_text_path(r, &off, user_path, &e->path);
	if (r->data[sizeof(*e)] != '/')
		put_directory(r, &off, task, dir, &e->dir);
	send_record(r, off, LOSS_FILE);
	return 0;
}

static __always_inline int handle_open(long ret, int dir, u64 user_path, u64 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *t = bpf_task_storage_get(&threads, task, NULL, 0);

	if (!t || (t->flags & THREAD_SPAWNER))
		return 0;
	if (ret >= 0)
		return file_opened(task, t, ret, flags);
	if (cfg_failed_opens)
		return open_failed(task, t, dir, user_path, -ret);
	return 0;
}

static __always_inline struct pt_regs *current_regs(void)
{
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
}

SEC("?tp/syscalls/sys_exit_openat")
int on_openat(struct trace_event_raw_sys_exit *ctx)
{
	struct pt_regs *regs = current_regs();

	return handle_open(ctx->ret, SYSCALL_ARG1(regs), SYSCALL_ARG2(regs), SYSCALL_ARG3(regs));
}

SEC("?tp/syscalls/sys_exit_openat2")
int on_openat2(struct trace_event_raw_sys_exit *ctx)
{
	struct pt_regs *regs = current_regs();
	u64 flags = 0;

	bpf_probe_read_user(&flags, sizeof(flags), (void *)SYSCALL_ARG3(regs));
	return handle_open(ctx->ret, SYSCALL_ARG1(regs), SYSCALL_ARG2(regs), flags);
}

SEC("?tp/syscalls/sys_exit_open")
int on_open(struct trace_event_raw_sys_exit *ctx)
{
	struct pt_regs *regs = current_regs();

	return handle_open(ctx->ret, AT_FDCWD, SYSCALL_ARG1(regs), SYSCALL_ARG2(regs));
}

SEC("?tp/syscalls/sys_exit_creat")
int on_creat(struct trace_event_raw_sys_exit *ctx)
{
	struct pt_regs *regs = current_regs();

	return handle_open(ctx->ret, AT_FDCWD, SYSCALL_ARG1(regs), O_TRUNC);
}

#define ENOSPC 28
#define EDQUOT 122

/* No room on the file system, or in the user's share of it: programs rarely say where. */
static __always_inline int handle_write(long ret, u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 off = sizeof(struct wire_file_event);
	struct wire_file_event *e;
	struct record *r;
	struct thread *t;
	struct file *file;

	if (ret != -ENOSPC && ret != -EDQUOT)
		return 0;
	t = bpf_task_storage_get(&threads, task, NULL, 0);
	file = t ? fd_file(task, fd) : NULL;
	r = file ? scratch_record(RECORD_MAIN) : NULL;
	e = r ? begin_file_event(task, t, r, WIRE_FILE_OPEN) : NULL;
	if (!e)
		return 0;
	e->error = -ret;
	e->access = WIRE_OPEN_WRITE;
	put_path(r, &off, PEEK(file, file, f_path.dentry), PEEK(file, file, f_path.mnt), &e->path);
	send_record(r, off, LOSS_FILE);
	return 0;
}

SEC("?tp/syscalls/sys_exit_write")
int on_write(struct trace_event_raw_sys_exit *ctx)
{
	return handle_write(ctx->ret, SYSCALL_ARG1(current_regs()));
}

SEC("?tp/syscalls/sys_exit_pwrite64")
int on_pwrite64(struct trace_event_raw_sys_exit *ctx)
{
	return handle_write(ctx->ret, SYSCALL_ARG1(current_regs()));
}

SEC("?tp/syscalls/sys_exit_writev")
int on_writev(struct trace_event_raw_sys_exit *ctx)
{
	return handle_write(ctx->ret, SYSCALL_ARG1(current_regs()));
}

SEC("?tp/syscalls/sys_exit_fallocate")
int on_fallocate(struct trace_event_raw_sys_exit *ctx)
{
	return handle_write(ctx->ret, SYSCALL_ARG1(current_regs()));
}

SEC("?tp/syscalls/sys_exit_sendfile64")
int on_sendfile(struct trace_event_raw_sys_exit *ctx)
{
	return handle_write(ctx->ret, SYSCALL_ARG1(current_regs()));
}

SEC("?tp/syscalls/sys_exit_fsync")
int on_fsync(struct trace_event_raw_sys_exit *ctx)
{
	return handle_write(ctx->ret, SYSCALL_ARG1(current_regs()));
}

SEC("?tp/syscalls/sys_exit_copy_file_range")
int on_copy_file_range(struct trace_event_raw_sys_exit *ctx)
{
	return handle_write(ctx->ret, SYSCALL_ARG3(current_regs()));
}

struct two_paths {
	int dir, dir2;
	u64 path, path2;
};

/* Rename and unlink succeeded: names as the program wrote them. */
static __noinline int names_changed(struct two_paths *p, u32 op)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *t = bpf_task_storage_get(&threads, task, NULL, 0);
	u32 off = sizeof(struct wire_file_event);
	struct wire_file_event *e;
	struct record *r;

	if (!t || (t->flags & THREAD_SPAWNER))
		return 0;
	r = scratch_record(RECORD_MAIN);
	if (!r)
		return 0;
	e = begin_file_event(task, t, r, op);
	if (!e)
		return 0;
	e->access = WIRE_PATH_IS_TEXT | WIRE_PATH2_IS_TEXT;
	put_text_path(r, &off, p->path, &e->path);
	put_directory(r, &off, task, p->dir, &e->dir);
	if (op == WIRE_FILE_RENAME) {
		put_text_path(r, &off, p->path2, &e->path2);
		put_directory(r, &off, task, p->dir2, &e->dir2);
	}
	send_record(r, off, LOSS_FILE);
	return 0;
}

SEC("?tp/syscalls/sys_exit_rename")
int on_rename_file(struct trace_event_raw_sys_exit *ctx)
{
	struct pt_regs *regs = current_regs();
	struct two_paths p = { AT_FDCWD, AT_FDCWD, SYSCALL_ARG1(regs), SYSCALL_ARG2(regs) };

	return ctx->ret ? 0 : names_changed(&p, WIRE_FILE_RENAME);
}

SEC("?tp/syscalls/sys_exit_renameat")
int on_renameat(struct trace_event_raw_sys_exit *ctx)
{
	struct pt_regs *regs = current_regs();
	struct two_paths p = { SYSCALL_ARG1(regs), SYSCALL_ARG3(regs), SYSCALL_ARG2(regs),
			       SYSCALL_ARG4(regs) };

	return ctx->ret ? 0 : names_changed(&p, WIRE_FILE_RENAME);
}

SEC("?tp/syscalls/sys_exit_renameat2")
int on_renameat2(struct trace_event_raw_sys_exit *ctx)
{
	struct pt_regs *regs = current_regs();
	struct two_paths p = { SYSCALL_ARG1(regs), SYSCALL_ARG3(regs), SYSCALL_ARG2(regs),
			       SYSCALL_ARG4(regs) };

	return ctx->ret ? 0 : names_changed(&p, WIRE_FILE_RENAME);
}

SEC("?tp/syscalls/sys_exit_unlink")
int on_unlink(struct trace_event_raw_sys_exit *ctx)
{
	struct two_paths p = { AT_FDCWD, AT_FDCWD, SYSCALL_ARG1(current_regs()), 0 };

	return ctx->ret ? 0 : names_changed(&p, WIRE_FILE_UNLINK);
}

SEC("?tp/syscalls/sys_exit_unlinkat")
int on_unlinkat(struct trace_event_raw_sys_exit *ctx)
{
	struct pt_regs *regs = current_regs();
	struct two_paths p = { SYSCALL_ARG1(regs), AT_FDCWD, SYSCALL_ARG2(regs), 0 };

	return ctx->ret ? 0 : names_changed(&p, WIRE_FILE_UNLINK);
}

#endif
