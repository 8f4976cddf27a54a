/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer {direct|buffered} FILE MIB: a child overwrites and reads again a file that
 * has all its blocks, with or without O_DIRECT; its parent tells the child's bytes, as
 * telling them would itself write to storage.
 * transfer {tcp|udp|unix} BYTES: a child and its parent send BYTES each way (udp:
 * one way, in datagrams of 1000 bytes). Prints the exact bytes of each process.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/workload/truth.h"

#define BLOCK	 (1024 * 1024)
#define DATAGRAM 1000

static void truth_bytes(const char *what, uint64_t in, uint64_t out)
{
	truth("{\"kind\":\"%s\",\"pid\":%d,\"in_bytes\":%llu,\"out_bytes\":%llu}", what, getpid(),
	      (unsigned long long)in, (unsigned long long)out);
}

static void write_blocks(int fd, const void *block, long mib)
{
	for (long i = 0; i < mib; i++)
		if (pwrite(fd, block, BLOCK, i * BLOCK) != BLOCK)
			die("pwrite");
}

static void overwrite_and_read(const char *path, void *block, long mib, int flags)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | flags);

	if (fd < 0)
		die(path);
	write_blocks(fd, block, mib);
	if (!flags && fsync(fd))
		die("fsync");
	for (long i = 0; i < mib; i++)
		if (pread(fd, block, BLOCK, i * BLOCK) != BLOCK)
			die("pread");
}

static int transfer_file(const char *path, long mib, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	unsigned long long bytes = (unsigned long long)mib * BLOCK;
	void *block = NULL;
	int status;
	pid_t pid;

	if (fd < 0 || posix_memalign(&block, 4096, BLOCK))
		die(path);
	memset(block, 'x', BLOCK);
	write_blocks(fd, block, mib);
	if (fsync(fd))
		die("fsync");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		overwrite_and_read(path, block, mib, flags);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return 120;
	truth("{\"kind\":\"%s\",\"pid\":%d,\"in_bytes\":%llu,\"out_bytes\":%llu}",
	      flags ? "direct" : "buffered", pid, bytes, bytes);
	close(fd);
	free(block);
	return 0;
}

static void send_all(int fd, uint64_t n)
{
	static const char data[65536];

	while (n) {
		ssize_t sent = send(fd, data, n < sizeof(data) ? n : sizeof(data), MSG_NOSIGNAL);

		if (sent <= 0)
			die("send");
		n -= sent;
	}
}

static void receive_all(int fd, uint64_t n)
{
	char data[65536];

	while (n) {
		ssize_t got = recv(fd, data, sizeof(data), 0);

		if (got <= 0)
			die("recv");
		n -= got;
	}
}

static void tcp_pair(int *pair)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&a, len) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&a, &len) ||
	    connect(pair[1], (struct sockaddr *)&a, len))
		die("tcp");
	pair[0] = accept(fd, NULL, NULL);
	close(fd);
}

static int exchange(const char *what, int *pair, uint64_t n)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		receive_all(pair[1], n);
		send_all(pair[1], n);
		truth_bytes(what, n, n);
		_exit(0);
	}
	send_all(pair[0], n);
	receive_all(pair[0], n);
	truth_bytes(what, n, n);
	return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

static int transfer_udp(uint64_t n)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(a);
	char data[DATAGRAM] = "";

	n -= n % DATAGRAM;
	if (bind(in, (struct sockaddr *)&a, len) || getsockname(in, (struct sockaddr *)&a, &len))
		die("bind");
	for (uint64_t done = 0; done < n; done += DATAGRAM)
		if (sendto(out, data, DATAGRAM, 0, (struct sockaddr *)&a, len) != DATAGRAM ||
		    recv(in, data, DATAGRAM, 0) != DATAGRAM)
			die("udp");
	truth_bytes("udp", n, n);
	return 0;
}

static int transfer_socket(const char *what, uint64_t n)
{
	int pair[2];

	if (!strcmp(what, "udp"))
		return transfer_udp(n);
	if (!strcmp(what, "tcp"))
		tcp_pair(pair);
	else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	return exchange(what, pair, n);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 4 && !strcmp(what, "direct"))
		return transfer_file(argv[2], number(argv[3], 1, 4096), O_DIRECT);
	if (argc == 4 && !strcmp(what, "buffered"))
		return transfer_file(argv[2], number(argv[3], 1, 4096), 0);
	if (argc == 3 && (!strcmp(what, "tcp") || !strcmp(what, "udp") || !strcmp(what, "unix")))
		return transfer_socket(what, number(argv[2], 1, 1L << 32));
	errno = EINVAL;
	die("usage: transfer {direct FILE MIB|buffered FILE MIB|{tcp|udp|unix} BYTES}");
}
