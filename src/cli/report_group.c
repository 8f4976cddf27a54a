/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/report_group.h"

#include <errno.h>
#include <string.h>

#include "src/model/ledger.h"

#define WAIT_MIN_NS    100000000ULL /* shorter waits are not worth a line */
#define WAIT_MIN_SHARE 20	    /* nor is less than 1/20 of a task's wall time */

void task_groups_fini(struct task_groups *g)
{
	HASH_CLEAR(hh, g->groups);
	arena_fini(&g->arena);
}

static struct task_group *group_of(struct task_groups *g, const char *name)
{
	struct task_group *group = NULL;

	HASH_FIND_STR(g->groups, name, group);
	if (group)
		return group;
	group = arena_alloc(&g->arena, sizeof(*group));
	if (!group)
		return NULL;
	group->name = name;
	HASH_ADD_KEYPTR(hh, g->groups, group->name, strlen(name), group);
	g->n_groups++;
	return group;
}

/* Tasks come by start, so the union of their spans grows at its end only. */
static void add_span(uint64_t *wall_ns, uint64_t *last_end_ns, uint64_t start, uint64_t end)
{
	uint64_t from = start > *last_end_ns ? start : *last_end_ns;

	if (end <= from)
		return;
	*wall_ns += end - from;
	*last_end_ns = end;
}

static void add_status(struct task_groups *g, struct task_group *group, enum task_status status)
{
	group->tasks++;
	switch (status) {
	case TASK_STATUS_OOM:
		group->oom++;
		__attribute__((fallthrough));
	case TASK_STATUS_FAILED:
		group->failed++;
		g->failed_tasks++;
		break;
	case TASK_STATUS_CANCELLED:
		group->cancelled++;
		g->failed_tasks++;
		break;
	case TASK_STATUS_RUNNING:
		group->running++;
		break;
	default:
		break;
	}
}

static void add_wait(struct task_groups *g, const struct task_wait *wait)
{
	unsigned at = g->n_waits;

	if (at == LONGEST_WAITS && g->waits[--at].ns >= wait->ns)
		return;
	if (g->n_waits < LONGEST_WAITS)
		g->n_waits++;
	for (; at && g->waits[at - 1].ns < wait->ns; at--)
		g->waits[at] = g->waits[at - 1];
	g->waits[at] = *wait;
}

static void add_waits(struct task_groups *g, const struct task_entry *task, const struct where *w)
{
	for (unsigned i = 0; i < WHERE_PARTS; i++) {
		struct task_wait wait = { task, i, w->ns[i], w->total_ns };

		if (i == LEDGER_CPU || w->ns[i] < WAIT_MIN_NS ||
		    w->ns[i] < w->total_ns / WAIT_MIN_SHARE)
			continue;
		add_wait(g, &wait);
	}
}

int task_groups_make(struct task_groups *g, const struct snapshot *s)
{
	for (const struct task_entry *t = s->tasks; t; t = t->hh.next) {
		struct task_group *group = t->outer ? NULL : group_of(g, t->row.name);
		uint64_t start = t->row.start_ns, end = task_end_ns(&t->row, &s->run);
		struct where w = { 0 };

		if (t->outer)
			continue; /* its tasks are what it did */
		if (!group)
			return -ENOMEM;
		add_status(g, group, t->row.status);
		group->again += t->row.attempt > 1;
		add_span(&group->wall_ns, &group->last_end_ns, start, end);
		add_span(&g->wall_ns, &g->last_end_ns, start, end);
		group->duration_ns += end - start;
		ledger_add(&group->ledger, &t->row.ledger);
		if (t->row.peak_rss_bytes > group->peak_rss_bytes)
			group->peak_rss_bytes = t->row.peak_rss_bytes;
		where_add_task(&w, t, &s->run);
		where_add(&group->where, &w);
		where_add(&g->where, &w);
		add_waits(g, t, &w);
	}
	return 0;
}
