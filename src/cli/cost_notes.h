/* SPDX-License-Identifier: Apache-2.0 */
/* What to know about a report of `tracer cost`: what is missing, old, or exceeded. */
#ifndef TRACER_CLI_COST_NOTES_H
#define TRACER_CLI_COST_NOTES_H

#include "src/cli/cost_book.h"

struct cost_notes {
	int (*add)(void *ctx, const char *line);
	void *ctx;
	int r; /* the first error of add() */
};

void cost_notes(struct cost_notes *n, const struct cost_book *b);
/* Is there anything that does cost something, but is not in the total? */
bool cost_is_lower_bound(const struct cost_book *b);
/* Was every run that is reported observed without loss? */
bool cost_is_complete(const struct cost_book *b);

#endif
