/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all reading commands share: the options --db, --json, --format,
 * --columns, --no-header; opening the database; finding the run; saying on
 * stderr what went wrong.
 */
#ifndef TRACER_CLI_READER_H
#define TRACER_CLI_READER_H

#include "src/base/arena.h"
#include "src/cli/options.h"
#include "src/store/store.h"

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV };

struct reader_options {
	const char *db; /* NULL: db_default_path() */
	bool json, no_header;
	int format; /* enum format */
	const char *columns;
	const char *sort;
	unsigned limit; /* 0: all */
};

#define DB_OPTION(type, member)                                                                    \
	{                                                                                          \
		"db", 0, OPTION_TEXT, offsetof(type, member.db), "PATH",                           \
			"the database (default: $TRACER_DB, "                                      \
			"else\n~/.local/share/tracer/tracer.db)"                                   \
	}
#define JSON_OPTION(type, member)                                                                  \
	{                                                                                          \
		"json", 'j', OPTION_FLAG, offsetof(type, member.json), NULL,                       \
			"print one JSON document"                                                  \
	}
#define FORMAT_OPTION(type, member)                                                                \
	{                                                                                          \
		"format", 'f', OPTION_CHOICE, offsetof(type, member.format),                       \
			"table|json|jsonl|csv", "how to print"                                     \
	}
#define READER_OPTIONS(type, member)                                                               \
	DB_OPTION(type, member), JSON_OPTION(type, member), FORMAT_OPTION(type, member),           \
		{ "columns",   'c',                                                                \
		  OPTION_TEXT, offsetof(type, member.columns),                                     \
		  "NAME,...",  "these columns, in this order; `all` for all" },                    \
		{ "no-header", 0,                                                                  \
		  OPTION_FLAG, offsetof(type, member.no_header),                                   \
		  NULL,	       "no line of column names" },                                        \
		{ "sort",                                                                          \
		  's',                                                                             \
		  OPTION_TEXT,                                                                     \
		  offsetof(type, member.sort),                                                     \
		  "NAME",                                                                          \
		  "sort by this column: numbers largest first,\ntexts by letter; -NAME "           \
		  "reverses" },                                                                    \
	{                                                                                          \
		"limit", 'n', OPTION_COUNT, offsetof(type, member.limit), "N",                     \
			"print at most N rows"                                                     \
	}

struct reader {
	struct store *store;
	struct arena arena;
	struct run_row run; /* a copy: lives as long as the reader */
};

/* Opens the database only. Returns an exit code; it has said what is wrong. */
int reader_open(struct reader *r, const char *db);
/* Also finds the run; selector NULL: the latest one. */
int reader_open_run(struct reader *r, const char *db, const char *selector);
void reader_close(struct reader *r);
/* Says what a failed walk means and returns its exit code; r >= 0: EXIT_OK. */
int reader_result(int r);

/* Copies of borrowed rows. 0 or -ENOMEM. */
int run_row_copy(struct arena *a, const struct run_row *row, struct run_row *ret);
int task_row_copy(struct arena *a, const struct task_row *row, struct task_row *ret);
int scope_row_copy(struct arena *a, const struct scope_row *row, struct scope_row *ret);
int tool_row_copy(struct arena *a, const struct tool_row *row, struct tool_row *ret);

#endif
