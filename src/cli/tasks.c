/* SPDX-License-Identifier: Apache-2.0 */
/* tracer tasks: every task of a run, in the order in which they started. */
#include <errno.h>

#include "src/base/cleanup.h"
#include "src/cli/cli.h"
#include "src/cli/fields_common.h"
#include "src/cli/sheet.h"
#include "src/cli/where.h"

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

#define RECORD_FIELDS                                                                              \
	FIELD_NAME, FIELD_KEY, FIELD_ATTEMPT, FIELD_SAMPLE, FIELD_STATUS, FIELD_START, FIELD_END,  \
		FIELD_WALL, FIELD_BUSY, FIELD_EXIT_CODE, FIELD_SIGNAL, FIELD_REQUESTED_CPUS,       \
		FIELD_REQUESTED_MEMORY, FIELD_CPUS_SOURCE, FIELD_MEMORY_SOURCE, FIELD_PROCESSES,   \
		FIELD_CORES, LEDGER_FIELDS, FIELD_PEAK_RSS, FIELD_KIND, FIELD_SCOPE,               \
		FIELD_RUN_SCOPE, FIELD_RULE, FIELD_CONFIDENCE, FIELD_EVIDENCE

static const enum field_id record_fields[] = { RECORD_FIELDS, FIELD_COUNT };
static const enum field_id all[] = { RECORD_FIELDS, FIELD_WAITS, FIELD_COUNT };

#define TABLE_FIELDS                                                                               \
	FIELD_STATUS, FIELD_WALL, FIELD_CPU, FIELD_CORES, FIELD_WAITS, FIELD_PEAK_RSS, FIELD_READ, \
		FIELD_WRITE, FIELD_PROCESSES, FIELD_COUNT

/* A sample and an attempt have a column where any task has one, or a second one. */
static const enum field_id *table_of(const struct snapshot *s)
{
	static const enum field_id plain[] = { FIELD_NAME, FIELD_KEY, TABLE_FIELDS };
	static const enum field_id sample[] = { FIELD_NAME, FIELD_SAMPLE, FIELD_KEY, TABLE_FIELDS };
	static const enum field_id attempt[] = { FIELD_NAME, FIELD_KEY, FIELD_ATTEMPT,
						 TABLE_FIELDS };
	static const enum field_id both[] = { FIELD_NAME, FIELD_SAMPLE, FIELD_KEY, FIELD_ATTEMPT,
					      TABLE_FIELDS };
	bool samples = false, attempts = false;

	for (const struct task_entry *t = s->tasks; t; t = t->hh.next) {
		samples |= t->row.sample != NULL;
		attempts |= t->row.attempt > 1;
	}
	if (samples)
		return attempts ? both : sample;
	return attempts ? attempt : plain;
}

static bool ended_well(const struct task_row *t)
{
	return t->status == TASK_STATUS_SUCCEEDED || t->status == TASK_STATUS_RUNNING;
}

static int print_tasks(const struct snapshot *s, struct sheet *sheet, bool failed)
{
	int r = 0;

	for (const struct task_entry *t = s->tasks; t && r == 0; t = t->hh.next) {
		_cleanup_(str_fini) struct str waits = STR_INIT;
		struct record record = { 0 };
		struct where w = { 0 };

		if (failed && ended_well(&t->row))
			continue;
		record_task(&record, &t->row, &s->run);
		where_add_task(&w, t, &s->run);
		where_short(&waits, &w, 2);
		if (where_known(&s->run))
			record_text(&record, FIELD_WAITS, str_text(&waits));
		r = waits.failed ? -ENOMEM : sheet_add(sheet, &record);
	}
	return r;
}

static int list(const struct snapshot *s, const struct tasks_options *o)
{
	struct sheet_spec sheet_spec = { &spec, all, record_fields, table_of(s) };
	struct sheet *sheet;
	int error, rc = sheet_new(stdout, &sheet_spec, &o->reader, &sheet);

	if (rc)
		return rc;
	error = print_tasks(s, sheet, o->failed);
	if (error >= 0)
		error = sheet_end(sheet);
	sheet_free(sheet);
	return reader_result(error);
}

int cmd_tasks(int argc, char **argv)
{
	struct tasks_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	struct snapshot s = { 0 };
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	rc = reader_open_run(&r, o.reader.db, argv[first]);
	if (!rc)
		rc = reader_result(snapshot_load(&s, r.store, r.run.id));
	if (!rc)
		rc = list(&s, &o);
	snapshot_fini(&s);
	return rc;
}
