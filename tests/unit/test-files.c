/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of what a run remembers of files: folds and names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/track/file_internal.h"

static void test_fold_is_exact(void **state)
{
	struct file_fold *fold = fold_new();
	struct tracker t = { 0 };
	bool at_least = true;

	assert_non_null(fold);
	assert_int_equal(fold_bytes(fold), FILE_UNKNOWN); /* of no file */
	for (int times = 0; times < 2; times++) {
		for (uint64_t inode = 1; inode <= 1000000; inode++) {
			fold_add(&t, fold, inode, false);
			fold_size(&t, fold, inode, 3);
		}
	}
	assert_int_equal(fold_files(fold, &at_least), 1000000);
	assert_false(at_least);
	assert_int_equal(fold_bytes(fold), 3000000);
	assert_int_equal(t.n_fold_chunks, 1000000 / 1024 + 1);
	fold_add(&t, fold, 5000000, true); /* its size is not known */
	assert_int_equal(fold_files(fold, &at_least), 1000001);
	assert_int_equal(fold_bytes(fold), FILE_UNKNOWN);
	fold_free(&t, fold);
	assert_int_equal(t.n_fold_chunks, 0);
}

/* Inodes far apart: exact up to the limit, then at least so many. */
static void test_fold_is_bounded(void **state)
{
	struct file_fold *fold = fold_new();
	struct tracker t = { 0 };
	bool at_least;
	uint64_t i;

	for (i = 0; i < FOLD_CHUNKS_MAX; i++)
		fold_add(&t, fold, 1 + (i << 32), false);
	assert_int_equal(fold_files(fold, &at_least), FOLD_CHUNKS_MAX);
	assert_false(at_least);
	fold_add(&t, fold, 1 + (i << 32), true); /* made just now: another one for certain */
	assert_int_equal(fold_files(fold, &at_least), FOLD_CHUNKS_MAX + 1);
	assert_false(at_least);
	fold_add(&t, fold, 1 + (i << 33), false);
	assert_int_equal(fold_files(fold, &at_least), FOLD_CHUNKS_MAX + 1);
	assert_true(at_least);
	assert_int_equal(t.n_fold_chunks, FOLD_CHUNKS_MAX);
	assert_int_equal(fold_bytes(fold), FILE_UNKNOWN);
	fold_free(&t, fold);
}

static void test_names(void **state)
{
	struct file_known known = { .key = { 7, 8 }, .size_bytes = 9 }, got;
	struct file_names *n;
	unsigned found = 0;
	char path[32];

	assert_int_equal(file_names_new(&n), 0);
	assert_false(file_names_get(n, "/a", &got));
	file_names_set(n, "/a", &known, true);
	for (int i = 0; i < 100000; i++) { /* read only: never in the place of a written one */
		snprintf(path, sizeof(path), "/r/%d", i);
		file_names_set(n, path, &(struct file_known){ .key = { 1, 1 } }, false);
	}
	assert_true(file_names_get(n, "/a", &got));
	assert_int_equal(got.key.inode, 7);
	assert_int_equal(got.size_bytes, 9);
	file_names_forget(n, "/a");
	assert_false(file_names_get(n, "/a", &got));
	for (int i = 0; i < 100000; i++) {
		snprintf(path, sizeof(path), "/r/%d", i);
		found += file_names_get(n, path, &got);
	}
	assert_in_range(found, 10000, 16384); /* the newest ones */
	free(n);
}

/* The limit is of different files, of one directory, by one task. */
static void test_directory_limit(void **state)
{
	struct file_names *n;

	assert_int_equal(file_names_new(&n), 0);
	for (int times = 0; times < 3; times++) {
		assert_false(file_names_beyond(n, 1, "/d/a", 2));
		assert_false(file_names_beyond(n, 1, "/d/b", 2));
	}
	assert_true(file_names_beyond(n, 1, "/d/c", 2));
	assert_false(file_names_beyond(n, 1, "/d/a", 2)); /* is listed by name */
	assert_false(file_names_beyond(n, 1, "/e/c", 2));
	assert_false(file_names_beyond(n, 2, "/d/c", 2));
	assert_false(file_names_beyond(n, 1, "pipe:[5]", 0));
	free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold_is_exact),
		cmocka_unit_test(test_fold_is_bounded),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_directory_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
