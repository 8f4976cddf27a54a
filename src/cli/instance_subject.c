/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/instance_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/stats.h"
#include "src/base/cleanup.h"

#define CORES_SLACK 0.1 /* a task of 1.1 cores in the mean is one of one core */

struct group { /* tasks of one name */
	const char *name;
	struct instance_task *tasks;
	double *busy;
	struct span {
		uint32_t run;
		uint64_t start_ns, end_ns;
	} * spans; /* by run and start */
	size_t n, size;
	double network_bytes, storage_bytes; /* NAN: unknown */
	double memory_bytes;
	size_t loose;
	uint64_t requested_cpus, requested_bytes;
	struct where where;
	bool killed;		    /* one was killed for memory */
	double busy_core_s, wall_s; /* of all tasks of the run, meanwhile */
	double longest_s;
	UT_hash_handle hh;
};

uint64_t inquiry_time_ns(const struct inquiry *q)
{
	const struct run_row *run = &q->history.runs[q->reference].row;

	return run->end_ns ? run->end_ns : run->start_ns;
}

double task_queue_seconds(const struct history_task *t)
{
	return fmin((double)t->where.ns[LEDGER_RUNQ] / 1e9, history_seconds(t));
}

double task_work_seconds(const struct history_task *t)
{
	return fmax(history_seconds(t) - task_queue_seconds(t), 1e-6);
}

/* Of the time without waits for a CPU. Not explained: CPU time, as of one thread. */
double task_cpu_share(const struct history_task *t)
{
	double s = task_work_seconds(t);
	double cpu = (double)(t->where.total_ns ? t->where.ns[LEDGER_CPU] : t->cpu_ns) / 1e9;

	return fmin(cpu / s, 1);
}

static struct group *group_of(struct group **groups, const char *name)
{
	struct group *g = NULL;

	HASH_FIND_STR(*groups, name, g);
	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->name = name;
	HASH_ADD_KEYPTR(hh, *groups, g->name, strlen(g->name), g);
	return g;
}

static int grow(struct group *g)
{
	size_t size = g->size ? g->size * 2 : 16;
	struct instance_task *tasks;
	double *busy;
	struct span *spans;

	if (g->n < g->size)
		return 0;
	tasks = reallocarray(g->tasks, size, sizeof(*tasks));
	if (tasks)
		g->tasks = tasks;
	busy = reallocarray(g->busy, size, sizeof(*busy));
	if (busy)
		g->busy = busy;
	spans = reallocarray(g->spans, size, sizeof(*spans));
	if (spans)
		g->spans = spans;
	if (!tasks || !busy || !spans)
		return -ENOMEM;
	g->size = size;
	return 0;
}

static void note_size(struct group *g, const struct history_task *t, uint64_t peak)
{
	g->memory_bytes = fmax(g->memory_bytes, MEMORY_MARGIN * (double)peak);
	g->killed |= t->status == TASK_STATUS_OOM;
	if (t->status == TASK_STATUS_OOM)
		g->memory_bytes = fmax(g->memory_bytes, OOM_MARGIN * (double)t->requested_bytes);
	if (t->requested_cpus > g->requested_cpus)
		g->requested_cpus = t->requested_cpus;
	if (t->requested_bytes > g->requested_bytes)
		g->requested_bytes = t->requested_bytes;
}

/* Of the machine's CPUs that were busy while it ran. */
static double load_of(const struct inquiry *q, const struct history_task *t)
{
	return q->was_known ? fmin(q->busy_cores[t - q->history.tasks] / q->was.vcpus, 1) : 1;
}

static int group_add(struct inquiry *q, struct group *g, const struct history_task *t)
{
	uint64_t peak = t->together_bytes ? t->together_bytes : t->largest_bytes;
	int r = grow(g);

	if (r < 0)
		return r;
	note_size(g, t, peak);
	if (t->status == TASK_STATUS_OOM)
		return 0; /* teaches memory, not time */
	g->tasks[g->n] = (struct instance_task){
		.seconds = task_work_seconds(t),
		.cpu_share = task_cpu_share(t),
		.load = load_of(q, t),
		.input_bytes = (double)t->input_bytes,
		.usd = observed_task_usd(&q->observed[t->run], t->id),
	};
	g->busy[g->n] = (double)t->cpu_ns / 1e9 / task_work_seconds(t);
	g->spans[g->n++] = (struct span){ t->run, t->start_ns, t->end_ns };
	g->busy_core_s += q->busy_cores[t - q->history.tasks] * history_seconds(t);
	g->wall_s += history_seconds(t);
	g->loose += !t->together_bytes;
	g->longest_s = fmax(g->longest_s, task_work_seconds(t));
	g->network_bytes += t->net_bytes == UINT64_MAX ? NAN : (double)t->net_bytes;
	g->storage_bytes += t->io_bytes == UINT64_MAX ? NAN : (double)t->io_bytes;
	where_add(&g->where, &t->where);
	return 0;
}

static int groups_fill(struct inquiry *q, struct group **groups)
{
	int r = 0;

	for (size_t i = 0; i < q->history.n && r == 0; i++) {
		const struct history_task *t = &q->history.tasks[i];
		struct group *g;

		if (!q->used[t->run])
			continue;
		if (t->status != TASK_STATUS_SUCCEEDED && t->status != TASK_STATUS_OOM) {
			q->not_done++;
			continue;
		}
		if (!(t->together_bytes + t->largest_bytes) || !(history_seconds(t) > 0)) {
			q->without_memory++;
			continue;
		}
		g = group_of(groups, t->name);
		r = g ? group_add(q, g, t) : -ENOMEM;
	}
	return r;
}

static void groups_fini(struct group *groups)
{
	struct group *g, *next;

	HASH_ITER (hh, groups, g, next) {
		HASH_DEL(groups, g);
		free(g->tasks);
		free(g->busy);
		free(g->spans);
		free(g);
	}
}

static unsigned runs_of(const struct group *g)
{
	unsigned runs = 0;

	for (size_t i = 0; i < g->n; i++) /* in the order of runs */
		runs += !i || g->spans[i].run != g->spans[i - 1].run;
	return runs;
}

static int by_end(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->run != y->run)
		return x->run < y->run ? -1 : 1;
	return (x->end_ns > y->end_ns) - (x->end_ns < y->end_ns);
}

/* How many ran at the same time; 0: no memory. */
static size_t most_at_once(const struct group *g)
{
	_cleanup_free_ struct span *ends = calloc(g->n + 1, sizeof(*ends));
	size_t ended = 0, most = 0;

	if (!ends)
		return 0;
	memcpy(ends, g->spans, g->n * sizeof(*ends));
	qsort(ends, g->n, sizeof(*ends), by_end);
	for (size_t i = 0; i < g->n; i++) {
		if (i && g->spans[i].run != g->spans[i - 1].run)
			ended = i;
		while (ends[ended].run == g->spans[i].run &&
		       ends[ended].end_ns <= g->spans[i].start_ns)
			ended++;
		if (i + 1 - ended > most)
			most = i + 1 - ended;
	}
	return most;
}

/* What ran on a machine fits there: sums of peaks count shared pages more than once, and
 * peaks of several tasks need not coincide. */
static void fit_observed(const struct inquiry *q, const struct group *g, size_t at_once,
			 struct instance_need *need)
{
	double usable = instance_memory_usable(q->was.memory_bytes);

	if (!q->was_known || g->killed || !(usable > 0) || q->o->packing == PACKING_REQUESTED)
		return;
	need->memory_bytes = fmin(need->memory_bytes, usable);
	if (at_once > 1 && need->memory_bytes * (double)at_once > usable)
		need->packed_bytes = usable / (double)at_once;
}

/* What the machine had matters where tasks waited for it. */
void subject_need_bandwidth(const struct inquiry *q, const struct where *w,
			    struct instance_need *need)
{
	double all = w->total_ns ? (double)w->total_ns : 1;

	if (!q->was_known)
		return;
	if ((double)w->ns[LEDGER_NET] / all >= WAIT_LIMITS)
		need->least_network_byte_s = q->was.network_byte_s;
	if ((double)w->ns[LEDGER_DISK] / all >= WAIT_LIMITS)
		need->least_storage_byte_s = q->was.storage_byte_s;
	/* Whether it was used is not recorded: what reads or writes may have used it. */
	need->nvme = q->was.nvme_bytes > 0 && need->storage_byte_s > 0;
}

void subject_need_machine(const struct inquiry *q, struct instance_need *need)
{
	const char *arch = q->history.runs[q->reference].row.arch;

	need->arm = arch && !strncmp(arch, "aarch64", 7);
	need->any_arch = q->o->arch == ARCH_ANY;
	need->gpus = q->gpus >= 0 ? q->gpus : q->was_known ? q->was.gpus : 0;
	if (fabs(need->gpus) > 0 && q->was_known && fabs(q->was.gpus) > 0)
		need->gpu_model = q->was.gpu_model;
}

static void group_need(const struct inquiry *q, struct group *g, struct subject *s)
{
	struct instance_need *need = &s->need;
	size_t at_once = most_at_once(g);
	double seconds = 0;

	for (size_t i = 0; i < g->n; i++)
		seconds += g->tasks[i].seconds;
	stats_sort(g->busy, g->n);
	need->busy_cores = stats_mean(g->busy, g->n);
	need->cores = fmax(1, ceil(stats_quantile(g->busy, g->n, 0.9) - CORES_SLACK));
	need->memory_bytes = g->memory_bytes;
	if (q->o->packing == PACKING_REQUESTED) {
		need->cores = fmax(need->cores, (double)g->requested_cpus);
		need->memory_bytes = fmax(need->memory_bytes, (double)g->requested_bytes);
	}
	need->network_byte_s = isfinite(g->network_bytes) ? g->network_bytes / seconds : 0;
	need->storage_byte_s = isfinite(g->storage_bytes) ? g->storage_bytes / seconds : 0;
	need->at_most = at_once > 1 ? (size_t)round((double)g->n / s->runs) : 1;
	if (!need->at_most)
		need->at_most = 1;
	fit_observed(q, g, at_once, need);
	s->at_once = at_once;
	subject_need_machine(q, need);
	subject_need_bandwidth(q, &g->where, need);
}

double subject_share(const struct where *w, unsigned part)
{
	double work = (double)w->total_ns - (double)w->ns[LEDGER_RUNQ];

	return work > 0 ? (double)w->ns[part] / work : 0;
}

const char *subject_limit(const struct subject *s)
{
	static const char *const words[WHERE_PARTS] = {
		[LEDGER_CPU] = "CPU",	  [LEDGER_RUNQ] = "CPU queue", [LEDGER_DISK] = "storage",
		[LEDGER_NET] = "network", [LEDGER_RECLAIM] = "memory",
	};
	unsigned order[WHERE_PARTS];

	if (!where_order(&s->where, order))
		return NULL;
	return words[order[0]] ? words[order[0]] : "waits";
}

/* Cost and time there of each task, so that their sum is the outcome's. */
static int saving_of_tasks(const struct group *g, const struct subject *s,
			   const struct instance_outcome *o, struct instance_range *ret)
{
	_cleanup_free_ struct instance_sample *samples = calloc(g->n + 1, sizeof(*samples));
	double seconds = 0, usd = (o->usd - o->transfer_usd) * s->runs, per_second;
	int r;

	if (!samples)
		return -ENOMEM;
	for (size_t i = 0; i < g->n; i++)
		seconds += g->tasks[i].seconds *
			   (g->tasks[i].cpu_share * o->ratio + 1 - g->tasks[i].cpu_share);
	per_second = usd / seconds;
	for (size_t i = 0; i < g->n; i++) {
		const struct instance_task *t = &g->tasks[i];

		samples[i].observed = t->usd;
		samples[i].cpu_part = per_second * t->seconds * t->cpu_share * o->ratio;
		samples[i].rest = per_second * t->seconds * (1 - t->cpu_share) +
				  o->transfer_usd * s->runs / (double)g->n;
	}
	r = instance_saving(samples, g->n, o->speed_error, o->time_error, ret);
	if (r == 0) {
		ret->low /= s->runs;
		ret->middle /= s->runs;
		ret->high /= s->runs;
	}
	return r == -EINVAL ? 0 : r;
}

/* What is not known of interruptions widens the range of spot. */
void subject_widen(const struct inquiry *q, const struct instance *i, double hours,
		   const struct instance_outcome *o, struct instance_range *range)
{
	double usd = o->usd - o->transfer_usd, mid;

	if (!i->spot || !(i->taken_high > i->taken))
		return;
	mid = spot_expected_hours(i->taken, hours, q->restart_hours);
	range->low -= usd * (spot_expected_hours(i->taken_high, hours, q->restart_hours) / mid - 1);
	range->high += usd * (1 - spot_expected_hours(i->taken_low, hours, q->restart_hours) / mid);
}

void subject_count(struct subject *s, const struct inquiry *q)
{
	for (size_t i = 0; i < q->market.n; i++)
		s->left_out[q->outcomes[i].reason]++;
}

/* The price on demand of the same type in the same region; NAN: none. */
static double on_demand_usd(const struct inquiry *q, const struct instance *i)
{
	for (size_t k = 0; k < q->market.n; k++) {
		const struct instance *m = &q->market.list[k];

		if (!m->spot && !strcmp(m->type, i->type) && !strcmp(m->region, i->region))
			return m->usd_per_hour;
	}
	return NAN;
}

static void add_choice(const struct inquiry *q, struct subject *s, enum instance_way way, size_t at)
{
	struct choice *c = &s->choices[s->n_choices++];

	*c = (struct choice){
		.way = way,
		.machine = &q->market.list[at],
		.price = &q->market.prices[at],
		.outcome = q->outcomes[at],
		.saving = { NAN, NAN, NAN },
		.break_even_hours = NAN,
		.break_even_rate = NAN,
	};
	if (c->machine->spot) {
		double usd = on_demand_usd(q, c->machine);
		double hours = s->longest_hours;

		c->break_even_hours = spot_break_even_hours(usd, c->machine->usd_per_hour,
							    c->machine->taken, q->restart_hours);
		c->break_even_rate = spot_break_even_rate(usd, c->machine->usd_per_hour, hours,
							  q->restart_hours);
	}
}

void subject_choose(const struct inquiry *q, struct subject *s)
{
	const struct observed_run *o = &q->observed[q->reference];
	bool fits = s->same.reason == INSTANCE_FITS && q->was_known;
	struct instance_terms terms = {
		.type = q->was_known ? q->was.type : NULL,
		.family = q->was_known ? q->was.family : NULL,
		.region = o->region,
		.spot = o->lifecycle == LIFECYCLE_SPOT,
		.usd = fits ? fmin(s->same.usd, s->usd) : s->usd, /* fmin(): of what is known */
		.seconds = fits ? s->same.seconds : NAN,
		.budget_usd = isfinite(s->usd) ? s->usd
			      : fits	       ? s->same.usd
					       : NAN,
		.cpu_limited = s->cpu_limited,
	};
	size_t at[INSTANCE_WAYS];

	if (!fits && !isfinite(s->usd)) /* nothing to be faster than */
		terms.cpu_limited = false;
	instance_choose(q->market.list, q->outcomes, q->market.n, &terms, at);
	for (int way = 0; way < INSTANCE_WAYS; way++)
		if (at[way] != SIZE_MAX)
			add_choice(q, s, (enum instance_way)way, at[way]);
}

static int group_savings(const struct inquiry *q, const struct group *g, struct subject *s)
{
	int r = 0;

	s->same_saving = (struct instance_range){ NAN, NAN, NAN };
	if (!isfinite(s->usd))
		return 0;
	if (s->same.reason == INSTANCE_FITS && q->was_known)
		r = saving_of_tasks(g, s, &s->same, &s->same_saving);
	for (unsigned i = 0; i < s->n_choices && r == 0; i++) {
		struct choice *c = &s->choices[i];

		r = saving_of_tasks(g, s, &c->outcome, &c->saving);
		subject_widen(q, c->machine, s->longest_hours, &c->outcome, &c->saving);
	}
	return r;
}

static int judge_group(struct inquiry *q, struct group *g, struct subject *s)
{
	struct instance_work w = {
		.tasks = g->tasks,
		.n = g->n,
		.runs = s->runs,
		.restart_hours = q->restart_hours,
		.transfer_usd_per_byte = q->transfer_usd_per_byte,
		.was = q->was_known ? &q->was : NULL,
	};

	group_need(q, g, s);
	instance_work_sum(&w);
	if (q->was_known)
		instance_predict(&q->was, &s->need, &w, &s->same);
	for (size_t i = 0; i < q->market.n; i++)
		instance_predict(&q->market.list[i], &s->need, &w, &q->outcomes[i]);
	subject_count(s, q);
	subject_choose(q, s);
	return group_savings(q, g, s);
}

static void group_subject(const struct inquiry *q, const struct group *g, struct subject *s)
{
	*s = (struct subject){
		.name = g->name,
		.n = g->n,
		.runs = runs_of(g),
		.loose = g->loose,
		.where = g->where,
		.requested_cpus = g->requested_cpus,
		.requested_bytes = g->requested_bytes,
		.longest_hours = g->longest_s / 3600,
		.same = { .reason = INSTANCE_NEED_UNKNOWN },
	};
	for (size_t i = 0; i < g->n; i++) {
		s->usd += g->tasks[i].usd;
		s->seconds += g->tasks[i].seconds;
	}
	if (s->runs) {
		s->usd /= s->runs;
		s->seconds /= s->runs;
	}
	s->cpu_limited = subject_share(&g->where, LEDGER_CPU) >= CPU_LIMITS;
	if (g->n < INSTANCE_FEW)
		s->unjudged = "fewer than 3 tasks";
	else if (subject_held_up(q, &g->where, g->busy_core_s / g->wall_s))
		s->unjudged = HELD_UP_WORDS;
}

struct ranked {
	struct group *g;
	double weight;
};

static int by_weight(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->weight > y->weight || x->weight < y->weight)
		return x->weight > y->weight ? -1 : 1;
	return strcmp(x->g->name, y->g->name);
}

static double weight_of(const struct group *g)
{
	double usd = 0, core_s = 0;

	for (size_t i = 0; i < g->n; i++) {
		usd += g->tasks[i].usd;
		core_s += g->tasks[i].seconds;
	}
	return isfinite(usd) ? usd : core_s * 1e-9; /* without prices all are so */
}

static int judge_groups(struct inquiry *q, struct group *groups)
{
	size_t n = HASH_COUNT(groups), k = 0;
	_cleanup_free_ struct ranked *order = calloc(n + 1, sizeof(*order));
	int r = 0;

	if (!order)
		return -ENOMEM;
	for (struct group *g = groups; g; g = g->hh.next)
		order[k++] = (struct ranked){ g, weight_of(g) };
	qsort(order, n, sizeof(*order), by_weight);
	for (size_t i = 0; i < n && r == 0; i++) {
		struct subject *s;

		if (i == SUBJECTS_MAX) {
			q->n_beyond = n - i;
			break;
		}
		s = &q->subjects[q->n_subjects++];
		group_subject(q, order[i].g, s);
		if (!s->unjudged)
			r = judge_group(q, order[i].g, s);
	}
	return r;
}

/* Of the time of groups, from which the run is refused for the reason that they are. */
#define HELD_UP_SHARE 0.5

static void refuse_held_up_run(struct inquiry *q)
{
	struct subject *run = &q->subjects[0];
	double held_up = 0, all = 0;

	for (size_t i = 1; i < q->n_subjects; i++) {
		const struct subject *s = &q->subjects[i];
		bool refused = s->unjudged && !strcmp(s->unjudged, HELD_UP_WORDS);

		all += (double)s->where.total_ns;
		held_up += refused ? (double)s->where.total_ns : 0;
	}
	if (run->unjudged || !(all > 0) || held_up < HELD_UP_SHARE * all)
		return;
	run->unjudged = HELD_UP_WORDS;
	run->n_choices = 0;
	run->same.reason = INSTANCE_NEED_UNKNOWN;
}

int subjects_make(struct inquiry *q)
{
	struct group *groups = NULL;
	int r;

	q->outcomes = calloc(q->market.n + 1, sizeof(*q->outcomes));
	q->subjects = calloc(SUBJECTS_MAX + 1, sizeof(*q->subjects));
	q->busy_cores = busy_cores_make(&q->history);
	r = q->outcomes && q->subjects && q->busy_cores ? groups_fill(q, &groups) : -ENOMEM;
	if (r == 0)
		r = subject_judge_run(q);
	if (r == 0)
		r = judge_groups(q, groups);
	if (r == 0)
		refuse_held_up_run(q);
	groups_fini(groups);
	return r;
}
