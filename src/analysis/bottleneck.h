/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What limited the run, each group of tasks of one name, and each tool: a verdict from
 * the explained wall time (explain.h), and a finding for every wait that explains a
 * large part of it. Thresholds and their reasons: docs/tune.md.
 */
#ifndef TRACER_ANALYSIS_BOTTLENECK_H
#define TRACER_ANALYSIS_BOTTLENECK_H

#include "src/analysis/explain.h"
#include "src/analysis/finding.h"

struct unit { /* what has a verdict */
	enum subject_kind kind;
	const char *name;
	unsigned n; /* tasks; of a tool: processes */
	struct explained explained;
	enum verdict verdict;
	double share;	  /* of its wall time that the verdict explains */
	const char *peer; /* of a pipe; NULL: nobody */
	bool trifle;	  /* the run or a task, too short to judge */
	bool neighbours;  /* its waits for a CPU are the doing of others on the machine */
	uint64_t cpu_ns;
	struct fact_process **processes; /* by start; of a group: of all its tasks */
	size_t n_processes;
	struct fact_task **tasks; /* of a group */
};

#define UNITS_MAX 4096
/* Of the waiting for CPUs: the run's own doing, if it would be there on an idle machine. */
#define OWN_LOAD 0.5
/* ... and it had this much of the CPUs meanwhile, so that nobody else took them. */
#define OWN_USED	  0.67
#define HEALTHY_CPU_SHARE 0.5  /* with no wait that is a finding: nothing to gain */
#define COMPUTE_CPU_SHARE 0.75 /* three quarters: at most a third faster without any wait */

struct units { /* the run first, then groups of tasks, then tools; by time each */
	struct arena arena;
	struct unit *list;
	unsigned n;
	unsigned dropped; /* groups and tools beyond UNITS_MAX */
};

/* Explains all units. 0 or -ENOMEM. */
int units_make(struct units *u, const struct run_facts *facts);
void units_fini(struct units *u);

/* Adds the findings about waits. Nothing is judged where run_facts_missing(). */
int bottlenecks_find(const struct run_facts *facts, const struct units *units,
		     struct findings *ret);

/* Whether its waiting for a CPU came from a quota of its cgroup. */
bool unit_is_throttled(const struct run_facts *facts, const struct unit *u);
/* Of its wall time; where others kept it from the CPUs, of the time that it would have
 * taken without them. */
double unit_share(const struct unit *u, unsigned part);
/* Slowed by others by less than a factor of two: no finding, it computes when it may. */
bool unit_is_jostled(const struct unit *u);
/* Which state a verdict stands for, and back. */
enum verdict verdict_of_part(unsigned part);
/* 0-100 of a finding that rests on so much time and so many samples. */
unsigned confidence_of(double total_ns, unsigned samples, double share);
/* What the findings call a unit: the run goes by its pipeline. */
const char *unit_name(const struct run_facts *f, const struct unit *u);
/* "72 % of 3.2 s": in arena f. */
const char *share_text(struct findings *f, double part_ns, double total_ns);
/* Shares that make a finding, of a part: notice, warning. */
double share_notice(unsigned part);
double share_warning(unsigned part);

#endif
