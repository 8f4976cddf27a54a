/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of allocate.c: the demand on a host as it changes over time. */
#ifndef TRACER_COST_SWEEP_H
#define TRACER_COST_SWEEP_H

#include "src/cost/allocate.h"

struct sweep_leaf {
	uint64_t reserved[TIME_POOLS], used[TIME_POOLS]; /* by policy */
	uint64_t inner[TIME_POOLS];			 /* demand of those inside, now */
	uint64_t own[TIME_POOLS];			 /* its own, now; 0 while it does not run */
	uint64_t own_used[TIME_POOLS];			 /* the part of own that it uses */
	weight_sum mark[TIME_POOLS];			 /* F when it was last booked */
	weight_sum w_used[COST_POOLS], w_unused[COST_POOLS];
	bool running, touched;
	uint32_t place; /* in sweep.active while it runs */
};

struct sweep_event {
	uint64_t time_ns;
	uint32_t leaf;
	bool start;
};

struct sweep {
	const struct cost_leaf *leaves;
	size_t n;
	uint64_t capacity[TIME_POOLS];
	struct sweep_leaf *state;
	struct sweep_event *events;
	size_t n_events, next;
	uint64_t now_ns, first_ns, last_ns; /* first start and last end of real work */
	uint64_t demand[TIME_POOLS];
	weight_sum f[TIME_POOLS];
	uint32_t *active, *touched;
	size_t n_active, n_working, n_touched;
	enum cost_policy policy;
	/* of the interval that was swept last */
	weight_sum overhead[COST_POOLS], idle[COST_POOLS][IDLE_CAUSES];
};

int sweep_init(struct sweep *s, const struct cost_host *host, const struct cost_leaf *leaves,
	       size_t n, enum cost_policy policy);
void sweep_fini(struct sweep *s);
/* Leaves the weights of [start, end) in state[touched[]], overhead and idle. */
void sweep_interval(struct sweep *s, uint64_t start_ns, uint64_t end_ns);

#endif
