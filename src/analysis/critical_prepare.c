/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for the walk, made once: each is sorted, so that a step is a search. */
#include <errno.h>
#include <stdlib.h>

#include "src/analysis/critical_walk.h"

#define PATIENCE_MIN_NS (20 * 1000000ULL)
#define PATIENCE_NS	(100 * 1000000ULL) /* where nothing tells how fast the engine is */

uint64_t walk_end(const struct walk *w, uint32_t task)
{
	uint64_t end_ns = w->in->tasks[task].end_ns;

	return end_ns && end_ns < w->out->end_ns ? end_ns : w->out->end_ns;
}

uint64_t walk_start(const struct walk *w, uint32_t task)
{
	uint64_t start_ns = w->in->tasks[task].start_ns, end_ns = walk_end(w, task);

	if (start_ns < w->out->start_ns)
		start_ns = w->out->start_ns;
	return start_ns < end_ns ? start_ns : end_ns;
}

uint64_t walk_weight(const struct flow_task *t)
{
	return t->requested_cpus ? t->requested_cpus : 1;
}

struct moment {
	uint64_t time_ns;
	uint64_t weight;
};

static int compare_moments(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

/* Sorted times and, at each, the sum of all weights up to it. */
static int sum_weights(const struct walk *w, bool ends, uint64_t **ret_ns, uint64_t **ret_sums)
{
	uint32_t n = w->in->n_tasks;
	struct moment *all = calloc(n + 1, sizeof(*all));
	uint64_t *times = calloc(n + 1, sizeof(*times)), *sums = calloc(n + 1, sizeof(*sums));
	uint64_t sum = 0;
	size_t m = 0;

	*ret_ns = times;
	*ret_sums = sums;
	for (uint32_t i = 0; all && i < n; i++)
		if (!w->in->tasks[i].encloses)
			all[m++] = (struct moment){ ends ? walk_end(w, i) : walk_start(w, i),
						    walk_weight(&w->in->tasks[i]) };
	if (m)
		qsort(all, m, sizeof(*all), compare_moments);
	for (size_t i = 0; i < m && times && sums; i++) {
		times[i] = all[i].time_ns;
		sums[i] = sum += all[i].weight;
	}
	free(all);
	return all && times && sums ? 0 : -ENOMEM;
}

/* Sum of the weights whose time is before time_ns. */
static uint64_t sum_before(const uint64_t *times, const uint64_t *sums, size_t n, uint64_t time_ns)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (times[middle] < time_ns)
			low = middle + 1;
		else
			n = middle;
	}
	return low ? sums[low - 1] : 0;
}

uint64_t walk_running_before(const struct walk *w, uint64_t time_ns)
{
	return sum_before(w->starts_ns, w->started, w->n_starts, time_ns) -
	       sum_before(w->ends_ns, w->ended, w->n_ends, time_ns);
}

static int measure_load(struct walk *w)
{
	int r = sum_weights(w, false, &w->starts_ns, &w->started);

	if (r == 0)
		r = sum_weights(w, true, &w->ends_ns, &w->ended);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < w->in->n_tasks; i++)
		w->n_ends += !w->in->tasks[i].encloses;
	w->n_starts = w->n_ends;
	for (size_t i = 0; i < w->n_ends; i++) { /* it is largest before something ends */
		uint64_t weight = walk_running_before(w, w->ends_ns[i]);

		if (weight > w->most)
			w->most = weight;
	}
	return 0;
}

static int list_producers(struct walk *w)
{
	const struct flow *f = w->flow;
	uint32_t n = w->in->n_tasks;

	w->first = calloc(n + 2, sizeof(*w->first));
	w->producers = calloc(f->n_edges + 1, sizeof(*w->producers));
	if (!w->first || !w->producers)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_edges; i++)
		if (flow_is_task(f->edges[i].from) && flow_is_task(f->edges[i].to))
			w->first[f->edges[i].to + 2]++;
	for (uint32_t i = 2; i <= n + 1; i++)
		w->first[i] += w->first[i - 1];
	for (size_t i = 0; i < f->n_edges; i++) {
		const struct flow_edge *e = &f->edges[i];
		struct producer *p;

		if (!flow_is_task(e->from) || !flow_is_task(e->to))
			continue;
		p = &w->producers[w->first[e->to + 1]++];
		*p = (struct producer){ .task = e->from, .stream = e->stream };
		for (uint32_t k = e->first; k < e->first + e->n; k++)
			if (f->links[k].time_ns > p->read_ns)
				p->read_ns = f->links[k].time_ns;
		w->out->by_data = true;
	}
	return 0;
}

static int compare_ends(const void *a, const void *b, void *ctx)
{
	const struct walk *w = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	uint64_t ends_x = walk_end(w, x), ends_y = walk_end(w, y);

	if (ends_x != ends_y)
		return ends_x < ends_y ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int sort_by_end(struct walk *w)
{
	w->by_end = calloc(w->in->n_tasks + 1, sizeof(*w->by_end));
	if (!w->by_end)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->in->n_tasks; i++)
		w->by_end[w->n_by_end++] = i;
	if (w->n_by_end)
		qsort_r(w->by_end, w->n_by_end, sizeof(*w->by_end), compare_ends, w);
	return 0;
}

static int compare_spans(const void *a, const void *b)
{
	const struct flow_span *x = a, *y = b;

	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int merge_alive(struct walk *w)
{
	size_t n = w->in->n_engine, m = 0;
	struct flow_span *spans = calloc(n + 1, sizeof(*spans));

	w->alive = spans;
	if (!spans)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		spans[i] = w->in->engine[i];
	if (n)
		qsort(spans, n, sizeof(*spans), compare_spans);
	for (size_t i = 0; i < n; i++) {
		if (m && spans[i].start_ns <= spans[m - 1].end_ns) {
			if (spans[i].end_ns > spans[m - 1].end_ns)
				spans[m - 1].end_ns = spans[i].end_ns;
			continue;
		}
		spans[m++] = spans[i];
	}
	w->n_alive = m;
	return 0;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* When, at or before time_ns, something ended; 0: never. */
static uint64_t latest_end(const struct walk *w, uint64_t time_ns)
{
	size_t low = 0, high = w->n_ends;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (w->ends_ns[middle] <= time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? w->ends_ns[low - 1] : 0;
}

/* How fast the engine starts a task that has producers, after anything ended that may
 * have made it start: the median, four times. */
static int measure_patience(struct walk *w)
{
	uint64_t *gaps = calloc(w->in->n_tasks + 1, sizeof(*gaps));
	size_t n = 0;

	if (!gaps)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->in->n_tasks; i++) {
		uint64_t start_ns = walk_start(w, i), end_ns = latest_end(w, start_ns);

		if (end_ns && w->first[i] < w->first[i + 1])
			gaps[n++] = start_ns - end_ns;
	}
	w->patience_ns = PATIENCE_NS;
	if (n) {
		qsort(gaps, n, sizeof(*gaps), compare_u64);
		w->patience_ns = gaps[n / 2] * 4;
	}
	if (w->patience_ns < PATIENCE_MIN_NS)
		w->patience_ns = PATIENCE_MIN_NS;
	free(gaps);
	return 0;
}

int walk_prepare(struct walk *w)
{
	int r = list_producers(w);

	w->seen = calloc(w->in->n_tasks + 1, sizeof(*w->seen));
	if (!w->seen)
		return -ENOMEM;
	if (r == 0)
		r = sort_by_end(w);
	if (r == 0)
		r = merge_alive(w);
	if (r == 0)
		r = measure_load(w);
	return r == 0 ? measure_patience(w) : r;
}

void walk_fini(struct walk *w)
{
	free(w->producers);
	free(w->first);
	free(w->by_end);
	free(w->ends_ns);
	free(w->starts_ns);
	free(w->ended);
	free(w->started);
	free(w->alive);
	free(w->seen);
}
