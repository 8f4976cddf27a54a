/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/snapshot.h"

#include <errno.h>
#include <string.h>

#include "src/cli/reader.h"

struct loader {
	struct snapshot *s;
	struct tool_entry **tail;
	int64_t tail_task; /* whose list tail ends */
};

static int visit_run(void *ctx, const struct run_row *row)
{
	struct loader *l = ctx;

	return run_row_copy(&l->s->arena, row, &l->s->run);
}

static int visit_task(void *ctx, const struct task_row *row)
{
	struct loader *l = ctx;
	struct task_entry *t = arena_alloc(&l->s->arena, sizeof(*t));

	if (!t || task_row_copy(&l->s->arena, row, &t->row) < 0)
		return -ENOMEM;
	HASH_ADD(hh, l->s->tasks, row.id, sizeof(t->row.id), t);
	l->s->n_tasks++;
	return 0;
}

struct task_entry *snapshot_task(const struct snapshot *s, int64_t id)
{
	struct task_entry *t = NULL;

	HASH_FIND(hh, s->tasks, &id, sizeof(id), t);
	return t;
}

static struct tool_entry **end_of(struct tool_entry **list)
{
	while (*list)
		list = &(*list)->next;
	return list;
}

static int visit_tool(void *ctx, const struct tool_row *row)
{
	struct loader *l = ctx;
	struct tool_entry *t = arena_alloc(&l->s->arena, sizeof(*t));

	if (!t || tool_row_copy(&l->s->arena, row, &t->row) < 0)
		return -ENOMEM;
	if (!l->tail || l->tail_task != row->task) {
		struct task_entry *task = snapshot_task(l->s, row->task);

		l->tail = end_of(task ? &task->tools : &l->s->tools);
		l->tail_task = row->task;
	}
	*l->tail = t;
	l->tail = &t->next;
	return 0;
}

int snapshot_load(struct snapshot *s, struct store *store, int64_t run_id)
{
	struct loader l = { .s = s };
	int r;

	*s = (struct snapshot){ 0 };
	r = store_get_run(store, run_id, visit_run, &l);
	if (r >= 0)
		r = store_each_task(store, run_id, visit_task, &l);
	if (r >= 0)
		r = store_each_tool(store, run_id, visit_tool, &l);
	if (r < 0)
		snapshot_fini(s);
	return r;
}

void snapshot_fini(struct snapshot *s)
{
	HASH_CLEAR(hh, s->tasks);
	arena_fini(&s->arena);
}

const char *task_detail(const struct task_row *t)
{
	size_t len = strlen(t->name);

	if (t->sample)
		return t->sample;
	if (!t->key || !strcmp(t->key, t->name))
		return NULL;
	if (!strncmp(t->key, t->name, len) && strchr(":/ ", t->key[len]) && t->key[len + 1])
		return t->key + len + 1;
	return t->key;
}
