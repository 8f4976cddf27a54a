/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/report_failed.h"

#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/cli/process_record.h"

static bool counts(const struct failures *f, const struct task_entry *task)
{
	if (!task)
		return f->snapshot->run.status != RUN_SUCCEEDED;
	return task->row.status == TASK_STATUS_FAILED || task->row.status == TASK_STATUS_OOM ||
	       task->row.status == TASK_STATUS_CANCELLED;
}

/* A fork that ran no program of its own has its parent's command. */
static int set_command(struct failures *f, struct failure *failure, const struct exec_row *exec,
		       const struct failure *parent)
{
	_cleanup_(str_fini) struct str command = STR_INIT;

	if (!exec && parent)
		failure->command = parent->command;
	if (!exec || !exec->argv.len)
		return 0;
	text_shell(&command, exec->argv.data, exec->argv.len);
	if (exec->argv_truncated)
		str_add(&command, " ...");
	failure->command = command.failed ? NULL : arena_text(&f->arena, str_text(&command));
	return failure->command ? 0 : -ENOMEM;
}

static int visit(void *ctx, const struct process_view *view)
{
	struct failures *f = ctx;
	const struct process_row *p = view->process;
	const struct task_entry *task = snapshot_task(f->snapshot, p->task);
	const char *name = view->tool_name ? view->tool_name : p->comm;
	_cleanup_(str_fini) struct str ending = STR_INIT;
	struct failure *failure, *parent = NULL;

	/* what its own parent killed was not wanted any more: the parent knows why */
	if (!process_failed(p) || !counts(f, task) ||
	    (p->signal > 0 && p->killer_pid && p->killer_pid == p->ppid && !p->oom_killed))
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
	if (!failure->name || !failure->ending || set_command(f, failure, view->exec, parent) < 0)
		return -ENOMEM;
	HASH_ADD(hh, f->list, id, sizeof(failure->id), failure);
	return 0;
}

/* Where programs look for their own parts, one place after the other. */
static bool is_search(const char *path)
{
	static const char *const places[] = { "/usr/", "/lib",	"/etc/",  "/proc/", "/sys/",
					      "/dev/", "/opt/", "/snap/", "/nix/" };
	static const char *const parts[] = { "/lib/python", "/site-packages/", "/LC_MESSAGES/",
					     "/__pycache__/" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!strncmp(path, places[i], strlen(places[i])))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strstr(path, parts[i]))
			return true;
	return false;
}

static int visit_file(void *ctx, const struct file_row *row, const struct process_view *process)
{
	struct failures *f = ctx;
	struct failure *failure = NULL;

	if (!row->error || !row->failed || !row->path || row->kind == FILE_KIND_FOLD ||
	    is_search(row->path))
		return 0;
	HASH_FIND(hh, f->list, &row->process, sizeof(row->process), failure);
	if (!failure || failure->explained || row->last_ns < failure->file_ns)
		return 0;
	failure->file = arena_text(&f->arena, row->path);
	failure->error = row->error;
	failure->file_ns = row->last_ns;
	return failure->file ? 0 : -ENOMEM;
}

static int compare(const struct failure *a, const struct failure *b)
{
	return (a->end_ns < b->end_ns) - (a->end_ns > b->end_ns);
}

/* The same program, ended the same way in the same task, is told once. */
static void fold_alike(struct failures *f)
{
	for (struct failure *a = f->list; a; a = a->hh.next) {
		for (struct failure *b = f->list; b != a && !a->explained; b = b->hh.next) {
			if (b->explained || a->task != b->task || strcmp(a->name, b->name) ||
			    strcmp(a->ending, b->ending))
				continue;
			b->alike++;
			a->explained = true;
		}
	}
}

int failures_find(struct failures *f, struct store *store)
{
	int r = store_each_process(store, f->snapshot->run.id, visit, f);

	if (r >= 0 && f->list)
		r = store_each_file(store, f->snapshot->run.id, visit_file, f);
	HASH_SORT(f->list, compare);
	fold_alike(f);
	return r < 0 ? r : 0;
}

void failures_fini(struct failures *f)
{
	HASH_CLEAR(hh, f->list);
	arena_fini(&f->arena);
}
