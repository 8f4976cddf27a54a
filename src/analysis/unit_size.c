/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/unit_size.h"

#include <errno.h>

#include "src/analysis/together.h"

struct measure {
	uint64_t bytes;
	uint32_t workers;
};

static int note(void *ctx, int64_t task, uint64_t bytes, uint32_t workers)
{
	struct measure *m = ctx;

	(void)task;
	*m = (struct measure){ bytes, workers };
	return 0;
}

static int measure(const struct fact_task *t, struct measure *ret)
{
	struct together all = { 0 };
	int r = 0;

	for (size_t i = 0; i < t->n_processes && r == 0; i++) {
		const struct fact_process *p = t->processes[i];

		r = together_add(&all, &(struct together_process){
					       .start_ns = p->start_ns,
					       .end_ns = p->end_ns,
					       .bytes = p->program_peak_rss_bytes,
					       .work_ns = p->ledger.state_ns[LEDGER_CPU] +
							  p->ledger.state_ns[LEDGER_RUNQ],
					       .threads = p->threads_peak });
	}
	if (r == 0)
		r = together_each(&all, note, ret);
	together_fini(&all);
	return r;
}

/* One cgroup with a limit around all of them: more than it they cannot have had. */
static uint64_t limit_of(const struct run_facts *f, const struct fact_task *t)
{
	const struct fact_cgroup *c;

	for (size_t i = 1; i < t->n_processes; i++)
		if (t->processes[i]->cgroup_id != t->processes[0]->cgroup_id)
			return 0;
	c = t->n_processes ? run_facts_find_cgroup(f, t->processes[0]->cgroup_id) : NULL;
	return c ? c->memory_limit_bytes : 0;
}

/* Others in its cgroup had their part of what its limit allowed. */
static bool had_company(const struct run_facts *f, const struct fact_task *t,
			const struct fact_event *e)
{
	for (size_t i = 0; i < f->n_tasks; i++) {
		const struct fact_task *o = &f->tasks[i];

		if (o != t && !o->outer && o->root && o->start_ns <= e->time_ns &&
		    o->end_ns >= e->time_ns && o->root->cgroup_id == e->process->cgroup_id)
			return true;
	}
	return false;
}

static uint64_t killed_at(const struct run_facts *f, const struct fact_task *t)
{
	for (size_t i = 0; i < f->n_events; i++) {
		const struct fact_event *e = &f->events[i];

		if (e->kind == FACT_OOM && e->process && e->process->task == t)
			return e->whole_host || had_company(f, t, e) ? 0 : e->limit_bytes;
	}
	return t->requested_memory_bytes;
}

static int add(struct size_kind *k, const struct run_facts *f, const struct fact_task *t)
{
	bool oom = t->status == TASK_STATUS_OOM;
	struct measure m = { 0 };
	struct size_task one = {
		.seconds = t->end_ns > t->start_ns ? (double)(t->end_ns - t->start_ns) / 1e9 : 0,
		.largest_bytes = t->peak_rss_bytes,
		.limit_bytes = oom ? killed_at(f, t) : 0,
		.requested_cpus = t->requested_cpus,
		.attempt = t->attempt,
		.requested_bytes = t->requested_memory_bytes,
		.killed_for_memory = oom,
	};
	uint64_t limit = limit_of(f, t);
	int r = measure(t, &m);

	if (r < 0 || !m.bytes || !(one.seconds > 0) || (t->status != TASK_STATUS_SUCCEEDED && !oom))
		return r;
	for (size_t i = 0; i < t->n_processes; i++) {
		one.cpu_s += (double)t->processes[i]->ledger.state_ns[LEDGER_CPU] / 1e9;
		one.waited_s += (double)t->processes[i]->ledger.state_ns[LEDGER_RUNQ] / 1e9;
	}
	one.peak_bytes = together_bounded(m.bytes, limit, t->peak_rss_bytes);
	one.workers = m.workers;
	return size_kind_add(k, &one);
}

int unit_size(const struct run_facts *f, const struct unit *u, struct size_advice *ret)
{
	struct size_advice made;
	struct size_kind *k;
	int r = size_kind_new(&sizing_defaults, u->name, &k);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < u->n && r == 0; i++)
		r = add(k, f, u->tasks[i]);
	if (r == 0)
		size_kind_advise(k, 1, f->run.cpus, &made);
	size_kind_free(k);
	if (r < 0)
		return r;
	if (!made.samples)
		return -ENOENT;
	*ret = made;
	return 0;
}
