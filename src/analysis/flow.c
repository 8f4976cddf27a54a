/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row is folded: it says when a path was first and last used, and how, or-ed
 * together. Here each row becomes the few events that it can truthfully stand
 * for, and the events are played in the order of time.
 */
#include "src/analysis/flow.h"

#include <errno.h>
#include <stdlib.h>

#include "src/analysis/flow_internal.h"

enum event_kind {
	EVENT_WRITE_MANY,
	EVENT_READ_MANY,
	EVENT_READ_OLD,
	EVENT_READ,
	EVENT_WRITE,
	EVENT_WRITE_AGAIN,
	EVENT_RENAME,
	EVENT_LINK,
	EVENT_UNLINK
};

#define EVENTS_OF_USE 7

struct event {
	uint64_t time_ns;
	uint32_t use;
	uint32_t kind; /* in this order at one time */
};

struct event_list {
	struct event *items;
	size_t n;
};

static void add_event(struct event_list *l, uint32_t use, uint64_t time_ns, enum event_kind kind)
{
	l->items[l->n++] = (struct event){ time_ns, use, kind };
}

/* The file was opened more than once, and the latest time is that of an opening. */
static bool opened_again(const struct flow_use *u)
{
	return u->opens > 1 && u->last_ns > u->first_ns && !u->unlinked && !u->renamed_to;
}

/* Reading what others left: not what the process itself made or emptied by its only
 * opening. Where openings failed, too, the first may be one of those. */
static void add_reads(struct event_list *l, const struct flow_use *u, uint32_t use)
{
	bool emptied = u->opens == 1 && (u->access & WIRE_OPEN_TRUNCATED);

	if ((!u->opens && !u->inherited) || !(u->access & WIRE_OPEN_READ))
		return;
	if (u->many) {
		add_event(l, use, u->last_ns, EVENT_READ_MANY);
		return;
	}
	if (u->renamed_to) { /* `sed -i`: what it read had this name before */
		add_event(l, use, u->first_ns, EVENT_READ_OLD);
		return;
	}
	if (emptied || (u->access & WIRE_OPEN_CREATED))
		return;
	if (!u->failed)
		add_event(l, use, u->first_ns, EVENT_READ);
	if (u->failed || opened_again(u))
		add_event(l, use, u->last_ns, EVENT_READ);
}

/* What was renamed to this name counts from then on, whatever was written before. */
static void add_writes(struct event_list *l, const struct flow_use *u, uint32_t use)
{
	const uint16_t writes = WIRE_OPEN_WRITE | WIRE_OPEN_CREATED | WIRE_OPEN_TRUNCATED;
	bool late = u->failed && u->opens == 1 && !u->unlinked && !u->renamed_to;

	if ((!u->opens && !u->inherited) || !(u->access & writes) || (u->renamed_to && !u->many))
		return;
	if (u->many) {
		add_event(l, use, u->first_ns, EVENT_WRITE_MANY);
		return;
	}
	add_event(l, use, late ? u->last_ns : u->first_ns, EVENT_WRITE);
	if (opened_again(u))
		add_event(l, use, u->last_ns, EVENT_WRITE_AGAIN);
}

static void add_names(struct event_list *l, const struct flow_use *u, uint32_t use)
{
	if (u->many)
		return;
	if (u->renamed_to)
		add_event(l, use, u->last_ns, EVENT_RENAME);
	if (u->linked)
		add_event(l, use, u->opens ? u->first_ns : u->last_ns, EVENT_LINK);
	if (u->unlinked)
		add_event(l, use, u->last_ns, EVENT_UNLINK);
}

static int compare_events(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	if (x->use != y->use)
		return x->use < y->use ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

static int make_events(const struct flow_input *in, struct event_list *l)
{
	l->items = malloc((in->n_uses + 1) * EVENTS_OF_USE * sizeof(*l->items));
	if (!l->items)
		return -ENOMEM;
	for (size_t i = 0; i < in->n_uses; i++) {
		add_reads(l, &in->uses[i], (uint32_t)i);
		add_writes(l, &in->uses[i], (uint32_t)i);
		add_names(l, &in->uses[i], (uint32_t)i);
	}
	if (l->n)
		qsort(l->items, l->n, sizeof(*l->items), compare_events);
	return 0;
}

static void play_event(struct play *p, const struct event *e)
{
	const struct flow_use *u = &p->in->uses[e->use];

	switch ((enum event_kind)e->kind) {
	case EVENT_WRITE_MANY:
		many_write(p, u);
		break;
	case EVENT_READ_MANY:
		many_read(p, u, e->time_ns);
		break;
	case EVENT_READ_OLD:
		life_read_old(p, u, e->time_ns);
		break;
	case EVENT_READ:
		life_read(p, u, e->time_ns);
		break;
	case EVENT_WRITE:
		life_write(p, u, e->time_ns, true);
		break;
	case EVENT_WRITE_AGAIN:
		life_write(p, u, e->time_ns, false);
		break;
	case EVENT_RENAME:
		life_rename(p, u, e->time_ns);
		break;
	case EVENT_LINK:
		life_link(p, u, e->time_ns);
		break;
	case EVENT_UNLINK:
		life_unlink(p, u);
		break;
	}
}

static uint32_t last_task(const struct life *l)
{
	for (uint32_t i = l->writers.n; i > 0; i--)
		if (flow_is_task(l->writers.items[i - 1]))
			return l->writers.items[i - 1];
	return FLOW_ENGINE;
}

/* What tasks left and no other task took; also what was renamed to a name under
 * which nobody opened it again. */
static int find_outputs(struct play *p)
{
	struct flow *f = p->out;

	f->outputs = calloc(p->n_lives + p->in->n_paths + 1, sizeof(*f->outputs));
	if (!f->outputs)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_lives; i++) {
		const struct life *l = p->lives[i];
		uint32_t task = last_task(l);

		if (task == FLOW_ENGINE || l->stream || l->consumed)
			continue;
		if (l->deleted)
			f->temporary_unread += !l->read;
		else
			f->outputs[f->n_outputs++] =
				(struct flow_file){ .path = l->path, .task = task };
	}
	for (uint32_t i = 0; i < p->in->n_paths; i++)
		if (p->movers[i].set && flow_is_task(p->movers[i].task))
			f->outputs[f->n_outputs++] =
				(struct flow_file){ .path = i, .task = p->movers[i].task };
	return 0;
}

static int compare_spans(const void *a, const void *b)
{
	const struct flow_span *x = a, *y = b;

	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int play_all(struct play *p, const struct event_list *events)
{
	for (size_t i = 0; i < events->n && !p->no_memory; i++)
		play_event(p, &events->items[i]);
	if (p->no_memory)
		return -ENOMEM;
	if (p->out->n_staging)
		qsort(p->out->staging, p->out->n_staging, sizeof(*p->out->staging), compare_spans);
	return find_outputs(p);
}

static void play_fini(struct play *p)
{
	HASH_CLEAR(hh, p->by_inode);
	HASH_CLEAR(hh, p->copies);
	HASH_CLEAR(hh, p->many);
	free(p->directories);
	free(p->lives);
	free(p->at_path);
	free(p->movers);
	free(p->linkers);
	arena_fini(&p->arena);
}

int flow_find(const struct flow_input *in, struct flow *ret)
{
	struct event_list events = { 0 };
	struct flow found = { 0 };
	struct play p = { .in = in, .out = &found };
	int r = make_events(in, &events);

	p.at_path = calloc(in->n_paths + 1, sizeof(struct life *));
	p.movers = calloc(in->n_paths + 1, sizeof(*p.movers));
	p.linkers = calloc(in->n_paths + 1, sizeof(*p.linkers));
	if (!p.at_path || !p.movers || !p.linkers)
		r = -ENOMEM;
	if (r == 0)
		r = many_prepare(&p);
	if (r == 0)
		r = play_all(&p, &events);
	free(events.items);
	if (r == 0)
		r = links_summarise(&p);
	play_fini(&p);
	if (r < 0)
		flow_fini(&found);
	else
		*ret = found;
	return r;
}

void flow_fini(struct flow *f)
{
	free(f->links);
	free(f->edges);
	free(f->inputs);
	free(f->outputs);
	free(f->shared);
	free(f->staging);
	*f = (struct flow){ 0 };
}
