/* SPDX-License-Identifier: Apache-2.0 */
/* Waits on everything but sockets. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/workload/truth.h"
#include "tests/workload/waits.h"

#define DISK_BLOCK (1024 * 1024)

static void write_byte(void *ctx)
{
	if (write(*(int *)ctx, "12345678", 8) != 8)
		die("write");
}

static void nothing(void *ctx)
{
	(void)ctx;
}

uint64_t wait_sleep(uint64_t ms)
{
	struct interval begin = interval_begin();

	sleep_ns(ms * NS_PER_MS);
	return interval_end(begin);
}

static void on_alarm(int number_of_signal)
{
	(void)number_of_signal;
}

uint64_t wait_sigsuspend(uint64_t ms)
{
	struct itimerval timer = { .it_value = { .tv_sec = ms / 1000,
						 .tv_usec = ms % 1000 * 1000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	struct interval begin;
	sigset_t block, none;

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	if (sigprocmask(SIG_BLOCK, &block, NULL) || sigaction(SIGALRM, &action, NULL) ||
	    setitimer(ITIMER_REAL, &timer, NULL))
		die("setitimer");
	begin = interval_begin();
	sigsuspend(&none);
	return interval_end(begin);
}

uint64_t wait_poll_timer(uint64_t ms)
{
	struct interval begin = interval_begin();

	poll(NULL, 0, (int)ms);
	return interval_end(begin);
}

static uint64_t poll_one(int read_end, int write_end, uint64_t ms)
{
	struct pollfd fd = { .fd = read_end, .events = POLLIN };
	pid_t pid = helper(ms * NS_PER_MS, write_byte, &write_end);
	struct interval begin = interval_begin();
	uint64_t ns;

	if (poll(&fd, 1, -1) != 1)
		die("poll");
	ns = interval_end(begin);
	reap_helper(pid);
	return ns;
}

static void make_pipe(int *ends)
{
	if (pipe2(ends, O_CLOEXEC))
		die("pipe");
}

static void close_pipe(int *ends)
{
	close(ends[0]);
	close(ends[1]);
}

uint64_t wait_poll_pipe(uint64_t ms)
{
	uint64_t ns;
	int ends[2];

	make_pipe(ends);
	ns = poll_one(ends[0], ends[1], ms);
	close_pipe(ends);
	return ns;
}

uint64_t wait_poll_eventfd(uint64_t ms)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t ns = poll_one(fd, fd, ms);

	close(fd);
	return ns;
}

uint64_t wait_epoll(uint64_t ms)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC), ends[2];
	struct interval begin;
	uint64_t ns;
	pid_t pid;

	make_pipe(ends);
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &event))
		die("epoll_ctl");
	pid = helper(ms * NS_PER_MS, write_byte, &ends[1]);
	begin = interval_begin();
	if (epoll_wait(ep, &event, 1, -1) != 1)
		die("epoll_wait");
	ns = interval_end(begin);
	reap_helper(pid);
	close_pipe(ends);
	close(ep);
	return ns;
}

uint64_t wait_select(uint64_t ms)
{
	struct interval begin;
	uint64_t ns;
	int ends[2];
	fd_set set;
	pid_t pid;

	make_pipe(ends);
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	pid = helper(ms * NS_PER_MS, write_byte, &ends[1]);
	begin = interval_begin();
	if (select(ends[0] + 1, &set, NULL, NULL, NULL) != 1)
		die("select");
	ns = interval_end(begin);
	reap_helper(pid);
	close_pipe(ends);
	return ns;
}

uint64_t wait_pipe_read(uint64_t ms)
{
	struct interval begin;
	char data[8];
	uint64_t ns;
	int ends[2];
	pid_t pid;

	make_pipe(ends);
	pid = helper(ms * NS_PER_MS, write_byte, &ends[1]);
	begin = interval_begin();
	if (read(ends[0], data, sizeof(data)) != sizeof(data))
		die("read");
	ns = interval_end(begin);
	reap_helper(pid);
	close_pipe(ends);
	return ns;
}

static void empty_pipe(void *ctx)
{
	static char data[1024 * 1024];

	if (read(*(int *)ctx, data, sizeof(data)) <= 0)
		die("read");
}

uint64_t wait_pipe_write(uint64_t ms)
{
	static const char data[4096];
	struct interval begin;
	uint64_t ns;
	int ends[2];
	pid_t pid;

	make_pipe(ends);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	while (write(ends[1], data, sizeof(data)) > 0)
		;
	fcntl(ends[1], F_SETFL, 0);
	pid = helper(ms * NS_PER_MS, empty_pipe, &ends[0]);
	begin = interval_begin();
	if (write(ends[1], data, sizeof(data)) != sizeof(data))
		die("write");
	ns = interval_end(begin);
	reap_helper(pid);
	close_pipe(ends);
	return ns;
}

static void open_to_write(void *ctx)
{
	close(open(ctx, O_WRONLY | O_CLOEXEC));
}

uint64_t wait_fifo_open(uint64_t ms)
{
	char directory[] = "/tmp/waits-XXXXXX", path[64];
	struct interval begin;
	uint64_t ns;
	pid_t pid;
	int fd;

	if (!mkdtemp(directory))
		die("mkdtemp");
	snprintf(path, sizeof(path), "%s/fifo", directory);
	if (mkfifo(path, 0600))
		die("mkfifo");
	pid = helper(ms * NS_PER_MS, open_to_write, path);
	begin = interval_begin();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ns = interval_end(begin);
	reap_helper(pid);
	close(fd);
	unlink(path);
	rmdir(directory);
	return ns;
}

static void futex_wake(void *ctx)
{
	uint32_t *word = ctx;

	__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

uint64_t wait_futex(uint64_t ms)
{
	uint32_t *word =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct interval begin;
	uint64_t ns;
	pid_t pid;

	if (word == MAP_FAILED)
		die("mmap");
	pid = helper(ms * NS_PER_MS, futex_wake, word);
	begin = interval_begin();
	while (!__atomic_load_n(word, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
	ns = interval_end(begin);
	reap_helper(pid);
	munmap(word, 4096);
	return ns;
}

/* The helper takes the lock, says so through a pipe, and holds it for ms. */
uint64_t wait_flock(uint64_t ms)
{
	char path[] = "/tmp/waits-XXXXXX", byte;
	int fd = mkstemp(path), ends[2];
	struct interval begin;
	uint64_t ns;
	pid_t pid;

	if (fd < 0)
		die("mkstemp");
	make_pipe(ends);
	pid = fork();
	if (pid == 0) {
		int own = open(path, O_RDWR | O_CLOEXEC);

		if (own < 0 || flock(own, LOCK_EX) || write(ends[1], "x", 1) != 1)
			die("flock");
		sleep_ns(ms * NS_PER_MS);
		_exit(0);
	}
	begin = interval_begin();
	if (pid < 0 || read(ends[0], &byte, 1) != 1)
		die("helper");
	note_wait("ready", "pipe", interval_end(begin));
	begin = interval_begin();
	if (flock(fd, LOCK_EX))
		die("flock");
	ns = interval_end(begin);
	reap_helper(pid);
	close_pipe(ends);
	unlink(path);
	close(fd);
	return ns;
}

uint64_t wait_child(uint64_t ms)
{
	pid_t pid = helper(ms * NS_PER_MS, nothing, NULL);
	struct interval begin = interval_begin();

	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid");
	return interval_end(begin);
}

uint64_t wait_vfork(uint64_t ms)
{
	struct interval begin = interval_begin();
	uint64_t ns;
	pid_t pid = vfork();

	if (pid < 0)
		die("vfork");
	if (pid == 0) {
		struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

		syscall(SYS_nanosleep, &t, NULL);
		_exit(0);
	}
	ns = interval_end(begin);
	reap_helper(pid);
	return ns;
}

static void continue_parent(void *ctx)
{
	(void)ctx;
	kill(getppid(), SIGCONT);
}

uint64_t wait_stop(uint64_t ms)
{
	pid_t pid = helper(ms * NS_PER_MS, continue_parent, NULL);
	struct interval begin = interval_begin();
	uint64_t ns;

	raise(SIGSTOP);
	ns = interval_end(begin);
	reap_helper(pid);
	return ns;
}

/* Two spinners on one CPU: the truth is the kernel's own run delay of this thread. */
uint64_t wait_runq(uint64_t ms)
{
	uint64_t before;
	cpu_set_t all, one;
	pid_t pid;

	if (sched_getaffinity(0, sizeof(all), &all))
		die("sched_getaffinity");
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("sched_setaffinity");
	before = run_delay_ns();
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		burn_ns(ms * NS_PER_MS);
		_exit(0);
	}
	burn_ns(ms * NS_PER_MS);
	before = run_delay_ns() - before;
	reap_helper(pid);
	if (sched_setaffinity(0, sizeof(all), &all))
		die("sched_setaffinity");
	return before;
}

/* Direct reads, over and over, for about ms; $WAITS_FILE names a large file. */
uint64_t wait_disk(uint64_t ms)
{
	const char *path = getenv("WAITS_FILE");
	uint64_t end = monotonic_ns() + ms * NS_PER_MS, ns = 0;
	int fd = path ? open(path, O_RDONLY | O_DIRECT | O_CLOEXEC) : -1;
	void *block = NULL;
	off_t at = 0;

	if (fd < 0 || posix_memalign(&block, 4096, DISK_BLOCK))
		die("WAITS_FILE");
	while (monotonic_ns() < end) {
		struct interval begin = interval_begin();
		ssize_t n = pread(fd, block, DISK_BLOCK, at);

		ns += interval_end(begin);
		if (n < 0)
			die("pread");
		at = n < DISK_BLOCK ? 0 : at + n;
	}
	free(block);
	close(fd);
	return ns;
}
