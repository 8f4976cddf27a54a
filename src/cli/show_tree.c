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
#include "src/cli/tool_fold.h"
#include "src/cli/where.h"
#include "src/model/ledger.h"

static const enum field_id columns[] = {
	FIELD_NAME,	FIELD_STATUS, FIELD_WALL,  FIELD_CPU,	 FIELD_CORES,  FIELD_WAITS,
	FIELD_PEAK_RSS, FIELD_READ,   FIELD_WRITE, FIELD_NET_RX, FIELD_NET_TX,
};

const enum field_id show_tree_fields[] = {
	FIELD_LEVEL, FIELD_KIND,  FIELD_NAME,	FIELD_STATUS, FIELD_START,     FIELD_END,
	FIELD_WALL,  FIELD_CPU,	  FIELD_CORES,	FIELD_WAITS,  FIELD_PROCESSES, FIELD_PEAK_RSS,
	FIELD_READ,  FIELD_WRITE, FIELD_NET_RX, FIELD_NET_TX, FIELD_COUNT,
};

#define N_COLUMNS     ARRAY_SIZE(columns)
#define LAUNCH_MIN_NS 10000000ULL
#define DEPTH_MAX     20 /* deeper ones are listed at this depth */

struct tree_line { /* a process, kept until its task is printed */
	struct tree_line *next;
	char *cells[N_COLUMNS];
};

struct lines {
	int64_t place; /* key: of a task its id, of a container its scope's, negative */
	struct tree_line *first, **last;
	UT_hash_handle hh;
};

struct inside {	       /* what ran in a container */
	int64_t scope; /* key */
	struct wire_ledger ledger;
	uint64_t peak_rss_bytes, processes;
	UT_hash_handle hh;
};

struct tree {
	const struct snapshot *s;
	struct table *table;
	struct sheet *sheet; /* in place of the table: jsonl, csv */
	struct arena arena;
	struct lines *lines; /* by place */
	struct inside *inside;
	bool processes;	      /* list them */
	bool all;	      /* helpers by name */
	bool folded, omitted; /* some are not */
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

static int print_record(struct tree *t, struct record *record, unsigned indent)
{
	const char *cells[N_COLUMNS];

	if (t->sheet) {
		record_number(record, FIELD_LEVEL, indent / 2);
		return sheet_add(t->sheet, record);
	}
	make_cells(t, record, indent);
	for (size_t i = 0; i < N_COLUMNS; i++)
		cells[i] = str_text(&t->cells[i]);
	return table_row(t->table, cells);
}

static struct lines *lines_of(struct tree *t, int64_t place)
{
	struct lines *l = NULL;

	HASH_FIND(hh, t->lines, &place, sizeof(place), l);
	if (l)
		return l;
	l = arena_alloc(&t->arena, sizeof(*l));
	if (!l)
		return NULL;
	l->place = place;
	l->last = &l->first;
	HASH_ADD(hh, t->lines, place, sizeof(place), l);
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

/* The container in which the process is, if none of its tasks is nearer. */
static struct scope_entry *container_of(const struct snapshot *s, int64_t scope)
{
	struct scope_entry *e = snapshot_scope(s, scope);

	while (e && !e->task && e->row.kind != SCOPE_CONTAINER)
		e = e->up;
	return e && !e->task ? e : NULL;
}

static struct inside *inside_of(const struct tree *t, int64_t scope)
{
	struct inside *in = NULL;

	HASH_FIND(hh, t->inside, &scope, sizeof(scope), in);
	return in;
}

/* The process's own mark begins with the image of who forked it. */
static uint64_t program_peak(const struct process_row *p)
{
	return p->program_peak_rss_bytes ? p->program_peak_rss_bytes : p->peak_rss_bytes;
}

/* To every container around it, also to those around its task. */
static int add_inside(struct tree *t, const struct process_row *p)
{
	for (struct scope_entry *e = snapshot_scope(t->s, p->scope); e; e = e->up) {
		struct inside *in;

		if (e->row.kind != SCOPE_CONTAINER)
			continue;
		in = inside_of(t, e->row.id);
		if (!in) {
			in = arena_alloc(&t->arena, sizeof(*in));
			if (!in)
				return -ENOMEM;
			in->scope = e->row.id;
			HASH_ADD(hh, t->inside, scope, sizeof(in->scope), in);
		}
		ledger_add(&in->ledger, &p->ledger);
		in->processes++;
		if (program_peak(p) > in->peak_rss_bytes)
			in->peak_rss_bytes = program_peak(p);
	}
	return 0;
}

static int keep_line(struct tree *t, const struct process_view *view)
{
	struct record *record = &t->process.record;
	const struct scope_entry *container = container_of(t->s, view->process->scope);
	struct lines *l = lines_of(t, container ? -container->row.id : view->process->task);
	struct tree_line *line = arena_alloc(&t->arena, sizeof(*line));
	_cleanup_(str_fini) struct str name = STR_INIT, waits = STR_INIT;
	struct where w = { 0 };

	if (!l || !line || process_record_fill(&t->process, view, &t->s->run) < 0)
		return -ENOMEM;
	str_addf(&name, "%u ", view->process->pid);
	str_add(&name, str_text(&t->process.command));
	record_text(record, FIELD_NAME, str_text(&name));
	record->v[FIELD_STATUS] = record->v[FIELD_ENDED_AS];
	record_nonzero(record, FIELD_PEAK_RSS, program_peak(view->process));
	where_add_process(&w, view->process);
	set_waits(t, record, &w, &waits);
	make_cells(t, record, 0);
	for (size_t i = 0; i < N_COLUMNS; i++)
		line->cells[i] = arena_text(&t->arena, str_text(&t->cells[i]));
	*l->last = line;
	l->last = &line->next;
	return line->cells[N_COLUMNS - 1] ? 0 : -ENOMEM;
}

static int visit_process(void *ctx, const struct process_view *view)
{
	struct tree *t = ctx;
	int r = add_inside(t, view->process);

	return r < 0 || !t->processes ? r : keep_line(t, view);
}

static int print_processes(struct tree *t, int64_t place, unsigned indent)
{
	struct lines *l = NULL;
	int r = 0;

	HASH_FIND(hh, t->lines, &place, sizeof(place), l);
	for (struct tree_line *line = l ? l->first : NULL; line && r == 0; line = line->next) {
		_cleanup_(str_fini) struct str name = STR_INIT;

		str_addf(&name, "%*s%s", (int)indent, "", line->cells[0]);
		line->cells[0] = (char *)str_text(&name);
		r = name.failed ? -ENOMEM : table_row(t->table, (const char *const *)line->cells);
		line->cells[0] = NULL; /* printed once */
	}
	return r;
}

static int print_tool(struct tree *t, const struct tool_row *row, unsigned indent)
{
	_cleanup_(str_fini) struct str waits = STR_INIT;
	struct record record = { 0 };
	struct where w = { 0 };

	record_tool(&record, row, &t->s->run);
	record_text(&record, FIELD_KIND, "tool");
	if (row->processes != 1)
		record.v[FIELD_CORES].known = false; /* its span has gaps */
	where_add_tool(&w, row);
	set_waits(t, &record, &w, &waits);
	return print_record(t, &record, indent);
}

/* Helpers are one line, unless they are a quarter of what all did or more. */
static bool is_work(const struct tool_entry *tools, const struct wire_ledger *total)
{
	uint64_t cpu = 0;

	for (const struct tool_entry *e = tools; e; e = e->next)
		if (tool_row_folds(&e->row, total))
			cpu += e->row.ledger.state_ns[LEDGER_CPU];
	return cpu < total->state_ns[LEDGER_CPU] / 4;
}

/* What only started programs is in the task's own line; a line of its own says nothing. */
static bool is_quick(const struct tool_row *row)
{
	return row->ledger.state_ns[LEDGER_CPU] < LAUNCH_MIN_NS;
}

/* total NULL: each by name. */
static int print_tools(struct tree *t, const struct tool_entry *tools,
		       const struct wire_ledger *total, unsigned indent)
{
	struct tool_fold fold = { 0 };
	bool work = total && is_work(tools, total);
	int r = 0;

	for (const struct tool_entry *e = tools; e && r == 0; e = e->next) {
		struct tool_row row = e->row;

		if (total && !work && tool_row_launched(&row) && is_quick(&row)) {
			t->omitted = true;
			continue;
		}
		if (!total || !(work ? tool_row_folds(&row, total) : tool_row_launched(&row))) {
			r = print_tool(t, &row, indent);
			continue;
		}
		row.name = tool_row_folded_name(&row);
		row.component = row.path = NULL;
		r = tool_fold_add(&fold, &row);
	}
	for (const struct folded_tool *f = fold.tools; f && r == 0; f = f->hh.next) {
		t->folded = true;
		r = print_tool(t, &f->row, indent);
	}
	tool_fold_fini(&fold);
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
		r = print_tools(t, task->tools, t->all ? NULL : &task->row.ledger, indent + 2);
	return r == 0 ? print_processes(t, task->row.id, indent + 4) : r;
}

static void add_image(struct str *name, const struct scope_row *row)
{
	json_t *fields = row->fields ? json_loads(row->fields, 0, NULL) : NULL;
	const char *image = json_string_value(json_object_get(fields, "image"));

	if (image && (!row->name || strcmp(row->name, image)))
		str_addf(name, " (%s)", image);
	json_decref(fields);
}

/* A run, container or session: where what follows lies. */
static int print_place(struct tree *t, const struct scope_row *row, unsigned indent)
{
	_cleanup_(str_fini) struct str name = STR_INIT, waits = STR_INIT;
	const struct inside *in = inside_of(t, row->id);
	struct record record = { 0 };
	struct where w = { 0 };
	int r;

	if (in) {
		struct tool_row all = { .ledger = in->ledger,
					.processes = in->processes,
					.peak_rss_bytes = in->peak_rss_bytes,
					.start_ns = row->start_ns,
					.end_ns = row->end_ns };

		record_tool(&record, &all, &t->s->run);
		where_add_tool(&w, &all);
		set_waits(t, &record, &w, &waits);
	}
	str_addf(&name, "%s %s", scope_kind_name(row->kind),
		 row->name	 ? row->name
		 : row->pipeline ? row->pipeline
		 : row->key	 ? row->key
				 : "");
	if (row->engine)
		str_addf(&name, " (%s)", row->engine);
	add_image(&name, row);
	record_text(&record, FIELD_NAME, str_text(&name));
	record_text(&record, FIELD_KIND, scope_kind_name(row->kind));
	record_text(&record, FIELD_STATUS, task_status_name(row->status));
	if (row->end_ns > row->start_ns)
		record_number(&record, FIELD_WALL, row->end_ns - row->start_ns);
	r = name.failed ? -ENOMEM : print_record(t, &record, indent);
	return r == 0 && row->kind == SCOPE_CONTAINER ? print_processes(t, -row->id, indent + 4)
						      : r;
}

static bool is_shown(const struct tree *t, const struct scope_entry *e)
{
	/* what all of the recording is, its head says */
	bool all = e->row.kind == SCOPE_RUN && !e->up && t->s->top.first == t->s->top.last;

	return !all && e->row.kind != SCOPE_MARK &&
	       (e->first || e->row.kind != SCOPE_CONTAINER || inside_of(t, e->row.id));
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

static void print_foot(const struct run_row *run, const struct tree *t)
{
	json_t *notes = completeness_notes(run), *item;
	size_t i;

	if (json_array_size(notes))
		puts("");
	json_array_foreach(notes, i, item) head_line(i ? "" : "note", json_string_value(item));
	json_decref(notes);
	if (t->folded || t->omitted)
		puts("");
	if (t->folded)
		puts("(glue): cheap helpers (shells, mkdir, ...); (probe): questions for a version "
		     "or "
		     "help; each by name: --all");
	if (t->omitted)
		puts("starting programs (fork to exec) has a line from 10 ms on; else it is in the "
		     "task's own: --all");
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
	record_text(&record, FIELD_KIND, "run");
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
		record_text(&outside, FIELD_KIND, "outside");
		r = print_record(t, &outside, 0);
	}
	if (r == 0)
		r = print_tools(t, t->s->tools, t->all ? NULL : &t->s->run.ledger, 2);
	return r == 0 ? print_processes(t, 0, 4) : r;
}

static bool has_containers(const struct snapshot *s)
{
	for (const struct scope_entry *e = s->scopes; e; e = e->hh.next)
		if (e->row.kind == SCOPE_CONTAINER)
			return true;
	return false;
}

static int print_table(struct tree *t, struct store *store)
{
	struct table_options o = { .width = terminal_width(STDOUT_FILENO) };
	struct table_column table_columns[N_COLUMNS];
	int r;

	for (size_t i = 0; i < N_COLUMNS; i++) {
		enum field_type type = field_of(columns[i])->type;

		table_columns[i] =
			(struct table_column){ field_of(columns[i])->heading,
					       type != FIELD_TYPE_TEXT, type != FIELD_TYPE_TEXT };
	}
	r = table_new(stdout, table_columns, N_COLUMNS, &o, &t->table);
	if (r == 0) {
		print_head(&t->s->run);
		r = stalls_print_open(store, &t->s->run, "stalled: ", stdout);
		r = r < 0 ? r : 0;
	}
	if (r == 0) {
		puts("");
		r = print_all(t);
	}
	if (r == 0)
		r = table_end(t->table);
	if (r == 0)
		print_foot(&t->s->run, t);
	table_free(t->table);
	return r;
}

int show_tree_print(const struct snapshot *s, struct store *store,
		    const struct show_tree_options *show)
{
	struct tree t = { .s = s,
			  .processes = show->processes,
			  .all = show->all || show->sheet,
			  .sheet = show->sheet };
	int r = 0;

	if (show->processes || has_containers(s))
		r = store_each_process(store, s->run.id, visit_process, &t);
	if (r >= 0)
		r = t.sheet ? print_all(&t) : print_table(&t, store);
	HASH_CLEAR(hh, t.lines);
	HASH_CLEAR(hh, t.inside);
	process_record_fini(&t.process);
	for (size_t i = 0; i < N_COLUMNS; i++)
		str_fini(&t.cells[i]);
	arena_fini(&t.arena);
	return r;
}
