# SPDX-License-Identifier: Apache-2.0
"""A pipeline that is run again and again: what changed is found, and since when."""
import os

from harness import case, equal, require

RUNS = 6

MAKEFILE = """\
all: align.out sort.out scan.out steady.out
align.out:
\t$(TOOLS)/align loop $(ALIGN) > $@
sort.out:
\t$(TOOLS)/sorter memory $(SORT) > $@
scan.out: data.bin
\t$(TOOLS)/scan read data.bin > $@
steady.out:
\t$(TOOLS)/steady loop 2400 > $@
"""

TOOL = """\
#!/usr/bin/python3
import sys
def loop(n):
    x = 0
    for i in range(n * 1000):
        x += i
what, arg = sys.argv[1:]
if what == "loop":
    loop(int(arg))
elif what == "memory":
    data = bytearray(int(arg) << 20)
    for i in range(0, len(data), 4096):
        data[i] = 1
else:
    with open(arg, "rb") as f:
        loop(len(f.read()) >> 10)
"""


def write(world, name, data):
    with open(f"{world.dir}/{name}", "wb") as f:
        f.write(data)


def install(world, tools):
    os.mkdir(f"{world.dir}/{tools}")
    for name in ("align", "sorter", "scan", "steady"):
        write(world, f"{tools}/{name}", TOOL.encode())
        os.chmod(f"{world.dir}/{tools}/{name}", 0o755)


def once(world, tools, align, sort, input_kib):
    for name in ("align", "sort", "scan", "steady"):
        if os.path.exists(f"{world.dir}/{name}.out"):
            os.unlink(f"{world.dir}/{name}.out")
    if not os.path.exists(f"{world.dir}/data.bin") or \
            os.path.getsize(f"{world.dir}/data.bin") != input_kib << 10:
        write(world, "data.bin", os.urandom(1 << 10) * input_kib)
    world.observe("make", "-s", f"TOOLS={world.dir}/{tools}",
                  f"ALIGN={align}", f"SORT={sort}", cwd=world.dir)
    return world.show()["id"]


def by_id(findings):
    return {f["id"]: f for f in findings}


@case("history: a slower tool and more memory are found since their run, more input is not",
      attempts=2)
def history(world):
    write(world, "Makefile", MAKEFILE.encode())
    install(world, "tools-1")
    install(world, "tools-2")
    old = [once(world, "tools-1", 3000, 60, 1800) for _ in range(RUNS)]
    before = world.json("tune", "--regressions")
    equal(before["runs_compared"], RUNS, "runs compared")
    equal([f["id"] for f in before["findings"] if f["verdict"] == "regression"], [],
          "regressions where nothing changed")
    new = [once(world, "tools-2", 4500, 160, 3600) for _ in range(RUNS)]
    said = world.json("tune", "--regressions")
    equal([r["id"] for r in said["runs"]], old + new, "runs by start")
    found = by_id(said["findings"])
    for name in ("regression:task:align:cpu", "regression:task:sorter:memory"):
        require(name in found, f"no {name} among {sorted(found)}: {said['tasks']}")
        evidence = found[name]["evidence"]
        equal(evidence["since_run"], new[0], f"since when {name}")
        equal(evidence["last_run_before"], old[-1], f"the run before {name}")
        equal(found[name]["check"], f"tracer diff {old[-1]} {new[-1]}", "check")
    cause = found["regression:task:align:cpu"]["cause"] or ""
    require(f"{world.dir}/tools-2/align by " in cause, cause)
    ratio = found["regression:task:align:cpu"]["evidence"]["ratio"]
    require(1.25 < ratio < 1.75, f"the loop of 1.5 times the rounds: x{ratio}")
    require(not [i for i in found if ":scan:" in i and found[i]["verdict"] == "regression"],
            f"twice the input is called a regression: {sorted(found)}")
    for metric in ("cpu", "memory"):  # wall time is the machine's as well
        require(f"regression:task:steady:{metric}" not in found, f"it did not: {sorted(found)}")
    scan = [t for t in said["tasks"] if t["task"] == "scan"][0]["metrics"]["cpu"]
    require(1.9 < scan["input_ratio"] < 2.1, f"input: {scan}")
