/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who pays for a host: the price of each interval of time, divided among what ran
 * in it. For each resource pool (CPU, memory, GPU) with capacity C, at each moment:
 *
 *	d = the demand of a leaf, by policy:
 *	  max       max(reserved, used)
 *	  used      used
 *	  reserved  reserved, or used where nothing was reserved
 *	  wall      all that run share the host equally
 *	D = sum of d
 *	a leaf's part = d / max(C, D), idle = (C - D) / C where D < C
 *
 * Tasks nest: what is reserved counts once. Own demand of an outer leaf is what it
 * reserved and those inside did not take (an allocation of 8 CPUs around tasks of 6
 * has 2 of its own), and never less than what its own processes used.
 *
 * The price is divided among the pools by weight x capacity; then each pool's part
 * among the leaves by the integral of their parts over time. Both divisions are
 * exact (money_divide): leaves + overhead + idle = the price, to 10^-12 USD, in
 * every policy. Formulas and weights: docs/cost.md.
 */
#ifndef TRACER_COST_ALLOCATE_H
#define TRACER_COST_ALLOCATE_H

#include "src/cost/money.h"

enum cost_pool { POOL_CPU, POOL_MEMORY, POOL_GPU, POOL_STORAGE, POOL_NETWORK, COST_POOLS };
#define TIME_POOLS POOL_STORAGE /* those with a capacity; the others go by bytes */

enum cost_policy { POLICY_MAX, POLICY_USED, POLICY_RESERVED, POLICY_WALL };

enum idle_cause {
	IDLE_BOOT,     /* before the first leaf of the host */
	IDLE_GAP,      /* nothing ran, between two that did */
	IDLE_PARTIAL,  /* something ran and left capacity free */
	IDLE_STRANDED, /* free, but another pool was full (95 %) */
	IDLE_DRAIN,    /* after the last leaf */
	IDLE_MINIMUM,  /* billed though the machine had stopped: the least that a start costs */
	IDLE_CAUSES
};
const char *idle_cause_name(enum idle_cause cause);

/* A task, or what a run did outside of its tasks. Units of demand: 10^-6 cores,
 * KiB, 10^-6 GPUs. */
struct cost_leaf {
	int64_t parent;		       /* index of the enclosing leaf; -1: none */
	uint64_t start_ns, end_ns;     /* end < start: a clock step; counts as no time */
	uint64_t reserved[TIME_POOLS]; /* 0: nothing */
	uint64_t used[TIME_POOLS];     /* on average while it ran; own, without those inside */
	uint64_t storage_bytes, network_bytes;
	bool overhead; /* the agent itself and the like: no user pays it directly */
	bool passive;  /* engine of a run: alone it does not count as work (for idle causes) */
};

struct cost_host {
	uint64_t capacity[TIME_POOLS]; /* 0: none */
	uint64_t weight[TIME_POOLS];   /* of one unit of capacity, relative */
};

/* What is divided: a price for an interval. Only its kind's pools are charged. */
enum line_kind { LINE_COMPUTE, LINE_STORAGE, LINE_NETWORK, LINE_MINIMUM };

struct cost_line {
	uint64_t start_ns, end_ns;
	money amount; /* may be negative: a credit */
	enum line_kind kind;
};

struct cost_share {
	uint32_t leaf;
	enum cost_pool pool;
	money used, unused; /* unused: reserved and not used */
};

struct cost_division {
	struct cost_share *shares; /* of leaves that are not overhead */
	size_t n, size;
	money overhead, idle[IDLE_CAUSES]; /* with what goes by bytes that nobody moved */
};

/* What of a leaf's bytes falls into [start, end): evenly over its time; a leaf of no
 * time counts where it lies. */
uint64_t cost_bytes_in(const struct cost_leaf *leaf, uint64_t bytes, uint64_t start_ns,
		       uint64_t end_ns);

struct allocator;

#define COST_LEAVES_MAX 2000000

/* leaves are borrowed. -EINVAL: a parent that is none (or a cycle), no capacity at
 * all; -E2BIG; -ENOMEM. */
int allocator_new(const struct cost_host *host, const struct cost_leaf *leaves, size_t n,
		  enum cost_policy policy, struct allocator **ret);
void allocator_free(struct allocator *a);
/* Divides one line. Fastest when lines come by start; any order is right. The
 * division is a's own and valid until the next call. 0 or -ENOMEM. */
int allocator_divide(struct allocator *a, const struct cost_line *line,
		     const struct cost_division **ret);

/* The sum of all parts of a division: equals the amount of its line. */
money_sum cost_division_sum(const struct cost_division *d);

#endif
