/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/terms.h"

#include <string.h>

#define PARTS_PER 10000 /* of a rate */

static const struct {
	const char *family;
	unsigned rate[4]; /* of each quarter of the month, in 1 / PARTS_PER */
} sustained[] = {
	{ "n1-", { 10000, 8000, 6000, 4000 } },	 { "m1-", { 10000, 8000, 6000, 4000 } },
	{ "m2-", { 10000, 8000, 6000, 4000 } },	 { "n2-", { 10000, 8678, 7330, 6000 } },
	{ "n2d-", { 10000, 8678, 7330, 6000 } }, { "c2-", { 10000, 8678, 7330, 6000 } },
};

static const unsigned *rates_of(const char *type)
{
	for (size_t i = 0; i < sizeof(sustained) / sizeof(sustained[0]); i++)
		if (!strncmp(type, sustained[i].family, strlen(sustained[i].family)))
			return sustained[i].rate;
	return NULL;
}

uint64_t billing_minimum_ns(const char *provider)
{
	if (provider && (!strcmp(provider, "aws") || !strcmp(provider, "gcp")))
		return 60000000000ULL;
	return 0;
}

bool has_sustained_use(const char *provider, const char *type, enum lifecycle lifecycle)
{
	return provider && type && !strcmp(provider, "gcp") && lifecycle == LIFECYCLE_ON_DEMAND &&
	       rates_of(type);
}

money sustained_use_price(const char *type, unsigned percent, money usd_per_hour)
{
	const unsigned *rate = rates_of(type);
	weight_sum sum = 0, whole = (weight_sum)percent * PARTS_PER;

	if (!rate || !percent || percent > 100 || usd_per_hour < 0)
		return usd_per_hour;
	for (unsigned q = 0; q < 4 && percent > q * 25; q++)
		sum += (weight_sum)rate[q] * (percent - q * 25 < 25 ? percent - q * 25 : 25);
	return (money)(((weight_sum)usd_per_hour * sum + whole / 2) / whole);
}
