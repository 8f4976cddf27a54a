/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/text.h"

static void test_bytes(void **state)
{
	static const struct {
		uint64_t n;
		const char *text, *brief;
	} cases[] = {
		{ 0, "0 B", "0" },
		{ 1023, "1023 B", "1023" },
		{ 1024, "1.0 KiB", "1.0K" },
		{ 1536, "1.5 KiB", "1.5K" },
		{ 10239, "10 KiB", "10K" },
		{ 1048063, "1023 KiB", "1023K" },
		{ 1048064, "1.0 MiB", "1.0M" }, /* never "1024 KiB" */
		{ 1288490189, "1.2 GiB", "1.2G" },
		{ UINT64_MAX, "16 EiB", "16E" },
	};
	char buf[HUMAN_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_string_equal(human_bytes(buf, cases[i].n), cases[i].text);
		assert_string_equal(human_bytes_short(buf, cases[i].n), cases[i].brief);
	}
}

static void test_duration(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0 ns" },
		{ 999, "999 ns" },
		{ 450000, "450 us" },
		{ 999499, "999 us" },
		{ 999500, "1.0 ms" },
		{ 3200000000, "3.2 s" },
		{ 9960000000, "10 s" },
		{ 59499999999, "59 s" },
		{ 59500000000, "1m00s" },
		{ 64000000000, "1m04s" },
		{ 3599600000000, "1h00m" },
		{ 7500000000000, "2h05m" },
		{ 100 * 3600000000000ULL, "4d04h" },
	};
	char buf[HUMAN_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(human_duration(buf, cases[i].ns), cases[i].text);
}

static void test_counts(void **state)
{
	char buf[HUMAN_MAX];

	assert_string_equal(human_count(buf, 0), "0");
	assert_string_equal(human_count(buf, 999), "999");
	assert_string_equal(human_count(buf, 1234567), "1,234,567");
	assert_string_equal(human_count(buf, UINT64_MAX), "18,446,744,073,709,551,615");
	assert_string_equal(human_percent(buf, 1, 3), "33 %");
	assert_string_equal(human_percent(buf, 1, 1000), "<1 %");
	assert_string_equal(human_percent(buf, 0, 1000), "0 %");
	assert_string_equal(human_percent(buf, 1, 0), HUMAN_UNKNOWN);
	assert_string_equal(human_percent(buf, UINT64_MAX, UINT64_MAX), "100 %");
	assert_string_equal(human_signal(buf, 9), "SIGKILL");
	assert_string_equal(human_signal(buf, 63), "signal 63");
}

static void assert_visible(const char *in, size_t len, const char *want)
{
	_cleanup_(str_fini) struct str out = STR_INIT;

	text_visible(&out, in, len);
	assert_string_equal(str_text(&out), want);
}

#define VISIBLE(in, want) assert_visible(in, sizeof(in) - 1, want)

static void test_visible(void **state)
{
	VISIBLE("plain caf\xc3\xa9 \xe6\x97\xa5", "plain caf\xc3\xa9 \xe6\x97\xa5");
	VISIBLE("a\nb\tc\rd", "a\\nb\\tc\\rd");
	VISIBLE("\x1b[31mred", "\\x1b[31mred");
	VISIBLE("nul\0end", "nul\\x00end");
	VISIBLE("caf\xe9", "caf\\xe9");
	VISIBLE("\xc2\x9b", "\\u{9b}");			     /* CSI as one C1 character */
	VISIBLE("\xe2\x80\xaegpj", "\\u{202e}gpj");	     /* right-to-left override */
	VISIBLE("\xc0\xaf", "\\xc0\\xaf");		     /* overlong */
	VISIBLE("\xed\xa0\x80", "\\xed\\xa0\\x80");	     /* surrogate */
	VISIBLE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond Unicode */
	VISIBLE("\xe6\x97", "\\xe6\\x97");		     /* cut short */
}

static void test_width(void **state)
{
	assert_int_equal(text_width("abc", 3), 3);
	assert_int_equal(text_width("e\xcc\x81", 3), 1);
	assert_int_equal(text_width("\xe6\x97\xa5\xe6\x9c\xac", 6), 4);
	assert_int_equal(text_prefix("\xe6\x97\xa5\xe6\x9c\xac", 6, 3), 3);
	assert_int_equal(text_prefix("abc", 3, 0), 0);
}

static void test_shell(void **state)
{
	static const char args[] = "a\0b c\0\0it's\0$x";
	_cleanup_(str_fini) struct str out = STR_INIT;

	text_shell(&out, args, sizeof(args));
	assert_string_equal(str_text(&out), "a 'b c' '' 'it'\\''s' '$x'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),  cmocka_unit_test(test_duration),
		cmocka_unit_test(test_counts), cmocka_unit_test(test_visible),
		cmocka_unit_test(test_width),  cmocka_unit_test(test_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
