/* SPDX-License-Identifier: Apache-2.0 */
/* What the store knows of names of files: found under another directory, and pipes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/base/str.h"
#include "src/store/sqlite.h"

struct fixture {
	char dir[32];
	char path[64];
	struct store *s;
	int64_t run;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	str_copy(f->dir, sizeof(f->dir), "/tmp/test-names-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/t.db", f->dir);
	*state = f;
	if (store_open(f->path, STORE_WRITE, &f->s) < 0)
		return -1;
	return store_run_new(f->s, "0123abcd", &f->run);
}

static int tear_down(void **state)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;
	char path[80];

	store_close(f->s);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, endings[i]);
		remove(path);
	}
	rmdir(f->dir);
	free(f);
	return 0;
}

static void commit(struct store *s)
{
	uint64_t lost = 99;

	assert_int_equal(store_commit(s, &lost), 0);
	assert_int_equal(lost, 0);
}

static int found(struct fixture *f, int64_t process, const char *path)
{
	return store_found_elsewhere(f->s, &(struct file_row){ .process = process, .path = path });
}

static int on_pipe(void *ctx, const struct file_row *row)
{
	return row->kind == FILE_KIND_PIPE ? 7 : -1;
}

static void test_names(void **state)
{
	struct fixture *f = *state;
	int64_t process = f->run << 32 | 1;
	struct file_row row = { .process = process, .path = "/usr/x%.h", .opens = 2, .failed = 1 };

	assert_int_equal(store_put_file(f->s, &row), 0);
	commit(f->s);
	assert_int_equal(found(f, process, "/data/x%.h"), 1);
	assert_int_equal(found(f, process, "/data/%.h"), 0);
	row = (struct file_row){ .process = process, .path = "pipe:[7]", .kind = FILE_KIND_PIPE };
	assert_int_equal(store_put_file(f->s, &row), 0);
	commit(f->s);
	assert_int_equal(store_each_pipe(f->s, f->run, on_pipe, NULL), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_names, set_up,
									    tear_down) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
