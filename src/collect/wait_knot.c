/* SPDX-License-Identifier: Apache-2.0 */
/* See wait_internal.h. A deadlock is said only of processes none of whose threads could
 * go on: each waits for a lock or a thread of its own process, or for one of the others,
 * whoever of all that hold the other end that may be. */
#include <linux/futex.h>
#include <stdio.h>
#include <unistd.h>

#include "src/collect/wait_internal.h"

struct knot {
	struct wait_table *table;
	const uint32_t *pids;
	unsigned n;
	bool holds;	  /* so far */
	unsigned outward; /* threads of this process that wait for others */
};

static bool is_in(const struct knot *k, uint32_t pid)
{
	for (unsigned i = 0; i < k->n; i++)
		if (k->pids[i] == pid)
			return true;
	return false;
}

/* Only its own process can wake it: a private one, or the end of a thread, which joins
 * wait for with that thread's number as the value. */
static bool is_own_futex(const struct wait_thread *th)
{
	unsigned command = (unsigned)th->arg[1] & (unsigned)FUTEX_CMD_MASK;
	char path[64];

	if (command != FUTEX_WAIT && command != FUTEX_WAIT_BITSET && command != FUTEX_LOCK_PI)
		return false;
	if (th->arg[3])
		return false; /* a time */
	if (th->arg[1] & FUTEX_PRIVATE_FLAG)
		return true;
	snprintf(path, sizeof(path), "/proc/%u/task/%u", th->pid, (uint32_t)th->arg[2]);
	return th->arg[2] && !access(path, F_OK);
}

static bool are_holders_in(const struct knot *k, uint32_t pid, const struct wait_step *step)
{
	uint32_t pids[WAIT_PEERS_MAX];
	struct wait_step asked = *step;
	bool hidden;
	unsigned n;

	asked.step.pid = pid;
	n = wait_holders(k->table, &asked, true, pids, &hidden);
	for (unsigned i = 0; i < n; i++)
		if (!is_in(k, pids[i]))
			return false;
	return n && !hidden;
}

static bool are_children_in(const struct knot *k, uint32_t pid, const struct wait_step *step)
{
	const struct wait_table *t = k->table;
	const struct wait_process *p = wait_table_find(t, pid);
	uint32_t child = step->next == NEXT_CHILD ? wait_child_of(t, p, step->pid) : 0;
	unsigned n = 0;

	if (child)
		return is_in(k, child);
	for (unsigned i = 0; i < t->n; i++) {
		if (t->list[i].parent != pid)
			continue;
		if (!is_in(k, t->list[i].pid))
			return false;
		n++;
	}
	return n && !t->cut;
}

static bool is_bound(const struct knot *k, uint32_t pid, const struct wait_step *step)
{
	if (step->loose || step->step.flags & (STEP_TIMEOUT | STEP_UNTIL | STEP_DENIED))
		return false;
	switch (step->next) {
	case NEXT_CHILD:
	case NEXT_ANY_CHILD:
		return are_children_in(k, pid, step);
	case NEXT_READERS:
	case NEXT_WRITERS:
		return are_holders_in(k, pid, step);
	default:
		return false;
	}
}

static void take_thread(void *ctx, const struct wait_thread *th, const struct wait_step *step)
{
	struct knot *k = ctx;

	if (!k->holds)
		return;
	if (step->step.wait == WAIT_FUTEX) {
		k->holds = is_own_futex(th);
		return;
	}
	k->outward++;
	k->holds = is_bound(k, th->pid, step);
}

bool wait_is_knot(struct wait_table *t, const uint32_t *pids, unsigned n)
{
	struct knot k = { .table = t, .pids = pids, .n = n, .holds = true };

	for (unsigned i = 0; i < n && k.holds; i++) {
		const struct wait_process *p = wait_table_find(t, pids[i]);

		k.outward = 0;
		if (!p || !wait_each_thread(p, take_thread, &k) || !k.outward || !wait_still(t, p))
			return false;
	}
	return k.holds;
}
