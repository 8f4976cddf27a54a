/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/history_memory.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "src/cli/reader.h"

struct measured_task {
	int64_t task; /* key */
	uint64_t together;
	uint64_t cgroup;    /* of all its processes */
	uint64_t killed_at; /* limit of the cgroup that ran out of memory */
	uint32_t workers;
	bool many_cgroups;
	bool whole_host; /* no limit: the machine was full */
	UT_hash_handle hh;
};

struct memory_limit {
	uint64_t cgroup, bytes;
	UT_hash_handle hh;
};

struct memory_victim { /* of the OOM killer */
	int64_t process, task;
	UT_hash_handle hh;
};

static struct measured_task *of_task(struct task_memory *m, const struct process_row *p)
{
	struct measured_task *t;

	HASH_FIND(hh, m->tasks, &p->task, sizeof(p->task), t);
	if (t) {
		t->many_cgroups |= t->cgroup != p->cgroup_id;
		return t;
	}
	t = arena_alloc(&m->arena, sizeof(*t));
	if (!t)
		return NULL;
	t->task = p->task;
	t->cgroup = p->cgroup_id;
	HASH_ADD(hh, m->tasks, task, sizeof(t->task), t);
	return t;
}

static int add_victim(struct task_memory *m, const struct process_row *p)
{
	struct memory_victim *v = arena_alloc(&m->arena, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->process = p->id;
	v->task = p->task;
	HASH_ADD(hh, m->victims, process, sizeof(v->process), v);
	return 0;
}

int task_memory_add(struct task_memory *m, const struct process_row *p, uint64_t run_end_ns)
{
	int r = of_task(m, p) ? 0 : -ENOMEM;

	if (r == 0)
		r = together_add(&m->together, &(struct together_process){
						       .task = p->task,
						       .start_ns = p->start_ns,
						       .end_ns = p->end_ns ? p->end_ns : run_end_ns,
						       .bytes = p->program_peak_rss_bytes
									? p->program_peak_rss_bytes
									: p->peak_rss_bytes,
						       .work_ns = p->ledger.state_ns[LEDGER_CPU] +
								  p->ledger.state_ns[LEDGER_RUNQ],
						       .threads = p->threads_peak });
	return r == 0 && p->oom_killed ? add_victim(m, p) : r;
}

static int visit_limit(void *ctx, const struct cgroup_row *row)
{
	struct task_memory *m = ctx;
	struct memory_limit *l;

	if (!row->memory_limit_bytes)
		return 0;
	l = arena_alloc(&m->arena, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->cgroup = row->id;
	l->bytes = row->memory_limit_bytes;
	HASH_ADD(hh, m->limits, cgroup, sizeof(l->cgroup), l);
	return 0;
}

/* Whose limit it was that a task died at: what it asked for may be another number. */
static int visit_incident(void *ctx, const struct incident_row *row)
{
	struct task_memory *m = ctx;
	struct memory_victim *v;
	struct measured_task *t = NULL;
	json_t *detail;
	json_int_t limit;

	HASH_FIND(hh, m->victims, &row->process, sizeof(row->process), v);
	if (!v || strcmp(row->kind, "oom") != 0 || !row->detail)
		return 0;
	HASH_FIND(hh, m->tasks, &v->task, sizeof(v->task), t);
	detail = json_loads(row->detail, 0, NULL);
	limit = json_integer_value(json_object_get(detail, "limit_bytes"));
	if (t && detail) {
		t->whole_host = json_is_true(json_object_get(detail, "whole_host"));
		t->killed_at = limit > 0 ? (uint64_t)limit : 0;
	}
	json_decref(detail);
	return 0;
}

static int note_together(void *ctx, int64_t task, uint64_t bytes, uint32_t workers)
{
	struct task_memory *m = ctx;
	struct measured_task *t;

	HASH_FIND(hh, m->tasks, &task, sizeof(task), t);
	if (t) {
		t->together = bytes;
		t->workers = workers;
	}
	return 0;
}

int task_memory_finish(struct task_memory *m, struct store *store, int64_t run_id)
{
	int r = together_each(&m->together, note_together, m);

	if (r == 0)
		r = store_each_cgroup(store, run_id, visit_limit, m);
	if (r == 0 && m->victims)
		r = store_each_incident(store, run_id, visit_incident, m);
	return r;
}

/* Others in its cgroup had their part of what its limit allowed. What cannot be looked
 * at, as too many tasks were killed, is not known either. */
static bool had_company(struct task_memory *m, const struct snapshot *s, const struct task_row *row,
			const struct measured_task *of)
{
	uint64_t died = task_end_ns(row, &s->run);

	if (++m->killed > HISTORY_KILLED_MAX)
		return true;
	for (const struct task_entry *e = s->tasks; e; e = e->hh.next) {
		const struct measured_task *other = NULL;

		if (e->row.id == row->id || e->row.id == row->parent || e->outer ||
		    e->row.start_ns > died || task_end_ns(&e->row, &s->run) < died)
			continue;
		HASH_FIND(hh, m->tasks, &e->row.id, sizeof(e->row.id), other);
		if (other && other->cgroup == of->cgroup)
			return true;
	}
	return false;
}

void task_memory_measure(struct task_memory *m, const struct snapshot *s,
			 const struct task_row *row, struct history_task *t)
{
	struct measured_task *of;
	struct memory_limit *limit = NULL;

	HASH_FIND(hh, m->tasks, &row->id, sizeof(row->id), of);
	if (t->status == TASK_STATUS_OOM)
		t->killed_at_bytes = t->requested_bytes;
	if (!of)
		return;
	if (!of->many_cgroups)
		HASH_FIND(hh, m->limits, &of->cgroup, sizeof(of->cgroup), limit);
	t->bounded = limit && of->together > limit->bytes;
	if (of->together)
		t->together_bytes =
			together_bounded(of->together, limit ? limit->bytes : 0, t->largest_bytes);
	t->workers = of->workers;
	if (t->status != TASK_STATUS_OOM || (!of->killed_at && !of->whole_host))
		return;
	t->killed_at_bytes = of->whole_host || had_company(m, s, row, of) ? 0 : of->killed_at;
}

void task_memory_fini(struct task_memory *m)
{
	HASH_CLEAR(hh, m->tasks);
	HASH_CLEAR(hh, m->limits);
	HASH_CLEAR(hh, m->victims);
	together_fini(&m->together);
	arena_fini(&m->arena);
	*m = (struct task_memory){ 0 };
}
