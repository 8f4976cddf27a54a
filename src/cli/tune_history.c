/* SPDX-License-Identifier: Apache-2.0 */
/* tracer tune --regressions: a run against those of its pipeline before it. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/json_out.h"
#include "src/base/log.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/cli/change_report.h"
#include "src/cli/cli.h"
#include "src/cli/history_cost.h"
#include "src/cli/reader.h"
#include "src/cli/regressions.h"
#include "src/cli/tune_print.h"
#include "src/cli/tune_sizing.h"

static const char *const verdict_names[] = { "unknown", "same", "increased", "decreased" };

struct told {
	struct history h;
	struct regressions r;
	struct findings f;
	char why_no_cost[HISTORY_COST_WHY];
	const char *pipeline; /* NULL: the run has none */
	unsigned metrics;
};

static json_t *text_or_null(const char *text)
{
	return json_out_text(text, text ? strlen(text) : 0);
}

static json_t *real_or_null(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *run_uid(const struct told *t, uint32_t at)
{
	return text_or_null(regressions_run(&t->r, at)->uid);
}

static json_t *change_object(const struct told *t, const struct change *c)
{
	json_t *o = json_object();
	bool cut = c->cut.n_before > 0, known = c->slope.fitted || c->slope.high <= 0;

	json_object_set_new(o, "verdict", json_string(verdict_names[c->verdict]));
	json_object_set_new(o, "runs", json_out_uint(c->runs));
	json_object_set_new(o, "since", cut ? run_uid(t, c->cut.since) : json_null());
	json_object_set_new(o, "since_earliest", cut ? run_uid(t, c->cut.earliest) : json_null());
	json_object_set_new(o, "since_latest", cut ? run_uid(t, c->cut.latest) : json_null());
	json_object_set_new(o, "outlier",
			    c->outlier != CHANGE_NO_RUN ? run_uid(t, c->outlier) : json_null());
	json_object_set_new(o, "newest_only", json_boolean(c->newest_only));
	json_object_set_new(o, "runs_before", json_out_uint(c->cut.n_before));
	json_object_set_new(o, "runs_after", json_out_uint(c->cut.n_after));
	json_object_set_new(o, "ratio", real_or_null(c->cut.ratio));
	json_object_set_new(o, "ratio_low", real_or_null(c->cut.low));
	json_object_set_new(o, "ratio_high", real_or_null(c->cut.high));
	json_object_set_new(o, "newest_ratio", real_or_null(c->newest_ratio));
	json_object_set_new(o, "input_ratio", real_or_null(c->cut.input_ratio));
	json_object_set_new(o, "input_exponent",
			    known ? json_real(c->slope.exponent) : json_null());
	json_object_set_new(o, "input_exponent_low", json_real(c->slope.low));
	json_object_set_new(o, "input_exponent_high", json_real(c->slope.high));
	json_object_set_new(o, "p", json_real(c->p));
	json_object_set_new(o, "q", json_real(c->q));
	return o;
}

static json_t *tasks_array(const struct told *t)
{
	json_t *array = json_array();

	for (const struct group *g = t->r.groups; g; g = g->hh.next) {
		json_t *o = json_object(), *metrics = json_object();

		json_object_set_new(o, "task", text_or_null(g->name));
		for (unsigned m = 0; m < t->metrics; m++)
			json_object_set_new(metrics, history_metric_name(m),
					    change_object(t, &g->changes[m]));
		json_object_set_new(o, "metrics", metrics);
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *runs_array(const struct history *h)
{
	json_t *array = json_array();

	for (size_t i = 0; i < h->n_runs; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "id", text_or_null(h->runs[i].row.uid));
		json_object_set_new(o, "start_ns", json_out_time(h->runs[i].row.start_ns));
		json_object_set_new(o, "compared", json_boolean(!h->runs[i].missing));
		json_object_set_new(o, "missing", text_or_null(h->runs[i].missing));
		json_array_append_new(array, o);
	}
	return array;
}

static int print_json(const struct told *t)
{
	json_t *o = json_object();
	int r;

	json_object_set_new(o, "pipeline", text_or_null(t->pipeline));
	json_object_set_new(o, "run", run_uid(t, t->r.n_runs - 1));
	json_object_set_new(o, "runs", runs_array(&t->h));
	json_object_set_new(o, "runs_compared", json_integer(t->r.n_runs));
	json_object_set_new(o, "tests", json_out_uint(t->r.tests));
	json_object_set_new(o, "false_share_at_most", json_real(CHANGE_FALSE_SHARE));
	json_object_set_new(o, "cost_missing",
			    text_or_null(*t->why_no_cost ? t->why_no_cost : NULL));
	json_object_set_new(o, "tasks_dropped", json_out_uint(t->h.dropped));
	json_object_set_new(o, "tasks_not_compared", json_out_uint(t->r.groups_dropped));
	json_object_set_new(o, "findings", findings_array(&t->f));
	json_object_set_new(o, "findings_dropped", json_integer(t->f.dropped));
	json_object_set_new(o, "tasks", tasks_array(t));
	r = json_out_write(o, stdout, JSON_PRETTY);
	json_decref(o);
	return r;
}

static const char *cell(char *buf, size_t size, const struct change *c)
{
	if (!c->runs)
		return NULL;
	if (c->verdict == CHANGE_NONE)
		return "=";
	if (c->verdict == CHANGE_UNKNOWN && isnan(c->newest_ratio))
		return "?";
	if (c->verdict == CHANGE_UNKNOWN)
		snprintf(buf, size, "x%.2f ?", c->newest_ratio);
	else
		snprintf(buf, size, "x%.2f !", c->cut.ratio);
	return buf;
}

static int print_table(const struct told *t)
{
	static const struct table_column columns[] = {
		{ "TASK", false, false }, { "RUNS", true, true },   { "WALL", true, true },
		{ "CPU", true, true },	  { "MEMORY", true, true }, { "I/O", true, true },
		{ "COST", true, true },
	};
	struct table_options o = { .width = terminal_width(STDOUT_FILENO) };
	struct table *table;
	int r = table_new(stdout, columns, ARRAY_SIZE(columns) - (t->metrics < HISTORY_METRICS), &o,
			  &table);

	if (r < 0)
		return r;
	for (const struct group *g = t->r.groups; r >= 0 && g; g = g->hh.next) {
		char n[24], text[HISTORY_METRICS][32];
		const char *cells[2 + HISTORY_METRICS] = { g->name, n };

		snprintf(n, sizeof(n), "%zu", g->changes[HISTORY_WALL].runs);
		for (unsigned m = 0; m < t->metrics; m++)
			cells[2 + m] = cell(text[m], sizeof(text[m]), &g->changes[m]);
		r = table_row(table, cells);
	}
	if (r >= 0)
		r = table_end(table);
	table_free(table);
	return r;
}

static void print_head(const struct told *t)
{
	const struct run_row *run = regressions_run(&t->r, t->r.n_runs - 1);
	char when[HUMAN_MAX];

	fputs("pipeline ", stdout);
	safe_print(stdout, t->pipeline ? t->pipeline : "-");
	printf(": run %s of %s, and %u before it\n", run->uid, human_time(when, run->start_ns),
	       t->r.n_runs - 1);
	for (size_t i = 0; i < t->h.n_runs; i++)
		if (t->h.runs[i].missing)
			printf("left out: run %s: %s\n", t->h.runs[i].row.uid,
			       t->h.runs[i].missing);
	if (t->metrics < HISTORY_METRICS) {
		fputs("cost is left out: ", stdout);
		safe_print(stdout, t->why_no_cost);
		putchar('\n');
	}
	if (t->r.n_runs <= CHANGE_EARLIER)
		printf("too few runs: %d before this one are needed to judge it, and 3 on either\n"
		       "side to say since when something changed\n",
		       CHANGE_EARLIER);
	putchar('\n');
}

static int print_text(const struct told *t, bool all)
{
	struct tune_print p = { stdout, terminal_width(STDOUT_FILENO), all };
	int r;

	print_head(t);
	if (findings_print(&p, &t->f))
		putchar('\n');
	else if (t->r.tests)
		printf("no change is proven in %llu comparisons\n\n",
		       (unsigned long long)t->r.tests);
	r = print_table(t);
	printf("\nx: after by before a change, what grows with input taken out; ! proven (of 20\n"
	       "such, one may be chance), = none proven, ? too few runs: the newest by the "
	       "others\n"
	       "runs count as independent: a host whose load drifts shows as a change\n");
	if (t->h.dropped || t->r.groups_dropped)
		printf("beyond the limits and not compared: %llu tasks\n",
		       (unsigned long long)(t->h.dropped + t->r.groups_dropped));
	return r < 0 ? r : ferror(stdout) ? -EIO : 0;
}

static int judge(struct told *t, struct store *store)
{
	int r = history_add_costs(&t->h, store, t->why_no_cost);
	bool any = false;

	for (size_t i = 0; i < t->h.n; i++)
		any |= !isnan(t->h.tasks[i].usd);
	t->metrics = any ? HISTORY_METRICS : HISTORY_COST;
	if (!any && !*t->why_no_cost)
		str_copy(t->why_no_cost, sizeof(t->why_no_cost), "no task has a price");
	if (r == 0)
		r = regressions_make(&t->r, &t->h, t->metrics);
	if (r == 0)
		regressions_find(&t->r, &t->f);
	return r < 0 ? r : t->f.failed ? -ENOMEM : 0;
}

struct newest {
	const char *pipeline;
	struct arena *arena;
	struct run_row row;
};

static int visit_newest(void *ctx, const struct run_row *row)
{
	struct newest *n = ctx;
	const char *name = history_pipeline(row);

	if (!name || strcmp(name, n->pipeline) != 0 ||
	    (n->row.id && row->start_ns < n->row.start_ns))
		return 0;
	return run_row_copy(n->arena, row, &n->row);
}

/* The run that is judged: the newest of a pipeline that may be, or the one asked for. */
static int choose(struct told *t, const struct reader *r, const struct tune_sizing_options *o)
{
	struct newest n = { .pipeline = o->pipeline, .arena = &t->h.arena };
	unsigned most = o->runs ? o->runs : REGRESSIONS_RUNS_DEFAULT;
	int error;

	t->h.whole = true;
	t->pipeline = o->pipeline ? o->pipeline : history_pipeline(&r->run);
	if (!o->pipeline)
		return history_add_before(&t->h, r->store, &r->run, most);
	error = store_each_run(r->store, 0, visit_newest, &n);
	if (error < 0 || !n.row.id)
		return error;
	return history_add_before(&t->h, r->store, &n.row, most);
}

static int tell(struct told *t, const struct reader *reader, const struct tune_sizing_options *o,
		bool all)
{
	int r = choose(t, reader, o);

	if (r < 0)
		return reader_result(r);
	if (!t->h.n_runs) {
		log_error("no run of pipeline `%s` (see `tracer runs`)", o->pipeline);
		return EXIT_NOT_FOUND;
	}
	if (!o->pipeline && t->h.runs[t->h.n_runs - 1].missing) {
		log_error("nothing is compared: run %s: %s", t->h.runs[t->h.n_runs - 1].row.uid,
			  t->h.runs[t->h.n_runs - 1].missing);
		return EXIT_ERROR;
	}
	r = judge(t, reader->store);
	if (r == 0 && !t->r.n_runs) {
		log_error("nothing is compared: no run of `%s` is complete", o->pipeline);
		return EXIT_ERROR;
	}
	if (r == 0)
		r = o->json ? print_json(t) : print_text(t, all);
	return reader_result(r);
}

int tune_regressions(const struct tune_sizing_options *o, const struct command_spec *spec, bool all)
{
	_cleanup_(reader_close) struct reader r = { 0 };
	struct told t = { 0 };
	int rc;

	if (o->runs > REGRESSIONS_RUNS_MAX)
		return options_misuse(spec, "--runs takes at most %d with --regressions, not %u",
				      REGRESSIONS_RUNS_MAX, o->runs);
	rc = o->pipeline ? reader_open(&r, o->db) : reader_open_run(&r, o->db, o->run);
	if (!rc)
		rc = tell(&t, &r, o, all);
	findings_fini(&t.f);
	regressions_fini(&t.r);
	history_fini(&t.h);
	return rc;
}
