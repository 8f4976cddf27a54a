/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/together.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define WORKS  0.25 /* of its life: less is a shell that waits for others, or a helper */
#define LASTS  0.1  /* of its task's: less is a short helper beside it */
#define LEVELS 4096 /* of threads at a time; more count as the last */

struct together_change {
	int64_t task;
	uint64_t time_ns;
	uint64_t bytes;
	uint32_t threads;
	bool ends;
};

static uint32_t workers_of(const struct together_process *p)
{
	double life = (double)(p->end_ns - p->start_ns);

	if ((double)p->work_ns < WORKS * life)
		return 0;
	return p->threads ? p->threads : 1;
}

int together_add(struct together *t, const struct together_process *p)
{
	uint64_t end_ns = p->end_ns > p->start_ns ? p->end_ns : p->start_ns + 1;
	uint32_t threads;

	if (p->end_ns < p->start_ns)
		return 0;
	threads = workers_of(p);
	if (t->n + 2 > t->size) {
		size_t size = t->size ? t->size * 2 : 1024;
		struct together_change *more = reallocarray(t->changes, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->changes = more;
		t->size = size;
	}
	t->changes[t->n++] =
		(struct together_change){ p->task, p->start_ns, p->bytes, threads, false };
	t->changes[t->n++] = (struct together_change){ p->task, end_ns, p->bytes, threads, true };
	return 0;
}

struct sum {
	uint64_t bytes;
	uint64_t beyond; /* as often as bytes went around UINT64_MAX */
	uint64_t most;
};

static void sum_add(struct sum *s, const struct together_change *c)
{
	if (c->ends) {
		s->beyond -= s->bytes < c->bytes;
		s->bytes -= c->bytes;
		return;
	}
	s->bytes += c->bytes;
	s->beyond += s->bytes < c->bytes;
	if (s->beyond)
		s->most = UINT64_MAX;
	else if (s->bytes > s->most)
		s->most = s->bytes;
}

static int by_task_and_time(const void *a, const void *b)
{
	const struct together_change *x = a, *y = b;

	if (x->task != y->task)
		return x->task < y->task ? -1 : 1;
	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return y->ends - x->ends; /* ends first */
}

/* So many threads had work at a time for a tenth of the task or longer, the most of
 * these. changes: those of one task. */
static uint32_t workers_for_long(const struct together_change *changes, size_t n)
{
	uint64_t at[LEVELS] = { 0 }, enough, sum = 0;
	uint64_t threads = 0;
	uint32_t level;

	enough = (uint64_t)(LASTS * (double)(changes[n - 1].time_ns - changes[0].time_ns));
	for (size_t i = 0; i + 1 < n; i++) {
		threads += changes[i].ends ? -(uint64_t)changes[i].threads : changes[i].threads;
		level = threads < LEVELS ? (uint32_t)threads : LEVELS - 1;
		at[level] += changes[i + 1].time_ns - changes[i].time_ns;
	}
	for (level = LEVELS - 1; level; level--) {
		sum += at[level];
		if (sum && sum >= enough)
			return level;
	}
	return 0;
}

int together_each(struct together *t,
		  int (*visit)(void *ctx, int64_t task, uint64_t bytes, uint32_t workers),
		  void *ctx)
{
	int r = 0;

	if (t->n)
		qsort(t->changes, t->n, sizeof(*t->changes), by_task_and_time);
	for (size_t i = 0; i < t->n && r == 0;) {
		int64_t task = t->changes[i].task;
		struct sum s = { 0 };
		size_t first = i;

		for (; i < t->n && t->changes[i].task == task; i++)
			sum_add(&s, &t->changes[i]);
		r = visit(ctx, task, s.most, workers_for_long(t->changes + first, i - first));
	}
	return r;
}

uint64_t together_bounded(uint64_t bytes, uint64_t limit, uint64_t largest)
{
	if (limit && bytes > limit)
		bytes = limit;
	return bytes > largest ? bytes : largest;
}

void together_fini(struct together *t)
{
	free(t->changes);
	*t = (struct together){ 0 };
}
