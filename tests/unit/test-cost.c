/* SPDX-License-Identifier: Apache-2.0 */
/* Money, prices, allocation by hand, bills against estimates, who, carbon. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/cost/carbon.h"
#include "src/cost/reconcile.h"
#include "src/cost/terms.h"
#include "src/cost/weights.h"
#include "src/cost/who.h"

#define HOUR 3600000000000ULL

static void test_decimals(void **state)
{
	static const struct {
		const char *text;
		int r;
		money want;
	} cases[] = {
		{ "0.34", 0, 340000000000 },
		{ "-1.5", 0, -1500000000000 },
		{ "8.0E-7", 0, 800000 },
		{ "0.00000080000", 0, 800000 },
		{ "0.480884264", 0, 480884264000 },
		{ "1e3", 0, 1000 * USD },
		{ "0.0000000000005", 1, 1 }, /* half a unit rounds away from 0 */
		{ "-0.0000000000005", 1, -1 },
		{ "0.00000000000049", 1, 0 },
		{ "9223372.036854775807", 0, INT64_MAX },
		{ "0.33333333333333333333333333333333333333333333333333", 1, 333333333333 },
		{ "9223372.036854775808", -ERANGE, 0 },
		{ "1e40", -ERANGE, 0 },
		{ "1e400", -ERANGE, 0 },
		{ "99999999999999999999999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ ".", -EINVAL, 0 },
		{ "NaN", -EINVAL, 0 },
		{ "1,5", -EINVAL, 0 },
		{ "1.2.3", -EINVAL, 0 },
		{ "1e", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "5 USD", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		money m = 0;

		assert_int_equal(money_parse(cases[i].text, &m), cases[i].r);
		assert_true(m == cases[i].want);
	}
}

static void test_money_text(void **state)
{
	char buf[MONEY_MAX];

	assert_string_equal(money_text(buf, 340000000000), "0.34");
	assert_string_equal(money_text(buf, -1), "-0.000000000001");
	assert_string_equal(money_text(buf, 0), "0");
	assert_string_equal(money_text(buf, (money_sum)INT64_MAX * 1000), "9223372036.854775807");
	assert_string_equal(money_round(buf, 340000500000, 6), "0.340001");
	assert_string_equal(money_round(buf, -340000499999, 6), "-0.340000");
	assert_string_equal(money_round(buf, -1, 6), "0.000000");
	assert_string_equal(money_round(buf, 1999999999999, 2), "2.00");
	assert_string_equal(money_round(buf, 7, 12), "0.000000000007");
}

static void test_divide(void **state)
{
	uint64_t thirds[] = { 1, 1, 1 }, zero[] = { 0, 0 }, top[] = { 1ULL << 63, 1 };
	uint64_t skewed[] = { 6, 3, 1, 0 };
	money parts[4];

	assert_int_equal(money_divide(100, thirds, 3, parts), 0);
	assert_true(parts[0] == 34 && parts[1] == 33 && parts[2] == 33); /* ties: lowest index */
	assert_int_equal(money_divide(101, thirds, 3, parts), 0);
	assert_true(parts[0] == 34 && parts[1] == 34 && parts[2] == 33); /* one unit each */
	assert_int_equal(money_divide(-100, thirds, 3, parts), 0);
	assert_true(parts[0] == -34 && parts[1] == -33 && parts[2] == -33);
	assert_int_equal(money_divide(2, skewed, 4, parts), 0);
	assert_true(parts[0] == 1 && parts[1] == 1 && parts[2] == 0 && parts[3] == 0);
	assert_int_equal(money_divide(5, zero, 2, parts), -EINVAL);
	assert_int_equal(money_divide(5, top, 2, parts), -EINVAL);
	assert_int_equal(money_divide(5, thirds, 0, parts), -EINVAL);
}

static void test_rate(void **state)
{
	money m;

	assert_int_equal(money_for(1624 * USD / 1000, 1066 * 1000000000ULL, &m), 0);
	assert_true(m == 480884444444); /* 0.4808844...: a bill rounds the hours to 6 places */
	assert_int_equal(money_for(INT64_MAX, 2 * HOUR, &m), -ERANGE);
	assert_int_equal(money_for(-1, HOUR, &m), -EINVAL);
}

static void test_builtin(void **state)
{
	struct price_query q = { "aws", "c5.xlarge", "us-east-1", NULL, LIFECYCLE_ON_DEMAND, 0 };
	struct machine m;
	struct price p;

	assert_int_equal(price_find(NULL, &q, &p), 0);
	assert_true(p.usd_per_hour == 170000000000 && p.builtin);
	assert_string_equal(p.as_of, "2026-07-20");
	assert_string_equal(p.source, "karpenter");
	q.lifecycle = LIFECYCLE_SPOT;
	assert_int_equal(price_find(NULL, &q, &p), 0);
	assert_true(p.usd_per_hour == 74800000000);
	assert_string_equal(p.as_of, "2025-06-28");
	q = (struct price_query){ "aws", "a1.metal", "us-east-1", NULL, LIFECYCLE_ON_DEMAND, 0 };
	assert_int_equal(price_find(NULL, &q, &p), 0);
	assert_string_equal(p.as_of, "2025-04-05"); /* this cell has a source of its own */
	q.region = "mars-1";
	assert_int_equal(price_find(NULL, &q, &p), -ENOENT);
	q = (struct price_query){ "azure", "Standard_D4s_v5", "eastus", NULL, LIFECYCLE_SPOT, 0 };
	assert_int_equal(price_find(NULL, &q, &p), -ENOENT); /* too old to be shipped */
	q.lifecycle = LIFECYCLE_ON_DEMAND;
	assert_int_equal(price_find(NULL, &q, &p), 0);
	assert_true(p.usd_per_hour == 192000000000);
	assert_int_equal(machine_find("aws", "g5.xlarge", &m), 0);
	assert_int_equal(m.vcpus_milli, 4000);
	assert_true(m.memory_bytes == 16 * GIB);
	assert_int_equal(m.gpus_milli, 1000);
	assert_string_equal(m.gpu_model, "a10g");
	assert_int_equal(machine_find("aws", "c5", &m), -ENOENT);
	assert_int_equal(price_volume("aws", "us-east-1", "gp3", &p), 0);
	assert_true(p.usd_per_hour == 80000000000);
	assert_int_equal(price_age_days("2026-07-20", 1784505600ULL * 1000000000 + 24 * HOUR), 1);
	assert_int_equal(price_age_days("2026-07-20", 0), -1);
}

static void add(struct price_table *t, const char *region, const char *zone, money usd,
		uint64_t since_ns)
{
	struct price_row row = { .provider = "aws", .type = "c5.xlarge", .usd_per_hour = usd };

	str_copy(row.region, sizeof(row.region), region);
	str_copy(row.zone, sizeof(row.zone), zone);
	row.since_ns = since_ns;
	assert_int_equal(price_table_add(t, &row), 0);
}

static void test_user_table(void **state)
{
	struct price_query q = { "aws", "c5.xlarge", "eu-1", "eu-1a", LIFECYCLE_ON_DEMAND, 50 };
	struct price_row bad = { .provider = "aws", .type = "x", .usd_per_hour = -1 };
	struct price_table t = { 0 };
	struct price p;

	assert_int_equal(price_table_add(&t, &bad), -ERANGE);
	bad.usd_per_hour = 100001 * USD;
	assert_int_equal(price_table_add(&t, &bad), -ERANGE);
	add(&t, "", "", 1, 0);
	add(&t, "eu-1", "", 2, 0);
	add(&t, "eu-1", "eu-1a", 4, 100);
	add(&t, "eu-1", "eu-1a", 3, 20);
	add(&t, "us-1", "", 9, 0);
	add(&t, "eu-1", "", 7, 70); /* a step of the region is none of its zone */
	price_table_sort(&t);
	assert_int_equal(price_find(&t, &q, &p), 0);
	assert_true(p.usd_per_hour == 3 && p.until_ns == 100 && !p.builtin);
	q.time_ns = 100; /* the step itself */
	assert_int_equal(price_find(&t, &q, &p), 0);
	assert_true(p.usd_per_hour == 4 && p.until_ns == UINT64_MAX);
	q.time_ns = 10; /* before the zone's first step: the region's price */
	assert_int_equal(price_find(&t, &q, &p), 0);
	assert_true(p.usd_per_hour == 2);
	q.zone = NULL;
	q.region = "ap-1";
	assert_int_equal(price_find(&t, &q, &p), 0);
	assert_true(p.usd_per_hour == 1);
	price_table_fini(&t);
}

/* GCP's catalogue has prices of parts. */
static void test_parts(void **state)
{
	struct price_query q = { "gcp", "n2-standard-4", "us-east4", NULL, LIFECYCLE_ON_DEMAND, 0 };
	struct price_row core = { .provider = "gcp",
				  .type = "n2:core",
				  .region = "us-east4",
				  .usd_per_hour = 30000000000 };
	struct price_row ram = { .provider = "gcp",
				 .type = "n2:ram",
				 .region = "us-east4",
				 .usd_per_hour = 4000000000 };
	struct price_table t = { 0 };
	struct price p;

	assert_int_equal(price_table_add(&t, &core), 0);
	price_table_sort(&t);
	assert_int_equal(price_find(&t, &q, &p), 0);
	assert_true(p.builtin); /* half of the parts is no price */
	assert_int_equal(price_table_add(&t, &ram), 0);
	price_table_sort(&t);
	assert_int_equal(price_find(&t, &q, &p), 0);
	assert_true(!p.builtin && p.usd_per_hour == 184000000000); /* 4 x 0.03 + 16 x 0.004 */
	q.region = "us-west1";
	assert_int_equal(price_find(&t, &q, &p), 0);
	assert_true(p.builtin);
	price_table_fini(&t);
}

static void test_rates(void **state)
{
	struct machine m = { .vcpus_milli = 16000, .memory_bytes = 64 * GIB };
	struct rates r = RATES_NONE;
	struct cost_host h;
	money usd;

	assert_false(rates_given(&r));
	r.core_hour = 20000000000;
	r.gib_hour = 2000000000;
	assert_int_equal(rates_price(&r, &m, &usd), 0);
	assert_true(usd == 448000000000); /* 16 x 0.02 + 64 x 0.002 */
	cost_host_of(&m, &r, &h);	  /* the pools split as the rates say: 0.32 to 0.128 */
	assert_true((weight_sum)h.weight[POOL_CPU] * h.capacity[POOL_CPU] * 128 ==
		    (weight_sum)h.weight[POOL_MEMORY] * h.capacity[POOL_MEMORY] * 320);
}

static const struct cost_share *share_of(const struct cost_division *d, uint32_t leaf,
					 enum cost_pool pool)
{
	static const struct cost_share none;

	for (size_t i = 0; i < d->n; i++)
		if (d->shares[i].leaf == leaf && d->shares[i].pool == pool)
			return &d->shares[i];
	return &none;
}

/* 8 cores; the price is all CPU, so shares can be read off. */
static const struct cost_host cpu_host = { .capacity = { 8 * DEMAND_CORE, 0, 0 },
					   .weight = { 1, 0, 0 } };

static const struct cost_division *divide(const struct cost_leaf *leaves, size_t n,
					  enum cost_policy policy, struct allocator **ret)
{
	struct cost_line line = { 0, HOUR, 8 * USD, LINE_COMPUTE };
	const struct cost_division *d = NULL;

	assert_int_equal(allocator_new(&cpu_host, leaves, n, policy, ret), 0);
	assert_int_equal(allocator_divide(*ret, &line, &d), 0);
	assert_true(cost_division_sum(d) == line.amount);
	return d;
}

static void test_policies(void **state)
{
	/* Reserved 4, used 1, for half of the hour; beside it one that uses 2 of 1. */
	struct cost_leaf leaves[] = {
		{ .parent = -1,
		  .end_ns = HOUR / 2,
		  .reserved = { 4 * DEMAND_CORE },
		  .used = { DEMAND_CORE } },
		{ .parent = -1,
		  .end_ns = HOUR,
		  .reserved = { DEMAND_CORE },
		  .used = { 2 * DEMAND_CORE } },
	};
	static const struct {
		enum cost_policy policy;
		money used0, unused0, used1, partial;
	} cases[] = {
		{ POLICY_MAX, USD / 2, 3 * USD / 2, 2 * USD, 4 * USD },
		{ POLICY_USED, USD / 2, 0, 2 * USD, 11 * USD / 2 },
		{ POLICY_RESERVED, USD / 2, 3 * USD / 2, USD, 5 * USD },
		{ POLICY_WALL, 2 * USD, 0, 6 * USD, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct allocator *a;
		const struct cost_division *d = divide(leaves, 2, cases[i].policy, &a);

		assert_true(share_of(d, 0, POOL_CPU)->used == cases[i].used0);
		assert_true(share_of(d, 0, POOL_CPU)->unused == cases[i].unused0);
		assert_true(share_of(d, 1, POOL_CPU)->used == cases[i].used1);
		assert_true(d->idle[IDLE_PARTIAL] == cases[i].partial);
		allocator_free(a);
	}
}

static void test_oversubscribed(void **state)
{
	struct cost_leaf leaves[] = {
		{ .parent = -1, .end_ns = HOUR, .reserved = { 12 * DEMAND_CORE } },
		{ .parent = -1, .end_ns = HOUR, .reserved = { 4 * DEMAND_CORE } },
	};
	struct allocator *a;
	const struct cost_division *d = divide(leaves, 2, POLICY_MAX, &a);

	assert_true(share_of(d, 0, POOL_CPU)->unused == 6 * USD);
	assert_true(share_of(d, 1, POOL_CPU)->unused == 2 * USD);
	for (int i = 0; i < IDLE_CAUSES; i++)
		assert_true(d->idle[i] == 0);
	allocator_free(a);
}

static void test_nested(void **state)
{
	/* A job of 8 cores for the hour; a task of 6 inside it for half of that. */
	struct cost_leaf leaves[] = {
		{ .parent = -1, .end_ns = HOUR, .reserved = { 8 * DEMAND_CORE } },
		{ .parent = 0,
		  .end_ns = HOUR / 2,
		  .reserved = { 6 * DEMAND_CORE },
		  .used = { 6 * DEMAND_CORE } },
	};
	struct allocator *a;
	const struct cost_division *d = divide(leaves, 2, POLICY_MAX, &a);

	assert_true(share_of(d, 1, POOL_CPU)->used == 3 * USD);
	assert_true(share_of(d, 0, POOL_CPU)->unused == 5 * USD);
	allocator_free(a);
	leaves[0].parent = 1; /* a cycle */
	assert_int_equal(allocator_new(&cpu_host, leaves, 2, POLICY_MAX, &a), -EINVAL);
	leaves[0].parent = 7;
	assert_int_equal(allocator_new(&cpu_host, leaves, 2, POLICY_MAX, &a), -EINVAL);
}

static void test_idle_causes(void **state)
{
	struct cost_host host = { .capacity = { 4 * DEMAND_CORE, 1024, 0 }, .weight = { 1, 1, 0 } };
	struct cost_leaf leaves[] = {
		{ .parent = -1,
		  .start_ns = HOUR,
		  .end_ns = 2 * HOUR,
		  .reserved = { DEMAND_CORE, 1024 } },
		{ .parent = -1, .start_ns = 3 * HOUR, .end_ns = 4 * HOUR, .used = { DEMAND_CORE } },
	};
	static const enum idle_cause want[] = { IDLE_BOOT, IDLE_STRANDED, IDLE_GAP, IDLE_PARTIAL,
						IDLE_DRAIN };
	struct allocator *a;

	assert_int_equal(allocator_new(&host, leaves, 2, POLICY_MAX, &a), 0);
	for (unsigned h = 0; h < 5; h++) {
		struct cost_line line = { h * HOUR, (h + 1) * HOUR, USD, LINE_COMPUTE };
		const struct cost_division *d;

		assert_int_equal(allocator_divide(a, &line, &d), 0);
		for (unsigned i = 0; i < IDLE_CAUSES; i++)
			assert_int_equal(d->idle[i] > 0, i == want[h]);
	}
	allocator_free(a);
}

static void test_bytes(void **state)
{
	struct cost_leaf leaves[] = {
		{ .parent = -1, .end_ns = HOUR, .storage_bytes = 300 },
		{ .parent = -1, .end_ns = 2 * HOUR, .storage_bytes = 200 },
	};
	struct cost_line line = { 0, HOUR, 400, LINE_STORAGE };
	const struct cost_division *d;
	struct allocator *a;

	assert_int_equal(allocator_new(&cpu_host, leaves, 2, POLICY_MAX, &a), 0);
	assert_int_equal(allocator_divide(a, &line, &d), 0);
	assert_true(share_of(d, 0, POOL_STORAGE)->used == 300); /* half of 200 is in the line */
	assert_true(share_of(d, 1, POOL_STORAGE)->used == 100);
	line.kind = LINE_NETWORK;
	assert_int_equal(allocator_divide(a, &line, &d), 0);
	assert_true(d->n == 0 && d->overhead == 400); /* nobody sent anything */
	allocator_free(a);
}

static struct charge charge_of(const char *resource, uint64_t hour, money amount, uint64_t id)
{
	struct charge c = { .start_ns = hour * HOUR,
			    .end_ns = (hour + 1) * HOUR,
			    .amount = amount };

	str_copy(c.resource, sizeof(c.resource), resource);
	c.id[0] = id;
	return c;
}

static void test_bill_book(void **state)
{
	const char *const resources[] = { "i-1", "vol-1" };
	struct bill_book b = { .resources = resources, .n_resources = 2 };
	struct charge c;

	c = charge_of("arn:aws:ec2:x:1:instance/i-1", 1, 100, 1);
	assert_int_equal(bill_book_add(&b, &c), 0);
	assert_int_equal(bill_book_add(&b, &c), 0); /* twice: counts once */
	assert_int_equal(b.duplicates, 1);
	c.amount = 60; /* and then it shrank */
	assert_int_equal(bill_book_add(&b, &c), 0);
	assert_int_equal(b.changed, 1);
	assert_true(b.change == -40 && b.matched == 60);
	c = charge_of("xi-1", 1, 7, 2); /* ends the same, but is another */
	assert_int_equal(bill_book_add(&b, &c), 0);
	c = charge_of("", 1, 5, 3);
	c.class = CHARGE_UNUSED;
	assert_int_equal(bill_book_add(&b, &c), 0);
	c.class = CHARGE_OTHER;
	c.amount = -2;
	c.id[0] = 4;
	assert_int_equal(bill_book_add(&b, &c), 0);
	for (uint64_t i = 0; i < 2000; i++) {
		c = charge_of("vol-1", i, 1, 100 + i);
		assert_int_equal(bill_book_add(&b, &c), 0);
	}
	assert_true(b.matched == 2060 && b.unmatched == 7 && b.unused == 5 && b.other == -2);
	assert_true(b.total == b.matched + b.unmatched + b.unused + b.other);
	bill_book_fini(&b);
}

/* Lines without ids: the n-th of a file replaces the n-th of an earlier one. */
static void test_bill_versions(void **state)
{
	const char *const resources[] = { "i-1" };
	struct bill_book b = { .resources = resources, .n_resources = 1 };
	static const money files[2][3] = { { 10, 20, 10 }, { 8, 21, 8 } };

	for (uint32_t file = 0; file < 2; file++) {
		b.file = file;
		for (int i = 0; i < 3; i++) { /* the third is the first again */
			struct charge c = charge_of("i-1", 1, files[file][i], 1);

			c.has_id = false;
			c.full = (uint64_t)files[file][i];
			assert_int_equal(bill_book_add(&b, &c), 0);
		}
		assert_true(b.matched == (file ? 29 : 30));
	}
	assert_true(b.n == 2 && b.lines == 2 && b.duplicates == 2 && b.changed == 2);
	assert_true(b.change == -1 && b.total == 29);
	bill_book_fini(&b);
}

static void test_true_up(void **state)
{
	const char *const resources[] = { "i-1" };
	struct bill_book b = { .resources = resources, .n_resources = 1 };
	struct cost_line estimate[] = { { HOUR / 2, HOUR, 50, LINE_COMPUTE },
					{ HOUR, 2 * HOUR, 100, LINE_COMPUTE },
					{ 2 * HOUR, 3 * HOUR, 100, LINE_COMPUTE } };
	struct charge c = charge_of("i-1", 1, 90, 1);
	struct trued t[8];
	size_t n;

	assert_int_equal(bill_book_add(&b, &c), 0);
	c = charge_of("i-1", 9, 90, 2); /* when nothing ran */
	assert_int_equal(bill_book_add(&b, &c), 0);
	bill_book_sort(&b);
	n = bill_true_up(&b, 0, estimate, 3, t, 8);
	assert_int_equal(n, 3);
	assert_true(t[0].billed && t[0].line.amount == 90);
	assert_true(!t[1].billed && t[1].line.amount == 50);
	assert_true(!t[2].billed && t[2].line.amount == 100 && t[2].line.start_ns == 2 * HOUR);
	assert_int_equal(bill_true_up(&b, 0, estimate, 3, t, 1), 3); /* how much room it needs */
	b.charges[0].line.start_ns += HOUR / 4; /* a charge of part of an hour */
	n = bill_true_up(&b, 0, estimate, 3, t, 8);
	assert_int_equal(n, 4);
	assert_true(t[2].line.start_ns == HOUR && t[2].line.amount == 25);
	bill_book_fini(&b);
}

static void test_who(void **state)
{
	struct who_rule rules[] = {
		{ .pattern = { [WHO_USER] = "al*" },
		  .label = { "grant", "R0?" },
		  .owner = { "first", NULL, NULL } },
		{ .pattern = { [WHO_PATH] = "/data/seq/*" }, .owner = { "second", NULL, NULL } },
	};
	struct who_facts f = { .fact = { [WHO_USER] = "alice", [WHO_PATH] = "/data/seq/x/y" } };

	assert_ptr_equal(who_find(rules, 2, &f), &rules[1]);
	f.labels[0] = (struct who_label){ "grant", "R01" };
	f.n_labels = 1;
	assert_ptr_equal(who_find(rules, 2, &f), &rules[0]);
	f.fact[WHO_USER] = NULL; /* unknown matches nothing, not even `*` */
	f.fact[WHO_PATH] = NULL;
	rules[0].pattern[WHO_USER] = "*";
	assert_null(who_find(rules, 2, &f));
}

static void test_carbon(void **state)
{
	struct machine m = { .vcpus_milli = 4000, .memory_bytes = 8 * GIB };
	struct carbon_given given = { 1, 3, 2, 100 };
	struct carbon_model c;

	carbon_model_of("aws", "c5.xlarge", "us-east-1", &m, NULL, &c);
	assert_string_equal(c.source, "aws Cascade Lake");
	assert_true(c.static_watts > 5.89 && c.static_watts < 5.91); /* 4 x .6903 + 8 x .392 */
	assert_true(c.grid_g_per_kwh > 379 && c.grid_g_per_kwh < 380);
	carbon_model_of(NULL, NULL, NULL, &m, NULL, &c);
	assert_true(c.grid_g_per_kwh < 0 && c.pue == 1);
	m.memory_bytes = 0;
	carbon_model_of(NULL, NULL, NULL, &m, &given, &c);
	assert_true(carbon_kwh_static(&c, HOUR) > 0.0079 && carbon_kwh_static(&c, HOUR) < 0.0081);
	assert_true(carbon_kwh_dynamic(&c, HOUR) > 0.0039 && carbon_kwh_dynamic(&c, HOUR) < 0.0041);
}

/* Means of the documented quarters: 100, 80, 60, 40 % of n1; 100, 86.78, 73.3, 60 % of n2. */
static void test_sustained_use(void **state)
{
	const money usd = USD;

	assert_int_equal(sustained_use_price("n1-standard-8", 25, usd), usd);
	assert_int_equal(sustained_use_price("n1-standard-8", 50, usd), usd / 10 * 9);
	assert_int_equal(sustained_use_price("n1-standard-8", 100, usd), usd / 10 * 7);
	assert_int_equal(sustained_use_price("n2-standard-8", 100, usd), 800200000000);
	assert_int_equal(sustained_use_price("n2-standard-8", 50, usd), 933900000000);
	assert_int_equal(sustained_use_price("n1-standard-8", 40, usd), 925000000000);
	assert_int_equal(sustained_use_price("e2-standard-8", 100, usd), usd);
	assert_true(has_sustained_use("gcp", "n2d-standard-8", LIFECYCLE_ON_DEMAND));
	assert_false(has_sustained_use("gcp", "n2-standard-8", LIFECYCLE_SPOT));
	assert_false(has_sustained_use("gcp", "e2-standard-8", LIFECYCLE_ON_DEMAND));
	assert_false(has_sustained_use("aws", "n2-standard-8", LIFECYCLE_ON_DEMAND));
	assert_int_equal(billing_minimum_ns("aws"), 60000000000);
	assert_int_equal(billing_minimum_ns("gcp"), 60000000000);
	assert_int_equal(billing_minimum_ns("azure"), 0);
	assert_int_equal(billing_minimum_ns(NULL), 0);
}

/* What has no price has none in any part: a bill for 20 minutes of an hour. */
static void test_unpriced_parts(void **state)
{
	const uint64_t min = 60000000000ULL, hour = 60 * min;
	const char *const resources[] = { "i-1" };
	struct bill_book b = { .resources = resources, .n_resources = 1 };
	struct charge c = { .resource = "i-1",
			    .start_ns = 20 * min,
			    .end_ns = 40 * min,
			    .amount = 5,
			    .class = CHARGE_USAGE };
	const struct cost_line estimate = { 0, hour, -1, LINE_COMPUTE };
	struct trued parts[8];
	size_t n;

	assert_int_equal(bill_book_add(&b, &c), 0);
	bill_book_sort(&b);
	n = bill_true_up(&b, 0, &estimate, 1, parts, 8);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(parts[i].line.amount, parts[i].billed ? 5 : -1);
	bill_book_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decimals),      cmocka_unit_test(test_money_text),
		cmocka_unit_test(test_divide),	      cmocka_unit_test(test_rate),
		cmocka_unit_test(test_builtin),	      cmocka_unit_test(test_user_table),
		cmocka_unit_test(test_parts),	      cmocka_unit_test(test_rates),
		cmocka_unit_test(test_policies),      cmocka_unit_test(test_oversubscribed),
		cmocka_unit_test(test_nested),	      cmocka_unit_test(test_idle_causes),
		cmocka_unit_test(test_bytes),	      cmocka_unit_test(test_bill_book),
		cmocka_unit_test(test_bill_versions), cmocka_unit_test(test_true_up),
		cmocka_unit_test(test_sustained_use), cmocka_unit_test(test_unpriced_parts),
		cmocka_unit_test(test_who),	      cmocka_unit_test(test_carbon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
