/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a file is: found by its inode, else by its name; a creation begins a new
 * life even where the inode was used before. What one renamed without having
 * opened it is found when the new name is opened next.
 */
#include <stdlib.h>
#include <string.h>

#include "src/analysis/flow_internal.h"
#include "src/analysis/flow_path.h"

#define COPY_NS (10 * 1000000000ULL) /* from reading a file to making its copy */

static bool ends_have(const struct ends *e, uint32_t end)
{
	for (uint32_t i = e->n; i > 0; i--) /* the latest is the likeliest */
		if (e->items[i - 1] == end)
			return true;
	return false;
}

void ends_add(struct play *p, struct ends *e, uint32_t end)
{
	uint32_t size = e->size ? e->size * 4 : 1, *more;

	if (ends_have(e, end))
		return;
	if (e->n == FLOW_WRITERS) {
		memmove(e->items, e->items + 1, (e->n - 1) * sizeof(*e->items));
		e->n--;
		p->out->writers_dropped++;
	}
	if (e->n == e->size) {
		more = arena_alloc(&p->arena, size * sizeof(*more));
		if (!more) {
			p->no_memory = true;
			return;
		}
		if (e->n)
			memcpy(more, e->items, e->n * sizeof(*more));
		e->items = more;
		e->size = size;
	}
	e->items[e->n++] = end;
}

static void ends_set(struct play *p, struct ends *e, uint32_t end)
{
	e->n = 0;
	ends_add(p, e, end);
}

static bool has_task(const struct ends *e)
{
	for (uint32_t i = 0; i < e->n; i++)
		if (flow_is_task(e->items[i]))
			return true;
	return false;
}

static struct life *life_new(struct play *p, const struct flow_use *u)
{
	struct life *l = arena_alloc(&p->arena, sizeof(*l)), *old = NULL;

	if (l && p->n_lives == p->size_lives) {
		size_t size = p->size_lives ? p->size_lives * 2 : 1024;
		struct life **more = reallocarray(p->lives, size, sizeof(struct life *));

		if (more) {
			p->lives = more;
			p->size_lives = size;
		}
	}
	if (!l || p->n_lives == p->size_lives) {
		p->no_memory = true;
		return NULL;
	}
	l->key = (struct life_key){ u->dev, u->inode };
	l->path = u->path;
	l->stream = u->stream;
	p->lives[p->n_lives++] = l;
	many_place(p, l);
	if (!u->inode)
		return l;
	HASH_FIND(hh, p->by_inode, &l->key, sizeof(l->key), old);
	if (old) { /* its inode has a new owner, so it is gone */
		old->deleted = true;
		HASH_DELETE(hh, p->by_inode, old);
	}
	HASH_ADD(hh, p->by_inode, key, sizeof(l->key), l);
	return l;
}

static void remember_staging(struct play *p, uint64_t time_ns)
{
	struct flow *f = p->out;

	if (f->n_staging == p->size_staging) {
		size_t size = p->size_staging ? p->size_staging * 2 : 64;
		struct flow_span *more = reallocarray(f->staging, size, sizeof(*more));

		if (!more) {
			p->no_memory = true;
			return;
		}
		f->staging = more;
		p->size_staging = size;
	}
	f->staging[f->n_staging++] = (struct flow_span){ time_ns, time_ns };
}

/* Nobody was seen to write it: it was there before, or is one of many. */
static void consume_unknown(struct play *p, struct flow_link link)
{
	const struct ends *writers = many_writers(p, link.path);

	link.from = FLOW_BEFORE;
	if (!writers)
		link_add(p, &link);
	link.assumed = true;
	for (uint32_t i = 0; writers && i < writers->n; i++) {
		link.from = writers->items[i];
		link_add(p, &link);
	}
}

/* Through a pipe only those hand on who lived at a time: sequential steps that share a
 * pipe of their script, or whose pipes had the same number, did not. */
static bool lived_together(const struct play *p, uint32_t a, uint32_t b)
{
	const struct flow_task *x, *y;

	if (!flow_is_task(a) || !flow_is_task(b))
		return true;
	x = &p->in->tasks[a];
	y = &p->in->tasks[b];
	return (!x->end_ns || y->start_ns <= x->end_ns) && (!y->end_ns || x->start_ns <= y->end_ns);
}

/* The links from all that wrote it to who reads it now, and from who gave it the name
 * by which it is read. */
static void consume(struct play *p, struct life *l, const struct flow_use *u, uint64_t time_ns)
{
	uint32_t linker = p->linkers[u->path];
	struct flow_link link = {
		.to = u->task,
		.path = u->path,
		.via_engine = l->via_engine || linker == FLOW_ENGINE,
		.stream = l->stream,
		.size_known = u->size_known && !l->stream,
		.size_bytes = u->size_bytes,
		.time_ns = time_ns,
	};

	if (!l->writers.n && !l->made && !l->stream)
		consume_unknown(p, link);
	for (uint32_t i = 0; i < l->writers.n; i++) {
		link.from = l->writers.items[i];
		if (l->stream && !lived_together(p, link.from, u->task))
			continue;
		link_add(p, &link);
		l->consumed |= link.from != u->task && flow_is_task(u->task);
	}
	if (linker && linker != FLOW_ENGINE) {
		link.from = linker - 1;
		link_add(p, &link);
	}
}

static void moved(struct play *p, struct life *l, const struct flow_use *u, uint32_t task,
		  uint64_t time_ns)
{
	struct flow_use by = *u;

	l->path = u->path;
	l->deleted = false;
	many_place(p, l);
	if (!flow_is_task(task)) {
		if (has_task(&l->writers)) {
			l->via_engine = true;
			remember_staging(p, time_ns);
		} else if (!l->writers.n && !l->read) {
			ends_set(p, &l->writers, task);
		}
		return;
	}
	by.task = task;
	by.size_known = false;
	if (l->writers.n || l->read)
		consume(p, l, &by, time_ns);
	ends_set(p, &l->writers, task);
	l->made = true;
	l->via_engine = false;
}

static void bind_inode(struct play *p, struct life *l, const struct flow_use *u)
{
	l->key = (struct life_key){ u->dev, u->inode };
	HASH_ADD(hh, p->by_inode, key, sizeof(l->key), l);
}

static struct life *find(struct play *p, const struct flow_use *u)
{
	struct life_key key = { u->dev, u->inode };
	struct life *l = NULL, *named = p->at_path[u->path];

	if (u->inode)
		HASH_FIND(hh, p->by_inode, &key, sizeof(key), l);
	if (l || !named)
		return l;
	if (!u->inode)
		return named;
	if (named->key.inode)
		return NULL;
	bind_inode(p, named, u);
	return named;
}

/* The life of what u opened, which may begin here. NULL: no memory. */
static struct life *get(struct play *p, const struct flow_use *u)
{
	struct mover *mover = &p->movers[u->path];
	struct life *l = find(p, u);

	if (!l)
		l = life_new(p, u);
	if (!l)
		return NULL;
	if (mover->set) {
		mover->set = false;
		moved(p, l, u, mover->task, mover->time_ns);
	}
	l->path = u->path;
	l->deleted = false;
	p->at_path[u->path] = l;
	return l;
}

uint64_t text_hash(const char *text, size_t len)
{
	uint64_t hash = 14695981039346656037ULL; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 1099511628211ULL;
	return hash;
}

static struct copy_source *copy_of(struct play *p, const struct flow_use *u, bool add)
{
	const char *name = flow_base_name(p->in->paths[u->path]);
	struct copy_source *c = NULL, wanted = { 0 };

	wanted.key.process = u->process;
	wanted.key.name_hash = text_hash(name, strlen(name));
	HASH_FIND(hh, p->copies, &wanted.key, sizeof(wanted.key), c);
	if (c || !add)
		return c;
	c = arena_alloc(&p->arena, sizeof(*c));
	if (!c) {
		p->no_memory = true;
		return NULL;
	}
	c->key = wanted.key;
	HASH_ADD(hh, p->copies, key, sizeof(c->key), c);
	return c;
}

/* The engine read data of tasks and makes a file of the same base name: a copy. */
static bool is_copy(struct play *p, struct life *l, const struct flow_use *u, uint64_t time_ns)
{
	struct copy_source *c = copy_of(p, u, false);

	if (!c || c->life == l || time_ns - c->time_ns > COPY_NS || !has_task(&c->life->writers))
		return false;
	l->writers.n = 0;
	for (uint32_t i = 0; i < c->life->writers.n; i++)
		ends_add(p, &l->writers, c->life->writers.items[i]);
	c->life->consumed = true;
	l->via_engine = true;
	remember_staging(p, time_ns);
	return true;
}

void life_read(struct play *p, const struct flow_use *u, uint64_t time_ns)
{
	struct life *l = get(p, u);
	struct copy_source *c;

	if (!l)
		return;
	consume(p, l, u, time_ns);
	l->read = true;
	if (l->stream)
		ends_add(p, &l->readers, u->task);
	if (flow_is_task(u->task))
		return;
	c = copy_of(p, u, true);
	if (c) {
		c->life = l;
		c->time_ns = time_ns;
	}
}

/* It was read before another file took its name: the inode of u is that of the other. */
void life_read_old(struct play *p, const struct flow_use *u, uint64_t time_ns)
{
	struct flow_use old = *u;
	struct life *l = p->at_path[u->path];

	old.size_known = false;
	if (!l)
		return;
	consume(p, l, &old, time_ns);
	l->read = true;
}

static void write_stream(struct play *p, struct life *l, const struct flow_use *u, uint64_t time_ns)
{
	struct flow_link link = {
		.from = u->task, .path = u->path, .stream = true, .time_ns = time_ns
	};

	ends_add(p, &l->writers, u->task);
	for (uint32_t i = 0; i < l->readers.n; i++) {
		link.to = l->readers.items[i];
		if (!lived_together(p, u->task, link.to))
			continue;
		link_add(p, &link);
		l->consumed |= link.to != u->task && flow_is_task(link.to);
	}
}

void life_write(struct play *p, const struct flow_use *u, uint64_t time_ns, bool first)
{
	bool anew = u->access & (WIRE_OPEN_TRUNCATED | (first ? WIRE_OPEN_CREATED : 0));
	struct life *l;

	if (first && (u->access & WIRE_OPEN_CREATED)) {
		p->linkers[u->path] = 0;
		p->movers[u->path].set = false;
		if (p->at_path[u->path] && p->at_path[u->path]->key.inode != u->inode)
			p->at_path[u->path]->deleted = true;
		l = life_new(p, u);
		p->at_path[u->path] = l;
	} else {
		l = get(p, u);
	}
	if (!l)
		return;
	l->made |= anew;
	l->read |= (u->access & WIRE_OPEN_READ) != 0;
	if (l->stream) {
		write_stream(p, l, u, time_ns);
	} else if (!anew && !(u->access & WIRE_OPEN_READ)) {
		ends_add(p, &l->writers, u->task); /* what was there remains */
	} else if (flow_is_task(u->task) || !anew || !is_copy(p, l, u, time_ns)) {
		ends_set(p, &l->writers, u->task);
		l->via_engine = false;
	}
}

/* What a renaming or a link was about: known by inode, else by its former name. */
static struct life *by_source(const struct play *p, const struct flow_use *u)
{
	struct life_key key = { u->dev, u->inode };
	struct life *l = NULL;

	if (u->inode)
		HASH_FIND(hh, p->by_inode, &key, sizeof(key), l);
	if (!l && u->source != FLOW_NO_PATH)
		l = p->at_path[u->source];
	return l;
}

void life_rename(struct play *p, const struct flow_use *u, uint64_t time_ns)
{
	struct life *l = by_source(p, u), *over = p->at_path[u->path];

	if (over && over != l)
		over->deleted = true;
	p->at_path[u->path] = l;
	p->linkers[u->path] = 0;
	if (u->source != FLOW_NO_PATH)
		p->at_path[u->source] = NULL;
	if (l)
		moved(p, l, u, u->task, time_ns);
	else
		p->movers[u->path] = (struct mover){ time_ns, u->task, true };
}

/* A further name. Who reads by it needs who made it, but the file is its writers'. */
void life_link(struct play *p, const struct flow_use *u, uint64_t time_ns)
{
	struct life *l = by_source(p, u);
	struct flow_use by = *u;

	by.size_known = false;
	if (l && flow_is_task(u->task))
		consume(p, l, &by, time_ns);
	else if (l && has_task(&l->writers))
		remember_staging(p, time_ns);
	p->at_path[u->path] = l;
	p->linkers[u->path] = flow_is_task(u->task) ? u->task + 1 : FLOW_ENGINE;
}

void life_unlink(struct play *p, const struct flow_use *u)
{
	struct life *l = p->at_path[u->path];

	if (l && l->path == u->path)
		l->deleted = true;
	p->at_path[u->path] = NULL;
	p->movers[u->path].set = false;
	p->linkers[u->path] = 0;
}
