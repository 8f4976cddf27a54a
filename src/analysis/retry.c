/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts that failed and were repeated with success: the same command under the same
 * parent, or a task of the same name and sample. What is wasted is the time of the failed
 * attempts, and of the pauses between them in which nothing else worked: a back-off.
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

struct span {
	uint64_t start, end;
};

struct work { /* when any process worked: disjoint, by start */
	struct span *list;
	size_t n;
};

/* Share of its life on CPU, disk or network from which a process works; one with children has
 * to do more than look after them. */
#define WORKS_SHARE	   0.05
#define PARENT_WORKS_SHARE 0.5

static bool works(const struct fact_process *p)
{
	const uint64_t *state = p->ledger.state_ns;
	double busy = (double)(state[LEDGER_CPU] + state[LEDGER_RUNQ] + state[LEDGER_DISK] +
			       state[LEDGER_NET]);

	return p->end_ns > p->start_ns && busy >= (p->child ? PARENT_WORKS_SHARE : WORKS_SHARE) *
							  (double)(p->end_ns - p->start_ns);
}

static int by_start(const void *first, const void *second)
{
	const struct span *a = first, *b = second;

	return (a->start > b->start) - (a->start < b->start);
}

static int work_make(struct work *w, const struct run_facts *f)
{
	size_t n = 0;

	w->list = calloc(f->n_processes + 1, sizeof(*w->list));
	if (!w->list)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_processes; i++)
		if (works(&f->processes[i]))
			w->list[n++] =
				(struct span){ f->processes[i].start_ns, f->processes[i].end_ns };
	qsort(w->list, n, sizeof(*w->list), by_start);
	for (size_t i = 0; i < n; i++) {
		struct span *last = w->n ? &w->list[w->n - 1] : NULL;

		if (last && w->list[i].start <= last->end)
			last->end = last->end > w->list[i].end ? last->end : w->list[i].end;
		else
			w->list[w->n++] = w->list[i];
	}
	return 0;
}

/* Time from start to end in which no process worked. */
static uint64_t idle_ns(const struct work *w, uint64_t start, uint64_t end)
{
	uint64_t idle = end > start ? end - start : 0;
	size_t low = 0, high = w->n;

	while (low < high) { /* the first that ends after start */
		size_t middle = low + (high - low) / 2;

		if (w->list[middle].end <= start)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < w->n && w->list[low].start < end; low++) {
		uint64_t from = w->list[low].start > start ? w->list[low].start : start;
		uint64_t to = w->list[low].end < end ? w->list[low].end : end;

		idle -= to - from;
	}
	return idle;
}

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

struct search {
	const struct run_facts *f;
	struct findings *all;
	struct work work;
};

const char *retry_words(struct findings *all, const char *name, uint64_t n, uint64_t wasted_ns)
{
	char text[HUMAN_MAX];

	return findings_text(
		all, "%s failed %llu time%s and was repeated with success: %s were lost", name,
		(unsigned long long)n, n == 1 ? "" : "s", human_duration(text, wasted_ns));
}

static void tell(struct search *s, const struct attempt *a, size_t n)
{
	struct findings *all = s->all;
	uint64_t waste = 0, failed = 0, wall = s->f->end_ns - s->f->start_ns;
	const char *name = a->task ? a->task->name : a->process->name;
	struct finding *one;

	for (size_t i = 0; i < n; i++) {
		failed += a[i].end - a[i].start;
		waste += idle_ns(&s->work, a[i].end, a[i + 1].start);
	}
	waste += failed;
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
	one->summary = retry_words(all, name, n, waste);
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
static void look(struct search *s, const struct attempt *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t first = i;

		while (i + 1 < n && a[i].failed && a[i + 1].start >= a[i].end &&
		       a[i + 1].start - a[i].end <= PAUSE_MAX_NS)
			i++;
		if (i > first && a[i].succeeded)
			tell(s, a + first, i - first);
	}
}

static void look_all(struct search *s, struct attempt *list, size_t n)
{
	if (n)
		qsort(list, n, sizeof(*list), compare);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && alike(&list[i], &list[j]);)
			j++;
		look(s, list + i, j - i);
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
	struct search s = { .f = f, .all = all };
	unsigned before = all->n;

	if (!list || work_make(&s.work, f) < 0)
		return -ENOMEM;
	look_all(&s, list, attempts_of_tasks(f, list, false));
	if (all->n == before)
		look_all(&s, list, attempts_of_tasks(f, list, true));
	if (all->n == before)
		look_all(&s, list, attempts_of_processes(f, list));
	free(s.work.list);
	return all->failed ? -ENOMEM : 0;
}
