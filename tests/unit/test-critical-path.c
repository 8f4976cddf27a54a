/* SPDX-License-Identifier: Apache-2.0 */
/* src/analysis/critical_*: segments sum to the makespan, whatever the run was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/analysis/critical_path.h"

#define MS 1000000ULL

struct world {
	struct flow_input in;
	struct flow flow;
	struct critical_path path;
};

static struct world w;

static void begin(void)
{
	w = (struct world){ 0 };
	assert_int_equal(flow_input_init(&w.in, "/data", false), 0);
}

static void engine(uint64_t start, uint64_t end)
{
	assert_int_equal(flow_add_process(&w.in, 0, start * MS, end * MS), 0);
}

static int64_t task(uint64_t start, uint64_t end, int64_t parent)
{
	const struct task_row row = { .id = (int64_t)w.in.n_tasks + 1,
				      .parent = parent,
				      .name = "t",
				      .start_ns = start * MS,
				      .end_ns = end * MS };

	assert_int_equal(flow_add_task(&w.in, &row), 0);
	return row.id;
}

/* `to` reads at `at` what `from` made; a file for each pair. */
static void data(int64_t from, int64_t to, uint64_t at)
{
	char path[40];
	struct file_row row = { .path = path, .opens = 1, .dev = 1 };

	snprintf(path, sizeof(path), "/data/%d-%d", (int)from, (int)to);
	row.inode = (uint64_t)(from * 1000 + to);
	row.process = from;
	row.access = WIRE_OPEN_WRITE | WIRE_OPEN_CREATED;
	row.first_ns = row.last_ns = w.in.tasks[from - 1].start_ns;
	assert_int_equal(flow_add_file(&w.in, &row, from), 0);
	row.process = to;
	row.access = WIRE_OPEN_READ;
	row.first_ns = row.last_ns = at * MS;
	assert_int_equal(flow_add_file(&w.in, &row, to), 0);
}

/* "start 5, t1 10, engine 2, ..." in ms; checks that nothing overlaps or lacks. */
static const char *path(uint64_t start, uint64_t end)
{
	const struct flow_span run = { start * MS, end * MS };
	static char text[2000];
	uint64_t at = run.start_ns, sum = 0;
	size_t len = 0;

	text[0] = '\0';
	assert_int_equal(flow_find(&w.in, &w.flow), 0);
	assert_int_equal(critical_path_find(&w.in, &w.flow, &run, &w.path), 0);
	for (size_t i = 0; i < w.path.n; i++) {
		const struct path_segment *s = &w.path.segments[i];
		unsigned ms = (unsigned)((s->end_ns - s->start_ns) / MS);

		assert_int_equal(s->start_ns, at);
		assert_true(s->end_ns > s->start_ns);
		at = s->end_ns;
		if (s->kind == PATH_TASK)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%st%u %u",
						i ? ", " : "", s->task + 1, ms);
		else
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %u",
						i ? ", " : "", path_kind_name(s->kind), ms);
	}
	assert_int_equal(at, w.path.end_ns);
	for (unsigned i = 0; i < PATH_KINDS; i++)
		sum += w.path.sums_ns[i];
	assert_int_equal(sum, w.path.end_ns - w.path.start_ns);
	return text;
}

static enum path_why why(uint32_t number)
{
	for (size_t i = 0; i < w.path.n; i++)
		if (w.path.segments[i].kind == PATH_TASK && w.path.segments[i].task + 1 == number)
			return w.path.segments[i].why;
	fail_msg("t%u is not on the path", number);
	return WHY_NOTHING;
}

static void end(void)
{
	critical_path_fini(&w.path);
	flow_fini(&w.flow);
	flow_input_fini(&w.in);
}

static void test_chain(void **state)
{
	begin();
	engine(0, 200);
	engine(12, 20);
	task(10, 50, 0);
	task(10, 30, 0);
	task(52, 90, 0);
	data(1, 3, 53);
	data(2, 3, 53);
	assert_string_equal(path(0, 100), "start 10, t1 40, engine 2, t3 38, end 10");
	assert_int_equal(why(1), WHY_NOTHING);
	assert_int_equal(why(3), WHY_DATA);
	assert_true(w.path.by_data);
	assert_true(w.path.tasks[0].on_path);
	assert_int_equal(w.path.tasks[0].slack_ns, 0);
	assert_false(w.path.tasks[1].on_path);
	assert_int_equal(w.path.tasks[1].slack_ns, 22 * MS); /* until t3 began */
	end();
}

static void test_slack_to_the_end(void **state)
{
	begin();
	engine(0, 200);
	task(0, 90, 0);
	task(0, 20, 0);
	task(25, 40, 0);
	data(2, 3, 26);
	path(0, 100);
	assert_int_equal(w.path.tasks[2].slack_ns, 50 * MS);
	assert_int_equal(w.path.tasks[1].slack_ns, 55 * MS);
	end();
}

static void test_slot(void **state)
{
	begin();
	engine(0, 900);
	task(0, 10, 0); /* t1: t4 reads of it, but two others run until 500 */
	task(0, 500, 0);
	task(11, 600, 0);
	task(503, 800, 0);
	data(1, 4, 504);
	assert_string_equal(path(0, 800), "t2 500, engine 3, t4 297");
	assert_int_equal(why(4), WHY_SLOT);
	end();
}

static void test_requested(void **state)
{
	begin();
	engine(0, 900);
	task(0, 500, 0);
	task(0, 10, 0);
	task(503, 800, 0); /* alone it would be second; its four CPUs had no room */
	data(2, 3, 504);
	w.in.tasks[0].requested_cpus = w.in.tasks[2].requested_cpus = 4;
	assert_string_equal(path(0, 800), "t1 500, engine 3, t3 297");
	assert_int_equal(why(3), WHY_SLOT);
	end();
}

static void test_slow_engine(void **state)
{
	begin();
	engine(0, 900);
	task(0, 100, 0);
	task(0, 150, 0);
	task(100, 150, 0);
	task(300, 400, 0); /* 150 after anything ended is what this engine takes */
	data(1, 4, 301);
	assert_string_equal(path(0, 400), "t1 100, engine 200, t4 100");
	assert_int_equal(why(4), WHY_DATA);
	end();
}

static void test_late_engine(void **state)
{
	begin();
	engine(0, 2000);
	task(0, 10, 0);
	task(0, 500, 0);
	task(1500, 1600, 0); /* there was room since 10: the engine was slow */
	data(1, 3, 1501);
	task(20, 30, 0);
	data(1, 4, 21); /* usually it is fast */
	task(20, 31, 0);
	data(1, 5, 21);
	assert_string_equal(path(0, 1600), "t1 10, engine 1490, t3 100");
	assert_int_equal(why(3), WHY_DATA);
	end();
}

static void test_by_time(void **state)
{
	begin();
	engine(0, 100);
	task(0, 40, 0);
	task(41, 90, 0);
	assert_string_equal(path(0, 100), "t1 40, engine 1, t2 49, end 10");
	assert_int_equal(why(2), WHY_SLOT);
	assert_false(w.path.by_data);
	end();
}

static void test_order(void **state)
{
	begin();
	engine(0, 500);
	task(0, 100, 0);
	task(0, 100, 0);
	task(110, 200, 0); /* two could have run already, one does: not for want of room */
	task(210, 400, 0);
	assert_string_equal(path(0, 400), "t2 100, engine 10, t3 90, engine 10, t4 190");
	assert_int_equal(why(4), WHY_ORDER);
	end();
}

static void test_stream(void **state)
{
	begin();
	engine(0, 100);
	task(10, 80, 0);
	task(20, 90, 0);
	data(1, 2, 20);
	for (size_t i = 0; i < w.in.n_uses; i++)
		w.in.uses[i].stream = true;
	assert_string_equal(path(0, 100), "start 10, t1 10, t2 70, end 10");
	assert_int_equal(why(2), WHY_STREAM);
	end();
}

static void test_awaited(void **state)
{
	begin();
	engine(0, 100);
	task(10, 60, 0);
	task(20, 90, 0); /* waits itself for what the first makes */
	data(1, 2, 61);
	assert_string_equal(path(0, 100), "start 10, t1 50, t2 30, end 10");
	assert_int_equal(why(2), WHY_DATA);
	end();
	begin();
	engine(0, 100);
	task(10, 60, 0);
	task(20, 90, 0); /* reads while the first goes on: nobody waited */
	data(1, 2, 30);
	assert_string_equal(path(0, 100), "start 20, t2 70, end 10");
	end();
	begin();
	engine(0, 100);
	task(10, 60, 0);
	task(20, 90, 0);
	task(50, 95, 0); /* reads a pipe of t2, from before t2 got what it waited for */
	data(1, 2, 61);
	data(2, 3, 50);
	w.in.uses[2].stream = w.in.uses[3].stream = true;
	assert_string_equal(path(0, 100), "start 20, t2 30, t3 45, end 5");
	end();
}

static void test_unknown(void **state)
{
	begin();
	engine(3, 50); /* nothing of the run is alive from 50 to 70 */
	engine(70, 100);
	task(10, 40, 0);
	task(80, 100, 0);
	data(1, 2, 81);
	assert_string_equal(path(0, 100),
			    "start 10, t1 30, engine 10, unknown 20, engine 10, t2 20");
	end();
}

static void test_no_tasks(void **state)
{
	begin();
	engine(0, 100);
	assert_string_equal(path(0, 100), "unknown 100");
	end();
	begin();
	assert_string_equal(path(7, 7), "");
	end();
}

static void test_running(void **state)
{
	begin();
	engine(0, 100);
	task(10, 40, 0);
	task(50, 0, 0); /* still alive, as the run is */
	data(1, 2, 51);
	assert_string_equal(path(0, 0), "start 10, t1 30, engine 10");
	end();
	begin();
	engine(0, 100);
	task(10, 0, 0);
	assert_string_equal(path(0, 90), "start 10, t1 80");
	end();
}

static void test_nested(void **state)
{
	begin();
	engine(0, 200);
	task(10, 100, 0); /* an allocation with two tasks inside */
	task(20, 50, 1);
	task(60, 90, 1);
	data(2, 3, 61);
	task(110, 150, 0);
	data(3, 4, 111);
	assert_string_equal(
		path(0, 160),
		"start 10, t1 10, t2 30, t1 10, t3 30, t1 10, engine 10, t4 40, end 10");
	assert_false(w.path.tasks[0].slack_known);
	end();
	begin();
	engine(0, 200);
	task(10, 100, 0); /* goes on beside what reads of its inner task */
	task(20, 50, 1);
	task(60, 150, 0);
	data(2, 3, 61);
	assert_string_equal(path(0, 150), "start 10, t1 10, t2 30, engine 10, t3 90");
	end();
}

static void test_queue(void **state)
{
	begin();
	engine(0, 200);
	task(10, 50, 0);
	task(90, 120, 0);
	data(1, 2, 91);
	w.in.tasks[1].submitted_ns = 55 * MS;
	assert_string_equal(path(0, 120), "start 10, t1 40, engine 5, queue 35, t2 30");
	end();
}

static void test_staging(void **state)
{
	const struct file_row move = { .process = 100,
				       .path = "/stage/1-2",
				       .renamed_to = true,
				       .first_ns = 60 * MS,
				       .last_ns = 60 * MS };

	begin();
	engine(0, 200);
	task(10, 50, 0);
	task(90, 120, 0);
	data(1, 2, 91);
	assert_int_equal(flow_add_file(&w.in, &move, 0), 0);
	w.in.uses[1].path = w.in.uses[2].path; /* read under its new name */
	assert_string_equal(path(0, 120), "start 10, t1 40, staging 40, t2 30");
	end();
}

/* A wide and a long run of random tasks: always whole, always explained. */
static void test_random(void **state)
{
	uint64_t seed = 12345;

	for (int round = 0; round < 50; round++) {
		begin();
		engine(0, 100000);
		for (int i = 0; i < 60; i++) {
			uint64_t start, length;
			int64_t id;

			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			start = (seed >> 33) % 5000;
			length = (seed >> 40) % 300;
			id = task(start, start + length, 0);
			if (id > 2 && (seed & 0x10000))
				data((int64_t)((seed >> 20) % (uint64_t)(id - 1)) + 1, id,
				     start + 1);
		}
		path(0, 6000);
		assert_int_equal(w.path.sums_ns[PATH_UNKNOWN], 0);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),	  cmocka_unit_test(test_slack_to_the_end),
		cmocka_unit_test(test_slot),	  cmocka_unit_test(test_late_engine),
		cmocka_unit_test(test_requested), cmocka_unit_test(test_slow_engine),
		cmocka_unit_test(test_by_time),	  cmocka_unit_test(test_order),
		cmocka_unit_test(test_stream),	  cmocka_unit_test(test_awaited),
		cmocka_unit_test(test_unknown),	  cmocka_unit_test(test_no_tasks),
		cmocka_unit_test(test_running),	  cmocka_unit_test(test_nested),
		cmocka_unit_test(test_queue),	  cmocka_unit_test(test_staging),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
