/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/rebuild_facts.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "src/model/ledger.h"

#define NOT_FOUND SIZE_MAX

static int grow(void *array, size_t *room, size_t n, size_t item)
{
	void **data = array;
	void *more;

	if (n < *room)
		return 0;
	more = reallocarray(*data, *room ? *room * 2 : 256, item);
	if (!more)
		return -ENOMEM;
	*data = more;
	*room = *room ? *room * 2 : 256;
	return 0;
}

static struct bytes copy_bytes(struct arena *a, struct bytes b)
{
	if (b.data)
		b.data = arena_copy(a, b.data, b.len);
	return b.data ? b : (struct bytes){ 0 };
}

static int add_step(struct facts *f, const struct step *step)
{
	int err = grow(&f->steps, &f->room_steps, f->n_steps, sizeof(*f->steps));

	if (!err)
		f->steps[f->n_steps++] = *step;
	return err;
}

static size_t find_process(const struct facts *f, int64_t id)
{
	size_t low = 0, high = f->n_processes;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (f->processes[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < f->n_processes && f->processes[low].id == id ? low : NOT_FOUND;
}

static int on_run(void *ctx, const struct run_row *row)
{
	struct facts *f = ctx;
	struct run_row *r = &f->run;
	struct arena *a = &f->arena;

	*r = *row;
	r->uid = arena_text(a, row->uid);
	r->name = arena_text(a, row->name);
	r->pipeline = r->engine = NULL; /* derived */
	r->argv = copy_bytes(a, row->argv);
	r->cwd = arena_text(a, row->cwd);
	r->user = arena_text(a, row->user);
	r->labels = arena_text(a, row->labels);
	r->boot_id = arena_text(a, row->boot_id);
	r->hostname = arena_text(a, row->hostname);
	r->kernel = arena_text(a, row->kernel);
	r->arch = arena_text(a, row->arch);
	r->notes = arena_text(a, row->notes);
	r->machine = arena_text(a, row->machine);
	return r->uid ? 0 : -ENOMEM;
}

static int on_process(void *ctx, const struct process_view *view)
{
	struct facts *f = ctx;
	int err = grow(&f->processes, &f->room_processes, f->n_processes, sizeof(*f->processes));
	struct process_row *p;

	if (err)
		return err;
	p = &f->processes[f->n_processes];
	*p = *view->process;
	p->comm = arena_text(&f->arena, p->comm);
	p->container = arena_text(&f->arena, p->container);
	p->task = p->tool = p->scope = 0;
	err = add_step(f, &(struct step){ p->start_ns, f->n_processes, STEP_FORK, 0 });
	if (!err)
		err = add_step(f, &(struct step){ p->end_ns ? p->end_ns : UINT64_MAX,
						  f->n_processes, STEP_END, 0 });
	f->n_processes++;
	return err;
}

static int on_exec(void *ctx, const struct exec_row *row)
{
	struct facts *f = ctx;
	size_t process = find_process(f, row->process);
	int err = grow(&f->execs, &f->room_execs, f->n_execs, sizeof(*f->execs));
	struct arena *a = &f->arena;
	struct exec_row *x;

	if (err || process == NOT_FOUND)
		return err;
	x = &f->execs[f->n_execs];
	*x = *row;
	x->tool = 0;
	x->comm = arena_text(a, row->comm);
	x->file = arena_text(a, row->file);
	x->exe = arena_text(a, row->exe);
	x->cwd = arena_text(a, row->cwd);
	x->nodename = arena_text(a, row->nodename);
	x->cwd_host = arena_text(a, row->cwd_host);
	x->argv = copy_bytes(a, row->argv);
	x->env = copy_bytes(a, row->env);
	/* what a process was when observation began precedes its children */
	if (f->processes[process].joined_late && row->n == 1 && !row->before.thread_ns)
		return add_step(f, &(struct step){ f->processes[process].start_ns, process,
						   STEP_EXEC, f->n_execs++ });
	return add_step(f, &(struct step){ row->time_ns, process, STEP_EXEC, f->n_execs++ });
}

/* Engines tell by files that they open, rename or remove; all else names no task. */
static bool is_told_by(const struct file_row *row)
{
	return row->kind == FILE_KIND_REGULAR && (row->opens || row->renamed_to || row->unlinked);
}

static int on_file(void *ctx, const struct file_row *row, const struct process_view *view)
{
	struct facts *f = ctx;
	size_t process = find_process(f, row->process);
	int err = grow(&f->files, &f->room_files, f->n_files, sizeof(*f->files));

	if (err || process == NOT_FOUND || !is_told_by(row))
		return err;
	f->files[f->n_files] = (struct file_fact){ *row, process };
	f->files[f->n_files].row.path = arena_text(&f->arena, row->path);
	err = add_step(f, &(struct step){ row->first_ns, process, STEP_FILE, f->n_files });
	if (!err && row->unlinked && (row->opens || row->renamed_to))
		err = add_step(f, &(struct step){ row->last_ns, process, STEP_UNLINK, f->n_files });
	f->n_files++;
	return err;
}

static const struct wire_ledger *ledger_of(struct facts *f, const json_t *array)
{
	uint64_t numbers[LEDGER_NUMBERS] = { 0 };
	struct wire_ledger *l = array ? arena_alloc(&f->arena, sizeof(*l)) : NULL;
	size_t n = json_array_size(array);

	if (!l)
		return NULL;
	for (size_t i = 0; i < n && i < LEDGER_NUMBERS; i++)
		numbers[i] = (uint64_t)json_integer_value(json_array_get(array, i));
	ledger_from_numbers(numbers, LEDGER_NUMBERS, l);
	return l;
}

static int on_incident(void *ctx, const struct incident_row *row)
{
	struct facts *f = ctx;
	size_t process = find_process(f, row->process);
	bool title = !strcmp(row->kind, "title");
	json_t *detail;
	int err;

	if ((strcmp(row->kind, "signal") && !title) || process == NOT_FOUND || !row->detail)
		return 0;
	err = grow(&f->signals, &f->room_signals, f->n_signals, sizeof(*f->signals));
	detail = err ? NULL : json_loads(row->detail, 0, NULL);
	if (!detail)
		return err;
	f->signals[f->n_signals] = (struct signal_fact){
		row->time_ns,
		process,
		(uint32_t)json_integer_value(json_object_get(detail, "signal")),
		arena_text(&f->arena, json_string_value(json_object_get(detail, "title"))),
		ledger_of(f, json_object_get(detail, "ledger")),
	};
	json_decref(detail);
	return add_step(f, &(struct step){ row->time_ns, process, title ? STEP_TITLE : STEP_SIGNAL,
					   f->n_signals++ });
}

static int on_text(void *ctx, const struct text_row *row)
{
	struct facts *f = ctx;
	int err = grow(&f->texts, &f->room_texts, f->n_texts, sizeof(*f->texts));

	if (err)
		return err;
	f->texts[f->n_texts] = *row;
	f->texts[f->n_texts].path = arena_text(&f->arena, row->path);
	f->texts[f->n_texts].data = copy_bytes(&f->arena, row->data);
	return add_step(f, &(struct step){ row->time_ns, NOT_FOUND, STEP_TEXT, f->n_texts++ });
}

/* A parent begins before its child, so time orders them; at the same time the
 * order of creation does. */
static int compare_steps(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static int index_execs(struct facts *f)
{
	size_t p, x = 0;

	f->first_exec = calloc(f->n_processes + 1, sizeof(*f->first_exec));
	if (!f->first_exec)
		return -ENOMEM;
	for (p = 0; p < f->n_processes; p++) {
		f->first_exec[p] = x;
		while (x < f->n_execs && f->execs[x].process == f->processes[p].id)
			x++;
	}
	f->first_exec[p] = x;
	return 0;
}

int facts_read(struct store *s, int64_t run_id, struct facts *ret)
{
	int err;

	memset(ret, 0, sizeof(*ret));
	err = store_get_run(s, run_id, on_run, ret);
	if (!err)
		err = store_each_process(s, run_id, on_process, ret);
	if (!err)
		err = store_each_exec(s, run_id, on_exec, ret);
	if (!err)
		err = store_each_file(s, run_id, on_file, ret);
	if (!err)
		err = store_each_incident(s, run_id, on_incident, ret);
	if (!err)
		err = store_each_text(s, run_id, on_text, ret);
	if (!err)
		err = index_execs(ret);
	if (err)
		return err;
	if (ret->n_processes)
		ret->offset_ns =
			(int64_t)(ret->processes[0].start_ns - ret->processes[0].start_boot_ns);
	if (ret->n_steps)
		qsort(ret->steps, ret->n_steps, sizeof(*ret->steps), compare_steps);
	return 0;
}

void facts_fini(struct facts *f)
{
	free(f->processes);
	free(f->first_exec);
	free(f->execs);
	free(f->files);
	free(f->signals);
	free(f->texts);
	free(f->steps);
	arena_fini(&f->arena);
}

struct feed {
	const struct facts *facts;
	struct tracker *tracker;
	struct draft record;
};

static int send(struct feed *feed)
{
	int size = record_end(&feed->record);

	return size < 0 ? size : tracker_feed(feed->tracker, &feed->record.header);
}

static int on_cgroup(void *ctx, const struct cgroup_row *row)
{
	struct feed *feed = ctx;

	record_cgroup(&feed->record, row);
	return send(feed);
}

static void make_process_step(struct feed *feed, const struct step *step)
{
	const struct facts *f = feed->facts;
	const struct process_row *p = &f->processes[step->process];
	size_t up = p->parent ? find_process(f, p->parent) : NOT_FOUND;
	struct record_place place = { .process = p,
				      .parent = up == NOT_FOUND ? NULL : &f->processes[up],
				      .offset_ns = f->offset_ns };

	switch (step->kind) {
	case STEP_FORK:
		record_fork(&feed->record, &place);
		break;
	case STEP_EXEC:
		record_exec(&feed->record, &place, &f->execs[step->index]);
		break;
	case STEP_FILE:
		record_file(&feed->record, &place, &f->files[step->index].row);
		break;
	case STEP_UNLINK:
		record_unlink(&feed->record, &place, &f->files[step->index].row);
		break;
	case STEP_SIGNAL:
		record_signal(&feed->record, &place, f->signals[step->index].signal, step->time_ns);
		break;
	case STEP_TITLE:
		record_title(&feed->record, &place, &f->signals[step->index]);
		break;
	case STEP_TEXT: /* of no process */
		break;
	case STEP_END:
		if (p->end_ns)
			record_exit(&feed->record, &place);
		else
			record_sample(&feed->record, &place, f->run.end_ns);
		break;
	}
}

int facts_feed(struct store *s, const struct facts *f, struct tracker *t, size_t *ret_order)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	size_t i, n = 0;
	int err;

	if (!feed)
		return -ENOMEM;
	feed->facts = f;
	feed->tracker = t;
	synthesise_run(&feed->record, &f->run);
	err = send(feed);
	record_host(&feed->record, &f->run, f->offset_ns);
	if (!err)
		err = send(feed);
	if (!err)
		err = store_each_cgroup(s, f->run.id, on_cgroup, feed);
	for (i = 0; i < f->n_steps && !err; i++) {
		if (f->steps[i].kind == STEP_FORK)
			ret_order[n++] = f->steps[i].process;
		if (f->steps[i].kind == STEP_TEXT)
			record_lines(&feed->record, &f->texts[f->steps[i].index], f->offset_ns);
		else
			make_process_step(feed, &f->steps[i]);
		err = send(feed);
	}
	if (f->run.status != RUN_INTERRUPTED) {
		record_run_end(&feed->record, &f->run, f->offset_ns);
		if (!err)
			err = send(feed);
	}
	free(feed);
	return err;
}
