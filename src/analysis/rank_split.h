/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in a series the level changed: of all ways to cut it in two, the one whose
 * rank sum test (Wilcoxon, Mann and Whitney, two-sided) is the least likely by chance.
 * The p value of the series is that of the least of all cuts, without simulation:
 *
 *	p = sum over cuts k of  P(p_k <= least)
 *
 * which is an upper bound whatever the dependence of the cuts. P(p_k <= least) is
 * exact without ties up to RANK_SPLIT_EXACT values (the largest p that cut can have
 * which is not above the least; 0 where its smallest is), else `least` itself, and 0
 * for cuts that could not be so unlikely. So cuts near the ends cost little: 8 against
 * 8, wholly apart, is 2 / 12870 whatever else could have been cut. Pure: no I/O.
 */
#ifndef TRACER_ANALYSIS_RANK_SPLIT_H
#define TRACER_ANALYSIS_RANK_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#define RANK_SPLIT_LEAST 3  /* values on either side: one or two may be outliers */
#define RANK_SPLIT_EXACT 56 /* counts of all divisions are integers of a double */
#define RANK_SPLIT_MAX	 1000

struct rank_split {
	size_t at;	 /* the first value of the new level; 0: too few values */
	size_t from, to; /* cuts that are nearly as good: at most ten times as likely */
	double p;
};

/* 0, -E2BIG or -ENOMEM. */
int rank_split_find(const double *values, size_t n, struct rank_split *ret);
/* The smallest p that a series of n can show; 1: none. */
double rank_split_floor(size_t n);

#endif
