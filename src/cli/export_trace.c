/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/export_trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/json_out.h"
#include "src/cli/fields_common.h"
#include "src/cli/process_record.h"
#include "src/cli/sheet.h"

#define LANES_MAX 4096
#define TASKS_PID 0 /* the group of the task tracks; processes count from 1 */

struct tracer {
	const struct run_row *run;
	FILE *out;
	bool comma;
	struct process_record p;
	unsigned n_lanes;
	uint64_t lane_end_ns[LANES_MAX];
};

static const enum field_id task_fields[] = {
	FIELD_KEY,	   FIELD_SAMPLE,   FIELD_STATUS, FIELD_EXIT_CODE, FIELD_CPU,   STATE_FIELDS,
	FIELD_THREAD_TIME, FIELD_PEAK_RSS, IO_FIELDS,	 FIELD_PROCESSES, FIELD_COUNT,
};

static const enum field_id process_args[] = {
	FIELD_ID,     FIELD_PARENT,	 FIELD_PID,	  FIELD_TASK,	FIELD_TOOL,
	FIELD_EXE,    FIELD_ARGV,	 FIELD_EXIT_CODE, FIELD_SIGNAL, FIELD_CPU,
	STATE_FIELDS, FIELD_THREAD_TIME, FIELD_PEAK_RSS,  IO_FIELDS,	FIELD_COUNT,
};

static int dump(struct tracer *t, json_t *value)
{
	int r = value ? 0 : -ENOMEM;

	if (value && json_dumpf(value, t->out, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
		r = -EIO;
	json_decref(value);
	return r;
}

static void begin_event(struct tracer *t)
{
	fputs(t->comma ? ",\n" : "\n", t->out);
	t->comma = true;
}

static void print_us(struct tracer *t, const char *name, uint64_t ns)
{
	fprintf(t->out, ",\"%s\":%" PRIu64 ".%03u", name, ns / 1000, (unsigned)(ns % 1000));
}

/* Names a track (thread_name) or a group of them (process_name). */
static int name_track(struct tracer *t, const char *kind, uint64_t pid, uint64_t tid,
		      const char *name)
{
	int r;

	begin_event(t);
	fprintf(t->out,
		"{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%" PRIu64 ",\"tid\":%" PRIu64
		",\"args\":{\"name\":",
		kind, pid, tid);
	r = dump(t, json_out_text(name, strlen(name)));
	fputs("}}", t->out);
	return r;
}

struct slice {
	const char *name, *category;
	uint64_t pid, tid, start_ns, end_ns;
	const enum field_id *fields;
};

static int print_slice(struct tracer *t, const struct slice *s, const struct record *record)
{
	uint64_t origin = t->run->start_ns, end = s->end_ns ? s->end_ns : t->run->end_ns;
	int r;

	begin_event(t);
	fprintf(t->out, "{\"ph\":\"X\",\"cat\":\"%s\",\"pid\":%" PRIu64 ",\"tid\":%" PRIu64,
		s->category, s->pid, s->tid);
	print_us(t, "ts", s->start_ns > origin ? s->start_ns - origin : 0);
	print_us(t, "dur", end > s->start_ns ? end - s->start_ns : 0);
	fputs(",\"name\":", t->out);
	r = dump(t, json_out_text(s->name, strlen(s->name)));
	fputs(",\"args\":", t->out);
	if (r == 0)
		r = dump(t, sheet_object(s->fields, record));
	fputc('}', t->out);
	return r;
}

/* The first track that is free at start; the last one takes what is too much. */
static unsigned lane_for(struct tracer *t, uint64_t start_ns, uint64_t end_ns)
{
	unsigned lane = 0;

	while (lane < t->n_lanes && t->lane_end_ns[lane] > start_ns)
		lane++;
	if (lane == LANES_MAX)
		lane--;
	if (lane == t->n_lanes)
		t->n_lanes++;
	t->lane_end_ns[lane] = end_ns ? end_ns : UINT64_MAX;
	return lane;
}

static int visit_task(void *ctx, const struct task_row *row)
{
	struct tracer *t = ctx;
	struct record record = { 0 };
	struct slice s = {
		.name = row->name ? row->name : "",
		.category = "task",
		.pid = TASKS_PID,
		.tid = lane_for(t, row->start_ns, row->end_ns),
		.start_ns = row->start_ns,
		.end_ns = row->end_ns,
		.fields = task_fields,
	};

	record_task(&record, row, t->run);
	return print_slice(t, &s, &record);
}

static int visit_process(void *ctx, const struct process_view *view)
{
	struct tracer *t = ctx;
	const struct process_row *row = view->process;
	uint64_t track = (uint64_t)row->id & UINT32_MAX;
	const char *name = view->tool_name ? view->tool_name : row->comm ? row->comm : "";
	struct slice s = {
		name, "process", track, track, row->start_ns, row->end_ns, process_args
	};
	char label[128];
	int r = process_record_fill(&t->p, view, t->run);

	if (r < 0)
		return r;
	snprintf(label, sizeof(label), "%.100s %u", name, row->pid);
	r = name_track(t, "process_name", track, track, label);
	return r < 0 ? r : print_slice(t, &s, &t->p.record);
}

int export_trace(struct store *s, const struct run_row *run, FILE *out)
{
	struct tracer *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	*t = (struct tracer){ .run = run, .out = out };
	fprintf(out,
		"{\"displayTimeUnit\":\"ms\",\"otherData\":{\"run\":\"%s\",\"start_ns\":\"%" PRIu64
		"\"},\n\"traceEvents\":[",
		run->uid, run->start_ns);
	r = name_track(t, "process_name", TASKS_PID, 0, "tasks");
	if (r >= 0)
		r = store_each_task(s, run->id, visit_task, t);
	if (r >= 0)
		r = store_each_process(s, run->id, visit_process, t);
	fputs("\n]}\n", out);
	process_record_fini(&t->p);
	free(t);
	return r < 0 ? r : ferror(out) ? -EIO : 0;
}
