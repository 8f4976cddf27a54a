/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/analysis/{rank_split,input_slope,change}: p values computed by hand, all orders of
 * seven values, and histories by the thousand: how often nothing is called something,
 * and how often something is found. Seeds are fixed: the outcome is the same each time.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/analysis/change.h"
#include "src/analysis/rank_split.h"

#define near(a, b) assert_true(fabs((double)(a) - (double)(b)) <= 1e-9 * fmax(1, fabs((double)(b))))

static struct rank_split split_of(const double *v, size_t n)
{
	struct rank_split s;

	assert_int_equal(rank_split_find(v, n, &s), 0);
	return s;
}

static void test_split_by_hand(void **state)
{
	static const double few[] = { 1, 2, 9, 8, 7 }, six[] = { 1, 2, 3, 12, 10, 11 },
			    eight[] = { 1, 2, 3, 4, 5, 6, 7, 8 },
			    swapped[] = { 1, 2, 3, 5, 4, 6, 7, 8 },
			    same[] = { 5, 5, 5, 5, 5, 5, 5, 5 },
			    tied[] = { 5, 5, 5, 5, 6, 6, 6, 6 }, uneven[] = { 5, 5, 5, 5, 6, 6, 6 };
	double two[16];
	struct rank_split s = split_of(few, 5);

	assert_int_equal(s.at, 0);
	near(s.p, 1);
	s = split_of(six, 6); /* one cut: 2 of 20 divisions */
	assert_int_equal(s.at, 3);
	near(s.p, 0.1);
	s = split_of(eight, 8); /* 4|4: 2 of 70; 3|5 cannot be below 2 of 56 */
	assert_int_equal(s.at, 4);
	near(s.p, 2.0 / 70);
	s = split_of(swapped, 8); /* 3|5 and 5|3: 2 of 56; 4|4 has 2 of 70 below that */
	assert_int_equal(s.at, 3);
	near(s.p, 2.0 / 56 + 2.0 / 56 + 2.0 / 70);
	assert_int_equal(s.from, 3);
	assert_int_equal(s.to, 5);
	near(split_of(same, 8).p, 1);
	s = split_of(tied, 8);
	assert_int_equal(s.at, 4);
	near(s.p, 2.0 / 70);
	/* by ranks 5|8 is as good as 6|7 where the sixth is the outermost of its side */
	s = split_of(uneven, 7); /* no other division of 4 and 3 is as far off: 1 of 35 */
	assert_int_equal(s.at, 4);
	near(s.p, 1.0 / 35 + 1.0 / 35); /* 3|4 may have one as well */
	for (size_t i = 0; i < 13; i++)
		two[i] = (double)(i == 5 ? 6 : i < 6 ? i : 60 + i % 5);
	s = split_of(two, 13);
	assert_int_equal(s.at, 6);
	for (size_t i = 0; i < 16; i++)
		two[i] = (double)((i * 5) % 8 + (i >= 8 ? 10 : 0));
	s = split_of(two, 16);
	assert_int_equal(s.at, 8);
	near(s.p, 2.0 / 12870);
	near(rank_split_floor(16), 2.0 / 12870);
	near(rank_split_floor(5), 1);
	assert_int_equal(rank_split_find(two, RANK_SPLIT_MAX + 1, &s), -E2BIG);
}

static bool next_order(double *v, size_t n)
{
	size_t i = n - 1, j = n - 1;

	while (i > 0 && v[i - 1] >= v[i])
		i--;
	if (!i)
		return false;
	while (v[j] <= v[i - 1])
		j--;
	for (double t = v[i - 1]; t != 0; t = 0) {
		v[i - 1] = v[j];
		v[j] = t;
	}
	for (size_t a = i, b = n - 1; a < b; a++, b--) {
		double t = v[a];

		v[a] = v[b];
		v[b] = t;
	}
	return true;
}

/* A p value is one: of all orders, at most the share p has p or less. */
static void check_all_orders(double *v, size_t n)
{
	static double all[50000];
	size_t orders = 0;

	do {
		all[orders++] = split_of(v, n).p;
	} while (next_order(v, n));
	for (size_t i = 0; i < orders; i += 7) {
		size_t below = 0;

		for (size_t k = 0; k < orders; k++)
			below += all[k] <= all[i] + 1e-12;
		if ((double)below / (double)orders > all[i] + 1e-9)
			fail_msg("%zu of %zu orders have p <= %g", below, orders, all[i]);
	}
}

static void test_all_orders(void **state)
{
	double seven[] = { 1, 2, 3, 4, 5, 6, 7 }, ties[] = { 1, 1, 1, 2, 2, 3, 3, 4 };

	check_all_orders(seven, 7);
	check_all_orders(ties, 8);
}

/* Random numbers that are the same everywhere. */
static uint64_t seed;

static double uniform(void)
{
	seed += 0x9e3779b97f4a7c15ULL;
	uint64_t z = seed;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

/* Student's t with 3 degrees of freedom: now and then a run is far off. */
static double heavy(void)
{
	double a = normal(), b = normal(), c = normal();

	return normal() / sqrt((a * a + b * b + c * c) / 3);
}

#define GROUPS	 4
#define METRICS	 4
#define SERIES	 (GROUPS * METRICS)
#define RUNS_MAX 24
#define TASKS	 6

struct world {
	unsigned runs, change; /* runs before the change */
	double factor;	       /* of metrics 0 and 1 of group 0 from then on */
	double run_sd, group_sd, task_sd;
	bool inputs;	     /* each task has one of its own, value ~ input^0.8 */
	double input_factor; /* of all input from then on */
	bool one_task;
	double outlier; /* factor of everything in one run */
};

struct made {
	struct change_value v[RUNS_MAX * TASKS];
	size_t n;
};

static double shock(const struct world *w, unsigned run, unsigned s)
{
	double y = run >= w->change && s < 2 ? log(w->factor) : 0;

	return run == w->runs / 3 && w->outlier > 0 ? y + log(w->outlier) : y;
}

static void make_run(const struct world *w, unsigned run, struct made *all)
{
	double of_run = w->run_sd * heavy();

	for (unsigned g = 0; g < GROUPS; g++) {
		double of_group = of_run + w->group_sd * heavy();
		unsigned tasks = w->one_task ? 1 : 1 + (run + g) % TASKS;

		for (unsigned t = 0; t < tasks; t++) {
			double x = w->inputs ? log(1e6) + normal() : NAN;

			if (run >= w->change)
				x += log(w->input_factor);
			for (unsigned m = 0; m < METRICS; m++) {
				struct made *s = &all[g * METRICS + m];
				double y = of_group + w->task_sd * heavy();

				y += shock(w, run, g * METRICS + m) + (w->inputs ? 0.8 * x : 0);
				s->v[s->n++] = (struct change_value){ run, exp(y), exp(x) };
			}
		}
	}
}

static void play(const struct world *w, struct change *ret)
{
	static struct made all[SERIES];

	for (unsigned s = 0; s < SERIES; s++)
		all[s].n = 0;
	for (unsigned run = 0; run < w->runs; run++)
		make_run(w, run, all);
	for (unsigned s = 0; s < SERIES; s++)
		assert_int_equal(change_find(all[s].v, all[s].n, w->runs, &ret[s]), 0);
	assert_int_equal(change_judge(ret, SERIES), 0);
}

struct outcome {
	unsigned histories, any, false_any, found, at_newest, placed;
};

static bool is_change(const struct change *c)
{
	return c->verdict == CHANGE_UP || c->verdict == CHANGE_DOWN;
}

static struct outcome simulate(const struct world *w, unsigned histories)
{
	struct outcome o = { .histories = histories };
	struct change c[SERIES];

	for (unsigned i = 0; i < histories; i++) {
		bool any = false, false_any = false;

		play(w, c);
		for (unsigned s = 0; s < SERIES; s++) {
			any |= is_change(&c[s]);
			false_any |= s >= 2 && is_change(&c[s]);
			o.at_newest += is_change(&c[s]) && c[s].newest_only;
		}
		o.any += any;
		o.false_any += false_any;
		o.found += c[0].verdict == CHANGE_UP;
		o.placed += c[0].verdict == CHANGE_UP && c[0].cut.earliest <= w->change &&
			    c[0].cut.latest >= w->change;
	}
	print_message("%u runs: any %u, beside it %u, found %u, placed %u, newest %u of %u\n",
		      w->runs, o.any, o.false_any, o.found, o.placed, o.at_newest, histories);
	return o;
}

/* levels of runs differ by 8 % (standard deviation), with tails of 3 degrees of freedom */
#define NOISE .run_sd = 0.03, .group_sd = 0.02, .task_sd = 0.05

static void test_false_alarms(void **state)
{
	static const struct world worlds[] = {
		{ 20, 99, 1, NOISE, .input_factor = 1 },
		{ 6, 99, 1, NOISE, .input_factor = 1 },
		{ 9, 99, 1, NOISE, .input_factor = 1, .one_task = true },
		{ 16, 99, 1, .run_sd = 0.3, .group_sd = 0.1, .task_sd = 0.3, .input_factor = 1 },
		{ 16, 99, 1, .group_sd = 0.1, .input_factor = 1 },
		{ 16, 99, 1, NOISE, .inputs = true, .input_factor = 1 },
		{ 16, 99, 1, NOISE, .inputs = true, .one_task = true, .input_factor = 1 },
		{ 16, 8, 1, NOISE, .inputs = true, .input_factor = 3 },
		{ 16, 8, 1, NOISE, .inputs = true, .one_task = true, .input_factor = 3 },
		{ 16, 99, 1, NOISE, .input_factor = 1, .outlier = 10 },
	};

	static const unsigned histories[] = {
		1000, 1000, 400, 1000, 400, 1000, 400, 400, 400, 1000
	};

	for (size_t i = 0; i < sizeof(worlds) / sizeof(*worlds); i++) {
		seed = 4711 + i;
		assert_in_range(simulate(&worlds[i], histories[i]).any, 0, histories[i] / 20);
	}
}

/* Independent series without any change: values in steps, or with heavy tails. */
static void test_coarse_values(void **state)
{
	enum { COARSE_SERIES = 20, HISTORIES = 300 };
	static const double steps[] = { 0.1, 0.1, 0.3, 0 }, sds[] = { 0.1, 0.03, 0.1, 0.1 };
	static const unsigned runs[] = { 6, 8, 12, 20 };
	struct change c[COARSE_SERIES];
	unsigned coarse_bad = 0;
	struct change_value v[RUNS_MAX];

	for (size_t k = 0; k < 16; k++) {
		double step = steps[k / 4], sd = sds[k / 4];
		unsigned n = runs[k % 4], any = 0;

		seed = 99 + k;
		for (unsigned h = 0; h < HISTORIES; h++) {
			bool changed = false;

			for (unsigned s = 0; s < COARSE_SERIES; s++) {
				for (uint32_t i = 0; i < n; i++) {
					double y = sd * (step > 0 ? normal() : heavy());

					y = step > 0 ? step * round(y / step) : y;
					v[i] = (struct change_value){ i, exp(y), NAN };
				}
				assert_int_equal(change_find(v, n, n, &c[s]), 0);
			}
			assert_int_equal(change_judge(c, COARSE_SERIES), 0);
			for (unsigned s = 0; s < COARSE_SERIES; s++)
				changed |= is_change(&c[s]);
			any += changed;
		}
		print_message("step %g sd %g, %u runs: %u of %u\n", step, sd, n, any, HISTORIES);
		coarse_bad += any > HISTORIES / 20;
	}
	assert_int_equal(coarse_bad, 0);
}

static void test_power(void **state)
{
	static const struct world half = { 16, 8, 1.3, NOISE, .input_factor = 1 };
	static const struct world outlier = { 16, 8, 1.3, NOISE, .input_factor = 1, .outlier = 10 };
	static const struct world inputs = { 16, 8, 1.3, NOISE, .inputs = true, .input_factor = 1 };
	static const struct world newest = { 16, 15, 3, NOISE, .input_factor = 1 };
	struct outcome o;

	seed = 1;
	o = simulate(&half, 1000);
	assert_in_range(o.found, 800, 1000);
	assert_in_range(o.placed, o.found * 9 / 10, 1000);
	assert_in_range(o.false_any, 0, 100);
	seed = 2;
	assert_in_range(simulate(&outlier, 400).found, 320, 400);
	seed = 3;
	assert_in_range(simulate(&inputs, 400).found, 320, 400);
	seed = 4;
	assert_in_range(simulate(&newest, 400).found, 200, 400);
}

static void test_input(void **state)
{
	struct change_value v[16];
	struct change c;

	for (uint32_t i = 0; i < 16; i++) {
		double noise = 1 + 0.01 * (i * 5 % 7), more = i < 8 ? 1 : 2;

		v[i] = (struct change_value){ i, 10 * noise * more, 1e6 * more };
	}
	assert_int_equal(change_find(v, 16, 16, &c), 0);
	assert_int_equal(change_judge(&c, 1), 0);
	assert_int_equal(c.verdict, CHANGE_NONE); /* twice the input, twice the time */
	near(c.q, 1);				  /* and no discovery that lets others pass */
	assert_false(c.slope.fitted);
	near(c.slope.low, 0);
	near(c.slope.high, SLOPE_MAX);
	for (uint32_t i = 8; i < 16; i++)
		v[i].value *= 4; /* eight times: more than a square */
	assert_int_equal(change_find(v, 16, 16, &c), 0);
	assert_int_equal(change_judge(&c, 1), 0);
	assert_int_equal(c.verdict, CHANGE_UP);
	assert_int_equal(c.cut.since, 8);
	near(c.cut.input_ratio, 2);
	assert_true(c.cut.sure_ratio > 1.8 && c.cut.sure_ratio < 2.2);
	for (uint32_t i = 0; i < 16; i++)
		v[i].input = NAN;
	assert_int_equal(change_find(v, 16, 16, &c), 0);
	assert_int_equal(change_judge(&c, 1), 0);
	near(c.slope.high, 0);
	assert_true(isnan(c.cut.input_ratio));
	assert_true(c.cut.ratio > 7.5 && c.cut.ratio < 8.5);
}

/* One disturbed run is named, and hides nothing. */
static void test_outlier(void **state)
{
	struct change_value v[14];
	struct change c;

	for (uint32_t i = 0; i < 14; i++)
		v[i] = (struct change_value){ i, 20 + 0.1 * (i * 5 % 7) + (i < 8 ? 0 : 10), NAN };
	v[3].value = 80;
	assert_int_equal(change_find(v, 14, 14, &c), 0);
	assert_int_equal(change_judge(&c, 1), 0);
	assert_int_equal(c.outlier, 3);
	assert_int_equal(c.verdict, CHANGE_UP);
	assert_false(c.newest_only);
	assert_int_equal(c.cut.since, 8);
	near(c.level.p, 2 * 2.0 / 1716 / 0.8); /* 7 of 13, and 6 of 13, wholly apart */
	assert_true(c.cut.low > 1.4 && c.cut.high < 1.6);
	for (uint32_t i = 8; i < 14; i++)
		v[i].value -= 10;
	assert_int_equal(change_find(v, 14, 14, &c), 0);
	assert_int_equal(change_judge(&c, 1), 0);
	assert_int_equal(c.verdict, CHANGE_NONE);
	v[13].value = 40; /* the newest is no outlier: it may be a new level */
	assert_int_equal(change_find(v, 14, 14, &c), 0);
	assert_int_equal(change_judge(&c, 1), 0);
	assert_int_equal(c.verdict, CHANGE_UP);
	assert_true(c.newest_only);
	assert_int_equal(c.cut.since, 13);
}

static void test_few(void **state)
{
	struct change_value v[] = { { 0, 1, NAN }, { 1, 1, NAN }, { 2, 1, NAN }, { 3, 9, NAN } };
	struct change c;

	assert_int_equal(change_find(v, 4, 4, &c), 0);
	assert_int_equal(change_judge(&c, 1), 0);
	assert_int_equal(c.verdict, CHANGE_UNKNOWN);
	near(c.newest_ratio, 9);
	assert_int_equal(change_find(v, 0, 4, &c), 0);
	assert_int_equal(c.runs, 0);
	v[3].value = 0; /* no value: no run */
	assert_int_equal(change_find(v, 4, 4, &c), 0);
	assert_int_equal(c.runs, 3);
	assert_true(isnan(c.newest_ratio));
}

/* The interval holds the truth; sizes that come again in every run are few observations. */
static void test_slope(void **state)
{
	struct slope_point p[40];
	struct slope s;
	unsigned held = 0;

	seed = 6;
	for (unsigned n = 0; n < 200; n++) {
		for (uint32_t i = 0; i < 40; i++)
			p[i] = (struct slope_point){ i / 8, 0.7 * (i % 8) + 0.01 * normal(),
						     i % 8 };
		assert_int_equal(slope_fit(p, 40, &s), 0);
		assert_true(s.fitted && fabs(s.exponent - 0.7) < 0.01);
		assert_true(s.high - s.low < 0.05);
		held += s.low < 0.7 && s.high > 0.7;
	}
	assert_in_range(held, 170, 200); /* nominally 190; 8 sizes are few */
	for (uint32_t i = 0; i < 40; i++)
		p[i].input = i % 2;
	assert_int_equal(slope_fit(p, 40, &s), 0); /* two sizes: their tasks may differ */
	assert_false(s.fitted);
	near(s.high, 0); /* but each run has the same */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_by_hand), cmocka_unit_test(test_all_orders),
		cmocka_unit_test(test_false_alarms),  cmocka_unit_test(test_power),
		cmocka_unit_test(test_input),	      cmocka_unit_test(test_few),
		cmocka_unit_test(test_slope),	      cmocka_unit_test(test_coarse_values),
		cmocka_unit_test(test_outlier),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
