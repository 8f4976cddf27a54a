/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/contention.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"

struct rates {
	double wait[CONTENTION_GROUPS + 1], run[CONTENTION_GROUPS + 1];
	double waiting, running;
	size_t alive;
};

static int compare_end(const void *first, const void *second)
{
	const struct fact_process *const *a = first, *const *b = second;

	return ((*a)->end_ns > (*b)->end_ns) - ((*a)->end_ns < (*b)->end_ns);
}

static const char *group_name(const struct fact_process *p, bool tasks)
{
	return tasks && p->task ? p->task->name : p->name;
}

static void choose_groups(struct contention *c, const struct units *units, bool tasks)
{
	for (unsigned i = 1; i < units->n && c->n < CONTENTION_GROUPS; i++)
		if (units->list[i].kind == (tasks ? SUBJECT_TASK : SUBJECT_TOOL))
			c->names[c->n++] = units->list[i].name;
	c->names[c->n++] = "others";
	c->names[c->n] = "outside";
}

static unsigned group_of(const struct contention *c, const char *name)
{
	for (unsigned i = 0; i + 1 < c->n; i++)
		if (c->names[i] == name || !strcmp(c->names[i], name))
			return i;
	return c->n - 1;
}

static void enter(struct rates *r, const struct fact_process *p, unsigned group, double sign)
{
	double life = (double)(p->end_ns - p->start_ns);
	double wait = (double)p->ledger.state_ns[LEDGER_RUNQ];
	double run = (double)p->ledger.state_ns[LEDGER_CPU];

	if (life <= 0)
		return;
	r->wait[group] += sign * wait / life;
	r->run[group] += sign * run / life;
	r->waiting += sign * wait / life;
	r->running += sign * run / life;
}

static void piece(struct contention *c, const struct rates *r, double ns, unsigned cpus)
{
	double outside = (double)cpus > r->running ? (double)cpus - r->running : 0;
	double all = r->running + outside;

	if (r->waiting < 1e-6 || all <= 0)
		return;
	for (unsigned v = 0; v < c->n; v++) {
		if (r->wait[v] < 1e-9)
			continue;
		for (unsigned by = 0; by < c->n; by++)
			if (r->run[by] > 0)
				c->wait_ns[v][by] += ns * r->wait[v] * r->run[by] / all;
		c->wait_ns[v][c->n] += ns * r->wait[v] * outside / all;
	}
}

int contention_make(struct contention *c, const struct run_facts *f, const struct units *units)
{
	_cleanup_free_ struct fact_process **ends =
		reallocarray(NULL, f->n_processes + 1, sizeof(struct fact_process *));
	_cleanup_free_ unsigned char *group = calloc(f->n_processes + 1, 1);
	bool tasks = units->n > 1 && units->list[1].kind == SUBJECT_TASK;
	struct rates r = { 0 };
	size_t in = 0, out = 0;
	uint64_t now = 0;

	*c = (struct contention){ 0 };
	if (!ends || !group)
		return -ENOMEM;
	choose_groups(c, units, tasks);
	for (size_t i = 0; i < f->n_processes; i++) {
		ends[i] = &f->processes[i];
		group[i] = (unsigned char)group_of(c, group_name(&f->processes[i], tasks));
	}
	qsort(ends, f->n_processes, sizeof(*ends), compare_end);
	while (out < f->n_processes) {
		bool start = in < f->n_processes && f->by_start[in]->start_ns <= ends[out]->end_ns;
		const struct fact_process *p = start ? f->by_start[in++] : ends[out++];
		uint64_t at = start ? p->start_ns : p->end_ns;

		if (r.alive && at > now)
			piece(c, &r, (double)(at - now), f->run.cpus);
		now = at > now ? at : now;
		enter(&r, p, group[p - f->processes], start ? 1 : -1);
		r.alive += start ? 1 : (size_t)-1;
		if (!r.alive)
			r = (struct rates){ 0 };
	}
	return 0;
}
