# SPDX-License-Identifier: Apache-2.0
"""CWL by cwltool, without containers."""
import re

from harness import case, equal
from truth import Seen, need, prepare, task_is, temporary


def jobs_of_cwltool(stderr):
    """`[job NAME] DIR$ COMMAND` of its messages, and how each ended."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", stderr)
    dirs = dict(re.findall(r"\[job ([^\]]+)\] (/[^$\n]+)\$", text))
    ends = dict(re.findall(r"\[job ([^\]]+)\] completed (\w+)", text))
    return {dirs[name]: ends[name] for name in dirs}


def cwltool(world, *argv, rc=0):
    need("cwltool", "nodejs")
    place = prepare(world, "cwl")
    result = world.run("/usr/bin/cwltool", "--no-container", "--parallel", "--outdir", "out",
                       *argv, options=("--quiet", "--strict"), cwd=place, timeout=200,
                       env=temporary(world))
    equal(result.rc, rc, repr(result))
    return jobs_of_cwltool(result.err.decode()), Seen(world)


def check_cwltool(told, seen):
    tasks = {k.split(":")[1]: t for k, t in seen.by_key("task").items()}
    equal(set(tasks), set(told), "directories of the jobs")
    for directory, end in told.items():
        task_is(tasks[directory], attempt=1,
                status="succeeded" if end == "success" else "failed")
    heads = seen.runs("cwltool")
    equal(len(heads), 1, "runs of cwltool")
    equal({t["run_scope"] for t in seen.tasks}, {heads[0]["id"]}, "run of the tasks")
    seen.outside_only("cwltool", "nodejs", "node")
    return tasks, heads[0]


@case("cwltool: a task a job, scattered; names by tool")
def cwltool_scatter(world):
    told, seen = cwltool(world, "wf.cwl", "in.yml")
    equal(len(told), 6, "jobs that cwltool tells of")
    tasks, head = check_cwltool(told, seen)
    equal(sorted(t["name"] for t in tasks.values()), ["md5sum"] * 3 + ["sort"] * 3, "names")
    task_is(head, pipeline="wf", status="succeeded")


@case("cwltool: a job that fails")
def cwltool_fails(world):
    told, seen = cwltool(world, "bad.cwl", "one.yml", rc=1)
    equal(list(told.values()), ["permanentFail"], "ends that cwltool tells")
    tasks, head = check_cwltool(told, seen)
    task_is(list(tasks.values())[0], exit_code=6)
    task_is(head, pipeline="bad", status="failed", exit_code=1)
