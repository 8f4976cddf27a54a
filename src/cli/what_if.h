/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `tracer tune --what-if`: rows to tasks in a graph, other runs of the
 * pipeline as a test of the model, money, and what is printed. */
#ifndef TRACER_CLI_WHAT_IF_H
#define TRACER_CLI_WHAT_IF_H

#include "src/analysis/finding.h"
#include "src/analysis/whatif.h"
#include "src/cli/history.h"
#include "src/cost/money.h"

#define FASTER_MAX	  32
#define TRIALS_RUNS_MAX	  5    /* beside RUN; each is predicted from each other */
#define TRIALS_TASKS_MAX  3000 /* of all of them */
#define TRIALS_SIZE_RATIO 1.25 /* of the CPU time: others did other work */

struct what_if_run { /* owned arrays; names live in the history's arena */
	struct whatif_run run;
	struct whatif_task *tasks;
	const char **names;
	struct whatif_need *needs;
	double cpu_s; /* of all tasks */
	bool steps;   /* the run has no tasks: steps stand for them */
};

/* The run that was added to h last. 0 or -errno. */
int what_if_run_load(struct what_if_run *w, struct history *h, struct store *store);
void what_if_run_fini(struct what_if_run *w);

struct life { /* of a process of a task */
	uint64_t start_ns, end_ns;
	double busy;	    /* CPU and waits for one of all its threads, by its wall time */
	double queue_share; /* of that, waits */
	double cpu_s;
	uint32_t task;
};

struct lives { /* zeroed: empty; at most HISTORY_PROCESSES_MAX */
	struct life *list;
	size_t n, size;
	uint64_t dropped;
};

int lives_add(struct lives *l, uint32_t task, const struct process_row *p, uint64_t run_end_ns);
/* Sets queue_s and cpu_wall_s of tasks whose processes account for their CPU time. 0 or
 * -ENOMEM. */
int lives_measure(struct lives *l, struct whatif_task *tasks);
void lives_fini(struct lives *l);

struct what_if_trials {
	unsigned runs;	    /* RUN and those that did the same work */
	unsigned n;	    /* predictions of one from another */
	double error_ratio; /* NAN: too few runs */
};

/* Predicts runs of the pipeline from each other, and learns from them what tasks make
 * of more CPUs (sets `scale` of w's tasks). 0 or -errno. */
int what_if_trials(struct what_if_run *w, const struct history *h, struct store *store,
		   struct what_if_trials *ret);

struct what_if_cost {
	bool known, was_known;
	money was, predicted;
	money usd_per_hour; /* of the predicted world's host */
	char source[40];
	char why[200]; /* not known */
};

/* cores: there were, and would be. Exit code; it has said what is wrong with settings. */
int what_if_cost(struct store *store, const struct run_row *run, const struct whatif *w,
		 const double cores[2], struct what_if_cost *ret);

struct what_if_said {
	const struct history *h;
	const struct what_if_run *w;
	const struct whatif *is;
	const struct what_if_trials *trials;
	const struct what_if_cost *cost;
	const char *change;
	double error_ratio; /* +- of the time */
};

int what_if_print_text(const struct what_if_said *s); /* 0 or -errno */
int what_if_print_json(const struct what_if_said *s);

#endif
