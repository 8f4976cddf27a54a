/* SPDX-License-Identifier: Apache-2.0 */
/* What a file was for its run, and which files are folded to a directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/analysis/file_role.h"

static void test_places(void **state)
{
	static const struct {
		const char *path, *place; /* "": of interest by itself */
	} cases[] = {
		{ "/usr/lib/python3/dist-packages/numpy/__init__.py", "/usr/lib/python3" },
		{ "/usr/lib/python3.11/re.py", "/usr/lib/python3.11" },
		{ "/opt/conda/envs/x/lib/python3.9/site-packages/a.py",
		  "/opt/conda/envs/x/lib/python3.9" },
		{ "/opt/conda/lib/R/library/stats/R/stats.rdb", "/opt/conda/lib/R" },
		{ "/srv/app/node_modules/left-pad/index.js", "/srv/app/node_modules" },
		{ "/usr/share/locale/de/LC_MESSAGES/libc.mo", "/usr/share/locale" },
		{ "/usr/share/perl/5.36/strict.pm", "/usr/share/perl" },
		{ "/usr/bin/env", "/usr/bin" },
		{ "/etc/ssl/openssl.cnf", "/etc/ssl" },
		{ "/etc/passwd", "/etc" },
		{ "/proc/4711/stat", "/proc" },
		{ "/dev/null", "/dev" },
		{ "/data/run/.snakemake/log/a.log", "/data/run/.snakemake" },
		{ "/home/ada/.bashrc", "" },
		{ "/data/ref/genome.fa", "" },
		{ "/data/locale", "" },
		{ "/data/x/../y", "" },
		{ "reads.fq.gz", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len = file_place(cases[i].path);
		char place[128];

		assert_true(len < sizeof(place));
		memcpy(place, cases[i].path, len);
		place[len] = '\0';
		assert_string_equal(place, cases[i].place);
	}
}

static void test_roles(void **state)
{
	static const struct {
		const char *path;
		struct file_use use;
		enum file_role role;
	} cases[] = {
		{ "/data/a.fq", { .opened = true }, FILE_INPUT },
		{ "/data/a.fq", { .opened = true, .read_apart = true }, FILE_INPUT },
		{ "/data/a.bam", { .opened = true, .written = true }, FILE_OUTPUT },
		{ "/data/a.bam",
		  { .opened = true, .written = true, .read_apart = true },
		  FILE_INTERMEDIATE },
		{ "/tmp/x",
		  { .opened = true, .written = true, .read_apart = true, .deleted = true },
		  FILE_TEMPORARY },
		{ "/data/old.bam", { .deleted = true }, FILE_DELETED },
		{ "/data/none", { 0 }, FILE_MISSING },
		{ "/usr/share/x/y", { .opened = true }, FILE_SOFTWARE },
		{ "/usr/share/x/y", { 0 }, FILE_SOFTWARE },
		{ "/usr/local/lib/x/y", { .opened = true, .written = true }, FILE_OUTPUT },
		{ "/dev/null", { .opened = true, .written = true }, FILE_SOFTWARE },
		{ "/data/.git/index", { .opened = true, .written = true }, FILE_SOFTWARE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(file_role_name(file_role_of(cases[i].path, &cases[i].use)),
				    file_role_name(cases[i].role));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
