/* SPDX-License-Identifier: Apache-2.0 */
/* The units that have a verdict: the run, groups of tasks, tools. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/bottleneck.h"
#include "src/analysis/pipe_peer.h"
#include "src/base/cleanup.h"

#define LEFT_MIN  0.1	      /* less is no ground to stand on */
#define TRIFLE_NS 100000000.0 /* of the run or all tasks of a name: start-up */

struct group_key {
	const char *name;
	void *item;
	uint64_t start_ns;
};

static int compare_keys(const void *first, const void *second)
{
	const struct group_key *a = first, *b = second;
	int r = strcmp(a->name, b->name);

	return r ? r : (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

enum verdict verdict_of_part(unsigned part)
{
	static const enum verdict verdicts[EXPLAIN_PARTS] = {
		[LEDGER_CPU] = VERDICT_COMPUTE,	    [LEDGER_RUNQ] = VERDICT_CPU_STARVED,
		[LEDGER_DISK] = VERDICT_DISK,	    [LEDGER_NET] = VERDICT_NETWORK,
		[LEDGER_PIPE] = VERDICT_PIPE,	    [LEDGER_LOCK] = VERDICT_LOCK,
		[LEDGER_CHILD] = VERDICT_CHILD,	    [LEDGER_SLEEP] = VERDICT_SLEEP,
		[LEDGER_POLL] = VERDICT_POLL,	    [LEDGER_RECLAIM] = VERDICT_MEMORY,
		[LEDGER_STOPPED] = VERDICT_STOPPED, [LEDGER_OTHER] = VERDICT_OTHER,
		[EXPLAIN_IDLE] = VERDICT_IDLE,
	};

	return verdicts[part];
}

double share_notice(unsigned part)
{
	return part == LEDGER_RECLAIM ? 0.10 : 0.25;
}

double share_warning(unsigned part)
{
	return part == LEDGER_RECLAIM ? 0.25 : 0.50;
}

bool unit_is_jostled(const struct unit *u)
{
	double share = explained_share(&u->explained, LEDGER_RUNQ);

	return u->neighbours && share >= share_notice(LEDGER_RUNQ) &&
	       share < share_warning(LEDGER_RUNQ) &&
	       share <= explained_share(&u->explained, LEDGER_CPU);
}

double unit_share(const struct unit *u, unsigned part)
{
	double all = u->explained.total_ns, left = all - u->explained.ns[LEDGER_RUNQ];

	if (!u->neighbours || part == LEDGER_RUNQ || left < LEFT_MIN * all ||
	    explained_share(&u->explained, part) < share_notice(part))
		return explained_share(&u->explained, part);
	return u->explained.ns[part] / left;
}

static unsigned largest_wait(const struct unit *u)
{
	unsigned largest = LEDGER_CPU;

	for (unsigned i = 0; i < EXPLAIN_PARTS; i++)
		if (i != LEDGER_CPU && !(i == LEDGER_RUNQ && unit_is_jostled(u)) &&
		    (largest == LEDGER_CPU || unit_share(u, i) > unit_share(u, largest)))
			largest = i;
	if (unit_share(u, LEDGER_RECLAIM) >= share_notice(LEDGER_RECLAIM) &&
	    unit_share(u, largest) < share_warning(largest))
		return LEDGER_RECLAIM;
	return largest;
}

static void judge(struct unit *u)
{
	unsigned largest = largest_wait(u);
	double wait = unit_share(u, largest);
	/* what others took is taken out of both sides of a comparison, or of none */
	double cpu = largest == LEDGER_RUNQ ? explained_share(&u->explained, LEDGER_CPU)
					    : unit_share(u, LEDGER_CPU);

	u->share = explained_share(&u->explained, LEDGER_CPU);
	u->trifle = u->kind != SUBJECT_TOOL && u->explained.total_ns < TRIFLE_NS;
	if (u->explained.total_ns <= 0) {
		u->verdict = VERDICT_UNKNOWN;
	} else if (u->trifle) {
		u->verdict = VERDICT_HEALTHY;
	} else if (wait >= share_notice(largest) &&
		   (largest == LEDGER_RECLAIM || wait >= cpu || cpu < COMPUTE_CPU_SHARE)) {
		u->share = explained_share(&u->explained, largest);
		u->verdict =
			wait >= share_warning(largest) || largest == LEDGER_RECLAIM || wait > cpu
				? verdict_of_part(largest)
				: VERDICT_MIXED;
	} else if (cpu >= COMPUTE_CPU_SHARE) {
		u->verdict = VERDICT_COMPUTE;
	} else {
		u->verdict = cpu >= HEALTHY_CPU_SHARE ? VERDICT_HEALTHY : VERDICT_MIXED;
	}
}

static struct unit *unit_new(struct units *all, enum subject_kind kind, const char *name)
{
	struct unit *u;

	if (all->n == UNITS_MAX) {
		all->dropped++;
		return NULL;
	}
	u = &all->list[all->n++];
	*u = (struct unit){ .kind = kind, .name = name };
	return u;
}

static void add_cpu(struct unit *u)
{
	for (size_t i = 0; i < u->n_processes; i++)
		u->cpu_ns += u->processes[i]->ledger.state_ns[LEDGER_CPU];
}

static int add_run(struct units *all, const struct run_facts *f)
{
	struct unit *u = unit_new(all, SUBJECT_RUN, f->run.uid ? f->run.uid : "");

	u->n = 1;
	u->processes = f->by_start;
	u->n_processes = f->n_processes;
	add_cpu(u);
	return explain_add(&u->explained, u->processes, u->n_processes,
			   (uint64_t[]){ f->start_ns, f->end_ns }, f->run.cpus);
}

static int add_task_group(struct units *all, const struct run_facts *f,
			  const struct group_key *keys, size_t n)
{
	struct unit *u = unit_new(all, SUBJECT_TASK, keys[0].name);
	size_t processes = 0;
	int r = 0;

	if (!u)
		return 0;
	u->tasks = arena_alloc(&all->arena, n * sizeof(struct fact_task *));
	for (size_t i = 0; i < n; i++)
		processes += ((struct fact_task *)keys[i].item)->n_processes;
	u->processes = arena_alloc(&all->arena, (processes + 1) * sizeof(struct fact_process *));
	if (!u->tasks || !u->processes)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct fact_task *t = keys[i].item;

		u->tasks[u->n++] = t;
		for (size_t j = 0; j < t->n_processes; j++)
			u->processes[u->n_processes++] = t->processes[j];
		r = explain_add(&u->explained, t->processes, t->n_processes,
				(uint64_t[]){ t->start_ns, t->end_ns }, f->run.cpus);
	}
	add_cpu(u);
	return r;
}

/* A tool is there while one of its processes is: the gaps are not its own. */
static int add_tool(struct units *all, const struct run_facts *f, const struct group_key *keys,
		    size_t n)
{
	struct unit *u = unit_new(all, SUBJECT_TOOL, keys[0].name);
	uint64_t end = 0;
	int r = 0;

	if (!u)
		return 0;
	u->processes = arena_alloc(&all->arena, n * sizeof(struct fact_process *));
	if (!u->processes)
		return -ENOMEM;
	for (size_t i = 0, first = 0; i < n && r == 0; i++) {
		struct fact_process *p = keys[i].item, *next = i + 1 < n ? keys[i + 1].item : NULL;

		u->processes[u->n_processes++] = p;
		u->n++;
		end = p->end_ns > end ? p->end_ns : end;
		if (next && next->start_ns <= end)
			continue;
		r = explain_add(&u->explained, u->processes + first, u->n_processes - first,
				(uint64_t[]){ u->processes[first]->start_ns, end }, f->run.cpus);
		first = u->n_processes;
		end = 0;
	}
	add_cpu(u);
	return r;
}

static int add_groups(struct units *all, const struct run_facts *f, struct group_key *keys,
		      size_t n,
		      int (*add)(struct units *all, const struct run_facts *f,
				 const struct group_key *keys, size_t n))
{
	int r = 0;

	if (n)
		qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 0, j; i < n && r == 0; i = j) {
		for (j = i + 1; j < n && !strcmp(keys[j].name, keys[i].name);)
			j++;
		r = add(all, f, keys + i, j - i);
	}
	return r;
}

static int compare_units(const void *first, const void *second)
{
	const struct unit *a = first, *b = second;

	if (a->kind != b->kind)
		return a->kind > b->kind ? 1 : -1;
	if (a->explained.total_ns != b->explained.total_ns)
		return a->explained.total_ns < b->explained.total_ns ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void find_peers(struct units *all, const struct run_facts *f)
{
	for (unsigned i = 0; i < all->n; i++) {
		struct unit *u = &all->list[i];
		const struct fact_process *most = NULL;
		struct pipe_peer peer = { 0 };

		if (u->verdict != VERDICT_PIPE)
			continue;
		for (size_t j = 0; j < u->n_processes; j++)
			if (!most || u->processes[j]->ledger.state_ns[LEDGER_PIPE] >
					     most->ledger.state_ns[LEDGER_PIPE])
				most = u->processes[j];
		if (most)
			peer = pipe_peer_find(f, most);
		u->peer = peer.process ? peer.process->name : NULL;
	}
}

int units_make(struct units *u, const struct run_facts *f)
{
	size_t size = f->n_processes > f->n_tasks ? f->n_processes : f->n_tasks, n = 0;
	_cleanup_free_ struct group_key *keys = calloc(size + 1, sizeof(*keys));
	int r;

	u->list = calloc(UNITS_MAX, sizeof(*u->list));
	if (!keys || !u->list)
		return -ENOMEM;
	r = add_run(u, f);
	for (size_t i = 0; i < f->n_tasks; i++)
		if (!f->tasks[i].outer)
			keys[n++] = (struct group_key){ f->tasks[i].name, &f->tasks[i],
							f->tasks[i].start_ns };
	if (r == 0)
		r = add_groups(u, f, keys, n, add_task_group);
	n = 0;
	for (size_t i = 0; i < f->n_processes; i++)
		keys[n++] = (struct group_key){ f->by_start[i]->name, f->by_start[i],
						f->by_start[i]->start_ns };
	if (r == 0)
		r = add_groups(u, f, keys, n, add_tool);
	for (unsigned i = 0; i < u->n; i++) {
		const struct explained *run = &u->list[0].explained;

		u->list[i].neighbours = (run->runq_own_ns < OWN_LOAD * run->runq_ns ||
					 run->runq_used_ns < OWN_USED * run->runq_ns) &&
					!unit_is_throttled(f, &u->list[i]);
		judge(&u->list[i]);
		if (u->list[i].verdict == VERDICT_CPU_STARVED && unit_is_throttled(f, &u->list[i]))
			u->list[i].verdict = VERDICT_THROTTLED;
	}
	find_peers(u, f);
	qsort(u->list, u->n, sizeof(*u->list), compare_units);
	return r;
}

void units_fini(struct units *u)
{
	free(u->list);
	arena_fini(&u->arena);
	*u = (struct units){ 0 };
}
