/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workflow traces in WfFormat 1.5 (WfCommons), as a stream: workflow.execution.tasks
 * says what each task took, workflow.specification what it is called and what it read.
 * As the order of these parts is free, the same text is fed once for each pass. Memory
 * is bounded by WFFORMAT_MAX names. No I/O.
 */
#ifndef TRACER_CLI_WFFORMAT_H
#define TRACER_CLI_WFFORMAT_H

#include <stddef.h>

#include "src/analysis/trace_file.h"

#define WFFORMAT_MAX 1000000 /* files, and tasks */

enum wfformat_pass { WFFORMAT_FILES, WFFORMAT_NAMES, WFFORMAT_TASKS, WFFORMAT_PASSES };

struct wfformat;

struct wfformat_sink {
	void *ctx;
	/* One task; why: it cannot be read, and t is void. Non-zero ends the feeding. */
	int (*task)(void *ctx, const struct trace_task *t, const char *why);
};

int wfformat_new(const struct wfformat_sink *sink, struct wfformat **ret); /* 0 or -ENOMEM */
void wfformat_free(struct wfformat *w);
void wfformat_begin(struct wfformat *w, enum wfformat_pass pass);
/* 0, what the sink said, -EINVAL (no JSON), -E2BIG (beyond a limit), -ENOMEM. */
int wfformat_feed(struct wfformat *w, const char *data, size_t len);
/* Ends a pass. Also -EPROTO: cut off; -ENODATA: no tasks where WfFormat has them. */
int wfformat_end(struct wfformat *w);

#endif
