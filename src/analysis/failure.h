/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a run or a task failed, from facts: exit codes, signals and their senders, victims
 * of the kernel's out-of-memory killer, files that could not be opened or written just
 * before the end. The process that failed is looked for from the failed task's (or the
 * run's) own process downwards; among tasks the first to fail is told first. Facts of
 * this kind stand even where the record is not complete.
 */
#ifndef TRACER_ANALYSIS_FAILURE_H
#define TRACER_ANALYSIS_FAILURE_H

#include "src/analysis/facts.h"
#include "src/analysis/finding.h"

int failures_explain(const struct run_facts *facts, struct findings *ret); /* 0 or -ENOMEM */
/* retry.c: attempts that failed and were repeated with success. 0 or -ENOMEM. */
/* The sentence of a retry; also of those of several runs. */
const char *retry_words(struct findings *all, const char *name, uint64_t n, uint64_t wasted_ns);
int retries_find(const struct run_facts *facts, struct findings *ret);
/* From the process that began it down to the one that failed by itself. */
const struct fact_process *failure_origin(const struct fact_process *from);
/* Why p failed: the verdict, and its sentence in *ret_cause (in f; NULL: nothing known). */
enum verdict failure_verdict(const struct run_facts *facts, const struct fact_process *p,
			     struct findings *f, const char **ret_cause);
/* "exit 3", "killed by SIGSEGV", in plain words. */
const char *ending_words(struct findings *f, const struct fact_process *p);

#endif
