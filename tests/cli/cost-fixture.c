/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a database for tests of `tracer cost`: two runs that share a rented host
 * (one with a failed attempt, a task whose clock went back, one of no time and one
 * that opened a GPU's device), and a run on a host without a price, with a job
 * around its tasks. `--many N M`: a run of N processes in M tasks instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/store.h"

#define S   1000000000ULL
#define MIN (60 * S)
#define GIB (1024ULL * 1024 * 1024)
#define T0  (1763899200ULL * S) /* 2025-11-23 12:00:00 UTC */

struct fixture {
	struct store *store;
	struct run_row run;
	int64_t tasks, processes;
};

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "cost-fixture: %s: %s\n", what, store_strerror(r));
		exit(1);
	}
}

static struct wire_ledger ledger(uint64_t cpu_ns, uint64_t bytes)
{
	struct wire_ledger l = { .state_ns = {
					 [LEDGER_CPU] = cpu_ns, [LEDGER_PIPE] = cpu_ns / 3 } };

	l.thread_ns = cpu_ns + cpu_ns / 3;
	l.read_bytes = bytes;
	l.write_bytes = bytes / 2;
	l.net_tx_bytes = bytes / 4;
	return l;
}

static void add(struct wire_ledger *to, const struct wire_ledger *l)
{
	uint64_t *a = (uint64_t *)to;
	const uint64_t *b = (const uint64_t *)l;

	for (size_t i = 0; i < sizeof(*l) / sizeof(*b); i++)
		a[i] += b[i];
}

static void begin(struct fixture *f, const char *uid, const char *name, const char *host)
{
	f->run = (struct run_row){
		.uid = uid,
		.name = name,
		.hostname = host,
		.boot_id = "0c057000-0000-4000-8000-000000000000",
		.kernel = "6.1.0",
		.arch = "x86_64",
		.cwd = "/data/seq/run1",
		.cpus = 8,
		.memory_bytes = 16 * GIB,
		.features = FEATURE_IO_BYTES | FEATURE_NET_BYTES | FEATURE_CPU_EXACT,
		.collector = COLLECTOR_EBPF,
		.status = RUN_SUCCEEDED,
		.start_ns = T0,
	};
	must(store_run_new(f->store, uid, &f->run.id), "run");
	f->tasks = f->processes = 0;
	must(store_put_run(f->store, &f->run), "run");
}

static int64_t next_id(const struct fixture *f, int64_t *n)
{
	return f->run.id << 32 | ++*n;
}

struct work { /* a task of one tool, or what a run does outside */
	const char *name, *key, *tool, *container, *account;
	uint64_t start_min, end_min, cpu_min;
	uint32_t cpus, attempt;
	uint64_t memory_gib;
	enum task_status status;
	enum task_kind kind;
	int64_t parent;
	uint32_t uid;
	bool gpu;
};

static void put_process(struct fixture *f, const struct work *w, int64_t task, int64_t tool)
{
	struct process_row p = {
		.id = next_id(f, &f->processes),
		.run_id = f->run.id,
		.task = task,
		.tool = tool,
		.pid = (uint32_t)(1000 + f->processes),
		.ppid = 1,
		.uid = w->uid,
		.start_ns = T0 + w->start_min * MIN,
		.end_ns = T0 + w->end_min * MIN,
		.start_boot_ns = (w->start_min + 1) * MIN,
		.comm = w->tool,
		.container = w->container,
		.complete = true,
		.threads_peak = 1,
		.threads_total = 1,
		.peak_rss_bytes = w->memory_gib * GIB / 2,
		.ledger = ledger(w->cpu_min * MIN, w->cpu_min * 1000000),
	};
	struct file_row gpu = { .process = p.id, .path = "/dev/nvidia0", .opens = 1 };

	struct exec_row e = { .process = p.id, .n = 1, .time_ns = p.start_ns, .comm = w->tool };

	if (w->account)
		e.env = (struct bytes){ w->account, strlen(w->account) + 1 };
	must(store_put_process(f->store, &p), "process");
	must(store_put_exec(f->store, &e), "exec");
	if (w->gpu)
		must(store_put_file(f->store, &gpu), "file");
	add(&f->run.ledger, &p.ledger);
}

static int64_t put_work(struct fixture *f, const struct work *w)
{
	struct task_row t = {
		.run_id = f->run.id,
		.parent = w->parent,
		.name = w->name,
		.key = w->key,
		.kind = w->kind,
		.attempt = w->attempt ? w->attempt : 1,
		.confidence = 90,
		.status = w->status,
		.exit_code = w->status == TASK_STATUS_FAILED ? 1 : 0,
		.start_ns = T0 + w->start_min * MIN,
		.end_ns = T0 + w->end_min * MIN,
		.requested_cpus = w->cpus,
		.requested_memory_bytes = w->memory_gib * GIB,
		.processes = 1,
		.peak_rss_bytes = w->memory_gib * GIB / 2,
		.ledger = ledger(w->cpu_min * MIN, w->cpu_min * 1000000),
	};
	struct tool_row tool = { .id = next_id(f, &f->tasks),
				 .run_id = f->run.id,
				 .name = w->tool,
				 .processes = 1,
				 .start_ns = t.start_ns,
				 .end_ns = t.end_ns,
				 .peak_rss_bytes = t.peak_rss_bytes,
				 .ledger = t.ledger };

	if (w->name) {
		t.id = tool.task = next_id(f, &f->tasks);
		must(store_put_task(f->store, &t), "task");
	}
	if (!w->tool)
		return t.id;
	must(store_put_tool(f->store, &tool), "tool");
	put_process(f, w, t.id, tool.id);
	return t.id;
}

static void end(struct fixture *f, uint64_t end_min)
{
	f->run.end_ns = T0 + end_min * MIN;
	f->run.processes = (uint64_t)f->processes;
	must(store_put_run(f->store, &f->run), "run");
	must(store_commit(f->store, &(uint64_t){ 0 }), "commit");
}

static void rented_host(struct store *s)
{
	struct fixture f = { .store = s };
	static const struct work align[] = {
		{ .name = "index",
		  .key = "index",
		  .tool = "bwa index",
		  .end_min = 10,
		  .cpu_min = 10,
		  .cpus = 4,
		  .memory_gib = 4,
		  .status = TASK_STATUS_SUCCEEDED,
		  .uid = 1000 },
		{ .name = "align",
		  .key = "align:A",
		  .tool = "bwa mem",
		  .container = "bwa:0.7",
		  .start_min = 10,
		  .end_min = 20,
		  .cpu_min = 30,
		  .cpus = 4,
		  .memory_gib = 4,
		  .status = TASK_STATUS_FAILED,
		  .uid = 1000 },
		{ .name = "align",
		  .key = "align:A/2",
		  .tool = "bwa mem",
		  .container = "bwa:0.7",
		  .start_min = 21,
		  .end_min = 40,
		  .cpu_min = 60,
		  .cpus = 4,
		  .attempt = 2,
		  .memory_gib = 8,
		  .status = TASK_STATUS_SUCCEEDED,
		  .uid = 1000,
		  .gpu = true },
		{ .name = "step",
		  .key = "step:clock",
		  .tool = "sed",
		  .start_min = 30,
		  .end_min = 25,
		  .cpu_min = 1,
		  .status = TASK_STATUS_SUCCEEDED,
		  .uid = 1000 },
		{ .name = "step",
		  .key = "step:instant",
		  .tool = "true",
		  .start_min = 30,
		  .end_min = 30,
		  .status = TASK_STATUS_SUCCEEDED,
		  .uid = 4242 },
		{ .tool = "nextflow", .end_min = 40, .cpu_min = 2, .memory_gib = 1, .uid = 1000 },
	};
	static const struct work stats = { .tool = "Rscript",
					   .start_min = 20,
					   .end_min = 50,
					   .cpu_min = 30,
					   .memory_gib = 2,
					   .uid = 1001 };

	static const struct work later = {
		.tool = "gzip", .start_min = 52, .end_min = 58, .cpu_min = 6, .uid = 1001
	};

	begin(&f, "aaaaaaaa", "align", "ip-10-0-0-1");
	f.run.pipeline = "rnaseq";
	f.run.engine = "nextflow";
	f.run.user = "alice";
	f.run.user_id = 1000;
	f.run.labels = "{\"team\": \"seq\", \"account\": \"lab7\"}";
	f.run.collector_cpu_ns = f.run.recorder_cpu_ns = 5 * S;
	for (size_t i = 0; i < sizeof(align) / sizeof(align[0]); i++)
		put_work(&f, &align[i]);
	end(&f, 40);
	begin(&f, "bbbbbbbb", "stats", "ip-10-0-0-1");
	f.run.user = "bob";
	f.run.user_id = 1001;
	f.run.start_ns = T0 + 20 * MIN;
	put_work(&f, &stats);
	end(&f, 50);
	/* After both, but in the hour that they are billed for. */
	begin(&f, "dddddddd", "later", "ip-10-0-0-1");
	f.run.user = "bob";
	f.run.user_id = 1001;
	f.run.start_ns = T0 + 52 * MIN;
	put_work(&f, &later);
	end(&f, 58);
}

static void owned_host(struct store *s)
{
	struct fixture f = { .store = s };
	struct work job = { .name = "job",
			    .key = "job 17",
			    .end_min = 60,
			    .cpus = 8,
			    .memory_gib = 16,
			    .kind = TASK_ALLOCATION,
			    .status = TASK_STATUS_SUCCEEDED };
	struct work task = { .name = "sort",
			     .key = "sort:1",
			     .tool = "samtools sort",
			     .start_min = 10,
			     .end_min = 40,
			     .cpu_min = 60,
			     .cpus = 6,
			     .memory_gib = 4,
			     .status = TASK_STATUS_SUCCEEDED,
			     .uid = 1000,
			     .account = "SLURM_JOB_ACCOUNT=lab9" };

	begin(&f, "cccccccc", "sorting", "node9");
	f.run.user = "alice";
	f.run.user_id = 1000;
	task.parent = put_work(&f, &job);
	put_work(&f, &task);
	end(&f, 60);
}

static void many(struct store *s, uint64_t n, uint64_t m)
{
	struct fixture f = { .store = s };
	struct exec_row e = { .n = 1, .comm = "tool", .file = "tool", .exe = "/usr/bin/tool" };
	struct wire_ledger total = { 0 };

	begin(&f, "77777777", "many", "ip-10-0-0-1");
	for (uint64_t i = 0; i < m; i++) {
		char key[32];
		struct task_row t = { .run_id = f.run.id,
				      .name = "step",
				      .key = key,
				      .attempt = 1,
				      .requested_cpus = 1 + (uint32_t)(i % 4),
				      .requested_memory_bytes = GIB,
				      .confidence = 90,
				      .status = i % 9 ? TASK_STATUS_SUCCEEDED : TASK_STATUS_FAILED,
				      .start_ns = T0 + i * 36 * S,
				      .peak_rss_bytes = GIB / 2 };

		snprintf(key, sizeof(key), "step:%llu", (unsigned long long)i);
		t.end_ns = t.start_ns + 180 * S;
		t.id = next_id(&f, &f.tasks);
		t.processes = n / m;
		t.ledger = ledger(n / m * S / 10, 1000000);
		add(&total, &t.ledger);
		must(store_put_task(s, &t), "task");
	}
	for (uint64_t i = 0; i < n; i++) {
		uint64_t task = i % m;
		struct process_row p = { .id = next_id(&f, &f.processes),
					 .run_id = f.run.id,
					 .task = f.run.id << 32 | (int64_t)(task + 1),
					 .pid = (uint32_t)(1000 + i),
					 .uid = 1000,
					 .comm = i % 3 ? "tool" : "other",
					 .start_ns = T0 + task * 36 * S + i * 1000,
					 .start_boot_ns = (i + 1) * 1000,
					 .execs = 1,
					 .peak_rss_bytes = GIB / 8,
					 .complete = true,
					 .ledger = ledger(S / 10, 1000) };

		p.end_ns = p.start_ns + 2 * S;
		e.process = p.id;
		e.time_ns = p.start_ns;
		must(store_put_process(s, &p), "process");
		must(store_put_exec(s, &e), "exec");
	}
	f.run.ledger = total;
	end(&f, m * 36 / 60 + 10);
}

int main(int argc, char **argv)
{
	struct store *s;

	if (argc != 2 && !(argc == 5 && !strcmp(argv[2], "--many"))) {
		fprintf(stderr, "usage: cost-fixture DATABASE [--many PROCESSES TASKS]\n");
		return 2;
	}
	must(store_open(argv[1], STORE_WRITE, &s), argv[1]);
	if (argc == 5) {
		many(s, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	} else {
		rented_host(s);
		owned_host(s);
	}
	store_close(s);
	return 0;
}
