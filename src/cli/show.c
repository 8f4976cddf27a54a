/* SPDX-License-Identifier: Apache-2.0 */
/* tracer show: one run as a tree (show_tree.c), as JSON, or why something is where
 * it is (show_why.c). */
#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/cli/cli.h"
#include "src/cli/completeness.h"
#include "src/cli/fields_common.h"
#include "src/cli/sheet.h"
#include "src/cli/show_tree.h"
#include "src/cli/show_why.h"
#include "src/cli/stalls.h"

struct show_options {
	struct reader_options reader;
	bool tree, all;
	const char *why;
};

static const struct option_spec options[] = {
	{ "tree", 't', OPTION_FLAG, offsetof(struct show_options, tree), NULL,
	  "also list the processes of each task" },
	{ "all", 'a', OPTION_FLAG, offsetof(struct show_options, all), NULL,
	  "helpers (mkdir, shells) each by name, not as (glue)" },
	{ "why", 0, OPTION_TEXT, offsetof(struct show_options, why), "WHAT",
	  "why it is where it is: the rules, their evidence and\nconfidence, from the run down; "
	  "WHAT is a name, key or\nlabel of a task, a container, a pid, the id of a process\nor a "
	  "tool" },
	DB_OPTION(struct show_options, reader),
	JSON_OPTION(struct show_options, reader),
	FORMAT_OPTION(struct show_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "show",
	.words = "[RUN]",
	.about = "Shows a run (default: the latest): its tasks, their tools, what they used and\n"
		 "what they waited for.",
	.options = options,
	.max_words = 1,
};

static const enum field_id run_fields[] = {
	FIELD_ID,	    FIELD_NAME,		 FIELD_PIPELINE,
	FIELD_ENGINE,	    FIELD_STATUS,	 FIELD_ARGV,
	FIELD_CWD,	    FIELD_USER,		 FIELD_UID,
	FIELD_HOST,	    FIELD_KERNEL,	 FIELD_ARCH,
	FIELD_CPUS,	    FIELD_MEMORY,	 FIELD_START,
	FIELD_END,	    FIELD_WALL,		 FIELD_EXIT_CODE,
	FIELD_SIGNAL,	    FIELD_PROCESSES,	 FIELD_EXECS,
	FIELD_CORES,	    LEDGER_FIELDS,	 FIELD_PEAK_RSS,
	FIELD_COMMAND_CPU,  FIELD_COLLECTOR_CPU, FIELD_COLLECTOR_START,
	FIELD_RECORDER_CPU, FIELD_BPF_RUN,	 FIELD_COLLECTOR,
	FIELD_COUNT,
};

static const enum field_id task_fields[] = {
	FIELD_NAME,
	FIELD_KEY,
	FIELD_ATTEMPT,
	FIELD_SAMPLE,
	FIELD_STATUS,
	FIELD_START,
	FIELD_END,
	FIELD_WALL,
	FIELD_BUSY,
	FIELD_EXIT_CODE,
	FIELD_SIGNAL,
	FIELD_REQUESTED_CPUS,
	FIELD_REQUESTED_MEMORY,
	FIELD_CPUS_SOURCE,
	FIELD_MEMORY_SOURCE,
	FIELD_PROCESSES,
	FIELD_CORES,
	LEDGER_FIELDS,
	FIELD_PEAK_RSS,
	FIELD_RULE,
	FIELD_CONFIDENCE,
	FIELD_EVIDENCE,
	FIELD_KIND,
	FIELD_SCOPE,
	FIELD_RUN_SCOPE,
	FIELD_PIPELINE,
	FIELD_PARENT_TASK,
	FIELD_COUNT,
};

static const enum field_id scope_fields[] = {
	FIELD_SCOPE,  FIELD_KIND,	FIELD_NAME,	 FIELD_KEY,
	FIELD_ENGINE, FIELD_PIPELINE,	FIELD_STATUS,	 FIELD_START,
	FIELD_END,    FIELD_WALL,	FIELD_EXIT_CODE, FIELD_SIGNAL,
	FIELD_RULE,   FIELD_CONFIDENCE, FIELD_EVIDENCE,	 FIELD_COUNT,
};

static const enum field_id tool_fields[] = {
	FIELD_NAME, FIELD_COMPONENT, FIELD_PROCESSES, FIELD_FAILED, FIELD_START,
	FIELD_END,  LEDGER_FIELDS,   FIELD_PEAK_RSS,  FIELD_PATH,   FIELD_COUNT,
};

static json_t *tools_array(const struct tool_entry *tools, const struct run_row *run)
{
	json_t *array = json_array();

	for (; tools; tools = tools->next) {
		struct record record = { 0 };

		record_tool(&record, &tools->row, run);
		json_array_append_new(array, sheet_object(tool_fields, &record));
	}
	return array;
}

static json_t *text_or_null(const char *text)
{
	json_t *value = text ? json_string(text) : NULL;

	return value ? value : json_null();
}

static const char *key_of(const struct snapshot *s, int64_t task)
{
	struct task_entry *t = task ? snapshot_task(s, task) : NULL;

	return t ? t->row.key : NULL;
}

static json_t *tasks_array(const struct snapshot *s)
{
	json_t *array = json_array();

	for (const struct task_entry *t = s->tasks; t; t = t->hh.next) {
		struct record record = { 0 };
		json_t *object;

		record_task(&record, &t->row, &s->run);
		record_text(&record, FIELD_PIPELINE, snapshot_pipeline(s, &t->row));
		record_text(&record, FIELD_PARENT_TASK, key_of(s, t->row.parent));
		object = sheet_object(task_fields, &record);
		json_object_set_new(object, "tools", tools_array(t->tools, &s->run));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *scopes_array(const struct snapshot *s)
{
	json_t *array = json_array();

	for (const struct scope_entry *e = s->scopes; e; e = e->hh.next) {
		struct record record = { 0 };
		json_t *object, *fields;

		record_scope(&record, &e->row);
		object = sheet_object(scope_fields, &record);
		fields = e->row.fields ? json_loads(e->row.fields, 0, NULL) : NULL;
		json_object_set_new(object, "id", json_integer((uint32_t)e->row.id));
		json_object_del(object, "scope");
		json_object_set_new(object, "parent",
				    e->up ? json_integer((uint32_t)e->up->row.id) : json_null());
		json_object_set_new(object, "task", text_or_null(key_of(s, e->row.task)));
		json_object_set_new(object, "fields", fields ? fields : json_object());
		json_array_append_new(array, object);
	}
	return array;
}

static int print_json(const struct snapshot *s, struct store *store)
{
	struct record record = { 0 };
	json_t *object;
	int r;

	record_run(&record, &s->run);
	object = sheet_object(run_fields, &record);
	if (s->run.labels)
		json_object_set_new(object, "labels", json_loads(s->run.labels, 0, NULL));
	if (s->run.machine)
		json_object_set_new(object, "machine", json_loads(s->run.machine, 0, NULL));
	json_object_set_new(object, "tasks", tasks_array(s));
	json_object_set_new(object, "scopes", scopes_array(s));
	json_object_set_new(object, "tools", tools_array(s->tools, &s->run));
	json_object_set_new(object, "stalls", stalls_array(store, s->run.id));
	json_object_set_new(object, "completeness", completeness_object(&s->run));
	r = object ? json_out_write(object, stdout, JSON_PRETTY) : -ENOMEM;
	json_decref(object);
	return r;
}

static int print_rows(const struct snapshot *s, struct store *store, const struct show_options *o)
{
	static const struct sheet_spec sheet_spec = { &spec, show_tree_fields, NULL,
						      show_tree_fields };
	struct show_tree_options tree = { 0 };
	int error, rc = sheet_new(stdout, &sheet_spec, &o->reader, &tree.sheet);

	if (rc)
		return rc;
	error = show_tree_print(s, store, &tree);
	if (error >= 0)
		error = sheet_end(tree.sheet);
	sheet_free(tree.sheet);
	return reader_result(error);
}

static int show(const struct snapshot *s, struct store *store, const struct show_options *o)
{
	struct show_tree_options tree = { .processes = o->tree, .all = o->all };
	enum format format = sheet_format(&o->reader);

	if (o->why)
		return show_why(s, store, o->why, format == FORMAT_JSON);
	if (format == FORMAT_JSON)
		return reader_result(print_json(s, store));
	if (format != FORMAT_TABLE)
		return print_rows(s, store, o);
	return reader_result(show_tree_print(s, store, &tree));
}

static int check(const struct show_options *o)
{
	enum format format = sheet_format(&o->reader);

	if (o->why && format != FORMAT_TABLE && format != FORMAT_JSON)
		return options_misuse(&spec, "--why is text or JSON");
	if (o->tree && format != FORMAT_TABLE && format != FORMAT_JSON)
		return options_misuse(&spec, "--tree is for people; `tracer ps` has the processes "
					     "in every format");
	return sheet_options_check(&spec, &o->reader);
}

int cmd_show(int argc, char **argv)
{
	struct show_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	struct snapshot s = { 0 };
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	rc = check(&o);
	if (!rc)
		rc = reader_open_run(&r, o.reader.db, argv[first]);
	if (!rc)
		rc = reader_result(snapshot_load(&s, r.store, r.run.id));
	if (!rc)
		rc = show(&s, r.store, &o);
	snapshot_fini(&s);
	return rc;
}
