/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs and their tasks have cost, and on what machine they ran, by the books of
 * `tracer cost` (cost_book.h): prices, what is given for the host, and bills that are
 * kept. One run at a time, so that memory does not grow with their number.
 */
#ifndef TRACER_CLI_INSTANCE_OBSERVED_H
#define TRACER_CLI_INSTANCE_OBSERVED_H

#include "src/cli/cost_book.h"
#include "src/cli/options.h"
#include "src/cli/price_files.h"

struct observed_books { /* what all runs share */
	struct cost_config config;
	struct price_table prices;
	struct host_entry over;
	struct bill_files bills;
};

struct task_cost {
	int64_t task;
	double usd;
};

struct observed_run {
	struct arena texts; /* has what follows: the book ends before this */
	const char *provider, *type, *region, *zone;
	enum lifecycle lifecycle;
	struct machine size;
	double usd_per_hour, usd; /* NAN: unpriced, in part or as a whole */
	bool listed;		  /* by a price list, not given, by rates or a bill */
	bool billed;
	char as_of[12], why[160];
	struct task_cost *tasks; /* by task */
	size_t n;
};

/* Returns an exit code; it has said what is wrong. */
int observed_books_open(struct observed_books *b, const char *hosts,
			const struct option_list *price_lists);
void observed_books_close(struct observed_books *b);
/* 0 or -errno. */
int observed_run_load(struct observed_books *b, struct store *store, int64_t run_id,
		      struct observed_run *ret);
double observed_task_usd(const struct observed_run *o, int64_t task); /* NAN: unknown */
void observed_run_fini(struct observed_run *o);

#endif
