/* SPDX-License-Identifier: Apache-2.0 */
/* The report of `tracer cost`: rows, the sums below them, and what to know. */
#ifndef TRACER_CLI_COST_PRINT_H
#define TRACER_CLI_COST_PRINT_H

#include "src/cli/cost_rows.h"
#include "src/cli/sheet.h"

struct cost_report {
	struct cost_book *book;
	struct cost_rows *rows;
	struct sheet_spec *sheet; /* its table is set here */
	const struct reader_options *options;
	const char *by, *policy;
};

int cost_print(const struct cost_report *r); /* an exit code */

#endif
