/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each way of sizing would have cost on tasks that are over: they are replayed
 * in the order of their starts, each way knows the tasks before and nothing of the
 * one that it sizes. The first SIZER_FEW tasks of a kind get what was requested.
 *
 * Waste of a task, in byte seconds: (given - used) x time, and for every attempt
 * that failed given x time x time_to_failure. Pure: no I/O.
 */
#ifndef TRACER_ANALYSIS_BACKTEST_H
#define TRACER_ANALYSIS_BACKTEST_H

#include "src/analysis/baseline.h"
#include "src/base/arena.h"

#define BACKTEST_TASKS_MAX 1000000

/* Ours: a size for each task, by its input; and one for all, as --sizes writes it. */
enum { BACKTEST_OURS = BASELINES, BACKTEST_ONE_SIZE, BACKTEST_WAYS };

struct past_task {
	const char *kind;
	struct usage usage;
	double requested_bytes; /* NAN: not known */
	double cpus, cores;	/* requested, kept busy; NAN: not known */
	double start;		/* order only; NAN: as they come */
	size_t n;		/* order among equal starts */
};

struct past_tasks { /* zeroed: empty */
	struct arena arena;
	struct past_task *list;
	size_t n, size;
	struct kind *kinds; /* texts, each once; private */
};

/* Copies. 0, -ENOMEM, -E2BIG beyond BACKTEST_TASKS_MAX. */
int past_tasks_add(struct past_tasks *p, const struct past_task *task);
void past_tasks_fini(struct past_tasks *p);

struct backtest_way {
	double waste_byte_s;
	size_t failures; /* attempts that failed */
};

struct backtest {
	struct backtest_way ways[BACKTEST_WAYS];
	size_t kinds;
	size_t replayed;
	size_t learned_only; /* killed, or first of a kind without a request: not replayed */
	bool requests_known; /* of all replayed tasks; else ways[BASELINE_REQUESTED] is void */
	/* One size that stands until there is a twentieth more to learn from: the share of
	 * tasks that need more, as stated with it (sum over tasks), and as met. */
	double stated_sum;
	size_t stated_tasks, met;
	double used_byte_s;
	double core_s_requested, core_s_used, core_s_sized; /* of tasks where all is known */
	size_t cores_known, cores_short;		    /* sized to less than they kept busy */
};

/* Sorts the tasks. 0 or -ENOMEM. */
int backtest_run(struct past_tasks *p, const struct sizing_options *options, struct backtest *ret);
const char *backtest_way_name(unsigned way);

#endif
