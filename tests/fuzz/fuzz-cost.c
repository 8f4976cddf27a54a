/* SPDX-License-Identifier: Apache-2.0 */
/* Price lists and bills of others: an error with a text, or rows that can be. */
#include <stdlib.h>
#include <string.h>

#include "src/cost/import.h"
#include "src/cost/reconcile.h"
#include "tests/fuzz/fuzz.h"

static int on_row(void *ctx, const struct price_row *row)
{
	if (row->usd_per_hour < 0 || !*row->type || !*row->provider)
		abort();
	return price_table_add(ctx, row);
}

static int on_charge(void *ctx, const struct charge *c)
{
	if (c->end_ns < c->start_ns)
		abort();
	return bill_book_add(ctx, c);
}

/* In two pieces, so that every boundary is met. */
static void prices(const char *text, size_t size)
{
	struct price_table t = { 0 };
	struct import_sink sink = { on_row, &t };
	struct import_result result;
	struct price_import *i = price_import_new(&sink);
	size_t half = size / 2;
	int r;

	if (!i)
		return;
	r = price_import_feed(i, text, half);
	if (r == 0)
		r = price_import_feed(i, text + half, size - half);
	if (r == 0)
		r = price_import_end(i, &result);
	if (r < 0 && !*price_import_error(i))
		abort();
	price_import_free(i);
	price_table_fini(&t);
}

static void bill(const char *text, size_t size)
{
	const char *const resources[] = { "i-0123456789abcdef0" };
	struct bill_book book = { .resources = resources, .n_resources = 1 };
	struct bill_reader b;
	int r;

	bill_reader_init(&b, BILL_BILLED);
	b.charge = on_charge;
	b.ctx = &book;
	r = bill_reader_feed(&b, text, size);
	if (r == 0)
		r = bill_reader_end(&b);
	if (r < 0 && !*b.error)
		abort();
	if (book.total != book.matched + book.unmatched + book.unused + book.other)
		abort();
	bill_reader_fini(&b);
	bill_book_fini(&book);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	prices((const char *)data, size);
	bill((const char *)data, size);
	return 0;
}
