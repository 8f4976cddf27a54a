/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Did a kind of task change between two sets of runs? One comparison for each kind
 * and metric: ratio of typical values with its interval, input size taken out, a rank
 * test, and over all comparisons the share of false alarms held down. Pure: no I/O.
 */
#ifndef TRACER_ANALYSIS_REGRESS_H
#define TRACER_ANALYSIS_REGRESS_H

#include <stdbool.h>
#include <stddef.h>

#define REGRESS_FALSE_SHARE 0.05 /* of what is called changed, at most so much is not */
#define REGRESS_LEAST	    0.05 /* a change by less is none */

struct measured {
	double value; /* > 0, else it is left out */
	double input; /* bytes; NAN or 0: unknown */
};

enum regress_verdict {
	REGRESS_UNKNOWN, /* too few to tell: no split of them could prove a change */
	REGRESS_SAME,	 /* nothing proven */
	REGRESS_INCREASED,
	REGRESS_DECREASED
};

struct regress {
	size_t n_before, n_after;
	double ratio, low, high; /* after / before, 95 %; NAN: one side has nothing */
	double exponent;	 /* of input: value ~ input^exponent; 0: not taken out */
	bool exponent_known;	 /* it was fitted */
	double input_ratio;	 /* median input after / before; NAN: unknown */
	double p, q;
	enum regress_verdict verdict;
};

/* 0, -ENOMEM or -E2BIG. q and verdict: by regress_judge(), over all comparisons. */
int regress_compare(const struct measured *before, size_t n_before, const struct measured *after,
		    size_t n_after, struct regress *ret);
int regress_judge(struct regress *all, size_t n); /* 0 or -ENOMEM */

#endif
