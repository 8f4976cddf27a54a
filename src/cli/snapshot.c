/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/snapshot.h"

#include <errno.h>
#include <jansson.h>
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

struct scope_entry *snapshot_scope(const struct snapshot *s, int64_t id)
{
	struct scope_entry *e = NULL;

	HASH_FIND(hh, s->scopes, &id, sizeof(id), e);
	return e;
}

const char *snapshot_pipeline(const struct snapshot *s, const struct task_row *task)
{
	struct scope_entry *run = snapshot_scope(s, task->of_run);

	if (run && run->row.pipeline)
		return run->row.pipeline;
	return s->many_pipelines ? NULL : s->run.pipeline;
}

static void add_inside(struct scope_entry *up, struct scope_entry *e)
{
	if (up->last)
		up->last->next = e;
	else
		up->first = e;
	up->last = e;
}

static int visit_scope(void *ctx, const struct scope_row *row)
{
	struct loader *l = ctx;
	struct scope_entry *e = arena_alloc(&l->s->arena, sizeof(*e));

	if (!e || scope_row_copy(&l->s->arena, row, &e->row) < 0)
		return -ENOMEM;
	if (row->kind == SCOPE_TASK || row->kind == SCOPE_ALLOCATION)
		e->task = snapshot_task(l->s, row->task);
	if (e->task) {
		e->row.name = e->task->row.name;
		e->row.evidence = e->task->row.evidence;
		e->row.status = e->task->row.status;
		e->row.exit_code = e->task->row.exit_code;
		e->row.signal = e->task->row.signal;
		e->row.end_ns = e->task->row.end_ns;
	}
	e->up = row->parent ? snapshot_scope(l->s, row->parent) : NULL;
	add_inside(e->up ? e->up : &l->s->top, e);
	HASH_ADD(hh, l->s->scopes, row.id, sizeof(e->row.id), e);
	return 0;
}

static bool inside_run(const struct scope_entry *e)
{
	for (e = e->up; e; e = e->up) {
		if (e->row.kind == SCOPE_RUN)
			return true;
	}
	return false;
}

/* The recording has the pipeline of its first run: other runs may have others. */
static void compare_pipelines(struct snapshot *s)
{
	const char *name = s->run.pipeline;

	for (struct scope_entry *e = s->scopes; e && name; e = e->hh.next) {
		if (e->row.kind == SCOPE_RUN && !inside_run(e) &&
		    (!e->row.pipeline || strcmp(e->row.pipeline, name) != 0))
			s->many_pipelines = true;
	}
}

/* Jobs of a scheduler in which an engine's tasks ran. */
static void find_outer(struct snapshot *s)
{
	for (struct task_entry *t = s->tasks; t; t = t->hh.next) {
		struct task_entry *up = t->row.parent ? snapshot_task(s, t->row.parent) : NULL;

		if (!up || up->outer || up->row.kind != TASK_ALLOCATION)
			continue;
		up->outer = true;
		s->n_outer++;
	}
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

struct sampled { /* tasks of one name and sample */
	const char *id, *output;
	bool several; /* with different outputs */
	UT_hash_handle hh;
};

static const char *output_of(struct snapshot *s, const struct scope_row *row)
{
	json_t *fields = row->fields ? json_loads(row->fields, 0, NULL) : NULL;
	const char *text = json_string_value(json_object_get(fields, "target"));

	text = text ? text : json_string_value(json_object_get(fields, "output"));
	text = arena_text(&s->arena, text);
	json_decref(fields);
	return text;
}

static struct sampled *sampled_of(struct snapshot *s, struct sampled **all,
				  const struct task_row *t)
{
	size_t len = strlen(t->name), tail = strlen(t->sample);
	struct sampled *found = NULL;
	char *id = arena_alloc(&s->arena, len + tail + 2);

	if (!id)
		return NULL;
	memcpy(id, t->name, len);
	id[len] = '\n';
	memcpy(id + len + 1, t->sample, tail);
	HASH_FIND_STR(*all, id, found);
	if (found)
		return found;
	found = arena_alloc(&s->arena, sizeof(*found));
	if (!found)
		return NULL;
	found->id = id;
	HASH_ADD_KEYPTR(hh, *all, found->id, strlen(found->id), found);
	return found;
}

/* A pid tells people nothing, and a sample little where many tasks of one name work on
 * it: then what the task makes, if its rule found that. */
static int find_details(struct snapshot *s)
{
	struct sampled *all = NULL;
	int r = 0;

	for (struct task_entry *t = s->tasks; t && r == 0; t = t->hh.next) {
		struct scope_entry *e = snapshot_scope(s, t->row.scope);
		const char *output = e ? output_of(s, &e->row) : NULL;
		struct sampled *same;

		if (!output)
			continue;
		if (!t->row.sample && t->row.key && strstr(t->row.key, ":pid:"))
			t->row.detail = output;
		if (!t->row.sample)
			continue;
		same = sampled_of(s, &all, &t->row);
		r = same ? 0 : -ENOMEM;
		if (same && !same->output)
			same->output = output;
		else if (same)
			same->several |= strcmp(same->output, output) != 0;
	}
	for (struct task_entry *t = s->tasks; t && r == 0 && all; t = t->hh.next) {
		struct scope_entry *e = snapshot_scope(s, t->row.scope);
		struct sampled *same = t->row.sample ? sampled_of(s, &all, &t->row) : NULL;

		if (same && same->several && e)
			t->row.detail = output_of(s, &e->row);
	}
	HASH_CLEAR(hh, all);
	return r;
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
		r = store_each_scope(store, run_id, visit_scope, &l);
	compare_pipelines(s);
	find_outer(s);
	if (r >= 0)
		r = find_details(s);
	if (r >= 0)
		r = store_each_tool(store, run_id, visit_tool, &l);
	if (r < 0)
		snapshot_fini(s);
	return r;
}

void snapshot_fini(struct snapshot *s)
{
	HASH_CLEAR(hh, s->tasks);
	HASH_CLEAR(hh, s->scopes);
	arena_fini(&s->arena);
}

/* Nextflow's names have it: "BWA (NA01)". */
static bool name_ends_with(const char *name, const char *sample)
{
	size_t len = strlen(name), tail = strlen(sample);

	return len > tail + 2 && name[len - 1] == ')' && name[len - tail - 2] == '(' &&
	       !strncmp(name + len - tail - 1, sample, tail);
}

const char *task_detail(const struct task_row *t)
{
	size_t len = strlen(t->name);

	if (t->detail)
		return t->detail;
	if (t->sample)
		return name_ends_with(t->name, t->sample) ? NULL : t->sample;
	if (!t->key || !strcmp(t->key, t->name))
		return NULL;
	if (!strncmp(t->key, t->name, len) && strchr(":/ ", t->key[len]) && t->key[len + 1])
		return t->key + len + 1;
	return t->key;
}
