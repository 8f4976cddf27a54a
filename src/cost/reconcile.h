/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Estimates meet bills. Charges of resources that are known are kept, one version
 * of each line: a line that is there twice counts once; with another amount in a
 * file that was read later, that one wins and the difference is told (bills change
 * until their month is closed). FOCUS lines have no ids: of lines that differ in
 * amounts only, the n-th of a file replaces the n-th of an earlier file.
 * Everything else is only added up, by what it is. Nothing vanishes:
 *	matched + unmatched + unused commitments + taxes and the like = all amounts
 */
#ifndef TRACER_COST_RECONCILE_H
#define TRACER_COST_RECONCILE_H

#include "src/cost/bill.h"

#define CHARGES_MAX 1000000 /* kept; each is about 100 bytes */
#define SEEN_MAX    1000000 /* other lines that are told apart; 64 bytes each */

struct charge_key {
	uint64_t id[2];
	uint64_t full; /* of all columns */
	uint32_t file; /* that said so last */
};

struct matched_charge {
	struct charge_key key;
	uint32_t resource; /* index into bill_book.resources */
	struct cost_line line;
};

struct seen_charge { /* of a resource that is not known, or of none */
	struct charge_key key;
	money amount;
	enum charge_class class;
};

struct bill_table { /* open addressing by id: index + 1 */
	size_t *slots;
	size_t size;
};

struct bill_book {
	const char *const
		*resources; /* ids to match, borrowed; an ARN that ends in "/id" matches */
	size_t n_resources;
	struct matched_charge *charges; /* after bill_book_sort(): by resource, then start */
	size_t n, size;
	struct bill_table table;
	struct seen_charge *seen;
	size_t n_seen, size_seen;
	struct bill_table seen_table;
	uint64_t unchecked; /* lines beyond SEEN_MAX: added up, but not told apart */
	uint32_t file;	    /* number of the file that is being read */
	money_sum total, matched, unmatched, unused, other;
	uint64_t lines, n_unmatched, n_other;
	uint64_t duplicates, changed;
	money_sum change; /* what later versions added (or took: a bill that shrank) */
};

/* 0, -E2BIG (CHARGES_MAX), -ERANGE (the sums), -ENOMEM. */
int bill_book_add(struct bill_book *b, const struct charge *charge);
void bill_book_sort(struct bill_book *b); /* nothing can be added after it */
void bill_book_fini(struct bill_book *b);

/*
 * The lines for a host: its charges that touch [start, end), and the estimate for
 * the time that no charge of the same kind covers. estimate: lines of one kind, by
 * start and not overlapping. Writes at most max lines; returns how many there are
 * (more than max: call again with more room).
 */
struct trued {
	struct cost_line line;
	bool billed;
};
size_t bill_true_up(const struct bill_book *b, uint32_t resource, const struct cost_line *estimate,
		    size_t n_estimate, struct trued *ret, size_t max);

#endif
