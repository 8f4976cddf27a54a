/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs run again: those whose needs are met begin in the observed order as long
 * as there are places and memory, after the time that the engine takes to start them.
 * What runs at a time shares the CPUs (whatif_share.c). How fast each goes is found
 * again when one in 64 of those who run has changed: with fewer than that, at every
 * change. A replay takes n log n, however many run at a time.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "src/analysis/whatif_internal.h"
#include "src/base/cleanup.h"

#define BACKFILL 16 /* later ones that are tried when the first does not fit */
#define PASS	 (1ULL << 32)
#define STALE	 64 /* of those who run one in so many has changed */

enum phase { PHASE_DELAY, PHASE_LAUNCH, PHASE_RUN, PHASE_OVER };

struct running {
	uint32_t job;
	enum phase phase;
	double since_s; /* left and rate are of then */
	double left_s, rate;
	double due_s; /* at this rate */
};

struct state {
	const struct order *o;
	const struct replay_options *how;
	double limit;	 /* of places; 0: none */
	size_t n_taken;	 /* jobs that have a place */
	uint32_t *needs; /* not yet met, by job */
	uint64_t *ready; /* heap of PASS | job */
	size_t n_ready;
	uint64_t turn;		 /* the last that began */
	struct running *running; /* in the order in which they came */
	struct sharer *sharers;
	uint32_t *due; /* heap of places in running, by due_s */
	size_t n_running, n_due, n_changed;
	double wanted;	     /* cores, by all, when rates were set */
	bool *ended;	     /* by observed end */
	size_t prefix, next; /* without a graph */
	size_t n_ended, n_launching;
	double places, memory_bytes; /* taken */
	double now_s, queue_s;
};

static void heap_push(struct state *s, uint64_t key)
{
	size_t at = s->n_ready++;

	for (; at && s->ready[(at - 1) / 2] > key; at = (at - 1) / 2)
		s->ready[at] = s->ready[(at - 1) / 2];
	s->ready[at] = key;
}

static uint64_t heap_pop(struct state *s)
{
	uint64_t top = s->ready[0], last = s->ready[--s->n_ready];
	size_t at = 0, child;

	for (; (child = 2 * at + 1) < s->n_ready; at = child) {
		if (child + 1 < s->n_ready && s->ready[child + 1] < s->ready[child])
			child++;
		if (s->ready[child] >= last)
			break;
		s->ready[at] = s->ready[child];
	}
	s->ready[at] = last;
	return top;
}

/* In passes, what the engine has gone past has to wait for the next one. */
static void offer(struct state *s, uint32_t job)
{
	uint64_t pass = s->how->in_passes ? s->turn & ~(uint64_t)UINT32_MAX : 0;
	uint64_t key = pass | job;

	heap_push(s, s->how->in_passes && key < s->turn ? key + PASS : key);
}

static double places_of(const struct state *s, const struct job *j)
{
	return s->limit > 0 ? fmin(j->places, s->limit) : j->places;
}

/* The CPUs that it asks for in this world. One that had all places may have been
 * given fewer than it asked for. */
static double cpus_of(const struct state *s, const struct job *j)
{
	if (s->how->as_was || !(s->limit > 0))
		return j->places;
	if (j->places > 1 && j->places >= s->o->places_most && j->scale.most)
		return fmin(fmax(s->limit, 1), fmax(j->scale.most, j->places));
	return fmin(j->places, s->limit);
}

static double amdahl(const struct whatif_scale *scale, double cpus)
{
	return scale->serial + (1 - scale->serial) / cpus;
}

/* Its work in this world, and the cores that it uses meanwhile. */
static double work_of(const struct state *s, const struct job *j, double *ret_cores)
{
	double cpus = cpus_of(s, j), work = j->work_s, cores = j->cores;

	if (!s->how->as_was)
		work /= j->faster;
	*ret_cores = cores;
	if (cpus == j->places)
		return work;
	if (j->scale.most && cpus >= j->scale.least) {
		double ratio = amdahl(&j->scale, cpus) / amdahl(&j->scale, j->places);

		*ret_cores = fmax(cores / ratio, 1);
		return work * ratio;
	}
	*ret_cores = fmax(fmin(cores, cpus), 1);
	return work * (1 - j->bound + j->bound * cores / *ret_cores);
}

static bool is_before(const struct state *s, uint32_t a, uint32_t b)
{
	double x = s->running[a].due_s, y = s->running[b].due_s;

	return x < y || (x <= y && a < b);
}

static void due_push(struct state *s, uint32_t place)
{
	size_t at = s->n_due++;

	for (; at && is_before(s, place, s->due[(at - 1) / 2]); at = (at - 1) / 2)
		s->due[at] = s->due[(at - 1) / 2];
	s->due[at] = place;
}

static uint32_t due_pop(struct state *s)
{
	uint32_t top = s->due[0], last = s->due[--s->n_due];
	size_t at = 0, child;

	for (; (child = 2 * at + 1) < s->n_due; at = child) {
		if (child + 1 < s->n_due && is_before(s, s->due[child + 1], s->due[child]))
			child++;
		if (!is_before(s, s->due[child], last))
			break;
		s->due[at] = s->due[child];
	}
	s->due[at] = last;
	return top;
}

static struct sharer sharer_of(const struct state *s, const struct running *r)
{
	const struct job *j = &s->o->jobs[r->job];
	struct sharer one = { .bound = j->bound };

	if (r->phase == PHASE_LAUNCH)
		return (struct sharer){ .bound = s->o->engine_bound, .cores = 1 };
	(void)work_of(s, j, &one.cores);
	return one;
}

/* A part of its way begins, beside the others as they were when rates were set. */
static void start(struct state *s, uint32_t place, enum phase phase, double left_s)
{
	struct running *r = &s->running[place];
	struct sharer one;

	r->phase = phase;
	r->since_s = s->now_s;
	r->left_s = left_s;
	r->rate = 1;
	if (phase != PHASE_DELAY) {
		one = sharer_of(s, r);
		r->rate = whatif_share_rate(&one, s->wanted, s->how->of.cores, s->how->slow);
	}
	r->due_s = s->now_s + left_s / r->rate;
	s->n_changed++;
	due_push(s, place);
}

static void add(struct state *s, uint32_t job, enum phase phase, double left_s)
{
	s->running[s->n_running] = (struct running){ .job = job };
	start(s, (uint32_t)s->n_running++, phase, left_s);
}

static void become_ready(struct state *s, uint32_t job)
{
	const struct job *j = &s->o->jobs[job];

	if (j->delay_s > 0)
		add(s, job, PHASE_DELAY, j->delay_s);
	else
		offer(s, job);
}

static void met(struct state *s, uint32_t job, bool running)
{
	const struct job *j = &s->o->jobs[job];

	for (uint32_t i = j->first_after; i < j->first_after + j->n_after; i++)
		if (s->o->after[i].running == running && !--s->needs[s->o->after[i].job])
			become_ready(s, s->o->after[i].job);
}

/* Without a graph: all that had ended before a start have to end again. */
static void met_prefix(struct state *s)
{
	if (s->o->graph)
		return;
	while (s->prefix < s->o->n && s->ended[s->prefix])
		s->prefix++;
	while (s->next < s->o->n && s->o->jobs[s->next].prefix <= s->prefix)
		become_ready(s, (uint32_t)s->next++);
}

static bool fits(const struct state *s, const struct job *j)
{
	if (s->limit > 0 && s->places + places_of(s, j) > s->limit + 1e-9)
		return false;
	if (s->how->of.tasks && s->n_taken >= s->how->of.tasks)
		return false;
	return !(s->how->of.memory_bytes > 0) || !(s->memory_bytes > 0) ||
	       s->memory_bytes + j->memory_bytes <= s->how->of.memory_bytes;
}

static void let_in(struct state *s)
{
	uint64_t passed[BACKFILL];
	size_t n = 0;

	while (s->n_ready && n < BACKFILL) {
		uint64_t key = heap_pop(s);
		uint32_t job = (uint32_t)key;
		const struct job *j = &s->o->jobs[job];

		if (!fits(s, j)) {
			passed[n++] = key;
			continue;
		}
		s->turn = key;
		s->places += places_of(s, j);
		s->n_taken++;
		s->memory_bytes += j->memory_bytes;
		s->n_launching++;
		add(s, job, PHASE_LAUNCH, j->gap_s);
	}
	while (n)
		heap_push(s, passed[--n]);
}

static void end(struct state *s, uint32_t job)
{
	const struct job *j = &s->o->jobs[job];

	s->places -= places_of(s, j);
	s->n_taken--;
	s->memory_bytes -= j->memory_bytes;
	s->ended[j->end_rank] = true;
	s->n_ended++;
}

static void wait(struct state *s, uint32_t job, double queue_s)
{
	s->queue_s += queue_s;
	if (s->how->job_queue_s)
		s->how->job_queue_s[job] += queue_s;
}

static void settle(struct state *s, struct running *r)
{
	double took_s = s->now_s - r->since_s;

	r->left_s = fmax(r->left_s - took_s * r->rate, 0);
	if (r->phase == PHASE_RUN)
		wait(s, r->job, took_s * (1 - r->rate));
	r->since_s = s->now_s;
}

static void forget_over(struct state *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n_running; i++)
		if (s->running[i].phase != PHASE_OVER)
			s->running[kept++] = s->running[i];
	s->n_running = kept;
}

/* The engine is one program, however many tasks it starts. */
static void set_rates(struct state *s)
{
	size_t n = 0;
	double engine = 1;

	if (s->n_changed * STALE < s->n_due)
		return;
	forget_over(s);
	for (size_t i = 0; i < s->n_running; i++)
		if (s->running[i].phase == PHASE_RUN)
			s->sharers[n++] = sharer_of(s, &s->running[i]);
	if (s->n_launching)
		s->sharers[n++] = (struct sharer){ .bound = s->o->engine_bound, .cores = 1 };
	s->wanted = whatif_share(s->sharers, n, s->how->of.cores, s->how->slow);
	if (s->n_launching)
		engine = s->sharers[n - 1].rate;
	s->n_due = s->n_changed = n = 0;
	for (size_t i = 0; i < s->n_running; i++) {
		struct running *r = &s->running[i];

		settle(s, r);
		r->rate = r->phase == PHASE_RUN	     ? s->sharers[n++].rate
			  : r->phase == PHASE_LAUNCH ? engine
						     : 1;
		r->due_s = s->now_s + r->left_s / r->rate;
		due_push(s, (uint32_t)i);
	}
}

/* Time passes until something ends or begins; what that allows comes after. */
static void pass(struct state *s, uint32_t *ended, uint32_t *begun)
{
	size_t n_ended = 0, n_begun = 0;
	double step = s->running[s->due[0]].due_s - s->now_s, until_s;

	s->now_s += step;
	until_s = s->now_s + step * 1e-12 + 1e-12;
	while (s->n_due && s->running[s->due[0]].due_s <= until_s) {
		uint32_t place = due_pop(s);
		struct running *r = &s->running[place];

		settle(s, r);
		if (r->phase == PHASE_LAUNCH) {
			begun[n_begun++] = place;
			continue;
		}
		if (r->phase == PHASE_RUN)
			ended[n_ended++] = r->job;
		else
			offer(s, r->job);
		r->phase = PHASE_OVER;
		s->n_changed++;
	}
	for (size_t i = 0; i < n_begun; i++) {
		double cores;

		s->n_launching--;
		start(s, begun[i], PHASE_RUN,
		      work_of(s, &s->o->jobs[s->running[begun[i]].job], &cores));
	}
	for (size_t i = 0; i < n_ended; i++)
		end(s, ended[i]);
	for (size_t i = 0; i < n_ended; i++)
		met(s, ended[i], false);
	for (size_t i = 0; i < n_begun; i++)
		met(s, s->running[begun[i]].job, true);
	met_prefix(s);
}

static void play(struct state *s, uint32_t *ended, uint32_t *begun)
{
	s->now_s = s->o->start_s;
	if (s->o->graph)
		for (uint32_t i = 0; i < s->o->n; i++)
			if (!s->needs[i])
				become_ready(s, i);
	met_prefix(s);
	while (s->n_ended < s->o->n) {
		let_in(s);
		if (!s->n_due)
			break;
		set_rates(s);
		pass(s, ended, begun);
	}
}

/* Without a graph the order of ends limits enough. */
static double limit_of(const struct order *o, const struct whatif_world *of)
{
	if (of->places)
		return (double)of->places;
	return of->tasks || !o->graph ? 0 : o->places_most;
}

int whatif_replay(const struct order *o, const struct replay_options *how, struct replay *ret)
{
	_cleanup_free_ uint32_t *needs = calloc(o->n, sizeof(*needs));
	_cleanup_free_ uint64_t *ready = calloc(o->n + 1, sizeof(*ready));
	/* once with its delay, once with its place; the last is forgotten at set_rates() */
	_cleanup_free_ struct running *running = calloc(2 * o->n, sizeof(*running));
	_cleanup_free_ uint32_t *due = calloc(o->n, sizeof(*due));
	_cleanup_free_ struct sharer *sharers = calloc(o->n + 1, sizeof(*sharers));
	_cleanup_free_ bool *ended_rank = calloc(o->n, sizeof(*ended_rank));
	_cleanup_free_ uint32_t *ended = calloc(o->n, sizeof(*ended));
	_cleanup_free_ uint32_t *begun = calloc(o->n, sizeof(*begun));
	struct state s = {
		.o = o,
		.how = how,
		.limit = limit_of(o, &how->of),
		.needs = needs,
		.ready = ready,
		.running = running,
		.sharers = sharers,
		.due = due,
		.ended = ended_rank,
	};

	if (!needs || !ready || !running || !due || !sharers || !ended_rank || !ended || !begun)
		return -ENOMEM;
	for (size_t i = 0; i < o->n; i++)
		needs[i] = o->jobs[i].needs;
	play(&s, ended, begun);
	*ret = (struct replay){ s.now_s, s.queue_s };
	return 0;
}
