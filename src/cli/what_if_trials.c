/* SPDX-License-Identifier: Apache-2.0 */
/* Other runs of the pipeline that did the same work: what predictions of one from
 * another were off by, and what tasks made of more CPUs. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/cli/what_if.h"

#define CANDIDATES    20     /* newest runs of the pipeline that are looked at */
#define PROCESSES_ALL 100000 /* of all of them */
#define TASKS_RATIO   1.1
#define SCALE_SAMPLES 4 /* times of a task: fewer fit anything */

struct other {
	struct history h;
	struct what_if_run w;
};

struct trials {
	struct what_if_run *self;
	const struct run_row *row;
	struct other others[TRIALS_RUNS_MAX];
	unsigned n;
	int64_t ids[CANDIDATES];
	unsigned n_ids;
	uint64_t processes;
};

static int visit_run(void *ctx, const struct run_row *row)
{
	struct trials *t = ctx;
	const char *name = history_pipeline(row), *own = history_pipeline(t->row);

	if (row->id == t->row->id || !name || strcmp(name, own) != 0 || row->status == RUN_RUNNING)
		return 0;
	t->processes += row->processes;
	if (t->processes > PROCESSES_ALL)
		return 1;
	t->ids[t->n_ids++] = row->id;
	return t->n_ids == CANDIDATES;
}

static bool within(double a, double b, double ratio)
{
	return a > 0 && b > 0 && a / b < ratio && b / a < ratio;
}

/* Did it do the same, so that only the world around it differed? */
static bool same_work(const struct what_if_run *a, const struct what_if_run *b)
{
	return within((double)a->run.n, (double)b->run.n, TASKS_RATIO) &&
	       within(a->cpu_s, b->cpu_s, TRIALS_SIZE_RATIO);
}

static void other_fini(struct other *o)
{
	what_if_run_fini(&o->w);
	history_fini(&o->h);
}

static int load_other(struct trials *t, struct store *store, int64_t id)
{
	struct other *o = &t->others[t->n];
	int r;

	*o = (struct other){ 0 };
	r = history_add_run(&o->h, store, id);
	if (r >= 0 && o->h.runs[0].missing) {
		other_fini(o);
		return 0;
	}
	if (r >= 0)
		r = what_if_run_load(&o->w, &o->h, store);
	if (r < 0 || !same_work(t->self, &o->w)) {
		other_fini(o);
		return r < 0 ? r : 0;
	}
	t->n++;
	return 0;
}

static const struct what_if_run *run_at(const struct trials *t, unsigned i)
{
	return i ? &t->others[i - 1].w : t->self;
}

/* b predicted from a: with the cores that b had in effect, and its tasks at a time. */
static int try(const struct trials *t, const struct whatif *selves, unsigned a, unsigned b,
	       double *ret_s)
{
	struct whatif_world would = {
		.cores = selves[b].cores_had * selves[b].cores_share / selves[a].cores_share,
		.places = selves[b].places_most,
	};
	struct whatif_run from = run_at(t, a)->run;
	struct whatif w;
	int r;

	from.was.cores = selves[a].cores_had;
	from.cores_told = true;
	from.slow = 1 / selves[a].cores_share;
	r = whatif_predict(&from, &would, &w);
	if (r == 0)
		*ret_s = w.predicted_s; /* NAN: it would not have said anything */
	return r;
}

static int try_all(const struct trials *t, struct what_if_trials *ret)
{
	struct whatif_trial list[(TRIALS_RUNS_MAX + 1) * TRIALS_RUNS_MAX];
	struct whatif selves[TRIALS_RUNS_MAX + 1];
	const struct whatif_world unchanged = { 0 };
	unsigned n = 0;
	int r = 0;

	for (unsigned i = 0; i <= t->n && r == 0; i++)
		r = whatif_predict(&run_at(t, i)->run, &unchanged, &selves[i]);
	for (unsigned a = 0; a <= t->n && r == 0; a++)
		for (unsigned b = 0; b <= t->n && r == 0; b++) {
			double predicted_s;

			if (a == b)
				continue;
			r = try(t, selves, a, b, &predicted_s);
			if (r == 0 && predicted_s > 0)
				list[n++] =
					(struct whatif_trial){ predicted_s, selves[b].observed_s };
		}
	if (r < 0)
		return r;
	ret->runs = t->n + 1;
	ret->n = n;
	ret->error_ratio = ret->runs >= WHATIF_TRIALS_RUNS ? whatif_trials_error(list, n) : NAN;
	return 0;
}

/* Times of all tasks of that name, in all runs. */
static int fit_name(struct trials *t, const char *name, struct whatif_scale *ret)
{
	_cleanup_free_ unsigned *cpus = calloc(TRIALS_TASKS_MAX, sizeof(*cpus));
	_cleanup_free_ double *seconds = calloc(TRIALS_TASKS_MAX, sizeof(*seconds));
	size_t n = 0;

	if (!cpus || !seconds)
		return -ENOMEM;
	for (unsigned i = 0; i <= t->n; i++) {
		const struct what_if_run *w = run_at(t, i);

		for (size_t k = 0; k < w->run.n && n < TRIALS_TASKS_MAX; k++) {
			const struct whatif_task *task = &w->tasks[k];

			if (!task->places || strcmp(w->names[k], name) != 0)
				continue;
			cpus[n] = task->places;
			seconds[n++] = task->end_s - task->start_s - task->queue_s;
		}
	}
	*ret = n >= SCALE_SAMPLES ? whatif_scale_fit(cpus, seconds, n) : (struct whatif_scale){ 0 };
	return 0;
}

static int fit_scales(struct trials *t)
{
	struct what_if_run *w = t->self;
	int r = 0;

	for (size_t i = 0; i < w->run.n && r == 0; i++) {
		size_t same = 0;

		if (w->tasks[i].places < 2)
			continue;
		while (same < i &&
		       (w->tasks[same].places < 2 || strcmp(w->names[same], w->names[i]) != 0))
			same++;
		if (same < i)
			w->tasks[i].scale = w->tasks[same].scale;
		else
			r = fit_name(t, w->names[i], &w->tasks[i].scale);
	}
	return r;
}

int what_if_trials(struct what_if_run *w, const struct history *h, struct store *store,
		   struct what_if_trials *ret)
{
	struct trials t = { .self = w, .row = &h->runs[0].row };
	size_t tasks = w->run.n;
	int r = 0;

	*ret = (struct what_if_trials){ .runs = 1, .error_ratio = NAN };
	if (!history_pipeline(t.row) || tasks > TRIALS_TASKS_MAX)
		return 0;
	r = store_each_run(store, 0, visit_run, &t);
	for (unsigned i = 0; r >= 0 && i < t.n_ids && t.n < TRIALS_RUNS_MAX; i++) {
		if (tasks + w->run.n > TRIALS_TASKS_MAX)
			break;
		r = load_other(&t, store, t.ids[i]);
		tasks += w->run.n;
	}
	if (r >= 0)
		r = fit_scales(&t);
	if (r >= 0)
		r = try_all(&t, ret);
	for (unsigned i = 0; i < t.n; i++)
		other_fini(&t.others[i]);
	return r < 0 ? r : 0;
}
