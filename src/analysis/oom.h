/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of memory, post mortem: the victim, whose limit was hit, who was there at that
 * moment, who had grown most, and how much memory would have been needed at least.
 * What each process had at the kill is not recorded: its peak bounds it from above.
 */
#ifndef TRACER_ANALYSIS_OOM_H
#define TRACER_ANALYSIS_OOM_H

#include "src/analysis/facts.h"
#include "src/analysis/finding.h"

void oom_find(const struct run_facts *facts, struct findings *ret);
bool oom_is_told(const struct findings *f);

#endif
