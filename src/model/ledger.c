/* SPDX-License-Identifier: Apache-2.0 */
#include "src/model/ledger.h"

#include <string.h>

#include "src/base/cleanup.h"

/* All members are 64-bit numbers (asserted in wire.h by the size). */
#define LEDGER_WORDS LEDGER_NUMBERS

struct words {
	uint64_t w[LEDGER_WORDS];
};

static struct words load(const struct wire_ledger *l)
{
	struct words words;

	memcpy(&words, l, sizeof(words));
	return words;
}

unsigned ledger_numbers(const struct wire_ledger *l, uint64_t ret[LEDGER_NUMBERS])
{
	unsigned n = LEDGER_NUMBERS;

	memcpy(ret, l, sizeof(*l));
	while (n && !ret[n - 1])
		n--;
	return n;
}

void ledger_from_numbers(const uint64_t *numbers, unsigned n, struct wire_ledger *ret)
{
	*ret = (struct wire_ledger){ 0 };
	memcpy(ret, numbers, (n < LEDGER_NUMBERS ? n : LEDGER_NUMBERS) * sizeof(*numbers));
}

uint64_t ledger_states_sum(const struct wire_ledger *l)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < LEDGER_STATES; i++)
		sum += l->state_ns[i];
	return sum;
}

void ledger_add(struct wire_ledger *to, const struct wire_ledger *more)
{
	struct words a = load(to), b = load(more);
	unsigned i;

	for (i = 0; i < LEDGER_WORDS; i++)
		a.w[i] += b.w[i];
	memcpy(to, &a, sizeof(a));
}

void ledger_sub(struct wire_ledger *from, const struct wire_ledger *less)
{
	struct words a = load(from), b = load(less);
	unsigned i;

	for (i = 0; i < LEDGER_WORDS; i++)
		a.w[i] -= b.w[i];
	memcpy(from, &a, sizeof(a));
}

bool ledger_covers(const struct wire_ledger *of, const struct wire_ledger *less)
{
	struct words a = load(of), b = load(less);

	for (unsigned i = 0; i < LEDGER_WORDS; i++)
		if (a.w[i] < b.w[i])
			return false;
	return true;
}

bool ledger_advance(struct wire_ledger *total, const struct wire_ledger *now,
		    struct wire_ledger *ret_piece, struct wire_ledger *ret_excess)
{
	struct words before = load(total), after = load(now), piece = { 0 }, excess = { 0 };
	bool whole = ledger_states_sum(now) == now->thread_ns;
	uint64_t thread_ns = total->thread_ns;
	unsigned i;

	for (i = 0; i < LEDGER_WORDS; i++) {
		if (after.w[i] < before.w[i]) {
			if (i < LEDGER_STATES)
				excess.w[i] = before.w[i] - after.w[i];
			else if (i > LEDGER_STATES) /* thread_ns is the sum of the states */
				whole = false;
			continue;
		}
		piece.w[i] = after.w[i] - before.w[i];
		before.w[i] = after.w[i];
	}
	memcpy(total, &before, sizeof(before));
	memcpy(ret_piece, &piece, sizeof(piece));
	total->thread_ns = ledger_states_sum(total);
	ret_piece->thread_ns = total->thread_ns - thread_ns;
	memcpy(ret_excess, &excess, sizeof(excess));
	ret_excess->thread_ns = ledger_states_sum(ret_excess);
	return whole;
}
