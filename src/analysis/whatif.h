/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the wall time of a run would have been with other cores, memory, tasks at a
 * time, or tasks that are faster. The observed tasks are run again on paper: a task
 * has a duration without its waits for a CPU, and uses some cores meanwhile; when the
 * running tasks want more than there are, each one's part on a CPU is stretched. A
 * task begins when all that ended before its observed start have ended, after the
 * same gap. The prediction is the observed time by the ratio of two replays, of what
 * was and of what would be, so that an error of both cancels.
 *
 * Without a graph of the data, tasks that ran one after another may depend on each
 * other or not: more at a time than observed is therefore not known. Pure: no I/O.
 */
#ifndef TRACER_ANALYSIS_WHATIF_H
#define TRACER_ANALYSIS_WHATIF_H

#include <stdbool.h>
#include <stddef.h>

struct whatif_task {
	double start_s, end_s; /* observed */
	double queue_s;	       /* of that waiting for a free CPU */
	double cpu_s;	       /* CPU time of all its threads */
	double cpu_wall_s;     /* wall time spent on a CPU, without the queue */
	double memory_bytes;   /* 0: unknown */
	double faster;	       /* 1: as observed */
};

struct whatif_world {
	double cores;	     /* > 0 */
	size_t tasks;	     /* at most so many at a time; 0: as many as then */
	double memory_bytes; /* 0: no limit */
};

enum whatif_doubt {
	WHATIF_NONE,
	WHATIF_NO_TASKS,
	WHATIF_MORE_TASKS, /* at a time than were seen, without a graph */
	WHATIF_MORE_CORES, /* most work was already limited by the cores there were */
	WHATIF_NO_ROOM,	   /* a task needs more memory than there would be */
	WHATIF_BAD_MODEL   /* the replay of what was is too far from what was */
};

struct whatif {
	enum whatif_doubt doubt;
	double observed_s, replayed_s; /* what was, and what the model makes of it */
	double predicted_s;	       /* NAN: not known */
	double error_ratio;	       /* +- */
	double cores_share;  /* of the cores there were, what others left; taken to stay so */
	size_t tasks_most;   /* at a time, observed */
	double needed_bytes; /* WHATIF_NO_ROOM */
};

/* tasks in any order; run_s: from the beginning of the run to its end, first_s of the
 * same clock its beginning. 0 or -ENOMEM. */
int whatif_predict(const struct whatif_task *tasks, size_t n, double first_s, double run_s,
		   const struct whatif_world *was, const struct whatif_world *would,
		   struct whatif *ret);
const char *whatif_doubt_words(enum whatif_doubt doubt);

#endif
