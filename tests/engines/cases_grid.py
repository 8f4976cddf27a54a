# SPDX-License-Identifier: Apache-2.0
"""A real Grid Engine: a job, an array, a failing job."""
from harness import case, equal
from truth import Seen, need, prepare, read, script, task_is


def accounting(path):
    """job[.index] -> name, exit status, of Grid Engine's own accounting file."""
    found = {}
    for line in read(path).splitlines():
        fields = line.split(":")
        if line.startswith("#") or len(fields) < 36:
            continue
        index = f".{fields[35]}" if fields[35] != "0" else ""
        found[fields[5] + index] = (fields[4], int(fields[12]), int(fields[11]))
    return found


@case("Grid Engine: jobs and array tasks as its accounting has them")
def grid(world):
    need("gridengine-master", "gridengine-exec", "gridengine-client")
    place = prepare(world)
    env = {"SGE_ROOT": f"{world.dir}/cell", "SGE_CELL": "default", "SGE_QMASTER_PORT": "6444",
           "SGE_EXECD_PORT": "6445"}
    world.observe("unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh",
                  script("gridengine"), "with", world.dir, script("work/gridengine-jobs"), place,
                  env=env)
    seen = Seen(world)
    told = accounting(f"{world.dir}/cell/default/common/accounting")
    equal(len(told), 5, "jobs of the accounting file")
    tasks = seen.by_key("allocation")
    equal({k.split(":", 1)[1] for k in tasks}, set(told), "jobs")
    for job, (name, code, failed) in told.items():
        task = tasks[f"sge:{job}"]
        equal(failed, 0, f"Grid Engine's own trouble with {job}")
        task_is(task, name=name, exit_code=code, attempt=1,
                status="failed" if code else "succeeded")
        equal(task["requested"]["cpus"], 1, f"slots of {job}")
    for line in read(f"{place}/truth").splitlines():
        job, index, pid = line.split()
        key = f"sge:{job}" + ("" if index == "undefined" else f".{index}")
        equal([s["key"] for s in seen.scopes_of(seen.row(int(pid))) if s["kind"] == "allocation"],
              [key], f"job of pid {pid}")
    equal(len(read(f"{place}/truth").splitlines()), 5, "jobs that said who they are")
