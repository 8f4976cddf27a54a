/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * State that BPF keeps and the loader initialises: not part of the stream.
 */
#ifndef TRACER_BPF_STATE_H
#define TRACER_BPF_STATE_H

#include "bpf/wire.h"

#define SYSCALL_CLASSES 512

/* What a thread is waiting for when it blocks inside this system call. */
enum syscall_class {
	SYSCALL_UNKNOWN,
	SYSCALL_FD, /* first argument is a descriptor: its type decides */
	SYSCALL_NET,
	SYSCALL_LOCK,
	SYSCALL_CHILD, /* wait*; clone and vfork while the child borrows the mm */
	SYSCALL_SLEEP,
	SYSCALL_SUSPEND, /* sigsuspend, pause: child if there are children */
	SYSCALL_POLL,
	SYSCALL_SELECT,
	SYSCALL_EPOLL,
	SYSCALL_PIPE,
	SYSCALL_OPEN,	 /* a path: file system, or a FIFO without a peer */
	SYSCALL_PATH,	 /* file system */
	SYSCALL_RESTART, /* the wait that a signal interrupted goes on */
	SYSCALL_EXEC,
	SYSCALL_POLL_RING, /* io_uring: completions of any kind */
};

/* System calls that open, close or rename: one program serves several of them. */
enum file_call {
	FILE_CALL_NONE,
	FILE_CALL_OPEN,
	FILE_CALL_OPENAT,
	FILE_CALL_OPENAT2,
	FILE_CALL_CREAT,
	FILE_CALL_OPEN_BY_HANDLE,
	FILE_CALL_CLOSE,
	FILE_CALL_DUP2, /* and dup3 */
	FILE_CALL_RENAME,
	FILE_CALL_RENAMEAT,
	FILE_CALL_RENAMEAT2,
	FILE_CALL_UNLINK,
	FILE_CALL_UNLINKAT,
	FILE_CALL_LINK,
	FILE_CALL_LINKAT,
	FILE_CALL_SYMLINK,
	FILE_CALL_SYMLINKAT,
	FILE_CALL_TRUNCATE,
	FILE_CALL_MKDIR,
	FILE_CALL_MKDIRAT,
	FILE_CALL_RMDIR,
	FILE_CALL_WRITE, /* and all that put data into their first descriptor */
	FILE_CALL_COPY_RANGE,
};

#define THREAD_SPAWNER	  0x01 /* our own process: its children are the command */
#define THREAD_GROUPED	  0x02 /* its process has an entry in `groups` */
#define THREAD_ENV_PARENT 0x04 /* environment of its children's programs is read */
#define THREAD_READ_ENV	  0x08 /* child of such a parent: at the next exec */
#define THREAD_JOINED	  0x10 /* existed before observation began */
#define THREAD_DONE	  0x20 /* has switched out for the last time */
#define THREAD_INCOMPLETE 0x40

/* One thread. Times are of the run queue's clock (rq->clock). */
struct thread {
	__wu64 off_clock;  /* last switch-out; 0: has not run yet */
	__wu64 born_clock; /* first time runnable, or when we joined */
	__wu64 run_delay;  /* sched_info.run_delay at off_clock */
	__wu64 runtime;	   /* se.sum_exec_runtime at off_clock */
	__wu64 state_ns[LEDGER_STATES];
	__wu64 net_rx_bytes, net_tx_bytes;
	__wu64 reclaim_ns, reclaim_since;
	__wu64 disk_waits;
	__wu64 parent_start_ns;
	__wu64 mm_peak_bytes;
	__wu64 cgroup_id;
	__wu32 parent_pid;
	__wu32 flags;	  /* THREAD_* */
	__wu32 wait;	  /* enum ledger_state since off_clock */
	__wu32 last_wait; /* the last one that a system call decided */
	__wu32 execs;
	__wu32 lib_opens;
	__wu32 file_events, file_events_dropped;
	__wu32 killer_pid;
	__wu32 own_files; /* bits of descriptors 0 to 2 that are not its parent's as well */
};

/* Sums over the ended threads of a process. */
struct group {
	__wu32 live, peak, total;
	__wu32 lib_opens, file_events_dropped, killer_pid;
	__wu64 mm_peak_bytes;
	struct wire_ledger sum;
};

/* What a thread had used before we joined it: subtracted from its totals. */
struct baseline {
	struct wire_ledger ledger;
};

struct cpu_time {
	__wu64 idle_ns;
	__wu64 idle_since;    /* rq->clock; 0: not idle */
	__wu64 stolen_ns;     /* rq->clock - rq->clock_task at the last switch ... */
	__wu64 stolen_before; /* ... and at the first */
	__wu64 last_clock;    /* the last switch, and the task that it was to */
	__wu64 last_task, last_runtime;
	__ws64 last_pid;
	__wu64 switched;     /* this CPU has switched since we began */
	__wu64 ended_cpu_ns; /* CPU of processes that have ended */
};

#define ENV_NAME_MAX 40
#define ENV_PAIR_MAX 296
struct env_name {
	char name[ENV_NAME_MAX];
};

struct comm_key {
	char comm[WIRE_COMM_LEN];
};

#endif
