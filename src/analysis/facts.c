/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/model/fields.h"

static void *grow(struct run_facts *f, void *list, size_t *n, size_t *size,
		  size_t element_and_max[2])
{
	size_t element = element_and_max[0], max = element_and_max[1];
	void *more = list;

	errno = 0;
	if (*n == max) {
		f->dropped++;
		return NULL;
	}
	if (*n == *size) {
		size_t bigger = *size ? *size * 2 : 64;

		more = reallocarray(list, bigger, element);
		if (!more) {
			errno = ENOMEM;
			return NULL;
		}
		*size = bigger;
	}
	memset((char *)more + *n * element, 0, element);
	(*n)++;
	return more;
}

#define ADD(f, list, max)                                                                          \
	void *more = grow(f, (f)->list, &(f)->n_##list, &(f)->list##_size,                         \
			  (size_t[2]){ sizeof(*(f)->list), max });                                 \
	if (!more)                                                                                 \
		return NULL;                                                                       \
	(f)->list = more;                                                                          \
	return &(f)->list[(f)->n_##list - 1]

struct fact_process *run_facts_process(struct run_facts *f)
{
	ADD(f, processes, FACTS_PROCESSES_MAX);
}

struct fact_task *run_facts_task(struct run_facts *f)
{
	ADD(f, tasks, FACTS_TASKS_MAX);
}

struct fact_file *run_facts_file(struct run_facts *f)
{
	ADD(f, files, FACTS_FILES_MAX);
}

struct fact_event *run_facts_event(struct run_facts *f)
{
	ADD(f, events, FACTS_EVENTS_MAX);
}

struct fact_cgroup *run_facts_cgroup(struct run_facts *f)
{
	ADD(f, cgroups, FACTS_CGROUPS_MAX);
}

int run_facts_pipe(struct run_facts *f, const struct fact_pipe *pipe)
{
	uint64_t dropped = f->dropped;
	struct fact_pipe *more = grow(f, f->pipes, &f->n_pipes, &f->pipes_size,
				      (size_t[2]){ sizeof(*f->pipes), FACTS_PIPES_MAX });

	if (!more) {
		f->pipes_dropped += f->dropped - dropped; /* no reason not to judge */
		f->dropped = dropped;
		return errno == ENOMEM ? -ENOMEM : 0;
	}
	f->pipes = more;
	f->pipes[f->n_pipes - 1] = *pipe;
	return 0;
}

static int compare_inode(const void *first, const void *second)
{
	const struct fact_pipe *const *a = first, *const *b = second;

	return ((*a)->inode > (*b)->inode) - ((*a)->inode < (*b)->inode);
}

int run_facts_index_pipes(struct run_facts *f)
{
	f->pipes_by_inode = calloc(f->n_pipes + 1, sizeof(struct fact_pipe *));
	if (!f->pipes_by_inode)
		return -ENOMEM;
	for (size_t i = f->n_pipes; i--;) {
		f->pipes_by_inode[i] = &f->pipes[i];
		f->pipes[i].process->first_pipe = i;
	}
	if (f->n_pipes)
		qsort(f->pipes_by_inode, f->n_pipes, sizeof(*f->pipes_by_inode), compare_inode);
	return 0;
}

struct fact_stall *run_facts_stall(struct run_facts *f)
{
	ADD(f, stalls, FACTS_STALLS_MAX);
}

struct fact_process *run_facts_find(const struct run_facts *f, int64_t id)
{
	size_t low = 0, high = f->n_processes;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (f->processes[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < f->n_processes && f->processes[low].id == id ? &f->processes[low] : NULL;
}

struct fact_process *run_facts_find_pid(const struct run_facts *f, uint32_t pid)
{
	for (size_t i = f->n_processes; i--;)
		if (f->processes[i].pid == pid)
			return &f->processes[i];
	return NULL;
}

struct task_key {
	int64_t id;
	struct fact_task *task;
};

static int compare_keys(const void *first, const void *second)
{
	const struct task_key *a = first, *b = second;

	return (a->id > b->id) - (a->id < b->id);
}

struct fact_task *run_facts_find_task(const struct run_facts *f, int64_t id)
{
	for (size_t i = 0; i < f->n_tasks; i++)
		if (f->tasks[i].id == id)
			return &f->tasks[i];
	return NULL;
}

const struct fact_cgroup *run_facts_find_cgroup(const struct run_facts *f, uint64_t id)
{
	for (size_t i = 0; i < f->n_cgroups; i++)
		if (f->cgroups[i].id == id)
			return &f->cgroups[i];
	return NULL;
}

static struct fact_task *lookup(const struct task_key *keys, size_t n, int64_t id)
{
	struct task_key key = { .id = id }, *found;

	found = n && id ? bsearch(&key, keys, n, sizeof(key), compare_keys) : NULL;
	return found ? found->task : NULL;
}

static void link_child(struct fact_process *p)
{
	if (!p->up)
		return;
	if (p->up->last)
		p->up->last->next = p;
	else
		p->up->child = p;
	p->up->last = p;
}

static void link_all(struct run_facts *f, const struct fact_links *links,
		     const struct task_key *keys)
{
	for (size_t i = 0; i < f->n_tasks; i++) {
		struct fact_task *t = &f->tasks[i];

		t->up = lookup(keys, f->n_tasks, links->task_parents[i]);
		t->root = run_facts_find(f, links->task_roots[i]);
		if (t->up == t)
			t->up = NULL;
		if (t->up)
			t->up->outer = true;
	}
	for (size_t i = 0; i < f->n_processes; i++) {
		struct fact_process *p = &f->processes[i];

		p->up = links->parents[i] ? run_facts_find(f, links->parents[i]) : NULL;
		if (p->up == p)
			p->up = NULL;
		p->task = lookup(keys, f->n_tasks, links->task_ids[i]);
		link_child(p);
	}
}

#define TASK_DEPTH_MAX 16

static int compare_start(const void *first, const void *second)
{
	const struct fact_process *const *a = first, *const *b = second;

	if ((*a)->start_ns != (*b)->start_ns)
		return (*a)->start_ns > (*b)->start_ns ? 1 : -1;
	return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

/* One array for all tasks: first counted, then cut into pieces and filled by start. */
static int give_processes(struct run_facts *f)
{
	struct fact_process **all;
	size_t total = 0;

	for (size_t i = 0; i < f->n_processes; i++) {
		struct fact_task *t = f->processes[i].task;

		for (int depth = 0; t && depth < TASK_DEPTH_MAX; t = t->up, depth++, total++)
			t->n_processes++;
	}
	all = arena_alloc(&f->arena, (total + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_tasks; i++) {
		f->tasks[i].processes = all;
		all += f->tasks[i].n_processes;
		f->tasks[i].n_processes = 0;
	}
	for (size_t i = 0; i < f->n_processes; i++) {
		struct fact_process *p = f->by_start[i];
		struct fact_task *t = p->task;

		for (int depth = 0; t && depth < TASK_DEPTH_MAX; t = t->up, depth++) {
			t->processes[t->n_processes++] = p;
			t->cpu_ns += p->ledger.state_ns[LEDGER_CPU];
		}
	}
	return 0;
}

static void find_span(struct run_facts *f)
{
	f->start_ns = f->run.start_ns;
	f->end_ns = f->run.end_ns ? f->run.end_ns : f->now_ns;
	for (size_t i = 0; i < f->n_processes; i++) {
		const struct fact_process *p = &f->processes[i];

		if (!f->start_ns || (p->start_ns && p->start_ns < f->start_ns))
			f->start_ns = p->start_ns;
		if (!f->run.end_ns && p->end_ns > f->end_ns)
			f->end_ns = p->end_ns;
	}
	for (size_t i = 0; i < f->n_processes; i++) {
		struct fact_process *p = &f->processes[i];

		p->alive = !p->end_ns;
		if (p->end_ns < p->start_ns)
			p->end_ns = f->end_ns > p->start_ns ? f->end_ns : p->start_ns;
	}
	for (size_t i = 0; i < f->n_tasks; i++)
		if (f->tasks[i].end_ns < f->tasks[i].start_ns)
			f->tasks[i].end_ns = f->end_ns;
}

int run_facts_index(struct run_facts *f, const struct fact_links *links)
{
	struct task_key *keys = calloc(f->n_tasks + 1, sizeof(*keys));

	f->by_start = calloc(f->n_processes + 1, sizeof(struct fact_process *));
	if (!keys || !f->by_start) {
		free(keys);
		return -ENOMEM;
	}
	for (size_t i = 0; i < f->n_tasks; i++)
		keys[i] = (struct task_key){ f->tasks[i].id, &f->tasks[i] };
	qsort(keys, f->n_tasks, sizeof(*keys), compare_keys);
	find_span(f);
	link_all(f, links, keys);
	free(keys);
	for (size_t i = 0; i < f->n_processes; i++)
		f->by_start[i] = &f->processes[i];
	if (f->n_processes)
		qsort(f->by_start, f->n_processes, sizeof(*f->by_start), compare_start);
	return give_processes(f);
}

void run_facts_fini(struct run_facts *f)
{
	free(f->processes);
	free(f->tasks);
	free(f->files);
	free(f->events);
	free(f->cgroups);
	free(f->pipes);
	free(f->pipes_by_inode);
	free(f->stalls);
	free(f->by_start);
	arena_fini(&f->arena);
	*f = (struct run_facts){ 0 };
}

const char *run_missing(const struct run_row *run, unsigned needs)
{
	const struct completeness *c = &run->completeness;

	if (!run_is_observed(run))
		return "the run was not observed: only its end is known";
	if (!run->end_ns || run->status == RUN_RUNNING)
		return "the run has not ended, or its end was not recorded";
	if (!(run->features & FEATURE_CPU_EXACT))
		return "CPU time was not measured";
	if (needs & RUN_NEED_WAITS && !(run->features & FEATURE_WAIT_CLASS))
		return "what threads waited for was not measured";
	if (c->processes_lost || c->lost[LOSS_FORK] || c->lost[LOSS_EXIT])
		return "processes, or what they used at last, were lost";
	if (c->lost[LOSS_THREAD_STATE] || c->lost[LOSS_GROUP_STATE])
		return "the time of some threads is not in the ledger";
	if (c->lost[LOSS_EXEC] || c->rows_lost)
		return "programs or rows were lost";
	if (needs & RUN_NEED_FILES && completeness_events_lost(c))
		return "files or incidents were lost";
	return NULL;
}

const char *run_facts_missing(const struct run_facts *f)
{
	const char *missing = run_missing(&f->run, RUN_NEED_WAITS);

	if (missing)
		return missing;
	if (f->dropped)
		return "the run has more rows than an analysis holds";
	return f->n_processes ? NULL : "the run has no process";
}
