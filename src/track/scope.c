/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of scopes. A scope is one matched rule on the way from the recording to
 * a process; children get their parent's. Processes and inner scopes hold
 * references; what nobody holds any more leaves as its last row. Which scopes
 * open: scope_open.c. Tasks, which some scopes are: task.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/track/tracker.h"

int scope_init(struct tracker *t)
{
	t->top = calloc(1, sizeof(*t->top) + 1);
	if (!t->top)
		return -ENOMEM;
	t->top->task = &t->run;
	t->top->refs = 1;
	t->top->kind = SCOPE_MARK;
	t->run.refs = 1;
	return 0;
}

struct scope *scope_ref(struct scope *s)
{
	s->refs++;
	return s;
}

static void scope_free(struct tracker *t, struct scope *s)
{
	scope_unshare(t, s);
	if (s->run && s->run != s)
		scope_unref(t, s->run);
	task_unref(t, s->task);
	rule_markers_fini(&s->markers);
	json_decref(s->fields);
	free(s->name);
	free(s->engine_name);
	free(s->pipeline);
	free(s->evidence);
	free(s->exit_path);
	free(s);
}

void scope_unref(struct tracker *t, struct scope *s)
{
	struct scope *up;

	for (; s && --s->refs == 0; s = up) {
		up = s->up;
		scope_free(t, s);
	}
}

void scope_fini(struct tracker *t)
{
	run_scopes_free(t);
	clients_free(t);
	task_heads_free(t);
	tasks_free(t);
	tools_free(t, &t->run);
	free(t->top);
}

void scope_set_task(struct scope *s, struct task *task)
{
	s->task = task;
	if (task->up) /* the recording itself is not counted */
		task->refs++;
}

struct scope *scope_push(struct tracker *t, struct scope *up, enum scope_kind kind,
			 const struct rule_result *m)
{
	size_t len = strlen(m->key);
	struct scope *s = calloc(1, sizeof(*s) + len + 1);

	if (!s)
		return NULL;
	memcpy(s->key, m->key, len);
	s->match.rule = m->rule;
	s->match.up = up == t->top ? NULL : &up->match;
	s->up = scope_ref(up);
	s->refs = 1;
	s->kind = kind;
	s->depth = up->depth + 1;
	s->id = tracker_row_id(t, ++t->next_scope);
	s->status = TASK_STATUS_RUNNING;
	s->exit_code = -1;
	s->start_ns = t->now_ns;
	return s;
}

void scope_set_run(struct tracker *t, struct scope *s, struct scope *run)
{
	if (run && run != s)
		scope_ref(run);
	if (s->run && s->run != s)
		scope_unref(t, s->run);
	s->run = run;
}

bool scope_already_in(const struct scope *s, const struct rule_result *m)
{
	for (; s; s = s->up) {
		if (s->match.rule == m->rule && !strcmp(s->key, m->key))
			return true;
	}
	return false;
}

struct scope *scope_engine_of(struct scope *s)
{
	for (; s; s = s->up) {
		if (s->kind == SCOPE_RUN)
			return s;
		if (s->run)
			return s->run;
	}
	return NULL;
}

void scope_keep_fields(struct scope *s, const struct rule_result *m)
{
	if (!s->fields)
		s->fields = json_object();
	for (unsigned i = 0; s->fields && i < m->n_fields; i++) {
		json_t *text = json_string(m->fields[i].value);

		if (!text) /* not UTF-8: no name that anybody could use */
			continue;
		if (json_object_size(s->fields) < SCOPE_FIELDS_MAX ||
		    json_object_get(s->fields, m->fields[i].name))
			json_object_set(s->fields, m->fields[i].name, text);
		json_decref(text);
	}
}

/* A run's key may have become known after its head had begun. */
static const char *key_shown(const struct scope *s)
{
	const char *shared =
		s->kind == SCOPE_RUN && s->shared_key ? strchr(s->shared_key, ':') : NULL;

	return shared ? shared + 1 : *s->key ? s->key : NULL;
}

int scope_send(struct tracker *t, struct scope *s)
{
	bool task = s->kind == SCOPE_TASK; /* its own row has all but its place */
	char *fields = s->fields && json_object_size(s->fields)
			       ? json_dumps(s->fields, JSON_COMPACT | JSON_SORT_KEYS)
			       : NULL;
	struct scope_row row = {
		.id = s->id,
		.run_id = t->options.run_id,
		.parent = s->up ? s->up->id : 0,
		.task = s->task ? s->task->id : 0,
		.kind = s->kind,
		.key = key_shown(s),
		.name = s->name,
		.engine = s->engine_name,
		.pipeline = s->pipeline,
		.rule = s->match.rule ? rule_id(s->match.rule) : NULL,
		.evidence = task ? NULL : s->evidence,
		.confidence = s->match.rule ? rule_confidence(s->match.rule) : 0,
		.status = s->status,
		.exit_code = s->exit_code,
		.signal = s->signal,
		.start_ns = tracker_unix_ns(t, s->start_ns),
		.end_ns = s->ended ? tracker_unix_ns(t, s->end_ns) : 0,
		.root_process = tracker_row_id(t, s->root),
		.fields = fields,
	};
	int err = s->id ? t->sink.scope(t->sink.ctx, &row) : 0;

	free(fields);
	return err;
}

/* A run ends with its head, a task by its own rules; other scopes are over when
 * nobody is in them, and go on if somebody comes. */
static bool ends_empty(const struct scope *s)
{
	return s->id && s->kind != SCOPE_RUN && s->kind != SCOPE_TASK;
}

static void scopes_add(struct scope *s)
{
	for (; s; s = s->up) {
		if (s->alive++ == 0 && ends_empty(s))
			s->ended = false;
	}
}

static int scopes_remove(struct tracker *t, struct scope *s, uint64_t now_ns)
{
	int err = 0;

	for (; s; s = s->up) {
		if (--s->alive || !ends_empty(s))
			continue;
		s->ended = true;
		s->end_ns = now_ns;
		if (s->status == TASK_STATUS_RUNNING)
			s->status = TASK_STATUS_UNKNOWN;
		if (!err)
			err = scope_send(t, s);
	}
	return err;
}

bool task_is_inside(const struct task *task, const struct task *outer)
{
	while (task && task != outer)
		task = task->up;
	return task != NULL;
}

int scope_enter(struct tracker *t, struct process *p, struct scope *s, uint64_t now_ns)
{
	struct scope *old = p->scope;
	struct task *task;
	int err = 0;

	for (task = old ? old->task : NULL; task && task->up; task = task->up) {
		if (task->root == p->number && !task->root_ended && !task_is_inside(s->task, task))
			task->left = true;
	}
	if (old && old->task != s->task)
		p->before = NULL;
	p->scope = scope_ref(s);
	scopes_add(s);
	task_members_add(t, s->task, now_ns);
	s->task->processes++;
	if (!old)
		return 0;
	old->task->processes--;
	task_members_remove(old->task, now_ns);
	err = scopes_remove(t, old, now_ns);
	scope_unref(t, old);
	return err;
}

int scope_leave(struct tracker *t, struct process *p, uint64_t now_ns)
{
	struct task *task;

	for (task = p->scope->task; p->oom && task; task = task->up)
		task->oom = true;
	task_members_remove(p->scope->task, now_ns);
	return scopes_remove(t, p->scope, now_ns);
}

static enum task_status status_of(const struct scope *s)
{
	if (s->cancelled && (s->signal || s->exit_code))
		return TASK_STATUS_CANCELLED;
	return s->signal || s->exit_code ? TASK_STATUS_FAILED : TASK_STATUS_SUCCEEDED;
}

/* What the process that has ended was the first of. Scopes that others may join
 * go on; a run ends with its head. */
int scope_root_ended(struct tracker *t, struct process *p, const struct wire_exit *r)
{
	unsigned signal = r->status & 0x7f;
	struct scope *s;
	int err = 0;

	for (s = p->scope; s && !err; s = s->up) {
		if (s->kind == SCOPE_TASK || s->kind == SCOPE_ALLOCATION) {
			task_root_ended(s->task, p, r);
			if (s->root == p->number)
				err = task_heads_ended(t, s);
		}
		if (!s->id || s->root != p->number || s->ended || s->kind == SCOPE_TASK)
			continue;
		s->signal = (int)signal;
		s->exit_code = signal ? -1 : (int)(r->status >> 8 & 0xff);
		s->status = status_of(s);
		if (s->kind != SCOPE_RUN)
			continue;
		s->ended = true;
		s->end_ns = r->h.time_ns;
		err = scope_send(t, s);
	}
	return err;
}

/* A head that is told to stop ends its run as cancelled, whatever it says then. */
void scope_signal(struct process *p, unsigned signal)
{
	struct scope *s;

	for (s = p->scope; s && signal < 32; s = s->up) {
		if (s->kind == SCOPE_RUN && s->root == p->number && s->match.rule &&
		    rule_traits(s->match.rule)->cancel_signals & 1u << signal)
			s->cancelled = true;
	}
}
