/* SPDX-License-Identifier: Apache-2.0 */
/* manyfiles DIRECTORY FILES [TIMES]: makes files of three bytes there, opens each of
 * them again to read TIMES times, and removes them. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/workload/truth.h"

static void make(const char *dir, long i)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%ld", dir, i);
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	if (fd < 0 || write(fd, "abc", 3) != 3 || close(fd))
		die(path);
}

static void read_again(const char *dir, long i)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%ld", dir, i);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, path, 3) != 3 || close(fd))
		die(path);
}

static void drop(const char *dir, long i)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%ld", dir, i);
	if (unlink(path))
		die(path);
}

int main(int argc, char **argv)
{
	uint64_t before = process_cpu_ns();
	long n, times;

	if (argc < 3)
		return 120;
	n = number(argv[2], 1, 10000000);
	times = argc > 3 ? number(argv[3], 0, 100) : 0;
	for (long i = 0; i < n; i++)
		make(argv[1], i);
	for (long t = 0; t < times; t++)
		for (long i = 0; i < n; i++)
			read_again(argv[1], i);
	truth("{\"kind\":\"manyfiles\",\"pid\":%d,\"files\":%ld,\"opens\":%ld,\"bytes\":%ld,"
	      "\"cpu_ns\":%llu}",
	      getpid(), n, n * (1 + times), n * 3, (unsigned long long)(process_cpu_ns() - before));
	for (long i = 0; i < n; i++)
		drop(argv[1], i);
	return 0;
}
