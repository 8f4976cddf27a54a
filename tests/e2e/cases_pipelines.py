# SPDX-License-Identifier: Apache-2.0
"""Real pipelines: tasks, tools and files have the names that their users gave."""
import collections
import json
import os
import shutil

from harness import Skip, case, equal, near, num, require


def have(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")


def names(show):
    return collections.Counter(t["name"] for t in show["tasks"])


@case("snakemake: one task a job, tools by name, nothing lost")
def snakemake(world):
    have("/usr/bin/snakemake", "bwa", "samtools", "bcftools", "fastp")
    work = f"{world.dir}/work"
    prepared = world.exec([f"{world.source}/examples/variant-calling/run.sh", "--prepare", work])
    equal(prepared.rc, 0, repr(prepared))
    rows = world.observe("/usr/bin/snakemake", "--cores", "2", "--scheduler", "greedy",
                         "--config", "pairs=4000", "windows=2",
                         cwd=work)
    show = world.show()
    equal(dict(names(show)), {"reference": 1, "faidx": 1, "bwa_index": 1, "simulate": 4,
                              "trim": 4, "align": 4, "dedup": 4, "qc": 4, "call_window": 8,
                              "concat": 4, "merge": 1, "sample_report": 4, "report": 1},
          "tasks")
    equal(show["engine"], "snakemake", "engine")
    equal({t["status"] for t in show["tasks"]}, {"succeeded"}, "status of the tasks")
    tools = {r["tool"] for r in rows}
    for tool in ("bwa mem", "samtools sort", "bcftools mpileup", "fastp"):
        require(tool in tools, f"{tool!r} is not among {sorted(t for t in tools if t)}")
    align = [r for r in rows if r["tool"] == "bwa mem"]
    equal({r["task"] for r in align}, {"align"}, "task of bwa mem")
    equal(len(align), 4, "bwa mem")
    equal({t["sample"] for t in show["tasks"] if t["name"] == "align"},
          {"NA01", "NA02", "NA03", "NA04"}, "samples")
    total = sum(num(r["cpu_ns"]) for r in rows)
    near(num(show["cpu_ns"]), total, "CPU of the run", ratio=0, slack=0)
    world.nothing_lost()


@case("snakemake: a failing job is a failed task")
def snakemake_failure(world):
    have("/usr/bin/snakemake")
    with open(f"{world.dir}/Snakefile", "w", encoding="ascii") as f:
        f.write("rule all:\n    input: 'b'\n"
                "rule good:\n    output: 'a'\n    shell: 'echo 1 > {output}'\n"
                "rule bad:\n    input: 'a'\n    output: 'b'\n    shell: 'sleep 0.1; false'\n")
    world.observe("/usr/bin/snakemake", "--cores", "1", "--scheduler", "greedy", rc=1,
                  cwd=world.dir)
    show = world.show()
    status = {t["name"]: t["status"] for t in show["tasks"]}
    equal(status, {"good": "succeeded", "bad": "failed"}, "status of the tasks")
    equal(show["status"], "failed", "status of the run")


@case("make: one task a recipe")
def make(world):
    have("make")
    world.observe("make", "-j2", "-C", f"{world.source}/examples/make", f"OUT={world.dir}/out")
    show = world.show()
    equal(show["engine"], "make", "engine")
    require(len(show["tasks"]) >= 5, f"tasks: {names(show)}")
    require(any("Apache-2.0" in (t["name"] + (t["key"] or "")) for t in show["tasks"]) or
            len(names(show)) >= 1, "names of the tasks")


@case("GNU parallel: one task a job")
def parallel(world):
    have("parallel")
    world.observe("parallel", "-j2", "--will-cite", "echo {} | wc -c", ":::", "a", "bb", "ccc")
    show = world.show()
    equal(show["engine"], "parallel", "engine")
    equal(len(show["tasks"]), 3, f"tasks: {names(show)}")
    failed = [t["name"] for t in show["tools"] if num(t["failed"])]
    equal(failed, [], "tools that failed (what it asks the machine before are answers)")


@case("plain bash: the run is there without an engine, with its tools")
def bash(world):
    rows = world.observe(f"{world.source}/examples/bash/checksums.sh")
    tools = collections.Counter(r["tool"] for r in rows)
    count = len(os.listdir("/usr/share/common-licenses"))
    equal(tools["sha256sum"], count, "sha256sum")
    show = world.show()
    equal(show["status"], "succeeded", "status")
    equal(num(show["processes"]), len(rows), "processes of the run")


@case("files: what was read and written is listed, by process")
def files(world):
    target = f"{world.dir}/out.txt"
    world.observe("sh", "-c", f"sort /etc/passwd > {target}.tmp && mv {target}.tmp {target}")
    result = world.reader("files", "latest", "--format", "jsonl")
    equal(result.rc, 0, repr(result))
    paths = {json.loads(line)["path"] for line in result.out.splitlines()}
    for path in ("/etc/passwd", f"{target}.tmp", target):
        require(path in paths, f"{path} is not among {len(paths)} files")


@case("readers: JSON is valid, CSV and tables have a row each, unknown runs are said")
def readers(world):
    rows = world.observe("sh", "-c", "true; true")
    for command in ("runs", "show", "tasks", "tools", "ps", "files", "export"):
        result = world.reader(command, *(["--json"] if command != "export" else []))
        equal(result.rc, 0, f"{command}: {result!r}")
        json.loads(result.out.splitlines()[0] if command == "export" else result.out)
    csv = world.reader("ps", "--format", "csv")
    equal(len(csv.out.splitlines()), len(rows) + 1, "lines of CSV")
    missing = world.reader("show", "ffffffff")
    equal(missing.rc, 3, repr(missing))
    require(b"ffffffff" in missing.err, f"message: {missing!r}")


@case("doctor: says what works here, also as JSON", needs=())
def doctor(world):
    result = world.exec([world.tracer, "doctor", "--json"])
    require(result.rc in (0, 1), repr(result))
    json.loads(result.out)
    text = world.exec([world.tracer, "doctor"])
    require(b"BTF" in text.out, repr(text))


@case("whole host: processes of others are seen, joined late is counted")
def whole_host(world):
    log = f"{world.dir}/host.tlog"
    child = world.start([world.tracer, "record", "--all", "-o", log])
    line = child.stderr.readline()
    while line and not line.startswith(b"tracer: ready"):
        line = child.stderr.readline()
    require(line, "no `tracer: ready`")
    world.exec(["sh", "-c", "exit 33"])
    child.send_signal(2)
    child.communicate(timeout=60)
    replay = world.exec([world.tracer, "replay", "--db", world.db, log])
    equal(replay.rc, 0, repr(replay))
    rows = world.rows()
    equal(len([r for r in rows if r["exit_code"] == 33]), 1, "the process of another")
    require(num(world.show()["completeness"]["joined_late"]) > 0, "joined late")
