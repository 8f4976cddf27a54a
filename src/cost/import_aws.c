/* SPDX-License-Identifier: Apache-2.0 */
/* AWS: the bulk price list of EC2 (products first, then the prices of their
 * SKUs), and the history of spot prices. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "src/cost/import_internal.h"

#define SKUS_MAX 200000

struct sku {
	char id[24], type[48], region[24];
	UT_hash_handle hh;
};

void import_skus_free(struct price_import *i)
{
	struct sku *s, *tmp;

	HASH_ITER (hh, i->skus, s, tmp) {
		HASH_DEL(i->skus, s);
		free(s);
	}
}

static bool is(const json_t *attributes, const char *name, const char *want)
{
	const char *text = import_text(attributes, name);

	return !*text || !strcmp(text, want); /* some columns are missing in some regions */
}

static bool is_plain_linux(const json_t *product, const json_t *a)
{
	const char *family = import_text(product, "productFamily");

	return !strncmp(family, "Compute Instance", 16) && *import_text(a, "instanceType") &&
	       !strcmp(import_text(a, "operatingSystem"), "Linux") &&
	       !strcmp(import_text(a, "tenancy"), "Shared") && is(a, "preInstalledSw", "NA") &&
	       is(a, "capacitystatus", "Used") && is(a, "marketoption", "OnDemand") &&
	       is(a, "licenseModel", "No License required");
}

int import_aws_product(struct price_import *i, const json_t *product)
{
	const json_t *a = json_object_get(product, "attributes");
	struct sku *s;

	if (!is_plain_linux(product, a)) {
		i->result.skipped++;
		return 0;
	}
	if (HASH_COUNT(i->skus) >= SKUS_MAX)
		return import_fail(i, -E2BIG, "more than %d products", SKUS_MAX);
	s = calloc(1, sizeof(*s));
	if (!s)
		return import_fail(i, -ENOMEM, "no memory");
	str_copy(s->id, sizeof(s->id), import_text(product, "sku"));
	str_copy(s->type, sizeof(s->type), import_text(a, "instanceType"));
	str_copy(s->region, sizeof(s->region), import_text(a, "regionCode"));
	HASH_ADD_STR(i->skus, id, s);
	if (!s->hh.tbl) {
		free(s);
		return import_fail(i, -ENOMEM, "no memory");
	}
	return 0;
}

static int one_rate(struct price_import *i, const struct sku *s, const json_t *dimension)
{
	const json_t *per_unit = json_object_get(dimension, "pricePerUnit");
	const char *currency = json_object_iter_key(json_object_iter((json_t *)per_unit));
	const char *text = currency ? import_text(per_unit, currency) : "";
	struct price_row row = { .provider = "aws", .source = "aws price list" };
	int r;

	if (json_object_get(per_unit, "USD")) {
		currency = "USD";
		text = import_text(per_unit, "USD");
	}
	if (strcmp(import_text(dimension, "unit"), "Hrs"))
		return 0;
	r = import_price(i, s->type, text, currency ? currency : "", &row.usd_per_hour);
	if (r < 0)
		return r;
	str_copy(row.region, sizeof(row.region), s->region);
	str_copy(row.type, sizeof(row.type), s->type);
	str_copy(row.as_of, sizeof(row.as_of), i->published);
	return import_row(i, &row);
}

int import_aws_term(struct price_import *i, const char *sku, const json_t *terms)
{
	struct sku *s = NULL;
	const char *key;
	json_t *term;

	if (!i->skus && !i->terms && !i->result.skipped)
		return import_fail(i, -EINVAL,
				   "prices come before the products that they belong to");
	i->terms = true;
	HASH_FIND_STR(i->skus, sku, s);
	if (!s)
		return 0;
	json_object_foreach((json_t *)terms, key, term)
	{
		json_t *dimensions = json_object_get(term, "priceDimensions"), *d;
		const char *rate;

		json_object_foreach(dimensions, rate, d)
		{
			int r = one_rate(i, s, d);

			if (r)
				return r;
		}
	}
	return 0;
}

int import_spot(struct price_import *i, const json_t *step)
{
	const char *product = import_text(step, "ProductDescription");
	const char *time = import_text(step, "Timestamp");
	struct price_row row = { .provider = "aws",
				 .lifecycle = LIFECYCLE_SPOT,
				 .source = "aws spot price history" };
	size_t len;
	int r;

	if (*product && strncmp(product, "Linux/UNIX", 10)) {
		i->result.skipped++;
		return 0;
	}
	str_copy(row.type, sizeof(row.type), import_text(step, "InstanceType"));
	str_copy(row.zone, sizeof(row.zone), import_text(step, "AvailabilityZone"));
	r = import_price(i, row.type, import_text(step, "SpotPrice"), "USD", &row.usd_per_hour);
	if (r < 0)
		return r;
	if (time_parse(time, &row.since_ns) < 0)
		return import_fail(i, -EINVAL, "a step of %s has no time: `%.40s`", row.type, time);
	str_copy(row.as_of, 11, time); /* the day */
	str_copy(row.region, sizeof(row.region), row.zone);
	len = strlen(row.region);
	if (len && row.region[len - 1] >= 'a' && row.region[len - 1] <= 'z')
		row.region[len - 1] = '\0';
	if (!*row.type || !*row.zone)
		return import_fail(i, -EINVAL, "a step without a type or a zone");
	return import_row(i, &row);
}
