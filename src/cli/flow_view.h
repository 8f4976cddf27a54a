/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run's rows as the analysis of its dataflow takes them, read from the store, and
 * what the commands that show it share: names of tasks, what may be missing.
 */
#ifndef TRACER_CLI_FLOW_VIEW_H
#define TRACER_CLI_FLOW_VIEW_H

#include "src/analysis/flow.h"
#include "src/base/json_out.h"
#include "src/base/str.h"
#include "src/cli/snapshot.h"

#define FLOW_ENGINE_NAME "(engine)" /* processes outside of tasks */

struct flow_view {
	struct snapshot s;
	struct flow_input in;
	struct flow flow;
	const struct task_row **rows; /* by index, as in.tasks */
	uint32_t n_steps;	      /* the run has no tasks: these stand for them */
};

int flow_view_load(struct flow_view *v, struct store *store, const struct run_row *run,
		   bool all); /* 0 or -errno */
void flow_view_fini(struct flow_view *v);
/* "align [NA02]", "(engine)"; with its attempt from the second on. For people. */
void flow_task_label(struct str *out, const struct flow_view *v, uint32_t end);
void flow_task_id(char *buf, size_t size, const struct flow_view *v, uint32_t end);
/* Sentences on why edges may be missing; an empty array: nothing is known to be. A
 * new reference, or NULL without memory. */
json_t *flow_notes(const struct flow_view *v);
json_t *flow_completeness(const struct flow_view *v);
void flow_print_notes(const struct flow_view *v, const char *before, FILE *out);
/* Members that name a task in JSON: id, name, key, sample, attempt, status and times. */
json_t *flow_task_object(const struct flow_view *v, uint32_t task);

#endif
