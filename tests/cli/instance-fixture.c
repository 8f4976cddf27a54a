/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes runs of one pipeline for tests of `tracer tune --instances`. Each is 1300 s
 * on a machine of 8 CPUs and 16 GiB: 8 tasks `align` of 600 s and two busy cores, four
 * at a time, so that the machine is full; then 6 tasks `fetch` of 100 s that wait for
 * storage, at once, and some that teach nothing: two `index`, in the first run three `probe`
 * without memory, three `late` that wait for CPUs that others have, one `sort` killed for memory
 * beside three that were not. The third run lost
 * events, the fourth was on a machine of 4 CPUs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/store.h"

#define S   1000000000ULL
#define MIB (1024ULL * 1024)
#define GIB (1024 * MIB)
#define T0  (1763900000ULL * S)

static struct store *store;
static int64_t next_id;

static void must(int r)
{
	if (r < 0) {
		fprintf(stderr, "instance-fixture: %s\n", store_strerror(r));
		exit(1);
	}
}

struct work {
	const char *name;
	unsigned n, at_once, start_s, seconds, cores_milli, disk_percent;
	uint64_t memory, input, net;
	enum task_status status;
	uint32_t asked_cpus;
	uint64_t asked_bytes;
	unsigned queue_percent;
};

static const struct work works[] = {
	{ "align", 8, 4, 0, 600, 2000, 0, 3 * GIB, 20 * GIB, 0, TASK_STATUS_SUCCEEDED, 4, 6 * GIB,
	  0 },
	{ "fetch", 6, 6, 1200, 100, 100, 90, 512 * MIB, 0, 6000 * MIB, TASK_STATUS_SUCCEEDED, 0, 0,
	  0 },
	{ "index", 2, 2, 1200, 50, 1000, 0, GIB, 0, 0, TASK_STATUS_SUCCEEDED, 0, 0, 0 },
	{ "probe", 3, 3, 1200, 20, 1000, 0, 0, 0, 0, TASK_STATUS_SUCCEEDED, 0, 0, 0 },
	{ "sort", 3, 1, 1200, 20, 1000, 0, GIB, 0, 0, TASK_STATUS_SUCCEEDED, 0, 0, 0 },
	{ "late", 3, 3, 1200, 80, 300, 0, GIB, 0, 0, TASK_STATUS_SUCCEEDED, 0, 0, 60 },
	{ "sort", 1, 1, 1260, 20, 1000, 0, GIB, 0, 0, TASK_STATUS_OOM, 0, 2 * GIB, 0 },
};

/* Two thirds of the time in tasks that are held up: less than that of the run's time is a wait. */
static const struct work crowded[] = {
	{ "calm", 3, 1, 0, 300, 1000, 0, GIB, 0, 0, TASK_STATUS_SUCCEEDED, 0, 0, 0 },
	{ "held", 6, 3, 900, 200, 700, 0, GIB, 0, 0, TASK_STATUS_SUCCEEDED, 0, 0, 30 },
};

static void put_process(const struct task_row *t, const struct work *w)
{
	struct process_row p = { .id = t->run_id << 32 | t->id,
				 .run_id = t->run_id,
				 .task = t->id,
				 .pid = 100 + (uint32_t)t->id,
				 .start_ns = t->start_ns,
				 .end_ns = t->end_ns,
				 .exit_code = 0,
				 .complete = true,
				 .peak_rss_bytes = w->memory,
				 .comm = "tool" };
	char path[64];
	struct file_row f = { .process = p.id,
			      .path = path,
			      .inode = (uint64_t)t->id,
			      .dev = 1,
			      .files = 1,
			      .opens = 1,
			      .access = WIRE_OPEN_READ,
			      .size_bytes = (int64_t)w->input };

	snprintf(path, sizeof(path), "/data/%lld.fastq", (long long)t->id);
	must(store_put_process(store, &p));
	if (w->input)
		must(store_put_file(store, &f));
}

static void put_task(int64_t run, const struct work *w, unsigned i)
{
	char key[64];
	struct task_row t = { .id = ++next_id,
			      .run_id = run,
			      .name = w->name,
			      .key = key,
			      .status = w->status,
			      .start_ns = T0 + (w->start_s + i / w->at_once * w->seconds) * S,
			      .requested_cpus = w->asked_cpus,
			      .requested_memory_bytes = w->asked_bytes,
			      .processes = 1,
			      .peak_rss_bytes = w->memory };
	struct tool_row tool = { .id = t.id, .run_id = run, .task = t.id, .name = "tool" };

	snprintf(key, sizeof(key), "%s:%u:%lld", w->name, i, (long long)t.id);
	t.end_ns = t.start_ns + w->seconds * S;
	t.busy_ns = w->seconds * S;
	t.ledger.state_ns[LEDGER_CPU] = w->seconds * w->cores_milli * (S / 1000);
	t.ledger.state_ns[LEDGER_DISK] = w->seconds * w->disk_percent * (S / 100);
	t.ledger.state_ns[LEDGER_RUNQ] = w->seconds * w->queue_percent * (S / 100);
	t.ledger.thread_ns = t.ledger.state_ns[LEDGER_CPU] + t.ledger.state_ns[LEDGER_DISK] +
			     t.ledger.state_ns[LEDGER_RUNQ];
	t.ledger.net_rx_bytes = w->net;
	t.ledger.read_bytes = w->disk_percent * 100 * MIB;
	tool.ledger = t.ledger;
	tool.start_ns = t.start_ns;
	tool.end_ns = t.end_ns;
	must(store_put_task(store, &t));
	must(store_put_tool(store, &tool));
	put_process(&t, w);
}

static int64_t put_run_row(const char *uid, const char *pipeline, unsigned hour, uint32_t cpus,
			   uint64_t lost)
{
	int64_t id;
	struct run_row run = { .uid = uid,
			       .name = pipeline,
			       .pipeline = pipeline,
			       .engine = "snakemake",
			       .start_ns = T0,
			       .end_ns = T0 + 1300 * S,
			       .status = RUN_SUCCEEDED,
			       .exit_code = 0,
			       .collector = 1,
			       .arch = "x86_64",
			       .cpus = cpus,
			       .memory_bytes = 16 * GIB };
	char host[16];

	for (unsigned bit = 0; bit < 64; bit++)
		run.features |= 1ULL << bit;
	snprintf(host, sizeof(host), "node%u", hour);
	run.hostname = host;
	run.completeness.lost[0] = lost;
	must(store_run_new(store, uid, &id));
	run.id = id;
	run.start_ns += hour;
	must(store_put_run(store, &run));
	return id;
}

static void put_run(const char *uid, unsigned hour, uint32_t cpus, uint64_t lost)
{
	int64_t id = put_run_row(uid, "calls", hour, cpus, lost);

	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		for (unsigned k = 0; k < works[i].n && (works[i].memory || hour == 1); k++)
			put_task(id, &works[i], k);
}

static void put_crowded(void)
{
	int64_t id = put_run_row("cc000001", "crowded", 0, 8, 0);

	for (size_t i = 0; i < sizeof(crowded) / sizeof(crowded[0]); i++)
		for (unsigned k = 0; k < crowded[i].n; k++)
			put_task(id, &crowded[i], k);
}

int main(int argc, char **argv)
{
	uint64_t lost;

	if (argc != 2)
		return 2;
	must(store_open(argv[1], STORE_WRITE, &store));
	put_crowded();
	put_run("1c000001", 1, 8, 0);
	put_run("1c000002", 2, 8, 0);
	put_run("1c000003", 3, 8, 7);
	put_run("1c000004", 4, 4, 0);
	put_run("1c000005", 5, 8, 0);
	must(store_commit(store, &lost));
	store_close(store);
	return lost != 0;
}
