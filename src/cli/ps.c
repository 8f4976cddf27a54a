/* SPDX-License-Identifier: Apache-2.0 */
/* tracer ps: every process of a run. The tree is in process_tree.c. */
#include <string.h>

#include "src/base/cleanup.h"
#include "src/cli/choose.h"
#include "src/cli/cli.h"
#include "src/cli/process_record.h"
#include "src/cli/process_tree.h"
#include "src/cli/sheet.h"

struct ps_options {
	struct reader_options reader;
	bool tree, failed;
	const char *task, *tool;
};

static const struct option_spec options[] = {
	{ "tree", 't', OPTION_FLAG, offsetof(struct ps_options, tree), NULL,
	  "children under their parents (table only)" },
	{ "failed", 0, OPTION_FLAG, offsetof(struct ps_options, failed), NULL,
	  "only processes that exited with an error or were killed" },
	{ "task", 0, OPTION_TEXT, offsetof(struct ps_options, task), "NAME",
	  "only processes of tasks with this name, key or label" },
	{ "tool", 0, OPTION_TEXT, offsetof(struct ps_options, tool), "NAME",
	  "only processes of this tool; (glue), (probe): all\nthat `tracer tools` prints so" },
	READER_OPTIONS(struct ps_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "ps",
	.words = "[RUN]",
	.about = "Lists every process of a run (default: the latest), in the order in which they\n"
		 "were created. With --format jsonl: one object a process, as tracer-ps(1) says.",
	.options = options,
	.max_words = 1,
};

static const enum field_id table[] = {
	FIELD_PID,	    FIELD_PPID, FIELD_TASK,  FIELD_TOOL,     FIELD_WALL,    FIELD_CPU,
	FIELD_PROGRAM_PEAK, FIELD_READ, FIELD_WRITE, FIELD_ENDED_AS, FIELD_COMMAND, FIELD_COUNT,
};

struct walk {
	const struct ps_options *options;
	const struct run_row *run;
	struct sheet *sheet;
	struct process_tree *tree; /* NULL: as they come */
	struct task_choice tasks;
	struct tool_choice tools;
	struct process_record p;
};

static bool wanted(const struct walk *w, const struct process_view *view)
{
	if (w->options->failed && !process_failed(view->process))
		return false;
	return task_choice_has(&w->tasks, view->process->task) &&
	       tool_choice_has(&w->tools, view->tool_name);
}

static int visit(void *ctx, const struct process_view *view)
{
	struct walk *w = ctx;
	int r;

	if (!wanted(w, view))
		return 0;
	r = process_record_fill(&w->p, view, w->run);
	if (r < 0)
		return r;
	/* people want one figure: the process's, where its program's own is not known */
	if (sheet_format(&w->options->reader) == FORMAT_TABLE &&
	    !w->p.record.v[FIELD_PROGRAM_PEAK].known && !w->options->reader.columns)
		w->p.record.v[FIELD_PROGRAM_PEAK] = w->p.record.v[FIELD_PEAK_RSS];
	if (w->tree)
		return process_tree_add(w->tree, view->process, &w->p.record);
	return sheet_add(w->sheet, &w->p.record);
}

static int walk(struct walk *w, struct store *store)
{
	int r = store_each_process(store, w->run->id, visit, w);

	if (r >= 0 && w->tree)
		r = process_tree_print(w->tree);
	if (r >= 0)
		r = sheet_end(w->sheet);
	process_record_fini(&w->p);
	return r;
}

static int check(const struct ps_options *o)
{
	if (o->tree && sheet_format(&o->reader) != FORMAT_TABLE)
		return options_misuse(&spec, "--tree is for tables; elsewhere `parent` says it");
	if (o->tree && o->reader.sort)
		return options_misuse(&spec, "--tree has its own order: leave out --sort");
	return EXIT_OK;
}

int cmd_ps(int argc, char **argv)
{
	static const struct sheet_spec sheet_spec = { &spec, process_fields_all, process_fields,
						      table };
	struct ps_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	struct process_tree tree = { 0 };
	struct walk w = { .options = &o, .run = &r.run, .tree = NULL };
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	rc = check(&o);
	if (!rc)
		rc = reader_open_run(&r, o.reader.db, argv[first]);
	if (!rc)
		rc = task_choice_make(&w.tasks, &r, o.task);
	if (!rc)
		rc = tool_choice_make(&w.tools, &r, o.tool);
	if (!rc)
		rc = sheet_new(stdout, &sheet_spec, &o.reader, &w.sheet);
	tree.sheet = w.sheet;
	if (o.tree)
		w.tree = &tree;
	if (!rc)
		rc = reader_result(walk(&w, r.store));
	process_tree_fini(&tree);
	sheet_free(w.sheet);
	task_choice_fini(&w.tasks);
	tool_choice_fini(&w.tools);
	return rc;
}
