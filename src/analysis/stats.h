/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statistics that advice rests on. Pure, no state; what needs memory beyond
 * the stack returns NAN (or -ENOMEM) without it. Values must be finite.
 */
#ifndef TRACER_ANALYSIS_STATS_H
#define TRACER_ANALYSIS_STATS_H

#include <stddef.h>

void stats_sort(double *values, size_t n); /* ascending */
/* Linear between order statistics (h = (n - 1) q); n 0: NAN. */
double stats_quantile(const double *sorted, size_t n, double q);
double stats_median(double *values, size_t n); /* sorts them; n 0: NAN */
double stats_mean(const double *values, size_t n);
double stats_deviation(const double *values, size_t n); /* of a sample; n < 2: 0 */

struct stats_line {
	double intercept, slope;
};

/* Least squares; without spread in x (or n < 2) the mean of y, slope 0. */
struct stats_line stats_fit(const double *x, const double *y, size_t n);

/*
 * Two samples, two-sided: how likely ranks so uneven are if both come from one
 * distribution (Wilcoxon, Mann and Whitney; ties get their mean rank). Exact, by
 * counting all divisions, up to 60 values; beyond, the normal approximation with
 * the correction for ties. 1 if either is empty.
 */
double stats_rank_sum_p(const double *a, size_t n_a, const double *b, size_t n_b);
/* The smallest p that samples of these sizes can show, by the exact test. */
double stats_rank_sum_floor(size_t n_a, size_t n_b);
/* Median of all b - a (Hodges and Lehmann), with the interval of it that holds the
 * true shift with 95 % (normal approximation of the ranks; all of the range when
 * samples are too small). Exact, in n log n: the differences are not listed. */
struct stats_shift {
	double median, low, high;
};
int stats_shift(const double *a, size_t n_a, const double *b, size_t n_b, struct stats_shift *ret);

/* p values become q values in place: the share of false ones among those that are
 * taken for real up to this one (Benjamini and Hochberg). 0 or -ENOMEM. */
int stats_false_discovery(double *p, size_t n);
/* Upper end of the one-sided 95 % interval of a share seen k times in n, never too
 * short (Clopper and Pearson); n 0: 1. */
double stats_share_upper(size_t k, size_t n);

#endif
