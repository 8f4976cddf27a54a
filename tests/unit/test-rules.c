/* SPDX-License-Identifier: Apache-2.0 */
/* The rule engine: built-in rules and their own tests, mistakes in YAML and their
 * places, merging, predicates, markers and the content tier. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/track/rule_text.h"
#include "src/track/rules.h"

static int load_text(const char *yaml, struct rules **ret, struct rules_error *error)
{
	char path[] = "/tmp/tracer-rules-XXXXXX";
	const char *files[] = { path };
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	close(fd);
	*error = (struct rules_error){ 0 };
	rc = rules_load(files, 1, ret, error);
	unlink(path);
	return rc;
}

static struct rules *builtin(void)
{
	struct rules_error e = { 0 };
	struct rules *r = NULL;

	if (rules_load(NULL, 0, &r, &e) < 0)
		fail_msg("%s:%u:%u: %s", e.file, e.line, e.column, e.text);
	return r;
}

static void test_builtin(void **state)
{
	struct rules *r = builtin();
	unsigned run;

	assert_int_equal(rules_selftest(r, stderr, &run), 0);
	assert_true(run >= 50);
	for (unsigned i = 0; rules_at(r, i); i++)
		assert_true(rule_confidence(rules_at(r, i)) <= 100);
	rules_free(r);
}

static void test_selftest_fails(void **state)
{
	struct rules_error e;
	struct rules *r;
	unsigned run;
	FILE *null = fopen("/dev/null", "w");

	assert_non_null(null);
	assert_int_equal(
		load_text(
			"- {id: x, kind: task, when: {comm: '^zz$'}, extract: {name: {const: a}},\n"
			"   tests: [{comm: zz, expect: {name: b}}, {comm: yy},\n"
			"           {comm: zz, match: false}, {comm: zz, expect: {name: a}}]}\n",
			&r, &e),
		0);
	assert_int_equal(rules_selftest(r, null, &run), 3);
	fclose(null);
	rules_free(r);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *yaml;
		unsigned line, column;
		const char *text;
	} cases[] = {
		{ "- id: a\n  kind: task\n  wen: {comm: x}\n", 3, 3, "did you mean 'when'" },
		{ "- id: a\n  kind: tusk\n", 2, 9, "kind must be" },
		{ "- id: a\n  kind: task\n  when: {com: x}\n", 3, 10, "unknown condition 'com'" },
		{ "- {id: a, kind: task, when: {comm: 'a(b'}}\n", 1, 36, "bad regular expression" },
		{ "- {id: a, kind: task, when: {comm: '(a)\\1'}}\n", 1, 36, "back-references" },
		{ "- {id: a, kind: task, when: {comm: 'a{255}{255}'}}\n", 1, 36, "repetitions" },
		{ "- {id: a, kind: task, when: {comm: x}, key: '${nope}'}\n", 1, 3, "no field" },
		{ "- {id: a, kind: task, when: {parent: no.such}}\n", 1, 3, "no such rule" },
		{ "- &a {id: a, kind: task, when: {comm: x}}\n- *a\n", 2, 3, "aliases" },
		{ "- {id: a, id: b}\n", 1, 11, "given twice" },
		{ "- {id: a, kind: task, when: {comm: x}}\n- {id: a, kind: task, when: {comm: "
		  "y}}\n",
		  2, 3, "given twice" },
		{ "- {id: a, kind: task}\n", 1, 3, "needs a 'when'" },
		{ "- {kind: task, when: {comm: x}}\n", 1, 3, "needs an 'id'" },
		{ "{id: a}\n", 1, 1, "list of rules" },
		{ "- {id: a, kind: task, when: {comm: x}, watch_files: [x]}\n", 1, 40,
		  "unknown key" },
		{ "- {id: a, kind: task, when: {comm: x}, owns: '(x)'}\n", 1, 3, "for engines" },
		{ "- {id: a, kind: engine, when: {comm: x}, owns: 'x'}\n", 1, 3, "needs a group" },
		{ "- {id: a, kind: noise, when: {comm: x}, run: {key: x}}\n", 1, 3, "run is for" },
		{ "- {id: a, kind: task, when: {comm: x}, run: {name: x}}\n", 1, 45,
		  "needs a key" },
		{ "- {id: a, kind: task, when: {comm: x}, head: {file: /x, bytes: 9999, extract: "
		  "{n: {re: x}}}}\n",
		  1, 46, "bytes of 1 to" },
		{ "- {id: a, kind: task, when: {comm: x}, head: {file: /x, bytes: 9, extract: "
		  "{n: {env: X}}}}\n",
		  1, 46, "takes `re` only" },
		{ "- {id: a, kind: task, when: {comm: x}, tools_only_under: no.such}\n", 1, 3,
		  "no such rule" },
		{ "- {id: a, kind: engine, when: {comm: x}, cancel_signals: [STOP]}\n", 1, 58,
		  "no such signal" },
		{ "- {id: a, kind: task, when: {comm: x}, extract: {n: {argv_re: 'x', group: "
		  "3}}}\n",
		  1, 53, "no group 3" },
		{ "- {id: a, kind: task, when: {comm: x}, extract: {n: {env: A, word: 1}}}\n", 1,
		  68, "not two" },
		{ "- {id: a\n", 2, 1, "not valid YAML" },
		{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n", 1, 25, "too deeply" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rules *r = NULL;
		struct rules_error e;

		assert_int_equal(load_text(cases[i].yaml, &r, &e), -22);
		if (e.line != cases[i].line || e.column != cases[i].column ||
		    !strstr(e.text, cases[i].text))
			fail_msg("%s-> %u:%u: %s", cases[i].yaml, e.line, e.column, e.text);
	}
}

static void test_merge(void **state)
{
	struct rules_error e;
	struct rules *r;
	struct rule_result m;
	struct rule_input in = { .exe = "/usr/bin/make", .argv = { "make", 5 }, .cwd = "/src/x" };

	assert_int_equal(
		load_text(
			"- {id: make.head, kind: engine, when: {comm: '^gmk$'}, extract: {engine: "
			"{const: mine}}}\n- {id: noise.glue, disabled: true}\n",
			&r, &e),
		0);
	assert_int_equal(rules_match(r, RULE_ENGINE, &in, &m), -2);
	in.comm = "gmk";
	assert_int_equal(rules_match(r, RULE_ENGINE, &in, &m), 0);
	assert_string_equal(rule_result_field(&m, "engine"), "mine");
	in.comm = "mkdir";
	assert_int_equal(rules_match(r, RULE_NOISE, &in, &m), -2);
	rules_free(r);
	assert_int_equal(rules_load((const char *const[]){ "/no/such" }, 1, &r, &e), -2);
	assert_string_equal(e.file, "/no/such");
}

struct told {
	unsigned n, lines[16];
	char all[4096];
};

static void on_mistake(void *ctx, const struct rules_error *e)
{
	struct told *t = ctx;
	size_t len = strlen(t->all);

	assert_true(t->n < 16);
	t->lines[t->n++] = e->line;
	snprintf(t->all + len, sizeof(t->all) - len, "%s\n", e->text);
}

/* All that is wrong at once; a rule with a mistake is still there for others to name. */
static void test_check_all(void **state)
{
	static const char yaml[] = "- id: a.b\n"
				   "  kind: engin\n"
				   "  when: {exe: '['}\n"
				   "  foo: 1\n"
				   "- {id: c, kind: task, when: {parent: [a.b]}, keyy: x}\n"
				   "- {id: d, kind: noise, when: {parent: [nosuch]}}\n"
				   "- {id: e, kind: noise, when: {parent: [c]}}\n";
	static const unsigned lines[] = { 2, 3, 4, 5, 0, 6 };
	char path[] = "/tmp/tracer-rules-XXXXXX", empty[] = "/tmp/tracer-rules-XXXXXX";
	const char *files[] = { path, empty };
	int fd = mkstemp(path), fd2 = mkstemp(empty);
	struct told told = { 0 };
	unsigned n_rules[2];

	assert_true(fd >= 0 && fd2 >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	assert_int_equal(rules_check(files, 2, on_mistake, &told, n_rules), 6);
	assert_int_equal(told.n, 6);
	assert_memory_equal(told.lines, lines, sizeof(lines));
	assert_non_null(strstr(told.all, "no such rule: nosuch"));
	assert_non_null(strstr(told.all, "there is no rule in it"));
	assert_int_equal(n_rules[0], 4);
	assert_int_equal(n_rules[1], 0);
	close(fd);
	close(fd2);
	unlink(path);
	unlink(empty);
}

static void test_unknown_matches_nothing(void **state)
{
	struct rules *r = builtin();
	struct rule_input in = { 0 };
	struct rule_result m;
	char big[9000];

	for (unsigned k = 0; k < RULE_KINDS; k++)
		assert_int_equal(rules_match(r, k, &in, &m), -2);
	memset(big, 'a', sizeof(big));
	in.argv = (struct bytes){ big, sizeof(big) };
	in.exe = "/usr/bin/python3";
	for (unsigned k = 0; k < RULE_KINDS; k++)
		assert_int_equal(rules_match(r, k, &in, &m), -2);
	rules_free(r);
}

/* As Snakemake 7.21 wrote it, with a retry of one job at the end. */
static const char log_text[] =
	"Select jobs to execute...\n\n[Mon Nov 23 08:10:05 2026]\nrule upper:\n"
	"    input: data/A.txt\n    output: out/A.upper.txt\n    jobid: 2\n"
	"    reason: Missing output files: out/A.upper.txt\n    wildcards: sample=A\n    threads: "
	"2\n"
	"    resources: tmpdir=/tmp, mem_mb=100, mem_mib=96\n\n[Mon Nov 23 08:10:05 2026]\n"
	"Finished job 2.\n\ncheckpoint single:\n    input: out/A.upper.txt\n    output: "
	"out/single.txt, out/single.log\n    jobid: 4\n    resources: tmpdir=/tmp\nDAG of jobs "
	"will be\n"
	"\nrule upper:\n    output: out/A.upper.txt\n    jobid: 7\n    wildcards: sample=A\n";

static struct rule_result open_job(const struct rules *r, const char *script,
				   struct bytes *ret_argv)
{
	static char argv[512];
	struct rule_result m = { 0 };
	struct rule_input in = { .pid = 7, .exe = "/usr/bin/bash" };
	int len = snprintf(argv, sizeof(argv), "/usr/bin/bash%c-c%cset -euo pipefail;  %s", 0, 0,
			   script);

	for (unsigned i = 0; rules_at(r, i); i++)
		if (!strcmp(rule_id(rules_at(r, i)), "snakemake.head"))
			in.parent_rule = rules_at(r, i);
	in.argv = *ret_argv = (struct bytes){ argv, (size_t)len + 1 };
	assert_int_equal(rules_match(r, RULE_TASK, &in, &m), 0);
	return m;
}

static void note(const struct rules *r, struct rule_markers *m, const char *path)
{
	struct rule_marker marker;

	assert_int_equal(rules_marker(r, path, &marker), 0);
	assert_int_equal(rule_markers_add(m, &marker), 0);
}

static void test_markers(void **state)
{
	struct rules *r = builtin();
	struct rule_markers m = { 0 };
	struct rule_marker marker;
	struct rule_result job;
	struct bytes argv;

	assert_int_equal(rules_marker(r, "/w/.snakemake/incomplete/tmpv2929rig.b3V0L0Eu", &marker),
			 -2);
	assert_int_equal(rules_marker(r, "/w/out/A.txt", &marker), -2);
	note(r, &m, "/w/.snakemake/incomplete/b3V0L0EudXBwZXIudHh0");
	note(r, &m, "/w/.snakemake/incomplete/b3V0L3NpbmdsZS50eHQ=");
	job = open_job(r, "sort data/A.txt > out/A.upper.txt", &argv);
	assert_int_equal(rule_markers_claim(&m, argv, &job), MARKER_EXACT);
	assert_string_equal(rule_result_field(&job, "output"), "out/A.upper.txt");
	job = open_job(r, "python3 /w/.snakemake/scripts/tmpi84ljsk0.plot.py", &argv);
	assert_int_equal(rule_markers_claim(&m, argv, &job), MARKER_SOLE);
	assert_string_equal(rule_result_field(&job, "output"), "out/single.txt");
	assert_string_equal(rule_result_field(&job, "name"), "plot.py");
	job = open_job(r, "sort x", &argv);
	assert_int_equal(rule_markers_claim(&m, argv, &job), MARKER_NONE);
	assert_int_equal(rules_marker(r, "/w/.snakemake/incomplete/b3V0L0EudXBwZXIudHh0", &marker),
			 0);
	rule_markers_remove(&m, &marker);
	assert_int_equal(m.n, 1);
	for (unsigned i = 0; i < 2 * RULE_MARKERS_MAX; i++) {
		snprintf(marker.value, sizeof(marker.value), "%u", i);
		rule_markers_add(&m, &marker);
	}
	assert_int_equal(m.n, RULE_MARKERS_MAX);
	assert_int_equal(m.dropped, RULE_MARKERS_MAX + 1);
	/* a longer path is another file; two that are free are no answer */
	job = open_job(r, "sort x300", &argv);
	assert_int_equal(rule_markers_claim(&m, argv, &job), MARKER_NONE);
	rule_markers_fini(&m);
	rules_free(r);
}

static void test_log(void **state)
{
	struct rules *r = builtin();
	struct rule_markers m = { 0 };
	struct rule_result job;
	struct bytes argv, log = { log_text, sizeof(log_text) - 1 };
	size_t bytes;

	assert_true(rules_wants_text(r, "/w/.snakemake/log/2026-11-23T081003.245157.snakemake.log",
				     &bytes));
	assert_false(rules_wants_text(r, "/w/.snakemake/log/x.txt", &bytes));
	job = open_job(r, "sort data/A.txt > out/A.upper.txt", &argv);
	assert_int_equal(rule_text_find(log, &job), -2); /* nothing claimed: no guess */
	note(r, &m, "/w/.snakemake/incomplete/b3V0L0EudXBwZXIudHh0");
	assert_int_equal(rule_markers_claim(&m, argv, &job), MARKER_EXACT);
	assert_string_equal(rule_result_field(&job, "name"), "sort");
	assert_int_equal(rule_text_find((struct bytes){ log.data, 20 }, &job), -2);
	assert_int_equal(rule_text_find((struct bytes){ log.data, 300 }, &job), 0);
	assert_string_equal(rule_result_field(&job, "name"), "upper");
	assert_string_equal(rule_result_field(&job, "sample"), "A");
	assert_string_equal(rule_result_field(&job, "job"), "2");
	assert_string_equal(rule_result_field(&job, "cpus"), "2");
	assert_int_equal(rule_text_find(log, &job), 0);
	assert_string_equal(rule_result_field(&job, "job"), "7");
	rule_markers_fini(&m);
	note(r, &m, "/w/.snakemake/incomplete/b3V0L3NpbmdsZS50eHQ=");
	job = open_job(r, "cp out/A.upper.txt out/single.txt", &argv);
	assert_int_equal(rule_markers_claim(&m, argv, &job), MARKER_EXACT);
	assert_int_equal(rule_text_find(log, &job), 0);
	assert_string_equal(rule_result_field(&job, "name"), "single");
	assert_null(rule_result_field(&job, "sample"));
	rule_markers_fini(&m);
	rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin),	 cmocka_unit_test(test_selftest_fails),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_merge),
		cmocka_unit_test(test_markers),	 cmocka_unit_test(test_unknown_matches_nothing),
		cmocka_unit_test(test_log),	 cmocka_unit_test(test_check_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
