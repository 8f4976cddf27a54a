/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What storing a process costs: one process row and one exec row of typical size
 * for each of N processes, a commit every 1000, the checkpoints and the close
 * included. Prints CPU time and peak memory. usage: store_bench DIR [N]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/store/store.h"

#define START_NS 1700000000000000000ULL

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long peak_rss_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void fill_ledger(struct wire_ledger *l, uint64_t i)
{
	memset(l, 0, sizeof(*l));
	l->state_ns[LEDGER_CPU] = 1000000 + i * 37;
	l->state_ns[LEDGER_RUNQ] = 20000 + i * 11;
	l->state_ns[LEDGER_DISK] = i % 3 * 4000;
	l->state_ns[LEDGER_PIPE] = i % 5 * 7000;
	l->thread_ns = l->state_ns[LEDGER_CPU] + l->state_ns[LEDGER_RUNQ] +
		       l->state_ns[LEDGER_DISK] + l->state_ns[LEDGER_PIPE];
	l->utime_ns = 4000000;
	l->minor_faults = 110 + i % 17;
	l->switches_voluntary = 3;
	l->switches_involuntary = 1;
	l->rchar_bytes = 3200;
	l->wchar_bytes = 120;
	l->read_calls = 7;
	l->write_calls = 2;
}

static int put_one(struct store *s, int64_t run, uint64_t i)
{
	char argv[101];
	struct process_row p = {
		.id = run << 32 | (int64_t)i,
		.parent = run << 32 | 1,
		.run_id = run,
		.pid = (uint32_t)(i % 32768),
		.ppid = 4711,
		.uid = 1000,
		.gid = 1000,
		.start_ns = START_NS + i * 20000,
		.end_ns = START_NS + i * 20000 + 1100000,
		.start_boot_ns = 77000000000ULL + i * 20000,
		.complete = true,
		.execs = 1,
		.threads_peak = 1,
		.threads_total = 1,
		.peak_rss_bytes = 1728512,
		.program_peak_rss_bytes = 1728512,
		.cgroup_id = 5121,
		.lib_opens = 3,
		.comm = "samtools",
	};
	struct exec_row e = {
		.process = p.id,
		.n = 1,
		.time_ns = p.start_ns + 90000,
		.comm = "samtools",
		.file = "/usr/bin/samtools",
		.exe = "/usr/lib/samtools/bin/samtools",
		.cwd = "/home/user/projects/variant-calling/work/a1/b2c3d4e5f60718293",
		.argv = { argv, sizeof(argv) },
		.argv_len = sizeof(argv),
		.cgroup_id = 5121,
		.pid_ns = 4026531836U,
		.mnt_ns = 4026531841U,
		.user_ns = 4026531837U,
		.uts_ns = 4026531838U,
		.nspid = p.pid,
		.maxrss_bytes = 900000,
	};
	int r;

	memset(argv, 'a' + (int)(i % 26), sizeof(argv));
	argv[8] = argv[13] = argv[sizeof(argv) - 1] = '\0';
	fill_ledger(&p.ledger, i);
	fill_ledger(&e.before, i % 100);
	r = store_put_exec(s, &e);
	return r < 0 ? r : store_put_process(s, &p);
}

static int write_all(struct store *s, uint64_t n)
{
	int64_t run;
	int r = store_run_new(s, "benchmrk", &run);

	for (uint64_t i = 2; r == 0 && i < n + 2; i++) {
		uint64_t lost;

		r = put_one(s, run, i);
		if (r == 0 && i % 1000 == 0)
			r = store_commit(s, &lost);
	}
	return r;
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 50000;
	char path[4096];
	struct store *s;
	struct stat st;
	double before;
	long rss;
	int r;

	if (argc < 2 || n == 0) {
		fprintf(stderr, "usage: store_bench DIR [N]\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/store_bench.db", argv[1]);
	unlink(path);
	rss = peak_rss_kib();
	before = cpu_seconds();
	r = store_open(path, STORE_WRITE, &s);
	if (r == 0) {
		r = write_all(s, n);
		store_close(s);
	}
	if (r < 0) {
		fprintf(stderr, "store_bench: %s: %s\n", path, store_strerror(r));
		return 1;
	}
	printf("%.2f us of CPU a process (%llu processes, %.3f s), %ld KiB more memory at peak",
	       (cpu_seconds() - before) / (double)n * 1e6, (unsigned long long)n,
	       cpu_seconds() - before, peak_rss_kib() - rss);
	printf(", %lld bytes a process on disk\n",
	       stat(path, &st) == 0 ? (long long)st.st_size / (long long)n : -1);
	unlink(path);
	return 0;
}
