/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/human.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"

#define NS_PER_S 1000000000ULL

static const char *put(char *buf, const char *text)
{
	str_copy(buf, HUMAN_MAX, text);
	return buf;
}

/* Tenths below ten, whole numbers above, rounded half up, in integers so that
 * the text does not depend on the floating point of the machine. */
static uint64_t tenths(uint64_t n, uint64_t unit)
{
	uint64_t whole = n / unit, rest = n % unit;

	return whole * 10 + (uint64_t)(((unsigned __int128)rest * 10 + unit / 2) / unit);
}

static const char *with_unit(char *buf, uint64_t n, uint64_t unit, const char *name)
{
	uint64_t t = tenths(n, unit);

	if (t < 100)
		snprintf(buf, HUMAN_MAX, "%" PRIu64 ".%" PRIu64 " %s", t / 10, t % 10, name);
	else
		snprintf(buf, HUMAN_MAX, "%" PRIu64 " %s", n / unit + (n % unit >= unit - unit / 2),
			 name);
	return buf;
}

const char *human_bytes(char *buf, uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned i = 0;

	if (bytes < 1024) {
		snprintf(buf, HUMAN_MAX, "%" PRIu64 " B", bytes);
		return buf;
	}
	/* the next unit from 1023.5 on: "1.0 MiB", never "1024 KiB" */
	while (i + 1 < ARRAY_SIZE(units) &&
	       bytes >= (1ULL << (10 * (i + 2))) - (1ULL << (10 * i + 9)))
		i++;
	return with_unit(buf, bytes, 1ULL << (10 * (i + 1)), units[i]);
}

const char *human_bytes_short(char *buf, uint64_t bytes)
{
	char *space;

	human_bytes(buf, bytes);
	space = strchr(buf, ' ');
	space[0] = bytes < 1024 ? '\0' : space[1];
	space[1] = '\0';
	return buf;
}

static const char *long_duration(char *buf, uint64_t s)
{
	if (s < 3600)
		snprintf(buf, HUMAN_MAX, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, HUMAN_MAX, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s % 3600 / 60);
	else
		snprintf(buf, HUMAN_MAX, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s % 86400 / 3600);
	return buf;
}

const char *human_duration(char *buf, uint64_t ns)
{
	if (ns < 1000) {
		snprintf(buf, HUMAN_MAX, "%" PRIu64 " ns", ns);
		return buf;
	}
	if (ns < 999500)
		return with_unit(buf, ns, 1000, "us");
	if (ns < 999500000)
		return with_unit(buf, ns, 1000000, "ms");
	if (ns < 59500000000)
		return with_unit(buf, ns, NS_PER_S, "s");
	return long_duration(buf, ns / NS_PER_S + (ns % NS_PER_S >= NS_PER_S / 2));
}

const char *human_count(char *buf, uint64_t n)
{
	char digits[24];
	size_t len, out = 0;

	len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n);
	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[out++] = ',';
		buf[out++] = digits[i];
	}
	buf[out] = '\0';
	return buf;
}

const char *human_percent(char *buf, uint64_t part, uint64_t whole)
{
	uint64_t percent;

	if (!whole)
		return put(buf, HUMAN_UNKNOWN);
	percent = (uint64_t)(((unsigned __int128)part * 100 + whole / 2) / whole);
	if (!percent && part)
		return put(buf, "<1 %");
	snprintf(buf, HUMAN_MAX, "%" PRIu64 " %%", percent);
	return buf;
}

const char *human_time(char *buf, uint64_t unix_ns)
{
	time_t t = (time_t)(unix_ns / NS_PER_S);
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(buf, HUMAN_MAX, "%Y-%m-%d %H:%M:%S", &tm))
		return put(buf, HUMAN_UNKNOWN);
	return buf;
}

const char *human_signal(char *buf, int signal)
{
	const char *name = sigabbrev_np(signal);

	if (name)
		snprintf(buf, HUMAN_MAX, "SIG%s", name);
	else
		snprintf(buf, HUMAN_MAX, "signal %d", signal);
	return buf;
}
