/* SPDX-License-Identifier: Apache-2.0 */
/* What a report says, before it is text (report.c) or a document (report_json.c). */
#ifndef TRACER_CLI_REPORT_PARTS_H
#define TRACER_CLI_REPORT_PARTS_H

#include "src/base/json_out.h"
#include "src/cli/report_failed.h"
#include "src/cli/report_group.h"
#include "src/cli/sheet.h"
#include "src/cli/tool_fold.h"

struct report_parts {
	struct snapshot s;
	struct task_groups groups;
	struct tool_fold all, tools; /* tools: as printed, with (glue) and (probe) */
	struct failures failures;    /* empty unless the run or a task failed */
};

/* report.c: 0 or -errno; report_parts_fini() in either case */
int report_parts_make(struct report_parts *p, struct store *store, int64_t run_id);
void report_parts_fini(struct report_parts *p);
uint64_t report_between_ns(const struct report_parts *p); /* no task ran */

json_t *report_object(const struct report_parts *p);
/* Fields of a row of the first table, and the rows themselves. */
extern const enum field_id report_group_fields[];
int report_groups_add(const struct report_parts *p, struct sheet *sheet);

#endif
