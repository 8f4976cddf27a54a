/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run without tasks (a script, a single program) has steps all the same: what its
 * first process started, each with all that descends from it. They stand for tasks.
 */
#ifndef TRACER_CLI_FLOW_STEPS_H
#define TRACER_CLI_FLOW_STEPS_H

#include "src/cli/snapshot.h"

#define FLOW_STEPS_MAX 10000

struct flow_process {
	int64_t id, task; /* task: its own, or the step that it belongs to; 0: none */
	int64_t parent, tool;
	uint64_t start_ns, end_ns;
	uint32_t pid;
	int exit_code, signal;
	const char *comm;
};

/* Sets `task` of n processes, which are in the order of their ids, and makes a row for
 * each step, in an array of *ret_n (in the arena of s). No steps if the run has not one
 * first process. 0 or -ENOMEM. */
int flow_steps_make(struct snapshot *s, struct flow_process *processes, size_t n,
		    struct task_row **ret, uint32_t *ret_n);

#endif
