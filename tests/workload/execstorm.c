/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execstorm N: posix_spawn of the empty program beside it, N times, one at a
 * time: the highest rate of processes that one thread can make. Prints how many
 * and the CPU that wait4 charged them with.
 */
#include "tests/workload/truth.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void program_beside(char *out, size_t size)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		die("/proc/self/exe");
	self[len] = 0;
	if (snprintf(out, size, "%s/empty", dirname(self)) >= (int)size)
		die("path of empty");
}

static uint64_t run_one(const char *program)
{
	char *const argv[] = { (char *)"empty", NULL };
	char *const envp[] = { NULL };
	struct rusage usage;
	int status;
	pid_t pid;

	errno = posix_spawn(&pid, program, NULL, NULL, argv, envp);
	if (errno)
		die(program);
	if (wait4(pid, &status, 0, &usage) != pid || status)
		die("wait4");
	return ((uint64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

int main(int argc, char **argv)
{
	long n = number(argc == 2 ? argv[1] : NULL, 1, 100000000);
	uint64_t begin, cpu_us = 0;
	char program[PATH_MAX];

	program_beside(program, sizeof(program));
	begin = monotonic_ns();
	for (long i = 0; i < n; i++)
		cpu_us += run_one(program);
	truth("{\"kind\":\"storm\",\"processes\":%ld,\"cpu_us\":%llu,\"wall_ns\":%llu,\"pid\":%d}",
	      n, (unsigned long long)cpu_us, (unsigned long long)(monotonic_ns() - begin),
	      getpid());
	return 0;
}
