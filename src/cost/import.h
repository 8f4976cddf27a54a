/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Price lists of vendors, as a stream: bytes in, struct price_row out. What it
 * understands is recognised by itself:
 *  - AWS Price List bulk files of EC2, JSON and CSV: Linux, shared tenancy, on demand;
 *  - `aws ec2 describe-spot-price-history` (JSON): one row a price step;
 *  - GCP Cloud Billing Catalog (JSON): per vCPU and GiB of a family, as types
 *    "n2:core" and "n2:ram"; other SKUs are skipped;
 *  - Azure Retail Prices (JSON): Linux, consumption and spot;
 *  - tables of ours (CSV with the columns of PRICE_COLUMNS).
 * Memory is bounded by one record, and for AWS JSON by the table of its SKUs.
 */
#ifndef TRACER_COST_IMPORT_H
#define TRACER_COST_IMPORT_H

#include "src/cost/prices.h"

#define PRICE_COLUMNS "provider,region,zone,type,lifecycle,usd_per_hour,since,as_of,source"

struct price_import;

struct import_sink {
	int (*row)(void *ctx, const struct price_row *row); /* non-zero ends it */
	void *ctx;
};

struct import_result {
	uint64_t rows, skipped; /* given to the sink; other records of the file */
	bool more_pages;	/* the list says that it goes on in another file */
	char format[40];	/* what it was */
};

struct price_import *price_import_new(const struct import_sink *sink); /* NULL: no memory */
void price_import_free(struct price_import *i);
/* 0 or -errno; then price_import_error() says what is wrong and where. */
int price_import_feed(struct price_import *i, const char *data, size_t len);
int price_import_end(struct price_import *i, struct import_result *ret);
const char *price_import_error(const struct price_import *i);

#endif
