/* SPDX-License-Identifier: Apache-2.0 */
/* src/cli/wfformat: parts in any order, cut anywhere, and what is no trace. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/cli/wfformat.h"

#define SPECIFICATION                                                                              \
	"\"specification\":{\"tasks\":["                                                           \
	"{\"id\":\"a_ID01\",\"name\":\"a_ID01\",\"inputFiles\":[\"x\",\"y\"]},"                    \
	"{\"id\":\"b_2\",\"name\":\"P.b\",\"inputFiles\":[\"x\",\"unknown\"]}],"                   \
	"\"files\":[{\"id\":\"x\",\"sizeInBytes\":5},{\"sizeInBytes\":7,\"id\":\"y\"}]}"
#define EXECUTION                                                                                  \
	"\"execution\":{\"tasks\":[{\"id\":\"a_ID01\",\"runtimeInSeconds\":2.5,\"avgCPU\":150,"    \
	"\"coreCount\":2,\"memoryInBytes\":1000,\"command\":{\"program\":\"a\",\"id\":\"no\"}},"   \
	"{\"id\":\"b_2\",\"runtimeInSeconds\":1,\"memoryInBytes\":-3},"                            \
	"{\"id\":\"c_3\",\"runtimeInSeconds\":1,\"readBytes\":9}]}"

struct seen {
	unsigned tasks, bad;
	struct trace_task t[8];
	char name[8][32], why[TRACE_WHY];
	int answer;
};

static int on_task(void *ctx, const struct trace_task *t, const char *why)
{
	struct seen *s = ctx;

	if (why) {
		snprintf(s->why, sizeof(s->why), "%s", why);
		s->bad++;
		return s->answer;
	}
	assert_true(s->tasks < 8);
	s->t[s->tasks] = *t;
	snprintf(s->name[s->tasks++], 32, "%s", t->process);
	return s->answer;
}

/* In pieces of so many bytes. */
static int read_all(const char *text, size_t piece, struct seen *s)
{
	struct wfformat_sink sink = { s, on_task };
	struct wfformat *w;
	size_t len = strlen(text);
	int r = 0;

	assert_int_equal(wfformat_new(&sink, &w), 0);
	for (unsigned pass = 0; r == 0 && pass < WFFORMAT_PASSES; pass++) {
		wfformat_begin(w, pass);
		for (size_t at = 0; r == 0 && at < len; at += piece)
			r = wfformat_feed(w, text + at, at + piece < len ? piece : len - at);
		if (r == 0)
			r = wfformat_end(w);
	}
	wfformat_free(w);
	return r;
}

static void check(const char *text, size_t piece)
{
	struct seen s = { 0 };

	assert_int_equal(read_all(text, piece, &s), 0);
	assert_int_equal(s.tasks, 2);
	assert_int_equal(s.bad, 1);
	assert_string_equal(s.why, "memoryInBytes is `-3`");
	assert_string_equal(s.name[0], "a"); /* its name is no more than its id */
	assert_string_equal(s.name[1], "c");
	assert_true(s.t[0].seconds == 2.5 && s.t[0].cores == 1.5 && s.t[0].cpus == 2);
	assert_true(s.t[0].peak_bytes == 1000 && s.t[0].input_bytes == 12);
	assert_true(isnan(s.t[0].memory_bytes));
	assert_true(isnan(s.t[1].peak_bytes) && s.t[1].input_bytes == 9);
}

static void test_order_and_pieces(void **state)
{
	for (size_t piece = 1; piece < 9; piece++) {
		check("{\"workflow\":{" SPECIFICATION "," EXECUTION "}}", piece);
		check("{\"workflow\":{" EXECUTION "," SPECIFICATION "}}", piece);
	}
}

static void test_names(void **state)
{
	struct seen s = { 0 };

	assert_int_equal(read_all("{\"workflow\":{\"specification\":{\"tasks\":[{\"id\":\"b_2\","
				  "\"name\":\"P.b\"}]},\"execution\":{\"tasks\":[{\"id\":\"b_2\"},"
				  "{\"id\":\"_7\"},{\"id\":\"12\"},{\"id\":\"x\\u00e9_ID3\"}]}}}",
				  7, &s),
			 0);
	assert_int_equal(s.tasks, 4);
	assert_string_equal(s.name[0], "P.b");
	assert_string_equal(s.name[1], "_7");
	assert_string_equal(s.name[2], "12");
	assert_string_equal(s.name[3], "x\xc3\xa9");
	assert_true(isnan(s.t[0].input_bytes) || s.t[0].input_bytes == 0);
}

static void test_no_trace(void **state)
{
	struct seen s = { .answer = -E2BIG };

	assert_int_equal(read_all("{\"workflow\":{\"tasks\":[{\"id\":\"a\"}]}}", 3, &s), -ENODATA);
	assert_int_equal(read_all("{\"workflow\":{", 3, &s), -EPROTO);
	assert_int_equal(read_all("{\"workflow\"}", 3, &s), -EINVAL);
	assert_int_equal(read_all("[1,2]", 3, &s), -ENODATA);
	assert_int_equal(read_all("{\"workflow\":{" EXECUTION "}}", 3, &s), -E2BIG);
	assert_int_equal(s.tasks, 1); /* and is not asked again */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_pieces),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
