/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a task's time was on a CPU, and how much a wait for one: at each moment
 * as much as of the process that was busiest over its life, for it sets the pace. The
 * waits of the others (the small end of a pipe) delay nobody while that one works.
 */
#include <errno.h>
#include <stdlib.h>

#include "src/cli/what_if.h"

#define CPU_KNOWN 0.9 /* of a task's CPU time in its processes */

int lives_add(struct lives *l, uint32_t task, const struct process_row *p, uint64_t run_end_ns)
{
	uint64_t end_ns = p->end_ns ? p->end_ns : run_end_ns;
	double cpu = (double)p->ledger.state_ns[LEDGER_CPU];
	double queue = (double)p->ledger.state_ns[LEDGER_RUNQ], wall;

	if (end_ns <= p->start_ns)
		return 0;
	if (l->n >= HISTORY_PROCESSES_MAX) {
		l->dropped++;
		return 0;
	}
	if (l->n == l->size) {
		size_t size = l->size ? l->size * 2 : 1024;
		struct life *more = reallocarray(l->list, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->list = more;
		l->size = size;
	}
	wall = (double)(end_ns - p->start_ns);
	l->list[l->n++] = (struct life){
		.task = task,
		.start_ns = p->start_ns,
		.end_ns = end_ns,
		.busy = (cpu + queue) / wall,
		.cpu_s = cpu / 1e9,
		.queue_share = cpu + queue > 0 ? queue / (cpu + queue) : 0,
	};
	return 0;
}

static int by_task_and_start(const void *a, const void *b)
{
	const struct life *x = a, *y = b;

	if (x->task != y->task)
		return x->task < y->task ? -1 : 1;
	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

/* Heap of indices, the busiest first. */
static void push(const struct life *list, size_t *heap, size_t n, size_t one)
{
	for (; n && list[heap[(n - 1) / 2]].busy < list[one].busy; n = (n - 1) / 2)
		heap[n] = heap[(n - 1) / 2];
	heap[n] = one;
}

static void pop(const struct life *list, size_t *heap, size_t n) /* n: without it */
{
	size_t last = heap[n], at = 0, child;

	for (; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && list[heap[child + 1]].busy > list[heap[child]].busy)
			child++;
		if (list[heap[child]].busy <= list[last].busy)
			break;
		heap[at] = heap[child];
	}
	heap[at] = last;
}

static void count(const struct life *one, uint64_t ns, struct whatif_task *t)
{
	double busy_s = (one->busy < 1 ? one->busy : 1) * (double)ns / 1e9;

	t->queue_s += busy_s * one->queue_share;
	t->cpu_wall_s += busy_s * (1 - one->queue_share);
}

/* list[first .. end): the processes of one task. */
static void sweep(const struct life *list, size_t first, size_t end, size_t *heap,
		  struct whatif_task *t)
{
	uint64_t now_ns = list[first].start_ns;
	size_t next = first, n = 0;

	while (next < end || n) {
		uint64_t until_ns = next < end ? list[next].start_ns : UINT64_MAX;

		if (n && list[heap[0]].end_ns <= now_ns) {
			pop(list, heap, --n);
			continue;
		}
		if (n) {
			if (list[heap[0]].end_ns < until_ns)
				until_ns = list[heap[0]].end_ns;
			count(&list[heap[0]], until_ns - now_ns, t);
		}
		now_ns = until_ns;
		if (next < end && list[next].start_ns <= now_ns)
			push(list, heap, n++, next++);
	}
}

int lives_measure(struct lives *l, struct whatif_task *tasks)
{
	size_t *heap = calloc(l->n + 1, sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	if (l->n)
		qsort(l->list, l->n, sizeof(*l->list), by_task_and_start);
	for (size_t first = 0, end; first < l->n; first = end) {
		struct whatif_task *t = &tasks[l->list[first].task];
		double cpu_s = 0;

		for (end = first; end < l->n && l->list[end].task == l->list[first].task; end++)
			cpu_s += l->list[end].cpu_s;
		if (cpu_s < CPU_KNOWN * t->cpu_s)
			continue;
		t->queue_s = t->cpu_wall_s = 0;
		sweep(l->list, first, end, heap, t);
	}
	free(heap);
	return 0;
}

void lives_fini(struct lives *l)
{
	free(l->list);
	*l = (struct lives){ 0 };
}
