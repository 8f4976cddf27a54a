/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRACER_COST_IMPORT_INTERNAL_H
#define TRACER_COST_IMPORT_INTERNAL_H

#include <jansson.h>

#include "src/cost/csv.h"
#include "src/cost/import.h"
#include "src/cost/json_split.h"

struct sku;

struct price_import {
	struct import_sink sink;
	struct import_result result;
	enum { IMPORT_UNKNOWN, IMPORT_JSON, IMPORT_CSV } kind;
	struct json_split json;
	struct csv csv;
	struct sku *skus; /* of the AWS list: what a price belongs to */
	bool terms;	  /* its prices have begun */
	char published[12];
	bool aws_csv;
	int column[16]; /* of the CSV, -1: absent */
	bool header;
	size_t columns; /* that it names */
	char error[300];
};

/* Says what is wrong; returns error. */
int import_fail(struct price_import *i, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int import_row(struct price_import *i, const struct price_row *row);
/* A decimal price in `currency`; refuses what is not a sensible amount of USD. */
int import_price(struct price_import *i, const char *what, const char *text, const char *currency,
		 money *ret);

/* One object of a list, by vendor: 0 or -errno. */
int import_aws_product(struct price_import *i, const json_t *product);
int import_aws_term(struct price_import *i, const char *sku, const json_t *terms);
int import_spot(struct price_import *i, const json_t *step);
int import_gcp(struct price_import *i, const json_t *sku);
int import_azure(struct price_import *i, const json_t *item);
void import_skus_free(struct price_import *i);
int import_csv_record(void *ctx, const struct csv_record *record);

/* Text member of an object, or "". */
const char *import_text(const json_t *object, const char *name);

#endif
