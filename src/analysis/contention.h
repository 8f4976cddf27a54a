/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who ran while whom waited for a CPU: a matrix of victims and culprits, among groups
 * of tasks (without tasks: tools). An estimate: waiting and running are spread evenly
 * over the life of each process, and a wait is divided among all that ran at that time,
 * in proportion. What the run's own processes did not use of the machine, while
 * somebody waited, is "outside": other programs, or a limit.
 */
#ifndef TRACER_ANALYSIS_CONTENTION_H
#define TRACER_ANALYSIS_CONTENTION_H

#include "src/analysis/bottleneck.h"

#define CONTENTION_GROUPS 24 /* those that used or missed most CPU; the rest is one more */

struct contention {
	const char *names[CONTENTION_GROUPS + 2]; /* the last but one: all others; outside */
	unsigned n;				  /* groups; columns are n + 1, with outside */
	double wait_ns[CONTENTION_GROUPS + 1][CONTENTION_GROUPS + 2]; /* [victim][culprit] */
};

int contention_make(struct contention *c, const struct run_facts *facts, const struct units *units);

#endif
