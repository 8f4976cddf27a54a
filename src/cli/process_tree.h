/* SPDX-License-Identifier: Apache-2.0 */
/* Processes in the order of their tree; what they ran is indented by depth. */
#ifndef TRACER_CLI_PROCESS_TREE_H
#define TRACER_CLI_PROCESS_TREE_H

#include "src/cli/sheet.h"

struct tree_node {
	int64_t id, parent;	 /* parent 0: outside */
	size_t up;		 /* index of the parent's node; SIZE_MAX: a root */
	size_t child, next;	 /* first child, next sibling; SIZE_MAX: none */
	const struct value *row; /* kept by the sheet */
};

struct process_tree {		 /* zeroed but for sheet: empty */
	struct sheet *sheet;	 /* borrowed */
	struct tree_node *nodes; /* by id, as they were added */
	size_t n, size;
};

/* Call in the order of ids. 0 or -ENOMEM. */
int process_tree_add(struct process_tree *t, const struct process_row *row,
		     const struct record *record);
int process_tree_print(struct process_tree *t);
void process_tree_fini(struct process_tree *t);

#endif
