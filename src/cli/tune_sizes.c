/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracer tune --sizes: how much memory and how many cores each task of a pipeline
 * needs, learned from its runs, as a table, as JSON or as settings to paste.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/size_advice.h"
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
#include "src/cli/tune_print.h"
#include "src/cli/tune_sizing.h"

struct kind { /* tasks of one name */
	const char *name;
	struct size_kind *tasks;
	struct size_advice advice;
	UT_hash_handle hh;
};

struct kinds {
	struct kind *all; /* by first appearance */
	unsigned judged;  /* runs */
	unsigned host_cpus;
	size_t seen, without_memory, not_done, loose, bounded;
};

static struct kind *kind_of(struct kinds *kinds, const char *name, const struct sizing_options *c)
{
	struct kind *k;

	HASH_FIND(hh, kinds->all, name, strlen(name), k);
	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k || size_kind_new(c, name, &k->tasks) < 0) {
		free(k);
		return NULL;
	}
	k->name = name;
	HASH_ADD_KEYPTR(hh, kinds->all, name, strlen(name), k);
	return k;
}

static int add_task(struct kinds *kinds, const struct history_task *t,
		    const struct sizing_options *costs)
{
	uint64_t peak = t->together_bytes ? t->together_bytes : t->largest_bytes;
	double seconds = history_seconds(t);
	bool oom = t->status == TASK_STATUS_OOM;
	struct kind *k;

	kinds->seen++;
	if (t->status != TASK_STATUS_SUCCEEDED && !oom) {
		kinds->not_done++;
		return 0;
	}
	if (!peak || !(seconds > 0)) {
		kinds->without_memory++;
		return 0;
	}
	k = kind_of(kinds, t->name, costs);
	if (!k)
		return -ENOMEM;
	kinds->loose += !t->together_bytes;
	kinds->bounded += t->bounded;
	return size_kind_add(k->tasks,
			     &(struct size_task){ .input_bytes = (double)t->input_bytes,
						  .seconds = seconds,
						  .peak_bytes = peak,
						  .largest_bytes = t->largest_bytes,
						  .limit_bytes = oom ? t->killed_at_bytes : 0,
						  .cpu_s = (double)t->cpu_ns / 1e9,
						  .waited_s = (double)t->waited_ns / 1e9,
						  .workers = t->workers,
						  .requested_cpus = t->requested_cpus,
						  .attempt = t->attempt,
						  .requested_bytes = t->requested_bytes,
						  .killed_for_memory = oom });
}

static int collect(struct kinds *kinds, const struct history *h, const struct sizing_options *costs)
{
	int r = 0;

	for (size_t i = 0; i < h->n_runs; i++) {
		const struct history_run *run = &h->runs[i];

		if (run->missing) {
			log_warning("run %s is left out: %s", run->row.uid, run->missing);
			continue;
		}
		kinds->judged++;
		if (run->row.cpus > kinds->host_cpus)
			kinds->host_cpus = run->row.cpus;
	}
	for (size_t i = 0; r == 0 && i < h->n; i++)
		if (!h->runs[h->tasks[i].run].missing)
			r = add_task(kinds, &h->tasks[i], costs);
	for (struct kind *k = kinds->all; r == 0 && k; k = k->hh.next)
		size_kind_advise(k->tasks, kinds->judged, kinds->host_cpus, &k->advice);
	return r;
}

static void kinds_fini(struct kinds *kinds)
{
	struct kind *k, *next;

	HASH_ITER (hh, kinds->all, k, next) {
		HASH_DEL(kinds->all, k);
		size_kind_free(k->tasks);
		free(k);
	}
}

static void risk_text(char *buf, size_t size, const struct size_advice *a)
{
	if (!a->known)
		snprintf(buf, size, "not enough data: %zu of %d tasks", a->samples, SIZER_FEW);
	else
		snprintf(buf, size, "%zu of %zu, < %.0f %%", a->risk.failures, a->risk.tried,
			 ceil(100 * a->risk.failure_share_upper));
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
	snprintf(busy, sizeof(busy), "%.1f%s", a->busy_p90, a->starved ? "*" : "");
	snprintf(saving, sizeof(saving), "%.3g GB h", a->saving_byte_s / GB_H);
	risk_text(risk, sizeof(risk), a);
	if (a->known)
		cells[5] = a->size.cautious ? "largest + 10 %" : sizing_model_name(a->size.model);
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
	       "failures: each task against the size that those before it would have given;\n"
	       "  < of tasks like these to come, with 95 %% confidence\n"
	       "saving: memory not reserved in vain, a run, against what is asked for now; - "
	       "where\n"
	       "  nothing is\n"
	       "check: apply, run again, and compare with `tracer diff`\n");
	if (kinds->loose)
		printf("%zu tasks have only the peak of their largest process, a lower bound\n",
		       kinds->loose);
	if (kinds->bounded)
		printf("%zu tasks have the limit of their cgroup: their peaks add up to more, so "
		       "they shared pages\n",
		       kinds->bounded);
	if (kinds->not_done)
		printf("%zu tasks failed or were cancelled and taught nothing\n", kinds->not_done);
	if (kinds->without_memory)
		printf("%zu tasks are without memory or time\n", kinds->without_memory);
	for (const struct kind *k = kinds->all; k; k = k->hh.next)
		if (k->advice.starved) {
			printf("* waited for CPUs: with more free ones they would have used "
			       "more\n");
			break;
		}
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

static json_t *sizes_array(const struct kinds *kinds, struct findings *findings)
{
	json_t *array = json_array();

	for (const struct kind *k = kinds->all; k; k = k->hh.next) {
		unsigned first = findings->n;

		size_findings(findings, &k->advice);
		json_array_append_new(
			array,
			size_advice_object(&k->advice,
					   first < findings->n ? &findings->list[first] : NULL));
	}
	return array;
}

static int print_json(const struct kinds *kinds, const char *pipeline)
{
	json_t *object = json_object(), *sizes;
	struct findings findings = { 0 };
	int r;

	sizes = sizes_array(kinds, &findings);
	findings_sort(&findings);
	json_object_set_new(object, "pipeline", json_out_text(pipeline, strlen(pipeline)));
	json_object_set_new(object, "runs_judged", json_integer(kinds->judged));
	json_object_set_new(object, "tasks_failed", json_out_uint(kinds->not_done));
	json_object_set_new(object, "tasks_without_memory", json_out_uint(kinds->without_memory));
	json_object_set_new(object, "tasks_with_lower_bound", json_out_uint(kinds->loose));
	json_object_set_new(object, "tasks_with_limit", json_out_uint(kinds->bounded));
	json_object_set_new(object, "sizes", sizes);
	json_object_set_new(object, "findings", findings_array(&findings));
	json_object_set_new(object, "findings_dropped", json_integer(findings.dropped));
	r = findings.failed ? -ENOMEM : json_out_write(object, stdout, JSON_PRETTY);
	json_decref(object);
	findings_fini(&findings);
	return r;
}

static void print_settings(const struct kinds *kinds, enum sizes_format format)
{
	bool any = false, first = true;

	for (const struct kind *k = kinds->all; k; k = k->hh.next)
		any |= size_settings_takes(format, &k->advice);
	size_settings_begin(stdout, format, kinds->judged, any);
	for (const struct kind *k = kinds->all; k; k = k->hh.next)
		if (!size_settings_takes(format, &k->advice))
			size_settings_unknown(stdout, stderr, format, &k->advice);
	for (const struct kind *k = kinds->all; k; k = k->hh.next)
		if (size_settings_takes(format, &k->advice)) {
			size_settings_task(stdout, format, &k->advice, first);
			first = false;
		}
	first = true;
	for (const struct kind *k = kinds->all; format == SIZES_SNAKEMAKE && k; k = k->hh.next)
		if (size_settings_takes(format, &k->advice)) {
			size_settings_threads(stdout, &k->advice, first);
			first = false;
		}
	size_settings_end(stdout, format, any);
	if (!any)
		log_warning("no task has a size that can be written: there is nothing to paste");
}

static int print(const struct kinds *kinds, const struct tune_sizing_options *o,
		 const char *pipeline)
{
	if (o->json)
		return print_json(kinds, pipeline);
	if (o->format == SIZES_TABLE)
		return print_table(kinds, pipeline);
	print_settings(kinds, (enum sizes_format)o->format);
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
	} else if (r >= 0 && !kinds.seen) {
		log_error("nothing is advised: %u run%s of `%s` %s no tasks. Tasks are those of "
			  "workflow engines, schedulers, make, parallel, containers (`tracer rules "
			  "list`); what single processes had is in `tracer tools`",
			  kinds.judged, kinds.judged == 1 ? "" : "s", pipeline,
			  kinds.judged == 1 ? "has" : "have");
		rc = EXIT_ERROR;
	} else if (r >= 0 && !kinds.all) {
		log_error("nothing is advised: of %zu tasks of `%s` none ended well (or was killed "
			  "for memory) with its memory known: %zu failed, %zu are without memory",
			  kinds.seen, pipeline, kinds.not_done, kinds.without_memory);
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
