/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to records, above all what is unknown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/model/fields.h"

static const uint64_t full = FEATURE_NET_BYTES | FEATURE_RECLAIM | FEATURE_OOM | FEATURE_IO_BYTES |
			     FEATURE_RUNQ | FEATURE_WAIT_CLASS;

static void test_cpu_split(void **state)
{
	static const struct {
		uint64_t cpu, utime, stime, user;
	} cases[] = {
		{ 1000, 0, 0, 1000 },
		{ 1000, 4, 0, 1000 },
		{ 1000, 0, 4, 0 },
		{ 1000, 2, 1, 667 },
		{ UINT64_MAX / 2, UINT64_MAX / 2, UINT64_MAX / 2, UINT64_MAX / 4 + 1 },
		{ 0, 5, 5, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wire_ledger l = { .utime_ns = cases[i].utime, .stime_ns = cases[i].stime };
		uint64_t user, system;

		l.state_ns[LEDGER_CPU] = cases[i].cpu;
		cpu_split(&l, &user, &system);
		assert_int_equal(user, cases[i].user);
		assert_int_equal(user + system, cases[i].cpu);
	}
}

static void test_all_known(void **state)
{
	struct run_row run = { .uid = "u", .collector = COLLECTOR_EBPF, .features = full };
	struct record r = { 0 };
	struct wire_ledger l = { .thread_ns = 1 };

	record_ledger(&r, &l, &run);
	for (unsigned i = 0; i < LEDGER_STATES; i++)
		assert_true(r.v[FIELD_STATE_CPU + i].known);
	assert_true(r.v[FIELD_NET_RX].known);
	assert_true(r.v[FIELD_READ].known);
	assert_true(r.v[FIELD_DIRECT_RECLAIM].known);
}

static void test_unknown(void **state)
{
	struct run_row run = { .uid = "u", .collector = COLLECTOR_EBPF };
	struct process_row p = { .pid = 1, .exit_code = -1, .signal = 9, .end_ns = 5 };
	struct record r = { 0 };

	record_process(&r, &p, NULL, &run);
	assert_true(r.v[FIELD_CPU].known);
	assert_false(r.v[FIELD_STATE_RUNQ].known);
	assert_false(r.v[FIELD_STATE_LOCK].known);
	assert_false(r.v[FIELD_STATE_RECLAIM].known);
	assert_true(r.v[FIELD_STATE_DISK].known);
	assert_false(r.v[FIELD_READ].known);
	assert_false(r.v[FIELD_NET_TX].known);
	assert_false(r.v[FIELD_PEAK_RSS].known);
	assert_false(r.v[FIELD_EXIT_CODE].known);
	assert_int_equal(r.v[FIELD_SIGNAL].number, 9);
	assert_false(r.v[FIELD_OOM_KILLED].known); /* SIGKILL, and victims are not heard of */
	assert_false(r.v[FIELD_ARGV].known);
	assert_false(r.v[FIELD_THREAD_TIME].known);

	run.collector = COLLECTOR_PTRACE;
	r = (struct record){ 0 };
	record_process(&r, &p, NULL, &run);
	assert_false(r.v[FIELD_STATE_DISK].known);
	assert_false(r.v[FIELD_STATE_OTHER].known);
}

static void test_unobserved(void **state)
{
	static const enum field_id unknown[] = { FIELD_PROCESSES, FIELD_EXECS, FIELD_CPU,
						 FIELD_USER_CPU,  FIELD_CORES, FIELD_MINOR_FAULTS };
	struct run_row run = { .uid = "u", .collector = COLLECTOR_EBPF, .end_ns = 9 };
	struct record r = { 0 };

	run.command_cpu_ns = 7;
	record_run(&r, &run);
	assert_int_equal(r.v[FIELD_COMPLETE].number, true);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		assert_true(r.v[unknown[i]].known || unknown[i] == FIELD_CORES);

	run.collector = COLLECTOR_NONE;
	r = (struct record){ 0 };
	record_run(&r, &run);
	assert_int_equal(r.v[FIELD_COMPLETE].number, false);
	assert_int_equal(r.v[FIELD_COMMAND_CPU].number, 7);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		assert_false(r.v[unknown[i]].known);
}

static void test_ending(void **state)
{
	struct run_row run = { .uid = "u", .features = full };
	struct process_row p = { .exit_code = 0, .start_ns = 10, .end_ns = 30 };
	struct record r = { 0 };

	p.ledger.state_ns[LEDGER_CPU] = 10;
	record_process(&r, &p, NULL, &run);
	assert_true(r.v[FIELD_EXIT_CODE].known);
	assert_int_equal(r.v[FIELD_EXIT_CODE].number, 0);
	assert_false(r.v[FIELD_SIGNAL].known);
	assert_int_equal(r.v[FIELD_WALL].number, 20);
	assert_true(r.v[FIELD_CORES].ratio == 0.5);

	p.end_ns = 0; /* alive: no exit code, whatever the row says */
	r = (struct record){ 0 };
	record_process(&r, &p, NULL, &run);
	assert_false(r.v[FIELD_EXIT_CODE].known);
	assert_false(r.v[FIELD_END].known);
	assert_false(r.v[FIELD_WALL].known);
}

static void test_names(void **state)
{
	assert_string_equal(state_name(LEDGER_CPU), "cpu");
	assert_string_equal(state_name(LEDGER_RUNQ), "runq");
	assert_string_equal(state_name(LEDGER_OTHER), "other");
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		assert_int_equal(field_find(field_of(i)->name), i); /* names are unique */
	assert_int_equal(field_find("nothing"), FIELD_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu_split), cmocka_unit_test(test_all_known),
		cmocka_unit_test(test_unknown),	  cmocka_unit_test(test_unobserved),
		cmocka_unit_test(test_ending),	  cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
