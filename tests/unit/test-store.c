/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store on good days: every row comes back as it was written, resends are
 * harmless, runs are found, readers work beside a writer, views say what they
 * promise. Bad days: test-store-errors.c.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/store/sqlite.h"
#include "tests/unit/store-rows.h"

struct fixture {
	char dir[32];
	char path[64];
	struct store *s;
	int64_t run;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	str_copy(f->dir, sizeof(f->dir), "/tmp/test-store-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/a/b/t.db", f->dir);
	*state = f;
	if (store_open(f->path, STORE_WRITE, &f->s) < 0)
		return -1;
	return store_run_new(f->s, "0123abcd", &f->run);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "a/b/t.db", "a/b/t.db-wal", "a/b/t.db-shm", "a/b", "a",
					     "" };

	store_close(f->s);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		remove(path);
	}
	free(f);
	return 0;
}

static void commit(struct store *s)
{
	uint64_t lost = 99;

	assert_int_equal(store_commit(s, &lost), 0);
	assert_int_equal(lost, 0);
}

static int64_t number(struct store *s, const char *sql)
{
	int64_t n = -1;

	assert_int_equal(sqlite_number(s->db, sql, &n), 0);
	return n;
}

static void expect_text(struct store *s, const char *sql, const char *text)
{
	sqlite3_stmt *st;

	assert_int_equal(sqlite_prepare(s->db, sql, &st), 0);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	if (text)
		assert_string_equal((const char *)sqlite3_column_text(st, 0), text);
	else
		assert_int_equal(sqlite3_column_type(st, 0), SQLITE_NULL);
	sqlite3_finalize(st);
}

/* What a visitor expects: the row of that style; it counts its visits. */
struct expected {
	enum style style;
	int64_t run, process;
	int visits;
};

static int on_run(void *ctx, const struct run_row *row)
{
	struct expected *e = ctx;
	struct run_row want;

	make_run(e->style, e->run, &want);
	same_run(row, &want);
	e->visits++;
	return 0;
}

static int on_process(void *ctx, const struct process_view *view)
{
	struct expected *e = ctx;
	struct process_row process;
	struct exec_row exec;

	make_process(e->style, e->run, &process);
	same_process(view->process, &process);
	make_exec(e->style, process.id, &exec);
	assert_non_null(view->exec);
	same_exec(view->exec, &exec);
	e->visits++;
	return 0;
}

static int on_exec(void *ctx, const struct exec_row *row)
{
	struct expected *e = ctx;
	struct exec_row want;

	make_exec(e->style, e->process, &want);
	same_exec(row, &want);
	e->visits++;
	return 0;
}

static int on_task(void *ctx, const struct task_row *row)
{
	struct expected *e = ctx;
	struct task_row want;

	make_task(e->style, e->run, &want);
	same_task(row, &want);
	e->visits++;
	return 0;
}

static int on_tool(void *ctx, const struct tool_row *row)
{
	struct expected *e = ctx;
	struct tool_row want;

	make_tool(e->style, e->run, &want);
	same_tool(row, &want);
	e->visits++;
	return 0;
}

static int on_scope(void *ctx, const struct scope_row *row)
{
	struct expected *e = ctx;
	struct scope_row want;

	make_scope(e->style, e->run, &want);
	same_scope(row, &want);
	e->visits++;
	return 0;
}

static int on_file(void *ctx, const struct file_row *row, const struct process_view *process)
{
	struct expected *e = ctx;
	struct process_row want_process;
	struct file_row want;

	make_file(e->style, e->process, &want);
	same_file(row, &want);
	make_process(e->style, e->run, &want_process);
	same_process(process->process, &want_process);
	e->visits++;
	return 0;
}

static int on_incident(void *ctx, const struct incident_row *row)
{
	struct expected *e = ctx;
	struct incident_row want;

	make_incident(e->style, e->run, &want);
	same_incident(row, &want);
	e->visits++;
	return 0;
}

static int on_text(void *ctx, const struct text_row *row)
{
	struct expected *e = ctx;
	struct text_row want;

	make_text_row(e->style, e->run, &want);
	same_text_row(row, &want);
	e->visits++;
	return 0;
}

static int on_cgroup(void *ctx, const struct cgroup_row *row)
{
	struct expected *e = ctx;

	assert_true(row->id == UINT64_MAX);
	assert_string_equal(row->path, "/sys\xff");
	assert_int_equal(row->memory_limit_bytes, 7);
	assert_int_equal(row->cpu_limit_milli, 0);
	e->visits++;
	return 0;
}

/* One row of every kind; returns the process's id. */
static int64_t put_all(struct store *s, enum style style, int64_t run)
{
	struct run_row r;
	struct process_row p;
	struct exec_row e;
	struct task_row t;
	struct tool_row o;
	struct file_row f;
	struct incident_row i;
	struct text_row x;
	struct scope_row c;

	make_run(style, run, &r);
	assert_int_equal(store_put_run(s, &r), 0);
	make_process(style, run, &p);
	assert_int_equal(store_put_process(s, &p), 0);
	make_exec(style, p.id, &e);
	assert_int_equal(store_put_exec(s, &e), 0);
	make_task(style, run, &t);
	assert_int_equal(store_put_task(s, &t), 0);
	make_scope(style, run, &c);
	assert_int_equal(store_put_scope(s, &c), 0);
	make_tool(style, run, &o);
	assert_int_equal(store_put_tool(s, &o), 0);
	make_file(style, p.id, &f);
	assert_int_equal(store_put_file(s, &f), 0);
	make_incident(style, run, &i);
	assert_int_equal(store_put_incident(s, &i), 0);
	make_text_row(style, run, &x);
	assert_int_equal(store_put_text(s, &x), 0);
	assert_int_equal(
		store_put_cgroup(s, &(struct cgroup_row){ run, UINT64_MAX, "/sys\xff", 7, 0 }), 0);
	return p.id;
}

/* Exactly one row of every kind, and equal to what put_all() wrote. */
static void expect_all(struct store *s, struct expected e)
{
	assert_int_equal(store_get_run(s, e.run, on_run, &e), 0);
	assert_int_equal(store_each_run(s, 0, on_run, &e), 0);
	assert_int_equal(store_each_process(s, e.run, on_process, &e), 0);
	assert_int_equal(store_each_exec(s, e.run, on_exec, &e), 0);
	assert_int_equal(store_each_task(s, e.run, on_task, &e), 0);
	assert_int_equal(store_each_tool(s, e.run, on_tool, &e), 0);
	assert_int_equal(store_each_scope(s, e.run, on_scope, &e), 0);
	assert_int_equal(store_each_file(s, e.run, on_file, &e), 0);
	assert_int_equal(store_each_incident(s, e.run, on_incident, &e), 0);
	assert_int_equal(store_each_cgroup(s, e.run, on_cgroup, &e), 0);
	assert_int_equal(store_each_text(s, e.run, on_text, &e), 0);
	assert_int_equal(e.visits, 11);
}

static void round_trip(struct fixture *f, enum style style)
{
	struct expected e = { .style = style, .run = f->run };

	e.process = put_all(f->s, style, f->run);
	commit(f->s);
	expect_all(f->s, e);
}

static void test_distinct(void **state)
{
	round_trip(*state, STYLE_DISTINCT);
}

static void test_extreme(void **state)
{
	round_trip(*state, STYLE_EXTREME);
}

static void test_empty(void **state)
{
	round_trip(*state, STYLE_EMPTY);
}

static void test_absent(void **state)
{
	round_trip(*state, STYLE_ABSENT);
}

/* The same connection binds one style after the other: nothing of one row may
 * stay in the next. */
static void test_later_row_counts(void **state)
{
	struct fixture *f = *state;
	struct expected e = { .run = f->run };

	for (int pass = 0; pass < 2; pass++) {
		for (unsigned style = 0; style < STYLES; style++) {
			e.style = style;
			assert_int_equal(store_run_new(f->s, "0123abcd", &e.run), 0);
			assert_int_equal(e.run, f->run);
			e.process = put_all(f->s, style, f->run);
			put_all(f->s, style, f->run); /* a resend */
			commit(f->s);
			expect_all(f->s, e);
		}
	}
}

/* An update without clearing: the row of a live process is written many times. */
static void test_upsert(void **state)
{
	struct fixture *f = *state;
	struct process_row p;

	make_process(STYLE_DISTINCT, f->run, &p);
	assert_int_equal(store_put_process(f->s, &p), 0);
	commit(f->s);
	p.end_ns = 77;
	p.comm = "later";
	assert_int_equal(store_put_process(f->s, &p), 0);
	commit(f->s);
	assert_int_equal(number(f->s, "SELECT count(*) FROM process"), 1);
	assert_int_equal(number(f->s, "SELECT end_ns FROM process"), 77);
	expect_text(f->s, "SELECT comm FROM process", "later");
}

static void test_bad_rows_are_refused(void **state)
{
	struct fixture *f = *state;
	struct process_row p;
	struct run_row r;

	make_process(STYLE_DISTINCT, f->run, &p);
	p.id = 7;
	assert_int_equal(store_put_process(f->s, &p), -EINVAL);
	make_run(STYLE_DISTINCT, (int64_t)INT32_MAX + 1, &r);
	assert_int_equal(store_put_run(f->s, &r), -EINVAL);
	make_run(STYLE_DISTINCT, f->run, &r);
	r.uid = NULL;
	assert_int_equal(store_put_run(f->s, &r), -EINVAL);
	commit(f->s);
	assert_int_equal(number(f->s, "SELECT count(*) FROM process"), 0);
}

static void name_run(struct store *s, const char *uid, const char *name)
{
	struct run_row r;
	int64_t id;

	assert_int_equal(store_run_new(s, uid, &id), 0);
	make_run(STYLE_ABSENT, id, &r);
	r.uid = uid;
	r.name = name;
	assert_int_equal(store_put_run(s, &r), 0);
	commit(s);
}

static int64_t find(struct store *s, const char *selector)
{
	int64_t id = -1;
	int r = store_find_run(s, selector, &id);

	if (r < 0)
		assert_int_equal(id, -1);
	return r < 0 ? r : id;
}

static void test_find_run(void **state)
{
	struct fixture *f = *state;

	name_run(f->s, "0199aaaa", "align");
	name_run(f->s, "ffee0011", "align");
	name_run(f->s, "77777777", "ff");
	assert_int_equal(find(f->s, "latest"), 4);
	assert_int_equal(find(f->s, "0199aaaa"), 2);
	assert_int_equal(find(f->s, "019"), 2);
	assert_int_equal(find(f->s, "012"), 1);
	assert_int_equal(find(f->s, "01"), -ENOTUNIQ);
	assert_int_equal(find(f->s, "align"), 3);
	assert_int_equal(find(f->s, "alig"), -ENOENT);
	assert_int_equal(find(f->s, "FFEE"), 3);
	assert_int_equal(find(f->s, "ff"), 4); /* a whole name before a part of an id */
	assert_int_equal(find(f->s, ""), -ENOENT);
	assert_int_equal(find(f->s, "%"), -ENOENT);
	assert_int_equal(find(f->s, "0199aaaa0"), -ENOENT);
}

static int note_ids(void *ctx, const struct run_row *row)
{
	int64_t *seen = ctx;

	*seen = *seen * 10 + row->id;
	return row->id == 2 ? 42 : 0;
}

static void test_each_run(void **state)
{
	struct fixture *f = *state;
	int64_t seen = 0;

	name_run(f->s, "00000002", NULL);
	name_run(f->s, "00000003", NULL);
	name_run(f->s, "00000004", NULL);
	assert_int_equal(store_each_run(f->s, 2, note_ids, &seen), 0);
	assert_int_equal(seen, 43);
	seen = 0;
	assert_int_equal(store_each_run(f->s, 0, note_ids, &seen), 42); /* the visitor's word */
	assert_int_equal(seen, 432);
	assert_int_equal(store_get_run(f->s, 99, note_ids, &seen), -ENOENT);
}

static int note_recorder(void *ctx, const struct run_row *row)
{
	*(uint64_t *)ctx = row->recorder_cpu_ns;
	return 0;
}

/* An event log, replayed over the live run, does not know what its recorder used. */
static void test_recorder_stays_known(void **state)
{
	struct fixture *f = *state;
	struct run_row row;
	uint64_t cpu_ns = 0;

	make_run(STYLE_DISTINCT, f->run, &row);
	row.recorder_cpu_ns = 12345;
	assert_int_equal(store_put_run(f->s, &row), 0);
	commit(f->s);
	row.recorder_cpu_ns = 0;
	assert_int_equal(store_put_run(f->s, &row), 0);
	commit(f->s);
	assert_int_equal(store_get_run(f->s, f->run, note_recorder, &cpu_ns), 0);
	assert_int_equal(cpu_ns, 12345);
}

/* A run's rows are a range of ids: its neighbours' must stay out. */
static void test_runs_stay_apart(void **state)
{
	struct fixture *f = *state;
	struct expected e = { .style = STYLE_EXTREME, .run = f->run };
	int64_t other;

	e.process = put_all(f->s, STYLE_EXTREME, f->run);
	assert_int_equal(store_run_new(f->s, "ffffffff", &other), 0);
	for (int64_t seq = 0; seq < 2; seq++) {
		struct process_row p = { .id = other << 32 | seq, .run_id = other };

		assert_int_equal(store_put_process(f->s, &p), 0);
	}
	commit(f->s);
	assert_int_equal(store_each_process(f->s, f->run, on_process, &e), 0);
	assert_int_equal(e.visits, 1);
	assert_int_equal(number(f->s, "SELECT count(*) FROM v_process WHERE run = 'ffffffff'"), 2);
	assert_int_equal(store_run_new(f->s, "ffffffff", &other), 0);
	assert_int_equal(number(f->s, "SELECT count(*) FROM process"), 1);
}

struct parents {
	int n;
};

static int on_child(void *ctx, const struct process_view *view)
{
	struct parents *seen = ctx;

	seen->n++;
	if ((view->process->id & UINT32_MAX) == 1) {
		assert_null(view->exec);
		assert_int_equal(view->parent_start_boot_ns, 0);
		assert_null(view->task_name);
		return 0;
	}
	assert_int_equal(view->parent_pid, 100);
	assert_int_equal(view->parent_start_boot_ns, 5000);
	assert_int_equal(view->exec->n, 3);
	assert_string_equal(view->exec->comm, "last");
	assert_string_equal(view->task_name, "align");
	assert_string_equal(view->tool_name, "bwa mem");
	return 0;
}

static void put_family(struct store *s, int64_t run)
{
	struct process_row p = { .id = run << 32 | 1,
				 .run_id = run,
				 .pid = 100,
				 .start_boot_ns = 5000,
				 .complete = true };
	struct task_row t = { .id = run << 32 | 1, .run_id = run, .name = "align" };
	struct tool_row o = { .id = run << 32 | 1, .run_id = run, .name = "bwa mem" };

	assert_int_equal(store_put_process(s, &p), 0);
	p.parent = p.id++;
	p.task = t.id;
	p.tool = o.id;
	p.end_ns = 9000;
	p.ledger.state_ns[LEDGER_CPU] = 900;
	p.ledger.utime_ns = 8000000;
	p.ledger.stime_ns = 4000000;
	assert_int_equal(store_put_process(s, &p), 0);
	for (uint32_t n = 1; n <= 3; n++) {
		struct exec_row e = { .process = p.id,
				      .n = n,
				      .comm = n == 3 ? "last" : "sh",
				      .time_ns = 1000 * n,
				      .argv = { "a\0b \xff", 6 } };

		e.before.state_ns[LEDGER_CPU] = 100 * n;
		assert_int_equal(store_put_exec(s, &e), 0);
	}
	assert_int_equal(store_put_task(s, &t), 0);
	assert_int_equal(store_put_tool(s, &o), 0);
	commit(s);
}

static void test_process_view(void **state)
{
	struct fixture *f = *state;
	struct parents seen = { 0 };

	put_family(f->s, f->run);
	assert_int_equal(store_each_process(f->s, f->run, on_child, &seen), 0);
	assert_int_equal(seen.n, 2);
}

static int on_orphan_file(void *ctx, const struct file_row *row, const struct process_view *view)
{
	assert_int_equal(view->process->id, row->process);
	assert_false(view->process->complete);
	assert_null(view->exec);
	++*(int *)ctx;
	return 0;
}

static void test_file_of_a_lost_process(void **state)
{
	struct fixture *f = *state;
	struct file_row row;
	int n = 0;

	make_file(STYLE_DISTINCT, f->run << 32 | 3, &row);
	assert_int_equal(store_put_file(f->s, &row), 0);
	commit(f->s);
	assert_int_equal(store_each_file(f->s, f->run, on_orphan_file, &n), 0);
	assert_int_equal(n, 1);
}

static int on_failed_file(void *ctx, const struct file_row *row)
{
	int *n = ctx;

	assert_int_equal(row->error, ENOSPC);
	++*n;
	return 0;
}

/* Files that failed are found by themselves; files that were read count once each. */
static void test_files_in_sums(void **state)
{
	struct fixture *f = *state;
	struct file_row row = { .path = "/a", .access = WIRE_OPEN_READ, .dev = 1, .inode = 1 };
	uint64_t bytes = 1;
	int n = 0;

	assert_int_equal(store_get_read_set(f->s, f->run, &bytes), 0);
	assert_int_equal(bytes, 0);
	for (int64_t process = 1; process <= 3; process++) {
		row.process = f->run << 32 | process;
		row.size_bytes = 100 * (uint64_t)process;
		assert_int_equal(store_put_file(f->s, &row), 0);
	}
	row.path = "/b";
	row.inode = 2;
	row.size_bytes = 50;
	assert_int_equal(store_put_file(f->s, &row), 0);
	row.path = "/c";
	row.inode = 3;
	row.access = WIRE_OPEN_WRITE;
	row.error = ENOSPC;
	assert_int_equal(store_put_file(f->s, &row), 0);
	commit(f->s);
	assert_int_equal(store_get_read_set(f->s, f->run, &bytes), 0);
	assert_int_equal(bytes, 350);
	assert_int_equal(store_each_file_error(f->s, f->run, on_failed_file, &n), 0);
	assert_int_equal(n, 1);
}

/* A name is found elsewhere if the process opened it there, whole and for good. */
static void test_clear_derived(void **state)
{
	struct fixture *f = *state;

	put_all(f->s, STYLE_DISTINCT, f->run);
	put_family(f->s, f->run);
	assert_int_equal(store_clear_derived(f->s, f->run), 0);
	assert_int_equal(number(f->s, "SELECT count(*) FROM task"), 0);
	assert_int_equal(number(f->s, "SELECT count(*) FROM tool"), 0);
	assert_int_equal(number(f->s, "SELECT count(*) FROM process"), 3);
	assert_int_equal(number(f->s, "SELECT count(task) + count(tool) FROM process"), 0);
	assert_int_equal(number(f->s, "SELECT count(*) FROM exec"), 4);
	assert_int_equal(number(f->s, "SELECT count(tool) FROM exec"), 0);
	assert_int_equal(number(f->s, "SELECT count(pipeline) + count(engine) FROM run"), 0);
	expect_text(f->s, "SELECT comm FROM process WHERE id & 4294967295 = 7", "tCb");
}

/* Facts of a host belong to the run that saw them. */
static void test_hosts(void **state)
{
	struct fixture *f = *state;
	struct run_row r;

	make_run(STYLE_DISTINCT, f->run, &r);
	assert_int_equal(store_put_run(f->s, &r), 0);
	assert_int_equal(store_run_new(f->s, "ffffffff", &r.id), 0);
	r.uid = "ffffffff";
	assert_int_equal(store_put_run(f->s, &r), 0);
	commit(f->s);
	assert_int_equal(number(f->s, "SELECT count(*) FROM host"), 1);
	r.cpus++;
	assert_int_equal(store_put_run(f->s, &r), 0);
	commit(f->s);
	assert_int_equal(number(f->s, "SELECT count(*) FROM host"), 2);
	assert_int_equal(number(f->s, "SELECT max(cpus) - min(cpus) FROM v_run"), 1);
}

static void put_features(struct fixture *f, uint64_t features, uint32_t collector)
{
	struct run_row r;

	make_run(STYLE_DISTINCT, f->run, &r);
	r.features = features;
	r.collector = collector;
	assert_int_equal(store_put_run(f->s, &r), 0);
	commit(f->s);
}

#define UNOBSERVED                                                                                 \
	"SELECT coalesce(processes, execs, cpu_ns, user_ns, system_ns, other_ns, thread_ns,"       \
	"minor_faults, major_faults, switches_voluntary, switches_involuntary, events_lost,"       \
	"processes_lost, joined_late, still_running, without_parent, rows_lost, files_folded) "    \
	"FROM v_run"

/* v_* show NULL, not 0, for what the run's collector could not measure. */
static void test_views_features(void **state)
{
	static const struct {
		uint64_t feature;
		const char *columns;
	} known[] = {
		{ FEATURE_NET_BYTES, "net_rx_bytes, net_tx_bytes" },
		{ FEATURE_FILES, "lib_opens, file_events_dropped" },
		{ FEATURE_RECLAIM, "reclaim_ns, direct_reclaim_ns" },
		{ FEATURE_OOM, "oom_killed" },
		{ FEATURE_IO_BYTES, "read_bytes, write_bytes, cancelled_write_bytes, rchar_bytes,"
				    "wchar_bytes, read_calls, write_calls" },
		{ FEATURE_RUNQ, "runq_ns" },
		{ FEATURE_WAIT_CLASS, "net_ns, pipe_ns, lock_ns, child_ns, sleep_ns, poll_ns" },
	};
	struct fixture *f = *state;
	char sql[300];

	put_all(f->s, STYLE_DISTINCT, f->run);
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
		put_features(f, ~known[i].feature & INT64_MAX, COLLECTOR_EBPF);
		snprintf(sql, sizeof(sql), "SELECT coalesce(%s, NULL) FROM v_process",
			 known[i].columns);
		expect_text(f->s, sql, NULL);
		put_features(f, known[i].feature, COLLECTOR_EBPF);
		snprintf(sql, sizeof(sql), "SELECT min(%s, 1) IS NULL FROM v_process",
			 known[i].columns);
		expect_text(f->s, sql, "0");
		expect_text(f->s, "SELECT disk_ns IS NULL FROM v_process", "0");
	}
	put_features(f, 0, COLLECTOR_PTRACE);
	expect_text(f->s, "SELECT coalesce(disk_ns, stopped_ns, disk_waits) FROM v_process", NULL);
	expect_text(f->s, "SELECT collector FROM v_run", "ptrace");
	put_features(f, 0, COLLECTOR_NONE);
	expect_text(f->s, "SELECT collector FROM v_run", "none");
	expect_text(f->s, UNOBSERVED, NULL);
}

static void test_views_values(void **state)
{
	struct fixture *f = *state;

	put_all(f->s, STYLE_DISTINCT, f->run);
	put_family(f->s, f->run);
	expect_text(f->s, "SELECT status FROM v_run", "interrupted");
	expect_text(f->s, "SELECT command FROM v_run", "X= Y");
	expect_text(f->s, "SELECT argv FROM v_run", "[\"X=\",\"Y\"]");
	expect_text(f->s, "SELECT command FROM v_exec WHERE n = 1", "a b \xff"); /* no final NUL */
	expect_text(f->s,
		    "SELECT task || ':' || tool FROM v_process WHERE parent = run_id << 32 | 1",
		    "align:bwa mem");
	assert_int_equal(number(f->s, "SELECT user_ns FROM v_process WHERE cpu_ns = 900"), 600);
	assert_int_equal(number(f->s, "SELECT system_ns FROM v_process WHERE cpu_ns = 900"), 300);
	assert_int_equal(number(f->s, "SELECT sum(cpu_ns) FROM v_exec WHERE comm = 'sh'"), 200);
	assert_int_equal(number(f->s, "SELECT cpu_ns FROM v_exec WHERE comm = 'last'"), 600);
	assert_int_equal(number(f->s, "SELECT end_ns FROM v_exec WHERE comm = 'last'"), 9000);
	expect_text(f->s, "SELECT status FROM v_task WHERE id & 255 = 11", "unknown");
	assert_int_equal(number(f->s, "SELECT count(*) FROM v_tool WHERE name = 'bwa mem'"), 1);
	expect_text(f->s, "SELECT access FROM v_file", "wcm");
}

/* The kernel's rule where one of the two counters is 0; both parts always sum up. */
static void test_views_user_system(void **state)
{
	struct fixture *f = *state;
	struct process_row p = { .id = f->run << 32 | 1, .run_id = f->run };

	p.ledger.state_ns[LEDGER_CPU] = INT64_MAX / 2;
	for (int i = 0; i < 4; i++) {
		p.ledger.utime_ns = i & 1 ? 3 : 0;
		p.ledger.stime_ns = i & 2 ? 5 : 0;
		assert_int_equal(store_put_process(f->s, &p), 0);
		commit(f->s);
		assert_int_equal(number(f->s, "SELECT cpu_ns - user_ns - system_ns FROM v_process"),
				 0);
		if (i < 3)
			assert_int_equal(number(f->s, "SELECT system_ns = 0 FROM v_process"),
					 i < 2);
	}
	assert_int_equal(number(f->s, "SELECT user_ns = 0 FROM v_process"), 0);
}

/* A view filtered by run must read that run alone. */
static void test_views_use_ranges(void **state)
{
	static const char *const views[] = { "v_process", "v_exec", "v_file" };
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(views); i++) {
		sqlite3_stmt *st;
		char sql[128];

		snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN SELECT pid FROM %s WHERE run = ?1",
			 views[i]);
		assert_int_equal(sqlite_prepare(f->s->db, sql, &st), 0);
		while (sqlite3_step(st) == SQLITE_ROW)
			assert_null(strstr((const char *)sqlite3_column_text(st, 3), "SCAN"));
		sqlite3_finalize(st);
	}
}

/* The batch is written when it is full, without a commit, and in order. */
static void test_large_batch(void **state)
{
	struct fixture *f = *state;
	struct process_row p;

	make_process(STYLE_EXTREME, f->run, &p);
	for (int64_t i = 1; i <= 5000; i++) {
		p.id = f->run << 32 | i;
		assert_int_equal(store_put_process(f->s, &p), 0);
		p.pid = 1;
		assert_int_equal(store_put_process(f->s, &p), 0);
	}
	assert_true(number(f->s, "SELECT count(*) FROM process") > 1000);
	commit(f->s);
	assert_int_equal(number(f->s, "SELECT count(*) FROM process WHERE pid = 1"), 5000);
}

static int count_processes(void *ctx, const struct process_view *view)
{
	++*(int *)ctx;
	return 0;
}

static void test_read_while_writing(void **state)
{
	struct fixture *f = *state;
	struct store *reader;
	int n = 0;

	put_family(f->s, f->run);
	assert_int_equal(store_open(f->path, STORE_READ, &reader), 0);
	assert_int_equal(sqlite_begin(f->s), 0); /* a writer in the middle of a transaction */
	assert_int_equal(sqlite_run(f->s->db, "DELETE FROM process"), 0);
	assert_int_equal(store_each_process(reader, f->run, count_processes, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(sqlite_end(f->s, 0), 0);
	n = 0;
	assert_int_equal(store_each_process(reader, f->run, count_processes, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(store_put_cgroup(reader, &(struct cgroup_row){ 1, 1, "/", 0, 0 }), -EROFS);
	assert_int_equal(store_clear_derived(reader, 1), -EROFS);
	store_close(reader);
}

static void test_modes(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(path, sizeof(path), "%s-wal", f->path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(path, sizeof(path), "%s/a", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(number(f->s, "PRAGMA page_size"), SQLITE_DRIVER_PAGE_BYTES);
	assert_int_equal(number(f->s, "PRAGMA application_id"), SQLITE_DRIVER_APPLICATION_ID);
	expect_text(f->s, "PRAGMA user_version", SQLITE_DRIVER_SCHEMA);
	expect_text(f->s, "PRAGMA journal_mode", "wal");
}

/* Version 1 knew sizes at the open only: of what was then written none is known. */
static void test_sizes_of_version_1(void **state)
{
	static const char *const steps[] = { sqlite_schema, sqlite_files, sqlite_scopes,
					     sqlite_machine };
	sqlite3 *db;
	int64_t n;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite_migrate(db, steps, 1, ""), 0);
	assert_int_equal(sqlite_run(db, "INSERT INTO file(process,path,access,size_bytes) VALUES"
					"(1,'read',1,3),(1,'written',2,0),(1,'both',3,5),"
					"(1,'made',12,0)"),
			 0);
	assert_int_equal(sqlite_migrate(db, steps, ARRAY_SIZE(steps), sqlite_views), 0);
	assert_int_equal(
		sqlite_number(db, "SELECT count(*) FROM file WHERE size_bytes IS NULL", &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(sqlite_number(db, "SELECT size_bytes FROM file WHERE path='read'", &n), 0);
	assert_int_equal(n, 3);
	sqlite3_close(db);
}

/* Packing must refuse what it did not write, and keep every value. */
static void test_packed_ledger(void **state)
{
	unsigned char out[PACKED_LEDGER_MAX];
	struct wire_ledger l, back;
	size_t len;

	memset(&l, 0xff, sizeof(l));
	len = ledger_pack(&l, out);
	assert_int_equal(len, PACKED_LEDGER_MAX - 10); /* the CPU has its own column */
	assert_int_equal(ledger_unpack(out, len, &back), 0);
	l.state_ns[LEDGER_CPU] = 0;
	assert_memory_equal(&l, &back, sizeof(l));
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(ledger_unpack(out, cut, &back), -EBADMSG);
	out[len] = 0;
	assert_int_equal(ledger_unpack(out, len + 1, &back), -EBADMSG);
	memset(&l, 0, sizeof(l));
	assert_int_equal(ledger_pack(&l, out), 1);
	out[0] = 1;
	assert_int_equal(ledger_unpack(out, 1, &back), -EBADMSG);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_distinct),
		cmocka_unit_test(test_sizes_of_version_1),
		TEST(test_extreme),
		TEST(test_empty),
		TEST(test_absent),
		TEST(test_later_row_counts),
		TEST(test_upsert),
		TEST(test_bad_rows_are_refused),
		TEST(test_find_run),
		TEST(test_each_run),
		TEST(test_recorder_stays_known),
		TEST(test_runs_stay_apart),
		TEST(test_process_view),
		TEST(test_file_of_a_lost_process),
		TEST(test_files_in_sums),
		TEST(test_clear_derived),
		TEST(test_hosts),
		TEST(test_views_features),
		TEST(test_views_values),
		TEST(test_views_user_system),
		TEST(test_views_use_ranges),
		TEST(test_large_batch),
		TEST(test_read_while_writing),
		TEST(test_modes),
		cmocka_unit_test(test_packed_ledger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
