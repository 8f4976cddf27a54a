/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes 17 runs of one pipeline, an hour apart; 3 of them are not complete, one is four
 * times slower in everything. From the tenth complete one on `align` takes 1.5 times its
 * time, with another program; `merge` has twice its memory; `sort` has three times its
 * input and takes three times as long, which is no regression. A run of another pipeline
 * is there too, and a script without tasks. usage: history-fixture DATABASE
 */
#include <stdio.h>
#include <stdlib.h>

#include "src/store/store.h"

#define S   1000000000ULL
#define MIB (1024ULL * 1024)
#define T0  (1763900000ULL * S)

static struct store *store;
static int64_t next_id;

struct kind {
	const char *name, *path, *new_path;
	uint64_t seconds, memory_mib, input_mib;
	unsigned slower, larger, more; /* percent, from the change on */
};

static const struct kind kinds[] = {
	{ "align", "/opt/bwa-0.7.17/bwa", "/opt/bwa-0.7.18/bwa", 20, 200, 100, 150, 100, 100 },
	{ "merge", "/usr/bin/samtools", "/usr/bin/samtools", 10, 300, 40, 100, 200, 100 },
	{ "sort", "/usr/bin/sort", "/usr/bin/sort", 8, 100, 50, 300, 100, 300 },
	{ "qc", "/usr/bin/fastqc", "/usr/bin/fastqc", 5, 80, 30, 100, 100, 100 },
};

static void must(int r)
{
	if (r < 0) {
		fprintf(stderr, "history-fixture: %s\n", store_strerror(r));
		exit(1);
	}
}

/* Between 0.97 and 1.03, in thousandths. */
static uint64_t noise(unsigned run, unsigned salt)
{
	return 970 + (run * 7919 + salt * 104729 + run * run * salt * 31) % 61;
}

static void put_process(const struct task_row *t, const struct kind *k, uint64_t input)
{
	struct process_row p = { .id = t->run_id << 32 | t->id,
				 .run_id = t->run_id,
				 .task = t->id,
				 .pid = 100 + (uint32_t)t->id,
				 .start_ns = t->start_ns,
				 .end_ns = t->end_ns,
				 .exit_code = 0,
				 .complete = true,
				 .peak_rss_bytes = t->peak_rss_bytes,
				 .ledger = t->ledger,
				 .comm = k->name };
	struct file_row f = { .process = p.id,
			      .path = "/data/in.bam",
			      .inode = 7,
			      .dev = 1,
			      .files = 1,
			      .opens = 1,
			      .access = WIRE_OPEN_READ,
			      .kind = FILE_KIND_REGULAR,
			      .first_ns = t->start_ns,
			      .last_ns = t->start_ns,
			      .size_bytes = (int64_t)input,
			      .read_to_bytes = (int64_t)input,
			      .written_to_bytes = -1 };

	must(store_put_process(store, &p));
	must(store_put_file(store, &f));
}

static void put_task(const struct run_row *run, unsigned n, const struct kind *k, unsigned task)
{
	bool changed = n >= 11, slow = n == 5, failed = n == 13 && task == 3;
	char key[32];
	uint64_t ns = k->seconds * S * noise(n, 1) / 1000 * (97 + task * 2) / 100 *
		      (changed ? k->slower : 100) / 100 * (slow ? 4 : 1);
	struct task_row t = {
		.id = ++next_id,
		.run_id = run->id,
		.name = k->name,
		.key = key,
		.status = failed ? TASK_STATUS_FAILED : TASK_STATUS_SUCCEEDED,
		.exit_code = failed,
		.start_ns = run->start_ns + (task / 2 * 40 + 1) * S,
		.requested_cpus = 1,
		.processes = 1,
		.peak_rss_bytes = k->memory_mib * MIB * noise(n, 2) / 1000 *
				  (changed ? k->larger : 100) / 100,
	};
	struct tool_row tool = { .id = t.id, .run_id = run->id, .task = t.id, .name = k->name };

	snprintf(key, sizeof(key), "%s:%u", t.name, task);
	t.end_ns = t.start_ns + (failed ? S : ns);
	t.busy_ns = t.end_ns - t.start_ns;
	t.ledger.state_ns[LEDGER_CPU] = t.busy_ns * 9 / 10;
	t.ledger.state_ns[LEDGER_DISK] = t.busy_ns - t.ledger.state_ns[LEDGER_CPU];
	t.ledger.thread_ns = t.busy_ns;
	t.ledger.read_bytes = k->input_mib * MIB * (changed ? k->more : 100) / 100;
	tool.path = changed ? k->new_path : k->path;
	tool.ledger = t.ledger;
	tool.start_ns = t.start_ns;
	tool.end_ns = t.end_ns;
	must(store_put_task(store, &t));
	must(store_put_tool(store, &tool));
	put_process(&t, k, t.ledger.read_bytes);
}

static void put_run(unsigned n, const char *pipeline)
{
	char uid[16];
	struct run_row run = { .uid = uid,
			       .name = pipeline,
			       .pipeline = pipeline,
			       .engine = "snakemake",
			       .start_ns = T0 + n * 3600 * S,
			       .end_ns = T0 + n * 3600 * S + 240 * S,
			       .status = RUN_SUCCEEDED,
			       .exit_code = 0,
			       .collector = 1,
			       .hostname = "node1",
			       .kernel = n >= 11 ? "6.1.0-2" : "6.1.0-1",
			       .cpus = 4,
			       .memory_bytes = 16384 * MIB };

	snprintf(uid, sizeof(uid), "%s%06u", pipeline[0] == 'n' ? "a1" : "b2", n);
	for (unsigned bit = 0; bit < 64; bit++)
		run.features |= 1ULL << bit;
	if (n == 3)
		run.completeness.lost[LOSS_EXIT] = 2;
	if (n == 8)
		run.end_ns = 0;
	if (n == 8)
		run.status = RUN_RUNNING;
	if (n == 12)
		run.collector = COLLECTOR_NONE;
	must(store_run_new(store, uid, &run.id));
	must(store_put_run(store, &run));
	for (unsigned k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		for (unsigned task = 0; task < 6; task++)
			put_task(&run, n, &kinds[k], task);
}

/* A script without tasks, six times and then slower; and one of its name elsewhere. */
static void put_script(unsigned n, const char *cwd)
{
	char uid[16];
	uint64_t ns = 60 * S * noise(n, 3) / 1000 * (n == 8 ? 3 : 1);
	struct run_row run = { .uid = uid,
			       .name = "import.sh",
			       .cwd = cwd,
			       .start_ns = T0 + n * 86400 * S,
			       .end_ns = T0 + n * 86400 * S + ns,
			       .status = RUN_SUCCEEDED,
			       .exit_code = 0,
			       .collector = 1,
			       .hostname = "node2",
			       .cpus = 4,
			       .peak_rss_bytes = 50 * MIB };

	snprintf(uid, sizeof(uid), "c3%06u", n);
	for (unsigned bit = 0; bit < 64; bit++)
		run.features |= 1ULL << bit;
	run.ledger.state_ns[LEDGER_CPU] = run.ledger.thread_ns = ns;
	must(store_run_new(store, uid, &run.id));
	must(store_put_run(store, &run));
}

int main(int argc, char **argv)
{
	uint64_t lost;

	if (argc != 2)
		return 2;
	must(store_open(argv[1], STORE_WRITE, &store));
	put_run(1, "weekly");
	for (unsigned n = 1; n <= 17; n++)
		put_run(n, "nightly");
	for (unsigned n = 1; n <= 8; n++)
		put_script(n, n == 2 ? "/elsewhere" : "/data");
	must(store_commit(store, &lost));
	store_close(store);
	return lost != 0;
}
