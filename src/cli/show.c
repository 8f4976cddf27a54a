/* SPDX-License-Identifier: Apache-2.0 */
/* tracer show: one run as a tree, as JSON, or why a task was recognised. The
 * tree itself is in show_tree.c. */
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

struct show_options {
	struct reader_options reader;
	bool tree;
	const char *why;
};

static const struct option_spec options[] = {
	{ "tree", 't', OPTION_FLAG, offsetof(struct show_options, tree), NULL,
	  "also list the processes of each task" },
	{ "why", 0, OPTION_TEXT, offsetof(struct show_options, why), "TASK",
	  "why this is a task: rule, evidence and confidence;\nTASK is a name or a key" },
	DB_OPTION(struct show_options, reader),
	JSON_OPTION(struct show_options, reader),
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
	FIELD_PROCESSES,
	FIELD_CORES,
	LEDGER_FIELDS,
	FIELD_PEAK_RSS,
	FIELD_RULE,
	FIELD_CONFIDENCE,
	FIELD_EVIDENCE,
	FIELD_COUNT,
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

static json_t *tasks_array(const struct snapshot *s)
{
	json_t *array = json_array();

	for (const struct task_entry *t = s->tasks; t; t = t->hh.next) {
		struct record record = { 0 };
		json_t *object;

		record_task(&record, &t->row, &s->run);
		object = sheet_object(task_fields, &record);
		json_object_set_new(object, "tools", tools_array(t->tools, &s->run));
		json_array_append_new(array, object);
	}
	return array;
}

static int print_json(const struct snapshot *s)
{
	struct record record = { 0 };
	json_t *object;
	int r;

	record_run(&record, &s->run);
	object = sheet_object(run_fields, &record);
	if (s->run.labels)
		json_object_set_new(object, "labels", json_loads(s->run.labels, 0, NULL));
	json_object_set_new(object, "tasks", tasks_array(s));
	json_object_set_new(object, "tools", tools_array(s->tools, &s->run));
	json_object_set_new(object, "completeness", completeness_object(&s->run));
	r = object ? json_out_write(object, stdout, JSON_PRETTY) : -ENOMEM;
	json_decref(object);
	return r;
}

static void print_reason(const struct task_row *t)
{
	_cleanup_(str_fini) struct str out = STR_INIT;

	str_add(&out, "task        ");
	text_visible(&out, t->name, strlen(t->name));
	str_add(&out, "\nkey         ");
	text_visible(&out, t->key ? t->key : "-", strlen(t->key ? t->key : "-"));
	str_addf(&out, "\nrule        %s\nevidence    ", t->rule ? t->rule : "-");
	text_visible(&out, t->evidence ? t->evidence : "-",
		     strlen(t->evidence ? t->evidence : "-"));
	str_addf(&out, "\nconfidence  %u of 100\n", t->confidence);
	fputs(str_text(&out), stdout);
}

static int print_why(const struct snapshot *s, const char *wanted, bool json)
{
	static const enum field_id fields[] = { FIELD_NAME,	FIELD_KEY,	  FIELD_RULE,
						FIELD_EVIDENCE, FIELD_CONFIDENCE, FIELD_COUNT };
	json_t *array = json_array();
	unsigned n = 0;

	for (const struct task_entry *t = s->tasks; t; t = t->hh.next) {
		struct record record = { 0 };

		if (strcmp(t->row.name, wanted) && (!t->row.key || strcmp(t->row.key, wanted)))
			continue;
		if (n++ && !json)
			fputc('\n', stdout);
		if (!json)
			print_reason(&t->row);
		record_task(&record, &t->row, &s->run);
		json_array_append_new(array, sheet_object(fields, &record));
	}
	if (json && n)
		json_out_write(array, stdout, JSON_PRETTY);
	json_decref(array);
	if (!n)
		log_error("run %s has no task `%s` (see `tracer tasks %s`)", s->run.uid, wanted,
			  s->run.uid);
	return n ? EXIT_OK : EXIT_NOT_FOUND;
}

int cmd_show(int argc, char **argv)
{
	struct show_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	struct snapshot s = { 0 };
	int rc, error, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	rc = reader_open_run(&r, o.reader.db, argv[first]);
	if (rc)
		return rc;
	error = snapshot_load(&s, r.store, r.run.id);
	if (error < 0)
		return reader_result(error);
	if (o.why)
		rc = print_why(&s, o.why, o.reader.json);
	else if (o.reader.json)
		rc = reader_result(print_json(&s));
	else
		rc = reader_result(show_tree_print(&s, r.store, o.tree));
	snapshot_fini(&s);
	return rc;
}
