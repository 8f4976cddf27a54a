/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/rank_split.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/stats.h"
#include "src/base/cleanup.h"

#define TIES_EXACT   40 /* with ties all divisions are counted: slow, for the best cut only */
#define PRODUCT_MAX  (RANK_SPLIT_EXACT / 2 * (RANK_SPLIT_EXACT / 2))
#define AS_GOOD	     10
#define ROUGHLY	     30 /* the normal form is off by less, to either side */
#define AS_LIKELY    3
#define BEYOND_PROOF 0.05 /* not worth counting */

struct place {
	double value;
	size_t at;
};

static int by_value(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

/* Mean ranks of ties; returns the sum of t^3 - t over them, or NAN without memory. */
static double rank_all(const double *values, size_t n, double *ret_ranks)
{
	_cleanup_free_ struct place *p = calloc(n, sizeof(*p));
	double ties = 0;

	if (!p)
		return NAN;
	for (size_t i = 0; i < n; i++)
		p[i] = (struct place){ values[i], i };
	qsort(p, n, sizeof(*p), by_value);
	for (size_t i = 0, end; i < n; i = end) {
		double t;

		end = i + 1;
		while (end < n && p[end].value <= p[i].value)
			end++;
		for (size_t k = i; k < end; k++)
			ret_ranks[p[k].at] = (double)(i + 1 + end) / 2;
		t = (double)(end - i);
		ties += t * t * t - t;
	}
	return ties;
}

/* In how many ways k of n ranks make each U of 0 .. k (n - k): the coefficients of
 * the Gaussian binomial, by multiplying with 1 - q^(n-k+i) and dividing by 1 - q^i. */
static void count_ways(size_t n, size_t k, double *ways)
{
	size_t top = k * (n - k);

	memset(ways, 0, (top + 1) * sizeof(*ways));
	ways[0] = 1;
	for (size_t i = 1; i <= k; i++) {
		for (size_t u = top; u >= n - k + i; u--)
			ways[u] -= ways[u - (n - k + i)];
		for (size_t u = i; u <= top; u++)
			ways[u] += ways[u - i];
	}
}

/* Without ties: P(U as far from its mean as `off` or farther). */
static double exact_p(size_t n, size_t k, double off)
{
	double ways[PRODUCT_MAX + 1], mean = (double)(k * (n - k)) / 2, far = 0, all = 0;

	count_ways(n, k, ways);
	for (size_t u = 0; u <= k * (n - k); u++) {
		all += ways[u];
		if (fabs((double)u - mean) >= off - 1e-9)
			far += ways[u];
	}
	return far / all;
}

/* Without ties: the largest p of this cut that is not above `least`; 0: it has none. */
static double attained(size_t n, size_t k, double least)
{
	double ways[PRODUCT_MAX + 1], all = 0, far = 0;
	size_t top = k * (n - k);

	count_ways(n, k, ways);
	for (size_t u = 0; u <= top; u++)
		all += ways[u];
	for (size_t u = 0; 2 * u < top; u++) {
		double next = far + 2 * ways[u];

		if (next / all > least * (1 + 1e-9))
			break;
		far = next;
	}
	return far / all;
}

static double normal_p(double n, double k, double ties, double off)
{
	double variance = k * (n - k) / 12 * (n + 1 - ties / (n * (n - 1)));

	off -= 0.5;
	if (variance <= 0 || off <= 0)
		return 1;
	return erfc(off / sqrt(variance) / sqrt(2));
}

struct series {
	const double *values;
	double *sorted; /* ranks */
	size_t n;
	double ties;
};

/* In how many ways the outermost k of the sorted ranks can be chosen: of the tie at
 * their inner end, some. */
static double ways_of_end(const double *sorted, size_t n, size_t k, bool high)
{
	double inner = high ? sorted[n - k] : sorted[k - 1], ways = 1;
	size_t all = 0, chosen = 0;

	for (size_t i = 0; i < n; i++) {
		bool tied = fabs(sorted[i] - inner) < 0.25;

		all += tied;
		chosen += tied && (high ? i >= n - k : i < k);
	}
	for (size_t i = 1; i <= chosen; i++)
		ways *= (double)(all - chosen + i) / (double)i;
	return ways;
}

/* The smallest p that a cut can have. With ties the two ends need not be alike. */
static double cut_floor(const struct series *s, size_t k)
{
	double low = 0, high = 0, mean = (double)(k * (s->n + 1)) / 2, all = 1, ways = 0;

	if (s->ties <= 0)
		return stats_rank_sum_floor(k, s->n - k);
	for (size_t i = 0; i < k; i++) {
		low += s->sorted[i];
		high += s->sorted[s->n - 1 - i];
		all *= (double)(s->n - i) / (double)(i + 1);
	}
	if (mean - low > high - mean - 0.25)
		ways += ways_of_end(s->sorted, s->n, k, false);
	if (high - mean > mean - low - 0.25)
		ways += ways_of_end(s->sorted, s->n, k, true);
	return fmin(1, ways / all);
}

/* Exact where that is quick, and the cut may be the least. */
static double cut_p(const struct series *s, size_t k, double rank_sum, double least)
{
	double u = rank_sum - (double)k * (double)(k + 1) / 2;
	double off = fabs(u - (double)(k * (s->n - k)) / 2);
	double rough = normal_p((double)s->n, (double)k, s->ties, off);

	if (s->ties <= 0 && s->n <= RANK_SPLIT_EXACT && rough <= ROUGHLY * least)
		return exact_p(s->n, k, off);
	return rough;
}

/* Over all cuts, each of which could have been the least. */
static double correct(const struct series *s, double least)
{
	double p = 0;

	if (least > BEYOND_PROOF)
		return fmin(1, least * (double)(s->n + 1 - 2 * RANK_SPLIT_LEAST));
	for (size_t k = RANK_SPLIT_LEAST; k + RANK_SPLIT_LEAST <= s->n; k++) {
		if (cut_floor(s, k) > least * (1 + 1e-9))
			continue;
		p += s->ties <= 0 && s->n <= RANK_SPLIT_EXACT ? attained(s->n, k, least) : least;
	}
	return fmin(p, 1);
}

/* Sum of distances from the median of its side. */
static double misfit(const struct series *s, size_t first, size_t end, double *work)
{
	double middle, sum = 0;

	for (size_t i = first; i < end; i++)
		work[i - first] = s->values[i];
	middle = stats_median(work, end - first);
	for (size_t i = first; i < end; i++)
		sum += fabs(s->values[i] - middle);
	return sum;
}

/* Ranks cannot tell a cut from its neighbour when the value between them is the
 * outermost of its side: of those as likely, the one whose sides fit best. */
static int place(const struct series *s, const double *p, struct rank_split *best)
{
	_cleanup_free_ double *work = calloc(s->n, sizeof(*work));
	double least = INFINITY;

	if (!work)
		return -ENOMEM;
	for (size_t k = RANK_SPLIT_LEAST; k + RANK_SPLIT_LEAST <= s->n; k++) {
		double off;

		if (p[k] > AS_LIKELY * best->p)
			continue;
		off = misfit(s, 0, k, work) + misfit(s, k, s->n, work);
		if (off < least * (1 - 1e-9) || (off <= least * (1 + 1e-9) && p[k] < p[best->at])) {
			least = off;
			best->at = k;
		}
	}
	return 0;
}

static int find(const struct series *s, const double *ranks, struct rank_split *ret)
{
	_cleanup_free_ double *p = calloc(s->n, sizeof(*p));
	struct rank_split best = { .p = 2 };
	double sum = 0;
	int r;

	if (!p)
		return -ENOMEM;
	for (size_t k = 1; k + RANK_SPLIT_LEAST <= s->n; k++) {
		sum += ranks[k - 1];
		p[k] = 2;
		if (k < RANK_SPLIT_LEAST)
			continue;
		p[k] = cut_p(s, k, sum, best.p);
		if (p[k] < best.p)
			best = (struct rank_split){ .at = k, .p = p[k] };
	}
	best.from = best.to = best.at;
	if (s->ties > 0 && s->n <= TIES_EXACT) {
		p[best.at] =
			stats_rank_sum_p(s->values, best.at, s->values + best.at, s->n - best.at);
		if (isnan(p[best.at]))
			return -ENOMEM;
		best.p = p[best.at];
	}
	for (size_t k = RANK_SPLIT_LEAST; k + RANK_SPLIT_LEAST <= s->n; k++)
		if (p[k] <= AS_GOOD * best.p) {
			best.from = k < best.from ? k : best.from;
			best.to = k > best.to ? k : best.to;
		}
	r = place(s, p, &best);
	best.p = correct(s, best.p);
	*ret = best;
	return r;
}

int rank_split_find(const double *values, size_t n, struct rank_split *ret)
{
	_cleanup_free_ double *ranks = NULL;
	_cleanup_free_ double *sorted = NULL;
	struct series s = { .values = values, .n = n };

	if (n > RANK_SPLIT_MAX)
		return -E2BIG;
	if (n < 2 * RANK_SPLIT_LEAST) {
		*ret = (struct rank_split){ .p = 1 };
		return 0;
	}
	ranks = calloc(n, sizeof(*ranks));
	sorted = calloc(n, sizeof(*sorted));
	if (!ranks || !sorted)
		return -ENOMEM;
	s.ties = rank_all(values, n, ranks);
	memcpy(sorted, ranks, n * sizeof(*ranks));
	stats_sort(sorted, n);
	s.sorted = sorted;
	return isnan(s.ties) ? -ENOMEM : find(&s, ranks, ret);
}

double rank_split_floor(size_t n)
{
	return n >= 2 * RANK_SPLIT_LEAST ? stats_rank_sum_floor(n / 2, n - n / 2) : 1;
}
