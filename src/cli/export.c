/* SPDX-License-Identifier: Apache-2.0 */
/* tracer export: a whole run for other programs. The trace form is in
 * export_trace.c. */
#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/cli.h"
#include "src/cli/export_trace.h"
#include "src/cli/process_record.h"
#include "src/cli/sheet.h"

enum export_format { EXPORT_JSONL, EXPORT_CSV, EXPORT_TRACE };

struct export_options {
	struct reader_options reader;
	int format;
	const char *output;
};

static const struct option_spec options[] = {
	{ "format", 'f', OPTION_CHOICE, offsetof(struct export_options, format), "jsonl|csv|trace",
	  "jsonl, csv: the processes, as `tracer ps` prints\nthem; trace: for ui.perfetto.dev or\n"
	  "chrome://tracing" },
	{ "output", 'o', OPTION_TEXT, offsetof(struct export_options, output), "FILE",
	  "write to FILE, not to standard output" },
	{ "columns", 'c', OPTION_TEXT, offsetof(struct export_options, reader.columns), "NAME,...",
	  "jsonl, csv: these columns; `all` for all" },
	DB_OPTION(struct export_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "export",
	.words = "[RUN]",
	.about = "Writes a run (default: the latest) in a form that other programs read.",
	.options = options,
	.max_words = 1,
};

struct walk {
	const struct run_row *run;
	struct sheet *sheet;
	struct process_record p;
};

static int visit(void *ctx, const struct process_view *view)
{
	struct walk *w = ctx;
	int r = process_record_fill(&w->p, view, w->run);

	return r < 0 ? r : sheet_add(w->sheet, &w->p.record);
}

static int export_processes(struct reader *r, FILE *out, const struct reader_options *o)
{
	static const struct sheet_spec sheet_spec = { &spec, process_fields_all, process_fields,
						      process_fields };
	struct walk w = { .run = &r->run };
	int error, rc = sheet_new(out, &sheet_spec, o, &w.sheet);

	if (rc)
		return rc;
	error = store_each_process(r->store, r->run.id, visit, &w);
	if (error >= 0)
		error = sheet_end(w.sheet);
	process_record_fini(&w.p);
	sheet_free(w.sheet);
	return reader_result(error);
}

static int export_to(struct reader *r, FILE *out, struct export_options *o)
{
	if (o->format == EXPORT_TRACE)
		return reader_result(export_trace(r->store, &r->run, out));
	o->reader.format = o->format == EXPORT_CSV ? FORMAT_CSV : FORMAT_JSONL;
	return export_processes(r, out, &o->reader);
}

int cmd_export(int argc, char **argv)
{
	struct export_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);
	FILE *out;

	if (first < 0)
		return rc;
	rc = reader_open_run(&r, o.reader.db, argv[first]);
	if (rc || !o.output)
		return rc ? rc : export_to(&r, stdout, &o);
	out = fopen(o.output, "we");
	if (!out) {
		log_error("cannot write %s: %s", o.output, strerror(errno));
		return errno == EACCES ? EXIT_PERMISSION : EXIT_ERROR;
	}
	rc = export_to(&r, out, &o);
	if (fclose(out) == EOF && !rc) {
		log_error("cannot write %s: %s", o.output, strerror(errno));
		rc = EXIT_ERROR;
	}
	return rc;
}
