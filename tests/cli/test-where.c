/* SPDX-License-Identifier: Apache-2.0 */
/* How wall time is explained: constructed tasks, and the rules of where.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/cli/where.h"

#define S	       1000000000ULL
#define N_PARTS(parts) (sizeof(parts) / sizeof((parts)[0]))

struct seconds {
	unsigned part;
	uint64_t s;
};

struct constructed {
	const char *what;
	uint64_t wall_s, busy_s; /* busy 0: not known */
	struct seconds tool[4];	 /* ledger of the working tool */
	struct seconds shell[3]; /* of the task's shell, which is no tool */
	const char *want;	 /* all parts of the wall time */
};

static const struct constructed cases[] = {
	{ "CPU-bound with an idle pool: its locks say nothing",
	  100,
	  100,
	  { { LEDGER_CPU, 99 }, { LEDGER_LOCK, 700 }, { LEDGER_DISK, 1 } },
	  { { LEDGER_CHILD, 100 } },
	  "CPU 99 %" },
	{ "an aligner and a sorter in a pipe, CPU 29 of 32 s",
	  32,
	  32,
	  { { LEDGER_CPU, 29 }, { LEDGER_LOCK, 60 }, { LEDGER_PIPE, 31 }, { LEDGER_RUNQ, 3 } },
	  { { LEDGER_CHILD, 32 } },
	  "CPU 91 %, CPU queue 9 %" },
	{ "a shell that sleeps: the sleeping child is no tool",
	  10,
	  10,
	  { { LEDGER_CPU, 1 } },
	  { { LEDGER_SLEEP, 9 }, { LEDGER_CHILD, 10 } },
	  "sleep 90 %, CPU 10 %" },
	{ "a consumer starved by its pipe, beside idle threads",
	  100,
	  100,
	  { { LEDGER_CPU, 20 }, { LEDGER_PIPE, 79 }, { LEDGER_LOCK, 400 } },
	  { { LEDGER_CHILD, 100 } },
	  "pipe 80 %, CPU 20 %" },
	{ "a disk-bound reader",
	  50,
	  50,
	  { { LEDGER_CPU, 5 }, { LEDGER_DISK, 45 } },
	  { { LEDGER_CHILD, 50 } },
	  "disk 90 %, CPU 10 %" },
	{ "eight threads on two CPUs: the machine is too small",
	  100,
	  100,
	  { { LEDGER_CPU, 200 }, { LEDGER_RUNQ, 600 }, { LEDGER_LOCK, 300 } },
	  { { LEDGER_CHILD, 100 } },
	  "CPU queue 75 %, CPU 25 %" },
	{ "a mixture: the rest goes to one wait, the largest",
	  100,
	  100,
	  { { LEDGER_CPU, 40 }, { LEDGER_NET, 20 }, { LEDGER_POLL, 12 }, { LEDGER_LOCK, 15 } },
	  { { LEDGER_CHILD, 100 } },
	  "CPU 40 %, thread 40 %, network 20 %" },
	{ "a server that waits for events",
	  100,
	  100,
	  { { LEDGER_CPU, 2 }, { LEDGER_POLL, 98 }, { LEDGER_LOCK, 800 } },
	  { { LEDGER_CHILD, 100 } },
	  "event 98 %" },
	{ "children that were not seen: waiting for them is all there is",
	  10,
	  10,
	  { { LEDGER_CPU, 0 } },
	  { { LEDGER_CHILD, 9 }, { LEDGER_CPU, 1 } },
	  "child 90 %, CPU 10 %" },
	{ "a gap between its processes",
	  100,
	  60,
	  { { LEDGER_CPU, 50 }, { LEDGER_SLEEP, 10 } },
	  { { LEDGER_CHILD, 60 } },
	  "CPU 50 %, idle 40 %, sleep 10 %" },
	{ "active for longer than anything lived: a rounding of clocks",
	  10,
	  10,
	  { { LEDGER_CPU, 11 } },
	  { { LEDGER_CHILD, 10 } },
	  "CPU 100 %" },
};

static struct wire_ledger ledger_of(const struct seconds *parts, size_t n)
{
	struct wire_ledger l = { 0 };

	for (size_t i = 0; i < n; i++) {
		l.state_ns[parts[i].part] += parts[i].s * S;
		l.thread_ns += parts[i].s * S;
	}
	return l;
}

static void add(struct wire_ledger *to, const struct wire_ledger *more)
{
	for (unsigned i = 0; i < LEDGER_STATES; i++)
		to->state_ns[i] += more->state_ns[i];
	to->thread_ns += more->thread_ns;
}

static void explain(struct where *w, const struct constructed *c)
{
	const struct run_row run = { 0 };
	struct tool_entry tool = { .row.ledger = ledger_of(c->tool, N_PARTS(c->tool)) };
	struct task_entry task = { .tools = &tool };

	task.row.start_ns = 5 * S;
	task.row.end_ns = (5 + c->wall_s) * S;
	task.row.busy_ns = c->busy_s * S;
	task.row.ledger = ledger_of(c->shell, N_PARTS(c->shell));
	add(&task.row.ledger, &tool.row.ledger);
	where_add_task(w, &task, &run);
}

static void test_constructed(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(str_fini) struct str out = STR_INIT;
		struct where w = { 0 };
		uint64_t sum = 0;

		explain(&w, &cases[i]);
		where_short(&out, &w, WHERE_PARTS);
		if (strcmp(str_text(&out), cases[i].want))
			print_error("%s: ", cases[i].what);
		for (unsigned p = 0; p < WHERE_PARTS; p++)
			sum += w.ns[p];
		assert_string_equal(str_text(&out), cases[i].want);
		assert_int_equal(sum, cases[i].wall_s * S); /* the books balance */
		assert_int_equal(w.total_ns, sum);
	}
}

static void test_sums(void **state)
{
	struct where all = { 0 }, one = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		one = (struct where){ 0 };
		explain(&one, &cases[i]);
		where_add(&all, &one);
	}
	assert_int_equal(all.total_ns,
			 (100 + 32 + 10 + 100 + 50 + 100 + 100 + 100 + 10 + 100 + 10) * S);
}

/* A supervisor's own waits do not explain a task as long as a worker's do. */
static void test_supervisor(void **state)
{
	static const struct seconds make_parts[] = { { LEDGER_CHILD, 90 }, { LEDGER_SLEEP, 90 } };
	static const struct seconds worker[] = { { LEDGER_CPU, 10 }, { LEDGER_LOCK, 90 } };
	const struct run_row run = { 0 };
	struct tool_entry tools[2] = { { .row.ledger = ledger_of(make_parts, 2) },
				       { .row.ledger = ledger_of(worker, 2) } };
	struct task_entry task = { .tools = tools };
	struct where w = { 0 };

	tools[0].next = &tools[1];
	task.row.start_ns = S;
	task.row.end_ns = 101 * S;
	add(&task.row.ledger, &tools[0].row.ledger);
	add(&task.row.ledger, &tools[1].row.ledger);
	where_add_task(&w, &task, &run);
	assert_int_equal(w.ns[LEDGER_LOCK], 90 * S);
	assert_int_equal(w.ns[LEDGER_SLEEP], 0);

	tools[0].row.ledger.state_ns[LEDGER_CHILD] = 20 * S; /* now it works, too */
	w = (struct where){ 0 };
	where_add_task(&w, &task, &run);
	assert_int_equal(w.ns[LEDGER_SLEEP], 90 * S);
}

/* Two processes of a second each, a minute apart: the gap is nobody's wait. */
static void test_tool_with_gaps(void **state)
{
	static const struct seconds parts[] = { { LEDGER_CPU, 1 }, { LEDGER_PIPE, 1 } };
	struct tool_row tool = { .processes = 2, .start_ns = S, .end_ns = 63 * S };
	struct where w = { 0 };

	tool.ledger = ledger_of(parts, 2);
	where_add_tool(&w, &tool);
	assert_int_equal(w.total_ns, 2 * S);
	assert_int_equal(w.ns[LEDGER_PIPE], S);
	assert_int_equal(w.ns[WHERE_IDLE], 0);
}

/* Of one process a wait for children is what it did: bash shows as waiting. */
static void test_process(void **state)
{
	static const struct seconds parts[] = { { LEDGER_CPU, 1 }, { LEDGER_CHILD, 9 } };
	struct process_row p = { .start_ns = S, .end_ns = 11 * S };
	struct where w = { 0 };

	p.ledger = ledger_of(parts, 2);
	where_add_process(&w, &p);
	assert_int_equal(w.ns[LEDGER_CHILD], 9 * S);

	p.end_ns = 0; /* alive: its threads' time is what is known */
	w = (struct where){ 0 };
	where_add_process(&w, &p);
	assert_int_equal(w.total_ns, 10 * S);
}

static void test_run_without_tasks(void **state)
{
	static const struct seconds parts[] = { { LEDGER_CPU, 2 }, { LEDGER_SLEEP, 6 } };
	struct snapshot s = { .run = { .start_ns = S, .end_ns = 9 * S } };
	struct where w = { 0 };

	s.run.ledger = ledger_of(parts, 2);
	where_add_run(&w, &s);
	assert_int_equal(w.total_ns, 8 * S);
	assert_int_equal(w.ns[LEDGER_SLEEP], 6 * S);
	s.run.end_ns = 0; /* alive */
	w = (struct where){ 0 };
	where_add_run(&w, &s);
	assert_int_equal(w.ns[LEDGER_SLEEP], 6 * S);
}

static void test_nothing_known(void **state)
{
	_cleanup_(str_fini) struct str out = STR_INIT;
	const struct run_row run = { 0 };
	struct task_entry task = { .row = { .start_ns = S, .end_ns = 3 * S } };
	struct where w = { 0 };

	where_add_task(&w, &task, &run);
	assert_int_equal(w.total_ns, 0);
	where_short(&out, &w, 2);
	assert_string_equal(str_text(&out), "-");
	assert_false(where_known(&(struct run_row){ .features = FEATURE_RUNQ }));
	assert_true(where_known(&(struct run_row){ .features = FEATURE_WAIT_CLASS }));
}

static void test_words(void **state)
{
	_cleanup_(str_fini) struct str out = STR_INIT;
	struct where w = { .total_ns = 100 };

	w.ns[LEDGER_CPU] = 36;
	w.ns[LEDGER_DISK] = 60;
	w.ns[LEDGER_LOCK] = 4; /* below a twentieth */
	where_short(&out, &w, 3);
	assert_string_equal(str_text(&out), "disk 60 %, CPU 36 %");
	for (unsigned i = 0; i < WHERE_PARTS; i++) {
		assert_non_null(where_word(i));
		assert_non_null(where_sentence(i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constructed),   cmocka_unit_test(test_sums),
		cmocka_unit_test(test_supervisor),    cmocka_unit_test(test_tool_with_gaps),
		cmocka_unit_test(test_process),	      cmocka_unit_test(test_run_without_tasks),
		cmocka_unit_test(test_nothing_known), cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
