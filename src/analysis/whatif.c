/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/whatif.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "src/analysis/stats.h"
#include "src/analysis/whatif_internal.h"
#include "src/base/cleanup.h"

#define TOLERATED     0.3  /* of the replay of what was: beyond it there is no prediction */
#define AT_LIMIT      0.9  /* of all cores: a task that would take more */
#define IGNORED_MOST  0.2  /* of the work may be of tasks that nothing is known about */
#define QUEUE_NOTICED 0.02 /* of the work: shorter waits show nobody's load */
#define TRIALS_SHARE  0.8  /* of the trials had no larger error */
#define SLOW_MOST     64.0
#define HALVINGS      12

static bool at_limit(const struct whatif_task *t, double cores)
{
	double work = t->end_s - t->start_s - t->queue_s;

	return cores >= 2 && work > 0 && t->cpu_s / work > AT_LIMIT * cores;
}

static bool had_all_places(const struct whatif_task *t, double places_most)
{
	return t->places > 1 && t->places >= places_most && !t->scale.most;
}

struct shares { /* of the work */
	double at_limit, all_places, unplaced;
};

static struct shares shares_of(const struct whatif_run *run, double cores, double places_most)
{
	struct shares s = { 0 };
	double cpu = 0, wall = 0;

	for (size_t i = 0; i < run->n; i++) {
		const struct whatif_task *t = &run->tasks[i];
		double own = t->end_s - t->start_s;

		cpu += t->cpu_s;
		wall += own;
		s.at_limit += at_limit(t, cores) ? t->cpu_s : 0;
		s.all_places += had_all_places(t, places_most) ? own : 0;
		s.unplaced += t->placed ? 0 : own;
	}
	s.at_limit /= cpu > 0 ? cpu : 1;
	s.all_places /= wall > 0 ? wall : 1;
	s.unplaced /= wall > 0 ? wall : 1;
	return s;
}

static enum whatif_doubt doubt_of(const struct whatif_run *run, const struct whatif_world *would,
				  const struct whatif *w)
{
	struct shares s = shares_of(run, w->cores_had, (double)w->places_most);
	bool more = would->tasks > w->tasks_most || would->places > w->places_most;

	if (more && !run->graph)
		return WHATIF_MORE_TASKS;
	if (more && s.unplaced > IGNORED_MOST)
		return WHATIF_NO_DATA;
	if (would->places > w->places_most && s.all_places > IGNORED_MOST)
		return WHATIF_THREADS;
	if (would->cores > w->cores_had && s.at_limit > IGNORED_MOST)
		return WHATIF_MORE_CORES;
	if (would->memory_bytes > 0 && w->needed_bytes > would->memory_bytes)
		return WHATIF_NO_ROOM;
	return WHATIF_NONE;
}

/* A run of one task at a time does not tell in what order the engine would begin more:
 * make goes through its targets in passes, of others it is not known. */
static int replay_orders(const struct whatif_run *run, const struct order *o,
			 struct replay_options *how, struct replay *ret, struct whatif *w)
{
	bool serial = o->tasks_most == 1 && how->of.tasks != 1 && how->of.places != 1;
	struct replay other;
	int r;

	how->in_passes = serial && run->in_passes;
	r = whatif_replay(o, how, ret);
	if (r < 0 || !serial)
		return r;
	how->in_passes = !how->in_passes;
	r = whatif_replay(o, how, &other);
	if (r == 0)
		w->spread_ratio = fabs(other.end_s / fmax(ret->end_s, 1e-9) - 1);
	if (r == 0 && !run->in_passes)
		ret->end_s = (ret->end_s + other.end_s) / 2;
	return r;
}

static int predict(const struct whatif_run *run, const struct whatif_world *would,
		   const struct order *o, struct whatif *ret)
{
	struct replay_options old = { .as_was = true }, new = { .of = *would };
	double tail = fmax(run->run_s - o->last_s, 0), off;
	struct replay was, then;
	int r = whatif_cores(run, o, &old.of.cores, &old.slow);

	if (r < 0)
		return r;
	ret->cores_had = old.of.cores;
	ret->cores_share = 1 / old.slow;
	if (!(new.of.cores > 0))
		new.of.cores = old.of.cores;
	new.slow = old.slow;
	r = whatif_replay(o, &old, &was);
	if (r == 0)
		r = replay_orders(run, o, &new, &then, ret);
	if (r < 0)
		return r;
	off = fabs(was.end_s / fmax(o->last_s, 1e-9) - 1);
	ret->replayed_s = was.end_s + tail;
	ret->doubt = doubt_of(run, &new.of, ret);
	if (ret->doubt == WHATIF_NONE && !(off < TOLERATED))
		ret->doubt = WHATIF_BAD_MODEL;
	if (ret->doubt != WHATIF_NONE)
		return 0;
	ret->predicted_s = o->last_s * then.end_s / was.end_s + tail;
	ret->error_ratio = WHATIF_ERROR_LEAST + off + 0.5 * ret->spread_ratio +
			   0.5 * (1 - ret->cores_share) +
			   0.1 * fabs(log(ret->predicted_s / ret->observed_s));
	return 0;
}

int whatif_predict(const struct whatif_run *run, const struct whatif_world *would,
		   struct whatif *ret)
{
	struct whatif made = { .observed_s = run->run_s,
			       .predicted_s = NAN,
			       .error_ratio = NAN,
			       .cores_share = 1,
			       .cores_had = run->was.cores };
	struct whatif_run used = *run;
	struct order o;
	int r;

	if (!run->n || run->n > WHATIF_TASKS_MOST) {
		made.doubt = run->n ? WHATIF_TOO_MANY : WHATIF_NO_TASKS;
		*ret = made;
		return 0;
	}
	made.unplaced_share = shares_of(run, 0, 0).unplaced;
	if (made.unplaced_share > IGNORED_MOST) /* its order is all that is known of it */
		used.graph = false;
	made.graph = used.graph;
	r = whatif_order(&used, &o);
	if (r < 0)
		return r;
	made.tasks_most = o.tasks_most;
	made.places_most = (size_t)(o.places_most + 0.5);
	made.order_needs = o.order_needs;
	for (size_t i = 0; i < run->n; i++)
		made.needed_bytes = fmax(made.needed_bytes, run->tasks[i].memory_bytes);
	r = predict(run, would, &o, &made);
	whatif_order_fini(&o);
	if (r == 0)
		*ret = made;
	return r;
}

const char *whatif_doubt_words(enum whatif_doubt doubt)
{
	static const char *const words[] = {
		"",
		"the run has no tasks",
		"more tasks at a time than ran: which of them depend on each other is not known",
		"more tasks at a time than ran: much of the work used no files, and nothing else "
		"says what depends on it",
		"tasks used all cores that there were: what they do with more is not known",
		"tasks asked for all places that there were: what they do with more is not known",
		"a task needs more memory than that",
		"replaying what was does not give what was",
		"the run has more than 50,000 tasks: they are not replayed",
	};

	return words[doubt];
}

/* Least squares of seconds over 1 / cpus. */
struct whatif_scale whatif_scale_fit(const unsigned *cpus, const double *seconds, size_t n)
{
	struct whatif_scale s = { 0, UINT32_MAX, 0 };
	_cleanup_free_ double *x = calloc(n + 1, sizeof(*x));
	struct stats_line line;
	double whole;

	if (!x || !n)
		return (struct whatif_scale){ 0 };
	for (size_t i = 0; i < n; i++) {
		x[i] = 1.0 / (cpus[i] ? cpus[i] : 1);
		s.least = cpus[i] < s.least ? cpus[i] : s.least;
		s.most = cpus[i] > s.most ? cpus[i] : s.most;
	}
	line = stats_fit(x, seconds, n);
	whole = line.intercept + line.slope; /* on one CPU */
	if (s.least == s.most || !(whole > 0) || !(line.slope >= 0))
		return (struct whatif_scale){ 0 };
	s.serial = fmin(fmax(line.intercept / whole, 0), 1);
	return s;
}

static int by_error(const void *a, const void *b)
{
	const struct whatif_trial *x = a, *y = b;
	double p = fabs(x->predicted_s / x->observed_s - 1);
	double q = fabs(y->predicted_s / y->observed_s - 1);

	return (p > q) - (p < q);
}

double whatif_trials_error(struct whatif_trial *trials, size_t n)
{
	size_t at = (size_t)ceil(TRIALS_SHARE * (double)n);
	const struct whatif_trial *t;

	if (!n)
		return NAN;
	qsort(trials, n, sizeof(*trials), by_error);
	t = &trials[at ? at - 1 : 0];
	return fabs(t->predicted_s / t->observed_s - 1);
}
