/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finding: one thing that an analysis says about a run, with what proves it. Every
 * analysis makes findings of this one shape, so that lists, JSON and advice look
 * alike. A finding owns nothing: its texts live in the arena of its list.
 */
#ifndef TRACER_ANALYSIS_FINDING_H
#define TRACER_ANALYSIS_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/arena.h"

enum severity { SEVERITY_INFO, SEVERITY_NOTICE, SEVERITY_WARNING, SEVERITY_CRITICAL };

/* What limited a unit of work, or how it failed. Names: verdict_name(). */
enum verdict {
	VERDICT_UNKNOWN, /* not enough is known: no judgement */
	VERDICT_HEALTHY,
	VERDICT_MIXED,
	VERDICT_COMPUTE,
	VERDICT_CPU_STARVED,
	VERDICT_THROTTLED,
	VERDICT_DISK,
	VERDICT_NETWORK,
	VERDICT_PIPE,
	VERDICT_LOCK,
	VERDICT_CHILD,
	VERDICT_MEMORY,
	VERDICT_SINGLE_THREADED,
	VERDICT_SLEEP,
	VERDICT_POLL,
	VERDICT_STOPPED,
	VERDICT_OTHER,
	VERDICT_IDLE,
	VERDICT_SERIAL,
	VERDICT_STRAGGLER,
	VERDICT_CPUS_OVER,
	VERDICT_MEMORY_OVER,
	VERDICT_RETRY,
	VERDICT_ZOMBIE,
	VERDICT_OOM,
	VERDICT_DISK_FULL,
	VERDICT_MISSING_FILE,
	VERDICT_PERMISSION,
	VERDICT_KILLED,
	VERDICT_TIMEOUT,
	VERDICT_CRASH,
	VERDICT_EXIT,
	VERDICT_CANCELLED,
	VERDICT_SIZE,
	VERDICT_MEMORY_UNDER,
	VERDICT_CPUS_UNDER,
	VERDICT_INSTANCE,
	VERDICT_WHAT_IF, /* a prediction; name: the change */
	VERDICT_REGRESSION,
	VERDICT_IMPROVEMENT,
	VERDICT_CHANGED,
	VERDICT_STALL,
	VERDICTS
};

/* Among findings of one severity the first class comes first. */
enum finding_class {
	FINDING_FAILURE,
	FINDING_STRUCTURE,
	FINDING_BOTTLENECK,
	FINDING_SIZE,
	FINDING_HISTORY, /* against other runs */
};

enum subject_kind { SUBJECT_RUN, SUBJECT_TASK, SUBJECT_TOOL, SUBJECT_PROCESS };

enum figure_unit { FIGURE_NS, FIGURE_BYTES, FIGURE_COUNT, FIGURE_RATIO, FIGURE_TEXT };

struct figure {
	const char *name; /* "disk_wait_ns": a literal, unit in the name */
	enum figure_unit unit;
	uint64_t number;
	double ratio;
	const char *text;
};

#define FIGURES_MAX  20
#define FINDINGS_MAX 1000 /* kept; the rest is counted */

struct finding {
	const char *id; /* "disk:task:align": the same in every run of a pipeline */
	enum severity severity;
	enum finding_class class;
	enum verdict verdict;
	enum subject_kind subject;
	const char *name;      /* of the subject */
	uint32_t pid;	       /* 0: no single process */
	const char *summary;   /* one sentence */
	const char *cause;     /* what is behind it; NULL: nothing more is known */
	const char *advice;    /* what could be done; NULL: nothing */
	const char *check;     /* how to check it */
	double share;	       /* of the subject's wall time explained; < 0: not of that kind */
	uint64_t explained_ns; /* the same as time */
	uint64_t saving_ns;    /* at most this much wall time; 0: not known */
	unsigned confidence;   /* 0-100 */
	unsigned samples;      /* units (tasks, processes) that it rests on */
	unsigned runs;	       /* in which it was found */
	struct figure figures[FIGURES_MAX];
	unsigned n_figures;
};

struct findings { /* zeroed: empty */
	struct arena arena;
	struct finding *list;
	unsigned n, size;
	unsigned dropped; /* beyond FINDINGS_MAX */
	bool failed;	  /* out of memory: check once at the end */
};

/* A zeroed finding with id and name made; NULL: limit or memory (then counted). The
 * pointer is valid until the next call. */
struct finding *findings_add(struct findings *f, enum verdict verdict, enum subject_kind subject,
			     const char *name);
/* Texts of a finding, kept as long as the list. */
const char *findings_text(struct findings *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The worst first: severity, class, share, explained time; then by id. */
void findings_sort(struct findings *f);
void findings_fini(struct findings *f);
int finding_compare(const void *a, const void *b);

void figure_ns(struct finding *f, const char *name, uint64_t ns);
void figure_bytes(struct finding *f, const char *name, uint64_t bytes);
void figure_count(struct finding *f, const char *name, uint64_t n);
void figure_ratio(struct finding *f, const char *name, double ratio);
void figure_text(struct finding *f, const char *name, const char *text); /* NULL: left out */

const char *severity_name(enum severity severity);
const char *verdict_name(enum verdict verdict);	 /* "cpu-starved" */
const char *verdict_words(enum verdict verdict); /* "waited for a free CPU" */
const char *subject_name(enum subject_kind kind);

#endif
