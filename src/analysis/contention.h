/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who used what whom waited for: matrices of victims and culprits, among groups of tasks
 * (without tasks: tools), for CPUs, the disk and memory. Estimates: waiting and use are
 * spread evenly over the life of each process, and a wait is divided among all that used
 * the resource at that time, in proportion. Of each row the sum is what the victim waited.
 *
 * CPU: by CPU time. What the run did not use of the machine while somebody waited is
 * outside: other programs, or a limit.
 * Disk: by bytes from and to storage, all devices together; what others transferred is
 * not known, so outside is only what was waited while nobody of the run transferred.
 * Memory: waits in reclaim, and for pages that were fetched again, by the peaks of those
 * alive in the same cgroup with a limit, or on the host. What the peaks do not fill of the
 * limit is outside: page cache, tmpfs, other programs.
 */
#ifndef TRACER_ANALYSIS_CONTENTION_H
#define TRACER_ANALYSIS_CONTENTION_H

#include "src/analysis/bottleneck.h"

#define CONTENTION_GROUPS 24 /* those that used or missed most CPU; the rest is one more */
#define CONTENTION_LIMITS 16 /* memory limits told apart; processes of others: the host's */

enum contention_resource { CONTENTION_CPU, CONTENTION_DISK, CONTENTION_MEMORY, CONTENTIONS };

struct contention {
	const char *names[CONTENTION_GROUPS + 2]; /* the last but one: all others; outside */
	bool one[CONTENTION_GROUPS + 2];	  /* the group is one task or process */
	unsigned n;				  /* groups; columns are n + 1, with outside */
	/* [resource][victim][culprit] */
	double wait_ns[CONTENTIONS][CONTENTION_GROUPS + 1][CONTENTION_GROUPS + 2];
};

int contention_make(struct contention *c, const struct run_facts *facts, const struct units *units);
const char *contention_name(enum contention_resource resource); /* "cpu", "disk", "memory" */

#endif
