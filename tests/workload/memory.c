/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory MIB: a child touches MIB and gives it back before it ends; its peak, as
 * wait4 tells it, is the truth. memory hog MIB: touches MIB and stays, to be the
 * victim of a memory limit.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/workload/truth.h"

static void *touch(long mib)
{
	size_t size = (size_t)mib * 1024 * 1024;
	char *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED)
		die("mmap");
	memset(data, 1, size);
	return data;
}

static int peak(long mib)
{
	struct rusage usage;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		munmap(touch(mib), (size_t)mib * 1024 * 1024);
		_exit(0);
	}
	if (wait4(pid, &status, 0, &usage) != pid)
		die("wait4");
	truth_wait4(pid, status, &usage);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return peak(number(argv[1], 1, 65536));
	if (argc == 3 && !strcmp(argv[1], "hog")) {
		truth("{\"kind\":\"hog\",\"pid\":%d}", getpid());
		touch(number(argv[2], 1, 65536));
		return 0;
	}
	errno = EINVAL;
	die("usage: memory MIB | memory hog MIB");
}
