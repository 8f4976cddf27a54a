/* SPDX-License-Identifier: Apache-2.0 */
/* What an event log says of the machine: kept, merged, and never believed blindly. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/track/track.h"

struct seen {
	char machine[1000], detail[200];
	unsigned incidents, texts;
};

static int on_run(void *ctx, const struct run_row *row)
{
	struct seen *s = ctx;

	str_copy(s->machine, sizeof(s->machine), row->machine ? row->machine : "");
	return 0;
}

static int on_incident(void *ctx, const struct incident_row *row)
{
	struct seen *s = ctx;

	assert_string_equal(row->kind, "interruption");
	assert_int_equal(row->process, 0);
	str_copy(s->detail, sizeof(s->detail), row->detail);
	s->incidents++;
	return 0;
}

static int on_text(void *ctx, const struct text_row *row)
{
	struct seen *s = ctx;

	s->texts++;
	return 0;
}

static void feed_text(struct tracker *t, const char *path, const char *text, size_t len)
{
	_Alignas(8) unsigned char buf[WIRE_RECORD_MAX] = { 0 };
	struct wire_text *r = (struct wire_text *)buf;
	size_t path_len = strlen(path);

	r->h.type = WIRE_TEXT;
	r->h.time_ns = 1000;
	r->h.size = (uint32_t)((sizeof(*r) + path_len + len + 7) & ~(size_t)7);
	r->path = (struct wire_string){ sizeof(*r), (uint16_t)path_len };
	r->text = (struct wire_string){ (uint16_t)(sizeof(*r) + path_len), (uint16_t)len };
	memcpy(buf + sizeof(*r), path, path_len);
	memcpy(buf + sizeof(*r) + path_len, text, len);
	assert_int_equal(tracker_feed(t, &r->h), 0);
}

static struct tracker *begin(struct seen *s)
{
	const struct tracker_options options = { .run_id = 1 };
	const struct track_sink sink = {
		.ctx = s, .run = on_run, .incident = on_incident, .text = on_text
	};
	struct wire_run_begin b = { .h = { sizeof(b), WIRE_RUN_BEGIN, 0, 500 },
				    .unix_ns = 1000500 };
	struct tracker *t;

	memset(s, 0, sizeof(*s));
	memcpy(b.run_uid, "aaaaaaaa", 8);
	assert_int_equal(tracker_new(&options, &sink, &t), 0);
	assert_int_equal(tracker_feed(t, &b.h), 0);
	return t;
}

static const char *told(struct seen *s, const char *text)
{
	struct tracker *t = begin(s);

	feed_text(t, MACHINE_TEXT, text, strlen(text));
	assert_int_equal(tracker_finish(t, true, 0, 0), 0);
	tracker_free(t);
	return s->machine;
}

static void test_lines(void **state)
{
	char text[1200] = "type=";
	struct seen s;

	assert_string_equal(told(&s, "provider=aws\ntype=c5.large\n"),
			    "{\"provider\":\"aws\",\"type\":\"c5.large\"}");
	assert_int_equal(s.texts, 0);
	assert_string_equal(told(&s, "type=a=b"), "{\"type\":\"a=b\"}");
	assert_string_equal(told(&s, "type=a\ntype=b\n"), "{\"type\":\"b\"}");
	assert_string_equal(told(&s, "password=x\n=y\ntype\ntype=\n\n\n"), "");
	assert_string_equal(told(&s, "type=\xff\xfe\nzone=z\n"), "{\"zone\":\"z\"}");
	assert_string_equal(told(&s, "type=\"},{\\\n"), "{\"type\":\"\\\"},{\\\\\"}");
	memset(text + 5, 'x', 1000);
	assert_string_equal(told(&s, text), "");
}

static void test_later_blocks(void **state)
{
	static const char first[] = "provider=aws\ntype=c5.large\nsource=options\n";
	static const char second[] = "zone=us-east-1a\nsource=metadata\n";
	static const char notice[] = "interrupted_ns=1763899200000000000\n";
	struct seen s;
	struct tracker *t = begin(&s);

	feed_text(t, MACHINE_TEXT, first, sizeof(first) - 1);
	feed_text(t, MACHINE_TEXT, second, sizeof(second) - 1);
	assert_int_equal(s.incidents, 0);
	feed_text(t, MACHINE_TEXT, notice, sizeof(notice) - 1);
	feed_text(t, MACHINE_TEXT, notice, sizeof(notice) - 1); /* told again: once is enough */
	assert_int_equal(s.incidents, 1);
	assert_non_null(strstr(s.detail, "\"at_ns\":\"1763899200000000000\""));
	assert_int_equal(tracker_finish(t, true, 0, 0), 0);
	assert_string_equal(
		s.machine,
		"{\"interrupted_ns\":\"1763899200000000000\",\"provider\":\"aws\","
		"\"source\":\"metadata\",\"type\":\"c5.large\",\"zone\":\"us-east-1a\"}");
	tracker_free(t);
}

/* A file that a program wrote cannot say it: its path begins with '/'. */
static void test_other_texts(void **state)
{
	struct seen s;
	struct tracker *t = begin(&s);

	feed_text(t, "/tmp/tracer:machine", "type=c5.large\n", 14);
	assert_int_equal(s.texts, 1);
	assert_int_equal(tracker_finish(t, true, 0, 0), 0);
	assert_string_equal(s.machine, "");
	tracker_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_later_blocks),
		cmocka_unit_test(test_other_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
