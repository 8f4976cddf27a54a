/* SPDX-License-Identifier: Apache-2.0 */
/* Runs, tasks and processes of the store as leaves on hosts. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/cli/cost_book.h"
#include "src/cli/reader.h"
#include "src/cli/where.h"
#include "src/cost/weights.h"
#include "src/model/fields.h"

struct intern {
	UT_hash_handle hh;
	char text[];
};

const char *book_intern(struct cost_book *b, const char *text)
{
	struct intern *i = NULL;
	size_t len;

	if (!text)
		return NULL;
	len = strlen(text);
	HASH_FIND(hh, b->interned, text, len, i);
	if (i)
		return i->text;
	i = arena_alloc(&b->arena, sizeof(*i) + len + 1);
	if (!i)
		return NULL;
	memcpy(i->text, text, len);
	HASH_ADD_KEYPTR(hh, b->interned, i->text, len, i);
	return i->text;
}

/* Room for one more in an array that doubles. */
static void *room(void *array, size_t n, size_t *size, size_t item)
{
	size_t more = *size ? *size * 2 : 64;
	void *grown;

	if (n < *size)
		return array;
	grown = reallocarray(array, more, item);
	if (grown)
		*size = more;
	return grown;
}

static struct book_host *host_of(struct cost_book *b, const char *name)
{
	struct book_host *h = NULL, **hosts;

	HASH_FIND_STR(b->by_name, name, h);
	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	hosts = reallocarray(b->hosts, b->n_hosts + 1, sizeof(*hosts));
	if (hosts)
		b->hosts = hosts;
	if (!h || !hosts) {
		free(h);
		return NULL;
	}
	h->name = book_intern(b, name);
	h->index = (uint32_t)b->n_hosts;
	b->hosts[b->n_hosts++] = h;
	HASH_ADD_KEYPTR(hh, b->by_name, h->name, strlen(h->name), h);
	return h;
}

struct run_walk {
	struct cost_book *b;
	const struct cost_selection *sel;
};

static bool is_selected(const struct run_walk *w, const struct run_row *row)
{
	if (!w->sel->all)
		return row->id == w->sel->run_id;
	return row->start_ns < w->sel->until_ns && (!row->end_ns || row->end_ns > w->sel->since_ns);
}

static int visit_run(void *ctx, const struct run_row *row)
{
	struct run_walk *w = ctx;
	struct cost_book *b = w->b;
	struct book_run *runs = room(b->runs, b->n_runs, &b->size_runs, sizeof(*runs)), *r;
	struct book_host *h;

	if (!runs)
		return -ENOMEM;
	b->runs = runs;
	r = &runs[b->n_runs++];
	*r = (struct book_run){ .selected = is_selected(w, row) };
	if (run_row_copy(&b->arena, row, &r->s.run) < 0)
		return -ENOMEM;
	h = host_of(b, row->hostname ? row->hostname : "(unknown host)");
	if (!h)
		return -ENOMEM;
	r->host = h->index;
	b->n_selected += r->selected;
	r->end_ns = row->end_ns > row->start_ns ? row->end_ns : row->start_ns;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct window *x = a, *y = b;

	return x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

static int add_window(struct book_host *h, uint64_t start_ns, uint64_t end_ns)
{
	struct window *w;

	if (end_ns <= start_ns)
		return 0;
	w = room(h->windows, h->n_windows, &h->size_windows, sizeof(*w));
	if (!w)
		return -ENOMEM;
	h->windows = w;
	w[h->n_windows++] = (struct window){ start_ns, end_ns };
	return 0;
}

static void merge_windows(struct book_host *h)
{
	size_t n = 0;

	if (!h->n_windows)
		return;
	qsort(h->windows, h->n_windows, sizeof(*h->windows), by_start);
	for (size_t i = 1; i < h->n_windows; i++) {
		if (h->windows[i].start_ns > h->windows[n].end_ns)
			h->windows[++n] = h->windows[i];
		else if (h->windows[i].end_ns > h->windows[n].end_ns)
			h->windows[n].end_ns = h->windows[i].end_ns;
	}
	h->n_windows = n + 1;
	for (size_t i = 0; i < h->n_windows; i++)
		h->wall_ns += h->windows[i].end_ns - h->windows[i].start_ns;
}

/* A host that was rented from its launch to its stop costs for all of that. */
static int rented(struct book_host *h)
{
	if (!h->n_windows || !h->id.launched_ns)
		return 0;
	return add_window(h, h->id.launched_ns,
			  h->id.stopped_ns ? h->id.stopped_ns
					   : h->windows[h->n_windows - 1].end_ns);
}

static void size_of_host(const struct cost_book *b, struct book_host *h, const struct run_row *run)
{
	struct machine m = { 0 };

	(void)machine_find(h->id.provider, h->id.type, &m);
	h->machine = m;
	if (h->id.size.vcpus_milli || !m.vcpus_milli)
		h->machine.vcpus_milli =
			h->id.size.vcpus_milli ? h->id.size.vcpus_milli : run->cpus * 1000;
	if (h->id.size.memory_bytes || !m.memory_bytes)
		h->machine.memory_bytes =
			h->id.size.memory_bytes ? h->id.size.memory_bytes : run->memory_bytes;
	if (h->id.size.gpus_milli)
		h->machine.gpus_milli = h->id.size.gpus_milli;
	cost_host_of(&h->machine, &h->id.rates, &h->pools);
	carbon_model_of(h->id.provider, h->id.type, h->id.region, &h->machine, &h->id.carbon,
			&h->carbon);
	h->lifecycle = LIFECYCLE_ON_DEMAND;
	if (h->id.lifecycle)
		(void)lifecycle_parse(h->id.lifecycle, &h->lifecycle);
}

static int identify(struct cost_book *b, struct book_host *h, const struct run_row *run)
{
	struct host_entry detected = HOST_ENTRY_NONE;
	char here[256] = "";

	h->identified = true;
	cost_config_host(b->config, h->name, &h->id);
	if (b->options.detect && gethostname(here, sizeof(here) - 1) == 0 &&
	    !strcmp(here, h->name) && b->options.detect(b->options.detect_ctx, &detected) == 0)
		host_entry_over(&h->id, &detected);
	/* Another machine than in host.yaml: what that one costs is void. */
	if (b->options.over->type && b->options.over->price < 0)
		h->id.price = -1;
	if (b->options.over->type || b->options.over->price >= 0)
		h->id.rates = (struct rates)RATES_NONE;
	host_entry_over(&h->id, b->options.over);
	size_of_host(b, h, run);
	return rented(h);
}

/* Does an unselected run share a host with what was selected? Bills have hours. */
static bool takes_part(const struct cost_book *b, const struct book_run *r)
{
	const struct book_host *h = b->hosts[r->host];
	uint64_t unit = b->has_bills ? 3600000000000ULL : 1;

	for (size_t i = 0; i < h->n_windows; i++)
		if (r->s.run.start_ns < (h->windows[i].end_ns + unit - 1) / unit * unit &&
		    r->end_ns > h->windows[i].start_ns / unit * unit)
			return true;
	return false;
}

static void set_who(struct cost_book *b, struct book_run *r)
{
	struct who_facts f = { 0 };
	const struct run_row *run = &r->s.run;
	struct passwd *pw = getpwuid((uid_t)run->user_id);
	struct group *gr = pw ? getgrgid(pw->pw_gid) : NULL;
	const char *key;
	json_t *value;

	str_copy(r->group, sizeof(r->group), gr ? gr->gr_name : "");
	r->labels = run->labels ? json_loads(run->labels, 0, NULL) : NULL;
	f.fact[WHO_USER] = run->user;
	f.fact[WHO_GROUP] = *r->group ? r->group : NULL;
	f.fact[WHO_PIPELINE] = run->pipeline;
	f.fact[WHO_NAME] = run->name;
	f.fact[WHO_PATH] = run->cwd;
	f.fact[WHO_HOST] = run->hostname;
	json_object_foreach(r->labels, key, value)
	{
		if (f.n_labels == WHO_LABELS_MAX || !json_is_string(value))
			continue;
		f.labels[f.n_labels++] = (struct who_label){ key, json_string_value(value) };
		if (!strcmp(key, "account"))
			f.fact[WHO_ACCOUNT] = json_string_value(value);
	}
	r->who = who_find(b->config->rules, b->config->n_rules, &f);
}

static int visit_last_task(void *ctx, const struct task_row *t)
{
	uint64_t *last = ctx, end = t->end_ns > t->start_ns ? t->end_ns : t->start_ns;

	*last = end > *last ? end : *last;
	return 0;
}

static int visit_last_process(void *ctx, const struct process_view *v)
{
	const struct process_row *p = v->process;
	uint64_t *last = ctx, end = p->end_ns > p->start_ns ? p->end_ns : p->start_ns;

	*last = end > *last ? end : *last;
	return 0;
}

/* A run without an end counts until the last that is known of it. */
static int find_ends(struct cost_book *b, struct store *store)
{
	int r = 0;

	for (size_t i = 0; i < b->n_runs && r >= 0; i++) {
		struct book_run *run = &b->runs[i];

		if (run->s.run.end_ns)
			continue;
		r = store_each_task(store, run->s.run.id, visit_last_task, &run->end_ns);
		if (r >= 0 && run->selected)
			r = store_each_process(store, run->s.run.id, visit_last_process,
					       &run->end_ns);
	}
	return r;
}

int book_load_runs(struct cost_book *b, struct store *store, const struct cost_selection *sel)
{
	struct run_walk w = { b, sel };
	int r = store_each_run(store, 0, visit_run, &w);

	if (r >= 0)
		r = find_ends(b, store);
	for (size_t i = 0; i < b->n_runs && r >= 0; i++)
		if (b->runs[i].selected)
			r = add_window(b->hosts[b->runs[i].host], b->runs[i].s.run.start_ns,
				       b->runs[i].end_ns);
	/* Runs come newest first: the newest says how large the host is. */
	for (size_t i = 0; i < b->n_runs && r >= 0; i++) {
		struct book_host *h = b->hosts[b->runs[i].host];

		if (b->runs[i].selected)
			set_who(b, &b->runs[i]);
		if (b->runs[i].selected && !h->identified)
			r = identify(b, h, &b->runs[i].s.run);
	}
	for (size_t i = 0; i < b->n_hosts && r >= 0; i++)
		merge_windows(b->hosts[i]);
	return r < 0 ? r : 0;
}

static uint64_t per_wall(uint64_t ns, uint64_t wall_ns, uint64_t unit)
{
	return wall_ns ? (uint64_t)((weight_sum)ns * unit / wall_ns) : 0;
}

static int new_leaf(struct cost_book *b, struct book_host *h, const struct cost_leaf *leaf,
		    const struct book_leaf *about, uint32_t *ret)
{
	size_t size = h->size_leaves;
	struct cost_leaf *leaves = room(h->leaves, h->n_leaves, &h->size_leaves, sizeof(*leaves));
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
		struct book_leaf *all = room(b->leaves, b->n_leaves, &b->size_leaves, sizeof(*all));

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

/* What the run did outside of its tasks: the engine, or all of it. */
static struct cost_leaf run_leaf(const struct book_run *r)
{
	const struct run_row *run = &r->s.run;
	struct cost_leaf l = { .parent = -1, .start_ns = run->start_ns, .end_ns = r->end_ns };
	/* Not observed: what wait4 said is all that is known. */
	uint64_t cpu =
		run_is_observed(run) ? run->ledger.state_ns[LEDGER_CPU] : run->command_cpu_ns;
	uint64_t peak = 0;
	uint64_t storage = run->ledger.read_bytes + run->ledger.write_bytes;
	uint64_t network = run->ledger.net_rx_bytes + run->ledger.net_tx_bytes;

	for (const struct task_entry *t = r->s.tasks; t; t = t->hh.next) {
		cpu = minus(cpu, t->row.ledger.state_ns[LEDGER_CPU]);
		storage = minus(storage, t->row.ledger.read_bytes + t->row.ledger.write_bytes);
		network = minus(network, t->row.ledger.net_rx_bytes + t->row.ledger.net_tx_bytes);
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

static struct cost_leaf task_leaf(const struct task_row *t, const struct book_run *r)
{
	struct cost_leaf l = { .start_ns = t->start_ns,
			       .end_ns = t->end_ns ? t->end_ns : r->end_ns };

	l.used[POOL_CPU] =
		per_wall(t->ledger.state_ns[LEDGER_CPU], minus(l.end_ns, l.start_ns), DEMAND_CORE);
	l.used[POOL_MEMORY] = t->peak_rss_bytes / 1024;
	l.reserved[POOL_CPU] = (uint64_t)t->requested_cpus * DEMAND_CORE;
	l.reserved[POOL_MEMORY] = t->requested_memory_bytes / 1024;
	l.storage_bytes = t->ledger.read_bytes + t->ledger.write_bytes;
	l.network_bytes = t->ledger.net_rx_bytes + t->ledger.net_tx_bytes;
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

static int load_tasks(struct cost_book *b, uint32_t run, struct place **places)
{
	struct book_run *r = &b->runs[run];
	struct book_host *h = b->hosts[r->host];
	struct book_leaf about = { .run = run, .host = r->host };
	struct cost_leaf l = run_leaf(r);
	uint32_t leaf;
	int e = new_leaf(b, h, &l, &about, &leaf);

	if (e == 0)
		e = add_place(b, h, places, 0, leaf);
	for (const struct task_entry *t = r->s.tasks; t && e == 0; t = t->hh.next) {
		l = task_leaf(&t->row, r);
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
	return e == 0 ? agent_leaf(b, h, r) : e;
}

struct process_walk {
	struct cost_book *b;
	struct place *places;
	struct book_run *run;
	uint32_t of_run; /* leaf of the run itself */
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

static int visit_process(void *ctx, const struct process_view *v)
{
	struct process_walk *w = ctx;
	struct cost_book *b = w->b;
	const struct process_row *p = v->process;
	struct place *place = place_of(w->places, p->task);
	struct book_process *all;

	if (p->kernel_thread)
		return 0;
	if (b->n_processes == PROCESSES_MAX)
		return -E2BIG;
	all = room(b->processes, b->n_processes, &b->size_processes, sizeof(*all));
	if (!all)
		return -ENOMEM;
	b->processes = all;
	all[b->n_processes++] = (struct book_process){
		.leaf = place ? place->book : w->of_run,
		.id = p->id,
		.pid = p->pid,
		.uid = p->uid,
		.start_boot_ns = p->start_boot_ns,
		.cpu_ns = p->ledger.state_ns[LEDGER_CPU],
		.start_ns = p->start_ns,
		.end_ns = p->end_ns ? p->end_ns : w->run->end_ns,
		.peak_rss_bytes = p->peak_rss_bytes,
		.storage_bytes = p->ledger.read_bytes + p->ledger.write_bytes,
		.network_bytes = p->ledger.net_rx_bytes + p->ledger.net_tx_bytes,
		.tool = book_intern(b, v->tool_name),
		.comm = book_intern(b, p->comm),
		.container = book_intern(b, p->container),
		.account = b->options.by == BY_ACCOUNT ? account_of(b, v->exec) : NULL,
	};
	return 0;
}

/* A GPU's device file that is opened is held until the process ends. */
static int visit_file(void *ctx, const struct file_row *f, const struct process_view *v)
{
	static const char device[] = "/dev/nvidia";
	struct process_walk *w = ctx;
	struct place *place = place_of(w->places, v->process->task);
	const char *digits = f->path + sizeof(device) - 1;
	unsigned long minor;
	char *end;

	if (strncmp(f->path, device, sizeof(device) - 1) || *digits < '0' || *digits > '9' ||
	    f->failed >= f->opens)
		return 0;
	minor = strtoul(digits, &end, 10);
	if (*end || minor >= 64)
		return 0;
	w->b->leaves[place ? place->book : w->of_run].gpus_seen |= 1ULL << minor;
	for (size_t i = w->b->n_processes; i-- > 0;)
		if (w->b->processes[i].id == v->process->id) {
			w->b->processes[i].gpus |= 1ULL << minor;
			break;
		}
	return 0;
}

static int load_run(struct cost_book *b, uint32_t run, struct store *store)
{
	struct book_run *r = &b->runs[run];
	struct process_walk w = { b, NULL, r, 0 };
	struct book_host *h = b->hosts[r->host];
	struct snapshot loaded;
	size_t first = b->n_leaves;
	int e = snapshot_load(&loaded, store, r->s.run.id);

	if (e < 0)
		return e;
	r->s = loaded;
	e = load_tasks(b, run, &w.places);
	w.of_run = (uint32_t)first;
	if (e == 0 && b->options.processes && r->selected)
		e = store_each_process(store, r->s.run.id, visit_process, &w);
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
		if (b->runs[i].selected || takes_part(b, &b->runs[i]))
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

void book_fini(struct cost_book *b)
{
	struct book_host *h, *tmp;

	HASH_ITER (hh, b->by_name, h, tmp) {
		HASH_DEL(b->by_name, h);
		free(h->windows);
		free(h->estimate.lines);
		free(h->storage.lines);
		free(h->final.lines);
		free(h->leaves);
		free(h->book_leaf);
		free(h);
	}
	for (size_t i = 0; i < b->n_runs; i++) {
		json_decref(b->runs[i].labels);
		snapshot_fini(&b->runs[i].s);
	}
	free(b->hosts);
	free(b->runs);
	free(b->leaves);
	free(b->processes);
	free((void *)b->bills.resources);
	bill_book_fini(&b->bills);
	HASH_CLEAR(hh, b->interned);
	arena_fini(&b->arena);
}
