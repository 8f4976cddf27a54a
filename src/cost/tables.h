/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of data/prices as they are compiled in: lines of fields separated by
 * tabs. data/prices/README.md says what they are and where they come from. */
#ifndef TRACER_COST_TABLES_H
#define TRACER_COST_TABLES_H

#include <stdbool.h>
#include <stddef.h>

extern const char price_table_aws[], price_table_gcp[], price_table_azure[];
extern const char service_table[], carbon_table[], machine_table[];

/* A line as a list of fields, by reference. */
#define TABLE_FIELDS 32

struct table_field {
	const char *text;
	size_t len;
};

struct table_line {
	struct table_field field[TABLE_FIELDS]; /* those behind n are empty */
	size_t n;
};

/* Reads the line at *at and goes on to the next; false at the end. */
bool table_next(const char **at, struct table_line *ret);
bool table_is(const struct table_field *f, const char *text);
/* A copy that ends in NUL, cut to size. Returns out. */
const char *table_copy(const struct table_field *f, char *out, size_t size);

#endif
