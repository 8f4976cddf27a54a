/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wall time of a set of processes, explained from their ledgers on a timeline.
 *
 * A process first becomes a profile: shares of its life. Its threads' own states (cpu,
 * runq, disk, net with traffic, reclaim, other) count as they are, in proportion where
 * they exceed its life; what is left goes to one wait for somebody else, as in
 * src/cli/where.h. Where threads contend for locks (many short waits, cores unused),
 * the profile is that of its average thread instead.
 *
 * Then time is cut at every start and end of a process. Within a piece profiles are
 * added in three tiers:
 *  - own: the process advances, or something outside of the set keeps it from that;
 *    this includes sleeping, unless it is all that the process does, and locks of
 *    single-threaded processes, unless these wait for work (idle_worker);
 *  - waits for others: pipe, poll, lock, child, silent sockets, and those who only sleep;
 *  - the waits of supervisors, whose children live while they wait.
 * If own reaches 1, the piece is divided in its proportion. If not, the rest goes to
 * one wait of the second tier, else of the third. A sleeper beside somebody who waits
 * at a pipe is that pipe's slow end: the verdict is pipe, the cause sleep.
 *
 * Within a piece rates are means over the life of each process: phases inside of one
 * long process are not seen.
 */
#ifndef TRACER_ANALYSIS_EXPLAIN_H
#define TRACER_ANALYSIS_EXPLAIN_H

#include "src/analysis/facts.h"

enum { EXPLAIN_IDLE = LEDGER_STATES, EXPLAIN_PARTS }; /* below: enum ledger_state */

struct profile {
	double share[LEDGER_STATES]; /* of its life; their sum is 1 */
	uint64_t life_ns;	     /* 0: it never ran */
	bool contended;		     /* its threads contend for locks */
	bool supervisor;	     /* its children live while it waits */
	bool silent_net;	     /* its network waits move next to nothing */
	bool sleeper;		     /* does nothing but sleep */
	bool idle_worker;	     /* its locks are waits for work */
	bool timed;		     /* it slept in timed waits at locks */
};

/* Its thread time by state, with what missing memory cost as `reclaim`: CPU that reclaim
 * burnt, and the disk where its own pages were fetched again. */
void process_states(const struct fact_process *p, double ret[LEDGER_STATES]);
void profile_make(struct profile *ret, const struct fact_process *p, unsigned cpus);
/* Of the life of p: the share in which it did not wait for somebody else. */
double profile_own(const struct profile *profile, const struct fact_process *p);

struct explained { /* zeroed: empty; can be added */
	double ns[EXPLAIN_PARTS];
	double total_ns;
	double pipe_asleep_ns; /* of the pipe's: its other end slept */
	double parallel_ns;    /* 1.5 or more processes computed, or would have */
	double serial_ns;      /* about one did */
	double cores_ns;       /* CPU and run queue: cores that could have been used */
	double runq_ns;	       /* thread time in the run queue */
	double runq_own_ns;    /* of it: because more were ready than there are CPUs */
	double runq_used_ns;   /* the same, weighted by the share of the CPUs that they used */
};

/* Adds the time from start to end, with these processes (by start). 0 or -ENOMEM. */
int explain_add(struct explained *e, struct fact_process *const *list, size_t n,
		const uint64_t span[2], unsigned cpus);
void explained_add(struct explained *to, const struct explained *more);
double explained_share(const struct explained *e, unsigned part); /* 0 .. 1 */

#endif
