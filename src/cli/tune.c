/* SPDX-License-Identifier: Apache-2.0 */
/* tracer tune: what limited a run and its parts, how it failed, what could be gained.
 * Sizes, back-tests and predictions are in files of their own (tune_sizing.h). */
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
#include "src/cli/regressions.h"
#include "src/cli/tune_instances.h"
#include "src/cli/tune_merge.h"
#include "src/cli/tune_print.h"
#include "src/cli/tune_sizing.h"
#include "src/model/fields.h"

struct tune_options {
	struct tune_sizing_options sizing; /* with what all share: pipeline, runs, db, json */
	bool all, backtest, sizes, regressions, instances;
	struct tune_instances_options machines;
};

static const struct option_spec options[] = {
	{ "pipeline", 'p', OPTION_TEXT, offsetof(struct tune_options, sizing.pipeline), "NAME",
	  "the latest runs of this pipeline together, instead of one" },
	{ "runs", 0, OPTION_COUNT, offsetof(struct tune_options, sizing.runs), "N",
	  "with --pipeline, --sizes, --regressions or --instances:\nat most N runs (default 20)" },
	{ "all", 'a', OPTION_FLAG, offsetof(struct tune_options, all), NULL,
	  "also what is worth no action, and every task and tool" },
	{ "sizes", 0, OPTION_FLAG, offsetof(struct tune_options, sizes), NULL,
	  "memory and cores that tasks of RUN's pipeline need" },
	{ "regressions", 0, OPTION_FLAG, offsetof(struct tune_options, regressions), NULL,
	  "what changed in RUN and the runs of its pipeline before\nit, and since when" },
	{ "for", 0, OPTION_CHOICE, offsetof(struct tune_options, sizing.format),
	  "table|nextflow|snakemake|slurm|batch", "sizes as settings to paste" },
	{ "what-if", 0, OPTION_TEXT, offsetof(struct tune_options, sizing.what_if), "CHANGE,...",
	  "the wall time and cost of RUN with cpus=N, tasks=N,\nslots=N, memory=SIZE or "
	  "faster.TASK=K; had=N: the\nCPUs that it had" },
	{ "backtest", 0, OPTION_FLAG, offsetof(struct tune_options, backtest), NULL,
	  "replay the trace FILEs (Nextflow, WfFormat) under each\nway of sizing" },
	{ "time-to-failure", 0, OPTION_TEXT, offsetof(struct tune_options, sizing.time_to_failure),
	  "SHARE", "of its time after which a task without memory\nfails (default 1: at its end)" },
	{ "failure-cost", 0, OPTION_TEXT, offsetof(struct tune_options, sizing.failure_cost), "GBH",
	  "what a failure costs beyond that, in GB h\n(default 0); more: fewer failures" },
	{ "instances", 0, OPTION_FLAG, offsetof(struct tune_options, instances), NULL,
	  "cheaper and faster machines for RUN, and for the\ntasks of its pipeline" },
#define AT(member) offsetof(struct tune_options, machines.member)
#include "src/cli/instance_options.def"
#undef AT
	DB_OPTION(struct tune_options, sizing),
	JSON_OPTION(struct tune_options, sizing),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "tune",
	.words = "[RUN | FILE...]",
	.about = "Says what limited a run (default: the latest), its tasks and its tools, how it\n"
		 "failed, and what could be done; or how much memory and how many cores tasks\n"
		 "need, how long a run would have taken otherwise, or on which machines it would\n"
		 "be cheaper or faster. It refuses to judge where data is missing.",
	.options = options,
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

	if (error >= 0 && !run_missing(&j.facts.run, RUN_NEED_FILES))
		error = regressions_notice(r->store, &j.facts.run, &j.findings);
	if (error >= 0)
		error = o->sizing.json ? print_json(&j) : print_text(&j, o->all);
	judgement_fini(&j);
	return reader_result(error);
}

static int print_merged(const struct tune_merge *m, const struct tune_options *o)
{
	struct tune_print p = { stdout, terminal_width(STDOUT_FILENO), o->all };
	json_t *object;
	int r;

	if (!o->sizing.json) {
		printf("pipeline %s: %u run%s judged, %u not (incomplete)\n\n", o->sizing.pipeline,
		       m->judged, m->judged == 1 ? "" : "s", m->runs - m->judged);
		findings_print(&p, &m->findings);
		return ferror(stdout) ? -EIO : 0;
	}
	object = json_object();
	json_object_set_new(object, "pipeline", text_or_null(o->sizing.pipeline));
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
	int error, rc = reader_open(&r, o->sizing.db);

	if (rc)
		return rc;
	error = tune_merge_make(&m, r.store, o->sizing.pipeline,
				o->sizing.runs ? o->sizing.runs : TUNE_RUNS_DEFAULT);
	if (error >= 0 && !m.runs) {
		log_error("no run of pipeline `%s` (see `tracer runs`)", o->sizing.pipeline);
		tune_merge_fini(&m);
		return EXIT_NOT_FOUND;
	}
	if (error >= 0)
		error = print_merged(&m, o);
	tune_merge_fini(&m);
	return reader_result(error);
}

/* What the options about sizes ask for. */
static int tune_sizing(struct tune_options *o, int n, char **words)
{
	struct sizing_options costs;
	int rc = tune_sizing_costs(&o->sizing, &spec, &costs);

	if (rc)
		return rc;
	if (o->backtest && !n)
		return options_misuse(&spec, "--backtest needs a trace FILE");
	if (o->backtest)
		return tune_backtest(&o->sizing, &costs, n, words);
	return o->sizes ? tune_sizes(&o->sizing, &costs) : tune_what_if(&o->sizing, &spec);
}

static int tune_findings(const struct tune_options *o)
{
	_cleanup_(reader_close) struct reader r = { 0 };
	int rc;

	if (o->sizing.pipeline)
		return tune_pipeline(o);
	rc = reader_open_run(&r, o->sizing.db, o->sizing.run);
	return rc ? rc : tune_run(&r, o);
}

int cmd_tune(int argc, char **argv)
{
	struct tune_options o = { 0 };
	int rc, asked, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	asked = o.backtest + o.sizes + o.regressions + !!o.sizing.what_if + o.instances;
	if (asked > 1)
		return options_misuse(&spec, "one of --backtest, --sizes, --regressions, "
					     "--what-if and --instances, not more");
	if (!o.instances && tune_instances_asked(&o.machines))
		return options_misuse(&spec, "options about hosts and prices go with --instances");
	if (o.sizing.format != SIZES_TABLE && !o.sizes)
		return options_misuse(&spec, "--for goes with --sizes");
	if (!o.backtest && argc - first > 1)
		return options_misuse(&spec, "one word too many: `%s`", argv[first + 1]);
	if (!o.backtest && o.sizing.pipeline && argv[first])
		return options_misuse(&spec, "give a run or --pipeline, not both");
	o.sizing.run = argv[first];
	if (o.regressions)
		return tune_regressions(&o.sizing, &spec, o.all);
	if (o.instances)
		return tune_instances(&o.sizing, &o.machines, &spec, o.all);
	return asked ? tune_sizing(&o, argc - first, argv + first) : tune_findings(&o);
}
