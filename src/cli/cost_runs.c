/* SPDX-License-Identifier: Apache-2.0 */
/* Which runs a report is about, on which hosts, and what these hosts are. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/str.h"
#include "src/cli/cost_book.h"
#include "src/cli/reader.h"
#include "src/cost/weights.h"

#define WINDOW_MAX_NS (20 * 366 * 86400ULL * 1000000000ULL) /* longer is no time of a machine */
#define HOUR_NS	      3600000000000ULL

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

void *book_room(void *array, size_t n, size_t *size, size_t item)
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

static struct book_host *new_host(struct cost_book *b, const char *name, const char *key)
{
	struct book_host *h = calloc(1, sizeof(*h)), **hosts;

	hosts = reallocarray(b->hosts, b->n_hosts + 1, sizeof(*hosts));
	if (hosts)
		b->hosts = hosts;
	if (!h || !hosts) {
		free(h);
		return NULL;
	}
	h->name = book_intern(b, name);
	h->key = book_intern(b, key);
	h->index = (uint32_t)b->n_hosts;
	b->hosts[b->n_hosts++] = h;
	HASH_ADD_KEYPTR(hh, b->by_key, h->key, strlen(h->key), h);
	return h;
}

/* Names come back: a host is its name and what its machine is. */
static struct book_host *host_of(struct cost_book *b, const struct book_run *r)
{
	const char *name = r->s.run.hostname ? r->s.run.hostname : "(unknown host)";
	const struct host_entry *m = &r->machine;
	const char *const parts[] = { m->provider, m->type,	 m->region,
				      m->zone,	   m->lifecycle, m->resource };
	_cleanup_(str_fini) struct str key = STR_INIT;
	struct book_host *h = NULL;

	str_add(&key, name);
	for (size_t i = 0; i < ARRAY_SIZE(parts) && r->has_machine; i++)
		str_addf(&key, "\n%s", parts[i] ? parts[i] : "");
	if (key.failed)
		return NULL;
	HASH_FIND_STR(b->by_key, str_text(&key), h);
	return h ? h : new_host(b, name, str_text(&key));
}

/* What was stored with the run; texts are interned. */
static void read_machine(struct cost_book *b, struct book_run *r)
{
	json_t *tree = r->s.run.machine ? json_loads(r->s.run.machine, 0, NULL) : NULL;
	struct host_entry *m = &r->machine;
	const struct {
		const char *name, **at;
	} texts[] = { { "provider", &m->provider },   { "type", &m->type },
		      { "region", &m->region },	      { "zone", &m->zone },
		      { "lifecycle", &m->lifecycle }, { "resource", &m->resource },
		      { "account", &m->account },     { "source", &m->from } };
	const char *time;

	*m = (struct host_entry)HOST_ENTRY_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		*texts[i].at =
			book_intern(b, json_string_value(json_object_get(tree, texts[i].name)));
	r->has_machine = m->provider || m->type;
	time = json_string_value(json_object_get(tree, "launched_ns"));
	m->seen_launch_ns = time ? strtoull(time, NULL, 10) : 0;
	time = json_string_value(json_object_get(tree, "interrupted_ns"));
	r->interrupted_ns = time ? strtoull(time, NULL, 10) : 0;
	json_decref(tree);
}

struct boot { /* a machine stays what it is until it is stopped */
	const char *id;
	uint32_t run; /* newest that knows its machine */
	UT_hash_handle hh;
};

static int find_boots(struct cost_book *b, struct boot **boots)
{
	for (size_t i = 0; i < b->n_runs; i++) {
		const char *id = b->runs[i].s.run.boot_id;
		struct boot *boot = NULL;

		if (!id || !b->runs[i].has_machine)
			continue;
		HASH_FIND_STR(*boots, id, boot);
		if (boot)
			continue;
		boot = arena_alloc(&b->arena, sizeof(*boot));
		if (!boot)
			return -ENOMEM;
		boot->id = id;
		boot->run = (uint32_t)i;
		HASH_ADD_KEYPTR(hh, *boots, boot->id, strlen(boot->id), boot);
	}
	return 0;
}

static int place_runs(struct cost_book *b)
{
	struct boot *boots = NULL, *boot;
	int r = find_boots(b, &boots);

	for (size_t i = 0; i < b->n_runs && r == 0; i++) {
		struct book_run *run = &b->runs[i];
		struct book_host *h;

		boot = NULL;
		if (!run->has_machine && run->s.run.boot_id)
			HASH_FIND_STR(boots, run->s.run.boot_id, boot);
		if (boot) {
			run->machine = b->runs[boot->run].machine;
			run->has_machine = true;
		}
		h = host_of(b, run);
		if (!h)
			r = -ENOMEM;
		else
			run->host = h->index;
	}
	HASH_CLEAR(hh, boots);
	return r;
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
	struct book_run *runs = book_room(b->runs, b->n_runs, &b->size_runs, sizeof(*runs)), *r;

	if (!runs)
		return -ENOMEM;
	b->runs = runs;
	r = &runs[b->n_runs++];
	*r = (struct book_run){ .selected = is_selected(w, row) };
	if (run_row_copy(&b->arena, row, &r->s.run) < 0)
		return -ENOMEM;
	read_machine(b, r);
	b->n_selected += r->selected;
	r->end_ns = row->end_ns > row->start_ns ? row->end_ns : row->start_ns;
	if (r->end_ns - row->start_ns > WINDOW_MAX_NS) {
		log_warning("run %s: its end is more than 20 years after its start, which cannot "
			    "be: it is not counted",
			    row->uid);
		r->end_ns = row->start_ns;
	}
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
	w = book_room(h->windows, h->n_windows, &h->size_windows, sizeof(*w));
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
	uint64_t end_ns;

	if (!h->n_windows || !h->id.launched_ns)
		return 0;
	end_ns = h->id.stopped_ns ? h->id.stopped_ns : h->windows[h->n_windows - 1].end_ns;
	if (end_ns > h->id.launched_ns && end_ns - h->id.launched_ns > WINDOW_MAX_NS) {
		log_warning("the host started more than 20 years before its end, which cannot be: "
			    "only its runs are counted; see --host-started and `launched`");
		return 0;
	}
	return add_window(h, h->id.launched_ns, end_ns);
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

/* Stored facts are surer than a usual host.yaml, but not than one that was asked for. */
static void use_stored(const struct cost_book *b, struct book_host *h,
		       const struct host_entry *stored)
{
	struct host_entry settings = h->id;

	if (settings.type && stored->type && strcmp(settings.type, stored->type) != 0 &&
	    !b->config->hosts_given) {
		h->id.price = -1;
		h->id.rates = (struct rates)RATES_NONE;
	}
	host_entry_over(&h->id, stored);
	if (stored->from && *stored->from)
		h->stored = true;
	if (!b->config->hosts_given || (!settings.provider && !settings.type))
		return;
	host_entry_over(&h->id, &settings);
	h->stored = false;
}

static int identify(struct cost_book *b, struct book_host *h, const struct book_run *r)
{
	const struct host_entry *over = b->options.over;
	struct host_entry detected = HOST_ENTRY_NONE;
	char here[256] = "";

	h->identified = true;
	cost_config_host(b->config, h->name, &h->id);
	if (r->has_machine)
		use_stored(b, h, &r->machine);
	if (b->options.detect && gethostname(here, sizeof(here) - 1) == 0 &&
	    !strcmp(here, h->name) && b->options.detect(b->options.detect_ctx, &detected) == 0) {
		host_entry_over(&h->id, &detected);
		h->stored = false;
	}
	/* Another machine than in host.yaml: what that one costs is void. */
	if (over->type && over->price < 0)
		h->id.price = -1;
	if (over->type || over->price >= 0)
		h->id.rates = (struct rates)RATES_NONE;
	host_entry_over(&h->id, over);
	h->stored &= !over->provider && !over->type;
	size_of_host(b, h, &r->s.run);
	return rented(h);
}

/* A charge of the hour of a window is of the time of the run. */
static bool touches_hours(const struct book_host *h, const struct cost_line *line)
{
	for (size_t i = 0; i < h->n_windows; i++)
		if (line->start_ns < (h->windows[i].end_ns + HOUR_NS - 1) / HOUR_NS * HOUR_NS &&
		    line->end_ns > h->windows[i].start_ns / HOUR_NS * HOUR_NS)
			return true;
	return false;
}

void book_find_charged(struct cost_book *b)
{
	for (size_t i = 0; i < b->bills.n; i++) {
		const struct matched_charge *c = &b->bills.charges[i];
		struct book_host *h = b->hosts[c->resource / (VOLUMES_MAX + 1)];

		h->charged |= touches_hours(h, &c->line);
	}
}

bool book_is_billed(const struct cost_book *b)
{
	for (size_t i = 0; i < b->n_hosts; i++)
		if (b->hosts[i]->charged)
			return true;
	return false;
}

bool book_takes_part(const struct cost_book *b, const struct book_run *r)
{
	const struct book_host *h = b->hosts[r->host];
	uint64_t unit = h->charged ? HOUR_NS : 1;

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

static uint64_t unix_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* A run that goes on counts until now, as `tracer show` and `tracer tune` do; another one
 * without an end, until the last that is known of it. */
static int find_ends(struct cost_book *b, struct store *store)
{
	uint64_t now_ns = unix_now_ns();
	int r = 0;

	for (size_t i = 0; i < b->n_runs && r >= 0; i++) {
		struct book_run *run = &b->runs[i];

		if (run->s.run.end_ns)
			continue;
		if (run->s.run.status == RUN_RUNNING) {
			run->end_ns = now_ns > run->end_ns ? now_ns : run->end_ns;
			continue;
		}
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
		r = place_runs(b);
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
			r = identify(b, h, &b->runs[i]);
	}
	for (size_t i = 0; i < b->n_hosts && r >= 0; i++)
		merge_windows(b->hosts[i]);
	return r < 0 ? r : 0;
}

void book_fini(struct cost_book *b)
{
	struct book_host *h, *tmp;

	HASH_ITER (hh, b->by_key, h, tmp) {
		HASH_DEL(b->by_key, h);
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
