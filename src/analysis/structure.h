/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shape of a run says, beyond what each part waited for: a straggler among its
 * like, a serial section in a parallel program, cores and memory that were asked for
 * and not used, attempts that were repeated, children that nobody waited for.
 */
#ifndef TRACER_ANALYSIS_STRUCTURE_H
#define TRACER_ANALYSIS_STRUCTURE_H

#include "src/analysis/bottleneck.h"

/* Nothing is judged where run_facts_missing(). 0 or -ENOMEM. */
int structure_find(const struct run_facts *facts, const struct units *units, struct findings *ret);

#endif
