/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory the next task of one kind needs, learned from those before it.
 *
 * Three models predict the peak: the median (constant), a line over the bytes of
 * input, the largest of the five tasks nearest in input. Each one's prediction is
 * noted before the task's peak is learned, so that it is judged by what it did not
 * know. A model and a margin are then chosen by replaying the last SIZER_WINDOW
 * tasks under the cost of both mistakes: bytes that nobody used, for the task's
 * time; and an attempt that failed, its time, and what the next one costs. The
 * margin grows by what the next task may bring (at most a half by the number of
 * tasks seen, less where peaks hardly differ). A peak of a task that was killed for
 * memory is a lower bound: it counts as at least 1.2 times the limit, and is never
 * left out. Pure: no I/O. docs/tune.md has the rules and what they were tried on.
 */
#ifndef TRACER_ANALYSIS_RIGHTSIZE_H
#define TRACER_ANALYSIS_RIGHTSIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIZER_WINDOW	    300 /* tasks of one kind that are remembered */
#define SIZER_FEW	    3	/* below: no advice */
#define SIZER_CAUTIOUS	    10	/* below: the largest peak and a tenth */
#define SIZER_CAUTIOUS_NEXT 5	/* the same, for a replay that learns on */
#define OOM_FACTOR	    1.2 /* of its limit a killed task needs at least */

enum sizing_model { SIZING_CONSTANT, SIZING_LINE, SIZING_NEAREST, SIZING_MODELS };

struct usage { /* of one task */
	double input_bytes;
	double peak_bytes;  /* > 0 */
	double seconds;	    /* > 0 */
	double limit_bytes; /* 0: none, or unknown */
	bool killed_for_memory;
};

struct sizing_options {
	double time_to_failure; /* share of its time after which a task fails; (0, 1] */
	double failure_byte_s;	/* what one failure costs beyond it: byte seconds */
	double least_bytes, most_bytes;
};

extern const struct sizing_options sizing_defaults;

struct sizer;

struct sizing {
	enum sizing_model model;
	double margin;		    /* factor on the model's prediction */
	double bytes;		    /* for the input asked about */
	size_t samples;		    /* replayed */
	size_t failures;	    /* of them, under this choice */
	double failure_share_upper; /* 95 % */
	double waste_byte_s;	    /* of all of them, under this choice */
	bool cautious;		    /* too few for a choice: largest peak and a tenth */
};

int sizer_new(const struct sizing_options *options, struct sizer **ret); /* 0 or -ENOMEM */
void sizer_free(struct sizer *s);
void sizer_add(struct sizer *s, const struct usage *u); /* in the order of their starts */
size_t sizer_samples(const struct sizer *s);		/* all that were added */
double sizer_largest(const struct sizer *s);		/* peak ever; 0: none */
/* false with less than SIZER_FEW samples. */
enum sizing_use { SIZING_NEXT, SIZING_STANDS }; /* for one task, or to be written down */
bool sizer_choose(struct sizer *s, double input_bytes, enum sizing_use use, struct sizing *ret);
/* What to try after an attempt with so many bytes failed. */
double sizer_retry(const struct sizer *s, double failed_bytes);
const char *sizing_model_name(enum sizing_model model);

/* Cores that a task kept busy, from CPU time by wall time of each: what to ask for
 * (90th percentile and a quarter, rounded up). Sorts busy; n 0: 0. */
unsigned cores_needed(double *busy, size_t n);

#endif
