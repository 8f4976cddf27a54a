/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events (starts and ends of leaves) in order of time, swept once. F, a pool's
 * integral of dt / max(C, D), makes a leaf's weight "own demand x growth of F":
 * leaves are touched when their own demand changes and at borders of lines, not
 * at every event, so the sweep is O(n log n).
 */
#include "src/cost/allocate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/cost/sweep.h"

const char *idle_cause_name(enum idle_cause cause)
{
	static const char *const names[IDLE_CAUSES] = { "boot",	    "gap",   "partial",
							"stranded", "drain", "billing-minimum" };

	return names[cause];
}

struct allocator {
	struct sweep sweep;
	struct cost_host host;
	struct cost_division division;
	uint64_t *weights; /* of one pool's parts; 2 a leaf, overhead and idle */
	money *parts;
	uint64_t line_start, line_end; /* for which the sweep's weights are */
	bool swept;
};

int allocator_new(const struct cost_host *host, const struct cost_leaf *leaves, size_t n,
		  enum cost_policy policy, struct allocator **ret)
{
	struct allocator *a;
	int r;

	if (n > COST_LEAVES_MAX)
		return -E2BIG;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->host = *host;
	a->weights = calloc(2 * n + 1 + IDLE_CAUSES, sizeof(*a->weights));
	a->parts = calloc(2 * n + 1 + IDLE_CAUSES, sizeof(*a->parts));
	r = a->weights && a->parts ? sweep_init(&a->sweep, host, leaves, n, policy) : -ENOMEM;
	if (r < 0) {
		allocator_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void allocator_free(struct allocator *a)
{
	if (!a)
		return;
	sweep_fini(&a->sweep);
	free(a->weights);
	free(a->parts);
	free(a->division.shares);
	free(a);
}

static int add_share(struct cost_division *d, const struct cost_share *share)
{
	if (!share->used && !share->unused)
		return 0;
	if (d->n == d->size) {
		size_t size = d->size ? d->size * 2 : 64;
		struct cost_share *shares = realloc(d->shares, size * sizeof(*shares));

		if (!shares)
			return -ENOMEM;
		d->shares = shares;
		d->size = size;
	}
	d->shares[d->n++] = *share;
	return 0;
}

/* Weights of 128 bits, all shifted by as much as the largest needs. */
static unsigned shift_for(const struct sweep *s, enum cost_pool pool)
{
	weight_sum largest = s->overhead[pool];
	unsigned shift = 0;

	for (size_t i = 0; i < s->n_touched; i++) {
		const struct sweep_leaf *leaf = &s->state[s->touched[i]];

		largest |= leaf->w_used[pool] | leaf->w_unused[pool];
	}
	for (int i = 0; i < IDLE_CAUSES; i++)
		largest |= s->idle[pool][i];
	while (largest >> shift >> 62)
		shift++;
	return shift;
}

static int divide_pool(struct allocator *a, enum cost_pool pool, money amount)
{
	const struct sweep *s = &a->sweep;
	unsigned shift = shift_for(s, pool);
	size_t n = 2 * s->n_touched;
	int r;

	for (size_t i = 0; i < s->n_touched; i++) {
		const struct sweep_leaf *leaf = &s->state[s->touched[i]];

		a->weights[2 * i] = (uint64_t)(leaf->w_used[pool] >> shift);
		a->weights[2 * i + 1] = (uint64_t)(leaf->w_unused[pool] >> shift);
	}
	a->weights[n] = (uint64_t)(s->overhead[pool] >> shift);
	for (int i = 0; i < IDLE_CAUSES; i++)
		a->weights[n + 1 + (size_t)i] = (uint64_t)(s->idle[pool][i] >> shift);
	r = money_divide(amount, a->weights, n + 1 + IDLE_CAUSES, a->parts);
	if (r == -EINVAL) { /* nothing took part: an interval of no length */
		a->division.overhead += amount;
		return 0;
	}
	for (size_t i = 0; i < s->n_touched && r == 0; i++) {
		struct cost_share share = { s->touched[i], pool, a->parts[2 * i],
					    a->parts[2 * i + 1] };

		r = add_share(&a->division, &share);
	}
	if (r < 0)
		return r;
	a->division.overhead += a->parts[n];
	for (int i = 0; i < IDLE_CAUSES; i++)
		a->division.idle[i] += a->parts[n + 1 + (size_t)i];
	return 0;
}

static int divide_compute(struct allocator *a, money amount)
{
	uint64_t weights[TIME_POOLS];
	money parts[TIME_POOLS];
	weight_sum exact[TIME_POOLS], largest = 0;
	unsigned shift = 0;
	int r;

	for (int p = 0; p < TIME_POOLS; p++) {
		exact[p] = (weight_sum)a->host.weight[p] * a->host.capacity[p];
		largest |= exact[p];
	}
	while (largest >> shift >> 62)
		shift++;
	for (int p = 0; p < TIME_POOLS; p++)
		weights[p] = (uint64_t)(exact[p] >> shift);
	r = money_divide(amount, weights, TIME_POOLS, parts);
	for (int p = 0; p < TIME_POOLS && r == 0; p++)
		if (parts[p])
			r = divide_pool(a, (enum cost_pool)p, parts[p]);
	return r;
}

uint64_t cost_bytes_in(const struct cost_leaf *leaf, uint64_t bytes, uint64_t start_ns,
		       uint64_t end_ns)
{
	uint64_t from = leaf->start_ns > start_ns ? leaf->start_ns : start_ns;
	uint64_t to = leaf->end_ns < end_ns ? leaf->end_ns : end_ns;

	if (leaf->end_ns <= leaf->start_ns)
		return leaf->start_ns >= start_ns && leaf->start_ns < end_ns ? bytes : 0;
	if (to <= from)
		return 0;
	return (uint64_t)((weight_sum)bytes * (to - from) / (leaf->end_ns - leaf->start_ns));
}

static int divide_bytes(struct allocator *a, const struct cost_line *line)
{
	enum cost_pool pool = line->kind == LINE_STORAGE ? POOL_STORAGE : POOL_NETWORK;
	const struct cost_leaf *leaves = a->sweep.leaves;
	size_t n = a->sweep.n;
	int r;

	for (size_t i = 0; i < n; i++) {
		uint64_t bytes =
			pool == POOL_STORAGE ? leaves[i].storage_bytes : leaves[i].network_bytes;

		a->weights[i] = cost_bytes_in(&leaves[i], bytes, line->start_ns, line->end_ns) &
				(UINT64_MAX >> 1);
	}
	r = n ? money_divide(line->amount, a->weights, n, a->parts) : -EINVAL;
	if (r == -EINVAL) { /* nobody moved a byte */
		a->division.overhead += line->amount;
		return 0;
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		struct cost_share share = { (uint32_t)i, pool, a->parts[i], 0 };

		if (leaves[i].overhead)
			a->division.overhead += a->parts[i];
		else
			r = add_share(&a->division, &share);
	}
	return r;
}

int allocator_divide(struct allocator *a, const struct cost_line *line,
		     const struct cost_division **ret)
{
	struct cost_division *d = &a->division;
	int r = 0;

	d->n = 0;
	d->overhead = 0;
	memset(d->idle, 0, sizeof(d->idle));
	if (line->kind == LINE_MINIMUM) {
		d->idle[IDLE_MINIMUM] = line->amount;
	} else if (line->kind != LINE_COMPUTE) {
		r = divide_bytes(a, line);
	} else {
		if (!a->swept || a->line_start != line->start_ns || a->line_end != line->end_ns)
			sweep_interval(&a->sweep, line->start_ns, line->end_ns);
		a->swept = true;
		a->line_start = line->start_ns;
		a->line_end = line->end_ns;
		r = divide_compute(a, line->amount);
	}
	if (r == 0)
		*ret = d;
	return r;
}

money_sum cost_division_sum(const struct cost_division *d)
{
	money_sum sum = d->overhead;

	for (size_t i = 0; i < d->n; i++)
		sum += (money_sum)d->shares[i].used + d->shares[i].unused;
	for (int i = 0; i < IDLE_CAUSES; i++)
		sum += d->idle[i];
	return sum;
}
