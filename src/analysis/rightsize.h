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
 * left out.
 *
 * A size that is written down, for tasks of any input, has a risk that is not read
 * off the tasks that it was made from: each task is held against the size that those
 * before it would have given. Pure: no I/O. docs/tune.md has the rules and what they
 * were tried on.
 */
#ifndef TRACER_ANALYSIS_RIGHTSIZE_H
#define TRACER_ANALYSIS_RIGHTSIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIZER_WINDOW	    300	   /* tasks of one kind that are remembered */
#define SIZER_FEW	    3	   /* below: no advice */
#define SIZER_CAUTIOUS	    10	   /* below: the largest peak and a tenth */
#define SIZER_CAUTIOUS_NEXT 5	   /* the same, for a replay that learns on */
#define GB_H		    3.6e12 /* byte seconds */
#define OOM_FACTOR	    1.2	   /* of its limit a killed task needs at least */

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

/* What a task that was killed for memory needed at least. */
double oom_least(const struct usage *u);

extern const struct sizing_options sizing_defaults;

struct sizer;

struct sizing {
	enum sizing_model model;
	double margin; /* factor on the model's prediction */
	double bytes;
	bool cautious; /* too few for a choice: largest peak and a tenth */
};

struct sizing_risk {		    /* of one size for all */
	double input_bytes;	    /* that it is made for: the 95th percentile */
	size_t tried, failures;	    /* tasks that met the size of those before them */
	double failure_share_upper; /* of tasks to come, if they are like these; 95 % */
	size_t samples;		    /* remembered: what follows is about these */
	size_t below;		    /* they needed more than this size */
	double waste_byte_s;	    /* had all of them had this size */
};

int sizer_new(const struct sizing_options *options, struct sizer **ret); /* 0 or -ENOMEM */
void sizer_free(struct sizer *s);
void sizer_add(struct sizer *s, const struct usage *u); /* in the order of their starts */
size_t sizer_samples(const struct sizer *s);		/* all that were added */
double sizer_largest(const struct sizer *s);		/* peak ever; 0: none */
/* For the next task, of so much input. Both false with less than SIZER_FEW samples. */
bool sizer_next(struct sizer *s, double input_bytes, struct sizing *ret);
/* To be written down, for all that come: of these at most one in twenty should need
 * more, as far as there are enough to tell. Risk: may be NULL. */
bool sizer_stands(struct sizer *s, struct sizing *ret, struct sizing_risk *ret_risk);
/* What so many bytes for each of the remembered tasks would have cost, byte seconds. */
double sizer_waste(const struct sizer *s, double bytes);
/* What to try after an attempt with so many bytes failed. */
double sizer_retry(const struct sizer *s, double failed_bytes);
const char *sizing_model_name(enum sizing_model model);

/*
 * Cores to ask for, from what each task kept busy (CPU time by wall time): the 90th
 * percentile and a quarter, rounded up, but not more than had work at a time (workers;
 * 0: not known) and never less than the percentile. Sorts busy; n 0: 0.
 */
unsigned cores_needed(double *busy, size_t n, unsigned workers);

#endif
