/* SPDX-License-Identifier: Apache-2.0 */
/* A run as a whole on one machine. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "src/base/cleanup.h"
#include "src/cli/instance_internal.h"

double run_seconds(const struct run_row *run)
{
	return run->end_ns > run->start_ns ? (double)(run->end_ns - run->start_ns) / 1e9 : 0;
}

struct whole {
	struct instance_run r;
	struct whatif_task *tasks;
	double network_bytes, storage_bytes, largest;
	double busy, task_s;
	bool killed; /* a task, for memory */
};

static int whole_tasks(const struct inquiry *q, struct whole *w, struct subject *s)
{
	uint64_t start = q->history.runs[q->reference].row.start_ns;

	w->tasks = calloc(q->history.n + 1, sizeof(*w->tasks));
	if (!w->tasks)
		return -ENOMEM;
	for (size_t i = 0; i < q->history.n; i++) {
		const struct history_task *t = &q->history.tasks[i];
		uint64_t peak = t->together_bytes ? t->together_bytes : t->largest_bytes;

		if (t->run != q->reference || !(history_seconds(t) > 0))
			continue;
		w->killed |= t->status == TASK_STATUS_OOM;
		if (!peak)
			s->unjudged = "the memory of some tasks is not known";
		s->loose += !t->together_bytes;
		w->tasks[s->n++] = (struct whatif_task){
			.start_s = ((double)t->start_ns - (double)start) / 1e9,
			.end_s = ((double)t->end_ns - (double)start) / 1e9,
			.queue_s = task_queue_seconds(t),
			.cpu_s = (double)t->cpu_ns / 1e9,
			.cpu_wall_s = task_cpu_share(t) * task_work_seconds(t),
			.memory_bytes = MEMORY_MARGIN * (double)peak,
			.faster = 1,
		};
		w->largest = fmax(w->largest, MEMORY_MARGIN * (double)peak);
		w->network_bytes += t->net_bytes == UINT64_MAX ? 0 : (double)t->net_bytes;
		w->storage_bytes += t->io_bytes == UINT64_MAX ? 0 : (double)t->io_bytes;
		w->r.input_bytes += (double)t->input_bytes;
		w->busy += q->busy_cores[i] * history_seconds(t);
		w->task_s += history_seconds(t);
		where_add(&s->where, &t->where);
	}
	return 0;
}

static void whole_need(const struct inquiry *q, struct whole *w, struct subject *s)
{
	const struct run_row *run = &q->history.runs[q->reference].row;
	struct instance_need *need = &s->need;

	*need = (struct instance_need){
		.cores = 1,
		.memory_bytes = w->largest,
		.network_byte_s = w->network_bytes / s->seconds,
		.storage_byte_s = w->storage_bytes / s->seconds,
		.at_most = 1,
	};
	subject_need_machine(q, need);
	subject_need_bandwidth(q, &s->where, need);
	s->cpu_limited = subject_share(&s->where, LEDGER_CPU) >= CPU_LIMITS;
	w->r.tasks = w->tasks;
	w->r.n = s->n;
	w->r.seconds = s->seconds;
	w->r.cores = run->cpus ? run->cpus : q->was.vcpus;
	w->r.load = w->task_s > 0 ? fmin(w->busy / w->task_s / w->r.cores, 1) : 1;
	w->r.usd = s->usd;
	w->r.cpu_share = subject_share(&s->where, LEDGER_CPU);
	w->r.transfer_usd_per_byte = q->transfer_usd_per_byte;
	w->r.restart_hours = q->restart_hours;
	w->r.was = &q->was;
	w->r.need = *need;
	/* The engine: the largest process of the run, where that is none of a task's. */
	if ((double)run->peak_rss_bytes * MEMORY_MARGIN > w->largest)
		w->r.outside_bytes = (double)run->peak_rss_bytes;
}

/* Each run of the pipeline is a sample: its cost, and its time as the reference's. */
static int saving_of_runs(const struct inquiry *q, const struct subject *s,
			  const struct instance_outcome *o, struct instance_range *ret)
{
	_cleanup_free_ struct instance_sample *samples =
		calloc(q->history.n_runs + 1, sizeof(*samples));
	double share = subject_share(&s->where, LEDGER_CPU), usd = o->usd - o->transfer_usd;
	size_t n = 0;
	int r;

	if (!samples)
		return -ENOMEM;
	for (size_t i = 0; i < q->history.n_runs; i++) {
		const struct run_row *run = &q->history.runs[i].row;
		double seconds = run_seconds(run);

		if (!q->used[i] || !isfinite(q->observed[i].usd))
			continue;
		samples[n].observed = q->observed[i].usd;
		samples[n].cpu_part = usd * seconds / s->seconds * share;
		samples[n++].rest = usd * seconds / s->seconds * (1 - share) + o->transfer_usd;
	}
	r = instance_saving(samples, n, o->speed_error, o->time_error, ret);
	if (r == 0) { /* about the run that was asked about */
		double middle = s->usd - o->usd;

		ret->low = middle + (ret->low - ret->middle) / (double)n;
		ret->high = middle + (ret->high - ret->middle) / (double)n;
		ret->middle = middle;
	}
	return r == -EINVAL ? 0 : r;
}

static int run_savings(const struct inquiry *q, struct subject *s)
{
	int r = 0;

	s->same_saving = (struct instance_range){ NAN, NAN, NAN };
	for (unsigned i = 0; i < s->n_choices && r == 0 && isfinite(s->usd); i++) {
		struct choice *c = &s->choices[i];

		r = saving_of_runs(q, s, &c->outcome, &c->saving);
		subject_widen(q, c->machine, s->longest_hours, &c->outcome, &c->saving);
	}
	return r;
}

static void same_run(const struct inquiry *q, struct subject *s)
{
	double hours = s->seconds / 3600, expected = hours;

	if (q->was.spot)
		expected = spot_expected_hours(q->was.taken, hours, q->restart_hours);
	instance_fit(&q->was, &s->need, &s->same);
	s->same.spot_factor = expected / hours;
	s->same.seconds = expected * 3600;
	s->same.usd = expected * q->was.usd_per_hour;
	s->same.at_a_time = 0;
	if (!isfinite(s->same.usd) && s->same.reason == INSTANCE_FITS)
		s->same.reason = INSTANCE_TIME;
}

/* What ran on the machine fits there: see fit_observed() of instance_subject.c. */
static void fit_observed(const struct inquiry *q, struct whole *w, struct subject *s)
{
	double usable = instance_memory_usable(q->was.memory_bytes) - w->r.outside_bytes;
	double tasks = s->peak.memory_bytes - w->r.outside_bytes;

	if (!(usable > 0) || !(tasks > usable) || w->killed)
		return;
	for (size_t i = 0; i < s->n; i++)
		w->tasks[i].memory_bytes *= usable / tasks;
	s->need.memory_bytes = fmin(s->need.memory_bytes, usable);
	w->r.need.memory_bytes = s->need.memory_bytes;
	s->need.packed_bytes = usable; /* of all together */
	s->peak.memory_bytes = usable + w->r.outside_bytes;
}

static int judge_whole(struct inquiry *q, struct whole *w, struct subject *s)
{
	int r;

	whole_need(q, w, s);
	instance_run_peak(&w->r, &s->peak);
	fit_observed(q, w, s);
	same_run(q, s);
	r = instance_run_predict(&w->r, q->market.list, q->market.n, q->outcomes);
	if (r < 0)
		return r;
	subject_count(s, q);
	subject_choose(q, s);
	return run_savings(q, s);
}

int subject_judge_run(struct inquiry *q)
{
	const struct history_run *run = &q->history.runs[q->reference];
	struct subject *s = &q->subjects[q->n_subjects++];
	struct whole w = { 0 };
	int r;

	*s = (struct subject){
		.name = run->row.uid,
		.is_run = true,
		.runs = 1,
		.usd = q->observed[q->reference].usd,
		.seconds = run_seconds(&run->row),
		.same = { .reason = INSTANCE_NEED_UNKNOWN },
		.peak = { NAN, NAN },
	};
	s->longest_hours = s->seconds / 3600;
	r = whole_tasks(q, &w, s);
	if (s->n < INSTANCE_FEW)
		s->unjudged = "fewer than 3 tasks";
	else if (s->n > INSTANCE_RUN_TASKS_MAX)
		s->unjudged = "too many tasks to run again on paper";
	else if (!(s->seconds > 0))
		s->unjudged = "it took no time, or the clock was set back";
	else if (!q->was_known)
		s->unjudged = "the machine that it ran on is not known";
	else if (w.task_s > 0 && subject_held_up(q, &s->where, w.busy / w.task_s))
		s->unjudged = HELD_UP_WORDS;
	if (r == 0 && !s->unjudged)
		r = judge_whole(q, &w, s);
	free(w.tasks);
	return r;
}
