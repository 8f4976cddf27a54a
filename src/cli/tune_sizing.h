/* SPDX-License-Identifier: Apache-2.0 */
/* What `tracer tune` says beside verdicts: one function and one file for each of its
 * options. They return exit codes and have said what was wrong. */
#ifndef TRACER_CLI_TUNE_SIZING_H
#define TRACER_CLI_TUNE_SIZING_H

#include "src/analysis/rightsize.h"
#include "src/cli/options.h"

#define TUNE_RUNS_DEFAULT 20

struct tune_sizing_options {
	const char *db;
	bool json;
	const char *pipeline;	     /* NULL: that of the run */
	const char *run;	     /* NULL: the latest */
	unsigned runs;		     /* at most so many; 0: TUNE_RUNS_DEFAULT */
	int format;		     /* enum sizes_format */
	const char *what_if;	     /* "cpus=2,faster.align=2" */
	const char *time_to_failure; /* texts of sizing_options; NULL: the defaults */
	const char *failure_cost;    /* GB h */
};

enum sizes_format { SIZES_TABLE, SIZES_NEXTFLOW, SIZES_SNAKEMAKE, SIZES_SLURM, SIZES_BATCH };

/* A number from low to high, and nothing behind it. */
bool tune_number(const char *text, double low, double high, double *ret);
/* Explains a wrong value; EXIT_OK or EXIT_USAGE. */
int tune_sizing_costs(const struct tune_sizing_options *o, const struct command_spec *spec,
		      struct sizing_options *ret);
int tune_backtest(const struct tune_sizing_options *o, const struct sizing_options *costs, int n,
		  char **files);
int tune_sizes(const struct tune_sizing_options *o, const struct sizing_options *costs);
/* Against earlier runs; `all`: also what is worth no action. */
int tune_regressions(const struct tune_sizing_options *o, const struct command_spec *spec,
		     bool all);
int tune_what_if(const struct tune_sizing_options *o, const struct command_spec *spec);

#endif
