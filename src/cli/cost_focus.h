/* SPDX-License-Identifier: Apache-2.0 */
/* Attribution as FOCUS rows (CSV): one row a line of money and task, with the
 * columns of FOCUS 1.2, the Allocated* ones of 1.3, and x_* of ours. BilledCost of
 * all rows sums to the bill, exactly. */
#ifndef TRACER_CLI_COST_FOCUS_H
#define TRACER_CLI_COST_FOCUS_H

#include "src/cli/cost_book.h"

struct cost_focus {
	struct cost_book *book;
	FILE *out;
};

void cost_focus_header(FILE *out);
/* A sink of book_divide(); ctx is a struct cost_focus. */
int cost_focus_part(void *ctx, const struct book_host *host, const struct cost_line *line,
		    const struct book_leaf *leaf, const money parts[PARTS]);

#endif
