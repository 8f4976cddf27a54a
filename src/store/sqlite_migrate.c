/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of the schema: from the database's user_version to the program's, in
 * one transaction, the views made anew at its end. Knows no table.
 */
#include "src/store/sqlite.h"

#include <errno.h>
#include <stdio.h>

static int migrate_locked(sqlite3 *db, const char *const *steps, unsigned n, const char *views)
{
	char sql[128];
	int64_t version;
	int r;

	/* another writer may have done it while this one waited for the lock */
	r = sqlite_number(db, "PRAGMA user_version", &version);
	if (r < 0 || version == n)
		return r;
	if (version < 0 || version > n)
		return -EPROTO;
	for (int64_t i = version; i < n; i++) {
		r = sqlite_run(db, steps[i]);
		if (r < 0)
			return r;
	}
	r = sqlite_run(db, views);
	if (r < 0)
		return r;
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %u; PRAGMA application_id = %d", n,
		 SQLITE_DRIVER_APPLICATION_ID);
	return sqlite_run(db, sql);
}

int sqlite_migrate(sqlite3 *db, const char *const *steps, unsigned n, const char *views)
{
	int r;

	r = sqlite_run(db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	r = migrate_locked(db, steps, n, views);
	if (r == 0)
		r = sqlite_run(db, "COMMIT");
	if (r < 0 && !sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
