/* SPDX-License-Identifier: Apache-2.0 */
/* Waits on sockets; the peer is a helper process that acts after a delay. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/workload/truth.h"
#include "tests/workload/waits.h"

static int listener(struct sockaddr_in *ret_address, int backlog)
{
	socklen_t len = sizeof(*ret_address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_address = (struct sockaddr_in){ .sin_family = AF_INET,
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)ret_address, len) || listen(fd, backlog) ||
	    getsockname(fd, (struct sockaddr *)ret_address, &len))
		die("listen on the loopback");
	return fd;
}

static void connect_to(void *ctx)
{
	const struct sockaddr_in *address = ctx;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		die("connect");
	if (write(fd, "x", 1) != 1)
		die("write to a socket");
	close(fd);
}

static void send_byte(void *ctx)
{
	if (send(*(int *)ctx, "x", 1, 0) != 1)
		die("send");
}

static void drain(void *ctx)
{
	char data[65536];
	int fd = *(int *)ctx;

	if (recv(fd, data, sizeof(data), 0) <= 0)
		die("recv");
	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
}

uint64_t wait_tcp_accept(uint64_t ms)
{
	struct sockaddr_in address;
	int fd = listener(&address, 1), peer;
	pid_t pid = helper(ms * NS_PER_MS, connect_to, &address);
	struct interval begin = interval_begin();
	uint64_t ns;

	peer = accept(fd, NULL, NULL);
	ns = interval_end(begin);
	reap_helper(pid);
	close(peer);
	close(fd);
	return ns;
}

uint64_t wait_tcp_recv(uint64_t ms)
{
	struct sockaddr_in address;
	int fd = listener(&address, 1);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;
	struct interval begin;
	uint64_t ns;
	char byte;
	pid_t pid;

	if (connect(client, (struct sockaddr *)&address, sizeof(address)))
		die("connect");
	server = accept(fd, NULL, NULL);
	pid = helper(ms * NS_PER_MS, send_byte, &client);
	begin = interval_begin();
	if (recv(server, &byte, 1, 0) != 1)
		die("recv");
	ns = interval_end(begin);
	reap_helper(pid);
	close(server);
	close(client);
	close(fd);
	return ns;
}

static void accept_all(void *ctx)
{
	int fd = *(int *)ctx;

	for (int i = 0; i < 3; i++)
		close(accept(fd, NULL, NULL));
}

/* With the listener's queue full a SYN is dropped and sent again a second later. */
uint64_t wait_tcp_connect(uint64_t ms)
{
	struct sockaddr_in address;
	int fd = listener(&address, 1), filler[2], client;
	struct interval begin;
	uint64_t ns;
	pid_t pid;

	for (int i = 0; i < 2; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(filler[i], (struct sockaddr *)&address, sizeof(address)))
			die("connect");
	}
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid = helper(ms * NS_PER_MS, accept_all, &fd);
	begin = interval_begin();
	if (connect(client, (struct sockaddr *)&address, sizeof(address)))
		die("connect");
	ns = interval_end(begin);
	reap_helper(pid);
	close(client);
	close(filler[0]);
	close(filler[1]);
	close(fd);
	return ns;
}

static void unix_pair(int *pair)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
}

uint64_t wait_unix_recv(uint64_t ms)
{
	struct interval begin;
	uint64_t ns;
	int pair[2];
	char byte;
	pid_t pid;

	unix_pair(pair);
	pid = helper(ms * NS_PER_MS, send_byte, &pair[1]);
	begin = interval_begin();
	if (read(pair[0], &byte, 1) != 1)
		die("read from a socket");
	ns = interval_end(begin);
	reap_helper(pid);
	close(pair[0]);
	close(pair[1]);
	return ns;
}

uint64_t wait_unix_send(uint64_t ms)
{
	static const char data[4096];
	struct interval begin;
	uint64_t ns;
	int pair[2];
	pid_t pid;

	unix_pair(pair);
	while (send(pair[0], data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	pid = helper(ms * NS_PER_MS, drain, &pair[1]);
	begin = interval_begin();
	if (send(pair[0], data, sizeof(data), 0) != sizeof(data))
		die("send");
	ns = interval_end(begin);
	reap_helper(pid);
	close(pair[0]);
	close(pair[1]);
	return ns;
}

static void tcp_pair(int *pair)
{
	struct sockaddr_in address;
	int fd = listener(&address, 1);

	pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(pair[1], (struct sockaddr *)&address, sizeof(address)))
		die("connect");
	pair[0] = accept(fd, NULL, NULL);
	close(fd);
}

uint64_t wait_poll_socket(uint64_t ms)
{
	struct pollfd fd = { .events = POLLIN };
	struct interval begin;
	uint64_t ns;
	int pair[2];
	pid_t pid;

	tcp_pair(pair);
	fd.fd = pair[0];
	pid = helper(ms * NS_PER_MS, send_byte, &pair[1]);
	begin = interval_begin();
	if (poll(&fd, 1, -1) != 1)
		die("poll");
	ns = interval_end(begin);
	reap_helper(pid);
	close(pair[0]);
	close(pair[1]);
	return ns;
}

static uint64_t wait_in_epoll(int *pair, uint64_t ms)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct interval begin;
	uint64_t ns;
	pid_t pid;

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &event))
		die("epoll_ctl");
	pid = helper(ms * NS_PER_MS, send_byte, &pair[1]);
	begin = interval_begin();
	if (epoll_wait(ep, &event, 1, -1) != 1)
		die("epoll_wait");
	ns = interval_end(begin);
	reap_helper(pid);
	close(pair[0]);
	close(pair[1]);
	close(ep);
	return ns;
}

uint64_t wait_epoll_socket(uint64_t ms)
{
	int pair[2];

	tcp_pair(pair);
	return wait_in_epoll(pair, ms);
}

/* An event loop that wakes itself: there is no network in it. */
uint64_t wait_epoll_unix(uint64_t ms)
{
	int pair[2];

	unix_pair(pair);
	return wait_in_epoll(pair, ms);
}
