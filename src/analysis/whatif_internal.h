/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the what-if share: jobs in an order, their replay, shared CPUs. */
#ifndef TRACER_ANALYSIS_WHATIF_INTERNAL_H
#define TRACER_ANALYSIS_WHATIF_INTERNAL_H

#include "src/analysis/whatif.h"

struct job {		/* a task, by observed start */
	double work_s;	/* without waiting for a CPU */
	double cores;	/* it uses while it is on a CPU */
	double bound;	/* share of its work that is on a CPU */
	double delay_s; /* after what it needs: nobody knows for what; takes no place */
	double gap_s;	/* then the engine's work to start it; it has its place */
	double memory_bytes;
	double places;
	double queue_s; /* observed */
	double faster;
	struct whatif_scale scale;
	uint32_t needs;	 /* how many */
	uint32_t prefix; /* without a graph: so many must have ended, by observed ends */
	uint32_t end_rank;
	uint32_t first_after, n_after; /* in order.after */
};

struct after { /* who waits for a job */
	uint32_t job;
	bool running;
};

struct order {
	struct job *jobs;
	size_t n;
	struct after *after;
	size_t n_after;
	double start_s;	     /* the engine's, before the first task */
	double last_s;	     /* the last end */
	double engine_bound; /* share of its gaps in which the engine uses a CPU */
	double places_most;  /* observed */
	size_t tasks_most;
	size_t order_needs;
	bool graph;
};

int whatif_order(const struct whatif_run *run, struct order *ret); /* 0 or -ENOMEM */
void whatif_order_fini(struct order *o);

struct replay {
	double end_s;	/* when the last task ends, from the beginning of the run */
	double queue_s; /* summed waits for a CPU */
};

/* How a world is replayed. */
struct replay_options {
	struct whatif_world of;
	double slow;	     /* time on a CPU is stretched so by what others run there; >= 1 */
	bool as_was;	     /* without `faster`, and with the CPUs that tasks had asked for */
	double *job_queue_s; /* ret: waits of each job; NULL: nobody asks */
	bool in_passes;	     /* not the first in order begins, but the next after the last begun */
};

int whatif_replay(const struct order *o, const struct replay_options *how,
		  struct replay *ret); /* 0 or -ENOMEM */

/* The cores that the run had, and the stretch by others. 0 or -ENOMEM. */
int whatif_cores(const struct whatif_run *run, const struct order *o, double *ret_cores,
		 double *ret_slow);

struct sharer { /* somebody who uses CPUs now */
	double bound, cores;
	double rate; /* ret: of its progress, 1 if it is alone */
	double on;   /* ret: share of its time on a CPU or waiting for one */
};

/* Sets all rates; returns the cores that they want on average. */
double whatif_share(struct sharer *list, size_t n, double cores, double slow);
/* Of one more, beside others who want so many cores. */
double whatif_share_rate(struct sharer *one, double others, double cores, double slow);

#endif
