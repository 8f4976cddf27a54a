/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine's own file says about a task (content tier): asked for when the
 * task opens, told by a TEXT record that follows, live and replayed alike.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/track/tracker.h"

static void drop(struct tracker *t, struct pending_head *h)
{
	if (!h->scope)
		return;
	scope_unref(t, h->scope);
	free(h->path);
	*h = (struct pending_head){ 0 };
}

int task_heads_want(struct tracker *t, struct scope *s, const struct opening *o)
{
	const struct rule *rule = o->match->rule;
	struct pending_head *h;
	int err = 0;

	for (unsigned i = 0; i < rule_heads(rule) && !err; i++) {
		if (!rule_head_path(o->match, i, o->in->pid, o->in->cwd, &t->scratch2))
			continue;
		h = &t->heads[t->next_head++ % HEADS_MAX];
		drop(t, h); /* nobody could read that one */
		h->path = strdup(str_text(&t->scratch2));
		if (!h->path)
			return -ENOMEM;
		h->scope = scope_ref(s);
		h->rule = rule;
		h->index = i;
		if (t->sink.want_head)
			err = t->sink.want_head(t->sink.ctx, rule, i, h->path);
	}
	return err;
}

static int apply(struct tracker *t, const struct pending_head *h, struct bytes text)
{
	struct rule_result m = { .rule = h->rule };
	struct task *task = h->scope->task;
	int err;

	if (task->sealed || !rule_head_fields(h->rule, h->index, text, &m))
		return 0;
	rule_refresh(h->rule, &m);
	task_fields(task, &m);
	task_count_attempt(t, task, &m);
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
