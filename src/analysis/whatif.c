/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/whatif.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "src/base/cleanup.h"

#define TOLERATED    0.3  /* of the replay of what was: beyond it there is no prediction */
#define LEAST_ERROR  0.05 /* runs of the same thing differ by as much */
#define NOTICED	     0.02 /* of the time: a replay by so much shorter shows others' load */
#define AT_LIMIT     0.9  /* of all cores: a task that would take more */
#define LIMITED_MOST 0.2  /* of the work may be limited so */

struct job {
	double work_s; /* without waiting for a CPU */
	double cores;  /* it uses while it works */
	double bound;  /* share of its work that needs a CPU */
	double gap_s;  /* from the last end before it to its start */
	double memory_bytes;
	size_t needs;	/* so many must have ended, in the order of observed ends */
	double ready_s; /* when it may begin; INFINITY: not yet known */
	bool refused;	/* it had to wait for a place */
	double left_s, rate;
	size_t end_rank;
};

struct world {
	struct job *jobs; /* by observed start */
	size_t n;
	bool *ended; /* by rank of the observed end */
	size_t prefix, n_ended;
	double *prefix_s; /* when the first k had ended */
	size_t *running;  /* indices */
	size_t n_running, next;
	double now_s, memory_bytes;
	double latency_s; /* of the engine: from a free place to a start */
};

static int by_start(const void *a, const void *b)
{
	const struct whatif_task *x = a, *y = b;

	return (x->start_s > y->start_s) - (x->start_s < y->start_s);
}

struct end {
	double s;
	size_t task;
};

static int by_end(const void *a, const void *b)
{
	double x = ((const struct end *)a)->s, y = ((const struct end *)b)->s;

	return (x > y) - (x < y);
}

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

static void job_from(struct job *j, const struct whatif_task *t, bool as_was)
{
	double wall = fmax(t->end_s - t->start_s, 1e-6);
	double work = fmax(wall - fmin(fmax(t->queue_s, 0), wall), 1e-6);
	double faster = !as_was && t->faster > 0 ? t->faster : 1;

	*j = (struct job){
		.cores = t->cpu_s / work,
		.bound = fmin(fmax(t->cpu_wall_s / work, 0), 1),
		.work_s = work / faster,
		.memory_bytes = t->memory_bytes,
		.ready_s = INFINITY,
	};
}

static int world_init(struct world *w, const struct whatif_task *tasks, size_t n, double first_s,
		      bool as_was)
{
	_cleanup_free_ struct end *ends = calloc(n, sizeof(*ends));

	*w = (struct world){ .jobs = calloc(n, sizeof(struct job)),
			     .n = n,
			     .ended = calloc(n, sizeof(bool)),
			     .running = calloc(n, sizeof(size_t)),
			     .prefix_s = calloc(n + 1, sizeof(double)) };
	if (!ends || !w->jobs || !w->ended || !w->running || !w->prefix_s)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		ends[i] = (struct end){ tasks[i].end_s, i };
	qsort(ends, n, sizeof(*ends), by_end);
	for (size_t i = 0; i < n; i++) {
		struct job *j = &w->jobs[i];

		job_from(j, &tasks[i], as_was);
		j->needs = ended_until(ends, n, tasks[i].start_s);
		j->gap_s = tasks[i].start_s - (j->needs ? ends[j->needs - 1].s : first_s);
	}
	for (size_t i = 0; i < n; i++)
		w->jobs[ends[i].task].end_rank = i;
	for (size_t i = 0; i < n; i++)
		ends[i].s = w->jobs[i].gap_s;
	qsort(ends, n, sizeof(*ends), by_end);
	w->latency_s = ends[n / 4].s;
	return 0;
}

static void world_fini(struct world *w)
{
	free(w->jobs);
	free(w->ended);
	free(w->running);
	free(w->prefix_s);
}

/* Jobs begin in the observed order: each waits for what ended before it, then for a
 * place and memory, and then for as long as the engine took. */
static void let_in(struct world *w, const struct whatif_world *of)
{
	while (w->next < w->n) {
		struct job *j = &w->jobs[w->next];
		bool place = (!of->tasks || w->n_running < of->tasks) &&
			     (!(of->memory_bytes > 0) || !w->n_running ||
			      w->memory_bytes + j->memory_bytes <= of->memory_bytes);

		if (isinf(j->ready_s) && w->prefix >= j->needs && place)
			j->ready_s = fmax(w->prefix_s[j->needs] + j->gap_s,
					  j->refused ? w->now_s + w->latency_s : 0);
		j->refused |= !place;
		if (j->ready_s > w->now_s || !place)
			return;
		j->left_s = j->work_s;
		w->memory_bytes += j->memory_bytes;
		w->running[w->n_running++] = w->next++;
	}
}

static void set_rates(struct world *w, double cores)
{
	double wanted = 0, share;

	for (size_t i = 0; i < w->n_running; i++)
		wanted += w->jobs[w->running[i]].cores;
	share = wanted > cores ? cores / wanted : 1;
	for (size_t i = 0; i < w->n_running; i++) {
		struct job *j = &w->jobs[w->running[i]];

		j->rate = 1 / (1 - j->bound + j->bound / share);
	}
}

/* How long until something ends or may begin. */
static double step_of(const struct world *w)
{
	double step = INFINITY;

	for (size_t i = 0; i < w->n_running; i++) {
		const struct job *j = &w->jobs[w->running[i]];

		step = fmin(step, j->left_s / j->rate);
	}
	if (w->next < w->n && w->jobs[w->next].ready_s > w->now_s)
		step = fmin(step, w->jobs[w->next].ready_s - w->now_s);
	return step;
}

static void pass(struct world *w, double step)
{
	size_t kept = 0;

	w->now_s += step;
	for (size_t i = 0; i < w->n_running; i++) {
		struct job *j = &w->jobs[w->running[i]];

		j->left_s -= step * j->rate;
		if (j->left_s > 1e-9 * j->work_s) {
			w->running[kept++] = w->running[i];
			continue;
		}
		w->memory_bytes -= j->memory_bytes;
		w->ended[j->end_rank] = true;
		w->n_ended++;
	}
	w->n_running = kept;
	while (w->prefix < w->n && w->ended[w->prefix])
		w->prefix_s[++w->prefix] = w->now_s;
}

/* When the last task ends, from the beginning of the run; negative: -errno. */
static double makespan(const struct whatif_task *tasks, size_t n, double first_s, bool as_was,
		       const struct whatif_world *of)
{
	struct world w;
	double end = -ENOMEM;

	if (world_init(&w, tasks, n, first_s, as_was) == 0) {
		while (w.n_ended < n) {
			let_in(&w, of);
			set_rates(&w, of->cores);
			pass(&w, step_of(&w));
			if (!isfinite(w.now_s))
				break;
		}
		end = w.now_s;
	}
	world_fini(&w);
	return end;
}

static size_t most_at_a_time(const struct whatif_task *tasks, size_t n, const struct end *ends)
{
	size_t most = 0;

	for (size_t i = 0; i < n; i++) {
		size_t now = i + 1 - ended_until(ends, n, tasks[i].start_s);

		most = now > most ? now : most;
	}
	return most;
}

/* Of all work, the share of tasks that used all cores there were. */
static double limited_share(const struct whatif_task *tasks, size_t n, double cores)
{
	double all = 0, limited = 0;

	for (size_t i = 0; i < n; i++) {
		double wall = tasks[i].end_s - tasks[i].start_s - tasks[i].queue_s;

		all += tasks[i].cpu_s;
		if (cores >= 2 && wall > 0 && tasks[i].cpu_s / wall > AT_LIMIT * cores)
			limited += tasks[i].cpu_s;
	}
	return all > 0 ? limited / all : 0;
}

static void doubts(const struct whatif_task *tasks, size_t n, const struct whatif_world *was,
		   const struct whatif_world *would, struct whatif *ret)
{
	for (size_t i = 0; i < n; i++)
		ret->needed_bytes = fmax(ret->needed_bytes, tasks[i].memory_bytes);
	if (would->tasks > ret->tasks_most)
		ret->doubt = WHATIF_MORE_TASKS;
	else if (would->cores > was->cores && limited_share(tasks, n, was->cores) > LIMITED_MOST)
		ret->doubt = WHATIF_MORE_CORES;
	else if (would->memory_bytes > 0 && ret->needed_bytes > would->memory_bytes)
		ret->doubt = WHATIF_NO_ROOM;
}

/* Cores that the run had in effect: fewer than there were, if others used them, too. The
 * replay of what was takes longer the fewer there are. */
static double cores_in_effect(const struct whatif_task *tasks, size_t n, double first_s,
			      const struct whatif_world *was, double last_s)
{
	struct whatif_world of = *was;
	double low = was->cores / 64, high = was->cores;

	if (!(makespan(tasks, n, first_s, true, &of) < last_s * (1 - NOTICED)))
		return high;
	for (unsigned i = 0; i < 12; i++) {
		of.cores = sqrt(low * high);
		if (makespan(tasks, n, first_s, true, &of) > last_s)
			low = of.cores;
		else
			high = of.cores;
	}
	return high;
}

static int predict(struct whatif_task *tasks, size_t n, double first_s, double run_s,
		   const struct whatif_world *was, const struct whatif_world *would,
		   struct whatif *ret)
{
	_cleanup_free_ struct end *ends = calloc(n, sizeof(*ends));
	struct whatif_world old = *was, new = *would;
	double last = 0, then, off, tail;

	if (!ends)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		ends[i] = (struct end){ tasks[i].end_s, i };
		last = fmax(last, tasks[i].end_s - first_s);
	}
	qsort(ends, n, sizeof(*ends), by_end);
	ret->tasks_most = most_at_a_time(tasks, n, ends);
	tail = fmax(run_s - last, 0);
	old.cores = cores_in_effect(tasks, n, first_s, was, last);
	ret->cores_share = old.cores / was->cores;
	new.cores *= ret->cores_share;
	ret->replayed_s = makespan(tasks, n, first_s, true, &old);
	then = makespan(tasks, n, first_s, false, &new);
	if (ret->replayed_s < 0 || then < 0)
		return -ENOMEM;
	off = fabs(ret->replayed_s / fmax(last, 1e-9) - 1);
	ret->replayed_s += tail;
	doubts(tasks, n, was, would, ret);
	if (ret->doubt == WHATIF_NONE && !(off <= TOLERATED))
		ret->doubt = WHATIF_BAD_MODEL;
	if (ret->doubt != WHATIF_NONE)
		return 0;
	ret->predicted_s = last * then / (ret->replayed_s - tail) + tail;
	ret->error_ratio = LEAST_ERROR + off + 0.5 * (1 - ret->cores_share) +
			   0.1 * fabs(log(ret->predicted_s / ret->observed_s));
	return 0;
}

int whatif_predict(const struct whatif_task *tasks, size_t n, double first_s, double run_s,
		   const struct whatif_world *was, const struct whatif_world *would,
		   struct whatif *ret)
{
	_cleanup_free_ struct whatif_task *sorted = NULL;
	struct whatif made = { .observed_s = run_s, .predicted_s = NAN, .error_ratio = NAN };
	int r;

	if (!n) {
		made.doubt = WHATIF_NO_TASKS;
		*ret = made;
		return 0;
	}
	sorted = calloc(n, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = tasks[i];
	qsort(sorted, n, sizeof(*sorted), by_start);
	r = predict(sorted, n, first_s, run_s, was, would, &made);
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
		"tasks used all cores that there were: what they do with more is not known",
		"a task needs more memory than that",
		"replaying what was does not give what was",
	};

	return words[doubt];
}
