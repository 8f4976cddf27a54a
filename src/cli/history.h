/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tasks of one or several runs with what comparing and sizing them needs: time,
 * CPU, memory of their processes together, bytes of the files that they read. Tasks
 * around other tasks are left out: those inside say what was done. Memory is bounded
 * by HISTORY_*_MAX; what is beyond them is counted.
 */
#ifndef TRACER_CLI_HISTORY_H
#define TRACER_CLI_HISTORY_H

#include <uthash.h>

#include "src/base/arena.h"
#include "src/cli/where.h"
#include "src/store/store.h"

#define HISTORY_TASKS_MAX     200000
#define HISTORY_PROCESSES_MAX 1000000 /* of one run */
#define HISTORY_FILES_MAX     1000000 /* of one run */
#define HISTORY_KILLED_MAX    1000    /* of one run: whose limit it was is looked up */

enum history_metric {
	HISTORY_WALL,
	HISTORY_CPU,
	HISTORY_MEMORY,
	HISTORY_IO,
	HISTORY_COST,
	HISTORY_METRICS
};

struct history_task {
	int64_t id;
	const char *name;   /* as shown */
	const char *detail; /* sample or key; NULL: none */
	const char *tool;   /* with most CPU; NULL: unknown */
	/* The program of most CPU, "SCRIPT by INTERPRETER" for a script; NULL: unknown. */
	const char *tool_path;
	uint32_t run; /* index */
	enum task_status status;
	uint32_t attempt, requested_cpus; /* 0: unknown */
	uint64_t requested_bytes;	  /* 0: unknown */
	uint64_t start_ns, end_ns;
	uint64_t cpu_ns, waited_ns; /* on a CPU; ready, and none was free */
	uint32_t workers;	    /* threads with work at a time; 0: unknown */
	bool bounded;		    /* together_bytes is what a limit around it allowed */
	uint64_t killed_at_bytes;   /* of one killed for memory: limit; 0: unknown */
	uint64_t largest_bytes;	    /* peak of its largest process: a lower bound; 0: unknown */
	uint64_t together_bytes;    /* peaks of those alive at a time, summed; 0: unknown */
	uint64_t input_bytes;	    /* of the files that it only read; 0: unknown */
	uint64_t io_bytes;	    /* from and to storage; UINT64_MAX: unknown */
	uint64_t net_bytes;	    /* through sockets; UINT64_MAX: unknown */
	double usd;		    /* that it caused; NAN: unknown (history_add_costs()) */
	struct where where;
};

struct history_run {
	struct run_row row;  /* texts live in the arena */
	const char *missing; /* why it must not be judged; NULL: it may */
};

struct history { /* zeroed: empty */
	struct arena arena;
	struct history_task *tasks; /* by run, start */
	size_t n, size;
	struct history_run *runs;
	size_t n_runs;
	uint64_t dropped; /* tasks beyond the limit */
	/* Neither processes nor files nor tools are read: fast, but `together_bytes`,
	 * `input_bytes`, `tool` and `where` stay unknown. */
	bool light;
	bool whole; /* a run without tasks counts as one task, HISTORY_WHOLE */
};

#define HISTORY_WHOLE "(run)"

int history_add_run(struct history *h, struct store *store, int64_t run_id); /* 0 or -errno */
/* The newest runs of that pipeline, at most so many. 0 or -errno. */
int history_add_pipeline(struct history *h, struct store *store, const char *pipeline,
			 unsigned most);
/* That run and the newest of its pipeline that started before it, together at most so
 * many, by start. Without a pipeline: of its name and directory. 0 or -errno. */
int history_add_before(struct history *h, struct store *store, const struct run_row *run,
		       unsigned most);
void history_fini(struct history *h);
const char *history_metric_name(enum history_metric m); /* "wall" */
/* ns, bytes or USD; 0 or NAN: not known. */
double history_value(const struct history_task *t, enum history_metric m);
/* Name of the pipeline of a run: of its row, else of its name. */
const char *history_pipeline(const struct run_row *run);
/* Wall time; 0: not known. */
double history_seconds(const struct history_task *t);

#endif
