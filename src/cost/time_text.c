/* SPDX-License-Identifier: Apache-2.0 */
/* Times of price lists and bills: ISO 8601 and its usual relatives. */
#include <errno.h>
#include <time.h>

#include "src/cost/prices.h"

/* Exactly n digits; moves on. -1: not there. */
static int digits(const char **p, unsigned n)
{
	int value = 0;

	for (; n; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return -1;
		value = value * 10 + (**p - '0');
	}
	return value;
}

static int days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static int date_of(const char **p, struct tm *tm)
{
	int year = digits(p, 4), month, day;

	if (year < 1970 || year > 2200 || *(*p)++ != '-')
		return -EINVAL;
	month = digits(p, 2);
	if (month < 1 || month > 12 || *(*p)++ != '-')
		return -EINVAL;
	day = digits(p, 2);
	if (day < 1 || day > days_of(year, month))
		return -EINVAL;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return 0;
}

static int clock_of(const char **p, struct tm *tm)
{
	tm->tm_hour = digits(p, 2);
	if (tm->tm_hour < 0 || tm->tm_hour > 24 || *(*p)++ != ':')
		return -EINVAL;
	tm->tm_min = digits(p, 2);
	if (tm->tm_min < 0 || tm->tm_min > 59)
		return -EINVAL;
	if (**p != ':')
		return 0;
	(*p)++;
	tm->tm_sec = digits(p, 2);
	return tm->tm_sec < 0 || tm->tm_sec > 60 ? -EINVAL : 0;
}

static uint64_t fraction_of(const char **p)
{
	uint64_t ns = 0, unit = 100000000;

	if (**p != '.')
		return 0;
	for ((*p)++; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
		ns += (uint64_t)(**p - '0') * unit;
	return ns;
}

/* Seconds east of UTC. */
static int offset_of(const char **p, int *ret)
{
	int sign = **p == '-' ? -1 : 1, hours, minutes = 0;

	*ret = 0;
	if (**p == 'Z' || **p == 'z') {
		(*p)++;
		return 0;
	}
	if (**p != '+' && **p != '-')
		return 0;
	(*p)++;
	hours = digits(p, 2);
	if (**p == ':')
		(*p)++;
	if (**p)
		minutes = digits(p, 2);
	if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59)
		return -EINVAL;
	*ret = sign * (hours * 3600 + minutes * 60);
	return 0;
}

int time_parse(const char *text, uint64_t *ret_ns)
{
	struct tm tm = { 0 };
	uint64_t ns = 0;
	int offset = 0;
	time_t t;

	if (date_of(&text, &tm) < 0)
		return -EINVAL;
	if (*text == 'T' || *text == ' ') {
		text++;
		if (clock_of(&text, &tm) < 0)
			return -EINVAL;
		ns = fraction_of(&text);
		if (offset_of(&text, &offset) < 0)
			return -EINVAL;
	}
	if (*text)
		return -EINVAL;
	t = timegm(&tm) - offset;
	if (t < 0)
		return -EINVAL;
	*ret_ns = (uint64_t)t * 1000000000ULL + ns;
	return 0;
}
