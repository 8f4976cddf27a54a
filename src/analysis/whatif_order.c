/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why each task began when it did. With a graph: when the last of its producers had
 * ended and there was a place for it. If it began much later than the engine usually
 * needs, although there was a place, it waited for what ended just before: an order
 * that no data explain (a stamp that is only tested for, the next line of a recipe).
 * Without a graph everything that had ended before may have been needed.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "src/analysis/whatif_internal.h"
#include "src/base/cleanup.h"

#define PATIENCE_MIN_S 0.1
#define PATIENCE       4    /* times the median gap */
#define SAME_S	       1e-6 /* clocks are read one after the other */
#define FULL_STEPS     4096 /* looked back for when there was no place */

struct end {
	double s;
	uint32_t job;	/* by start */
	double running; /* places taken just before */
};

struct build {
	const struct whatif_run *run;
	struct order *o;
	const struct whatif_task **tasks; /* by start */
	uint32_t *rank;			  /* of each task of the run, in that order */
	struct end *ends;		  /* by time */
	double *released_s;		  /* by job: the data were there, and a place */
	struct whatif_need *needs;	  /* between jobs, from < to */
	size_t n_needs, size_needs;
};

static int by_start(const void *a, const void *b)
{
	const struct whatif_task *x = *(const struct whatif_task *const *)a;
	const struct whatif_task *y = *(const struct whatif_task *const *)b;

	if (x->start_s != y->start_s)
		return x->start_s < y->start_s ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int by_end(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	if (x->s != y->s)
		return x->s < y->s ? -1 : 1;
	return x->job < y->job ? -1 : x->job > y->job;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* How many had ended then. */
static size_t ended_until(const struct end *ends, size_t n, double s)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ends[middle].s <= s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void job_from(struct job *j, const struct whatif_task *t)
{
	double wall = fmax(t->end_s - t->start_s, 1e-6);
	double work = fmax(wall - fmin(fmax(t->queue_s, 0), wall), 1e-6);
	double on = fmin(fmax(t->cpu_wall_s, 0), work);

	*j = (struct job){
		.work_s = work,
		.queue_s = wall - work,
		.bound = on / work,
		.cores = on > 0 ? fmax(t->cpu_s / on, 1) : 1,
		.memory_bytes = t->memory_bytes,
		.places = t->places ? t->places : 1,
		.faster = t->faster > 0 ? t->faster : 1,
		.scale = t->scale,
	};
}

/* Places taken at each end, and the most of them. */
static void measure_load(struct build *b)
{
	struct order *o = b->o;
	double taken = 0;
	size_t next = 0, running = 0;

	for (size_t k = 0; k < o->n; k++) {
		for (; next < o->n && b->tasks[next]->start_s + SAME_S < b->ends[k].s; next++) {
			taken += o->jobs[next].places;
			running++;
		}
		b->ends[k].running = taken;
		o->places_most = fmax(o->places_most, taken);
		o->tasks_most = running > o->tasks_most ? running : o->tasks_most;
		if (b->ends[k].job < next) {
			taken -= o->jobs[b->ends[k].job].places;
			running--;
		}
	}
}

/* Since when there was a place for it: the last end before which there was none. */
static double place_since(const struct build *b, uint32_t j, double from_s)
{
	const struct order *o = b->o;
	size_t k = ended_until(b->ends, o->n, b->tasks[j]->start_s);

	for (size_t steps = 0; k-- > 0 && b->ends[k].s > from_s && steps < FULL_STEPS; steps++)
		if (b->ends[k].running + o->jobs[j].places > o->places_most + 0.5)
			return b->ends[k].s;
	return from_s;
}

static int add_need(struct build *b, uint32_t from, uint32_t to, bool running)
{
	if (b->n_needs == b->size_needs) {
		size_t size = b->size_needs ? b->size_needs * 2 : 256;
		struct whatif_need *more = reallocarray(b->needs, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		b->needs = more;
		b->size_needs = size;
	}
	b->needs[b->n_needs++] = (struct whatif_need){ from, to, running };
	return 0;
}

/* Needs between jobs; what began later is needed by nobody who began before. */
static int take_needs(struct build *b)
{
	int r = 0;

	for (uint32_t i = 0; i < b->o->n; i++)
		b->released_s[i] = 0;
	for (size_t i = 0; i < b->run->n_needs && r == 0; i++) {
		const struct whatif_need *need = &b->run->needs[i];
		uint32_t from = b->rank[need->from], to = b->rank[need->to];
		bool running =
			need->running || b->tasks[from]->end_s > b->tasks[to]->start_s + SAME_S;
		double s = running ? b->tasks[from]->start_s : b->tasks[from]->end_s;

		if (from >= to)
			continue;
		b->released_s[to] = fmax(b->released_s[to], s - b->run->first_s);
		r = add_need(b, from, to, running);
	}
	return r;
}

/* How long the engine usually takes, after anything has ended: four times the median. */
static int measure_patience(const struct build *b, double *ret_s)
{
	size_t n = 0;
	double *gaps = calloc(b->o->n + 1, sizeof(*gaps));

	if (!gaps)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->o->n; i++) {
		size_t k = ended_until(b->ends, b->o->n, b->tasks[i]->start_s);

		if (k)
			gaps[n++] = b->tasks[i]->start_s - b->ends[k - 1].s;
	}
	qsort(gaps, n, sizeof(*gaps), by_value);
	*ret_s = fmax(PATIENCE_MIN_S, n ? PATIENCE * gaps[n / 2] : 0);
	free(gaps);
	return 0;
}

/* A job that nothing explains waited for what ended last before it. */
static int explain(struct build *b, uint32_t i, double patience_s)
{
	struct job *j = &b->o->jobs[i];
	double start_s = b->tasks[i]->start_s - b->run->first_s;
	size_t k = ended_until(b->ends, b->o->n, b->tasks[i]->start_s);
	double end_s = k ? b->ends[k - 1].s - b->run->first_s : 0;

	if (b->o->graph && !b->run->independent && j->gap_s > patience_s && k &&
	    end_s > b->released_s[i] + SAME_S) {
		int r = b->ends[k - 1].job < i ? add_need(b, b->ends[k - 1].job, i, false) : 0;

		if (r < 0)
			return r;
		b->o->order_needs++;
		b->released_s[i] = end_s;
		j->gap_s = fmax(start_s - end_s, 0);
	}
	if (b->released_s[i] <= 0) /* it waited for the engine's own start */
		j->gap_s = fmax(j->gap_s - b->o->start_s, 0);
	j->delay_s = fmax(j->gap_s - patience_s, 0);
	j->gap_s -= j->delay_s;
	return 0;
}

static int find_gaps(struct build *b)
{
	struct order *o = b->o;
	double patience_s;
	int r = 0;

	for (uint32_t i = 0; i < o->n; i++) {
		double start_s = b->tasks[i]->start_s - b->run->first_s;

		if (o->graph) {
			double from_s = b->released_s[i] + b->run->first_s;

			b->released_s[i] = place_since(b, i, from_s) - b->run->first_s;
		} else {
			size_t k = ended_until(b->ends, o->n, b->tasks[i]->start_s);

			o->jobs[i].prefix = (uint32_t)k;
			b->released_s[i] = k ? b->ends[k - 1].s - b->run->first_s : 0;
		}
		o->jobs[i].gap_s = fmax(start_s - b->released_s[i], 0);
	}
	o->start_s = fmax(b->tasks[0]->start_s - b->run->first_s, 0);
	r = measure_patience(b, &patience_s);
	for (uint32_t i = 0; i < o->n && r == 0; i++)
		r = explain(b, i, patience_s);
	return r;
}

/* Who waits for each job, as one array. */
static int list_after(struct build *b)
{
	struct order *o = b->o;
	uint32_t first = 0;

	o->after = calloc(b->n_needs + 1, sizeof(*o->after));
	if (!o->after)
		return -ENOMEM;
	o->n_after = b->n_needs;
	for (size_t i = 0; i < b->n_needs; i++)
		o->jobs[b->needs[i].from].n_after++;
	for (size_t i = 0; i < o->n; i++) {
		o->jobs[i].first_after = first;
		first += o->jobs[i].n_after;
		o->jobs[i].n_after = 0;
	}
	for (size_t i = 0; i < b->n_needs; i++) {
		const struct whatif_need *need = &b->needs[i];
		struct job *from = &o->jobs[need->from];

		o->after[from->first_after + from->n_after++] =
			(struct after){ need->to, need->running };
		o->jobs[need->to].needs++;
	}
	return 0;
}

/* Time in which it was starting something, however many; jobs are by start. */
static double time_in_gaps(const struct build *b)
{
	double sum = 0, low = INFINITY;

	for (size_t i = b->o->n; i-- > 0;) {
		double start_s = b->tasks[i]->start_s - b->run->first_s;
		double from_s = start_s - b->o->jobs[i].gap_s;

		sum += fmax(fmin(start_s, low) - from_s, 0);
		low = fmin(low, from_s);
	}
	return sum + b->o->start_s + fmax(b->run->run_s - b->o->last_s, 0);
}

/* The engine's time between tasks: how much of it was work, and how much a wait. */
static void measure_engine(const struct build *b)
{
	const struct whatif_run *run = b->run;
	struct order *o = b->o;
	double active = run->engine_cpu_s + run->engine_queue_s, gaps_s = time_in_gaps(b), queue_s;

	if (!(gaps_s > 0) || !(active > 0))
		return;
	active = fmin(gaps_s / active, 1); /* what it did while tasks ran delayed nobody */
	queue_s = run->engine_queue_s * active;
	o->engine_bound = fmin(run->engine_cpu_s * active / (gaps_s - queue_s + 1e-9), 1);
	for (size_t i = 0; i < o->n; i++)
		o->jobs[i].gap_s *= 1 - queue_s / gaps_s;
}

static int sort_tasks(struct build *b)
{
	struct order *o = b->o;
	const struct whatif_run *run = b->run;

	for (uint32_t i = 0; i < o->n; i++)
		b->tasks[i] = &run->tasks[i];
	qsort(b->tasks, o->n, sizeof(*b->tasks), by_start);
	for (uint32_t i = 0; i < o->n; i++) {
		b->rank[b->tasks[i] - run->tasks] = i;
		b->ends[i] = (struct end){ b->tasks[i]->end_s, i, 0 };
		job_from(&o->jobs[i], b->tasks[i]);
	}
	qsort(b->ends, o->n, sizeof(*b->ends), by_end);
	for (uint32_t i = 0; i < o->n; i++)
		o->jobs[b->ends[i].job].end_rank = i;
	o->last_s = b->ends[o->n - 1].s - run->first_s;
	measure_load(b);
	return o->graph ? take_needs(b) : 0;
}

int whatif_order(const struct whatif_run *run, struct order *ret)
{
	struct order o = { .n = run->n, .graph = run->graph };
	struct build b = { .run = run, .o = &o };
	int r = -ENOMEM;

	o.jobs = calloc(run->n, sizeof(*o.jobs));
	b.tasks = calloc(run->n, sizeof(*b.tasks));
	b.rank = calloc(run->n, sizeof(*b.rank));
	b.ends = calloc(run->n, sizeof(*b.ends));
	b.released_s = calloc(run->n, sizeof(*b.released_s));
	if (o.jobs && b.tasks && b.rank && b.ends && b.released_s)
		r = sort_tasks(&b);
	if (r == 0)
		r = find_gaps(&b);
	if (r == 0)
		r = list_after(&b);
	if (r == 0)
		measure_engine(&b);
	free(b.tasks);
	free(b.rank);
	free(b.ends);
	free(b.released_s);
	free(b.needs);
	if (r < 0)
		whatif_order_fini(&o);
	else
		*ret = o;
	return r;
}

void whatif_order_fini(struct order *o)
{
	free(o->jobs);
	free(o->after);
	*o = (struct order){ 0 };
}
