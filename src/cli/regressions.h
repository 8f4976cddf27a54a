/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A history of runs as series of levels: a group is the tasks of one name, a series is
 * one metric of it over the runs. Runs that must not be judged are left out, and tasks
 * that did not succeed count as failed and are not compared.
 */
#ifndef TRACER_CLI_REGRESSIONS_H
#define TRACER_CLI_REGRESSIONS_H

#include "src/analysis/change.h"
#include "src/analysis/finding.h"
#include "src/cli/history.h"

#define REGRESSIONS_RUNS_DEFAULT 20
#define REGRESSIONS_RUNS_MAX	 100
#define REGRESSIONS_GROUPS_MAX	 2000

/* Added to storage traffic: less than this is as good as none, and none is a value. */
#define REGRESSIONS_IO_LEAST (1 << 20)

struct group_run {		   /* the tasks of a group in one run */
	uint32_t n, failed, again; /* succeeded; not; attempts after the first */
	uint32_t requested_cpus;
	uint64_t requested_bytes;
	const char *tool, *tool_path; /* of the first that has one; NULL: unknown */
	struct where where;
};

struct group {
	const char *name;	/* key */
	struct group_run *runs; /* by position */
	uint32_t n_tasks;	/* that succeeded, of all runs */
	struct change_value *values;
	struct change changes[HISTORY_METRICS];
	UT_hash_handle hh;
};

struct regressions {
	const struct history *h;
	uint32_t runs[REGRESSIONS_RUNS_MAX];	/* those compared, by start: index in h->runs */
	double at_a_time[REGRESSIONS_RUNS_MAX]; /* mean number of tasks that ran */
	uint32_t n_runs;
	struct group *groups; /* by first appearance; iterate with hh.next */
	uint64_t tests, groups_dropped;
	struct arena arena;
};

/* h: at most REGRESSIONS_RUNS_MAX runs by start; its last is the one that is judged and
 * must be complete. Metrics below `metrics` are compared. 0, -E2BIG or -ENOMEM. */
int regressions_make(struct regressions *r, const struct history *h, unsigned metrics);
void regressions_fini(struct regressions *r);
static inline const struct run_row *regressions_run(const struct regressions *r, uint32_t at)
{
	return &r->h->runs[r->runs[at]].row;
}

/* A finding for each change. */
void regressions_find(const struct regressions *r, struct findings *f);
/* What else is different since a change, in words; empty: nothing is. */
void regressions_reasons(struct str *out, const struct regressions *r, const struct group *g,
			 const struct change *c);
/* For `tracer tune` of one run: at most one finding, from the rows of tasks alone; files
 * are read only where these say that something changed and runs are small. */
int regressions_notice(struct store *store, const struct run_row *run, struct findings *f);

#endif
