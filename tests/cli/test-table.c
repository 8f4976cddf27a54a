/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/table.h"

static const struct table_column columns[] = {
	{ "NAME", false, false },
	{ "N", true, true },
	{ "TEXT", false, false },
};

struct printed {
	char *text;
	size_t len;
	FILE *out;
	struct table *table;
};

static void begin(struct printed *p, const struct table_options *o)
{
	p->out = open_memstream(&p->text, &p->len);
	assert_non_null(p->out);
	assert_int_equal(table_new(p->out, columns, 3, o, &p->table), 0);
}

static void end_and_compare(struct printed *p, const char *want)
{
	assert_int_equal(table_end(p->table), 0);
	table_free(p->table);
	fclose(p->out);
	assert_string_equal(p->text, want);
	free(p->text);
}

static void row(struct printed *p, const char *a, const char *b, const char *c)
{
	const char *cells[] = { a, b, c };

	assert_int_equal(table_row(p->table, cells), 0);
}

static void test_align(void **state)
{
	struct table_options o = { 0 };
	struct printed p;

	begin(&p, &o);
	row(&p, "a", "1", "first");
	row(&p, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "1000", "second");
	row(&p, NULL, NULL, "x\x1b[2J");
	end_and_compare(&p, "NAME       N  TEXT\n"
			    "a          1  first\n"
			    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e  1000  second\n"
			    "-          -  x\\x1b[2J\n");
}

static void test_cut(void **state)
{
	struct table_options o = { .width = 24 };
	struct printed p;

	begin(&p, &o);
	row(&p, "name", "123456", "a text that is too long for it");
	end_and_compare(&p, "NAME      N TEXT\n"
			    "name 123456 a text that\xe2\x80\xa6\n");
}

/* Not on a terminal nothing is cut, and one long cell does not widen all lines. */
static void test_long_cell(void **state)
{
	struct table_options o = { 0 };
	char name[201], want[600];
	struct printed p;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(want, sizeof(want), "%-60s  N  TEXT\n%-60s  1  b\n%s  2  c\n", "NAME", "a", name);
	begin(&p, &o);
	row(&p, "a", "1", "b");
	row(&p, name, "2", "c");
	end_and_compare(&p, want);
}

static void test_empty(void **state)
{
	struct table_options o = { .indent = 2 };
	struct printed p;

	begin(&p, &o);
	end_and_compare(&p, "  NAME  N  TEXT\n");
	o.no_header = true;
	begin(&p, &o);
	end_and_compare(&p, "");
}

/* Rows beyond the sample are printed at once, with the widths of the sample. */
static void test_stream(void **state)
{
	struct table_options o = { .no_header = true };
	struct printed p;
	size_t before;

	begin(&p, &o);
	for (unsigned i = 0; i < TABLE_SAMPLE; i++)
		row(&p, "ab", "1", "c");
	fflush(p.out);
	assert_int_equal(p.len, 0);
	row(&p, "ab", "2", "c");
	fflush(p.out);
	before = p.len;
	assert_int_equal(before, (TABLE_SAMPLE + 1) * strlen("ab  1  c\n"));
	row(&p, "wider than before", "3", "d");
	fflush(p.out);
	assert_string_equal(p.text + before, "wider than before  3  d\n");
	assert_int_equal(table_end(p.table), 0);
	table_free(p.table);
	fclose(p.out);
	free(p.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_align),	  cmocka_unit_test(test_cut),
		cmocka_unit_test(test_long_cell), cmocka_unit_test(test_empty),
		cmocka_unit_test(test_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
