/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/regressions.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int choose_runs(struct regressions *r)
{
	if (r->h->n_runs > REGRESSIONS_RUNS_MAX)
		return -E2BIG;
	for (uint32_t i = 0; i < r->h->n_runs; i++)
		if (!r->h->runs[i].missing)
			r->runs[r->n_runs++] = i;
	return 0;
}

static struct group *group_of(struct regressions *r, const char *name)
{
	struct group *g;

	HASH_FIND(hh, r->groups, name, strlen(name), g);
	return g;
}

/* NULL: no memory, or (counted) beyond the limit. */
static struct group *new_group(struct regressions *r, const char *name)
{
	struct group *g;

	if (HASH_COUNT(r->groups) == REGRESSIONS_GROUPS_MAX) {
		r->groups_dropped++;
		return NULL;
	}
	g = arena_alloc(&r->arena, sizeof(*g));
	if (!g)
		return NULL;
	g->name = name;
	g->runs = arena_alloc(&r->arena, r->n_runs * sizeof(*g->runs));
	if (!g->runs)
		return NULL;
	HASH_ADD_KEYPTR(hh, r->groups, name, strlen(name), g);
	return g;
}

static void count_task(struct group *g, struct group_run *of, const struct history_task *t)
{
	if (t->status != TASK_STATUS_SUCCEEDED) {
		of->failed++;
		return;
	}
	of->n++;
	g->n_tasks++;
	of->again += t->attempt > 1;
	if (!of->tool) {
		of->tool = t->tool;
		of->tool_path = t->tool_path;
	}
	if (t->requested_cpus > of->requested_cpus)
		of->requested_cpus = t->requested_cpus;
	if (t->requested_bytes > of->requested_bytes)
		of->requested_bytes = t->requested_bytes;
	where_add(&of->where, &t->where);
}

/* The tasks of the runs that are compared, with the position of their run. */
struct walk {
	const struct regressions *r;
	size_t i;
	uint32_t at;
};

static const struct history_task *next_task(struct walk *w)
{
	const struct history *h = w->r->h;

	for (; w->i < h->n; w->i++) {
		uint32_t run = h->tasks[w->i].run;

		while (w->at < w->r->n_runs && w->r->runs[w->at] < run)
			w->at++;
		if (w->at == w->r->n_runs)
			return NULL;
		if (w->r->runs[w->at] == run)
			return &h->tasks[w->i++];
	}
	return NULL;
}

static int make_groups(struct regressions *r)
{
	struct walk w = { .r = r };
	const struct history_task *t;

	while ((t = next_task(&w))) {
		uint64_t dropped = r->groups_dropped;
		struct group *g = group_of(r, t->name);

		if (!g)
			g = new_group(r, t->name);
		if (g)
			count_task(g, &g->runs[w.at], t);
		else if (r->groups_dropped == dropped)
			return -ENOMEM;
	}
	for (struct group *g = r->groups; g; g = g->hh.next) {
		g->values = arena_alloc(&r->arena, (g->n_tasks + 1) * sizeof(*g->values));
		if (!g->values)
			return -ENOMEM;
	}
	return 0;
}

/* Fills the values of all groups with one metric. */
static void take_values(struct regressions *r, enum history_metric m)
{
	struct walk w = { .r = r };
	const struct history_task *t;
	double least = m == HISTORY_IO ? REGRESSIONS_IO_LEAST : 0;

	for (struct group *g = r->groups; g; g = g->hh.next)
		g->n_tasks = 0;
	while ((t = next_task(&w))) {
		struct group *g = group_of(r, t->name);

		if (g && t->status == TASK_STATUS_SUCCEEDED)
			g->values[g->n_tasks++] =
				(struct change_value){ w.at, history_value(t, m) + least,
						       t->input_bytes ? (double)t->input_bytes
								      : NAN };
	}
}

static int judge(struct regressions *r, unsigned metrics)
{
	size_t n = 0, k = 0;
	struct change *all = calloc(HASH_COUNT(r->groups) * metrics + 1, sizeof(*all));
	int error;

	if (!all)
		return -ENOMEM;
	for (struct group *g = r->groups; g; g = g->hh.next)
		for (unsigned m = 0; m < metrics; m++)
			all[n++] = g->changes[m];
	error = change_judge(all, n);
	for (struct group *g = r->groups; g; g = g->hh.next)
		for (unsigned m = 0; m < metrics; m++) {
			r->tests += all[k].verdict != CHANGE_UNKNOWN;
			g->changes[m] = all[k++];
		}
	free(all);
	return error;
}

static void count_at_a_time(struct regressions *r)
{
	struct walk w = { .r = r };
	const struct history_task *t;

	while ((t = next_task(&w)))
		r->at_a_time[w.at] += history_seconds(t);
	for (uint32_t i = 0; i < r->n_runs; i++) {
		const struct run_row *run = regressions_run(r, i);

		r->at_a_time[i] =
			run->end_ns > run->start_ns
				? r->at_a_time[i] * 1e9 / (double)(run->end_ns - run->start_ns)
				: NAN;
	}
}

int regressions_make(struct regressions *r, const struct history *h, unsigned metrics)
{
	int error;

	*r = (struct regressions){ .h = h };
	error = choose_runs(r);
	if (error == 0)
		error = make_groups(r);
	for (unsigned m = 0; m < metrics && error == 0; m++) {
		take_values(r, m);
		for (struct group *g = r->groups; g && error == 0; g = g->hh.next)
			error = change_find(g->values, g->n_tasks, r->n_runs, &g->changes[m]);
	}
	if (error == 0)
		error = judge(r, metrics);
	count_at_a_time(r);
	return error;
}

void regressions_fini(struct regressions *r)
{
	HASH_CLEAR(hh, r->groups);
	arena_fini(&r->arena);
}
