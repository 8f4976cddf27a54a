# SPDX-License-Identifier: Apache-2.0
"""A few of the labelled faults (tests/faults) in every check: what tracer tune says first."""
import os
import sys

from harness import Skip, case, equal, require

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))

# pylint: disable=wrong-import-position
import lab  # noqa: E402
for module in ("slow", "failed", "well"):
    __import__(f"scenarios_{module}")

QUICK = ("throttled: quota 0.3, one thread", "pipe: starved consumer", "sleep loop",
         "cgroup OOM of a grandchild", "disk full", "input file missing",
         "well: a pipeline that compresses", "well: questions whose answer is no")


def judged(world, scenario):
    shielded = lab.shield()
    here = lab.Lab(world.build, shielded)
    try:
        found = scenario["run"](here)["findings"]
    except lab.Skip as skip:
        raise Skip(str(skip)) from skip
    finally:
        here.close()
        lab.unshield(shielded)
    require(found[0]["verdict"] in scenario["right"],
            f"{scenario['name']}: {found[0]['verdict']}, not one of {scenario['right']}: "
            f"{[f['summary'] for f in found]}")
    if scenario["healthy"]:
        equal([f["id"] for f in found if f["severity"] != "info"], [], "findings above info")


def register(scenario):
    @case(f"tune says: {scenario['name']}", attempts=3)
    def _(world):
        judged(world, scenario)


for one in lab.SCENARIOS:
    if one["name"] in QUICK:
        register(one)


@case("tune and why: exit codes for what is not there")
def not_there(world):
    world.observe("false", rc=1)
    equal(world.reader("tune", "nosuchrun").rc, 3, "exit code for an unknown run")
    equal(world.reader("why", "nosuchtask").rc, 3, "exit code for an unknown task")
    equal(world.exec([world.tracer, "why"]).rc, 2, "why without a word")
    equal(world.reader("tune", "--pipeline", "nosuchpipeline").rc, 3, "an unknown pipeline")


@case("tune joins the runs of a pipeline, why follows a pipe")
def joins(world):
    with open(f"{world.dir}/Makefile", "w", encoding="ascii") as f:
        f.write("all:\n\tsleep 1.2; true\n")
    for _ in range(2):
        world.observe("make", "-s", "-C", world.dir)
    name = os.path.basename(world.dir)
    document = world.json("tune", "--pipeline", name)
    equal(document["runs_judged"], 2, "runs judged")
    slept = [f for f in document["findings"] if f["verdict"] == "sleep"]
    equal(len(slept), 1, "findings about sleeping, of both runs together")
    equal(slept[0]["runs"], 2, "runs of that finding")
    one = world.json("tune", "--pipeline", name, "--runs", "1")
    equal(one["runs"], 1, "runs with --runs 1")
    rows = world.observe("sh", "-c", "sleep 1 | cat")
    cat = [r["pid"] for r in rows if r["comm"] == "cat"][0]
    chain = world.json("why", str(cat))[0]["chain"]
    equal([c["name"] for c in chain], ["cat", "sleep"], "chain of why")
    equal([c["verdict"] for c in chain], ["pipe", "sleep"], "verdicts of the chain")
    run = world.json("runs")[0]["id"]
    equal(world.json("why", str(cat), "--run", run)[0]["process"], cat, "why --run")
    shown = world.reader("tune", "--all").out.decode()
    require("its producer sleep" in shown and shown.count("tool ") >= 3, f"tune --all: {shown}")
