/* SPDX-License-Identifier: Apache-2.0 */
/* Stalls: when one is told, of whom, that its end is told, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>

#include "src/analysis/stall.h"
#include "src/model/stall.h"
#include "src/track/track.h"

#define S 1000000000ULL

struct said {
	struct stall_state state;
	unsigned slot;
	char task[32];
};

struct bench {
	struct tracker *tracker;
	struct said said[256];
	unsigned n, incidents;
	uint64_t incident_ns;
	int64_t incident_process;
	json_t *detail;
	char notes[512];
	uint32_t sweep;
};

static int take_incident(void *ctx, const struct incident_row *row)
{
	struct bench *b = ctx;

	assert_string_equal(row->kind, "stall");
	b->incidents++;
	b->incident_ns = row->time_ns;
	b->incident_process = row->process;
	json_decref(b->detail);
	b->detail = json_loads(row->detail, 0, NULL);
	assert_non_null(b->detail);
	return 0;
}

static int take_run(void *ctx, const struct run_row *row)
{
	struct bench *b = ctx;

	snprintf(b->notes, sizeof(b->notes), "%s", row->notes ? row->notes : "");
	return 0;
}

#define IGNORE(type)                                                                               \
	static int ignore_##type(void *ctx, const struct type##_row *row)                          \
	{                                                                                          \
		return 0;                                                                          \
	}

IGNORE(process)
IGNORE(exec)
IGNORE(task)
IGNORE(scope)
IGNORE(tool)
IGNORE(file)
IGNORE(cgroup)
IGNORE(text)

static void feed(struct bench *b, const void *record)
{
	assert_int_equal(tracker_feed(b->tracker, record), 0);
}

static void start(struct bench *b, unsigned after_s, bool all)
{
	const struct track_sink sink = { .ctx = b,
					 .run = take_run,
					 .process = ignore_process,
					 .exec = ignore_exec,
					 .task = ignore_task,
					 .scope = ignore_scope,
					 .tool = ignore_tool,
					 .file = ignore_file,
					 .cgroup = ignore_cgroup,
					 .incident = take_incident,
					 .text = ignore_text };
	struct tracker_options o = { .run_id = 1, .stall_after_ns = after_s * S };
	struct wire_run_begin begin = { .h = { sizeof(begin), WIRE_RUN_BEGIN, 0, S } };
	struct wire_host host = { .h = { sizeof(host), WIRE_HOST, 0, S },
				  .realtime_offset_ns = 1000 * (int64_t)S,
				  .cpus = 2,
				  .all_processes = all };

	memset(b, 0, sizeof(*b));
	assert_int_equal(tracker_new(&o, &sink, &b->tracker), 0);
	feed(b, &begin);
	feed(b, &host);
}

static void end(struct bench *b)
{
	tracker_free(b->tracker);
	json_decref(b->detail);
}

static void fork_at(struct bench *b, unsigned pid, unsigned parent, uint64_t at)
{
	struct wire_fork r = { .h = { sizeof(r), WIRE_FORK, parent ? 0 : WIRE_F_ROOT, at },
			       .id = { S + pid, pid, 0 },
			       .parent = { parent ? S + parent : 0, parent, 0 } };

	snprintf(r.comm, sizeof(r.comm), "p%u", pid);
	feed(b, &r);
}

static void sample(struct bench *b, unsigned pid, uint64_t at, uint64_t cpu_ns, uint64_t bytes,
		   unsigned state)
{
	struct wire_sample r = { .h = { sizeof(r), WIRE_SAMPLE, 0, at },
				 .id = { S + pid, pid, 0 },
				 .tid = pid,
				 .sweep = ++b->sweep,
				 .threads = 1,
				 .threads_peak = 1,
				 .threads_total = 1,
				 .state = state };

	snprintf(r.comm, sizeof(r.comm), "p%u", pid);
	r.ledger.state_ns[LEDGER_CPU] = cpu_ns;
	r.ledger.state_ns[state] += at - S - cpu_ns;
	r.ledger.thread_ns = at - S;
	r.ledger.rchar_bytes = bytes;
	feed(b, &r);
}

static void exit_at(struct bench *b, unsigned pid, uint64_t at)
{
	struct wire_exit r = { .h = { sizeof(r), WIRE_EXIT, 0, at }, .id = { S + pid, pid, 0 } };

	r.ledger.state_ns[LEDGER_SLEEP] = r.ledger.thread_ns = at - S;
	feed(b, &r);
}

static void take(void *ctx, unsigned slot, const struct stall_state *state)
{
	struct bench *b = ctx;

	assert_true(slot < STALLS_MAX);
	b->said[b->n].slot = slot;
	b->said[b->n++].state = *state;
}

static unsigned look(struct bench *b)
{
	b->n = 0;
	tracker_stalls(b->tracker, take, b);
	return b->n;
}

/* ---- when ---- */

static void test_idle_is_told_once_and_its_end(void **state)
{
	struct bench b;

	start(&b, 10, false);
	fork_at(&b, 5, 0, S);
	sample(&b, 5, 3 * S, S, 100, LEDGER_PIPE);
	assert_int_equal(look(&b), 0);
	sample(&b, 5, 6 * S, S, 200, LEDGER_PIPE); /* progress */
	sample(&b, 5, 15 * S, S, 200, LEDGER_PIPE);
	assert_int_equal(look(&b), 0); /* 9 s */
	sample(&b, 5, 17 * S, S, 200, LEDGER_PIPE);
	assert_int_equal(look(&b), 1);
	assert_int_equal(b.said[0].state.unit, STALL_RUN);
	assert_int_equal(b.said[0].state.since_ns, 6 * S);
	assert_int_equal(b.said[0].state.now_ns, 17 * S);
	assert_int_equal(b.said[0].state.id.pid, 5);
	assert_int_equal(b.said[0].state.state, LEDGER_PIPE);
	assert_int_equal(b.said[0].state.end, STALL_GOES_ON);
	sample(&b, 5, 30 * S, S, 200, LEDGER_PIPE);
	assert_int_equal(look(&b), 0); /* told already */
	sample(&b, 5, 32 * S, S, 201, LEDGER_PIPE);
	assert_int_equal(look(&b), 1);
	assert_int_equal(b.said[0].state.end, STALL_RESUMED);
	assert_int_equal(b.said[0].state.since_ns, 6 * S);
	sample(&b, 5, 43 * S, S, 201, LEDGER_SLEEP); /* another one */
	assert_int_equal(look(&b), 1);
	exit_at(&b, 5, 44 * S);
	assert_int_equal(look(&b), 1);
	assert_int_equal(b.said[0].state.end, STALL_EXITED);
	end(&b);
}

/* What is a hundredth of a CPU or more works; what is less does not, however long. */
static void test_cpu_threshold(void **state)
{
	static const struct {
		uint64_t ns_per_s;
		unsigned told;
	} cases[] = { { 11000000, 0 }, { 5000000, 1 }, { 0, 1 } };

	for (size_t c = 0; c < 3; c++) {
		struct bench b;
		unsigned told = 0;

		start(&b, 10, false);
		fork_at(&b, 5, 0, S);
		for (unsigned at = 2; at < 100; at++) {
			sample(&b, 5, at * S, at * cases[c].ns_per_s, 0, LEDGER_SLEEP);
			told += look(&b);
		}
		assert_int_equal(told, cases[c].told);
		end(&b);
	}
}

/* Many that work a little are together a load; a fork or an end is progress, too. */
static void test_what_is_progress(void **state)
{
	struct bench b;

	start(&b, 10, false);
	fork_at(&b, 5, 0, S);
	for (unsigned pid = 6; pid < 9; pid++)
		fork_at(&b, pid, 5, S);
	for (unsigned at = 2; at < 40; at++) {
		for (unsigned pid = 5; pid < 9; pid++)
			sample(&b, pid, at * S, at * 4000000, 0, LEDGER_SLEEP);
		assert_int_equal(look(&b), 0); /* 1.6 % */
	}
	end(&b);
	start(&b, 10, false);
	fork_at(&b, 5, 0, S);
	for (unsigned at = 2; at < 60; at++) {
		sample(&b, 5, at * S, 0, 0, LEDGER_CHILD);
		if (at % 8 == 0)
			fork_at(&b, 100 + at, 5, at * S);
		if (at % 8 == 4)
			exit_at(&b, 100 + at - 4, at * S);
		assert_int_equal(look(&b), 0);
	}
	end(&b);
}

/* Nothing is said from silence of the collector. */
static void test_time_is_of_samples(void **state)
{
	struct bench b;

	start(&b, 10, false);
	fork_at(&b, 5, 0, S);
	sample(&b, 5, 2 * S, 0, 0, LEDGER_SLEEP);
	fork_at(&b, 6, 5, 3 * S); /* and then nothing for an hour but a word of time */
	struct wire_clock clock = { .h = { sizeof(clock), WIRE_CLOCK, 0, 3600 * S },
				    .realtime_offset_ns = 1000 * (int64_t)S };
	feed(&b, &clock);
	assert_int_equal(look(&b), 0);
	end(&b);
	start(&b, 0, false); /* off */
	fork_at(&b, 5, 0, S);
	sample(&b, 5, 2 * S, 0, 0, LEDGER_SLEEP);
	sample(&b, 5, 900 * S, 0, 0, LEDGER_SLEEP);
	assert_int_equal(look(&b), 0);
	end(&b);
}

/* ---- of whom ---- */

static void test_blocked_beside_work(void **state)
{
	struct bench b;
	unsigned told = 0, which = 0;

	start(&b, 10, false);
	fork_at(&b, 5, 0, S);
	fork_at(&b, 6, 5, S); /* in a file system */
	fork_at(&b, 7, 5, S); /* an idle helper: nobody misses it */
	for (unsigned at = 2; at < 20; at++) {
		sample(&b, 5, at * S, at * S / 2, 0, LEDGER_CPU);
		sample(&b, 6, at * S, 0, 0, LEDGER_DISK);
		sample(&b, 7, at * S, 0, 0, LEDGER_SLEEP);
		if (look(&b)) {
			told++;
			which = b.said[0].state.id.pid;
			assert_int_equal(b.said[0].state.unit, STALL_PROCESS);
		}
	}
	assert_int_equal(told, 1);
	assert_int_equal(which, 6);
	end(&b);
}

/* Of a whole host: idle daemons are none, nor what is stopped in a shell. */
static void test_whole_host(void **state)
{
	struct bench b;

	start(&b, 10, true);
	for (unsigned pid = 5; pid < 8; pid++)
		fork_at(&b, pid, 1, S);
	for (unsigned at = 2; at < 11; at++) {
		sample(&b, 5, at * S, 0, 0, LEDGER_SLEEP);
		sample(&b, 6, at * S, 0, 0, LEDGER_STOPPED);
		sample(&b, 7, at * S, 0, 0, LEDGER_OTHER);
		assert_int_equal(look(&b), 0);
	}
	sample(&b, 5, 12 * S, 0, 0, LEDGER_SLEEP);
	sample(&b, 6, 12 * S, 0, 0, LEDGER_STOPPED);
	sample(&b, 7, 12 * S, 0, 0, LEDGER_OTHER);
	assert_int_equal(look(&b), 1);
	assert_int_equal(b.said[0].state.id.pid, 7);
	end(&b);
}

/* A daemon that waited before the recording began is not known to be blocked. */
static void test_joined(void **state)
{
	for (unsigned switches = 0; switches < 2; switches++) {
		struct bench b;

		start(&b, 10, true);
		for (unsigned at = 2; at < 20; at++) {
			struct wire_sample r = { .h = { sizeof(r), WIRE_SAMPLE, WIRE_F_JOINED,
							at * S },
						 .id = { S + 5, 5, 0 },
						 .tid = 5,
						 .sweep = at,
						 .threads = 1,
						 .state = LEDGER_OTHER };

			r.ledger.switches_voluntary = switches;
			feed(&b, &r);
		}
		assert_int_equal(look(&b), switches);
		end(&b);
	}
}

/* More at a time than there is room for are counted, each once. */
static void test_bounded(void **state)
{
	struct bench b;

	start(&b, 10, true);
	for (unsigned pid = 10; pid < 10 + STALLS_MAX + 3; pid++)
		fork_at(&b, pid, 1, S);
	for (unsigned at = 2; at < 40; at += 4)
		for (unsigned pid = 10; pid < 10 + STALLS_MAX + 3; pid++)
			sample(&b, pid, at * S, 0, 0, LEDGER_DISK);
	assert_int_equal(look(&b), STALLS_MAX);
	assert_int_equal(look(&b), 0);
	assert_int_equal(tracker_flush(b.tracker, 0), 0);
	assert_non_null(strstr(b.notes, "Stalls that were not told"));
	assert_non_null(strstr(b.notes, ": 3"));
	end(&b);
}

/* ---- records and words ---- */

struct record {
	struct wire_stall r;
	struct wire_stall_step steps[3];
};

static struct record record_of(unsigned n)
{
	struct record s = { .r = { .h = { sizeof(s), WIRE_STALL, 0, 20 * S },
				   .id = { S + 5, 5, 0 },
				   .since_ns = 8 * S,
				   .unit = STALL_RUN,
				   .processes = 2,
				   .state = LEDGER_CHILD,
				   .steps = { sizeof(s.r), (uint16_t)(n * sizeof(s.steps[0])) } } };

	if (!n)
		s.r.steps.off = 0;
	s.steps[0] = (struct wire_stall_step){
		.pid = 5, .wait = WAIT_CHILD, .comm = "make", .object = "`cat` (pid 6)"
	};
	s.steps[1] = (struct wire_stall_step){ .pid = 6,
					       .wait = WAIT_PIPE_READ,
					       .flags = STEP_NOBODY,
					       .comm = "cat",
					       .object = "pipe:[77]" };
	return s;
}

static void test_incident(void **state)
{
	struct record s = record_of(2);
	struct bench b;
	uint64_t first_ns;
	int64_t first_process;

	start(&b, 0, false); /* as a replay: the record alone decides */
	fork_at(&b, 5, 0, S);
	feed(&b, &s);
	assert_int_equal(b.incidents, 1);
	assert_int_equal(b.incident_ns, 1008 * S);
	assert_string_equal(json_string_value(json_object_get(b.detail, "words")),
			    "waits for its child `cat` (pid 6), which reads from pipe:[77], whose "
			    "other end nobody holds");
	assert_true(json_is_null(json_object_get(b.detail, "end_ns")));
	assert_int_equal(json_array_size(json_object_get(b.detail, "chain")), 2);
	first_ns = b.incident_ns;
	first_process = b.incident_process;
	exit_at(&b, 5, 29 * S);
	for (unsigned pid = 1000; pid < 6000; pid++) { /* its process is forgotten */
		fork_at(&b, pid, 0, 30 * S);
		exit_at(&b, pid, 30 * S);
	}
	s.r.h.time_ns = 30 * S;
	s.r.end = STALL_EXITED;
	feed(&b, &s);
	assert_int_equal(b.incidents, 2);
	assert_int_equal(b.incident_ns, first_ns); /* the same row */
	assert_int_equal(b.incident_process, first_process);
	assert_int_equal(json_integer_value(json_object_get(b.detail, "end_ns")), 1030 * S);
	assert_string_equal(json_string_value(json_object_get(b.detail, "end")), "exited");
	end(&b);
}

static void test_hostile_records(void **state)
{
	struct record s = record_of(2);
	struct bench b;

	start(&b, 0, false);
	s.r.unit = 9;
	assert_int_equal(tracker_feed(b.tracker, &s.r.h), -EBADMSG);
	s = record_of(2);
	s.r.end = 3;
	assert_int_equal(tracker_feed(b.tracker, &s.r.h), -EBADMSG);
	s = record_of(2);
	s.r.steps.len = 60000;
	assert_int_equal(tracker_feed(b.tracker, &s.r.h), -EBADMSG);
	s = record_of(2);
	s.steps[1].wait = 60000;
	memset(s.steps[1].object, 'x', sizeof(s.steps[1].object));
	memset(s.steps[1].comm, 0xff, sizeof(s.steps[1].comm));
	s.r.steps.len -= 7; /* a step that is cut is none */
	assert_int_equal(tracker_feed(b.tracker, &s.r.h), 0);
	assert_int_equal(json_array_size(json_object_get(b.detail, "chain")), 1);
	s.r.steps.len += 7;
	assert_int_equal(tracker_feed(b.tracker, &s.r.h), 0);
	s = record_of(0);
	assert_int_equal(tracker_feed(b.tracker, &s.r.h), 0);
	assert_true(json_is_null(json_object_get(b.detail, "words")));
	end(&b);
}

static void test_words(void **state)
{
	static const struct {
		struct wire_stall_step steps[3];
		const char *want;
	} cases[] = {
		{ { { .pid = 1, .wait = WAIT_SLEEP, .flags = STEP_TIMEOUT, .number = 3600 * S } },
		  "sleeps for 1h00m" },
		{ { { .pid = 1, .wait = WAIT_FILE_LOCK, .object = "/l" },
		    { .pid = 2, .wait = WAIT_RUNNING, .comm = "b" } },
		  "waits for the lock of /l, held by `b` (pid 2), which runs" },
		{ { { .pid = 1, .wait = WAIT_POLL },
		    { .pid = 2, .wait = WAIT_STOPPED, .flags = STEP_BESIDE, .comm = "b" } },
		  "waits for an event; its child `b` (pid 2) is stopped by a signal" },
		{ { { .pid = 1, .wait = WAIT_PIPE_WRITE, .object = "pipe:[1]" },
		    { .pid = 2,
		      .wait = WAIT_PIPE_WRITE,
		      .object = "pipe:[2]",
		      .flags = STEP_CYCLE,
		      .comm = "b" } },
		  "writes to pipe:[1], which is full, whose reader `b` (pid 2) writes to pipe:[2], "
		  "which is full; that one waits for it in turn: a deadlock" },
		{ { { .pid = 1, .flags = STEP_NO_ANSWER } },
		  "waits, nobody can see for what (looking at it hung, too)" },
		{ { { .pid = 1, .flags = STEP_SLOW } },
		  "waits, nobody can see for what (looking took too long)" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str out = STR_INIT;
		unsigned n = 0;

		while (n < 3 && cases[i].steps[n].pid)
			n++;
		stall_words(cases[i].steps, n, &out);
		assert_string_equal(str_text(&out), cases[i].want);
		str_fini(&out);
	}
	for (unsigned w = 0; w < WAITS; w++)
		assert_int_equal(wait_of_name(wait_name(w)), w);
}

/* ---- findings ---- */

static void judge(struct findings *all, struct fact_stall stall, uint64_t now_s)
{
	struct run_facts f = { .start_ns = 1000 * S, .now_ns = now_s * S };
	struct fact_stall *s = run_facts_stall(&f);

	*s = stall;
	f.run.end_ns = now_s ? 0 : 2000 * S;
	memset(all, 0, sizeof(*all));
	assert_int_equal(stalls_find(&f, all), 0);
	assert_int_equal(all->n, 1);
	run_facts_fini(&f);
}

static void test_findings(void **state)
{
	struct fact_stall s = { .unit = "task",
				.task = "align",
				.words = "reads",
				.wait = "file",
				.since_ns = 1100 * S,
				.end_ns = 1500 * S,
				.pid = 7 };
	struct findings all;

	judge(&all, s, 0);
	assert_string_equal(all.list[0].id, "stall:task:align");
	assert_int_equal(all.list[0].severity, SEVERITY_WARNING);
	assert_string_equal(all.list[0].summary, "align (pid 7) made no progress for 6m40s");
	assert_string_equal(all.list[0].cause, "it reads");
	findings_fini(&all);
	s.end_ns = 1120 * S;
	judge(&all, s, 0);
	assert_int_equal(all.list[0].severity, SEVERITY_NOTICE);
	findings_fini(&all);
	s.for_ever = true;
	judge(&all, s, 0);
	assert_int_equal(all.list[0].severity, SEVERITY_WARNING);
	findings_fini(&all);
	s.for_ever = false;
	s.wait = "sleep"; /* on purpose */
	s.end_ns = 0;
	judge(&all, s, 0);
	assert_int_equal(all.list[0].severity, SEVERITY_INFO);
	assert_non_null(strstr(all.list[0].summary, "15m00s, to the end of the run"));
	findings_fini(&all);
	judge(&all, s, 1200);
	assert_non_null(strstr(all.list[0].summary, "makes no progress for 1m40s, until now"));
	findings_fini(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_is_told_once_and_its_end),
		cmocka_unit_test(test_cpu_threshold),
		cmocka_unit_test(test_what_is_progress),
		cmocka_unit_test(test_time_is_of_samples),
		cmocka_unit_test(test_blocked_beside_work),
		cmocka_unit_test(test_whole_host),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_incident),
		cmocka_unit_test(test_hostile_records),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
