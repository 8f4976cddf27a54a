/* SPDX-License-Identifier: Apache-2.0 */
/* Names of machines, regions and providers that are near a misspelt one. */
#ifndef TRACER_CLI_PRICE_NEAR_H
#define TRACER_CLI_PRICE_NEAR_H

#include "src/cost/prices.h"

/* What was asked for (NULL: nothing, any), and of it what no price is of: the name that is near,
 * "": none is, or a pattern. A name that some price is of is not in it. */
struct price_near {
	const char *provider, *type, *region;
	char near_provider[16], near_type[64], near_region[40];
	bool has_provider, has_type, has_region;
};

/* user may be NULL. */
void price_near_find(struct price_near *n, const struct price_table *user);
/* "there is no type `c5.xlagre`, did you mean `c5.xlarge`?" of the first that is unknown;
 * NULL: each is known. */
const char *price_near_text(const struct price_near *n, char *buf, size_t size);

#endif
