/* SPDX-License-Identifier: Apache-2.0 */
/* What `tracer cost` shows: the books, added up by one view. */
#ifndef TRACER_CLI_COST_ROWS_H
#define TRACER_CLI_COST_ROWS_H

#include "src/cli/cost_book.h"
#include "src/model/fields.h"

struct cost_row {
	const char *name; /* interned */
	uint64_t tasks;
	money_sum direct, unused, waste, overhead, idle, estimate;
	money_sum energy; /* 10^-6 Wh */
	double carbon_g;
	bool estimated, carbon_known, carbon_unknown;
	bool billed, priced, given, unpriced; /* where its money is from */
	UT_hash_handle hh;		      /* of those that are found by name */
};

struct cost_rows {
	struct cost_book *book;
	struct cost_row *by_name, **list;
	size_t n, size;
	money_sum total;	  /* of all rows */
	struct label_use *labels; /* how often tasks would have the same name */
};

/* For the views whose rows are parts of lines; give it to book_divide() as sink. */
int cost_rows_part(void *ctx, const struct book_host *host, const struct cost_line *line,
		   const struct book_leaf *leaf, const money parts[PARTS]);
/* After book_divide(). 0 or -ENOMEM. */
int cost_rows_fill(struct cost_rows *rows);
void cost_rows_sort(struct cost_rows *rows); /* most expensive first */
void cost_rows_fini(struct cost_rows *rows);
bool cost_row_known(const struct cost_row *row); /* is there any money? */
const char *cost_row_pricing(const struct cost_row *row);
/* 0, or -ERANGE: beyond 9.2 million USD. */
int cost_row_record(const struct cost_rows *rows, const struct cost_row *row, struct record *ret);

#endif
