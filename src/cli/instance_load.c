/* SPDX-License-Identifier: Apache-2.0 */
/* How busy the machine was while each task ran: the integral of what all tasks of its run
 * used, at its end less that at its start. */
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/cli/instance_internal.h"

struct step { /* a task begins or ends */
	uint64_t time_ns;
	double cores;	    /* more, or less */
	double sum_core_ns; /* used until then */
};

static int by_time(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

static double cores_of(const struct history_task *t)
{
	return t->end_ns > t->start_ns ? (double)t->cpu_ns / (double)(t->end_ns - t->start_ns) : 0;
}

static void integrate(struct step *steps, size_t n)
{
	double cores = 0, sum = 0;

	qsort(steps, n, sizeof(*steps), by_time);
	for (size_t i = 0; i < n; i++) {
		if (i)
			sum += cores * (double)(steps[i].time_ns - steps[i - 1].time_ns);
		cores += steps[i].cores;
		steps[i].sum_core_ns = sum;
	}
}

/* Steps of one moment have one sum. */
static double sum_at(const struct step *steps, size_t n, uint64_t time_ns)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (steps[middle].time_ns < time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n ? steps[low].sum_core_ns : 0;
}

static void run_busy(const struct history_task *tasks, size_t n, struct step *steps, double *ret)
{
	for (size_t i = 0; i < n; i++) {
		steps[2 * i] = (struct step){ tasks[i].start_ns, cores_of(&tasks[i]), 0 };
		steps[2 * i + 1] = (struct step){ tasks[i].end_ns, -cores_of(&tasks[i]), 0 };
	}
	integrate(steps, 2 * n);
	for (size_t i = 0; i < n; i++) {
		const struct history_task *t = &tasks[i];

		if (t->end_ns > t->start_ns)
			ret[i] = (sum_at(steps, 2 * n, t->end_ns) -
				  sum_at(steps, 2 * n, t->start_ns)) /
				 (double)(t->end_ns - t->start_ns);
	}
}

double *busy_cores_make(const struct history *h)
{
	_cleanup_free_ struct step *steps = calloc(2 * h->n + 1, sizeof(*steps));
	double *ret = calloc(h->n + 1, sizeof(*ret));

	if (!steps || !ret) {
		free(ret);
		return NULL;
	}
	for (size_t i = 0, end; i < h->n; i = end) {
		end = i + 1;
		while (end < h->n && h->tasks[end].run == h->tasks[i].run)
			end++;
		run_busy(h->tasks + i, end - i, steps, ret + i);
	}
	return ret;
}

bool subject_held_up(const struct inquiry *q, const struct where *w, double busy_cores)
{
	uint32_t cpus = q->history.runs[q->reference].row.cpus;

	return w->total_ns && cpus && (double)w->ns[LEDGER_RUNQ] > HELD_UP * (double)w->total_ns &&
	       busy_cores < HELD_UP_LOAD * cpus;
}
