/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The event stream: what the collector says, to the recorder's pipe and to an
 * event log on disk alike (docs/event-log.md). Shared by BPF and user space.
 *
 * A stream is one `struct wire_file` and then records. Every record starts with
 * `struct wire_header`, is a multiple of 8 bytes long and in host byte order.
 * Readers skip types that they do not know; a change of meaning or of a field's
 * place raises WIRE_VERSION. Strings are raw bytes, not necessarily UTF-8.
 */
#ifndef TRACER_WIRE_H
#define TRACER_WIRE_H

#ifndef __bpf__
#include <stdint.h>
typedef uint8_t __wu8;
typedef uint16_t __wu16;
typedef uint32_t __wu32;
typedef int32_t __ws32;
typedef uint64_t __wu64;
typedef int64_t __ws64;
#else
typedef unsigned char __wu8;
typedef unsigned short __wu16;
typedef unsigned int __wu32;
typedef int __ws32;
typedef unsigned long long __wu64;
typedef long long __ws64;
#endif

#define WIRE_MAGIC	0x31474c5254ULL /* "TRLG1", little endian */
#define WIRE_VERSION	2
#define WIRE_COMM_LEN	16
#define WIRE_ARGV_MAX	8192 /* bytes of argv kept; the true length is always sent */
#define WIRE_PATH_MAX	1024 /* bytes of one path kept */
#define WIRE_ENV_MAX	2048 /* bytes of allow-listed NAME=value pairs kept */
#define WIRE_TEXT_MAX	8192 /* bytes of an engine's text in one record */
#define WIRE_RECORD_MAX 16384

struct wire_file {
	__wu64 magic;
	__wu32 version;
	__wu32 header_size; /* sizeof(struct wire_file): records start here */
};

enum wire_type {
	WIRE_RUN_BEGIN = 1, /* what is observed, by whom */
	WIRE_HOST,	    /* machine, clocks, features; once, before any process */
	WIRE_FORK,	    /* a new process (never a thread) */
	WIRE_EXEC,	    /* a process runs another program */
	WIRE_EXIT,	    /* a process has finished using CPU: its totals */
	WIRE_RENAME,	    /* a process changed its comm or its argv (title) */
	WIRE_SAMPLE,	    /* totals so far of one live thread */
	WIRE_FILE,	    /* a file was opened, closed, inherited, renamed, unlinked */
	WIRE_CGROUP,	    /* path of a cgroup id, once per id */
	WIRE_OOM,	    /* the kernel chose a victim */
	WIRE_SIGNAL,	    /* a deadly signal was sent to a process */
	WIRE_LOSS,	    /* counters of what could not be recorded, cumulative */
	WIRE_CPU,	    /* host totals (whole-host recording) */
	WIRE_CLOCK,	    /* the wall clock moved against CLOCK_BOOTTIME */
	WIRE_RUN_END,	    /* the command ended; observation is complete */
	WIRE_TEXT,	    /* lines that rules use of a file that an engine wrote */
	WIRE_STALL,	    /* no progress of a unit of work, and on what; and its end */
};

struct wire_header {
	__wu32 size;	/* of the whole record, a multiple of 8 */
	__wu16 type;	/* enum wire_type */
	__wu16 flags;	/* WIRE_F_* */
	__wu64 time_ns; /* CLOCK_BOOTTIME */
};

#define WIRE_F_JOINED	      0x0001 /* existed before observation began */
#define WIRE_F_ROOT	      0x0002 /* FORK: the observed command itself */
#define WIRE_F_KTHREAD	      0x0004 /* a kernel thread */
#define WIRE_F_ARGV_TRUNCATED 0x0008
#define WIRE_F_PATH_TRUNCATED 0x0010
#define WIRE_F_ENV_TRUNCATED  0x0020
#define WIRE_F_INCOMPLETE     0x0040 /* part of this process's ledger was lost */
#define WIRE_F_LAST	      0x0080 /* SAMPLE: taken because observation ends */
#define WIRE_F_THREAD_EXEC    0x0100 /* EXEC: called by a thread that was not the leader */
#define WIRE_F_ADOPTED	      0x0200 /* FORK: a daemon's child, started for somebody in the tree */

/* A process is (tgid, start), never a pid alone; start is CLOCK_BOOTTIME in ns. */
struct wire_id {
	__wu64 start_ns;
	__wu32 pid; /* tgid in the initial pid namespace */
	__wu32 pad;
};

/* Every ns of every thread is in exactly one of these (DESIGN section 3). */
enum ledger_state {
	LEDGER_CPU,
	LEDGER_RUNQ,
	LEDGER_DISK,
	LEDGER_NET,
	LEDGER_PIPE,
	LEDGER_LOCK,
	LEDGER_CHILD,
	LEDGER_SLEEP,
	LEDGER_POLL,
	LEDGER_RECLAIM,
	LEDGER_STOPPED,
	LEDGER_OTHER,
	LEDGER_STATES
};

/*
 * Totals of a process (EXIT, EXEC: since its fork) or of one thread (SAMPLE).
 * sum(state_ns) == thread_ns always. state_ns[LEDGER_CPU] is the kernel's
 * se.sum_exec_runtime. utime/stime are the kernel's tick samples and only give
 * the user:system ratio.
 */
struct wire_ledger {
	__wu64 state_ns[LEDGER_STATES];
	__wu64 thread_ns; /* summed lifetime of its threads */
	__wu64 utime_ns;
	__wu64 stime_ns;
	__wu64 minor_faults;
	__wu64 major_faults;
	__wu64 switches_voluntary;
	__wu64 switches_involuntary;
	__wu64 read_bytes;  /* fetched from storage (task_io_accounting) */
	__wu64 write_bytes; /* dirtied, or sent directly, towards storage */
	__wu64 cancelled_write_bytes;
	__wu64 rchar_bytes; /* through read-like calls */
	__wu64 wchar_bytes;
	__wu64 read_calls;
	__wu64 write_calls;
	__wu64 net_rx_bytes; /* socket payload, all families but netlink */
	__wu64 net_tx_bytes;
	__wu64 direct_reclaim_ns; /* wall time inside direct reclaim, CPU included */
	__wu64 disk_waits;	  /* number of waits booked under LEDGER_DISK */
};

struct wire_string { /* a slice of the record, from its start; len 0: absent */
	__wu16 off;
	__wu16 len;
};

struct wire_fork {
	struct wire_header h;
	struct wire_id id;
	struct wire_id parent; /* who called fork, before any re-parenting */
	__wu32 uid;
	__wu32 gid;
	__wu64 cgroup_id;
	char comm[WIRE_COMM_LEN];
};

/* Paths (cwd, exe) are components from the leaf to the root, each ended by NUL;
 * event_path() turns them round. */
struct wire_exec {
	struct wire_header h;
	struct wire_id id;
	struct wire_id parent; /* forking parent, as in FORK */
	__wu32 uid;
	__wu32 gid;
	__wu32 real_ppid;  /* at this moment, after any re-parenting */
	__wu32 nspid;	   /* pid in its own pid namespace */
	__wu64 cgroup_id;  /* the most telling hierarchy on v1 and hybrid hosts */
	__wu64 cgroup2_id; /* the v2 hierarchy */
	__wu32 pid_ns;	   /* inode numbers */
	__wu32 mnt_ns;
	__wu32 user_ns;
	__wu32 uts_ns;
	__wu32 argv_len;     /* true length of argv in bytes */
	__wu32 argc;	     /* arguments within the kept part; 0: not counted */
	__wu64 maxrss_bytes; /* high-water mark of what it was before this exec */
	char comm[WIRE_COMM_LEN];
	struct wire_string file;     /* as passed to exec; for #! the script */
	struct wire_string interp;   /* the binary that was loaded, as named */
	struct wire_string exe;	     /* components of the loaded binary's path */
	struct wire_string cwd;	     /* components */
	struct wire_string argv;     /* arguments, each ended by NUL */
	struct wire_string env;	     /* allow-listed NAME=value, each ended by NUL */
	struct wire_string nodename; /* only where its UTS namespace is not the host's */
	struct wire_string cwd_host; /* components; where its mount namespace is not the
				      * host's: the directory from its file system's root */
	struct wire_ledger ledger;   /* up to this exec */
				     /* strings follow */
};

struct wire_exit {
	struct wire_header h;
	struct wire_id id;
	struct wire_id parent;
	__wu32 uid;
	__wu32 gid;
	__wu32 status; /* as wait4 reports it */
	__wu32 threads_peak;
	__wu32 threads_total; /* ever created, its first included */
	__wu32 oom_killed;
	__wu32 execs;
	__wu32 file_events_dropped; /* beyond the per-process limit */
	__wu64 cgroup_id;
	__wu64 maxrss_bytes;  /* ru_maxrss: the kernel's high-water mark */
	__wu64 mm_peak_bytes; /* of the last program alone; 0: not known */
	__wu32 killer_pid;    /* who sent the deadly signal; 0: not known */
	__wu32 lib_opens;     /* shared libraries opened: counted, not listed */
	char comm[WIRE_COMM_LEN];
	struct wire_ledger ledger;
	/* header.time_ns is the last switch-out: when it stopped using CPU */
};

struct wire_rename {
	struct wire_header h;
	struct wire_id id;
	char comm[WIRE_COMM_LEN];
	__wu32 argv_len;
	struct wire_string argv;
	struct wire_ledger ledger; /* up to this moment */
				   /* string follows */
};

/* One record a live thread and sweep; a process's live totals are the sum. */
struct wire_sample {
	struct wire_header h;
	struct wire_id id;
	struct wire_id parent;
	__wu32 tid;
	__wu32 sweep;	/* number of the walk over all threads */
	__wu32 threads; /* of the process, now */
	__wu32 threads_peak;
	__wu32 threads_total;
	__wu32 state; /* enum ledger_state it is in now */
	__wu32 uid;
	__wu32 gid;
	__wu64 cgroup_id;
	__wu64 rss_bytes;    /* of the process, now */
	__wu64 maxrss_bytes; /* so far */
	char comm[WIRE_COMM_LEN];
	struct wire_ledger ledger;
};

enum wire_file_op {
	WIRE_FILE_OPEN,
	WIRE_FILE_RENAME,
	WIRE_FILE_UNLINK,
	WIRE_FILE_CLOSE,    /* a descriptor was given up: size and position then; no path */
	WIRE_FILE_INHERIT,  /* a program began, or a fork ended, with it on descriptor 0, 1 or 2 */
	WIRE_FILE_LINK,	    /* path2 is another name of path */
	WIRE_FILE_SYMLINK,  /* path2 points to path, which is as written */
	WIRE_FILE_TRUNCATE, /* by path */
	WIRE_FILE_EXCHANGE, /* path and path2 changed places */
	WIRE_FILE_MKDIR,
	WIRE_FILE_RMDIR,
	WIRE_FILE_RING /* io_uring opened or renamed something that it does not name */
};
#define WIRE_OPEN_READ	    0x1
#define WIRE_OPEN_WRITE	    0x2
#define WIRE_OPEN_CREATED   0x4
#define WIRE_OPEN_TRUNCATED 0x8
#define WIRE_PATH_IS_TEXT   0x10 /* path is as the program wrote it: resolve against dir */
#define WIRE_PATH2_IS_TEXT  0x20
#define WIRE_FILE_FIFO	    0x40 /* a named pipe */
#define WIRE_FILE_PIPE	    0x80 /* a pipe without a name: no path, but an inode */

struct wire_file_event {
	struct wire_header h;
	struct wire_id id;
	__wu64 inode;
	__wu64 size_bytes;	  /* at this moment */
	__wu64 position_bytes;	  /* of the descriptor: as far as it went in order */
	__wu64 dir_inode;	  /* of the directory that holds the file; 0: not known */
	__wu32 dev;		  /* kernel encoding: major << 20 | minor */
	__ws32 error;		  /* 0, or errno of a failed call */
	__wu16 op;		  /* enum wire_file_op */
	__wu16 access;		  /* WIRE_OPEN_*, WIRE_FILE_* */
	__wu32 descriptors;	  /* INHERIT: bit n: it is on descriptor n */
	struct wire_string path;  /* components, or text */
	struct wire_string path2; /* the new name, where there are two */
	struct wire_string dir;	  /* components of the directory that text paths start at */
	struct wire_string dir2;
};

struct wire_cgroup {
	struct wire_header h;
	__wu64 cgroup_id;
	__wu32 hierarchy;	   /* cgroup_root.hierarchy_id */
	struct wire_string path;   /* components */
	__wu64 memory_limit_bytes; /* of it or the nearest above it; 0: none, or not known */
	__wu64 cpu_limit_milli;	   /* thousandths of a CPU that its quota allows; 0: the same */
};

struct wire_oom {
	struct wire_header h;
	struct wire_id victim;
	__wu64 cgroup_id;	/* the victim's memory cgroup */
	__wu64 limit_cgroup_id; /* the one at its limit; 0: the whole host ran out */
	__wu64 limit_bytes;
	__wu64 usage_bytes;
	__wu64 rss_bytes;   /* the victim's */
	__wu32 trigger_pid; /* whose allocation failed */
	__wu32 uid;
	char comm[WIRE_COMM_LEN];
};

struct wire_signal {
	struct wire_header h;
	struct wire_id target;
	__wu32 sender_pid; /* 0: the kernel */
	__wu32 signal;
	char sender_comm[WIRE_COMM_LEN];
};

enum wire_loss_kind {
	LOSS_FORK,
	LOSS_EXEC,
	LOSS_EXIT,
	LOSS_RENAME,
	LOSS_FILE,
	LOSS_CGROUP,
	LOSS_INCIDENT,
	LOSS_THREAD_STATE, /* a thread without storage: its time is not in the ledger */
	LOSS_GROUP_STATE,  /* a multi-threaded process without an accumulator */
	LOSS_ARGV,	   /* argv or environment could not be read */
	LOSS_PATH,	   /* a path could not be read whole */
	LOSS_CLOCK,	   /* an interval whose parts did not fit was clamped */
	LOSS_KINDS
};

struct wire_loss {
	struct wire_header h;
	__wu64 count[LOSS_KINDS]; /* since observation began */
};

/* What the collector can measure here: a field without its bit is unknown. */
#define FEATURE_NET_BYTES  0x0001 /* sock_send_length, sock_recv_length */
#define FEATURE_FILES	   0x0002 /* opens, renames, unlinks are reported */
#define FEATURE_RECLAIM	   0x0004
#define FEATURE_OOM	   0x0008 /* victims are marked; their limit has its own record */
#define FEATURE_IO_BYTES   0x0010 /* task_io_accounting */
#define FEATURE_RUNQ	   0x0020 /* sched_info: run queue apart from waiting */
#define FEATURE_SIGNALS	   0x0040
#define FEATURE_CPU_EXACT  0x0080 /* teardown included: record at last switch-out */
#define FEATURE_WAIT_CLASS 0x0100 /* the syscall that waits is known */
#define FEATURE_ENV	   0x0200 /* allow-listed environment */
#define FEATURE_RING_FILES 0x0400 /* FEATURE_FILES includes opens by io_uring */

struct wire_host {
	struct wire_header h;
	__ws64 realtime_offset_ns; /* Unix time = time_ns + this */
	__wu64 features;
	__wu64 memory_bytes;
	__wu32 cpus;
	__wu32 page_size;
	__wu32 all_processes; /* 1: the whole host, 0: one process tree */
	__wu32 collector;     /* enum wire_collector */
	char boot_id[40];
	char hostname[72];
	char kernel[72];
	char arch[16];
	char version[32]; /* of tracer */
};

enum wire_collector { COLLECTOR_EBPF = 1, COLLECTOR_PTRACE = 2, COLLECTOR_NONE = 3 };

struct wire_run_begin {
	struct wire_header h;
	__ws64 unix_ns;
	__wu32 uid; /* of the invoking user */
	__wu32 gid;
	char run_uid[24];
	struct wire_string name; /* given with --name; len 0: none */
	struct wire_string argv;
	struct wire_string cwd; /* plain path */
	struct wire_string user;
	struct wire_string labels; /* KEY=VALUE, each ended by NUL */
	struct wire_string pad;
};

struct wire_cpu { /* whole-host recording: the books of the machine */
	struct wire_header h;
	__wu64 elapsed_ns;     /* wall time since observation began */
	__wu64 idle_ns;	       /* summed over CPUs, by the scheduler's own clock */
	__wu64 process_ns;     /* CPU of ended processes and kernel threads ... */
	__wu64 live_ns;	       /* ... and of those alive */
	__wu64 kernel_busy_ns; /* the kernel's own total (root cgroup); 0: not known */
	__wu64 stolen_ns;      /* interrupts and the hypervisor's, as the scheduler sees it */
	__wu32 cpus;
	__wu32 pad;
};

struct wire_clock {
	struct wire_header h;
	__ws64 realtime_offset_ns;
};

struct wire_run_end {
	struct wire_header h;
	__ws64 unix_ns;
	__wu32 status;	      /* wait4 status of the command */
	__wu32 reason;	      /* enum wire_end_reason */
	__wu32 still_running; /* processes of the run that outlive it */
	__wu32 pad;
	__wu64 command_cpu_ns;	   /* wait4 rusage of the command and its waited-for children */
	__wu64 collector_cpu_ns;   /* our own cost, loading included */
	__wu64 collector_start_ns; /* of it, before the command began */
	__wu64 bpf_run_ns;	   /* with kernel.bpf_stats_enabled; 0: not measured */
	__wu64 bpf_runs;
	struct wire_string note; /* text for the report */
	struct wire_string pad2;
};

/* Made by the recorder, not by the collector (content tier, docs/privacy.md). */
struct wire_text {
	struct wire_header h;	 /* time of the record before it */
	struct wire_string path; /* plain path */
	struct wire_string text; /* whole lines */
				 /* strings follow */
};

/* Made by the recorder: a task, the command or a process has made no progress for as
 * long as --stall-after says; again, with the same `since_ns`, when that is over. */
enum wire_stall_unit { STALL_RUN, STALL_TASK, STALL_PROCESS };
enum wire_stall_end { STALL_GOES_ON, STALL_RESUMED, STALL_EXITED };

struct wire_stall {
	struct wire_header h;	  /* time of the sample that told it, or of its end */
	struct wire_id id;	  /* the process where the chain begins */
	__wu64 since_ns;	  /* the last progress */
	__wu32 unit;		  /* enum wire_stall_unit */
	__wu32 end;		  /* enum wire_stall_end */
	__wu32 processes;	  /* alive in it */
	__wu32 state;		  /* enum ledger_state that process is in */
	struct wire_string steps; /* up to 16 struct wire_stall_step, not aligned */
	struct wire_string pad;
};

/* What one process of the chain waits for; the next step is who it waits for. */
enum wire_wait {
	WAIT_UNKNOWN, /* it could not be looked at */
	WAIT_RUNNING,
	WAIT_PIPE_READ,
	WAIT_PIPE_WRITE,
	WAIT_FIFO_OPEN, /* until somebody opens the other end */
	WAIT_FILE,	/* of a file system */
	WAIT_CONNECT,
	WAIT_RECEIVE,
	WAIT_SEND,
	WAIT_ACCEPT,
	WAIT_FUTEX,
	WAIT_FILE_LOCK,
	WAIT_CHILD,
	WAIT_SLEEP,
	WAIT_POLL,
	WAIT_STOPPED, /* SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU */
	WAIT_TRACED,  /* held by a debugger */
	WAIT_FROZEN,  /* its cgroup is */
	WAIT_KERNEL,  /* object: the function of the kernel */
	WAIT_TERMINAL,
	WAIT_SIGNAL,
	WAIT_DEVICE,
	WAIT_IPC, /* System V semaphores and messages, POSIX queues */
	WAITS
};

#define STALL_STEPS_MAX 16
#define STEP_NOBODY	0x01  /* nobody who can be seen holds the other end */
#define STEP_ITSELF	0x02  /* only the process itself holds the other end */
#define STEP_DENIED	0x04  /* looking at it was not permitted */
#define STEP_TIMEOUT	0x08  /* number: ns after which it goes on by itself */
#define STEP_UNTIL	0x10  /* number: that time of the clock, Unix ns */
#define STEP_BESIDE	0x20  /* not waited for by the step before: a child of its */
#define STEP_CYCLE	0x40  /* it waits for an earlier step in turn */
#define STEP_NO_ANSWER	0x80  /* looking at it hung, and was given up */
#define STEP_SLOW	0x100 /* looking took too long: there may be more to say */

struct wire_stall_step {
	__wu32 pid;
	__wu16 wait;  /* enum wire_wait */
	__wu16 flags; /* STEP_* */
	__wu64 number;
	char comm[WIRE_COMM_LEN];
	char object[224]; /* path, address, "pipe:[INODE]"; NUL-ended */
};

enum wire_end_reason { END_COMPLETE, END_INTERRUPTED, END_COLLECTOR_FAILED };

#ifdef __cplusplus
#define WIRE_ASSERT static_assert
#else
#define WIRE_ASSERT _Static_assert
#endif
WIRE_ASSERT(sizeof(struct wire_header) == 16, "wire_header");
WIRE_ASSERT(sizeof(struct wire_id) == 16, "wire_id");
WIRE_ASSERT(sizeof(struct wire_ledger) == 8 * (LEDGER_STATES + 18), "wire_ledger");
WIRE_ASSERT(sizeof(struct wire_fork) == 80, "wire_fork");
WIRE_ASSERT(sizeof(struct wire_exec) % 8 == 0, "wire_exec");
WIRE_ASSERT(sizeof(struct wire_exit) % 8 == 0, "wire_exit");
WIRE_ASSERT(sizeof(struct wire_rename) % 8 == 0, "wire_rename");
WIRE_ASSERT(sizeof(struct wire_sample) % 8 == 0, "wire_sample");
WIRE_ASSERT(sizeof(struct wire_file_event) % 8 == 0, "wire_file_event");
WIRE_ASSERT(sizeof(struct wire_cgroup) % 8 == 0, "wire_cgroup");
WIRE_ASSERT(sizeof(struct wire_oom) % 8 == 0, "wire_oom");
WIRE_ASSERT(sizeof(struct wire_signal) % 8 == 0, "wire_signal");
WIRE_ASSERT(sizeof(struct wire_loss) % 8 == 0, "wire_loss");
WIRE_ASSERT(sizeof(struct wire_host) % 8 == 0, "wire_host");
WIRE_ASSERT(sizeof(struct wire_run_begin) % 8 == 0, "wire_run_begin");
WIRE_ASSERT(sizeof(struct wire_cpu) % 8 == 0, "wire_cpu");
WIRE_ASSERT(sizeof(struct wire_run_end) % 8 == 0, "wire_run_end");
WIRE_ASSERT(sizeof(struct wire_text) == 24, "wire_text");
WIRE_ASSERT(sizeof(struct wire_stall) == 64, "wire_stall");
WIRE_ASSERT(sizeof(struct wire_stall_step) == 256, "wire_stall_step");

#endif
