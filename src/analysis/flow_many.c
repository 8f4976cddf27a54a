/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a process used very many files of one directory the recorder keeps one row for
 * those beyond its limit. Which files they were is not known: who read them is linked
 * to all tasks that wrote in there until then, and who read one whose writer is not
 * known to those that wrote many. Such links are marked as assumed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/flow_internal.h"
#include "src/analysis/flow_path.h"

int many_prepare(struct play *p)
{
	if (!p->in->directories)
		return 0;
	p->directories = calloc(p->in->n_paths + 1, sizeof(*p->directories));
	if (!p->directories)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->in->n_paths; i++) {
		const char *path = p->in->paths[i];

		p->directories[i] = text_hash(path, (size_t)(flow_base_name(path) - path));
	}
	return 0;
}

static struct many *many_of(struct play *p, uint32_t path, bool add)
{
	struct many *m = NULL;

	HASH_FIND(hh, p->many, &p->directories[path], sizeof(m->directory), m);
	if (m || !add)
		return m;
	m = arena_alloc(&p->arena, sizeof(*m));
	if (!m) {
		p->no_memory = true;
		return NULL;
	}
	m->directory = p->directories[path];
	HASH_ADD(hh, p->many, directory, sizeof(m->directory), m);
	return m;
}

static void link_all(struct play *p, const struct ends *writers, struct flow_link *link)
{
	for (uint32_t i = 0; i < writers->n; i++) {
		link->from = writers->items[i];
		link_add(p, link);
	}
}

/* No link has a place any more: what was there at an earlier read is not looked at again,
 * but counted. The last one may have gone and come back since. */
static void read_unlinked(struct play *p, struct many *m, uint64_t directory)
{
	p->out->links_dropped += m->unlinked + m->writers.n;
	for (; m->looked_at < m->n; m->looked_at++) {
		struct life *l = m->lives[m->looked_at];
		bool here = p->directories[l->path] == directory && !l->deleted;

		p->out->links_dropped += here ? l->writers.n : 0;
		l->read |= here;
		if (m->looked_at + 1 == m->n)
			break;
		m->unlinked += here ? l->writers.n : 0;
	}
}

void many_read(struct play *p, const struct flow_use *u, uint64_t time_ns)
{
	struct many *m = many_of(p, u->path, false);
	struct flow_link link = { .to = u->task, .assumed = true, .time_ns = time_ns };

	if (m && p->links_full && p->out->n_links == FLOW_LINKS_MAX) {
		read_unlinked(p, m, p->directories[u->path]);
		return;
	}
	for (size_t i = 0; m && i < m->n; i++) {
		struct life *l = m->lives[i];

		if (p->directories[l->path] != p->directories[u->path] || l->deleted)
			continue;
		link.path = l->path;
		link.via_engine = l->via_engine;
		link_all(p, &l->writers, &link);
		l->read = true;
	}
	link.path = u->path;
	link.via_engine = false;
	if (m)
		link_all(p, &m->writers, &link);
}

void many_place(struct play *p, struct life *l)
{
	struct many *m = p->directories ? many_of(p, l->path, true) : NULL;
	size_t size;
	struct life **more;

	if (!m || (m->n && m->lives[m->n - 1] == l))
		return;
	if (m->n == m->size) {
		size = m->size ? m->size * 2 : 4;
		more = arena_alloc(&p->arena, size * sizeof(struct life *));
		if (!more) {
			p->no_memory = true;
			return;
		}
		if (m->n)
			memcpy(more, m->lives, m->n * sizeof(struct life *));
		m->lives = more;
		m->size = size;
	}
	m->lives[m->n++] = l;
}

void many_write(struct play *p, const struct flow_use *u)
{
	struct many *m = many_of(p, u->path, true);

	if (m)
		ends_add(p, &m->writers, u->task);
}

const struct ends *many_writers(struct play *p, uint32_t path)
{
	const struct many *m = p->directories ? many_of(p, path, false) : NULL;

	return m && m->writers.n ? &m->writers : NULL;
}
