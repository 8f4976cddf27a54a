/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Money as integers of 10^-12 USD ("pico"), so that bills with 11 decimals are
 * kept as they are and sums never drift. One amount fits int64 (9.2 million USD);
 * sums of amounts are 128-bit. No double touches an amount.
 */
#ifndef TRACER_COST_MONEY_H
#define TRACER_COST_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USD	  1000000000000LL /* 1 USD in pico */
#define MONEY_MAX 48		  /* bytes that any formatted amount needs */

typedef int64_t money;
typedef __int128 money_sum;
typedef unsigned __int128 weight_sum;

/* A decimal number with up to `decimals` (<= 18) places, as an integer of
 * 10^-decimals: "0.34", "-1.5", "8.0E-7". Further places round half away from
 * zero, which returns 1 instead of 0. -EINVAL: no number (NaN, a comma, text
 * behind it); -ERANGE: does not fit. */
int decimal_parse(const char *text, unsigned decimals, int64_t *ret);
int money_parse(const char *text, money *ret); /* USD; the same results */

/* Exact, without trailing zeros: "0.34", "-0.000000000001". Returns buf. */
const char *money_text(char buf[MONEY_MAX], money_sum m);
/* Rounded half away from zero to `decimals` (0-12) places: "0.340000". */
const char *money_round(char buf[MONEY_MAX], money_sum m, unsigned decimals);

/* rate per hour x ns, rounded half up; rate >= 0. -ERANGE: does not fit. */
int money_for(money usd_per_hour, uint64_t ns, money *ret);

/*
 * Divides total among n parts in the proportion of their weights, exactly: the
 * parts sum to total. q = |total| * w / W, and what is left by rounding down goes
 * to the largest remainders, ties to the lowest index ("largest remainder"; a
 * negative total is divided by its absolute value). -EINVAL: n or W is 0, or a
 * weight has its top bit set. -ENOMEM. Outputs are written only on success.
 */
int money_divide(money total, const uint64_t *weights, size_t n, money *ret_parts);

#endif
