/* SPDX-License-Identifier: Apache-2.0 */
/* A whole run on another machine. Replays cost time: they are made for the types that are
 * best by an estimate that no replay can beat by much. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/instances.h"
#include "src/base/cleanup.h"

enum { BY_COST = 16, BY_TIME = 8, OF_FAMILY = 8, BY_OTHER = 8 };
#define REPLAYS_MAX 48

struct change { /* of what is in use at a moment */
	double s, bytes, cores;
};

static int by_moment(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (x->s < y->s || x->s > y->s)
		return x->s < y->s ? -1 : 1;
	return (x->bytes > y->bytes) - (x->bytes < y->bytes); /* ends first */
}

static double cores_of(const struct whatif_task *t)
{
	double work = t->end_s - t->start_s - t->queue_s;

	return work > 0 ? t->cpu_s / work : 0;
}

void instance_run_peak(const struct instance_run *r, struct instance_run_peak *ret)
{
	_cleanup_free_ struct change *c = calloc(2 * r->n + 1, sizeof(*c));
	double bytes = 0, cores = 0;

	*ret = (struct instance_run_peak){ NAN, NAN };
	if (!c)
		return;
	for (size_t i = 0; i < r->n; i++) {
		const struct whatif_task *t = &r->tasks[i];

		c[2 * i] = (struct change){ t->start_s, t->memory_bytes, cores_of(t) };
		c[2 * i + 1] = (struct change){ t->end_s, -t->memory_bytes, -cores_of(t) };
	}
	qsort(c, 2 * r->n, sizeof(*c), by_moment);
	*ret = (struct instance_run_peak){ 0 };
	for (size_t i = 0; i < 2 * r->n; i++) {
		bytes += c[i].bytes;
		cores += c[i].cores;
		ret->memory_bytes = fmax(ret->memory_bytes, bytes);
		ret->cores = fmax(ret->cores, cores);
	}
	ret->memory_bytes += r->outside_bytes;
}

static double usable(const struct instance_run *r, const struct instance *i)
{
	return instance_memory_usable(i->memory_bytes) - r->outside_bytes;
}

static double usd_of(const struct instance_run *r, const struct instance *i, double seconds,
		     struct instance_outcome *o)
{
	double hours = seconds / 3600, expected = hours;

	if (i->spot)
		expected = spot_expected_hours(i->taken, hours, r->restart_hours);
	o->spot_factor = hours > 0 ? expected / hours : 1;
	o->seconds = expected * 3600;
	o->transfer_usd = 0;
	if (r->was->region && i->region && strcmp(r->was->region, i->region) != 0)
		o->transfer_usd = r->input_bytes * r->transfer_usd_per_byte;
	o->usd = expected * i->usd_per_hour + o->transfer_usd;
	return o->usd;
}

/* Time that no schedule can beat by much: the observed one with the other CPU, or the CPU
 * time on all cores. */
static double estimate(const struct instance_run *r, const struct instance *i, double cpu_s,
		       double ratio)
{
	double s = r->seconds * (r->cpu_share * ratio + 1 - r->cpu_share);

	return fmax(s, cpu_s * ratio / i->vcpus);
}

/* The ratio of full machines, to that of the run with what it kept busy. */
static void apply_load(const struct instance_run *r, const struct instance *i,
		       struct instance_outcome *o)
{
	double here = instance_thread_speed(r->was, r->load);
	double there = instance_thread_speed(i, fmin(r->load * r->cores / i->vcpus, 1));

	o->speed_error = hypot(o->speed_error, 0.3 * log(here / there));
	o->ratio *= here / there;
}

static void first_look(const struct instance_run *r, const struct instance *list, size_t n,
		       struct instance_outcome *o)
{
	struct instance_run_peak peak;
	double cpu_s = 0;

	instance_run_peak(r, &peak);
	for (size_t k = 0; k < r->n; k++)
		cpu_s += r->tasks[k].cpu_s;
	for (size_t i = 0; i < n; i++) {
		instance_fit(&list[i], &r->need, &o[i]);
		if (o[i].reason == INSTANCE_FITS &&
		    !instance_ratio(r->was, &list[i], &o[i].ratio, &o[i].speed_error))
			o[i].reason = INSTANCE_SPEED;
		if (o[i].reason != INSTANCE_FITS)
			continue;
		apply_load(r, &list[i], &o[i]);
		(void)usd_of(r, &list[i], estimate(r, &list[i], cpu_s, o[i].ratio), &o[i]);
		o[i].reason = INSTANCE_NOT_TRIED;
		o[i].binds = BINDS_TASKS;
		if (list[i].vcpus < peak.cores)
			o[i].binds = BINDS_CPU;
		if (usable(r, &list[i]) < peak.memory_bytes - r->outside_bytes)
			o[i].binds = BINDS_MEMORY;
	}
}

struct shortlist {
	const char *types[REPLAYS_MAX];
	size_t n;
};

static bool listed(const struct shortlist *s, const char *type)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->types[i], type))
			return true;
	return false;
}

enum rank { RANK_COST, RANK_TIME, RANK_FAMILY, RANK_OTHER };

static bool ranks(const struct instance_run *r, const struct instance *i,
		  const struct instance_outcome *o, enum rank rank)
{
	bool here = !r->was->region || (i->region && !strcmp(i->region, r->was->region));

	if (o->reason != INSTANCE_NOT_TRIED || !here || !isfinite(o->usd))
		return false;
	if ((i->spot != r->was->spot) != (rank == RANK_OTHER))
		return false;
	if (rank == RANK_TIME)
		return !(o->usd > r->usd);
	return rank != RANK_FAMILY || (r->was->family && !strcmp(i->family, r->was->family));
}

static void shortlist_add(struct shortlist *s, const struct instance_run *r,
			  const struct instance *list, const struct instance_outcome *o, size_t n,
			  enum rank rank)
{
	size_t best = SIZE_MAX;

	if (s->n == REPLAYS_MAX)
		return;
	for (size_t i = 0; i < n; i++) {
		if (!ranks(r, &list[i], &o[i], rank))
			continue;
		if (best != SIZE_MAX &&
		    (rank == RANK_TIME ? o[i].seconds >= o[best].seconds : o[i].usd >= o[best].usd))
			continue;
		if (!listed(s, list[i].type))
			best = i;
	}
	if (best != SIZE_MAX)
		s->types[s->n++] = list[best].type;
}

static void shortlist_make(struct shortlist *s, const struct instance_run *r,
			   const struct instance *list, const struct instance_outcome *o, size_t n)
{
	static const unsigned most[] = { [RANK_COST] = BY_COST,
					 [RANK_TIME] = BY_TIME,
					 [RANK_FAMILY] = OF_FAMILY,
					 [RANK_OTHER] = BY_OTHER };

	*s = (struct shortlist){ 0 };
	if (r->was->type)
		s->types[s->n++] = r->was->type;
	for (int rank = RANK_COST; rank <= RANK_OTHER; rank++)
		for (unsigned k = 0; k < most[rank]; k++)
			shortlist_add(s, r, list, o, n, (enum rank)rank);
}

struct replay { /* the same for machines of the same size and speed */
	double vcpus, ratio, memory_bytes, seconds, error;
};

struct replays {
	struct replay made[REPLAYS_MAX * 2];
	size_t n;
	struct whatif_task *tasks; /* a copy with the speed of the last replay */
	double slow;		   /* by others: of the run, so it is found but once; 0: not yet */
};

/* NAN: it cannot be told. */
static int replay(const struct instance_run *r, struct replays *all, struct replay *p)
{
	const struct whatif_run run = { .tasks = all->tasks,
					.n = r->n,
					.run_s = r->seconds,
					.was = { .cores = r->cores },
					.cores_told = true,
					.slow = all->slow };
	const struct whatif_world would = { .cores = p->vcpus, .memory_bytes = p->memory_bytes };
	struct whatif w;
	int e;

	for (size_t k = 0; k < r->n; k++) {
		double work = r->tasks[k].end_s - r->tasks[k].start_s - r->tasks[k].queue_s;
		double share = work > 0 ? fmin(r->tasks[k].cpu_wall_s / work, 1) : 0;

		all->tasks[k].faster = 1 / (share * p->ratio + 1 - share);
	}
	e = whatif_predict(&run, &would, &w);
	if (e < 0)
		return e;
	all->slow = 1 / w.cores_share;
	p->seconds = w.doubt == WHATIF_NONE ? w.predicted_s : NAN;
	p->error = w.error_ratio;
	return 0;
}

/* That of a machine of the same size and speed, or a new one; NULL: there were too many. */
static int replay_of(struct replays *all, const struct instance_run *r, const struct instance *i,
		     double ratio, const struct replay **ret)
{
	struct replay new = { .vcpus = i->vcpus, .ratio = ratio, .memory_bytes = usable(r, i) };
	int e;

	for (size_t k = 0; k < all->n; k++) {
		const struct replay *had = &all->made[k];

		*ret = had;
		if (fabs(had->vcpus - new.vcpus) < 1e-9 && fabs(had->ratio - ratio) < 1e-9 &&
		    fabs(had->memory_bytes - new.memory_bytes) < 1)
			return 0;
	}
	*ret = NULL;
	if (all->n == REPLAYS_MAX * 2)
		return 0;
	e = replay(r, all, &new);
	if (e < 0)
		return e;
	all->made[all->n] = new;
	*ret = &all->made[all->n++];
	return 0;
}

int instance_run_predict(const struct instance_run *r, const struct instance *list, size_t n,
			 struct instance_outcome *outcomes)
{
	_cleanup_free_ struct whatif_task *copy = calloc(r->n + 1, sizeof(*copy));
	struct replays all = { .tasks = copy };
	struct shortlist s;
	int e = copy ? 0 : -ENOMEM;

	if (e == 0 && r->n)
		memcpy(copy, r->tasks, r->n * sizeof(*copy));
	if (e == 0)
		first_look(r, list, n, outcomes);
	if (e == 0)
		shortlist_make(&s, r, list, outcomes, n);
	for (size_t i = 0; i < n && e == 0; i++) {
		struct instance_outcome *o = &outcomes[i];
		const struct replay *p;

		if (o->reason != INSTANCE_NOT_TRIED || !listed(&s, list[i].type))
			continue;
		e = replay_of(&all, r, &list[i], o->ratio, &p);
		if (e < 0 || !p)
			continue;
		o->reason = isfinite(p->seconds) && isfinite(usd_of(r, &list[i], p->seconds, o))
				    ? INSTANCE_FITS
				    : INSTANCE_TIME;
		o->time_error = p->error / 2;
	}
	return e;
}
