/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waits KIND MS [KIND MS]...: blocks in known ways and prints, for this process,
 * how long it waited in each state of the ledger. `waits list` names the kinds.
 * The truth is CLOCK_MONOTONIC around the wait, less this thread's own CPU time
 * and less its time on a run queue, both as the kernel tells the program.
 */
#include "tests/workload/waits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/workload/truth.h"

struct kind {
	const char *name, *state;
	uint64_t (*wait)(uint64_t ms);
};

static const struct kind kinds[] = {
	{ "sleep", "sleep", wait_sleep },
	{ "sigsuspend", "sleep", wait_sigsuspend },
	{ "poll_timer", "poll", wait_poll_timer },
	{ "poll_pipe", "poll", wait_poll_pipe },
	{ "poll_eventfd", "poll", wait_poll_eventfd },
	{ "epoll", "poll", wait_epoll },
	{ "select", "poll", wait_select },
	{ "poll_socket", "net", wait_poll_socket },
	{ "epoll_socket", "net", wait_epoll_socket },
	{ "epoll_unix", "poll", wait_epoll_unix },
	{ "tcp_recv", "net", wait_tcp_recv },
	{ "tcp_accept", "net", wait_tcp_accept },
	{ "tcp_connect", "net", wait_tcp_connect },
	{ "unix_recv", "net", wait_unix_recv },
	{ "unix_send", "net", wait_unix_send },
	{ "pipe_read", "pipe", wait_pipe_read },
	{ "pipe_write", "pipe", wait_pipe_write },
	{ "fifo_open", "pipe", wait_fifo_open },
	{ "futex", "lock", wait_futex },
	{ "flock", "lock", wait_flock },
	{ "child", "child", wait_child },
	{ "vfork", "child", wait_vfork },
	{ "stop", "stopped", wait_stop },
	{ "runq", "runq", wait_runq },
	{ "disk", "disk", wait_disk },
};

struct interval interval_begin(void)
{
	struct interval now;

	now.delay_ns = run_delay_ns();
	now.cpu_ns = thread_cpu_ns();
	now.wall_ns = monotonic_ns();
	return now;
}

uint64_t interval_end(struct interval begin)
{
	uint64_t wall = monotonic_ns() - begin.wall_ns;
	uint64_t busy = thread_cpu_ns() - begin.cpu_ns + run_delay_ns() - begin.delay_ns;

	return wall > busy ? wall - busy : 0;
}

void note_wait(const char *what, const char *state, uint64_t ns)
{
	truth("{\"kind\":\"wait\",\"pid\":%d,\"wait\":\"%s\",\"state\":\"%s\",\"ns\":%llu}",
	      getpid(), what, state, (unsigned long long)ns);
}

void reap_helper(pid_t pid)
{
	struct interval begin = interval_begin();

	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid");
	note_wait("helper", "child", interval_end(begin));
}

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	errno = EINVAL;
	die(name);
}

static int list(void)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		printf("%s %s\n", kinds[i].name, kinds[i].state);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t begin = monotonic_ns();

	if (argc == 2 && !strcmp(argv[1], "list"))
		return list();
	for (int i = 1; i + 1 < argc; i += 2) {
		const struct kind *kind = find_kind(argv[i]);

		note_wait(kind->name, kind->state, kind->wait(number(argv[i + 1], 1, 60000)));
	}
	truth("{\"kind\":\"process\",\"pid\":%d,\"exit_code\":0,\"cpu_ns\":%llu,"
	      "\"run_delay_ns\":%llu,\"wall_ns\":%llu}",
	      getpid(), (unsigned long long)process_cpu_ns(), (unsigned long long)run_delay_ns(),
	      (unsigned long long)(monotonic_ns() - begin));
	return 0;
}
