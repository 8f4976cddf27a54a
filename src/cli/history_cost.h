/* SPDX-License-Identifier: Apache-2.0 */
/* What the tasks of a history cost, by the books of `tracer cost` and its prices: what
 * each used and reserved, without its share of overhead and idle time, and without
 * bills, so that it moves with what the task does and with the price of its host. */
#ifndef TRACER_CLI_HISTORY_COST_H
#define TRACER_CLI_HISTORY_COST_H

#include "src/cli/history.h"

#define HISTORY_COST_WHY 200

/* Sets `usd` of the tasks whose hosts have a price for all of their run; of the others,
 * `why` says why one has not (empty: all have). 0 or -errno. */
int history_add_costs(struct history *h, struct store *store, char why[HISTORY_COST_WHY]);

#endif
