/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cost/bill.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/cost/prices.h"

/* Columns by what they mean, in CUR 2.0 and in FOCUS; NULL: it has none. */
enum column {
	COL_RESOURCE,
	COL_START,
	COL_END,
	COL_BILLED,
	COL_EFFECTIVE,
	COL_CURRENCY,
	COL_CATEGORY,
	COL_DESCRIPTION,
	COL_SERVICE,
	COL_REGION,
	COL_ACCOUNT,
	COL_USAGE_TYPE,
	COL_UNIT,
	COL_ID,
	COL_INTERVAL,
	COL_COMMITMENT,
	COL_SP_TOTAL,
	COL_SP_USED,
	COL_RI_EFFECTIVE,
	COL_RI_UPFRONT,
	COL_RI_RECURRING,
	COL_RI_ARN,
	COLUMNS
};

static const struct {
	const char *cur, *focus;
} names[COLUMNS] = {
	[COL_RESOURCE] = { "line_item_resource_id", "ResourceId" },
	[COL_START] = { "line_item_usage_start_date", "ChargePeriodStart" },
	[COL_END] = { "line_item_usage_end_date", "ChargePeriodEnd" },
	[COL_BILLED] = { "line_item_unblended_cost", "BilledCost" },
	[COL_EFFECTIVE] = { "savings_plan_savings_plan_effective_cost", "EffectiveCost" },
	[COL_CURRENCY] = { "line_item_currency_code", "BillingCurrency" },
	[COL_CATEGORY] = { "line_item_line_item_type", "ChargeCategory" },
	[COL_DESCRIPTION] = { "line_item_line_item_description", "ChargeDescription" },
	[COL_SERVICE] = { "line_item_product_code", "ServiceName" },
	[COL_REGION] = { "product_region_code", "RegionId" },
	[COL_ACCOUNT] = { "line_item_usage_account_id", "SubAccountId" },
	[COL_USAGE_TYPE] = { "line_item_usage_type", "ServiceCategory" },
	[COL_UNIT] = { "pricing_unit", "PricingUnit" },
	[COL_ID] = { "identity_line_item_id", NULL },
	[COL_INTERVAL] = { "identity_time_interval", NULL },
	[COL_COMMITMENT] = { NULL, "CommitmentDiscountStatus" },
	[COL_SP_TOTAL] = { "savings_plan_total_commitment_to_date", NULL },
	[COL_SP_USED] = { "savings_plan_used_commitment", NULL },
	[COL_RI_EFFECTIVE] = { "reservation_effective_cost", NULL },
	[COL_RI_UPFRONT] = { "reservation_unused_amortized_upfront_fee_for_billing_period", NULL },
	[COL_RI_RECURRING] = { "reservation_unused_recurring_fee", NULL },
	[COL_RI_ARN] = { "reservation_reservation_a_r_n", NULL },
};

static int fail(struct bill_reader *b, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct bill_reader *b, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(b->error, sizeof(b->error), format, args);
	va_end(args);
	return error;
}

static const char *cell(const struct bill_reader *b, const struct csv_record *r, enum column c)
{
	int k = b->column[c];
	const char *text = k >= 0 && (size_t)k < r->n ? r->fields[k] : "";

	return strcmp(text, "NULL") && strcmp(text, "null") ? text : "";
}

static int find(const struct csv_record *r, const char *name)
{
	for (size_t k = 0; name && k < r->n; k++)
		if (!strcasecmp(r->fields[k], name))
			return (int)k;
	return -1;
}

static int find_once(struct bill_reader *b, const struct csv_record *r, const char *name, int *ret)
{
	*ret = find(r, name);
	for (size_t k = *ret >= 0 ? (size_t)*ret + 1 : r->n; k < r->n; k++)
		if (!strcasecmp(r->fields[k], name))
			return fail(b, -EINVAL, "line %" PRIu64 ": the column `%s` is there twice",
				    r->line, name);
	return 0;
}

static int need(struct bill_reader *b, enum column c)
{
	if (b->column[c] >= 0)
		return 0;
	return fail(b, -EINVAL, "the bill has no column `%s`: export it with that column",
		    b->format == BILL_CUR ? names[c].cur : names[c].focus);
}

static bool names_amount(const char *name)
{
	static const char *const words[] = { "Cost", "Price", "Quantity" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(name), n = strlen(words[i]);

		if (len >= n && !strcmp(name + len - n, words[i]))
			return true;
	}
	return false;
}

static int unknown_bill(struct bill_reader *b, const struct csv_record *r)
{
	if (find(r, "lineItem/UnblendedCost") >= 0)
		return fail(b, -EINVAL,
			    "line %" PRIu64 ": a legacy Cost and Usage Report: export CUR 2.0 or "
			    "FOCUS instead",
			    r->line);
	return fail(b, -EINVAL,
		    "line %" PRIu64 ": not a bill that is known: no column `%s` (CUR 2.0) or `%s` "
		    "(FOCUS)",
		    r->line, names[COL_BILLED].cur, names[COL_BILLED].focus);
}

static int read_header(struct bill_reader *b, const struct csv_record *r)
{
	if (find(r, names[COL_BILLED].cur) >= 0)
		b->format = BILL_CUR;
	else if (find(r, names[COL_BILLED].focus) >= 0)
		b->format = BILL_FOCUS;
	else
		return unknown_bill(b, r);
	for (int c = 0; c < COLUMNS; c++)
		if (find_once(b, r, b->format == BILL_CUR ? names[c].cur : names[c].focus,
			      &b->column[c]) < 0)
			return -EINVAL;
	b->columns = r->n;
	for (size_t k = 0; k < r->n; k++)
		b->is_amount[k] = names_amount(r->fields[k]);
	if (need(b, COL_RESOURCE) < 0 || need(b, COL_START) < 0 || need(b, COL_END) < 0 ||
	    need(b, COL_CATEGORY) < 0 || need(b, COL_CURRENCY) < 0)
		return -EINVAL;
	return b->view == BILL_EFFECTIVE && b->format == BILL_FOCUS ? need(b, COL_EFFECTIVE) : 0;
}

/* An empty cell is 0: it is an amount that does not apply. */
static int amount_of(struct bill_reader *b, const struct csv_record *r, enum column c, money *ret)
{
	const char *text = cell(b, r, c);
	int e;

	*ret = 0;
	e = *text ? money_parse(text, ret) : 0;
	if (e >= 0)
		return 0;
	return fail(b, e, "line %" PRIu64 ": %s `%.40s`", r->line,
		    e == -ERANGE ? "the amount does not fit (more than 9.2 million USD):"
				 : "not an amount:",
		    text);
}

/* Amortised cost of a CUR line, by its type. */
static int cur_effective(struct bill_reader *b, const struct csv_record *r, const char *type,
			 struct charge *c)
{
	money x, y;

	if (!strcmp(type, "SavingsPlanCoveredUsage"))
		return amount_of(b, r, COL_EFFECTIVE, &c->amount);
	if (!strcmp(type, "DiscountedUsage"))
		return amount_of(b, r, COL_RI_EFFECTIVE, &c->amount);
	if (!strcmp(type, "SavingsPlanNegation") || !strcmp(type, "SavingsPlanUpfrontFee") ||
	    (!strcmp(type, "Fee") && *cell(b, r, COL_RI_ARN))) {
		c->amount = 0;
		return 0;
	}
	if (!strcmp(type, "SavingsPlanRecurringFee")) {
		if (amount_of(b, r, COL_SP_TOTAL, &x) < 0 || amount_of(b, r, COL_SP_USED, &y) < 0)
			return -EINVAL;
		c->amount = x - y;
		return 0;
	}
	if (!strcmp(type, "RIFee")) {
		if (amount_of(b, r, COL_RI_UPFRONT, &x) < 0 ||
		    amount_of(b, r, COL_RI_RECURRING, &y) < 0)
			return -EINVAL;
		c->amount = x + y;
		return 0;
	}
	return amount_of(b, r, COL_BILLED, &c->amount);
}

static int cur_charge(struct bill_reader *b, const struct csv_record *r, struct charge *c)
{
	const char *type = cell(b, r, COL_CATEGORY), *usage = cell(b, r, COL_USAGE_TYPE);

	c->class = CHARGE_OTHER;
	if (!strcmp(type, "Usage") || !strcmp(type, "DiscountedUsage") ||
	    !strcmp(type, "SavingsPlanCoveredUsage"))
		c->class = CHARGE_USAGE;
	else if (b->view == BILL_EFFECTIVE &&
		 (!strcmp(type, "RIFee") || !strcmp(type, "SavingsPlanRecurringFee")))
		c->class = CHARGE_UNUSED;
	if (strstr(usage, "EBS:"))
		c->kind = LINE_STORAGE;
	else if (strstr(usage, "DataTransfer") || strstr(usage, "-Bytes"))
		c->kind = LINE_NETWORK;
	if (b->view == BILL_EFFECTIVE)
		return cur_effective(b, r, type, c);
	return amount_of(b, r, COL_BILLED, &c->amount);
}

static int focus_charge(struct bill_reader *b, const struct csv_record *r, struct charge *c)
{
	const char *category = cell(b, r, COL_CATEGORY), *unit = cell(b, r, COL_UNIT);
	const char *service = cell(b, r, COL_USAGE_TYPE);

	c->class = strcasecmp(category, "Usage") ? CHARGE_OTHER : CHARGE_USAGE;
	if (!strcasecmp(cell(b, r, COL_COMMITMENT), "Unused"))
		c->class = CHARGE_UNUSED;
	if (!strcasecmp(service, "Storage") || strstr(unit, "-Mo") || strstr(unit, "Months"))
		c->kind = LINE_STORAGE;
	else if (!strcasecmp(service, "Networking") ||
		 ((!strcasecmp(unit, "GB") || !strcasecmp(unit, "GiB") ||
		   !strcasecmp(unit, "Gigabytes")) &&
		  strcasestr(c->description, "transfer")))
		c->kind = LINE_NETWORK;
	return amount_of(b, r, b->view == BILL_EFFECTIVE ? COL_EFFECTIVE : COL_BILLED, &c->amount);
}

static int times_of(struct bill_reader *b, const struct csv_record *r, struct charge *c)
{
	const char *start = cell(b, r, COL_START), *end = cell(b, r, COL_END);

	if (time_parse(start, &c->start_ns) < 0 || time_parse(end, &c->end_ns) < 0)
		return fail(b, -EINVAL, "line %" PRIu64 ": `%.30s` - `%.30s` are no times", r->line,
			    start, end);
	if (c->end_ns < c->start_ns)
		return fail(b, -EINVAL,
			    "line %" PRIu64 ": it ends (%.30s) before it starts (%.30s)", r->line,
			    end, start);
	return 0;
}

static void hash_text(uint64_t id[2], const char *text)
{
	for (; *text; text++) {
		id[0] = (id[0] ^ (unsigned char)*text) * 0x100000001b3ULL;
		id[1] = (id[1] + (unsigned char)*text) * 0x9e3779b97f4a7c15ULL;
		id[1] ^= id[1] >> 29;
	}
	id[0] = (id[0] ^ 0x1ff) * 0x100000001b3ULL;
	id[1] = (id[1] + 0x1ff) * 0x9e3779b97f4a7c15ULL;
}

/* FOCUS has no ids of lines. What tells them apart is everything that is no amount. */
static void identify(struct bill_reader *b, const struct csv_record *r, struct charge *c)
{
	const char *id = cell(b, r, COL_ID);
	uint64_t full[2] = { 0xcbf29ce484222325ULL, 0x2545f4914f6cdd1dULL };

	memcpy(c->id, full, sizeof(full));
	c->has_id = *id;
	for (size_t k = 0; k < r->n; k++) {
		hash_text(full, r->fields[k]);
		if (!c->has_id && !b->is_amount[k])
			hash_text(c->id, r->fields[k]);
	}
	c->full = full[0] ^ full[1];
	if (c->has_id) {
		hash_text(c->id, id);
		hash_text(c->id, cell(b, r, COL_INTERVAL));
	}
}

static int read_charge(void *ctx, const struct csv_record *r)
{
	struct bill_reader *b = ctx;
	struct charge c = { .line = r->line };
	int e;

	if (b->format == BILL_UNKNOWN)
		return read_header(b, r);
	if (r->n != b->columns)
		return fail(b, -EPROTO, "line %" PRIu64 ": %zu columns, not %zu: is it cut off?",
			    r->line, r->n, b->columns);
	str_copy(c.resource, sizeof(c.resource), cell(b, r, COL_RESOURCE));
	str_copy(c.description, sizeof(c.description), cell(b, r, COL_DESCRIPTION));
	str_copy(c.service, sizeof(c.service), cell(b, r, COL_SERVICE));
	str_copy(c.region, sizeof(c.region), cell(b, r, COL_REGION));
	str_copy(c.account, sizeof(c.account), cell(b, r, COL_ACCOUNT));
	str_copy(c.unit, sizeof(c.unit), cell(b, r, COL_UNIT));
	str_copy(c.currency, sizeof(c.currency), cell(b, r, COL_CURRENCY));
	if (*c.currency && strcmp(c.currency, "USD"))
		return fail(b, -EINVAL, "line %" PRIu64 ": the bill is in %s; only USD can be used",
			    r->line, c.currency);
	e = times_of(b, r, &c);
	if (e == 0)
		e = b->format == BILL_CUR ? cur_charge(b, r, &c) : focus_charge(b, r, &c);
	if (e < 0)
		return e;
	if (c.amount && !*c.currency)
		return fail(b, -EINVAL, "line %" PRIu64 ": an amount without a currency", r->line);
	identify(b, r, &c);
	b->charges++;
	e = b->charge ? b->charge(b->ctx, &c) : 0;
	if (e == -E2BIG)
		return fail(b, e, "line %" PRIu64 ": too many lines of known resources", r->line);
	return e;
}

void bill_reader_init(struct bill_reader *b, enum bill_view view)
{
	*b = (struct bill_reader){ .view = view };
	csv_init(&b->csv, read_charge, b);
}

void bill_reader_fini(struct bill_reader *b)
{
	csv_fini(&b->csv);
}

static int explain(struct bill_reader *b, int r)
{
	if (r >= 0 || *b->error)
		return r;
	return fail(b, r, "line %" PRIu64 ": %s", b->csv.line,
		    r == -EPROTO   ? "the file is cut off (it ends inside quotes)"
		    : r == -E2BIG  ? "a record of more than 1 MiB or 1024 columns"
		    : r == -EILSEQ ? "a NUL byte: not a text (is it compressed, or Parquet?)"
				   : strerror(-r));
}

int bill_reader_feed(struct bill_reader *b, const char *data, size_t len)
{
	return explain(b, csv_feed(&b->csv, data, len));
}

int bill_reader_end(struct bill_reader *b)
{
	int r = explain(b, csv_end(&b->csv));

	if (r == 0 && b->format == BILL_UNKNOWN)
		return fail(b, -EPROTO, "the file is empty");
	return r;
}
