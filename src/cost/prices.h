/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine costs per hour: the table that is compiled in, tables of the
 * user, and rates for machines that one owns. Pure: tables come as memory.
 *
 * Order of precedence: a price given for the host; its rates; rows of the user's
 * table (zone before region before any); the built-in table. Nothing fits:
 * -ENOENT, and the caller says "unpriced". No price is ever guessed.
 */
#ifndef TRACER_COST_PRICES_H
#define TRACER_COST_PRICES_H

#include "src/cost/money.h"

#define PRICE_TEXT	 100
#define PRICE_STALE_DAYS 180 /* older prices warn */
#define GIB		 (1024ULL * 1024 * 1024)

enum lifecycle { LIFECYCLE_ON_DEMAND, LIFECYCLE_SPOT, LIFECYCLES };
const char *lifecycle_name(enum lifecycle lifecycle);
int lifecycle_parse(const char *text, enum lifecycle *ret); /* -EINVAL */

/* A machine type's size; 0: unknown. */
struct machine {
	uint32_t vcpus_milli;
	uint64_t memory_bytes;
	uint32_t gpus_milli;
	uint32_t gpu_memory_gib;
	char gpu_model[32];
	bool arm;
};

/* One line of a table of prices. */
struct price_row {
	char provider[16], region[40], zone[48], type[64]; /* region, zone "": any */
	enum lifecycle lifecycle;
	money usd_per_hour;
	uint64_t since_ns; /* valid from then on; 0: always */
	char as_of[12];	   /* YYYY-MM-DD; "": unknown */
	char source[40];
};

#define PRICE_ROWS_MAX 500000

struct price_table {
	struct price_row *rows;
	size_t n, size;
	bool sorted;
};

/* Appends a copy. -ERANGE: a price below 0 or above 100,000 USD an hour; -E2BIG:
 * more than PRICE_ROWS_MAX; -EINVAL: no provider or type; -ENOMEM. */
int price_table_add(struct price_table *t, const struct price_row *row);
void price_table_sort(struct price_table *t); /* before looking things up */
void price_table_fini(struct price_table *t);

struct price_query {
	const char *provider, *type, *region, *zone; /* zone may be NULL */
	enum lifecycle lifecycle;
	uint64_t time_ns;
};

struct price {
	money usd_per_hour;
	uint64_t until_ns; /* valid until then; UINT64_MAX: to the end */
	char as_of[12], source[40];
	bool builtin;
};

/* 0, -ENOENT: no such price. user may be NULL. */
int price_find(const struct price_table *user, const struct price_query *q, struct price *ret);
/* The same in the user's table alone. */
int price_find_own(const struct price_table *user, const struct price_query *q, struct price *ret);
/* The size of a machine type in the built-in table. -ENOENT. */
int machine_find(const char *provider, const char *type, struct machine *ret);
/* Every cell of the built-in table; non-zero ends it and is returned. */
int price_each_builtin(int (*visit)(void *ctx, const struct price_row *row,
				    const struct machine *machine),
		       void *ctx);
/* USD per GB and month of a block volume ("gp3", "balanced", ...) or -ENOENT. */
int price_volume(const char *provider, const char *region, const char *type, struct price *ret);
/* USD per GB that leaves the region for another one: the highest known. -ENOENT. */
int price_transfer(const char *provider, const char *region, struct price *ret);

/* Days from as_of to the time; -1: as_of unknown or later. */
int price_age_days(const char *as_of, uint64_t time_ns);

/* What owned hardware costs; < 0: not given. */
struct rates {
	money core_hour, gib_hour, gpu_hour, kwh;
};

#define RATES_NONE                                                                                 \
	{                                                                                          \
		-1, -1, -1, -1                                                                     \
	}
bool rates_given(const struct rates *r);
/* Price of a machine of that size, without energy. -ERANGE. */
int rates_price(const struct rates *r, const struct machine *m, money *ret_usd_per_hour);

/* "2026-07-20", "2026-07-20T10:00:00Z", with a blank for the T, fractions or an
 * offset: Unix ns, UTC where nothing else is said. -EINVAL. */
int time_parse(const char *text, uint64_t *ret_ns);

#endif
