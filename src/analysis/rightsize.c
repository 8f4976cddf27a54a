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
#define RARE		20
#define USUAL		0.95 /* of inputs: what one size for all is made for */

struct sample {
	double x, v, t;			       /* input, peak, seconds */
	double said[SIZING_MODELS];	       /* before it was known; 0: nothing was said */
	size_t known;			       /* how many samples there were then */
	double largest, largest_input, killed; /* of them */
};

struct sizing_cost {
	enum sizing_model model;
	double margin, waste_byte_s;
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

double oom_least(const struct usage *u)
{
	double limit = u->limit_bytes > 0 ? u->limit_bytes : u->peak_bytes;

	return fmax(u->peak_bytes, limit * OOM_FACTOR);
}

void sizer_add(struct sizer *s, const struct usage *u)
{
	struct sample sample = {
		.x = u->input_bytes,
		.v = u->peak_bytes,
		.t = u->seconds,
		.known = s->added,
		.largest = s->largest,
		.largest_input = s->largest_input,
		.killed = s->killed,
	};

	if (u->killed_for_memory) {
		sample.v = oom_least(u);
		s->killed = fmax(s->killed, sample.v);
	}
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

static void replay(const struct sizer *s, struct sizing_cost *tried)
{
	tried->waste_byte_s = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct sample *k = &s->ring[i];
		bool failed;

		if (counts(k, s, tried->model))
			tried->waste_byte_s +=
				cost_of(s, k, k->said[tried->model] * tried->margin, &failed);
	}
}

static void choose(struct sizer *s)
{
	struct sizing_cost best = { .margin = 1, .waste_byte_s = INFINITY };
	double n = (double)s->added, spread = 0;

	for (unsigned model = 0; model < SIZING_MODELS; model++) {
		struct margins of;

		margins_of(s, model, &of);
		for (size_t k = 0; k < of.n; k++) {
			struct sizing_cost tried = { model, of.m[k], 0 };

			replay(s, &tried);
			if (tried.waste_byte_s < best.waste_byte_s) {
				best = tried;
				spread = of.spread;
			}
		}
	}
	/* the margin was chosen knowing the outcome; the next task's is not known */
	best.margin *= 1 + fmin(0.5 / n, spread + 0.15 / n);
	s->choice = (struct sizing){ .model = best.model, .margin = best.margin };
	s->chosen = true;
}

static void be_cautious(const struct sizer *s, struct sizing *ret)
{
	*ret = (struct sizing){
		.model = SIZING_CONSTANT,
		.margin = CAUTIOUS_MARGIN,
		.bytes = clamp(s, s->largest * CAUTIOUS_MARGIN),
		.cautious = true,
	};
}

/* Beyond what was ever needed only where the input is larger than ever, too. */
static void size_for(struct sizer *s, double input, struct sizing *ret)
{
	double bytes;

	if (!s->chosen)
		choose(s);
	*ret = s->choice;
	bytes = model_says(s, ret->model, input) * ret->margin;
	if (input <= s->largest_input)
		bytes = fmin(bytes, s->largest * CAUTIOUS_MARGIN);
	ret->bytes = clamp(s, bytes);
}

bool sizer_next(struct sizer *s, double input_bytes, struct sizing *ret)
{
	if (s->added < SIZER_FEW)
		return false;
	if (s->added < SIZER_CAUTIOUS_NEXT)
		be_cautious(s, ret);
	else
		size_for(s, input_bytes, ret);
	return true;
}

static double usual_input(const struct sizer *s)
{
	double x[SIZER_WINDOW];

	for (size_t i = 0; i < s->n; i++)
		x[i] = s->ring[i].x;
	stats_sort(x, s->n);
	return stats_quantile(x, s->n, USUAL);
}

/* What so many of the tasks had room in that of tasks like them one in RARE will not:
 * the next one's rank among n + 1 is any. */
static double rarely_exceeded(const struct sizer *s)
{
	double v[SIZER_WINDOW];
	size_t above = (s->n + 1) / RARE;

	for (size_t i = 0; i < s->n; i++)
		v[i] = s->ring[i].v;
	stats_sort(v, s->n);
	return v[s->n - (above ? above : 1)];
}

/* The cheapest size may be one that tasks outgrow often: engines that try again by
 * themselves can bear that, people who read a table cannot. And nobody wants to be
 * told to go below what a task has died of. */
static void size_for_all(struct sizer *s, double input, struct sizing *ret)
{
	if (s->added < SIZER_CAUTIOUS) {
		be_cautious(s, ret);
	} else {
		double least = rarely_exceeded(s) * (1 + 0.5 / (double)s->n);

		size_for(s, input, ret);
		ret->bytes = fmax(ret->bytes, clamp(s, least));
	}
	ret->bytes = fmax(ret->bytes, clamp(s, s->killed));
}

static void in_order(const struct sizer *s, struct sample *ret)
{
	size_t oldest = s->n < s->size ? 0 : s->next % s->size;

	for (size_t i = 0; i < s->n; i++)
		ret[i] = s->ring[(oldest + i) % s->size];
}

/* The past once more: what was written down stands until there is a twentieth more
 * to learn from. */
static void try_out(const struct sizer *s, struct sizing_risk *ret)
{
	struct sample past[SIZER_WINDOW];
	size_t again = SIZER_FEW;
	struct sizing given = { 0 };

	in_order(s, past);
	for (size_t i = SIZER_FEW; i < s->n; i++) {
		if (i == again) {
			struct sizer then = { .options = s->options,
					      .ring = past,
					      .n = i,
					      .size = i,
					      .added = past[i].known,
					      .largest = past[i].largest,
					      .largest_input = past[i].largest_input,
					      .killed = past[i].killed };

			size_for_all(&then, usual_input(&then), &given);
			again = i + 1 + i / 20;
		}
		ret->tried++;
		ret->failures += given.bytes < past[i].v;
	}
}

double sizer_waste(const struct sizer *s, double bytes)
{
	double sum = 0;
	bool failed;

	for (size_t i = 0; i < s->n; i++)
		sum += cost_of(s, &s->ring[i], bytes, &failed);
	return sum;
}

/* Its own tasks are too kind a judge of a size, later ones are a stern one: they
 * count if they met any. */
static void judge(const struct sizer *s, const struct sizing *size, struct sizing_risk *ret)
{
	ret->samples = s->n;
	ret->waste_byte_s = sizer_waste(s, size->bytes);
	for (size_t i = 0; i < s->n; i++)
		ret->below += size->bytes < s->ring[i].v;
	ret->failure_share_upper = stats_share_upper(ret->below, ret->samples);
	if (!size->cautious || ret->failures)
		ret->failure_share_upper = fmax(ret->failure_share_upper,
						stats_share_upper(ret->failures, ret->tried));
}

bool sizer_stands(struct sizer *s, struct sizing *ret, struct sizing_risk *ret_risk)
{
	struct sizing_risk risk = { 0 };

	if (s->added < SIZER_FEW)
		return false;
	risk.input_bytes = usual_input(s);
	size_for_all(s, risk.input_bytes, ret);
	if (!ret_risk)
		return true;
	try_out(s, &risk);
	judge(s, ret, &risk);
	*ret_risk = risk;
	return true;
}

const char *sizing_model_name(enum sizing_model model)
{
	static const char *const names[] = { "constant", "by input", "nearest inputs" };

	return names[model];
}

unsigned cores_needed(double *busy, size_t n, unsigned workers)
{
	double usual, cores;

	if (!n)
		return 0;
	stats_sort(busy, n);
	usual = stats_quantile(busy, n, 0.9);
	cores = ceil(usual + 0.25 - 1e-9);
	if (workers)
		cores = fmin(cores, fmax(workers, ceil(usual - 0.05)));
	return (unsigned)fmax(1, cores);
}
