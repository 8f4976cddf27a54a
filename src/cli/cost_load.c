/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks and processes of the store as leaves on hosts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/cli/cost_book.h"
#include "src/cost/weights.h"
#include "src/model/fields.h"

static uint64_t per_wall(uint64_t ns, uint64_t wall_ns, uint64_t unit)
{
	return wall_ns ? (uint64_t)((weight_sum)ns * unit / wall_ns) : 0;
}

static int new_leaf(struct cost_book *b, struct book_host *h, const struct cost_leaf *leaf,
		    const struct book_leaf *about, uint32_t *ret)
{
	size_t size = h->size_leaves;
	struct cost_leaf *leaves =
		book_room(h->leaves, h->n_leaves, &h->size_leaves, sizeof(*leaves));
	uint32_t *map;

	if (!leaves || h->n_leaves >= COST_LEAVES_MAX)
		return leaves ? -E2BIG : -ENOMEM;
	h->leaves = leaves;
	if (h->size_leaves != size) {
		map = reallocarray(h->book_leaf, h->size_leaves, sizeof(*map));
		if (!map)
			return -ENOMEM;
		h->book_leaf = map;
	}
	h->book_leaf[h->n_leaves] = UINT32_MAX;
	if (about) {
		struct book_leaf *all =
			book_room(b->leaves, b->n_leaves, &b->size_leaves, sizeof(*all));

		if (!all)
			return -ENOMEM;
		b->leaves = all;
		all[b->n_leaves] = *about;
		h->book_leaf[h->n_leaves] = (uint32_t)b->n_leaves++;
	}
	b->clock_steps += leaf->end_ns < leaf->start_ns;
	b->no_time += leaf->end_ns == leaf->start_ns;
	h->leaves[h->n_leaves++] = *leaf;
	*ret = (uint32_t)(h->n_leaves - 1);
	return 0;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Where bytes that are sent have a price, the others do not count. */
static uint64_t network_of(const struct wire_ledger *l, bool sent)
{
	return l->net_tx_bytes + (sent ? 0 : l->net_rx_bytes);
}

/* What the run did outside of its tasks: the engine, or all of it. */
static struct cost_leaf run_leaf(const struct book_run *r, bool sent)
{
	const struct run_row *run = &r->s.run;
	struct cost_leaf l = { .parent = -1, .start_ns = run->start_ns, .end_ns = r->end_ns };
	/* Not observed: what wait4 said is all that is known. */
	uint64_t cpu =
		run_is_observed(run) ? run->ledger.state_ns[LEDGER_CPU] : run->command_cpu_ns;
	uint64_t peak = 0;
	uint64_t storage = run->ledger.read_bytes + run->ledger.write_bytes;
	uint64_t network = network_of(&run->ledger, sent);

	for (const struct task_entry *t = r->s.tasks; t; t = t->hh.next) {
		cpu = minus(cpu, t->row.ledger.state_ns[LEDGER_CPU]);
		storage = minus(storage, t->row.ledger.read_bytes + t->row.ledger.write_bytes);
		network = minus(network, network_of(&t->row.ledger, sent));
	}
	for (const struct tool_entry *t = r->s.tools; t; t = t->next)
		peak = t->row.peak_rss_bytes > peak ? t->row.peak_rss_bytes : peak;
	l.passive = r->s.n_tasks;
	if (!r->s.n_tasks && run->peak_rss_bytes > peak)
		peak = run->peak_rss_bytes;
	l.used[POOL_CPU] = per_wall(cpu, minus(l.end_ns, l.start_ns), DEMAND_CORE);
	l.used[POOL_MEMORY] = peak / 1024;
	l.storage_bytes = storage;
	l.network_bytes = network;
	return l;
}

static struct cost_leaf task_leaf(const struct task_row *t, const struct book_run *r, bool sent)
{
	struct cost_leaf l = { .start_ns = t->start_ns,
			       .end_ns = t->end_ns ? t->end_ns : r->end_ns };

	l.used[POOL_CPU] =
		per_wall(t->ledger.state_ns[LEDGER_CPU], minus(l.end_ns, l.start_ns), DEMAND_CORE);
	l.used[POOL_MEMORY] = t->peak_rss_bytes / 1024;
	l.reserved[POOL_CPU] = (uint64_t)t->requested_cpus * DEMAND_CORE;
	l.reserved[POOL_MEMORY] = t->requested_memory_bytes / 1024;
	l.storage_bytes = t->ledger.read_bytes + t->ledger.write_bytes;
	l.network_bytes = network_of(&t->ledger, sent);
	return l;
}

static int agent_leaf(struct cost_book *b, struct book_host *h, const struct book_run *r)
{
	const struct run_row *run = &r->s.run;
	uint64_t cpu = run->collector_cpu_ns + run->recorder_cpu_ns + run->bpf_run_ns;
	struct cost_leaf l = {
		.parent = -1, .start_ns = run->start_ns, .end_ns = r->end_ns, .overhead = true
	};
	uint32_t place;

	l.used[POOL_CPU] = per_wall(cpu, minus(l.end_ns, l.start_ns), DEMAND_CORE);
	return cpu ? new_leaf(b, h, &l, NULL, &place) : 0;
}

struct place { /* of a task's leaf on its host, and in the book */
	int64_t task;
	uint32_t leaf, book;
	weight_sum kib_ns; /* memory of its processes x their time */
	UT_hash_handle hh;
};

static struct place *place_of(struct place *places, int64_t task)
{
	struct place *p = NULL;

	HASH_FIND(hh, places, &task, sizeof(task), p);
	return p;
}

static int add_place(struct cost_book *b, struct book_host *h, struct place **places, int64_t task,
		     uint32_t leaf)
{
	struct place *p = arena_alloc(&b->arena, sizeof(*p));

	if (!p)
		return -ENOMEM;
	*p = (struct place){ .task = task, .leaf = leaf, .book = h->book_leaf[leaf] };
	HASH_ADD(hh, *places, task, sizeof(p->task), p);
	return 0;
}

struct last_attempt { /* of what has this name and sample */
	uint32_t attempt;
	UT_hash_handle hh;
	char key[];
};

static int work_key(struct str *key, const struct task_row *t)
{
	str_reset(key);
	str_addn(key, t->name, strlen(t->name) + 1);
	str_add(key, t->sample ? t->sample : "");
	return key->failed ? -ENOMEM : 0;
}

static int count_attempt(struct cost_book *b, struct last_attempt **last, const struct str *key,
			 uint32_t attempt)
{
	struct last_attempt *a = NULL;

	HASH_FIND(hh, *last, key->data, key->len, a);
	if (!a) {
		a = arena_alloc(&b->arena, sizeof(*a) + key->len);
		if (!a)
			return -ENOMEM;
		memcpy(a->key, key->data, key->len);
		HASH_ADD_KEYPTR(hh, *last, a->key, key->len, a);
	}
	a->attempt = attempt > a->attempt ? attempt : a->attempt;
	return 0;
}

/* Marks the leaves whose work was tried again. */
static int find_retried(struct cost_book *b, const struct book_run *r, struct place *places)
{
	_cleanup_(str_fini) struct str key = STR_INIT;
	struct last_attempt *last = NULL, *a;
	int e = 0;

	for (const struct task_entry *t = r->s.tasks; t && e == 0; t = t->hh.next) {
		e = work_key(&key, &t->row);
		if (e == 0)
			e = count_attempt(b, &last, &key, t->row.attempt);
	}
	for (const struct task_entry *t = r->s.tasks; t && e == 0; t = t->hh.next) {
		e = work_key(&key, &t->row);
		a = NULL;
		if (e == 0)
			HASH_FIND(hh, last, key.data, key.len, a);
		b->leaves[place_of(places, t->row.id)->book].retried =
			a && a->attempt > t->row.attempt;
	}
	HASH_CLEAR(hh, last);
	return e;
}

static int load_tasks(struct cost_book *b, uint32_t run, struct place **places)
{
	struct book_run *r = &b->runs[run];
	struct book_host *h = b->hosts[r->host];
	struct book_leaf about = { .run = run, .host = r->host };
	bool sent = h->id.transfer >= 0;
	struct cost_leaf l = run_leaf(r, sent);
	uint32_t leaf;
	int e = new_leaf(b, h, &l, &about, &leaf);

	if (e == 0)
		e = add_place(b, h, places, 0, leaf);
	for (const struct task_entry *t = r->s.tasks; t && e == 0; t = t->hh.next) {
		l = task_leaf(&t->row, r, sent);
		about.task = t;
		e = new_leaf(b, h, &l, &about, &leaf);
		if (e == 0)
			e = add_place(b, h, places, t->row.id, leaf);
	}
	for (const struct task_entry *t = r->s.tasks; t && e == 0; t = t->hh.next) {
		struct place *up = place_of(*places, t->row.parent);
		struct place *own = place_of(*places, t->row.id);

		if (!up || up == own)
			up = place_of(*places, 0);
		h->leaves[own->leaf].parent = up->leaf;
	}
	if (e == 0)
		e = find_retried(b, r, *places);
	return e == 0 ? agent_leaf(b, h, r) : e;
}

struct process_walk {
	struct cost_book *b;
	struct place *places;
	struct book_run *run;
	uint32_t of_run; /* leaf of the run itself */
	struct tool_of *tools;
	bool keep;	      /* the processes are shown */
	size_t first_process; /* of the run in book.processes */
};

static const char *account_of(struct cost_book *b, const struct exec_row *exec)
{
	static const char name[] = "SLURM_JOB_ACCOUNT=";
	size_t at = 0;

	while (exec && exec->env.data && at < exec->env.len) {
		const char *text = exec->env.data + at;

		if (!strncmp(text, name, sizeof(name) - 1))
			return book_intern(b, text + sizeof(name) - 1);
		at += strnlen(text, exec->env.len - at) + 1;
	}
	return NULL;
}

struct tool_of { /* name of a tool's id */
	int64_t id;
	const char *name;
	UT_hash_handle hh;
};

static int name_tools(struct process_walk *w, const struct tool_entry *t)
{
	for (; t; t = t->next) {
		struct tool_of *of = arena_alloc(&w->b->arena, sizeof(*of));

		if (!of)
			return -ENOMEM;
		of->id = t->row.id;
		of->name = t->row.name;
		HASH_ADD(hh, w->tools, id, sizeof(of->id), of);
	}
	return 0;
}

static int name_all_tools(struct process_walk *w)
{
	int r = name_tools(w, w->run->s.tools);

	for (struct task_entry *t = w->run->s.tasks; t && r == 0; t = t->hh.next)
		r = name_tools(w, t->tools);
	return r;
}

/* Of the program it was in the end: what a fork inherited of its parent's peak is gone at
 * its exec. */
static uint64_t held_bytes(const struct process_row *p)
{
	return p->program_peak_rss_bytes ? p->program_peak_rss_bytes : p->peak_rss_bytes;
}

/* What it held at most, for as long as it lived in the time of its leaf. */
static void add_memory(struct process_walk *w, struct place *place, const struct process_row *p)
{
	const struct cost_leaf *l = &w->b->hosts[w->run->host]->leaves[place->leaf];
	uint64_t end_ns = p->end_ns ? p->end_ns : w->run->end_ns;
	uint64_t from = p->start_ns > l->start_ns ? p->start_ns : l->start_ns;
	uint64_t to = end_ns < l->end_ns ? end_ns : l->end_ns;

	if (to > from)
		place->kib_ns += (weight_sum)(held_bytes(p) / 1024) * (to - from);
}

static int keep_process(struct process_walk *w, const struct place *place,
			const struct process_row *p)
{
	struct cost_book *b = w->b;
	struct tool_of *tool = NULL;
	struct book_process *all;

	if (b->n_processes == PROCESSES_MAX)
		return -E2BIG;
	all = book_room(b->processes, b->n_processes, &b->size_processes, sizeof(*all));
	if (!all)
		return -ENOMEM;
	b->processes = all;
	HASH_FIND(hh, w->tools, &p->tool, sizeof(p->tool), tool);
	all[b->n_processes++] = (struct book_process){
		.leaf = place->book,
		.id = p->id,
		.pid = p->pid,
		.uid = p->uid,
		.start_boot_ns = p->start_boot_ns,
		.cpu_ns = p->ledger.state_ns[LEDGER_CPU],
		.start_ns = p->start_ns,
		.end_ns = p->end_ns ? p->end_ns : w->run->end_ns,
		.peak_rss_bytes = held_bytes(p),
		.storage_bytes = p->ledger.read_bytes + p->ledger.write_bytes,
		.network_bytes = network_of(&p->ledger, b->hosts[w->run->host]->id.transfer >= 0),
		.tool = tool ? tool->name : NULL,
		.comm = tool ? NULL : book_intern(b, p->comm),
		.container = book_intern(b, p->container),
	};
	return 0;
}

static int visit_process(void *ctx, const struct process_row *p)
{
	struct process_walk *w = ctx;
	struct place *place = place_of(w->places, p->task);

	if (p->kernel_thread)
		return 0;
	if (!place)
		place = place_of(w->places, 0);
	add_memory(w, place, p);
	return w->keep ? keep_process(w, place, p) : 0;
}

/* The processes of a run come by id. */
static struct book_process *process_of(struct process_walk *w, int64_t id)
{
	size_t low = w->first_process, high = w->b->n_processes;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (w->b->processes[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < w->b->n_processes && w->b->processes[low].id == id ? &w->b->processes[low]
									: NULL;
}

static int visit_account(void *ctx, const struct process_view *v)
{
	struct process_walk *w = ctx;
	struct book_process *p = process_of(w, v->process->id);

	if (p)
		p->account = account_of(w->b, v->exec);
	return 0;
}

/* A GPU's device file that is opened is held until the process ends. */
static int visit_file(void *ctx, const struct file_row *f, const struct process_view *v)
{
	static const char device[] = "/dev/nvidia";
	struct process_walk *w = ctx;
	struct place *place = place_of(w->places, v->process->task);
	const char *digits = f->path + sizeof(device) - 1;
	struct book_process *p;
	unsigned long minor;
	char *end;

	if (strncmp(f->path, device, sizeof(device) - 1) || *digits < '0' || *digits > '9' ||
	    f->failed >= f->opens)
		return 0;
	minor = strtoul(digits, &end, 10);
	if (*end || minor >= 64)
		return 0;
	w->b->leaves[place ? place->book : w->of_run].gpus_seen |= 1ULL << minor;
	p = process_of(w, v->process->id);
	if (p)
		p->gpus |= 1ULL << minor;
	return 0;
}

/* On average while the leaf ran; where no process says more, its largest all the time. */
static void set_memory(struct process_walk *w)
{
	struct cost_leaf *leaves = w->b->hosts[w->run->host]->leaves;

	for (struct place *p = w->places; p; p = p->hh.next) {
		struct cost_leaf *l = &leaves[p->leaf];

		if (p->kib_ns && l->end_ns > l->start_ns)
			l->used[POOL_MEMORY] = (uint64_t)(p->kib_ns / (l->end_ns - l->start_ns));
	}
}

static int load_processes(struct process_walk *w, struct store *store)
{
	int r = w->keep ? name_all_tools(w) : 0;

	if (r == 0)
		r = store_each_process_use(store, w->run->s.run.id, visit_process, w);
	set_memory(w);
	if (r >= 0 && w->keep && w->b->options.by == BY_ACCOUNT)
		r = store_each_process(store, w->run->s.run.id, visit_account, w);
	HASH_CLEAR(hh, w->tools);
	return r;
}

static int load_run(struct cost_book *b, uint32_t run, struct store *store)
{
	struct book_run *r = &b->runs[run];
	struct process_walk w = { .b = b, .run = r, .first_process = b->n_processes };
	struct book_host *h = b->hosts[r->host];
	struct snapshot loaded;
	size_t first = b->n_leaves;
	int e = snapshot_load(&loaded, store, r->s.run.id);

	if (e < 0)
		return e;
	r->s = loaded;
	e = load_tasks(b, run, &w.places);
	if (r->selected && !(r->s.run.features & FEATURE_NET_BYTES))
		h->sent_unknown = true;
	else if (r->selected)
		h->sent_bytes += r->s.run.ledger.net_tx_bytes;
	w.of_run = (uint32_t)first;
	w.keep = b->options.processes && r->selected;
	if (e == 0)
		e = load_processes(&w, store);
	if (e >= 0 && h->machine.gpus_milli)
		e = store_each_file(store, r->s.run.id, visit_file, &w);
	for (struct place *p = w.places; p && e >= 0; p = p->hh.next)
		h->leaves[p->leaf].used[POOL_GPU] =
			(uint64_t)__builtin_popcountll(b->leaves[p->book].gpus_seen) * DEMAND_CORE;
	HASH_CLEAR(hh, w.places);
	return e < 0 ? e : 0;
}

static int by_leaf(const void *a, const void *b)
{
	const struct book_process *x = a, *y = b;

	if (x->leaf != y->leaf)
		return x->leaf < y->leaf ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

int book_load_leaves(struct cost_book *b, struct store *store)
{
	int r = 0;

	for (size_t i = 0; i < b->n_runs && r == 0; i++)
		if (b->runs[i].selected || book_takes_part(b, &b->runs[i]))
			r = load_run(b, (uint32_t)i, store);
	if (r == 0 && b->n_processes)
		qsort(b->processes, b->n_processes, sizeof(*b->processes), by_leaf);
	for (size_t i = 0; i < b->n_processes; i++) {
		struct book_leaf *l = &b->leaves[b->processes[i].leaf];

		if (!l->n_processes++)
			l->first_process = (uint32_t)i;
	}
	return r;
}
