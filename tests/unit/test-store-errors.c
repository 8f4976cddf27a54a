/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store on bad days: no database, not one of ours, damaged, newer, older,
 * locked, full, unreadable, several writers at once, a killed writer. Nothing is
 * lost without being counted, and what is refused is left as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/io.h"
#include "src/base/str.h"
#include "src/store/sqlite.h"
#include "tests/unit/store-rows.h"

struct fixture {
	char dir[32];
	char path[64];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	str_copy(f->dir, sizeof(f->dir), "/tmp/test-store-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/t.db", f->dir);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;

	chmod(f->dir, 0700);
	for (unsigned i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char path[80];

		snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
		remove(path);
	}
	assert_int_equal(remove(f->dir), 0); /* and nothing else was made */
	free(f);
	return 0;
}

static struct store *open_writer(const char *path)
{
	struct store *s = NULL;

	assert_int_equal(store_open(path, STORE_WRITE, &s), 0);
	sqlite3_busy_timeout(s->db, 20);
	return s;
}

static int try_open(const char *path, enum store_mode mode)
{
	struct store *const untouched = (struct store *)path;
	struct store *s = untouched;
	int r = store_open(path, mode, &s);

	if (r < 0)
		assert_ptr_equal(s, untouched);
	else
		store_close(s);
	return r;
}

static void put_processes(struct store *s, int64_t run, int64_t first, int64_t n)
{
	struct process_row p;

	make_process(STYLE_EXTREME, run, &p);
	for (int64_t i = first; i < first + n; i++) {
		p.id = run << 32 | i;
		assert_int_equal(store_put_process(s, &p), 0);
	}
}

static int64_t stored(const char *path, const char *sql)
{
	struct store *s;
	int64_t n = -1;

	assert_int_equal(store_open(path, STORE_READ, &s), 0);
	assert_int_equal(sqlite_number(s->db, sql, &n), 0);
	store_close(s);
	return n;
}

#define COUNT "SELECT count(*) FROM process"

static void write_file(const char *path, const void *data, size_t len)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, data, len), 0);
}

static void test_no_database(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct stat st;

	assert_int_equal(try_open(f->path, STORE_READ), -ENOENT);
	snprintf(path, sizeof(path), "%s/no/t.db", f->dir);
	assert_int_equal(try_open(path, STORE_READ), -ENOENT);
	assert_int_equal(stat(f->path, &st), -1); /* tear_down finds what else is left */
	write_file(f->path, "", 0);		  /* a writer has just begun to make it */
	assert_int_equal(try_open(f->path, STORE_READ), -ENOENT);
	assert_int_equal(try_open(f->path, STORE_WRITE), 0);
	assert_int_equal(try_open(f->path, STORE_READ), 0);
	assert_int_equal(try_open(f->dir, STORE_READ), -EUCLEAN);
	assert_int_equal(try_open(f->dir, STORE_WRITE), -EUCLEAN);
}

static void expect_refused(const char *path, int error)
{
	unsigned char before[16384], after[16384];
	ssize_t len, now;

	len = read_text(path, (char *)before, sizeof(before));
	assert_int_equal(try_open(path, STORE_READ), error);
	assert_int_equal(try_open(path, STORE_WRITE), error);
	now = read_text(path, (char *)after, sizeof(after));
	assert_int_equal(len, now);
	assert_memory_equal(before, after, (size_t)len);
}

static void test_not_a_database(void **state)
{
	struct fixture *f = *state;
	char noise[8192];

	write_file(f->path, "{}\n", 3);
	expect_refused(f->path, -EUCLEAN);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * 7 + 1);
	write_file(f->path, noise, sizeof(noise));
	expect_refused(f->path, -EUCLEAN);
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_somebody_elses_database(void **state)
{
	struct fixture *f = *state;

	run_sql(f->path, "CREATE TABLE bookmarks(url TEXT)");
	expect_refused(f->path, -EUCLEAN);
	run_sql(f->path, "PRAGMA user_version = 1");
	expect_refused(f->path, -EUCLEAN);
}

static void test_newer_version(void **state)
{
	struct fixture *f = *state;

	store_close(open_writer(f->path));
	run_sql(f->path, "PRAGMA user_version = 99");
	expect_refused(f->path, -EPROTO);
	run_sql(f->path, "PRAGMA user_version = " SQLITE_DRIVER_SCHEMA);
	assert_int_equal(try_open(f->path, STORE_READ), 0);
}

static int ignore_process(void *ctx, const struct process_view *view)
{
	return 0;
}

/* Pages of the middle overwritten: opening works, reading says what is wrong. */
static void test_damaged(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_writer(f->path);
	static char noise[40 * SQLITE_DRIVER_PAGE_BYTES];
	int64_t run;
	int fd, r;

	assert_int_equal(store_run_new(s, "00000001", &run), 0);
	put_processes(s, run, 1, 2000);
	store_close(s);
	memset(noise, 0x5a, sizeof(noise));
	fd = open(f->path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, noise, sizeof(noise), 20 * SQLITE_DRIVER_PAGE_BYTES),
			 sizeof(noise));
	close(fd);
	assert_int_equal(store_open(f->path, STORE_READ, &s), 0);
	r = store_each_process(s, run, ignore_process, NULL);
	assert_int_equal(r, -EUCLEAN);
	store_close(s);
}

/* A run of version 3 keeps what it has, and nobody knows its machine. */
static void test_run_of_version_3(void **state)
{
	static const char *const steps[] = { sqlite_schema, sqlite_files, sqlite_scopes,
					     sqlite_machine };
	sqlite3 *db;
	int64_t n;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite_migrate(db, steps, 3, ""), 0);
	assert_int_equal(
		sqlite_run(db, "INSERT INTO run(id,uid,name,notes) VALUES(1,'a','old','[]')"), 0);
	assert_int_equal(sqlite_migrate(db, steps, ARRAY_SIZE(steps), sqlite_views), 0);
	assert_int_equal(sqlite_number(db,
				       "SELECT count(*) FROM v_run WHERE name='old' AND "
				       "notes='[]' AND machine_type IS NULL AND launched_ns IS "
				       "NULL AND machine_source IS NULL",
				       &n),
			 0);
	assert_int_equal(n, 1);
	assert_int_equal(sqlite_run(db, "UPDATE run SET machine = '{\"type\":\"c5.large\","
					"\"launched_ns\":\"5000000000\"}'"),
			 0);
	assert_int_equal(sqlite_number(db, "SELECT launched_ns FROM v_run", &n), 0);
	assert_true(n == 5000000000);
	assert_int_equal(
		sqlite_number(db, "SELECT count(*) FROM v_run WHERE machine_type='c5.large'", &n),
		0);
	assert_int_equal(n, 1);
	sqlite3_close(db);
}

static void test_migration(void **state)
{
	static const char *const steps[] = {
		"CREATE TABLE a(x INTEGER) STRICT; INSERT INTO a VALUES(5)",
		"ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x * 2",
		"UPDATE a SET y = 0; CREATE TABLE a(broken)",
	};
	static const char views[] = "DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT * FROM a";
	sqlite3 *db;
	int64_t n;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite_migrate(db, steps, 1, views), 0);
	assert_int_equal(sqlite_number(db, "SELECT x FROM v", &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(sqlite_migrate(db, steps, 2, views), 0);
	assert_int_equal(sqlite_number(db, "SELECT y FROM v", &n), 0);
	assert_int_equal(n, 10);
	assert_true(sqlite_migrate(db, steps, 3, views) < 0); /* all or nothing */
	assert_int_equal(sqlite_number(db, "SELECT y FROM v", &n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(sqlite_number(db, "PRAGMA user_version", &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(sqlite_migrate(db, steps, 1, views), -EPROTO);
	assert_int_equal(sqlite_number(db, "PRAGMA application_id", &n), 0);
	assert_int_equal(n, SQLITE_DRIVER_APPLICATION_ID);
	sqlite3_close(db);
}

static uint64_t commit_lost(struct store *s, int error)
{
	uint64_t lost = UINT64_MAX;

	assert_int_equal(store_commit(s, &lost), error);
	return lost;
}

static void test_locked(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_writer(f->path), *other = open_writer(f->path);
	int64_t run, none = -1;

	assert_int_equal(store_run_new(s, "00000001", &run), 0);
	put_processes(s, run, 1, 10);
	assert_int_equal(sqlite_begin(other), 0);
	assert_int_equal(commit_lost(s, -EBUSY), 0); /* kept */
	assert_int_equal(store_run_new(s, "00000002", &none), -EBUSY);
	assert_int_equal(none, -1);
	put_processes(s, run, 11, 10);
	assert_int_equal(commit_lost(s, -EBUSY), 0);
	assert_int_equal(sqlite_end(other, 0), 0);
	assert_int_equal(commit_lost(s, 0), 0);
	assert_int_equal(stored(f->path, COUNT), 20);
	store_close(other);
	store_close(s);
}

/* Locked for longer than the batch has room: rows are lost, and every one counted. */
static void test_locked_for_long(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_writer(f->path), *other = open_writer(f->path);
	const int64_t rows = 5000;
	uint64_t lost;
	int64_t run;

	assert_int_equal(store_run_new(s, "00000001", &run), 0);
	assert_int_equal(sqlite_begin(other), 0);
	put_processes(s, run, 1, rows);
	lost = commit_lost(s, -EBUSY);
	assert_in_range(lost, 1, rows - 1);
	assert_int_equal(sqlite_end(other, 0), 0);
	assert_int_equal(commit_lost(s, 0), 0);
	assert_int_equal(stored(f->path, COUNT), rows - (int64_t)lost);
	store_close(other);
	store_close(s);
}

/* A limit on the size of files stands for a full disk. */
static void limit_files(rlim_t bytes)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = bytes < l.rlim_max ? bytes : l.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void test_full_disk(void **state)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	struct fixture *f = *state;
	struct store *s = open_writer(f->path);
	uint64_t lost, rows = 20000;
	struct stat st;
	char wal[80];
	int64_t run;

	assert_int_equal(sigaction(SIGXFSZ, &ignore, &before), 0);
	assert_int_equal(store_run_new(s, "00000001", &run), 0);
	put_processes(s, run, 1, 100);
	assert_int_equal(commit_lost(s, 0), 0);
	snprintf(wal, sizeof(wal), "%s-wal", f->path);
	assert_int_equal(stat(wal, &st), 0);

	limit_files((rlim_t)st.st_size + 2 * 1024 * 1024);
	put_processes(s, run, 101, (int64_t)rows);
	lost = commit_lost(s, -ENOSPC);
	assert_in_range(lost, 1, rows);
	assert_int_equal(stored(f->path, COUNT), 100 + rows - lost);
	put_processes(s, run, 1, 300); /* still full: told again, counted again */
	limit_files((rlim_t)0);
	assert_int_equal(commit_lost(s, -ENOSPC), 300);

	limit_files(RLIM_INFINITY);
	put_processes(s, run, 101, (int64_t)rows);
	assert_int_equal(commit_lost(s, 0), 0);
	assert_int_equal(stored(f->path, COUNT), 100 + rows);
	store_close(s);
	assert_int_equal(stored(f->path, "SELECT count(*) FROM pragma_integrity_check "
					 "WHERE integrity_check = 'ok'"),
			 1);
	assert_int_equal(sigaction(SIGXFSZ, &before, NULL), 0);
}

static void test_single_rows(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_writer(f->path);
	size_t len = SQLITE_DRIVER_ROW_MAX + 1;
	_cleanup_free_ char *large = malloc(len);
	struct run_row r;
	int64_t run;

	assert_non_null(large);
	memset(large, 'x', len);
	large[len - 1] = '\0';
	assert_int_equal(store_run_new(s, "00000001", &run), 0);
	put_processes(s, run, 1, 3);
	assert_int_equal(store_put_cgroup(s, &(struct cgroup_row){ run, 1, large, 0, 0 }), 0);
	put_processes(s, run, 4, 1);
	assert_int_equal(commit_lost(s, -E2BIG), 1);
	make_run(STYLE_DISTINCT, run + 1, &r);
	r.uid = "00000001"; /* of another run */
	assert_int_equal(store_put_run(s, &r), 0);
	put_processes(s, run, 5, 1);
	assert_int_equal(commit_lost(s, -EINVAL), 1);
	assert_int_equal(stored(f->path, COUNT), 5);
	assert_int_equal(stored(f->path, "SELECT count(*) FROM run"), 1);
	store_close(s);
}

static void make_and_write(const char *path, int64_t i)
{
	struct store *s;
	char uid[16];
	int64_t run;
	uint64_t lost;

	if (store_open(path, STORE_WRITE, &s) < 0)
		_exit(10);
	snprintf(uid, sizeof(uid), "%08x", (unsigned)i);
	if (store_run_new(s, uid, &run) < 0)
		_exit(11);
	for (int64_t seq = 1; seq <= 2000; seq++) {
		struct process_row p = { .id = run << 32 | seq, .run_id = run };

		if (store_put_process(s, &p) < 0)
			_exit(12);
		if (seq % 50 == 0 && store_commit(s, &lost) < 0)
			_exit(13);
	}
	store_close(s);
	_exit(0);
}

/* Parallel `tracer run` on a new machine: all create, none loses. */
static void test_many_writers(void **state)
{
	enum { WRITERS = 6 };
	struct fixture *f = *state;
	pid_t pids[WRITERS];

	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			make_and_write(f->path, i);
	}
	for (int i = 0; i < WRITERS; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(stored(f->path, COUNT), WRITERS * 2000);
	assert_int_equal(stored(f->path, "SELECT count(*) FROM run"), WRITERS);
}

static void test_killed_writer(void **state)
{
	struct fixture *f = *state;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct store *s = open_writer(f->path);
		uint64_t lost;
		int64_t run;

		store_run_new(s, "00000001", &run);
		put_processes(s, run, 1, 10);
		store_commit(s, &lost);
		put_processes(s, run, 11, 10);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(stored(f->path, COUNT), 10);
	store_close(open_writer(f->path));
	assert_int_equal(stored(f->path, COUNT), 10);
}

/* A closed database that only its owner may change, read by another user. Root may
 * write everywhere, so it takes another uid for the time of the test. */
static void test_read_only_directory(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_writer(f->path);
	bool root = geteuid() == 0;
	int64_t run;

	assert_int_equal(store_run_new(s, "00000001", &run), 0);
	put_processes(s, run, 1, 10);
	store_close(s);
	assert_int_equal(chmod(f->path, 0444), 0);
	assert_int_equal(chmod(f->dir, 0555), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(stored(f->path, COUNT), 10);
	assert_int_equal(try_open(f->path, STORE_WRITE), -EACCES);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(f->path, 0), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(try_open(f->path, STORE_READ), -EACCES);
	if (root)
		assert_int_equal(seteuid(0), 0);
}

/* A path is a path, not a URI. */
static void test_odd_path(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/a?b#c%%20.db", f->dir);
	store_close(open_writer(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(f->dir, 0555), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(try_open(path, STORE_READ), 0);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(f->dir, 0700), 0);
	assert_int_equal(remove(path), 0);
}

static void test_strerror(void **state)
{
	static const int errors[] = { ENOENT,  ENOTUNIQ, EACCES, EBUSY,	 EPROTO, ESTALE,
				      EUCLEAN, ENOSPC,	 ENOMEM, EINVAL, E2BIG,	 EIO };

	for (unsigned i = 0; i < ARRAY_SIZE(errors); i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(store_strerror(-errors[i]),
						store_strerror(-errors[j]));
	assert_string_equal(store_strerror(-EIO), store_strerror(-ENOTTY));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_database),
		TEST(test_not_a_database),
		TEST(test_somebody_elses_database),
		TEST(test_newer_version),
		TEST(test_damaged),
		TEST(test_migration),
		cmocka_unit_test(test_run_of_version_3),
		TEST(test_locked),
		TEST(test_locked_for_long),
		TEST(test_full_disk),
		TEST(test_single_rows),
		TEST(test_many_writers),
		TEST(test_killed_writer),
		TEST(test_read_only_directory),
		TEST(test_odd_path),
		cmocka_unit_test(test_strerror),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
