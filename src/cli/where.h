/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where wall time went, explained from the ledger. Threads wait for each other
 * all the time, so thread time added up would blame waits that delay nobody.
 * Instead each unit of work (task, tool, process, run) has a wall time to explain:
 *  - active = cpu + runq + disk + net + reclaim + other: some thread makes
 *    progress, or the machine keeps it from making progress;
 *  - coordination = lock, pipe, child, poll, sleep, stopped: a thread waits for
 *    somebody else, who is normally observed too.
 * 1. active >= wall: the unit was, on average, never without an active thread. Its
 *    wall time is divided in the proportion of the active states.
 * 2. active < wall: the active states count as they are. The rest goes to one
 *    coordination wait: the first of sleep, stopped, pipe, child, poll, lock (from
 *    the wait that idle helper threads use least to the one they use most) that
 *    covers half of the rest or more; if none does, to the largest.
 * 3. Whose waits explain the rest of a task or run: first its working tools',
 *    then all its processes'. A tool that spent a quarter of its thread time or
 *    more waiting for children is a supervisor (shell, make, engine) and does not
 *    work. Waits for children explain a task only if nothing else does.
 * 4. Wall time in which no process of the unit existed is WHERE_IDLE.
 * So the parts of a unit add up to its wall time, and units can be added.
 *
 * What this cannot know: it has sums, not a timeline. Two active threads side by
 * side hide a moment in which none was active, and the rest may be made of several
 * waits. The facts stay as they are in the store; only reports read them so.
 */
#ifndef TRACER_CLI_WHERE_H
#define TRACER_CLI_WHERE_H

#include "src/base/str.h"
#include "src/cli/snapshot.h"

enum { WHERE_IDLE = LEDGER_STATES, WHERE_PARTS }; /* the parts below are enum ledger_state */

struct where { /* zeroed: empty */
	uint64_t ns[WHERE_PARTS];
	uint64_t total_ns; /* their sum: the wall time explained; 0: nothing known */
};

void where_add_process(struct where *w, const struct process_row *process);
void where_add_tool(struct where *w, const struct tool_row *tool);
/* run: for the end of a task that has none. */
void where_add_task(struct where *w, const struct task_entry *task, const struct run_row *run);
/* Its tasks; without tasks the run itself. Alive: up to the last end known. */
void where_add_run(struct where *w, const struct snapshot *s);
/* Were waits measured? Without, nothing can be explained (collector ptrace). */
bool where_known(const struct run_row *run);
void where_add(struct where *to, const struct where *more);

uint64_t task_end_ns(const struct task_row *task, const struct run_row *run);

/* Parts by time, largest first; returns how many are not 0. */
unsigned where_order(const struct where *w, unsigned order[WHERE_PARTS]);
/* "CPU 62 %, disk 30 %": the largest parts, from 1/20 on; "-" if unknown. */
void where_short(struct str *out, const struct where *w, unsigned max_parts);

const char *where_word(unsigned part);	   /* "CPU queue" */
const char *where_sentence(unsigned part); /* "waiting for a free CPU" */

#endif
