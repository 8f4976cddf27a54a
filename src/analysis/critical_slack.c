/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much later a task could have ended without moving the end: until the latest
 * possible start of the first that needed it, by the data that were seen to pass and
 * by the links of the path itself. Room (cores, memory) is not considered.
 */
#include <errno.h>
#include <stdlib.h>

#include "src/analysis/critical_walk.h"

static int compare_starts(const void *a, const void *b, void *ctx)
{
	const struct walk *w = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	uint64_t starts_x = walk_start(w, x), starts_y = walk_start(w, y);

	if (starts_x != starts_y)
		return starts_x > starts_y ? -1 : 1;
	return x > y ? -1 : x < y;
}

static void lower(uint64_t *value, uint64_t limit)
{
	if (limit < *value)
		*value = limit;
}

/* From a task to those that produced for it and ended before it. */
static void push_back(const struct walk *w, uint32_t task, uint64_t *latest_end)
{
	uint64_t shift = latest_end[task] - walk_end(w, task);
	uint64_t latest_start = walk_start(w, task) + shift;

	for (uint32_t k = w->first[task]; k < w->first[task + 1]; k++) {
		uint32_t p = w->producers[k].task;

		if (walk_end(w, p) <= walk_start(w, task))
			lower(&latest_end[p], latest_start);
		else /* they overlap: it moves with its reader */
			lower(&latest_end[p], walk_end(w, p) + shift);
	}
}

int slack_find(struct walk *w)
{
	uint32_t n = w->in->n_tasks;
	uint32_t *order = calloc(n, sizeof(*order));
	uint64_t *latest_end = calloc(n, sizeof(*latest_end));
	uint64_t end_ns = walk_end(w, w->by_end[n - 1]);

	for (uint32_t i = 0; order && latest_end && i < n; i++) {
		order[i] = i;
		latest_end[i] = w->out->tasks[i].on_path ? walk_end(w, i) : end_ns;
	}
	if (order && latest_end) {
		qsort_r(order, n, sizeof(*order), compare_starts, w);
		for (uint32_t i = 0; i < n; i++)
			push_back(w, order[i], latest_end);
		for (uint32_t i = 0; i < n; i++) {
			w->out->tasks[i].slack_known = !w->in->tasks[i].encloses;
			w->out->tasks[i].slack_ns = latest_end[i] - walk_end(w, i);
		}
	}
	free(order);
	free(latest_end);
	return order && latest_end ? 0 : -ENOMEM;
}
