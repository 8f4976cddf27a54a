/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a database with one run, through the store's own interface, whose tasks pass
 * files to each other in every way that readers show: directly, renamed, copied by the
 * engine, appended. With `--large N`, N tasks in layers, each of 100 processes with 200
 * file rows, instead: what the commands must bear.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/store.h"

#define S	  1000000000ULL
#define MS	  1000000ULL
#define T0	  (1763900000ULL * S)
#define LAYER	  50  /* tasks */
#define PROCESSES 100 /* of a task */
#define READ	  WIRE_OPEN_READ
#define MAKE	  (WIRE_OPEN_WRITE | WIRE_OPEN_CREATED | WIRE_OPEN_TRUNCATED)

struct fixture {
	struct store *store;
	int64_t run;
	int64_t processes, tasks;
};

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "flow-fixture: %s: %s\n", what, store_strerror(r));
		exit(1);
	}
}

static int64_t put_process(struct fixture *f, int64_t task, uint64_t start, uint64_t end)
{
	const struct process_row row = {
		.id = f->run << 32 | ++f->processes,
		.run_id = f->run,
		.task = task,
		.pid = (uint32_t)(1000 + f->processes),
		.start_ns = T0 + start,
		.end_ns = T0 + end,
		.complete = true,
		.comm = "worker",
	};

	must(store_put_process(f->store, &row), "process");
	return row.id;
}

static int64_t put_task(struct fixture *f, const char *name, const char *sample, uint64_t start,
			uint64_t end)
{
	char key[80];
	const struct task_row row = {
		.id = f->run << 32 | ++f->tasks,
		.run_id = f->run,
		.name = name,
		.key = key,
		.sample = sample,
		.attempt = 1,
		.status = TASK_STATUS_SUCCEEDED,
		.start_ns = T0 + start,
		.end_ns = T0 + end,
		.processes = 1,
	};

	snprintf(key, sizeof(key), "%s:%s%d", name, sample ? sample : "", (int)f->tasks);
	must(store_put_task(f->store, &row), "task");
	return row.id;
}

static void put_file(struct fixture *f, int64_t process, const char *path, uint64_t inode,
		     unsigned access, uint64_t at)
{
	const struct file_row row = {
		.process = process,
		.path = path,
		.inode = inode,
		.dev = 1,
		.opens = access != 0,
		.access = (uint16_t)access,
		.renamed_to = !access,
		.first_ns = T0 + at,
		.last_ns = T0 + at,
		.size_bytes = access & READ ? inode * 1000 : 0,
	};

	must(store_put_file(f->store, &row), "file");
}

static void put_run(struct fixture *f, const char *uid, uint64_t end, uint64_t folded)
{
	const struct run_row row = {
		.id = f->run,
		.uid = uid,
		.name = "flow",
		.pipeline = "flow",
		.engine = "snakemake",
		.cwd = "/data/run",
		.user = "ada",
		.start_ns = T0,
		.end_ns = T0 + end,
		.status = RUN_SUCCEEDED,
		.collector = COLLECTOR_EBPF,
		.features = FEATURE_FILES,
		.processes = (uint64_t)f->processes,
		.completeness = { .files_folded = folded },
	};
	uint64_t lost;

	must(store_put_run(f->store, &row), "run");
	must(store_commit(f->store, &lost), "commit");
}

/* make > (split, log), two of work in parallel of which one is a long pole, moved by the
 * engine to a join, whose result is renamed by a task of its own. */
static void small_run(struct fixture *f)
{
	int64_t head = put_process(f, 0, 0, 20 * S), task[7], p[7];
	static const struct {
		const char *name, *sample;
		uint64_t start, end;
	} tasks[] = {
		{ "make", NULL, 1000, 3000 },	  { "work", "A", 3050, 4000 },
		{ "work", "B", 3060, 12000 },	  { "work", "C \"x\"", 4010, 6000 },
		{ "join", NULL, 12900, 15000 },	  { "finish", NULL, 15020, 15100 },
		{ "notify", NULL, 15030, 15050 },
	};

	for (int i = 0; i < 7; i++) {
		task[i] = put_task(f, tasks[i].name, tasks[i].sample, tasks[i].start * MS,
				   tasks[i].end * MS);
		p[i] = put_process(f, task[i], tasks[i].start * MS, tasks[i].end * MS);
	}
	put_file(f, head, "/data/run/Snakefile", 1, READ, 100 * MS);
	put_file(f, head, "/data/run/config.json", 30, MAKE, 200 * MS);
	put_file(f, p[0], "/data/run/config.json", 30, READ, 1001 * MS);
	put_file(f, p[0], "/ref/genome.fa", 2, READ, 1001 * MS);
	put_file(f, p[0], "/data/run/parts.txt", 3, MAKE, 1002 * MS);
	for (int i = 1; i < 4; i++) {
		char path[40];

		put_file(f, p[i], "/data/run/parts.txt", 3, READ, (tasks[i].start + 1) * MS);
		put_file(f, p[i], "/data/run/work.log", 4, WIRE_OPEN_WRITE,
			 (tasks[i].start + 2) * MS);
		snprintf(path, sizeof(path), "/tmp/w%d/out\n.bam", i);
		put_file(f, p[i], path, (uint64_t)(10 + i), MAKE, (tasks[i].start + 3) * MS);
		snprintf(path, sizeof(path), "/data/run/w%d/out\n.bam", i);
		put_file(f, head, path, 0, 0, (tasks[i].end + 500) * MS);
		put_file(f, p[4], path, (uint64_t)(10 + i), READ, 12901 * MS);
	}
	put_file(f, p[4], "/data/run/joined.tmp", 20, MAKE, 12902 * MS);
	put_file(f, p[5], "/data/run/joined", 0, 0, 15021 * MS);
	put_file(f, p[6], "/data/run/joined", 20, READ, 15031 * MS);
	put_file(f, p[6], "/data/run/.snakemake/x", 21, MAKE, 15031 * MS);
	put_run(f, "f10f10f1", 16 * S, 1234);
}

/* Each task reads two files of each process of one task of the layer before, and of all
 * one; writes as many of its own. */
static void put_large_task(struct fixture *f, int n)
{
	int layer = n / LAYER, before = (layer - 1) * LAYER + (n * 7) % LAYER;
	uint64_t start = (uint64_t)layer * S, end = start + 900 * MS;
	int64_t task = put_task(f, "work", NULL, start, end);
	char path[120];

	for (int i = 0; i < PROCESSES; i++) {
		int64_t process = put_process(f, task, start, end);

		snprintf(path, sizeof(path), "/data/run/some/directory/layer%d/task%d/part%d.bam",
			 layer, n, i);
		put_file(f, process, path, (uint64_t)(n * PROCESSES + i + 1), MAKE, start + MS);
		if (layer == 0)
			continue;
		if (i == 0) /* of another one, too */
			before = (layer - 1) * LAYER + (n + 1) % LAYER;
		snprintf(path, sizeof(path), "/data/run/some/directory/layer%d/task%d/part%d.bam",
			 layer - 1, before, i);
		put_file(f, process, path, (uint64_t)(before * PROCESSES + i + 1), READ,
			 start + 2 * MS);
	}
}

static void large_run(struct fixture *f, int n)
{
	put_process(f, 0, 0, (uint64_t)(n / LAYER + 1) * S);
	for (int i = 0; i < n; i++)
		put_large_task(f, i);
	put_run(f, "1a26e000", (uint64_t)(n / LAYER + 1) * S, 0);
}

int main(int argc, char **argv)
{
	struct fixture f = { 0 };
	int large = argc == 4 && !strcmp(argv[2], "--large") ? (int)strtoul(argv[3], NULL, 10) : 0;

	if (argc != 2 && !large) {
		fprintf(stderr, "usage: flow-fixture DATABASE [--large N]\n");
		return 2;
	}
	must(store_open(argv[1], STORE_WRITE, &f.store), argv[1]);
	must(store_run_new(f.store, large ? "1a26e000" : "f10f10f1", &f.run), "run");
	if (large)
		large_run(&f, large);
	else
		small_run(&f);
	store_close(f.store);
	return 0;
}
