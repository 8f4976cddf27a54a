-- SPDX-License-Identifier: Apache-2.0
-- The tree that leads from a run to its processes. Derived, like task and tool, but
-- for exec.cwd_host, which is a fact.
CREATE TABLE scope(
	id INTEGER PRIMARY KEY,
	run INTEGER NOT NULL, parent INTEGER, task INTEGER, kind INTEGER,
	key TEXT, name TEXT, engine TEXT, pipeline TEXT, rule TEXT, evidence TEXT,
	confidence INTEGER, status INTEGER, exit_code INTEGER, signal INTEGER,
	start_ns INTEGER, end_ns INTEGER, root_process INTEGER, fields TEXT
) STRICT;
CREATE INDEX scope_by_run ON scope(run);
ALTER TABLE process ADD COLUMN scope INTEGER;
ALTER TABLE exec ADD COLUMN cwd_host TEXT;
ALTER TABLE task ADD COLUMN kind INTEGER;
ALTER TABLE task ADD COLUMN scope INTEGER;
ALTER TABLE task ADD COLUMN of_run INTEGER;
ALTER TABLE task ADD COLUMN cpus_source TEXT;
ALTER TABLE task ADD COLUMN memory_source TEXT;
ALTER TABLE cgroup ADD COLUMN memory_limit_bytes INTEGER;
ALTER TABLE cgroup ADD COLUMN cpu_limit_milli INTEGER;
