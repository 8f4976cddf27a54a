/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/rightsize.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/stats.h"

#define NEIGHBOURS	5
#define MARGINS		10
#define JUDGED_LEAST	10
#define CAUTIOUS_MARGIN 1.1

struct sample {
	double x, v, t;		    /* input, peak, seconds */
	double said[SIZING_MODELS]; /* before it was known; 0: nothing was said */
	size_t known;		    /* how many samples there were then */
};

struct sizer {
	struct sizing_options options;
	struct sample *ring;
	size_t n, size, next; /* n <= size <= SIZER_WINDOW */
	size_t added;
	double largest, largest_input;
	double killed; /* what tasks that were killed needed at least */
	bool chosen;   /* choice is of all samples */
	struct sizing choice;
};

const struct sizing_options sizing_defaults = {
	.time_to_failure = 1,
	.least_bytes = 64e6,
	.most_bytes = 128e9,
};

int sizer_new(const struct sizing_options *options, struct sizer **ret)
{
	struct sizer *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->options = *options;
	s->size = 16;
	s->ring = calloc(s->size, sizeof(*s->ring));
	if (!s->ring) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void sizer_free(struct sizer *s)
{
	if (!s)
		return;
	free(s->ring);
	free(s);
}

size_t sizer_samples(const struct sizer *s)
{
	return s->added;
}

double sizer_largest(const struct sizer *s)
{
	return s->largest;
}

static double constant_model(const struct sizer *s)
{
	double v[SIZER_WINDOW];

	for (size_t i = 0; i < s->n; i++)
		v[i] = s->ring[i].v;
	return stats_median(v, s->n);
}

static struct stats_line line_model(const struct sizer *s, double *ret_floor)
{
	double x[SIZER_WINDOW], v[SIZER_WINDOW], least = INFINITY;

	for (size_t i = 0; i < s->n; i++) {
		x[i] = s->ring[i].x;
		v[i] = s->ring[i].v;
		least = fmin(least, v[i]);
	}
	*ret_floor = least / 2;
	return stats_fit(x, v, s->n);
}

static double nearest_model(const struct sizer *s, double input)
{
	double distance[NEIGHBOURS], peak[NEIGHBOURS], largest = 0;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		double d = fabs(log1p(s->ring[i].x) - log1p(input));
		size_t k;

		if (n == NEIGHBOURS && d >= distance[n - 1])
			continue;
		k = n < NEIGHBOURS ? n++ : n - 1;
		for (; k > 0 && distance[k - 1] > d; k--) {
			distance[k] = distance[k - 1];
			peak[k] = peak[k - 1];
		}
		distance[k] = d;
		peak[k] = s->ring[i].v;
	}
	for (size_t k = 0; k < n; k++)
		largest = fmax(largest, peak[k]);
	return largest;
}

static double model_says(const struct sizer *s, enum sizing_model model, double input)
{
	struct stats_line line;
	double least;

	if (!s->n)
		return 0;
	if (model == SIZING_CONSTANT)
		return constant_model(s);
	if (model == SIZING_NEAREST)
		return nearest_model(s, input);
	line = line_model(s, &least);
	return fmax(line.intercept + line.slope * input, least);
}

double sizer_retry(const struct sizer *s, double failed)
{
	return failed < s->largest ? 1.05 * s->largest : 2 * failed;
}

/* The next place of the ring; without memory for more it forgets the oldest. */
static struct sample *place(struct sizer *s)
{
	if (s->n == s->size && s->size < SIZER_WINDOW) {
		size_t size = s->size * 2 < SIZER_WINDOW ? s->size * 2 : SIZER_WINDOW;
		struct sample *more = reallocarray(s->ring, size, sizeof(*more));

		if (more) {
			s->ring = more;
			s->size = size;
			s->next = s->n;
		}
	}
	if (s->next == s->size)
		s->next = 0;
	if (s->n < s->size)
		s->n++;
	return &s->ring[s->next++];
}

void sizer_add(struct sizer *s, const struct usage *u)
{
	struct sample sample = {
		.x = u->input_bytes, .v = u->peak_bytes, .t = u->seconds, .known = s->added
	};

	if (u->killed_for_memory)
		s->killed = fmax(s->killed, fmax(sample.v, u->limit_bytes * OOM_FACTOR));
	if (u->killed_for_memory)
		sample.v = fmax(sample.v, u->limit_bytes * OOM_FACTOR);
	for (unsigned m = 0; m < SIZING_MODELS; m++)
		sample.said[m] = model_says(s, m, u->input_bytes);
	*place(s) = sample;
	s->added++;
	s->largest = fmax(s->largest, sample.v);
	s->largest_input = fmax(s->largest_input, sample.x);
	s->chosen = false;
}

static double clamp(const struct sizer *s, double bytes)
{
	return fmin(fmax(bytes, s->options.least_bytes), s->options.most_bytes);
}

/* What giving a bytes to this task would have cost. */
static double cost_of(const struct sizer *s, const struct sample *k, double a, bool *ret_failed)
{
	const struct sizing_options *o = &s->options;

	a = clamp(s, a);
	*ret_failed = a < k->v;
	if (!*ret_failed)
		return k->t * (a - k->v);
	return k->t * (a * o->time_to_failure + sizer_retry(s, a) - k->v) + o->failure_byte_s;
}

/* What a model said when it knew a fifth of what it knows now, or less, does not tell
 * how good it is by now; ten samples are judged in any case. */
static bool counts(const struct sample *k, const struct sizer *s, enum sizing_model model)
{
	size_t early = s->added / 5;

	if (s->added < JUDGED_LEAST)
		early = 0;
	else if (early > s->added - JUDGED_LEAST)
		early = s->added - JUDGED_LEAST;
	return k->known >= early && k->said[model] > 0;
}

struct margins {
	double m[MARGINS];
	size_t n;
	double spread; /* of peaks around the model, 0..1 */
};

static void margins_of(const struct sizer *s, enum sizing_model model, struct margins *ret)
{
	static const double quantiles[] = { 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1 };
	enum { QUANTILES = sizeof(quantiles) / sizeof(*quantiles) };
	double ratio[SIZER_WINDOW], *m = ret->m;
	size_t n = 0;

	ret->n = 0;
	for (size_t i = 0; i < s->n; i++)
		if (counts(&s->ring[i], s, model))
			ratio[n++] = s->ring[i].v / s->ring[i].said[model];
	if (!n)
		return;
	stats_sort(ratio, n);
	for (size_t q = 0; q < QUANTILES; q++)
		m[q] = stats_quantile(ratio, n, quantiles[q]);
	ret->spread = 1 - m[0] / m[QUANTILES - 1];
	m[QUANTILES] = m[QUANTILES - 2] * 1.1;
	m[QUANTILES + 1] = m[QUANTILES - 1] * 1.1;
	m[QUANTILES + 2] = m[QUANTILES - 1] * 1.25;
	ret->n = QUANTILES + 3;
}

static void replay(const struct sizer *s, enum sizing_model model, double margin,
		   struct sizing *ret)
{
	*ret = (struct sizing){ .model = model, .margin = margin };
	for (size_t i = 0; i < s->n; i++) {
		const struct sample *k = &s->ring[i];
		bool failed;

		if (!counts(k, s, model))
			continue;
		ret->waste_byte_s += cost_of(s, k, k->said[model] * margin, &failed);
		ret->failures += failed;
		ret->samples++;
	}
}

static void choose(struct sizer *s)
{
	struct sizing best = { .margin = 1, .waste_byte_s = INFINITY };
	double n = (double)s->added, spread = 0;

	for (unsigned model = 0; model < SIZING_MODELS; model++) {
		struct margins of;

		margins_of(s, model, &of);
		for (size_t k = 0; k < of.n; k++) {
			struct sizing tried;

			replay(s, model, of.m[k], &tried);
			if (tried.waste_byte_s < best.waste_byte_s) {
				best = tried;
				spread = of.spread;
			}
		}
	}
	/* the margin was chosen knowing the outcome; the next task's is not known */
	best.margin *= 1 + fmin(0.5 / n, spread + 0.15 / n);
	best.failure_share_upper = stats_share_upper(best.failures, best.samples);
	s->choice = best;
	s->chosen = true;
}

/* What giving so many bytes to every task would have done. */
static void replay_constant(const struct sizer *s, double bytes, struct sizing *ret)
{
	ret->bytes = clamp(s, bytes);
	ret->samples = s->n;
	ret->failures = 0;
	ret->waste_byte_s = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct sample *k = &s->ring[i];
		bool failed;

		ret->waste_byte_s += cost_of(s, k, ret->bytes, &failed);
		ret->failures += failed;
	}
	ret->failure_share_upper = stats_share_upper(ret->failures, ret->samples);
}

static void be_cautious(const struct sizer *s, struct sizing *ret)
{
	*ret = (struct sizing){
		.model = SIZING_CONSTANT,
		.margin = CAUTIOUS_MARGIN,
		.cautious = true,
	};
	replay_constant(s, s->largest * CAUTIOUS_MARGIN, ret);
}

bool sizer_choose(struct sizer *s, double input_bytes, enum sizing_use use, struct sizing *ret)
{
	double bytes;

	if (s->added < SIZER_FEW)
		return false;
	if (s->added < (use == SIZING_STANDS ? SIZER_CAUTIOUS : SIZER_CAUTIOUS_NEXT)) {
		be_cautious(s, ret);
		return true;
	}
	if (!s->chosen)
		choose(s);
	*ret = s->choice;
	bytes = model_says(s, ret->model, input_bytes) * ret->margin;
	/* beyond what was ever needed only where the input is larger than ever, too */
	if (input_bytes <= s->largest_input)
		bytes = fmin(bytes, s->largest * CAUTIOUS_MARGIN);
	/* nobody wants to be told to go below what a task has died of */
	if (use == SIZING_STANDS && bytes < s->killed)
		replay_constant(s, s->killed, ret);
	else
		ret->bytes = clamp(s, bytes);
	return true;
}

const char *sizing_model_name(enum sizing_model model)
{
	static const char *const names[] = { "constant", "by input", "nearest inputs" };

	return names[model];
}

unsigned cores_needed(double *busy, size_t n)
{
	if (!n)
		return 0;
	stats_sort(busy, n);
	return (unsigned)fmax(1, ceil(stats_quantile(busy, n, 0.9) + 0.25 - 1e-9));
}
