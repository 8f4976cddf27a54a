/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine's own file says about a task (content tier): asked for when the
 * task opens, told by a TEXT record that follows, live and replayed alike.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/track/tracker.h"

static void drop(struct tracker *t, struct pending_head *h)
{
	if (!h->scope)
		return;
	scope_unref(t, h->scope);
	free(h->path);
	*h = (struct pending_head){ 0 };
}

static int want(struct tracker *t, struct scope *s, unsigned index, const char *path)
{
	struct pending_head *h = &t->heads[t->next_head++ % HEADS_MAX];

	drop(t, h); /* nobody could read that one */
	for (unsigned i = 0; i < HEADS_MAX; i++) {
		/* what the path holds is of the newer one from now on */
		if (t->heads[i].scope && !strcmp(t->heads[i].path, path))
			drop(t, &t->heads[i]);
	}
	h->path = strdup(path);
	if (!h->path)
		return -ENOMEM;
	h->scope = scope_ref(s);
	h->index = index;
	if (!t->sink.want_head)
		return 0;
	return t->sink.want_head(t->sink.ctx, s->match.rule, index, path);
}

/* Those to be read at the end have their path made now, while the fields are known. */
int task_heads_want(struct tracker *t, struct scope *s, const struct opening *o)
{
	const struct rule *rule = o->match->rule;
	int err = 0;

	for (unsigned i = 0; i < rule_heads(rule) && !err; i++) {
		if (!rule_head_path(o->match, i, o->in->pid, o->in->cwd, &t->scratch2))
			continue;
		if (!rule_head_at_exit(rule, i)) {
			err = want(t, s, i, str_text(&t->scratch2));
			continue;
		}
		free(s->exit_path);
		s->exit_path = strdup(str_text(&t->scratch2));
		s->exit_head = i;
		err = s->exit_path ? 0 : -ENOMEM;
	}
	return err;
}

int task_heads_ended(struct tracker *t, struct scope *s)
{
	_cleanup_free_ char *path = s->exit_path;

	s->exit_path = NULL;
	return path ? want(t, s, s->exit_head, path) : 0;
}

static int apply(struct tracker *t, const struct pending_head *h, struct bytes text)
{
	const struct rule *rule = h->scope->match.rule;
	struct rule_result m = { .rule = rule };
	struct task *task = h->scope->task;
	int err;

	if (task->sealed || !rule_head_fields(rule, h->index, text, &m))
		return 0;
	rule_refresh(rule, &m);
	task_add_evidence(task, "; %s says", h->path);
	for (unsigned i = 0; i < m.n_fields; i++)
		if (m.fields[i].from == FROM_FILE_CONTENT)
			task_add_evidence(task, " %s %s", m.fields[i].name, m.fields[i].value);
	task_fields(task, &m);
	task_count_attempt(t, task, &m);
	task_told_exit(t, task, &m);
	scope_keep_fields(h->scope, &m);
	err = scope_send(t, h->scope);
	return !err && task->closed ? task_send(t, task) : err;
}

int task_heads_take(struct tracker *t, const char *path, struct bytes text)
{
	int err = 0, taken = 0;

	for (unsigned i = 0; i < HEADS_MAX && !err; i++) {
		struct pending_head *h = &t->heads[i];

		if (!h->scope || strcmp(h->path, path))
			continue;
		err = apply(t, h, text);
		drop(t, h);
		taken = 1;
	}
	return err < 0 ? err : taken;
}

void task_heads_free(struct tracker *t)
{
	for (unsigned i = 0; i < HEADS_MAX; i++)
		drop(t, &t->heads[i]);
}
