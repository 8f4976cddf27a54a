/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of tasks and gaps that makes up a run's makespan. It is walked backwards
 * from the task that ended last: to the producer of its data that ended last, else to
 * what it waited for. Segments are in the order of time, without hole or overlap, and
 * sum to the makespan exactly; what nothing explains is PATH_UNKNOWN. Pure: no I/O.
 * docs/dataflow.md has the rules.
 */
#ifndef TRACER_ANALYSIS_CRITICAL_PATH_H
#define TRACER_ANALYSIS_CRITICAL_PATH_H

#include "src/analysis/flow.h"

enum path_kind {
	PATH_START, /* before the first task */
	PATH_TASK,
	PATH_ENGINE,  /* the engine lets time pass between tasks */
	PATH_QUEUE,   /* submitted, but not yet started */
	PATH_STAGING, /* the engine moves or copies files of tasks */
	PATH_END,     /* after the last task */
	PATH_UNKNOWN,
	PATH_KINDS
};

enum path_why {		     /* why a task could not begin, or go on, earlier */
		WHY_NOTHING, /* nothing before it is known: it is the first of the chain */
		WHY_DATA,    /* it needed what the one before produced */
		WHY_STREAM,  /* the same, while that one was still producing */
		WHY_SLOT,    /* there was no room for it before that one ended */
		WHY_ORDER,   /* that one ended before it; no data were seen to pass */
		WHY_INSIDE,  /* it is the enclosing task of that one */
};

struct path_segment {
	uint64_t start_ns, end_ns;
	enum path_kind kind;
	uint32_t task;	   /* PATH_TASK: itself; else the one that began next; FLOW_ENGINE: none */
	enum path_why why; /* of that task */
	uint32_t after;	   /* the one before, in that reason; FLOW_ENGINE: none */
};

struct path_task {
	bool on_path;
	bool slack_known; /* not of tasks around others */
	uint64_t slack_ns;
};

struct critical_path {
	struct path_segment *segments;
	size_t n;
	uint64_t start_ns, end_ns;
	uint64_t sums_ns[PATH_KINDS];
	struct path_task *tasks; /* as many as the input has */
	bool by_data;		 /* false: no dataflow was found, order in time is all */
};

/* end_ns 0: the run goes on, the path ends with the last thing that ended. */
int critical_path_find(const struct flow_input *in, const struct flow *flow,
		       const struct flow_span *run, struct critical_path *ret); /* 0, -ENOMEM */
void critical_path_fini(struct critical_path *path);
const char *path_kind_name(enum path_kind kind);

#endif
