/* SPDX-License-Identifier: Apache-2.0 */
/* tracer tasks: every task of a run, in the order in which they started. */
#include "src/base/cleanup.h"
#include "src/cli/cli.h"
#include "src/cli/fields_common.h"
#include "src/cli/sheet.h"

struct tasks_options {
	struct reader_options reader;
	bool failed;
};

static const struct option_spec options[] = {
	{ "failed", 0, OPTION_FLAG, offsetof(struct tasks_options, failed), NULL,
	  "only tasks that did not succeed" },
	READER_OPTIONS(struct tasks_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "tasks",
	.words = "[RUN]",
	.about = "Lists the tasks of a run (default: the latest) by their start.",
	.options = options,
	.max_words = 1,
};

static const enum field_id all[] = {
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

static const enum field_id table[] = {
	FIELD_NAME,	FIELD_KEY,  FIELD_STATUS, FIELD_WALL,	   FIELD_CPU,	FIELD_CORES,
	FIELD_PEAK_RSS, FIELD_READ, FIELD_WRITE,  FIELD_PROCESSES, FIELD_COUNT,
};

struct walk {
	const struct tasks_options *options;
	const struct run_row *run;
	struct sheet *sheet;
};

static int visit(void *ctx, const struct task_row *row)
{
	const struct walk *w = ctx;
	struct record record = { 0 };

	if (w->options->failed &&
	    (row->status == TASK_STATUS_SUCCEEDED || row->status == TASK_STATUS_RUNNING))
		return 0;
	record_task(&record, row, w->run);
	return sheet_add(w->sheet, &record);
}

int cmd_tasks(int argc, char **argv)
{
	static const struct sheet_spec sheet_spec = { &spec, all, NULL, table };
	struct tasks_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	struct walk w = { .options = &o, .run = &r.run };
	int rc, error, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	rc = reader_open_run(&r, o.reader.db, argv[first]);
	if (!rc)
		rc = sheet_new(stdout, &sheet_spec, &o.reader, &w.sheet);
	if (rc)
		return rc;
	error = store_each_task(r.store, r.run.id, visit, &w);
	if (error >= 0)
		error = sheet_end(w.sheet);
	sheet_free(w.sheet);
	return reader_result(error);
}
