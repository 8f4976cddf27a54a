/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A file in the hands of a process: which one it is, what it got with its program
 * on descriptors 0 to 2, and how long it was when it was given up. No program is
 * defined here; all of it runs only when file names are asked for.
 */
#ifndef TRACER_FILE_USE_BPF_H
#define TRACER_FILE_USE_BPF_H

#include "bpf/path.bpf.h"
#include "bpf/wait.bpf.h"

#define AT_FDCWD	    (-100)
#define FMODE_READ	    0x1
#define FMODE_WRITE	    0x2
#define FMODE_CREATED	    0x100000
#define PIPEFS_MAGIC	    0x50495045
#define INHERITED_FILES	    3
#define FILES_AT_EXIT_WORDS 4 /* of 64 descriptors: what is open when it ends */

/* Not a file of interest, unless KIND_REGULAR or more. */
enum use_kind { KIND_NONE, KIND_REGULAR, KIND_FIFO, KIND_PIPE };

static __always_inline enum use_kind kind_of(struct inode *inode)
{
	u32 mode = PEEK(inode, inode, i_mode) & S_IFMT;
	u64 magic;

	if (mode != S_IFREG && mode != S_IFIFO)
		return KIND_NONE;
	magic = PEEK(super_block, PEEK(inode, inode, i_sb), s_magic);
	if (mode == S_IFIFO)
		return magic == PIPEFS_MAGIC ? KIND_PIPE : KIND_FIFO;
	return magic == ANON_INODE_FS_MAGIC || is_pseudo_fs(magic) ? KIND_NONE : KIND_REGULAR;
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

static __always_inline bool is_library(struct file *file)
{
	struct dentry *dentry = PEEK(file, file, f_path.dentry);

	return is_library_name(address(PEEK(dentry, dentry, d_name.name)));
}

/* The place for one more, or NULL: the thread has had its share. */
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

static __always_inline void describe_file(struct wire_file_event *e, struct file *file,
					  enum use_kind kind)
{
	struct inode *inode = PEEK(file, file, f_inode);
	struct dentry *dentry = PEEK(file, file, f_path.dentry);
	u32 mode = PEEK(file, file, f_mode);

	e->inode = PEEK(inode, inode, i_ino);
	e->dev = PEEK(super_block, PEEK(inode, inode, i_sb), s_dev);
	e->access |= (mode & FMODE_READ ? WIRE_OPEN_READ : 0) |
		     (mode & FMODE_WRITE ? WIRE_OPEN_WRITE : 0) |
		     (kind == KIND_FIFO ? WIRE_FILE_FIFO : 0) |
		     (kind == KIND_PIPE ? WIRE_FILE_PIPE : 0);
	if (kind != KIND_REGULAR)
		return;
	e->size_bytes = PEEK(inode, inode, i_size);
	e->position_bytes = PEEK(file, file, f_pos);
	dentry = PEEK(dentry, dentry, d_parent);
	inode = PEEK(dentry, dentry, d_inode);
	e->dir_inode = PEEK(inode, inode, i_ino);
}

/* Bits of the descriptors 0 to 2 that are open, less those that its parent has just
 * the same: they are listed there. Looks at no inode: most processes have none. */
static __always_inline u32 own_descriptors(struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;
	struct thread *t = bpf_task_storage_get(&threads, parent, NULL, 0);
	bool observed = t && !(t->flags & THREAD_SPAWNER) && plain(parent)->files;
	u32 own = 0;

	for (u32 fd = 0; fd < INHERITED_FILES; fd++) {
		struct file *file = fd_file(task, fd);

		if (file && !(observed && fd_file(parent, fd) == file))
			own |= 1 << fd;
	}
	return own;
}

/* One of the descriptors 0 to 2, unless a lower one is of the same file. A global
 * function, as the next one: verified once, not for each way that leads to it. */
__noinline int file_inherited(struct thread *t, u32 fd, bool ends)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = fd_file(task, fd);
	u32 off = sizeof(struct wire_file_event);
	struct wire_file_event *e;
	enum use_kind kind;
	struct record *r;
	u32 on = 0;

	if (!t || !file)
		return 0;
	kind = kind_of(PEEK(file, file, f_inode));
	if (!kind || (ends && kind == KIND_REGULAR))
		return 0;
	for (u32 other = 0; other < INHERITED_FILES; other++)
		if (fd_file(task, other) == file)
			on |= 1 << other;
	if (on & ((1 << (fd & 3)) - 1))
		return 0;
	r = scratch_record(RECORD_MAIN);
	e = r ? begin_file_event(task, t, r, WIRE_FILE_INHERIT) : NULL;
	if (!e)
		return 0;
	describe_file(e, file, kind);
	e->descriptors = on;
	if (kind != KIND_PIPE)
		put_path(r, &off, PEEK(file, file, f_path.dentry), PEEK(file, file, f_path.mnt),
			 &e->path);
	send_record(r, off, LOSS_FILE);
	return 0;
}

/* Descriptors 0 to 2 at an exec, whoever opened them: an engine, a batch system,
 * a shell. Or at the end of a fork without a program of its own: which pipes it had. */
static __always_inline void files_inherited(struct thread *t, bool ends)
{
	for (u32 fd = 0; fd < INHERITED_FILES; fd++)
		if (t->own_files & (1 << fd))
			file_inherited(t, fd, ends);
}

static __always_inline void files_at_exec(struct task_struct *task, struct thread *t)
{
	t->own_files = own_descriptors(task);
	if (t->own_files)
		files_inherited(t, false);
}

/* The process itself has put a file on this descriptor. */
static __always_inline void note_own(struct thread *t, u32 fd)
{
	if (fd < INHERITED_FILES)
		t->own_files |= 1 << (fd & 3);
}

/* A descriptor is given up: how long the file is now, and how far it was read or
 * written in order. Which file it is says its inode. */
__noinline int file_left(struct thread *t, u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = fd_file(task, fd);
	struct inode *inode = file ? PEEK(file, file, f_inode) : NULL;
	struct wire_file_event *e;
	struct record *r;

	if (!t || !inode || kind_of(inode) != KIND_REGULAR)
		return 0;
	if (!(PEEK(file, file, f_mode) & FMODE_WRITE) &&
	    (!PEEK(file, file, f_pos) || is_library(file)))
		return 0;
	r = scratch_record(RECORD_MAIN);
	e = r ? begin_file_event(task, t, r, WIRE_FILE_CLOSE) : NULL;
	if (!e)
		return 0;
	describe_file(e, file, KIND_REGULAR);
	send_record(r, sizeof(*e), LOSS_FILE);
	return 0;
}

struct exit_walk {
	struct thread *t;
	u64 open;
	u32 fd;
};

/* Of a word that is not 0. */
__noinline int lowest_bit(u64 word)
{
	int bit = 0;

	for (u32 n = 32; n; n >>= 1) {
		if (word & ((1ULL << n) - 1))
			continue;
		word >>= n;
		bit += n;
	}
	return bit;
}

/* Descriptors may be far apart: straight to the next one. */
static long leave_next(u32 index, void *ctx)
{
	struct exit_walk *w = ctx;

	if (!w->open)
		return 1;
	file_left(w->t, w->fd + (lowest_bit(w->open) & 63));
	w->open &= w->open - 1;
	return 0;
}

/* The last thread of a process ends; its descriptors are still there. */
static __always_inline void files_at_exit(struct task_struct *task, struct thread *t)
{
	struct fdtable *fdt = plain(task)->files->fdt;
	u64 words = (u64)fdt->open_fds;
	struct exit_walk w = { .t = t };

	if (!t->execs) {
		t->own_files = own_descriptors(task);
		if (t->own_files)
			files_inherited(t, true);
	}
	for (u32 i = 0; i < FILES_AT_EXIT_WORDS; i++) {
		if (i * 64 >= fdt->max_fds)
			break;
		/* a number at the beginning of a type: a load instead of a helper call */
		w.open = PEEK(rb_node, words + i * 8, __rb_parent_color);
		if (!i)
			w.open &= ~(u64)((1 << INHERITED_FILES) - 1) | t->own_files;
		w.fd = i * 64;
		if (w.open)
			bpf_loop(64, leave_next, &w, 0);
	}
}

#endif
