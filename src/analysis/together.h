/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The most that processes of one task had at the same time: their peaks summed over
 * those alive, and their threads, of those that had work. An upper end where they
 * share pages or do not peak together. Pure; memory by what is added.
 */
#ifndef TRACER_ANALYSIS_TOGETHER_H
#define TRACER_ANALYSIS_TOGETHER_H

#include <stddef.h>
#include <stdint.h>

struct together_change;

struct together { /* zeroed: empty */
	struct together_change *changes;
	size_t n, size;
};

struct together_process {
	int64_t task;
	uint64_t start_ns, end_ns;
	uint64_t bytes;
	uint64_t work_ns; /* on a CPU, or ready to be */
	uint32_t threads;
};

int together_add(struct together *t, const struct together_process *p); /* 0 or -ENOMEM */
/* Once for each task, in the order of their ids; 0, or what the visitor said. */
int together_each(struct together *t,
		  int (*visit)(void *ctx, int64_t task, uint64_t bytes, uint32_t workers),
		  void *ctx);
/* A sum within what a limit around them allowed (0: none): the rest was shared, or not
 * at the same time. Not below the largest of them. */
uint64_t together_bounded(uint64_t bytes, uint64_t limit_bytes, uint64_t largest_bytes);
void together_fini(struct together *t);

#endif
