# SPDX-License-Identifier: Apache-2.0
"""Engines that start in an instant: make, GNU parallel, xargs."""
from harness import case, equal
from truth import Seen, need, prepare, read, task_is


def pairs(path):
    return [line.split() for line in read(path).splitlines()]


@case("make -j: a task a recipe line, in a make below it too; one fails")
def make(world):
    place = prepare(world, "make")
    world.observe("make", "-k", "-j2", "-C", place, f"TRUTH={world.dir}/truth", rc=2)
    seen = Seen(world)
    told = pairs(f"{world.dir}/truth")
    equal(sorted(t for t, _ in told), ["bad", "five", "four", "one", "three", "two"], "targets")
    tasks = seen.by_key("task")
    for target, pid in told:
        task_is(tasks.pop(f"make:pid:{pid}"), attempt=1,
                exit_code=3 if target == "bad" else 0,
                status="failed" if target == "bad" else "succeeded")
    equal(sorted((t["name"], t["status"]) for t in tasks.values()), [("sort", "succeeded")] * 3,
          "second recipe lines")
    equal(len(seen.runs("make")), 1, "runs of make: a make below is part of it")
    equal({t["run_scope"] for t in seen.tasks}, {seen.runs("make")[0]["id"]}, "run of the tasks")
    task_is(seen.runs("make")[0], status="failed", exit_code=2, pipeline="w")
    seen.outside_only("make")


@case("GNU parallel: its joblog and the tasks agree, attempts included")
def parallel(world):
    need("parallel")
    log, once = f"{world.dir}/joblog", f"{world.dir}/once"
    job = (f"case {{}} in 3) exit 5;; 4) kill -9 $$;;"
           f" 5) [ -e {once} ] || {{ touch {once}; exit 7; }};; esac; sort /etc/passwd | wc -l")
    world.observe("parallel", "-j2", "--will-cite", "--retries", "2", "--joblog", log, job, ":::",
                  "1", "2", "3", "4", "5", rc=2)
    seen = Seen(world)
    last = {}
    for line in read(log).splitlines()[1:]:
        fields = line.split("\t")
        last[fields[0]] = (int(fields[6]), int(fields[7]))
    equal(set(last), set("12345"), "jobs of the joblog")
    attempts = {}
    for task in seen.tasks:
        attempts.setdefault(task["key"].split("#")[0].split(":")[2], []).append(task)
    equal({k: sorted(t["attempt"] for t in v) for k, v in attempts.items()},
          {"1": [1], "2": [1], "3": [1, 2], "4": [1, 2], "5": [1, 2]}, "attempts")
    for seq, (code, signal) in last.items():
        task = max(attempts[seq], key=lambda t: t["attempt"])
        equal((task["exit_code"] or 0, task["signal"] or 0), (code, signal), f"end of job {seq}")
        equal(task["status"], "failed" if code or signal else "succeeded", f"status of {seq}")
    equal({t["run_scope"] for t in seen.tasks}, {seen.runs("parallel")[0]["id"]}, "run")
    seen.outside_only("parallel", "perl", "sh", "bash", "dash", "tput", "false", "hostname",
                      "sleep")


@case("xargs -P: a task a child")
def xargs(world):
    items, truth = f"{world.dir}/items", f"{world.dir}/truth"
    with open(items, "w", encoding="ascii") as f:
        f.write("0 0 1 0 4 0")
    world.observe("xargs", "-a", items, "-n1", "-P2", "sh", "-c",
                  f'echo "$0 $$" >>{truth}; sleep 0.02; exit $0', rc=123)
    seen = Seen(world)
    told = pairs(truth)
    equal(len(told), 6, "children")
    tasks = seen.by_key("task")
    equal(set(tasks), {f"xargs:pid:{pid}" for _, pid in told}, "tasks")
    for code, pid in told:
        task_is(tasks[f"xargs:pid:{pid}"], exit_code=int(code),
                status="failed" if code != "0" else "succeeded")
    seen.outside_only("xargs")
