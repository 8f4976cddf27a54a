# SPDX-License-Identifier: Apache-2.0
"""What cases compare: what tracer recorded of an engine, against the engine's own books."""
import json
import os
import shutil
import subprocess

from harness import Skip, equal, num, require

HERE = os.path.dirname(os.path.abspath(__file__))


def need(*packages):
    """Skips if a Debian package is missing; if it is there, nothing else may be."""
    for package in packages:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        if done.stdout != b"installed":
            raise Skip(f"{package} is not installed (tools/install-deps engines)")


def script(name):
    return os.path.join(HERE, name)


class Seen:
    """One observed run: its processes, tasks and scopes."""

    def __init__(self, world, run="latest", db=None):
        self.rows = world.rows(run, db=db)
        self.show = world.show(run, db=db)
        self.tasks = self.show["tasks"]
        self.scopes = {s["id"]: s for s in self.show["scopes"]}
        for name in ("events_lost", "processes_lost"):
            equal(int(self.show["completeness"][name]), 0, f"completeness.{name}")
        self.check_sums()

    def check_sums(self):
        """Every process is in exactly one task or outside of all; nothing twice."""
        inside = sum(t["processes"] for t in self.tasks)
        outside = sum(1 for r in self.rows if not r["task"])
        equal(inside + outside, len(self.rows), "processes in tasks and outside of them")
        equal(num(self.show["cpu_ns"]), sum(num(r["cpu_ns"]) for r in self.rows), "CPU of the run")

    def by_key(self, kind=None):
        found = {}
        for task in self.tasks:
            if kind in (None, task["kind"]):
                require(task["key"] not in found, f"key {task['key']!r} twice")
                found[task["key"]] = task
        return found

    def of_engine(self, engine):
        """The tasks whose run scope is of that engine."""
        ids = {i for i, s in self.scopes.items() if s["kind"] == "run" and s["engine"] == engine}
        return [t for t in self.tasks if t["run_scope"] in ids and t["kind"] == "task"]

    def runs(self, engine):
        return [s for s in self.scopes.values() if s["kind"] == "run" and s["engine"] == engine]

    def containers(self):
        return [s for s in self.scopes.values() if s["kind"] == "container"]

    def scopes_of(self, row):
        """From the innermost outwards."""
        scope, found = row["scope"], []
        while scope is not None:
            found.append(self.scopes[scope])
            scope = self.scopes[scope]["parent"]
        return found

    def row(self, pid):
        found = [r for r in self.rows if r["pid"] == pid]
        equal(len(found), 1, f"rows of pid {pid}")
        return found[0]

    def outside_only(self, *comms):
        """Rows without a task are those of heads, daemons and launchers, by name."""
        strange = sorted({r["comm"] for r in self.rows if not r["task"]} - set(comms))
        require(not strange, f"outside of every task: {strange}")


def task_is(task, **wanted):
    for name, value in wanted.items():
        equal(task[name], value, f"{name} of task {task['key']!r}")


def temporary(world):
    """Environment in which what a command leaves behind goes with the case's directory."""
    os.makedirs(f"{world.dir}/tmp", exist_ok=True)
    return {"TMPDIR": f"{world.dir}/tmp"}


def prepare(world, *names):
    """A directory of the case with copies of work/NAME in it."""
    place = os.path.join(world.dir, "w")
    os.makedirs(place, exist_ok=True)
    for name in names:
        source = script(os.path.join("work", name))
        if os.path.isdir(source):
            shutil.copytree(source, place, dirs_exist_ok=True)
        else:
            shutil.copy(source, place)
    return place


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def read_json(path):
    return json.loads(read(path))


def record_host(world, command, env=None, timeout=120):
    """Observes the whole host while a command runs; the recording, replayed."""
    log, db = f"{world.dir}/host.tlog", f"{world.dir}/host.db"
    child = world.start([world.tracer, "record", "--all", "-o", log])
    line = child.stderr.readline()
    while line and not line.startswith(b"tracer: ready"):
        line = child.stderr.readline()
    require(line, "no `tracer: ready`")
    result = world.exec(command, env=env, timeout=timeout)
    child.send_signal(2)
    child.communicate(timeout=60)
    equal(result.rc, 0, f"{command}: {result!r}")
    replayed = world.exec([world.tracer, "replay", log, "--db", db, "--quiet"])
    equal(replayed.rc, 0, repr(replayed))
    return db
