/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks of one name folded to a group, and what kept single tasks from progress. */
#ifndef TRACER_CLI_REPORT_GROUP_H
#define TRACER_CLI_REPORT_GROUP_H

#include "src/cli/snapshot.h"
#include "src/cli/where.h"

struct task_group {
	const char *name; /* key */
	unsigned tasks, failed, cancelled, running;
	unsigned oom;	      /* of the failed */
	unsigned again;	      /* second and later attempts */
	uint64_t wall_ns;     /* time with at least one of its tasks running */
	uint64_t duration_ns; /* summed over its tasks */
	uint64_t last_end_ns;
	uint64_t peak_rss_bytes;
	struct wire_ledger ledger;
	struct where where;
	UT_hash_handle hh;
};

struct task_wait {
	const struct task_entry *task;
	unsigned part;
	uint64_t ns, of_ns; /* of the task's wall time */
};

#define LONGEST_WAITS 5

struct task_groups { /* zeroed: empty */
	struct arena arena;
	struct task_group *groups; /* by first start */
	unsigned n_groups, failed_tasks;
	struct where where;		       /* of all tasks */
	uint64_t wall_ns, last_end_ns;	       /* time with at least one task running */
	struct task_wait waits[LONGEST_WAITS]; /* longest first */
	unsigned n_waits;
};

int task_groups_make(struct task_groups *g, const struct snapshot *s); /* 0 or -ENOMEM */
void task_groups_fini(struct task_groups *g);

#endif
