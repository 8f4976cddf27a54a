/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/report_parts.h"

#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/cli/completeness.h"

const enum field_id report_group_fields[] = {
	FIELD_NAME,   FIELD_TASK_COUNT, FIELD_FAILED,	FIELD_WALL, FIELD_MEAN,
	FIELD_CPU,    FIELD_CORES,	FIELD_PEAK_RSS, FIELD_READ, FIELD_WRITE,
	FIELD_NET_RX, FIELD_NET_TX,	FIELD_COUNT,
};

static const enum field_id run_fields[] = {
	FIELD_ID,	   FIELD_NAME,	 FIELD_PIPELINE, FIELD_ENGINE,	  FIELD_STATUS,
	FIELD_EXIT_CODE,   FIELD_SIGNAL, FIELD_START,	 FIELD_END,	  FIELD_WALL,
	FIELD_CPU,	   FIELD_CORES,	 FIELD_CPUS,	 FIELD_PROCESSES, FIELD_PEAK_RSS,
	FIELD_COMMAND_CPU, FIELD_COUNT,
};

static const enum field_id tool_fields[] = {
	FIELD_TOOL,	FIELD_PROCESSES, FIELD_FAILED, FIELD_CPU,
	FIELD_PEAK_RSS, FIELD_READ,	 FIELD_WRITE,  FIELD_COUNT,
};

static json_t *text_or_null(const char *text)
{
	return text ? json_out_text(text, strlen(text)) : json_null();
}

/* ns by state, "idle" beside them; null where waits were not measured. */
static json_t *where_object(const struct where *w, const struct run_row *run)
{
	json_t *object;

	if (!where_known(run) || !w->total_ns)
		return json_null();
	object = json_object();
	for (unsigned i = 0; i < WHERE_PARTS; i++)
		json_object_set_new(object, i == WHERE_IDLE ? "idle" : state_name(i),
				    json_out_uint(w->ns[i]));
	return object;
}

static void fill_group(struct record *record, const struct task_group *g, const struct run_row *run)
{
	struct task_row sum = { .name = g->name,
				.ledger = g->ledger,
				.peak_rss_bytes = g->peak_rss_bytes,
				.exit_code = -1 };

	record_task(record, &sum, run);
	record_number(record, FIELD_TASK_COUNT, g->tasks);
	record_number(record, FIELD_FAILED, g->failed + g->cancelled);
	record_number(record, FIELD_WALL, g->wall_ns);
	record_number(record, FIELD_MEAN, g->tasks ? g->duration_ns / g->tasks : 0);
	record->v[FIELD_CORES].known = false;
	if (g->duration_ns && record->v[FIELD_CPU].known)
		record_ratio(record, FIELD_CORES,
			     (double)g->ledger.state_ns[LEDGER_CPU] / (double)g->duration_ns);
}

int report_groups_add(const struct report_parts *p, struct sheet *sheet)
{
	int r = 0;

	for (const struct task_group *g = p->groups.groups; g && r == 0; g = g->hh.next) {
		struct record record = { 0 };

		fill_group(&record, g, &p->s.run);
		r = sheet_add(sheet, &record);
	}
	return r;
}

static json_t *groups_array(const struct report_parts *p)
{
	json_t *array = json_array();

	for (const struct task_group *g = p->groups.groups; g; g = g->hh.next) {
		struct record record = { 0 };
		json_t *object;

		fill_group(&record, g, &p->s.run);
		object = sheet_object(report_group_fields, &record);
		json_object_set_new(object, "oom", json_integer(g->oom));
		json_object_set_new(object, "running", json_integer(g->running));
		json_object_set_new(object, "time_went", where_object(&g->where, &p->s.run));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *tools_array(const struct report_parts *p)
{
	json_t *array = json_array();

	for (const struct folded_tool *f = p->tools.tools; f; f = f->hh.next) {
		struct record record = { 0 };

		record_tool(&record, &f->row, &p->s.run);
		json_array_append_new(array, sheet_object(tool_fields, &record));
	}
	return array;
}

static json_t *waits_array(const struct report_parts *p)
{
	json_t *array = json_array();

	for (unsigned i = 0; where_known(&p->s.run) && i < p->groups.n_waits; i++) {
		const struct task_wait *w = &p->groups.waits[i];
		json_t *object = json_object();

		json_object_set_new(object, "task", text_or_null(w->task->row.name));
		json_object_set_new(object, "key", text_or_null(w->task->row.key));
		json_object_set_new(object, "sample", text_or_null(w->task->row.sample));
		json_object_set_new(
			object, "state",
			json_string(w->part == WHERE_IDLE ? "idle" : state_name(w->part)));
		json_object_set_new(object, "wait_ns", json_out_uint(w->ns));
		json_object_set_new(object, "of_wall_ns", json_out_uint(w->of_ns));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *failed_array(const struct report_parts *p)
{
	json_t *array = json_array();

	for (const struct failure *f = p->failures.list; f; f = f->hh.next) {
		json_t *object;

		if (f->explained)
			continue;
		object = json_object();
		json_object_set_new(object, "tool", text_or_null(f->name));
		json_object_set_new(object, "pid", json_integer(f->pid));
		json_object_set_new(object, "task",
				    text_or_null(f->task ? f->task->row.name : NULL));
		json_object_set_new(object, "key", text_or_null(f->task ? f->task->row.key : NULL));
		json_object_set_new(object, "ended_as", text_or_null(f->ending));
		json_object_set_new(object, "alike", json_integer(f->alike));
		json_object_set_new(object, "command", text_or_null(f->command));
		json_object_set_new(object, "file", text_or_null(f->file));
		json_object_set_new(object, "error",
				    f->file ? json_integer(f->error) : json_null());
		json_array_append_new(array, object);
	}
	return array;
}

json_t *report_object(const struct report_parts *p)
{
	struct record record = { 0 };
	struct where w = { 0 };
	json_t *object;

	record_run(&record, &p->s.run);
	where_add_run(&w, &p->s);
	object = sheet_object(run_fields, &record);
	json_object_set_new(object, "task_count",
			    json_integer((json_int_t)(p->s.n_tasks - p->s.n_outer)));
	json_object_set_new(object, "time_went", where_object(&w, &p->s.run));
	json_object_set_new(object, "no_task_ns",
			    p->s.tasks ? json_out_uint(report_between_ns(p)) : json_null());
	json_object_set_new(object, "tasks", groups_array(p));
	json_object_set_new(object, "tools", tools_array(p));
	json_object_set_new(object, "waits", waits_array(p));
	json_object_set_new(object, "failed", failed_array(p));
	json_object_set_new(object, "completeness", completeness_object(&p->s.run));
	json_object_set_new(
		object, "tracer_cpu_ns",
		record.v[FIELD_COLLECTOR_CPU].known
			? json_out_uint(p->s.run.collector_cpu_ns + p->s.run.recorder_cpu_ns)
			: json_null());
	return object;
}
