/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which processes made a run fail: those that failed in a failed task and have no
 * failed child, because a shell that passes its command's status on is not news.
 * Looked for only after a failure: a successful pipeline has many processes that
 * return non-zero as an answer (grep, test, diff). With each comes its command and
 * the last file that it failed to open: often the cause, never proof of it.
 */
#ifndef TRACER_CLI_REPORT_FAILED_H
#define TRACER_CLI_REPORT_FAILED_H

#include "src/cli/snapshot.h"

#define FAILURES_MAX 4096 /* kept; the rest is counted */

struct failure {
	int64_t id; /* key */
	uint32_t pid;
	unsigned alike;		  /* more that ended the same way in the same task */
	bool explained;		  /* by a child that failed while it ran its last program */
	uint64_t exec_ns, end_ns; /* exec: of its last program */
	const char *name, *ending;
	const char *command; /* as a shell would read it; NULL: unknown */
	const char *file;    /* that it could not open last; NULL: none */
	int error;	     /* why: errno */
	uint64_t file_ns;
	const struct task_entry *task; /* NULL: none */
	UT_hash_handle hh;
};

struct failures {
	const struct snapshot *snapshot;
	struct arena arena;
	struct failure *list; /* the last to end first: most likely the cause */
	unsigned n;	      /* found; may be more than are kept */
};

int failures_find(struct failures *f, struct store *store); /* 0 or -errno */
void failures_fini(struct failures *f);

#endif
