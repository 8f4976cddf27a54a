/* SPDX-License-Identifier: Apache-2.0 */
/* tracer tools: what the programs of a run cost, folded over its tasks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "src/base/cleanup.h"
#include "src/cli/cli.h"
#include "src/cli/fields_common.h"
#include "src/cli/sheet.h"
#include "src/cli/tool_fold.h"

enum by { BY_TOOL, BY_TASK, BY_COMPONENT };

struct tools_options {
	struct reader_options reader;
	int by;
	bool all;
};

static const struct option_spec options[] = {
	{ "by", 'b', OPTION_CHOICE, offsetof(struct tools_options, by), "tool|task|component",
	  "a row per tool, per task and tool, or per tool and\nprogram behind it" },
	{ "all", 'a', OPTION_FLAG, offsetof(struct tools_options, all), NULL,
	  "in a table, glue and probes each by name" },
	READER_OPTIONS(struct tools_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "tools",
	.words = "[RUN]",
	.about = "Lists the tools (programs, with their sub-commands) of a run (default: the\n"
		 "latest), those with most CPU first. WALL is from the first start of the tool to\n"
		 "its last end. In a table cheap helpers (cat, mkdir, shells) are one row (glue),\n"
		 "and questions for a version or help one row (probe).",
	.options = options,
	.max_words = 1,
};

static const enum field_id all[] = {
	FIELD_TOOL,	  FIELD_COMPONENT, FIELD_ROLE,	   FIELD_NOISE, FIELD_TASK,
	FIELD_TASK_COUNT, FIELD_PROCESSES, FIELD_FAILED,   FIELD_START, FIELD_END,
	FIELD_WALL,	  LEDGER_FIELDS,   FIELD_PEAK_RSS, FIELD_PATH,	FIELD_COUNT,
};

static const enum field_id table[] = {
	FIELD_TOOL, FIELD_TASK_COUNT, FIELD_PROCESSES, FIELD_FAILED, FIELD_WALL,
	FIELD_CPU,  FIELD_PEAK_RSS,   FIELD_READ,      FIELD_WRITE,  FIELD_COUNT,
};

static const enum field_id table_by_task[] = {
	FIELD_TASK, FIELD_TOOL,	    FIELD_PROCESSES, FIELD_FAILED, FIELD_WALL,
	FIELD_CPU,  FIELD_PEAK_RSS, FIELD_READ,	     FIELD_WRITE,  FIELD_COUNT,
};

static const enum field_id table_by_component[] = {
	FIELD_TOOL, FIELD_COMPONENT, FIELD_TASK_COUNT, FIELD_PROCESSES, FIELD_FAILED, FIELD_WALL,
	FIELD_CPU,  FIELD_PEAK_RSS,  FIELD_READ,       FIELD_WRITE,	FIELD_COUNT,
};

struct task_name {
	int64_t id;
	const char *name;
	UT_hash_handle hh;
};

struct walk {
	struct arena arena;
	const struct run_row *run;
	struct sheet *sheet;
	struct task_name *names;
	struct tool_fold fold; /* of the run; by task: the noise of the present one */
	int64_t task;
	bool fold_noise;
};

static int visit_name(void *ctx, const struct task_row *row)
{
	struct walk *w = ctx;
	struct task_name *t = arena_alloc(&w->arena, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->id = row->id;
	t->name = arena_text(&w->arena, row->name);
	HASH_ADD(hh, w->names, id, sizeof(t->id), t);
	return 0;
}

static int print_by_task(struct walk *w, const struct tool_row *row, int64_t task)
{
	struct record record = { 0 };
	struct task_name *t = NULL;

	record_tool(&record, row, w->run);
	record_tool_role(&record, row);
	HASH_FIND(hh, w->names, &task, sizeof(task), t);
	record_text(&record, FIELD_TASK, t ? t->name : NULL);
	record_number(&record, FIELD_TASK_COUNT, task != 0);
	return sheet_add(w->sheet, &record);
}

/* Rows come by task: its noise is kept until the next one begins. */
static int end_task(struct walk *w)
{
	int r = 0;

	for (const struct folded_tool *f = w->fold.tools; f && r == 0; f = f->hh.next)
		r = print_by_task(w, &f->row, w->task);
	tool_fold_fini(&w->fold);
	w->fold = (struct tool_fold){ 0 };
	return r;
}

static int visit_by_task(void *ctx, const struct tool_row *row)
{
	struct walk *w = ctx;
	struct tool_row noise = *row;
	int r = row->task != w->task ? end_task(w) : 0;

	w->task = row->task;
	if (r)
		return r;
	if (!w->fold_noise || !tool_row_folds(row, &w->run->ledger))
		return print_by_task(w, row, row->task);
	noise.name = tool_row_folded_name(row);
	noise.component = noise.path = NULL;
	return tool_fold_add(&w->fold, &noise);
}

static int visit_fold(void *ctx, const struct tool_row *row)
{
	struct walk *w = ctx;

	return tool_fold_add(&w->fold, row);
}

static int fold_noise(struct walk *w)
{
	struct tool_fold folded = { 0 };
	int r = tool_fold_noise(&w->fold, &w->run->ledger, &folded);

	tool_fold_fini(&w->fold);
	w->fold = folded;
	return r;
}

static int print_folded(struct walk *w)
{
	int r = w->fold_noise ? fold_noise(w) : 0;

	tool_fold_sort(&w->fold);
	for (struct folded_tool *f = w->fold.tools; f && r == 0; f = f->hh.next) {
		struct record record = { 0 };

		record_tool(&record, &f->row, w->run);
		record_tool_role(&record, &f->row);
		if (!f->folded)
			record_number(&record, FIELD_TASK_COUNT, f->tasks);
		r = sheet_add(w->sheet, &record);
	}
	return r;
}

static int walk(struct walk *w, struct store *store, enum by by)
{
	int r;

	if (by == BY_TASK) {
		r = store_each_task(store, w->run->id, visit_name, w);
		if (r >= 0)
			r = store_each_tool(store, w->run->id, visit_by_task, w);
		if (r == 0)
			r = end_task(w);
	} else {
		w->fold.by_component = by == BY_COMPONENT;
		r = store_each_tool(store, w->run->id, visit_fold, w);
		if (r >= 0)
			r = print_folded(w);
	}
	return r >= 0 ? sheet_end(w->sheet) : r;
}

int cmd_tools(int argc, char **argv)
{
	struct sheet_spec sheet_spec = { &spec, all, NULL, table };
	struct tools_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	struct walk w = { .run = &r.run };
	int rc, error, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	if (o.by != BY_TOOL)
		sheet_spec.table = o.by == BY_TASK ? table_by_task : table_by_component;
	w.fold_noise = !o.all && sheet_format(&o.reader) == FORMAT_TABLE;
	rc = reader_open_run(&r, o.reader.db, argv[first]);
	if (!rc)
		rc = sheet_new(stdout, &sheet_spec, &o.reader, &w.sheet);
	if (rc)
		return rc;
	error = walk(&w, r.store, (enum by)o.by);
	HASH_CLEAR(hh, w.names);
	tool_fold_fini(&w.fold);
	arena_fini(&w.arena);
	sheet_free(w.sheet);
	return reader_result(error);
}
