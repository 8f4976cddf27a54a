/* SPDX-License-Identifier: Apache-2.0 */
/* Tool rows (one a task and tool) folded to one a tool of the run. */
#ifndef TRACER_CLI_TOOL_FOLD_H
#define TRACER_CLI_TOOL_FOLD_H

#include <uthash.h>

#include "src/base/arena.h"
#include "src/model/rows.h"

struct folded_tool {
	struct tool_row row; /* row.task is 0 */
	uint64_t tasks;
	const char *name; /* key */
	UT_hash_handle hh;
};

struct tool_fold { /* zeroed: empty */
	struct arena arena;
	struct folded_tool *tools;
};

int tool_fold_add(struct tool_fold *fold, const struct tool_row *row); /* 0 or -ENOMEM */
void tool_fold_sort(struct tool_fold *fold); /* most CPU first, then by name */
void tool_fold_fini(struct tool_fold *fold);

#endif
