/* SPDX-License-Identifier: Apache-2.0 */
/* Links: collected, made unique, and summed up to edges and lists of files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/flow_internal.h"
#include "src/analysis/flow_path.h"

bool flow_is_task(uint32_t end)
{
	return end < FLOW_BEFORE;
}

/* One is around the other: what passes between them is not dataflow. */
static bool nested(const struct flow_input *in, uint32_t a, uint32_t b)
{
	if (!flow_is_task(a) || !flow_is_task(b))
		return false;
	while (in->tasks[a].depth > in->tasks[b].depth)
		a = in->tasks[a].parent;
	while (in->tasks[b].depth > in->tasks[a].depth)
		b = in->tasks[b].parent;
	return a == b;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_links(const void *a, const void *b)
{
	const struct flow_link *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	if (x->path != y->path)
		return x->path < y->path ? -1 : 1;
	return compare_u64(x->time_ns, y->time_ns);
}

void links_unite(struct flow *f)
{
	size_t n = 0;

	if (f->n_links)
		qsort(f->links, f->n_links, sizeof(*f->links), compare_links);
	for (size_t i = 0; i < f->n_links; i++) {
		struct flow_link *link = &f->links[i], *last = n ? &f->links[n - 1] : NULL;

		if (!last || last->from != link->from || last->to != link->to ||
		    last->path != link->path) {
			f->links[n++] = *link;
			continue;
		}
		if (link->size_known) { /* as large as it was at its latest */
			last->size_known = true;
			last->size_bytes = link->size_bytes;
		}
		last->time_ns = link->time_ns;
		last->via_engine |= link->via_engine;
		last->assumed &= link->assumed;
	}
	f->n_links = n;
}

void link_add(struct play *p, const struct flow_link *link)
{
	struct flow *f = p->out;

	if (link->from == link->to || nested(p->in, link->from, link->to))
		return;
	if (f->n_links == FLOW_LINKS_MAX && !p->links_full) {
		links_unite(f);
		p->links_full = f->n_links > FLOW_LINKS_MAX / 8 * 7;
	}
	if (f->n_links == FLOW_LINKS_MAX) {
		f->links_dropped++;
		return;
	}
	if (f->n_links == p->size_links) {
		size_t size = p->size_links ? p->size_links * 2 : 1024;
		struct flow_link *more = reallocarray(f->links, size, sizeof(*more));

		if (!more) {
			p->no_memory = true;
			return;
		}
		f->links = more;
		p->size_links = size;
	}
	f->links[f->n_links++] = *link;
}

static int make_edges(struct flow *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_links; i++)
		n += !i || f->links[i].from != f->links[i - 1].from ||
		     f->links[i].to != f->links[i - 1].to;
	f->edges = calloc(n + 1, sizeof(*f->edges));
	if (!f->edges)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_links; i++) {
		const struct flow_link *link = &f->links[i];
		struct flow_edge *e = f->n_edges ? &f->edges[f->n_edges - 1] : NULL;

		if (!e || e->from != link->from || e->to != link->to) {
			e = &f->edges[f->n_edges++];
			e->from = link->from;
			e->to = link->to;
			e->first = (uint32_t)i;
			e->assumed = true;
		}
		e->n++;
		e->sizes += link->size_known;
		e->bytes += link->size_known ? link->size_bytes : 0;
		e->via_engine |= link->via_engine;
		e->stream |= link->stream;
		e->assumed &= link->assumed;
	}
	return 0;
}

int flow_collapse(const struct flow *f, const uint32_t *group, struct flow *ret)
{
	struct flow c = { .links_dropped = f->links_dropped };
	int r = -ENOMEM;

	c.links = calloc(f->n_links + 1, sizeof(*c.links));
	for (size_t i = 0; c.links && i < f->n_links; i++) {
		struct flow_link *link = &c.links[c.n_links++];

		*link = f->links[i];
		if (flow_is_task(link->from))
			link->from = group[link->from];
		if (flow_is_task(link->to))
			link->to = group[link->to];
	}
	if (c.links) {
		links_unite(&c);
		r = make_edges(&c);
	}
	if (r == 0)
		*ret = c;
	else
		flow_fini(&c);
	return r;
}

static int compare_by_path(const void *a, const void *b)
{
	const struct flow_link *x = *(const struct flow_link *const *)a;
	const struct flow_link *y = *(const struct flow_link *const *)b;

	if (x->path != y->path)
		return x->path < y->path ? -1 : 1;
	return x->to != y->to ? (x->to < y->to ? -1 : 1) : compare_u64(x->from, y->from);
}

/* Links by path, then reader, of tasks that read; from: only those. NULL: no memory. */
static const struct flow_link **links_by_path(const struct flow *f, bool before, size_t *ret_n)
{
	const struct flow_link **sorted = calloc(f->n_links + 1, sizeof(*sorted));
	size_t n = 0;

	for (size_t i = 0; sorted && i < f->n_links; i++)
		if (flow_is_task(f->links[i].to) && (!before || f->links[i].from == FLOW_BEFORE))
			sorted[n++] = &f->links[i];
	if (sorted && n)
		qsort(sorted, n, sizeof(const struct flow_link *), compare_by_path);
	*ret_n = n;
	return sorted;
}

/* Sorted links folded by path, with the number of different readers. */
static int fold_paths(const struct play *p, bool before, struct flow_file **ret, size_t *ret_n)
{
	size_t n_sorted, n = 0;
	const struct flow_link **sorted = links_by_path(p->out, before, &n_sorted);
	struct flow_file *files = calloc(n_sorted + 1, sizeof(*files)), *file = NULL;

	if (!sorted || !files) {
		free(sorted);
		free(files);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_sorted; i++) {
		const struct flow_link *link = sorted[i];

		if (!p->in->all && flow_path_is_software(p->in->paths[link->path]) &&
		    link->from == FLOW_BEFORE)
			continue;
		if (!file || file->path != link->path) {
			file = &files[n++];
			file->path = link->path;
			file->task = link->from;
			file->readers = 0;
		}
		file->readers += !i || !file->readers || sorted[i - 1]->to != link->to;
		if (link->size_known) {
			file->size_known = true;
			file->size_bytes = link->size_bytes;
		}
	}
	free(sorted);
	*ret = files;
	*ret_n = n;
	return 0;
}

static int compare_readers(const void *a, const void *b)
{
	const struct flow_file *x = a, *y = b;

	if (x->readers != y->readers)
		return x->readers > y->readers ? -1 : 1;
	return x->path < y->path ? -1 : x->path > y->path;
}

static int compare_texts(const void *a, const void *b, void *ctx)
{
	const struct flow_file *x = a, *y = b;
	const struct flow_input *in = ctx;

	return strcmp(in->paths[x->path], in->paths[y->path]);
}

static void sort_by_text(const struct play *p, struct flow_file *files, size_t n)
{
	if (n)
		qsort_r(files, n, sizeof(*files), compare_texts, (void *)p->in);
}

int links_summarise(struct play *p)
{
	struct flow *f = p->out;
	size_t n = 0;
	int r;

	links_unite(f);
	r = make_edges(f);
	if (r == 0)
		r = fold_paths(p, true, &f->inputs, &f->n_inputs);
	if (r == 0)
		r = fold_paths(p, false, &f->shared, &f->n_shared);
	for (size_t i = 0; r == 0 && i < f->n_shared; i++)
		if (f->shared[i].readers > 1)
			f->shared[n++] = f->shared[i];
	f->n_shared = n;
	if (r == 0) {
		sort_by_text(p, f->inputs, f->n_inputs);
		sort_by_text(p, f->outputs, f->n_outputs);
	}
	if (n)
		qsort(f->shared, n, sizeof(*f->shared), compare_readers);
	return r;
}
