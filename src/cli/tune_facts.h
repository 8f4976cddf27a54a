/* SPDX-License-Identifier: Apache-2.0 */
/* A run from the store as the facts that analyses look at (src/analysis/facts.h). */
#ifndef TRACER_CLI_TUNE_FACTS_H
#define TRACER_CLI_TUNE_FACTS_H

#include "src/analysis/facts.h"
#include "src/store/store.h"

/* run_facts_fini() afterwards, also after a failure. 0 or -errno. */
int tune_facts_load(struct run_facts *ret, struct store *store, int64_t run_id);

#endif
