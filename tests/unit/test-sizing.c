/* SPDX-License-Identifier: Apache-2.0 */
/* src/analysis/{stats,rightsize,regress,trace_file}: against cases computed by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/analysis/backtest.h"
#include "src/analysis/regress.h"
#include "src/analysis/stats.h"
#include "src/analysis/trace_file.h"

#define GB	   1e9
#define near(a, b) assert_true(fabs((double)(a) - (double)(b)) <= 1e-9 * fmax(1, fabs((double)(b))))

static void test_quantiles(void **state)
{
	double v[] = { 4, 1, 3, 2 };

	assert_true(isnan(stats_quantile(v, 0, 0.5)));
	near(stats_median(v, 4), 2.5);
	near(stats_quantile(v, 4, 0.9), 3.7);
	near(stats_quantile(v, 4, 1), 4);
	near(stats_deviation((double[]){ 2, 4, 4, 4, 5, 5, 7, 9 }, 8), sqrt(32.0 / 7));
}

static void test_fit(void **state)
{
	double x[] = { 1, 2, 3 }, y[] = { 3, 5, 7 }, same[] = { 2, 2, 2 };
	struct stats_line l = stats_fit(x, y, 3);

	near(l.slope, 2);
	near(l.intercept, 1);
	l = stats_fit(same, y, 3);
	near(l.slope, 0);
	near(l.intercept, 5);
}

static void test_rank_sum(void **state)
{
	double a[] = { 1, 2, 3 }, b[] = { 4, 5, 6 }, c[] = { 1, 4 }, d[] = { 2, 3 };
	double many_a[40], many_b[40];

	near(stats_rank_sum_p(a, 3, b, 3), 0.1); /* 2 of 20 divisions are so uneven */
	near(stats_rank_sum_p(b, 3, a, 3), 0.1);
	near(stats_rank_sum_p(c, 2, d, 2), 1);
	near(stats_rank_sum_p(a, 3, a, 3), 1);
	near(stats_rank_sum_p(a, 3, b, 0), 1);
	near(stats_rank_sum_floor(3, 3), 0.1);
	near(stats_rank_sum_floor(4, 4), 2.0 / 70);
	for (int i = 0; i < 40; i++) {
		many_a[i] = i;
		many_b[i] = i + 100;
	}
	assert_true(stats_rank_sum_p(many_a, 40, many_b, 40) < 1e-12);
	assert_true(stats_rank_sum_p(many_a, 40, many_a, 40) > 0.99);
}

static void test_shift_and_discovery(void **state)
{
	double a[] = { 1, 2, 3 }, b[] = { 11, 12, 13 };
	double p[] = { 0.01, 0.04, 0.03, 0.5 };
	struct stats_shift s;

	assert_int_equal(stats_shift(a, 3, b, 3, &s), 0);
	near(s.median, 10);
	assert_true(s.low <= 10 && s.high >= 10);
	assert_int_equal(stats_false_discovery(p, 4), 0);
	near(p[0], 0.04);
	near(p[2], 0.04 * 4 / 3);
	near(p[1], 0.04 * 4 / 3);
	near(p[3], 0.5);
	near(stats_share_upper(0, 10), 1 - pow(0.05, 0.1));
	assert_true(fabs(stats_share_upper(1, 20) - 0.216106) < 1e-6); /* Clopper, Pearson */
	near(stats_share_upper(3, 3), 1);
	near(stats_share_upper(0, 0), 1);
}

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Against the list of all differences, with ties; then more than could be listed. */
static void test_shift_of_many(void **state)
{
	enum { A = 41, B = 36, MANY = 5000 };
	static double a[MANY], b[MANY], d[A * B];
	double spread = 1.959963984540054 * sqrt(A * B * (A + B + 1) / 12.0);
	size_t k = (size_t)(A * B / 2.0 - spread), n = 0;
	struct stats_shift s;

	for (size_t i = 0; i < A; i++)
		a[i] = (double)(i * 7 % 23) / 3;
	for (size_t i = 0; i < B; i++)
		b[i] = 100 / (double)(i + 1) - 20;
	for (size_t i = 0; i < A; i++)
		for (size_t j = 0; j < B; j++)
			d[n++] = b[j] - a[i];
	qsort(d, n, sizeof(*d), by_double);
	assert_int_equal(stats_shift(a, A, b, B, &s), 0);
	near(s.median, (d[n / 2 - 1] + d[n / 2]) / 2);
	near(s.low, d[k]);
	near(s.high, d[n - 1 - k]);
	for (size_t i = 0; i < MANY; i++) {
		a[i] = (double)(i * 37 % MANY);
		b[i] = (double)(i * 91 % MANY) + 500;
	}
	assert_int_equal(stats_shift(a, MANY, b, MANY, &s), 0);
	near(s.median, 500);
	assert_true(s.low > 430 && s.low < 470 && s.high > 530 && s.high < 570);
}

static struct sizer *sizer_of(size_t n, double (*peak)(size_t i))
{
	struct sizer *s;

	assert_int_equal(sizer_new(&sizing_defaults, &s), 0);
	for (size_t i = 0; i < n; i++)
		sizer_add(s, &(struct usage){ .input_bytes = (double)(i % 7 + 1) * GB,
					      .peak_bytes = peak(i),
					      .seconds = 3600 });
	return s;
}

static double constant_peak(size_t i)
{
	return 2 * GB;
}

static double linear_peak(size_t i)
{
	return 1 * GB + 0.5 * (double)(i % 7 + 1) * GB;
}

static void test_sizes(void **state)
{
	struct sizer *s = sizer_of(2, constant_peak);
	struct sizing_risk risk;
	struct sizing got;

	assert_false(sizer_next(s, GB, &got));
	assert_false(sizer_stands(s, &got, &risk));
	sizer_free(s);
	s = sizer_of(5, constant_peak);
	assert_true(sizer_stands(s, &got, &risk));
	assert_true(got.cautious);
	near(got.bytes, 2.2 * GB);
	assert_int_equal(risk.tried, 2);
	near(risk.failure_share_upper, 1 - pow(0.05, 1.0 / 5));
	sizer_free(s);
	s = sizer_of(50, constant_peak);
	assert_true(sizer_next(s, GB, &got));
	near(got.bytes, 2 * GB * (1 + 0.15 / 50)); /* no spread: only the chance of a new one */
	assert_true(sizer_stands(s, &got, &risk));
	assert_false(got.cautious);
	near(got.bytes, 2 * GB * (1 + 0.5 / 50));
	assert_int_equal(risk.tried, 47);
	assert_int_equal(risk.failures, 0);
	assert_int_equal(risk.below, 0);
	near(sizer_retry(s, 1 * GB), 2.1 * GB);
	near(sizer_retry(s, 3 * GB), 6 * GB);
	sizer_free(s);
	s = sizer_of(70, linear_peak);
	assert_true(sizer_next(s, 7 * GB, &got));
	assert_true(got.model != SIZING_CONSTANT);
	assert_true(got.bytes >= 4.5 * GB && got.bytes < 4.6 * GB);
	assert_true(sizer_next(s, 1 * GB, &got));
	assert_true(got.bytes >= 1.5 * GB && got.bytes < 1.6 * GB);
	assert_true(sizer_stands(s, &got, &risk));
	near(risk.input_bytes, 7 * GB);
	assert_true(got.bytes >= 4.5 * GB && got.bytes < 4.6 * GB);
	sizer_free(s);
}

/* Each task needs more than any before it: what was learned was never enough. */
static double growing_peak(size_t i)
{
	return GB * pow(1.2, (double)i);
}

static void test_growth_is_a_risk(void **state)
{
	struct sizer *s = sizer_of(12, growing_peak);
	struct sizing_risk risk;
	struct sizing got;

	assert_true(sizer_stands(s, &got, &risk));
	assert_int_equal(risk.below, 0); /* what all its own tasks say */
	assert_int_equal(risk.tried, 9);
	assert_int_equal(risk.failures, 9);
	near(risk.failure_share_upper, 1);
	sizer_free(s);
}

static void test_killed_counts(void **state)
{
	struct sizer *s = sizer_of(9, constant_peak);
	struct usage killed = { GB, 3.9 * GB, 100, 4 * GB, true };
	struct sizing_risk risk;
	struct sizing got;

	sizer_add(s, &killed);
	near(sizer_largest(s), 4.8 * GB);
	assert_int_equal(sizer_samples(s), 10);
	assert_true(sizer_stands(s, &got, &risk));
	assert_true(got.bytes >= 4.8 * GB);
	sizer_free(s);
}

static void test_cores(void **state)
{
	assert_int_equal(cores_needed((double[]){ 0.9, 1.0, 1.1 }, 3, 0), 2);
	assert_int_equal(cores_needed((double[]){ 0.1, 0.2, 0.3 }, 3, 0), 1);
	assert_int_equal(cores_needed((double[]){ 1.75 }, 1, 0), 2);
	assert_int_equal(cores_needed(NULL, 0, 0), 0);
	/* one thread at work needs no second core, two of them no third */
	assert_int_equal(cores_needed((double[]){ 1.0, 1.0, 1.0 }, 3, 1), 1);
	assert_int_equal(cores_needed((double[]){ 1.9, 1.9, 1.9 }, 3, 2), 2);
	assert_int_equal(cores_needed((double[]){ 1.9, 1.9, 1.9 }, 3, 0), 3);
	/* a wrong count of workers never goes below what was used */
	assert_int_equal(cores_needed((double[]){ 1.9, 1.9, 1.9 }, 3, 1), 2);
}

/* Three tasks get 4 GB; of the next two one uses less, one more than ever. */
static void test_backtest(void **state)
{
	static const double peaks[] = { 1, 2, 2, 1, 3 };
	struct past_tasks p = { 0 };
	struct backtest b;

	for (size_t i = 0; i < 5; i++)
		assert_int_equal(
			past_tasks_add(
				&p, &(struct past_task){ .kind = "k",
							 .usage = { 0, peaks[i] * GB, 3600, 0, 0 },
							 .requested_bytes = 4 * GB,
							 .cpus = 1,
							 .cores = 0.5,
							 .start = (double)i }),
			0);
	assert_int_equal(backtest_run(&p, &sizing_defaults, &b), 0);
	assert_int_equal(b.replayed, 5);
	near(b.ways[BASELINE_REQUESTED].waste_byte_s / 3600 / GB, 11);
	/* 3 + 2 + 2; 2 - 1; 2 lost, then 4 - 3 */
	near(b.ways[BASELINE_LARGEST].waste_byte_s / 3600 / GB, 11);
	assert_int_equal(b.ways[BASELINE_LARGEST].failures, 1);
	/* 7; 2.2 - 1; 2.2 lost, then 4.4 - 3 */
	near(b.ways[BASELINE_LARGEST_TENTH].waste_byte_s / 3600 / GB, 11.8);
	/* 7; 2.2 - 1; 2.2 lost, then 4.4 - 3: few tasks, the same */
	near(b.ways[BACKTEST_OURS].waste_byte_s / 3600 / GB, 11.8);
	near(b.ways[BACKTEST_ONE_SIZE].waste_byte_s / 3600 / GB, 11.8);
	/* after three tasks 2.2 GB and CP(0, 3) were said, after four 2.2 and CP(0, 4) */
	assert_int_equal(b.stated_tasks, 2);
	assert_int_equal(b.met, 1);
	near(b.stated_sum, 2 - pow(0.05, 1.0 / 3) - pow(0.05, 1.0 / 4));
	near(b.core_s_requested, 5 * 3600);
	past_tasks_fini(&p);
}

static void test_regress(void **state)
{
	struct measured a[10], b[10], grown[10];
	struct regress r[3];

	for (int i = 0; i < 10; i++) {
		a[i] = (struct measured){ 10 + 0.1 * i, 100 * (1 + i) };
		b[i] = (struct measured){ 20 + 0.1 * i, 100 * (1 + i) };
		a[i].value *= 1 + i;
		b[i].value *= 1 + i;
		grown[i] = (struct measured){ 2 * a[i].value, 2 * a[i].input };
	}
	assert_int_equal(regress_compare(a, 10, b, 10, &r[0]), 0);
	assert_int_equal(regress_compare(a, 10, grown, 10, &r[1]), 0);
	assert_int_equal(regress_compare(a, 2, b, 2, &r[2]), 0);
	assert_int_equal(regress_judge(r, 3), 0);
	assert_int_equal(r[0].verdict, REGRESS_INCREASED);
	assert_true(r[0].ratio > 1.9 && r[0].ratio < 2.05);
	assert_true(r[0].low <= r[0].ratio && r[0].ratio <= r[0].high);
	assert_int_equal(r[1].verdict, REGRESS_SAME); /* twice the input, twice the time */
	near(r[1].input_ratio, 2);
	assert_int_equal(r[2].verdict, REGRESS_UNKNOWN);
}

static void test_trace(void **state)
{
	char head[] = "process,tag,status,exit,memory,realtime,peak_rss,rchar,start\n";
	char row[] = "\"A:B\",\"x, \"\"y\"\"\",COMPLETED,0,1 GB,1m 30s,512 MB,2048,5\n";
	char killed[] = "A,,FAILED,137,1024,10,-,,6\n", few[] = "A,b\n",
	     bad[] = "A,,X,1,z,1,1,1,1\n";
	char none[] = "a,b,c\n", why[TRACE_WHY];
	struct trace_header h;
	struct trace_task t;

	assert_int_equal(trace_header_parse(&h, head, why), 0);
	assert_int_equal(trace_task_parse(&h, row, &t, why), 0);
	assert_string_equal(t.process, "A:B");
	near(t.seconds, 90);
	near(t.memory_bytes, 1073741824);
	near(t.peak_bytes, 536870912);
	near(t.input_bytes, 2048);
	assert_int_equal(trace_task_parse(&h, killed, &t, why), 0);
	assert_int_equal(t.end, TRACE_KILLED_FOR_MEMORY);
	assert_true(isnan(t.peak_bytes));
	assert_int_equal(trace_task_parse(&h, few, &t, why), -22);
	assert_string_equal(why, "2 fields where the header has 9");
	assert_int_equal(trace_task_parse(&h, bad, &t, why), -22);
	assert_string_equal(why, "memory is `z`");
	assert_int_equal(trace_header_parse(&h, none, why), -22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles),     cmocka_unit_test(test_fit),
		cmocka_unit_test(test_rank_sum),      cmocka_unit_test(test_shift_and_discovery),
		cmocka_unit_test(test_shift_of_many), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_killed_counts), cmocka_unit_test(test_growth_is_a_risk),
		cmocka_unit_test(test_cores),	      cmocka_unit_test(test_backtest),
		cmocka_unit_test(test_regress),	      cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
