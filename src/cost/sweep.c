/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* F is dt / max(C, D), in units of 2^-60: with dt < 2^63 all sums stay below 2^124. */
#define F_SHIFT	     60
#define DEMAND_MAX   (1ULL << 50)
#define FULL_PERCENT 95

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int by_time(const void *a, const void *b)
{
	const struct sweep_event *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	if (x->start != y->start)
		return x->start ? 1 : -1; /* ends first */
	return x->leaf < y->leaf ? -1 : x->leaf > y->leaf;
}

static void set_demand(struct sweep_leaf *state, const struct cost_leaf *leaf,
		       enum cost_policy policy)
{
	for (int p = 0; p < TIME_POOLS; p++) {
		uint64_t reserved = min_u64(leaf->reserved[p], DEMAND_MAX);

		state->used[p] = min_u64(leaf->used[p], DEMAND_MAX);
		if (policy == POLICY_MAX)
			state->reserved[p] = reserved;
		else if (policy == POLICY_RESERVED && reserved)
			state->reserved[p] = reserved;
		if (policy == POLICY_WALL) {
			state->reserved[p] = leaf->overhead ? 0 : 1;
			state->used[p] = 0;
		}
	}
}

/* The own demand of a running leaf, by what those inside take now. Where policy
 * `reserved` has a reservation, use beyond it does not count. */
static void own_demand(const struct sweep_leaf *l, enum cost_policy policy, int p,
		       uint64_t *ret_own, uint64_t *ret_used)
{
	uint64_t free_part = l->reserved[p] > l->inner[p] ? l->reserved[p] - l->inner[p] : 0;
	bool cap = policy == POLICY_RESERVED && l->reserved[p];

	*ret_own = cap || free_part > l->used[p] ? free_part : l->used[p];
	*ret_used = policy == POLICY_WALL ? *ret_own : min_u64(l->used[p], *ret_own);
}

static int check_parents(const struct cost_leaf *leaves, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t steps = 0;

		for (int64_t up = leaves[i].parent; up >= 0; up = leaves[up].parent)
			if ((size_t)up >= n || ++steps > 1000)
				return -EINVAL;
	}
	return 0;
}

static void add_events(struct sweep *s)
{
	s->first_ns = UINT64_MAX;
	for (size_t i = 0; i < s->n; i++) {
		const struct cost_leaf *l = &s->leaves[i];

		if (l->end_ns <= l->start_ns)
			continue;
		s->events[s->n_events++] = (struct sweep_event){ l->start_ns, (uint32_t)i, true };
		s->events[s->n_events++] = (struct sweep_event){ l->end_ns, (uint32_t)i, false };
		if (l->overhead || l->passive)
			continue;
		s->first_ns = min_u64(s->first_ns, l->start_ns);
		if (l->end_ns > s->last_ns)
			s->last_ns = l->end_ns;
	}
	if (s->n_events)
		qsort(s->events, s->n_events, sizeof(*s->events), by_time);
}

int sweep_init(struct sweep *s, const struct cost_host *host, const struct cost_leaf *leaves,
	       size_t n, enum cost_policy policy)
{
	uint64_t any = 0;
	int r = check_parents(leaves, n);

	*s = (struct sweep){ .leaves = leaves, .n = n, .policy = policy };
	for (int p = 0; p < TIME_POOLS; p++) {
		any |= host->capacity[p];
		s->capacity[p] = min_u64(host->capacity[p], DEMAND_MAX);
		if (policy == POLICY_WALL && s->capacity[p])
			s->capacity[p] = 1;
	}
	if (r < 0 || !any)
		return -EINVAL;
	s->state = calloc(n + 1, sizeof(*s->state));
	s->events = calloc(2 * n + 1, sizeof(*s->events));
	s->active = calloc(n + 1, sizeof(*s->active));
	s->touched = calloc(n + 1, sizeof(*s->touched));
	if (!s->state || !s->events || !s->active || !s->touched)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		set_demand(&s->state[i], &leaves[i], policy);
	add_events(s);
	return 0;
}

void sweep_fini(struct sweep *s)
{
	free(s->state);
	free(s->events);
	free(s->active);
	free(s->touched);
}

/* Books what a leaf's own demand cost since its mark. */
static void book(struct sweep *s, uint32_t i)
{
	struct sweep_leaf *l = &s->state[i];

	for (int p = 0; p < TIME_POOLS; p++) {
		weight_sum grown = s->f[p] - l->mark[p];

		l->mark[p] = s->f[p];
		if (!grown || !l->own[p])
			continue;
		if (s->leaves[i].overhead) {
			s->overhead[p] += l->own[p] * grown;
			continue;
		}
		l->w_used[p] += l->own_used[p] * grown;
		l->w_unused[p] += (l->own[p] - l->own_used[p]) * grown;
		if (!l->touched) {
			l->touched = true;
			s->touched[s->n_touched++] = i;
		}
	}
}

/* Sets the own demand of leaf i anew and returns by how much that of its whole
 * subtree changed (as a difference modulo 2^64). */
static void renew(struct sweep *s, uint32_t i, uint64_t change[TIME_POOLS])
{
	struct sweep_leaf *l = &s->state[i];

	book(s, i);
	for (int p = 0; p < TIME_POOLS; p++) {
		uint64_t own = 0, used = 0;

		l->inner[p] += change[p];
		if (l->running)
			own_demand(l, s->policy, p, &own, &used);
		s->demand[p] += own - l->own[p];
		change[p] += own - l->own[p];
		l->own[p] = own;
		l->own_used[p] = used;
	}
}

static void apply(struct sweep *s, const struct sweep_event *e)
{
	struct sweep_leaf *l = &s->state[e->leaf];
	const struct cost_leaf *leaf = &s->leaves[e->leaf];
	uint64_t change[TIME_POOLS] = { 0 };

	if (!e->start)
		book(s, e->leaf);
	l->running = e->start;
	if (e->start) {
		l->place = (uint32_t)s->n_active;
		s->active[s->n_active++] = e->leaf;
		memcpy(l->mark, s->f, sizeof(l->mark));
	} else {
		uint32_t last = s->active[--s->n_active];

		s->active[l->place] = last;
		s->state[last].place = l->place;
	}
	if (!leaf->overhead && !leaf->passive)
		s->n_working += e->start ? 1 : (size_t)-1;
	renew(s, e->leaf, change);
	/* The agent's own use is no part of what a job reserved. */
	for (int64_t up = leaf->overhead ? -1 : leaf->parent; up >= 0; up = s->leaves[up].parent)
		renew(s, (uint32_t)up, change);
}

static bool is_full(const struct sweep *s, int p)
{
	return s->capacity[p] &&
	       s->demand[p] >= s->capacity[p] - s->capacity[p] * (100 - FULL_PERCENT) / 100;
}

static enum idle_cause cause_of(const struct sweep *s, int pool)
{
	if (!s->n_working) {
		if (s->now_ns < s->first_ns)
			return IDLE_BOOT;
		return s->now_ns >= s->last_ns ? IDLE_DRAIN : IDLE_GAP;
	}
	for (int p = 0; p < TIME_POOLS; p++)
		if (p != pool && is_full(s, p))
			return IDLE_STRANDED;
	return IDLE_PARTIAL;
}

/* To a moment before or at the next event. */
static void pass(struct sweep *s, uint64_t to_ns)
{
	weight_sum dt = to_ns - s->now_ns;

	for (int p = 0; p < TIME_POOLS && dt; p++) {
		uint64_t c = s->capacity[p], d = s->demand[p];
		weight_sum grown;

		if (!c && !d)
			continue;
		grown = (dt << F_SHIFT) / (c > d ? c : d);
		s->f[p] += grown;
		if (d < c)
			s->idle[p][cause_of(s, p)] += (c - d) * grown;
	}
	s->now_ns = to_ns;
}

static void rewind_to_start(struct sweep *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct sweep_leaf *l = &s->state[i];

		memset(l->inner, 0, sizeof(l->inner));
		memset(l->own, 0, sizeof(l->own));
		memset(l->own_used, 0, sizeof(l->own_used));
		l->running = false;
	}
	memset(s->demand, 0, sizeof(s->demand));
	memset(s->f, 0, sizeof(s->f));
	s->n_active = s->n_working = s->next = 0;
	s->now_ns = 0;
}

static void forget(struct sweep *s)
{
	for (size_t i = 0; i < s->n_touched; i++) {
		struct sweep_leaf *l = &s->state[s->touched[i]];

		memset(l->w_used, 0, sizeof(l->w_used));
		memset(l->w_unused, 0, sizeof(l->w_unused));
		l->touched = false;
	}
	s->n_touched = 0;
	memset(s->overhead, 0, sizeof(s->overhead));
	memset(s->idle, 0, sizeof(s->idle));
}

/* F starts anew in each interval, so that it stays small. */
static void begin(struct sweep *s)
{
	memset(s->f, 0, sizeof(s->f));
	for (size_t i = 0; i < s->n_active; i++)
		memset(s->state[s->active[i]].mark, 0, sizeof(s->state->mark));
}

void sweep_interval(struct sweep *s, uint64_t start_ns, uint64_t end_ns)
{
	forget(s);
	if (start_ns < s->now_ns)
		rewind_to_start(s);
	begin(s);
	for (; s->next < s->n_events && s->events[s->next].time_ns <= start_ns; s->next++)
		apply(s, &s->events[s->next]);
	s->now_ns = start_ns;
	for (; s->next < s->n_events && s->events[s->next].time_ns < end_ns; s->next++) {
		pass(s, s->events[s->next].time_ns);
		apply(s, &s->events[s->next]);
	}
	if (end_ns > s->now_ns)
		pass(s, end_ns);
	for (size_t i = 0; i < s->n_active; i++)
		book(s, s->active[i]);
}
