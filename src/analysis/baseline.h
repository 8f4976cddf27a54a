/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways of sizing memory that others use, for comparison: docs/tune.md names
 * their sources. They learn from the last BASELINE_WINDOW tasks of a kind. Pure.
 */
#ifndef TRACER_ANALYSIS_BASELINE_H
#define TRACER_ANALYSIS_BASELINE_H

#include "src/analysis/rightsize.h"

#define BASELINE_WINDOW 1000

enum baseline {
	BASELINE_REQUESTED, /* what the user asked for */
	BASELINE_LARGEST,
	BASELINE_LARGEST_TENTH,
	BASELINE_P95,
	BASELINE_P90_15, /* Kubernetes VPA */
	BASELINE_MEAN_3SD,
	BASELINE_FIRST_FIT, /* Tovar et al. */
	BASELINE_LINE_SD,   /* Witt et al. */
	BASELINES
};

struct baselines;

int baselines_new(const struct sizing_options *options, struct baselines **ret);
void baselines_free(struct baselines *b);
void baselines_add(struct baselines *b, const struct usage *u);
/* Bytes for a task of so much input; 0: less than SIZER_FEW tasks are known. Not of
 * BASELINE_REQUESTED, which learns nothing. */
double baseline_size(struct baselines *b, enum baseline which, double input_bytes);
/* After an attempt with so many bytes failed. */
double baseline_retry(const struct baselines *b, enum baseline which, double failed_bytes);
const char *baseline_name(enum baseline which);

#endif
