/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How what a task uses grows with its input, over a history of runs: value ~
 * input^exponent, as an interval of exponents. A change of level is claimed only if it
 * stands whichever of them is true. Pure: no I/O.
 */
#ifndef TRACER_ANALYSIS_INPUT_SLOPE_H
#define TRACER_ANALYSIS_INPUT_SLOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOPE_MAX	   2.0	/* quadratic; beyond it, and below 0, is chance */
#define SLOPE_INPUTS_LEAST 5	/* distinct sizes of input from which it is fitted */
#define SLOPE_SPREAD_LEAST 0.05 /* of log input: less shows no slope */
#define SLOPE_STEADY	   0.02 /* of log input over all runs: less is no change */

struct slope_point { /* one task: logarithms */
	uint32_t run;
	double value, input; /* input NAN: unknown */
};

struct slope {
	double exponent, low, high; /* 95 %; all 0: nothing is taken out */
	bool input_known;	    /* of every task */
	bool fitted;		    /* else the interval is all that is thinkable */
};

/* Points in the order of their runs. From tasks of one run with different input; else
 * from the steps between runs that follow each other. 0 or -ENOMEM. */
int slope_fit(const struct slope_point *points, size_t n, struct slope *ret);

#endif
