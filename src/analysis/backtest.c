/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/backtest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "src/analysis/stats.h"

#define CORES_WINDOW SIZER_WINDOW

struct kind {
	const char *name; /* key */
	struct sizer *sizer;
	struct baselines *others;
	double cores[CORES_WINDOW];
	size_t n_cores;
	struct sizing standing; /* made at `again` tasks or before */
	struct sizing_risk risk;
	size_t again;
	UT_hash_handle hh;
};

static struct kind *kind_of(struct past_tasks *p, const char *name)
{
	struct kind *k;

	HASH_FIND_STR(p->kinds, name, k);
	if (k)
		return k;
	k = arena_alloc(&p->arena, sizeof(*k));
	if (!k)
		return NULL;
	k->name = arena_text(&p->arena, name);
	if (!k->name)
		return NULL;
	HASH_ADD_KEYPTR(hh, p->kinds, k->name, strlen(k->name), k);
	return k;
}

int past_tasks_add(struct past_tasks *p, const struct past_task *task)
{
	struct kind *k = kind_of(p, task->kind);

	if (!k)
		return -ENOMEM;
	if (p->n >= BACKTEST_TASKS_MAX)
		return -E2BIG;
	if (p->n == p->size) {
		size_t size = p->size ? p->size * 2 : 256;
		struct past_task *more = reallocarray(p->list, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->list = more;
		p->size = size;
	}
	p->list[p->n] = *task;
	p->list[p->n].kind = k->name;
	p->list[p->n].n = p->n;
	p->n++;
	return 0;
}

static void forget(struct past_tasks *p)
{
	struct kind *k, *next;

	HASH_ITER (hh, p->kinds, k, next) {
		sizer_free(k->sizer);
		baselines_free(k->others);
		k->sizer = NULL;
		k->others = NULL;
		k->n_cores = k->again = 0;
	}
}

void past_tasks_fini(struct past_tasks *p)
{
	forget(p);
	HASH_CLEAR(hh, p->kinds);
	free(p->list);
	arena_fini(&p->arena);
	*p = (struct past_tasks){ 0 };
}

static int by_start(const void *a, const void *b)
{
	const struct past_task *x = a, *y = b;

	if (x->start < y->start || x->start > y->start)
		return x->start < y->start ? -1 : 1;
	return (x->n > y->n) - (x->n < y->n);
}

static double given(struct kind *k, unsigned way, const struct past_task *t)
{
	struct sizing sizing;
	double bytes;

	if (way == BASELINE_REQUESTED)
		return t->requested_bytes;
	if (way == BACKTEST_OURS)
		return sizer_next(k->sizer, t->usage.input_bytes, &sizing) ? sizing.bytes
									   : t->requested_bytes;
	if (way == BACKTEST_ONE_SIZE)
		return sizer_stands(k->sizer, &sizing, NULL) ? sizing.bytes : t->requested_bytes;
	bytes = baseline_size(k->others, way, t->usage.input_bytes);
	return bytes > 0 ? bytes : t->requested_bytes;
}

static double retry(struct kind *k, unsigned way, double failed)
{
	if (way == BACKTEST_OURS)
		return sizer_retry(k->sizer, failed);
	return way == BACKTEST_ONE_SIZE ? 2 * failed : baseline_retry(k->others, way, failed);
}

static void replay(struct kind *k, const struct past_task *t, const struct sizing_options *options,
		   struct backtest *ret)
{
	const struct usage *u = &t->usage;

	for (unsigned way = 0; way < BACKTEST_WAYS; way++) {
		double bytes = given(k, way, t);

		if (!(bytes > 0)) {
			ret->requests_known = false;
			continue;
		}
		while (bytes < u->peak_bytes) {
			ret->ways[way].waste_byte_s +=
				bytes * u->seconds * options->time_to_failure;
			ret->ways[way].failures++;
			bytes = retry(k, way, bytes);
		}
		ret->ways[way].waste_byte_s += (bytes - u->peak_bytes) * u->seconds;
	}
	ret->used_byte_s += u->peak_bytes * u->seconds;
	ret->replayed++;
}

static void replay_risk(struct kind *k, const struct past_task *t, struct backtest *ret)
{
	size_t n = sizer_samples(k->sizer);

	if (n < SIZER_FEW)
		return;
	if (n >= k->again) {
		sizer_stands(k->sizer, &k->standing, &k->risk);
		k->again = n + 1 + n / 20;
	}
	ret->stated_sum += k->risk.failure_share_upper;
	ret->met += k->standing.bytes < t->usage.peak_bytes;
	ret->stated_tasks++;
}

static void replay_cores(struct kind *k, const struct past_task *t, struct backtest *ret)
{
	double cores[CORES_WINDOW];
	size_t n = k->n_cores < CORES_WINDOW ? k->n_cores : CORES_WINDOW;
	double sized = t->cpus, time = t->usage.seconds;

	if (!(t->cpus > 0) || !(t->cores >= 0))
		return;
	memcpy(cores, k->cores, n * sizeof(*cores));
	if (n >= SIZER_FEW)
		sized = cores_needed(cores, n, 0);
	ret->core_s_requested += t->cpus * time;
	ret->core_s_used += t->cores * time;
	ret->core_s_sized += sized * time;
	ret->cores_known++;
	ret->cores_short += sized < t->cores;
	k->cores[k->n_cores++ % CORES_WINDOW] = t->cores;
}

int backtest_run(struct past_tasks *p, const struct sizing_options *options, struct backtest *ret)
{
	struct backtest made = { .requests_known = true, .kinds = HASH_COUNT(p->kinds) };
	int r = 0;

	if (p->n)
		qsort(p->list, p->n, sizeof(*p->list), by_start);
	for (size_t i = 0; i < p->n && r == 0; i++) {
		const struct past_task *t = &p->list[i];
		struct kind *k = kind_of(p, t->kind);

		if (!k->sizer)
			r = sizer_new(options, &k->sizer);
		if (r == 0 && !k->others)
			r = baselines_new(options, &k->others);
		if (r < 0)
			break;
		if (t->usage.killed_for_memory ||
		    (!(t->requested_bytes > 0) && sizer_samples(k->sizer) < SIZER_FEW))
			made.learned_only++;
		else
			replay(k, t, options, &made);
		replay_risk(k, t, &made);
		replay_cores(k, t, &made);
		sizer_add(k->sizer, &t->usage);
		baselines_add(k->others, &t->usage);
	}
	forget(p);
	if (r < 0)
		return r;
	*ret = made;
	return 0;
}

const char *backtest_way_name(unsigned way)
{
	if (way == BACKTEST_OURS)
		return "tracer";
	return way == BACKTEST_ONE_SIZE ? "tracer, one size" : baseline_name(way);
}
