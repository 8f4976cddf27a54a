/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/reconcile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int find_resource(const struct bill_book *b, const char *id, uint32_t *ret)
{
	size_t len = strlen(id);

	for (size_t i = 0; i < b->n_resources && len; i++) {
		size_t n = strlen(b->resources[i]);

		if (n && len >= n && !strcmp(id + len - n, b->resources[i]) &&
		    (len == n || id[len - n - 1] == '/' || id[len - n - 1] == ':')) {
			*ret = (uint32_t)i;
			return 0;
		}
	}
	return -ENOENT;
}

/* The key of the i-th record, which begins with it. */
static struct charge_key *key_at(void *records, size_t record, size_t i)
{
	return (struct charge_key *)((char *)records + i * record);
}

/* The slot of an id; 0 in it: not there yet. */
static size_t *slot_of(const struct bill_table *t, void *records, size_t record,
		       const uint64_t id[2])
{
	size_t at = (size_t)(id[0] ^ id[1]) & (t->size - 1);

	while (t->slots[at] &&
	       memcmp(key_at(records, record, t->slots[at] - 1)->id, id, 2 * sizeof(*id)))
		at = (at + 1) & (t->size - 1);
	return &t->slots[at];
}

/* The slot where a charge belongs, by the rule of the header; sets its final id. */
static size_t *place_of(const struct bill_table *t, void *records, size_t record,
			const struct charge *c, struct charge_key *key)
{
	size_t *slot;

	for (;;) {
		struct charge_key *old;

		slot = slot_of(t, records, record, key->id);
		if (!*slot || c->has_id)
			return slot;
		old = key_at(records, record, *slot - 1);
		if (old->file != key->file || old->full == key->full)
			return slot;
		key->id[1] += 0x9e3779b97f4a7c15ULL; /* the next of its kind */
	}
}

/* Room for one more record of n; the table is twice as large. */
static int grow(void **records, size_t record, size_t n, size_t *size, struct bill_table *t)
{
	size_t more = *size ? *size * 2 : 256;
	struct bill_table fresh = { NULL, more * 2 };
	void *grown;

	if (n < *size)
		return 0;
	grown = reallocarray(*records, more, record);
	if (grown)
		*records = grown;
	fresh.slots = calloc(fresh.size, sizeof(*fresh.slots));
	if (!grown || !fresh.slots) {
		free(fresh.slots);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		*slot_of(&fresh, grown, record, (const uint64_t *)((char *)grown + i * record)) =
			i + 1;
	free(t->slots);
	*t = fresh;
	*size = more;
	return 0;
}

static money_sum *sum_of(struct bill_book *b, enum charge_class class)
{
	return class == CHARGE_UNUSED  ? &b->unused
	       : class == CHARGE_OTHER ? &b->other
				       : &b->unmatched;
}

/* The same line again: the amount of the file that was read later counts. */
static int again(struct bill_book *b, struct charge_key *old, money *amount, const struct charge *c,
		 money_sum *sum)
{
	money_sum change = (money_sum)c->amount - *amount;

	b->duplicates += change == 0;
	b->changed += change != 0;
	b->change += change;
	*sum += change;
	b->total += change;
	*amount = c->amount;
	old->file = b->file;
	old->full = c->full;
	return 0;
}

static struct charge_key key_of(const struct bill_book *b, const struct charge *c)
{
	return (struct charge_key){ { c->id[0], c->id[1] }, c->full, b->file };
}

static void count(struct bill_book *b, const struct charge *c, money_sum *sum)
{
	*sum += c->amount;
	b->total += c->amount;
	b->lines++;
	b->n_unmatched += sum == &b->unmatched;
	b->n_other += sum == &b->other;
}

static int add_matched(struct bill_book *b, const struct charge *c, uint32_t resource)
{
	struct matched_charge m = { .key = key_of(b, c),
				    .resource = resource,
				    .line = { c->start_ns, c->end_ns, c->amount, c->kind } };
	size_t *slot;

	if (grow((void **)&b->charges, sizeof(m), b->n, &b->size, &b->table) < 0)
		return -ENOMEM;
	slot = place_of(&b->table, b->charges, sizeof(m), c, &m.key);
	if (*slot) {
		struct matched_charge *old = &b->charges[*slot - 1];

		return again(b, &old->key, &old->line.amount, c, &b->matched);
	}
	if (b->n == CHARGES_MAX)
		return -E2BIG;
	b->charges[b->n++] = m;
	*slot = b->n;
	count(b, c, &b->matched);
	return 0;
}

static int add_other(struct bill_book *b, const struct charge *c)
{
	struct seen_charge s = { .key = key_of(b, c), .amount = c->amount, .class = c->class };
	money_sum *sum = sum_of(b, c->class);
	size_t *slot;

	if (b->n_seen == SEEN_MAX) {
		b->unchecked++;
		count(b, c, sum);
		return 0;
	}
	if (grow((void **)&b->seen, sizeof(s), b->n_seen, &b->size_seen, &b->seen_table) < 0)
		return -ENOMEM;
	slot = place_of(&b->seen_table, b->seen, sizeof(s), c, &s.key);
	if (*slot) {
		struct seen_charge *old = &b->seen[*slot - 1];

		return again(b, &old->key, &old->amount, c, sum_of(b, old->class));
	}
	b->seen[b->n_seen++] = s;
	*slot = b->n_seen;
	count(b, c, sum);
	return 0;
}

int bill_book_add(struct bill_book *b, const struct charge *c)
{
	uint32_t resource;

	if (c->class == CHARGE_USAGE && find_resource(b, c->resource, &resource) == 0)
		return add_matched(b, c, resource);
	return add_other(b, c);
}

static int by_resource_and_start(const void *a, const void *b)
{
	const struct matched_charge *x = a, *y = b;

	if (x->resource != y->resource)
		return x->resource < y->resource ? -1 : 1;
	if (x->line.start_ns != y->line.start_ns)
		return x->line.start_ns < y->line.start_ns ? -1 : 1;
	if (x->line.end_ns != y->line.end_ns)
		return x->line.end_ns < y->line.end_ns ? -1 : 1;
	return memcmp(x->key.id, y->key.id, sizeof(x->key.id));
}

void bill_book_sort(struct bill_book *b)
{
	if (b->n)
		qsort(b->charges, b->n, sizeof(*b->charges), by_resource_and_start);
	free(b->table.slots);
	b->table = (struct bill_table){ 0 };
}

void bill_book_fini(struct bill_book *b)
{
	free(b->charges);
	free(b->table.slots);
	free(b->seen);
	free(b->seen_table.slots);
	*b = (struct bill_book){ 0 };
}

static void emit(const struct trued *t, struct trued *ret, size_t max, size_t *n)
{
	if (*n < max)
		ret[*n] = *t;
	(*n)++;
}

/* The part of an estimate for [start, end) of its line. */
static money part_of(const struct cost_line *line, uint64_t start_ns, uint64_t end_ns)
{
	uint64_t weights[3] = { start_ns - line->start_ns, end_ns - start_ns,
				line->end_ns - end_ns };
	money parts[3] = { 0, line->amount, 0 };

	if (line->amount < 0) /* no price: none for a part of it */
		return line->amount;
	(void)money_divide(line->amount, weights, 3, parts);
	return parts[1];
}

static bool touches(const struct cost_line *line, const struct cost_line *estimate, size_t n)
{
	size_t low = 0, high = n;

	while (low < high) { /* the first estimate that ends after the line's start */
		size_t mid = low + (high - low) / 2;

		if (estimate[mid].end_ns <= line->start_ns)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && estimate[low].start_ns < line->end_ns;
}

/* The first charge of a resource, or where it would be. */
static size_t first_of(const struct bill_book *b, uint32_t resource)
{
	size_t low = 0, high = b->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (b->charges[mid].resource < resource)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t bill_true_up(const struct bill_book *b, uint32_t resource, const struct cost_line *estimate,
		    size_t n_estimate, struct trued *ret, size_t max)
{
	size_t n = 0, first = first_of(b, resource), e;
	uint64_t covered = 0;

	for (size_t i = first; i < b->n && b->charges[i].resource == resource; i++) {
		struct trued t = { b->charges[i].line, true };

		if (touches(&t.line, estimate, n_estimate))
			emit(&t, ret, max, &n);
	}
	for (e = 0; e < n_estimate; e++) {
		struct trued t = { estimate[e], false };
		uint64_t at = t.line.start_ns > covered ? t.line.start_ns : covered;

		while (first < b->n && b->charges[first].resource == resource &&
		       b->charges[first].line.end_ns <= at)
			first++;
		for (size_t i = first; i < b->n && b->charges[i].resource == resource; i++) {
			const struct cost_line *c = &b->charges[i].line;

			if (c->kind != estimate[e].kind || c->end_ns <= at)
				continue;
			if (c->start_ns >= estimate[e].end_ns)
				break;
			if (c->start_ns > at) {
				t.line.start_ns = at;
				t.line.end_ns = c->start_ns;
				t.line.amount = part_of(&estimate[e], at, c->start_ns);
				emit(&t, ret, max, &n);
			}
			at = c->end_ns;
		}
		if (at < estimate[e].end_ns) {
			t.line.start_ns = at;
			t.line.end_ns = estimate[e].end_ns;
			t.line.amount = part_of(&estimate[e], at, estimate[e].end_ns);
			emit(&t, ret, max, &n);
		}
		covered = at > covered ? at : covered;
	}
	return n;
}
