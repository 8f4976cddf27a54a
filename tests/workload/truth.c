/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/workload/truth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int truth_fd(void)
{
	const char *path = getenv("TRUTH");
	int fd;

	if (!path)
		return dup(STDOUT_FILENO);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		die(path);
	return fd;
}

void truth(const char *format, ...)
{
	char line[4096];
	va_list args;
	int n, fd;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n < 0 || n >= (int)sizeof(line) - 1)
		die("a line of truth is too long");
	line[n++] = '\n';
	fd = truth_fd();
	if (write(fd, line, n) != n)
		die("write the truth");
	close(fd);
}

static uint64_t timeval_us(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + t.tv_usec;
}

void truth_wait4(pid_t pid, int status, const struct rusage *usage)
{
	int exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	int signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	truth("{\"kind\":\"wait4\",\"pid\":%d,\"exit_code\":%d,\"signal\":%d,\"cpu_us\":%llu,"
	      "\"maxrss_bytes\":%llu,\"minflt\":%ld,\"majflt\":%ld,\"nvcsw\":%ld,\"nivcsw\":%ld}",
	      pid, exit_code, signal_number,
	      (unsigned long long)(timeval_us(usage->ru_utime) + timeval_us(usage->ru_stime)),
	      (unsigned long long)usage->ru_maxrss * 1024, usage->ru_minflt, usage->ru_majflt,
	      usage->ru_nvcsw, usage->ru_nivcsw);
}

void die(const char *what)
{
	fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
	_exit(120);
}

long number(const char *text, long low, long high)
{
	char *end = NULL;
	long value;

	errno = 0;
	value = text ? strtol(text, &end, 10) : 0;
	if (errno || !end || end == text || *end || value < low || value > high) {
		errno = EINVAL;
		die(text ? text : "number");
	}
	return value;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		die("clock_gettime");
	return (uint64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

uint64_t monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t thread_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t process_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t run_delay_ns(void)
{
	char text[128];
	char *delay;
	ssize_t n;
	int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = 0;
	delay = strchr(text, ' ');
	return delay ? strtoull(delay + 1, NULL, 10) : 0;
}

void burn_ns(uint64_t ns)
{
	uint64_t end = thread_cpu_ns() + ns;

	while (thread_cpu_ns() < end)
		;
}

void sleep_ns(uint64_t ns)
{
	struct timespec t = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

pid_t helper(uint64_t delay_ns, void (*act)(void *ctx), void *ctx)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	sleep_ns(delay_ns);
	act(ctx);
	_exit(0);
}
