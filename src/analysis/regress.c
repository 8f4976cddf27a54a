/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/regress.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "src/analysis/stats.h"
#include "src/base/cleanup.h"

#define LEAST_FOR_SLOPE 8    /* values with a known input, on both sides together */
#define LEAST_SPREAD	0.05 /* of log input within its side: less shows no slope */

struct side { /* logarithms */
	double *value, *input;
	size_t n, n_input;
};

static int side_init(struct side *s, const struct measured *m, size_t n)
{
	*s = (struct side){ .value = calloc(n + 1, sizeof(double)),
			    .input = calloc(n + 1, sizeof(double)) };
	if (!s->value || !s->input)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		bool known = m[i].input > 0;

		if (!(m[i].value > 0) || !isfinite(m[i].value))
			continue;
		s->value[s->n] = log(m[i].value);
		s->input[s->n] = known ? log(m[i].input) : NAN;
		s->n_input += known;
		s->n++;
	}
	return 0;
}

static void side_fini(struct side *s)
{
	free(s->value);
	free(s->input);
}

/* Sums around the means of one side: what lies between the sides is not input. */
static void add_slope(const struct side *s, double *xx, double *xy)
{
	double mx = stats_mean(s->input, s->n), my = stats_mean(s->value, s->n);

	for (size_t i = 0; i < s->n; i++) {
		*xx += (s->input[i] - mx) * (s->input[i] - mx);
		*xy += (s->input[i] - mx) * (s->value[i] - my);
	}
}

/* How values grow with input, from the differences within both sides. Less than 0 or
 * more than quadratic is taken for chance. Is it known? Else it is 0. */
static bool exponent_of(const struct side *a, const struct side *b, double *ret)
{
	double n = (double)(a->n + b->n), xx = 0, xy = 0;

	if (a->n_input != a->n || b->n_input != b->n || a->n + b->n < LEAST_FOR_SLOPE)
		return false;
	add_slope(a, &xx, &xy);
	add_slope(b, &xx, &xy);
	if (sqrt(xx / n) < LEAST_SPREAD)
		return false;
	*ret = fmin(fmax(xy / xx, 0), 2);
	return true;
}

static void take_out(struct side *s, double exponent)
{
	if (exponent > 0)
		for (size_t i = 0; i < s->n; i++)
			s->value[i] -= exponent * s->input[i];
}

static double input_ratio(const struct side *a, const struct side *b)
{
	if (!a->n || !b->n || a->n_input != a->n || b->n_input != b->n)
		return NAN;
	return exp(stats_median(b->input, b->n) - stats_median(a->input, a->n));
}

static int compare(struct side *a, struct side *b, struct regress *ret)
{
	struct regress made = { .n_before = a->n, .n_after = b->n, .ratio = NAN, .p = 1 };
	struct stats_shift shift;
	int r;

	made.low = made.high = NAN;
	made.exponent_known = exponent_of(a, b, &made.exponent);
	take_out(a, made.exponent);
	take_out(b, made.exponent);
	if (a->n && b->n) {
		r = stats_shift(a->value, a->n, b->value, b->n, &shift);
		if (r < 0)
			return r;
		made.ratio = exp(shift.median);
		made.low = exp(shift.low);
		made.high = exp(shift.high);
		made.p = stats_rank_sum_p(a->value, a->n, b->value, b->n);
		if (isnan(made.p))
			return -ENOMEM;
	}
	made.input_ratio = input_ratio(a, b); /* sorts: last */
	*ret = made;
	return 0;
}

int regress_compare(const struct measured *before, size_t n_before, const struct measured *after,
		    size_t n_after, struct regress *ret)
{
	struct side a = { 0 }, b = { 0 };
	int r = side_init(&a, before, n_before);

	if (r == 0)
		r = side_init(&b, after, n_after);
	if (r == 0)
		r = compare(&a, &b, ret);
	side_fini(&a);
	side_fini(&b);
	return r;
}

static enum regress_verdict verdict_of(const struct regress *r)
{
	if (stats_rank_sum_floor(r->n_before, r->n_after) > REGRESS_FALSE_SHARE)
		return REGRESS_UNKNOWN;
	if (r->q > REGRESS_FALSE_SHARE || fabs(log(r->ratio)) < log1p(REGRESS_LEAST))
		return REGRESS_SAME;
	return r->ratio > 1 ? REGRESS_INCREASED : REGRESS_DECREASED;
}

int regress_judge(struct regress *all, size_t n)
{
	_cleanup_free_ double *p = calloc(n + 1, sizeof(*p));
	size_t k = 0;
	int r;

	if (!p)
		return -ENOMEM;
	/* those that cannot prove anything are no tests */
	for (size_t i = 0; i < n; i++)
		if (stats_rank_sum_floor(all[i].n_before, all[i].n_after) <= REGRESS_FALSE_SHARE)
			p[k++] = all[i].p;
	r = stats_false_discovery(p, k);
	if (r < 0)
		return r;
	k = 0;
	for (size_t i = 0; i < n; i++) {
		bool tested = stats_rank_sum_floor(all[i].n_before, all[i].n_after) <=
			      REGRESS_FALSE_SHARE;

		all[i].q = tested ? p[k++] : 1;
		all[i].verdict = verdict_of(&all[i]);
	}
	return 0;
}
