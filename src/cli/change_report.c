/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/change_report.h"

#include <math.h>
#include <stdio.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/base/text.h"

/* Below these nobody acts, as with waits (docs/tune.md): */
#define WORTH_NS	0.5e9
#define WORTH_RUN_SHARE 0.01
#define WORTH_BYTES	(64.0 * 1024 * 1024)
#define WORTH_USD	0.01

const char *change_metric_words(enum history_metric m)
{
	static const char *const words[] = { "wall time", "CPU time", "memory", "storage traffic",
					     "cost" };

	return words[m];
}

const char *change_value_text(char buf[HUMAN_MAX], enum history_metric m, double value)
{
	if (!(value >= 0) || value > 9e18)
		return HUMAN_UNKNOWN;
	if (m == HISTORY_WALL || m == HISTORY_CPU)
		return human_duration(buf, (uint64_t)value);
	if (m == HISTORY_COST)
		snprintf(buf, HUMAN_MAX, "%.3g USD", value);
	else
		return human_bytes(buf, (uint64_t)value);
	return buf;
}

static bool is_time(const struct change_report *c)
{
	return c->metric == HISTORY_WALL || c->metric == HISTORY_CPU;
}

/* What a run uses more (less: negative) than it would without the change; memory is not
 * a sum, but what one task needs. */
static double extra_of(const struct change_report *c)
{
	double extra = c->after * (1 - 1 / c->ratio);

	return c->metric == HISTORY_MEMORY ? extra : extra * c->tasks;
}

static bool is_worth(const struct change_report *c)
{
	double extra = fabs(extra_of(c));

	if (is_time(c))
		return extra >= WORTH_NS && extra >= WORTH_RUN_SHARE * c->run_ns;
	return extra >= (c->metric == HISTORY_COST ? WORTH_USD : WORTH_BYTES);
}

static enum severity severity_of(const struct change_report *c)
{
	if (c->verdict == VERDICT_IMPROVEMENT || !is_worth(c) || c->ratio < 1)
		return SEVERITY_INFO;
	return c->verdict == VERDICT_CHANGED ? SEVERITY_NOTICE : SEVERITY_WARNING;
}

static void add_value(struct finding *f, const char *names[HISTORY_METRICS], enum history_metric m,
		      double value)
{
	if (!isfinite(value) || fabs(value) > 9e18)
		return;
	if (m == HISTORY_COST)
		figure_ratio(f, names[m], value);
	else if (m == HISTORY_WALL || m == HISTORY_CPU)
		figure_ns(f, names[m], (uint64_t)fmax(round(value), 0));
	else
		figure_bytes(f, names[m], (uint64_t)fmax(round(value), 0));
}

static void add_ratio(struct finding *f, const char *name, double value)
{
	if (isfinite(value))
		figure_ratio(f, name, value);
}

static void add_figures(struct finding *f, const struct change_report *c)
{
	static const char *before[] = { "before_wall_ns", "before_cpu_ns", "before_memory_bytes",
					"before_io_bytes", "before_usd" };
	static const char *after[] = { "after_wall_ns", "after_cpu_ns", "after_memory_bytes",
				       "after_io_bytes", "after_usd" };
	static const char *extra[] = { "extra_wall_ns_per_run", "extra_cpu_ns_per_run",
				       "extra_memory_bytes_per_task", "extra_io_bytes_per_run",
				       "extra_usd_per_run" };

	figure_text(f, "metric", history_metric_name(c->metric));
	add_ratio(f, "ratio", c->ratio);
	add_ratio(f, "ratio_low", c->low);
	add_ratio(f, "ratio_high", c->high);
	add_value(f, before, c->metric, c->before);
	add_value(f, after, c->metric, c->after);
	if (c->ratio > 1)
		add_value(f, extra, c->metric, extra_of(c));
	add_ratio(f, "input_ratio", c->input_ratio);
	if (c->exponent_known)
		add_ratio(f, "input_exponent", c->exponent);
	add_ratio(f, "p", c->p);
	add_ratio(f, "q", c->q);
	figure_count(f, c->by_task ? "tasks_before" : "runs_before", c->n_before);
	figure_count(f, c->by_task ? "tasks_after" : "runs_after", c->n_after);
	figure_text(f, "since_run", c->since->uid);
	figure_ns(f, "since_ns", c->since->start_ns);
	figure_text(f, "last_run_before", c->last_before->uid);
}

static void add_input(struct str *s, const struct change_report *c)
{
	if (isnan(c->input_ratio) || fabs(log(c->input_ratio)) < log(1.05))
		return;
	if (c->exponent_known && c->exponent > 0)
		str_addf(s, "; input x%.2f is taken out, as it grows with input^%.2f",
			 c->input_ratio, c->exponent);
	else if (!c->exponent_known)
		str_addf(s, "; input x%.2f: how it grows with input is not known", c->input_ratio);
}

static const char *summary_of(struct findings *f, const struct change_report *c)
{
	_cleanup_(str_fini) struct str s = STR_INIT;
	char before[HUMAN_MAX], after[HUMAN_MAX], when[HUMAN_MAX];

	str_addf(&s, "%s of a task `%s`: x%.2f", change_metric_words(c->metric), c->task, c->ratio);
	if (isfinite(c->low) && isfinite(c->high))
		str_addf(&s, " (%.2f to %.2f)", c->low, c->high);
	str_addf(&s, ", %s, was %s, ", change_value_text(after, c->metric, c->after),
		 change_value_text(before, c->metric, c->before));
	if (!c->by_task && c->n_after == 1)
		str_addf(&s, "in run %s alone", c->since->uid);
	else if (c->by_task)
		str_addf(&s, "in run %s against %s", c->since->uid, c->last_before->uid);
	else
		str_addf(&s, "since run %s of %s", c->since->uid,
			 human_time(when, c->since->start_ns));
	add_input(&s, c);
	return findings_text(f, "%s", str_text(&s));
}

static const char *advice_of(const struct change_report *c)
{
	if (c->verdict == VERDICT_IMPROVEMENT)
		return NULL;
	if (!c->by_task && c->n_after == 1)
		return "run it again: one run cannot tell an outlier from a new level";
	if (c->verdict == VERDICT_CHANGED)
		return "run it once more with the input that it had, to tell input from program";
	return NULL;
}

void change_report_add(struct findings *f, const struct change_report *c)
{
	struct finding *one = findings_add(f, c->verdict, SUBJECT_TASK, c->task);
	double extra = extra_of(c);

	if (!one)
		return;
	one->id = findings_text(f, "%s:task:%s:%s", verdict_name(c->verdict), one->name,
				history_metric_name(c->metric));
	one->class = FINDING_HISTORY;
	one->severity = severity_of(c);
	one->summary = summary_of(f, c);
	if (c->reasons && *c->reasons)
		one->cause = findings_text(f, "at the same time: %s", c->reasons);
	one->advice = advice_of(c);
	one->check = findings_text(f, "tracer diff %s %s", c->last_before->uid, c->newest->uid);
	one->confidence = (unsigned)(100 * (1 - fmin(1, c->q)));
	one->samples = (unsigned)(c->n_before + c->n_after);
	one->runs = c->by_task ? 2 : one->samples;
	if (c->metric == HISTORY_WALL && extra > 0)
		one->explained_ns = (uint64_t)round(extra);
	if (is_time(c) && extra > 0 && c->verdict != VERDICT_IMPROVEMENT)
		one->saving_ns = (uint64_t)round(extra / fmax(c->at_a_time, 1));
	add_figures(one, c);
}
