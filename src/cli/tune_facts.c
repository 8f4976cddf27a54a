/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/tune_facts.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/cli/reader.h"
#include "src/cli/snapshot.h"

struct name {
	UT_hash_handle hh;
	char text[];
};

struct loader {
	struct run_facts *f;
	struct snapshot *s;
	struct store *store;
	struct name *names; /* each text once: 100,000 processes have a few names */
	int64_t *parents, *tasks;
	size_t size;
};

static const char *intern(struct loader *l, const char *text)
{
	struct name *n = NULL;
	size_t len = strlen(text);

	HASH_FIND(hh, l->names, text, len, n);
	if (n)
		return n->text;
	n = arena_alloc(&l->f->arena, sizeof(*n) + len + 1);
	if (!n)
		return NULL;
	memcpy(n->text, text, len);
	HASH_ADD_KEYPTR(hh, l->names, n->text, len, n);
	return n->text;
}

static uint64_t command_hash(const struct exec_row *e)
{
	uint64_t h = 1469598103934665603ULL; /* FNV-1a */

	for (size_t i = 0; i < e->argv.len; i++)
		h = (h ^ (unsigned char)e->argv.data[i]) * 1099511628211ULL;
	return e->argv.len ? h | 1 : 0;
}

static int grow(struct loader *l, size_t n)
{
	size_t size = l->size ? l->size * 2 : 1024;
	int64_t *more;

	if (n < l->size)
		return 0;
	more = reallocarray(l->parents, size, sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->parents = more;
	more = reallocarray(l->tasks, size, sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->tasks = more;
	l->size = size;
	return 0;
}

static int visit_process(void *ctx, const struct process_view *view)
{
	struct loader *l = ctx;
	const struct process_row *row = view->process;
	const char *name = view->tool_name ? view->tool_name : row->comm ? row->comm : "-";
	struct fact_process *p;

	if (row->kernel_thread)
		return 0;
	if (grow(l, l->f->n_processes) < 0)
		return -ENOMEM;
	p = run_facts_process(l->f);
	if (!p)
		return errno == ENOMEM ? -ENOMEM : 0;
	l->parents[l->f->n_processes - 1] = row->parent;
	l->tasks[l->f->n_processes - 1] = row->task;
	p->id = row->id;
	p->name = intern(l, name);
	p->start_ns = row->start_ns;
	p->end_ns = row->end_ns;
	p->exec_ns = view->exec ? view->exec->time_ns : 0;
	p->command = view->exec ? command_hash(view->exec) : 0;
	p->peak_rss_bytes = row->peak_rss_bytes;
	p->program_peak_rss_bytes =
		row->program_peak_rss_bytes ? row->program_peak_rss_bytes : row->peak_rss_bytes;
	p->cgroup_id = row->cgroup_id;
	p->pid = row->pid;
	p->threads_peak = row->threads_peak;
	p->killer_pid = row->killer_pid;
	p->exit_code = row->exit_code;
	p->signal = row->signal;
	p->oom_killed = row->oom_killed;
	p->failed = row->end_ns && (row->exit_code > 0 || row->signal > 0);
	p->ledger = row->ledger;
	return p->name ? 0 : -ENOMEM;
}

/* What a process that did well could not open was no loss to it. */
static int visit_file(void *ctx, const struct file_row *row)
{
	struct loader *l = ctx;
	struct fact_process *process = run_facts_find(l->f, row->process);
	bool full = row->error == ENOSPC || row->error == EDQUOT;
	struct fact_file *file;
	int r = 0;

	if (!row->path || !process || (!process->failed && !full))
		return 0;
	if (row->error == ENOENT || row->error == ENOTDIR)
		r = store_found_elsewhere(l->store, row);
	if (r < 0)
		return r;
	file = run_facts_file(l->f);
	if (!file)
		return errno == ENOMEM ? -ENOMEM : 0;
	file->found_elsewhere = r > 0;
	file->path = intern(l, row->path);
	file->error = row->error;
	file->time_ns = row->last_ns;
	file->write = row->access & WIRE_OPEN_WRITE;
	file->process = process;
	return file->path ? 0 : -ENOMEM;
}

static int visit_pipe(void *ctx, const struct file_row *row)
{
	struct loader *l = ctx;
	struct fact_pipe pipe = { .process = run_facts_find(l->f, row->process),
				  .reads = row->access & WIRE_OPEN_READ,
				  .writes = row->access & WIRE_OPEN_WRITE };

	if (!row->path || !pipe.process || strncmp(row->path, "pipe:[", 6) != 0)
		return 0;
	pipe.inode = strtoull(row->path + 6, NULL, 10);
	if (!pipe.inode)
		return 0;
	return run_facts_pipe(l->f, &pipe);
}

static uint64_t number(const json_t *detail, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(detail, key));

	return n > 0 ? (uint64_t)n : 0;
}

static const char *text(struct loader *l, const json_t *detail, const char *key)
{
	const char *value = json_string_value(json_object_get(detail, key));

	return value ? intern(l, value) : NULL;
}

static bool can_never_end(const json_t *step)
{
	static const char *const keys[] = { "nobody", "itself", "deadlock" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (json_is_true(json_object_get(step, keys[i])))
			return true;
	return false;
}

static int add_stall(struct loader *l, const struct incident_row *row)
{
	struct fact_stall *s = run_facts_stall(l->f);
	json_t *detail, *chain, *last;

	if (!s)
		return errno == ENOMEM ? -ENOMEM : 0;
	detail = row->detail ? json_loads(row->detail, 0, NULL) : NULL;
	chain = json_object_get(detail, "chain");
	last = json_array_size(chain) ? json_array_get(chain, json_array_size(chain) - 1) : NULL;
	s->process = run_facts_find(l->f, row->process);
	s->since_ns = row->time_ns;
	s->end_ns = number(detail, "end_ns");
	s->unit = text(l, detail, "unit");
	s->unit = s->unit ? s->unit : "process";
	s->task = text(l, detail, "task");
	/* a rebuild may have named it better */
	if (s->task && s->process && s->process->task)
		s->task = s->process->task->name;
	s->words = text(l, detail, "words");
	s->wait = last ? text(l, last, "wait") : NULL;
	s->for_ever = can_never_end(last);
	s->pid = (uint32_t)number(detail, "pid");
	s->processes = (uint32_t)number(detail, "processes");
	json_decref(detail);
	return 0;
}

static int visit_incident(void *ctx, const struct incident_row *row)
{
	struct loader *l = ctx;
	bool oom = !strcmp(row->kind, "oom");
	struct fact_event *e;
	json_t *detail;

	if (!strcmp(row->kind, "stall"))
		return add_stall(l, row);
	if (!oom && strcmp(row->kind, "signal") != 0)
		return 0;
	e = run_facts_event(l->f);
	if (!e)
		return errno == ENOMEM ? -ENOMEM : 0;
	detail = row->detail ? json_loads(row->detail, 0, NULL) : NULL;
	e->kind = oom ? FACT_OOM : FACT_SIGNAL;
	e->process = run_facts_find(l->f, row->process);
	e->time_ns = row->time_ns;
	e->pid = (uint32_t)number(detail, "pid");
	e->sender_pid = (uint32_t)number(detail, "sender_pid");
	e->signal = (int)number(detail, "signal");
	e->comm = text(l, detail, oom ? "comm" : "sender_comm");
	e->cgroup = text(l, detail, "cgroup");
	e->whole_host = json_is_true(json_object_get(detail, "whole_host"));
	e->limit_bytes = number(detail, "limit_bytes");
	e->usage_bytes = number(detail, "usage_bytes");
	e->rss_bytes = number(detail, "rss_bytes");
	json_decref(detail);
	return 0;
}

static int visit_cgroup(void *ctx, const struct cgroup_row *row)
{
	struct loader *l = ctx;
	struct fact_cgroup *c = run_facts_cgroup(l->f);

	if (!c)
		return errno == ENOMEM ? -ENOMEM : 0;
	*c = (struct fact_cgroup){ row->id, row->memory_limit_bytes, row->cpu_limit_milli,
				   row->path ? intern(l, row->path) : NULL };
	return 0;
}

static int add_task(struct loader *l, const struct task_row *row)
{
	struct fact_task *t = run_facts_task(l->f);
	const char *detail = task_detail(row), *pipeline = snapshot_pipeline(l->s, row);

	if (!t)
		return errno == ENOMEM ? -ENOMEM : 0;
	t->id = row->id;
	t->name = intern(l, row->name);
	t->detail = detail ? intern(l, detail) : NULL;
	t->key = row->key ? intern(l, row->key) : NULL;
	t->pipeline = pipeline ? intern(l, pipeline) : NULL;
	t->start_ns = row->start_ns;
	t->end_ns = row->end_ns;
	t->requested_memory_bytes = row->requested_memory_bytes;
	t->requested_cpus = row->requested_cpus;
	t->peak_rss_bytes = row->peak_rss_bytes;
	t->attempt = row->attempt;
	t->status = row->status;
	t->exit_code = row->exit_code;
	t->signal = row->signal;
	return t->name ? 0 : -ENOMEM;
}

static int load_tasks(struct loader *l, int64_t **ret_parents, int64_t **ret_roots)
{
	int64_t *parents = calloc(l->s->n_tasks + 1, sizeof(*parents));
	int64_t *roots = calloc(l->s->n_tasks + 1, sizeof(*roots));
	size_t n = 0;
	int r = parents && roots ? 0 : -ENOMEM;

	*ret_parents = parents;
	*ret_roots = roots;
	for (const struct task_entry *t = l->s->tasks; t && r == 0; t = t->hh.next) {
		r = add_task(l, &t->row);
		if (n == l->f->n_tasks) /* beyond the limit */
			break;
		parents[n] = t->row.parent;
		roots[n++] = t->row.root_process;
	}
	return r;
}

/* Reading things once, however large, is not thrashing; what a program and its
 * libraries are is not in the list of files, hence the allowance. */
#define READ_SET_ALLOWANCE (64ULL << 20)

static int find_rereads(struct loader *l, struct store *store, int64_t run_id)
{
	uint64_t read_set = 0, fetched = l->f->run.ledger.read_bytes;
	bool limited = false;
	int r;

	for (size_t i = 0; i < l->f->n_cgroups; i++)
		limited |= l->f->cgroups[i].memory_limit_bytes > 0;
	if (!limited || fetched < READ_SET_ALLOWANCE)
		return 0;
	r = store_get_read_set(store, run_id, &read_set);
	if (r < 0 || !read_set || fetched < 2 * read_set + READ_SET_ALLOWANCE)
		return r;
	for (size_t i = 0; i < l->f->n_processes; i++) {
		struct fact_process *p = &l->f->processes[i];
		const struct fact_cgroup *c = run_facts_find_cgroup(l->f, p->cgroup_id);

		p->rereads = c && c->memory_limit_bytes;
	}
	return 0;
}

static int load(struct loader *l, struct store *store, int64_t run_id)
{
	_cleanup_free_ int64_t *task_parents = NULL, *task_roots = NULL;
	int r = run_row_copy(&l->f->arena, &l->s->run, &l->f->run);

	if (r >= 0)
		r = load_tasks(l, &task_parents, &task_roots);
	if (r >= 0)
		r = grow(l, 0);
	if (r >= 0)
		r = store_each_process(store, run_id, visit_process, l);
	if (r >= 0)
		r = run_facts_index(l->f, &(struct fact_links){ l->parents, l->tasks, task_parents,
								task_roots });
	if (r >= 0)
		r = store_each_incident(store, run_id, visit_incident, l);
	if (r >= 0)
		r = store_each_file_error(store, run_id, visit_file, l);
	if (r >= 0)
		r = store_each_cgroup(store, run_id, visit_cgroup, l);
	if (r >= 0)
		r = store_each_pipe(store, run_id, visit_pipe, l);
	if (r >= 0)
		r = run_facts_index_pipes(l->f);
	if (r >= 0)
		r = find_rereads(l, store, run_id);
	return r < 0 ? r : 0;
}

int tune_facts_load(struct run_facts *ret, struct store *store, int64_t run_id)
{
	struct snapshot s = { 0 };
	struct loader l = { .f = ret, .s = &s, .store = store };
	struct timespec now;
	int r;

	*ret = (struct run_facts){ 0 };
	r = snapshot_load(&s, store, run_id);
	if (r < 0)
		return r;
	clock_gettime(CLOCK_REALTIME, &now);
	if (s.run.status == RUN_RUNNING)
		ret->now_ns = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
	r = load(&l, store, run_id);
	HASH_CLEAR(hh, l.names);
	free(l.parents);
	free(l.tasks);
	snapshot_fini(&s);
	return r;
}
