/* SPDX-License-Identifier: Apache-2.0 */
/* tracer runs: what has been recorded, newest first. */
#include "src/base/cleanup.h"
#include "src/cli/cli.h"
#include "src/cli/sheet.h"
#include "src/cli/stalls.h"

struct runs_options {
	struct reader_options reader;
};

static const struct option_spec options[] = {
	READER_OPTIONS(struct runs_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "runs",
	.words = "",
	.about = "Lists the recorded runs, newest first. The first column is the id that other\n"
		 "commands take as RUN; a unique beginning of it, the run's name or `latest` do "
		 "too.",
	.options = options,
};

static const enum field_id all[] = {
	FIELD_ID,
	FIELD_NAME,
	FIELD_PIPELINE,
	FIELD_ENGINE,
	FIELD_STATUS,
	FIELD_START,
	FIELD_END,
	FIELD_WALL,
	FIELD_EXIT_CODE,
	FIELD_SIGNAL,
	FIELD_CPU,
	FIELD_USER_CPU,
	FIELD_SYSTEM_CPU,
	FIELD_CORES,
	FIELD_PROCESSES,
	FIELD_EXECS,
	FIELD_PEAK_RSS,
	FIELD_READ,
	FIELD_WRITE,
	FIELD_NET_RX,
	FIELD_NET_TX,
	FIELD_HOST,
	FIELD_USER,
	FIELD_ARGV,
	FIELD_CWD,
	FIELD_COLLECTOR,
	FIELD_COMPLETE,
	FIELD_KERNEL,
	FIELD_ARCH,
	FIELD_CPUS,
	FIELD_MEMORY,
	FIELD_COMMAND_CPU,
	FIELD_COLLECTOR_CPU,
	FIELD_COLLECTOR_START,
	FIELD_RECORDER_CPU,
	FIELD_BPF_RUN,
	FIELD_COUNT,
};

static const enum field_id table[] = {
	FIELD_ID,  FIELD_NAME,	    FIELD_PIPELINE, FIELD_STATUS,   FIELD_START, FIELD_WALL,
	FIELD_CPU, FIELD_PROCESSES, FIELD_HOST,	    FIELD_COMPLETE, FIELD_COUNT,
};

#define LIVE_MAX 16 /* runs that go on: their stalls are told below the table */

struct listing {
	struct sheet *sheet;
	struct run_row live[LIVE_MAX];
	char uids[LIVE_MAX][16];
	unsigned n_live;
};

static int visit(void *ctx, const struct run_row *row)
{
	struct record record = { 0 };
	struct listing *l = ctx;

	if (row->status == RUN_RUNNING && l->n_live < LIVE_MAX) {
		l->live[l->n_live] = (struct run_row){ .id = row->id };
		str_copy(l->uids[l->n_live++], sizeof(l->uids[0]), row->uid);
	}
	record_run(&record, row);
	return sheet_add(l->sheet, &record);
}

static int print_stalls(struct store *store, const struct listing *l)
{
	int r = 0;

	for (unsigned i = 0; i < l->n_live && r >= 0; i++) {
		_cleanup_(str_fini) struct str head = STR_INIT;

		str_addf(&head, "%s is stalled: ", l->uids[i]);
		r = stalls_print_open(store, &l->live[i], str_text(&head), stdout);
	}
	return r;
}

int cmd_runs(int argc, char **argv)
{
	static const struct sheet_spec sheet_spec = { &spec, all, NULL, table };
	struct runs_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	struct listing l = { 0 };
	int rc, error, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	if (first < argc)
		return options_misuse(&spec, "one word too many: `%s`", argv[first]);
	rc = reader_open(&r, o.reader.db);
	if (!rc)
		rc = sheet_new(stdout, &sheet_spec, &o.reader, &l.sheet);
	if (rc)
		return rc;
	error = store_each_run(r.store, o.reader.sort ? 0 : o.reader.limit, visit, &l);
	if (error >= 0)
		error = sheet_end(l.sheet);
	if (error >= 0 && sheet_format(&o.reader) == FORMAT_TABLE)
		error = print_stalls(r.store, &l);
	sheet_free(l.sheet);
	return reader_result(error);
}
