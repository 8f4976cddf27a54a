/* SPDX-License-Identifier: Apache-2.0 */
/* src/analysis/whatif*: small graphs whose makespans were found by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "src/analysis/whatif.h"
#include "src/analysis/whatif_internal.h"

#define GB	   1e9
#define near(a, b) assert_true(fabs((double)(a) - (double)(b)) <= 1e-6 * fmax(1, fabs((double)(b))))

/* A task that computes on one core all the time. */
#define TASK(from, to, ...)                                                                        \
	{                                                                                          \
		.start_s = (from), .end_s = (to), .cpu_s = (to) - (from),                          \
		.cpu_wall_s = (to) - (from), .faster = 1, .placed = true, __VA_ARGS__              \
	}
#define RUN(list, links, wall, had)                                                                \
	{                                                                                          \
		.tasks = (list), .n = sizeof(list) / sizeof((list)[0]), .needs = (links),          \
		.n_needs = sizeof(links) / sizeof((links)[0]), .graph = true, .run_s = (wall),     \
		.was = {.cores = (had) }                                                           \
	}

static struct whatif ask(const struct whatif_run *run, struct whatif_world would)
{
	struct whatif w;

	assert_int_equal(whatif_predict(run, &would, &w), 0);
	return w;
}

/* a, then b and c, then d; one at a time, and one second of the engine at the end */
static const struct whatif_need diamond_needs[] = { { 0, 1 }, { 0, 2 }, { 1, 3 }, { 2, 3 } };

static void test_diamond(void **state)
{
	struct whatif_task t[] = { TASK(0, 2), TASK(2, 6), TASK(6, 12), TASK(12, 13) };
	struct whatif_run run = RUN(t, diamond_needs, 14, 2);
	struct whatif w = ask(&run, (struct whatif_world){ .tasks = 2 });

	assert_int_equal(w.doubt, WHATIF_NONE);
	assert_int_equal(w.tasks_most, 1);
	near(w.replayed_s, 14);
	near(w.predicted_s, 2 + 6 + 1 + 1);
	near(ask(&run, (struct whatif_world){ 0 }).predicted_s, 14);
	near(ask(&run, (struct whatif_world){ .tasks = 2, .cores = 1 }).predicted_s, 14);
	near(ask(&run, (struct whatif_world){ .tasks = 8, .cores = 8 }).predicted_s, 10);
	t[2].faster = 3; /* on the critical path: then b is on it */
	near(ask(&run, (struct whatif_world){ .tasks = 2 }).predicted_s, 2 + 4 + 1 + 1);
	t[2].faster = 1;
	t[1].faster = 4; /* beside it: nothing to gain, but where they go one by one */
	near(ask(&run, (struct whatif_world){ .tasks = 2 }).predicted_s, 10);
	near(ask(&run, (struct whatif_world){ .tasks = 1 }).predicted_s, 11);
}

static void test_chain(void **state)
{
	static const struct whatif_need needs[] = { { 0, 1 }, { 1, 2 } };
	struct whatif_task t[] = { TASK(1, 5), TASK(5.5, 8), TASK(8.5, 10) };
	struct whatif_run run = RUN(t, needs, 10, 4);

	near(ask(&run, (struct whatif_world){ .tasks = 4 }).predicted_s, 10);
	t[1].faster = 5; /* the engine's second and its gaps of a half stay */
	near(ask(&run, (struct whatif_world){ .tasks = 4 }).predicted_s,
	     1 + 4 + 0.5 + 0.5 + 0.5 + 1.5);
	run.graph = false;
	assert_int_equal(ask(&run, (struct whatif_world){ .tasks = 4 }).doubt, WHATIF_MORE_TASKS);
	near(ask(&run, (struct whatif_world){ .tasks = 1 }).predicted_s, 8);
}

static void test_fan_out(void **state)
{
	struct whatif_task t[] = { TASK(0, 3), TASK(3, 6), TASK(6, 9), TASK(9, 12) };
	struct whatif_need none[1];
	struct whatif_run run = RUN(t, none, 12, 4);

	run.n_needs = 0;
	near(ask(&run, (struct whatif_world){ .tasks = 2 }).predicted_s, 6);
	near(ask(&run, (struct whatif_world){ .tasks = 3 }).predicted_s, 6);
	near(ask(&run, (struct whatif_world){ .tasks = 4 }).predicted_s, 3);
	near(ask(&run, (struct whatif_world){ .tasks = 4, .cores = 2 }).predicted_s, 6);
	near(ask(&run, (struct whatif_world){ .tasks = 4, .cores = 1 }).predicted_s, 12);
	t[1].placed = t[2].placed = false; /* half of the work used no files */
	assert_int_equal(ask(&run, (struct whatif_world){ .tasks = 2 }).doubt, WHATIF_NO_DATA);
	near(ask(&run, (struct whatif_world){ .tasks = 2 }).unplaced_share, 0.5);
	assert_true(isnan(ask(&run, (struct whatif_world){ .tasks = 2 }).predicted_s));
}

static void test_memory(void **state)
{
	struct whatif_task t[] = { TASK(0, 3, .memory_bytes = 4 * GB),
				   TASK(0, 3, .memory_bytes = 4 * GB),
				   TASK(0, 3, .memory_bytes = 4 * GB),
				   TASK(0, 3, .memory_bytes = 4 * GB) };
	struct whatif_need none[1];
	struct whatif_run run = RUN(t, none, 3, 4);
	struct whatif w;

	run.n_needs = 0;
	near(ask(&run, (struct whatif_world){ .memory_bytes = 16 * GB }).predicted_s, 3);
	near(ask(&run, (struct whatif_world){ .memory_bytes = 9 * GB }).predicted_s, 6);
	near(ask(&run, (struct whatif_world){ .memory_bytes = 4 * GB }).predicted_s, 12);
	w = ask(&run, (struct whatif_world){ .memory_bytes = 3 * GB });
	assert_int_equal(w.doubt, WHATIF_NO_ROOM);
	near(w.needed_bytes, 4 * GB);
}

/* Without a graph: as many at a time as ran, in the order of their ends. */
static void test_no_graph(void **state)
{
	struct whatif_task t[] = { TASK(0, 10), TASK(0, 10), TASK(10, 15) };
	struct whatif_task wide[] = { { .end_s = 10, .cpu_s = 20, .cpu_wall_s = 10, .faster = 1 } };
	struct whatif_run run = { .tasks = t, .n = 3, .run_s = 16, .was = { .cores = 2 } };
	struct whatif_run one = { .tasks = wide, .n = 1, .run_s = 10, .was = { .cores = 2 } };

	near(ask(&run, (struct whatif_world){ .cores = 1 }).predicted_s, 26);
	near(ask(&run, (struct whatif_world){ .cores = 8 }).predicted_s, 16);
	near(ask(&run, (struct whatif_world){ .tasks = 1 }).predicted_s, 26);
	assert_int_equal(ask(&run, (struct whatif_world){ .tasks = 3 }).doubt, WHATIF_MORE_TASKS);
	assert_int_equal(ask(&one, (struct whatif_world){ .cores = 4 }).doubt, WHATIF_MORE_CORES);
	near(ask(&one, (struct whatif_world){ .cores = 1 }).predicted_s, 20);
	one.n = 0;
	assert_int_equal(ask(&one, (struct whatif_world){ .cores = 1 }).doubt, WHATIF_NO_TASKS);
}

/* c began when b ended though there was a place since a ended: it will again. */
static void test_order_without_data(void **state)
{
	struct whatif_task t[] = { TASK(0, 2), TASK(0, 6), TASK(6, 9) };
	struct whatif_need none[1];
	struct whatif_run run = RUN(t, none, 9, 4);
	struct whatif w;

	run.n_needs = 0;
	w = ask(&run, (struct whatif_world){ .tasks = 3 });
	assert_int_equal(w.order_needs, 1);
	near(w.predicted_s, 9);
	t[2] = (struct whatif_task)TASK(2, 5); /* at once, in the place of a: no order */
	run.run_s = 6;
	w = ask(&run, (struct whatif_world){ .tasks = 3 });
	assert_int_equal(w.order_needs, 0);
	near(w.predicted_s, 6);
	near(ask(&run, (struct whatif_world){ .tasks = 1 }).predicted_s, 11);
}

/* The waits of two tasks on one core tell nothing of others; longer ones do. */
static void test_others(void **state)
{
	struct whatif_task t[] = {
		TASK(0, 8, .queue_s = 4, .cpu_s = 4, .cpu_wall_s = 4),
		TASK(0, 8, .queue_s = 4, .cpu_s = 4, .cpu_wall_s = 4),
	};
	struct whatif_need none[1];
	struct whatif_run run = RUN(t, none, 8, 1);

	run.n_needs = 0;
	near(ask(&run, (struct whatif_world){ 0 }).cores_share, 1);
	near(ask(&run, (struct whatif_world){ .cores = 2 }).predicted_s, 4);
	/* on a host of two others may have taken half of each for so short a time */
	run.was.cores = 2;
	near(ask(&run, (struct whatif_world){ 0 }).cores_had, 2);
	assert_true(fabs(ask(&run, (struct whatif_world){ .cores = 1 }).predicted_s - 16) < 0.1);
	run.cores_told = true; /* they had a core each, and got half of it */
	assert_true(fabs(ask(&run, (struct whatif_world){ 0 }).cores_share - 0.5) < 1e-3);
	assert_true(fabs(ask(&run, (struct whatif_world){ .cores = 1 }).predicted_s - 16) < 0.1);
	/* four cores' worth of CPU time each on two cores, and nobody waited: nonsense */
	t[0].queue_s = t[1].queue_s = 0;
	t[0].cpu_s = t[1].cpu_s = 32;
	t[0].cpu_wall_s = t[1].cpu_wall_s = 8;
	assert_int_equal(ask(&run, (struct whatif_world){ .cores = 1 }).doubt, WHATIF_BAD_MODEL);
}

/* A long run that used one CPU of two all the time had no more; one that used more did. */
static void test_bound(void **state)
{
	struct whatif_task t[] = {
		TASK(0, 80, .queue_s = 40, .cpu_s = 40, .cpu_wall_s = 40),
		TASK(0, 80, .queue_s = 40, .cpu_s = 40, .cpu_wall_s = 40),
	};
	struct whatif_need none[1];
	struct whatif_run run = RUN(t, none, 80, 2);

	run.n_needs = 0;
	near(ask(&run, (struct whatif_world){ 0 }).cores_had, 1);
	near(ask(&run, (struct whatif_world){ .cores = 2 }).predicted_s, 40);
	run.engine_cpu_s = 12; /* 1.15 CPUs */
	near(ask(&run, (struct whatif_world){ 0 }).cores_had, 2);
}

/* Half on a CPU, half asleep: on one core they meet at times. */
static void test_sleepers(void **state)
{
	struct whatif_task t[] = { TASK(0, 4, .cpu_s = 2, .cpu_wall_s = 2),
				   TASK(0, 4, .cpu_s = 2, .cpu_wall_s = 2) };
	struct sharer two[] = { { .bound = 0.5, .cores = 1 }, { .bound = 0.5, .cores = 1 } };
	struct sharer many[40];
	struct whatif_need none[1];
	struct whatif_run run = RUN(t, none, 4, 2);
	double s;

	run.n_needs = 0;
	s = ask(&run, (struct whatif_world){ .cores = 1 }).predicted_s;
	assert_true(s > 4.8 && s < 5.4); /* 5 by mean value analysis; 4 in turns, 6 in step */
	near(ask(&run, (struct whatif_world){ .cores = 8 }).predicted_s, 4);
	whatif_share(two, 2, 2, 1);
	near(two[0].rate, 1);
	for (unsigned i = 0; i < 40; i++)
		many[i] = (struct sharer){ .bound = 1, .cores = 1 };
	whatif_share(many, 40, 10, 1);
	near(many[7].rate, 0.25);
	whatif_share(many, 4, 2, 2);
	near(many[0].rate, 0.25);
}

static void test_threads(void **state)
{
	struct whatif_scale known = { .serial = 0.5, .least = 1, .most = 4 };
	struct whatif_task t[] = { { .end_s = 12,
				     .cpu_s = 16,
				     .cpu_wall_s = 12,
				     .faster = 1,
				     .places = 2,
				     .placed = true } };
	struct whatif_need none[1];
	struct whatif_run run = RUN(t, none, 12, 8);
	unsigned cpus[] = { 1, 1, 2, 2 }, same[] = { 2, 2, 2 };
	double seconds[] = { 10, 10, 7, 7 }, slower[] = { 7, 7, 10, 10 };
	struct whatif_scale s;

	run.n_needs = 0;
	assert_int_equal(ask(&run, (struct whatif_world){ .places = 4 }).doubt, WHATIF_THREADS);
	t[0].scale = known; /* 0.5 + 0.5 / 4 instead of 0.5 + 0.5 / 2 */
	near(ask(&run, (struct whatif_world){ .places = 4 }).predicted_s, 12 * 0.625 / 0.75);
	near(ask(&run, (struct whatif_world){ .places = 64 }).predicted_s, 12 * 0.625 / 0.75);
	near(ask(&run, (struct whatif_world){ .places = 1 }).predicted_s, 12 / 0.75);
	near(ask(&run, (struct whatif_world){ .tasks = 1 }).predicted_s, 12);
	t[0].scale = (struct whatif_scale){ 0 }; /* its 4/3 cores become one */
	near(ask(&run, (struct whatif_world){ .places = 1 }).predicted_s, 16);
	s = whatif_scale_fit(cpus, seconds, 4);
	near(s.serial, 0.4);
	assert_int_equal(s.least, 1);
	assert_int_equal(s.most, 2);
	assert_int_equal(whatif_scale_fit(same, seconds, 3).most, 0);
	assert_int_equal(whatif_scale_fit(cpus, slower, 4).most, 0);
	assert_int_equal(whatif_scale_fit(cpus, seconds, 0).most, 0);
}

/* One task of two places beside tasks of one: four places hold it and two of them. */
static void test_places(void **state)
{
	struct whatif_task t[] = { TASK(0, 4, .places = 2), TASK(0, 4, .places = 1),
				   TASK(0, 4, .places = 1), TASK(4, 8, .places = 2) };
	struct whatif_need none[1];
	struct whatif_run run = RUN(t, none, 8, 8);
	struct whatif w;

	run.n_needs = 0;
	w = ask(&run, (struct whatif_world){ .places = 4 });
	assert_int_equal(w.places_most, 4);
	assert_int_equal(w.tasks_most, 3);
	near(w.predicted_s, 8);
	near(ask(&run, (struct whatif_world){ .places = 6 }).predicted_s, 4);
	near(ask(&run, (struct whatif_world){ .places = 2 }).predicted_s, 12);
	near(ask(&run, (struct whatif_world){ .tasks = 4 }).predicted_s, 4);
}

/* What ran one by one, depth first, is begun in passes by make: a, b, c; then their ends. */
static void test_passes(void **state)
{
	static const struct whatif_need needs[] = { { 0, 1 }, { 2, 3 }, { 4, 5 } };
	struct whatif_task t[] = { TASK(0, 1), TASK(1, 2), TASK(2, 5),
				   TASK(5, 6), TASK(6, 9), TASK(9, 10) };
	struct whatif_run run = RUN(t, needs, 10, 2);
	struct whatif w;

	run.in_passes = true; /* 0-1 t0, 0-3 t2, 1-4 t4, 3-4 t1, 4-5 t3 and t5 */
	w = ask(&run, (struct whatif_world){ .tasks = 2 });
	near(w.predicted_s, 5);
	near(w.spread_ratio, 0.2);
	run.in_passes = false; /* 1-2 t1, 2-5 t4, 3-4 t3, 5-6 t5: 6; in between */
	near(ask(&run, (struct whatif_world){ .tasks = 2 }).predicted_s, 5.5);
}

static void test_streams_and_nonsense(void **state)
{
	/* the second reads what the first writes meanwhile; needs that cannot be are ignored */
	static const struct whatif_need needs[] = {
		{ 0, 1, true }, { 1, 0 }, { 1, 1 }, { 0, 1, true }
	};
	struct whatif_task t[] = { TASK(0, 4), TASK(0.001, 4) };
	struct whatif_run run = RUN(t, needs, 4, 2);

	assert_true(fabs(ask(&run, (struct whatif_world){ 0 }).predicted_s - 4) < 1e-3);
	assert_true(fabs(ask(&run, (struct whatif_world){ .cores = 1 }).predicted_s - 8) < 0.01);
	assert_true(fabs(ask(&run, (struct whatif_world){ .tasks = 1 }).predicted_s - 8) < 0.01);
}

/* Thousands at a time: seconds of CPU, not hours; and too many are refused in words. */
static void test_many(void **state)
{
	enum { MANY = 2000 };
	struct whatif_task *t = calloc(WHATIF_TASKS_MOST + 1, sizeof(*t));
	struct whatif_run run = { .tasks = t, .n = MANY, .graph = true, .independent = true };
	clock_t began = clock();
	struct whatif w;

	assert_non_null(t);
	for (size_t i = 0; i < WHATIF_TASKS_MOST + 1; i++)
		t[i] = (struct whatif_task){ .start_s = (double)i * 0.001,
					     .end_s = 100 + (double)i * 0.01,
					     .cpu_s = 1,
					     .cpu_wall_s = 1,
					     .queue_s = 80,
					     .faster = 1,
					     .placed = true };
	run.run_s = t[MANY - 1].end_s;
	run.was.cores = 64;
	w = ask(&run, (struct whatif_world){ .cores = 32 });
	assert_int_equal(w.tasks_most, MANY);
	assert_true((double)(clock() - began) / CLOCKS_PER_SEC < 10);
	/* all compute: half of the CPUs, twice the time */
	for (size_t i = 0; i < MANY; i++)
		t[i] = (struct whatif_task){ .start_s = 0.001 * (double)i,
					     .end_s = 320,
					     .cpu_s = 10,
					     .cpu_wall_s = 10,
					     .queue_s = 310 - 0.001 * (double)i,
					     .faster = 1,
					     .placed = true };
	run.run_s = 320;
	w = ask(&run, (struct whatif_world){ .cores = 32 });
	assert_int_equal(w.doubt, WHATIF_NONE);
	assert_true(w.predicted_s > 620 && w.predicted_s < 650);
	run.n = WHATIF_TASKS_MOST + 1;
	w = ask(&run, (struct whatif_world){ .cores = 32 });
	assert_int_equal(w.doubt, WHATIF_TOO_MANY);
	assert_true(isnan(w.predicted_s));
	free(t);
}

static void test_trials(void **state)
{
	struct whatif_trial t[] = { { 10, 10 }, { 11, 10 }, { 10, 20 }, { 8, 10 }, { 10.5, 10 } };

	near(whatif_trials_error(t, 5), 0.2);
	assert_true(isnan(whatif_trials_error(t, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diamond),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_fan_out),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_no_graph),
		cmocka_unit_test(test_order_without_data),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_sleepers),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_streams_and_nonsense),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_trials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
