/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"

#define EXACT_MAX 60 /* values of both samples: above it the normal form is as good */
#define Z_95_TWO  1.959963984540054

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void stats_sort(double *values, size_t n)
{
	if (n > 1)
		qsort(values, n, sizeof(*values), by_value);
}

double stats_quantile(const double *sorted, size_t n, double q)
{
	double h, low;
	size_t i;

	if (!n)
		return NAN;
	h = (double)(n - 1) * fmin(fmax(q, 0), 1);
	low = floor(h);
	i = (size_t)low;
	if (i + 1 >= n)
		return sorted[n - 1];
	return sorted[i] + (h - low) * (sorted[i + 1] - sorted[i]);
}

double stats_median(double *values, size_t n)
{
	stats_sort(values, n);
	return stats_quantile(values, n, 0.5);
}

double stats_mean(const double *values, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += values[i];
	return n ? sum / (double)n : NAN;
}

double stats_deviation(const double *values, size_t n)
{
	double mean = stats_mean(values, n), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (values[i] - mean) * (values[i] - mean);
	return n > 1 ? sqrt(sum / (double)(n - 1)) : 0;
}

struct stats_line stats_fit(const double *x, const double *y, size_t n)
{
	double mx = stats_mean(x, n), my = stats_mean(y, n), sxx = 0, sxy = 0;
	struct stats_line line = { my, 0 };

	for (size_t i = 0; i < n; i++) {
		sxx += (x[i] - mx) * (x[i] - mx);
		sxy += (x[i] - mx) * (y[i] - my);
	}
	/* equal values leave rounding errors, not spread */
	if (n < 2 || sxx <= 1e-18 * (double)n * mx * mx)
		return line;
	line.slope = sxy / sxx;
	line.intercept = my - line.slope * mx;
	return line;
}

struct ranked {
	double value;
	size_t twice_rank; /* integer also for the mean rank of a tie */
	int of_a;
};

static int by_ranked_value(const void *a, const void *b)
{
	return by_value(&((const struct ranked *)a)->value, &((const struct ranked *)b)->value);
}

/* Returns the sum of t^3 - t over ties. */
static double give_ranks(struct ranked *r, size_t n)
{
	double ties = 0;

	qsort(r, n, sizeof(*r), by_ranked_value);
	for (size_t i = 0, end; i < n; i = end) {
		double t;

		end = i + 1;
		while (end < n && r[end].value <= r[i].value)
			end++;
		for (size_t k = i; k < end; k++)
			r[k].twice_rank = i + 1 + end;
		t = (double)(end - i);
		ties += t * t * t - t;
	}
	return ties;
}

/* Of all ways to pick n_a of the ranks, the share whose sum is as far from the mean
 * as the one seen. ways[k][s]: in how many ways k ranks sum to s. */
static double exact_p(const struct ranked *r, size_t n, size_t n_a, size_t seen)
{
	size_t all = n * (n + 1), width = all + 1, mean = n_a * (n + 1);
	size_t off = seen > mean ? seen - mean : mean - seen;
	_cleanup_free_ double *ways = calloc((n_a + 1) * width, sizeof(*ways));
	double far = 0, total = 0;

	if (!ways)
		return NAN;
	ways[0] = 1;
	for (size_t i = 0; i < n; i++) {
		size_t rank = r[i].twice_rank;

		for (size_t k = i + 1 < n_a ? i + 1 : n_a; k > 0; k--) {
			double *to = ways + k * width;
			const double *from = ways + (k - 1) * width;

			for (size_t s = rank; s < width; s++)
				to[s] += from[s - rank];
		}
	}
	for (size_t s = 0; s < width; s++) {
		double w = ways[n_a * width + s];

		total += w;
		if ((s > mean ? s - mean : mean - s) >= off)
			far += w;
	}
	return far / total;
}

static double normal_p(double n_a, double n_b, double ties, double twice_seen)
{
	double n = n_a + n_b, u = twice_seen / 2 - n_a * (n_a + 1) / 2;
	double variance = n_a * n_b / 12 * (n + 1 - ties / (n * (n - 1)));
	double off = fabs(u - n_a * n_b / 2) - 0.5; /* a step stands for its middle */

	if (variance <= 0 || off <= 0)
		return 1;
	return erfc(off / sqrt(variance) / sqrt(2));
}

double stats_rank_sum_p(const double *a, size_t n_a, const double *b, size_t n_b)
{
	size_t n = n_a + n_b, seen = 0;
	_cleanup_free_ struct ranked *r = NULL;
	double ties;

	if (!n_a || !n_b)
		return 1;
	r = calloc(n, sizeof(*r));
	if (!r)
		return NAN;
	for (size_t i = 0; i < n_a; i++)
		r[i] = (struct ranked){ a[i], 0, 1 };
	for (size_t i = 0; i < n_b; i++)
		r[n_a + i] = (struct ranked){ b[i], 0, 0 };
	ties = give_ranks(r, n);
	for (size_t i = 0; i < n; i++)
		if (r[i].of_a)
			seen += r[i].twice_rank;
	if (n <= EXACT_MAX)
		return exact_p(r, n, n_a, seen);
	return normal_p((double)n_a, (double)n_b, ties, (double)seen);
}

double stats_rank_sum_floor(size_t n_a, size_t n_b)
{
	double ways = 1;

	for (size_t i = 1; i <= n_a; i++)
		ways *= (double)(n_b + i) / (double)i;
	return n_a && n_b ? fmin(1, 2 / ways) : 1;
}

struct pairs { /* all b - a, of two sorted samples: too many to be listed */
	double *a, *b;
	size_t n_a, n_b;
};

/* How many differences are x or less. */
static size_t pairs_until(const struct pairs *p, double x)
{
	size_t count = 0, j = 0;

	for (size_t i = 0; i < p->n_a; i++) {
		while (j < p->n_b && p->b[j] - p->a[i] <= x)
			j++;
		count += j;
	}
	return count;
}

/* The k-th difference, from 0: the least x that k + 1 of them do not exceed. Halving
 * ends at neighbouring numbers, so it is that difference itself. */
static double pairs_at(const struct pairs *p, size_t k)
{
	double low = p->b[0] - p->a[p->n_a - 1], high = p->b[p->n_b - 1] - p->a[0];

	if (pairs_until(p, low) > k)
		return low;
	for (;;) {
		double middle = low / 2 + high / 2;

		if (!(middle > low && middle < high))
			return high;
		if (pairs_until(p, middle) > k)
			high = middle;
		else
			low = middle;
	}
}

static int pairs_init(struct pairs *p, const double *a, const double *b)
{
	p->a = malloc(p->n_a * sizeof(*a));
	p->b = malloc(p->n_b * sizeof(*b));
	if (!p->a || !p->b)
		return -ENOMEM;
	memcpy(p->a, a, p->n_a * sizeof(*a));
	memcpy(p->b, b, p->n_b * sizeof(*b));
	stats_sort(p->a, p->n_a);
	stats_sort(p->b, p->n_b);
	return 0;
}

int stats_shift(const double *a, size_t n_a, const double *b, size_t n_b, struct stats_shift *ret)
{
	struct pairs p = { .n_a = n_a, .n_b = n_b };
	size_t n = n_a * n_b, k;
	double spread, middle;
	int r;

	if (!n_a || !n_b)
		return -EINVAL;
	r = pairs_init(&p, a, b);
	if (r == 0) {
		spread = Z_95_TWO * sqrt((double)n * (double)(n_a + n_b + 1) / 12);
		k = spread < (double)n / 2 ? (size_t)((double)n / 2 - spread) : 0;
		middle = pairs_at(&p, (n - 1) / 2);
		if (n % 2 == 0)
			middle += 0.5 * (pairs_at(&p, n / 2) - middle);
		*ret = (struct stats_shift){ middle, pairs_at(&p, k), pairs_at(&p, n - 1 - k) };
	}
	free(p.a);
	free(p.b);
	return r;
}

int stats_false_discovery(double *p, size_t n)
{
	_cleanup_free_ struct ranked *r = calloc(n ? n : 1, sizeof(*r));
	double least = 1;

	if (!r)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		r[i] = (struct ranked){ p[i], i, 0 };
	qsort(r, n, sizeof(*r), by_ranked_value);
	for (size_t i = n; i > 0; i--) {
		least = fmin(least, r[i - 1].value * (double)n / (double)i);
		p[r[i - 1].twice_rank] = least;
	}
	return 0;
}

/* That k or fewer of n fail, each with that chance. */
static double at_most(size_t k, size_t n, double chance)
{
	double sum = 0, m = (double)n;
	int sign;

	for (size_t i = 0; i <= k; i++) {
		double x = (double)i, ways = lgamma_r(m + 1, &sign) - lgamma_r(x + 1, &sign) -
					     lgamma_r(m - x + 1, &sign);

		sum += exp(ways + x * log(chance) + (m - x) * log1p(-chance));
	}
	return sum;
}

double stats_share_upper(size_t k, size_t n)
{
	double low = 0, high = 1;

	if (k >= n)
		return 1;
	for (unsigned i = 0; i < 40; i++) {
		double middle = (low + high) / 2;

		if (at_most(k, n, middle) > 0.05)
			low = middle;
		else
			high = middle;
	}
	return high;
}
