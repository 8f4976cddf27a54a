/* SPDX-License-Identifier: Apache-2.0 */
/* tracer tune: what limited a run and its parts, how it failed, what could be gained. */
#include "src/cli/tune.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/json_out.h"
#include "src/base/log.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/cli/cli.h"
#include "src/cli/completeness.h"
#include "src/cli/reader.h"
#include "src/cli/tune_merge.h"
#include "src/cli/tune_print.h"
#include "src/model/fields.h"

#define RUNS_DEFAULT 20

struct tune_options {
	struct reader_options reader;
	const char *pipeline;
	unsigned runs;
	bool all;
};

static const struct option_spec options[] = {
	{ "pipeline", 'p', OPTION_TEXT, offsetof(struct tune_options, pipeline), "NAME",
	  "the latest runs of this pipeline together, instead of one" },
	{ "runs", 0, OPTION_COUNT, offsetof(struct tune_options, runs), "N",
	  "with --pipeline: at most N runs (default 20)" },
	{ "all", 'a', OPTION_FLAG, offsetof(struct tune_options, all), NULL,
	  "also what is worth no action, and every task and tool" },
	DB_OPTION(struct tune_options, reader),
	JSON_OPTION(struct tune_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "tune",
	.words = "[RUN]",
	.about = "Says what limited a run (default: the latest), its tasks and its tools, how it\n"
		 "failed, and what could be done. It refuses to judge where data is missing.",
	.options = options,
	.max_words = 1,
};

static json_t *text_or_null(const char *text)
{
	return json_out_text(text, text ? strlen(text) : 0);
}

static int print_json(const struct judgement *j)
{
	json_t *object = json_object();
	const char *missing = run_facts_missing(&j->facts);
	int r;

	json_object_set_new(object, "run", text_or_null(j->facts.run.uid));
	json_object_set_new(object, "pipeline", text_or_null(j->facts.run.pipeline));
	json_object_set_new(object, "judged", json_boolean(!missing));
	json_object_set_new(object, "missing", text_or_null(missing));
	json_object_set_new(object, "completeness", completeness_object(&j->facts.run));
	json_object_set_new(object, "findings", findings_array(&j->findings));
	json_object_set_new(object, "findings_dropped", json_integer(j->findings.dropped));
	json_object_set_new(object, "units", units_array(&j->units));
	json_object_set_new(object, "contention", contention_object(&j->contention));
	r = object ? json_out_write(object, stdout, JSON_PRETTY) : -ENOMEM;
	json_decref(object);
	return r;
}

static int print_text(const struct judgement *j, bool all)
{
	struct tune_print p = { stdout, terminal_width(STDOUT_FILENO), all };
	const struct run_row *run = &j->facts.run;
	double wall = (double)(j->facts.end_ns - j->facts.start_ns);
	char text[HUMAN_MAX];
	int r = 0;

	printf("run %s  ", run->uid);
	safe_print(stdout, run->pipeline ? run->pipeline : "-");
	printf("  %s, %s\n\n", run_status_name(run->status), human_duration(text, (uint64_t)wall));
	findings_print(&p, &j->findings);
	if (run_facts_missing(&j->facts)) {
		printf("\nno bottleneck is judged: %s\n", run_facts_missing(&j->facts));
		return 0;
	}
	putchar('\n');
	r = units_print(&p, &j->units);
	contention_print(&p, &j->contention, wall);
	return r < 0 ? r : ferror(stdout) ? -EIO : 0;
}

static int tune_run(struct reader *r, const struct tune_options *o)
{
	struct judgement j;
	int error = judgement_make(&j, r->store, r->run.id);

	if (error >= 0)
		error = o->reader.json ? print_json(&j) : print_text(&j, o->all);
	judgement_fini(&j);
	return reader_result(error);
}

static int print_merged(const struct tune_merge *m, const struct tune_options *o)
{
	struct tune_print p = { stdout, terminal_width(STDOUT_FILENO), o->all };
	json_t *object;
	int r;

	if (!o->reader.json) {
		printf("pipeline %s: %u run%s judged, %u not (incomplete)\n\n", o->pipeline,
		       m->judged, m->judged == 1 ? "" : "s", m->runs - m->judged);
		findings_print(&p, &m->findings);
		return ferror(stdout) ? -EIO : 0;
	}
	object = json_object();
	json_object_set_new(object, "pipeline", text_or_null(o->pipeline));
	json_object_set_new(object, "runs", json_integer(m->runs));
	json_object_set_new(object, "runs_judged", json_integer(m->judged));
	json_object_set_new(object, "findings", findings_array(&m->findings));
	r = json_out_write(object, stdout, JSON_PRETTY);
	json_decref(object);
	return r;
}

static int tune_pipeline(const struct tune_options *o)
{
	_cleanup_(reader_close) struct reader r = { 0 };
	struct tune_merge m = { 0 };
	int error, rc = reader_open(&r, o->reader.db);

	if (rc)
		return rc;
	error = tune_merge_make(&m, r.store, o->pipeline, o->runs ? o->runs : RUNS_DEFAULT);
	if (error >= 0 && !m.runs) {
		log_error("no run of pipeline `%s` (see `tracer runs`)", o->pipeline);
		tune_merge_fini(&m);
		return EXIT_NOT_FOUND;
	}
	if (error >= 0)
		error = print_merged(&m, o);
	tune_merge_fini(&m);
	return reader_result(error);
}

int cmd_tune(int argc, char **argv)
{
	struct tune_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	if (o.pipeline && argv[first])
		return options_misuse(&spec, "give a run or --pipeline, not both");
	if (o.pipeline)
		return tune_pipeline(&o);
	rc = reader_open_run(&r, o.reader.db, argv[first]);
	return rc ? rc : tune_run(&r, &o);
}
