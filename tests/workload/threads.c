/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads plain N CPU_MS SLEEP_MS: N threads that each burn and sleep.
 * threads many N: N threads that exist at the same time.
 * threads leader_exits: the first thread ends long before the others; exit code 3.
 * threads thread_exec: a thread that is not the first calls execve; exit code 4.
 * threads late: _exit() while other threads still wait; exit code 5.
 */
#include "tests/workload/truth.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK_BYTES (64 * 1024)

struct work {
	uint64_t cpu_ns, sleep_ns;
	pthread_barrier_t *barrier; /* NULL: none */
	uint64_t slept_ns;
};

static void *work(void *arg)
{
	struct work *w = arg;
	uint64_t begin, cpu, delay;

	if (w->barrier)
		pthread_barrier_wait(w->barrier);
	burn_ns(w->cpu_ns);
	begin = monotonic_ns();
	cpu = thread_cpu_ns();
	delay = run_delay_ns();
	sleep_ns(w->sleep_ns);
	w->slept_ns = monotonic_ns() - begin - (thread_cpu_ns() - cpu) - (run_delay_ns() - delay);
	return NULL;
}

static void spawn(pthread_t *thread, void *(*body)(void *arg), void *arg)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	errno = pthread_create(thread, &attr, body, arg);
	if (errno)
		die("pthread_create");
	pthread_attr_destroy(&attr);
}

static int plain(long n, uint64_t cpu_ns, uint64_t pause_ns, pthread_barrier_t *barrier)
{
	pthread_t *threads = calloc(n, sizeof(*threads));
	struct work *works = calloc(n, sizeof(*works));
	uint64_t slept = 0;

	if (!threads || !works)
		die("calloc");
	for (long i = 0; i < n; i++) {
		works[i] = (struct work){ cpu_ns, pause_ns, barrier, 0 };
		spawn(&threads[i], work, &works[i]);
	}
	for (long i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		slept += works[i].slept_ns;
	}
	truth("{\"kind\":\"threads\",\"pid\":%d,\"threads\":%ld,\"sleep_ns\":%llu,"
	      "\"cpu_ns\":%llu}",
	      getpid(), n + 1, (unsigned long long)slept, (unsigned long long)process_cpu_ns());
	free(works);
	free(threads);
	return 0;
}

static int many(long n)
{
	pthread_barrier_t barrier;
	int rc;

	pthread_barrier_init(&barrier, NULL, n);
	rc = plain(n, 0, NS_PER_MS, &barrier);
	pthread_barrier_destroy(&barrier);
	return rc;
}

static void *outlive(void *arg)
{
	(void)arg;
	burn_ns(20 * NS_PER_MS);
	sleep_ns(100 * NS_PER_MS);
	burn_ns(20 * NS_PER_MS);
	truth("{\"kind\":\"process\",\"pid\":%d,\"exit_code\":3,\"cpu_ns\":%llu}", getpid(),
	      (unsigned long long)process_cpu_ns());
	exit(3);
}

static void *replace(void *arg)
{
	truth("{\"kind\":\"process\",\"pid\":%d,\"exit_code\":4,\"execs\":2}", getpid());
	burn_ns(10 * NS_PER_MS);
	execl("/proc/self/exe", arg, "exit", "4", NULL);
	die("exec");
}

static int main_waits_for(void *(*body)(void *arg), char *arg, bool leave)
{
	pthread_t thread;

	spawn(&thread, body, arg);
	if (leave)
		pthread_exit(NULL);
	pthread_join(thread, NULL);
	return 121;
}

static int late(void)
{
	struct work w = { 0, 60 * NS_PER_S, NULL, 0 };
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		spawn(&threads[i], work, &w);
	sleep_ns(50 * NS_PER_MS);
	truth("{\"kind\":\"process\",\"pid\":%d,\"exit_code\":5,\"threads\":4}", getpid());
	_exit(5);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "plain") && argc == 5)
		return plain(number(argv[2], 1, 10000), number(argv[3], 0, 10000) * NS_PER_MS,
			     number(argv[4], 0, 60000) * NS_PER_MS, NULL);
	if (!strcmp(what, "many") && argc == 3)
		return many(number(argv[2], 1, 100000));
	if (!strcmp(what, "leader_exits"))
		return main_waits_for(outlive, NULL, true);
	if (!strcmp(what, "thread_exec"))
		return main_waits_for(replace, argv[0], false);
	if (!strcmp(what, "late"))
		return late();
	if (!strcmp(what, "exit") && argc == 3)
		return (int)number(argv[2], 0, 255);
	errno = EINVAL;
	die("usage: threads {plain N CPU_MS SLEEP_MS|many N|leader_exits|thread_exec|late}");
}
