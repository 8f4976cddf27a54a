/* SPDX-License-Identifier: Apache-2.0 */
/* tracer tasks: every task of a run, in the order in which they started. */
#include <errno.h>
#include <string.h>

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
static const enum field_id all[] = { RECORD_FIELDS, FIELD_OUTPUT, FIELD_WAITS, FIELD_COUNT };

#define TABLE_MAX 20

static enum field_id *append(enum field_id *at, bool wanted, enum field_id id)
{
	if (wanted)
		*at++ = id;
	return at;
}

/* A sample, an output and an attempt have a column where any task has one, or a second one. */
static void choose_table(const struct snapshot *s, enum field_id table[TABLE_MAX])
{
	static const enum field_id rest[] = {
		FIELD_STATUS,	FIELD_WALL, FIELD_CPU,	 FIELD_CORES,	  FIELD_WAITS,
		FIELD_PEAK_RSS, FIELD_READ, FIELD_WRITE, FIELD_PROCESSES, FIELD_COUNT,
	};
	bool samples = false, outputs = false, attempts = false;
	enum field_id *at = table;

	for (const struct task_entry *t = s->tasks; t; t = t->hh.next) {
		samples |= t->row.sample != NULL;
		outputs |= t->row.detail != NULL;
		attempts |= t->row.attempt > 1;
	}
	at = append(at, true, FIELD_NAME);
	at = append(at, samples, FIELD_SAMPLE);
	at = append(at, outputs, FIELD_OUTPUT);
	at = append(at, true, FIELD_KEY);
	at = append(at, attempts, FIELD_ATTEMPT);
	memcpy(at, rest, sizeof(rest));
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
		record_text(&record, FIELD_OUTPUT, t->row.detail);
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
	enum field_id table[TABLE_MAX];
	struct sheet_spec sheet_spec = { &spec, all, record_fields, table };
	struct sheet *sheet;
	int error, rc;

	choose_table(s, table);
	rc = sheet_new(stdout, &sheet_spec, &o->reader, &sheet);
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
