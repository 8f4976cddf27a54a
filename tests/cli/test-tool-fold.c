/* SPDX-License-Identifier: Apache-2.0 */
/* Folding of tool rows: what has a row of its own, and that nothing is dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/cli/tool_fold.h"

#define MS  UINT64_C(1000000)
#define MIB (UINT64_C(1) << 20)

struct cost {
	const char *name, *component, *path;
	int64_t task;
	uint64_t cpu_ms, read_mib, rss_mib, processes;
};

static struct tool_row row_of(const struct cost *c)
{
	struct tool_row row = {
		.name = c->name,
		.component = c->component,
		.path = c->path,
		.task = c->task,
		.processes = c->processes,
		.failed = c->processes > 1,
		.start_ns = 1000,
		.end_ns = 1000 + c->cpu_ms,
		.peak_rss_bytes = c->rss_mib * MIB,
	};

	row.ledger.state_ns[LEDGER_CPU] = c->cpu_ms * MS;
	row.ledger.read_bytes = c->read_mib * MIB;
	return row;
}

static void fold(const struct cost *costs, size_t n, struct tool_fold *ret)
{
	for (size_t i = 0; i < n; i++) {
		struct tool_row row = row_of(&costs[i]);

		assert_int_equal(tool_fold_add(ret, &row), 0);
	}
}

static const struct folded_tool *find(const struct tool_fold *fold, const char *name)
{
	struct folded_tool *f = NULL;

	HASH_FIND_STR(fold->tools, name, f);
	return f;
}

static void sums(const struct tool_fold *fold, uint64_t ret[4])
{
	memset(ret, 0, 4 * sizeof(*ret));
	for (const struct folded_tool *f = fold->tools; f; f = f->hh.next) {
		ret[0] += f->row.ledger.state_ns[LEDGER_CPU];
		ret[1] += f->row.ledger.read_bytes;
		ret[2] += f->row.processes;
		ret[3] += f->row.failed;
	}
}

static const struct cost costs[] = {
	{ "bwa mem", NULL, NULL, 1, 100000, 900, 90, 4 },
	{ "cat", NULL, "/usr/bin/cat", 1, 900, 1, 2, 100 },
	{ "ls", NULL, "/usr/bin/ls", 2, 50, 1, 2, 10 },
	{ "sort", NULL, "/usr/bin/sort", 2, 4000, 1, 20, 1 },
	{ "tee", NULL, "/usr/bin/tee", 2, 10, 600, 2, 1 },
	{ "tail", NULL, "/usr/bin/tail", 2, 10, 0, 600, 1 },
	{ "split", NULL, "/usr/bin/python3", 2, 10, 0, 9, 1 },
	{ "java (probe)", NULL, NULL, 1, 300, 1, 40, 3 },
	{ "mystery (probe)", NULL, NULL, 1, 5000, 1, 40, 1 },
	{ "pip install", NULL, NULL, 0, 20, 0, 40, 1 },
};

static void test_noise(void **state)
{
	struct tool_fold all = { 0 }, few = { 0 };
	struct wire_ledger total = { 0 };
	uint64_t before[4], after[4];

	fold(costs, ARRAY_SIZE(costs), &all);
	sums(&all, before);
	total.state_ns[LEDGER_CPU] = before[0];
	total.read_bytes = before[1];
	assert_int_equal(tool_fold_noise(&all, &total, &few), 0);
	sums(&few, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(HASH_COUNT(all.tools), 10);
	assert_int_equal(HASH_COUNT(few.tools), 9);
	assert_int_equal(find(&few, "(glue)")->row.processes, 110);
	assert_int_equal(find(&few, "(glue)")->row.ledger.state_ns[LEDGER_CPU], 950 * MS);
	assert_int_equal(find(&few, "(glue)")->row.end_ns, 1900);
	assert_true(find(&few, "(glue)")->folded);
	assert_null(find(&few, "(glue)")->row.path);
	assert_int_equal(find(&few, "(probe)")->row.processes, 3);
	assert_non_null(find(&few, "sort"));  /* CPU */
	assert_non_null(find(&few, "tee"));   /* storage */
	assert_non_null(find(&few, "tail"));  /* memory */
	assert_non_null(find(&few, "split")); /* somebody's script of that name */
	assert_non_null(find(&few, "mystery (probe)"));
	assert_non_null(find(&few, "pip install"));
	assert_false(find(&few, "bwa mem")->folded);
	assert_int_equal(find(&few, "bwa mem")->tasks, 1);
	assert_int_equal(find(&few, "pip install")->tasks, 0);
	tool_fold_fini(&all);
	tool_fold_fini(&few);
}

/* A question that lasts is none: -v alone may have been "verbose". */
static void test_long_probe(void **state)
{
	struct tool_row row = row_of(&costs[7]);
	struct wire_ledger total = { 0 };

	total.state_ns[LEDGER_CPU] = 3600 * 1000 * MS;
	assert_true(tool_row_folds(&row, &total));
	row.ledger.state_ns[LEDGER_SLEEP] = 3 * 2000 * MS;
	assert_false(tool_row_folds(&row, &total));
}

static const struct cost parts[] = {
	{ "trim_galore", NULL, NULL, 1, 10, 0, 1, 1 },
	{ "trim_galore", "cutadapt", NULL, 1, 500, 0, 1, 1 },
	{ "trim_galore", "gzip", NULL, 1, 100, 0, 1, 2 },
	{ "trim_galore", "cutadapt", NULL, 2, 500, 0, 1, 1 },
};

static void test_components(void **state)
{
	struct tool_fold whole = { 0 }, by = { .by_component = true };
	uint64_t a[4], b[4];

	fold(parts, ARRAY_SIZE(parts), &whole);
	assert_int_equal(HASH_COUNT(whole.tools), 1);
	assert_string_equal(whole.tools->row.component, "cutadapt, gzip");
	assert_int_equal(whole.tools->row.processes, 5);
	fold(parts, ARRAY_SIZE(parts), &by);
	assert_int_equal(HASH_COUNT(by.tools), 3);
	assert_int_equal(find(&by, "trim_galore\ncutadapt")->row.processes, 2);
	assert_string_equal(find(&by, "trim_galore\ncutadapt")->row.name, "trim_galore");
	sums(&whole, a);
	sums(&by, b);
	assert_memory_equal(a, b, sizeof(a));
	tool_fold_fini(&whole);
	tool_fold_fini(&by);
}

/* Any number of components: the list of them is bounded, and says that it is. */
static void test_many_components(void **state)
{
	struct tool_fold fold = { 0 };
	char component[32];

	for (unsigned i = 0; i < 1000; i++) {
		struct cost c = { "snakemake", component, NULL, 1, 1, 0, 1, 1 };
		struct tool_row row;

		snprintf(component, sizeof(component), "program%u", i);
		row = row_of(&c);
		assert_int_equal(tool_fold_add(&fold, &row), 0);
	}
	assert_int_equal(fold.tools->row.processes, 1000);
	assert_true(strlen(fold.tools->row.component) < 200);
	assert_non_null(strstr(fold.tools->row.component, "program1, "));
	assert_non_null(strstr(fold.tools->row.component, ", ..."));
	tool_fold_fini(&fold);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_long_probe),
		cmocka_unit_test(test_components),
		cmocka_unit_test(test_many_components),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
