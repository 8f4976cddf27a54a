/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic on struct wire_ledger. Every operation keeps the books balanced:
 * thread_ns is always the sum of the states.
 */
#ifndef TRACER_MODEL_LEDGER_H
#define TRACER_MODEL_LEDGER_H

#include <stdbool.h>

#include "bpf/wire.h"

void ledger_add(struct wire_ledger *to, const struct wire_ledger *more);
void ledger_sub(struct wire_ledger *from, const struct wire_ledger *less);
/* Raises *total to `now`, field by field, and puts what that added in *ret_piece: the
 * pieces of a process always sum to its last total. States that were above `now` keep
 * the larger value; by how much is in *ret_excess. Totals of a thread that has a CPU are
 * estimates (what the hypervisor took of it meanwhile is not known yet), so this happens.
 * False if another field of `now` was below *total, or if its states did not sum up. */
bool ledger_advance(struct wire_ledger *total, const struct wire_ledger *now,
		    struct wire_ledger *ret_piece, struct wire_ledger *ret_excess);
/* Every field of `less` is at most that of `of`. */
bool ledger_covers(const struct wire_ledger *of, const struct wire_ledger *less);
/* All numbers in the order of struct wire_ledger, for a JSON text; returns how many there
 * are up to the last that is not 0. And back: what is behind them is 0. */
#define LEDGER_NUMBERS (LEDGER_STATES + 18)
unsigned ledger_numbers(const struct wire_ledger *l, uint64_t ret[LEDGER_NUMBERS]);
void ledger_from_numbers(const uint64_t *numbers, unsigned n, struct wire_ledger *ret);
uint64_t ledger_states_sum(const struct wire_ledger *l);

#endif
