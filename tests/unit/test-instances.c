/* SPDX-License-Identifier: Apache-2.0 */
/* Machines for tasks: cases calculated by hand, and what must hold for all. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/analysis/instances.h"
#include "src/base/cleanup.h"

#define GIB (1024.0 * 1024 * 1024)

static const struct instance old_cpu = { .type = "a.8",
					 .region = "here",
					 .family = "a",
					 .cpu = "A",
					 .vcpus = 8,
					 .memory_bytes = 16 * GIB,
					 .usd_per_hour = 0.36,
					 .speed = 10000,
					 .network_byte_s = 1e9,
					 .storage_byte_s = 1e9 };
static const struct instance new_cpu = { .type = "b.4",
					 .region = "here",
					 .family = "b",
					 .cpu = "B",
					 .vcpus = 4,
					 .memory_bytes = 16 * GIB,
					 .usd_per_hour = 0.36,
					 .speed = 20000,
					 .network_byte_s = 1e9,
					 .storage_byte_s = 1e9 };
static const struct instance_need two_cores = { .cores = 2,
						.memory_bytes = 3 * GIB,
						.at_most = 99 };

static void near(double is, double should)
{
	if (!(fabs(is - should) <= 1e-9 * fmax(1, fabs(should))))
		fail_msg("%.12g is not %.12g", is, should);
}

static void fits(const struct instance *i, const struct instance_need *n, unsigned at_a_time,
		 enum instance_binds binds)
{
	struct instance_outcome o;

	instance_fit(i, n, &o);
	assert_int_equal(o.reason, INSTANCE_FITS);
	assert_int_equal(o.at_a_time, at_a_time);
	assert_int_equal(o.binds, binds);
}

static void refused(const struct instance *i, const struct instance_need *n,
		    enum instance_reason reason)
{
	struct instance_outcome o;

	instance_fit(i, n, &o);
	assert_int_equal(o.reason, reason);
}

/* 16 GiB have room for 16 x 0.94 - 0.5 = 14.54 GiB. */
static void test_packing(void **state)
{
	struct instance_need n = two_cores;

	fits(&old_cpu, &n, 4, BINDS_CPU);
	n.memory_bytes = 4 * GIB; /* 3.6 */
	fits(&old_cpu, &n, 3, BINDS_MEMORY);
	n.memory_bytes = 14.54 * GIB;
	fits(&old_cpu, &n, 1, BINDS_MEMORY);
	n.memory_bytes = 14.55 * GIB;
	refused(&old_cpu, &n, INSTANCE_MEMORY);
	n.memory_bytes = 8 * GIB; /* two were seen there */
	n.packed_bytes = 7.27 * GIB;
	fits(&old_cpu, &n, 2, BINDS_MEMORY);
	n.memory_bytes = 15 * GIB; /* one alone must fit all the same */
	refused(&old_cpu, &n, INSTANCE_MEMORY);
	n = two_cores;
	n.at_most = 3;
	fits(&old_cpu, &n, 3, BINDS_TASKS);
	n.at_most = 0;
	fits(&old_cpu, &n, 1, BINDS_TASKS);
	n.cores = 9;
	refused(&old_cpu, &n, INSTANCE_CPUS);
}

static void test_unknown_needs(void **state)
{
	static const double bad[] = { 0, -1, NAN, INFINITY };

	for (size_t i = 0; i < 4; i++) {
		struct instance_need n = two_cores;
		struct instance m = old_cpu;

		n.memory_bytes = bad[i];
		refused(&old_cpu, &n, INSTANCE_NEED_UNKNOWN);
		n = two_cores;
		n.cores = bad[i];
		refused(&old_cpu, &n, INSTANCE_NEED_UNKNOWN);
		m.usd_per_hour = bad[i];
		if (bad[i] != 0) /* a price of 0 is one */
			refused(&m, &two_cores, INSTANCE_NEED_UNKNOWN);
		m = old_cpu;
		m.memory_bytes = i < 3 ? bad[i] : 0;
		refused(&m, &two_cores, INSTANCE_NEED_UNKNOWN);
	}
}

static void test_requirements(void **state)
{
	struct instance_need n = two_cores;
	struct instance m = old_cpu;

	m.arm = true;
	refused(&m, &n, INSTANCE_ARCH);
	n.any_arch = true;
	fits(&m, &n, 4, BINDS_CPU);
	m = old_cpu;
	m.burstable = true;
	refused(&m, &n, INSTANCE_BURSTABLE);
	m = old_cpu;
	m.gpus = 1;
	m.gpu_model = "t4";
	refused(&m, &n, INSTANCE_GPUS); /* nobody pays for what nobody uses */
	n.gpus = 1;
	fits(&m, &n, 4, BINDS_CPU);
	n.gpu_model = "a100";
	refused(&m, &n, INSTANCE_GPUS);
	n.gpu_model = NULL;
	m.gpus = -1; /* an accelerator that is no GPU */
	m.gpu_model = "inferentia";
	refused(&m, &n, INSTANCE_GPUS);
	refused(&m, &two_cores, INSTANCE_GPUS);
	n.gpus = -1;
	n.gpu_model = "inferentia";
	fits(&m, &n, 4, BINDS_CPU);
	n = two_cores;
	n.nvme = true;
	m = old_cpu;
	m.nvme_bytes = -1;
	refused(&m, &n, INSTANCE_NVME);
	m.nvme_bytes = 0;
	refused(&m, &n, INSTANCE_NVME);
	m.nvme_bytes = 1e11;
	fits(&m, &n, 4, BINDS_CPU);
	m = old_cpu;
	m.spot = true;
	m.taken = -1;
	refused(&m, &two_cores, INSTANCE_TAKEN);
}

static void test_bandwidth(void **state)
{
	struct instance_need n = two_cores;
	struct instance m = old_cpu;

	n.network_byte_s = 4e8;
	fits(&m, &n, 2, BINDS_NETWORK);
	n.network_byte_s = 1.1e9;
	refused(&m, &n, INSTANCE_NETWORK);
	m.network_byte_s = 0; /* not known: what every machine has is enough, or it is not */
	refused(&m, &n, INSTANCE_NETWORK);
	n.network_byte_s = 1e6;
	fits(&m, &n, 4, BINDS_CPU);
	n = two_cores;
	n.storage_byte_s = 6e8;
	fits(&m, &n, 1, BINDS_STORAGE);
	m.nvme_bytes = 1e11;
	fits(&m, &n, 4, BINDS_CPU);
	n = two_cores;
	n.least_network_byte_s = 1e8;
	refused(&m, &n, INSTANCE_NETWORK);
	n = two_cores;
	n.least_storage_byte_s = 2e9;
	refused(&old_cpu, &n, INSTANCE_STORAGE);
}

/* 100 s, 80 of them on a CPU, twice as fast: 60 s. Four of them, two at a time, at 0.36
 * USD an hour: 120 s, 0.012 USD. Three: the second round has an empty place. */
static void test_cost(void **state)
{
	struct instance_task t[4];
	struct instance_work w = { .tasks = t, .n = 4, .runs = 1, .was = &old_cpu };
	struct instance_need n = two_cores;
	struct instance_outcome o;
	struct instance there = new_cpu;

	for (int i = 0; i < 4; i++)
		t[i] = (struct instance_task){ 100, 0.8, 1, 5e9, 0.02 };
	n.at_most = 4;
	instance_work_sum(&w);
	instance_predict(&new_cpu, &n, &w, &o);
	assert_int_equal(o.reason, INSTANCE_FITS);
	near(o.ratio, 0.5);
	near(o.seconds, 120);
	near(o.usd, 0.012);
	near(o.speed_error, INSTANCE_SPEED_ERROR);
	w.n = 3;
	instance_work_sum(&w);
	instance_predict(&new_cpu, &n, &w, &o);
	near(o.seconds, 120);
	w.n = 4;
	w.runs = 2; /* two tasks a run */
	instance_work_sum(&w);
	instance_predict(&new_cpu, &n, &w, &o);
	near(o.usd, 0.006);
	there.region = "there";
	w.transfer_usd_per_byte = 0.02 / 1e9;
	instance_predict(&there, &n, &w, &o);
	near(o.transfer_usd, 0.2);
	near(o.usd, 0.206);
	there.speed = 0;
	instance_predict(&there, &n, &w, &o);
	assert_int_equal(o.reason, INSTANCE_SPEED);
	there.cpu = "A"; /* the same CPU needs no benchmark */
	instance_predict(&there, &n, &w, &o);
	near(o.ratio, 1);
	near(o.speed_error, 0);
	w.was = NULL;
	instance_predict(&new_cpu, &n, &w, &o);
	near(o.ratio, 1);
	near(o.seconds, 100);
}

/* The same machine, as full as it was: it costs what it cost. */
static void test_same_machine(void **state)
{
	for (unsigned seed = 1; seed <= 200; seed++) {
		struct instance_task t[12];
		struct instance_need n = two_cores;
		struct instance m = old_cpu;
		struct instance_work w = { .tasks = t, .n = 12, .runs = 3, .was = &m };
		double seconds = 0;
		struct instance_outcome o;

		m.threads = seed % 2;
		n.at_most = 4;
		for (unsigned i = 0; i < 12; i++) {
			t[i] = (struct instance_task){ .seconds = 1 + seed * (i + 1) % 97,
						       .cpu_share = (seed * (i + 3) % 11) / 10.0,
						       .load = 1 };
			seconds += t[i].seconds;
		}
		instance_work_sum(&w);
		instance_predict(&m, &n, &w, &o);
		assert_int_equal(o.at_a_time, 4);
		near(o.usd * 3, seconds / 4 / 3600 * m.usd_per_hour);
	}
}

/* Two threads of a core: 1.3 of one; so one alone is 2 / 1.3 = 1.538 times as fast. */
static void test_threads(void **state)
{
	struct instance m = old_cpu;
	struct instance_task t[4];
	struct instance_work w = { .tasks = t, .n = 4, .runs = 1, .was = &m };
	struct instance_need n = { .cores = 1, .memory_bytes = GIB, .at_most = 4 };
	struct instance_outcome o;

	near(instance_thread_speed(&m, 0.5), 1);
	m.threads = true;
	near(instance_thread_speed(&m, 1), 1);
	near(instance_thread_speed(&m, 2), 1);
	near(instance_thread_speed(&m, 0.5), 2 / 1.3);
	near(instance_thread_speed(&m, 0.1), 2 / 1.3);
	near(instance_thread_speed(&m, 0.75), (0.25 * 2 / 1.3 + 0.5) / 0.75);
	near(instance_thread_speed(&m, NAN), 1);
	near(instance_thread_speed(NULL, 0.5), 1);
	/* Seen at half load; a CPU of twice the speed per thread is only 1.3 times as fast. */
	for (int i = 0; i < 4; i++)
		t[i] = (struct instance_task){ .seconds = 100, .cpu_share = 1, .load = 0.5 };
	instance_work_sum(&w);
	instance_predict(&new_cpu, &n, &w, &o);
	near(o.ratio, 1 / 1.3);
	assert_true(o.speed_error > INSTANCE_SPEED_ERROR);
	instance_predict(&m, &n, &w, &o); /* the same load: the same time */
	near(o.ratio, 1);
}

static void test_spot(void **state)
{
	double even, x;

	near(spot_expected_hours(0.1, 10, 0.5), (exp(1) - 1) * 10.5);
	near(spot_expected_hours(0, 10, 0.5), 10);
	near(spot_expected_hours(1e-15, 10, 1), 10);
	assert_true(isinf(spot_expected_hours(1, 1e6, 0)));
	assert_true(isnan(spot_expected_hours(-1, 10, 0)));
	assert_true(isnan(spot_expected_hours(NAN, 10, 0)));
	assert_true(isnan(spot_expected_hours(1, -10, 0)));
	/* e^x - 1 = x / 0.36 at x = 1.7843 */
	even = spot_break_even_hours(1, 0.36, 0.01, 0);
	x = even * 0.01;
	assert_true(fabs((exp(x) - 1) * 0.36 - x) < 1e-6 && x > 1.5 && x < 2);
	near(spot_break_even_hours(1, 0.36, 0.02, 0) / even, 0.5);
	assert_true(spot_break_even_hours(1, 0.36, 0.01, 1) < even);
	assert_true(isinf(spot_break_even_hours(1, 0.36, 0, 0.1)));
	near(spot_break_even_hours(1, 1, 0.01, 0), 0);
	near(spot_break_even_hours(1, 2, 0.01, 0), 0);
	assert_true(isnan(spot_break_even_hours(NAN, 1, 0.01, 0)));
	near(spot_break_even_rate(1, 0.36, even, 0), 0.01);
	near(spot_break_even_rate(1, 1.5, 10, 0), 0);
	assert_true(isnan(spot_break_even_rate(1, 0.5, 0, 0)));
}

/* A day-long task on machines that are taken away each hour is not for spot. */
static void test_spot_cost(void **state)
{
	struct instance_task t[3];
	struct instance_work w = {
		.tasks = t, .n = 3, .runs = 1, .was = &old_cpu, .restart_hours = 0.1
	};
	struct instance_need n = { .cores = 8, .memory_bytes = GIB, .at_most = 1 };
	struct instance m = old_cpu;
	struct instance_outcome o;

	m.spot = true;
	m.taken = 0.1;
	m.usd_per_hour = 0.1;
	for (int i = 0; i < 3; i++)
		t[i] = (struct instance_task){ .seconds = 36000, .cpu_share = 1, .load = 1 };
	instance_work_sum(&w);
	instance_predict(&m, &n, &w, &o);
	near(o.usd, 3 * 0.1 * (exp(1) - 1) * 10.1);
	m.taken = 1000;
	instance_predict(&m, &n, &w, &o);
	assert_int_equal(o.reason, INSTANCE_TIME);
}

static void test_saving(void **state)
{
	struct instance_sample s[500];
	struct instance_range r, wide;

	for (int i = 0; i < 500; i++)
		s[i] = (struct instance_sample){ 3, 1, 0.5 };
	assert_int_equal(instance_saving(s, 10, 0, 0, &r), 0);
	near(r.low, 15);
	near(r.middle, 15);
	near(r.high, 15);
	assert_int_equal(instance_saving(s, 10, 0.1, 0, &r), 0);
	assert_true(r.low < 13.5 && r.low > 12 && r.high > 16.2 && r.high < 17.5);
	assert_int_equal(instance_saving(s, 10, 0.1, 0.1, &wide), 0);
	assert_true(wide.low < r.low && wide.high > r.high);
	for (int i = 0; i < 500; i++)
		s[i].observed = i % 2 ? 2 : 4; /* sum +- 1.96 sqrt(n) */
	assert_int_equal(instance_saving(s, 100, 0, 0, &r), 0);
	near(r.middle, 150);
	assert_true(fabs(r.low - 130.4) < 4 && fabs(r.high - 169.6) < 4);
	assert_int_equal(instance_saving(s, 500, 0, 0, &r), 0);
	assert_true(fabs(r.low - (750 - 43.8)) < 6 && fabs(r.high - (750 + 43.8)) < 6);
	assert_int_equal(instance_saving(s, 0, 0, 0, &r), -EINVAL);
	s[3].observed = NAN;
	assert_int_equal(instance_saving(s, 10, 0, 0, &r), -EINVAL);
	s[3].observed = 1;
	assert_int_equal(instance_saving(s, 10, NAN, 0, &r), -EINVAL);
}

static struct instance machine(const char *type, const char *family, const char *region, bool spot)
{
	return (struct instance){ .type = type, .family = family, .region = region, .spot = spot };
}

static struct instance_outcome outcome(double usd, double seconds)
{
	return (struct instance_outcome){ .usd = usd, .seconds = seconds };
}

static void test_choice(void **state)
{
	const struct instance list[] = {
		machine("a.8", "a", "here", false), machine("a.4", "a", "here", false),
		machine("b.4", "b", "here", false), machine("c.9", "c", "here", false),
		machine("d.1", "d", "here", false), machine("b.4", "b", "there", false),
		machine("b.4", "b", "here", true),  machine("b.4", "b", "there", true),
	};
	struct instance_outcome o[] = {
		outcome(10, 100), outcome(9, 150), outcome(7, 90), outcome(9.9, 20),
		outcome(1, 300),  outcome(5, 90),  outcome(2, 95), outcome(1, 95),
	};
	struct instance_terms t = { "a.8", "a", "here", false, 10, 100, 10, true };
	size_t at[INSTANCE_WAYS];

	instance_choose(list, o, 8, &t, at);
	assert_int_equal(at[WAY_CHEAPER], 2); /* d.1 takes three times as long */
	assert_int_equal(at[WAY_FASTER], 3);
	assert_int_equal(at[WAY_FAMILY], 1);
	assert_int_equal(at[WAY_REGION], 5);
	assert_int_equal(at[WAY_OTHER], 6);
	t.cpu_limited = false;
	instance_choose(list, o, 8, &t, at);
	assert_int_equal(at[WAY_FASTER], SIZE_MAX);
	t.cpu_limited = true;
	t.budget_usd = 9;
	instance_choose(list, o, 8, &t, at);
	assert_int_equal(at[WAY_FASTER], SIZE_MAX); /* b.4 is it already */
	o[2].reason = o[5].reason = INSTANCE_MEMORY;
	o[6].usd = 9.5;
	instance_choose(list, o, 8, &t, at);
	assert_int_equal(at[WAY_CHEAPER], 1);
	assert_int_equal(at[WAY_FAMILY], SIZE_MAX); /* said once */
	assert_int_equal(at[WAY_REGION], SIZE_MAX);
	assert_int_equal(at[WAY_OTHER], SIZE_MAX); /* dearer than the cheaper one */
	o[1].usd = 9.95;
	instance_choose(list, o, 8, &t, at);
	assert_int_equal(at[WAY_CHEAPER], SIZE_MAX); /* as good as equal */
	t = (struct instance_terms){ NULL, NULL, NULL, false, NAN, NAN, NAN, false };
	o[4].usd = NAN;
	o[4].reason = INSTANCE_TIME;
	instance_choose(list, o, 8, &t, at);
	assert_int_equal(at[WAY_CHEAPER], 3); /* nothing to compare with: the cheapest */
	assert_int_equal(at[WAY_OTHER], 7);
}

static struct whatif_task job(double start, double end, double cores, double gib)
{
	return (struct whatif_task){ .start_s = start,
				     .end_s = end,
				     .cpu_s = cores * (end - start),
				     .cpu_wall_s = end - start,
				     .memory_bytes = gib * GIB,
				     .faster = 1 };
}

/* Two rounds of four tasks of two cores on eight: the machine is full for 200 s. */
static void test_whole_run(void **state)
{
	struct whatif_task t[8];
	struct instance list[6];
	struct instance_outcome o[6];
	struct instance_run_peak peak;
	struct instance_run r = { .tasks = t,
				  .n = 8,
				  .seconds = 200,
				  .cores = 8,
				  .usd = 0.02,
				  .cpu_share = 1,
				  .load = 1,
				  .was = &old_cpu,
				  .need = { .cores = 1, .memory_bytes = 3 * GIB, .at_most = 1 } };

	for (int i = 0; i < 8; i++)
		t[i] = job(i / 4 * 100, i / 4 * 100 + 100, 2, 3);
	instance_run_peak(&r, &peak);
	near(peak.cores, 8);
	near(peak.memory_bytes, 12 * GIB);
	list[0] = old_cpu;
	list[1] = new_cpu; /* half the CPUs, twice the speed */
	list[2] = new_cpu;
	list[2].type = "b.8";
	list[2].vcpus = 8;
	list[3] = new_cpu;
	list[3].type = "small";
	list[3].memory_bytes = 2 * GIB;
	list[4] = new_cpu;
	list[4].type = "unknown";
	list[4].speed = 0;
	list[5] = new_cpu;
	list[5].type = "tight"; /* room for two at a time */
	list[5].vcpus = 8;
	list[5].memory_bytes = 8 * GIB;
	assert_int_equal(instance_run_predict(&r, list, 6, o), 0);
	assert_int_equal(o[0].reason, INSTANCE_FITS);
	near(o[0].seconds, 200);
	near(o[0].usd, 200.0 / 3600 * 0.36);
	assert_int_equal(o[0].binds, BINDS_TASKS);
	assert_int_equal(o[1].binds, BINDS_CPU);
	assert_true(fabs(o[1].seconds - 200) < 1);
	assert_true(fabs(o[2].seconds - 100) < 1);
	assert_int_equal(o[3].reason, INSTANCE_MEMORY);
	assert_int_equal(o[4].reason, INSTANCE_SPEED);
	assert_int_equal(o[5].binds, BINDS_MEMORY);
	assert_true(fabs(o[5].seconds - 200) < 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packing),	     cmocka_unit_test(test_unknown_needs),
		cmocka_unit_test(test_requirements), cmocka_unit_test(test_bandwidth),
		cmocka_unit_test(test_cost),	     cmocka_unit_test(test_same_machine),
		cmocka_unit_test(test_threads),	     cmocka_unit_test(test_spot),
		cmocka_unit_test(test_spot_cost),    cmocka_unit_test(test_saving),
		cmocka_unit_test(test_choice),	     cmocka_unit_test(test_whole_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
