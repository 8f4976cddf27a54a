/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tracking: events in, rows out. A pure state machine: no I/O, no clock of its
 * own, so that a replayed log gives the same rows as the live run did.
 *
 * Memory is bounded: ended processes leave as rows; every table has a limit in
 * struct tracker_limits and a counter in struct completeness.
 */
#ifndef TRACER_TRACK_H
#define TRACER_TRACK_H

#include "src/model/rows.h"

struct tracker;
struct rule;
struct rules;

/* Where rows go. Each returns 0 or -errno; an error stops tracker_feed(), which
 * returns it. Rows may be sent again with the same id: the later one counts
 * (live processes, tasks and the run are refreshed at every tracker_flush()). */
struct track_sink {
	void *ctx;
	int (*run)(void *ctx, const struct run_row *row);
	int (*process)(void *ctx, const struct process_row *row);
	int (*exec)(void *ctx, const struct exec_row *row);
	int (*task)(void *ctx, const struct task_row *row);
	int (*scope)(void *ctx, const struct scope_row *row);
	int (*tool)(void *ctx, const struct tool_row *row);
	int (*file)(void *ctx, const struct file_row *row);
	int (*cgroup)(void *ctx, const struct cgroup_row *row);
	int (*incident)(void *ctx, const struct incident_row *row);
	int (*text)(void *ctx, const struct text_row *row);
	/* May be NULL (content is not to be read). The engine has begun to write a
	 * file that names its tasks: while it grows, up to `bytes` of it, what
	 * rules_filter_text() leaves of it becomes WIRE_TEXT records. */
	int (*want_text)(void *ctx, const char *path, size_t bytes);
	/* May be NULL. The beginning of the file that rule_head_filter() leaves is to
	 * follow as a WIRE_TEXT record with this path: after the record at hand. */
	int (*want_head)(void *ctx, const struct rule *rule, unsigned index, const char *path);
};

struct tracker_limits {
	uint32_t live_processes;    /* default 262144 */
	uint32_t ended_processes;   /* kept for late children, default 2048 */
	uint32_t open_tasks;	    /* default 65536 */
	uint32_t closed_tasks;	    /* kept for late children and texts, default 64 */
	uint32_t tools;		    /* of open tasks at a time, default 4096 */
	uint32_t files_per_process; /* rows, default 4096; the rest is folded */
	uint32_t files_per_run;	    /* default 200000 */
	/* of one directory by one task by name, default 1000; the rest is one row */
	uint32_t files_per_directory;
};

#define STALLS_MAX 64 /* that go on at a time; others are counted */

/* A unit of work that makes no progress. */
struct stall_state {
	uint32_t unit, state, processes; /* as in struct wire_stall */
	struct wire_id id;
	uint64_t since_ns, now_ns; /* CLOCK_BOOTTIME; now: of the last sample, or of its end */
	uint32_t end;		   /* enum wire_stall_end */
	const char *task;	   /* NULL: none, or without a name */
	char comm[WIRE_COMM_LEN];
};
/* slot: below STALLS_MAX, the same from the beginning of a stall to its end. */
typedef void (*stall_fn)(void *ctx, unsigned slot, const struct stall_state *state);

struct tracker_options {
	int64_t run_id;		      /* assigned by the store */
	const struct rules *rules;    /* borrowed; NULL: no tasks, tools by basename */
	struct tracker_limits limits; /* 0: default */
	bool replayed;
	uint64_t stall_after_ns; /* of samples; 0: no stall is looked for */
};

int tracker_new(const struct tracker_options *options, const struct track_sink *sink,
		struct tracker **ret);
void tracker_free(struct tracker *t);

/* One record. Unknown types are skipped; a malformed record is -EBADMSG and
 * changes nothing. Strings must already be redacted (see redact.h). */
int tracker_feed(struct tracker *t, const struct wire_header *record);

/* Sends what is alive: processes that have run for longer than min_age_ns,
 * open tasks, tools, the run. Call it about once a second and before reading. */
int tracker_flush(struct tracker *t, uint64_t min_age_ns);

/*
 * Tells the stalls that have begun or are over since the last call: tasks, without one
 * the command, and processes that are stopped or blocked in a file system, that for
 * stall_after_ns used less than a hundredth of a CPU, moved no byte, and did not fork, execute
 * or end a process. Time is that of samples: silence of the collector is no stall.
 */
void tracker_stalls(struct tracker *t, stall_fn fn, void *ctx);

/* The stream has ended (clean: with RUN_END). Closes everything and sends the
 * final rows. rows_lost is what the sink could not store, for completeness. */
int tracker_finish(struct tracker *t, bool clean, uint64_t rows_lost, uint64_t recorder_cpu_ns);

#endif
