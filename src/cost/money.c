/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/money.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"

#define NS_PER_HOUR  3600000000000ULL
#define EXPONENT_MAX 60

/* What is read of a number: its digits without the point, and where that was. */
struct scan {
	weight_sum digits;
	int scale; /* value = digits * 10^-scale */
	bool negative, any;
	bool beyond;	  /* too many digits to keep: those behind the point are dropped */
	unsigned dropped; /* the first of them, */
	bool more;	  /* and whether another was not 0 */
};

static int scan_digit(struct scan *s, char c, bool behind_point)
{
	unsigned d = (unsigned)(c - '0');

	s->any = true;
	if (!s->beyond && s->digits > (((weight_sum)1 << 124) - d) / 10) {
		if (!behind_point)
			return -ERANGE;
		s->beyond = true;
		s->dropped = d;
		return 0;
	}
	if (s->beyond) {
		s->more |= d != 0;
		return 0;
	}
	s->digits = s->digits * 10 + d;
	s->scale += behind_point;
	return 0;
}

static int scan_exponent(const char *text, int *ret)
{
	char *end;
	long e;

	if ((*text != '+' && *text != '-' && (*text < '0' || *text > '9')))
		return -EINVAL;
	errno = 0;
	e = strtol(text, &end, 10);
	if (end == text || *end)
		return -EINVAL;
	if (errno || e > EXPONENT_MAX || e < -EXPONENT_MAX)
		return -ERANGE;
	*ret = (int)e;
	return 0;
}

static int scan_number(const char *text, struct scan *s)
{
	bool behind = false;
	int exponent = 0, r = 0;

	if (*text == '-' || *text == '+')
		s->negative = *text++ == '-';
	for (; *text && r == 0; text++) {
		if (*text >= '0' && *text <= '9')
			r = scan_digit(s, *text, behind);
		else if (*text == '.' && !behind)
			behind = true;
		else
			break;
	}
	if (r == 0 && *text && s->any && (*text == 'e' || *text == 'E'))
		r = scan_exponent(text + 1, &exponent);
	else if (r == 0 && (*text || !s->any))
		r = -EINVAL;
	s->scale -= exponent;
	return r;
}

int decimal_parse(const char *text, unsigned decimals, int64_t *ret)
{
	struct scan s = { 0 };
	weight_sum rest = 0, unit = 1;
	int r = scan_number(text, &s), shift = (int)decimals - s.scale;
	bool inexact, up;

	if (r < 0)
		return r;
	for (; shift > 0 && s.digits; shift--) {
		if (s.digits > (weight_sum)INT64_MAX)
			return -ERANGE;
		s.digits *= 10;
	}
	for (; shift < 0 && unit < ((weight_sum)1 << 120); shift++)
		unit *= 10;
	rest = shift < 0 ? s.digits : s.digits % unit;
	s.digits = shift < 0 ? 0 : s.digits / unit;
	up = shift == 0 && unit > 1 && rest >= unit - rest;
	if (unit == 1 && s.beyond)
		up = s.dropped >= 5;
	inexact = rest || (s.beyond && (s.dropped || s.more));
	s.digits += up;
	if (s.digits > (weight_sum)INT64_MAX)
		return -ERANGE;
	*ret = s.negative ? -(int64_t)s.digits : (int64_t)s.digits;
	return inexact;
}

int money_parse(const char *text, money *ret)
{
	return decimal_parse(text, 12, ret);
}

static char *put_digits(char *end, weight_sum n)
{
	do
		*--end = (char)('0' + (unsigned)(n % 10));
	while (n /= 10);
	return end;
}

static const char *format(char buf[MONEY_MAX], bool negative, weight_sum whole, const char *places)
{
	char digits[MONEY_MAX], *end = digits + sizeof(digits) - 1, *p;
	size_t len = strlen(places);

	*end = '\0';
	if (len) {
		end -= len;
		memcpy(end, places, len);
		*--end = '.';
	}
	p = put_digits(end, whole);
	if (negative)
		*--p = '-';
	return memcpy(buf, p, (size_t)(digits + sizeof(digits) - p));
}

static void split_sign(money_sum m, bool *ret_negative, weight_sum *ret_abs)
{
	*ret_negative = m < 0;
	*ret_abs = m < 0 ? -(weight_sum)m : (weight_sum)m;
}

static void put_places(char *places, uint64_t n, unsigned decimals)
{
	places[decimals] = '\0';
	while (decimals) {
		places[--decimals] = (char)('0' + n % 10);
		n /= 10;
	}
}

const char *money_text(char buf[MONEY_MAX], money_sum m)
{
	char places[13];
	weight_sum abs;
	bool negative;
	size_t len = 12;

	split_sign(m, &negative, &abs);
	put_places(places, (uint64_t)(abs % USD), 12);
	while (len && places[len - 1] == '0')
		places[--len] = '\0';
	return format(buf, negative, abs / USD, places);
}

const char *money_round(char buf[MONEY_MAX], money_sum m, unsigned decimals)
{
	char places[13];
	weight_sum abs;
	uint64_t unit = 1, per_usd = 1;
	bool negative;

	if (decimals > 12)
		decimals = 12;
	split_sign(m, &negative, &abs);
	for (unsigned i = decimals; i < 12; i++)
		unit *= 10;
	for (unsigned i = 0; i < decimals; i++)
		per_usd *= 10;
	abs = abs / unit + (abs % unit >= unit - abs % unit && unit > 1);
	put_places(places, (uint64_t)(abs % per_usd), decimals);
	return format(buf, negative && abs, abs / per_usd, places);
}

int money_for(money usd_per_hour, uint64_t ns, money *ret)
{
	weight_sum n = (weight_sum)usd_per_hour * ns;

	if (usd_per_hour < 0)
		return -EINVAL;
	n = n / NS_PER_HOUR + (n % NS_PER_HOUR >= NS_PER_HOUR / 2);
	if (n > (weight_sum)INT64_MAX)
		return -ERANGE;
	*ret = (money)n;
	return 0;
}

struct remainder {
	weight_sum r;
	size_t part;
};

static int larger_first(const void *a, const void *b)
{
	const struct remainder *x = a, *y = b;

	if (x->r != y->r)
		return x->r > y->r ? -1 : 1;
	return x->part < y->part ? -1 : x->part > y->part;
}

static weight_sum sum_weights(const uint64_t *weights, size_t n)
{
	weight_sum sum = 0;

	for (size_t i = 0; i < n; i++) {
		if (weights[i] >> 63)
			return 0;
		sum += weights[i];
	}
	return sum;
}

int money_divide(money total, const uint64_t *weights, size_t n, money *ret_parts)
{
	_cleanup_free_ struct remainder *order = NULL;
	weight_sum sum = sum_weights(weights, n), abs;
	struct remainder few[16];
	uint64_t left;
	bool negative;

	if (!n || !sum)
		return -EINVAL;
	split_sign(total, &negative, &abs);
	if (n > 16) {
		order = malloc(n * sizeof(*order));
		if (!order)
			return -ENOMEM;
	}
	struct remainder *o = order ? order : few;

	left = (uint64_t)abs;
	for (size_t i = 0; i < n; i++) {
		weight_sum product = abs * weights[i];
		uint64_t q = (uint64_t)(product / sum);

		o[i] = (struct remainder){ product - q * sum, i };
		ret_parts[i] = negative ? (money) - (int64_t)q : (money)q;
		left -= q;
	}
	if (left)
		qsort(o, n, sizeof(*o), larger_first);
	for (uint64_t i = 0; i < left; i++)
		ret_parts[o[i].part] += negative ? -1 : 1;
	return 0;
}
