/* SPDX-License-Identifier: Apache-2.0 */
/* src/cli/what_if_lives.c: who sets the pace of a task, by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "src/cli/what_if.h"

#define S	   1000000000ULL
#define near(a, b) assert_true(fabs((a) - (b)) < 1e-6)

static void add(struct lives *l, uint32_t task, const double spans[4])
{
	struct process_row p = { .start_ns = (uint64_t)(spans[0] * S) + S,
				 .end_ns = (uint64_t)(spans[1] * S) + S };

	p.ledger.state_ns[LEDGER_CPU] = (uint64_t)(spans[2] * S);
	p.ledger.state_ns[LEDGER_RUNQ] = (uint64_t)(spans[3] * S);
	assert_int_equal(lives_add(l, task, &p, 100 * S), 0);
}

static void test_pace(void **state)
{
	struct lives l = { 0 };
	struct whatif_task t[4] = { { .cpu_s = 10 },
				    { .cpu_s = 4 },
				    { .cpu_s = 8 },
				    { .cpu_s = 50, .queue_s = 7, .cpu_wall_s = 3 } };

	/* a pipe: its small end waits much, and holds up nobody */
	add(&l, 0, (double[]){ 0, 10, 9, 1 });
	add(&l, 0, (double[]){ 0, 10, 1, 4 });
	/* a shell and two programs, one after the other, with a pause */
	add(&l, 1, (double[]){ 0, 10, 0, 0 });
	add(&l, 1, (double[]){ 6, 8, 1, 1 });
	add(&l, 1, (double[]){ 0, 4, 3, 1 });
	/* four threads on two CPUs: they wait for half of the time */
	add(&l, 2, (double[]){ 0, 4, 8, 8 });
	/* its processes are not all there: what is known stays */
	add(&l, 3, (double[]){ 0, 4, 1, 3 });
	assert_int_equal(lives_measure(&l, t), 0);
	near(t[0].queue_s, 1);
	near(t[0].cpu_wall_s, 9);
	near(t[1].queue_s, 2);
	near(t[1].cpu_wall_s, 4);
	near(t[2].queue_s, 2);
	near(t[2].cpu_wall_s, 2);
	near(t[3].queue_s, 7);
	near(t[3].cpu_wall_s, 3);
	lives_fini(&l);
}

static void test_odd_lives(void **state)
{
	struct lives l = { 0 };
	struct whatif_task t = { .cpu_s = 99 };
	struct process_row p = { .start_ns = 5 * S, .end_ns = 4 * S };

	assert_int_equal(lives_add(&l, 0, &p, 100 * S), 0); /* the clock was set back */
	assert_int_equal(l.n, 0);
	assert_int_equal(lives_measure(&l, &t), 0);
	p.end_ns = 0; /* alive: until the end of the run */
	p.ledger.state_ns[LEDGER_CPU] = 95 * S;
	assert_int_equal(lives_add(&l, 0, &p, 100 * S), 0);
	assert_int_equal(lives_measure(&l, &t), 0);
	near(t.cpu_wall_s, 95);
	lives_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_odd_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
