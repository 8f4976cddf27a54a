/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/show_why.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/text.h"
#include "src/cli/choose.h"
#include "src/cli/cli.h"
#include "src/cli/process_record.h"
#include "src/cli/sheet.h"

#define DEPTH_MAX  64
#define PLACES_MAX 64 /* of a tool; more are counted */

struct place { /* where processes of the tool were */
	int64_t scope, task;
	uint64_t processes;
};

struct why {
	const struct snapshot *s;
	const char *what;
	bool json;
	json_t *array;
	unsigned n;
	struct process_record process;
	const struct scope_entry *last[DEPTH_MAX]; /* printed before this one, outermost first */
	unsigned n_last;
	struct place places[PLACES_MAX];
	unsigned n_places;
	uint64_t processes, elsewhere; /* of the tool */
	struct str example;
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
	_cleanup_(str_fini) struct str name = STR_INIT, label = STR_INIT;

	if (e->task)
		task_label(&label, &e->task->row);
	text = e->task ? str_text(&label) : text ? text : "-";
	text_visible(&name, text, strlen(text));
	printf("%s %s\n", scope_kind_name(row->kind), str_text(&name));
	line("key", e->task ? e->task->row.key : row->key);
	if (e->task && e->task->row.attempt > 1)
		printf("  %-11s %u\n", "attempt", e->task->row.attempt);
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

/* What was not printed for the one before: tasks of one run share most of their way. */
static void print_chain(struct why *w, const struct scope_entry *const *chain, unsigned n)
{
	bool same = true;

	for (unsigned i = 0; i < n; i++) {
		same = same && i < w->n_last && w->last[i] == chain[n - 1 - i];
		w->last[i] = chain[n - 1 - i];
		if (!same || i + 1 == n)
			print_scope(chain[n - 1 - i]);
	}
	w->n_last = n;
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
	if (!inside && !w->json) {
		puts("belongs to, by its files or its own word:");
		print_scope(run);
	}
	if (!inside)
		json_object_set_new(head, "run", scope_object(run));
	if (!n && !w->json)
		print_without(task);
	if (!w->json)
		print_chain(w, chain, n);
	while (n--)
		json_array_append_new(list, scope_object(chain[n]));
	json_object_set_new(head, "scopes", list);
	json_array_append_new(w->array, head);
	w->n++;
}

static void gap(const struct why *w)
{
	if (w->n && !w->json)
		puts("");
}

static void explain_tasks(struct why *w)
{
	for (const struct task_entry *t = w->s->tasks; t; t = t->hh.next) {
		if (!task_is_called(&t->row, w->what))
			continue;
		gap(w);
		explain(w, snapshot_scope(w->s, t->row.scope), &t->row, task_object(w->s, &t->row));
	}
}

static bool scope_is_called(const struct scope_row *row, const char *what)
{
	_cleanup_(str_fini) struct str label = STR_INIT;
	const char *name = row->name ? row->name : row->key;

	if ((row->name && !strcmp(row->name, what)) || (row->key && !strcmp(row->key, what)) ||
	    (row->pipeline && !strcmp(row->pipeline, what)))
		return true;
	str_addf(&label, "%s %s", scope_kind_name(row->kind), name ? name : "");
	return !strcmp(str_text(&label), what);
}

/* Containers, runs, sessions; tasks were looked for before. */
static void explain_scopes(struct why *w)
{
	for (const struct scope_entry *e = w->s->scopes; e; e = e->hh.next) {
		json_t *head;

		if (e->task || e->row.kind == SCOPE_MARK || !scope_is_called(&e->row, w->what))
			continue;
		gap(w);
		head = json_object();
		json_object_set_new(head, "scope", json_integer((uint32_t)e->row.id));
		explain(w, e, NULL, head);
	}
}

static void note_place(struct why *w, const struct process_view *view)
{
	const struct process_row *p = view->process;
	unsigned i;

	if (!w->processes++ && process_record_fill(&w->process, view, &w->s->run) == 0)
		str_add(&w->example, str_text(&w->process.command));
	for (i = 0; i < w->n_places; i++)
		if (w->places[i].scope == p->scope && w->places[i].task == p->task)
			break;
	if (i == PLACES_MAX) {
		w->elsewhere++;
		return;
	}
	if (i == w->n_places)
		w->places[w->n_places++] = (struct place){ .scope = p->scope, .task = p->task };
	w->places[i].processes++;
}

static void explain_tool(struct why *w)
{
	_cleanup_(str_fini) struct str name = STR_INIT;
	char count[HUMAN_MAX];

	if (!w->processes)
		return;
	text_visible(&name, w->what, strlen(w->what));
	if (!w->json) {
		printf("tool %s: by the programs' files and arguments; %s process%s\n",
		       str_text(&name), human_count(count, w->processes),
		       w->processes == 1 ? "" : "es");
		line("such as", str_text(&w->example));
	}
	for (unsigned i = 0; i < w->n_places; i++) {
		const struct place *place = &w->places[i];
		struct task_entry *task = place->task ? snapshot_task(w->s, place->task) : NULL;
		struct scope_entry *e = snapshot_scope(w->s, place->scope);
		json_t *head = json_object();

		if (!e && task)
			e = snapshot_scope(w->s, task->row.scope);
		json_object_set_new(head, "tool", json_string(w->what));
		json_object_set_new(head, "processes", json_integer((json_int_t)place->processes));
		gap(w);
		if (!w->json)
			printf("%s of them in\n", human_count(count, place->processes));
		explain(w, e, task ? &task->row : NULL, head);
	}
	if (w->elsewhere && !w->json)
		printf("\nand %s in other places: tracer ps %s --tool\n",
		       human_count(count, w->elsewhere), w->s->run.uid);
}

static int visit(void *ctx, const struct process_view *view)
{
	struct why *w = ctx;
	char *end;
	unsigned long pid = strtoul(w->what, &end, 10);
	struct task_entry *task;
	json_t *head;

	if (view->tool_name && !strcmp(view->tool_name, w->what))
		note_place(w, view);
	if (process_record_fill(&w->process, view, &w->s->run) < 0)
		return -ENOMEM;
	if (strcmp(w->process.id, w->what) && (*end || pid != view->process->pid))
		return 0;
	w->n_last = 0;
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

static int say_not_found(const struct why *w)
{
	struct near_names near = { .word = w->what };
	int rc;

	for (const struct task_entry *t = w->s->tasks; t; t = t->hh.next) {
		near_add(&near, t->row.name);
		for (const struct tool_entry *tool = t->tools; tool; tool = tool->next)
			near_add(&near, tool->row.name);
	}
	for (const struct tool_entry *tool = w->s->tools; tool; tool = tool->next)
		near_add(&near, tool->row.name);
	for (const struct scope_entry *e = w->s->scopes; e; e = e->hh.next)
		near_add(&near, e->row.kind == SCOPE_CONTAINER ? e->row.name : NULL);
	rc = near_say(&near, &w->s->run, "task, container, tool or process", "ps");
	near_fini(&near);
	return rc;
}

int show_why(const struct snapshot *s, struct store *store, const char *what, bool json)
{
	struct why w = { .s = s, .what = what, .json = json, .array = json_array() };
	int r = 0, rc;

	explain_tasks(&w);
	if (!w.n)
		explain_scopes(&w);
	if (!w.n)
		r = store_each_process(store, s->run.id, visit, &w);
	if (!w.n && r >= 0)
		explain_tool(&w);
	if (json && w.n && r >= 0)
		r = json_out_write(w.array, stdout, JSON_PRETTY);
	rc = r < 0 ? reader_result(r) : w.n ? EXIT_OK : say_not_found(&w);
	json_decref(w.array);
	str_fini(&w.example);
	process_record_fini(&w.process);
	return rc;
}
