/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts of constructed runs: what must be said first, and what must not be said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "src/analysis/contention.h"
#include "src/analysis/failure.h"
#include "src/analysis/pipe_peer.h"
#include "src/analysis/structure.h"
#include "src/base/cleanup.h"

#define MS 1000000ULL
#define T0 1000000000000ULL
#define N  24

struct state_ms {
	unsigned state;
	uint64_t ms;
};

struct made { /* one process; times in ms since the start of the run */
	const char *name;
	unsigned parent; /* 1, 2, ...: that process; 0: none */
	uint64_t start, end;
	struct state_ms states[4];
	unsigned threads, exit_code;
	uint64_t switches, bytes, waits, faults, reclaim_ms, net_bytes, command, exec;
	int signal;
	bool quota, rereads;
};

struct run {
	const char *what, *want; /* "severity verdict" of the first finding */
	struct made made[8];
	enum run_status status;
};

static const struct run runs[] = {
	{ "one that computes",
	  "info compute-bound",
	  { { "a", 0, 0, 3000, { { LEDGER_CPU, 3000 } } } } },
	{ "an idle pool beside its master",
	  "info compute-bound",
	  { { "a",
	      0,
	      0,
	      3000,
	      { { LEDGER_CPU, 3000 }, { LEDGER_LOCK, 21000 } },
	      8,
	      .switches = 20 } } },
	{ "threads that contend",
	  "warning lock",
	  { { "a",
	      0,
	      0,
	      3000,
	      { { LEDGER_CPU, 3000 }, { LEDGER_LOCK, 9000 } },
	      4,
	      .switches = 9000 } } },
	{ "six on two cores",
	  "warning cpu-starved",
	  { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } } },
	    { "a", 1, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_RUNQ, 2000 } } },
	    { "a", 1, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_RUNQ, 2000 } } },
	    { "a", 1, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_RUNQ, 2000 } } },
	    { "a", 1, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_RUNQ, 2000 } } },
	    { "a", 1, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_RUNQ, 2000 } } },
	    { "a", 1, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_RUNQ, 2000 } } } } },
	{ "three on two cores, of which others took one",
	  "info cpu-starved",
	  { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } } },
	    { "a", 1, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_RUNQ, 2000 } } },
	    { "a", 1, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_RUNQ, 2000 } } },
	    { "a", 1, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_RUNQ, 2000 } } } } },
	{ "a quota that is used up",
	  "warning throttled",
	  { { "a", 0, 0, 3000, { { LEDGER_CPU, 900 }, { LEDGER_RUNQ, 2100 } }, .quota = true } } },
	{ "a quota that is not the cause",
	  "notice cpu-starved",
	  { { "a", 0, 0, 3000, { { LEDGER_CPU, 300 }, { LEDGER_RUNQ, 2700 } }, .quota = true } } },
	{ "a neighbour takes a third of its time",
	  "info compute-bound",
	  { { "a", 0, 0, 3000, { { LEDGER_CPU, 2000 }, { LEDGER_RUNQ, 1000 } } } } },
	{ "neighbours take most of its time",
	  "info cpu-starved",
	  { { "a", 0, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_RUNQ, 2000 } } } } },
	{ "neighbours take nearly all of its time",
	  "notice cpu-starved",
	  { { "a", 0, 0, 3000, { { LEDGER_CPU, 500 }, { LEDGER_RUNQ, 2500 } } } } },
	{ "a thread that reads beside others that wait at locks",
	  "warning disk",
	  { { "a",
	      0,
	      0,
	      5000,
	      { { LEDGER_CPU, 1200 }, { LEDGER_DISK, 4000 }, { LEDGER_LOCK, 84800 } },
	      18,
	      .switches = 1900,
	      .bytes = 20 << 20,
	      .waits = 142 } } },
	{ "a sleeper that neighbours keep from waking",
	  "warning sleep",
	  { { "a",
	      0,
	      0,
	      6000,
	      { { LEDGER_CPU, 100 }, { LEDGER_RUNQ, 3500 }, { LEDGER_SLEEP, 2400 } } } } },
	{ "threads that wait for those who lack a CPU",
	  "info cpu-starved",
	  { { "a",
	      0,
	      0,
	      3000,
	      { { LEDGER_CPU, 900 }, { LEDGER_RUNQ, 3000 }, { LEDGER_LOCK, 5100 } },
	      3,
	      .switches = 9000 } } },
	{ "threads that wait for one that lacks a CPU, for long",
	  "info cpu-starved",
	  { { "bwa",
	      0,
	      0,
	      15000,
	      { { LEDGER_CPU, 8000 }, { LEDGER_RUNQ, 9300 }, { LEDGER_LOCK, 49000 } },
	      5,
	      .switches = 9000 } } },
	{ "threads that contend, and lack a CPU as well",
	  "warning lock",
	  { { "a",
	      0,
	      0,
	      3000,
	      { { LEDGER_CPU, 1500 }, { LEDGER_RUNQ, 1500 }, { LEDGER_LOCK, 9000 } },
	      4,
	      .switches = 9000 } } },
	{ "workers whose master works meanwhile",
	  "info compute-bound",
	  { { "p", 0, 0, 3000, { { LEDGER_CPU, 1200 }, { LEDGER_LOCK, 7800 } }, 3 },
	    { "p", 1, 0, 3000, { { LEDGER_CPU, 900 }, { LEDGER_LOCK, 2100 } } },
	    { "p", 1, 0, 3000, { { LEDGER_CPU, 900 }, { LEDGER_LOCK, 2100 } } } } },
	{ "two who take turns at a lock",
	  "warning lock",
	  { { "p", 0, 0, 3000, { { LEDGER_CHILD, 3000 } } },
	    { "p", 1, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_LOCK, 2000 } } },
	    { "p", 1, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_LOCK, 2000 } } } } },
	{ "shells that become the last of their programs",
	  "info compute-bound",
	  { { "sh", 0, 0, 2400, { { LEDGER_CHILD, 2400 } } },
	    { "perl", 1, 0, 2000, { { LEDGER_CHILD, 1000 }, { LEDGER_CPU, 1000 } } },
	    { "perl", 1, 0, 2400, { { LEDGER_CHILD, 1200 }, { LEDGER_CPU, 1200 } } },
	    { "perl", 2, 0, 1000, { { LEDGER_CPU, 1000 } } },
	    { "perl", 3, 0, 1200, { { LEDGER_CPU, 1200 } } } } },
	{ "threads that sleep at a lock",
	  "warning sleep",
	  { { "a",
	      0,
	      0,
	      3000,
	      { { LEDGER_CPU, 500 }, { LEDGER_LOCK, 29500 } },
	      10,
	      .switches = 20 } } },
	{ "threads that wait for ever, until they are killed",
	  "warning lock",
	  { { "a",
	      0,
	      0,
	      3000,
	      { { LEDGER_CPU, 500 }, { LEDGER_LOCK, 29500 } },
	      10,
	      .switches = 20,
	      .signal = SIGTERM } } },
	{ "a shell that becomes a program of uneven threads",
	  "warning serial",
	  { { "a",
	      0,
	      0,
	      4000,
	      { { LEDGER_CPU, 3600 }, { LEDGER_CHILD, 1000 }, { LEDGER_LOCK, 2400 } },
	      2,
	      .switches = 6,
	      .exec = 1000 } } },
	{ "too short to judge", "info healthy", { { "a", 0, 0, 90, { { LEDGER_RUNQ, 90 } } } } },
	{ "a fast stream",
	  "info mixed",
	  { { "a",
	      0,
	      0,
	      3000,
	      { { LEDGER_CPU, 1800 }, { LEDGER_NET, 1200 } },
	      .net_bytes = 1500000000 } } },
	{ "a slow disk",
	  "warning disk",
	  { { "a",
	      0,
	      0,
	      3000,
	      { { LEDGER_CPU, 300 }, { LEDGER_DISK, 2700 } },
	      .bytes = 9 << 20,
	      .waits = 90 } } },
	{ "a fast disk",
	  "info disk",
	  { { "a",
	      0,
	      0,
	      3000,
	      { { LEDGER_CPU, 300 }, { LEDGER_DISK, 2700 } },
	      .bytes = 2700000000,
	      .waits = 90 } } },
	{ "a disk that answers at once",
	  "info disk",
	  { { "a",
	      0,
	      0,
	      3000,
	      { { LEDGER_CPU, 300 }, { LEDGER_DISK, 2700 } },
	      .bytes = 1 << 20,
	      .waits = 2700 } } },
	{ "too short to act on", "info sleep", { { "a", 0, 0, 400, { { LEDGER_SLEEP, 400 } } } } },
	{ "own pages from the disk while memory is reclaimed",
	  "warning memory",
	  { { "a",
	      0,
	      0,
	      3000,
	      { { LEDGER_CPU, 900 }, { LEDGER_DISK, 2100 } },
	      .reclaim_ms = 300,
	      .waits = 200,
	      .faults = 190 } } },
	{ "the same data fetched again and again",
	  "warning memory",
	  { { "a",
	      0,
	      0,
	      3000,
	      { { LEDGER_CPU, 900 }, { LEDGER_DISK, 2100 } },
	      .bytes = 2700000000,
	      .rereads = true } } },
	{ "memory alone from a tenth on",
	  "notice memory",
	  { { "a", 0, 0, 3000, { { LEDGER_CPU, 2600 }, { LEDGER_RECLAIM, 400 } } } } },
	{ "a starved consumer: its producer sleeps",
	  "warning pipe",
	  { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } } },
	    { "slow", 1, 0, 3000, { { LEDGER_CPU, 100 }, { LEDGER_SLEEP, 2900 } } },
	    { "wc", 1, 1, 3000, { { LEDGER_CPU, 9 }, { LEDGER_PIPE, 2990 } } } } },
	{ "a consumer of somebody who computes",
	  "info compute-bound",
	  { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } } },
	    { "gzip", 1, 0, 3000, { { LEDGER_CPU, 3000 } } },
	    { "wc", 1, 1, 3000, { { LEDGER_CPU, 9 }, { LEDGER_PIPE, 2990 } } } } },
	{ "a sleeper beside work",
	  "info compute-bound",
	  { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } } },
	    { "a", 1, 0, 3000, { { LEDGER_CPU, 3000 } } },
	    { "sleep", 1, 0, 3000, { { LEDGER_SLEEP, 3000 } } } } },
	{ "workers that sleep most of the time",
	  "warning sleep",
	  { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } } },
	    { "a", 1, 0, 3000, { { LEDGER_CPU, 600 }, { LEDGER_SLEEP, 2400 } } },
	    { "b", 1, 0, 3000, { { LEDGER_CPU, 600 }, { LEDGER_SLEEP, 2400 } } } } },
	{ "a supervisor that polls its child",
	  "info compute-bound",
	  { { "py", 0, 0, 3000, { { LEDGER_SLEEP, 2900 }, { LEDGER_CPU, 100 } } },
	    { "a", 1, 10, 2990, { { LEDGER_CPU, 2980 } } } } },
	{ "an idle listener beside work",
	  "info compute-bound",
	  { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } } },
	    { "httpd", 1, 0, 3000, { { LEDGER_NET, 3000 } } },
	    { "a", 1, 0, 3000, { { LEDGER_CPU, 3000 } } } } },
	{ "a download",
	  "warning network",
	  { { "curl",
	      0,
	      0,
	      3000,
	      { { LEDGER_NET, 2900 }, { LEDGER_CPU, 100 } },
	      .net_bytes = 3000000 } } },
	{ "a straggler",
	  "warning straggler",
	  { { "sh", 0, 0, 4000, { { LEDGER_CHILD, 4000 } } },
	    { "a", 1, 0, 500, { { LEDGER_CPU, 500 } } },
	    { "a", 1, 0, 510, { { LEDGER_CPU, 510 } } },
	    { "a", 1, 0, 4000, { { LEDGER_CPU, 4000 } } } } },
	{ "one after the other is no straggler",
	  "info compute-bound",
	  { { "sh", 0, 0, 4000, { { LEDGER_CHILD, 4000 } } },
	    { "a", 1, 0, 500, { { LEDGER_CPU, 500 } } },
	    { "a", 1, 500, 1000, { { LEDGER_CPU, 500 } } },
	    { "a", 1, 1000, 4000, { { LEDGER_CPU, 3000 } } } } },
	{ "a pool of which one works: a straggler by its work",
	  "warning straggler",
	  { { "py", 0, 0, 4000, { { LEDGER_LOCK, 4000 } }, 2 },
	    { "py", 1, 0, 4000, { { LEDGER_CPU, 300 }, { LEDGER_LOCK, 3700 } } },
	    { "py", 1, 0, 4000, { { LEDGER_CPU, 300 }, { LEDGER_LOCK, 3700 } } },
	    { "py", 1, 0, 4000, { { LEDGER_CPU, 3900 }, { LEDGER_LOCK, 100 } } } } },
	{ "jobs behind one file lock",
	  "warning lock",
	  { { "sh", 0, 0, 4000, { { LEDGER_CHILD, 4000 } } },
	    { "job", 1, 0, 4000, { { LEDGER_CPU, 1000 }, { LEDGER_LOCK, 3000 } } },
	    { "job", 1, 0, 4000, { { LEDGER_CPU, 1000 }, { LEDGER_LOCK, 3000 } } },
	    { "job", 1, 0, 4000, { { LEDGER_CPU, 1000 }, { LEDGER_LOCK, 3000 } } } } },
	{ "a serial section",
	  "warning serial",
	  { { "sh", 0, 0, 4000, { { LEDGER_CHILD, 4000 } } },
	    { "a", 1, 0, 1000, { { LEDGER_CPU, 1000 } } },
	    { "a", 1, 0, 1000, { { LEDGER_CPU, 1000 } } },
	    { "b", 1, 1000, 4000, { { LEDGER_CPU, 3000 } } } } },
	{ "a repeated attempt",
	  "warning retry",
	  { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } } },
	    { "a", 1, 0, 1000, { { LEDGER_CPU, 1000 } }, .exit_code = 3, .command = 5 },
	    { "a", 1, 1000, 3000, { { LEDGER_CPU, 2000 } }, .command = 5 } } },
	{ "a short attempt, but half of the run",
	  "warning retry",
	  { { "sh", 0, 0, 430, { { LEDGER_CHILD, 430 } } },
	    { "a", 1, 0, 214, { { LEDGER_CPU, 214 } }, .signal = SIGSEGV, .command = 5 },
	    { "a", 1, 214, 428, { { LEDGER_CPU, 214 } }, .command = 5 } } },
	{ "an attempt repeated long after, while others worked, lost only its own time",
	  "notice retry",
	  { { "sh", 0, 0, 9000, { { LEDGER_CHILD, 9000 } } },
	    { "a", 1, 0, 800, { { LEDGER_CPU, 800 } }, .exit_code = 3, .command = 5 },
	    { "b", 1, 0, 8000, { { LEDGER_CPU, 8000 } }, .command = 6 },
	    { "a", 1, 8000, 9000, { { LEDGER_CPU, 1000 } }, .command = 5 } } },
	{ "a back-off is lost, whatever sleeps in it",
	  "warning retry",
	  { { "sh", 0, 0, 9000, { { LEDGER_CHILD, 9000 } } },
	    { "a", 1, 0, 300, { { LEDGER_CPU, 300 } }, .exit_code = 3, .command = 5 },
	    { "sleep", 1, 300, 2300, { { LEDGER_SLEEP, 2000 } }, .command = 6 },
	    { "a", 1, 2300, 9000, { { LEDGER_CPU, 6700 } }, .command = 5 } } },
	{ "a question that was asked twice",
	  "info compute-bound",
	  { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } } },
	    { "grep", 1, 0, 5, { { LEDGER_CPU, 5 } }, .exit_code = 1, .command = 5 },
	    { "a", 1, 5, 2900, { { LEDGER_CPU, 2895 } }, .command = 6 },
	    { "grep", 1, 2900, 2905, { { LEDGER_CPU, 5 } }, .command = 5 } } },
	{ "a failed program behind a question",
	  "critical exit",
	  { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } }, .exit_code = 2 },
	    { "grep", 1, 0, 5, { { LEDGER_CPU, 5 } }, .exit_code = 1 },
	    { "a", 1, 5, 3000, { { LEDGER_CPU, 2990 } }, .exit_code = 7 } },
	  RUN_FAILED },
	{ "what timeout(1) ended below a shell, by a signal that it sent itself again",
	  "critical timeout",
	  { { "timeout", 0, 0, 3000, { { LEDGER_CHILD, 3000 } }, .exit_code = 124 },
	    { "sh", 1, 5, 3000, { { LEDGER_CHILD, 2990 } }, .signal = SIGTERM },
	    { "sort", 2, 5, 3000, { { LEDGER_PIPE, 2990 } }, .signal = SIGTERM } },
	  RUN_FAILED },
	{ "a crash below a shell",
	  "critical crash",
	  { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } }, .exit_code = 139 },
	    { "a", 1, 5, 3000, { { LEDGER_CPU, 2990 } }, .signal = SIGSEGV } },
	  RUN_FAILED },
};

static void add_process(struct run_facts *f, const struct made *m, unsigned n)
{
	struct fact_process *p = run_facts_process(f);

	p->id = n + 1;
	p->pid = 100 + n;
	p->name = m->name;
	p->start_ns = T0 + m->start * MS;
	p->end_ns = T0 + m->end * MS;
	p->exec_ns = p->start_ns + m->exec * MS;
	p->threads_peak = m->threads ? m->threads : 1;
	p->exit_code = m->signal ? -1 : (int)m->exit_code;
	p->signal = m->signal;
	p->failed = m->signal || m->exit_code;
	p->command = m->command;
	p->cgroup_id = m->quota ? 7 : 0;
	p->rereads = m->rereads;
	for (size_t i = 0; i < ARRAY_SIZE(m->states); i++) {
		p->ledger.state_ns[m->states[i].state] += m->states[i].ms * MS;
		p->ledger.thread_ns += m->states[i].ms * MS;
	}
	p->ledger.switches_voluntary = m->switches;
	p->ledger.read_bytes = m->bytes;
	p->ledger.disk_waits = m->waits;
	p->ledger.major_faults = m->faults;
	p->ledger.net_rx_bytes = m->net_bytes;
	p->ledger.direct_reclaim_ns = m->reclaim_ms * MS;
}

static void build(struct run_facts *f, const struct run *r)
{
	int64_t parents[N] = { 0 }, none[N] = { 0 };
	uint64_t end = 0;

	*f = (struct run_facts){ 0 };
	f->run.cpus = 2;
	f->run.uid = "1a2b3c4d";
	f->run.status = r->status ? r->status : RUN_SUCCEEDED;
	f->run.features = FEATURE_WAIT_CLASS | FEATURE_CPU_EXACT;
	f->run.collector = COLLECTOR_EBPF;
	for (unsigned i = 0; i < ARRAY_SIZE(r->made) && r->made[i].name; i++) {
		add_process(f, &r->made[i], i);
		parents[i] = r->made[i].parent;
		end = r->made[i].end > end ? r->made[i].end : end;
		for (unsigned s = 0; s < LEDGER_STATES; s++)
			f->run.ledger.state_ns[s] += f->processes[i].ledger.state_ns[s];
	}
	*run_facts_cgroup(f) = (struct fact_cgroup){ .id = 7, .cpu_limit_milli = 300 };
	f->run.start_ns = T0;
	f->run.end_ns = T0 + end * MS;
	assert_int_equal(run_facts_index(f, &(struct fact_links){ parents, none, none, none }), 0);
}

static void judge(const struct run_facts *f, struct findings *all, struct units *u)
{
	assert_int_equal(failures_explain(f, all), 0);
	if (!run_facts_missing(f)) {
		assert_int_equal(units_make(u, f), 0);
		assert_int_equal(structure_find(f, u, all), 0);
		assert_int_equal(retries_find(f, all), 0);
	}
	assert_int_equal(bottlenecks_find(f, u, all), 0);
	findings_sort(all);
}

static void check_sums(const struct units *u)
{
	for (unsigned i = 0; i < u->n; i++) {
		const struct explained *e = &u->list[i].explained;
		double sum = 0;

		for (unsigned part = 0; part < EXPLAIN_PARTS; part++)
			sum += e->ns[part];
		if (sum < e->total_ns * 0.999999 - 1 || sum > e->total_ns * 1.000001 + 1)
			fail_msg("unit %s: parts are %.0f, wall time %.0f", u->list[i].name, sum,
				 e->total_ns);
	}
}

static void test_verdicts(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct run_facts f;
		struct findings all = { 0 };
		struct units u = { 0 };
		char got[80];

		build(&f, &runs[i]);
		judge(&f, &all, &u);
		assert_true(all.n > 0);
		snprintf(got, sizeof(got), "%s %s", severity_name(all.list[0].severity),
			 verdict_name(all.list[0].verdict));
		if (strcmp(got, runs[i].want) != 0)
			fail_msg("%s: %s (%s), not %s", runs[i].what, got, all.list[0].summary,
				 runs[i].want);
		check_sums(&u);
		findings_fini(&all);
		units_fini(&u);
		run_facts_fini(&f);
	}
}

/* The verdict of a unit is that of the largest part of its time. */
static void test_unit_beside_neighbours(void **state)
{
	static const struct run r = {
		.made = { { "simulate",
			    0,
			    0,
			    3000,
			    { { LEDGER_CPU, 1050 }, { LEDGER_RUNQ, 1890 } } } }
	};
	struct run_facts f;
	struct findings all = { 0 };
	struct units u = { 0 };

	build(&f, &r);
	judge(&f, &all, &u);
	for (unsigned i = 0; i < u.n; i++) {
		assert_true(u.list[i].neighbours);
		assert_int_equal(u.list[i].verdict, VERDICT_CPU_STARVED);
	}
	for (unsigned i = 0; i < all.n; i++)
		assert_int_equal(all.list[i].severity, SEVERITY_INFO);
	findings_fini(&all);
	units_fini(&u);
	run_facts_fini(&f);
}

/* One process that computes and failed, with what happened to it. */
static void failed_run(struct run_facts *f, int exit_code, int signal)
{
	struct run r = { .made = { { "a",
				     0,
				     0,
				     3000,
				     { { LEDGER_CPU, 2900 }, { LEDGER_RUNQ, 100 } },
				     .exit_code = (unsigned)exit_code,
				     .signal = signal } },
			 .status = RUN_FAILED };

	build(f, &r);
}

static void add_file(struct run_facts *f, const char *path, int error, uint64_t ms)
{
	struct fact_file *file = run_facts_file(f);

	*file = (struct fact_file){ f->processes, path, error, T0 + ms * MS, false };
}

static void expect(struct run_facts *f, const char *verdict, const char *cause)
{
	struct findings all = { 0 };

	assert_int_equal(failures_explain(f, &all), 0);
	findings_sort(&all);
	assert_true(all.n > 0);
	assert_string_equal(verdict_name(all.list[0].verdict), verdict);
	if (cause && (!all.list[0].cause || !strstr(all.list[0].cause, cause)))
		fail_msg("%s: cause is %s, lacks %s", verdict, all.list[0].cause, cause);
	findings_fini(&all);
	run_facts_fini(f);
}

static void test_files(void **state)
{
	struct run_facts f;

	failed_run(&f, 1, 0);
	add_file(&f, "/data/in.bam", ENOENT, 2990);
	add_file(&f, "/usr/lib/x.so", ENOENT, 2999);
	expect(&f, "missing-file", "/data/in.bam");
	failed_run(&f, 1, 0);
	add_file(&f, "/data/in.bam", ENOENT, 100); /* long before: it lived well without */
	expect(&f, "exit", NULL);
	failed_run(&f, 1, 0);
	add_file(&f, "/data/secret", EACCES, 2990);
	expect(&f, "permission-denied", "secret");
	failed_run(&f, 1, 0);
	add_file(&f, "/data/out.bam", ENOSPC, 100);
	add_file(&f, "/data/in.bam", ENOENT, 2990);
	expect(&f, "disk-full", "/data/out.bam");
	failed_run(&f, 1, 0);
	add_file(&f, "/data/in.bam", ENOENT, 1500); /* a second and a half is a lot of work */
	expect(&f, "exit", NULL);
	failed_run(&f, 1, 0); /* a linker looks for a library in one place after the other */
	add_file(&f, "/data/libgcc_s.so.1", ENOENT, 2990);
	expect(&f, "exit", NULL);
	failed_run(&f, 1, 0);
	add_file(&f, "/data/stdio.h", ENOENT, 2990);
	f.files[0].found_elsewhere = true;
	expect(&f, "exit", NULL);
	failed_run(&f, 127, 0);
	expect(&f, "missing-file", "was not found");
}

static void add_signal(struct run_facts *f, int signal, uint32_t sender, const char *comm)
{
	*run_facts_event(f) = (struct fact_event){ .kind = FACT_SIGNAL,
						   .process = f->processes,
						   .time_ns = T0,
						   .sender_pid = sender,
						   .signal = signal,
						   .comm = comm };
}

static void test_signals(void **state)
{
	struct run_facts f;

	failed_run(&f, 0, SIGKILL);
	add_signal(&f, SIGKILL, 999, "admin");
	expect(&f, "killed", "admin (pid 999), outside of this run");
	failed_run(&f, 0, SIGTERM);
	add_signal(&f, SIGTERM, 998, "timeout");
	expect(&f, "timeout", "timeout");
	failed_run(&f, 0, SIGKILL);
	f.processes[0].ledger.state_ns[LEDGER_CPU] = 2004 * MS;
	add_signal(&f, SIGKILL, 0, NULL);
	expect(&f, "timeout", "ulimit");
	failed_run(&f, 0, SIGKILL);
	f.processes[0].ledger.state_ns[LEDGER_CPU] = 2500 * MS;
	add_signal(&f, SIGKILL, 0, NULL);
	expect(&f, "killed", "kernel");
}

static void test_oom(void **state)
{
	struct run_facts f;

	for (int tmpfs = 0; tmpfs < 2; tmpfs++) {
		failed_run(&f, 0, SIGKILL);
		f.processes[0].oom_killed = true;
		f.processes[0].peak_rss_bytes = 95 << 20;
		*run_facts_event(&f) =
			(struct fact_event){ .kind = FACT_OOM,
					     .process = f.processes,
					     .time_ns = T0 + 2999 * MS,
					     .pid = 100,
					     .cgroup = "/job",
					     .limit_bytes = 100 << 20,
					     .usage_bytes = 100 << 20,
					     .rss_bytes = (tmpfs ? 5ULL : 94) << 20 };
		expect(&f, "oom", tmpfs ? "tmpfs" : "had grown most");
	}
}

static void test_incomplete(void **state)
{
	struct run_facts f;
	struct findings all = { 0 };
	struct units u = { 0 };

	failed_run(&f, 3, 0);
	f.run.completeness.lost[LOSS_EXIT] = 1;
	judge(&f, &all, &u);
	assert_int_equal(all.n, 2);
	assert_int_equal(all.list[0].verdict, VERDICT_EXIT); /* a fact */
	assert_int_equal(all.list[1].verdict, VERDICT_UNKNOWN);
	findings_fini(&all);
	f.run.completeness.lost[LOSS_EXIT] = 0;
	f.run.completeness.lost[LOSS_FILE] = 1; /* says nothing about waits */
	assert_null(run_facts_missing(&f));
	run_facts_fini(&f);
}

/* What somebody waited is divided among those who ran, and outside; nothing is lost. */
static void test_contention(void **state)
{
	struct run_facts f;
	struct units u = { 0 };
	struct contention c;
	double sum = 0;

	build(&f, &runs[3]);
	assert_int_equal(units_make(&u, &f), 0);
	assert_int_equal(contention_make(&c, &f, &u), 0);
	for (unsigned v = 0; v < c.n; v++)
		for (unsigned by = 0; by <= c.n; by++)
			sum += c.wait_ns[CONTENTION_CPU][v][by];
	assert_true(sum > 11999e6 && sum < 12001e6);
	units_fini(&u);
	run_facts_fini(&f);
}

/* The sibling that worked most is not the one at the other end. */
static void test_pipe(void **state)
{
	static const struct run r = {
		.made = { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } } },
			  { "writer", 1, 0, 3000, { { LEDGER_CPU, 1000 }, { LEDGER_PIPE, 2000 } } },
			  { "beside", 1, 0, 3000, { { LEDGER_CPU, 3000 } } },
			  { "reader",
			    1,
			    0,
			    3000,
			    { { LEDGER_CPU, 500 }, { LEDGER_PIPE, 2500 } } } },
	};
	struct pipe_peer peer;
	struct run_facts f;

	build(&f, &r);
	assert_int_equal(run_facts_index_pipes(&f), 0);
	peer = pipe_peer_find(&f, &f.processes[3]);
	assert_false(peer.known);
	assert_string_equal(peer.process->name, "beside");
	free(f.pipes_by_inode);
	for (unsigned i = 1; i <= 3; i += 2)
		assert_int_equal(run_facts_pipe(&f, &(struct fact_pipe){ &f.processes[i], 77,
									 i == 3, i == 1 }),
				 0);
	assert_int_equal(run_facts_index_pipes(&f), 0);
	peer = pipe_peer_find(&f, &f.processes[3]);
	assert_true(peer.known && peer.producer);
	assert_string_equal(peer.process->name, "writer");
	peer = pipe_peer_find(&f, &f.processes[1]);
	assert_true(peer.known && !peer.producer);
	assert_string_equal(peer.process->name, "reader");
	run_facts_fini(&f);
}

/* The reader waits at a pipe in turn, for one who works: that is the slow end. */
static void test_pipe_chain(void **state)
{
	static const struct run r = {
		.made = { { "sh", 0, 0, 3000, { { LEDGER_CHILD, 3000 } } },
			  { "first", 1, 0, 3000, { { LEDGER_PIPE, 3000 } } },
			  { "second", 1, 0, 3000, { { LEDGER_CPU, 10 }, { LEDGER_PIPE, 2990 } } },
			  { "third", 1, 0, 3000, { { LEDGER_CPU, 3000 } } } },
	};
	struct pipe_peer peer;
	struct run_facts f;

	build(&f, &r);
	for (unsigned i = 1; i <= 3; i++) {
		struct fact_pipe reads = { &f.processes[i], 70 + i - 1, .reads = true };
		struct fact_pipe writes = { &f.processes[i], 70 + i, .writes = true };

		assert_int_equal(i > 1 ? run_facts_pipe(&f, &reads) : 0, 0);
		assert_int_equal(i < 3 ? run_facts_pipe(&f, &writes) : 0, 0);
	}
	assert_int_equal(run_facts_index_pipes(&f), 0);
	peer = pipe_peer_find(&f, &f.processes[1]);
	assert_true(peer.known && !peer.producer);
	assert_string_equal(peer.process->name, "third");
	run_facts_fini(&f);
}

/* Ends of pipes beyond the limit are counted, and forbid no verdict. */
static void test_pipes_max(void **state)
{
	struct run_facts f;

	build(&f, &runs[0]);
	for (unsigned i = 0; i < FACTS_PIPES_MAX + 3; i++)
		assert_int_equal(run_facts_pipe(&f, &(struct fact_pipe){ f.processes, i, true }),
				 0);
	assert_int_equal(f.n_pipes, FACTS_PIPES_MAX);
	assert_int_equal(f.pipes_dropped, 3);
	assert_null(run_facts_missing(&f));
	run_facts_fini(&f);
}

/* The engine says that it failed, its process does not. */
static void test_engine_says(void **state)
{
	static const struct run r = { .made = { { "sort", 0, 0, 3000, { { LEDGER_CPU, 3000 } } } },
				      .status = RUN_FAILED };
	struct findings all = { 0 };
	struct run_facts f;
	struct fact_task *t;

	build(&f, &r);
	t = run_facts_task(&f);
	*t = (struct fact_task){ .id = 1,
				 .name = "align",
				 .status = TASK_STATUS_FAILED,
				 .root = f.processes,
				 .start_ns = T0,
				 .end_ns = T0 + 3000 * MS };
	assert_int_equal(failures_explain(&f, &all), 0);
	assert_int_equal(all.n, 1);
	assert_int_equal(all.list[0].verdict, VERDICT_EXIT);
	assert_string_equal(all.list[0].summary,
			    "align failed, as its engine says; sort (pid 100) ended well");
	assert_non_null(all.list[0].cause);
	assert_non_null(all.list[0].advice);
	findings_fini(&all);
	run_facts_fini(&f);
}

/* Close to a threshold is less sure than far from it. */
static void test_confidence(void **state)
{
	struct run r = {
		.made = { { "a", 0, 0, 3000, { { LEDGER_CPU, 2200 }, { LEDGER_DISK, 800 } } } }
	};
	unsigned confidence[2];

	for (unsigned i = 0; i < 2; i++) {
		struct findings all = { 0 };
		struct units u = { 0 };
		struct run_facts f;

		r.made[0].states[0].ms = i ? 1900 : 2200;
		r.made[0].states[1].ms = i ? 1100 : 800;
		r.made[0].waits = 10;
		build(&f, &r);
		judge(&f, &all, &u);
		assert_int_equal(all.list[0].verdict, VERDICT_DISK);
		confidence[i] = all.list[0].confidence;
		findings_fini(&all);
		units_fini(&u);
		run_facts_fini(&f);
	}
	assert_true(confidence[0] < confidence[1]);
}

static void test_limits(void **state)
{
	struct findings all = { 0 };

	for (unsigned i = 0; i < FINDINGS_MAX + 5; i++)
		findings_add(&all, VERDICT_DISK, SUBJECT_TASK, "x");
	assert_int_equal(all.n, FINDINGS_MAX);
	assert_int_equal(all.dropped, 5);
	findings_fini(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),   cmocka_unit_test(test_unit_beside_neighbours),
		cmocka_unit_test(test_files),	   cmocka_unit_test(test_signals),
		cmocka_unit_test(test_oom),	   cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_contention), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_pipe),	   cmocka_unit_test(test_pipe_chain),
		cmocka_unit_test(test_pipes_max),  cmocka_unit_test(test_engine_says),
		cmocka_unit_test(test_confidence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
