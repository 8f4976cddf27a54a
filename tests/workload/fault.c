/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault KIND ARG...: one known way to be slow, to fail, or to be well, for the labelled
 * suite in tests/faults. CPU is burnt by the thread's own clock, so that a busy machine
 * changes how long it takes, not how much it is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS	    1000000ULL
#define BLOCK	    4096
#define THREADS_MAX 64

struct args {
	uint64_t n[6];
	const char *text[6];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void burn(uint64_t ns)
{
	uint64_t end = now(CLOCK_THREAD_CPUTIME_ID) + ns;
	volatile unsigned x = 0;

	while (now(CLOCK_THREAD_CPUTIME_ID) < end)
		for (int i = 0; i < 20000; i++)
			x += (unsigned)i;
}

static void nap(uint64_t ns)
{
	struct timespec t = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

	nanosleep(&t, NULL);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int run_threads(uint64_t n, void *(*body)(void *arg), void *arg)
{
	pthread_t threads[THREADS_MAX];

	if (n > THREADS_MAX)
		return 2;
	for (uint64_t i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, body, arg))
			die("pthread_create");
	for (uint64_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static int kind_burn(struct args *a)
{
	burn(a->n[0] * MS);
	return (int)a->n[1];
}

static void *burn_thread(void *arg)
{
	burn(*(uint64_t *)arg * MS);
	return NULL;
}

static int kind_threads(struct args *a) /* N MS */
{
	return run_threads(a->n[0], burn_thread, &a->n[1]);
}

static int kind_serial(struct args *a) /* N SERIAL_MS PARALLEL_MS */
{
	burn(a->n[1] * MS);
	return run_threads(a->n[0], burn_thread, &a->n[2]);
}

static void *idle_thread(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static int kind_pool(struct args *a) /* N MS: a pool that waits while its master computes */
{
	pthread_t threads[THREADS_MAX];

	pthread_mutex_lock(&mutex);
	for (uint64_t i = 0; i < a->n[0] && i < THREADS_MAX; i++)
		pthread_create(&threads[i], NULL, idle_thread, NULL);
	burn(a->n[1] * MS);
	pthread_mutex_unlock(&mutex);
	for (uint64_t i = 0; i < a->n[0] && i < THREADS_MAX; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

struct contest {
	uint64_t end, inside_ns, outside_ns;
	int sleeps;
};

static void *contend_thread(void *arg)
{
	struct contest *c = arg;

	while (now(CLOCK_MONOTONIC) < c->end) {
		pthread_mutex_lock(&mutex);
		if (c->sleeps)
			nap(c->inside_ns);
		else
			burn(c->inside_ns);
		pthread_mutex_unlock(&mutex);
		burn(c->outside_ns);
	}
	return NULL;
}

static int kind_contend(struct args *a) /* N WALL_MS INSIDE_US OUTSIDE_US SLEEPS */
{
	struct contest c = { now(CLOCK_MONOTONIC) + a->n[1] * MS, a->n[2] * 1000, a->n[3] * 1000,
			     (int)a->n[4] };

	return run_threads(a->n[0], contend_thread, &c);
}

static int kind_produce(struct args *a) /* BLOCKS SLEEP_MS BURN_MS */
{
	char block[BLOCK] = { 1 };

	for (uint64_t i = 0; i < a->n[0]; i++) {
		if (a->n[1])
			nap(a->n[1] * MS);
		burn(a->n[2] * MS);
		if (write(1, block, sizeof(block)) < 0)
			return 1;
	}
	return 0;
}

static int kind_consume(struct args *a) /* SLEEP_MS BURN_MS, until the end */
{
	char block[BLOCK];

	while (read(0, block, sizeof(block)) > 0) {
		if (a->n[0])
			nap(a->n[0] * MS);
		burn(a->n[1] * MS);
	}
	return 0;
}

static int kind_alloc(struct args *a) /* MIB HOLD_MS */
{
	size_t size = a->n[0] << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < size; i += BLOCK)
		p[i] = 1;
	if (a->n[1])
		burn(a->n[1] * MS);
	return 0;
}

/* Every page of a file, again and again: more than its cgroup may keep. */
static int kind_thrash(struct args *a) /* MS FILE */
{
	int fd = open(a->text[1], O_RDONLY);
	struct stat st;
	volatile char sum = 0;
	const char *p;
	uint64_t end = now(CLOCK_MONOTONIC) + a->n[0] * MS;
	unsigned x = 1;

	if (fd < 0 || fstat(fd, &st))
		die(a->text[1]);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	while (now(CLOCK_MONOTONIC) < end) {
		x = x * 1103515245 + 12345;
		sum += p[(size_t)x % (size_t)st.st_size];
	}
	return 0;
}

static int kind_zombie(struct args *a) /* MS */
{
	pid_t child = fork();

	if (!child)
		_exit(0);
	for (uint64_t i = 0; i < a->n[0] / 10; i++)
		nap(10 * MS);
	return 0;
}

static int kind_event(struct args *a) /* MS: an event that does not come */
{
	struct pollfd p = { eventfd(0, 0), POLLIN, 0 };

	poll(&p, 1, (int)a->n[0]);
	return 0;
}

static int kind_crash(struct args *a)
{
	if (a->n[0])
		abort();
	*(volatile int *)0 = 1; /* NOLINT: that is the point */
	return 0;
}

static struct sockaddr_in address_of(const char *host, uint64_t port)
{
	struct sockaddr_in s = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	inet_pton(AF_INET, host, &s.sin_addr);
	return s;
}

static int kind_serve(struct args *a) /* HOST PORT BYTES DELAY_MS: sends, or takes all if 0 */
{
	struct sockaddr_in s = address_of(a->text[0], a->n[1]);
	static char block[65536];
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0), peer;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&s, sizeof(s)) || listen(fd, 1))
		die("listen");
	puts("ready");
	fflush(stdout);
	peer = accept(fd, NULL, NULL);
	nap(a->n[3] * MS);
	for (uint64_t sent = 0; sent < a->n[2];) {
		ssize_t n = write(peer, block, sizeof(block));

		if (n <= 0)
			return 1;
		sent += (uint64_t)n;
	}
	while (!a->n[2] && read(peer, block, sizeof(block)) > 0)
		;
	close(peer);
	return 0;
}

static int kind_fetch(struct args *a) /* HOST PORT BYTES: takes all if 0, else sends */
{
	struct sockaddr_in s = address_of(a->text[0], a->n[1]);
	static char block[65536];
	int fd = -1;

	for (int i = 0; i < 200; i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (!connect(fd, (struct sockaddr *)&s, sizeof(s)))
			break;
		close(fd);
		nap(10 * MS);
	}
	for (uint64_t sent = 0; sent < a->n[2];) {
		ssize_t n = write(fd, block, sizeof(block));

		if (n <= 0)
			die("write");
		sent += (uint64_t)n;
	}
	shutdown(fd, SHUT_WR);
	while (read(fd, block, sizeof(block)) > 0)
		;
	return 0;
}

static int kind_read(struct args *a) /* FILE: it must be there */
{
	char block[BLOCK];
	int fd = open(a->text[0], O_RDONLY);

	if (fd < 0)
		die(a->text[0]);
	while (read(fd, block, sizeof(block)) > 0)
		;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct args *a);
} kinds[] = {
	{ "burn", kind_burn },	     { "threads", kind_threads }, { "serial", kind_serial },
	{ "pool", kind_pool },	     { "contend", kind_contend }, { "produce", kind_produce },
	{ "consume", kind_consume }, { "alloc", kind_alloc },	  { "thrash", kind_thrash },
	{ "zombie", kind_zombie },   { "event", kind_event },	  { "crash", kind_crash },
	{ "serve", kind_serve },     { "fetch", kind_fetch },	  { "read", kind_read },
};

int main(int argc, char **argv)
{
	struct args a = { 0 };

	for (int i = 2; i < argc && i < 8; i++) {
		a.text[i - 2] = argv[i];
		a.n[i - 2] = strtoull(argv[i], NULL, 10);
	}
	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name))
			return kinds[i].run(&a);
	fputs("usage: fault KIND ARG...\n", stderr);
	return 2;
}
