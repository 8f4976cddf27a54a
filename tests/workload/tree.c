/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree daemon: a double fork; the grandchild outlives its parent and gets another.
 * tree chain: one process that runs env, nice, sh and true after each other.
 * tree fork_cpu MS: a fork that never runs another program and burns CPU.
 * tree killed SIGNAL: a child that a signal ends.
 * tree reuse N: N processes one after the other with the same pid (clone3 set_tid);
 * exit code 77 where that is not allowed.
 */
#include "tests/workload/truth.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED 77

static pid_t reap(pid_t pid)
{
	struct rusage usage;
	int status;

	if (wait4(pid, &status, 0, &usage) != pid)
		die("wait4");
	truth_wait4(pid, status, &usage);
	return pid;
}

static int daemonize(void)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child == 0) {
		pid_t middle = getpid();

		if (fork() > 0)
			_exit(6);
		while (getppid() == middle)
			sleep_ns(NS_PER_MS);
		burn_ns(20 * NS_PER_MS);
		truth("{\"kind\":\"daemon\",\"pid\":%d,\"forked_by\":%d,\"ppid_now\":%d}", getpid(),
		      middle, getppid());
		_exit(7);
	}
	reap(child);
	sleep_ns(200 * NS_PER_MS);
	return 0;
}

static int chain(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execlp("env", "env", "STEP=1", "nice", "-n", "1", "sh", "-c", "exec true", NULL);
		die("exec");
	}
	truth("{\"kind\":\"chain\",\"pid\":%d,\"programs\":[\"env\",\"nice\",\"sh\",\"true\"]}",
	      pid);
	reap(pid);
	return 0;
}

static int fork_cpu(long ms)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		burn_ns(ms * NS_PER_MS);
		_exit(9);
	}
	truth("{\"kind\":\"no_exec\",\"pid\":%d,\"forked_by\":%d}", pid, getpid());
	reap(pid);
	return 0;
}

static int killed(long number_of_signal)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		prctl(PR_SET_DUMPABLE, 0);
		raise((int)number_of_signal);
		_exit(0);
	}
	reap(pid);
	return 0;
}

static pid_t clone_with_pid(pid_t wanted)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = wanted ? (uint64_t)(uintptr_t)&wanted : 0,
		.set_tid_size = wanted ? 1 : 0,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static int reuse(long n)
{
	pid_t wanted = 0;

	for (long i = 0; i < n; i++) {
		pid_t pid = clone_with_pid(wanted);

		if (pid == 0) {
			burn_ns(NS_PER_MS);
			_exit((int)(i % 200));
		}
		if (pid < 0) {
			fprintf(stderr, "clone3 set_tid: %s\n", strerror(errno));
			return SKIPPED;
		}
		wanted = reap(pid);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "daemon"))
		return daemonize();
	if (!strcmp(what, "chain"))
		return chain();
	if (!strcmp(what, "fork_cpu") && argc == 3)
		return fork_cpu(number(argv[2], 0, 60000));
	if (!strcmp(what, "killed") && argc == 3)
		return killed(number(argv[2], 1, 64));
	if (!strcmp(what, "reuse") && argc == 3)
		return reuse(number(argv[2], 1, 100000));
	errno = EINVAL;
	die("usage: tree {daemon|chain|fork_cpu MS|killed SIGNAL|reuse N}");
}
