# SPDX-License-Identifier: Apache-2.0
"""tracer tune --what-if against real runs whose tasks only sleep, so that nobody's load counts."""
import os
import sys

from harness import case, equal, num, require

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import lab  # noqa: E402  pylint: disable=wrong-import-position

# a and b, then c of both; d and e beside them: 0.6 s of sleep each, 3 s one by one.
# Each reads and writes files, so that what depends on what is seen.
DIAMOND = """
all: out.c out.d out.e
out.a: in.txt
	cat in.txt >$@; sleep 0.6
out.b: in.txt
	cat in.txt >$@; sleep 0.6
out.c: out.a out.b
	cat out.a out.b >$@; sleep 0.6
out.d: in.txt
	cat in.txt >$@; sleep 0.6
out.e: in.txt
	cat in.txt >$@; sleep 0.6
"""


def prepare(world):
    for name in os.listdir(world.dir):
        if name.startswith("out."):
            os.unlink(f"{world.dir}/{name}")
    with open(f"{world.dir}/in.txt", "w", encoding="ascii") as f:
        f.write("1\n")
    with open(f"{world.dir}/Makefile", "w", encoding="ascii") as f:
        f.write(DIAMOND)


def make(world, jobs, *options):
    prepare(world)
    world.observe("make", "-s", "-C", world.dir, f"-j{jobs}", options=options)
    return world.json("runs")[0]


def wall(run):
    return num(run["end_ns"]) - num(run["start_ns"])


def predict(world, change, run):
    return world.json("tune", "--what-if", change, run["id"])


def close(said, run, what):
    require(said["known"], f"{what}: {said['doubt']}")
    ratio = num(said["predicted_ns"]) / wall(run)
    require(abs(ratio - 1) < 0.2, f"{what}: predicted {ratio:.2f} times what it took: {said}")


@case("what-if: more and fewer tasks at a time, as make then does it", attempts=3)
def more_tasks(world):
    shielded = lab.shield()
    try:
        one, two, three = (make(world, jobs) for jobs in (1, 2, 3))
    finally:
        lab.unshield(shielded)
    said = predict(world, "tasks=2", one)
    equal(said["graph"], True, "the dataflow was used")
    equal(said["tasks_at_a_time_most"], 1, "tasks at a time of make -j1")
    close(said, two, "-j1 to -j2")
    close(predict(world, "tasks=3", one), three, "-j1 to -j3")
    close(predict(world, "tasks=1", three), one, "-j3 to -j1")
    close(predict(world, "tasks=2", three), two, "-j3 to -j2")
    # c needs a and b; without the graph five at a time would be one sleep long
    many = predict(world, "tasks=5", one)
    require(num(many["predicted_ns"]) > 1.1e9, f"c does not wait for a and b: {many}")
    # of three runs that did the same the error is measured
    equal((said["error_from"], said["trial_runs"]), ("trials", 3), "where the error is from")
    require(said["error_ratio"] < 0.3, f"error of sleeping tasks: {said['error_ratio']}")
    finding = said["findings"][0]
    equal(finding["id"], "what-if:run:tasks=2", "id of the finding")
    require(num(finding["saving_ns_at_most"]) > 0.3e9, f"saving: {finding}")
    equal(finding["runs"], 3, "runs of the finding")


@case("what-if: not known without the files, nor without tasks that use any")
def not_known(world):
    said = predict(world, "tasks=2", make(world, 1, "--no-files"))
    equal((said["known"], said["graph"]), (False, False), "more tasks at a time without files")
    equal(said["predicted_ns"], None, "no prediction")
    equal(said["findings"][0]["confidence"], 0, "confidence of what is not known")
    with open(f"{world.dir}/Makefile", "w", encoding="ascii") as f:
        f.write("all: a b\na:\n\tsleep 0.1\nb:\n\tsleep 0.1\n")
    world.observe("make", "-s", "-C", world.dir)
    said = predict(world, "tasks=2", world.json("runs")[0])
    equal((said["known"], said["unplaced_work_ratio"]), (False, 1.0), "tasks that use no files")


@case("what-if: xargs fans out, a script goes step by step, taskset says the CPUs")
def fan_out(world):
    world.observe("taskset", "-c", "0", "sh", "-c",
                  "exec xargs -P1 -n1 sleep", "xargs", stdin=b"0.2 0.2 0.2 0.2\n")
    said = predict(world, "tasks=4", world.json("runs")[0])
    equal(said["cores_had"], 1.0, "CPUs by taskset")
    equal((said["known"], said["samples"]), (True, 4), "jobs of xargs")
    require(num(said["predicted_ns"]) < 0.6e9, f"four sleeps at a time: {said}")
    world.observe("sh", "-c", "sleep 0.2; sleep 0.2; true")
    run = world.json("runs")[0]
    said = predict(world, "tasks=2", run)
    equal((said["known"], said["steps"]), (False, True), "two steps of a script at a time")
    said = predict(world, "faster.sleep=2", run)
    require(0.15e9 < num(said["predicted_ns"]) < 0.35e9, f"sleeps of half the time: {said}")
