/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forkbomb DEPTH: each process forks twice and so do its children, DEPTH levels
 * deep. Run it under a pids limit: fork then fails, which is counted. Prints how
 * many processes were made and how many forks were refused.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/workload/truth.h"

#define MAX_DEPTH 12 /* 8191 processes */

struct counts {
	uint64_t made, refused;
};

static void bomb(struct counts *counts, long depth)
{
	for (int i = 0; depth > 0 && i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			__atomic_add_fetch(&counts->made, 1, __ATOMIC_RELAXED);
			bomb(counts, depth - 1);
			sleep_ns(20 * NS_PER_MS);
			_exit(0);
		}
		if (pid < 0 && errno == EAGAIN)
			__atomic_add_fetch(&counts->refused, 1, __ATOMIC_RELAXED);
		else if (pid < 0)
			die("fork");
	}
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	struct counts *counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (counts == MAP_FAILED)
		die("mmap");
	bomb(counts, number(argc == 2 ? argv[1] : NULL, 1, MAX_DEPTH));
	truth("{\"kind\":\"bomb\",\"pid\":%d,\"made\":%llu,\"refused\":%llu}", getpid(),
	      (unsigned long long)counts->made, (unsigned long long)counts->refused);
	return 0;
}
