/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/change.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "src/analysis/rank_split.h"
#include "src/analysis/stats.h"
#include "src/base/cleanup.h"

#define WEIGHT_LEVEL  0.8
#define WEIGHT_NEWEST 0.2
#define MAD_TO_SIGMA  1.4826 /* of a normal distribution */
#define MEDIAN_STEP   0.954  /* of two normal values, in their sigma */
#define SPIKE	      5	     /* sigma */
#define SPREAD_LEAST  0.01   /* of log levels: what repeats exactly is not known so well */

struct levels { /* of the runs that have any, in their order */
	uint32_t *run;
	double *level, *raw, *input, *work;
	size_t n;
};

struct work {
	struct slope_point *points;
	size_t n;
	struct levels l;
};

static void work_fini(struct work *w)
{
	free(w->points);
	free(w->l.run);
	free(w->l.level);
	free(w->l.raw);
	free(w->l.input);
	free(w->l.work);
}

static int work_init(struct work *w, const struct change_value *values, size_t n)
{
	w->points = calloc(n + 1, sizeof(*w->points));
	w->l.run = calloc(n + 1, sizeof(*w->l.run));
	w->l.level = calloc(n + 1, sizeof(double));
	w->l.raw = calloc(n + 1, sizeof(double));
	w->l.input = calloc(n + 1, sizeof(double));
	w->l.work = calloc(n + 1, sizeof(double));
	if (!w->points || !w->l.run || !w->l.level || !w->l.raw || !w->l.input || !w->l.work)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (values[i].value > 0 && isfinite(values[i].value))
			w->points[w->n++] =
				(struct slope_point){ values[i].run, log(values[i].value),
						      values[i].input > 0 ? log(values[i].input)
									  : NAN };
	return 0;
}

static double median_of(struct work *w, size_t first, size_t end, double exponent)
{
	for (size_t i = first; i < end; i++) {
		const struct slope_point *p = &w->points[i];

		w->l.work[i - first] = p->value - (exponent > 0 ? exponent * p->input : 0);
	}
	return stats_median(w->l.work, end - first);
}

static double median_input(struct work *w, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		w->l.work[i - first] = w->points[i].input;
	return stats_median(w->l.work, end - first);
}

static void make_levels(struct work *w, const struct slope *slope, double exponent)
{
	struct levels *l = &w->l;

	l->n = 0;
	for (size_t i = 0, end; i < w->n; i = end) {
		for (end = i; end < w->n && w->points[end].run == w->points[i].run;)
			end++;
		l->run[l->n] = w->points[i].run;
		l->input[l->n] = slope->input_known ? median_input(w, i, end) : NAN;
		l->raw[l->n] = median_of(w, i, end, 0);
		l->level[l->n++] = median_of(w, i, end, exponent);
	}
}

static double median(struct levels *l, const double *values, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		l->work[i - first] = values[i];
	return stats_median(l->work, end - first);
}

/* How unlikely the newest level is after those before; 1: they are too few. */
static double newest_p(struct levels *l)
{
	size_t n = l->n - 1;
	double middle, spread, z;

	if (n < CHANGE_EARLIER)
		return 1;
	middle = median(l, l->level, 0, n);
	for (size_t i = 0; i < n; i++)
		l->work[i] = fabs(l->level[i] - middle);
	spread = fmax(MAD_TO_SIGMA * stats_median(l->work, n), SPREAD_LEAST);
	/* both the median and the spread are themselves of n runs */
	z = fabs(l->level[n] - middle) / (spread * sqrt(1 + 1 / (double)n) * (1 + 4 / (double)n)) /
	    sqrt(3);
	return 1 - 2 / M_PI * (atan(z) + z / (1 + z * z));
}

static double step_spread(struct levels *l)
{
	for (size_t i = 1; i < l->n; i++)
		l->work[i - 1] = fabs(l->level[i] - l->level[i - 1]);
	return fmax(stats_median(l->work, l->n - 1) / MEDIAN_STEP, SPREAD_LEAST);
}

/* Far from each of its two neighbours on either side, and to the same side. */
static bool is_spike(const struct levels *l, size_t i, double far)
{
	size_t first = i > 2 ? i - 2 : 0, last = i + 2 < l->n ? i + 2 : l->n - 1;
	bool above = true, below = true;

	for (size_t k = first; k <= last; k++) {
		above &= k == i || l->level[i] - l->level[k] > far;
		below &= k == i || l->level[k] - l->level[i] > far;
	}
	return above || below;
}

/* The series without the worst of its outliers: one run in it that was disturbed must
 * not hide a change, which it does to ranks of few runs. The newest is never one. */
static size_t without_spike(struct levels *l)
{
	double far = SPIKE * step_spread(l), worst = 0;
	size_t at = l->n, k = 0;

	for (size_t i = 0; i + 1 < l->n; i++) {
		double off =
			i ? fabs(l->level[i] - l->level[i - 1]) : fabs(l->level[0] - l->level[1]);

		if (is_spike(l, i, far) && off > worst) {
			worst = off;
			at = i;
		}
	}
	for (size_t i = 0; i < l->n; i++)
		if (i != at)
			l->work[k++] = l->level[i];
	return at;
}

struct tested { /* under one exponent */
	double p;
	bool newest;
	size_t at;
	struct rank_split split;
	struct stats_shift shift;
};

static void put_back(struct rank_split *s, size_t spike)
{
	if (!s->at)
		return;
	s->at += s->at > spike;
	s->from += s->from > spike;
	s->to += s->to > spike;
}

static int test(struct work *w, const struct slope *slope, double exponent, bool has_newest,
		struct tested *ret)
{
	struct levels *l = &w->l;
	struct tested t = { 0 };
	double alone = 1;
	size_t spike;
	int r;

	make_levels(w, slope, exponent);
	spike = without_spike(l);
	r = rank_split_find(l->work, l->n - (spike < l->n), &t.split);
	if (r < 0)
		return r;
	put_back(&t.split, spike);
	if (has_newest)
		alone = newest_p(l);
	t.newest = !t.split.at || alone / WEIGHT_NEWEST < t.split.p / WEIGHT_LEVEL;
	t.p = fmin(1, fmin(alone / WEIGHT_NEWEST, t.split.p / WEIGHT_LEVEL));
	t.at = t.newest ? l->n - 1 : t.split.at;
	r = stats_shift(l->level, t.at, l->level + t.at, l->n - t.at, &t.shift);
	*ret = t;
	return r;
}

static void describe(struct work *w, const struct tested *t, struct change *ret)
{
	struct levels *l = &w->l;
	size_t n = l->n, at = t->at;

	ret->n_before = at;
	ret->n_after = n - at;
	ret->since = l->run[at];
	ret->newest_only = t->newest;
	ret->earliest = t->newest ? l->run[at] : l->run[t->split.from];
	ret->latest = t->newest ? l->run[at] : l->run[t->split.to];
	ret->ratio = exp(t->shift.median);
	ret->before = exp(median(l, l->raw, 0, at));
	ret->after = exp(median(l, l->raw, at, n));
	if (ret->slope.input_known)
		ret->input_ratio = exp(median(l, l->input, at, n) - median(l, l->input, 0, at));
}

/* The same cut under another exponent. */
static int shift_at(struct work *w, const struct slope *slope, double exponent, size_t at,
		    struct stats_shift *ret)
{
	make_levels(w, slope, exponent);
	return stats_shift(w->l.level, at, w->l.level + at, w->l.n - at, ret);
}

static double nearer_to_0(double a, double b)
{
	if ((a > 0) != (b > 0))
		return 0;
	return fabs(a) < fabs(b) ? a : b;
}

/* What stands whichever exponent of the interval is the true one. */
static int over_exponents(struct work *w, const struct tested *t, bool has_newest,
			  struct change *ret)
{
	const double ends[] = { ret->slope.low, ret->slope.high };
	double sure = t->shift.median, low = t->shift.low, high = t->shift.high;

	for (size_t i = 0; i < 2; i++) {
		struct stats_shift shift;
		struct tested other;
		int r = 0;

		if (fabs(ends[i] - ret->slope.exponent) < 1e-9)
			continue;
		r = test(w, &ret->slope, ends[i], has_newest, &other);
		if (r == 0)
			r = shift_at(w, &ret->slope, ends[i], t->at, &shift);
		if (r < 0)
			return r;
		ret->p = fmax(ret->p, other.p);
		sure = nearer_to_0(sure, shift.median);
		low = fmin(low, shift.low);
		high = fmax(high, shift.high);
	}
	ret->sure_ratio = exp(sure);
	ret->low = exp(low);
	ret->high = exp(high);
	return 0;
}

static int find(struct work *w, uint32_t n_runs, struct change *ret)
{
	bool has_newest = w->n && w->points[w->n - 1].run == n_runs - 1;
	struct tested t;
	int r = slope_fit(w->points, w->n, &ret->slope);

	if (r < 0)
		return r;
	make_levels(w, &ret->slope, ret->slope.exponent);
	ret->runs = w->l.n;
	if (w->l.n < 2)
		return 0;
	r = test(w, &ret->slope, ret->slope.exponent, has_newest, &t);
	if (r < 0)
		return r;
	if (has_newest)
		ret->newest_ratio =
			exp(w->l.level[w->l.n - 1] - median(&w->l, w->l.level, 0, w->l.n - 1));
	ret->p = t.p;
	describe(w, &t, ret);
	return over_exponents(w, &t, has_newest, ret);
}

int change_find(const struct change_value *values, size_t n, uint32_t n_runs, struct change *ret)
{
	struct change made = { .p = 1, .q = 1, .sure_ratio = 1 };
	struct work w = { 0 };
	int r = work_init(&w, values, n);

	made.ratio = made.low = made.high = made.newest_ratio = NAN;
	made.before = made.after = made.input_ratio = NAN;
	if (r == 0)
		r = find(&w, n_runs, &made);
	work_fini(&w);
	if (r == 0)
		*ret = made;
	return r;
}

static bool is_test(const struct change *c)
{
	return c->runs > CHANGE_EARLIER;
}

static enum change_verdict verdict_of(const struct change *c)
{
	if (!is_test(c))
		return CHANGE_UNKNOWN;
	if (c->q > CHANGE_FALSE_SHARE || fabs(log(c->sure_ratio)) < log1p(CHANGE_LEAST))
		return CHANGE_NONE;
	return c->ratio > 1 ? CHANGE_UP : CHANGE_DOWN;
}

int change_judge(struct change *all, size_t n)
{
	_cleanup_free_ double *p = calloc(n + 1, sizeof(*p));
	size_t k = 0;
	int r;

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (is_test(&all[i]))
			p[k++] = all[i].p;
	r = stats_false_discovery(p, k);
	if (r < 0)
		return r;
	k = 0;
	for (size_t i = 0; i < n; i++) {
		all[i].q = is_test(&all[i]) ? p[k++] : 1;
		all[i].verdict = verdict_of(&all[i]);
	}
	return 0;
}
