/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/report_failed.h"

#include <errno.h>

#include "src/base/cleanup.h"
#include "src/cli/process_record.h"

static bool counts(const struct failures *f, const struct task_entry *task)
{
	if (!task)
		return f->snapshot->run.status != RUN_SUCCEEDED;
	return task->row.status == TASK_STATUS_FAILED || task->row.status == TASK_STATUS_OOM ||
	       task->row.status == TASK_STATUS_CANCELLED;
}

static int visit(void *ctx, const struct process_view *view)
{
	struct failures *f = ctx;
	const struct process_row *p = view->process;
	const struct task_entry *task = snapshot_task(f->snapshot, p->task);
	const char *name = view->tool_name ? view->tool_name : p->comm;
	_cleanup_(str_fini) struct str ending = STR_INIT;
	struct failure *failure, *parent = NULL;

	if (!process_failed(p) || !counts(f, task))
		return 0;
	HASH_FIND(hh, f->list, &p->parent, sizeof(p->parent), parent);
	if (parent && p->end_ns >= parent->exec_ns)
		parent->explained = true;
	if (++f->n > FAILURES_MAX)
		return 0;
	failure = arena_alloc(&f->arena, sizeof(*failure));
	if (!failure)
		return -ENOMEM;
	process_ending(&ending, p);
	failure->id = p->id;
	failure->pid = p->pid;
	failure->task = task;
	failure->exec_ns = view->exec ? view->exec->time_ns : 0;
	failure->end_ns = p->end_ns;
	failure->name = arena_text(&f->arena, name ? name : "");
	failure->ending = arena_text(&f->arena, str_text(&ending));
	if (!failure->name || !failure->ending)
		return -ENOMEM;
	HASH_ADD(hh, f->list, id, sizeof(failure->id), failure);
	return 0;
}

static int compare(const struct failure *a, const struct failure *b)
{
	return (a->end_ns < b->end_ns) - (a->end_ns > b->end_ns);
}

int failures_find(struct failures *f, struct store *store)
{
	int r = store_each_process(store, f->snapshot->run.id, visit, f);

	HASH_SORT(f->list, compare);
	return r < 0 ? r : 0;
}

void failures_fini(struct failures *f)
{
	HASH_CLEAR(hh, f->list);
	arena_fini(&f->arena);
}
