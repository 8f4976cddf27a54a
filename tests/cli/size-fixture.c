/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes two complete runs of one pipeline: 12 tasks `align`, of which each has two
 * processes alive at a time and one was killed for memory, and 2 tasks `merge`. In
 * the second run `align` takes twice the time, with another program, on the disk.
 *
 * Before them a run of which nothing is known of what was asked for: 12 tasks `count`
 * in a cgroup with a limit that the peaks of their two processes exceed together, and
 * that wait for CPUs half of the time; the last one dies at that limit. A run without
 * tasks. One where the last `count` dies in a larger cgroup that it shares. One of two
 * tasks.
 */
#include <stdio.h>
#include <stdlib.h>

#include "src/store/store.h"

#define S   1000000000ULL
#define MIB (1024ULL * 1024)
#define T0  (1763900000ULL * S)

static struct store *store;
static int64_t next_id;

static void must(int r)
{
	if (r < 0) {
		fprintf(stderr, "size-fixture: %s\n", store_strerror(r));
		exit(1);
	}
}

static void put_process(const struct task_row *t, unsigned n, uint64_t rss)
{
	struct process_row p = { .id = t->run_id << 32 | (int64_t)(t->id * 4 + n),
				 .run_id = t->run_id,
				 .task = t->id,
				 .pid = 100 + (uint32_t)t->id * 4 + n,
				 .start_ns = t->start_ns,
				 .end_ns = t->end_ns,
				 .exit_code = 0,
				 .complete = true,
				 .peak_rss_bytes = rss,
				 .threads_peak = 1,
				 .comm = n == 1 ? "bwa" : "sh" };

	if (n == 1) /* the other one waits for it */
		p.ledger = t->ledger;
	must(store_put_process(store, &p));
}

static void put_task(int64_t run, unsigned i, bool align, bool second)
{
	char key[32];
	uint64_t slow = second && align ? 2 : 1, seconds = slow * (10 + i % 5);
	struct task_row t = {
		.id = ++next_id,
		.run_id = run,
		.name = align ? "align" : "merge",
		.key = key,
		.status = align && i == 11 && !second ? TASK_STATUS_OOM : TASK_STATUS_SUCCEEDED,
		.exit_code = 0,
		.start_ns = T0 + (i / 2 * 30 + 1) * S,
		.requested_cpus = 4,
		.requested_memory_bytes = (align && i == 11 && !second ? 400 : 4096) * MIB,
		.processes = 2,
		.peak_rss_bytes = (200 + i) * MIB
	};
	struct tool_row tool = { .id = t.id, .run_id = run, .task = t.id, .name = "bwa mem" };

	snprintf(key, sizeof(key), "%s:%u", t.name, i);
	t.end_ns = t.start_ns + seconds * S;
	t.busy_ns = seconds * S;
	t.ledger.state_ns[LEDGER_CPU] = (10 + i % 5) * S;
	t.ledger.state_ns[LEDGER_DISK] = (slow - 1) * (11 + i % 5) * S;
	t.ledger.thread_ns = t.ledger.state_ns[LEDGER_CPU] + t.ledger.state_ns[LEDGER_DISK];
	t.ledger.read_bytes = 100 * MIB;
	tool.path = second ? "/opt/bwa-0.7.18/bwa" : "/opt/bwa-0.7.17/bwa";
	tool.ledger = t.ledger;
	tool.start_ns = t.start_ns;
	tool.end_ns = t.end_ns;
	must(store_put_task(store, &t));
	must(store_put_tool(store, &tool));
	put_process(&t, 1, (200 + i) * MIB);
	put_process(&t, 2, 100 * MIB);
}

static void put_run(const char *uid, bool second)
{
	int64_t id;
	struct run_row run = { .uid = uid,
			       .name = "calls",
			       .pipeline = "calls",
			       .engine = "snakemake",
			       .start_ns = T0,
			       .end_ns = T0 + 240 * S,
			       .status = RUN_SUCCEEDED,
			       .exit_code = 0,
			       .collector = 1,
			       .hostname = "node1",
			       .cpus = 4 };

	for (unsigned bit = 0; bit < 64; bit++)
		run.features |= 1ULL << bit;
	must(store_run_new(store, uid, &id));
	run.id = id;
	if (second)
		run.start_ns++;
	must(store_put_run(store, &run));
	for (unsigned i = 0; i < 12; i++)
		put_task(id, i, true, second);
	for (unsigned i = 12; i < 14; i++)
		put_task(id, i, false, second);
}

/* In the larger cgroup (78) `other` lives beside it. */
static void put_count(int64_t run, unsigned i, const char *name, uint64_t place)
{
	char key[32];
	struct task_row t = { .id = ++next_id,
			      .run_id = run,
			      .name = name,
			      .key = key,
			      .status = i == 11 && *name == 'c' ? TASK_STATUS_OOM
								: TASK_STATUS_SUCCEEDED,
			      .start_ns = T0 - 1000 * S + i * 10 * S,
			      .processes = 2,
			      .peak_rss_bytes = (150 + i) * MIB };

	snprintf(key, sizeof(key), "%s:%u", name, i);
	t.end_ns = t.start_ns + 10 * S;
	t.ledger.state_ns[LEDGER_CPU] = t.ledger.state_ns[LEDGER_RUNQ] = 10 * S;
	t.ledger.thread_ns = 20 * S;
	must(store_put_task(store, &t));
	for (unsigned n = 0; n < 2; n++) {
		struct process_row p = { .id = run << 32 | (int64_t)(t.id * 4 + n),
					 .run_id = run,
					 .task = t.id,
					 .pid = 500 + (uint32_t)t.id * 2 + n,
					 .start_ns = t.start_ns,
					 .end_ns = t.end_ns,
					 .complete = true,
					 .cgroup_id = place,
					 .threads_peak = 1,
					 .oom_killed = t.status == TASK_STATUS_OOM && n,
					 .peak_rss_bytes = (150 + i) * MIB,
					 .comm = "count" };

		p.ledger.state_ns[LEDGER_CPU] = p.ledger.state_ns[LEDGER_RUNQ] = 5 * S;
		p.ledger.thread_ns = 10 * S;
		must(store_put_process(store, &p));
		if (p.oom_killed)
			must(store_put_incident(
				store,
				&(struct incident_row){
					.run_id = run,
					.process = p.id,
					.time_ns = t.end_ns,
					.kind = "oom",
					.detail = place == 77 ? "{\"limit_bytes\":209715200}"
							      : "{\"limit_bytes\":1048576000}" }));
	}
}

static void put_early(const char *uid, const char *name, unsigned tasks, uint64_t place)
{
	int64_t id;
	struct run_row run = { .uid = uid,
			       .name = name,
			       .pipeline = name,
			       .start_ns = T0 - 1000 * S,
			       .end_ns = T0 - 800 * S,
			       .status = RUN_SUCCEEDED,
			       .collector = 1,
			       .cpus = 4 };
	struct cgroup_row cgroup = { .id = place, .path = "/count" };

	for (unsigned bit = 0; bit < 64; bit++)
		run.features |= 1ULL << bit;
	must(store_run_new(store, uid, &id));
	run.id = cgroup.run_id = id;
	cgroup.memory_limit_bytes = (place == 77 ? 200 : 1000) * MIB;
	must(store_put_run(store, &run));
	must(store_put_cgroup(store, &cgroup));
	for (unsigned i = 0; i < tasks; i++)
		put_count(id, i, "count", place);
	if (place == 78)
		put_count(id, 11, "other", place);
}

int main(int argc, char **argv)
{
	uint64_t lost;

	if (argc != 2)
		return 2;
	must(store_open(argv[1], STORE_WRITE, &store));
	put_early("5e000003", "bare", 12, 77);
	put_early("5e000004", "none", 0, 77);
	put_early("5e000005", "shared", 12, 78);
	put_early("5e000006", "few", 2, 77);
	put_run("5e000001", false);
	put_run("5e000002", true);
	must(store_commit(store, &lost));
	store_close(store);
	return lost != 0;
}
