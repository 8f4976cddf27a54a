/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cost_book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"

/* What the division of one line gave each leaf; those that got something. */
struct line_parts {
	money (*parts)[PARTS]; /* by leaf of the host */
	uint32_t *touched;
	bool *is_touched;
	size_t n;
	uint64_t *weights;
	money *shares;
};

static int parts_init(struct line_parts *p, size_t n)
{
	p->parts = calloc(n + 1, sizeof(*p->parts));
	p->touched = calloc(n + 1, sizeof(*p->touched));
	p->is_touched = calloc(n + 1, sizeof(*p->is_touched));
	p->weights = calloc(n + 1, sizeof(*p->weights));
	p->shares = calloc(n + 1, sizeof(*p->shares));
	return p->parts && p->touched && p->is_touched && p->weights && p->shares ? 0 : -ENOMEM;
}

static void parts_fini(struct line_parts *p)
{
	free(p->parts);
	free(p->touched);
	free(p->is_touched);
	free(p->weights);
	free(p->shares);
}

static void parts_reset(struct line_parts *p)
{
	for (size_t i = 0; i < p->n; i++) {
		memset(p->parts[p->touched[i]], 0, sizeof(*p->parts));
		p->is_touched[p->touched[i]] = false;
	}
	p->n = 0;
}

static void collect(struct line_parts *p, const struct cost_division *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct cost_share *s = &d->shares[i];

		if (!p->is_touched[s->leaf]) {
			p->is_touched[s->leaf] = true;
			p->touched[p->n++] = s->leaf;
		}
		p->parts[s->leaf][PART_USED] += s->used;
		p->parts[s->leaf][PART_UNUSED] += s->unused;
	}
}

static uint64_t magnitude(money m)
{
	return m < 0 ? (uint64_t) - (m + 1) + 1 : (uint64_t)m;
}

/* Overhead or idle of the line, in the proportion of what each leaf pays directly;
 * false: nobody pays. */
static bool share_out(struct line_parts *p, money amount, int part)
{
	for (size_t i = 0; i < p->n; i++) {
		const money *own = p->parts[p->touched[i]];

		p->weights[i] = (magnitude(own[PART_USED]) + magnitude(own[PART_UNUSED])) >> 1;
		if (!p->weights[i] && (own[PART_USED] || own[PART_UNUSED]))
			p->weights[i] = 1;
	}
	if (!p->n || money_divide(amount, p->weights, p->n, p->shares) < 0)
		return false;
	for (size_t i = 0; i < p->n; i++)
		p->parts[p->touched[i]][part] = p->shares[i];
	return true;
}

static money idle_of(const struct cost_division *d)
{
	money idle = 0;

	for (int i = 0; i < IDLE_CAUSES; i++)
		idle += d->idle[i];
	return idle;
}

/* Overflow of one leaf's int64 sums: 9.2 million USD. */
static bool add(money *to, money more)
{
	return !__builtin_add_overflow(*to, more, to);
}

static int book_shares(struct cost_book *b, struct book_host *h, const struct cost_division *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct cost_share *s = &d->shares[i];
		struct book_leaf *l = &b->leaves[h->book_leaf[s->leaf]];

		if (!add(&l->used[s->pool], s->used) || !add(&l->unused[s->pool], s->unused))
			return -ERANGE;
		h->direct += (money_sum)s->used + s->unused;
	}
	h->overhead += d->overhead;
	for (int i = 0; i < IDLE_CAUSES; i++)
		h->idle[i] += d->idle[i];
	return 0;
}

static int tell(struct cost_book *b, struct book_host *h, const struct cost_line *line,
		const struct line_parts *p, const struct part_sink *sink)
{
	int r = 0;

	for (size_t i = 0; i < p->n && r == 0; i++)
		r = sink->part(sink->ctx, h, line, &b->leaves[h->book_leaf[p->touched[i]]],
			       p->parts[p->touched[i]]);
	return r;
}

static int final_line(struct cost_book *b, struct book_host *h, const struct cost_line *line,
		      const struct cost_division *d, struct line_parts *p,
		      const struct part_sink *sink)
{
	money nobody[PARTS] = { 0 };
	int r = book_shares(b, h, d);

	h->billed += line->amount;
	if (!share_out(p, d->overhead, PART_OVERHEAD))
		nobody[PART_OVERHEAD] = d->overhead;
	if (!share_out(p, idle_of(d), PART_IDLE))
		nobody[PART_IDLE] = idle_of(d);
	h->nobody_overhead += nobody[PART_OVERHEAD];
	h->nobody_idle += nobody[PART_IDLE];
	for (size_t i = 0; i < p->n && r == 0; i++) {
		struct book_leaf *l = &b->leaves[h->book_leaf[p->touched[i]]];

		if (!add(&l->overhead, p->parts[p->touched[i]][PART_OVERHEAD]) ||
		    !add(&l->idle, p->parts[p->touched[i]][PART_IDLE]))
			r = -ERANGE;
	}
	if (r == 0 && sink && sink->part)
		r = tell(b, h, line, p, sink);
	if (r == 0 && sink && sink->part && (nobody[PART_OVERHEAD] || nobody[PART_IDLE]))
		r = sink->part(sink->ctx, h, line, NULL, nobody);
	return r;
}

static int estimate_line(struct cost_book *b, struct book_host *h, const struct cost_line *line,
			 const struct cost_division *d, struct line_parts *p)
{
	money rest = d->overhead + idle_of(d);

	h->estimated += line->amount;
	if (!share_out(p, rest, PART_IDLE) && !add(&h->nobody_estimate, rest))
		return -ERANGE;
	for (size_t i = 0; i < p->n; i++) {
		const money *own = p->parts[p->touched[i]];
		struct book_leaf *l = &b->leaves[h->book_leaf[p->touched[i]]];

		if (!add(&l->estimate, own[PART_USED] + own[PART_UNUSED]) ||
		    !add(&l->estimate, own[PART_IDLE]))
			return -ERANGE;
	}
	return 0;
}

static int energy_line(struct cost_book *b, struct book_host *h, const struct cost_line *line,
		       const struct cost_division *d, struct line_parts *p)
{
	money rest = d->overhead + idle_of(d);

	h->energy += line->amount;
	if (!share_out(p, rest, PART_IDLE))
		h->nobody_energy += rest;
	for (size_t i = 0; i < p->n; i++) {
		const money *own = p->parts[p->touched[i]];

		b->leaves[h->book_leaf[p->touched[i]]].energy +=
			own[PART_USED] + own[PART_UNUSED] + own[PART_IDLE];
	}
	return 0;
}

enum measure { MEASURE_FINAL, MEASURE_ESTIMATE, MEASURE_ENERGY };

struct division_of {
	struct cost_book *b;
	struct book_host *h;
	struct allocator *a;
	struct line_parts parts;
	const struct part_sink *sink;
};

static int divide_line(struct division_of *o, const struct cost_line *line, enum measure m)
{
	const struct cost_division *d;
	int r = allocator_divide(o->a, line, &d);

	if (r < 0)
		return r;
	parts_reset(&o->parts);
	collect(&o->parts, d);
	if (m == MEASURE_FINAL)
		return final_line(o->b, o->h, line, d, &o->parts, o->sink);
	if (m == MEASURE_ESTIMATE)
		return estimate_line(o->b, o->h, line, d, &o->parts);
	return energy_line(o->b, o->h, line, d, &o->parts);
}

/* Energy that busy CPUs take more, by CPU time that fell in the windows. */
static int dynamic_energy(struct division_of *o)
{
	struct book_host *h = o->h;
	uint64_t sum = 0;
	int64_t total;
	int r;

	for (size_t i = 0; i < h->n_leaves; i++) {
		const struct cost_leaf *l = &h->leaves[i];
		uint64_t ns = 0;

		for (size_t w = 0; w < h->n_windows && l->end_ns > l->start_ns; w++) {
			uint64_t from = l->start_ns > h->windows[w].start_ns
						? l->start_ns
						: h->windows[w].start_ns;
			uint64_t to =
				l->end_ns < h->windows[w].end_ns ? l->end_ns : h->windows[w].end_ns;

			ns += to > from ? to - from : 0;
		}
		o->parts.weights[i] = (uint64_t)((weight_sum)l->used[POOL_CPU] * ns / 1000000);
		sum += o->parts.weights[i];
		if (h->book_leaf[i] == UINT32_MAX) /* the agent's is shared like the rest */
			o->parts.weights[i] = 0;
	}
	total = (int64_t)(carbon_kwh_dynamic(&h->carbon, sum) * 1e9 + 0.5);
	h->energy += total;
	r = h->n_leaves ? money_divide(total, o->parts.weights, h->n_leaves, o->parts.shares)
			: -EINVAL;
	for (size_t i = 0; i < h->n_leaves && r == 0; i++)
		if (h->book_leaf[i] != UINT32_MAX)
			o->b->leaves[h->book_leaf[i]].energy += o->parts.shares[i];
	if (r == -EINVAL)
		h->nobody_energy += total;
	return r == -ENOMEM ? r : 0;
}

static int divide_host(struct division_of *o)
{
	struct book_host *h = o->h;
	int r = parts_init(&o->parts, h->n_leaves);

	for (size_t i = 0; i < h->final.n && r == 0; i++)
		r = divide_line(o, &h->final.lines[i], MEASURE_FINAL);
	for (size_t i = 0; i < h->estimate.n && r == 0; i++)
		r = divide_line(o, &h->estimate.lines[i], MEASURE_ESTIMATE);
	for (size_t i = 0; i < h->n_windows && r == 0; i++) {
		struct cost_line line = { h->windows[i].start_ns, h->windows[i].end_ns, 0,
					  LINE_COMPUTE };

		line.amount =
			(money)(carbon_kwh_static(&h->carbon, line.end_ns - line.start_ns) * 1e9 +
				0.5);
		r = divide_line(o, &line, MEASURE_ENERGY);
	}
	if (r == 0)
		r = dynamic_energy(o);
	parts_fini(&o->parts);
	return r;
}

int book_divide(struct cost_book *b, const struct part_sink *sink)
{
	int r = 0;

	for (size_t i = 0; i < b->n_hosts && r == 0; i++) {
		struct division_of o = { .b = b, .h = b->hosts[i], .sink = sink };

		if (!o.h->n_windows)
			continue;
		r = allocator_new(&o.h->pools, o.h->leaves, o.h->n_leaves, b->options.policy, &o.a);
		if (r == 0)
			r = divide_host(&o);
		allocator_free(o.a);
	}
	return r;
}

bool book_balances(const struct cost_book *b)
{
	for (size_t i = 0; i < b->n_hosts; i++) {
		const struct book_host *h = b->hosts[i];
		money_sum sum = h->direct + h->overhead;

		for (int k = 0; k < IDLE_CAUSES; k++)
			sum += h->idle[k];
		if (sum != h->billed)
			return false;
	}
	return true;
}

/* With its host: by the notice what had not ended then, else whatever did not succeed. */
static bool was_taken(const struct cost_book *b, const struct book_leaf *leaf)
{
	const struct book_run *r = &b->runs[leaf->run];
	uint64_t end_ns = leaf->task ? leaf->task->row.end_ns : r->s.run.end_ns;

	if (r->interrupted_ns)
		return !end_ns || end_ns >= r->interrupted_ns;
	return b->hosts[leaf->host]->id.interrupted;
}

bool leaf_is_waste(const struct cost_book *b, const struct book_leaf *leaf, const char **ret_cause)
{
	const struct book_run *r = &b->runs[leaf->run];
	enum task_status status = leaf->task ? leaf->task->row.status : TASK_STATUS_SUCCEEDED;
	bool whole_run = !leaf->task && !r->s.n_tasks;
	bool succeeded = leaf->task ? status == TASK_STATUS_SUCCEEDED
				    : !whole_run || r->s.run.status == RUN_SUCCEEDED;

	if (!succeeded && was_taken(b, leaf))
		*ret_cause = "lost with the host";
	else if (status == TASK_STATUS_CANCELLED || (whole_run && r->s.run.status == RUN_CANCELLED))
		*ret_cause = "cancelled";
	else if (status == TASK_STATUS_FAILED || status == TASK_STATUS_OOM)
		*ret_cause = leaf->retried ? "failed, tried again" : "failed";
	else if (whole_run && r->s.run.status == RUN_FAILED)
		*ret_cause = "failed";
	else if (whole_run && r->s.run.status == RUN_INTERRUPTED)
		*ret_cause = "interrupted";
	else
		return false;
	return true;
}
