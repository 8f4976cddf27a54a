/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogues of GCP and Azure. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cost/import_internal.h"

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && !strcmp(text + len - n, end);
}

/* "N2 Instance Core running in Virginia" is "n2:core"; "" for anything else. */
static void gcp_type(const char *description, char *out, size_t size)
{
	static const char *const spot[] = { "Spot Preemptible ", "Preemptible " };
	const char *text = description, *part;
	char family[16];
	size_t len;

	*out = '\0';
	for (size_t i = 0; i < 2; i++)
		if (!strncmp(text, spot[i], strlen(spot[i])))
			text += strlen(spot[i]);
	len = strcspn(text, " ");
	if (!len || len >= sizeof(family) || strstr(text, "Custom") ||
	    strstr(text, "Sole Tenancy") || strstr(text, "Extended") ||
	    strstr(text, "Commitment") || strstr(text, "Reserved"))
		return;
	for (size_t i = 0; i < len; i++)
		family[i] = (char)tolower((unsigned char)text[i]);
	family[len] = '\0';
	if (!strncmp(text, "Compute optimized", 17))
		str_copy(family, sizeof(family), "c2");
	part = strstr(text, "Core running in")	? "core"
	       : strstr(text, "Ram running in") ? "ram"
						: "";
	if (*part)
		snprintf(out, size, "%s:%s", family, part);
}

static int gcp_price(struct price_import *i, const char *what, const json_t *expression, money *ret)
{
	const json_t *rates = json_object_get(expression, "tieredRates");
	const json_t *unit = json_object_get(
		json_array_get(rates, json_array_size(rates) ? json_array_size(rates) - 1 : 0),
		"unitPrice");
	const json_t *units = json_object_get(unit, "units");
	char text[64];

	snprintf(text, sizeof(text), "%s.%09lld",
		 json_is_string(units) ? json_string_value(units) : "0",
		 (long long)json_integer_value(json_object_get(unit, "nanos")));
	return import_price(i, what, text, import_text(unit, "currencyCode"), ret);
}

int import_gcp(struct price_import *i, const json_t *sku)
{
	const json_t *category = json_object_get(sku, "category");
	const json_t *info = json_array_get(json_object_get(sku, "pricingInfo"), 0);
	const json_t *regions = json_object_get(sku, "serviceRegions");
	const char *usage = import_text(category, "usageType");
	struct price_row row = { .provider = "gcp", .source = "gcp catalogue" };
	size_t n = json_array_size(regions);
	int r = 0;

	gcp_type(import_text(sku, "description"), row.type, sizeof(row.type));
	if (!*row.type || (strcmp(usage, "OnDemand") && strcmp(usage, "Preemptible"))) {
		i->result.skipped++;
		return 0;
	}
	row.lifecycle = !strcmp(usage, "Preemptible") ? LIFECYCLE_SPOT : LIFECYCLE_ON_DEMAND;
	r = gcp_price(i, row.type, json_object_get(info, "pricingExpression"), &row.usd_per_hour);
	str_copy(row.as_of, sizeof(row.as_of), import_text(info, "effectiveTime"));
	row.as_of[strlen(row.as_of) > 10 ? 10 : strlen(row.as_of)] = '\0';
	for (size_t k = 0; k < n && r == 0; k++) {
		const char *region = json_string_value(json_array_get(regions, k));

		str_copy(row.region, sizeof(row.region), region ? region : "");
		r = import_row(i, &row);
	}
	return r;
}

int import_azure(struct price_import *i, const json_t *item)
{
	const char *sku_name = import_text(item, "skuName");
	const json_t *price = json_object_get(item, "retailPrice");
	struct price_row row = { .provider = "azure", .source = "azure retail prices" };
	char text[40];
	int r;

	if (strcmp(import_text(item, "type"), "Consumption") ||
	    strcmp(import_text(item, "unitOfMeasure"), "1 Hour") ||
	    !*import_text(item, "armSkuName") ||
	    strcmp(import_text(item, "serviceName"), "Virtual Machines") ||
	    ends_with(import_text(item, "productName"), " Windows") ||
	    ends_with(import_text(item, "meterName"), " Low Priority") ||
	    ends_with(sku_name, " Low Priority")) {
		i->result.skipped++;
		return 0;
	}
	row.lifecycle = ends_with(sku_name, " Spot") ? LIFECYCLE_SPOT : LIFECYCLE_ON_DEMAND;
	str_copy(row.type, sizeof(row.type), import_text(item, "armSkuName"));
	str_copy(row.region, sizeof(row.region), import_text(item, "armRegionName"));
	if (!json_is_number(price))
		return import_fail(i, -EINVAL, "%s has no price", row.type);
	/* The list has at most 9 places: 15 digits bring them back from a double. */
	snprintf(text, sizeof(text), "%.15g", json_number_value(price));
	r = import_price(i, row.type, text, import_text(item, "currencyCode"), &row.usd_per_hour);
	if (r < 0)
		return r;
	str_copy(row.as_of, sizeof(row.as_of), import_text(item, "effectiveStartDate"));
	row.as_of[strlen(row.as_of) > 10 ? 10 : strlen(row.as_of)] = '\0';
	return import_row(i, &row);
}
