/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/contention.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"

#define ROUNDING 1e-9 /* what is left of sums from which all has been taken away */

/* Those who share one thing: the CPUs, the disks, the memory below one limit. */
struct pool {
	enum contention_resource resource;
	double capacity; /* in the unit of use; 0: what others use of it is not known */
	double wait[CONTENTION_GROUPS + 1], use[CONTENTION_GROUPS + 1];
	unsigned alive[CONTENTION_GROUPS + 1];
	double waiting, most; /* most: that was ever used at a time */
};

enum { POOL_CPU, POOL_DISK, POOL_HOST_MEMORY, POOL_LIMITS };

struct sweep {
	struct pool pools[POOL_LIMITS + CONTENTION_LIMITS];
	const char *limits[CONTENTION_LIMITS]; /* the path of the cgroup that has it */
	unsigned n;			       /* pools */
	unsigned char *group, *pool;	       /* of each process; pool: of its memory */
};

static int compare_end(const void *first, const void *second)
{
	const struct fact_process *const *a = first, *const *b = second;

	return ((*a)->end_ns > (*b)->end_ns) - ((*a)->end_ns < (*b)->end_ns);
}

static const char *group_name(const struct fact_process *p, bool tasks)
{
	return tasks && p->task ? p->task->name : p->name;
}

static void choose_groups(struct contention *c, const struct units *units, bool tasks)
{
	for (unsigned i = 1; i < units->n && c->n < CONTENTION_GROUPS; i++)
		if (units->list[i].kind == (tasks ? SUBJECT_TASK : SUBJECT_TOOL)) {
			c->one[c->n] = units->list[i].n == 1;
			c->names[c->n++] = units->list[i].name;
		}
	c->names[c->n++] = "others";
	c->names[c->n] = "outside";
}

static unsigned group_of(const struct contention *c, const char *name)
{
	for (unsigned i = 0; i + 1 < c->n; i++)
		if (c->names[i] == name || !strcmp(c->names[i], name))
			return i;
	return c->n - 1;
}

/* ---- memory: who shares a limit ---- */

static bool is_below(const char *path, const char *above)
{
	size_t len = strlen(above);

	return !strncmp(path, above, len) && (!path[len] || path[len] == '/');
}

/* A cgroup's limit may be that of one above it: the highest known one with the same. */
static const struct fact_cgroup *owner_of_limit(const struct run_facts *f,
						const struct fact_cgroup *c)
{
	const struct fact_cgroup *owner = c;

	for (size_t i = 0; i < f->n_cgroups && c->path; i++) {
		const struct fact_cgroup *above = &f->cgroups[i];

		if (above->path && above->memory_limit_bytes == c->memory_limit_bytes &&
		    is_below(c->path, above->path) && strlen(above->path) < strlen(owner->path))
			owner = above;
	}
	return owner;
}

static unsigned pool_of(struct sweep *s, const struct run_facts *f, const struct fact_cgroup *c)
{
	uint64_t host = f->run.memory_bytes;

	if (!c->path || !c->memory_limit_bytes || (host && c->memory_limit_bytes >= host))
		return POOL_HOST_MEMORY;
	c = owner_of_limit(f, c);
	for (unsigned i = 0; i + POOL_LIMITS < s->n; i++)
		if (!strcmp(s->limits[i], c->path))
			return POOL_LIMITS + i;
	if (s->n == POOL_LIMITS + CONTENTION_LIMITS)
		return POOL_HOST_MEMORY;
	s->limits[s->n - POOL_LIMITS] = c->path;
	s->pools[s->n] = (struct pool){ .resource = CONTENTION_MEMORY,
					.capacity = (double)c->memory_limit_bytes };
	return s->n++;
}

struct cgroup_pool {
	uint64_t id;
	unsigned char pool;
};

static int compare_id(const void *first, const void *second)
{
	const struct cgroup_pool *a = first, *b = second;

	return (a->id > b->id) - (a->id < b->id);
}

static int choose_pools(struct sweep *s, const struct run_facts *f)
{
	_cleanup_free_ struct cgroup_pool *of = calloc(f->n_cgroups + 1, sizeof(*of));

	if (!of)
		return -ENOMEM;
	s->pools[POOL_CPU] = (struct pool){ .resource = CONTENTION_CPU, .capacity = f->run.cpus };
	s->pools[POOL_DISK] = (struct pool){ .resource = CONTENTION_DISK };
	s->pools[POOL_HOST_MEMORY] = (struct pool){ .resource = CONTENTION_MEMORY,
						    .capacity = (double)f->run.memory_bytes };
	s->n = POOL_LIMITS;
	for (size_t i = 0; i < f->n_cgroups; i++)
		of[i] = (struct cgroup_pool){ f->cgroups[i].id,
					      (unsigned char)pool_of(s, f, &f->cgroups[i]) };
	qsort(of, f->n_cgroups, sizeof(*of), compare_id);
	for (size_t i = 0; i < f->n_processes; i++) {
		struct cgroup_pool key = { f->processes[i].cgroup_id, 0 }, *found;

		found = f->n_cgroups ? bsearch(&key, of, f->n_cgroups, sizeof(key), compare_id)
				     : NULL;
		s->pool[i] = found ? found->pool : POOL_HOST_MEMORY;
	}
	return 0;
}

/* ---- time ---- */

/* No rounding is carried on when the last of a group has left. */
static void put(struct pool *p, unsigned group, double sign, double wait, double use)
{
	p->waiting += sign * wait;
	p->wait[group] += sign * wait;
	p->use[group] += sign * use;
	p->most = p->use[group] > p->most ? p->use[group] : p->most;
	p->alive[group] += sign > 0 ? 1 : -1U;
	if (p->alive[group])
		return;
	p->waiting -= p->wait[group];
	p->wait[group] = p->use[group] = 0;
}

static void enter(struct sweep *s, const struct run_facts *f, const struct fact_process *p,
		  double sign)
{
	double life = (double)(p->end_ns - p->start_ns), state[LEDGER_STATES];
	double bytes = (double)p->ledger.read_bytes + (double)p->ledger.write_bytes;
	double peak = (double)p->peak_rss_bytes;
	unsigned group = s->group[p - f->processes], pool = s->pool[p - f->processes];

	if (life <= 0)
		return;
	process_states(p, state);
	put(&s->pools[POOL_CPU], group, sign, state[LEDGER_RUNQ] / life,
	    (double)p->ledger.state_ns[LEDGER_CPU] / life);
	put(&s->pools[POOL_DISK], group, sign, state[LEDGER_DISK] / life, bytes / life);
	put(&s->pools[pool], group, sign, state[LEDGER_RECLAIM] / life, peak);
	if (pool != POOL_HOST_MEMORY) /* it holds the host's memory, too */
		put(&s->pools[POOL_HOST_MEMORY], group, sign, 0, peak);
}

static void piece(struct contention *c, const struct pool *p, double ns)
{
	double(*wait_ns)[CONTENTION_GROUPS + 2] = c->wait_ns[p->resource];
	double share[CONTENTION_GROUPS + 2], using = 0, all;

	for (unsigned by = 0; by < c->n; by++) {
		share[by] = p->use[by] > p->most * ROUNDING ? p->use[by] : 0;
		using += share[by];
	}
	all = using > p->capacity ? using : p->capacity;
	share[c->n] = all - using;
	if (all <= 0)
		share[c->n] = all = 1;
	for (unsigned by = 0; by <= c->n; by++)
		share[by] *= ns / all;
	for (unsigned v = 0; v < c->n; v++)
		for (unsigned by = 0; by <= c->n && p->wait[v] > 0; by++)
			wait_ns[v][by] += p->wait[v] * share[by];
}

static void walk(struct contention *c, struct sweep *s, const struct run_facts *f,
		 struct fact_process **ends)
{
	size_t in = 0, out = 0, alive = 0;
	uint64_t now = 0;

	while (out < f->n_processes) {
		bool start = in < f->n_processes && f->by_start[in]->start_ns <= ends[out]->end_ns;
		const struct fact_process *p = start ? f->by_start[in++] : ends[out++];
		uint64_t at = start ? p->start_ns : p->end_ns;

		for (unsigned i = 0; i < s->n && alive && at > now; i++)
			if (s->pools[i].waiting > 0)
				piece(c, &s->pools[i], (double)(at - now));
		now = at > now ? at : now;
		enter(s, f, p, start ? 1 : -1);
		alive += start ? 1 : (size_t)-1;
	}
}

int contention_make(struct contention *c, const struct run_facts *f, const struct units *units)
{
	_cleanup_free_ struct fact_process **ends =
		reallocarray(NULL, f->n_processes + 1, sizeof(struct fact_process *));
	_cleanup_free_ struct sweep *s = calloc(1, sizeof(*s));
	_cleanup_free_ unsigned char *bytes = calloc(f->n_processes + 1, 2);
	bool tasks = units->n > 1 && units->list[1].kind == SUBJECT_TASK;

	*c = (struct contention){ 0 };
	if (!ends || !s || !bytes)
		return -ENOMEM;
	s->group = bytes;
	s->pool = bytes + f->n_processes;
	choose_groups(c, units, tasks);
	if (choose_pools(s, f) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_processes; i++) {
		ends[i] = &f->processes[i];
		s->group[i] = (unsigned char)group_of(c, group_name(&f->processes[i], tasks));
	}
	qsort(ends, f->n_processes, sizeof(*ends), compare_end);
	walk(c, s, f, ends);
	return 0;
}

const char *contention_name(enum contention_resource resource)
{
	static const char *const names[CONTENTIONS] = { "cpu", "disk", "memory" };

	return names[resource];
}
