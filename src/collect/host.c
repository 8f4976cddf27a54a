/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine: what it is called, how big it is, how its clocks stand.
 */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "src/base/io.h"
#include "src/base/str.h"
#include "src/collect/collect.h"

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* The pair of reads that lie closest together: the other clock is between. */
int64_t host_realtime_offset(void)
{
	int64_t best = INT64_MAX, offset = 0;

	for (int i = 0; i < 5; i++) {
		int64_t before = clock_ns(CLOCK_BOOTTIME);
		int64_t real = clock_ns(CLOCK_REALTIME);
		int64_t after = clock_ns(CLOCK_BOOTTIME);

		if (after - before < best) {
			best = after - before;
			offset = real - (before + best / 2);
		}
	}
	return offset;
}

int host_describe(struct wire_host *ret, uint64_t features, bool all_processes,
		  enum wire_collector collector)
{
	struct wire_host host = { .h = { sizeof(host), WIRE_HOST, 0, 0 } };
	struct utsname name;
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	ssize_t n;

	if (uname(&name))
		return -errno;
	host.h.time_ns = (uint64_t)clock_ns(CLOCK_BOOTTIME);
	host.realtime_offset_ns = host_realtime_offset();
	host.features = features;
	host.memory_bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
	host.cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	host.page_size = (uint32_t)page;
	host.all_processes = all_processes;
	host.collector = collector;
	n = read_text("/proc/sys/kernel/random/boot_id", host.boot_id, sizeof(host.boot_id));
	if (n > 0 && host.boot_id[n - 1] == '\n')
		host.boot_id[n - 1] = '\0';
	str_copy(host.hostname, sizeof(host.hostname), name.nodename);
	str_copy(host.kernel, sizeof(host.kernel), name.release);
	str_copy(host.arch, sizeof(host.arch), name.machine);
	str_copy(host.version, sizeof(host.version), TRACER_VERSION);
	*ret = host;
	return 0;
}
