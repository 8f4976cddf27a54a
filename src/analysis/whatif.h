/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the wall time of a run would have been with other cores, memory, tasks at a
 * time, or tasks that are faster. The observed tasks are run again on paper
 * (whatif_replay.c) in an order that is found first (whatif_order.c): by the data that
 * passed between them where the dataflow is known; else a task begins when all that
 * had ended before it have ended. The prediction is the observed time by the ratio of
 * two replays, of what was and of what would be, so that an error of both cancels.
 * docs/tune.md has the rules and what they cannot know. Pure: no I/O.
 */
#ifndef TRACER_ANALYSIS_WHATIF_H
#define TRACER_ANALYSIS_WHATIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the time of a task changes with the CPUs that it asks for, by other runs: in
 * proportion to serial + (1 - serial) / cpus, seen from `least` to `most` CPUs. */
struct whatif_scale {
	double serial;
	unsigned least, most; /* 0: not known */
};

struct whatif_task {
	double start_s, end_s; /* observed */
	double queue_s;	       /* of that waiting for a free CPU */
	double cpu_s;	       /* CPU time of all its threads */
	double cpu_wall_s;     /* wall time spent on a CPU, without the queue */
	double memory_bytes;   /* 0: unknown */
	double faster;	       /* 1: as observed */
	unsigned places;       /* CPUs that it asked for; 0: unknown, it takes one place */
	bool placed;	       /* what it read and wrote says what it depends on */
	struct whatif_scale scale;
};

struct whatif_need { /* indices of tasks */
	uint32_t from, to;
	bool running; /* a stream: `to` begins when `from` has begun */
};

struct whatif_world {
	double cores;	     /* 0: as it had */
	size_t tasks;	     /* at most so many at a time; 0: not limited by their number */
	size_t places;	     /* that tasks may take together; neither: as many as then */
	double memory_bytes; /* 0: no limit */
};

struct whatif_run {
	const struct whatif_task *tasks; /* in any order */
	size_t n;
	const struct whatif_need *needs;
	size_t n_needs;
	bool graph;		 /* the dataflow is known: needs are all that passed */
	bool independent;	 /* the engine only starts what it is given (xargs) */
	bool in_passes;		 /* the engine goes through its tasks again and again (make) */
	double first_s, run_s;	 /* its beginning, and how long it took to its end */
	double engine_cpu_s;	 /* of processes outside of tasks */
	double engine_queue_s;	 /* their waits for a free CPU */
	struct whatif_world was; /* cores > 0 */
	bool cores_told;	 /* these were its cores; else at most so many */
	double slow;		 /* by others, if found before (1 / cores_share); else 0 */
};

#define WHATIF_TASKS_MOST 50000 /* a replay takes n log n, and some 60 are made */

enum whatif_doubt {
	WHATIF_NONE,
	WHATIF_NO_TASKS,
	WHATIF_MORE_TASKS, /* at a time than were seen, without a graph */
	WHATIF_NO_DATA,	   /* the same: much of the work used no files */
	WHATIF_MORE_CORES, /* most work was already limited by the cores there were */
	WHATIF_THREADS,	   /* tasks asked for all places: with more they may ask for more */
	WHATIF_NO_ROOM,	   /* a task needs more memory than there would be */
	WHATIF_BAD_MODEL,  /* the replay of what was is too far from what was */
	WHATIF_TOO_MANY	   /* tasks: WHATIF_TASKS_MOST */
};

struct whatif {
	enum whatif_doubt doubt;
	double observed_s, replayed_s; /* what was, and what the model makes of it */
	double predicted_s;	       /* NAN: not known */
	double error_ratio;	       /* +-, by rule of thumb */
	double cores_had;	       /* as told, or fewer if its waits say so */
	double cores_share;	       /* of the CPUs, what others left; taken to stay so */
	size_t tasks_most;	       /* at a time, observed */
	size_t places_most;	       /* the same in places */
	double needed_bytes;	       /* WHATIF_NO_ROOM */
	bool graph;		       /* the dataflow was used */
	double spread_ratio;	       /* between orders in which the engine may begin tasks */
	double unplaced_share;	       /* of the work: no files say what it depends on */
	size_t order_needs;	       /* tasks that waited for others without data to explain it */
};

/* 0 or -ENOMEM. */
int whatif_predict(const struct whatif_run *run, const struct whatif_world *would,
		   struct whatif *ret);
const char *whatif_doubt_words(enum whatif_doubt doubt);

/* A fit of Amdahl's law to times of one task with different numbers of CPUs; most is 0
 * where there are fewer than two numbers of CPUs, or no shape that it can have. */
struct whatif_scale whatif_scale_fit(const unsigned *cpus, const double *seconds, size_t n);

/* How well predictions of observed runs from each other did. */
#define WHATIF_TRIALS_RUNS 3 /* from so many runs on the error is measured */

#define WHATIF_ERROR_LEAST 0.05 /* runs of the same thing differ by as much */

struct whatif_trial { /* one run predicted from another */
	double predicted_s, observed_s;
};

/* The error that four of five trials stayed below; NAN: none. Reorders. */
double whatif_trials_error(struct whatif_trial *trials, size_t n);

#endif
