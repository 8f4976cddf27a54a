/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows to columns, and the few statements that change many rows at once. When
 * and whether rows reach the database: sqlite_batch.c. The order of the values
 * here is that of sqlite_columns.
 */
#include "src/store/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"

#define RUN_ID_MAX INT32_MAX /* process ids hold it in their upper half */

/* Facts of a host are never changed under an older run: other facts, other row. */
#define SAME_HOST                                                                                  \
	"SELECT id FROM host WHERE boot_id IS ?1 AND hostname IS ?2 AND kernel IS ?3 AND "         \
	"arch IS ?4 AND cpus IS ?5 AND memory_bytes IS ?6"
#define HOST_COLUMNS 6

static void add_parameters(struct str *sql, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		str_addf(sql, "%s?%u", i ? "," : "", first + i);
}

static void add_run_sql(struct str *sql)
{
	const char *columns = sqlite_columns[PUT_RUN];

	str_addf(sql, "INSERT INTO run(host,%s) VALUES((" SAME_HOST "),", columns);
	add_parameters(sql, HOST_COLUMNS + 1, sqlite_count_columns(columns));
	str_add(sql, ") ON CONFLICT(id) DO UPDATE SET host=excluded.host");
	for (const char *name = columns; *name;) {
		int len = (int)strcspn(name, ",");

		/* an event log does not know what the live recorder used */
		if (!strncmp(name, "recorder_cpu_ns,", strlen("recorder_cpu_ns,")))
			str_addf(sql, ",%.*s=coalesce(excluded.%.*s,%.*s)", len, name, len, name,
				 len, name);
		else
			str_addf(sql, ",%.*s=excluded.%.*s", len, name, len, name);
		name += len;
		if (*name == ',')
			name++;
	}
}

static int prepare_put(struct store *s, enum put_kind kind)
{
	_cleanup_(str_fini) struct str sql = STR_INIT;
	const char *columns = sqlite_columns[kind];
	int r;

	if (kind == PUT_HOST) {
		str_addf(
			&sql,
			"INSERT INTO host(%s) SELECT ?1,?2,?3,?4,?5,?6 WHERE NOT EXISTS (" SAME_HOST
			")",
			columns);
	} else if (kind == PUT_RUN) {
		add_run_sql(&sql);
	} else {
		str_addf(&sql, "REPLACE INTO %s(%s) VALUES(", sqlite_tables[kind], columns);
		add_parameters(&sql, 1, sqlite_count_columns(columns));
		str_addc(&sql, ')');
	}
	if (sql.failed)
		return -ENOMEM;
	r = sqlite_prepare(s->db, str_text(&sql), &s->put[kind].st);
	assert(r < 0 || sqlite3_bind_parameter_count(s->put[kind].st) <= PUT_COLUMNS_MAX);
	return r;
}

int sqlite_prepare_puts(struct store *s)
{
	int r = 0;

	for (unsigned kind = 0; kind < PUT_KINDS && r == 0; kind++)
		r = prepare_put(s, kind);
	return r;
}

static int start(struct store *s, enum put_kind kind)
{
	if (s->mode != STORE_WRITE)
		return -EROFS;
	batch_row(&s->batch, kind);
	return 0;
}

/* 0 stands for unknown or none */
static void add_known(struct batch *b, uint64_t value)
{
	batch_int_or_null(b, (int64_t)value, 0);
}

static void add_host(struct batch *b, const struct run_row *row)
{
	batch_text(b, row->boot_id);
	batch_text(b, row->hostname);
	batch_text(b, row->kernel);
	batch_text(b, row->arch);
	batch_int(b, row->cpus);
	batch_int(b, (int64_t)row->memory_bytes);
}

static void add_completeness(struct batch *b, const struct completeness *c)
{
	for (unsigned i = 0; i < LOSS_KINDS; i++)
		batch_int(b, (int64_t)c->lost[i]);
	batch_int(b, (int64_t)c->processes_lost);
	batch_int(b, (int64_t)c->joined_late);
	batch_int(b, (int64_t)c->still_running);
	batch_int(b, (int64_t)c->without_parent);
	batch_int(b, (int64_t)c->rows_lost);
	batch_int(b, (int64_t)c->files_folded);
}

static void add_run(struct batch *b, const struct run_row *row)
{
	batch_int(b, row->id);
	batch_text(b, row->uid);
	batch_text(b, row->name);
	batch_text(b, row->pipeline);
	batch_text(b, row->engine);
	batch_blob(b, row->argv.data, row->argv.len);
	batch_text(b, row->cwd);
	batch_text(b, row->user);
	batch_text(b, row->labels);
	batch_int(b, row->user_id);
	add_known(b, row->start_ns);
	add_known(b, row->end_ns);
	batch_int(b, row->status);
	batch_int_or_null(b, row->exit_code, -1);
	add_known(b, (uint64_t)(int64_t)row->signal);
	batch_int(b, (int64_t)row->features);
	batch_int(b, row->collector);
	batch_int(b, row->replayed);
	add_known(b, row->command_cpu_ns);
	add_known(b, row->collector_cpu_ns);
	add_known(b, row->collector_start_ns);
	add_known(b, row->recorder_cpu_ns);
	add_known(b, row->bpf_run_ns);
	batch_int(b, (int64_t)row->processes);
	batch_int(b, (int64_t)row->execs);
	add_known(b, row->peak_rss_bytes);
	add_completeness(b, &row->completeness);
	batch_text(b, row->notes);
	batch_text(b, row->machine);
	batch_ledger(b, &row->ledger);
}

int store_put_run(struct store *s, const struct run_row *row)
{
	int r;

	if (row->id <= 0 || row->id > RUN_ID_MAX || !row->uid)
		return -EINVAL;
	r = start(s, PUT_HOST);
	if (r < 0)
		return r;
	add_host(&s->batch, row);
	r = batch_row_end(s);
	if (r == 0)
		r = start(s, PUT_RUN);
	if (r < 0)
		return r;
	add_host(&s->batch, row);
	add_run(&s->batch, row);
	return batch_row_end(s);
}

static unsigned process_flags(const struct process_row *row)
{
	return row->oom_killed | row->core_dumped << 1 | !row->complete << 2 |
	       row->joined_late << 3 | row->kernel_thread << 4 | row->thread_exec << 5;
}

int store_put_process(struct store *s, const struct process_row *row)
{
	struct batch *b = &s->batch;
	int r;

	if (row->id <= 0 || row->run_id <= 0 || row->id >> 32 != row->run_id)
		return -EINVAL;
	r = start(s, PUT_PROCESS);
	if (r < 0)
		return r;
	batch_int(b, row->id);
	add_known(b, (uint64_t)row->parent);
	add_known(b, (uint64_t)row->task);
	add_known(b, (uint64_t)row->tool);
	batch_int(b, row->pid);
	batch_int(b, row->ppid);
	batch_int(b, row->uid);
	batch_int(b, row->gid);
	add_known(b, row->start_ns);
	add_known(b, row->end_ns);
	add_known(b, row->start_boot_ns);
	batch_int_or_null(b, row->exit_code, -1);
	add_known(b, (uint64_t)(int64_t)row->signal);
	batch_int(b, process_flags(row));
	batch_int(b, row->execs);
	batch_int(b, row->threads_peak);
	batch_int(b, row->threads_total);
	add_known(b, row->peak_rss_bytes);
	add_known(b, row->program_peak_rss_bytes);
	add_known(b, row->cgroup_id);
	add_known(b, row->killer_pid);
	batch_int(b, row->lib_opens);
	batch_int(b, row->file_events_dropped);
	batch_text(b, row->comm);
	batch_text(b, row->container);
	add_known(b, (uint64_t)row->scope);
	batch_ledger(b, &row->ledger);
	return batch_row_end(s);
}

int store_put_exec(struct store *s, const struct exec_row *row)
{
	unsigned char packed[PACKED_LEDGER_MAX];
	struct batch *b = &s->batch;
	int r;

	if (row->process <= 0)
		return -EINVAL;
	r = start(s, PUT_EXEC);
	if (r < 0)
		return r;
	batch_int(b, row->process);
	batch_int(b, row->n);
	add_known(b, (uint64_t)row->tool);
	add_known(b, row->time_ns);
	batch_text(b, row->comm);
	batch_text(b, row->file);
	batch_text(b, row->exe);
	batch_text(b, row->cwd);
	batch_blob(b, row->argv.data, row->argv.len);
	batch_int(b, row->argv_len);
	batch_int(b, row->argv_truncated | row->redacted << 1);
	batch_blob(b, row->env.data, row->env.len);
	add_known(b, row->cgroup_id);
	add_known(b, row->pid_ns);
	add_known(b, row->mnt_ns);
	add_known(b, row->user_ns);
	add_known(b, row->uts_ns);
	add_known(b, row->nspid);
	batch_text(b, row->nodename);
	batch_text(b, row->cwd_host);
	add_known(b, row->maxrss_bytes);
	batch_int(b, (int64_t)row->before.state_ns[LEDGER_CPU]);
	batch_blob(b, packed, ledger_pack(&row->before, packed));
	return batch_row_end(s);
}

int store_put_task(struct store *s, const struct task_row *row)
{
	struct batch *b = &s->batch;
	int r;

	if (row->id <= 0 || row->run_id <= 0)
		return -EINVAL;
	r = start(s, PUT_TASK);
	if (r < 0)
		return r;
	batch_int(b, row->id);
	batch_int(b, row->run_id);
	add_known(b, (uint64_t)row->parent);
	batch_text(b, row->name);
	batch_text(b, row->key);
	batch_text(b, row->sample);
	batch_text(b, row->rule);
	batch_text(b, row->evidence);
	batch_int(b, row->attempt);
	batch_int(b, row->confidence);
	batch_int(b, row->status);
	batch_int_or_null(b, row->exit_code, -1);
	add_known(b, (uint64_t)(int64_t)row->signal);
	add_known(b, row->start_ns);
	add_known(b, row->end_ns);
	add_known(b, row->requested_cpus);
	add_known(b, row->requested_memory_bytes);
	add_known(b, (uint64_t)row->root_process);
	batch_int(b, (int64_t)row->processes);
	add_known(b, row->peak_rss_bytes);
	batch_int(b, (int64_t)row->busy_ns);
	batch_int(b, row->kind);
	add_known(b, (uint64_t)row->scope);
	add_known(b, (uint64_t)row->of_run);
	batch_text(b, row->cpus_source);
	batch_text(b, row->memory_source);
	batch_ledger(b, &row->ledger);
	return batch_row_end(s);
}

int store_put_scope(struct store *s, const struct scope_row *row)
{
	struct batch *b = &s->batch;
	int r;

	if (row->id <= 0 || row->run_id <= 0)
		return -EINVAL;
	r = start(s, PUT_SCOPE);
	if (r < 0)
		return r;
	batch_int(b, row->id);
	batch_int(b, row->run_id);
	add_known(b, (uint64_t)row->parent);
	add_known(b, (uint64_t)row->task);
	batch_int(b, row->kind);
	batch_text(b, row->key);
	batch_text(b, row->name);
	batch_text(b, row->engine);
	batch_text(b, row->pipeline);
	batch_text(b, row->rule);
	batch_text(b, row->evidence);
	batch_int(b, row->confidence);
	batch_int(b, row->status);
	batch_int_or_null(b, row->exit_code, -1);
	add_known(b, (uint64_t)(int64_t)row->signal);
	add_known(b, row->start_ns);
	add_known(b, row->end_ns);
	add_known(b, (uint64_t)row->root_process);
	batch_text(b, row->fields);
	return batch_row_end(s);
}

int store_put_tool(struct store *s, const struct tool_row *row)
{
	struct batch *b = &s->batch;
	int r;

	if (row->id <= 0 || row->run_id <= 0)
		return -EINVAL;
	r = start(s, PUT_TOOL);
	if (r < 0)
		return r;
	batch_int(b, row->id);
	batch_int(b, row->run_id);
	add_known(b, (uint64_t)row->task);
	batch_text(b, row->name);
	batch_text(b, row->component);
	batch_text(b, row->path);
	batch_int(b, (int64_t)row->processes);
	batch_int(b, (int64_t)row->failed);
	add_known(b, row->start_ns);
	add_known(b, row->end_ns);
	add_known(b, row->peak_rss_bytes);
	batch_ledger(b, &row->ledger);
	return batch_row_end(s);
}

int store_put_file(struct store *s, const struct file_row *row)
{
	struct batch *b = &s->batch;
	int r;

	if (row->process <= 0 || !row->path)
		return -EINVAL;
	r = start(s, PUT_FILE);
	if (r < 0)
		return r;
	batch_int(b, row->process);
	batch_text(b, row->path);
	batch_int(b, (int64_t)row->inode);
	batch_int(b, (int64_t)row->dev);
	batch_int(b, (int64_t)row->opens);
	batch_int(b, (int64_t)row->failed);
	batch_int(b, row->access);
	batch_int(b, row->renamed_to | row->unlinked << 1 | row->inherited << 2 | row->linked << 3 |
			     row->files_at_least << 4);
	add_known(b, (uint64_t)(int64_t)row->error);
	add_known(b, row->first_ns);
	add_known(b, row->last_ns);
	batch_int_or_null(b, row->size_bytes, -1);
	batch_int(b, row->kind);
	batch_int(b, (int64_t)row->files);
	batch_text(b, row->source);
	batch_int(b, row->descriptors);
	batch_int_or_null(b, row->read_to_bytes, -1);
	batch_int_or_null(b, row->written_to_bytes, -1);
	return batch_row_end(s);
}

int store_put_cgroup(struct store *s, const struct cgroup_row *row)
{
	int r;

	if (row->run_id <= 0)
		return -EINVAL;
	r = start(s, PUT_CGROUP);
	if (r < 0)
		return r;
	batch_int(&s->batch, row->run_id);
	batch_int(&s->batch, (int64_t)row->id);
	batch_text(&s->batch, row->path);
	add_known(&s->batch, row->memory_limit_bytes);
	add_known(&s->batch, row->cpu_limit_milli);
	return batch_row_end(s);
}

int store_put_incident(struct store *s, const struct incident_row *row)
{
	int r;

	if (row->run_id <= 0 || !row->kind)
		return -EINVAL;
	r = start(s, PUT_INCIDENT);
	if (r < 0)
		return r;
	batch_int(&s->batch, row->run_id);
	batch_int(&s->batch, (int64_t)row->time_ns);
	batch_int(&s->batch, row->process);
	batch_text(&s->batch, row->kind);
	batch_text(&s->batch, row->detail);
	return batch_row_end(s);
}

int store_put_text(struct store *s, const struct text_row *row)
{
	int r;

	if (row->run_id <= 0 || !row->n || !row->path)
		return -EINVAL;
	r = start(s, PUT_TEXT);
	if (r < 0)
		return r;
	batch_int(&s->batch, row->run_id);
	batch_int(&s->batch, row->n);
	add_known(&s->batch, row->time_ns);
	batch_text(&s->batch, row->path);
	batch_blob(&s->batch, row->data.data, row->data.len);
	return batch_row_end(s);
}

int store_commit(struct store *s, uint64_t *ret_rows_lost)
{
	struct batch *b = &s->batch;
	int r = 0;

	if (s->mode == STORE_WRITE)
		r = batch_flush(s);
	if (b->error)
		r = b->error;
	*ret_rows_lost = b->lost;
	b->lost = 0;
	b->error = 0;
	return r;
}

/* ?1 is the run, ?2 and ?3 the first and the last id that its processes can have */
static int change_run(struct store *s, const char *const *statements, unsigned n, int64_t run_id)
{
	for (unsigned i = 0; i < n; i++) {
		sqlite3_stmt *st;
		int r, rc;

		r = sqlite_prepare(s->db, statements[i], &st);
		if (r < 0)
			return r;
		sqlite3_bind_int64(st, 1, run_id);
		sqlite3_bind_int64(st, 2, run_id << 32);
		sqlite3_bind_int64(st, 3, run_id << 32 | UINT32_MAX);
		rc = sqlite3_step(st);
		r = sqlite_errno(s->db, rc);
		sqlite3_finalize(st);
		if (r < 0)
			return r;
	}
	return 0;
}

static int clear_rows(struct store *s, int64_t run_id)
{
	static const char *const statements[] = {
		"DELETE FROM file WHERE process BETWEEN ?2 AND ?3",
		"DELETE FROM exec WHERE process BETWEEN ?2 AND ?3",
		"DELETE FROM process WHERE id BETWEEN ?2 AND ?3",
		"DELETE FROM task WHERE run = ?1",
		"DELETE FROM tool WHERE run = ?1",
		"DELETE FROM scope WHERE run = ?1",
		"DELETE FROM cgroup WHERE run = ?1",
		"DELETE FROM incident WHERE run = ?1",
		"DELETE FROM text WHERE run = ?1",
		"DELETE FROM run WHERE id = ?1",
	};

	return change_run(s, statements, ARRAY_SIZE(statements), run_id);
}

static int find_uid(struct store *s, const char *uid, int64_t *ret)
{
	sqlite3_stmt *st;
	int r, rc;

	r = sqlite_prepare(s->db, "SELECT id FROM run WHERE uid = ?1", &st);
	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, uid, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	r = rc == SQLITE_DONE ? -ENOENT : sqlite_errno(s->db, rc);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return r;
}

static int insert_run(struct store *s, int64_t id, const char *uid)
{
	sqlite3_stmt *st;
	int r;

	r = sqlite_prepare(s->db, "INSERT INTO run(id, uid, status) VALUES(?1, ?2, 0)", &st);
	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, id);
	sqlite3_bind_text(st, 2, uid, -1, SQLITE_STATIC);
	r = sqlite_errno(s->db, sqlite3_step(st));
	sqlite3_finalize(st);
	return r;
}

static int new_run(struct store *s, const char *uid, int64_t *ret)
{
	int64_t id;
	int r;

	r = find_uid(s, uid, &id);
	if (r == 0) {
		r = clear_rows(s, id);
	} else if (r == -ENOENT) {
		r = sqlite_number(s->db, "SELECT coalesce(max(id), 0) + 1 FROM run", &id);
		if (r == 0 && id > RUN_ID_MAX)
			r = -EOVERFLOW;
	}
	if (r == 0)
		r = insert_run(s, id, uid);
	if (r == 0)
		*ret = id;
	return r;
}

int store_run_new(struct store *s, const char *uid, int64_t *ret_run_id)
{
	int64_t id = 0;
	int r;

	if (s->mode != STORE_WRITE)
		return -EROFS;
	batch_flush(s); /* its loss, if any, is told by store_commit() */
	r = sqlite_begin(s);
	if (r < 0)
		return r;
	r = sqlite_end(s, new_run(s, uid, &id));
	if (r == 0)
		*ret_run_id = id;
	return r;
}

int store_clear_derived(struct store *s, int64_t run_id)
{
	static const char *const statements[] = {
		"UPDATE process SET task = NULL, tool = NULL, scope = NULL WHERE id BETWEEN ?2 AND "
		"?3",
		"UPDATE exec SET tool = NULL WHERE process BETWEEN ?2 AND ?3",
		"UPDATE run SET pipeline = NULL, engine = NULL WHERE id = ?1",
		"DELETE FROM task WHERE run = ?1",
		"DELETE FROM tool WHERE run = ?1",
		"DELETE FROM scope WHERE run = ?1",
	};
	int r;

	if (s->mode != STORE_WRITE)
		return -EROFS;
	r = batch_flush(s);
	if (r < 0)
		return r;
	r = sqlite_begin(s);
	if (r < 0)
		return r;
	return sqlite_end(s, change_run(s, statements, ARRAY_SIZE(statements), run_id));
}
