/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stalls KIND ARG...: makes no progress, in a known way, until it is killed. Prints one
 * line, the pid of the process that is the root of it, once it stands.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void say(pid_t pid)
{
	printf("%d\n", (int)pid);
	fflush(stdout);
}

static void sleep_s(long s)
{
	struct timespec t = { .tv_sec = s };

	nanosleep(&t, NULL);
}

/* In a child that ends with us. */
static pid_t child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static int kind_fifo(char **a) /* PATH */
{
	if (mkfifo(a[0], 0600) && errno != EEXIST)
		die(a[0]);
	say(getpid());
	return open(a[0], O_RDONLY) < 0;
}

static int kind_grandchild(char **a) /* SECONDS */
{
	pid_t pid = child();

	if (!pid) {
		pid = child();
		if (!pid) {
			prctl(PR_SET_NAME, "sleeper");
			say(getpid());
			sleep_s(strtol(a[0], NULL, 10));
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	return waitpid(pid, NULL, 0) < 0;
}

static int kind_flock(char **a) /* PATH */
{
	int ready[2], fd;
	char c;
	pid_t pid;

	if (pipe(ready))
		die("pipe");
	pid = child();
	if (!pid) {
		prctl(PR_SET_NAME, "holder");
		fd = open(a[0], O_RDWR | O_CREAT, 0600);
		if (fd < 0 || flock(fd, LOCK_EX) || write(ready[1], "x", 1) != 1)
			die(a[0]);
		sleep_s(1000);
		_exit(0);
	}
	if (read(ready[0], &c, 1) != 1)
		die("read");
	say(pid);
	fd = open(a[0], O_RDWR);
	return flock(fd, LOCK_EX);
}

/* Nobody accepts, and the queue is full. */
static int kind_connect(char **a) /* PATH */
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", a[0]);
	if (bind(listener, (void *)&at, sizeof(at)) || listen(listener, 0))
		die(a[0]);
	say(getpid());
	while (!connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&at, sizeof(at)))
		;
	return 1;
}

static int kind_receive(char **a)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(at);
	pid_t pid;
	char c;

	(void)a;
	if (bind(listener, (void *)&at, sizeof(at)) || listen(listener, 4) ||
	    getsockname(listener, (void *)&at, &len))
		die("bind");
	pid = child();
	if (!pid) {
		prctl(PR_SET_NAME, "server");
		if (accept(listener, NULL, NULL) < 0)
			die("accept");
		sleep_s(1000);
	}
	close(listener);
	if (connect(fd, (void *)&at, sizeof(at)))
		die("connect");
	say(pid);
	return recv(fd, &c, 1, 0) < 0;
}

static int kind_stop(char **a)
{
	pid_t pid = child();

	(void)a;
	if (!pid) {
		prctl(PR_SET_NAME, "stopped");
		say(getpid());
		raise(SIGSTOP);
		_exit(0);
	}
	return waitpid(pid, NULL, 0) < 0;
}

static int kind_pipe(char **a) /* the reader does not read */
{
	char block[4096] = "";
	int fds[2];
	pid_t pid;

	(void)a;
	if (pipe(fds))
		die("pipe");
	pid = child();
	if (!pid) {
		close(fds[1]);
		prctl(PR_SET_NAME, "consumer");
		sleep_s(1000);
		_exit(0);
	}
	close(fds[0]);
	say(pid);
	while (write(fds[1], block, sizeof(block)) > 0)
		;
	return 1;
}

static int kind_itself(char **a) /* it has kept the end that it waits for */
{
	int fds[2];
	char c;

	(void)a;
	if (pipe(fds))
		die("pipe");
	say(getpid());
	return read(fds[0], &c, 1) < 0;
}

static int kind_deadlock(char **a) /* both ends wait for each other */
{
	int to[2], from[2];
	char c;
	pid_t pid;

	(void)a;
	if (pipe(to) || pipe(from))
		die("pipe");
	pid = child();
	if (!pid) {
		close(to[1]);
		close(from[0]);
		prctl(PR_SET_NAME, "partner");
		_exit(read(to[0], &c, 1) < 0);
	}
	close(to[0]);
	close(from[1]);
	say(pid);
	return read(from[0], &c, 1) < 0;
}

static void *wait_forever(void *lock)
{
	pthread_mutex_lock(lock);
	return NULL;
}

static int kind_futex(char **a)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_t thread;

	(void)a;
	pthread_mutex_lock(&lock);
	if (pthread_create(&thread, NULL, wait_forever, &lock))
		die("pthread_create");
	say(getpid());
	return pthread_join(thread, NULL);
}

static int kind_read(char **a) /* FILE: of a file system that does not answer */
{
	char block[4096];
	int fd = open(a[0], O_RDONLY);

	if (fd < 0)
		die(a[0]);
	say(getpid());
	return read(fd, block, sizeof(block)) < 0;
}

static int kind_poll(char **a) /* a pipe's end, as those who collect output do */
{
	int fds[2];
	struct pollfd p = { .events = POLLIN };
	pid_t pid;

	(void)a;
	if (pipe(fds))
		die("pipe");
	pid = child();
	if (!pid) {
		close(fds[0]);
		prctl(PR_SET_NAME, "silent");
		sleep_s(1000);
	}
	close(fds[1]);
	say(pid);
	p.fd = fds[0];
	return poll(&p, 1, -1) < 0;
}

/* One child hangs, the other computes: the run goes on. */
static int kind_beside(char **a) /* FILE */
{
	pid_t pid = child();

	if (!pid) {
		prctl(PR_SET_NAME, "hung");
		return kind_read(a);
	}
	for (volatile unsigned x = 0;; x++)
		;
}

static const struct {
	const char *name;
	int (*run)(char **a);
} kinds[] = {
	{ "fifo", kind_fifo },	       { "grandchild", kind_grandchild },
	{ "flock", kind_flock },       { "connect", kind_connect },
	{ "receive", kind_receive },   { "stop", kind_stop },
	{ "pipe", kind_pipe },	       { "itself", kind_itself },
	{ "deadlock", kind_deadlock }, { "futex", kind_futex },
	{ "read", kind_read },	       { "poll", kind_poll },
	{ "beside", kind_beside },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name))
			return kinds[i].run(argv + 2);
	fputs("usage: stalls KIND ARG...\n", stderr);
	return 2;
}
