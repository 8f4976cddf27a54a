/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing the database, its settings, transactions and errors. What
 * is in it: sqlite_write.c, sqlite_read.c; its schema: sql/, sqlite_migrate.c.
 */
#include "src/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/io.h"
#include "src/base/str.h"

static const char *const steps[] = { sqlite_schema, sqlite_files, sqlite_scopes, sqlite_machine };
#define SCHEMA_VERSION ARRAY_SIZE(steps)

const char *store_strerror(int error)
{
	switch (error < 0 ? -error : error) {
	case 0:
		return "no error";
	case ENOENT:
		return "there is no such database or run; record one with `tracer run`, or give "
		       "another --db";
	case ENOTUNIQ:
		return "several runs begin like this; give more of the run's id";
	case EACCES:
	case EPERM:
	case EROFS:
		return "no permission to use the database; check the owner and mode of the file "
		       "and of its directory, or give another --db";
	case EBUSY:
		return "the database stayed locked by another program; end that program or try "
		       "again";
	case EPROTO:
		return "the database was written by a newer version of tracer; upgrade tracer, or "
		       "give another --db";
	case ESTALE:
		return "the database was written by an older version of tracer; any recording "
		       "brings it up to date";
	case EUCLEAN:
		return "the file is damaged or not a database of tracer; move it away, or give "
		       "another --db";
	case ENOSPC:
		return "no space left for the database; make room on its file system";
	case ENOMEM:
		return "not enough memory for the database";
	case EINVAL:
		return "the database refused a row that contradicts another";
	case E2BIG:
		return "a row was too large for the database";
	default:
		return "the database could not be read or written; check its disk and the "
		       "kernel's log";
	}
}

static int last_errno(sqlite3_file *file)
{
	int error = 0;

	if (file && file->pMethods)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
	return error;
}

/* A quota or a limit on file sizes is SQLITE_IOERR, not SQLITE_FULL; the cause is
 * kept with the file, as errno itself is that of some later call. */
static int io_errno(sqlite3 *db, int rc)
{
	sqlite3_file *file[2] = { NULL, NULL };

	sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file[0]);
	sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file[1]);
	for (unsigned i = 0; i < ARRAY_SIZE(file); i++) {
		int error = last_errno(file[i]);

		if (error == ENOSPC || error == EDQUOT || error == EFBIG)
			return -ENOSPC;
	}
	return rc == SQLITE_IOERR_SHMSIZE ? -ENOSPC : -EIO;
}

static int open_errno(sqlite3 *db)
{
	int error = sqlite3_system_errno(db);

	return error == ENOENT || error == ENOSPC || error == EROFS ? -error : -EACCES;
}

int sqlite_errno(sqlite3 *db, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* our SQL is right: the schema in the file is not ours */
		return -EUCLEAN;
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return -EACCES;
	case SQLITE_CANTOPEN:
		return open_errno(db);
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
		return -EINVAL;
	default:
		return io_errno(db, rc);
	}
}

int sqlite_run(sqlite3 *db, const char *sql)
{
	return sqlite_errno(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret)
{
	return sqlite_errno(db,
			    sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL));
}

int sqlite_number(sqlite3 *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *st;
	int r, rc;

	r = sqlite_prepare(db, sql, &st);
	if (r < 0)
		return r;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(st, 0);
	else
		r = rc == SQLITE_DONE ? -ENOENT : sqlite_errno(db, rc);
	sqlite3_finalize(st);
	return r;
}

int sqlite_begin(struct store *s)
{
	int rc = sqlite3_step(s->begin);

	sqlite3_reset(s->begin);
	return rc == SQLITE_DONE ? 0 : sqlite_errno(s->db, rc);
}

int sqlite_end(struct store *s, int error)
{
	if (error == 0) {
		int rc = sqlite3_step(s->commit);

		if (rc != SQLITE_DONE)
			error = sqlite_errno(s->db, rc);
		sqlite3_reset(s->commit);
	}
	if (error < 0 && !sqlite3_get_autocommit(s->db)) /* SQLite may have done it */
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return error;
}

/* Is it ours, and of which version? 0: nothing in it yet. Changes nothing. */
static int check_version(sqlite3 *db, int64_t *ret)
{
	int64_t application, version, objects;
	int r;

	r = sqlite_number(db, "PRAGMA application_id", &application);
	if (r == 0)
		r = sqlite_number(db, "PRAGMA user_version", &version);
	if (r == 0)
		r = sqlite_number(db, "SELECT count(*) FROM sqlite_schema", &objects);
	if (r < 0)
		return r;
	if (application != SQLITE_DRIVER_APPLICATION_ID && (application || version || objects))
		return -EUCLEAN;
	if (version < 0 || version > (int64_t)SCHEMA_VERSION)
		return -EPROTO;
	*ret = version;
	return 0;
}

/* In one snapshot: another writer may be making the database right now. */
static int read_version(sqlite3 *db, int64_t *ret)
{
	int r = sqlite_run(db, "BEGIN");

	if (r < 0)
		return r;
	r = check_version(db, ret);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static int open_database(const char *path, int flags, sqlite3 **ret)
{
	char sql[64];
	sqlite3 *db = NULL;
	int rc, r;

	/* saves a lock an allocation; refused, with no effect, once SQLite is in use */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	rc = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc != SQLITE_OK) {
		r = db ? sqlite_errno(db, rc) : -ENOMEM;
		sqlite3_close(db);
		return r;
	}
	sqlite3_busy_timeout(db, SQLITE_DRIVER_BUSY_MS);
	snprintf(sql, sizeof(sql), "PRAGMA cache_size = -%d", SQLITE_DRIVER_CACHE_KIB);
	r = sqlite_run(db, sql);
	if (r < 0) {
		sqlite3_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

static int set_up_writer(sqlite3 *db, int64_t version)
{
	char sql[256];
	int r = 0;

	snprintf(sql, sizeof(sql), "PRAGMA page_size = %d", SQLITE_DRIVER_PAGE_BYTES);
	if (version == 0)
		r = sqlite_run(db, sql);
	if (r == 0 && version < (int64_t)SCHEMA_VERSION)
		r = sqlite_migrate(db, steps, SCHEMA_VERSION, sqlite_views);
	if (r < 0)
		return r;
	snprintf(sql, sizeof(sql),
		 "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		 "PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = %d",
		 SQLITE_DRIVER_WAL_PAGES, SQLITE_DRIVER_WAL_PAGES * SQLITE_DRIVER_PAGE_BYTES);
	return sqlite_run(db, sql);
}

static void remove_database(const char *path)
{
	static const char *const suffixes[] = { "", "-journal", "-wal", "-shm" };

	for (unsigned i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char name[PATH_MAX + 16];

		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
}

/* Gives the finished database at from its name. One that is there already stays. */
static int publish(const char *from, const char *path)
{
	if (link(from, path) == 0 || errno == EEXIST)
		return 0;
	return rename(from, path) < 0 ? -errno : 0; /* no links on this file system */
}

/* Directories 0700 and the file 0600; SQLite gives -wal and -shm the same mode. It
 * is made under another name: several first runs at once would disturb each other
 * while SQLite switches to the write-ahead log, and readers see all or nothing. */
static int create_database(const char *path)
{
	char name[PATH_MAX];
	sqlite3 *db = NULL;
	char *slash;
	int fd, r;

	if (strlen(path) + sizeof(".XXXXXX") > sizeof(name))
		return -ENAMETOOLONG;
	str_copy(name, sizeof(name), path);
	slash = strrchr(name, '/');
	if (slash && slash != name) {
		*slash = '\0';
		r = make_directories(name, 0700);
		if (r < 0)
			return r;
	}
	snprintf(name, sizeof(name), "%s.XXXXXX", path);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	r = open_database(name, SQLITE_OPEN_READWRITE, &db);
	if (r == 0)
		r = set_up_writer(db, 0);
	sqlite3_close(db);
	if (r == 0)
		r = publish(name, path);
	remove_database(name);
	return r;
}

/* A closed database in a directory that may not be written has no -shm file and
 * cannot get one; without a log there is nothing to share, so read it as it is. */
static int open_unchanging(const char *path, sqlite3 **ret)
{
	_cleanup_(str_fini) struct str name = STR_INIT;
	struct stat st;

	str_addf(&name, "%s-wal", path);
	if (name.failed)
		return -ENOMEM;
	if (stat(str_text(&name), &st) == 0 && st.st_size > 0)
		return -EACCES;
	str_reset(&name);
	str_add(&name, "file:");
	for (const char *p = path; *p; p++) {
		if (strchr("?#%", *p))
			str_addf(&name, "%%%02x", (unsigned char)*p);
		else
			str_addc(&name, *p);
	}
	str_add(&name, "?immutable=1");
	if (name.failed)
		return -ENOMEM;
	return open_database(str_text(&name), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, ret);
}

static int open_writer(const char *path, struct store *s)
{
	int64_t version;
	struct stat st;
	int r = 0;

	if (stat(path, &st) < 0)
		r = errno == ENOENT ? create_database(path) : -errno;
	if (r == 0)
		r = open_database(path, SQLITE_OPEN_READWRITE, &s->db);
	if (r == 0)
		r = read_version(s->db, &version);
	if (r == 0)
		r = set_up_writer(s->db, version);
	if (r == 0)
		r = batch_init(&s->batch);
	if (r == 0)
		r = sqlite_prepare(s->db, "BEGIN IMMEDIATE", &s->begin);
	if (r == 0)
		r = sqlite_prepare(s->db, "COMMIT", &s->commit);
	if (r == 0)
		r = sqlite_prepare_puts(s);
	return r;
}

static int open_reader(const char *path, struct store *s)
{
	int64_t version;
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return -errno;
	r = open_database(path, SQLITE_OPEN_READONLY, &s->db);
	if (r == 0)
		r = read_version(s->db, &version);
	if (r == -EACCES || r == -EROFS || r == -ENOENT) {
		sqlite3_close(s->db);
		s->db = NULL;
		r = open_unchanging(path, &s->db);
		if (r == 0)
			r = read_version(s->db, &version);
	}
	if (r < 0)
		return r;
	if (version < (int64_t)SCHEMA_VERSION)
		return version == 0 ? -ENOENT : -ESTALE;
	return 0;
}

static void close_all(struct store *s)
{
	for (unsigned i = 0; i < PUT_KINDS; i++)
		sqlite3_finalize(s->put[i].st);
	sqlite3_finalize(s->begin);
	sqlite3_finalize(s->commit);
	sqlite3_close(s->db);
	batch_fini(&s->batch);
	free(s);
}

int store_open(const char *path, enum store_mode mode, struct store **ret)
{
	struct store *s;
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return -EUCLEAN;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->mode = mode;
	r = mode == STORE_WRITE ? open_writer(path, s) : open_reader(path, s);
	if (r < 0) {
		close_all(s);
		return r;
	}
	*ret = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->mode == STORE_WRITE)
		batch_flush(s);
	close_all(s);
}
