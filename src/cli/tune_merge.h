/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of several runs of one pipeline, those of one id together. */
#ifndef TRACER_CLI_TUNE_MERGE_H
#define TRACER_CLI_TUNE_MERGE_H

#include "src/analysis/finding.h"
#include "src/store/store.h"

struct tune_merge {		  /* zeroed: empty */
	struct findings findings; /* sorted; texts are those of the newest run */
	unsigned runs, judged;
};

int tune_merge_make(struct tune_merge *m, struct store *store, const char *pipeline,
		    unsigned max_runs); /* 0 or -errno */
void tune_merge_fini(struct tune_merge *m);

#endif
