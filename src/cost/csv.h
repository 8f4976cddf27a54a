/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV (RFC 4180) as a stream: bytes in, records out. Memory is bounded by the
 * longest record (CSV_RECORD_MAX). Columns are found by name, so that their
 * order and those that are missing do not matter.
 */
#ifndef TRACER_COST_CSV_H
#define TRACER_COST_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/str.h"

#define CSV_RECORD_MAX	(1024 * 1024)
#define CSV_COLUMNS_MAX 1024

struct csv_record {
	const char *const *fields; /* n texts, NUL-ended, borrowed */
	size_t n;
	uint64_t line; /* on which it starts, from 1 */
};

struct csv {
	/* One record; a non-zero result ends csv_feed() with it. */
	int (*record)(void *ctx, const struct csv_record *record);
	void *ctx;
	uint64_t line; /* of the next byte: for messages */
	struct str text;
	size_t starts[CSV_COLUMNS_MAX];
	size_t n;
	uint64_t record_line;
	enum { CSV_START, CSV_PLAIN, CSV_QUOTED, CSV_QUOTE } state;
	bool pending; /* a record has begun */
	bool begun;   /* the file has */
};

void csv_init(struct csv *c, int (*record)(void *ctx, const struct csv_record *record), void *ctx);
void csv_fini(struct csv *c);
/* 0, what the visitor said, -E2BIG (a record or its columns beyond the limits),
 * -EILSEQ (a NUL byte), -ENOMEM. */
int csv_feed(struct csv *c, const char *data, size_t len);
int csv_end(struct csv *c); /* also -EPROTO: it ends inside quotes, so it was cut off */

#endif
