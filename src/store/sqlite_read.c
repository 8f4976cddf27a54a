/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns back to rows, one at a time. The order of the values is that of
 * sqlite_columns; text is borrowed from the statement until its next step.
 */
#include "src/store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"

struct cursor {
	sqlite3 *db;
	sqlite3_stmt *st;
	int column; /* next to be read */
};

static void cursor_fini(struct cursor *c)
{
	sqlite3_finalize(c->st);
}

#define _cleanup_cursor_ _cleanup_(cursor_fini)

/* 1: at a row, 0: no more, -errno */
static int cursor_next(struct cursor *c)
{
	int rc = sqlite3_step(c->st);

	c->column = 0;
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : sqlite_errno(c->db, rc);
}

static int64_t next_int(struct cursor *c)
{
	return sqlite3_column_int64(c->st, c->column++);
}

static uint64_t next_u64(struct cursor *c)
{
	return (uint64_t)next_int(c);
}

static uint32_t next_u32(struct cursor *c)
{
	return (uint32_t)next_int(c);
}

static int next_int_or(struct cursor *c, int null)
{
	int i = c->column++;

	if (sqlite3_column_type(c->st, i) == SQLITE_NULL)
		return null;
	return sqlite3_column_int(c->st, i);
}

static int64_t next_int64_or(struct cursor *c, int64_t null)
{
	int i = c->column++;

	if (sqlite3_column_type(c->st, i) == SQLITE_NULL)
		return null;
	return sqlite3_column_int64(c->st, i);
}

static const char *next_text(struct cursor *c)
{
	return (const char *)sqlite3_column_text(c->st, c->column++);
}

static struct bytes next_bytes(struct cursor *c)
{
	int i = c->column++;
	struct bytes b = { 0 };

	if (sqlite3_column_type(c->st, i) == SQLITE_NULL)
		return b;
	b.data = sqlite3_column_blob(c->st, i);
	b.len = (size_t)sqlite3_column_bytes(c->st, i);
	if (!b.data) /* SQLite's way to say: empty */
		b.data = "";
	return b;
}

static void next_ledger(struct cursor *c, struct wire_ledger *ret)
{
	uint64_t field[LEDGER_FIELDS];

	for (unsigned i = 0; i < LEDGER_FIELDS; i++)
		field[i] = next_u64(c);
	memcpy(ret, field, sizeof(*ret));
}

static void next_completeness(struct cursor *c, struct completeness *ret)
{
	for (unsigned i = 0; i < LOSS_KINDS; i++)
		ret->lost[i] = next_u64(c);
	ret->processes_lost = next_u64(c);
	ret->joined_late = next_u64(c);
	ret->still_running = next_u64(c);
	ret->without_parent = next_u64(c);
	ret->rows_lost = next_u64(c);
	ret->files_folded = next_u64(c);
}

static void next_run(struct cursor *c, struct run_row *row)
{
	row->boot_id = next_text(c);
	row->hostname = next_text(c);
	row->kernel = next_text(c);
	row->arch = next_text(c);
	row->cpus = next_u32(c);
	row->memory_bytes = next_u64(c);
	row->id = next_int(c);
	row->uid = next_text(c);
	row->name = next_text(c);
	row->pipeline = next_text(c);
	row->engine = next_text(c);
	row->argv = next_bytes(c);
	row->cwd = next_text(c);
	row->user = next_text(c);
	row->labels = next_text(c);
	row->user_id = next_u32(c);
	row->start_ns = next_u64(c);
	row->end_ns = next_u64(c);
	row->status = (enum run_status)next_int(c);
	row->exit_code = next_int_or(c, -1);
	row->signal = next_int_or(c, 0);
	row->features = next_u64(c);
	row->collector = next_u32(c);
	row->replayed = next_int(c);
	row->command_cpu_ns = next_u64(c);
	row->collector_cpu_ns = next_u64(c);
	row->collector_start_ns = next_u64(c);
	row->recorder_cpu_ns = next_u64(c);
	row->bpf_run_ns = next_u64(c);
	row->processes = next_u64(c);
	row->execs = next_u64(c);
	row->peak_rss_bytes = next_u64(c);
	next_completeness(c, &row->completeness);
	row->notes = next_text(c);
	row->machine = next_text(c);
	next_ledger(c, &row->ledger);
}

static void next_process(struct cursor *c, struct process_row *row)
{
	unsigned flags;

	row->id = next_int(c);
	row->run_id = row->id >> 32;
	row->parent = next_int(c);
	row->task = next_int(c);
	row->tool = next_int(c);
	row->pid = next_u32(c);
	row->ppid = next_u32(c);
	row->uid = next_u32(c);
	row->gid = next_u32(c);
	row->start_ns = next_u64(c);
	row->end_ns = next_u64(c);
	row->start_boot_ns = next_u64(c);
	row->exit_code = next_int_or(c, -1);
	row->signal = next_int_or(c, 0);
	flags = next_u32(c);
	row->oom_killed = flags & 1;
	row->core_dumped = flags & 2;
	row->complete = !(flags & 4);
	row->joined_late = flags & 8;
	row->kernel_thread = flags & 16;
	row->thread_exec = flags & 32;
	row->execs = next_u32(c);
	row->threads_peak = next_u32(c);
	row->threads_total = next_u32(c);
	row->peak_rss_bytes = next_u64(c);
	row->program_peak_rss_bytes = next_u64(c);
	row->cgroup_id = next_u64(c);
	row->killer_pid = next_u32(c);
	row->lib_opens = next_u32(c);
	row->file_events_dropped = next_u32(c);
	row->comm = next_text(c);
	row->container = next_text(c);
	row->scope = next_int(c);
	next_ledger(c, &row->ledger);
}

/* -EUCLEAN: the packed ledger is damaged */
static int next_exec(struct cursor *c, struct exec_row *row)
{
	struct bytes packed;
	uint64_t cpu_ns;
	unsigned flags;

	row->process = next_int(c);
	row->n = next_u32(c);
	row->tool = next_int(c);
	row->time_ns = next_u64(c);
	row->comm = next_text(c);
	row->file = next_text(c);
	row->exe = next_text(c);
	row->cwd = next_text(c);
	row->argv = next_bytes(c);
	row->argv_len = next_u32(c);
	flags = next_u32(c);
	row->argv_truncated = flags & 1;
	row->redacted = flags & 2;
	row->env = next_bytes(c);
	row->cgroup_id = next_u64(c);
	row->pid_ns = next_u32(c);
	row->mnt_ns = next_u32(c);
	row->user_ns = next_u32(c);
	row->uts_ns = next_u32(c);
	row->nspid = next_u32(c);
	row->nodename = next_text(c);
	row->cwd_host = next_text(c);
	row->maxrss_bytes = next_u64(c);
	cpu_ns = next_u64(c);
	packed = next_bytes(c);
	if (ledger_unpack((const unsigned char *)packed.data, packed.len, &row->before) < 0)
		return -EUCLEAN;
	row->before.state_ns[LEDGER_CPU] = cpu_ns;
	return 0;
}

static void next_task(struct cursor *c, struct task_row *row)
{
	row->detail = NULL;
	row->id = next_int(c);
	row->run_id = next_int(c);
	row->parent = next_int(c);
	row->name = next_text(c);
	row->key = next_text(c);
	row->sample = next_text(c);
	row->rule = next_text(c);
	row->evidence = next_text(c);
	row->attempt = next_u32(c);
	row->confidence = next_u32(c);
	row->status = (enum task_status)next_int(c);
	row->exit_code = next_int_or(c, -1);
	row->signal = next_int_or(c, 0);
	row->start_ns = next_u64(c);
	row->end_ns = next_u64(c);
	row->requested_cpus = next_u32(c);
	row->requested_memory_bytes = next_u64(c);
	row->root_process = next_int(c);
	row->processes = next_u64(c);
	row->peak_rss_bytes = next_u64(c);
	row->busy_ns = next_u64(c);
	row->kind = (enum task_kind)next_int(c);
	row->scope = next_int(c);
	row->of_run = next_int(c);
	row->cpus_source = next_text(c);
	row->memory_source = next_text(c);
	next_ledger(c, &row->ledger);
}

static void next_tool(struct cursor *c, struct tool_row *row)
{
	row->id = next_int(c);
	row->run_id = next_int(c);
	row->task = next_int(c);
	row->name = next_text(c);
	row->component = next_text(c);
	row->path = next_text(c);
	row->processes = next_u64(c);
	row->failed = next_u64(c);
	row->start_ns = next_u64(c);
	row->end_ns = next_u64(c);
	row->peak_rss_bytes = next_u64(c);
	next_ledger(c, &row->ledger);
}

static void next_file(struct cursor *c, struct file_row *row)
{
	unsigned flags;

	row->process = next_int(c);
	row->path = next_text(c);
	row->inode = next_u64(c);
	row->dev = next_u64(c);
	row->opens = next_u64(c);
	row->failed = next_u64(c);
	row->access = (uint16_t)next_int(c);
	flags = next_u32(c);
	row->renamed_to = flags & 1;
	row->unlinked = flags & 2;
	row->inherited = flags & 4;
	row->linked = flags & 8;
	row->files_at_least = flags & 16;
	row->error = next_int_or(c, 0);
	row->first_ns = next_u64(c);
	row->last_ns = next_u64(c);
	row->size_bytes = next_int64_or(c, -1);
	row->kind = (uint8_t)next_int(c);
	row->files = (uint64_t)next_int64_or(c, 1);
	row->source = next_text(c);
	row->descriptors = (uint8_t)next_int(c);
	row->read_to_bytes = next_int64_or(c, -1);
	row->written_to_bytes = next_int64_or(c, -1);
}

/* "a.x,a.y" for "x,y" */
static void add_columns(struct str *sql, enum put_kind kind, const char *alias)
{
	for (const char *name = sqlite_columns[kind]; *name;) {
		int len = (int)strcspn(name, ",");

		str_addf(sql, "%s.%.*s%s", alias, len, name, name[len] ? "," : "");
		name += len;
		if (*name == ',')
			name++;
	}
}

/* SELECT columns of a table, whose alias in rest is a. */
static int open_table(struct store *s, enum put_kind kind, const char *rest, struct cursor *ret)
{
	_cleanup_(str_fini) struct str sql = STR_INIT;

	str_add(&sql, "SELECT ");
	if (kind == PUT_RUN) {
		add_columns(&sql, PUT_HOST, "h");
		str_addc(&sql, ',');
	}
	add_columns(&sql, kind, "a");
	str_addf(&sql, " FROM %s a ", sqlite_tables[kind]);
	if (kind == PUT_RUN)
		str_add(&sql, "LEFT JOIN host h ON h.id = a.host ");
	str_add(&sql, rest);
	if (sql.failed)
		return -ENOMEM;
	ret->db = s->db;
	return sqlite_prepare(s->db, str_text(&sql), &ret->st);
}

/* Ids of a run's processes: BETWEEN ?1 AND ?2. */
static void bind_process_range(sqlite3_stmt *st, int64_t run_id)
{
	sqlite3_bind_int64(st, 1, run_id << 32);
	sqlite3_bind_int64(st, 2, run_id << 32 | UINT32_MAX);
}

static int find_one(struct store *s, const char *sql, const char *text, int64_t *ret)
{
	_cleanup_cursor_ struct cursor c = { .db = s->db };
	int64_t id;
	int r;

	r = sqlite_prepare(s->db, sql, &c.st);
	if (r < 0)
		return r;
	sqlite3_bind_text(c.st, 1, text, -1, SQLITE_STATIC);
	r = cursor_next(&c);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	id = next_int(&c);
	r = cursor_next(&c);
	if (r != 0)
		return r < 0 ? r : -ENOTUNIQ;
	*ret = id;
	return 0;
}

int store_find_run(struct store *s, const char *selector, int64_t *ret_run_id)
{
	static const char *const queries[] = {
		"SELECT id FROM run WHERE uid = lower(?1)",
		"SELECT max(id) FROM run WHERE name = ?1 HAVING count(*) > 0",
		"SELECT id FROM run WHERE substr(uid, 1, length(?1)) = lower(?1) LIMIT 2",
	};
	int r = -ENOENT;

	if (!*selector)
		return -ENOENT;
	if (!strcmp(selector, "latest"))
		return find_one(s, "SELECT max(id) FROM run HAVING count(*) > 0", "", ret_run_id);
	for (unsigned i = 0; i < ARRAY_SIZE(queries) && r == -ENOENT; i++)
		r = find_one(s, queries[i], selector, ret_run_id);
	return r;
}

static int visit_runs(struct cursor *c, int (*visit)(void *ctx, const struct run_row *row),
		      void *ctx)
{
	int r;

	while ((r = cursor_next(c)) > 0) {
		struct run_row row;

		next_run(c, &row);
		r = visit(ctx, &row);
		if (r)
			return r;
	}
	return r;
}

int store_get_run(struct store *s, int64_t run_id,
		  int (*visit)(void *ctx, const struct run_row *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { 0 };
	struct run_row row;
	int r;

	r = open_table(s, PUT_RUN, "WHERE a.id = ?1", &c);
	if (r < 0)
		return r;
	sqlite3_bind_int64(c.st, 1, run_id);
	r = cursor_next(&c);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	next_run(&c, &row);
	return visit(ctx, &row);
}

int store_each_run(struct store *s, unsigned limit,
		   int (*visit)(void *ctx, const struct run_row *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { 0 };
	int r;

	r = open_table(s, PUT_RUN, "ORDER BY a.id DESC LIMIT ?1", &c);
	if (r < 0)
		return r;
	sqlite3_bind_int64(c.st, 1, limit ? (int64_t)limit : -1);
	return visit_runs(&c, visit, ctx);
}

int store_each_task(struct store *s, int64_t run_id,
		    int (*visit)(void *ctx, const struct task_row *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { 0 };
	int r;

	r = open_table(s, PUT_TASK, "WHERE a.run = ?1 ORDER BY a.start_ns, a.id", &c);
	if (r < 0)
		return r;
	sqlite3_bind_int64(c.st, 1, run_id);
	while ((r = cursor_next(&c)) > 0) {
		struct task_row row;

		next_task(&c, &row);
		r = visit(ctx, &row);
		if (r)
			return r;
	}
	return r;
}

static void next_scope(struct cursor *c, struct scope_row *row)
{
	row->id = next_int(c);
	row->run_id = next_int(c);
	row->parent = next_int(c);
	row->task = next_int(c);
	row->kind = (enum scope_kind)next_int(c);
	row->key = next_text(c);
	row->name = next_text(c);
	row->engine = next_text(c);
	row->pipeline = next_text(c);
	row->rule = next_text(c);
	row->evidence = next_text(c);
	row->confidence = next_u32(c);
	row->status = (enum task_status)next_int(c);
	row->exit_code = next_int_or(c, -1);
	row->signal = next_int_or(c, 0);
	row->start_ns = next_u64(c);
	row->end_ns = next_u64(c);
	row->root_process = next_int(c);
	row->fields = next_text(c);
}

int store_each_scope(struct store *s, int64_t run_id,
		     int (*visit)(void *ctx, const struct scope_row *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { 0 };
	int r;

	r = open_table(s, PUT_SCOPE, "WHERE a.run = ?1 ORDER BY a.id", &c);
	if (r < 0)
		return r;
	sqlite3_bind_int64(c.st, 1, run_id);
	while ((r = cursor_next(&c)) > 0) {
		struct scope_row row;

		next_scope(&c, &row);
		r = visit(ctx, &row);
		if (r)
			return r;
	}
	return r;
}

int store_each_tool(struct store *s, int64_t run_id,
		    int (*visit)(void *ctx, const struct tool_row *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { 0 };
	int r;

	r = open_table(s, PUT_TOOL, "WHERE a.run = ?1 ORDER BY a.task, a.cpu_ns DESC, a.id", &c);
	if (r < 0)
		return r;
	sqlite3_bind_int64(c.st, 1, run_id);
	while ((r = cursor_next(&c)) > 0) {
		struct tool_row row;

		next_tool(&c, &row);
		r = visit(ctx, &row);
		if (r)
			return r;
	}
	return r;
}

struct process_rows { /* what a process_view points to */
	struct process_row process;
	struct exec_row exec;
};

static int open_processes(struct store *s, struct cursor *ret)
{
	_cleanup_(str_fini) struct str sql = STR_INIT;

	str_add(&sql, "SELECT ");
	add_columns(&sql, PUT_PROCESS, "a");
	str_add(&sql, ",t.name,o.name,q.pid,q.start_boot_ns,");
	add_columns(&sql, PUT_EXEC, "e");
	str_add(&sql, " FROM process a LEFT JOIN exec e ON e.process = a.id"
		      " AND e.n = (SELECT max(n) FROM exec WHERE process = a.id)"
		      " LEFT JOIN task t ON t.id = a.task LEFT JOIN tool o ON o.id = a.tool"
		      " LEFT JOIN process q ON q.id = a.parent"
		      " WHERE a.id BETWEEN ?1 AND ?2 ORDER BY a.id");
	if (sql.failed)
		return -ENOMEM;
	ret->db = s->db;
	return sqlite_prepare(s->db, str_text(&sql), &ret->st);
}

static int next_view(struct cursor *c, struct process_rows *rows, struct process_view *ret)
{
	next_process(c, &rows->process);
	*ret = (struct process_view){ .process = &rows->process };
	ret->task_name = next_text(c);
	ret->tool_name = next_text(c);
	ret->parent_pid = next_u32(c);
	ret->parent_start_boot_ns = next_u64(c);
	if (sqlite3_column_type(c->st, c->column) == SQLITE_NULL)
		return 0;
	ret->exec = &rows->exec;
	return next_exec(c, &rows->exec);
}

int store_each_process(struct store *s, int64_t run_id,
		       int (*visit)(void *ctx, const struct process_view *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { 0 };
	int r;

	r = open_processes(s, &c);
	if (r < 0)
		return r;
	bind_process_range(c.st, run_id);
	while ((r = cursor_next(&c)) > 0) {
		struct process_rows rows;
		struct process_view view;

		r = next_view(&c, &rows, &view);
		if (r == 0)
			r = visit(ctx, &view);
		if (r)
			return r;
	}
	return r;
}

int store_each_exec(struct store *s, int64_t run_id,
		    int (*visit)(void *ctx, const struct exec_row *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { 0 };
	int r;

	r = open_table(s, PUT_EXEC, "WHERE a.process BETWEEN ?1 AND ?2 ORDER BY a.process, a.n",
		       &c);
	if (r < 0)
		return r;
	bind_process_range(c.st, run_id);
	while ((r = cursor_next(&c)) > 0) {
		struct exec_row row;

		r = next_exec(&c, &row);
		if (r == 0)
			r = visit(ctx, &row);
		if (r)
			return r;
	}
	return r;
}

/* The process of a file; one whose row was lost is known by its id alone. */
static int find_view(struct cursor *c, int64_t id, struct process_rows *rows,
		     struct process_view *ret)
{
	int r;

	sqlite3_reset(c->st);
	sqlite3_bind_int64(c->st, 1, id);
	sqlite3_bind_int64(c->st, 2, id);
	r = cursor_next(c);
	if (r > 0)
		return next_view(c, rows, ret);
	rows->process = (struct process_row){ .id = id, .run_id = id >> 32, .exit_code = -1 };
	*ret = (struct process_view){ .process = &rows->process };
	return r;
}

int store_each_file(struct store *s, int64_t run_id,
		    int (*visit)(void *ctx, const struct file_row *row,
				 const struct process_view *process),
		    void *ctx)
{
	_cleanup_cursor_ struct cursor files = { 0 };
	_cleanup_cursor_ struct cursor processes = { 0 };
	struct process_rows rows = { 0 };
	struct process_view view;
	int r;

	r = open_table(s, PUT_FILE, "WHERE a.process BETWEEN ?1 AND ?2 ORDER BY a.process, a.path",
		       &files);
	if (r == 0)
		r = open_processes(s, &processes);
	if (r < 0)
		return r;
	bind_process_range(files.st, run_id);
	while ((r = cursor_next(&files)) > 0) {
		struct file_row row;

		next_file(&files, &row);
		r = row.process == rows.process.id
			    ? 0
			    : find_view(&processes, row.process, &rows, &view);
		if (r == 0)
			r = visit(ctx, &row, &view);
		if (r)
			return r;
	}
	return r;
}

int store_each_process_span(struct store *s, int64_t run_id,
			    int (*visit)(void *ctx, const struct process_row *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { .db = s->db };
	int r;

	r = sqlite_prepare(
		s->db,
		"SELECT id, parent, task, tool, pid, start_ns, end_ns, exit_code, signal,"
		" file_events_dropped, comm FROM process"
		" WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
		&c.st);
	if (r < 0)
		return r;
	bind_process_range(c.st, run_id);
	while ((r = cursor_next(&c)) > 0) {
		struct process_row row = { .run_id = run_id };

		row.id = next_int(&c);
		row.parent = next_int(&c);
		row.task = next_int(&c);
		row.tool = next_int(&c);
		row.pid = next_u32(&c);
		row.start_ns = next_u64(&c);
		row.end_ns = next_u64(&c);
		row.exit_code = next_int_or(&c, -1);
		row.signal = next_int_or(&c, 0);
		row.file_events_dropped = next_u32(&c);
		row.comm = next_text(&c);
		r = visit(ctx, &row);
		if (r)
			return r;
	}
	return r;
}

static void next_use(struct cursor *c, struct process_row *row)
{
	row->id = next_int(c);
	row->task = next_int(c);
	row->tool = next_int(c);
	row->pid = next_u32(c);
	row->uid = next_u32(c);
	row->start_ns = next_u64(c);
	row->end_ns = next_u64(c);
	row->start_boot_ns = next_u64(c);
	row->kernel_thread = next_u32(c) & 16;
	row->peak_rss_bytes = next_u64(c);
	row->program_peak_rss_bytes = next_u64(c);
	row->comm = next_text(c);
	row->container = next_text(c);
	row->ledger.state_ns[LEDGER_CPU] = next_u64(c);
	row->ledger.read_bytes = next_u64(c);
	row->ledger.write_bytes = next_u64(c);
	row->ledger.net_rx_bytes = next_u64(c);
	row->ledger.net_tx_bytes = next_u64(c);
}

int store_each_process_use(struct store *s, int64_t run_id,
			   int (*visit)(void *ctx, const struct process_row *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { .db = s->db };
	int r = sqlite_prepare(s->db,
			       "SELECT id, task, tool, pid, uid, start_ns, end_ns, start_boot_ns,"
			       " flags, peak_rss_bytes, program_peak_rss_bytes, comm, container, "
			       "cpu_ns, read_bytes,"
			       " write_bytes, net_rx_bytes, net_tx_bytes FROM process"
			       " WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
			       &c.st);

	if (r < 0)
		return r;
	bind_process_range(c.st, run_id);
	while ((r = cursor_next(&c)) > 0) {
		struct process_row row = { .run_id = run_id };

		next_use(&c, &row);
		r = visit(ctx, &row);
		if (r)
			return r;
	}
	return r;
}

static int each_file_where(struct store *s, int64_t run_id, const char *where,
			   int (*visit)(void *ctx, const struct file_row *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { 0 };
	char rest[128];
	int r;

	snprintf(rest, sizeof(rest),
		 "WHERE a.process BETWEEN ?1 AND ?2%s ORDER BY a.process, a.path", where);
	r = open_table(s, PUT_FILE, rest, &c);
	if (r < 0)
		return r;
	bind_process_range(c.st, run_id);
	while ((r = cursor_next(&c)) > 0) {
		struct file_row row;

		next_file(&c, &row);
		r = visit(ctx, &row);
		if (r)
			return r;
	}
	return r;
}

int store_each_file_row(struct store *s, int64_t run_id,
			int (*visit)(void *ctx, const struct file_row *row), void *ctx)
{
	return each_file_where(s, run_id, "", visit, ctx);
}

int store_each_file_error(struct store *s, int64_t run_id,
			  int (*visit)(void *ctx, const struct file_row *row), void *ctx)
{
	return each_file_where(s, run_id, " AND a.error > 0", visit, ctx);
}

int store_each_pipe(struct store *s, int64_t run_id,
		    int (*visit)(void *ctx, const struct file_row *row), void *ctx)
{
	return each_file_where(s, run_id, " AND a.kind = 1", visit, ctx);
}

int store_found_elsewhere(struct store *s, const struct file_row *row)
{
	_cleanup_cursor_ struct cursor c = { .db = s->db };
	const char *slash = strrchr(row->path, '/');
	int r;

	if (!slash)
		return 0;
	r = sqlite_prepare(s->db,
			   "SELECT 1 FROM file WHERE process = ?1 AND opens > failed AND path <> ?2"
			   " AND substr(path, -length(?3)) = ?3 LIMIT 1",
			   &c.st);
	if (r < 0)
		return r;
	sqlite3_bind_int64(c.st, 1, row->process);
	sqlite3_bind_text(c.st, 2, row->path, -1, SQLITE_STATIC);
	sqlite3_bind_text(c.st, 3, slash, -1, SQLITE_STATIC);
	return cursor_next(&c);
}

int store_get_read_set(struct store *s, int64_t run_id, uint64_t *ret_bytes)
{
	_cleanup_cursor_ struct cursor c = { .db = s->db };
	int r;

	r = sqlite_prepare(s->db,
			   "SELECT sum(size) FROM (SELECT max(size_bytes) AS size FROM file"
			   " WHERE process BETWEEN ?1 AND ?2 AND access & 1 GROUP BY dev, inode)",
			   &c.st);
	if (r < 0)
		return r;
	bind_process_range(c.st, run_id);
	r = cursor_next(&c);
	if (r < 0)
		return r;
	*ret_bytes = r ? next_u64(&c) : 0;
	return 0;
}

int store_each_incident(struct store *s, int64_t run_id,
			int (*visit)(void *ctx, const struct incident_row *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { 0 };
	int r;

	r = open_table(s, PUT_INCIDENT, "WHERE a.run = ?1 ORDER BY a.time_ns, a.process, a.kind",
		       &c);
	if (r < 0)
		return r;
	sqlite3_bind_int64(c.st, 1, run_id);
	while ((r = cursor_next(&c)) > 0) {
		struct incident_row row;

		row.run_id = next_int(&c);
		row.time_ns = next_u64(&c);
		row.process = next_int(&c);
		row.kind = next_text(&c);
		row.detail = next_text(&c);
		r = visit(ctx, &row);
		if (r)
			return r;
	}
	return r;
}

int store_each_text(struct store *s, int64_t run_id,
		    int (*visit)(void *ctx, const struct text_row *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { 0 };
	int r;

	r = open_table(s, PUT_TEXT, "WHERE a.run = ?1 ORDER BY a.n", &c);
	if (r < 0)
		return r;
	sqlite3_bind_int64(c.st, 1, run_id);
	while ((r = cursor_next(&c)) > 0) {
		struct text_row row;

		row.run_id = next_int(&c);
		row.n = next_u32(&c);
		row.time_ns = next_u64(&c);
		row.path = next_text(&c);
		row.data = next_bytes(&c);
		r = visit(ctx, &row);
		if (r)
			return r;
	}
	return r;
}

int store_each_cgroup(struct store *s, int64_t run_id,
		      int (*visit)(void *ctx, const struct cgroup_row *row), void *ctx)
{
	_cleanup_cursor_ struct cursor c = { 0 };
	int r;

	r = open_table(s, PUT_CGROUP, "WHERE a.run = ?1 ORDER BY a.id", &c);
	if (r < 0)
		return r;
	sqlite3_bind_int64(c.st, 1, run_id);
	while ((r = cursor_next(&c)) > 0) {
		struct cgroup_row row;

		row.run_id = next_int(&c);
		row.id = next_u64(&c);
		row.path = next_text(&c);
		row.memory_limit_bytes = next_u64(&c);
		row.cpu_limit_milli = next_u64(&c);
		r = visit(ctx, &row);
		if (r)
			return r;
	}
	return r;
}
