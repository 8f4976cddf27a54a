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
#define SAME_LEVEL    1e-9   /* rounding */
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

/* The smallest step between different levels, of all: where most repeat exactly, values
 * are coarse, and one step further may be chance. 0: all are the same. */
static double least_gap(struct levels *l, size_t n)
{
	double least = INFINITY;

	for (size_t i = 0; i < n; i++)
		l->work[i] = l->level[i];
	stats_sort(l->work, n);
	for (size_t i = 1; i < n; i++)
		if (l->work[i] - l->work[i - 1] > SAME_LEVEL)
			least = fmin(least, l->work[i] - l->work[i - 1]);
	return isfinite(least) ? least : 0;
}

/* How unlikely the newest level is after those before; 1: they are too few. */
static double newest_p(struct levels *l)
{
	size_t n = l->n - 1;
	double middle, spread, z, mean;

	if (n < CHANGE_EARLIER)
		return 1;
	middle = median(l, l->level, 0, n);
	for (size_t i = 0; i < n; i++)
		l->work[i] = fabs(l->level[i] - middle);
	mean = stats_mean(l->work, n);
	spread = MAD_TO_SIGMA * stats_median(l->work, n);
	if (spread < SAME_LEVEL)
		spread = fmax(mean, least_gap(l, n + 1));
	spread = fmax(spread, SPREAD_LEAST);
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
	double p_level, p_newest;
	struct rank_split split; /* at 0: none */
	size_t spike;		 /* index of a level; the number of levels: none */
};

static void put_back(struct rank_split *s, size_t spike)
{
	if (!s->at)
		return;
	s->at += s->at >= spike;
	s->from += s->from >= spike;
	s->to += s->to >= spike;
}

static int test(struct work *w, bool has_newest, struct tested *ret)
{
	struct levels *l = &w->l;
	struct tested t = { .p_newest = has_newest ? newest_p(l) : 1 };
	size_t spike = without_spike(l);
	int r = rank_split_find(l->work, l->n - (spike < l->n), &t.split);

	if (r < 0)
		return r;
	put_back(&t.split, spike);
	t.spike = spike;
	t.p_level = fmin(1, t.split.p / WEIGHT_LEVEL);
	t.p_newest = fmin(1, t.p_newest / WEIGHT_NEWEST);
	*ret = t;
	return 0;
}

static double nearer_to_0(double a, double b)
{
	if ((a > 0) != (b > 0))
		return 0;
	return fabs(a) < fabs(b) ? a : b;
}

/* What stands whichever exponent of the interval is the true one. */
static int over_exponents(struct work *w, const struct slope *slope, size_t at,
			  struct change_cut *ret)
{
	const double exponents[] = { slope->exponent, slope->low, slope->high };
	struct levels *l = &w->l;
	double sure = 0, low = INFINITY, high = -INFINITY;

	for (size_t i = 0; i < 3; i++) {
		struct stats_shift shift;
		int r;

		make_levels(w, slope, exponents[i]);
		r = stats_shift(l->level, at, l->level + at, l->n - at, &shift);
		if (r < 0)
			return r;
		if (!i)
			ret->ratio = exp(shift.median);
		sure = i ? nearer_to_0(sure, shift.median) : shift.median;
		low = fmin(low, shift.low);
		high = fmax(high, shift.high);
	}
	ret->sure_ratio = exp(sure);
	if (fabs(sure) <= 0) /* for some exponent between, nothing changed at all */
		ret->p = 1;
	ret->low = exp(low);
	ret->high = exp(high);
	return 0;
}

static int describe(struct work *w, const struct slope *slope, size_t at, struct change_cut *ret)
{
	struct levels *l = &w->l;
	size_t n = l->n;

	ret->n_before = at;
	ret->n_after = n - at;
	ret->since = ret->earliest = ret->latest = l->run[at];
	ret->before = exp(median(l, l->raw, 0, at));
	ret->after = exp(median(l, l->raw, at, n));
	if (slope->input_known)
		ret->input_ratio = exp(median(l, l->input, at, n) - median(l, l->input, 0, at));
	return over_exponents(w, slope, at, ret);
}

/* The largest p of all exponents, for either test. */
static int test_all(struct work *w, bool has_newest, struct change *ret, struct rank_split *split)
{
	const double exponents[] = { ret->slope.exponent, ret->slope.low, ret->slope.high };

	ret->level.p = ret->newest.p = 0;
	for (size_t i = 0; i < 3; i++) {
		struct tested t;
		int r;

		if (i && fabs(exponents[i] - exponents[i - 1]) < 1e-9)
			continue;
		make_levels(w, &ret->slope, exponents[i]);
		r = test(w, has_newest, &t);
		if (r < 0)
			return r;
		ret->level.p = fmax(ret->level.p, t.p_level);
		ret->newest.p = fmax(ret->newest.p, t.p_newest);
		if (i)
			continue;
		*split = t.split;
		if (t.spike < w->l.n)
			ret->outlier = w->l.run[t.spike];
	}
	return 0;
}

static int find(struct work *w, uint32_t n_runs, struct change *ret)
{
	bool has_newest = w->n && w->points[w->n - 1].run == n_runs - 1;
	struct levels *l = &w->l;
	struct rank_split split;
	int r = slope_fit(w->points, w->n, &ret->slope);

	if (r < 0)
		return r;
	make_levels(w, &ret->slope, ret->slope.exponent);
	ret->runs = l->n;
	if (l->n < 2)
		return 0;
	if (has_newest)
		ret->newest_ratio = exp(l->level[l->n - 1] - median(l, l->level, 0, l->n - 1));
	r = test_all(w, has_newest, ret, &split);
	if (r == 0)
		r = describe(w, &ret->slope, l->n - 1, &ret->newest);
	if (r == 0 && split.at) {
		r = describe(w, &ret->slope, split.at, &ret->level);
		ret->level.earliest = l->run[split.from];
		ret->level.latest = l->run[split.to];
	}
	ret->p = fmin(ret->level.p, ret->newest.p);
	return r;
}

static const struct change_cut no_cut = { .ratio = NAN,
					  .low = NAN,
					  .high = NAN,
					  .sure_ratio = 1,
					  .before = NAN,
					  .after = NAN,
					  .input_ratio = NAN,
					  .p = 1 };

int change_find(const struct change_value *values, size_t n, uint32_t n_runs, struct change *ret)
{
	struct change made = { .p = 1, .q = 1, .newest_ratio = NAN, .outlier = CHANGE_NO_RUN };
	struct work w = { 0 };
	int r = work_init(&w, values, n);

	made.level = made.newest = made.cut = no_cut;
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

static void tell(struct change *c, double q_level)
{
	c->newest_only = q_level > CHANGE_FALSE_SHARE;
	c->cut = c->newest_only ? c->newest : c->level;
	c->verdict = CHANGE_UNKNOWN;
	if (!is_test(c))
		return;
	c->verdict = CHANGE_NONE;
	if (c->q <= CHANGE_FALSE_SHARE && fabs(log(c->cut.sure_ratio)) >= log1p(CHANGE_LEAST))
		c->verdict = c->cut.ratio > 1 ? CHANGE_UP : CHANGE_DOWN;
}

int change_judge(struct change *all, size_t n)
{
	_cleanup_free_ double *p = calloc(n + 1, sizeof(*p));
	_cleanup_free_ double *level = calloc(n + 1, sizeof(*level));
	size_t k = 0;
	int r;

	if (!p || !level)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (is_test(&all[i])) {
			level[k] = all[i].level.p;
			p[k++] = all[i].p;
		}
	r = stats_false_discovery(p, k);
	if (r == 0)
		r = stats_false_discovery(level, k);
	if (r < 0)
		return r;
	k = 0;
	for (size_t i = 0; i < n; i++) {
		bool tested = is_test(&all[i]);

		all[i].q = tested ? p[k] : 1;
		tell(&all[i], tested ? level[k] : 1);
		k += tested;
	}
	return 0;
}
