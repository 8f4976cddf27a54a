/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracer tune --sizes: how much memory and how many cores each task of a pipeline
 * needs, learned from its runs, as a table, as JSON or as settings to paste.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/rightsize.h"
#include "src/analysis/stats.h"
#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/json_out.h"
#include "src/base/log.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/cli/cli.h"
#include "src/cli/history.h"
#include "src/cli/reader.h"
#include "src/cli/size_settings.h"
#include "src/cli/tune_sizing.h"

struct kind { /* tasks of one name */
	struct size_advice advice;
	struct sizer *sizer;
	double *inputs, *busy;
	size_t n, size;
	double asked_waste_byte_s;
	bool asked_all, cpus_all; /* every task said what it wants */
	UT_hash_handle hh;
};

struct kinds {
	struct kind *all; /* by first appearance */
	unsigned judged;  /* runs */
	size_t without_memory, not_done, loose;
};

static struct kind *kind_of(struct kinds *kinds, const char *name, const struct sizing_options *c)
{
	struct kind *k;

	HASH_FIND(hh, kinds->all, name, strlen(name), k);
	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k || sizer_new(c, &k->sizer) < 0) {
		free(k);
		return NULL;
	}
	k->advice.name = name;
	k->asked_all = k->cpus_all = true;
	HASH_ADD_KEYPTR(hh, kinds->all, name, strlen(name), k);
	return k;
}

static int grow(struct kind *k)
{
	size_t size = k->size ? k->size * 2 : 16;
	double *inputs, *busy;

	if (k->n < k->size)
		return 0;
	inputs = reallocarray(k->inputs, size, sizeof(*inputs));
	if (inputs)
		k->inputs = inputs;
	busy = reallocarray(k->busy, size, sizeof(*busy));
	if (busy)
		k->busy = busy;
	if (!inputs || !busy)
		return -ENOMEM;
	k->size = size;
	return 0;
}

static void note_request(struct kind *k, const struct history_task *t, double peak)
{
	struct size_advice *a = &k->advice;

	if (t->requested_bytes > a->asked_bytes)
		a->asked_bytes = t->requested_bytes;
	if (t->requested_cpus > a->asked_cpus)
		a->asked_cpus = t->requested_cpus;
	k->asked_all &= t->requested_bytes > 0;
	k->cpus_all &= t->requested_cpus > 0;
	k->asked_waste_byte_s += fmax((double)t->requested_bytes - peak, 0) * history_seconds(t);
}

static int add_task(struct kinds *kinds, const struct history_task *t,
		    const struct sizing_options *costs)
{
	uint64_t peak = t->together_bytes ? t->together_bytes : t->largest_bytes;
	double seconds = history_seconds(t);
	bool oom = t->status == TASK_STATUS_OOM;
	struct kind *k;
	int r;

	if (t->status != TASK_STATUS_SUCCEEDED && !oom) {
		kinds->not_done++;
		return 0;
	}
	if (!peak || !(seconds > 0)) {
		kinds->without_memory++;
		return 0;
	}
	k = kind_of(kinds, t->name, costs);
	r = k ? grow(k) : -ENOMEM;
	if (r < 0)
		return r;
	kinds->loose += !t->together_bytes;
	k->advice.killed += oom;
	if (peak > k->advice.peak_bytes)
		k->advice.peak_bytes = peak;
	if (t->largest_bytes > k->advice.largest_bytes)
		k->advice.largest_bytes = t->largest_bytes;
	note_request(k, t, (double)peak);
	sizer_add(k->sizer, &(struct usage){ .input_bytes = (double)t->input_bytes,
					     .peak_bytes = (double)peak,
					     .seconds = seconds,
					     .limit_bytes = (double)t->requested_bytes,
					     .killed_for_memory = oom });
	k->inputs[k->n] = (double)t->input_bytes;
	k->busy[k->n++] = (double)t->cpu_ns / 1e9 / seconds;
	return 0;
}

static unsigned confidence_of(const struct sizing *s)
{
	return s->cautious ? 40 : (unsigned)fmin(95, 100 * (1 - s->failure_share_upper));
}

static void advise(struct kind *k, unsigned runs)
{
	struct size_advice *a = &k->advice;
	struct sizing s;

	a->samples = k->n;
	a->cpus = k->n >= SIZER_FEW ? cores_needed(k->busy, k->n) : 0;
	a->busy_p90 = k->n ? stats_quantile(k->busy, k->n, 0.9) : NAN;
	if (k->n && !a->cpus) {
		stats_sort(k->busy, k->n);
		a->busy_p90 = stats_quantile(k->busy, k->n, 0.9);
	}
	stats_sort(k->inputs, k->n);
	a->input_bytes = stats_quantile(k->inputs, k->n, 0.95);
	a->known = sizer_choose(k->sizer, a->input_bytes, SIZING_STANDS, &s);
	a->saving_byte_s = NAN;
	if (!a->known)
		return;
	a->sizing = s;
	a->bytes = s.bytes;
	a->confidence = confidence_of(&s);
	if (k->asked_all)
		a->saving_byte_s = (k->asked_waste_byte_s -
				    s.waste_byte_s * (double)k->n / (double)s.samples) /
				   runs;
	if (!k->cpus_all)
		a->asked_cpus = 0;
}

static int collect(struct kinds *kinds, const struct history *h, const struct sizing_options *costs)
{
	int r = 0;

	for (size_t i = 0; i < h->n_runs; i++) {
		if (!h->runs[i].missing)
			kinds->judged++;
		else
			log_warning("run %s is left out: %s", h->runs[i].row.uid,
				    h->runs[i].missing);
	}
	for (size_t i = 0; r == 0 && i < h->n; i++)
		if (!h->runs[h->tasks[i].run].missing)
			r = add_task(kinds, &h->tasks[i], costs);
	for (struct kind *k = kinds->all; k; k = k->hh.next)
		advise(k, kinds->judged);
	return r;
}

static void kinds_fini(struct kinds *kinds)
{
	struct kind *k, *next;

	HASH_ITER (hh, kinds->all, k, next) {
		HASH_DEL(kinds->all, k);
		sizer_free(k->sizer);
		free(k->inputs);
		free(k->busy);
		free(k);
	}
}

static void risk_text(char *buf, size_t size, const struct size_advice *a)
{
	if (!a->known)
		snprintf(buf, size, "not enough data: %zu of %d tasks", a->samples, SIZER_FEW);
	else
		snprintf(buf, size, "%zu of %zu, < %.0f %%", a->sizing.failures, a->sizing.samples,
			 ceil(100 * a->sizing.failure_share_upper));
}

static int print_row(struct table *table, const struct size_advice *a)
{
	char n[24], memory[HUMAN_MAX], peak[HUMAN_MAX], asked[HUMAN_MAX], cpus[24], had[24],
		busy[24], risk[64], saving[40];
	const char *cells[] = {
		a->name, n, memory, asked, peak, NULL, cpus, had, busy, risk, saving
	};

	snprintf(n, sizeof(n), "%zu", a->samples);
	human_bytes_short(memory, size_advice_mib(a) << 20);
	human_bytes_short(peak, a->peak_bytes);
	human_bytes_short(asked, a->asked_bytes);
	snprintf(cpus, sizeof(cpus), "%u", a->cpus);
	snprintf(had, sizeof(had), "%u", a->asked_cpus);
	snprintf(busy, sizeof(busy), "%.1f", a->busy_p90);
	snprintf(saving, sizeof(saving), "%.3g GB h", a->saving_byte_s / GB_H);
	risk_text(risk, sizeof(risk), a);
	if (a->known)
		cells[5] =
			a->sizing.cautious ? "largest + 10 %" : sizing_model_name(a->sizing.model);
	else
		cells[2] = NULL;
	if (!a->asked_bytes)
		cells[3] = NULL;
	if (!a->cpus)
		cells[6] = NULL;
	if (!a->asked_cpus)
		cells[7] = NULL;
	if (isnan(a->saving_byte_s))
		cells[10] = NULL;
	return table_row(table, cells);
}

static void print_notes(const struct kinds *kinds)
{
	printf("\nmemory: of a task's processes that lived at the same time, their peaks summed:\n"
	       "  pages that they share count more than once, page cache and tmpfs not at all\n"
	       "failures: of those tasks, had they had this much; < upper end of the 95 %% range\n"
	       "saving: memory not reserved in vain, a run; - where nothing was requested\n"
	       "check: apply, run again, and compare with `tracer diff`\n");
	if (kinds->loose)
		printf("%zu tasks have only the peak of their largest process, a lower bound\n",
		       kinds->loose);
	if (kinds->not_done)
		printf("%zu tasks failed or were cancelled and taught nothing\n", kinds->not_done);
	if (kinds->without_memory)
		printf("%zu tasks are without memory or time\n", kinds->without_memory);
}

static int print_table(const struct kinds *kinds, const char *pipeline)
{
	static const struct table_column columns[] = {
		{ "TASK", false, false },    { "N", true, true },      { "MEMORY", true, true },
		{ "ASKED", true, true },     { "PEAK", true, true },   { "BY", false, true },
		{ "CORES", true, true },     { "ASKED", true, true },  { "BUSY", true, true },
		{ "FAILURES", false, true }, { "SAVING", true, true },
	};
	struct table_options options = { .width = terminal_width(STDOUT_FILENO) };
	_cleanup_(str_fini) struct str name = STR_INIT;
	struct table *table;
	int r = table_new(stdout, columns, ARRAY_SIZE(columns), &options, &table);

	if (r < 0)
		return r;
	text_visible(&name, pipeline, strlen(pipeline));
	printf("sizes of %s, from %u run%s\n\n", str_text(&name), kinds->judged,
	       kinds->judged == 1 ? "" : "s");
	for (const struct kind *k = kinds->all; r >= 0 && k; k = k->hh.next)
		r = print_row(table, &k->advice);
	if (r >= 0)
		r = table_end(table);
	table_free(table);
	print_notes(kinds);
	return r;
}

static int print_json(const struct kinds *kinds, const char *pipeline)
{
	json_t *object = json_object(), *array = json_array();
	int r;

	for (const struct kind *k = kinds->all; k; k = k->hh.next)
		json_array_append_new(array, size_advice_object(&k->advice));
	json_object_set_new(object, "pipeline", json_out_text(pipeline, strlen(pipeline)));
	json_object_set_new(object, "runs_judged", json_integer(kinds->judged));
	json_object_set_new(object, "tasks_failed", json_out_uint(kinds->not_done));
	json_object_set_new(object, "tasks_without_memory", json_out_uint(kinds->without_memory));
	json_object_set_new(object, "tasks_with_lower_bound", json_out_uint(kinds->loose));
	json_object_set_new(object, "sizes", array);
	r = json_out_write(object, stdout, JSON_PRETTY);
	json_decref(object);
	return r;
}

static int print(const struct kinds *kinds, const struct tune_sizing_options *o,
		 const char *pipeline)
{
	bool first = true;

	if (o->json)
		return print_json(kinds, pipeline);
	if (o->format == SIZES_TABLE)
		return print_table(kinds, pipeline);
	size_settings_begin(stdout, o->format, kinds->judged);
	for (const struct kind *k = kinds->all; k; k = k->hh.next)
		if (k->advice.known) {
			size_settings_task(stdout, o->format, &k->advice, first);
			first = false;
		}
	first = true;
	for (const struct kind *k = kinds->all; o->format == SIZES_SNAKEMAKE && k; k = k->hh.next)
		if (k->advice.known) {
			size_settings_threads(stdout, &k->advice, first);
			first = false;
		}
	size_settings_end(stdout, o->format);
	return ferror(stdout) ? -EIO : 0;
}

static int judge(const struct history *h, const struct tune_sizing_options *o,
		 const struct sizing_options *costs, const char *pipeline)
{
	struct kinds kinds = { 0 };
	int r, rc = EXIT_OK;

	r = collect(&kinds, h, costs);
	if (r >= 0 && !kinds.judged) {
		log_error("nothing is advised: no run of `%s` is complete", pipeline);
		rc = EXIT_ERROR;
	} else if (r >= 0 && !kinds.all) {
		log_error("nothing is advised: no task of `%s` has ended well, with memory known",
			  pipeline);
		rc = EXIT_ERROR;
	} else if (r >= 0) {
		r = print(&kinds, o, pipeline);
	}
	kinds_fini(&kinds);
	return r < 0 ? reader_result(r) : rc;
}

int tune_sizes(const struct tune_sizing_options *o, const struct sizing_options *costs)
{
	_cleanup_(reader_close) struct reader r = { 0 };
	_cleanup_(history_fini) struct history h = { 0 };
	const char *pipeline = o->pipeline;
	int error, rc = pipeline ? reader_open(&r, o->db) : reader_open_run(&r, o->db, o->run);

	if (rc)
		return rc;
	if (!pipeline)
		pipeline = history_pipeline(&r.run);
	if (pipeline && *pipeline)
		error = history_add_pipeline(&h, r.store, pipeline,
					     o->runs ? o->runs : TUNE_RUNS_DEFAULT);
	else
		error = history_add_run(&h, r.store, r.run.id);
	if (error < 0)
		return reader_result(error);
	if (!h.n_runs) {
		log_error("no run of pipeline `%s` (see `tracer runs`)", pipeline);
		return EXIT_NOT_FOUND;
	}
	return judge(&h, o, costs, pipeline && *pipeline ? pipeline : h.runs[0].row.uid);
}
