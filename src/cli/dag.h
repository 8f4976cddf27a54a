/* SPDX-License-Identifier: Apache-2.0 */
/* The graph as a command shows it: nodes are tasks, or all tasks of one name. */
#ifndef TRACER_CLI_DAG_H
#define TRACER_CLI_DAG_H

#include "src/cli/flow_view.h"
#include "src/cli/reader.h"

struct dag_node {
	struct str label;
	uint32_t task;	/* its first */
	uint32_t tasks; /* how many */
};

struct dag {
	const struct flow_view *v;
	struct flow shown; /* links and edges between nodes */
	uint32_t *group;   /* node of each task */
	struct dag_node *nodes;
	uint32_t n_nodes;
	bool by_name, files, all;
};

/* An edge that is shown: between tasks, with --all also of the engine. */
bool dag_shows(const struct dag *d, const struct flow_edge *e);
const char *dag_label(const struct dag *d, uint32_t end);
int dag_print_json(const struct dag *d, FILE *out); /* 0 or -errno */
int dag_print_rows(const struct dag *d, enum format format, FILE *out);

#endif
