/* SPDX-License-Identifier: Apache-2.0 */
/* A change of what tasks of one name use, as a finding: shared by `tracer diff`, `tracer
 * tune --regressions` and the notice of `tracer tune`. */
#ifndef TRACER_CLI_CHANGE_REPORT_H
#define TRACER_CLI_CHANGE_REPORT_H

#include "src/analysis/finding.h"
#include "src/base/human.h"
#include "src/cli/history.h"

struct change_report {
	const char *task;
	enum history_metric metric;
	enum verdict verdict;	 /* VERDICT_REGRESSION, _IMPROVEMENT or _CHANGED */
	double ratio, low, high; /* after / before, growth by input taken out */
	double before, after;	 /* of a task, nothing taken out */
	double input_ratio;	 /* NAN: unknown */
	double exponent;	 /* 0: nothing taken out */
	bool exponent_known;
	double p, q;
	size_t n_before, n_after; /* runs, or tasks where `by_task` */
	bool by_task;
	double tasks;	  /* of the group, by run, after the change */
	double at_a_time; /* tasks that run, in the mean */
	double run_ns;	  /* wall time of the newest run */
	const struct run_row *last_before, *since, *newest;
	const char *reasons; /* NULL or empty: nothing else is different */
};

/* Adds it; id "regression:task:NAME:METRIC". */
void change_report_add(struct findings *f, const struct change_report *c);
/* "wall time", and a value of that metric: "12 s", "1.5 GiB", "0.012 USD". */
const char *change_metric_words(enum history_metric m);
const char *change_value_text(char buf[HUMAN_MAX], enum history_metric m, double value);

#endif
