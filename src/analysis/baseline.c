/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/baseline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/stats.h"

struct pair {
	double v, t;
};

struct baselines {
	struct sizing_options options;
	double x[BASELINE_WINDOW], v[BASELINE_WINDOW], t[BASELINE_WINDOW];
	struct pair by_peak[BASELINE_WINDOW];
	double scratch[BASELINE_WINDOW];
	size_t n, next, added;
	double largest;
	bool sorted;
};

int baselines_new(const struct sizing_options *options, struct baselines **ret)
{
	struct baselines *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->options = *options;
	*ret = b;
	return 0;
}

void baselines_free(struct baselines *b)
{
	free(b);
}

void baselines_add(struct baselines *b, const struct usage *u)
{
	double v = u->peak_bytes;

	if (u->killed_for_memory)
		v = oom_least(u);
	b->x[b->next] = u->input_bytes;
	b->v[b->next] = v;
	b->t[b->next] = u->seconds;
	b->next = (b->next + 1) % BASELINE_WINDOW;
	b->n += b->n < BASELINE_WINDOW;
	b->added++;
	b->largest = fmax(b->largest, v);
	b->sorted = false;
}

static int by_peak(const void *a, const void *b)
{
	double x = ((const struct pair *)a)->v, y = ((const struct pair *)b)->v;

	return (x > y) - (x < y);
}

static void sort(struct baselines *b)
{
	if (b->sorted)
		return;
	for (size_t i = 0; i < b->n; i++)
		b->by_peak[i] = (struct pair){ b->v[i], b->t[i] };
	qsort(b->by_peak, b->n, sizeof(*b->by_peak), by_peak);
	for (size_t i = 0; i < b->n; i++)
		b->scratch[i] = b->by_peak[i].v;
	b->sorted = true;
}

/* The peak a of those seen for which sum(t (a - v), and t (a + largest - v) where v is
 * above a) is least. All terms but two are the same for every a. */
static double first_fit(struct baselines *b)
{
	double all = 0, above, best = INFINITY, bytes = 0;

	for (size_t i = 0; i < b->n; i++)
		all += b->by_peak[i].t;
	above = all;
	for (size_t i = 0; i < b->n; i++) {
		double cost;

		above -= b->by_peak[i].t;
		if (i + 1 < b->n && b->by_peak[i + 1].v <= b->by_peak[i].v)
			continue;
		cost = b->by_peak[i].v * all + b->largest * above;
		if (cost < best) {
			best = cost;
			bytes = b->by_peak[i].v;
		}
	}
	return bytes;
}

static double line_and_deviation(struct baselines *b, double input)
{
	struct stats_line line = stats_fit(b->x, b->v, b->n);
	double sum = 0;

	for (size_t i = 0; i < b->n; i++) {
		double off = b->v[i] - (line.intercept + line.slope * b->x[i]);

		sum += off * off;
	}
	return line.intercept + line.slope * input + sqrt(sum / (double)b->n);
}

static double size_of(struct baselines *b, enum baseline which, double input)
{
	switch (which) {
	case BASELINE_LARGEST:
		return b->largest;
	case BASELINE_LARGEST_TENTH:
		return b->largest * 1.1;
	case BASELINE_P95:
		return stats_quantile(b->scratch, b->n, 0.95);
	case BASELINE_P90_15:
		return stats_quantile(b->scratch, b->n, 0.9) * 1.15;
	case BASELINE_MEAN_3SD:
		return stats_mean(b->v, b->n) + 3 * stats_deviation(b->v, b->n);
	case BASELINE_FIRST_FIT:
		return first_fit(b);
	case BASELINE_LINE_SD:
		return line_and_deviation(b, input);
	default:
		return 0;
	}
}

double baseline_size(struct baselines *b, enum baseline which, double input_bytes)
{
	if (b->added < SIZER_FEW)
		return 0;
	sort(b);
	return fmin(fmax(size_of(b, which, input_bytes), b->options.least_bytes),
		    b->options.most_bytes);
}

double baseline_retry(const struct baselines *b, enum baseline which, double failed_bytes)
{
	if (which == BASELINE_FIRST_FIT && failed_bytes < b->options.most_bytes)
		return b->options.most_bytes;
	return 2 * failed_bytes;
}

const char *baseline_name(enum baseline which)
{
	static const char *const names[] = {
		"requested",	  "largest seen", "largest + 10 %",  "95th percentile",
		"VPA p90 + 15 %", "mean + 3 sd",  "Tovar first fit", "Witt line + sd",
	};

	return names[which];
}
