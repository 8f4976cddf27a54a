/* SPDX-License-Identifier: Apache-2.0 */
/* What the walk and the slack share: ends, producers, and how busy the run was. */
#ifndef TRACER_ANALYSIS_CRITICAL_WALK_H
#define TRACER_ANALYSIS_CRITICAL_WALK_H

#include "src/analysis/critical_path.h"

struct producer { /* of one task's data; sorted by the task */
	uint32_t task;
	bool stream;
	uint64_t read_ns; /* when it was last opened for reading */
};

struct walk {
	const struct flow_input *in;
	const struct flow *flow;
	struct critical_path *out;
	size_t size;		    /* of out->segments */
	struct producer *producers; /* producers[first[t] .. first[t + 1]) */
	uint32_t *first;
	uint32_t *by_end;	       /* tasks that ended, by end */
	uint64_t *ends_ns, *starts_ns; /* of tasks without others inside, sorted */
	uint64_t *ended, *started;     /* sums of their weights up to there */
	size_t n_by_end, n_ends, n_starts;
	struct flow_span *alive; /* of the engine, merged */
	size_t n_alive;
	bool *seen;
	uint64_t most;	      /* weight that ever ran at a time */
	uint64_t patience_ns; /* longer gaps are not the engine's usual reaction */
};

uint64_t walk_end(const struct walk *w, uint32_t task); /* clamped to the run */
uint64_t walk_start(const struct walk *w, uint32_t task);
uint64_t walk_weight(const struct flow_task *t);
int walk_prepare(struct walk *w); /* 0 or -ENOMEM */
void walk_fini(struct walk *w);
uint64_t walk_running_before(const struct walk *w, uint64_t time_ns); /* weight */
int slack_find(struct walk *w);

#endif
