/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dataflow between the tasks of a run: who produced the files that others
 * consumed, found from names, inodes and times of opens, renames and deletions.
 * Rows go into a flow_input, flow_find() draws a flow from it. Pure: no I/O.
 * docs/dataflow.md says how an edge is found and what remains unknown.
 */
#ifndef TRACER_ANALYSIS_FLOW_H
#define TRACER_ANALYSIS_FLOW_H

#include "src/base/arena.h"
#include "src/model/rows.h"

/* Ends of links that are no task; all others are indices of tasks. */
#define FLOW_ENGINE    UINT32_MAX	/* the run's processes outside of tasks */
#define FLOW_BEFORE    (UINT32_MAX - 1) /* it was there before the run */
#define FLOW_NO_PATH   UINT32_MAX
#define FLOW_LINKS_MAX 2000000 /* beyond it, links are counted only */
#define FLOW_WRITERS   1024    /* that a file remembers; older ones are counted */

struct flow_task {
	int64_t id;
	uint32_t parent; /* index of the enclosing task; FLOW_ENGINE: none */
	uint32_t depth;	 /* number of tasks around it */
	bool encloses;	 /* other tasks are inside of it */
	const char *name;
	uint64_t start_ns, end_ns; /* end 0: alive when the run ended */
	uint64_t submitted_ns;	   /* to a scheduler; 0: not, or unknown */
	uint32_t requested_cpus;   /* 0: unknown */
};

struct flow_use { /* what one process did to one path, folded */
	int64_t process;
	uint64_t inode; /* 0: unknown */
	uint64_t dev, first_ns, last_ns, size_bytes;
	uint32_t task, path;
	uint32_t source; /* path that it was renamed or linked from; FLOW_NO_PATH: unknown */
	uint32_t opens;	 /* with success */
	uint16_t access;
	bool failed, renamed_to, linked, unlinked, size_known;
	bool inherited; /* open when its program began, and used */
	bool stream;	/* a FIFO or pipe */
	bool many;	/* not one file, but what is beyond a limit in one directory */
};

struct flow_span {
	uint64_t start_ns, end_ns;
};

struct flow_paths; /* texts by number; private */
struct flow_tasks_by_id;

struct flow_input {
	struct arena arena;
	struct flow_task *tasks; /* by start */
	struct flow_use *uses;
	struct flow_span *engine; /* lives of processes outside of tasks, in any order */
	const char **paths;
	bool *hidden; /* by path: bookkeeping or software, no data of the run */
	uint32_t n_tasks, n_paths;
	size_t n_uses, n_engine;
	size_t size_tasks, size_paths, size_uses, size_engine;
	uint64_t events_dropped; /* file events beyond the limit of their thread */
	uint64_t overlooked;	 /* rows beyond what numbers can count */
	uint64_t nameless;	 /* files used through io_uring, without a name */
	uint64_t directories;	 /* of which many files are taken as one */
	const char *cwd;	 /* of the run; NULL: unknown */
	bool all;		 /* hidden paths, too */
	struct flow_paths *by_text;
	struct flow_tasks_by_id *by_id;
};

/* All of these return 0 or -ENOMEM; texts are copied. Tasks first, enclosing ones
 * before those inside, then processes, then files. */
int flow_input_init(struct flow_input *in, const char *cwd, bool all);
void flow_input_fini(struct flow_input *in);
int flow_add_task(struct flow_input *in, const struct task_row *row);
int flow_add_process(struct flow_input *in, int64_t task_id, uint64_t start_ns, uint64_t end_ns);
int flow_add_file(struct flow_input *in, const struct file_row *row, int64_t task_id);
uint32_t flow_task_of(const struct flow_input *in, int64_t task_id); /* FLOW_ENGINE: none */

struct flow_link { /* one file that went from one task to another */
	uint32_t from, to, path;
	bool via_engine; /* the engine moved or copied it in between */
	bool assumed;	 /* one of the many files of a directory: which is not known */
	bool stream;
	bool size_known;
	uint64_t size_bytes; /* when it was opened for reading */
	uint64_t time_ns;    /* of that */
};

struct flow_edge { /* all links of one pair: links[first .. first + n) */
	uint32_t from, to;
	uint32_t first, n;
	uint32_t sizes; /* how many of them have a size */
	bool via_engine, stream;
	bool assumed;	/* all of them */
	uint64_t bytes; /* their sum */
};

struct flow_file {
	uint32_t path;
	uint32_t task;	  /* outputs: who wrote it last */
	uint32_t readers; /* tasks, each counted once */
	bool size_known;
	uint64_t size_bytes;
};

struct flow {
	struct flow_link *links;   /* by from, to, path */
	struct flow_edge *edges;   /* by from, to; those of FLOW_* are the last */
	struct flow_file *inputs;  /* read by tasks, there before the run; by path */
	struct flow_file *outputs; /* written by tasks, still there, read by no other; by path */
	struct flow_file *shared;  /* read by two tasks or more; most readers first */
	struct flow_span *staging; /* when the engine moved or copied data of tasks; by time */
	size_t n_links, n_edges, n_inputs, n_outputs, n_shared, n_staging;
	uint64_t temporary_unread;		 /* files of tasks, deleted, and read by no other */
	uint64_t links_dropped, writers_dropped; /* links: about so many */
};

int flow_find(const struct flow_input *in, struct flow *ret); /* 0 or -ENOMEM */
/* The same links between groups of tasks, group[] by task; links inside of a group
 * are kept. The other lists stay empty. 0 or -ENOMEM. */
int flow_collapse(const struct flow *f, const uint32_t *group, struct flow *ret);
void flow_fini(struct flow *f);
bool flow_is_task(uint32_t end);

#endif
