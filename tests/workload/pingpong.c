/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pingpong N: two processes on one CPU pass a byte to and fro N times through
 * pipes: two context switches a round trip, and hardly anything else.
 */
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/workload/truth.h"

static void pass(int in, int out, long n)
{
	char byte;

	for (long i = 0; i < n; i++)
		if (read(in, &byte, 1) != 1 || write(out, &byte, 1) != 1)
			die("pass the byte");
}

static void pin(void)
{
	cpu_set_t all, one;

	if (sched_getaffinity(0, sizeof(all), &all))
		die("sched_getaffinity");
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("sched_setaffinity");
}

int main(int argc, char **argv)
{
	long n = number(argc == 2 ? argv[1] : NULL, 1, 100000000);
	int there[2], back[2];
	uint64_t begin;
	pid_t pid;

	pin();
	if (pipe(there) || pipe(back))
		die("pipe");
	begin = monotonic_ns();
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		pass(there[0], back[1], n);
		_exit(0);
	}
	if (write(there[1], "x", 1) != 1)
		die("write");
	pass(back[0], there[1], n - 1);
	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid");
	truth("{\"kind\":\"pingpong\",\"pid\":%d,\"round_trips\":%ld,\"wall_ns\":%llu}", getpid(),
	      n, (unsigned long long)(monotonic_ns() - begin));
	return 0;
}
