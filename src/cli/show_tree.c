/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/show_tree.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/cli/completeness.h"
#include "src/cli/process_record.h"
#include "src/cli/sheet.h"
#include "src/cli/stalls.h"
#include "src/cli/where.h"

static const enum field_id columns[] = {
	FIELD_NAME,	FIELD_STATUS, FIELD_WALL,  FIELD_CPU,	 FIELD_CORES,  FIELD_WAITS,
	FIELD_PEAK_RSS, FIELD_READ,   FIELD_WRITE, FIELD_NET_RX, FIELD_NET_TX,
};

#define N_COLUMNS ARRAY_SIZE(columns)
#define DEPTH_MAX 20 /* deeper ones are listed at this depth */

struct tree_line { /* a process, kept until its task is printed */
	struct tree_line *next;
	char *cells[N_COLUMNS];
};

struct lines {
	int64_t task; /* key */
	struct tree_line *first, **last;
	UT_hash_handle hh;
};

struct tree {
	const struct snapshot *s;
	struct table *table;
	struct arena arena;
	struct lines *lines; /* by task */
	struct process_record process;
	struct str cells[N_COLUMNS];
};

static void make_cells(struct tree *t, const struct record *record, unsigned indent)
{
	for (size_t i = 0; i < N_COLUMNS; i++) {
		str_reset(&t->cells[i]);
		if (columns[i] == FIELD_NAME)
			str_addf(&t->cells[i], "%*s", (int)indent, "");
		sheet_cell(&t->cells[i], columns[i], &record->v[columns[i]]);
	}
}

static int print_record(struct tree *t, const struct record *record, unsigned indent)
{
	const char *cells[N_COLUMNS];

	make_cells(t, record, indent);
	for (size_t i = 0; i < N_COLUMNS; i++)
		cells[i] = str_text(&t->cells[i]);
	return table_row(t->table, cells);
}

static struct lines *lines_of(struct tree *t, int64_t task)
{
	struct lines *l = NULL;

	HASH_FIND(hh, t->lines, &task, sizeof(task), l);
	if (l)
		return l;
	l = arena_alloc(&t->arena, sizeof(*l));
	if (!l)
		return NULL;
	l->task = task;
	l->last = &l->first;
	HASH_ADD(hh, t->lines, task, sizeof(task), l);
	return l;
}

/* The text is the caller's: it must live until the record is printed. */
static void set_waits(const struct tree *t, struct record *record, const struct where *w,
		      struct str *text)
{
	where_short(text, w, 2);
	if (where_known(&t->s->run))
		record_text(record, FIELD_WAITS, str_text(text));
}

static int keep_process(void *ctx, const struct process_view *view)
{
	struct tree *t = ctx;
	struct record *record = &t->process.record;
	struct lines *l = lines_of(t, view->process->task);
	struct tree_line *line = arena_alloc(&t->arena, sizeof(*line));
	_cleanup_(str_fini) struct str name = STR_INIT, waits = STR_INIT;
	struct where w = { 0 };

	if (!l || !line || process_record_fill(&t->process, view, &t->s->run) < 0)
		return -ENOMEM;
	str_addf(&name, "%u ", view->process->pid);
	str_add(&name, str_text(&t->process.command));
	record_text(record, FIELD_NAME, str_text(&name));
	record->v[FIELD_STATUS] = record->v[FIELD_ENDED_AS];
	where_add_process(&w, view->process);
	set_waits(t, record, &w, &waits);
	make_cells(t, record, 4);
	for (size_t i = 0; i < N_COLUMNS; i++)
		line->cells[i] = arena_text(&t->arena, str_text(&t->cells[i]));
	*l->last = line;
	l->last = &line->next;
	return line->cells[N_COLUMNS - 1] ? 0 : -ENOMEM;
}

static int print_processes(struct tree *t, int64_t task)
{
	struct lines *l = NULL;
	int r = 0;

	HASH_FIND(hh, t->lines, &task, sizeof(task), l);
	for (const struct tree_line *line = l ? l->first : NULL; line && r == 0; line = line->next)
		r = table_row(t->table, (const char *const *)line->cells);
	return r;
}

static int print_tools(struct tree *t, const struct tool_entry *tools, unsigned indent)
{
	int r = 0;

	for (; tools && r == 0; tools = tools->next) {
		_cleanup_(str_fini) struct str waits = STR_INIT;
		struct record record = { 0 };
		struct where w = { 0 };

		record_tool(&record, &tools->row, &t->s->run);
		if (tools->row.processes > 1)
			record.v[FIELD_CORES].known = false; /* its span has gaps */
		where_add_tool(&w, &tools->row);
		set_waits(t, &record, &w, &waits);
		r = print_record(t, &record, indent);
	}
	return r;
}

static int print_task(struct tree *t, const struct task_entry *task, unsigned indent)
{
	_cleanup_(str_fini) struct str waits = STR_INIT, name = STR_INIT;
	struct record record = { 0 };
	struct where w = { 0 };
	int r;

	record_task(&record, &task->row, &t->s->run);
	if (task->row.kind == TASK_ALLOCATION)
		str_add(&name, "job ");
	str_add(&name, task->row.name);
	if (task_detail(&task->row))
		str_addf(&name, " [%s]", task_detail(&task->row));
	record_text(&record, FIELD_NAME, str_text(&name));
	where_add_task(&w, task, &t->s->run);
	set_waits(t, &record, &w, &waits);
	r = print_record(t, &record, indent);
	if (r == 0)
		r = print_tools(t, task->tools, indent + 2);
	return r == 0 ? print_processes(t, task->row.id) : r;
}

/* A run, container or session: where what follows lies. */
static int print_place(struct tree *t, const struct scope_row *row, unsigned indent)
{
	_cleanup_(str_fini) struct str name = STR_INIT;
	struct record record = { 0 };

	str_addf(&name, "%s %s", scope_kind_name(row->kind),
		 row->name	 ? row->name
		 : row->pipeline ? row->pipeline
		 : row->key	 ? row->key
				 : "");
	if (row->engine)
		str_addf(&name, " (%s)", row->engine);
	record_text(&record, FIELD_NAME, str_text(&name));
	record_text(&record, FIELD_STATUS, task_status_name(row->status));
	if (row->end_ns > row->start_ns)
		record_number(&record, FIELD_WALL, row->end_ns - row->start_ns);
	return name.failed ? -ENOMEM : print_record(t, &record, indent);
}

static bool is_shown(const struct tree *t, const struct scope_entry *e)
{
	/* what all of the recording is, its head says */
	bool all = e->row.kind == SCOPE_RUN && !e->up && t->s->top.first == t->s->top.last;

	return !all && e->row.kind != SCOPE_MARK && (e->first || e->row.kind != SCOPE_CONTAINER);
}

static int print_scopes(struct tree *t, const struct scope_entry *list, unsigned indent)
{
	int r = 0;

	for (const struct scope_entry *e = list; e && r == 0; e = e->next) {
		bool shown = e->task || is_shown(t, e);

		if (e->task)
			r = print_task(t, e->task, indent);
		else if (shown)
			r = print_place(t, &e->row, indent);
		if (r == 0)
			r = print_scopes(t, e->first,
					 indent + (shown && indent < 2 * DEPTH_MAX ? 2 : 0));
	}
	return r;
}

static void head_line(const char *label, const char *text)
{
	_cleanup_(str_fini) struct str out = STR_INIT;

	if (!text)
		return;
	text_visible(&out, text, strlen(text));
	printf("%-10s %s\n", label, str_text(&out));
}

static void print_head(const struct run_row *run)
{
	_cleanup_(str_fini) struct str command = STR_INIT, ended = STR_INIT;
	struct record record = { 0 };
	char a[HUMAN_MAX], b[HUMAN_MAX];

	record_run(&record, run);
	head_line("run", run->uid);
	head_line("name", run->name);
	head_line("pipeline", run->pipeline);
	head_line("engine", run->engine);
	text_shell(&command, run->argv.data, run->argv.len);
	head_line("command", run->argv.data ? str_text(&command) : NULL);
	head_line("in", run->cwd);
	str_add(&ended, run_status_name(run->status));
	if (run->signal > 0)
		str_addf(&ended, " (%s)", human_signal(a, run->signal));
	else if (run->exit_code > 0)
		str_addf(&ended, " (exit %d)", run->exit_code);
	head_line("status", str_text(&ended));
	printf("%-10s %s, %s\n", "started", human_time(a, run->start_ns),
	       record.v[FIELD_WALL].known ? human_duration(b, record.v[FIELD_WALL].number)
					  : "still running");
	head_line("on", run->hostname);
}

static void print_foot(const struct run_row *run)
{
	json_t *notes = completeness_notes(run), *item;
	size_t i;

	if (json_array_size(notes))
		puts("");
	json_array_foreach(notes, i, item) head_line(i ? "" : "note", json_string_value(item));
	json_decref(notes);
}

static int print_all(struct tree *t)
{
	struct lines *outside_lines = NULL;
	const int64_t none = 0;
	_cleanup_(str_fini) struct str waits = STR_INIT;
	struct record record = { 0 };
	struct where w = { 0 };
	int r;

	record_run(&record, &t->s->run);
	record_text(&record, FIELD_NAME, "(whole run)");
	where_add_run(&w, t->s);
	set_waits(t, &record, &w, &waits);
	r = print_record(t, &record, 0);
	if (r == 0)
		r = print_scopes(t, t->s->top.first, 0);
	for (const struct task_entry *e = t->s->tasks; e && r == 0; e = e->hh.next)
		if (!snapshot_scope(t->s, e->row.scope)) /* by a version that kept no scopes */
			r = print_task(t, e, 0);
	HASH_FIND(hh, t->lines, &none, sizeof(none), outside_lines);
	if (r == 0 && t->s->tasks && (t->s->tools || outside_lines)) {
		struct record outside = { 0 };

		record_text(&outside, FIELD_NAME, "(outside tasks)");
		r = print_record(t, &outside, 0);
	}
	if (r == 0)
		r = print_tools(t, t->s->tools, 2);
	return r == 0 ? print_processes(t, 0) : r;
}

int show_tree_print(const struct snapshot *s, struct store *store, bool processes)
{
	struct table_options o = { .width = terminal_width(STDOUT_FILENO) };
	struct table_column table_columns[N_COLUMNS];
	struct tree t = { .s = s };
	int r;

	for (size_t i = 0; i < N_COLUMNS; i++) {
		enum field_type type = field_of(columns[i])->type;

		table_columns[i] =
			(struct table_column){ field_of(columns[i])->heading,
					       type != FIELD_TYPE_TEXT, type != FIELD_TYPE_TEXT };
	}
	r = table_new(stdout, table_columns, N_COLUMNS, &o, &t.table);
	if (r == 0 && processes)
		r = store_each_process(store, s->run.id, keep_process, &t);
	if (r == 0) {
		print_head(&s->run);
		r = stalls_print_open(store, &s->run, "stalled: ", stdout);
		r = r < 0 ? r : 0;
	}
	if (r == 0) {
		puts("");
		r = print_all(&t);
	}
	if (r == 0)
		r = table_end(t.table);
	if (r == 0)
		print_foot(&s->run);
	table_free(t.table);
	HASH_CLEAR(hh, t.lines);
	process_record_fini(&t.process);
	for (size_t i = 0; i < N_COLUMNS; i++)
		str_fini(&t.cells[i]);
	arena_fini(&t.arena);
	return r;
}
