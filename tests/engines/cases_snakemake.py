# SPDX-License-Identifier: Apache-2.0
"""Snakemake 7, here and through a real Slurm, against its metadata and its log."""
import base64
import collections
import glob
import json
import re

from harness import case, equal, require
from truth import Seen, need, prepare, read, script, task_is

WANTED = {"make_input": 2, "upper": 2, "count": 2, "table": 1, "flaky": 1}
ARGS = ("--scheduler", "greedy", "--latency-wait", "20")


def metadata(place):
    """.snakemake/metadata: output path -> rule, as Snakemake wrote it after success."""
    found = {}
    for path in glob.glob(f"{place}/.snakemake/metadata/*"):
        output = base64.urlsafe_b64decode(path.rsplit("/", 1)[1]).decode()
        found[output] = json.loads(read(path))["rule"]
    return found


def log_of(place):
    paths = glob.glob(f"{place}/.snakemake/log/*.snakemake.log")
    equal(len(paths), 1, "logs of Snakemake")
    return read(paths[0])


def jobs_of(log):
    """What its log says of jobs: (rule, sample, job id), once an attempt."""
    found = []
    for block in re.findall(r"(?m)^(?:rule|localrule) (\S+):\n((?:    .*\n)+)", log):
        fields = dict(re.findall(r"(?m)^    (\w+): (.*)$", block[1]))
        sample = re.sub(r"^s=", "", fields["wildcards"]) if "wildcards" in fields else None
        found.append((block[0], sample, fields["jobid"]))
    return found


def head(seen):
    heads = [s for s in seen.runs("snakemake") if s["rule"] == "snakemake.head"]
    equal(len(heads), 1, "runs of Snakemake")
    task_is(heads[0], status="succeeded", exit_code=0, pipeline="w")
    return heads[0]


@case("Snakemake: shell, script and run jobs, retries, wildcards")
def snakemake(world):
    need("snakemake")
    place = prepare(world, "snakemake")
    world.observe("/usr/bin/snakemake", "--cores", "2", *ARGS, cwd=place)
    seen = Seen(world)
    told = [j for j in jobs_of(log_of(place)) if j[0] != "all"]
    tasks = [(t["name"], t["sample"]) for t in seen.tasks]
    equal(collections.Counter(tasks), collections.Counter(j[:2] for j in told),
          "rules and samples, an attempt each")
    equal(collections.Counter(metadata(place).values()), collections.Counter(WANTED),
          "rules that Snakemake has finished")
    flaky = sorted((t["attempt"], t["status"], t["exit_code"])
                   for t in seen.tasks if t["name"] == "flaky")
    equal(flaky, [(1, "failed", 7), (2, "succeeded", 0)], "attempts of flaky")
    for task in seen.tasks:
        if task["name"] != "flaky":
            task_is(task, status="succeeded", exit_code=0, attempt=1)
        if task["name"] == "upper":
            equal(task["requested"]["cpus"], 2, "threads of upper")
    equal({t["run_scope"] for t in seen.tasks}, {head(seen)["id"]}, "run of the tasks")
    seen.outside_only("snakemake", "sh", "python3")


@case("Snakemake on Slurm: each job's task is in its job, and of the head's run")
def snakemake_slurm(world):
    need("snakemake", "slurmctld", "slurmd", "slurm-client", "munge")
    place = prepare(world, "snakemake")
    submit = "sbatch --parsable -J {rule} -c {threads} --mem 200 -o slog.%j"
    world.observe(script("slurm"), "with", world.dir, "cgroup", "/usr/bin/snakemake", "-j", "4",
                  *ARGS, "--max-status-checks-per-second", "5", "--cluster", submit, cwd=place,
                  env={"CI": "true"})  # else Snakemake sleeps 10 s between two looks
    seen = Seen(world)
    run = head(seen)
    tasks = seen.of_engine("snakemake")
    equal(collections.Counter(t["name"] for t in tasks), collections.Counter(WANTED), "rules")
    equal({t["run_scope"] for t in tasks}, {run["id"]}, "run of the tasks")
    told = {(rule, sample) for rule, sample, _ in jobs_of(log_of(place)) if rule != "all"}
    equal({(t["name"], t["sample"]) for t in tasks}, told, "rules and samples")
    jobs = seen.by_key("allocation")
    comp = dict(re.findall(r"(?m)^JobId=(\d+) .* Name=(\S+) JobState=COMPLETED",
                           read(f"{world.dir}/jobcomp.txt")))
    equal({k: t["name"] for k, t in jobs.items()},
          {f"slurm:tracertest:{job}": name for job, name in comp.items()}, "jobs of Slurm")
    for task in tasks:
        task_is(task, status="succeeded", exit_code=0)
        require(task["parent_task"] in jobs, f"{task['name']} is in no job")
        job = jobs[task["parent_task"]]
        equal((job["name"], job["requested"]["memory_bytes"]), (task["name"], 200 << 20), "its job")
        equal(task["requested"]["memory_bytes"],
              100_000_000 if task["name"] == "upper" else 1_000_000_000, "mem_mb of the rule")
    equal(len({t["parent_task"] for t in tasks}), 8, "a job each")
