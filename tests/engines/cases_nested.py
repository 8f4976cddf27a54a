# SPDX-License-Identifier: Apache-2.0
"""Scopes within scopes: Snakemake in a container in a Slurm job."""
import collections

from cases_snakemake import WANTED, metadata
from harness import case, equal
from truth import Seen, need, prepare, read, read_json, script, task_is


@case("Snakemake in podman in a Slurm job: job > container > run > task")
def nested(world):
    need("snakemake", "podman", "runc", "slurmctld", "slurmd", "slurm-client", "munge")
    place = prepare(world, "snakemake")
    world.observe(script("slurm"), "with", world.dir, "cgroup", script("work/nested-job"), place)
    seen = Seen(world)
    equal(collections.Counter(metadata(place).values()), collections.Counter(WANTED),
          f"rules that Snakemake has finished: {read(f'{place}/nested.out')[-800:]}")
    told = read_json(f"{place}/inspect.json")[0]
    job = seen.by_key("allocation")[f"slurm:tracertest:{read(f'{place}/id').strip()}"]
    task_is(job, name="nested", status="succeeded", exit_code=0)
    wanted = ["task", "run", "container", "allocation"]
    keys = {"container": f"podman:{told['Id']}", "allocation": job["key"]}
    tasks = seen.by_key("task")
    equal(collections.Counter(t["name"] for t in tasks.values()),
          collections.Counter({**WANTED, "flaky": 2}), "tasks, an attempt each")
    for task in tasks.values():
        chain = chain_of(seen, task["scope"])
        equal([s["kind"] for s in chain], wanted, f"scopes of {task['name']}")
        for scope in chain:
            equal(scope["key"], keys.get(scope["kind"], scope["key"]), scope["kind"])
        equal(chain[1]["engine"], "snakemake", "engine of the run")
        equal(task["parent_task"], job["key"], "job of the task")
    for row in seen.rows:
        if row["comm"] == "snakemake" or row["task"] in WANTED:
            equal(row["container"], told["Id"][:12], f"container of pid {row['pid']}")


def chain_of(seen, scope):
    found = []
    while scope is not None:
        found.append(seen.scopes[scope])
        scope = seen.scopes[scope]["parent"]
    return found
