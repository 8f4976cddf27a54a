/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/input_slope.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "src/analysis/stats.h"
#include "src/base/cleanup.h"

#define SAME_INPUT  0.005 /* of log input: one sample, whose own ways are its size's */
#define STEPS_LEAST 6

struct within { /* a task, off the mean of its run */
	double input, x, y;
};

static int by_input(const void *a, const void *b)
{
	double x = ((const struct within *)a)->input, y = ((const struct within *)b)->input;

	return (x > y) - (x < y);
}

static double clamp(double exponent)
{
	return fmin(fmax(exponent, 0), SLOPE_MAX);
}

/* Two-sided 95 % quantile of Student's t: within 1 % from 3 degrees of freedom on. */
static double t_quantile(double df)
{
	return 1.96 + 2.4 / df + 3.5 / (df * df);
}

static size_t run_end(const struct slope_point *p, size_t n, size_t first)
{
	size_t i = first;

	while (i < n && p[i].run == p[first].run)
		i++;
	return i;
}

/* Least squares through the means of the runs. Tasks of one size of input, in whatever
 * run, are one observation of how it grows: the error is that of sizes (jackknife over
 * clusters), and without several sizes nothing is known. */
static bool fit_clusters(struct within *w, size_t n, struct slope *ret)
{
	double xx = 0, xy = 0, spread = 0, slope, error;
	size_t clusters = 0;

	for (size_t i = 0; i < n; i++) {
		xx += w[i].x * w[i].x;
		xy += w[i].x * w[i].y;
	}
	if (!n || sqrt(xx / (double)n) < SLOPE_SPREAD_LEAST)
		return false;
	slope = xy / xx;
	qsort(w, n, sizeof(*w), by_input);
	for (size_t i = 0, first; i < n; clusters++) {
		double sum = 0, own = 0;

		for (first = i; i < n && w[i].input - w[first].input <= SAME_INPUT; i++) {
			sum += w[i].x * (w[i].y - slope * w[i].x);
			own += w[i].x * w[i].x;
		}
		sum /= fmax(1 - own / xx, 0.1); /* as far off as without itself */
		spread += sum * sum;
	}
	if (clusters < SLOPE_INPUTS_LEAST)
		return false;
	spread *= (double)(clusters - 1) / (double)clusters;
	error = t_quantile((double)(clusters - 2)) * sqrt(spread) / xx;
	ret->exponent = clamp(slope);
	ret->low = clamp(slope - error);
	ret->high = clamp(slope + error);
	ret->fitted = true;
	return true;
}

static bool fit_within(const struct slope_point *p, size_t n, struct within *w, struct slope *ret)
{
	size_t k = 0;

	for (size_t i = 0, end; i < n; i = end) {
		double x = 0, y = 0;

		end = run_end(p, n, i);
		for (size_t t = i; t < end; t++) {
			x += p[t].input / (double)(end - i);
			y += p[t].value / (double)(end - i);
		}
		for (size_t t = i; t < end && end - i > 1; t++)
			w[k++] = (struct within){ p[t].input, p[t].input - x, p[t].value - y };
	}
	return fit_clusters(w, k, ret);
}

/* The order statistics between which the median lies with 95 %. */
static size_t sign_test_margin(size_t n)
{
	double term = pow(0.5, (double)n), sum = term;
	size_t k = 0;

	while (k + 1 < n / 2 && sum + term * (double)(n - k) / (double)(k + 1) <= 0.025) {
		term *= (double)(n - k) / (double)(k + 1);
		sum += term;
		k++;
	}
	return k;
}

/* Median of the slopes of steps between runs that follow each other: the one step at
 * which a level changes does not move it. */
static bool fit_steps(const double *x, const double *y, size_t runs, double *slopes,
		      struct slope *ret)
{
	size_t n = 0, k;

	for (size_t i = 1; i < runs; i++)
		if (fabs(x[i] - x[i - 1]) >= SLOPE_SPREAD_LEAST)
			slopes[n++] = (y[i] - y[i - 1]) / (x[i] - x[i - 1]);
	if (n < STEPS_LEAST)
		return false;
	ret->exponent = clamp(stats_median(slopes, n));
	k = sign_test_margin(n);
	ret->low = clamp(slopes[k]);
	ret->high = clamp(slopes[n - 1 - k]);
	ret->fitted = true;
	return true;
}

static bool few_sizes(const double *x, size_t n, double *sorted)
{
	size_t sizes = n > 0;

	for (size_t i = 0; i < n; i++)
		sorted[i] = x[i];
	stats_sort(sorted, n);
	for (size_t i = 1; i < n; i++)
		sizes += sorted[i] - sorted[i - 1] > SAME_INPUT;
	return sizes < SLOPE_INPUTS_LEAST;
}

struct medians {
	double *x, *y, *work;
	size_t runs;
};

static void run_medians(const struct slope_point *p, size_t n, struct medians *m)
{
	for (size_t i = 0, end; i < n; i = end) {
		end = run_end(p, n, i);
		for (size_t t = i; t < end; t++)
			m->work[t - i] = p[t].input;
		m->x[m->runs] = stats_median(m->work, end - i);
		for (size_t t = i; t < end; t++)
			m->work[t - i] = p[t].value;
		m->y[m->runs++] = stats_median(m->work, end - i);
	}
}

static bool steady(const struct medians *m)
{
	double low = INFINITY, high = -INFINITY;

	for (size_t i = 0; i < m->runs; i++) {
		low = fmin(low, m->x[i]);
		high = fmax(high, m->x[i]);
	}
	return high - low < SLOPE_STEADY;
}

static void fit_between(const struct slope_point *p, size_t n, struct medians *m, struct slope *ret)
{
	run_medians(p, n, m);
	if (steady(m)) {
		*ret = (struct slope){ .input_known = true };
		return;
	}
	if (!few_sizes(m->x, m->runs, m->work) && fit_steps(m->x, m->y, m->runs, m->work, ret))
		return;
	ret->exponent = 1; /* not known: linear is the most usual */
	ret->low = 0;
	ret->high = SLOPE_MAX;
}

int slope_fit(const struct slope_point *points, size_t n, struct slope *ret)
{
	_cleanup_free_ struct within *w = calloc(n + 1, sizeof(*w));
	_cleanup_free_ double *x = calloc(n + 1, sizeof(*x));
	_cleanup_free_ double *y = calloc(n + 1, sizeof(*y));
	_cleanup_free_ double *work = calloc(n + 1, sizeof(*work));
	struct medians m = { x, y, work, 0 };

	if (!w || !x || !y || !work)
		return -ENOMEM;
	*ret = (struct slope){ .input_known = n > 0 };
	for (size_t i = 0; i < n; i++)
		ret->input_known &= !isnan(points[i].input);
	if (ret->input_known && !fit_within(points, n, w, ret))
		fit_between(points, n, &m, ret);
	return 0;
}
