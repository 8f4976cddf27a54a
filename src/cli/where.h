/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where time went, from wait states: what the threads that did the work were
 * doing, in shares of their time. Three rules keep waits from being blamed that
 * are nobody's bottleneck:
 *  1. waiting for a child never counts: the child's own time does;
 *  2. a tool that waited for children for a quarter of its time or more is a
 *     supervisor (shell, make, engine): its idle threads do not count, only what
 *     it was denied (CPU, run queue, disk, memory, other);
 *  3. processes of a task that belong to no tool are treated as supervisors.
 * The facts stay as they are in the store; this is only how reports read them.
 */
#ifndef TRACER_CLI_WHERE_H
#define TRACER_CLI_WHERE_H

#include "src/base/str.h"
#include "src/cli/snapshot.h"

struct where {
	uint64_t ns[LEDGER_STATES];
	uint64_t total_ns; /* 0: nothing known */
};

void where_add_tool(struct where *w, const struct wire_ledger *l);
void where_add_task(struct where *w, const struct task_entry *task);
void where_add(struct where *to, const struct where *more);
/* States by time, largest first; returns how many are not 0. */
unsigned where_order(const struct where *w, enum ledger_state order[LEDGER_STATES]);
/* "CPU 62 %, queue 30 %": CPU and the waits that matter; "-" if unknown. */
void where_short(struct str *out, const struct where *w, unsigned max_waits);

const char *state_word(enum ledger_state state);     /* "queue" */
const char *state_sentence(enum ledger_state state); /* "waiting for a CPU" */

#endif
