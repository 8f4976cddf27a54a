/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Did what tasks of one name use change in a history of runs, since which run, and is
 * the newest run unlike those before? Tasks of one run share the load of the machine,
 * its caches, its disk, the programs: they are not independent, and the run is what
 * counts as one observation. Its level is the median of its tasks' logarithms, with
 * the growth by input taken out. Two tests, over each series of levels:
 *  - level: the best cut of the series in two, by ranks (rank_split.h). At least 3 runs
 *    on either side. The one run that is farthest off all its neighbours, if any is by
 *    more than 5 sigma, is left out: it would hide a change from ranks of few runs.
 *  - newest: how far the newest level is off the median of those before, in units of
 *    their median deviation, by Student's distribution with 3 degrees of freedom: one
 *    run against few is far off only if tails are as heavy as that. From 5 earlier runs.
 * p = min(p_level / 0.8, p_newest / 0.2); q over all series (Benjamini, Hochberg). What
 * is proven by the first test alone is told as a change of level, the rest as a newest
 * run that is unlike the others: what is proven by it is a subset, so q holds for both.
 * Where the exponent of input is an interval, p is the largest of its ends and middle,
 * and the ratio nearest to 1 must still be a change. Pure: no I/O.
 */
#ifndef TRACER_ANALYSIS_CHANGE_H
#define TRACER_ANALYSIS_CHANGE_H

#include "src/analysis/input_slope.h"

#define CHANGE_FALSE_SHARE 0.05 /* of what is called changed, at most so much is not */
#define CHANGE_LEAST	   0.05 /* a change by less is none */
#define CHANGE_NO_RUN	   UINT32_MAX
#define CHANGE_EARLIER	   5 /* runs before the newest: fewer are no history */

struct change_value { /* of one task */
	uint32_t run;
	double value; /* > 0, else it is left out */
	double input; /* bytes; NAN or 0: unknown */
};

enum change_verdict {
	CHANGE_UNKNOWN, /* too few runs */
	CHANGE_NONE,	/* none proven */
	CHANGE_UP,
	CHANGE_DOWN,
};

struct change_cut {		   /* of a series in two */
	size_t n_before, n_after;  /* runs */
	uint32_t since;		   /* the first run after it */
	uint32_t earliest, latest; /* it may as well be one of these */
	double ratio, low, high;   /* after / before, 95 %, over all exponents; NAN: none */
	double sure_ratio;	   /* the one nearest to 1 that an exponent allows; 1: none */
	double before, after;	   /* medians of levels, nothing taken out */
	double input_ratio;	   /* medians of input; NAN: unknown */
	double p;		   /* weighted */
};

struct change {
	size_t runs;	     /* with a level */
	double newest_ratio; /* newest run / median of those before; NAN: none */
	struct slope slope;  /* how it grows with input */
	uint32_t outlier;    /* the run that the level test left out; CHANGE_NO_RUN: none */
	struct change_cut level, newest; /* both tests; p 1: not possible */
	double p, q;
	/* what is told: the level if it is proven by itself, else the newest run */
	enum change_verdict verdict;
	bool newest_only; /* it may be an outlier */
	struct change_cut cut;
};

/* Values in the order of their runs; the newest run is n_runs - 1. 0, -E2BIG (too many
 * runs) or -ENOMEM. q and verdict: by change_judge(), over all series. */
int change_find(const struct change_value *values, size_t n, uint32_t n_runs, struct change *ret);
int change_judge(struct change *all, size_t n); /* 0 or -ENOMEM */

#endif
