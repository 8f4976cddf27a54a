/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracer tune --backtest FILE...: what each way of sizing memory would have wasted
 * on the tasks of trace files, and how often it would have failed.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/backtest.h"
#include "src/analysis/trace_file.h"
#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/json_out.h"
#include "src/base/log.h"
#include "src/base/table.h"
#include "src/cli/cli.h"
#include "src/cli/tune_sizing.h"
#include "src/cli/wfformat.h"

#define LINE_MAX (1 << 20)
#define WARNINGS 5

struct trace_counts {
	size_t rows, bad, not_done, no_peak, no_time, no_input;
};

struct trace_reader {
	const char *path;
	struct trace_header header;
	struct past_tasks tasks;
	struct trace_counts counts;
	bool json;
	size_t line; /* of JSON: task */
};

static void bad_row(struct trace_reader *t, const char *why)
{
	if (t->counts.bad++ < WARNINGS)
		log_warning("%s:%s%zu: %s: row left out", t->path, t->json ? " task " : "", t->line,
			    why);
}

static int take_task(struct trace_reader *t, const struct trace_task *row)
{
	struct past_task task;

	if (row->end == TRACE_NOT_DONE) {
		t->counts.not_done++;
		return 0;
	}
	if (!(row->peak_bytes > 0)) {
		t->counts.no_peak++;
		return 0;
	}
	if (!(row->seconds > 0)) {
		t->counts.no_time++;
		return 0;
	}
	t->counts.no_input += isnan(row->input_bytes);
	task = (struct past_task){
		.kind = row->process,
		.usage = { .input_bytes = isnan(row->input_bytes) ? 0 : row->input_bytes,
			   .peak_bytes = row->peak_bytes,
			   .seconds = row->seconds,
			   .limit_bytes = row->memory_bytes > 0 ? row->memory_bytes : 0,
			   .killed_for_memory = row->end == TRACE_KILLED_FOR_MEMORY },
		.requested_bytes = row->memory_bytes,
		.cpus = row->cpus,
		.cores = row->cores,
		.start = row->start_ms,
	};
	return past_tasks_add(&t->tasks, &task);
}

static int take_row(struct trace_reader *t, char *line)
{
	char why[TRACE_WHY];
	struct trace_task row;

	t->counts.rows++;
	if (trace_task_parse(&t->header, line, &row, why) < 0) {
		bad_row(t, why);
		return 0;
	}
	return take_task(t, &row);
}

/* Up to the next newline. Its length without that, or -1 at the end. What is beyond
 * LINE_MAX is not kept; ret_text: it fits and has no NUL in it. */
static ssize_t read_line(FILE *f, char *line, bool *ret_text)
{
	size_t len = 0;
	int c;

	*ret_text = true;
	while ((c = getc_unlocked(f)) != EOF && c != '\n') {
		*ret_text &= c != '\0' && len < LINE_MAX;
		if (len < LINE_MAX)
			line[len++] = (char)c;
	}
	line[len] = '\0';
	return c == EOF && !len ? -1 : (ssize_t)len;
}

static int read_rows(struct trace_reader *t, FILE *f)
{
	_cleanup_free_ char *line = malloc(LINE_MAX + 1);
	char why[TRACE_WHY];
	bool text;
	int r = line ? 0 : -ENOMEM;

	while (r == 0 && read_line(f, line, &text) >= 0) {
		t->line++;
		if (t->line == 1) {
			snprintf(why, sizeof(why), "not a line of text");
			r = text ? trace_header_parse(&t->header, line, why) : -EINVAL;
			if (r < 0)
				log_error("%s:1: %s", t->path, why);
		} else if (!text) {
			bad_row(t, "not a line of text");
		} else if (line[strspn(line, " \r\n")]) {
			r = take_row(t, line);
		}
	}
	return r < 0 ? r : ferror(f) ? -EIO : 0;
}

static int take_json_task(void *ctx, const struct trace_task *row, const char *why)
{
	struct trace_reader *t = ctx;

	t->counts.rows++;
	t->line++;
	if (!why)
		return take_task(t, row);
	bad_row(t, why);
	return 0;
}

static int feed(struct wfformat *w, FILE *f)
{
	char buf[65536];
	size_t n;
	int r = 0;

	while (r == 0 && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		r = wfformat_feed(w, buf, n);
	return r < 0 ? r : ferror(f) ? -EIO : 0;
}

static int wfformat_error(const struct trace_reader *t, int r)
{
	static const char shape[] = "WfFormat 1.5 has workflow.execution.tasks[]";

	if (r == -EPROTO)
		log_error("%s: the JSON is cut off", t->path);
	else if (r == -ENODATA)
		log_error("%s: no task in this JSON: %s", t->path, shape);
	else if (r == -EINVAL)
		log_error("%s: not JSON: %s", t->path, shape);
	else if (r == -E2BIG)
		log_error("%s: more than %d tasks or files, or a value beyond the limits", t->path,
			  WFFORMAT_MAX);
	else
		return r;
	return -EBADMSG;
}

static int read_wfformat(struct trace_reader *t, FILE *f)
{
	struct wfformat_sink sink = { t, take_json_task };
	struct wfformat *w;
	int r = wfformat_new(&sink, &w);

	t->json = true;
	for (unsigned pass = 0; r == 0 && pass < WFFORMAT_PASSES; pass++) {
		if (fseek(f, 0, SEEK_SET) < 0) {
			log_error("%s is no file: JSON is read several times", t->path);
			r = -EBADMSG;
			break;
		}
		wfformat_begin(w, pass);
		r = feed(w, f);
		if (r == 0)
			r = wfformat_end(w);
		if (r < 0)
			r = wfformat_error(t, r);
	}
	wfformat_free(w);
	return r;
}

/* JSON begins with a brace, after blanks. */
static bool is_json(FILE *f)
{
	int c;

	while ((c = getc_unlocked(f)) == ' ' || c == '\n' || c == '\r')
		;
	if (c != EOF)
		ungetc(c, f);
	return c == '{';
}

static int nothing_in(const struct trace_reader *t)
{
	const struct trace_counts *c = &t->counts;

	log_error("%s: no task with memory and time in %zu rows: %zu without memory, %zu without "
		  "time, %zu failed, %zu unreadable",
		  t->path, c->rows, c->no_peak, c->no_time, c->not_done, c->bad);
	return EXIT_ERROR;
}

static int read_trace(struct trace_reader *t)
{
	_cleanup_fclose_ FILE *f = fopen(t->path, "re");
	int r;

	if (!f) {
		log_error("cannot open %s: %s", t->path, strerror(errno));
		return EXIT_ERROR;
	}
	r = is_json(f) ? read_wfformat(t, f) : read_rows(t, f);
	if (r == -EINVAL || r == -EBADMSG) /* it has been said */
		return EXIT_ERROR;
	if (r == -E2BIG) {
		log_error("%s: more than %d tasks", t->path, BACKTEST_TASKS_MAX);
		return EXIT_ERROR;
	}
	if (r < 0) {
		log_error("cannot read %s: %s", t->path, strerror(-r));
		return EXIT_ERROR;
	}
	if (t->counts.bad > WARNINGS)
		log_warning("%s: %zu rows were left out in all", t->path, t->counts.bad);
	return t->tasks.n ? EXIT_OK : nothing_in(t);
}

static void print_risk(const struct backtest *b)
{
	double n = (double)b->stated_tasks;

	if (b->stated_tasks)
		printf("one size: stated that less than %.1f %% of tasks to come need more (mean); "
		       "%.1f %% of %zu did\n",
		       100 * b->stated_sum / n, 100 * (double)b->met / n, b->stated_tasks);
}

static void print_cores(const struct backtest *b)
{
	if (!b->cores_known)
		return;
	printf("cores of %zu tasks: requested %.1f core h, kept busy %.1f, sized %.1f (%zu tasks "
	       "would have had fewer than they used)\n",
	       b->cores_known, b->core_s_requested / 3600, b->core_s_used / 3600,
	       b->core_s_sized / 3600, b->cores_short);
}

static void print_counts(const struct trace_counts *c, const struct backtest *b)
{
	printf("%zu rows: %zu tasks of %zu processes replayed", c->rows, b->replayed, b->kinds);
	if (b->learned_only)
		printf(", %zu only learned from", b->learned_only);
	if (c->no_time)
		printf(", %zu without time", c->no_time);
	if (c->no_peak)
		printf(", %zu without memory", c->no_peak);
	if (c->not_done)
		printf(", %zu that failed", c->not_done);
	if (c->bad)
		printf(", %zu unreadable", c->bad);
	if (c->no_input)
		printf("; %zu with unknown input", c->no_input);
	putchar('\n');
}

static int print_text(const struct trace_reader *t, const struct backtest *b)
{
	static const struct table_column columns[] = {
		{ "MEMORY BY", false, true }, { "WASTE GB h", true, true },
		{ "OF USE", true, true },     { "FAILED ATTEMPTS", true, true },
		{ "OF TASKS", true, true },
	};
	struct table_options options = { .indent = 2 };
	struct table *table;
	int r;

	printf("%s\n", t->path);
	print_counts(&t->counts, b);
	r = table_new(stdout, columns, ARRAY_SIZE(columns), &options, &table);
	for (unsigned way = 0; r >= 0 && way < BACKTEST_WAYS; way++) {
		const struct backtest_way *w = &b->ways[way];
		char waste[40], of[40], failures[40], share[40];
		const char *cells[] = { backtest_way_name(way), waste, of, failures, share };

		snprintf(waste, sizeof(waste), "%.2f", w->waste_byte_s / GB_H);
		snprintf(of, sizeof(of), "%.2f x", w->waste_byte_s / b->used_byte_s);
		snprintf(failures, sizeof(failures), "%zu", w->failures);
		snprintf(share, sizeof(share), "%.1f %%",
			 100 * (double)w->failures / (double)b->replayed);
		if (way == BASELINE_REQUESTED && !b->requests_known)
			cells[1] = cells[2] = cells[3] = cells[4] = NULL;
		r = table_row(table, cells);
	}
	if (r >= 0)
		r = table_end(table);
	table_free(table);
	print_risk(b);
	print_cores(b);
	return r < 0 ? r : ferror(stdout) ? -EIO : 0;
}

static json_t *ways_array(const struct backtest *b)
{
	json_t *array = json_array();

	for (unsigned way = 0; way < BACKTEST_WAYS; way++) {
		const struct backtest_way *w = &b->ways[way];
		bool known = way != BASELINE_REQUESTED || b->requests_known;
		json_t *o = json_pack("{s:s}", "name", backtest_way_name(way));

		json_object_set_new(o, "waste_gb_h",
				    known ? json_real(w->waste_byte_s / GB_H) : json_null());
		json_object_set_new(o, "failed_attempts",
				    known ? json_out_uint(w->failures) : json_null());
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *share_of(double part, size_t n)
{
	return n ? json_real(part / (double)n) : json_null();
}

static json_t *file_object(const struct trace_reader *t, const struct backtest *b)
{
	json_t *o = json_object();

	json_object_set_new(o, "file", json_out_text(t->path, strlen(t->path)));
	json_object_set_new(o, "rows", json_out_uint(t->counts.rows));
	json_object_set_new(o, "tasks", json_out_uint(b->replayed));
	json_object_set_new(o, "processes", json_out_uint(b->kinds));
	json_object_set_new(o, "learned_only", json_out_uint(b->learned_only));
	json_object_set_new(o, "without_time", json_out_uint(t->counts.no_time));
	json_object_set_new(o, "without_memory", json_out_uint(t->counts.no_peak));
	json_object_set_new(o, "failed", json_out_uint(t->counts.not_done));
	json_object_set_new(o, "unreadable", json_out_uint(t->counts.bad));
	json_object_set_new(o, "unknown_input", json_out_uint(t->counts.no_input));
	json_object_set_new(o, "used_gb_h", json_real(b->used_byte_s / GB_H));
	json_object_set_new(o, "ways", ways_array(b));
	json_object_set_new(o, "risk_tasks", json_out_uint(b->stated_tasks));
	json_object_set_new(o, "risk_stated_ratio", share_of(b->stated_sum, b->stated_tasks));
	json_object_set_new(o, "risk_met_ratio", share_of((double)b->met, b->stated_tasks));
	json_object_set_new(o, "cores_known_tasks", json_out_uint(b->cores_known));
	json_object_set_new(o, "core_h_requested", json_real(b->core_s_requested / 3600));
	json_object_set_new(o, "core_h_used", json_real(b->core_s_used / 3600));
	json_object_set_new(o, "core_h_sized", json_real(b->core_s_sized / 3600));
	json_object_set_new(o, "cores_short_tasks", json_out_uint(b->cores_short));
	return o;
}

/* files: NULL unless JSON. */
static int one_file(const char *path, const struct sizing_options *costs, json_t *files)
{
	struct trace_reader t = { .path = path };
	struct backtest b;
	int r, rc = read_trace(&t);

	if (rc == EXIT_OK) {
		r = backtest_run(&t.tasks, costs, &b);
		if (r >= 0 && !b.replayed) {
			log_error("%s: no task to replay: nothing says how much memory the first "
				  "%d tasks of a process were given, and no process has more",
				  path, SIZER_FEW);
			rc = EXIT_ERROR;
		} else if (r >= 0 && files) {
			json_array_append_new(files, file_object(&t, &b));
		} else if (r >= 0) {
			r = print_text(&t, &b);
		}
		if (r < 0) {
			log_error("cannot replay %s: %s", path, strerror(-r));
			rc = EXIT_ERROR;
		}
	}
	past_tasks_fini(&t.tasks);
	return rc;
}

int tune_backtest(const struct tune_sizing_options *o, const struct sizing_options *costs, int n,
		  char **files)
{
	json_t *array = o->json ? json_array() : NULL;
	int rc = EXIT_OK;

	for (int i = 0; i < n; i++) {
		int one;

		if (i && !o->json)
			putchar('\n');
		one = one_file(files[i], costs, array);
		if (one)
			rc = one;
	}
	if (array) {
		json_t *object = json_pack("{s:o}", "files", array);

		if (!object || json_out_write(object, stdout, JSON_PRETTY) < 0)
			rc = EXIT_ERROR;
		json_decref(object);
	}
	return rc;
}
