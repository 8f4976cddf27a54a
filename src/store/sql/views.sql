-- SPDX-License-Identifier: Apache-2.0
-- The public views (docs/database.md). Made anew by every migration. NULL is
-- unknown: r.features & N is FEATURE_* of bpf/wire.h, r.collector is 1 for
-- ebpf and 3 where nothing was observed.
DROP VIEW IF EXISTS v_run;
CREATE VIEW v_run AS SELECT
	r.id AS run_id, r.uid AS run, r.name, r.pipeline, r.engine,
@include argv_json.sql r
	r.cwd, r.user, r.user_id, r.labels, r.start_ns, r.end_ns, r.end_ns - r.start_ns AS wall_ns,
	CASE r.status WHEN 0 THEN 'running' WHEN 1 THEN 'succeeded' WHEN 2 THEN 'failed'
		WHEN 3 THEN 'cancelled' WHEN 4 THEN 'interrupted' END AS status,
	r.exit_code, r.signal,
	CASE r.collector WHEN 1 THEN 'ebpf' WHEN 2 THEN 'ptrace'
		WHEN 3 THEN 'none' END AS collector, r.replayed,
	h.hostname AS host, h.boot_id, h.kernel, h.arch, h.cpus, h.memory_bytes,
	iif(r.collector = 3, NULL, r.processes) AS processes,
	iif(r.collector = 3, NULL, r.execs) AS execs, r.peak_rss_bytes,
@include ledger_view.sql r
	, r.command_cpu_ns, r.collector_cpu_ns, r.collector_start_ns, r.recorder_cpu_ns,
	r.bpf_run_ns,
	iif(r.collector = 3, NULL, r.lost_fork + r.lost_exec + r.lost_exit + r.lost_rename
		+ r.lost_file + r.lost_cgroup + r.lost_incident + r.lost_thread_state
		+ r.lost_group_state + r.lost_argv + r.lost_path + r.lost_clock) AS events_lost,
	iif(r.collector = 3, NULL, r.processes_lost) AS processes_lost,
	iif(r.collector = 3, NULL, r.joined_late) AS joined_late,
	iif(r.collector = 3, NULL, r.still_running) AS still_running,
	iif(r.collector = 3, NULL, r.without_parent) AS without_parent,
	iif(r.collector = 3, NULL, r.rows_lost) AS rows_lost,
	iif(r.collector = 3, NULL, r.files_folded) AS files_folded,
	r.notes,
	json_extract(r.machine, '$.provider') AS provider, json_extract(r.machine, '$.type') AS machine_type,
	json_extract(r.machine, '$.region') AS region, json_extract(r.machine, '$.zone') AS zone,
	json_extract(r.machine, '$.lifecycle') AS lifecycle, json_extract(r.machine, '$.resource') AS resource,
	json_extract(r.machine, '$.account') AS account,
	CAST(json_extract(r.machine, '$.launched_ns') AS INTEGER) AS launched_ns,
	CAST(json_extract(r.machine, '$.interrupted_ns') AS INTEGER) AS interrupted_ns,
	json_extract(r.machine, '$.source') AS machine_source
FROM run r LEFT JOIN host h ON h.id = r.host;

DROP VIEW IF EXISTS v_process;
CREATE VIEW v_process AS SELECT
	p.id, r.id AS run_id, r.uid AS run, p.parent, p.task AS task_id, t.name AS task,
	p.tool AS tool_id, o.name AS tool, p.pid, p.ppid, p.uid, p.gid,
	p.comm, e.exe, e.cwd, p.container, p.scope AS scope_id,
	p.start_ns, p.end_ns, p.end_ns - p.start_ns AS wall_ns, p.exit_code, p.signal,
	iif(r.features & 8, p.flags & 1, NULL) AS oom_killed,
	(p.flags >> 1) & 1 AS core_dumped, 1 - ((p.flags >> 2) & 1) AS complete,
	(p.flags >> 3) & 1 AS joined_late, (p.flags >> 4) & 1 AS kernel_thread,
	(p.flags >> 5) & 1 AS thread_exec,
	p.execs, p.threads_peak, p.threads_total, p.peak_rss_bytes, p.program_peak_rss_bytes,
	p.cgroup_id, p.killer_pid,
	iif(r.features & 2, p.lib_opens, NULL) AS lib_opens,
	iif(r.features & 2, p.file_events_dropped, NULL) AS file_events_dropped,
@include ledger_view.sql p
FROM run r JOIN process p ON p.id >= r.id << 32 AND p.id < (r.id + 1) << 32
LEFT JOIN exec e ON e.process = p.id
	AND e.n = (SELECT max(n) FROM exec WHERE process = p.id)
LEFT JOIN task t ON t.id = p.task LEFT JOIN tool o ON o.id = p.tool;

DROP VIEW IF EXISTS v_exec;
CREATE VIEW v_exec AS SELECT
	e.process AS process, e.n, r.id AS run_id, r.uid AS run, p.pid,
	p.task AS task_id, t.name AS task, e.tool AS tool_id, o.name AS tool,
	e.time_ns AS start_ns,
	coalesce((SELECT x.time_ns FROM exec x WHERE x.process = e.process AND x.n = e.n + 1),
		p.end_ns) AS end_ns,
	max(coalesce((SELECT x.before_cpu_ns FROM exec x WHERE x.process = e.process
		AND x.n = e.n + 1), p.cpu_ns) - e.before_cpu_ns, 0) AS cpu_ns,
	e.comm, e.file, e.exe, e.cwd, e.cwd_host,
@include argv_json.sql e
	e.argv_len AS argv_bytes, e.flags & 1 AS argv_truncated, (e.flags >> 1) & 1 AS redacted,
	e.cgroup_id, e.pid_namespace, e.mnt_namespace, e.user_namespace, e.uts_namespace,
	e.nspid, e.nodename
FROM run r JOIN exec e ON e.process >= r.id << 32 AND e.process < (r.id + 1) << 32
LEFT JOIN process p ON p.id = e.process
LEFT JOIN task t ON t.id = p.task LEFT JOIN tool o ON o.id = e.tool;

DROP VIEW IF EXISTS v_task;
CREATE VIEW v_task AS SELECT
	t.id, r.id AS run_id, r.uid AS run, t.parent, t.name, t.key, t.sample, t.attempt,
	CASE t.status WHEN 0 THEN 'running' WHEN 1 THEN 'succeeded' WHEN 2 THEN 'failed'
		WHEN 3 THEN 'cancelled' WHEN 4 THEN 'oom' WHEN 5 THEN 'unknown' END AS status,
	t.exit_code, t.signal, t.start_ns, t.end_ns, t.end_ns - t.start_ns AS wall_ns, t.busy_ns,
	t.requested_cpus, t.requested_memory_bytes, t.root_process, t.processes, t.peak_rss_bytes,
	t.rule, t.evidence, t.confidence,
	CASE t.kind WHEN 1 THEN 'allocation' ELSE 'task' END AS kind,
	t.scope AS scope_id, t.of_run AS run_scope_id, t.cpus_source, t.memory_source,
@include ledger_view.sql t
FROM run r JOIN task t ON t.run = r.id;

DROP VIEW IF EXISTS v_scope;
CREATE VIEW v_scope AS SELECT
	s.id, r.id AS run_id, r.uid AS run, s.parent, s.task AS task_id, t.name AS task,
	CASE s.kind WHEN 0 THEN 'run' WHEN 1 THEN 'allocation' WHEN 2 THEN 'container'
		WHEN 3 THEN 'session' WHEN 4 THEN 'task' WHEN 5 THEN 'mark' END AS kind,
	s.key, iif(s.kind = 4, t.name, s.name) AS name, s.engine, s.pipeline, s.rule,
	iif(s.kind = 4, t.evidence, s.evidence) AS evidence, s.confidence,
	CASE iif(s.kind = 4, t.status, s.status) WHEN 0 THEN 'running' WHEN 1 THEN 'succeeded' WHEN 2 THEN 'failed'
		WHEN 3 THEN 'cancelled' WHEN 4 THEN 'oom' WHEN 5 THEN 'unknown' END AS status,
	iif(s.kind = 4, t.exit_code, s.exit_code) AS exit_code,
	iif(s.kind = 4, t.signal, s.signal) AS signal, s.start_ns,
	iif(s.kind = 4, t.end_ns, s.end_ns) AS end_ns, s.root_process, s.fields
FROM run r JOIN scope s ON s.run = r.id LEFT JOIN task t ON t.id = s.task;

DROP VIEW IF EXISTS v_tool;
CREATE VIEW v_tool AS SELECT
	o.id, r.id AS run_id, r.uid AS run, o.task AS task_id, t.name AS task,
	o.name, o.component, o.path, o.processes, o.failed, o.start_ns, o.end_ns,
	o.end_ns - o.start_ns AS wall_ns, o.peak_rss_bytes,
@include ledger_view.sql o
FROM run r JOIN tool o ON o.run = r.id LEFT JOIN task t ON t.id = o.task;

DROP VIEW IF EXISTS v_file;
CREATE VIEW v_file AS SELECT
	f.process, r.id AS run_id, r.uid AS run, p.pid, p.comm, p.task AS task_id, t.name AS task,
	p.tool AS tool_id, o.name AS tool, f.path,
	iif(f.access & 1, 'r', '') || iif(f.access & 2, 'w', '') || iif(f.access & 4, 'c', '')
		|| iif(f.access & 8, 't', '') || iif(f.flags & 1, 'm', '')
		|| iif(f.flags & 8, 'l', '') || iif(f.flags & 2, 'd', '') AS access,
	CASE coalesce(f.kind, 0) WHEN 0 THEN 'regular' WHEN 1 THEN 'pipe' WHEN 2 THEN 'fifo'
		WHEN 3 THEN 'directory' WHEN 4 THEN 'symlink' WHEN 5 THEN 'fold'
		WHEN 6 THEN 'ring' END AS kind,
	coalesce(f.files, 1) AS files, (f.flags >> 4) & 1 AS files_at_least, f.source,
	(f.flags >> 2) & 1 AS inherited, f.descriptors, f.read_to_bytes, f.written_to_bytes,
	f.opens, f.failed, f.error, f.first_ns, f.last_ns, f.size_bytes, f.inode,
	f.dev >> 20 AS dev_major, f.dev & 1048575 AS dev_minor
FROM run r JOIN file f ON f.process >= r.id << 32 AND f.process < (r.id + 1) << 32
LEFT JOIN process p ON p.id = f.process
LEFT JOIN task t ON t.id = p.task LEFT JOIN tool o ON o.id = p.tool;
