/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text table for people. Streams: the first TABLE_SAMPLE rows decide the
 * widths and the rest is printed as it comes, so memory does not grow with the
 * number of rows. Cells are made harmless for terminals here.
 */
#ifndef TRACER_BASE_TABLE_H
#define TRACER_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_SAMPLE 500

struct table;

struct table_column {
	const char *heading;
	bool right; /* numbers */
	bool keep;  /* never cut to fit the width */
};

struct table_options {
	size_t width;  /* cut text to this many columns; 0: do not cut */
	size_t indent; /* spaces before each line */
	bool no_header;
};

/* columns is borrowed until table_free(). */
int table_new(FILE *out, const struct table_column *columns, size_t n,
	      const struct table_options *options, struct table **ret);
int table_row(struct table *t, const char *const *cells); /* n cells; NULL: unknown, "-" */
int table_end(struct table *t);				  /* prints what is still held */
void table_free(struct table *t);

/* Columns of the terminal at fd, or 0 if it is none (then nothing is cut). */
size_t terminal_width(int fd);

#endif
