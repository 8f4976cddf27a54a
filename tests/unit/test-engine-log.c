/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of an engine's log: a real one of Snakemake 7.21 with -p, --reason,
 * a message and a failure (argument 1), whole and in pieces of every size; and how
 * the recorder reads a file that grows. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/agent/text_watch.h"
#include "src/base/io.h"
#include "src/track/rule_text.h"

static const char path[] = "/w/.snakemake/log/2026-11-23T092439.637668.snakemake.log";
static const char *log_file;
static struct text_reader reader;

static const char kept_text[] =
	"rule upper:\n    output: out/B.upper.txt\n    jobid: 4\n    wildcards: sample=B\n"
	"    threads: 2\n    resources: tmpdir=/tmp, mem_mb=100, mem_mib=96\n\n"
	"rule upper:\n    output: out/A.upper.txt\n    jobid: 2\n    wildcards: sample=A\n"
	"    threads: 2\n    resources: tmpdir=/tmp, mem_mb=100, mem_mib=96\n\n"
	"rule index:\n    output: out/B.upper.txt.idx\n    jobid: 5\n    wildcards: sample=B\n"
	"    resources: tmpdir=/tmp\n\n"
	"rule index:\n    output: out/A.upper.txt.idx\n    jobid: 3\n    wildcards: sample=A\n"
	"    resources: tmpdir=/tmp\n\n"
	"localrule all:\n    jobid: 0\n    resources: tmpdir=/tmp\n\n"
	"rule bad:\n    output: out/bad.txt\n    jobid: 0\n    resources: tmpdir=/tmp\n\n";

static struct rules *builtin(void)
{
	struct rules_error error;
	struct rules *r;

	assert_int_equal(rules_load(NULL, 0, &r, &error), 0);
	return r;
}

static void filter(const struct rules *r, const char *text, size_t len, unsigned *block,
		   struct str *out)
{
	assert_int_equal(rules_filter_text(r, path, (struct bytes){ text, len }, block, out), 0);
}

static void test_filter(void **state)
{
	struct rules *r = builtin();
	struct str out = STR_INIT;
	unsigned block = 0;
	char text[8192];
	ssize_t len = read_text(log_file, text, sizeof(text));

	assert_true(len > 2000);
	assert_non_null(strstr(text, "TOKEN=hunter2 tr a-z"));
	assert_non_null(strstr(text, "someone@example.org"));
	filter(r, text, (size_t)len, &block, &out);
	assert_string_equal(str_text(&out), kept_text);
	str_reset(&out);
	for (const char *p = text, *nl; (nl = strchr(p, '\n')); p = nl + 1) /* line by line */
		filter(r, p, (size_t)(nl + 1 - p), &block, &out);
	assert_string_equal(str_text(&out), kept_text);
	str_reset(&out);
	assert_int_equal(rules_filter_text(r, "/w/notes.log", (struct bytes){ text, (size_t)len },
					   &block, &out),
			 0);
	assert_int_equal(out.len, 0);
	str_fini(&out);
	rules_free(r);
}

static void test_filter_limits(void **state)
{
	static const char secret[] = "rule a:\n    output: x?token=abcdef0123456789\n"
				     "    wildcards: sample=\0b\n    threads: 2\n";
	struct rules *r = builtin();
	struct str in = STR_INIT, out = STR_INIT;
	unsigned block = 0;

	filter(r, secret, sizeof(secret) - 1, &block, &out);
	assert_null(strstr(str_text(&out), "abcdef"));
	assert_null(strstr(str_text(&out), "wildcards"));
	assert_non_null(strstr(str_text(&out), "\n    threads: 2\n"));
	str_add(&in, "rule many:\n    output: first");
	for (unsigned i = 0; i < 5000; i++)
		str_addf(&in, ", out/%u.txt", i);
	str_add(&in, "\n");
	str_reset(&out);
	filter(r, in.data, in.len, &block, &out);
	assert_in_range(out.len, RULE_LINE_MAX - 100, RULE_LINE_MAX + 100);
	assert_non_null(strstr(str_text(&out), "output: first, out/0.txt, "));
	assert_memory_equal(str_text(&out) + out.len - 5, ".txt\n", 5); /* no half names */
	str_fini(&in);
	str_fini(&out);
	rules_free(r);
}

struct reading {
	struct str lines;
	unsigned calls;
};

static int take(void *ctx, struct text_file *f, const char *lines, size_t len)
{
	struct reading *r = ctx;

	assert_true(len && lines[len - 1] == '\n');
	str_addn(&r->lines, lines, len);
	r->calls++;
	f->state++;
	return 0;
}

static void append(const char *file, const char *mode, const char *text)
{
	FILE *f = fopen(file, mode);

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void expect(struct text_watch *w, struct reading *r, const char *lines)
{
	str_reset(&r->lines);
	text_watch_read(w, &reader, false, take, r);
	assert_string_equal(str_text(&r->lines), lines);
}

static void test_watch(void **state)
{
	char directory[] = "/tmp/test-engine-log-XXXXXX", file[64], link[64];
	struct reading r = { 0 };
	struct text_watch w = { 0 };

	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/log", directory);
	snprintf(link, sizeof(link), "%s/link", directory);
	assert_int_equal(text_watch_add(&w, file, 90), 0);
	assert_int_equal(text_watch_add(&w, file, 90), 0);
	assert_int_equal(text_watch_add(&w, "relative", 100), 0);
	assert_int_equal(w.n, 1);
	expect(&w, &r, ""); /* not there yet */
	append(file, "w", "one\ntw");
	expect(&w, &r, "one\n");
	expect(&w, &r, "");
	append(file, "a", "o\nthree\n");
	expect(&w, &r, "two\nthree\n");
	assert_int_equal(w.files[0].state, 2);
	append(file, "w", "new\n"); /* begun anew: so is the state */
	expect(&w, &r, "new\n");
	assert_int_equal(w.files[0].state, 1);
	append(file, "a",
	       "0123456789012345678901234567890123456789\n"
	       "0123456789012345678901234567890123456789\nbeyond 90 bytes in all\n");
	expect(&w, &r, "0123456789012345678901234567890123456789\n");
	assert_int_equal(symlink(file, link), 0);
	assert_int_equal(text_watch_add(&w, link, 100), 0);
	assert_int_equal(text_watch_add(&w, "/dev/zero", 100), 0);
	expect(&w, &r, ""); /* a link, a device */
	text_watch_fini(&w);
	unlink(file);
	unlink(link);
	rmdir(directory);
	str_fini(&r.lines);
}

static void test_watch_long(void **state)
{
	char file[] = "/tmp/test-engine-log-XXXXXX";
	struct text_watch w = { 0 };
	struct reading r = { 0 };
	struct str text = STR_INIT;
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	for (unsigned i = 0; i < 200000; i++)
		str_addc(&text, 'x');
	str_add(&text, "\n");
	for (unsigned i = 0; i < 30000; i++)
		str_addf(&text, "line %u\n", i);
	assert_int_equal(write_full(fd, text.data, text.len), 0);
	assert_int_equal(text_watch_add(&w, file, 1 << 20), 0);
	text_watch_read(&w, &reader, true, take, &r);
	assert_true(r.calls > 2);
	/* the beginning of the long line, then all others, each once */
	assert_in_range(strcspn(r.lines.data, "\n"), 1000, 100000);
	assert_string_equal(strchr(r.lines.data, '\n') + 1, strchr(text.data, '\n') + 1);
	for (unsigned i = 0; i < 2 * TEXT_FILES_MAX; i++) { /* the quietest make room */
		char name[32];

		snprintf(name, sizeof(name), "/nowhere/%u", i);
		assert_int_equal(text_watch_add(&w, name, 1), 0);
	}
	assert_int_equal(w.n, TEXT_FILES_MAX);
	text_watch_fini(&w);
	str_fini(&text);
	str_fini(&r.lines);
	close(fd);
	unlink(file);
}

/* Stopped, it is as silent as in a read from a hung file system. The last test:
 * there is no reader after it. */
static void test_silent_reader(void **state)
{
	struct text_watch w = { 0 };
	struct reading r = { 0 };

	assert_int_equal(text_head_read(&reader, "/dev/null", 10), -EINVAL);
	assert_int_equal(text_head_read(&reader, log_file, 10), 10);
	assert_int_equal(kill(reader.pid, SIGSTOP), 0);
	assert_int_equal(text_head_read(&reader, log_file, 10), -ETIMEDOUT);
	assert_string_equal(reader.path, log_file);
	assert_int_equal(text_watch_add(&w, "/etc/passwd", 1000), 0);
	text_watch_read(&w, &reader, true, take, &r);
	assert_int_equal(r.calls, 0);
	assert_int_equal(text_head_read(&reader, "/etc/passwd", 10), -ETIMEDOUT);
	assert_int_equal(reader.fd, -1);
	text_watch_fini(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter),	      cmocka_unit_test(test_filter_limits),
		cmocka_unit_test(test_watch),	      cmocka_unit_test(test_watch_long),
		cmocka_unit_test(test_silent_reader),
	};

	if (argc < 2)
		return 2;
	log_file = argv[1];
	text_reader_init(&reader);
	argc = cmocka_run_group_tests(tests, NULL, NULL);
	text_reader_fini(&reader);
	return argc;
}
