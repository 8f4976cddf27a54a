/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts that failed and were repeated with success: the same command under the same
 * parent, or a task of the same name and sample. What is wasted is the time from the
 * first failed attempt to the one that succeeded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/failure.h"
#include "src/base/cleanup.h"
#include "src/base/human.h"

/* Shorter attempts are questions ("is it there yet?"), not work. */
#define ATTEMPT_MIN_NS 50000000ULL
/* Longer pauses are not back-off but another part of the pipeline. */
#define PAUSE_MAX_NS	    60000000000ULL
#define WASTE_MIN_NS	    300000000ULL
#define WASTE_SHARE_WARNING 0.10

struct attempt {
	int64_t parent;
	uint64_t command;
	uint64_t start, end;
	const struct fact_process *process;
	const struct fact_task *task;
	bool failed, succeeded;
};

static int compare(const void *first, const void *second)
{
	const struct attempt *a = first, *b = second;

	if (a->parent != b->parent)
		return a->parent > b->parent ? 1 : -1;
	if (a->command != b->command)
		return a->command > b->command ? 1 : -1;
	return (a->start > b->start) - (a->start < b->start);
}

static bool alike(const struct attempt *a, const struct attempt *b)
{
	return a->parent == b->parent && a->command == b->command;
}

static void tell(const struct run_facts *f, struct findings *all, const struct attempt *a, size_t n)
{
	uint64_t waste = a[n].start - a[0].start, failed = 0, wall = f->end_ns - f->start_ns;
	const char *name = a->task ? a->task->name : a->process->name;
	char text[HUMAN_MAX];
	struct finding *one;

	for (size_t i = 0; i < n; i++)
		failed += a[i].end - a[i].start;
	if ((waste < WASTE_MIN_NS && (double)waste < WASTE_SHARE_WARNING * (double)wall) ||
	    waste < 2 * ATTEMPT_MIN_NS || failed < ATTEMPT_MIN_NS * n)
		return;
	one = findings_add(all, VERDICT_RETRY, a->task ? SUBJECT_TASK : SUBJECT_PROCESS, name);
	if (!one)
		return;
	one->severity = (double)waste >= WASTE_SHARE_WARNING * (double)wall ? SEVERITY_WARNING
									    : SEVERITY_NOTICE;
	one->class = FINDING_STRUCTURE;
	one->share = wall ? (double)waste / (double)wall : 0;
	one->explained_ns = one->saving_ns = waste;
	one->samples = (unsigned)n;
	one->confidence = 85;
	one->pid = a->process ? a->process->pid : 0;
	one->summary = findings_text(
		all, "%s failed %zu time%s and was repeated with success: %s were lost", name, n,
		n == 1 ? "" : "s", human_duration(text, waste));
	if (a->process)
		one->cause =
			findings_text(all, "the first attempt %s", ending_words(all, a->process));
	figure_count(one, "failed_attempts", n);
	figure_ns(one, "failed_ns", failed);
	figure_ns(one, "wasted_ns", waste);
	one->advice = "see why the first attempt failed: its time is paid for, too";
	one->check = "tracer ps --failed";
}

/* a: attempts of one command by start. */
static void look(const struct run_facts *f, struct findings *all, const struct attempt *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t first = i;

		while (i + 1 < n && a[i].failed && a[i + 1].start >= a[i].end &&
		       a[i + 1].start - a[i].end <= PAUSE_MAX_NS)
			i++;
		if (i > first && a[i].succeeded)
			tell(f, all, a + first, i - first);
	}
}

static void look_all(const struct run_facts *f, struct findings *all, struct attempt *list,
		     size_t n)
{
	if (n)
		qsort(list, n, sizeof(*list), compare);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && alike(&list[i], &list[j]);)
			j++;
		look(f, all, list + i, j - i);
	}
}

static uint64_t hash(const char *text)
{
	uint64_t h = 1469598103934665603ULL; /* FNV-1a */

	for (; text && *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211ULL;
	return h;
}

static size_t attempts_of_tasks(const struct run_facts *f, struct attempt *list, bool by_detail)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_tasks; i++) {
		const struct fact_task *t = &f->tasks[i];
		uint64_t command = by_detail ? hash(t->detail) : t->root ? t->root->command : 0;

		if (t->outer || !(by_detail ? t->detail != NULL : command != 0))
			continue;
		list[n++] = (struct attempt){
			.parent = (int64_t)hash(t->name),
			.command = command,
			.start = t->start_ns,
			.end = t->end_ns,
			.process = t->root,
			.task = t,
			.failed = t->status == TASK_STATUS_FAILED || t->status == TASK_STATUS_OOM,
			.succeeded = t->status == TASK_STATUS_SUCCEEDED,
		};
	}
	return n;
}

static size_t attempts_of_processes(const struct run_facts *f, struct attempt *list)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_processes; i++) {
		const struct fact_process *p = &f->processes[i];

		if (!p->up || !p->command || p->alive)
			continue;
		list[n++] = (struct attempt){
			.parent = p->up->id,
			.command = p->command,
			.start = p->start_ns,
			.end = p->end_ns,
			.process = p,
			.failed = p->failed,
			.succeeded = p->exit_code == 0 && !p->signal,
		};
	}
	return n;
}

int retries_find(const struct run_facts *f, struct findings *all)
{
	size_t size = f->n_processes > f->n_tasks ? f->n_processes : f->n_tasks;
	_cleanup_free_ struct attempt *list = calloc(size + 1, sizeof(*list));
	unsigned before = all->n;

	if (!list)
		return -ENOMEM;
	look_all(f, all, list, attempts_of_tasks(f, list, false));
	if (all->n == before)
		look_all(f, all, list, attempts_of_tasks(f, list, true));
	if (all->n == before)
		look_all(f, all, list, attempts_of_processes(f, list));
	return all->failed ? -ENOMEM : 0;
}
