/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/facts.h"
#include "src/analysis/file_role.h"
#include "src/base/cleanup.h"
#include "src/cli/reader.h"
#include "src/model/fields.h"

struct change { /* of memory in use */
	int64_t task;
	uint64_t time_ns;
	int64_t bytes;
};

struct seen_file {
	struct seen_key {
		int64_t task;
		uint64_t dev, inode, hash;
	} key;
	UT_hash_handle hh;
};

struct by_task {
	int64_t task; /* key */
	uint64_t together, input;
	bool encloses; /* other tasks are inside of it */
	UT_hash_handle hh;
};

struct gather {
	struct arena arena;
	struct snapshot s;
	struct change *changes;
	size_t n_changes, size_changes;
	uint64_t processes, files;
	struct seen_file *seen;
	struct by_task *by_task;
	uint64_t end_ns;
};

static struct by_task *of_task(struct gather *g, int64_t task)
{
	struct by_task *t;

	HASH_FIND(hh, g->by_task, &task, sizeof(task), t);
	if (t)
		return t;
	t = arena_alloc(&g->arena, sizeof(*t));
	if (!t)
		return NULL;
	t->task = task;
	HASH_ADD(hh, g->by_task, task, sizeof(t->task), t);
	return t;
}

static int add_change(struct gather *g, const struct process_row *p, bool starts)
{
	uint64_t bytes = p->program_peak_rss_bytes ? p->program_peak_rss_bytes : p->peak_rss_bytes;
	uint64_t end = p->end_ns ? p->end_ns : g->end_ns;

	if (g->n_changes == g->size_changes) {
		size_t size = g->size_changes ? g->size_changes * 2 : 1024;
		struct change *more = reallocarray(g->changes, size, sizeof(*more));

		if (!more)
			return -ENOMEM;
		g->changes = more;
		g->size_changes = size;
	}
	g->changes[g->n_changes++] = (struct change){
		.task = p->task,
		.time_ns = starts ? p->start_ns : end,
		.bytes = starts ? (int64_t)bytes : -(int64_t)bytes,
	};
	return 0;
}

static int visit_process(void *ctx, const struct process_view *v)
{
	struct gather *g = ctx;
	int r;

	if (!v->process->task)
		return 0;
	if (++g->processes > HISTORY_PROCESSES_MAX)
		return 0;
	r = add_change(g, v->process, true);
	return r < 0 ? r : add_change(g, v->process, false);
}

static int by_task_and_time(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (x->task != y->task)
		return x->task < y->task ? -1 : 1;
	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return (x->bytes > y->bytes) - (x->bytes < y->bytes); /* ends first */
}

static int sum_together(struct gather *g)
{
	int64_t now = 0;

	if (g->processes > HISTORY_PROCESSES_MAX)
		return 0; /* in part would be less than it was: unknown */
	if (g->n_changes)
		qsort(g->changes, g->n_changes, sizeof(*g->changes), by_task_and_time);
	for (size_t i = 0; i < g->n_changes; i++) {
		const struct change *c = &g->changes[i];
		struct by_task *t = of_task(g, c->task);

		if (!t)
			return -ENOMEM;
		if (!i || c[-1].task != c->task)
			now = 0;
		now += c->bytes;
		if (now > 0 && (uint64_t)now > t->together)
			t->together = (uint64_t)now;
	}
	return 0;
}

static uint64_t hash_text(const char *text)
{
	uint64_t h = 14695981039346656037ULL;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211ULL;
	return h;
}

static bool is_input(const struct file_row *f)
{
	const struct file_use use = { .opened = true };

	return (f->kind == FILE_KIND_REGULAR || f->kind == FILE_KIND_FOLD) &&
	       f->access == WIRE_OPEN_READ && f->opens && f->size_bytes > 0 && !f->renamed_to &&
	       !file_place(f->path) && file_role_of(f->path, &use) == FILE_INPUT;
}

static int visit_file(void *ctx, const struct file_row *f, const struct process_view *v)
{
	struct gather *g = ctx;
	struct seen_file *seen;
	struct seen_key key = { 0 };
	struct by_task *t;

	if (!v->process->task || !is_input(f) || ++g->files > HISTORY_FILES_MAX)
		return 0;
	key.task = v->process->task;
	key.dev = f->dev;
	key.inode = f->inode;
	key.hash = f->inode ? 0 : hash_text(f->path);
	HASH_FIND(hh, g->seen, &key, sizeof(key), seen);
	if (seen)
		return 0;
	seen = arena_alloc(&g->arena, sizeof(*seen));
	t = of_task(g, key.task);
	if (!seen || !t)
		return -ENOMEM;
	seen->key = key;
	HASH_ADD(hh, g->seen, key, sizeof(seen->key), seen);
	t->input += (uint64_t)f->size_bytes;
	return 0;
}

static void gather_fini(struct gather *g)
{
	HASH_CLEAR(hh, g->seen);
	HASH_CLEAR(hh, g->by_task);
	free(g->changes);
	arena_fini(&g->arena);
	snapshot_fini(&g->s);
}

static int mark_enclosing(struct gather *g)
{
	for (const struct task_entry *t = g->s.tasks; t; t = t->hh.next) {
		struct by_task *of = t->row.parent ? of_task(g, t->row.parent) : NULL;

		if (of)
			of->encloses = true;
		else if (t->row.parent)
			return -ENOMEM;
	}
	return 0;
}

static int copy_task(struct history *h, struct gather *g, const struct task_entry *e)
{
	const struct task_row *row = &e->row;
	struct by_task *more = of_task(g, row->id);
	struct history_task *t;

	if (!more)
		return -ENOMEM;
	if (more->encloses)
		return 0;
	if (h->n >= HISTORY_TASKS_MAX) {
		h->dropped++;
		return 0;
	}
	if (h->n == h->size) {
		size_t size = h->size ? h->size * 2 : 256;
		struct history_task *grown = reallocarray(h->tasks, size, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		h->tasks = grown;
		h->size = size;
	}
	t = &h->tasks[h->n++];
	*t = (struct history_task){
		.name = arena_text(&h->arena, row->name),
		.detail = arena_text(&h->arena, task_detail(row)),
		.tool = arena_text(&h->arena, e->tools ? e->tools->row.name : NULL),
		.tool_path = arena_text(&h->arena, e->tools ? e->tools->row.path : NULL),
		.run = (uint32_t)h->n_runs - 1,
		.status = row->status,
		.attempt = row->attempt,
		.requested_cpus = row->requested_cpus,
		.requested_bytes = row->requested_memory_bytes,
		.start_ns = row->start_ns,
		.end_ns = task_end_ns(row, &g->s.run),
		.cpu_ns = row->ledger.state_ns[LEDGER_CPU],
		.largest_bytes = row->peak_rss_bytes,
		.together_bytes = more->together,
		.input_bytes = g->files > HISTORY_FILES_MAX ? 0 : more->input,
		.io_bytes = g->s.run.features & FEATURE_IO_BYTES
				    ? row->ledger.read_bytes + row->ledger.write_bytes
				    : UINT64_MAX,
	};
	if (t->together_bytes && t->together_bytes < t->largest_bytes)
		t->together_bytes = t->largest_bytes;
	where_add_task(&t->where, e, &g->s.run);
	return t->name ? 0 : -ENOMEM;
}

static int new_run(struct history *h, const struct run_row *row)
{
	struct history_run *more = reallocarray(h->runs, h->n_runs + 1, sizeof(*more));
	int r;

	if (!more)
		return -ENOMEM;
	h->runs = more;
	more[h->n_runs] = (struct history_run){ .missing = run_missing(row, RUN_NEED_FILES) };
	r = run_row_copy(&h->arena, row, &more[h->n_runs].row);
	if (r == 0)
		h->n_runs++;
	return r;
}

static int fill(struct history *h, struct gather *g, struct store *store, int64_t run_id)
{
	int r = new_run(h, &g->s.run);

	g->end_ns = g->s.run.end_ns;
	if (r == 0)
		r = store_each_process(store, run_id, visit_process, g);
	if (r == 0)
		r = sum_together(g);
	if (r == 0)
		r = store_each_file(store, run_id, visit_file, g);
	if (r == 0)
		r = mark_enclosing(g);
	for (const struct task_entry *t = g->s.tasks; r == 0 && t; t = t->hh.next)
		if (!t->outer)
			r = copy_task(h, g, t);
	return r;
}

int history_add_run(struct history *h, struct store *store, int64_t run_id)
{
	struct gather g = { 0 };
	int r = snapshot_load(&g.s, store, run_id);

	if (r < 0)
		return r;
	r = fill(h, &g, store, run_id);
	gather_fini(&g);
	return r;
}

struct pick {
	const char *pipeline;
	int64_t *ids;
	unsigned n, most;
};

static int visit_run(void *ctx, const struct run_row *row)
{
	struct pick *p = ctx;
	const char *name = history_pipeline(row);

	if (name && !strcmp(name, p->pipeline) && p->n < p->most)
		p->ids[p->n++] = row->id;
	return p->n == p->most;
}

int history_add_pipeline(struct history *h, struct store *store, const char *pipeline,
			 unsigned most)
{
	struct pick p = { .pipeline = pipeline, .most = most };
	_cleanup_free_ int64_t *ids = calloc(most, sizeof(*ids));
	int r;

	if (!ids)
		return -ENOMEM;
	p.ids = ids;
	r = store_each_run(store, 0, visit_run, &p);
	while (r >= 0 && p.n > 0) { /* the oldest first: history has an order */
		r = history_add_run(h, store, ids[--p.n]);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

void history_fini(struct history *h)
{
	free(h->tasks);
	free(h->runs);
	arena_fini(&h->arena);
	*h = (struct history){ 0 };
}

const char *history_pipeline(const struct run_row *run)
{
	return run->pipeline ? run->pipeline : run->name;
}

double history_seconds(const struct history_task *t)
{
	return t->end_ns > t->start_ns ? (double)(t->end_ns - t->start_ns) / 1e9 : 0;
}
