/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents of kind "stall", as readers show them: of a run that goes on, who makes no
 * progress now. */
#ifndef TRACER_CLI_STALLS_H
#define TRACER_CLI_STALLS_H

#include <jansson.h>
#include <stdio.h>

#include "src/store/store.h"

/* All of the run, as in its incidents' details (docs/database.md). NULL: no memory. */
json_t *stalls_array(struct store *store, int64_t run_id);
/* A line each for those that go on, or were not over when the run ended. How many, or
 * -errno. `head` leads each of them. */
int stalls_print_open(struct store *store, const struct run_row *run, const char *head, FILE *out);

#endif
