/* SPDX-License-Identifier: Apache-2.0 */
/* CSV: the EC2 price list (lines about the file, then a header), and our own
 * tables. Both are read by the names in the header. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/cost/import_internal.h"

enum aws_column {
	AWS_TERM,
	AWS_UNIT,
	AWS_PRICE,
	AWS_CURRENCY,
	AWS_FAMILY,
	AWS_TYPE,
	AWS_TENANCY,
	AWS_OS,
	AWS_LICENSE,
	AWS_STATUS,
	AWS_SOFTWARE,
	AWS_REGION,
	AWS_COLUMNS
};
enum own_column {
	OWN_PROVIDER,
	OWN_REGION,
	OWN_ZONE,
	OWN_TYPE,
	OWN_LIFECYCLE,
	OWN_PRICE,
	OWN_SINCE,
	OWN_AS_OF,
	OWN_SOURCE,
	OWN_COLUMNS
};

static const char *const aws_names[AWS_COLUMNS] = {
	"TermType",	  "Unit",	    "PricePerUnit",	 "Currency",
	"Product Family", "Instance Type",  "Tenancy",		 "Operating System",
	"License Model",  "CapacityStatus", "Pre Installed S/W", "Region Code",
};
static const char *const own_names[OWN_COLUMNS] = {
	"provider",	"region", "zone",  "type",   "lifecycle",
	"usd_per_hour", "since",  "as_of", "source",
};

static int find_column(const struct csv_record *r, const char *name)
{
	for (size_t k = 0; k < r->n; k++)
		if (!strcmp(r->fields[k], name))
			return (int)k;
	return -1;
}

static const char *cell(const struct price_import *i, const struct csv_record *r, int column)
{
	int k = i->column[column];

	return k >= 0 && (size_t)k < r->n ? r->fields[k] : "";
}

static int read_header(struct price_import *i, const struct csv_record *r)
{
	bool own = find_column(r, "provider") >= 0 && find_column(r, "usd_per_hour") >= 0;
	const char *const *names = own ? own_names : aws_names;

	if (!strcmp(r->fields[0], "Publication Date") && r->n > 1)
		str_copy(i->published, sizeof(i->published), r->fields[1]);
	i->published[10] = '\0';
	if (!own && (find_column(r, "SKU") < 0 || find_column(r, "PricePerUnit") < 0)) {
		/* The price list has five lines about itself. */
		return r->line > 20 ? import_fail(i, -EINVAL, "no header of a price list") : 0;
	}
	i->aws_csv = !own;
	for (int k = 0; k < (own ? (int)OWN_COLUMNS : (int)AWS_COLUMNS); k++)
		i->column[k] = find_column(r, names[k]);
	if (!own && i->column[AWS_TYPE] < 0)
		return import_fail(i, -EINVAL, "the price list has no column `Instance Type`");
	if (own && i->column[OWN_TYPE] < 0)
		return import_fail(i, -EINVAL, "the table has no column `type`");
	str_copy(i->result.format, sizeof(i->result.format),
		 own ? "price table" : "AWS price list");
	i->header = true;
	i->columns = r->n;
	i->terms = true;
	return 0;
}

static bool unless(const char *text, const char *want)
{
	return *text && strcmp(text, want);
}

static int aws_record(struct price_import *i, const struct csv_record *r)
{
	struct price_row row = { .provider = "aws", .source = "aws price list" };
	const char *unit = cell(i, r, AWS_UNIT);
	int e;

	if (strcmp(cell(i, r, AWS_TERM), "OnDemand") || strcmp(cell(i, r, AWS_TENANCY), "Shared") ||
	    strcmp(cell(i, r, AWS_OS), "Linux") || unless(cell(i, r, AWS_STATUS), "Used") ||
	    unless(cell(i, r, AWS_SOFTWARE), "NA") ||
	    unless(cell(i, r, AWS_LICENSE), "No License required") ||
	    (strcmp(unit, "Hrs") && strcmp(unit, "Hours")) ||
	    strncmp(cell(i, r, AWS_FAMILY), "Compute Instance", 16)) {
		i->result.skipped++;
		return 0;
	}
	str_copy(row.type, sizeof(row.type), cell(i, r, AWS_TYPE));
	str_copy(row.region, sizeof(row.region), cell(i, r, AWS_REGION));
	str_copy(row.as_of, sizeof(row.as_of), i->published);
	e = import_price(i, row.type, cell(i, r, AWS_PRICE), cell(i, r, AWS_CURRENCY),
			 &row.usd_per_hour);
	if (e < 0)
		return e;
	if (!*row.type || !*row.region)
		return import_fail(i, -EINVAL, "line %" PRIu64 ": no instance type or region code",
				   r->line);
	return import_row(i, &row);
}

static int own_record(struct price_import *i, const struct csv_record *r)
{
	const char *since = cell(i, r, OWN_SINCE), *lifecycle = cell(i, r, OWN_LIFECYCLE);
	struct price_row row = { 0 };
	uint64_t as_of_ns;
	int e;

	str_copy(row.provider, sizeof(row.provider), cell(i, r, OWN_PROVIDER));
	str_copy(row.region, sizeof(row.region), cell(i, r, OWN_REGION));
	str_copy(row.zone, sizeof(row.zone), cell(i, r, OWN_ZONE));
	str_copy(row.type, sizeof(row.type), cell(i, r, OWN_TYPE));
	str_copy(row.as_of, sizeof(row.as_of), cell(i, r, OWN_AS_OF));
	str_copy(row.source, sizeof(row.source),
		 *cell(i, r, OWN_SOURCE) ? cell(i, r, OWN_SOURCE) : "own table");
	if (!*row.provider || !*row.type)
		return import_fail(i, -EINVAL, "line %" PRIu64 ": no provider or type", r->line);
	if (*lifecycle && lifecycle_parse(lifecycle, &row.lifecycle) < 0)
		return import_fail(i, -EINVAL,
				   "line %" PRIu64 ": lifecycle `%.20s` is not on-demand "
				   "or spot",
				   r->line, lifecycle);
	if (*since && time_parse(since, &row.since_ns) < 0)
		return import_fail(i, -EINVAL, "line %" PRIu64 ": `%.40s` is no time", r->line,
				   since);
	if (*row.as_of && time_parse(row.as_of, &as_of_ns) < 0)
		return import_fail(i, -EINVAL,
				   "line %" PRIu64 ": as_of `%.20s` is no day such as 2026-08-01",
				   r->line, row.as_of);
	e = import_price(i, row.type, cell(i, r, OWN_PRICE), "USD", &row.usd_per_hour);
	return e < 0 ? e : import_row(i, &row);
}

int import_csv_record(void *ctx, const struct csv_record *record)
{
	struct price_import *i = ctx;

	if (!i->header)
		return read_header(i, record);
	if (record->n != i->columns)
		return import_fail(i, -EPROTO,
				   "line %" PRIu64 ": %zu columns, not %zu: is it cut off?",
				   record->line, record->n, i->columns);
	return i->aws_csv ? aws_record(i, record) : own_record(i, record);
}
