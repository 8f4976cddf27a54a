/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tasks and tools of a run in memory, for views that need them together.
 * Bounded by the tracker's limits on both; processes are never loaded.
 */
#ifndef TRACER_CLI_SNAPSHOT_H
#define TRACER_CLI_SNAPSHOT_H

#include <uthash.h>

#include "src/base/arena.h"
#include "src/store/store.h"

struct tool_entry {
	struct tool_row row;
	struct tool_entry *next; /* of the same task, most CPU first */
};

struct task_entry {
	struct task_row row;
	struct tool_entry *tools;
	bool outer; /* an allocation with tasks inside: they say what was done */
	UT_hash_handle hh;
};

struct scope_entry {
	struct scope_row row;	/* of a task: name, status and end are the task's */
	struct scope_entry *up; /* NULL: the recording */
	struct scope_entry *first, *last, *next; /* those inside, by id */
	struct task_entry *task;		 /* that it is; NULL: it is none */
	UT_hash_handle hh;
};

struct snapshot {
	struct arena arena;
	struct run_row run;
	struct task_entry *tasks;   /* by start; iterate with hh.next */
	size_t n_tasks, n_outer;    /* all; allocations of them with tasks inside */
	struct scope_entry *scopes; /* by id; iterate with hh.next */
	struct scope_entry top;	    /* the recording: those without parent are in it */
	bool many_pipelines;	    /* outermost runs that are not all of run.pipeline */
	struct tool_entry *tools;   /* outside tasks */
};

int snapshot_load(struct snapshot *s, struct store *store, int64_t run_id); /* 0 or -errno */
void snapshot_fini(struct snapshot *s);
struct task_entry *snapshot_task(const struct snapshot *s, int64_t id);	  /* or NULL */
struct scope_entry *snapshot_scope(const struct snapshot *s, int64_t id); /* or NULL */
/* Pipeline of the run that a task belongs to; NULL: not known. */
const char *snapshot_pipeline(const struct snapshot *s, const struct task_row *task);
/* What tells a task from others of its name: its sample, else its key without
 * the name in front; NULL if there is nothing to tell. */
const char *task_detail(const struct task_row *t);

#endif
