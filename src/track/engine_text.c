/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine says through its own files: markers that its head creates for
 * the jobs it is about to start, and its log, whose bytes the caller reads. Both
 * give tasks the name that their command line does not tell.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/track/tracker.h"

static struct scope *engine_of(struct scope *s)
{
	for (; s; s = s->up) {
		if (s->match.rule && rule_kind_of(s->match.rule) == RULE_ENGINE)
			return s;
	}
	return NULL;
}

int engine_file(struct tracker *t, struct process *p, const struct wire_file_event *r,
		const char *path)
{
	struct scope *engine = engine_of(p->scope);
	struct rule_marker marker;
	size_t bytes;

	if (!engine || r->error)
		return 0;
	if (r->op == WIRE_FILE_OPEN && !(r->access & (WIRE_OPEN_WRITE | WIRE_OPEN_CREATED)))
		return 0;
	if (!rules_marker(t->options.rules, path, &marker)) {
		if (r->op != WIRE_FILE_UNLINK)
			return rule_markers_add(&engine->markers, &marker);
		rule_markers_remove(&engine->markers, &marker);
		return 0;
	}
	if (r->op == WIRE_FILE_OPEN && t->sink.want_text &&
	    rules_wants_text(t->options.rules, path, &bytes))
		return t->sink.want_text(t->sink.ctx, path, bytes);
	return 0;
}

int engine_claim(struct process *p, struct task *task, const struct rule_input *in,
		 struct rule_result *m)
{
	struct scope *engine = engine_of(p->scope);
	unsigned n = m->n_fields;

	if (!engine || rule_markers_claim(&engine->markers, in->argv, m) == MARKER_NONE ||
	    m->n_fields <= n)
		return 0;
	task->claim = strdup(m->fields[n].value);
	task->claim_name = m->fields[n].name;
	task->claim_rule = m->rule;
	return task->claim ? 0 : -ENOMEM;
}

static int name_from(struct tracker *t, struct task *task, struct bytes text)
{
	struct rule_result m = { .rule = task->claim_rule, .n_fields = 1 };

	m.fields[0].name = task->claim_name;
	str_copy(m.fields[0].value, sizeof(m.fields[0].value), task->claim);
	if (rule_text_find(text, &m) < 0)
		return 0;
	free(task->claim); /* once is enough */
	task->claim = NULL;
	task_fields(task, &m);
	return task->closed ? task_send(t, task) : 0;
}

int tracker_text(struct tracker *t, const char *path, const char *data, size_t len)
{
	struct task *lists[] = { t->open_first, t->closed_first }, *task;
	size_t bytes;
	unsigned i;
	int err = 0;

	if (!t->options.rules || !rules_wants_text(t->options.rules, path, &bytes))
		return 0;
	for (i = 0; i < 2; i++) {
		for (task = lists[i]; task && !err; task = task->next) {
			if (task->claim)
				err = name_from(t, task, (struct bytes){ data, len });
		}
	}
	return err;
}
