/* SPDX-License-Identifier: Apache-2.0 */
/* tracer tune: the options about sizes. What limited a run is not judged here. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli/cli.h"
#include "src/cli/reader.h"
#include "src/cli/tune_sizing.h"

struct tune_options {
	bool backtest, sizes;
	struct tune_sizing_options sizing;
};

static const struct option_spec options[] = {
	{ "backtest", 0, OPTION_FLAG, offsetof(struct tune_options, backtest), NULL,
	  "replay the trace FILEs under each way of sizing" },
	{ "sizes", 0, OPTION_FLAG, offsetof(struct tune_options, sizes), NULL,
	  "memory and cores that tasks of RUN's pipeline need" },
	{ "what-if", 0, OPTION_TEXT, offsetof(struct tune_options, sizing.what_if), "CHANGE,...",
	  "the wall time of RUN with cpus=N, memory=SIZE,\ntasks=N or faster.TASK=K" },
	{ "for", 0, OPTION_CHOICE, offsetof(struct tune_options, sizing.format),
	  "table|nextflow|snakemake|slurm|batch", "sizes as settings to paste" },
	{ "pipeline", 'p', OPTION_TEXT, offsetof(struct tune_options, sizing.pipeline), "NAME",
	  "sizes from the latest runs of this pipeline" },
	{ "runs", 0, OPTION_COUNT, offsetof(struct tune_options, sizing.runs), "N",
	  "sizes from at most N runs (default 20)" },
	{ "time-to-failure", 0, OPTION_TEXT, offsetof(struct tune_options, sizing.time_to_failure),
	  "SHARE", "of its time after which a task without memory\nfails (default 1: at its end)" },
	{ "failure-cost", 0, OPTION_TEXT, offsetof(struct tune_options, sizing.failure_cost), "GBH",
	  "what a failure costs beyond that, in GB h\n(default 0); more: fewer failures" },
	DB_OPTION(struct tune_options, sizing),
	JSON_OPTION(struct tune_options, sizing),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "tune",
	.words = "[RUN | FILE...]",
	.about = "Says how much memory and how many cores tasks need, from those that ran, and\n"
		 "proves it on history. It refuses to judge where data is missing.",
	.options = options,
};

static bool number(const char *text, double low, double high, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= low) || !(value <= high))
		return false;
	*ret = value;
	return true;
}

int tune_sizing_costs(const struct tune_sizing_options *o, const struct command_spec *of,
		      struct sizing_options *ret)
{
	double failure = 0;

	*ret = sizing_defaults;
	if (o->time_to_failure && !number(o->time_to_failure, 0.01, 1, &ret->time_to_failure))
		return options_misuse(of, "--time-to-failure takes 0.01 to 1, not `%s`",
				      o->time_to_failure);
	if (o->failure_cost && !number(o->failure_cost, 0, 1e6, &failure))
		return options_misuse(of, "--failure-cost takes 0 to 1000000, not `%s`",
				      o->failure_cost);
	ret->failure_byte_s = failure * 3.6e12;
	return EXIT_OK;
}

int cmd_tune(int argc, char **argv)
{
	struct tune_options o = { 0 };
	struct sizing_options costs;
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	if (o.backtest + o.sizes + !!o.sizing.what_if != 1)
		return options_misuse(&spec, "one of --backtest, --sizes and --what-if is needed");
	rc = tune_sizing_costs(&o.sizing, &spec, &costs);
	if (rc)
		return rc;
	if (o.backtest && first == argc)
		return options_misuse(&spec, "--backtest needs a trace FILE");
	if (o.backtest)
		return tune_backtest(&o.sizing, &costs, argc - first, argv + first);
	if (argc - first > 1)
		return options_misuse(&spec, "one RUN, not %d", argc - first);
	o.sizing.run = argv[first];
	return o.sizes ? tune_sizes(&o.sizing, &costs) : tune_what_if(&o.sizing, &spec);
}
