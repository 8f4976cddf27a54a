/* SPDX-License-Identifier: Apache-2.0 */
/* Price lists and bills as files: read in pieces, so of any size. All functions
 * return an exit code and have said what is wrong. "-" is standard input. */
#ifndef TRACER_CLI_PRICE_FILES_H
#define TRACER_CLI_PRICE_FILES_H

#include "src/cost/import.h"
#include "src/cost/reconcile.h"

struct price_filter { /* NULL: all; shell patterns */
	const char *region, *type;
};

int price_file_load(const char *path, struct price_table *t);
/* Also says what it was. */
int price_file_import(const char *path, const struct price_filter *filter, struct price_table *t,
		      struct import_result *ret);
/* What `tracer prices import` wrote; none is no error. */
int price_file_load_own(struct price_table *t);
/* Replaces that file as a whole, by way of a new one beside it. */
int price_file_save_own(const struct price_table *t, const char **ret_path);
/* The bills that the user keeps: .csv files of tracer/bills under $XDG_DATA_HOME, by name.
 * Free with bill_files_free(). No such directory: none. */
struct bill_files {
	char **paths;
	size_t n;
};
int bill_files_find(struct bill_files *ret);
void bill_files_free(struct bill_files *files);
int bill_file_load(const char *path, enum bill_view view, struct bill_book *b);

#endif
