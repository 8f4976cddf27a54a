/* SPDX-License-Identifier: Apache-2.0 */
/* What the analyses of one run say, together: shared by `tracer tune` and `tracer why`. */
#ifndef TRACER_CLI_TUNE_H
#define TRACER_CLI_TUNE_H

#include "src/analysis/contention.h"
#include "src/store/store.h"

struct judgement { /* zeroed: empty; everything points into facts and units */
	struct run_facts facts;
	struct units units;
	struct findings findings; /* sorted */
	struct contention contention;
};

int judgement_make(struct judgement *j, struct store *store, int64_t run_id); /* 0 or -errno */
void judgement_fini(struct judgement *j);

#endif
