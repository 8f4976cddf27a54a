/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records out, as a table, JSON, JSON lines or CSV. Streams, unless it must sort:
 * memory does not grow with the number of rows.
 */
#ifndef TRACER_CLI_SHEET_H
#define TRACER_CLI_SHEET_H

#include "src/base/json_out.h"
#include "src/base/str.h"
#include "src/cli/reader.h"
#include "src/model/fields.h"

struct sheet;

/* Lists of fields end with FIELD_COUNT. */
struct sheet_spec {
	const struct command_spec *command;
	const enum field_id *all;    /* what --columns may name */
	const enum field_id *record; /* default of json, jsonl, csv; NULL: all */
	const enum field_id *table;  /* default of table */
};

/* An exit code: --json and another --format were explained. */
int sheet_options_check(const struct command_spec *command, const struct reader_options *options);
/* Returns an exit code; a wrong --columns or --sort has been explained. */
int sheet_new(FILE *out, const struct sheet_spec *spec, const struct reader_options *options,
	      struct sheet **ret);
/* Copies what it needs. 0, 1 when --limit is reached, or -errno. */
int sheet_add(struct sheet *s, const struct record *record);
/* For rows whose order is the caller's: keeps a copy (owned by the sheet) of what
 * a row shows, and prints it later with its COMMAND indented. NULL: no memory. */
struct value *sheet_keep(struct sheet *s, const struct record *record);
int sheet_print(struct sheet *s, const struct value *row, unsigned indent);
void sheet_decimals(struct sheet *s, unsigned decimals); /* of amounts in tables; else 6 */
int sheet_end(struct sheet *s);				 /* 0 or -errno */
void sheet_free(struct sheet *s);
enum format sheet_format(const struct reader_options *options);

/* One record as a JSON object of the given fields. NULL: no memory. */
json_t *sheet_object(const enum field_id *fields, const struct record *record);
/* A value as a person reads it, appended; unknown is "-". */
void sheet_cell(struct str *out, enum field_id id, const struct value *value);

#endif
