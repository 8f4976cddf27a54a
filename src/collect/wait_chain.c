/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See wait_internal.h. A search downwards: each process leads to those it waits for,
 * and of several the one counts whose end tells most. Where a process waits for nobody
 * in particular (an event, a lock of its own) its children are looked at, too: an engine
 * polls, what hangs is its task.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/collect/wait_internal.h"

#define LOOKED_MAX 64		 /* processes of one search */
#define LOOK_NS	   2000000000ULL /* then what is known is told */
#define TICK_NS	   10000000ULL

struct chain {
	struct wire_stall_step steps[STALL_STEPS_MAX];
	unsigned n, rank;
};

struct search {
	struct wait_table table;
	uint32_t path[STALL_STEPS_MAX]; /* from the first to the one at hand */
	unsigned looked;
};

static void look(struct search *s, const struct wait_process *p, unsigned depth, struct chain *ret);

/* Where on the way to the one at hand, from 1; 0: nowhere. */
static unsigned on_path(const struct search *s, unsigned depth, uint32_t pid)
{
	for (unsigned i = 0; i <= depth; i++)
		if (s->path[i] == pid)
			return i + 1;
	return 0;
}

/* The better one of the chains that begin at `pid`. */
static void consider(struct search *s, uint32_t pid, unsigned depth, struct chain *best)
{
	const struct wait_process *p = wait_table_find(&s->table, pid);
	struct chain c = { 0 };

	if (!p || p->state == 'Z' || p->state == 'X' || depth + 1 >= STALL_STEPS_MAX ||
	    s->looked >= LOOKED_MAX || wait_too_late(&s->table))
		return;
	look(s, p, depth + 1, &c);
	if (c.n && c.rank > best->rank)
		*best = c;
}

static void consider_children(struct search *s, uint32_t parent, unsigned depth, struct chain *best)
{
	for (unsigned i = 0; i < s->table.n; i++)
		if (s->table.list[i].parent == parent)
			consider(s, s->table.list[i].pid, depth, best);
}

/* Who holds the other end; of a process that waits for itself only that is told. */
static void consider_holders(struct search *s, struct wait_step *step, unsigned depth,
			     struct chain *best)
{
	uint32_t pids[WAIT_PEERS_MAX];
	unsigned others = 0, back = 0;
	bool hidden;
	unsigned n = wait_holders(&s->table, step, false, pids, &hidden);

	for (unsigned i = 0; i < n; i++) {
		if (pids[i] == step->step.pid)
			continue;
		others++;
		back = back ? back : on_path(s, depth, pids[i]);
		if (!on_path(s, depth, pids[i]))
			consider(s, pids[i], depth, best);
	}
	/* others could still write, or another thread of one of them */
	if (back && wait_is_knot(&s->table, &s->path[back - 1], depth + 2 - back))
		step->step.flags |= STEP_CYCLE;
	if (!others && !hidden && step->step.wait != WAIT_POLL)
		step->step.flags |= n ? STEP_ITSELF : STEP_NOBODY;
}

static void name_child(const struct search *s, struct wait_step *step, const struct chain *best)
{
	const struct wait_process *p = wait_table_find(&s->table, step->pid);

	if (best->n)
		snprintf(step->step.object, sizeof(step->step.object), "`%.15s` (pid %u)",
			 best->steps[0].comm, best->steps[0].pid);
	else if (p)
		snprintf(step->step.object, sizeof(step->step.object), "`%s` (pid %u)%s", p->comm,
			 p->pid, p->state == 'Z' ? ", which has ended" : "");
}

static void follow(struct search *s, struct wait_step *step, unsigned depth, struct chain *best)
{
	switch (step->next) {
	case NEXT_NONE:
		return;
	case NEXT_CHILD:
	case NEXT_PID:
		if (!on_path(s, depth, step->pid))
			consider(s, step->pid, depth, best);
		break;
	case NEXT_ANY_CHILD:
		consider_children(s, step->step.pid, depth, best);
		break;
	case NEXT_READERS:
	case NEXT_WRITERS:
		consider_holders(s, step, depth, best);
		break;
	}
	if (step->step.wait == WAIT_CHILD)
		name_child(s, step, best);
}

static bool is_open(unsigned wait)
{
	return wait == WAIT_POLL || wait == WAIT_FUTEX || wait == WAIT_SLEEP ||
	       wait == WAIT_SIGNAL || wait == WAIT_UNKNOWN;
}

static void look(struct search *s, const struct wait_process *p, unsigned depth, struct chain *ret)
{
	struct chain best = { 0 };
	struct wait_step step;

	s->looked++;
	s->path[depth] = p->pid;
	wait_step_of(&s->table, p, &step);
	follow(s, &step, depth, &best);
	ret->rank = best.n && step.next != NEXT_NONE ? best.rank : wait_rank(&step.step);
	if (!best.n && is_open(step.step.wait)) {
		best.rank = ret->rank;
		consider_children(s, p->pid, depth, &best);
		if (best.n) {
			best.steps[0].flags |= STEP_BESIDE;
			ret->rank = best.rank;
		}
	}
	if (best.n == STALL_STEPS_MAX)
		best.n--;
	ret->steps[0] = step.step;
	memcpy(&ret->steps[1], best.steps, best.n * sizeof(best.steps[0]));
	ret->n = best.n + 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

unsigned wait_chain(uint32_t pid, uint64_t start_ns, int64_t owner, struct wire_stall_step *ret)
{
	_cleanup_free_ struct search *s = calloc(1, sizeof(*s));
	const struct wait_process *p = NULL;
	struct chain all = { 0 };

	if (!s)
		return 0;
	s->table.owner = owner;
	s->table.deadline_ns = now_ns() + LOOK_NS;
	if (wait_table_read(&s->table) >= 0)
		p = wait_table_find(&s->table, pid);
	/* of a pid that was given to another meanwhile the start differs */
	if (p && (!start_ns || (start_ns / TICK_NS <= p->start_ticks + 1 &&
				p->start_ticks <= start_ns / TICK_NS + 1))) {
		wait_table_order(&s->table, pid);
		look(s, p, 0, &all);
	}
	if (all.n && s->table.late)
		all.steps[all.n - 1].flags |= STEP_SLOW;
	wait_table_fini(&s->table);
	memcpy(ret, all.steps, all.n * sizeof(all.steps[0]));
	return all.n;
}
