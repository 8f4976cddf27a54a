/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/flow_view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/text.h"
#include "src/cli/flow_steps.h"
#include "src/cli/sheet.h"

struct loader {
	struct flow_view *v;
	struct flow_process *processes; /* by id */
	size_t n, size;
	size_t at; /* that of the file rows that come now, or the next */
};

static int keep_process(struct loader *l, const struct process_row *row)
{
	bool steps = !l->v->s.n_tasks;

	if (l->n == l->size) {
		size_t size = l->size ? l->size * 2 : 1024;
		struct flow_process *more = reallocarray(l->processes, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->processes = more;
		l->size = size;
	}
	l->processes[l->n++] = (struct flow_process){
		.id = row->id,
		.task = row->task,
		.parent = row->parent,
		.tool = row->tool,
		.start_ns = row->start_ns,
		.end_ns = row->end_ns,
		.pid = row->pid,
		.exit_code = row->exit_code,
		.signal = row->signal,
		.comm = steps ? arena_text(&l->v->s.arena, row->comm) : NULL,
	};
	return steps && row->comm && !l->processes[l->n - 1].comm ? -ENOMEM : 0;
}

static int visit_process(void *ctx, const struct process_row *row)
{
	struct loader *l = ctx;

	l->v->in.events_dropped += row->file_events_dropped;
	return keep_process(l, row);
}

/* Both kinds of rows come by process. */
static int visit_file(void *ctx, const struct file_row *row)
{
	struct loader *l = ctx;

	while (l->at < l->n && l->processes[l->at].id < row->process)
		l->at++;
	if (l->at < l->n && l->processes[l->at].id == row->process)
		return flow_add_file(&l->v->in, row, l->processes[l->at].task);
	return flow_add_file(&l->v->in, row, 0);
}

static int add_tasks(struct loader *l)
{
	struct flow_view *v = l->v;
	struct task_row *steps = NULL;
	uint32_t n = 0;
	int r = 0;

	if (!v->s.n_tasks)
		r = flow_steps_make(&v->s, l->processes, l->n, &steps, &v->n_steps);
	v->rows = calloc(v->s.n_tasks + v->n_steps + 1, sizeof(const struct task_row *));
	if (!v->rows)
		return -ENOMEM;
	for (const struct task_entry *t = v->s.tasks; t; t = t->hh.next)
		v->rows[n++] = &t->row;
	for (uint32_t i = 0; i < v->n_steps; i++)
		v->rows[n++] = &steps[i];
	for (uint32_t i = 0; i < n && r == 0; i++)
		r = flow_add_task(&v->in, v->rows[i]);
	return r;
}

static int add_engine(const struct loader *l)
{
	int r = 0;

	for (size_t i = 0; i < l->n && r == 0; i++) {
		const struct flow_process *p = &l->processes[i];

		r = flow_add_process(&l->v->in, p->task, p->start_ns, p->end_ns);
	}
	return r;
}

static int load_rows(struct flow_view *v, struct store *store, int64_t run_id)
{
	struct loader l = { .v = v };
	int r = store_each_process_span(store, run_id, visit_process, &l);

	if (r >= 0)
		r = add_tasks(&l);
	if (r >= 0)
		r = add_engine(&l);
	if (r >= 0)
		r = store_each_file_row(store, run_id, visit_file, &l);
	free(l.processes);
	return r;
}

int flow_view_load(struct flow_view *v, struct store *store, const struct run_row *run, bool all)
{
	int r = snapshot_load(&v->s, store, run->id);

	if (r >= 0)
		r = flow_input_init(&v->in, run->cwd, all);
	if (r >= 0)
		r = load_rows(v, store, run->id);
	return r >= 0 ? flow_find(&v->in, &v->flow) : r;
}

void flow_view_fini(struct flow_view *v)
{
	flow_fini(&v->flow);
	flow_input_fini(&v->in);
	free(v->rows);
	snapshot_fini(&v->s);
}

void flow_task_label(struct str *out, const struct flow_view *v, uint32_t end)
{
	const struct task_row *row = flow_is_task(end) ? v->rows[end] : NULL;
	const char *detail = row ? task_detail(row) : NULL;

	str_add(out, row ? row->name : FLOW_ENGINE_NAME);
	if (detail)
		str_addf(out, " [%s]", detail);
	if (row && row->attempt > 1)
		str_addf(out, " attempt %u", row->attempt);
}

void flow_task_id(char *buf, size_t size, const struct flow_view *v, uint32_t end)
{
	char text[24];

	if (!flow_is_task(end)) {
		str_copy(buf, size, FLOW_ENGINE_NAME);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIi64, v->rows[end]->id & UINT32_MAX);
	str_copy(buf, size, text);
}

static void note(json_t *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(json_t *notes, const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(notes, json_string(text));
}

static void note_count(json_t *notes, uint64_t n, const char *what)
{
	char count[HUMAN_MAX];

	if (n)
		note(notes, "%s %s", human_count(count, n), what);
}

json_t *flow_notes(const struct flow_view *v)
{
	const struct completeness *c = &v->s.run.completeness;
	json_t *notes = json_array();

	if (!notes)
		return NULL;
	if (!(v->s.run.features & FEATURE_FILES)) {
		note(notes, "the run was recorded without file names: no dataflow is known");
		return notes;
	}
	note_count(notes, c->files_folded, "uses of files were counted, not listed");
	note_count(notes, v->in.events_dropped,
		   "file events were beyond the limit of their thread");
	note_count(notes, c->lost[LOSS_FILE], "file events were lost");
	note_count(notes, c->lost[LOSS_PATH], "paths could not be read");
	note_count(notes, c->rows_lost, "rows could not be stored");
	note_count(notes, v->flow.links_dropped, "links beyond the limit are not shown");
	note_count(notes, v->flow.writers_dropped,
		   "earlier writers of files with very many are not shown");
	note_count(notes, v->in.nameless, "files were used through io_uring without a name");
	note_count(notes, v->in.directories,
		   "times the many files of a directory are taken as one");
	if (v->n_steps == FLOW_STEPS_MAX)
		note(notes, "processes beyond the first %d of the run's own stand for no step",
		     FLOW_STEPS_MAX);
	note_count(notes, v->in.overlooked, "rows are more than can be analysed");
	return notes;
}

json_t *flow_completeness(const struct flow_view *v)
{
	const struct completeness *c = &v->s.run.completeness;
	json_t *o = json_object(), *notes = flow_notes(v);

	json_out_set(o, "complete", json_boolean(json_array_size(notes) == 0));
	json_out_set(o, "files_folded", json_out_uint(c->files_folded));
	json_out_set(o, "file_events_dropped", json_out_uint(v->in.events_dropped));
	json_out_set(o, "file_events_lost", json_out_uint(c->lost[LOSS_FILE]));
	json_out_set(o, "links_dropped", json_out_uint(v->flow.links_dropped));
	json_out_set(o, "notes", notes);
	return o;
}

void flow_print_notes(const struct flow_view *v, const char *before, FILE *out)
{
	json_t *notes = flow_notes(v), *text;
	size_t i;

	if (json_array_size(notes))
		fprintf(out, "%sthe dataflow may be incomplete:\n", before);
	json_array_foreach(notes, i, text)
		fprintf(out, "%s  %s\n", before, json_string_value(text));
	json_decref(notes);
}

json_t *flow_task_object(const struct flow_view *v, uint32_t task)
{
	static const enum field_id fields[] = { FIELD_NAME,    FIELD_KEY,    FIELD_SAMPLE,
						FIELD_ATTEMPT, FIELD_STATUS, FIELD_START,
						FIELD_END,     FIELD_COUNT };
	struct record record = { 0 };
	char id[24];
	json_t *o;

	record_task(&record, v->rows[task], &v->s.run);
	o = sheet_object(fields, &record);
	flow_task_id(id, sizeof(id), v, task);
	json_out_set(o, "id", json_string(id));
	return o;
}
