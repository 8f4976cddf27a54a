/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder's side of stalls: asks the tracker who makes no progress, the helper on
 * what, and makes records of the answers. Never waits for the helper.
 */
#ifndef TRACER_AGENT_STALL_WATCH_H
#define TRACER_AGENT_STALL_WATCH_H

#include "src/agent/stall_helper.h"
#include "src/track/track.h"

#define STALL_RECORD_MAX (sizeof(struct wire_stall) + STALL_STEPS_MAX * 256)

struct stall_slot {
	bool used, asked, written;
	uint64_t asked_ms; /* CLOCK_MONOTONIC */
	struct wire_stall stall;
	struct wire_stall_step *steps; /* NULL: not known (yet) */
	unsigned n;
	char comm[WIRE_COMM_LEN], task[64];
};

struct stall_watch {
	int fd; /* of the helper; -1: none */
	uint64_t next_ms;
	unsigned told;
	struct stall_slot slots[STALLS_MAX];
};

/* A record that begins or ends a stall, and a line about it for the user (NULL: none, or
 * enough have been told). Both are valid during the call. */
typedef int (*stall_record_fn)(void *ctx, const struct wire_header *record, const char *line);

void stall_watch_init(struct stall_watch *w, int helper_fd);
void stall_watch_fini(struct stall_watch *w);
/* Often; looks at the tracker at most every interval_ms, at helper's answers always.
 * 0 or what fn returned. */
int stall_watch_run(struct stall_watch *w, struct tracker *t, unsigned interval_ms,
		    stall_record_fn fn, void *ctx);
/* Before the end of the run is told: what is over, and those without an answer. */
int stall_watch_end(struct stall_watch *w, struct tracker *t, stall_record_fn fn, void *ctx);

#endif
