# SPDX-License-Identifier: Apache-2.0
"""Sizes that `tracer tune` learns from real runs: against the truth of the workload, and
given back to the engine that asked for too much."""
import json
import os
import re
import subprocess

from harness import case, equal, num, require

MIB = 1 << 20
PATIENCE_S = 400  # it takes 10 s where nothing else runs
SNAKEFILE = """
rule all:
    input: expand("fill.{{i}}", i=range(12)), expand("spin.{{i}}", i=range(6))
rule fill:
    output: "fill.{{i}}"
    resources: mem_mb=4000
    shell: "echo {{resources.mem_mb}} {{threads}} >> asked; "
           "{memory} $((100 + 4 * {{wildcards.i}})); touch {{output}}"
rule spin:
    output: "spin.{{i}}"
    threads: 4
    resources: mem_mb=200
    shell: "{threads} plain 2 200 0; touch {{output}}"
"""


def sizes(world):
    said = world.json("tune", "--sizes")
    return {s["task"]: s for s in said["sizes"]}, {f["id"]: f for f in said["findings"]}


def check_sizes(world, learned):
    """Never below the truth, nor far above; the shell and the parent are in it, too."""
    peak = max(t["maxrss_bytes"] for t in world.truth("wait4"))
    require(peak >= 144 * MIB, f"the workload itself had {peak} bytes")
    got = num(learned["fill"]["memory_bytes"])
    require(peak <= got <= 1.1 * peak + 24 * MIB, f"fill: {got} bytes, the truth is {peak}")
    require(learned["fill"]["cpus"] <= 2, f"fill: {learned['fill']['cpus']} cores")
    require(2 <= learned["spin"]["cpus"] <= 3, f"spin, two threads: {learned['spin']}")
    equal((learned["fill"]["samples"], learned["spin"]["samples"]), (12, 6), "samples")


def asked(place):
    with open(f"{place}/asked", encoding="ascii") as f:
        return {tuple(map(int, line.split())) for line in f}


@case("sizes: Snakemake runs with what tune --sizes wrote, and nothing is left to say")
def snakemake_takes_sizes(world):
    place = f"{world.dir}/w"
    os.mkdir(place)
    with open(f"{place}/Snakefile", "w", encoding="ascii") as f:
        f.write(SNAKEFILE.format(memory=world.workload("memory"),
                                 threads=world.workload("threads")))
    env = {"PATH": "/usr/bin:/bin"}
    world.observe("/usr/bin/snakemake", "--cores", "4", "--scheduler", "greedy", cwd=place, env=env,
                  timeout=PATIENCE_S)
    learned, findings = sizes(world)
    check_sizes(world, learned)
    equal(asked(place), {(4000, 1)}, "what fill had first")
    equal(findings["memory-over-requested:task:fill"]["evidence"]["requested_memory_bytes"],
          4_000_000_000, "the request in the finding")
    os.remove(f"{place}/asked")
    text = world.reader("tune", "--sizes", "--for", "snakemake").out.decode().rstrip()
    world.observe("sh", "-c", f"{text} --forceall --scheduler greedy fill.[0-9]*", cwd=place,
                  env=env, timeout=PATIENCE_S)
    wanted = -(-num(learned["fill"]["memory_bytes"]) // 1_000_000)
    equal(asked(place), {(wanted, learned["fill"]["cpus"])}, "what fill has with the settings")
    _, findings = sizes(world)
    require("memory-over-requested:task:fill" not in findings, f"still told: {sorted(findings)}")
    told = [t["requested"]["memory_bytes"] for t in world.show()["tasks"] if t["name"] == "fill"]
    equal({num(b) for b in told}, {wanted * 1_000_000}, "what the second run asked for")


@case("sizes: a run without tasks, and one without requests", needs=("ebpf",))
def sizes_without(world):
    world.observe("/bin/sh", "-c", ":")
    said = world.reader("tune", "--sizes")
    equal(said.rc, 1, "exit code without tasks")
    require(re.search(rb"1 run of `\S+` has no tasks", said.err), repr(said))
    place = f"{world.dir}/w"
    os.mkdir(place)
    with open(f"{place}/Makefile", "w", encoding="ascii") as f:
        f.write(f"all: a b c d\na b c d:\n\t@{world.workload('memory')} 120\n")
    world.observe("make", "-C", place)
    size = list(sizes(world)[0].values())
    equal([(s["samples"], s["saving_gb_h_per_run"]) for s in size], [(4, None)], "sizes")
    require(num(size[0]["memory_bytes"]) >= 120 * MIB, f"memory: {size}")


@case("sizes: what the trace of a Nextflow run would have wasted", needs=())
def backtest(world):
    path = f"{world.dir}/trace.txt"
    with open(path, "w", encoding="ascii") as f:
        f.write("process\tstatus\tmemory\trealtime\tpeak_rss\n")
        for i in range(40):
            f.write(f"align\tCOMPLETED\t8 GB\t1h\t{1000 + i % 3} MB\n")
    done = subprocess.run([world.tracer, "tune", "--backtest", path, "--json"], check=True,
                          stdout=subprocess.PIPE, env=world.environment())
    ways = {w["name"]: w for w in json.loads(done.stdout)["files"][0]["ways"]}
    mib_h = sum(8192 - 1000 - i % 3 for i in range(40))
    require(abs(ways["requested"]["waste_gb_h"] - mib_h * MIB / 1e9) < 0.01, f"{ways}")
    require(ways["tracer, one size"]["waste_gb_h"] < 0.1 * ways["requested"]["waste_gb_h"],
            f"{ways}")
