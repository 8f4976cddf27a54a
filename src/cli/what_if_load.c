/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a run as the tasks and the graph that the what-if replays. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/flow_path.h"
#include "src/base/cleanup.h"
#include "src/cli/flow_steps.h"
#include "src/cli/flow_view.h"
#include "src/cli/what_if.h"

#define NS	  1e9
#define CPUS_MOST 65536

static const char hex_digits[] = "0123456789abcdef";

struct load {
	struct what_if_run *w;
	const struct history *h;
	const struct history_run *of;
	struct flow_view v;
	struct index *by_id; /* of tasks, and of processes in steps */
	struct arena arena;
	struct task_entry *steps; /* sums of their processes */
	const char *top;	  /* what started the steps */
	struct lives lives;
};

struct index {
	int64_t id;
	uint32_t task;
	UT_hash_handle hh;
};

static int index_add(struct load *l, int64_t id, uint32_t task)
{
	struct index *i = arena_alloc(&l->arena, sizeof(*i));

	if (!i)
		return -ENOMEM;
	*i = (struct index){ .id = id, .task = task };
	HASH_ADD(hh, l->by_id, id, sizeof(i->id), i);
	return i->hh.tbl ? 0 : -ENOMEM;
}

static const struct index *index_find(const struct load *l, int64_t id)
{
	struct index *i = NULL;

	HASH_FIND(hh, l->by_id, &id, sizeof(id), i);
	return i;
}

/* Engines that start what they are given, in any order: nothing depends on anything. */
static bool is_fan_out(const char *name)
{
	return name && (!strcmp(name, "parallel") || !strcmp(name, "xargs"));
}

static void put_where(struct whatif_task *t, const struct where *where, uint64_t cpu_ns)
{
	t->queue_s = (double)where->ns[LEDGER_RUNQ] / NS;
	t->cpu_wall_s = (double)where->ns[LEDGER_CPU] / NS;
	t->cpu_s = (double)cpu_ns / NS;
}

static int add_tasks(struct load *l, size_t first)
{
	const struct run_row *run = &l->of->row;

	for (size_t i = first; i < l->h->n; i++) {
		const struct history_task *t = &l->h->tasks[i];
		uint64_t bytes = t->together_bytes ? t->together_bytes : t->largest_bytes;
		struct whatif_task w = {
			.start_s = (double)(int64_t)(t->start_ns - run->start_ns) / NS,
			.end_s = (double)(int64_t)(t->end_ns - run->start_ns) / NS,
			.memory_bytes = (double)bytes,
			.faster = 1,
			.places = t->requested_cpus,
		};

		if (!(w.end_s > w.start_s))
			continue;
		put_where(&w, &t->where, t->cpu_ns);
		l->w->cpu_s += w.cpu_s;
		l->w->names[l->w->run.n] = t->name;
		if (index_add(l, t->id, (uint32_t)l->w->run.n) < 0)
			return -ENOMEM;
		l->w->tasks[l->w->run.n++] = w;
	}
	return 0;
}

static void ledger_add(struct wire_ledger *to, const struct wire_ledger *more)
{
	for (unsigned i = 0; i < LEDGER_STATES; i++)
		to->state_ns[i] += more->state_ns[i];
	to->thread_ns += more->thread_ns;
}

/* Parents come before their children. */
static int visit_step_process(void *ctx, const struct process_view *view)
{
	struct load *l = ctx;
	const struct process_row *p = view->process;
	const struct index *of = index_find(l, p->id);
	struct task_row *row;

	if (!of) {
		of = index_find(l, p->parent);
		if (of && index_add(l, p->id, of->task) < 0)
			return -ENOMEM;
	}
	if (!of) {
		l->top = arena_text(&l->arena, p->comm); /* the last above the steps */
		return 0;
	}
	row = &l->steps[of->task].row;
	ledger_add(&row->ledger, &p->ledger);
	row->peak_rss_bytes +=
		p->program_peak_rss_bytes ? p->program_peak_rss_bytes : p->peak_rss_bytes;
	return lives_add(&l->lives, of->task, p, l->of->row.end_ns);
}

static int visit_task_process(void *ctx, const struct process_view *view)
{
	struct load *l = ctx;
	const struct process_row *p = view->process;
	const struct index *of = p->task ? index_find(l, p->task) : NULL;

	return of ? lives_add(&l->lives, of->task, p, l->of->row.end_ns) : 0;
}

static int add_steps(struct load *l, struct store *store)
{
	struct what_if_run *w = l->w;
	const struct run_row *run = &l->of->row;
	int r = 0;

	l->steps = arena_alloc(&l->arena, (l->v.n_steps + 1) * sizeof(*l->steps));
	if (!l->steps)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->v.n_steps && r == 0; i++) {
		l->steps[i].row = *l->v.rows[i];
		r = index_add(l, l->v.rows[i]->root_process, i);
	}
	if (r == 0)
		r = store_each_process(store, run->id, visit_step_process, l);
	for (uint32_t i = 0; i < l->v.n_steps && r == 0; i++) {
		const struct task_row *row = &l->steps[i].row;
		uint64_t end_ns = task_end_ns(row, run);
		struct where where = { 0 };

		where_add_task(&where, &l->steps[i], run);
		w->names[i] = row->name;
		w->tasks[i] = (struct whatif_task){
			.start_s = (double)(int64_t)(row->start_ns - run->start_ns) / NS,
			.end_s = (double)(int64_t)(end_ns - run->start_ns) / NS,
			.memory_bytes = (double)row->peak_rss_bytes,
			.faster = 1,
		};
		put_where(&w->tasks[i], &where, row->ledger.state_ns[LEDGER_CPU]);
		w->cpu_s += w->tasks[i].cpu_s;
	}
	w->run.n = r == 0 ? l->v.n_steps : 0;
	w->steps = w->run.n > 0;
	return r;
}

/* Names of steps live in the view: they are needed longer. */
static int keep_names(struct load *l, struct arena *to)
{
	for (size_t i = 0; l->w->steps && i < l->w->run.n; i++) {
		l->w->names[i] = arena_text(to, l->w->names[i]);
		if (!l->w->names[i])
			return -ENOMEM;
	}
	return 0;
}

/* Index of a task of the view; UINT32_MAX: it is not replayed (others are inside). */
static uint32_t replayed(const struct load *l, uint32_t task)
{
	const struct index *i;

	if (l->w->steps)
		return task;
	i = index_find(l, l->v.rows[task]->id);
	return i ? i->task : UINT32_MAX;
}

static int add_needs(struct load *l)
{
	const struct flow *f = &l->v.flow;
	struct what_if_run *w = l->w;

	w->needs = calloc(f->n_edges + 1, sizeof(*w->needs));
	if (!w->needs)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_edges; i++) {
		const struct flow_edge *e = &f->edges[i];
		uint32_t from, to;

		if (!flow_is_task(e->from) || !flow_is_task(e->to))
			continue;
		from = replayed(l, e->from);
		to = replayed(l, e->to);
		if (from != UINT32_MAX && to != UINT32_MAX && from != to)
			w->needs[w->run.n_needs++] = (struct whatif_need){ from, to, e->stream };
	}
	return 0;
}

/* Tasks that used data files: what they depend on would have been seen. */
static void mark_placed(struct load *l)
{
	const struct flow_input *in = &l->v.in;

	for (size_t i = 0; i < in->n_uses; i++) {
		const struct flow_use *u = &in->uses[i];
		uint32_t task = flow_is_task(u->task) ? replayed(l, u->task) : UINT32_MAX;

		if (task == UINT32_MAX || !u->opens || l->w->tasks[task].placed)
			continue;
		l->w->tasks[task].placed = !flow_path_is_software(in->paths[u->path]);
	}
}

/* Is every file that passed between tasks in the graph? */
static bool flow_is_known(const struct flow_view *v)
{
	const struct completeness *c = &v->s.run.completeness;

	return v->s.run.features & FEATURE_FILES && !c->files_folded && !v->in.events_dropped &&
	       !c->lost[LOSS_FILE] && !c->lost[LOSS_PATH] && !c->rows_lost &&
	       !v->flow.links_dropped && !v->flow.writers_dropped && !v->in.nameless &&
	       !v->in.overlooked && v->n_steps < FLOW_STEPS_MAX;
}

static int add_graph(struct load *l)
{
	struct whatif_run *run = &l->w->run;
	bool fan_out = is_fan_out(l->w->steps ? l->top : l->of->row.engine);
	int r;

	/* What a script does step by step is its order, whatever files say. */
	run->independent = fan_out;
	run->graph = fan_out || (!l->w->steps && flow_is_known(&l->v));
	r = run->graph ? add_needs(l) : 0;
	if (r == 0 && run->graph)
		mark_placed(l);
	for (size_t i = 0; fan_out && i < run->n; i++)
		l->w->tasks[i].placed = true;
	return r;
}

static void measure_engine(struct load *l)
{
	const struct run_row *run = &l->of->row;
	double cpu = (double)run->ledger.state_ns[LEDGER_CPU];
	double queue = (double)run->ledger.state_ns[LEDGER_RUNQ];

	for (const struct task_entry *t = l->v.s.tasks; t; t = t->hh.next) {
		if (!l->w->steps && !index_find(l, t->row.id))
			continue;
		cpu -= (double)t->row.ledger.state_ns[LEDGER_CPU];
		queue -= (double)t->row.ledger.state_ns[LEDGER_RUNQ];
	}
	for (size_t i = 0; l->w->steps && i < l->w->run.n; i++) {
		cpu -= (double)l->steps[i].row.ledger.state_ns[LEDGER_CPU];
		queue -= (double)l->steps[i].row.ledger.state_ns[LEDGER_RUNQ];
	}
	l->w->run.engine_cpu_s = cpu > 0 ? cpu / NS : 0;
	l->w->run.engine_queue_s = queue > 0 ? queue / NS : 0;
}

static int fill(struct load *l, struct store *store, size_t first)
{
	struct what_if_run *w = l->w;
	size_t room = l->h->n - first + FLOW_STEPS_MAX + 1;
	int r = flow_view_load(&l->v, store, &l->of->row, false);

	if (r < 0)
		return r;
	w->tasks = calloc(room, sizeof(*w->tasks));
	w->names = calloc(room, sizeof(*w->names));
	if (!w->tasks || !w->names)
		return -ENOMEM;
	r = l->v.n_steps ? add_steps(l, store) : add_tasks(l, first);
	if (r == 0 && !w->steps)
		r = store_each_process(store, l->of->row.id, visit_task_process, l);
	if (r == 0 && !l->lives.dropped)
		r = lives_measure(&l->lives, w->tasks);
	if (r == 0)
		r = add_graph(l);
	if (r == 0)
		measure_engine(l);
	return r;
}

static double cpus_of_mask(const char *hex)
{
	unsigned n = 0;

	hex += strncmp(hex, "0x", 2) == 0 ? 2 : 0;
	for (; *hex; hex++) {
		const char *at = strchr(hex_digits, tolower((unsigned char)*hex));

		if (!at && *hex != ',')
			return 0;
		n += at ? (unsigned)__builtin_popcount((unsigned)(at - hex_digits)) : 0;
	}
	return n;
}

/* "0-3,8": 5; 0: nothing that is understood. */
static double cpus_of_list(const char *list)
{
	double n = 0;

	while (*list) {
		char *end;
		unsigned long low = strtoul(list, &end, 10), high = low;

		if (end == list)
			return 0;
		if (*end == '-')
			high = strtoul(end + 1, &end, 10);
		if (high < low || high >= CPUS_MOST || (*end && *end != ','))
			return 0;
		n += (double)(high - low + 1);
		list = *end ? end + 1 : end;
	}
	return n;
}

/* CPUs that the run was given where its command is taskset; 0: nothing says it. */
static double cpus_given(const struct run_row *run)
{
	const char *word = run->argv.data, *end = word ? word + run->argv.len : NULL;
	const char *words[3] = { "", "", "" };
	double n = 0;

	for (size_t i = 0; word && word < end && i < ARRAY_SIZE(words); i++) {
		words[i] = word;
		word += strnlen(word, (size_t)(end - word)) + 1;
	}
	if (word && !strcmp(flow_base_name(words[0]), "taskset"))
		n = !strcmp(words[1], "-c") || !strcmp(words[1], "--cpu-list")
			    ? cpus_of_list(words[2])
			    : cpus_of_mask(words[1]);
	return n > 0 && n < run->cpus ? n : 0;
}

int what_if_run_load(struct what_if_run *w, struct history *h, struct store *store)
{
	struct load l = { .w = w, .h = h, .of = &h->runs[h->n_runs - 1] };
	size_t first = h->n;
	int r;

	*w = (struct what_if_run){ 0 };
	while (first && h->tasks[first - 1].run == h->n_runs - 1)
		first--;
	r = fill(&l, store, first);
	if (r == 0)
		r = keep_names(&l, &h->arena);
	w->run.tasks = w->tasks;
	w->run.needs = w->needs;
	w->run.run_s = (double)(l.of->row.end_ns - l.of->row.start_ns) / NS;
	w->run.was.cores = cpus_given(&l.of->row);
	w->run.cores_told = w->run.was.cores > 0;
	if (!w->run.cores_told)
		w->run.was.cores = l.of->row.cpus;
	w->run.in_passes = l.of->row.engine && !strcmp(l.of->row.engine, "make");
	lives_fini(&l.lives);
	HASH_CLEAR(hh, l.by_id);
	arena_fini(&l.arena);
	flow_view_fini(&l.v);
	if (r < 0)
		what_if_run_fini(w);
	return r < 0 ? r : 0;
}

void what_if_run_fini(struct what_if_run *w)
{
	free(w->tasks);
	free(w->names);
	free(w->needs);
	*w = (struct what_if_run){ 0 };
}
