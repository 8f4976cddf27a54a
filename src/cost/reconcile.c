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

static size_t *slot_of(size_t *table, size_t size, const struct matched_charge *charges,
		       const uint64_t id[2])
{
	size_t at = (size_t)(id[0] ^ id[1]) & (size - 1);

	while (table[at] && memcmp(charges[table[at] - 1].id, id, sizeof(charges->id)))
		at = (at + 1) & (size - 1);
	return &table[at];
}

static int grow(struct bill_book *b)
{
	size_t size = b->size ? b->size * 2 : 256, table_size = size * 2;
	struct matched_charge *charges = realloc(b->charges, size * sizeof(*charges));
	size_t *table = calloc(table_size, sizeof(*table));

	if (charges)
		b->charges = charges;
	if (!charges || !table) {
		free(table);
		return -ENOMEM;
	}
	for (size_t i = 0; i < b->n; i++)
		*slot_of(table, table_size, charges, charges[i].id) = i + 1;
	free(b->table);
	b->table = table;
	b->table_size = table_size;
	b->size = size;
	return 0;
}

/* The same line again: the amount of the file that was read later counts. */
static int again(struct bill_book *b, struct matched_charge *old, const struct charge *c)
{
	money_sum change = (money_sum)c->amount - old->line.amount;

	b->duplicates += change == 0;
	b->changed += change != 0;
	b->change += change;
	b->matched += change;
	b->total += change;
	old->line.amount = c->amount;
	old->file = b->file;
	return 0;
}

int bill_book_add(struct bill_book *b, const struct charge *c)
{
	struct matched_charge m = { .file = b->file,
				    .line = { c->start_ns, c->end_ns, c->amount, c->kind } };
	size_t *slot;

	memcpy(m.id, c->id, sizeof(m.id));
	if (c->class == CHARGE_USAGE && find_resource(b, c->resource, &m.resource) == 0) {
		if (b->n == b->size && grow(b) < 0)
			return -ENOMEM;
		slot = slot_of(b->table, b->table_size, b->charges, c->id);
		if (*slot)
			return again(b, &b->charges[*slot - 1], c);
		if (b->n == CHARGES_MAX)
			return -E2BIG;
		b->charges[b->n++] = m;
		*slot = b->n;
		b->matched += c->amount;
	} else if (c->class == CHARGE_UNUSED) {
		b->unused += c->amount;
	} else if (c->class == CHARGE_OTHER) {
		b->other += c->amount;
		b->n_other++;
	} else {
		b->unmatched += c->amount;
		b->n_unmatched++;
	}
	b->total += c->amount;
	b->lines++;
	return 0;
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
	return memcmp(x->id, y->id, sizeof(x->id));
}

void bill_book_sort(struct bill_book *b)
{
	if (b->n)
		qsort(b->charges, b->n, sizeof(*b->charges), by_resource_and_start);
	free(b->table);
	b->table = NULL;
	b->table_size = 0;
}

void bill_book_fini(struct bill_book *b)
{
	free(b->charges);
	free(b->table);
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

size_t bill_true_up(const struct bill_book *b, uint32_t resource, const struct cost_line *estimate,
		    size_t n_estimate, struct trued *ret, size_t max)
{
	size_t n = 0, first = 0, e;
	uint64_t covered = 0;

	while (first < b->n && b->charges[first].resource != resource)
		first++;
	for (size_t i = first; i < b->n && b->charges[i].resource == resource; i++) {
		struct trued t = { b->charges[i].line, true };

		if (touches(&t.line, estimate, n_estimate))
			emit(&t, ret, max, &n);
	}
	for (e = 0; e < n_estimate; e++) {
		struct trued t = { estimate[e], false };
		uint64_t at = t.line.start_ns > covered ? t.line.start_ns : covered;

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
