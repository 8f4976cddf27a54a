/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books of cost balance: leaves + overhead + idle = the line, to 10^-12 USD, in
 * every policy. Random hosts, leaves (nested, without time, with a clock that went
 * back) and lines (negative, smaller than the number of leaves, as large as fits).
 * The parts are also compared with a direct calculation in floating point.
 * usage: test-cost-books [CASES] [FOCUS.csv...]
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/cost/bill.h"
#include "src/cost/weights.h"

#define LEAVES 12
#define HOUR   3600000000000ULL

static uint64_t state = 88172645463325252ULL;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static uint64_t below(uint64_t n)
{
	return next() % n;
}

static void die(const char *what, uint64_t n)
{
	fprintf(stderr, "test-cost-books: case %llu: %s\n", (unsigned long long)n, what);
	exit(1);
}

struct world {
	struct cost_host host;
	struct cost_leaf leaves[LEAVES];
	size_t n;
	enum cost_policy policy;
};

static void random_leaf(struct world *w, struct cost_leaf *l, size_t i)
{
	*l = (struct cost_leaf){ .parent = -1, .start_ns = below(3 * HOUR) };
	if (i && below(3) == 0)
		l->parent = (int64_t)below(i);
	if (l->parent >= 0 && w->leaves[l->parent].overhead) /* the agent has no tasks inside */
		l->parent = -1;
	switch (below(8)) {
	case 0: /* no time */
		l->end_ns = l->start_ns;
		break;
	case 1: /* the clock went back */
		l->end_ns = l->start_ns / 2;
		break;
	case 2:
		l->end_ns = l->start_ns + 1 + below(1000);
		break;
	default:
		l->end_ns = l->start_ns + 1 + below(2 * HOUR);
	}
	for (int p = 0; p < TIME_POOLS; p++) {
		uint64_t most = w->host.capacity[p] ? w->host.capacity[p] : 1000;

		l->reserved[p] = below(2) ? below(most + most / 2) : 0;
		l->used[p] = below(4) ? below(most + most / 4) : 0;
	}
	l->storage_bytes = below(3) ? below(1ULL << 40) : 0;
	l->network_bytes = below(3) ? below(1ULL << 40) : 0;
	l->overhead = below(10) == 0;
	l->passive = below(6) == 0;
}

static void random_world(struct world *w)
{
	struct machine m = { .vcpus_milli = (uint32_t)(1 + below(192)) * 1000,
			     .memory_bytes = (1 + below(4096)) * GIB / 2,
			     .gpus_milli = below(4) ? 0 : (uint32_t)(1 + below(8)) * 1000,
			     .gpu_model = "t4" };

	cost_host_of(&m, NULL, &w->host);
	w->n = below(LEAVES + 1);
	w->policy = (enum cost_policy)below(4);
	for (size_t i = 0; i < w->n; i++)
		random_leaf(w, &w->leaves[i], i);
}

static struct cost_line random_line(void)
{
	struct cost_line l = { .start_ns = below(4) * HOUR };

	l.end_ns = l.start_ns + (below(20) ? HOUR : 0);
	if (below(3) == 0) {
		l.start_ns = below(4 * HOUR);
		l.end_ns = l.start_ns + below(3 * HOUR);
	}
	l.kind = below(5) ? LINE_COMPUTE : below(2) ? LINE_STORAGE : LINE_NETWORK;
	switch (below(5)) {
	case 0:
		l.amount = (money)below(2 * LEAVES);
		break;
	case 1:
		l.amount = (money)(next() >> 1);
		break;
	default:
		l.amount = (money)below(40 * USD);
	}
	if (below(6) == 0)
		l.amount = -l.amount;
	return l;
}

static void check_sums(const struct cost_line *line, const struct cost_division *d, uint64_t n)
{
	int sign = line->amount < 0 ? -1 : 1;

	if (cost_division_sum(d) != line->amount)
		die("the parts do not sum to the line", n);
	for (size_t i = 0; i < d->n; i++)
		if (d->shares[i].used * sign < 0 || d->shares[i].unused * sign < 0)
			die("a part has the wrong sign", n);
	for (int i = 0; i < IDLE_CAUSES; i++)
		if (d->idle[i] * sign < 0)
			die("idle has the wrong sign", n);
}

/* Own demand at a moment, by definition. */
static double own_at(const struct world *w, size_t i, uint64_t t, int p, double subtree[LEAVES])
{
	const struct cost_leaf *l = &w->leaves[i];
	bool runs = l->start_ns <= t && t < l->end_ns;
	double inner = 0, reserved = (double)l->reserved[p], used = (double)l->used[p], own = 0;

	for (size_t k = i + 1; k < w->n; k++)
		if (w->leaves[k].parent == (int64_t)i && !w->leaves[k].overhead)
			inner += subtree[k];
	if (w->policy == POLICY_USED)
		reserved = 0;
	if (w->policy == POLICY_WALL) {
		reserved = !l->overhead;
		used = 0;
	}
	if (runs) {
		own = fmax(reserved - inner, 0);
		if (w->policy != POLICY_RESERVED || reserved == 0)
			own = fmax(own, used);
	}
	subtree[i] = inner + own;
	return own;
}

/* Parts of a pool at a moment: of each leaf, and (last) idle. */
static void parts_at(const struct world *w, uint64_t t, int p, double parts[LEAVES + 1])
{
	double subtree[LEAVES] = { 0 }, own[LEAVES], sum = 0, c = (double)w->host.capacity[p];

	if (w->policy == POLICY_WALL && c > 0)
		c = 1;
	for (size_t i = w->n; i-- > 0;) {
		own[i] = own_at(w, i, t, p, subtree);
		sum += own[i];
	}
	for (size_t i = 0; i < w->n; i++)
		parts[i] = sum > 0 ? own[i] / fmax(c, sum) : 0;
	parts[LEAVES] = sum < c ? (c - sum) / c : 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* What each leaf pays of a compute line, and (last) idle: piece by piece. */
static void expect(const struct world *w, const struct cost_line *line, double want[LEAVES + 1])
{
	uint64_t at[2 * LEAVES + 2] = { line->start_ns, line->end_ns };
	size_t n = 2;
	double weight = 0;

	for (size_t i = 0; i < w->n; i++) {
		uint64_t both[2] = { w->leaves[i].start_ns, w->leaves[i].end_ns };

		for (int k = 0; k < 2 && both[1] > both[0]; k++)
			if (both[k] > line->start_ns && both[k] < line->end_ns)
				at[n++] = both[k];
	}
	qsort(at, n, sizeof(*at), by_value);
	for (int p = 0; p < TIME_POOLS; p++)
		weight += (double)w->host.weight[p] * (double)w->host.capacity[p];
	for (int p = 0; p < TIME_POOLS; p++) {
		double price = (double)line->amount * (double)w->host.weight[p] *
			       (double)w->host.capacity[p] / weight;

		for (size_t k = 0; k + 1 < n && w->host.capacity[p]; k++) {
			double parts[LEAVES + 1], part;

			part = (double)(at[k + 1] - at[k]) /
			       (double)(line->end_ns - line->start_ns);
			parts_at(w, at[k], p, parts);
			for (size_t i = 0; i <= LEAVES; i++)
				want[i] += (i < w->n || i == LEAVES) ? price * part * parts[i] : 0;
		}
	}
}

static void compare(const struct world *w, const struct cost_line *line,
		    const struct cost_division *d, uint64_t n)
{
	double want[LEAVES + 1] = { 0 }, got[LEAVES + 1] = { 0 }, overhead = 0;
	double near = fabs((double)line->amount) * 1e-9 + 2.0 * LEAVES * TIME_POOLS;

	if (line->kind != LINE_COMPUTE || line->end_ns <= line->start_ns)
		return;
	expect(w, line, want);
	for (size_t i = 0; i < d->n; i++)
		got[d->shares[i].leaf] += (double)d->shares[i].used + (double)d->shares[i].unused;
	for (int i = 0; i < IDLE_CAUSES; i++)
		got[LEAVES] += (double)d->idle[i];
	for (size_t i = 0; i < w->n; i++)
		if (w->leaves[i].overhead)
			overhead += want[i];
		else if (fabs(got[i] - want[i]) > near)
			die("a leaf pays what it should not", n);
	if (fabs(got[LEAVES] - want[LEAVES]) > near || fabs((double)d->overhead - overhead) > near)
		die("idle or overhead is wrong", n);
}

static void one_case(uint64_t n)
{
	struct world w;
	struct allocator *a;
	const struct cost_division *d;

	random_world(&w);
	if (allocator_new(&w.host, w.leaves, w.n, w.policy, &a) < 0)
		die("no allocator", n);
	for (unsigned i = 0; i < 3; i++) {
		struct cost_line line = random_line();

		if (allocator_divide(a, &line, &d) < 0)
			die("cannot divide", n);
		check_sums(&line, d, n);
		compare(&w, &line, d, n);
	}
	allocator_free(a);
}

struct sample {
	money_sum amount, parts;
	uint64_t charges;
};

/* A real charge, divided among tasks that ran on its resource. */
static int on_charge(void *ctx, const struct charge *c)
{
	struct sample *s = ctx;

	for (int policy = 0; policy < 4; policy++) {
		struct cost_line line = { c->start_ns, c->end_ns, c->amount, c->kind };
		const struct cost_division *d;
		struct allocator *a;
		struct world w;

		random_world(&w);
		for (size_t i = 0; i < w.n; i++) {
			w.leaves[i].start_ns += c->start_ns - HOUR;
			w.leaves[i].end_ns += c->start_ns - HOUR;
		}
		if (allocator_new(&w.host, w.leaves, w.n, (enum cost_policy)policy, &a) < 0 ||
		    allocator_divide(a, &line, &d) < 0)
			die("cannot divide a charge", c->line);
		check_sums(&line, d, c->line);
		s->parts += cost_division_sum(d);
		s->amount += c->amount;
		allocator_free(a);
	}
	s->charges++;
	return 0;
}

static void bill_case(const char *path)
{
	static char buf[65536];
	struct sample s = { 0 };
	struct bill_reader b;
	_cleanup_fclose_ FILE *f = fopen(path, "r");
	char amount[MONEY_MAX], parts[MONEY_MAX];
	size_t len;

	if (!f) {
		printf("%s: not there, skipped\n", path);
		return;
	}
	bill_reader_init(&b, BILL_BILLED);
	b.charge = on_charge;
	b.ctx = &s;
	while ((len = fread(buf, 1, sizeof(buf), f)))
		if (bill_reader_feed(&b, buf, len) < 0)
			die(b.error, 0);
	if (bill_reader_end(&b) < 0)
		die(b.error, 0);
	bill_reader_fini(&b);
	if (!s.charges || s.amount != s.parts)
		die("the parts of the bill do not sum to it", 0);
	printf("%s: %llu charges, 4 policies: billed %s = parts %s USD\n", path,
	       (unsigned long long)s.charges, money_text(amount, s.amount),
	       money_text(parts, s.parts));
}

int main(int argc, char **argv)
{
	uint64_t cases = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;

	for (uint64_t n = 0; n < cases; n++)
		one_case(n);
	printf("%llu random cases, 3 lines each: difference 0 in all\n", (unsigned long long)cases);
	for (int i = 2; i < argc; i++)
		bill_case(argv[i]);
	return 0;
}
