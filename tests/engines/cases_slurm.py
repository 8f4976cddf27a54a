# SPDX-License-Identifier: Apache-2.0
"""A real Slurm: jobs, arrays, steps, out of memory, cancelled, with and without cgroups."""
import os
import re
import subprocess

from harness import case, equal, require
from truth import Seen, need, prepare, read, record_host, script, task_is

STATES = {"COMPLETED": "succeeded", "FAILED": "failed", "CANCELLED": "cancelled",
          "OUT_OF_MEMORY": "oom"}
DAEMONS = ("slurm", "bash", "mkdir", "chmod", "cksum", "cut", "cat", "hostname", "head", "munged",
           "slurmctld", "slurmscriptd", "slurmd", "slurmstepd", "sh", "sinfo", "sleep", "sbatch",
           "squeue", "scancel", "slurm-jobs", "find", "rmdir")


def jobs_of(place):
    """What jobcomp/filetxt says: job id -> name, state, exit code."""
    found = {}
    for line in read(f"{place}/jobcomp.txt").splitlines():
        fields = dict(re.findall(r"(\w+)=(\S*)", line))
        found[fields["JobId"]] = fields
    return found


def check_jobs(seen, place):
    jobs = jobs_of(place)
    tasks = {k: t for k, t in seen.by_key("allocation").items()
             if k.startswith("slurm:tracertest:")}
    equal({k.split(":")[2] for k in tasks}, set(jobs), "jobs")
    for job, fields in jobs.items():
        task = tasks[f"slurm:tracertest:{job}"]
        task_is(task, name=fields["Name"], status=STATES[fields["JobState"]], attempt=1)
        code, signal = map(int, fields["ExitCode"].split(":"))
        if fields["JobState"] in ("COMPLETED", "FAILED"):
            equal((task["exit_code"], task["signal"] or 0), (code, signal), f"end of {job}")
    return {fields["Name"]: tasks[f"slurm:tracertest:{job}"] for job, fields in jobs.items()}


def check_steps(seen, job):
    """srun: a task a rank, in its job, with the rank's own end."""
    steps = {k.split(":")[2].split(".", 1)[1] + ":" + k.split(":")[3]: t
             for k, t in seen.by_key("task").items() if k.startswith("slurm:tracertest:")}
    equal({k: (t["exit_code"], t["status"]) for k, t in steps.items()},
          {"0:0": (0, "succeeded"), "1:0": (0, "succeeded"), "1:1": (1, "failed"),
           "2:0": (1, "failed")}, "steps and ranks")
    equal({t["parent_task"] for t in steps.values()}, {job["key"]}, "the steps' job")
    equal((steps["0:0"]["name"], steps["2:0"]["name"]), ("sort", "false"), "names of steps")


def check_processes(seen, place):
    """Every process that the jobs themselves wrote down is in the job that it says."""
    lines = [line.split() for line in read(f"{place}/w/truth").splitlines()]
    require(len(lines) >= 12, f"the jobs wrote {len(lines)} lines")
    for job, pid in lines:
        number, _, step = job.partition(".")
        chain = seen.scopes_of(seen.row(int(pid)))
        found = [s["key"] for s in chain if s["kind"] == "allocation"]
        equal(found, [f"slurm:tracertest:{number}"], f"job of pid {pid}")
        equal([s["kind"] for s in chain].count("task"), 1 if step else 0, f"steps of pid {pid}")


def check_requests(jobs):
    asked = jobs["env"]["requested"]
    equal((asked["cpus"], asked["memory_bytes"]), (2, 120 << 20), "request of job env")
    equal(jobs["plain"]["requested"]["memory_bytes"], 60 << 20, "memory of job plain")


def check_array(seen):
    fields = [s["fields"] for s in seen.scopes.values()
              if s["name"] == "array" and s["kind"] == "allocation"]
    equal(sorted(f["array_index"] for f in fields), ["1", "2", "3"], "indices of the array")
    equal(len({f["array_job"] for f in fields}), 1, "jobs of the array")


def check(seen, place):
    jobs = check_jobs(seen, place)
    check_steps(seen, jobs["steps"])
    check_processes(seen, place)
    check_requests(jobs)
    check_array(seen)
    return jobs


def leftovers():
    return [d for d in os.listdir("/sys/fs/cgroup/memory") if d.startswith("slurm_n")]


def run_jobs(world, proctrack):
    need("slurmctld", "slurmd", "slurm-client", "munge")
    place = prepare(world)
    before = leftovers()
    world.observe(script("slurm"), "with", world.dir, proctrack, script("work/slurm-jobs"), place,
                  proctrack)
    equal(leftovers(), before, "cgroups that are left")
    seen = Seen(world)
    jobs = check(seen, world.dir)
    seen.outside_only(*DAEMONS)
    return jobs


@case("Slurm with cgroups: jobs, array, steps, out of memory, cancelled")
def slurm_cgroup(world):
    jobs = run_jobs(world, "cgroup")
    equal(jobs["oom"]["status"], "oom", "the job over its memory")
    equal(jobs["cancel"]["status"], "cancelled", "the job of scancel")


@case("Slurm without cgroups (proctrack/linuxproc): the same jobs")
def slurm_linuxproc(world):
    jobs = run_jobs(world, "linuxproc")
    require("oom" not in jobs, "nothing limits memory here")


def before(world, function):
    """Slurm is there already: its daemons are not in the observed tree."""
    need("slurmctld", "slurmd", "slurm-client", "munge")
    subprocess.run([script("slurm"), "start", world.dir, "cgroup"], check=True, timeout=60)
    try:
        return function({"SLURM_CONF": f"{world.dir}/slurm.conf"})
    finally:
        subprocess.run([script("slurm"), "stop", world.dir], check=True, timeout=60)


@case("Slurm started before: jobs that the command submits are taken into its tree")
def slurm_adopted(world):
    place = prepare(world)
    before(world, lambda env: world.observe(script("work/slurm-jobs"), place, "cgroup", env=env))
    seen = Seen(world)
    check(seen, world.dir)
    seen.outside_only(*DAEMONS)


@case("Slurm started before: jobs found in a recording of the whole host")
def slurm_outside(world):
    place = prepare(world)
    db = before(world, lambda env: record_host(world, [script("work/slurm-jobs"), place, "cgroup"],
                                               env=env))
    check(Seen(world, db=db), world.dir)


@case("tracer in a Slurm job: the job is around the run, and srun's ranks are in it")
def slurm_inside(world):
    place = prepare(world, "make")
    with open(f"{place}/job.sh", "w", encoding="ascii") as f:
        f.write(f"#!/bin/bash\n{world.tracer} run --db {world.db} --strict --quiet --"
                f" make -j2 one ranks TRUTH={world.dir}/truth\n")
    with open(f"{place}/Makefile", "a", encoding="ascii") as f:
        f.write("\nranks:\n\t@srun -n 2 sh -c 'echo $$$$ >>ranks; exit $$SLURM_PROCID' || true\n")
    done = before(world, lambda env: world.exec(
        ["sbatch", "-W", "-J", "inner", "-n", "2", "--mem", "900", "-o", "job.out", "job.sh"],
        env=env, cwd=place))
    equal(done.rc, 0, f"{done!r} {read(f'{place}/job.out')}")
    seen = Seen(world)
    jobs = seen.by_key("allocation")
    equal([(t["name"], t["requested"]["cpus"]) for t in jobs.values()], [("inner", 2)], "jobs")
    key = list(jobs)[0]
    for row in (r for r in seen.rows if r["comm"] != "slurmstepd"):
        equal([s["key"] for s in seen.scopes_of(row) if s["kind"] == "allocation"], [key],
              f"job of {row['comm']}")
    ranks = {k: t for k, t in seen.by_key("task").items() if k.startswith(key + ".")}
    equal(sorted((t["exit_code"], t["status"]) for t in ranks.values()),
          [(0, "succeeded"), (1, "failed")], "ranks of srun")
    for pid in read(f"{place}/ranks").split():
        require(seen.row(int(pid))["task"], f"rank {pid} is in no task")
