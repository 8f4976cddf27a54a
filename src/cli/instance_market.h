/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines that could be had: every type of a provider with a price, from the user's
 * tables and the built-in one (the user's win), joined with what is known of the type,
 * as candidates for src/analysis/instances.h.
 */
#ifndef TRACER_CLI_INSTANCE_MARKET_H
#define TRACER_CLI_INSTANCE_MARKET_H

#include <uthash.h>

#include "src/analysis/instances.h"
#include "src/base/arena.h"
#include "src/cost/machines.h"
#include "src/cost/prices.h"

#define MARKET_TYPES_MAX   20000
#define MARKET_REGIONS_MAX 256
#define MARKET_MAX	   100000 /* candidates */

struct market_type {
	struct machine_facts facts;
	struct machine size;
	char family[64];
	UT_hash_handle hh;
};

struct market_price { /* of the candidate of the same index */
	char as_of[12], source[40];
	bool builtin;
	const struct market_type *type;
};

struct market_query {
	const char *provider, *region, *zone; /* region NULL: unknown: all regions */
	uint64_t time_ns;
	const struct price_table *own;
	enum lifecycle lifecycle; /* as bought; the other one only in the region itself */
	double taken_per_hour;	  /* spot, of all types; < 0: by the table's bands */
	bool elsewhere;		  /* other regions, too */
};

struct market { /* zeroed: empty */
	struct arena arena;
	struct market_type *types;
	struct instance *list;
	struct market_price *prices;
	size_t n, size;
	uint64_t without_size; /* prices of types whose size is not known */
	uint64_t beyond;       /* prices beyond the limits */
};

int market_load(struct market *m, const struct market_query *q); /* 0 or -errno */
void market_fini(struct market *m);
const struct market_type *market_type(const struct market *m, const char *type); /* or NULL */
/* Fills what is known of a type; false: nothing is. */
bool market_instance(const struct market *m, const char *type, struct instance *ret);
/* Spot machines of a band taken away an hour: of a share f in a month, -ln(1 - f) / 24,
 * as if each were used for 24 h. */
double taken_of_share(double share);

#endif
