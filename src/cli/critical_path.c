/* SPDX-License-Identifier: Apache-2.0 */
/* tracer critical-path: the chain of tasks and gaps that a run's time consists of. */
#include "src/analysis/critical_path.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/table.h"
#include "src/cli/cli.h"
#include "src/cli/flow_view.h"
#include "src/cli/json_rows.h"
#include "src/cli/sheet.h"

#define SLACK_LISTED 10

struct path_options {
	struct reader_options reader;
	bool slack;
};

static const struct option_spec options[] = {
	{ "slack", 0, OPTION_FLAG, offsetof(struct path_options, slack), NULL,
	  "list how much later each task could have ended\nwithout moving the end" },
	DB_OPTION(struct path_options, reader),
	JSON_OPTION(struct path_options, reader),
	FORMAT_OPTION(struct path_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "critical-path",
	.words = "[RUN]",
	.about = "Shows the chain of tasks and gaps that made up the time of a run (default:\n"
		 "the latest) from its start to its end, and why each link of it had to wait.",
	.options = options,
	.max_words = 1,
};

struct view {
	struct flow_view flow;
	struct critical_path path;
};

static const char *why_name(enum path_why why)
{
	static const char *const names[] = {
		[WHY_NOTHING] = NULL, [WHY_DATA] = "data",   [WHY_STREAM] = "pipe",
		[WHY_SLOT] = "slot",  [WHY_ORDER] = "order", [WHY_INSIDE] = "inside",
	};

	return names[why];
}

/* Of a script: it has steps, not tasks, and is its own engine. For people. */
static const char *kind_word(const struct view *v, enum path_kind kind)
{
	if (v->flow.n_steps && kind == PATH_TASK)
		return "step";
	if (v->flow.n_steps && kind == PATH_ENGINE)
		return "script";
	return path_kind_name(kind);
}

static void task_reason(struct str *out, const struct view *v, const struct path_segment *s)
{
	static const char *const before[] = {
		[WHY_NOTHING] = NULL,
		[WHY_DATA] = "needed files of ",
		[WHY_STREAM] = "read while this one wrote: ",
		[WHY_SLOT] = "as many ran as ever, until the end of ",
		[WHY_ORDER] = "began after ",
		[WHY_INSIDE] = "encloses ",
	};

	if (s->after == FLOW_ENGINE || !before[s->why]) {
		str_add(out, s->why == WHY_INSIDE ? "between its own tasks" : "first of the chain");
		return;
	}
	str_add(out, before[s->why]);
	flow_task_label(out, &v->flow, s->after);
	if (s->why == WHY_ORDER)
		str_add(out, ", no data seen to pass");
}

static void reason(struct str *out, const struct view *v, const struct path_segment *s)
{
	switch (s->kind) {
	case PATH_TASK:
		task_reason(out, v, s);
		break;
	case PATH_START:
		str_addf(out, "before the first %s of the chain",
			 v->flow.n_steps ? "step" : "task");
		break;
	case PATH_ENGINE:
		str_addf(out, "the %s had not started it yet",
			 v->flow.n_steps ? "script" : "engine");
		break;
	case PATH_QUEUE:
		str_add(out, "submitted, waiting to be started");
		break;
	case PATH_STAGING:
		str_add(out, "the engine moved or copied files");
		break;
	case PATH_END:
		str_addf(out, "after the last %s", v->flow.n_steps ? "step" : "task");
		break;
	default:
		str_add(out, v->flow.in.n_tasks ? "nothing of the run was seen to be alive"
						: "the run has no tasks");
	}
}

static int add_row(struct table *t, const struct view *v, const struct path_segment *s)
{
	_cleanup_(str_fini) struct str label = STR_INIT, why = STR_INIT;
	uint64_t wall_ns = v->path.end_ns - v->path.start_ns, ns = s->end_ns - s->start_ns;
	char at[HUMAN_MAX], duration[HUMAN_MAX], share[HUMAN_MAX];
	const char *cells[] = {
		human_duration(at, s->start_ns - v->path.start_ns),
		human_duration(duration, ns),
		human_percent(share, ns, wall_ns),
		kind_word(v, s->kind),
		NULL,
		NULL,
	};

	if (s->task != FLOW_ENGINE)
		flow_task_label(&label, &v->flow, s->task);
	reason(&why, v, s);
	cells[4] = str_text(&label);
	cells[5] = str_text(&why);
	return label.failed || why.failed ? -ENOMEM : table_row(t, cells);
}

static int print_segments(const struct view *v)
{
	const char *task = v->flow.n_steps ? "STEP" : "TASK";
	const struct table_column columns[] = {
		{ "AT", true, true },	 { "FOR", true, true },	 { "SHARE", true, true },
		{ "KIND", false, true }, { task, false, false }, { "WHY", false, false },
	};
	struct table_options o = { .width = terminal_width(STDOUT_FILENO) };
	struct table *t;
	int r = table_new(stdout, columns, ARRAY_SIZE(columns), &o, &t);

	if (r < 0)
		return r;
	for (size_t i = 0; i < v->path.n && r == 0; i++)
		r = add_row(t, v, &v->path.segments[i]);
	if (r == 0)
		r = table_end(t);
	table_free(t);
	return r;
}

static void print_sums(const struct view *v)
{
	uint64_t wall_ns = v->path.end_ns - v->path.start_ns;
	char time[HUMAN_MAX], share[HUMAN_MAX];
	bool first = true;

	fputc('\n', stdout);
	for (unsigned i = 0; i < PATH_KINDS; i++) {
		if (!v->path.sums_ns[i])
			continue;
		printf("%s%s %s (%s)", first ? "" : ", ", kind_word(v, (enum path_kind)i),
		       human_duration(time, v->path.sums_ns[i]),
		       human_percent(share, v->path.sums_ns[i], wall_ns));
		first = false;
	}
	fputc('\n', stdout);
}

struct slack_row {
	uint32_t task;
	uint64_t slack_ns;
};

static int compare_slack(const void *a, const void *b)
{
	const struct slack_row *x = a, *y = b;

	if (x->slack_ns != y->slack_ns)
		return x->slack_ns < y->slack_ns ? -1 : 1;
	return x->task < y->task ? -1 : x->task > y->task;
}

/* Tasks that are not on the path, the tightest first. */
static size_t sorted_slack(const struct view *v, struct slack_row *rows)
{
	size_t n = 0;

	for (uint32_t i = 0; i < v->flow.in.n_tasks; i++)
		if (v->path.tasks[i].slack_known && !v->path.tasks[i].on_path)
			rows[n++] = (struct slack_row){ i, v->path.tasks[i].slack_ns };
	if (n)
		qsort(rows, n, sizeof(*rows), compare_slack);
	return n;
}

static int print_slack(const struct view *v, bool all)
{
	static const struct table_column columns[] = { { "SLACK", true, true },
						       { "TASK", false, false } };
	_cleanup_free_ struct slack_row *rows = calloc(v->flow.in.n_tasks + 1, sizeof(*rows));
	struct table_options o = { .width = terminal_width(STDOUT_FILENO) };
	size_t n = rows ? sorted_slack(v, rows) : 0, shown = n;
	struct table *t;
	int r;

	if (!rows)
		return -ENOMEM;
	if (!all && shown > SLACK_LISTED)
		shown = SLACK_LISTED;
	if (!n)
		return 0;
	fputc('\n', stdout);
	r = table_new(stdout, columns, ARRAY_SIZE(columns), &o, &t);
	for (size_t i = 0; i < shown && r == 0; i++) {
		_cleanup_(str_fini) struct str label = STR_INIT;
		char slack[HUMAN_MAX];
		const char *cells[] = { human_duration(slack, rows[i].slack_ns), NULL };

		flow_task_label(&label, &v->flow, rows[i].task);
		cells[1] = str_text(&label);
		r = table_row(t, cells);
	}
	if (r == 0)
		r = table_end(t);
	table_free(t);
	if (shown < n)
		printf("and %zu more tasks: tracer critical-path --slack %s\n", n - shown,
		       v->flow.s.run.uid);
	return r;
}

static int print_text(const struct view *v, bool slack)
{
	int r = print_segments(v);

	if (r < 0)
		return r;
	print_sums(v);
	r = print_slack(v, slack);
	if (v->flow.n_steps)
		puts("\nno engine, so no tasks: steps are what the first process started");
	if (!v->path.by_data && v->flow.in.n_tasks > 1)
		printf("\nno data were seen to pass between %s: the chain is by time alone\n",
		       v->flow.n_steps ? "steps" : "tasks");
	fputc('\n', stdout);
	flow_print_notes(&v->flow, "", stdout);
	return r;
}

static json_t *task_id(const struct view *v, uint32_t task)
{
	char id[24];

	if (task == FLOW_ENGINE)
		return json_null();
	flow_task_id(id, sizeof(id), &v->flow, task);
	return json_string(id);
}

static json_t *segment_object(const struct view *v, const struct path_segment *s)
{
	_cleanup_(str_fini) struct str label = STR_INIT, why = STR_INIT;
	uint64_t wall_ns = v->path.end_ns - v->path.start_ns, ns = s->end_ns - s->start_ns;
	const char *link = why_name(s->why);
	json_t *o = json_object();

	if (s->task != FLOW_ENGINE)
		flow_task_label(&label, &v->flow, s->task);
	reason(&why, v, s);
	json_out_set(o, "kind", json_string(path_kind_name(s->kind)));
	json_out_set(o, "start_ns", json_out_time(s->start_ns));
	json_out_set(o, "end_ns", json_out_time(s->end_ns));
	json_out_set(o, "duration_ns", json_out_uint(ns));
	json_out_set(o, "share_ratio", json_real((double)ns / (double)wall_ns));
	json_out_set(o, "task", task_id(v, s->task));
	json_out_set(o, "label",
		     s->task == FLOW_ENGINE ? json_null()
					    : json_out_text(str_text(&label), label.len));
	json_out_set(o, "link", link ? json_string(link) : json_null());
	json_out_set(o, "after", task_id(v, s->after));
	json_out_set(o, "reason", json_out_text(str_text(&why), why.len));
	return o;
}

static json_t *tasks_array(const struct view *v)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < v->flow.in.n_tasks; i++) {
		const struct path_task *t = &v->path.tasks[i];
		json_t *o = flow_task_object(&v->flow, i);

		json_out_set(o, "on_path", json_boolean(t->on_path));
		json_out_set(o, "slack_ns",
			     t->slack_known ? json_out_uint(t->slack_ns) : json_null());
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *sums_object(const struct view *v)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < PATH_KINDS; i++)
		json_out_set(o, path_kind_name((enum path_kind)i),
			     json_out_uint(v->path.sums_ns[i]));
	return o;
}

static json_t *segments_array(const struct view *v)
{
	json_t *array = json_array();

	for (size_t i = 0; i < v->path.n; i++)
		json_array_append_new(array, segment_object(v, &v->path.segments[i]));
	return array;
}

static int print_rows(const struct view *v, enum format format)
{
	json_t *rows = segments_array(v);
	int r = json_rows_print(rows, format, stdout);

	json_decref(rows);
	return r;
}

static int print_json(const struct view *v)
{
	uint64_t wall_ns = v->path.end_ns - v->path.start_ns;
	json_t *o = json_object();
	int r;

	json_out_set(o, "run", json_string(v->flow.s.run.uid));
	json_out_set(o, "start_ns", json_out_time(v->path.start_ns));
	json_out_set(o, "end_ns", json_out_time(v->path.end_ns));
	json_out_set(o, "makespan_ns", json_out_uint(wall_ns));
	json_out_set(o, "explained_ratio",
		     wall_ns ? json_real((double)(wall_ns - v->path.sums_ns[PATH_UNKNOWN]) /
					 (double)wall_ns)
			     : json_null());
	json_out_set(o, "steps", json_boolean(v->flow.n_steps > 0));
	json_out_set(o, "by_data", json_boolean(v->path.by_data));
	json_out_set(o, "sums_ns", sums_object(v));
	json_out_set(o, "segments", segments_array(v));
	json_out_set(o, "tasks", tasks_array(v));
	json_out_set(o, "completeness", flow_completeness(&v->flow));
	r = o ? json_out_write(o, stdout, JSON_PRETTY) : -ENOMEM;
	json_decref(o);
	return r;
}

static int find_path(struct view *v, struct reader *r)
{
	const struct flow_span run = { r->run.start_ns, r->run.end_ns };
	int error = flow_view_load(&v->flow, r->store, &r->run, false);

	if (error < 0)
		return error;
	return critical_path_find(&v->flow.in, &v->flow.flow, &run, &v->path);
}

int cmd_critical_path(int argc, char **argv)
{
	struct path_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	struct view v = { 0 };
	int rc, error, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	rc = sheet_options_check(&spec, &o.reader);
	if (!rc)
		rc = reader_open_run(&r, o.reader.db, argv[first]);
	if (rc)
		return rc;
	error = find_path(&v, &r);
	if (error >= 0 && sheet_format(&o.reader) == FORMAT_TABLE)
		error = print_text(&v, o.slack);
	else if (error >= 0 && sheet_format(&o.reader) == FORMAT_JSON)
		error = print_json(&v);
	else if (error >= 0)
		error = print_rows(&v, sheet_format(&o.reader));
	critical_path_fini(&v.path);
	flow_view_fini(&v.flow);
	return reader_result(error);
}
