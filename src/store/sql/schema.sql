-- SPDX-License-Identifier: Apache-2.0
-- Version 1. Facts: host, run, process, exec, file, cgroup, incident, text. Derived, and
-- rebuilt by `tracer rebuild`: task, tool, process.task, process.tool, exec.tool,
-- run.pipeline, run.engine. docs/database.md explains every column.
--
-- process, exec and file have no secondary index: a run is the range of process
-- ids from run << 32 to (run + 1) << 32, which their primary keys serve.
CREATE TABLE host(
	id INTEGER PRIMARY KEY,
	boot_id TEXT, hostname TEXT, kernel TEXT, arch TEXT, cpus INTEGER, memory_bytes INTEGER
) STRICT;

CREATE TABLE run(
	id INTEGER PRIMARY KEY,
	uid TEXT NOT NULL UNIQUE,
	host INTEGER, name TEXT, pipeline TEXT, engine TEXT, argv BLOB, cwd TEXT, user TEXT,
	labels TEXT, user_id INTEGER, start_ns INTEGER, end_ns INTEGER, status INTEGER,
	exit_code INTEGER, signal INTEGER, features INTEGER, collector INTEGER, replayed INTEGER,
	command_cpu_ns INTEGER, collector_cpu_ns INTEGER, collector_start_ns INTEGER,
	recorder_cpu_ns INTEGER, bpf_run_ns INTEGER, processes INTEGER, execs INTEGER, peak_rss_bytes INTEGER,
	lost_fork INTEGER, lost_exec INTEGER, lost_exit INTEGER, lost_rename INTEGER,
	lost_file INTEGER, lost_cgroup INTEGER, lost_incident INTEGER, lost_thread_state INTEGER,
	lost_group_state INTEGER, lost_argv INTEGER, lost_path INTEGER, lost_clock INTEGER,
	processes_lost INTEGER, joined_late INTEGER, still_running INTEGER,
	without_parent INTEGER, rows_lost INTEGER, files_folded INTEGER, notes TEXT,
@include ledger_columns.sql
) STRICT;

CREATE TABLE process(
	id INTEGER PRIMARY KEY,
	parent INTEGER, task INTEGER, tool INTEGER,
	pid INTEGER, ppid INTEGER, uid INTEGER, gid INTEGER,
	start_ns INTEGER, end_ns INTEGER, start_boot_ns INTEGER,
	exit_code INTEGER, signal INTEGER, flags INTEGER, execs INTEGER,
	threads_peak INTEGER, threads_total INTEGER,
	peak_rss_bytes INTEGER, program_peak_rss_bytes INTEGER, cgroup_id INTEGER,
	killer_pid INTEGER, lib_opens INTEGER, file_events_dropped INTEGER,
	comm TEXT, container TEXT,
@include ledger_columns.sql
) STRICT;

CREATE TABLE exec(
	process INTEGER NOT NULL, n INTEGER NOT NULL, tool INTEGER, time_ns INTEGER,
	comm TEXT, file TEXT, exe TEXT, cwd TEXT, argv BLOB, argv_len INTEGER, flags INTEGER,
	env BLOB, cgroup_id INTEGER, pid_namespace INTEGER, mnt_namespace INTEGER,
	user_namespace INTEGER, uts_namespace INTEGER, nspid INTEGER, nodename TEXT,
	maxrss_bytes INTEGER, before_cpu_ns INTEGER, before BLOB,
	PRIMARY KEY(process, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE file(
	process INTEGER NOT NULL, path TEXT NOT NULL, inode INTEGER, dev INTEGER,
	opens INTEGER, failed INTEGER, access INTEGER, flags INTEGER, error INTEGER,
	first_ns INTEGER, last_ns INTEGER, size_bytes INTEGER,
	PRIMARY KEY(process, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE cgroup(
	run INTEGER NOT NULL, id INTEGER NOT NULL, path TEXT,
	PRIMARY KEY(run, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE incident(
	run INTEGER NOT NULL, time_ns INTEGER NOT NULL, process INTEGER NOT NULL,
	kind TEXT NOT NULL, detail TEXT,
	PRIMARY KEY(run, time_ns, process, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE text(
	run INTEGER NOT NULL, n INTEGER NOT NULL, time_ns INTEGER, path TEXT NOT NULL, data BLOB,
	PRIMARY KEY(run, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE task(
	id INTEGER PRIMARY KEY,
	run INTEGER NOT NULL, parent INTEGER, name TEXT, key TEXT, sample TEXT, rule TEXT,
	evidence TEXT, attempt INTEGER, confidence INTEGER, status INTEGER,
	exit_code INTEGER, signal INTEGER, start_ns INTEGER, end_ns INTEGER,
	requested_cpus INTEGER, requested_memory_bytes INTEGER, root_process INTEGER,
	processes INTEGER, peak_rss_bytes INTEGER, busy_ns INTEGER,
@include ledger_columns.sql
) STRICT;
CREATE INDEX task_by_run ON task(run);

CREATE TABLE tool(
	id INTEGER PRIMARY KEY,
	run INTEGER NOT NULL, task INTEGER, name TEXT, component TEXT, path TEXT,
	processes INTEGER, failed INTEGER, start_ns INTEGER, end_ns INTEGER,
	peak_rss_bytes INTEGER,
@include ledger_columns.sql
) STRICT;
CREATE INDEX tool_by_run ON tool(run);
