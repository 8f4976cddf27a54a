# SPDX-License-Identifier: Apache-2.0
"""Engines with daemons, engines of Kubernetes, sessions and runtimes: tests/launchers really
execute what these do, and say what that was. Every task must be there with all that is
known of it, every process in the tree, and nothing that nobody did."""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys

import harness
from harness import Skip, case, equal, num, require, wait_for

LAUNCHERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "launchers")
sys.path.insert(0, os.path.join(LAUNCHERS, "lib"))
from launcher import Launcher  # noqa: E402  pylint: disable=wrong-import-position

SCENARIOS = {
    "airflow": {
        "airflow2-local": 0,
        "airflow2-celery": 0,
        "airflow3-local": 0,
        "airflow3-edge": 0,
        "airflow-kubernetes": 0,
        "airflow-leak": 0,
    },
    "services": {"prefect": 0, "prefect-execute": 0, "dagster": 0, "dagster-pods": 0},
    "cluster": {"flyte": 0, "argo": 0, "kfp": 0, "kfp-many": 0},
    "local": {
        "metaflow": 0,
        "cylc": 0,
        "pegasus": 0,
        "luigi": 0,
        "parsl": 0,
        "ray": 0,
        "dask": 0,
        "spark": 0,
        "galaxy": 0,
        "martian": 1,
    },
    "places": {
        "login": 0,
        "adhoc": 0,
        "cron": 0,
        "github": 0,
        "gitlab": 0,
        "jenkins": 0,
        "jupyter": 0,
        "papermill": 2,
        "nbconvert": 0,
        "ides": 0,
        "units": 0,
        "kubernetes": 0,
        "ecs": 0,
        "apptainer": 0,
        "charliecloud": 0,
    },
}
OF_TASK = ("name", "key", "attempt", "sample", "status", "exit_code", "parent", "rule")
OF_RUN = ("name", "key", "engine", "pipeline", "status", "exit_code")


def prepare(world, program, scenario):
    env = dict(
        os.environ,
        LAUNCHER_DIR=f"{world.dir}/play",
        TRUTH=world.truth_path,
        LAUNCHER_AS=os.path.join(world.build, "tests", "launchers", "as"),
    )
    done = subprocess.run(
        [os.path.join(LAUNCHERS, program), scenario, "--prepare"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    if b"no cgroup hierarchy" in done.stderr:
        raise Skip(done.stderr.decode().splitlines()[-1])
    equal(done.returncode, 0, f"{program} {scenario} --prepare: {done.stderr.decode()[-2000:]}")
    return json.loads(done.stdout)


def environment(world, made):
    return dict(made["env"], XDG_DATA_HOME=world.dir, TRUTH=world.truth_path)


def observe(world, made, rc):
    argv = world.run_argv([made["exe"], *made["argv"][1:]], ("--quiet", "--strict"))
    try:
        done = subprocess.run(
            argv,
            env=environment(world, made),
            cwd=made["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            timeout=harness.TIMEOUT_S,
        )
    finally:
        Launcher.cleanup(made["cgroups"])
    equal(done.returncode, rc, f"exit code: {done.stderr.decode()[-2000:]}")
    return world.rows()


def agrees(got, wanted, names):
    return all(got[n] == wanted[n] for n in names if n in wanted)


def described(items, names):
    return "\n    ".join(str({n: i.get(n) for n in names}) for i in items)


def query(db, text):
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(text)]
    finally:
        connection.close()


class Shown:
    """What the views of the database say of its last run, to be compared with the truth."""

    def __init__(self, db):
        of_run = "WHERE run_id = (SELECT max(id) FROM run)"
        scopes = query(db, f"SELECT * FROM v_scope {of_run}")
        for scope in scopes:
            scope["fields"] = json.loads(scope["fields"] or "{}")
        self.scopes = {s["id"]: s for s in scopes}
        self.runs = [s for s in scopes if s["kind"] == "run"]
        tasks = query(db, f"SELECT * FROM v_task {of_run}")
        keys = {t["id"]: t["key"] for t in tasks}
        self.tasks = [{**t, "parent": keys.get(t["parent"])} for t in tasks if t["kind"] == "task"]
        self.rows = query(db, f"SELECT * FROM v_process {of_run}")

    def run_of(self, task):
        return self.scopes[task["run_scope_id"]] if task["run_scope_id"] else None

    def check_run(self, truth):
        require(
            any(agrees(r, truth, OF_RUN) for r in self.runs),
            f"no run like {truth} among\n    {described(self.runs, OF_RUN)}",
        )

    def task_fits(self, task, truth):
        run = self.run_of(task)
        if "run" in truth and (run["name"] if run else None) != truth["run"]:
            return False
        if "cpus" in truth and task["requested_cpus"] != truth["cpus"]:
            return False
        if "pipeline" in truth and (run["pipeline"] if run else None) != truth["pipeline"]:
            return False
        return agrees(task, truth, OF_TASK)

    def check_tasks(self, truths):
        left = list(self.tasks)
        for truth in truths:
            found = next((t for t in left if self.task_fits(t, truth)), None)
            require(
                found,
                f"no task like {truth} among those left:\n    "
                + described(
                    [{**t, "run": (self.run_of(t) or {}).get("name")} for t in left],
                    (*OF_TASK, "run"),
                ),
            )
            left.remove(found)
        require(not left, f"tasks that nobody did:\n    {described(left, OF_TASK)}")

    def check_tool(self, truth):
        here = [r for r in self.rows if r["tool"] == truth["tool"] and r["task"] == truth["task"]]
        equal(
            len(here),
            truth["count"],
            f"processes of {truth} among "
            f"{sorted({(str(r['task']), str(r['tool'])) for r in self.rows})}",
        )

    def like(self, wanted):
        own = ("kind", "key", "name", "status")
        return [
            s
            for s in self.scopes.values()
            if agrees(s, wanted, own)
            and all(s["fields"].get(n) == v for n, v in wanted.items() if n not in own)
        ]

    def inside(self, row, kind):
        scope = self.scopes.get(row["scope_id"])
        while scope:
            if scope["kind"] == kind:
                return True
            scope = self.scopes.get(scope["parent"])
        return False


def compare(shown, truths):
    of = {}
    for truth in truths:
        of.setdefault(truth["kind"], []).append(truth)
    for truth in of.get("run", []):
        shown.check_run(truth)
    shown.check_tasks(of.get("task", []))
    for truth in of.get("tool", []):
        shown.check_tool(truth)
    for truth in of.get("scope", []):
        require(
            shown.like(truth["scope"]),
            f"no scope like {truth['scope']} among\n    "
            + described(shown.scopes.values(), ("kind", "key", "name", "rule", "fields")),
        )
    for truth in of.get("no-scope", []):
        equal(shown.like(truth["scope"]), [], f"scopes like {truth['scope']}")
    for truth in of.get("no-run", []):
        equal([r for r in shown.runs if agrees(r, truth["run"], OF_RUN)], [], f"runs: {truth}")
    for truth in of.get("inside", []):
        here = [
            r
            for r in shown.rows
            if r["comm"] == truth["comm"] and shown.inside(r, truth["scope_kind"])
        ]
        equal(len(here), truth["count"], f"processes of {truth}")
    for truth in of.get("process", []):
        equal(len([r for r in shown.rows if r["pid"] == truth["pid"]]), 1, f"rows of {truth}")


def no_secret(world):
    """Nothing of a variable or an argument that no rule may ask for is in the database."""
    with open(world.db, "rb") as f:
        data = f.read()
    if os.path.exists(world.db + "-wal"):
        with open(world.db + "-wal", "rb") as f:
            data += f.read()
    for text in (b"s3cr3t-7f", b"pnu_s3cr3t", b"ann@example.org"):
        at = data.find(text)
        require(at < 0, f"{text} is in the database: {data[max(at - 300, 0):at + 40]}")


def run_launcher(world, program, scenario, rc):
    rows = observe(world, prepare(world, program, scenario), rc)
    world.nothing_lost()
    compare(Shown(world.db), world.truth())
    equal(
        sum(num(r["cpu_ns"] or 0) for r in rows),
        num(world.show()["cpu_ns"]),
        "CPU of the processes",
    )
    no_secret(world)


def register(program, scenario, rc):
    @case(f"launcher: {scenario}")
    def launcher(world):
        run_launcher(world, program, scenario, rc)


for _program, _scenarios in SCENARIOS.items():
    for _scenario, _rc in _scenarios.items():
        register(_program, _scenario, _rc)


def record_host(world, made, paused):
    """Starts the play, then the recording of the whole host; lets the play go on."""
    play = world.start(
        [made["exe"], *made["argv"][1:]], env=environment(world, made), cwd=made["cwd"]
    )
    for name in paused:
        wait_for(lambda n=name: os.path.exists(f"{made['dir']}/{n}"), f"the play at {name}")
    log = f"{world.dir}/host.tlog"
    tracer = world.start([world.tracer, "record", "--all", "-o", log])
    line = tracer.stderr.readline()
    while line and not line.startswith(b"tracer: ready"):
        line = tracer.stderr.readline()
    require(line, "no `tracer: ready`")
    with open(f"{made['dir']}/go", "w", encoding="ascii"):
        pass
    play.communicate(timeout=60)
    equal(play.returncode, 0, "exit code of the play")
    tracer.send_signal(2)
    tracer.communicate(timeout=60)
    replay = world.exec([world.tracer, "replay", "--quiet", "--db", world.db, log])
    equal(replay.rc, 0, repr(replay))


@case("launchers: tasks under way when recording begins are found, and joined late")
def joined(world):
    made = prepare(world, "airflow", "airflow2-paused")
    try:
        record_host(world, made, ("paused0", "paused1", "paused2"))
    finally:
        Launcher.cleanup(made["cgroups"])
    shown = Shown(world.db)
    ours = [t for t in shown.tasks if (t["key"] or "").startswith("airflow:")]
    shown.tasks = ours  # other tests may run on this host
    compare(shown, world.truth())
    roots = {t["root_process"] for t in ours}
    late = {r["id"] for r in shown.rows if r["joined_late"]}
    require(roots <= late, f"roots that are not joined late: {roots - late}")
    require(num(world.show()["completeness"]["joined_late"]) >= 4, "joined late")


@case("launchers: a run under way is named by its environment, and no more of it is kept")
def joined_environment(world):
    made = prepare(world, "services", "prefect-paused")
    record_host(world, made, ("paused0",))
    shown = Shown(world.db)
    shown.tasks = []
    compare(shown, world.truth())
    no_secret(world)
    with open(f"{world.dir}/host.tlog", "rb") as f:
        data = f.read()
    require(b"s3cr3t-7f" not in data and b"PREFECT_API_KEY" not in data, "a secret in the log")


@case("launchers: all of them have a case", needs=())
def all_registered(world):
    for program, scenarios in SCENARIOS.items():
        done = subprocess.run(
            [os.path.join(LAUNCHERS, program)], stderr=subprocess.PIPE, check=False, timeout=60
        )
        words = re.search(rb" ([a-z0-9|-]+) \[--prepare\]", done.stderr)
        require(words, f"{program}: {done.stderr!r}")
        equal(
            sorted(set(words[1].decode().split("|")) - {"airflow2-paused", "prefect-paused"}),
            sorted(scenarios),
            f"cases of {program}",
        )


# ---- no engine, or one that is there: real programs ----


def have(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")


MAKEFILE = """\
SHELL = /bin/bash
.SHELLFLAGS = -eu -o pipefail -c
all: sorted sub bad
sorted: ; @sort Makefile | gzip -c > $@
sub: ; @$(MAKE) --no-print-directory -f Makefile inner
inner: ; @sha256sum Makefile > $@
bad: ; @gzip -d nothing.gz
.PHONY: all sub bad
"""


@case("make: shell flags, a make in a make, a recipe that fails")
def make_flags(world):
    have("make", "gzip")
    with open(f"{world.dir}/Makefile", "w", encoding="ascii") as f:
        f.write(MAKEFILE)
    world.observe("make", "-k", cwd=world.dir, rc=2)
    shown = Shown(world.db)
    shown.check_run({"engine": "make", "status": "failed", "exit_code": 2})
    equal(len(shown.runs), 1, "runs")
    tasks = {(t["name"], t["status"], t["exit_code"]) for t in shown.tasks}
    for wanted in (("sha256sum", "succeeded", 0), ("gzip", "failed", 1)):
        require(wanted in tasks, f"{wanted} is not among {tasks}")
    # of the two ends of a pipe the one that is executed first gives the name
    require(tasks & {("sort", "succeeded", 0), ("gzip", "succeeded", 0)}, f"no sort in {tasks}")
    world.observe("make", "--version")
    equal(Shown(world.db).runs, [], "runs of --version")


FAKE_SSH = """\
#!/bin/bash
# ssh HOST -- COMMAND, to this host and without our environment
shift; [ "$1" = -- ] && shift
env -i PATH="$PATH" HOME="$HOME" SHELL=/bin/bash /bin/bash -c "$*"
"""


@case("GNU parallel: jobs of another host, one of which fails")
def parallel_ssh(world):
    have("parallel", "sha256sum")
    with open(f"{world.dir}/ssh", "w", encoding="ascii") as f:
        f.write(FAKE_SSH)
    os.chmod(f"{world.dir}/ssh", 0o755)
    world.observe(
        "parallel",
        "--will-cite",
        "--sshlogin",
        "1/there",
        "sha256sum /etc/passwd; exit {}",
        ":::",
        "0",
        "3",
        "0",
        env={"PARALLEL_SSH": f"{world.dir}/ssh"},
        rc=1,
    )
    shown = Shown(world.db)
    equal(
        sorted((t["key"].rsplit(":", 1)[1], t["exit_code"], t["status"]) for t in shown.tasks),
        [("1", 0, "succeeded"), ("2", 3, "failed"), ("3", 0, "succeeded")],
        "jobs",
    )
    inside = {t["id"] for t in shown.tasks}
    hashes = [r for r in shown.rows if r["comm"] == "sha256sum"]
    equal(len(hashes), 3, "sha256sum")
    require(all(r["task_id"] in inside for r in hashes), "sha256sum outside of its job")


@case("xargs: a task a child, with its code")
def xargs(world):
    have("xargs")
    world.observe("xargs", "-P2", "-n1", "sh", "-c", 'exit "$0"', stdin=b"0\n7\n0\n", rc=123)
    shown = Shown(world.db)
    shown.check_run({"engine": "xargs", "exit_code": 123, "status": "failed"})
    equal(sorted(t["exit_code"] for t in shown.tasks), [0, 0, 7], "exit codes of the tasks")


@case("tmux: what its panes run is below one session, though it is a daemon's")
def tmux(world):
    have("tmux")
    socket = f"{world.dir}/socket"
    world.observe(
        "sh",
        "-c",
        f"tmux -S {socket} -f /dev/null new-session -d "
        f"'sha256sum /etc/passwd; touch {world.dir}/done; sleep 0.3' && "
        f"while ! [ -e {world.dir}/done ]; do sleep 0.05; done; sleep 0.6",
    )
    shown = Shown(world.db)
    require(shown.like({"kind": "session", "name": "tmux"}), "no session")
    here = [r for r in shown.rows if r["comm"] == "sha256sum"]
    equal(len(here), 1, "sha256sum")
    require(shown.inside(here[0], "session"), "sha256sum is outside of the session")


@case("titles: the whole of it, and nothing of what lies behind")
def long_title(world):
    made = prepare(world, "airflow", "airflow2-local")
    observe(world, made, 0)
    titles = query(
        world.db,
        "SELECT detail FROM incident WHERE kind = 'title' OR detail LIKE "
        "'%airflow task runner%'",
    )
    texts = [json.loads(t["detail"])["title"] for t in titles]
    require(any(t.endswith("00:00:00+00:00 11") for t in texts), f"titles: {texts}")
    require(not any("PATH=" in t or "LC_ALL" in t for t in texts), f"titles: {texts}")
