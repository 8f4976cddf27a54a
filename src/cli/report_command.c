/* SPDX-License-Identifier: Apache-2.0 */
/* tracer report: the text on a screen (report.c), or the same as data (report_json.c). */
#include <errno.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/cli/cli.h"
#include "src/cli/report.h"
#include "src/cli/report_parts.h"

struct report_command_options {
	struct reader_options reader;
};

static const struct option_spec option_table[] = {
	DB_OPTION(struct report_command_options, reader),
	JSON_OPTION(struct report_command_options, reader),
	FORMAT_OPTION(struct report_command_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "report",
	.words = "[RUN]",
	.about = "Prints the short report of a run (default: the latest), as `tracer run` does "
		 "when\n"
		 "its command has ended. --json: the same as a document (all of the run: `tracer\n"
		 "show --json`); jsonl, csv: an object or row for each kind of task.",
	.options = option_table,
	.max_words = 1,
};

static int print_rows(const struct report_parts *p, const struct reader_options *o)
{
	static const struct sheet_spec sheet_spec = { &spec, report_group_fields, NULL,
						      report_group_fields };
	struct sheet *sheet;
	int error, rc = sheet_new(stdout, &sheet_spec, o, &sheet);

	if (rc)
		return rc;
	error = report_groups_add(p, sheet);
	if (error >= 0)
		error = sheet_end(sheet);
	sheet_free(sheet);
	return reader_result(error);
}

/* Another format than the text on a screen. */
static int print_data(const struct reader *r, const struct reader_options *o)
{
	struct report_parts parts = { 0 };
	int rc = reader_result(report_parts_make(&parts, r->store, r->run.id));
	json_t *object;

	if (!rc && sheet_format(o) != FORMAT_JSON) {
		rc = print_rows(&parts, o);
	} else if (!rc) {
		object = report_object(&parts);
		rc = reader_result(object ? json_out_write(object, stdout, JSON_PRETTY) : -ENOMEM);
		json_decref(object);
	}
	report_parts_fini(&parts);
	return rc;
}

int cmd_report(int argc, char **argv)
{
	struct report_command_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	struct report_options options = report_options_for(STDOUT_FILENO);
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	rc = sheet_options_check(&spec, &o.reader);
	if (!rc)
		rc = reader_open_run(&r, o.reader.db, argv[first]);
	if (rc)
		return rc;
	if (sheet_format(&o.reader) != FORMAT_TABLE)
		return print_data(&r, &o.reader);
	return reader_result(report_print(r.store, r.run.id, stdout, &options));
}
