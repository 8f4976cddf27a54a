/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory and threads of the tasks of one run: what their processes had together, the
 * limit that was around them, and the one that they died at.
 */
#ifndef TRACER_CLI_HISTORY_MEMORY_H
#define TRACER_CLI_HISTORY_MEMORY_H

#include "src/analysis/together.h"
#include "src/cli/history.h"
#include "src/cli/snapshot.h"

struct task_memory { /* zeroed: empty */
	struct arena arena;
	struct together together;
	struct measured_task *tasks;
	struct memory_limit *limits;
	struct memory_victim *victims;
	size_t killed;
};

/* All processes, then the rest of the run. 0 or -errno. */
int task_memory_add(struct task_memory *m, const struct process_row *p, uint64_t run_end_ns);
int task_memory_finish(struct task_memory *m, struct store *store, int64_t run_id);
/* together_bytes, workers, bounded, killed_at_bytes, of what else is known of t. */
void task_memory_measure(struct task_memory *m, const struct snapshot *s,
			 const struct task_row *row, struct history_task *t);
void task_memory_fini(struct task_memory *m);

#endif
