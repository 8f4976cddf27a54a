/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forkstorm N PAR [CPU_US]: N times fork + exec of itself, PAR at a time; each
 * child burns CPU_US (1000) of CPU and exits with i % 7. Prints one wait4 line a
 * process, at the end, so that printing does not disturb.
 * forkstorm burn CPU_US CODE: the child.
 */
#include "tests/workload/truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct end {
	pid_t pid;
	int status;
	struct rusage usage;
};

static int burn(char **argv)
{
	burn_ns((uint64_t)number(argv[2], 0, 1000000000) * 1000);
	return (int)number(argv[3], 0, 255);
}

static void start(const char *self, long i, const char *cpu_us)
{
	char code[16];
	pid_t pid;

	snprintf(code, sizeof(code), "%ld", i % 7);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid > 0)
		return;
	execl(self, "forkstorm", "burn", cpu_us, code, NULL);
	die("exec");
}

static void storm(const char *cpu_us, long n, long parallel, struct end *ends)
{
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	long started = 0;

	if (len < 0)
		die("/proc/self/exe");
	self[len] = 0;
	for (long done = 0; done < n; done++) {
		while (started < n && started - done < parallel)
			start(self, started++, cpu_us);
		ends[done].pid = wait4(-1, &ends[done].status, 0, &ends[done].usage);
		if (ends[done].pid < 0)
			die("wait4");
	}
}

int main(int argc, char **argv)
{
	struct end *ends;
	uint64_t begin;
	long n;

	if (argc == 4 && !strcmp(argv[1], "burn"))
		return burn(argv);
	if (argc < 3 || argc > 4)
		die("usage: forkstorm N PAR [CPU_US]");
	n = number(argv[1], 1, 10000000);
	ends = calloc(n, sizeof(*ends));
	if (!ends)
		die("calloc");
	begin = monotonic_ns();
	storm(argc == 4 ? argv[3] : "1000", n, number(argv[2], 1, 1000), ends);
	truth("{\"kind\":\"storm\",\"processes\":%ld,\"wall_ns\":%llu,\"pid\":%d}", n,
	      (unsigned long long)(monotonic_ns() - begin), getpid());
	if (!getenv("QUIET"))
		for (long i = 0; i < n; i++)
			truth_wait4(ends[i].pid, ends[i].status, &ends[i].usage);
	free(ends);
	return 0;
}
