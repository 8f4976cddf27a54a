/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows that tracking produces and the store keeps. Plain data: no function
 * here does I/O. Pointers are borrowed: valid only during the call that passes
 * the row. Sizes are bytes, times Unix ns (0: unknown or not yet), ids > 0.
 */
#ifndef TRACER_MODEL_ROWS_H
#define TRACER_MODEL_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/wire.h"

/* A byte string that need not end in NUL; data == NULL: unknown. */
struct bytes {
	const char *data;
	size_t len;
};

enum run_status { RUN_RUNNING, RUN_SUCCEEDED, RUN_FAILED, RUN_CANCELLED, RUN_INTERRUPTED };
enum task_status {
	TASK_STATUS_RUNNING,
	TASK_STATUS_SUCCEEDED,
	TASK_STATUS_FAILED,
	TASK_STATUS_CANCELLED,
	TASK_STATUS_OOM,
	TASK_STATUS_UNKNOWN
};

/* One step on the way from the recording to a process. */
enum scope_kind {
	SCOPE_RUN, /* of an engine */
	SCOPE_ALLOCATION,
	SCOPE_CONTAINER,
	SCOPE_SESSION,
	SCOPE_TASK,
	SCOPE_MARK, /* only tells where in its task something is */
	SCOPE_KINDS
};
enum task_kind { TASK_OF_ENGINE, TASK_ALLOCATION };

struct completeness {
	uint64_t lost[LOSS_KINDS]; /* as counted by the collector */
	uint64_t processes_lost;   /* known to have existed, end never seen */
	uint64_t joined_late;	   /* existed before observation began */
	uint64_t still_running;	   /* outlive the observation */
	uint64_t without_parent;   /* parent not known: placed at the run itself */
	uint64_t rows_lost;	   /* could not be stored */
	uint64_t files_folded;	   /* file rows beyond the limit, only counted */
};

/* The path of TEXT records (KEY=VALUE lines) that say what machine a run is on: no
 * file has a name without a '/'. */
#define MACHINE_TEXT "tracer:machine"

struct run_row {
	int64_t id;
	const char *uid; /* 8 hex digits: what users type */
	const char *name;
	const char *pipeline; /* NULL: not known */
	const char *engine;   /* "snakemake", "make", ...; NULL: none recognised */
	struct bytes argv;    /* NUL-ended arguments */
	const char *cwd;
	const char *user;
	const char *labels; /* JSON object or NULL */
	uint32_t user_id;
	uint64_t start_ns, end_ns;
	enum run_status status;
	int exit_code;	    /* -1: none */
	int signal;	    /* 0: none */
	uint64_t features;  /* FEATURE_*; a field without its bit is unknown */
	uint32_t collector; /* enum wire_collector */
	bool replayed;
	const char *boot_id, *hostname, *kernel, *arch;
	uint32_t cpus;
	uint64_t memory_bytes;
	uint64_t command_cpu_ns, collector_cpu_ns, recorder_cpu_ns, bpf_run_ns;
	uint64_t collector_start_ns; /* of collector_cpu_ns, before the command began */
	uint64_t processes, execs;
	uint64_t peak_rss_bytes; /* largest of any one process */
	struct wire_ledger ledger;
	struct completeness completeness;
	const char *notes;   /* JSON array of strings or NULL */
	const char *machine; /* JSON object (docs/database.md), or NULL: not told */
};

struct process_row {
	int64_t id;	/* run_id << 32 | sequence number; the same in every replay */
	int64_t parent; /* 0: outside the run */
	int64_t run_id;
	int64_t task;  /* 0: none; derived */
	int64_t tool;  /* 0: none; derived; of its last significant segment */
	int64_t scope; /* innermost; 0: the recording itself; derived */
	uint32_t pid, ppid, uid, gid;
	uint64_t start_ns, end_ns;
	uint64_t start_boot_ns; /* with pid and the host's boot id: the identity */
	int exit_code;		/* -1: unknown or killed */
	int signal;		/* 0: none */
	bool oom_killed, core_dumped;
	bool complete; /* false if any part was lost */
	bool joined_late, kernel_thread, thread_exec;
	uint32_t execs;
	uint32_t threads_peak, threads_total;
	uint64_t peak_rss_bytes;	 /* 0: unknown */
	uint64_t program_peak_rss_bytes; /* of the last program alone; 0: unknown */
	uint64_t cgroup_id;
	uint32_t killer_pid;
	uint32_t lib_opens, file_events_dropped;
	const char *comm;
	const char *container; /* NULL: none */
	struct wire_ledger ledger;
};

struct exec_row { /* one program that a process ran */
	int64_t process;
	uint32_t n;   /* 1, 2, ... */
	int64_t tool; /* 0: none; derived */
	uint64_t time_ns;
	const char *comm, *file, *exe, *cwd; /* NULL: unknown */
	const char *cwd_host; /* in another mount namespace: from its file system's root */
	struct bytes argv;    /* redacted; NUL-ended arguments */
	uint32_t argv_len;    /* true length before truncation and redaction */
	bool argv_truncated, redacted;
	struct bytes env; /* NUL-ended NAME=value; only allow-listed names */
	uint64_t cgroup_id;
	uint32_t pid_ns, mnt_ns, user_ns, uts_ns, nspid;
	const char *nodename;
	uint64_t maxrss_bytes;
	struct wire_ledger before; /* totals of the process up to this exec */
};

struct tool_row { /* a tool's share of one task (task 0: of the run itself) */
	int64_t id;
	int64_t run_id, task;
	const char *name;      /* as shown: "samtools sort" */
	const char *component; /* leaf under a facade, or NULL */
	const char *path;      /* one example */
	uint64_t processes, failed;
	uint64_t start_ns, end_ns;
	uint64_t peak_rss_bytes;
	struct wire_ledger ledger;
};

struct task_row {
	int64_t id;
	int64_t run_id;
	int64_t parent;		   /* enclosing task; 0: none */
	const char *name;	   /* group, as shown: the rule or step */
	const char *key;	   /* unique within its run */
	const char *sample, *rule; /* NULL: unknown; rule: id of the rule that found it */
	const char *evidence;	   /* one line for --why */
	enum task_kind kind;
	int64_t scope;	/* its own */
	int64_t of_run; /* scope of the engine's run that it belongs to; 0: none */
	const char *cpus_source, *memory_source; /* who said what it asked for; NULL: nobody */
	uint32_t attempt;
	uint32_t confidence; /* 0-100 */
	enum task_status status;
	int exit_code, signal;
	uint64_t start_ns, end_ns;
	uint32_t requested_cpus; /* 0: unknown */
	uint64_t requested_memory_bytes;
	int64_t root_process;
	uint64_t processes;
	uint64_t peak_rss_bytes; /* largest of any one process */
	uint64_t busy_ns;	 /* wall time with at least one of its threads alive */
	struct wire_ledger ledger;
	const char *detail; /* readers: what tells it from others of its name; not stored */
};

struct scope_row { /* derived */
	int64_t id;
	int64_t run_id;
	int64_t parent; /* 0: the recording */
	int64_t task;	/* the task that it is (SCOPE_TASK, SCOPE_ALLOCATION) or lies in; 0: none */
	enum scope_kind kind;
	const char *key, *name, *engine, *pipeline; /* NULL: not known */
	const char *rule, *evidence;
	uint32_t confidence;
	enum task_status status;
	int exit_code, signal;
	uint64_t start_ns, end_ns;
	int64_t root_process; /* that opened it; 0: known from its tasks only */
	const char *fields;   /* JSON object of what the rule found, or NULL */
};

enum file_kind {
	FILE_KIND_REGULAR,
	FILE_KIND_PIPE, /* path "pipe:[INODE]", the same at both ends */
	FILE_KIND_FIFO,
	FILE_KIND_DIRECTORY, /* made or removed */
	FILE_KIND_SYMLINK,   /* made */
	FILE_KIND_FOLD,	     /* many files of one directory: path "DIR/" and a star */
	FILE_KIND_RING,	     /* used through io_uring without a name; opens: how often */
};

struct file_row { /* a file as one process used it, folded over its opens */
	int64_t process;
	const char *path;
	const char *source;  /* renamed or linked from, or pointing to; NULL: none */
	uint64_t inode, dev; /* inode 0: not known; of a fold those of the directory */
	uint64_t files;	     /* 1; of a fold how many (files_at_least: or more) */
	uint64_t opens, failed;
	uint16_t access;     /* WIRE_OPEN_* or-ed */
	uint8_t kind;	     /* enum file_kind */
	uint8_t descriptors; /* bit n: it began, or a program of it did, with it on n */
	bool renamed_to, unlinked, linked, inherited, files_at_least;
	int error; /* errno of the last failed call; 0: none */
	uint64_t first_ns, last_ns;
	/* -1: unknown. Size: at the end of its use; of a file that was only read, when it
	 * was opened. How far it was read or written in order, by one descriptor. */
	int64_t size_bytes, read_to_bytes, written_to_bytes;
};

struct cgroup_row {
	int64_t run_id;
	uint64_t id;
	const char *path;
	uint64_t memory_limit_bytes, cpu_limit_milli; /* 0: none, or not known */
};

struct incident_row {
	int64_t run_id, process; /* process 0: outside */
	uint64_t time_ns;
	const char *kind;   /* "oom", "signal", "clock" */
	const char *detail; /* JSON object */
};

struct text_row { /* lines of a file that an engine wrote: the n-th record of the run */
	int64_t run_id;
	uint32_t n; /* from 1 */
	uint64_t time_ns;
	const char *path;
	struct bytes data;
};

#endif
