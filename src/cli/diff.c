/* SPDX-License-Identifier: Apache-2.0 */
/* tracer diff A B: what changed between two runs, by task. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/input_slope.h"
#include "src/analysis/regress.h"
#include "src/analysis/stats.h"
#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/json_out.h"
#include "src/base/log.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/cli/change_report.h"
#include "src/cli/cli.h"
#include "src/cli/history.h"
#include "src/cli/reader.h"
#include "src/cli/tune_print.h"
#include "src/model/fields.h"

#define METRICS HISTORY_COST /* those that need no price */

static const char *const verdict_names[] = { "unknown", "same", "increased", "decreased" };

struct diff_options {
	struct reader_options reader;
};

static const struct option_spec options[] = {
	DB_OPTION(struct diff_options, reader),
	JSON_OPTION(struct diff_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "diff",
	.words = "A B",
	.about =
		"Says what changed from run A to run B, task by task: wall time, CPU time, memory\n"
		"and storage traffic of tasks of one name, with what grew with their input taken\n"
		"out, and what else is different: where the time went, tools, input, tasks at a\n"
		"time. A change is called one only if a rank test proves it.",
	.options = options,
	.max_words = 2,
};

struct side { /* the tasks of one name in one run */
	size_t n, failed;
	struct where where;
	const char *tool, *tool_path;
};

struct pair {
	const char *name; /* key */
	struct side sides[2];
	struct measured *values[2][METRICS]; /* as many as n */
	UT_hash_handle hh;
};

struct diff {
	struct history h;
	struct pair *pairs;    /* by first appearance */
	struct regress *tests; /* of pair i and metric m: [i * METRICS + m] */
	double at_a_time[2];
};

static struct pair *pair_of(struct diff *d, const char *name)
{
	struct pair *p;

	HASH_FIND(hh, d->pairs, name, strlen(name), p);
	if (p)
		return p;
	p = arena_alloc(&d->h.arena, sizeof(*p));
	if (!p)
		return NULL;
	p->name = name;
	HASH_ADD_KEYPTR(hh, d->pairs, name, strlen(name), p);
	return p;
}

static void add_task(struct pair *p, const struct history_task *t)
{
	struct side *s = &p->sides[t->run];

	if (t->status != TASK_STATUS_SUCCEEDED) {
		s->failed++;
		return;
	}
	for (unsigned m = 0; m < METRICS; m++)
		p->values[t->run][m][s->n] =
			(struct measured){ history_value(t, m),
					   t->input_bytes ? (double)t->input_bytes : NAN };
	s->n++;
	where_add(&s->where, &t->where);
	if (!s->tool) {
		s->tool = t->tool;
		s->tool_path = t->tool_path;
	}
}

static int make_pairs(struct diff *d)
{
	struct history *h = &d->h;

	for (size_t i = 0; i < h->n; i++) {
		struct pair *p = pair_of(d, h->tasks[i].name);

		if (!p)
			return -ENOMEM;
		p->sides[h->tasks[i].run].n++;
	}
	for (struct pair *p = d->pairs; p; p = p->hh.next)
		for (unsigned s = 0; s < 2; s++) {
			for (unsigned m = 0; m < METRICS; m++) {
				p->values[s][m] = arena_alloc(
					&h->arena, (p->sides[s].n + 1) * sizeof(struct measured));
				if (!p->values[s][m])
					return -ENOMEM;
			}
			p->sides[s].n = 0;
		}
	for (size_t i = 0; i < h->n; i++)
		add_task(pair_of(d, h->tasks[i].name), &h->tasks[i]);
	return 0;
}

static int test_pairs(struct diff *d)
{
	size_t k = 0;
	int r = 0;

	d->tests = calloc(HASH_COUNT(d->pairs) * METRICS + 1, sizeof(*d->tests));
	if (!d->tests)
		return -ENOMEM;
	for (struct pair *p = d->pairs; r == 0 && p; p = p->hh.next)
		for (unsigned m = 0; r == 0 && m < METRICS; m++)
			r = regress_compare(p->values[0][m], p->sides[0].n, p->values[1][m],
					    p->sides[1].n, &d->tests[k++]);
	return r < 0 ? r : regress_judge(d->tests, k);
}

/* Mean number of tasks that ran, while the run did. */
static void count_at_a_time(struct diff *d)
{
	double seconds[2] = { 0 };

	for (size_t i = 0; i < d->h.n; i++)
		seconds[d->h.tasks[i].run] += history_seconds(&d->h.tasks[i]);
	for (unsigned s = 0; s < 2; s++) {
		const struct run_row *run = &d->h.runs[s].row;

		d->at_a_time[s] =
			run->end_ns > run->start_ns
				? seconds[s] / ((double)(run->end_ns - run->start_ns) / 1e9)
				: NAN;
	}
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* The part of most wall time; WHERE_PARTS: none is known. */
static unsigned main_part(const struct side *s)
{
	unsigned order[WHERE_PARTS];

	return where_order(&s->where, order) ? order[0] : WHERE_PARTS;
}

static void add_reason(struct str *out, const char *format, const char *a, const char *b)
{
	str_add(out, out->len ? "; " : "");
	str_addf(out, format, a, b);
}

/* What else is different, in words; empty: nothing is. */
static void reasons(struct str *out, const struct pair *p, const struct regress *wall)
{
	const struct side *a = &p->sides[0], *b = &p->sides[1];
	unsigned from = main_part(a), to = main_part(b);
	_cleanup_(str_fini) struct str old = STR_INIT, new = STR_INIT;

	if (from != to && from < WHERE_PARTS && to < WHERE_PARTS)
		add_reason(out, "mostly %s, was %s", where_word(to), where_word(from));
	if (a->n && b->n && !same_text(a->tool_path, b->tool_path)) {
		const char *was = a->tool_path ? a->tool_path : "-";
		const char *is = b->tool_path ? b->tool_path : "-";

		text_visible(&old, was, strlen(was));
		text_visible(&new, is, strlen(is));
		add_reason(out, "tool %s, was %s", str_text(&new), str_text(&old));
	}
	if (!isnan(wall->input_ratio) && fabs(log(wall->input_ratio)) > log(1.05)) {
		str_add(out, out->len ? "; " : "");
		str_addf(out, "input x%.2f", wall->input_ratio);
	}
	if (a->failed != b->failed) {
		str_add(out, out->len ? "; " : "");
		str_addf(out, "%zu failed, were %zu", b->failed, a->failed);
	}
}

static void ratio_text(char *buf, size_t size, const struct regress *r)
{
	if (isnan(r->ratio))
		snprintf(buf, size, "-");
	else if (r->verdict == REGRESS_SAME)
		snprintf(buf, size, "=");
	else if (r->verdict == REGRESS_UNKNOWN)
		snprintf(buf, size, "x%.2f ?", r->ratio);
	else
		snprintf(buf, size, "x%.2f !", r->ratio);
}

static int print_table(const struct diff *d)
{
	static const struct table_column columns[] = {
		{ "TASK", false, false }, { "A", true, true },		 { "B", true, true },
		{ "WALL", true, true },	  { "CPU", true, true },	 { "MEMORY", true, true },
		{ "I/O", true, true },	  { "DIFFERENT", false, false },
	};
	struct table_options table_options = { .width = terminal_width(STDOUT_FILENO) };
	struct table *table;
	const struct regress *t = d->tests;
	int r = table_new(stdout, columns, ARRAY_SIZE(columns), &table_options, &table);

	for (const struct pair *p = d->pairs; r >= 0 && p; p = p->hh.next, t += METRICS) {
		_cleanup_(str_fini) struct str why = STR_INIT;
		char n[2][24], ratio[METRICS][32];
		const char *cells[] = { p->name,  n[0],	    n[1],     ratio[0],
					ratio[1], ratio[2], ratio[3], NULL };

		for (unsigned s = 0; s < 2; s++)
			snprintf(n[s], sizeof(n[s]), "%zu", p->sides[s].n);
		for (unsigned m = 0; m < METRICS; m++)
			ratio_text(ratio[m], sizeof(ratio[m]), &t[m]);
		reasons(&why, p, &t[HISTORY_WALL]);
		cells[7] = why.len ? str_text(&why) : "";
		r = table_row(table, cells);
	}
	if (r >= 0)
		r = table_end(table);
	table_free(table);
	return r;
}

static void print_run(const struct diff *d, unsigned side)
{
	const struct run_row *run = &d->h.runs[side].row;
	_cleanup_(str_fini) struct str name = STR_INIT;
	char wall[HUMAN_MAX];

	if (run->name)
		text_visible(&name, run->name, strlen(run->name));
	printf("%c  %s  %s  %s in %s, %.1f tasks at a time, %u CPUs of %s\n", 'A' + (int)side,
	       run->uid, str_text(&name), run_status_name(run->status),
	       human_duration(wall, run->end_ns - run->start_ns), d->at_a_time[side], run->cpus,
	       run->hostname ? run->hostname : "-");
}

static int print_text(const struct diff *d)
{
	int r;

	print_run(d, 0);
	print_run(d, 1);
	putchar('\n');
	r = print_table(d);
	printf("\nB by A, what grows with input taken out; ! proven (of 20 such, one may be "
	       "chance),\n= no change proven, ? too few tasks to prove any\n");
	return r < 0 ? r : ferror(stdout) ? -EIO : 0;
}

static json_t *real_or_null(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *test_object(const struct pair *p, enum history_metric m, const struct regress *t)
{
	json_t *o = json_object();
	_cleanup_(str_fini) struct str id = STR_INIT;

	str_addf(&id, "diff:task:%s:%s", p->name, history_metric_name(m));
	json_object_set_new(o, "id", json_out_text(str_text(&id), id.len));
	json_object_set_new(o, "verdict", json_string(verdict_names[t->verdict]));
	json_object_set_new(o, "severity",
			    json_string(t->verdict == REGRESS_INCREASED ? "warning" : "info"));
	json_object_set_new(o, "ratio", real_or_null(t->ratio));
	json_object_set_new(o, "ratio_low", real_or_null(t->low));
	json_object_set_new(o, "ratio_high", real_or_null(t->high));
	json_object_set_new(o, "input_exponent", json_real(t->exponent));
	json_object_set_new(o, "p", json_real(t->p));
	json_object_set_new(o, "q", json_real(t->q));
	json_object_set_new(o, "confidence", json_integer((int)(100 * (1 - fmin(1, t->q)))));
	json_object_set_new(o, "samples_before", json_out_uint(t->n_before));
	json_object_set_new(o, "samples_after", json_out_uint(t->n_after));
	return o;
}

static json_t *side_object(const struct side *s)
{
	json_t *o = json_object();
	unsigned part = main_part(s);

	json_object_set_new(o, "succeeded", json_out_uint(s->n));
	json_object_set_new(o, "failed", json_out_uint(s->failed));
	json_object_set_new(o, "mostly",
			    part < WHERE_PARTS ? json_string(where_word(part)) : json_null());
	json_object_set_new(o, "tool", json_out_text(s->tool, s->tool ? strlen(s->tool) : 0));
	json_object_set_new(o, "tool_path",
			    json_out_text(s->tool_path, s->tool_path ? strlen(s->tool_path) : 0));
	return o;
}

static json_t *pair_object(const struct pair *p, const struct regress *t)
{
	json_t *o = json_object(), *metrics = json_object();

	json_object_set_new(o, "task", json_out_text(p->name, strlen(p->name)));
	json_object_set_new(o, "before", side_object(&p->sides[0]));
	json_object_set_new(o, "after", side_object(&p->sides[1]));
	json_object_set_new(o, "input_ratio", real_or_null(t->input_ratio));
	for (unsigned m = 0; m < METRICS; m++)
		json_object_set_new(metrics, history_metric_name(m), test_object(p, m, &t[m]));
	json_object_set_new(o, "metrics", metrics);
	return o;
}

/* More or less is a verdict only if input cannot be why: where it is not known how a
 * value grows with it, anything up to its square may be. */
static enum verdict verdict_of(const struct regress *t)
{
	enum verdict proven =
		t->verdict == REGRESS_INCREASED ? VERDICT_REGRESSION : VERDICT_IMPROVEMENT;
	double by_input = isnan(t->input_ratio) ? 0 : log(t->input_ratio);
	double left = log(t->ratio) - SLOPE_MAX * by_input;

	if (t->exponent_known || fabs(by_input) < log1p(REGRESS_LEAST))
		return proven;
	if ((left > 0) != (t->ratio > 1) || fabs(left) < log1p(REGRESS_LEAST))
		return VERDICT_CHANGED;
	return proven;
}

static double median_of(const struct pair *p, unsigned s, unsigned m)
{
	_cleanup_free_ double *v = calloc(p->sides[s].n + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < p->sides[s].n; i++)
		if (p->values[s][m][i].value > 0)
			v[n++] = p->values[s][m][i].value;
	return v ? stats_median(v, n) : NAN;
}

static void find_change(const struct diff *d, const struct pair *p, enum history_metric m,
			const struct regress *t, struct findings *f)
{
	const struct run_row *a = &d->h.runs[0].row, *b = &d->h.runs[1].row;
	_cleanup_(str_fini) struct str why = STR_INIT;
	struct change_report report = {
		.task = p->name,
		.metric = m,
		.verdict = verdict_of(t),
		.ratio = t->ratio,
		.low = t->low,
		.high = t->high,
		.before = median_of(p, 0, m),
		.after = median_of(p, 1, m),
		.input_ratio = t->input_ratio,
		.exponent = t->exponent,
		.exponent_known = t->exponent_known,
		.p = t->p,
		.q = t->q,
		.n_before = t->n_before,
		.n_after = t->n_after,
		.by_task = true,
		.tasks = (double)p->sides[1].n,
		.at_a_time = d->at_a_time[1],
		.run_ns = (double)(b->end_ns - b->start_ns),
		.last_before = a,
		.since = b,
		.newest = b,
	};

	reasons(&why, p, t - m + HISTORY_WALL);
	report.reasons = str_text(&why);
	change_report_add(f, &report);
}

/* Each difference that is proven. */
static json_t *findings_of(const struct diff *d)
{
	_cleanup_(findings_fini) struct findings f = { 0 };
	const struct regress *t = d->tests;

	for (const struct pair *p = d->pairs; p; p = p->hh.next)
		for (unsigned m = 0; m < METRICS; m++, t++)
			if (t->verdict == REGRESS_INCREASED || t->verdict == REGRESS_DECREASED)
				find_change(d, p, m, t, &f);
	findings_sort(&f);
	return findings_array(&f);
}

static json_t *run_object(const struct diff *d, unsigned side)
{
	const struct run_row *run = &d->h.runs[side].row;
	json_t *o = json_object();

	json_object_set_new(o, "id", json_out_text(run->uid, strlen(run->uid)));
	json_object_set_new(o, "status", json_string(run_status_name(run->status)));
	json_object_set_new(o, "wall_ns", json_out_time(run->end_ns - run->start_ns));
	json_object_set_new(o, "tasks_at_a_time", real_or_null(d->at_a_time[side]));
	json_object_set_new(o, "cpus", json_integer(run->cpus));
	json_object_set_new(
		o, "host", json_out_text(run->hostname, run->hostname ? strlen(run->hostname) : 0));
	return o;
}

static int print_json(const struct diff *d)
{
	json_t *object = json_object(), *tasks = json_array();
	const struct regress *t = d->tests;
	int r;

	for (const struct pair *p = d->pairs; p; p = p->hh.next, t += METRICS)
		json_array_append_new(tasks, pair_object(p, t));
	json_object_set_new(object, "before", run_object(d, 0));
	json_object_set_new(object, "after", run_object(d, 1));
	json_object_set_new(object, "tasks", tasks);
	json_object_set_new(object, "findings", findings_of(d));
	r = json_out_write(object, stdout, JSON_PRETTY);
	json_decref(object);
	return r;
}

static int judge(struct diff *d, bool json)
{
	int r;

	for (unsigned s = 0; s < 2; s++)
		if (d->h.runs[s].missing) {
			log_error("nothing is compared: run %s: %s", d->h.runs[s].row.uid,
				  d->h.runs[s].missing);
			return EXIT_ERROR;
		}
	r = make_pairs(d);
	if (r == 0)
		r = test_pairs(d);
	if (r == 0) {
		count_at_a_time(d);
		r = json ? print_json(d) : print_text(d);
	}
	return reader_result(r);
}

static int add_run(struct diff *d, const char *db, const char *selector)
{
	_cleanup_(reader_close) struct reader r = { 0 };
	int rc = reader_open_run(&r, db, selector);

	return rc ? rc : reader_result(history_add_run(&d->h, r.store, r.run.id));
}

int cmd_diff(int argc, char **argv)
{
	struct diff_options o = { 0 };
	struct diff d = { 0 };
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	if (argc - first != 2)
		return options_misuse(&spec, "two runs are needed, A and B");
	rc = add_run(&d, o.reader.db, argv[first]);
	if (!rc)
		rc = add_run(&d, o.reader.db, argv[first + 1]);
	if (!rc)
		rc = judge(&d, o.reader.json);
	HASH_CLEAR(hh, d.pairs);
	free(d.tests);
	history_fini(&d.h);
	return rc;
}
