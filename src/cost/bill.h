/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bills: CUR 2.0 (CSV) and FOCUS 1.0-1.2 (CSV), as a stream of charges. The
 * format is recognised by its columns. Null may be empty or the text NULL. Money
 * goes from decimals to integers; amounts that are not USD are an error.
 */
#ifndef TRACER_COST_BILL_H
#define TRACER_COST_BILL_H

#include "src/cost/allocate.h"
#include "src/cost/csv.h"

enum bill_format { BILL_UNKNOWN, BILL_CUR, BILL_FOCUS };
enum bill_view { BILL_BILLED, BILL_EFFECTIVE }; /* cash, or with commitments amortised */

enum charge_class {
	CHARGE_USAGE,
	CHARGE_UNUSED, /* commitment that nobody used */
	CHARGE_OTHER,  /* tax, credit, purchase, fee, adjustment */
};

struct charge {
	char resource[200]; /* "": none */
	char description[120];
	char service[80], region[40], account[40], currency[8];
	char unit[32];
	uint64_t start_ns, end_ns;
	money amount; /* in the view that was asked for */
	enum charge_class class;
	enum line_kind kind;
	uint64_t id[2]; /* of the line: its own, else a hash of what is no amount */
	uint64_t full;	/* hash of all its columns */
	bool has_id;	/* its own: unique in a file */
	uint64_t line;	/* in the file */
};

struct bill_reader {
	int (*charge)(void *ctx, const struct charge *charge); /* non-zero ends it */
	void *ctx;
	enum bill_view view;
	enum bill_format format;
	struct csv csv;
	int column[32];
	bool is_amount[CSV_COLUMNS_MAX]; /* columns that may change when a bill is corrected */
	size_t columns;
	uint64_t charges;
	char error[300];
};

void bill_reader_init(struct bill_reader *b, enum bill_view view);
void bill_reader_fini(struct bill_reader *b);
/* 0 or -errno, and b->error says what is wrong, with the line. */
int bill_reader_feed(struct bill_reader *b, const char *data, size_t len);
int bill_reader_end(struct bill_reader *b);

#endif
