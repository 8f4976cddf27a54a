/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/history.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/facts.h"
#include "src/analysis/file_role.h"
#include "src/base/cleanup.h"
#include "src/cli/history_memory.h"
#include "src/cli/reader.h"
#include "src/model/fields.h"

struct seen_file {
	struct seen_key {
		int64_t task;
		uint64_t dev, inode, hash;
	} key;
	UT_hash_handle hh;
};

struct program { /* each once */
	UT_hash_handle hh;
	char text[];
};

struct by_task {
	int64_t task; /* key */
	uint64_t busiest_ns;
	const char *program; /* of the process with most CPU */
	uint64_t input;
	bool encloses; /* other tasks are inside of it */
	UT_hash_handle hh;
};

struct gather {
	struct arena arena;
	struct snapshot s;
	struct task_memory memory;
	uint64_t processes, files;
	struct seen_file *seen;
	struct by_task *by_task;
	struct program *programs;
	uint64_t end_ns;
	bool whole; /* there are no tasks: all processes count as those of task 0 */
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

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The script that an interpreter was given as its first argument, if the tool is named
 * after it; NULL: none. */
static const char *script_of(const struct exec_row *e, const char *tool)
{
	const char *first = e->argv.data, *script;
	size_t len = first ? strnlen(first, e->argv.len) : 0, stem;

	if (!tool || len + 1 >= e->argv.len || e->argv_truncated)
		return NULL;
	script = first + len + 1;
	if (*script == '-' || !memchr(script, '\0', e->argv.len - len - 1))
		return NULL;
	stem = strcspn(base_name(script), ".");
	return stem && !strncmp(base_name(script), tool, stem) ? script : NULL;
}

static void add_path(struct str *out, const char *path, const char *cwd)
{
	if (!strncmp(path, "./", 2))
		path += 2;
	if (path[0] != '/' && cwd)
		str_addf(out, "%s/", cwd);
	str_add(out, path);
}

static void name_program(struct str *out, const struct process_view *v)
{
	const struct exec_row *e = v->exec;
	const char *script = NULL;

	if (e->file && e->exe &&
	    strncmp(base_name(e->exe), base_name(e->file), strlen(base_name(e->file))) != 0)
		script = e->file; /* by its first line */
	if (!script)
		script = script_of(e, v->tool_name);
	if (script) {
		add_path(out, script, e->cwd);
		str_add(out, e->exe ? " by " : "");
	}
	if (e->exe || !script)
		add_path(out, e->exe ? e->exe : e->file ? e->file : "", e->cwd);
}

static int note_program(struct gather *g, const struct process_view *v)
{
	uint64_t cpu = v->process->ledger.state_ns[LEDGER_CPU];
	struct by_task *t = of_task(g, v->process->task);
	_cleanup_(str_fini) struct str text = STR_INIT;
	struct program *known;

	if (!t)
		return -ENOMEM;
	if (!v->exec || cpu <= t->busiest_ns)
		return 0;
	name_program(&text, v);
	if (text.failed)
		return -ENOMEM;
	HASH_FIND(hh, g->programs, str_text(&text), text.len, known);
	if (!known) {
		known = arena_alloc(&g->arena, sizeof(*known) + text.len + 1);
		if (!known)
			return -ENOMEM;
		memcpy(known->text, str_text(&text), text.len);
		HASH_ADD_KEYPTR(hh, g->programs, known->text, text.len, known);
	}
	t->program = known->text;
	t->busiest_ns = cpu;
	return 0;
}

static int visit_process(void *ctx, const struct process_view *v)
{
	struct gather *g = ctx;
	int r;

	if (!v->process->task && !g->whole)
		return 0;
	if (++g->processes > HISTORY_PROCESSES_MAX)
		return 0;
	r = note_program(g, v);
	return r < 0 ? r : task_memory_add(&g->memory, v->process, g->end_ns);
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

	if ((!v->process->task && !g->whole) || !is_input(f) || ++g->files > HISTORY_FILES_MAX)
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
	task_memory_fini(&g->memory);
	HASH_CLEAR(hh, g->programs);
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

static struct history_task *add_task(struct history *h)
{
	if (h->n >= HISTORY_TASKS_MAX) {
		h->dropped++;
		return NULL;
	}
	if (h->n == h->size) {
		size_t size = h->size ? h->size * 2 : 256;
		struct history_task *grown = reallocarray(h->tasks, size, sizeof(*grown));

		if (!grown)
			return NULL;
		h->tasks = grown;
		h->size = size;
	}
	return &h->tasks[h->n++];
}

/* What the row of a task itself says. 0, -ENOMEM, or -ENOSPC: counted as dropped. */
static int copy_row(struct history *h, const struct task_row *row, const struct run_row *run,
		    struct history_task **ret)
{
	uint64_t dropped = h->dropped;
	struct history_task *t = add_task(h);

	if (!t)
		return h->dropped > dropped ? -ENOSPC : -ENOMEM;
	*t = (struct history_task){
		.id = row->id,
		.name = arena_text(&h->arena, row->name),
		.detail = arena_text(&h->arena, task_detail(row)),
		.run = (uint32_t)h->n_runs - 1,
		.status = row->status,
		.attempt = row->attempt,
		.requested_cpus = row->requested_cpus,
		.requested_bytes = row->requested_memory_bytes,
		.start_ns = row->start_ns,
		.end_ns = task_end_ns(row, run),
		.cpu_ns = row->ledger.state_ns[LEDGER_CPU],
		.waited_ns = row->ledger.state_ns[LEDGER_RUNQ],
		.largest_bytes = row->peak_rss_bytes,
		.io_bytes = run->features & FEATURE_IO_BYTES
				    ? row->ledger.read_bytes + row->ledger.write_bytes
				    : UINT64_MAX,
		.net_bytes = run->features & FEATURE_NET_BYTES
				     ? row->ledger.net_rx_bytes + row->ledger.net_tx_bytes
				     : UINT64_MAX,
		.usd = NAN,
	};
	*ret = t;
	return t->name ? 0 : -ENOMEM;
}

static int copy_task(struct history *h, struct gather *g, const struct task_entry *e)
{
	struct by_task *more = of_task(g, e->row.id);
	struct history_task *t;
	int r;

	if (!more)
		return -ENOMEM;
	if (more->encloses)
		return 0;
	r = copy_row(h, &e->row, &g->s.run, &t);
	if (r < 0)
		return r == -ENOSPC ? 0 : r;
	t->tool = arena_text(&h->arena, e->tools ? e->tools->row.name : NULL);
	t->tool_path = more->program && *more->program ? more->program
		       : e->tools		       ? e->tools->row.path
						       : NULL;
	t->tool_path = arena_text(&h->arena, t->tool_path);
	t->input_bytes = g->files > HISTORY_FILES_MAX ? 0 : more->input;
	task_memory_measure(&g->memory, &g->s, &e->row, t);
	where_add_task(&t->where, e, &g->s.run);
	return 0;
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

/* The whole run as a task. */
static struct task_row row_of_run(const struct run_row *run)
{
	return (struct task_row){
		.name = HISTORY_WHOLE,
		.key = HISTORY_WHOLE,
		.status = run->status == RUN_SUCCEEDED ? TASK_STATUS_SUCCEEDED : TASK_STATUS_FAILED,
		.start_ns = run->start_ns,
		.end_ns = run->end_ns,
		.peak_rss_bytes = run->peak_rss_bytes,
		.ledger = run->ledger,
	};
}

static int copy_whole(struct history *h, struct gather *g)
{
	struct task_entry e = { .row = row_of_run(&g->s.run), .tools = g->s.tools };
	struct history_task *t;
	int r = copy_task(h, g, &e);

	if (r < 0 || !h->n)
		return r;
	t = &h->tasks[h->n - 1];
	t->where = (struct where){ 0 };
	where_add_run(&t->where, &g->s);
	return 0;
}

static int fill(struct history *h, struct gather *g, struct store *store, int64_t run_id)
{
	int r = new_run(h, &g->s.run);

	g->end_ns = g->s.run.end_ns;
	g->whole = h->whole && !g->s.n_tasks;
	if (r == 0)
		r = store_each_process(store, run_id, visit_process, g);
	if (r == 0 && g->processes <= HISTORY_PROCESSES_MAX) /* a part is less than it was */
		r = task_memory_finish(&g->memory, store, run_id);
	if (r == 0)
		r = store_each_file(store, run_id, visit_file, g);
	if (r == 0)
		r = mark_enclosing(g);
	for (const struct task_entry *t = g->s.tasks; r == 0 && t; t = t->hh.next)
		if (!t->outer)
			r = copy_task(h, g, t);
	return r == 0 && g->whole ? copy_whole(h, g) : r;
}

struct light {
	struct history *h;
	struct gather *g;
};

static int visit_light(void *ctx, const struct task_row *row)
{
	struct light *l = ctx;
	struct by_task *up = row->parent ? of_task(l->g, row->parent) : NULL;
	struct history_task *t;
	int r;

	if (up)
		up->encloses = true;
	else if (row->parent)
		return -ENOMEM;
	r = copy_row(l->h, row, &l->g->s.run, &t);
	return r == -ENOSPC ? 0 : r;
}

static int keep_run(void *ctx, const struct run_row *row)
{
	struct gather *g = ctx;

	return run_row_copy(&g->s.arena, row, &g->s.run);
}

/* The rows of its tasks alone, without those around others. */
static int fill_light(struct history *h, struct gather *g, struct store *store, int64_t run_id)
{
	struct light l = { h, g };
	size_t first = h->n, n = first;
	int r = store_get_run(store, run_id, keep_run, g);

	if (r >= 0)
		r = new_run(h, &g->s.run);
	if (r >= 0)
		r = store_each_task(store, run_id, visit_light, &l);
	for (size_t i = first; r >= 0 && i < h->n; i++) {
		struct by_task *t = of_task(g, h->tasks[i].id);

		if (!t)
			return -ENOMEM;
		if (!t->encloses)
			h->tasks[n++] = h->tasks[i];
	}
	h->n = r >= 0 ? n : h->n;
	if (r >= 0 && h->whole && h->n == first) {
		struct task_row row = row_of_run(&g->s.run);

		r = visit_light(&l, &row);
	}
	return r < 0 ? r : 0;
}

int history_add_run(struct history *h, struct store *store, int64_t run_id)
{
	struct gather g = { 0 };
	int r;

	if (h->light) {
		r = fill_light(h, &g, store, run_id);
	} else {
		r = snapshot_load(&g.s, store, run_id);
		if (r < 0)
			return r;
		r = fill(h, &g, store, run_id);
	}
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

struct earlier {
	const struct run_row *run;
	struct earlier_run {
		int64_t id;
		uint64_t start_ns;
	} * runs; /* by start, the newest first */
	unsigned n, most;
};

/* Where only a command gives the name, it must have run in the same place: there are many
 * programs called run.sh. */
static bool is_same_pipeline(const struct run_row *a, const struct run_row *b)
{
	const char *x = history_pipeline(a), *y = history_pipeline(b);

	if (!x || !y || strcmp(x, y) != 0 || !a->pipeline != !b->pipeline)
		return false;
	return a->pipeline || (a->cwd && b->cwd && !strcmp(a->cwd, b->cwd));
}

static int visit_earlier(void *ctx, const struct run_row *row)
{
	struct earlier *e = ctx;
	unsigned at = e->n;

	if (row->id == e->run->id || row->start_ns > e->run->start_ns ||
	    !is_same_pipeline(row, e->run))
		return 0;
	while (at > 0 && e->runs[at - 1].start_ns < row->start_ns)
		at--;
	if (at == e->most)
		return 0;
	if (e->n < e->most)
		e->n++;
	memmove(&e->runs[at + 1], &e->runs[at], (e->n - at - 1) * sizeof(*e->runs));
	e->runs[at] = (struct earlier_run){ row->id, row->start_ns };
	return 0;
}

int history_add_before(struct history *h, struct store *store, const struct run_row *run,
		       unsigned most)
{
	struct earlier e = { .run = run };
	_cleanup_free_ struct earlier_run *runs = calloc(most + 1, sizeof(*runs));
	int r = 0;

	if (!runs)
		return -ENOMEM;
	e.runs = runs;
	e.most = most ? most - 1 : 0;
	if (e.most)
		r = store_each_run(store, 0, visit_earlier, &e);
	while (r >= 0 && e.n > 0)
		r = history_add_run(h, store, runs[--e.n].id);
	if (r >= 0)
		r = history_add_run(h, store, run->id);
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

const char *history_metric_name(enum history_metric m)
{
	static const char *const names[] = { "wall", "cpu", "memory", "io", "cost" };

	return names[m];
}

double history_value(const struct history_task *t, enum history_metric m)
{
	switch (m) {
	case HISTORY_WALL:
		return history_seconds(t) * 1e9;
	case HISTORY_CPU:
		return (double)t->cpu_ns;
	case HISTORY_MEMORY:
		return (double)(t->together_bytes ? t->together_bytes : t->largest_bytes);
	case HISTORY_IO:
		return t->io_bytes == UINT64_MAX ? NAN : (double)t->io_bytes;
	default:
		return t->usd;
	}
}
