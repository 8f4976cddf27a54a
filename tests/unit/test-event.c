/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of records: each string of each type out of range; paths both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "src/base/cleanup.h"
#include "src/model/event.h"

static const struct {
	unsigned type;
	size_t size, string;
} strings[] = {
#define S(type, tag, member)                                                                       \
	{                                                                                          \
		type, sizeof(struct tag), offsetof(struct tag, member)                             \
	}
	S(WIRE_RUN_BEGIN, wire_run_begin, name),
	S(WIRE_RUN_BEGIN, wire_run_begin, argv),
	S(WIRE_RUN_BEGIN, wire_run_begin, cwd),
	S(WIRE_RUN_BEGIN, wire_run_begin, user),
	S(WIRE_RUN_BEGIN, wire_run_begin, labels),
	S(WIRE_EXEC, wire_exec, file),
	S(WIRE_EXEC, wire_exec, interp),
	S(WIRE_EXEC, wire_exec, exe),
	S(WIRE_EXEC, wire_exec, cwd),
	S(WIRE_EXEC, wire_exec, argv),
	S(WIRE_EXEC, wire_exec, env),
	S(WIRE_EXEC, wire_exec, nodename),
	S(WIRE_RENAME, wire_rename, argv),
	S(WIRE_FILE, wire_file_event, path),
	S(WIRE_FILE, wire_file_event, path2),
	S(WIRE_FILE, wire_file_event, dir),
	S(WIRE_FILE, wire_file_event, dir2),
	S(WIRE_CGROUP, wire_cgroup, path),
	S(WIRE_RUN_END, wire_run_end, note),
};

static int check(unsigned i, unsigned off, unsigned len)
{
	_Alignas(8) char data[2048] = { 0 };
	struct wire_header h = { (uint32_t)strings[i].size + 16, (uint16_t)strings[i].type, 0, 0 };
	struct wire_string s = { (uint16_t)off, (uint16_t)len };

	memcpy(data, &h, sizeof(h));
	memcpy(data + strings[i].string, &s, sizeof(s));
	return event_check((const struct wire_header *)data, sizeof(data));
}

static void test_strings(void **state)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(strings); i++) {
		unsigned size = (unsigned)strings[i].size;

		assert_int_equal(check(i, size, 16), 0);
		assert_int_equal(check(i, 0, 0), 0);
		assert_int_equal(check(i, size, 17), -EBADMSG);
		assert_int_equal(check(i, size + 16, 1), -EBADMSG);
		assert_int_equal(check(i, size - 1, 1), -EBADMSG);
		assert_int_equal(check(i, 0, 1), -EBADMSG);
		assert_int_equal(check(i, 0xffff, 0xffff), -EBADMSG);
	}
}

static void expect_path(const char *parts, size_t len, bool cut, const char *want)
{
	struct str out = STR_INIT;

	assert_true(event_path((struct bytes){ parts, len }, cut, &out));
	assert_string_equal(str_text(&out), want);
	str_fini(&out);
}

static void expect_resolved(const char *text, const char *want)
{
	struct str out = STR_INIT;

	assert_true(event_resolve((struct bytes){ text, strlen(text) },
				  (struct bytes){ "b\0a\0", 4 }, false, &out));
	assert_string_equal(str_text(&out), want);
	str_fini(&out);
}

static void test_paths(void **state)
{
	struct str out = STR_INIT;

	expect_path("c\0b\0a\0", 6, false, "/a/b/c");
	expect_path("c\0b\0", 4, true, ".../b/c");
	expect_path("\0", 1, false, "/");
	expect_path("x", 1, false, "/x");
	assert_false(event_path((struct bytes){ 0 }, false, &out));
	assert_int_equal(out.len, 0);
	expect_resolved("x", "/a/b/x");
	expect_resolved("../x/./y", "/a/x/y");
	expect_resolved("../../../..", "/");
	expect_resolved("/x//y/../z", "/x/z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
