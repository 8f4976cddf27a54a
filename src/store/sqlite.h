/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the SQLite driver: what its files share. Nobody else includes this but
 * the store's own tests. store.h is the interface.
 */
#ifndef TRACER_STORE_SQLITE_H
#define TRACER_STORE_SQLITE_H

#include <sqlite3.h>

#include "src/store/store.h"

#define SQLITE_DRIVER_APPLICATION_ID 0x54524352 /* "TRCR" */
#define SQLITE_DRIVER_SCHEMA	     "4"	/* version of the schema, as text */
#define SQLITE_DRIVER_PAGE_BYTES     8192
#define SQLITE_DRIVER_CACHE_KIB	     512
#define SQLITE_DRIVER_BUSY_MS	     5000
#define SQLITE_DRIVER_WAL_PAGES	     1000	  /* checkpoint when the log is this long */
#define SQLITE_DRIVER_BATCH_BYTES    (256 * 1024) /* written when it is this large */
#define SQLITE_DRIVER_BATCH_MAX	     (512 * 1024) /* kept while the database is locked */
#define SQLITE_DRIVER_ROW_MAX	     (128 * 1024)

#define LEDGER_FIELDS (sizeof(struct wire_ledger) / sizeof(uint64_t))

extern const char sqlite_schema[];  /* version 1; generated from sql/ */
extern const char sqlite_files[];   /* to version 2 */
extern const char sqlite_scopes[];  /* to version 3 */
extern const char sqlite_machine[]; /* to version 4 */
extern const char sqlite_views[];

enum put_kind {
	PUT_HOST,
	PUT_RUN,
	PUT_PROCESS,
	PUT_EXEC,
	PUT_TASK,
	PUT_SCOPE,
	PUT_TOOL,
	PUT_FILE,
	PUT_CGROUP,
	PUT_INCIDENT,
	PUT_TEXT,
	PUT_KINDS
};

/* Rows wait here, already in the form in which they are bound, so that the
 * database is locked for the milliseconds of a flush and not between batches. */
struct batch {
	unsigned char *data;
	size_t len;	 /* whole rows */
	size_t row;	 /* end of the row being added */
	size_t flush_at; /* length that starts a flush */
	bool too_large;	 /* the row being added does not fit */
	uint64_t rows;	 /* in data */
	uint64_t lost;	 /* since the last store_commit() */
	int error;	 /* first one since the last store_commit() */
};

#define PUT_COLUMNS_MAX 88

struct put {
	sqlite3_stmt *st;
	struct {
		int64_t value;
		unsigned char tag; /* 0: NULL, as in a new statement */
	} bound[PUT_COLUMNS_MAX];
};

struct store {
	sqlite3 *db;
	enum store_mode mode;
	struct batch batch;
	struct put put[PUT_KINDS];
	sqlite3_stmt *begin, *commit;
};

/* sqlite.c */
int sqlite_errno(sqlite3 *db, int rc); /* of a call that returned rc: 0 or -errno */
int sqlite_run(sqlite3 *db, const char *sql);
int sqlite_number(sqlite3 *db, const char *sql, int64_t *ret); /* -ENOENT: no row */
int sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret);
int sqlite_begin(struct store *s);
int sqlite_end(struct store *s, int error); /* commits, or rolls back and returns error */

/* sqlite_migrate.c: brings db from its user_version to n; steps[i] leads from
 * version i to i + 1. All or nothing. views is run after the last step. */
int sqlite_migrate(sqlite3 *db, const char *const *steps, unsigned n, const char *views);

/* sqlite_batch.c */
int batch_init(struct batch *b);
void batch_fini(struct batch *b);
void batch_row(struct batch *b, enum put_kind kind);
void batch_int(struct batch *b, int64_t value);
void batch_int_or_null(struct batch *b, int64_t value, int64_t null); /* null is kept as NULL */
void batch_ledger(struct batch *b, const struct wire_ledger *l);      /* a column a field */
void batch_text(struct batch *b, const char *text);
void batch_blob(struct batch *b, const void *data, size_t len); /* data NULL: NULL */
int batch_row_end(struct store *s);
int batch_flush(struct store *s);

/* sqlite_write.c */
int sqlite_prepare_puts(struct store *s);

/* sqlite_row.c: the order of columns, shared by writing and reading */
#define PACKED_LEDGER_MAX (5 + LEDGER_FIELDS * 10)
extern const char *const sqlite_tables[PUT_KINDS];
extern const char *const sqlite_columns[PUT_KINDS];
unsigned sqlite_count_columns(const char *columns);
/* All fields but state_ns[LEDGER_CPU]: a LEB128 mask of the fields that are not 0
 * and then each of them as LEB128. */
size_t ledger_pack(const struct wire_ledger *l, unsigned char out[PACKED_LEDGER_MAX]);
int ledger_unpack(const unsigned char *data, size_t len, struct wire_ledger *ret);

#endif
