/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/paths.h"
#include "src/cli/cli.h"
#include "src/cli/options.h"

struct values {
	bool all;
	const char *db;
	unsigned limit;
	int format;
	struct option_list labels;
};

static const struct option_spec options[] = {
	{ "all", 'a', OPTION_FLAG, offsetof(struct values, all), NULL, "all of them" },
	{ "db", 0, OPTION_TEXT, offsetof(struct values, db), "PATH", "the database" },
	{ "limit", 'n', OPTION_COUNT, offsetof(struct values, limit), "N", "at most N" },
	{ "format", 'f', OPTION_CHOICE, offsetof(struct values, format), "table|json|csv", "how" },
	{ "label", 'l', OPTION_LIST, offsetof(struct values, labels), "KEY=VALUE", "a label" },
	OPTIONS_END,
};

static const struct command_spec plain = { "test", "[RUN]", "About.", options, false, 1 };
static const struct command_spec in_order = { "test", "-- CMD", "About.", options, true, 0 };

#define PARSE(spec, v, rc, ...)                                                                    \
	({                                                                                         \
		char *argv_[] = { "test", __VA_ARGS__, NULL };                                     \
		options_parse(spec, v, (int)(sizeof(argv_) / sizeof(*argv_)) - 1, argv_, rc);      \
	})

static void test_values(void **state)
{
	struct values v = { 0 };
	int rc;

	assert_int_equal(PARSE(&plain, &v, &rc, "RUN", "-a", "--db", "x", "-n5", "--format=csv",
			       "-l", "a=1", "--label=b=2"),
			 9);
	assert_true(v.all);
	assert_string_equal(v.db, "x");
	assert_int_equal(v.limit, 5);
	assert_int_equal(v.format, 2);
	assert_int_equal(v.labels.n, 2);
	assert_string_equal(v.labels.items[1], "b=2");
}

static void test_order(void **state)
{
	struct values v = { 0 };
	int rc;

	assert_int_equal(PARSE(&in_order, &v, &rc, "-a", "ls", "--db", "x"), 2);
	assert_true(v.all);
	assert_null(v.db);
	assert_int_equal(PARSE(&in_order, &v, &rc, "--", "-a"), 2);
}

static void test_misuse(void **state)
{
	struct values v = { 0 };
	int rc = 0;

	assert_int_equal(PARSE(&plain, &v, &rc, "--dbb=x"), -1);
	assert_int_equal(rc, EXIT_USAGE);
	assert_int_equal(PARSE(&plain, &v, &rc, "-x"), -1);
	assert_int_equal(PARSE(&plain, &v, &rc, "--limit"), -1);
	assert_int_equal(PARSE(&plain, &v, &rc, "--limit=-1"), -1);
	assert_int_equal(PARSE(&plain, &v, &rc, "--limit=4294967296"), -1);
	assert_int_equal(PARSE(&plain, &v, &rc, "--limit=1x"), -1);
	assert_int_equal(PARSE(&plain, &v, &rc, "--format=tab"), -1);
	assert_int_equal(PARSE(&plain, &v, &rc, "--all=1"), -1);
	assert_int_equal(PARSE(&plain, &v, &rc, "a", "b"), -1);
	assert_int_equal(rc, EXIT_USAGE);
	assert_int_equal(v.limit, 0);
	assert_int_equal(v.format, 0);
	assert_false(v.all);
}

static void test_help(void **state)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	options_help(&plain, out);
	fclose(out);
	assert_non_null(strstr(text, "Usage: tracer test [OPTION...] [RUN]\n"));
	for (const struct option_spec *o = options; o->name; o++)
		assert_non_null(strstr(text, o->name));
	assert_non_null(strstr(text, "  -n, --limit=N                 at most N\n"));
	free(text);
}

static void test_suggest(void **state)
{
	static const char *const words[] = { "runs", "report", "show", "ps" };

	assert_string_equal(suggest("shwo", words, 4), "show");
	assert_string_equal(suggest("run", words, 4), "runs");
	assert_string_equal(suggest("repport", words, 4), "report");
	assert_null(suggest("completely-else", words, 4));
}

static void test_db_path(void **state)
{
	char path[64];

	unsetenv("SUDO_UID");
	setenv("TRACER_DB", "/x/y.db", 1);
	assert_int_equal(db_default_path(path, sizeof(path)), 0);
	assert_string_equal(path, "/x/y.db");
	unsetenv("TRACER_DB");
	setenv("XDG_DATA_HOME", "/data", 1);
	assert_int_equal(db_default_path(path, sizeof(path)), 0);
	assert_string_equal(path, "/data/tracer/tracer.db");
	setenv("XDG_DATA_HOME", "not/absolute", 1); /* the XDG specification: ignore it */
	setenv("HOME", "/home/ada", 1);
	assert_int_equal(db_default_path(path, sizeof(path)), 0);
	assert_string_equal(path, "/home/ada/.local/share/tracer/tracer.db");
	assert_true(db_default_path(path, 8) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	cmocka_unit_test(test_order),
		cmocka_unit_test(test_misuse),	cmocka_unit_test(test_help),
		cmocka_unit_test(test_suggest), cmocka_unit_test(test_db_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
