/* SPDX-License-Identifier: Apache-2.0 */
/* What reads price lists and bills: every vendor's shape, cut anywhere, and what
 * is wrong with them. All texts are made up in the documented shapes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/cost/bill.h"
#include "src/cost/import.h"

static const char aws_json[] = "{\"formatVersion\":\"v1.0\",\"offerCode\":\"AmazonEC2\","
			       "\"publicationDate\":\"2026-08-01T00:00:00Z\","
			       "\"products\":{"
			       "\"AAA\":{\"sku\":\"AAA\",\"productFamily\":\"Compute "
			       "Instance\",\"attributes\":{\"instanceType\":"
			       "\"c9.large\",\"regionCode\":\"us-east-1\",\"operatingSystem\":"
			       "\"Linux\",\"tenancy\":\"Shared\","
			       "\"preInstalledSw\":\"NA\",\"capacitystatus\":\"Used\","
			       "\"licenseModel\":\"No License required\"}},"
			       "\"BBB\":{\"sku\":\"BBB\",\"productFamily\":\"Compute "
			       "Instance\",\"attributes\":{\"instanceType\":"
			       "\"c9.large\",\"regionCode\":\"us-east-1\",\"operatingSystem\":"
			       "\"Windows\",\"tenancy\":\"Shared\"}},"
			       "\"CCC\":{\"sku\":\"CCC\",\"productFamily\":\"Storage\","
			       "\"attributes\":{\"volumeApiName\":\"gp3 \\\"x\\\" }\"}}},"
			       "\"terms\":{\"OnDemand\":{"
			       "\"AAA\":{\"AAA.JRTCKXETXF\":{\"offerTermCode\":\"JRTCKXETXF\","
			       "\"priceDimensions\":{\"AAA.J.6\":"
			       "{\"unit\":\"Hrs\",\"pricePerUnit\":{\"USD\":\"0.0850000000\"}}}}},"
			       "\"BBB\":{\"BBB.J\":{\"priceDimensions\":{\"r\":{\"unit\":\"Hrs\","
			       "\"pricePerUnit\":{\"USD\":\"9\"}}}}}},"
			       "\"Reserved\":{\"AAA\":{\"AAA.R\":{\"priceDimensions\":{\"r\":{"
			       "\"unit\":\"Hrs\",\"pricePerUnit\":"
			       "{\"USD\":\"0.01\"}}}}}}}}";

static const char aws_csv[] = "\"FormatVersion\",\"v1.0\"\n\"Disclaimer\",\"x\"\n\"Publication "
			      "Date\",\"2026-08-01T00:00:00Z\"\n"
			      "\"Version\",\"1\"\n\"OfferCode\",\"AmazonEC2\"\n"
			      "\"SKU\",\"TermType\",\"Unit\",\"PricePerUnit\",\"Currency\","
			      "\"Product Family\",\"Instance Type\","
			      "\"Tenancy\",\"Operating System\",\"License "
			      "Model\",\"CapacityStatus\",\"Pre Installed S/W\","
			      "\"Region Code\"\n"
			      "\"A\",\"OnDemand\",\"Hrs\",\"0.085\",\"USD\",\"Compute "
			      "Instance\",\"c9.large\",\"Shared\",\"Linux\","
			      "\"No License required\",\"Used\",\"NA\",\"us-east-1\"\n"
			      "\"A\",\"OnDemand\",\"Hrs\",\"0.095\",\"USD\",\"Compute "
			      "Instance\",\"c9.large\",\"Dedicated\",\"Linux\","
			      "\"No License required\",\"Used\",\"NA\",\"us-east-1\"\n"
			      "\"A\",\"Reserved\",\"Hrs\",\"0.05\",\"USD\",\"Compute "
			      "Instance\",\"c9.large\",\"Shared\",\"Linux\","
			      "\"No License required\",\"Used\",\"NA\",\"us-east-1\"\n";

static const char spot_json[] =
	"{\"SpotPriceHistory\":[{\"AvailabilityZone\":\"us-east-1a\",\"InstanceType\":\"c9.large\","
	"\"ProductDescription\":\"Linux/UNIX\",\"SpotPrice\":\"0.0287000\",\"Timestamp\":"
	"\"2026-08-01T10:00:00+00:00\"},{\"AvailabilityZone\":\"us-east-1a\",\"InstanceType\":\"c9."
	"large\","
	"\"ProductDescription\":\"Windows\",\"SpotPrice\":\"1\",\"Timestamp\":\"2026-08-01T10:00:"
	"00Z\"}],"
	"\"NextToken\":\"abc\"}";

static const char gcp_json[] =
	"{\"skus\":[{\"description\":\"N9 Instance Core running in "
	"Virginia\",\"category\":{\"usageType\":"
	"\"OnDemand\"},\"serviceRegions\":[\"us-east4\"],\"pricingInfo\":[{\"effectiveTime\":"
	"\"2026-08-01T00:00:00Z\",\"pricingExpression\":{\"usageUnit\":\"h\",\"tieredRates\":[{"
	"\"unitPrice\":"
	"{\"currencyCode\":\"USD\",\"units\":\"0\",\"nanos\":31611000}}]}}]},"
	"{\"description\":\"Commitment v1: N9 Core\",\"category\":{\"usageType\":\"Commit1Yr\"}}],"
	"\"nextPageToken\":\"\"}";

static const char azure_json[] =
	"{\"BillingCurrency\":\"USD\",\"Items\":[{\"currencyCode\":\"USD\",\"retailPrice\":0.192,"
	"\"armRegionName\":\"eastus\",\"effectiveStartDate\":\"2026-06-18T00:00:00Z\","
	"\"meterName\":\"D4s v9\","
	"\"productName\":\"Virtual Machines Dsv9 Series\",\"skuName\":\"D4s v9\",\"serviceName\":"
	"\"Virtual Machines\",\"unitOfMeasure\":\"1 Hour\",\"type\":\"Consumption\",\"armSkuName\":"
	"\"Standard_D4s_v9\"},{\"currencyCode\":\"USD\",\"retailPrice\":0.376,\"armRegionName\":"
	"\"eastus\","
	"\"meterName\":\"D4s v9\",\"productName\":\"Virtual Machines Dsv9 Series "
	"Windows\",\"skuName\":"
	"\"D4s v9\",\"serviceName\":\"Virtual Machines\",\"unitOfMeasure\":\"1 Hour\",\"type\":"
	"\"Consumption\",\"armSkuName\":\"Standard_D4s_v9\"}],\"NextPageLink\":null,\"Count\":2}";

static const char own_csv[] = "provider,region,type,usd_per_hour\r\nlab,,node,0.5\r\n";

struct got {
	struct price_row last;
	unsigned rows;
	char error[300];
	struct import_result result;
};

static int keep(void *ctx, const struct price_row *row)
{
	struct got *g = ctx;

	g->last = *row;
	g->rows++;
	return 0;
}

/* In pieces of `piece` bytes. */
static int import(const char *text, size_t piece, struct got *g)
{
	struct import_sink sink = { keep, g };
	struct price_import *i = price_import_new(&sink);
	size_t len = strlen(text);
	int r = 0;

	*g = (struct got){ 0 };
	for (size_t at = 0; at < len && r == 0; at += piece)
		r = price_import_feed(i, text + at, len - at < piece ? len - at : piece);
	if (r == 0)
		r = price_import_end(i, &g->result);
	str_copy(g->error, sizeof(g->error), price_import_error(i));
	price_import_free(i);
	return r;
}

static void test_vendors(void **state)
{
	static const struct {
		const char *text, *provider, *region, *type;
		money usd;
		uint64_t skipped;
		bool more;
	} cases[] = {
		{ aws_json, "aws", "us-east-1", "c9.large", 85000000000, 2, false },
		{ aws_csv, "aws", "us-east-1", "c9.large", 85000000000, 2, false },
		{ spot_json, "aws", "us-east-1", "c9.large", 28700000000, 1, true },
		{ gcp_json, "gcp", "us-east4", "n9:core", 31611000000, 1, false },
		{ azure_json, "azure", "eastus", "Standard_D4s_v9", 192000000000, 1, false },
		{ own_csv, "lab", "", "node", 500000000000, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t piece = 1; piece < 5000; piece = piece * 3 + 1) {
			struct got g;

			assert_int_equal(import(cases[i].text, piece, &g), 0);
			assert_int_equal(g.rows, 1);
			assert_string_equal(g.last.provider, cases[i].provider);
			assert_string_equal(g.last.region, cases[i].region);
			assert_string_equal(g.last.type, cases[i].type);
			assert_true(g.last.usd_per_hour == cases[i].usd);
			assert_int_equal(g.result.skipped, cases[i].skipped);
			assert_int_equal(g.result.more_pages, cases[i].more);
		}
}

static void test_dates(void **state)
{
	struct got g;

	assert_int_equal(import(aws_json, 100, &g), 0);
	assert_string_equal(g.last.as_of, "2026-08-01");
	assert_int_equal(import(aws_csv, 100, &g), 0);
	assert_string_equal(g.last.as_of, "2026-08-01");
	assert_int_equal(import(spot_json, 100, &g), 0);
	assert_string_equal(g.last.zone, "us-east-1a");
	assert_int_equal(g.last.lifecycle, LIFECYCLE_SPOT);
	assert_true(g.last.since_ns == 1785578400ULL * 1000000000);
}

/* Cut off after any byte, a list is refused: half a price list is no price list. */
static void test_truncated(void **state)
{
	static const char *const texts[] = { aws_json, spot_json, gcp_json, azure_json };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (size_t len = 0; len < strlen(texts[i]); len++) {
			_cleanup_free_ char *cut = strndup(texts[i], len);
			struct got g;

			assert_true(import(cut, 64, &g) < 0);
			assert_true(*g.error);
		}
}

static void test_bad_lists(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "the file is empty" },
		{ "[1,2]", "not a price list" },
		{ "{\"skus\":[}", "not valid JSON" },
		{ "{\"SpotPriceHistory\":[{\"InstanceType\":\"x\",\"SpotPrice\":\"-1\"}]}",
		  "the price of x is -1 USD an hour, which cannot be" },
		{ "{\"SpotPriceHistory\":[{\"InstanceType\":\"x\",\"SpotPrice\":\"1e9\"}]}",
		  "which cannot be" },
		{ "{\"SpotPriceHistory\":[{\"InstanceType\":\"x\",\"SpotPrice\":\"free\"}]}",
		  "not a number" },
		{ "{\"SpotPriceHistory\":[{\"InstanceType\":\"x\",\"SpotPrice\":\"1\"}]}",
		  "no time" },
		{ "{\"BillingCurrency\":\"EUR\",\"Items\":[]}", "only USD" },
		{ "{\"terms\":{\"OnDemand\":{\"A\":{}}},\"products\":{}}", "before the products" },
		{ "{\"products\":{\"A\":{\"sku\":\"A\",\"sku\":\"B\"}}}", "not valid JSON" },
		{ "{\"products\":{\"A\":{\"sku\":\"A\"}}}", "no prices" },
		{ "provider,type,usd_per_hour\nlab,node,1,2\n", "4 columns, not 3" },
		{ "provider,type,usd_per_hour\nlab,node,\"1", "ends inside quotes" },
		{ "provider,type,usd_per_hour\n,node,1\n", "no provider or type" },
		{ "provider,usd_per_hour\nlab,1\n", "no column `type`" },
		{ "provider,type,usd_per_hour,lifecycle\nlab,node,1,rented\n",
		  "not on-demand or spot" },
		{ "a,b\n1,2\n", "not a price list" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct got g;

		assert_true(import(cases[i].text, 7, &g) < 0);
		if (!strstr(g.error, cases[i].says))
			fail_msg("`%s` says `%s`", cases[i].text, g.error);
	}
}

static void test_limits(void **state)
{
	size_t len = 300 * 1024;
	_cleanup_free_ char *text = malloc(len + 64);
	struct got g;

	memcpy(text, "{\"skus\":[{\"a\":\"", 15);
	memset(text + 15, 'x', len);
	memcpy(text + 15 + len, "\"}]}", 5);
	assert_int_equal(import(text, 4096, &g), -E2BIG);
	assert_non_null(strstr(g.error, "256 KiB"));
	memset(text, '[', 200);
	text[200] = '\0';
	assert_true(import(text, 4096, &g) < 0);
}

struct bill {
	struct charge charges[8];
	unsigned n;
	char error[300];
};

static int keep_charge(void *ctx, const struct charge *c)
{
	struct bill *b = ctx;

	if (b->n < ARRAY_SIZE(b->charges))
		b->charges[b->n] = *c;
	b->n++;
	return 0;
}

static int read_bill(const char *text, enum bill_view view, struct bill *ret)
{
	struct bill_reader b;
	int r;

	*ret = (struct bill){ 0 };
	bill_reader_init(&b, view);
	b.charge = keep_charge;
	b.ctx = ret;
	r = bill_reader_feed(&b, text, strlen(text));
	if (r == 0)
		r = bill_reader_end(&b);
	str_copy(ret->error, sizeof(ret->error), b.error);
	bill_reader_fini(&b);
	return r;
}

#define CUR_HEADER                                                                                 \
	"identity_line_item_id,identity_time_interval,line_item_line_item_type,"                   \
	"line_item_usage_start_date,line_item_usage_end_date,line_item_resource_id,"               \
	"line_item_unblended_cost,line_item_currency_code,line_item_usage_type,"                   \
	"savings_plan_savings_plan_effective_cost,reservation_effective_cost,"                     \
	"savings_plan_total_commitment_to_date,savings_plan_used_commitment\n"
#define CUR_HOUR "2026-08-01T10:00:00.000Z,2026-08-01T11:00:00.000Z"

static void test_cur(void **state)
{
	static const char text[] = CUR_HEADER
		"a,x,Usage," CUR_HOUR ",i-1,0.17,USD,BoxUsage:c5.xlarge,,,,\n"
		"b,x,Usage," CUR_HOUR ",vol-1,8.0E-7,USD,EUC1-EBS:VolumeUsage.gp3,,,,\n"
		"c,x,Usage," CUR_HOUR ",i-1,0.09,USD,DataTransfer-Out-Bytes,,,,\n"
		"d,x,SavingsPlanCoveredUsage," CUR_HOUR ",i-2,0.17,USD,BoxUsage:c5.xlarge,0.11,,,\n"
		"e,x,SavingsPlanRecurringFee," CUR_HOUR ",,1,USD,,,,1.0,0.7\n"
		"f,x,SavingsPlanNegation," CUR_HOUR ",i-2,-0.17,USD,,,,,\n"
		"g,x,Tax," CUR_HOUR ",,0.02,USD,,,,,\n";
	struct bill b;

	assert_int_equal(read_bill(text, BILL_BILLED, &b), 0);
	assert_int_equal(b.n, 7);
	assert_true(b.charges[0].amount == 170000000000 && b.charges[0].kind == LINE_COMPUTE);
	assert_true(b.charges[1].amount == 800000 && b.charges[1].kind == LINE_STORAGE);
	assert_int_equal(b.charges[2].kind, LINE_NETWORK);
	assert_true(b.charges[3].amount == 170000000000);
	assert_int_equal(b.charges[6].class, CHARGE_OTHER);
	assert_true(b.charges[0].start_ns == 1785578400ULL * 1000000000);
	assert_int_equal(read_bill(text, BILL_EFFECTIVE, &b), 0);
	assert_true(b.charges[3].amount == 110000000000);
	assert_true(b.charges[4].amount == 300000000000 && b.charges[4].class == CHARGE_UNUSED);
	assert_true(b.charges[5].amount == 0);
}

#define FOCUS_HEADER                                                                               \
	"ResourceId,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,BilledCost,EffectiveCost,"    \
	"BillingCurrency,CommitmentDiscountStatus\n"

static void test_focus(void **state)
{
	static const char text[] = FOCUS_HEADER
		"i-1,2026-08-01 10:00:00,2026-08-01 11:00:00,Usage,0.34,0,USD,NULL\n"
		"NULL,2026-08-01T10:00:00Z,2026-08-01T11:00:00Z,Usage,0,1.5,USD,Unused\n";
	struct bill b;

	assert_int_equal(read_bill(text, BILL_BILLED, &b), 0);
	assert_true(b.n == 2 && b.charges[0].amount == 340000000000);
	assert_string_equal(b.charges[1].resource, "");
	assert_memory_not_equal(b.charges[0].id, b.charges[1].id, sizeof(b.charges[0].id));
	assert_int_equal(read_bill(text, BILL_EFFECTIVE, &b), 0);
	assert_true(b.charges[1].amount == 1500000000000 && b.charges[1].class == CHARGE_UNUSED);
}

static void test_bad_bills(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "empty" },
		{ "a,b\n", "not a bill that is known" },
		{ "BilledCost,ResourceId\n", "no column `ChargePeriodStart`" },
		{ FOCUS_HEADER "i,2026-08-01,2026-08-02,Usage,1,1,EUR,\n",
		  "line 2: the bill is in EUR" },
		{ FOCUS_HEADER "i,2026-08-01,2026-08-02,Usage,abc,1,USD,\n",
		  "not an amount: `abc`" },
		{ FOCUS_HEADER "i,2026-08-01,2026-08-02,Usage,1e9,1,USD,\n", "does not fit" },
		{ FOCUS_HEADER "i,2026-08-02,2026-08-01,Usage,1,1,USD,\n",
		  "ends (2026-08-01) before" },
		{ FOCUS_HEADER "i,yesterday,2026-08-01,Usage,1,1,USD,\n", "are no times" },
		{ FOCUS_HEADER "i,2026-08-01,2026-08-02,Usa", "4 columns, not 8: is it cut off?" },
		{ FOCUS_HEADER "\"i", "cut off" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bill b;

		assert_true(read_bill(cases[i].text, BILL_BILLED, &b) < 0);
		if (!strstr(b.error, cases[i].says))
			fail_msg("`%s` says `%s`", cases[i].text, b.error);
	}
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} good[] = {
		{ "2026-08-01", 1785542400 },
		{ "2026-08-01T10:00:00Z", 1785578400 },
		{ "2026-08-01 10:00", 1785578400 },
		{ "2026-08-01T12:00:00.000+02:00", 1785578400 },
	};
	static const char *const bad[] = { "",
					   "2026",
					   "2026-13-01",
					   "2026-08-01T",
					   "1 Aug 2026",
					   "2026-08-01T10:00:00Zx",
					   "2026-08-01T10:61" };
	uint64_t ns;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(time_parse(good[i].text, &ns), 0);
		assert_true(ns == good[i].seconds * 1000000000);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(time_parse(bad[i], &ns), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vendors),	  cmocka_unit_test(test_dates),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_bad_lists),
		cmocka_unit_test(test_limits),	  cmocka_unit_test(test_cur),
		cmocka_unit_test(test_focus),	  cmocka_unit_test(test_bad_bills),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
