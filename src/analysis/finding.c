/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *words;
} verdicts[VERDICTS] = {
	[VERDICT_UNKNOWN] = { "unknown", "cannot be judged" },
	[VERDICT_HEALTHY] = { "healthy", "nothing held it up" },
	[VERDICT_MIXED] = { "mixed", "several waits, none of them large" },
	[VERDICT_COMPUTE] = { "compute-bound", "computed" },
	[VERDICT_CPU_STARVED] = { "cpu-starved", "waited for a free CPU" },
	[VERDICT_THROTTLED] = { "throttled", "was held back by a CPU quota" },
	[VERDICT_DISK] = { "disk", "waited for storage" },
	[VERDICT_NETWORK] = { "network", "waited for the network" },
	[VERDICT_PIPE] = { "pipe", "waited for the other end of a pipe" },
	[VERDICT_LOCK] = { "lock", "waited for a lock or for another thread" },
	[VERDICT_CHILD] = { "child", "waited for a child process" },
	[VERDICT_MEMORY] = { "memory", "waited for free memory" },
	[VERDICT_SINGLE_THREADED] = { "single-threaded", "used one of its cores" },
	[VERDICT_SLEEP] = { "sleep", "slept" },
	[VERDICT_POLL] = { "poll", "waited for an event" },
	[VERDICT_STOPPED] = { "stopped", "was stopped" },
	[VERDICT_OTHER] = { "kernel", "was blocked in the kernel" },
	[VERDICT_IDLE] = { "idle", "had no process" },
	[VERDICT_SERIAL] = { "serial", "ran on one core at a time" },
	[VERDICT_STRAGGLER] = { "straggler", "took far longer than its like" },
	[VERDICT_CPUS_OVER] = { "cpus-over-requested", "used few of the cores that it asked for" },
	[VERDICT_MEMORY_OVER] = { "memory-over-requested",
				  "used little of the memory that it asked for" },
	[VERDICT_RETRY] = { "retry", "failed first and was repeated" },
	[VERDICT_ZOMBIE] = { "zombie", "had children that nobody waited for" },
	[VERDICT_OOM] = { "oom", "was killed for want of memory" },
	[VERDICT_DISK_FULL] = { "disk-full", "failed: no space left" },
	[VERDICT_MISSING_FILE] = { "missing-file", "failed: something was not there" },
	[VERDICT_PERMISSION] = { "permission-denied", "failed: it was not allowed" },
	[VERDICT_KILLED] = { "killed", "was killed" },
	[VERDICT_TIMEOUT] = { "timeout", "ran into a time limit" },
	[VERDICT_CRASH] = { "crash", "crashed" },
	[VERDICT_EXIT] = { "exit", "ended with an error" },
	[VERDICT_CANCELLED] = { "cancelled", "was cancelled" },
	[VERDICT_SIZE] = { "size", "needs so much" },
	[VERDICT_MEMORY_UNDER] = { "memory-under-requested",
				   "needed more memory than it asked for" },
	[VERDICT_CPUS_UNDER] = { "cpus-under-requested", "used more cores than it asked for" },
	[VERDICT_INSTANCE] = { "instance", "would run better on another machine" },
	[VERDICT_WHAT_IF] = { "what-if", "would have taken another time" },
	[VERDICT_REGRESSION] = { "regression", "needs more than it did" },
	[VERDICT_IMPROVEMENT] = { "improvement", "needs less than it did" },
	[VERDICT_CHANGED] = { "changed", "is not what it was" },
	[VERDICT_STALL] = { "stall", "made no progress" },
};

struct finding *findings_add(struct findings *f, enum verdict verdict, enum subject_kind subject,
			     const char *name)
{
	struct finding *list = f->list, *one;

	if (f->n == FINDINGS_MAX) {
		f->dropped++;
		return NULL;
	}
	if (f->n == f->size) {
		unsigned size = f->size ? f->size * 2 : 32;

		list = reallocarray(list, size, sizeof(*list));
		if (!list) {
			f->failed = true;
			return NULL;
		}
		f->list = list;
		f->size = size;
	}
	one = &list[f->n];
	*one = (struct finding){ .verdict = verdict, .subject = subject, .share = -1, .runs = 1 };
	one->name = findings_text(f, "%s", name ? name : "");
	one->id = findings_text(f, "%s:%s:%s", verdict_name(verdict), subject_name(subject),
				one->name);
	one->samples = 1;
	if (f->failed)
		return NULL;
	f->n++;
	return one;
}

const char *findings_text(struct findings *f, const char *format, ...)
{
	char *line = NULL;
	const char *kept;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&line, format, args);
	va_end(args);
	if (n < 0) {
		f->failed = true;
		return "";
	}
	kept = arena_text(&f->arena, line);
	free(line);
	if (!kept)
		f->failed = true;
	return kept ? kept : "";
}

int finding_compare(const void *first, const void *second)
{
	const struct finding *a = first, *b = second;

	if (a->severity != b->severity)
		return a->severity < b->severity ? 1 : -1;
	if (a->class != b->class)
		return a->class > b->class ? 1 : -1;
	if (a->share != b->share)
		return a->share < b->share ? 1 : -1;
	if (a->explained_ns != b->explained_ns)
		return a->explained_ns < b->explained_ns ? 1 : -1;
	return strcmp(a->id, b->id);
}

void findings_sort(struct findings *f)
{
	if (f->n)
		qsort(f->list, f->n, sizeof(*f->list), finding_compare);
}

void findings_fini(struct findings *f)
{
	free(f->list);
	arena_fini(&f->arena);
	*f = (struct findings){ 0 };
}

static void add(struct finding *f, struct figure figure)
{
	if (f->n_figures < FIGURES_MAX)
		f->figures[f->n_figures++] = figure;
}

void figure_ns(struct finding *f, const char *name, uint64_t ns)
{
	add(f, (struct figure){ .name = name, .unit = FIGURE_NS, .number = ns });
}

void figure_bytes(struct finding *f, const char *name, uint64_t bytes)
{
	add(f, (struct figure){ .name = name, .unit = FIGURE_BYTES, .number = bytes });
}

void figure_count(struct finding *f, const char *name, uint64_t n)
{
	add(f, (struct figure){ .name = name, .unit = FIGURE_COUNT, .number = n });
}

void figure_ratio(struct finding *f, const char *name, double ratio)
{
	add(f, (struct figure){ .name = name, .unit = FIGURE_RATIO, .ratio = ratio });
}

void figure_text(struct finding *f, const char *name, const char *text)
{
	if (text)
		add(f, (struct figure){ .name = name, .unit = FIGURE_TEXT, .text = text });
}

const char *severity_name(enum severity severity)
{
	static const char *const names[] = { "info", "notice", "warning", "critical" };

	return names[severity];
}

const char *verdict_name(enum verdict verdict)
{
	return verdicts[verdict].name;
}

const char *verdict_words(enum verdict verdict)
{
	return verdicts[verdict].words;
}

const char *subject_name(enum subject_kind kind)
{
	static const char *const names[] = { "run", "task", "tool", "process" };

	return names[kind];
}
