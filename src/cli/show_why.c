/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/show_why.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/cli/cli.h"
#include "src/cli/process_record.h"
#include "src/cli/sheet.h"

#define DEPTH_MAX 64

struct why {
	const struct snapshot *s;
	const char *what;
	bool json;
	json_t *array;
	unsigned n;
	struct process_record process;
};

static void line(const char *label, const char *text)
{
	_cleanup_(str_fini) struct str out = STR_INIT;

	if (!text)
		return;
	text_visible(&out, text, strlen(text));
	printf("  %-11s %s\n", label, str_text(&out));
}

static void print_scope(const struct scope_entry *e)
{
	const struct scope_row *row = &e->row;
	const char *text = row->name ? row->name : row->pipeline ? row->pipeline : row->key;
	_cleanup_(str_fini) struct str name = STR_INIT;

	text = text ? text : "-";
	text_visible(&name, text, strlen(text));
	printf("%s %s\n", scope_kind_name(row->kind), str_text(&name));
	line("key", e->task ? e->task->row.key : row->key);
	line("engine", row->engine);
	line("pipeline", row->pipeline);
	line("rule", row->rule);
	line("evidence", row->evidence);
	if (row->rule)
		printf("  %-11s %u of 100\n", "confidence", row->confidence);
	line("found", row->fields);
}

static json_t *scope_object(const struct scope_entry *e)
{
	static const enum field_id fields[] = { FIELD_SCOPE, FIELD_KIND,     FIELD_NAME,
						FIELD_KEY,   FIELD_ENGINE,   FIELD_PIPELINE,
						FIELD_RULE,  FIELD_EVIDENCE, FIELD_CONFIDENCE,
						FIELD_COUNT };
	struct record record = { 0 };

	record_scope(&record, &e->row);
	if (e->task)
		record_text(&record, FIELD_KEY, e->task->row.key);
	return sheet_object(fields, &record);
}

/* No scope: no rule applied, or the version that recorded it kept none. */
static void print_without(const struct task_row *task)
{
	if (!task) {
		puts("the recording itself: no rule applied");
		return;
	}
	line("task", task->name);
	line("key", task->key);
	line("rule", task->rule);
	line("evidence", task->evidence);
	printf("  %-11s %u of 100\n", "confidence", task->confidence);
}

static json_t *task_object(const struct snapshot *s, const struct task_row *task)
{
	static const enum field_id fields[] = { FIELD_NAME,	FIELD_KEY,	  FIELD_RULE,
						FIELD_EVIDENCE, FIELD_CONFIDENCE, FIELD_COUNT };
	struct record record = { 0 };

	record_task(&record, task, &s->run);
	return sheet_object(fields, &record);
}

/* The chain, outermost first; where the run is known otherwise, that too. */
static void explain(struct why *w, const struct scope_entry *e, const struct task_row *task,
		    json_t *head)
{
	const struct scope_entry *chain[DEPTH_MAX];
	unsigned n = 0;
	struct scope_entry *run = task ? snapshot_scope(w->s, task->of_run) : NULL;
	bool inside = !run;
	json_t *list = json_array();

	for (; e && n < DEPTH_MAX; e = e->up) {
		inside |= e == run;
		chain[n++] = e;
	}
	if (!inside && !w->json)
		puts("belongs to, by its files or its own word:");
	if (!inside && !w->json)
		print_scope(run);
	if (!inside)
		json_object_set_new(head, "run", scope_object(run));
	if (!n && !w->json)
		print_without(task);
	while (n--) {
		if (!w->json)
			print_scope(chain[n]);
		json_array_append_new(list, scope_object(chain[n]));
	}
	json_object_set_new(head, "scopes", list);
	json_array_append_new(w->array, head);
	w->n++;
}

static void explain_tasks(struct why *w)
{
	for (const struct task_entry *t = w->s->tasks; t; t = t->hh.next) {
		json_t *head;

		if (strcmp(t->row.name, w->what) && (!t->row.key || strcmp(t->row.key, w->what)))
			continue;
		if (w->n && !w->json)
			puts("");
		head = task_object(w->s, &t->row);
		explain(w, snapshot_scope(w->s, t->row.scope), &t->row, head);
	}
}

static int visit(void *ctx, const struct process_view *view)
{
	struct why *w = ctx;
	char *end;
	unsigned long pid = strtoul(w->what, &end, 10);
	struct task_entry *task;
	json_t *head;

	if (process_record_fill(&w->process, view, &w->s->run) < 0)
		return -ENOMEM;
	if (strcmp(w->process.id, w->what) && (*end || pid != view->process->pid))
		return 0;
	if (!w->json)
		printf("%sprocess %s  %u  %s\n", w->n ? "\n" : "", w->process.id,
		       view->process->pid, str_text(&w->process.command));
	head = json_object();
	json_object_set_new(head, "process", json_string(w->process.id));
	json_object_set_new(head, "pid", json_integer(view->process->pid));
	task = view->process->task ? snapshot_task(w->s, view->process->task) : NULL;
	explain(w, snapshot_scope(w->s, view->process->scope), task ? &task->row : NULL, head);
	return 0;
}

int show_why(const struct snapshot *s, struct store *store, const char *what, bool json)
{
	struct why w = { .s = s, .what = what, .json = json, .array = json_array() };
	int r = 0;

	explain_tasks(&w);
	if (!w.n)
		r = store_each_process(store, s->run.id, visit, &w);
	if (json && w.n && r >= 0)
		r = json_out_write(w.array, stdout, JSON_PRETTY);
	json_decref(w.array);
	process_record_fini(&w.process);
	if (r < 0)
		return reader_result(r);
	if (!w.n)
		log_error(
			"run %s has no task and no process `%s` (see `tracer tasks %s`, `tracer ps "
			"%s`)",
			s->run.uid, what, s->run.uid, s->run.uid);
	return w.n ? EXIT_OK : EXIT_NOT_FOUND;
}
