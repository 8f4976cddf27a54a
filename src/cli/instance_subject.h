/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `tracer tune --instances` is about: a group of tasks of one name over the runs
 * of a pipeline, or one run as a whole; what it needs, what it cost, and the machines
 * that were found for it.
 */
#ifndef TRACER_CLI_INSTANCE_SUBJECT_H
#define TRACER_CLI_INSTANCE_SUBJECT_H

#include "src/analysis/finding.h"
#include "src/cli/history.h"
#include "src/cli/instance_market.h"
#include "src/cli/instance_observed.h"
#include "src/cli/tune_instances.h"

#define SUBJECTS_SHOWN 10
#define SUBJECTS_MAX   200  /* groups of tasks that are judged: those that cost most */
#define MEMORY_MARGIN  1.1  /* on the largest peak seen */
#define OOM_MARGIN     1.2  /* on the limit that was too low */
#define WAIT_LIMITS    0.25 /* of the time: the machine's bandwidth must not be less */
#define HELD_UP	       0.25 /* of the time in the CPU queue, while tasks used less than */
#define HELD_UP_LOAD   0.75 /* of the CPUs: others used them, or a quota forbade it */
#define HELD_UP_WORDS  "they waited for CPUs that others used, or that a quota forbade"
#define CPU_LIMITS     0.5 /* of the time: a faster CPU is of use */

struct choice {
	enum instance_way way;
	const struct instance *machine;
	const struct market_price *price;
	struct instance_outcome outcome;
	struct instance_range saving; /* a run, less than what was observed; NAN: unknown */
	double break_even_hours, break_even_rate; /* spot: NAN elsewhere */
};

struct subject {
	const char *name; /* of the tasks; of a run its id */
	bool is_run;
	size_t n;	/* tasks, of all runs */
	unsigned runs;	/* they are in */
	size_t at_once; /* so many of them ran at the same time */
	size_t loose;	/* of them with only a lower bound of memory */
	struct instance_need need;
	struct where where;
	uint64_t requested_cpus, requested_bytes; /* most; 0: unknown */
	double usd, seconds;			  /* observed, a run; NAN: unknown */
	double longest_hours;			  /* of a task, or the run */
	struct instance_run_peak peak;		  /* of a run */
	bool cpu_limited;
	const char *unjudged; /* why not; NULL: it was */
	struct instance_outcome same;
	struct instance_range same_saving;
	struct choice choices[INSTANCE_WAYS];
	unsigned n_choices;
	size_t left_out[INSTANCE_REASONS]; /* of the prices, by reason */
};

struct inquiry { /* everything of one command */
	const struct tune_instances_options *o;
	const char *pipeline;
	struct history history;
	struct observed_books books;
	struct observed_run *observed; /* of history.runs */
	uint32_t reference;	       /* the run that was asked about */
	bool *used;		       /* of history.runs: complete, and on the same machine */
	unsigned n_used, n_incomplete, n_elsewhere;
	struct market market;
	struct instance was;					  /* the machine it ran on */
	bool was_known;						  /* its type is in the table */
	double taken, restart_hours, transfer_usd_per_byte, gpus; /* < 0: not given */
	bool transfer_assumed;
	struct subject *subjects; /* the run, then groups, by what they cost */
	size_t n_subjects, n_beyond;
	size_t not_done, without_memory;   /* tasks that teach nothing */
	double *busy_cores;		   /* of history.tasks: what all tasks used meanwhile */
	struct instance_outcome *outcomes; /* of market.list, of the subject at hand */
	struct findings findings;
};

/* All subjects with their choices. 0 or -errno. */
int subjects_make(struct inquiry *q);
/* Findings for what would save something, or time. 0 or -ENOMEM. */
int subjects_advise(struct inquiry *q);
/* Days that the price of a choice is older than the run; < 0: not known to be. */
int choice_price_days(const struct inquiry *q, const struct choice *c);
uint64_t inquiry_time_ns(const struct inquiry *q); /* end of the run */
unsigned choice_confidence(const struct inquiry *q, const struct subject *s,
			   const struct choice *c);

int instances_print_text(const struct inquiry *q, bool all); /* 0 or -errno */
int instances_print_json(const struct inquiry *q);
/* The resource that took most of the time: "CPU", "storage", ... */
const char *subject_limit(const struct subject *s);

#endif
