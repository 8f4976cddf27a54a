/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a small database with three runs, through the store's own interface: a
 * failed Snakemake run with everything that readers must show well (a fork
 * without exec, a process still alive, a signal, an OOM kill, names with control
 * characters and invalid UTF-8, losses), a run whose last program fails, and a
 * perfect run without tasks. With `--many N`, a run of N processes instead. All
 * numbers are made up but balanced.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/store.h"

#define S   1000000000ULL
#define MS  1000000ULL
#define MIB (1024ULL * 1024)
#define T0  (1763900000ULL * S)
#define B0  (5000ULL * S) /* boot time of T0 */

#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static const uint64_t all_features =
	FEATURE_NET_BYTES | FEATURE_FILES | FEATURE_RECLAIM | FEATURE_OOM | FEATURE_IO_BYTES |
	FEATURE_RUNQ | FEATURE_SIGNALS | FEATURE_CPU_EXACT | FEATURE_WAIT_CLASS | FEATURE_ENV;

static void must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "fixture: %s: %s\n", what, store_strerror(r));
		exit(1);
	}
}

/* The wait that dominates, the rest on a CPU and in the run queue. */
static struct wire_ledger ledger(uint64_t cpu_ms, enum ledger_state state, uint64_t wait_ms)
{
	struct wire_ledger l = { 0 };

	l.state_ns[LEDGER_CPU] = cpu_ms * MS + 137;
	l.state_ns[LEDGER_RUNQ] = cpu_ms * MS / 8;
	l.state_ns[state] += wait_ms * MS;
	for (unsigned i = 0; i < LEDGER_STATES; i++)
		l.thread_ns += l.state_ns[i];
	l.utime_ns = cpu_ms * MS * 3;
	l.stime_ns = cpu_ms * MS;
	l.minor_faults = cpu_ms;
	l.major_faults = wait_ms / 100;
	l.switches_voluntary = wait_ms;
	l.switches_involuntary = cpu_ms / 10;
	l.read_bytes = cpu_ms * 4096;
	l.write_bytes = cpu_ms * 2048;
	l.rchar_bytes = cpu_ms * 8192;
	l.wchar_bytes = cpu_ms * 2048;
	return l;
}

static void add(struct wire_ledger *to, const struct wire_ledger *l)
{
	uint64_t *a = (uint64_t *)to;
	const uint64_t *b = (const uint64_t *)l;

	for (size_t i = 0; i < sizeof(*l) / sizeof(*b); i++)
		a[i] += b[i];
}

struct fixture {
	struct store *store;
	int64_t run;
	struct wire_ledger total;
	uint64_t processes, execs, peak;
};

struct job { /* one task with one tool, run by a shell */
	const char *name, *key, *sample, *tool;
	struct bytes argv;
	uint64_t start_ms, cpu_ms;
	enum ledger_state state;
	uint64_t wait_ms, peak_bytes;
	int exit_code, signal;
	bool oom;
	uint64_t rx_bytes;
};

static const struct job jobs[] = {
	{ "bwa_map", "bwa_map:sample=A", "A", "bwa mem", BYTES("bwa\0mem\0-t\0002\0ref.fa\0A.fq"),
	  1000, 9000, LEDGER_DISK, 2500, 310 * MIB, 0, 0, false, 0 },
	{ "bwa_map", "bwa_map:sample=B", "B", "bwa mem", BYTES("bwa\0mem\0-t\0002\0ref.fa\0B.fq"),
	  1500, 8000, LEDGER_DISK, 900, 305 * MIB, 0, 0, false, 0 },
	{ "sort", "sort:sample=A", "A", "samtools sort",
	  BYTES("samtools\0sort\0-o\0A sorted.bam\0-"), 11000, 3000, LEDGER_PIPE, 4200, 96 * MIB, 0,
	  0, false, 0 },
	{ "sort", "sort:sample=B", "B", "samtools sort",
	  BYTES("samtools\0sort\0-o\0caf\xe9\x1b[31m.bam\0-"), 12000, 2800, LEDGER_LOCK, 3100,
	  1536 * MIB, -1, 9, true, 0 },
	{ "fetch", "fetch:db", NULL, "curl", BYTES("curl\0-O\0https://example.org/db.gz"), 0, 120,
	  LEDGER_NET, 6400, 9 * MIB, 0, 0, false, 52428800 },
	{ "call", "call:region=chr22", NULL, "bcftools call", BYTES("bcftools\0call\0-mv\0in.bcf"),
	  19000, 700, LEDGER_SLEEP, 10, 22 * MIB, 255, 0, false, 0 },
};

#define N_JOBS (sizeof(jobs) / sizeof(jobs[0]))

static struct process_row process_base(struct fixture *f, int64_t parent, uint64_t start_ms)
{
	uint64_t n = ++f->processes;

	return (struct process_row){
		.id = f->run << 32 | (int64_t)n,
		.parent = parent,
		.run_id = f->run,
		.pid = (uint32_t)(4000 + n),
		.ppid = parent ? (uint32_t)(4000 + (parent & 0xffffffff)) : 3999,
		.uid = 1000,
		.gid = 1000,
		.start_ns = T0 + start_ms * MS,
		.start_boot_ns = B0 + start_ms * MS + n,
		.exit_code = -1,
		.complete = true,
		.threads_peak = 1,
		.threads_total = 1,
	};
}

static void put_exec(struct fixture *f, const struct process_row *p, struct bytes argv,
		     int64_t tool)
{
	struct exec_row e = {
		.process = p->id,
		.n = 1,
		.tool = tool,
		.time_ns = p->start_ns + 100000,
		.comm = p->comm,
		.file = argv.data,
		.exe = strcmp(argv.data, "bash") ? "/usr/bin/tool" : "/usr/bin/bash",
		.cwd = "/data/run",
		.argv = argv,
		.argv_len = (uint32_t)argv.len,
	};

	f->execs++;
	must(store_put_exec(f->store, &e), "exec");
}

static void put_process(struct fixture *f, const struct process_row *p)
{
	add(&f->total, &p->ledger);
	if (p->peak_rss_bytes > f->peak)
		f->peak = p->peak_rss_bytes;
	must(store_put_process(f->store, p), "process");
}

static struct process_row put_shell(struct fixture *f, const struct job *j, int64_t task,
				    int64_t parent)
{
	struct process_row p = process_base(f, parent, j->start_ms);
	struct bytes argv = BYTES("bash\0-c\0set -euo pipefail; run it");

	p.task = task;
	p.comm = "bash";
	p.execs = 1;
	p.ledger = ledger(3, LEDGER_CHILD, j->cpu_ms + j->wait_ms);
	p.end_ns = p.start_ns + (j->cpu_ms + j->wait_ms + 20) * MS;
	p.exit_code = j->signal ? 128 + j->signal : j->exit_code;
	p.peak_rss_bytes = 4 * MIB; /* with the image of the engine that forked it */
	p.program_peak_rss_bytes = 3 * MIB;
	put_process(f, &p);
	put_exec(f, &p, argv, 0);
	return p;
}

static struct process_row put_tool_process(struct fixture *f, const struct job *j, int64_t task,
					   const struct process_row *shell)
{
	struct process_row p = process_base(f, shell->id, j->start_ms + 5);
	char comm[16];

	snprintf(comm, sizeof(comm), "%s", j->argv.data);
	p.task = task;
	p.tool = task;
	p.comm = comm;
	p.execs = 1;
	p.ledger = ledger(j->cpu_ms, j->state, j->wait_ms);
	p.ledger.net_rx_bytes = j->rx_bytes;
	p.end_ns = p.start_ns + (j->cpu_ms + j->wait_ms) * MS;
	p.exit_code = j->exit_code;
	p.signal = j->signal;
	p.oom_killed = j->oom;
	p.killer_pid = 0;
	p.threads_peak = 2;
	p.peak_rss_bytes = j->peak_bytes;
	put_process(f, &p);
	put_exec(f, &p, j->argv, task);
	return p;
}

/* Its input is missing; after that it looks for a translation of its message. */
static void put_failed_opens(struct fixture *f, const struct process_row *p)
{
	struct file_row missing = {
		.process = p->id,
		.path = "/data/run/in.bcf",
		.files = 1,
		.size_bytes = -1,
		.read_to_bytes = -1,
		.written_to_bytes = -1,
		.opens = 1,
		.failed = 1,
		.error = ENOENT,
		.first_ns = p->end_ns - 2 * MS,
		.last_ns = p->end_ns - 2 * MS,
	};
	struct file_row search = missing;

	must(store_put_file(f->store, &missing), "file");
	search.path = "/usr/share/locale/en/LC_MESSAGES/libc.mo";
	search.last_ns = p->end_ns - MS;
	must(store_put_file(f->store, &search), "file");
	search.path = "/usr/share/locale/en_US/LC_MESSAGES/libc.mo";
	must(store_put_file(f->store, &search), "file");
}

/* Written, removed, and written again by the next task: it is there at the end. */
static void put_again(struct fixture *f, const struct file_row *out, const struct job *j)
{
	struct file_row again = *out;

	again.path = "/data/run/again.txt";
	again.renamed_to = false;
	if (!strcmp(j->name, "fetch")) {
		again.access = 0;
		again.opens = 0;
		again.size_bytes = again.written_to_bytes = -1;
		again.unlinked = true;
		again.first_ns = again.last_ns = out->first_ns;
	} else if (strcmp(j->name, "call") != 0) {
		return;
	}
	must(store_put_file(f->store, &again), "file");
}

static void put_files(struct fixture *f, const struct process_row *p, const struct job *j)
{
	struct file_row in = {
		.process = p->id,
		.path = "/data/ref.fa",
		.inode = 77,
		.files = 1,
		.read_to_bytes = 1000000,
		.written_to_bytes = -1,
		.opens = 2,
		.access = WIRE_OPEN_READ,
		.first_ns = p->start_ns,
		.last_ns = p->end_ns,
		.size_bytes = 1000000,
	};
	struct file_row out = in;
	char path[64];

	snprintf(path, sizeof(path), "/data/run/%s%s.out", j->name, j->sample ? j->sample : "");
	out.path = path;
	out.inode = 1000 + p->pid;
	out.opens = 1;
	out.read_to_bytes = -1;
	out.written_to_bytes = j->cpu_ms * 2048;
	out.access = WIRE_OPEN_WRITE | WIRE_OPEN_CREATED;
	out.renamed_to = j->exit_code == 0;
	out.size_bytes = j->cpu_ms * 2048;
	must(store_put_file(f->store, &in), "file");
	must(store_put_file(f->store, &out), "file");
	put_again(f, &out, j);
	if (j->exit_code == 255)
		put_failed_opens(f, p);
}

#define RUN_SCOPE 1000 /* the engine's; a task's has the number of its job + 1000 */

static void put_scope(struct fixture *f, int64_t id, const struct task_row *task)
{
	const struct scope_row s = {
		.id = id,
		.run_id = f->run,
		.parent = task ? RUN_SCOPE : 0,
		.task = task ? task->id : 0,
		.kind = task ? SCOPE_TASK : SCOPE_RUN,
		.key = task ? task->key : NULL,
		.engine = task ? NULL : "snakemake",
		.pipeline = task ? NULL : "variants",
		.rule = task ? task->rule : "snakemake.head",
		.evidence = task ? NULL : "rule snakemake.head: snakemake -c 4",
		.confidence = 95,
		.status = task ? TASK_STATUS_RUNNING : TASK_STATUS_FAILED,
		.exit_code = task ? -1 : 1,
		.start_ns = task ? task->start_ns : T0,
		.end_ns = task ? 0 : T0 + 21 * S,
		.root_process = task ? task->root_process : f->run << 32 | 1,
		.fields = task ? "{\"cpus\":\"2\"}" : NULL,
	};

	must(store_put_scope(f->store, &s), "scope");
}

static void put_job(struct fixture *f, const struct job *j, int64_t id, int64_t parent)
{
	struct process_row shell = put_shell(f, j, id, parent), tool;
	struct task_row t = {
		.id = id,
		.run_id = f->run,
		.name = j->name,
		.key = j->key,
		.sample = j->sample,
		.rule = "snakemake.job",
		.evidence = "child of snakemake: bash -c \"set -euo pipefail; run it\"",
		.attempt = 1,
		.confidence = 95,
		.status = j->oom	    ? TASK_STATUS_OOM
			  : shell.exit_code ? TASK_STATUS_FAILED
					    : TASK_STATUS_SUCCEEDED,
		.exit_code = shell.exit_code,
		.start_ns = shell.start_ns,
		.end_ns = shell.end_ns,
		.requested_cpus = 2,
		.cpus_source = "argv",
		.scope = RUN_SCOPE + id,
		.of_run = RUN_SCOPE,
		.root_process = shell.id,
		.processes = 2,
		.peak_rss_bytes = j->peak_bytes,
		.busy_ns = shell.end_ns - shell.start_ns,
	};
	struct tool_row row = {
		.id = id,
		.run_id = f->run,
		.task = id,
		.name = j->tool,
		.path = "/usr/bin/tool",
		.processes = 1,
		.failed = j->exit_code != 0,
		.peak_rss_bytes = j->peak_bytes,
	};

	tool = put_tool_process(f, j, id, &shell);
	t.ledger = shell.ledger;
	add(&t.ledger, &tool.ledger);
	row.ledger = tool.ledger;
	row.start_ns = tool.start_ns;
	row.end_ns = tool.end_ns;
	must(store_put_task(f->store, &t), "task");
	put_scope(f, t.scope, &t);
	must(store_put_tool(f->store, &row), "tool");
	put_files(f, &tool, j);
}

static struct run_row run_base(struct fixture *f, const char *uid)
{
	must(store_run_new(f->store, uid, &f->run), "run");
	return (struct run_row){
		.id = f->run,
		.uid = uid,
		.cwd = "/data/run",
		.user = "ada",
		.user_id = 1000,
		.start_ns = T0,
		.features = all_features,
		.collector = COLLECTOR_EBPF,
		.boot_id = "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
		.hostname = "node7",
		.kernel = "6.1.0",
		.arch = "x86_64",
		.cpus = 4,
		.memory_bytes = 8192 * MIB,
		.command_cpu_ns = 23 * S,
		.collector_cpu_ns = 12 * MS,
		.collector_start_ns = 9 * MS,
		.recorder_cpu_ns = 31 * MS,
		.exit_code = -1,
	};
}

static void end_run(struct fixture *f, struct run_row *run)
{
	uint64_t lost;

	run->processes = f->processes;
	run->execs = f->execs;
	run->peak_rss_bytes = f->peak;
	run->ledger = f->total;
	must(store_put_run(f->store, run), "run");
	must(store_commit(f->store, &lost), "commit");
}

static void pipeline_run(struct store *s)
{
	struct fixture f = { .store = s };
	struct run_row run = run_base(&f, "1a2b3c4d");
	struct bytes argv = BYTES("snakemake\0-c\0004");
	struct process_row engine = process_base(&f, 0, 0), fork, alive;

	run.name = "variants";
	run.pipeline = "variants";
	run.engine = "snakemake";
	run.argv = argv;
	run.labels = "{\"project\":\"demo\"}";
	run.status = RUN_FAILED;
	run.exit_code = 1;
	run.end_ns = T0 + 21 * S;
	run.completeness =
		(struct completeness){ .processes_lost = 1, .still_running = 1, .files_folded = 2 };
	run.completeness.lost[LOSS_FILE] = 3;
	run.notes = "[\"the recorder was stopped for 2.0 s\"]";

	must(store_put_run(s, &run), "run");
	engine.comm = "snakemake";
	engine.execs = 1;
	engine.ledger = ledger(1900, LEDGER_CHILD, 19000);
	engine.end_ns = run.end_ns;
	engine.exit_code = 1;
	engine.peak_rss_bytes = 64 * MIB;
	engine.threads_peak = 5;
	put_process(&f, &engine);
	put_exec(&f, &engine, argv, 0);
	put_scope(&f, RUN_SCOPE, NULL);
	for (size_t i = 0; i < N_JOBS; i++)
		put_job(&f, &jobs[i], f.run << 32 | (int64_t)(i + 1), engine.id);

	fork = process_base(&f, engine.id, 300);
	fork.comm = "snake\tmake";
	fork.end_ns = fork.start_ns + 3 * MS;
	fork.exit_code = 0;
	fork.ledger = ledger(1, LEDGER_LOCK, 2);
	put_process(&f, &fork);
	alive = process_base(&f, engine.id, 400);
	alive.comm = "daemon";
	alive.complete = false;
	alive.ledger = ledger(5, LEDGER_POLL, 20000);
	put_process(&f, &alive);
	end_run(&f, &run);
}

static void plain_run(struct store *s)
{
	struct fixture f = { .store = s };
	struct run_row run = run_base(&f, "1a2bffff");
	struct bytes argv = BYTES("sha256sum\0big.iso");
	struct process_row p = process_base(&f, 0, 60000);
	struct tool_row tool;

	run.name = "sha256sum";
	run.argv = argv;
	run.status = RUN_SUCCEEDED;
	run.exit_code = 0;
	run.start_ns = T0 + 60 * S;
	run.end_ns = T0 + 64 * S;
	run.features &= ~(uint64_t)FEATURE_NET_BYTES;
	must(store_put_run(s, &run), "run");
	p.comm = "sha256sum";
	p.execs = 1;
	p.ledger = ledger(3000, LEDGER_DISK, 600);
	p.end_ns = run.end_ns;
	p.exit_code = 0;
	p.tool = f.run << 32 | 1;
	tool = (struct tool_row){
		.id = p.tool,
		.run_id = f.run,
		.name = "sha256sum",
		.path = "/usr/bin/sha256sum",
		.processes = 1,
		.start_ns = p.start_ns,
		.end_ns = p.end_ns,
		.ledger = p.ledger,
	};
	must(store_put_tool(s, &tool), "tool");
	put_process(&f, &p);
	put_exec(&f, &p, argv, p.tool);
	end_run(&f, &run);
}

/* bash -c 'grep x y; ls /none': bash becomes ls, after grep has failed. */
static void failed_run(struct store *s)
{
	struct fixture f = { .store = s };
	struct run_row run = run_base(&f, "3c3c3c3c");
	struct bytes ls = BYTES("ls\0/none"), grep = BYTES("grep\0x\0y");
	struct process_row root = process_base(&f, 0, 90000), child;
	struct exec_row e = { .n = 2, .comm = "ls", .file = "ls", .exe = "/usr/bin/ls" };

	run.name = "bash";
	run.argv = ls;
	run.status = RUN_FAILED;
	run.exit_code = 2;
	run.start_ns = T0 + 90 * S;
	run.end_ns = T0 + 91 * S;
	must(store_put_run(s, &run), "run");
	root.comm = "ls";
	root.execs = 2;
	root.end_ns = run.end_ns;
	root.exit_code = 2;
	root.ledger = ledger(4, LEDGER_CHILD, 5);
	put_process(&f, &root);
	child = process_base(&f, root.id, 90010);
	child.comm = "grep";
	child.execs = 1;
	child.end_ns = child.start_ns + 100 * MS;
	child.exit_code = 1;
	child.ledger = ledger(2, LEDGER_DISK, 1);
	put_process(&f, &child);
	put_exec(&f, &child, grep, 0);
	e.process = root.id;
	e.argv = ls;
	e.argv_len = (uint32_t)ls.len;
	e.time_ns = child.end_ns + MS;
	must(store_put_exec(s, &e), "exec");
	end_run(&f, &run);
}

static void many_run(struct store *s, unsigned long n)
{
	struct fixture f = { .store = s };
	struct run_row run = run_base(&f, "77777777");
	struct bytes argv = BYTES("true\0--with\0some arguments\0of-usual-length.txt");

	run.name = "many";
	run.end_ns = T0 + 100 * S;
	must(store_put_run(s, &run), "run");
	for (unsigned long i = 0; i < n; i++) {
		struct process_row p = process_base(&f, i ? (f.run << 32) + 1 : 0, i);

		p.comm = "true";
		p.execs = 1;
		p.end_ns = p.start_ns + MS;
		p.exit_code = (int)(i % 7);
		p.ledger = ledger(1, LEDGER_PIPE, 1);
		put_process(&f, &p);
		put_exec(&f, &p, argv, 0);
	}
	end_run(&f, &run);
}

static void unobserved_run(struct store *s)
{
	struct fixture f = { .store = s };
	struct run_row run = run_base(&f, "4d4d4d4d");

	run.name = "true";
	run.argv = (struct bytes)BYTES("true");
	run.start_ns = T0 - 60 * S;
	run.end_ns = run.start_ns + 2 * S;
	run.status = RUN_SUCCEEDED;
	run.exit_code = 0;
	run.collector = COLLECTOR_NONE;
	run.features = 0;
	run.command_cpu_ns = S;
	run.collector_cpu_ns = run.collector_start_ns = 0;
	run.notes = "[\"the kernel refuses the BPF programs\"]";
	must(store_put_run(s, &run), "run");
	must(store_commit(s, &(uint64_t){ 0 }), "commit");
}

int main(int argc, char **argv)
{
	struct store *s;

	if (argc != 2 && !(argc == 4 && !strcmp(argv[2], "--many"))) {
		fprintf(stderr, "usage: fixture DATABASE [--many N]\n");
		return 2;
	}
	must(store_open(argv[1], STORE_WRITE, &s), argv[1]);
	if (argc == 4) {
		many_run(s, strtoul(argv[3], NULL, 10));
	} else {
		unobserved_run(s);
		pipeline_run(s);
		failed_run(s);
		plain_run(s);
	}
	store_close(s);
	return 0;
}
