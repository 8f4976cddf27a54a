# SPDX-License-Identifier: Apache-2.0
"""The same CWL by Toil: a leader, and a worker a job."""
import re

from harness import case, equal
from truth import Seen, need, prepare, task_is, temporary


@case("Toil: a task an issued job, named as the leader names it")
def toil(world):
    need("toil", "nodejs")
    place = prepare(world, "cwl")
    result = world.run("/usr/bin/toil-cwl-runner", "--no-container", "--outdir", "out",
                       "--logDebug", "--jobStore", f"{world.dir}/js", "wf.cwl", "in.yml",
                       options=("--quiet", "--strict"), cwd=place, timeout=240,
                       env=temporary(world))
    equal(result.rc, 0, repr(result))
    issued = re.findall(r"Issued job '([^']+)' \S*\s*(kind-\S+/instance-\S+) ",
                        result.err.decode())
    seen = Seen(world)
    tasks = seen.by_key("task")
    equal(set(tasks), {f"toil:{job}" for _, job in issued}, "jobs that were issued")
    for name, job in issued:
        task_is(tasks[f"toil:{job}"], name=name, status="succeeded", exit_code=0, attempt=1)
    heads = seen.runs("toil")
    equal(len(heads), 1, "runs of Toil")
    task_is(heads[0], pipeline="wf", status="succeeded", key=f"toil:file:{world.dir}/js")
    equal({t["run_scope"] for t in seen.tasks}, {heads[0]["id"]}, "run of the tasks")
    equal(sum(1 for r in seen.rows if r["tool"] == "md5sum" and r["task"] == "CWLJob"), 3,
          "md5sum in tasks")
    seen.outside_only("toil-cwl-runner", "nodejs", "node", "sh")


@case("Toil: a failing job is tried again, under the same id")
def toil_retry(world):
    need("toil", "nodejs")
    place = prepare(world, "cwl")
    result = world.run("/usr/bin/toil-cwl-runner", "--no-container", "--outdir", "out",
                       "--retryCount", "1", "--jobStore", f"{world.dir}/js", "bad.cwl", "one.yml",
                       options=("--quiet", "--strict"), cwd=place, timeout=240,
                       env=temporary(world))
    equal(result.rc != 0, True, "Toil must have failed")
    seen = Seen(world)
    jobs = [t for t in seen.tasks if t["name"] == "CWLJob"]
    equal(sorted((t["attempt"], t["status"]) for t in jobs), [(1, "failed"), (2, "failed")],
          "attempts of the job")
    equal(len({t["key"].split("#")[0] for t in jobs}), 1, "ids of the job")
    equal(sum(1 for r in seen.rows if r["exit_code"] == 6), 2, "failing commands")
