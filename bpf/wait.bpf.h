/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a thread that switches out is waiting for. Runs only when it blocks;
 * decided by the task's state, its flags and the system call it is in. Which
 * call means what is a table from user space (src/collect/syscalls.c).
 */
#ifndef TRACER_WAIT_BPF_H
#define TRACER_WAIT_BPF_H

#include "bpf/common.bpf.h"

#define TASK_INTERRUPTIBLE     0x1
#define TASK_UNINTERRUPTIBLE   0x2
#define TASK_STOPPED_OR_TRACED (0x4 | 0x8)
#define TASK_NOLOAD	       0x400
#define TASK_FROZEN	       0x8000 /* since 6.1 */
#define PF_MEMALLOC	       0x00000800
#define PF_FROZEN	       0x00010000 /* until 6.0 */
#define PF_KTHREAD	       0x00200000
#define TS_COMPAT	       0x2 /* x86: inside a 32-bit system call, other numbers */

#define S_IFMT		    0170000
#define S_IFSOCK	    0140000
#define S_IFREG		    0100000
#define S_IFBLK		    0060000
#define S_IFDIR		    0040000
#define S_IFIFO		    0010000
#define ANON_INODE_FS_MAGIC 0x09041934
#define PROC_SUPER_MAGIC    0x9fa0
#define SYSFS_MAGIC	    0x62656572
#define CGROUP_SUPER_MAGIC  0x27e0eb
#define CGROUP2_SUPER_MAGIC 0x63677270
#define DEBUGFS_MAGIC	    0x64626720
#define TRACEFS_MAGIC	    0x74726163
#define EPOLL_NODES	    3
#define POLL_FDS	    4
#define AF_UNIX		    1

struct pollfd {
	int fd;
	short events, revents;
};

/* Files that the kernel makes up: nothing is stored there. */
static __always_inline bool is_pseudo_fs(u64 magic)
{
	switch (magic) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
		return true;
	}
	return false;
}

enum fd_kind { FD_NONE, FD_PIPE, FD_SOCKET, FD_FILE, FD_ANON, FD_OTHER };

static __always_inline enum fd_kind file_kind(struct file *file)
{
	struct inode *inode = PEEK(file, file, f_inode);
	u16 mode = PEEK(inode, inode, i_mode);
	u64 magic;

	switch (mode & S_IFMT) {
	case S_IFIFO:
		return FD_PIPE;
	case S_IFSOCK:
		return FD_SOCKET;
	case S_IFREG: /* since 6.17 anonymous inodes are regular files too */
		magic = PEEK(super_block, PEEK(inode, inode, i_sb), s_magic);
		if (magic == ANON_INODE_FS_MAGIC)
			return FD_ANON;
		return is_pseudo_fs(magic) ? FD_NONE : FD_FILE;
	case S_IFDIR:
	case S_IFBLK:
		return FD_FILE;
	case 0:
		return FD_ANON;
	}
	return FD_OTHER;
}

static __always_inline struct file *fd_file(struct task_struct *task, u32 fd)
{
	struct fdtable *fdt = plain(task)->files->fdt;
	struct file **files = fdt->fd;

	if (fd >= fdt->max_fds)
		return NULL;
	/* an element of an array of pointers, read as the first member of a type
	 * that begins with one: a load instead of a helper call */
	return (struct file *)PEEK(list_head, files + fd, next);
}

static __always_inline enum fd_kind fd_kind(struct task_struct *task, u32 fd)
{
	struct file *file = fd_file(task, fd);

	return file ? file_kind(file) : FD_NONE;
}

static __always_inline u32 wait_on_fd(struct task_struct *task, u32 fd)
{
	switch (fd_kind(task, fd)) {
	case FD_PIPE:
		return LEDGER_PIPE;
	case FD_SOCKET:
		return LEDGER_NET;
	case FD_FILE:
		return LEDGER_DISK;
	case FD_NONE:
		return LEDGER_OTHER;
	default:
		return LEDGER_POLL; /* terminals, eventfd, timerfd, inotify, ... */
	}
}

/* Waiting on sockets and on nothing else is net; anonymous inodes (eventfd and
 * the like) and sockets of this host (AF_UNIX: the pair by which asyncio wakes
 * itself) are an event loop's own plumbing and do not decide. */
static __always_inline u32 poll_state(bool socket, bool other)
{
	return socket && !other ? LEDGER_NET : LEDGER_POLL;
}

static __always_inline bool is_local_socket(struct file *file)
{
	struct socket *socket = PEEK(file, file, private_data);
	struct sock *sk = socket ? PEEK(socket, socket, sk) : NULL;

	return sk && PEEK(sock, sk, __sk_common.skc_family) == AF_UNIX;
}

static __always_inline void note_file(struct file *file, bool *socket, bool *other)
{
	enum fd_kind kind = file ? file_kind(file) : FD_NONE;

	if (kind == FD_SOCKET)
		*socket |= !is_local_socket(file);
	else if (kind != FD_ANON && kind != FD_NONE)
		*other = true;
}

static __noinline u32 wait_in_poll(struct task_struct *task, u64 user_fds, u64 count)
{
	struct pollfd fds[POLL_FDS] = {};
	bool socket = false, other = false;
	u32 n = count < POLL_FDS ? count : POLL_FDS;

	if (!n || bpf_probe_read_user(fds, n * sizeof(fds[0]), (void *)user_fds))
		return LEDGER_POLL;
	for (u32 i = 0; i < POLL_FDS; i++)
		if (i < n && fds[i].fd >= 0)
			note_file(fd_file(task, fds[i].fd), &socket, &other);
	return poll_state(socket, other);
}

/* The lowest descriptor of the read set, then of the write set. */
static __noinline u32 wait_in_select(struct task_struct *task, u64 user_read, u64 user_write)
{
	bool socket = false, other = false;
	u64 bits = 0, low;
	u32 fd = 0;

	if (user_read)
		bpf_probe_read_user(&bits, sizeof(bits), (void *)user_read);
	if (!bits && user_write)
		bpf_probe_read_user(&bits, sizeof(bits), (void *)user_write);
	if (!bits)
		return LEDGER_POLL;
	low = bits & -bits;
	fd += (low & 0xffffffff00000000ULL) ? 32 : 0;
	fd += (low & 0xffff0000ffff0000ULL) ? 16 : 0;
	fd += (low & 0xff00ff00ff00ff00ULL) ? 8 : 0;
	fd += (low & 0xf0f0f0f0f0f0f0f0ULL) ? 4 : 0;
	fd += (low & 0xccccccccccccccccULL) ? 2 : 0;
	fd += (low & 0xaaaaaaaaaaaaaaaaULL) ? 1 : 0;
	note_file(fd_file(task, fd), &socket, &other);
	return poll_state(socket, other);
}

/* Looks at the root of the interest tree and its two children: enough to tell
 * a server's loop from a supervisor's, without walking a tree of any size. */
static __noinline u32 wait_in_epoll(struct task_struct *task, u32 epfd)
{
	struct file *file = fd_file(task, epfd);
	struct eventpoll *ep = file ? BPF_CORE_READ(file, private_data) : NULL;
	struct rb_node *root = ep ? BPF_CORE_READ(ep, rbr.rb_root.rb_node) : NULL;
	struct rb_node *nodes[EPOLL_NODES] = {};
	bool socket = false, other = false;

	if (!root)
		return LEDGER_POLL;
	nodes[0] = root;
	nodes[1] = BPF_CORE_READ(root, rb_left);
	nodes[2] = BPF_CORE_READ(root, rb_right);
	for (int i = 0; i < EPOLL_NODES; i++) {
		struct epitem *item = (void *)nodes[i] - bpf_core_field_offset(struct epitem, rbn);

		if (!nodes[i])
			continue;
		file = BPF_CORE_READ(item, ffd.file);
		note_file(file, &socket, &other);
	}
	return poll_state(socket, other);
}

/* open(2) sleeps interruptibly for a FIFO without a peer, or for FUSE. */
static __noinline u32 wait_in_open(struct task_struct *task)
{
	struct dentry *dentry = BPF_CORE_READ(task, nameidata, path.dentry);
	u16 mode = dentry ? BPF_CORE_READ(dentry, d_inode, i_mode) : 0;

	return (mode & S_IFMT) == S_IFIFO ? LEDGER_PIPE : LEDGER_DISK;
}

static __always_inline bool has_children(struct task_struct *task)
{
	struct task_struct *leader = plain(task)->group_leader;
	struct list_head *first = leader->children.next;
	struct list_head *head =
		(void *)leader + bpf_core_field_offset(struct task_struct, children);

	return (u64)first != (u64)head;
}

static __always_inline u32 wait_by_class(struct task_struct *task, struct pt_regs *regs, u32 class,
					 u32 last)
{
	switch (class) {
	case SYSCALL_FD:
		return wait_on_fd(task, SYSCALL_ARG1(regs));
	case SYSCALL_NET:
		return LEDGER_NET;
	case SYSCALL_LOCK:
		return LEDGER_LOCK;
	case SYSCALL_CHILD:
		return LEDGER_CHILD;
	case SYSCALL_SLEEP:
		return LEDGER_SLEEP;
	case SYSCALL_SUSPEND:
		return has_children(task) ? LEDGER_CHILD : LEDGER_SLEEP;
	case SYSCALL_POLL:
		return wait_in_poll(task, SYSCALL_ARG1(regs), SYSCALL_ARG2(regs));
	case SYSCALL_SELECT:
		return wait_in_select(task, SYSCALL_ARG2(regs), SYSCALL_ARG3(regs));
	case SYSCALL_EPOLL:
		return wait_in_epoll(task, SYSCALL_ARG1(regs));
	case SYSCALL_PIPE:
		return LEDGER_PIPE;
	case SYSCALL_OPEN:
		return wait_in_open(task);
	case SYSCALL_PATH:
		return LEDGER_DISK;
	case SYSCALL_RESTART:
		return last;
	case SYSCALL_POLL_RING: /* marked while requests of files are under way */
		return BPF_CORE_READ_BITFIELD(task, in_iowait) ? LEDGER_DISK : LEDGER_POLL;
	}
	return LEDGER_OTHER;
}

/* Uninterruptible and not in block I/O. Inside a call on a file, pipe or socket
 * it is that object's lock or a file system's own wait (network and FUSE file
 * systems, journal commits): the cause is known. Anything else is not. */
static __always_inline u32 uninterruptible_state(u32 class, u32 wait)
{
	switch (class) {
	case SYSCALL_PATH:
	case SYSCALL_OPEN:
		return LEDGER_DISK;
	case SYSCALL_FD:
	case SYSCALL_NET:
	case SYSCALL_PIPE:
	case SYSCALL_CHILD:
		return wait;
	}
	return LEDGER_OTHER;
}

static __always_inline bool is_stopped(struct task_struct *task, u32 state)
{
	return (state & (TASK_STOPPED_OR_TRACED | TASK_FROZEN)) || (task->flags & PF_FROZEN);
}

/* The v2 freezer. The bit is also set while a vfork waits for its child, but then
 * the sleep is uninterruptible. */
static __always_inline bool is_frozen(struct task_struct *task)
{
	return bpf_core_field_exists(struct task_struct, frozen) &&
	       BPF_CORE_READ_BITFIELD(task, frozen);
}

/* Direct reclaim, the throttling of memory.high, swap-in and refaults: what PSI
 * counts as a memory stall. */
static __always_inline bool is_reclaiming(struct task_struct *task)
{
	if (task->flags & PF_KTHREAD)
		return false;
	if (task->flags & PF_MEMALLOC)
		return true;
	return bpf_core_field_exists(struct task_struct, in_memstall) &&
	       BPF_CORE_READ_BITFIELD(task, in_memstall);
}

static __always_inline bool is_compat(struct task_struct *task)
{
	if (bpf_core_field_exists(struct thread_info, status))
		return task->thread_info.status & TS_COMPAT;
	return false;
}

/* *last_wait: the last state that a system call decided; a call restarted after
 * a signal goes on with it. */
static __always_inline u32 classify(struct task_struct *task, u32 state, u32 *last_wait)
{
	struct pt_regs *regs;
	u32 class = SYSCALL_UNKNOWN, wait;
	long nr;

	if (is_stopped(task, state))
		return LEDGER_STOPPED;
	if (state & TASK_UNINTERRUPTIBLE) {
		if (is_reclaiming(task))
			return LEDGER_RECLAIM;
		if (BPF_CORE_READ_BITFIELD(task, in_iowait))
			return LEDGER_DISK;
	} else if (is_frozen(task)) {
		return LEDGER_STOPPED;
	}
	if (task->flags & PF_KTHREAD)
		return (state & TASK_UNINTERRUPTIBLE) && !(state & TASK_NOLOAD) ? LEDGER_OTHER
										: LEDGER_SLEEP;
	if (is_compat(task))
		return LEDGER_OTHER;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	nr = SYSCALL_NR(regs);
	if (nr >= 0 && nr < SYSCALL_CLASSES)
		class = cfg_syscall_class[nr];
	wait = wait_by_class(task, regs, class, *last_wait);
	if (state & TASK_UNINTERRUPTIBLE)
		return uninterruptible_state(class, wait);
	*last_wait = wait;
	return wait;
}

#endif
