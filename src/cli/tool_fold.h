/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tool rows (one a task and tool) folded to one a tool of the run, and what is
 * noise folded to one row of its kind. Nothing is dropped: the sums stay equal.
 */
#ifndef TRACER_CLI_TOOL_FOLD_H
#define TRACER_CLI_TOOL_FOLD_H

#include <uthash.h>

#include "src/base/arena.h"
#include "src/model/fields.h"
#include "src/model/rows.h"

struct folded_tool {
	struct tool_row row; /* row.task is 0; component: the distinct ones, apart by ", " */
	uint64_t tasks;
	bool folded;	  /* several tools: in how many tasks they were is not known */
	const char *name; /* key: name, or name and component */
	UT_hash_handle hh;
};

struct tool_fold { /* zeroed: empty */
	struct arena arena;
	struct folded_tool *tools;
	bool by_component; /* a row per component of a front end, too */
};

/* What glue and probes must cost of a run to have a row of their own: 100 ms and a
 * tenth of its CPU; or one second and a hundredth; or 64 MiB and a tenth of its bytes
 * from and to storage; or 512 MiB of memory. A probe also if it took 2 s a process. */
bool tool_row_folds(const struct tool_row *row, const struct wire_ledger *total);
/* A row of a task without a process: what its launcher did between fork and exec, or a
 * program that became another one. Folds as glue does. */
bool tool_row_launched(const struct tool_row *row);
const char *tool_row_folded_name(const struct tool_row *row); /* "(glue)", "(probe)" */
/* FIELD_ROLE and FIELD_NOISE */
void record_tool_role(struct record *r, const struct tool_row *row);

int tool_fold_add(struct tool_fold *fold, const struct tool_row *row); /* 0 or -ENOMEM */
/* Another fold of the rows, in which those that fold are one of their kind; glue stays by
 * name if together it is a quarter of the run's CPU. */
int tool_fold_noise(const struct tool_fold *fold, const struct wire_ledger *total,
		    struct tool_fold *ret);
void tool_fold_sort(struct tool_fold *fold); /* most CPU first, then by name */
void tool_fold_fini(struct tool_fold *fold);

#endif
