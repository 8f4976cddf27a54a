/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that says what stalled processes wait for, one request at a time. It looks
 * into /proc in a child of its own, because looking at a process may hang where that
 * process does; a child without an answer in time is left behind. It holds the privileges
 * that /proc asks for, sleeps until the recorder asks, and ends with it.
 */
#ifndef TRACER_AGENT_STALL_HELPER_H
#define TRACER_AGENT_STALL_HELPER_H

#include <stdbool.h>

#include "bpf/wire.h"
#include "src/agent/identity.h"

#define STALL_LOOK_MS	3000 /* an answer takes no longer */
#define STALL_STUCK_MAX 4    /* children that never came back; then no more are made */

struct stall_request {
	struct wire_id id;
	uint32_t slot, pad;
};

struct stall_reply {
	struct wire_id id;
	uint32_t slot;
	uint32_t n;
	int32_t error; /* 0, -ETIMEDOUT: it hung, -ETIME: slow, -errno */
	uint32_t pad;
	struct wire_stall_step steps[STALL_STEPS_MAX];
};

/* The helper's whole life on `fd`; the process has been forked for it. all_processes: it
 * may look at those of other users. */
int stall_helper_main(int fd, const struct identity *id, bool all_processes);

#endif
