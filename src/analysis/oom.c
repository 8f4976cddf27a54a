/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/oom.h"

#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/str.h"

#define LISTED	     5
#define UNSEEN_SHARE 0.25 /* of the limit, in no process: then it is not RSS that filled it */

struct scene { /* those who were there when memory ran out */
	const struct fact_process *largest[LISTED];
	unsigned n;
	unsigned alive;
	uint64_t sum_bytes;
};

static uint64_t bytes_of(const struct fact_process *p, const struct fact_event *e)
{
	return p == e->process && e->rss_bytes ? e->rss_bytes : p->peak_rss_bytes;
}

static void scene_add(struct scene *s, const struct fact_process *p, const struct fact_event *e)
{
	unsigned at = s->n;

	s->alive++;
	s->sum_bytes += bytes_of(p, e);
	if (at == LISTED && bytes_of(s->largest[--at], e) >= bytes_of(p, e))
		return;
	if (s->n < LISTED)
		s->n++;
	for (; at && bytes_of(s->largest[at - 1], e) < bytes_of(p, e); at--)
		s->largest[at] = s->largest[at - 1];
	s->largest[at] = p;
}

/* A limit of a task's cgroup concerns its task; the host's concerns all. */
static void scene_make(struct scene *s, const struct run_facts *f, const struct fact_event *e)
{
	const struct fact_task *task = e->process && !e->whole_host ? e->process->task : NULL;

	*s = (struct scene){ 0 };
	for (size_t i = 0; i < f->n_processes; i++) {
		const struct fact_process *p = &f->processes[i];

		if (p->start_ns > e->time_ns || p->end_ns < e->time_ns)
			continue;
		if (task && p->task != task)
			continue;
		if (!e->whole_host && e->process && p->cgroup_id != e->process->cgroup_id)
			continue;
		scene_add(s, p, e);
	}
}

static const char *composition(struct findings *all, const struct scene *s,
			       const struct fact_event *e)
{
	_cleanup_(str_fini) struct str text = STR_INIT;
	char bytes[HUMAN_MAX];

	for (unsigned i = 0; i < s->n; i++)
		str_addf(&text, "%s%s (pid %u) %s%s", i ? ", " : "", s->largest[i]->name,
			 s->largest[i]->pid, s->largest[i] == e->process ? "" : "at most ",
			 human_bytes(bytes, bytes_of(s->largest[i], e)));
	if (s->alive > s->n)
		str_addf(&text, " and %u more", s->alive - s->n);
	return findings_text(all, "%s", str_text(&text));
}

static void tell_limit(struct findings *all, struct finding *one, const struct fact_event *e,
		       const struct scene *s)
{
	uint64_t full = e->usage_bytes ? e->usage_bytes : e->limit_bytes;
	uint64_t unseen = full > s->sum_bytes ? full - s->sum_bytes : 0;
	const struct fact_process *most = s->n ? s->largest[0] : e->process;
	char a[HUMAN_MAX], b[HUMAN_MAX];

	if (e->limit_bytes && (double)unseen >= UNSEEN_SHARE * (double)e->limit_bytes) {
		figure_bytes(one, "in_no_process_bytes", unseen);
		figure_text(one, "filled_by", "tmpfs, shared memory or page cache");
		one->cause =
			findings_text(all,
				      "%s of the limit of %s are in no process: files in tmpfs or "
				      "/dev/shm, or page cache that could not be freed",
				      human_bytes(a, unseen), human_bytes(b, e->limit_bytes));
	} else if (most) {
		figure_text(one, "filled_by", most->name);
		one->cause = findings_text(all, "%s (pid %u) had grown most, to %s", most->name,
					   most->pid, human_bytes(a, bytes_of(most, e)));
	}
	one->advice = full ? findings_text(all,
					   "it needs more than %s, how much more is not known; or "
					   "fewer of them at a time",
					   human_bytes(a, full))
			   : "give it more memory, or run fewer of them at a time";
}

static void tell(const struct run_facts *f, struct findings *all, const struct fact_event *e,
		 unsigned victims)
{
	const char *name = e->process ? e->process->name : e->comm ? e->comm : "a process";
	struct finding *one;
	struct scene s;
	char limit[HUMAN_MAX];

	one = findings_add(all, VERDICT_OOM,
			   e->process && e->process->task ? SUBJECT_TASK : SUBJECT_RUN,
			   e->process && e->process->task ? e->process->task->name : name);
	if (!one)
		return;
	scene_make(&s, f, e);
	one->severity = SEVERITY_CRITICAL;
	one->class = FINDING_FAILURE;
	one->confidence = 95;
	one->pid = e->pid;
	one->samples = victims;
	one->summary =
		e->whole_host
			? findings_text(
				  all,
				  "%s (pid %u) was killed: the whole machine ran out of memory",
				  name, e->pid)
			: findings_text(all,
					"%s (pid %u) was killed: the limit of %s%s%s was reached",
					name, e->pid,
					e->limit_bytes ? human_bytes(limit, e->limit_bytes)
						       : "its cgroup",
					e->cgroup ? " of cgroup " : "", e->cgroup ? e->cgroup : "");
	if (e->limit_bytes)
		figure_bytes(one, "limit_bytes", e->limit_bytes);
	if (e->usage_bytes)
		figure_bytes(one, "usage_bytes", e->usage_bytes);
	if (e->rss_bytes)
		figure_bytes(one, "victim_rss_bytes", e->rss_bytes);
	if (e->limit_bytes || e->whole_host)
		figure_bytes(one, "needed_more_than_bytes",
			     e->limit_bytes ? e->limit_bytes : f->run.memory_bytes);
	figure_count(one, "victims", victims);
	figure_count(one, "processes_alive", s.alive);
	figure_text(one, "who_was_there", s.n ? composition(all, &s, e) : NULL);
	tell_limit(all, one, e, &s);
	one->check = findings_text(all, "tracer why %u", e->pid);
}

static bool same_limit(const struct fact_event *a, const struct fact_event *b)
{
	if (a->whole_host != b->whole_host)
		return false;
	return a->whole_host || (a->cgroup && b->cgroup && !strcmp(a->cgroup, b->cgroup));
}

static bool told_before(const struct run_facts *f, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (f->events[i].kind == FACT_OOM && same_limit(&f->events[i], &f->events[at]))
			return true;
	return false;
}

void oom_find(const struct run_facts *f, struct findings *all)
{
	for (size_t i = 0; i < f->n_events; i++) {
		unsigned victims = 0;

		if (f->events[i].kind != FACT_OOM || told_before(f, i))
			continue;
		for (size_t j = i; j < f->n_events; j++)
			victims += f->events[j].kind == FACT_OOM &&
				   (j == i || same_limit(&f->events[i], &f->events[j]));
		tell(f, all, &f->events[i], victims);
	}
}

bool oom_is_told(const struct findings *f)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->list[i].verdict == VERDICT_OOM)
			return true;
	return false;
}
