# SPDX-License-Identifier: Apache-2.0
"""Engines and schedulers that cannot be installed here: tests/launchers really executes what
they do, and says what that was. Every task must be there, under its run, with its name,
attempt, sample, status and requests; and nothing else."""
import json
import os
import subprocess
import sys

import harness
from harness import Skip, case, equal, num, require

LAUNCHERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "launchers")
sys.path.insert(0, os.path.join(LAUNCHERS, "lib"))
from launcher import Launcher  # noqa: E402  pylint: disable=wrong-import-position

# program -> scenarios; the programs' own lists may be longer, never shorter
SCENARIOS = {
    "nextflow": ("local", "local-trace", "nf-core", "python-task", "old-header", "scratch",
                 "retry", "failure", "resume", "ctrl-c", "not-a-run", "docker", "singularity",
                 "kubernetes", "fusion"),
    "cromwell": ("run", "server", "sub-workflow", "retry", "docker", "hpc", "cached"),
    "miniwdl": ("swarm", "swarm-retry", "podman", "check-only"),
    "batch": ("pbs", "pbs-array", "pbs-inside", "torque", "lsf", "condor", "flux", "hyperqueue",
              "aws-batch", "google-batch", "azure-batch", "slurm-v2", "slurm-v1", "slurm-sluid",
              "slurm-leak",
              "nextflow-slurm", "nextflow-pbs", "nextflow-lsf", "nextflow-array", "nextflow-aws",
              "nextflow-google"),
}
GIVEN = ("attempt", "sample", "status", "exit_code")  # of a task, as it is shown
REQUESTS = ("cpus", "memory_bytes")
OF_TRUTH = {"kind", "name", "key", "run", "task_kind", *GIVEN, *REQUESTS}


def prepare(world, program, scenario):
    env = dict(os.environ, LAUNCHER_DIR=f"{world.dir}/play", TRUTH=world.truth_path,
               LAUNCHER_AS=os.path.join(world.build, "tests", "launchers", "as"))
    done = subprocess.run([os.path.join(LAUNCHERS, program), scenario, "--prepare"], env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60)
    if b"no cgroup hierarchy" in done.stderr:
        raise Skip(done.stderr.decode().splitlines()[-1])
    equal(done.returncode, 0, f"{program} {scenario} --prepare: {done.stderr.decode()[-2000:]}")
    return json.loads(done.stdout)


def observe(world, made, rc):
    """tracer run of the play's root, in the environment that the play has."""
    env = dict(made["env"], XDG_DATA_HOME=world.dir, TRUTH=world.truth_path)
    argv = world.run_argv([made["exe"], *made["argv"][1:]], ("--quiet", "--strict"))
    try:
        done = subprocess.run(argv, env=env, cwd=made["cwd"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              timeout=harness.TIMEOUT_S)
    finally:
        Launcher.cleanup(made["cgroups"])
    equal(done.returncode, rc, f"exit code: {done.stderr.decode()[-2000:]}")
    return world.rows()


def found_run(show, truth):
    runs = [s for s in show["scopes"] if s["kind"] == "run" and s["engine"] == truth["engine"]
            and truth.get("name") in (None, s["name"])]
    equal(len(runs), 1, f"runs like {truth} in {[s for s in show['scopes'] if s['kind'] == 'run']}")
    run = runs[0]
    for name in ("pipeline", "status", "exit_code"):
        if name in truth:
            equal(run[name], truth[name], f"{name} of run {truth}")
    for name in set(truth) - {"kind", "engine", "name", "pipeline", "status", "exit_code"}:
        equal(run["fields"].get(name), truth[name], f"{name} of run {truth}")
    return run


def check_task(task, truth, runs, scopes):
    equal(task["name"], truth["name"], f"name of {truth}")
    for name in GIVEN:
        if name in truth:
            equal(task[name], truth[name], f"{name} of {truth}")
    for name in REQUESTS:
        if name in truth:
            got = task["requested"][name]
            equal(None if got is None else float(got),
                  None if truth[name] is None else float(truth[name]), f"{name} of {truth}")
    for name in set(truth) - OF_TRUTH:
        equal(scopes[task["scope"]]["fields"].get(name), truth[name], f"{name} of {truth}")
    if truth.get("run", "") is None:
        equal(task["run_scope"], None, f"run of {truth}")
    elif "run" in truth or (len(runs) == 1 and truth.get("task_kind") != "allocation"):
        name = truth.get("run") or next(iter(runs))
        equal(task["run_scope"], runs[name]["id"], f"run of {truth}")


def check_tasks(show, truths, runs):
    scopes = {s["id"]: s for s in show["scopes"]}
    for kind in ("task", "allocation"):
        wanted = [t for t in truths if t.get("task_kind", "task") == kind]
        tasks = [t for t in show["tasks"] if t["kind"] == kind]
        equal(sorted(str(t["name"]) for t in tasks), sorted(str(t["name"]) for t in wanted),
              f"names of all {kind}s")
        for truth in wanted:
            like = [t for t in tasks if truth.get("key", t["key"]) == t["key"] and
                    truth["name"] == t["name"] and
                    ("key" in truth or truth.get("attempt", t["attempt"]) == t["attempt"])]
            if not like:
                require(False, f"no task like {truth} among "
                        f"{[(t['name'], t['key'], t['attempt']) for t in tasks]}")
            if len(like) == 1:
                check_task(like[0], truth, runs, scopes)


def compare(show, rows, truths):
    """What tracer shows against what was done."""
    of = {}
    for truth in truths:
        of.setdefault(truth["kind"], []).append(truth)
    for truth in of.get("none", []):
        runs = [s for s in show["scopes"] if s["kind"] == "run" and s["engine"] == truth["engine"]]
        equal(runs, [], f"runs of {truth['engine']}")
    runs = {t.get("name"): found_run(show, t) for t in of.get("run", [])}
    check_tasks(show, of.get("task", []), runs)
    for truth in of.get("tool", []):
        here = [r for r in rows if r["tool"] == truth["tool"] and r["task"] == truth["task"]]
        equal(len(here), truth["count"], f"processes of {truth} among "
              f"{sorted({(str(r['task']), str(r['tool'])) for r in rows})}")
    for truth in of.get("process", []):
        here = [r for r in rows if r["pid"] == truth["pid"]]
        equal(len(here), 1, f"rows of {truth}")
    own = {t["pid"] for t in of.get("process", [])}
    equal(len([r for r in rows if r["parent"] is None and r["pid"] in own]), 1,
          "processes that have no parent in the tree")


def run_launcher(world, program, scenario):
    made = prepare(world, program, scenario)
    root = next((t for t in world.truth("exit")), {"code": 0})
    rows = observe(world, made, root["code"])
    world.nothing_lost()
    show = world.show()
    compare(show, rows, world.truth())
    require(sum(num(r["cpu_ns"] or 0) for r in rows) == num(world.show()["cpu_ns"]),
            "CPU of the run is not that of its processes")


def register(program, scenario):
    @case(f"engine: {program} {scenario}")
    def engine(world):
        run_launcher(world, program, scenario)


for _program, _scenarios in SCENARIOS.items():
    for _scenario in _scenarios:
        register(_program, _scenario)
