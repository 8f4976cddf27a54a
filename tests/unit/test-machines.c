/* SPDX-License-Identifier: Apache-2.0 */
/* The table of machine types, and prices of what is not a machine. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/str.h"
#include "src/cost/machines.h"
#include "src/cost/prices.h"

struct seek {
	const char *type;
	struct machine_facts facts;
	unsigned n, found;
};

static int visit(void *ctx, const struct machine_facts *facts)
{
	struct seek *s = ctx;

	s->n++;
	if (!strcmp(facts->type, s->type)) {
		s->facts = *facts;
		s->found++;
	}
	return 0;
}

static struct machine_facts find(const char *provider, const char *type, unsigned at_least)
{
	struct seek s = { .type = type };

	assert_int_equal(machine_each(provider, visit, &s), 0);
	assert_int_equal(s.found, 1);
	assert_true(s.n >= at_least);
	return s.facts;
}

static void test_facts(void **state)
{
	struct machine_facts f = find("aws", "c5.2xlarge", 1300);

	assert_string_equal(f.cpu, "Intel Xeon Platinum 8275CL");
	assert_int_equal(f.coremark, 16583);
	assert_false(f.coremark_of_cpu);
	assert_int_equal(f.nvme_gb, 0);
	assert_int_equal(f.network_mbit_s, 2500);
	assert_int_equal(f.storage_mbit_s, 4750);
	assert_true(f.threads && !f.burstable);
	assert_int_equal(f.bands[machine_region("aws", "us-east-1")], 1);
	assert_int_equal(f.bands[machine_region("aws", "us-east-2")], 4);
	assert_true(find("aws", "t3.medium", 0).burstable);
	assert_true(find("aws", "c7i-flex.large", 0).burstable);
	assert_false(find("aws", "c7a.large", 0).threads); /* a vCPU is a core */
	assert_false(find("aws", "c7g.large", 0).threads);
	assert_true(find("aws", "i3.large", 0).nvme_gb > 400);
	f = find("gcp", "n2-standard-8", 500); /* only a guess is known of its CPU */
	assert_int_equal(f.coremark, 0);
	assert_string_equal(f.cpu, "");
	assert_int_equal(f.bands[0], -1);
	assert_int_equal(find("azure", "Standard_D4s_v5", 1000).nvme_gb, -1);
	assert_true(find("azure", "Standard_B2ms", 0).burstable);
	assert_int_equal(machine_each("none", visit, &(struct seek){ .type = "" }), 0);
	assert_int_equal(machine_region("aws", "mars-1"), -1);
	assert_int_equal(machine_region("none", "us-east-1"), -1);
}

static int stop(void *ctx, const struct machine_facts *facts)
{
	return 7;
}

static void test_stop(void **state)
{
	assert_int_equal(machine_each("aws", stop, NULL), 7);
}

static void test_bands(void **state)
{
	struct band_share s;
	double before = 0;

	for (int band = 0; band < 5; band++) {
		assert_true(band_share(band, &s));
		assert_true(s.low < s.middle && s.middle < s.high && s.low >= before);
		before = s.low;
	}
	assert_false(band_share(5, &s));
	assert_false(band_share(-1, &s));
}

static void family(const char *provider, const char *type, const char *should)
{
	char buf[64];

	assert_string_equal(machine_family(provider, type, buf, sizeof(buf)), should);
}

static void test_families(void **state)
{
	family("aws", "c5.2xlarge", "c5");
	family("aws", "c7i-flex.large", "c7i-flex");
	family("aws", "odd", "odd");
	family("gcp", "n2-standard-8", "n2");
	family("azure", "Standard_D4s_v5", "Standard_Ds_v5");
	family("azure", "Standard_NC24ads_A100_v4", "Standard_NCads_A100_v4");
	family("azure", "Standard", "Standard");
	family("aws", "", "");
}

static void test_transfer(void **state)
{
	struct price p;

	assert_int_equal(price_transfer("aws", "us-east-1", &p), 0);
	assert_int_equal(p.usd_per_hour, USD / 50);
	assert_int_equal(price_transfer("aws", "ap-northeast-1", &p), 0);
	assert_int_equal(p.usd_per_hour, 9 * USD / 100);
	assert_int_equal(price_transfer("aws", "eu-west-1", &p), -ENOENT);
	assert_int_equal(price_transfer("gcp", "us-central1", &p), -ENOENT);
	assert_int_equal(price_volume("aws", "us-east-1", "none", &p), -ENOENT);
}

static void test_own(void **state)
{
	struct price_table t = { 0 };
	struct price_row row = { .provider = "aws", .type = "c5.2xlarge", .usd_per_hour = USD };
	struct price_query q = { "aws", "c5.2xlarge", "us-east-1", NULL, LIFECYCLE_ON_DEMAND, 1 };
	struct price p;

	assert_int_equal(price_find_own(NULL, &q, &p), -ENOENT);
	assert_int_equal(price_find_own(&t, &q, &p), -ENOENT); /* not the built-in one */
	assert_int_equal(price_table_add(&t, &row), 0);
	price_table_sort(&t);
	assert_int_equal(price_find_own(&t, &q, &p), 0);
	assert_int_equal(p.usd_per_hour, USD);
	q.type = NULL;
	assert_int_equal(price_find_own(&t, &q, &p), -ENOENT);
	price_table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),	 cmocka_unit_test(test_stop),
		cmocka_unit_test(test_bands),	 cmocka_unit_test(test_families),
		cmocka_unit_test(test_transfer), cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
