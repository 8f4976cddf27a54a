/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stalls that were told while they happened (docs/tune.md), as findings: one for each
 * task name or process, with the longest one's reason. They are facts, and told of runs
 * that go on or are not complete, too.
 */
#ifndef TRACER_ANALYSIS_STALL_H
#define TRACER_ANALYSIS_STALL_H

#include "src/analysis/facts.h"
#include "src/analysis/finding.h"

int stalls_find(const struct run_facts *facts, struct findings *ret); /* 0 or -ENOMEM */
/* How long it lasted, until now or the end of the run if it is not over. */
uint64_t stall_duration_ns(const struct run_facts *f, const struct fact_stall *s);

#endif
