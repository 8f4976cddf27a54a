/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a run: run > task > tool (> process), one line each. */
#ifndef TRACER_CLI_SHOW_TREE_H
#define TRACER_CLI_SHOW_TREE_H

#include "src/cli/sheet.h"
#include "src/cli/snapshot.h"

struct show_tree_options {
	bool processes;	     /* load and list them too, under their task or container */
	bool all;	     /* helpers by name, not as (glue) */
	struct sheet *sheet; /* rows go there instead, without processes; NULL: a table */
};

extern const enum field_id show_tree_fields[]; /* of such a row */

/* 0 or -errno */
int show_tree_print(const struct snapshot *s, struct store *store,
		    const struct show_tree_options *show);

#endif
