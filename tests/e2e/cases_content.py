# SPDX-License-Identifier: Apache-2.0
"""Tasks that are named only in their engine's log: the same live, replayed and rebuilt,
and nothing of that log is kept but what names them."""
import os
import shutil
import sqlite3

from harness import case, equal, require
from cases_pipelines import have

WORKFLOW = """
rule all:
    input: "out/all.txt"
rule upper:
    output: "out/{sample}.txt"
    threads: 2
    resources: mem_mb=100
    shell: "echo {wildcards.sample} | tr a-z A-Z > {output}; : not-to-be-kept"
rule index:
    input: "out/{sample}.txt"
    output: "out/{sample}.txt.idx"
    shell: "for f in {input}; do wc -c $f > $f.idx; done"
rule join:
    input: expand("out/{sample}.txt{end}", sample=["a", "b"], end=["", ".idx"])
    output: "out/all.txt"
    shell: "cat {input} > {output}; sleep 1.2"
rule retried:
    output: "out/retried.txt"
    retries: 1
    resources: mem_mb=lambda wildcards, attempt: 100 * attempt
    shell: "test -e again || {{ touch again; exit 1; }}; touch {output}"
"""
SNAKEMAKE = ["/usr/bin/snakemake", "--cores", "2", "--scheduler", "greedy", "-p"]
NAMES = [("index", "a"), ("index", "b"), ("join", None), ("retried", None), ("retried", None),
         ("upper", "a"), ("upper", "b")]


def prepare(world):
    work = f"{world.dir}/joining"
    shutil.rmtree(work, ignore_errors=True)
    os.mkdir(work)
    with open(f"{work}/Snakefile", "w", encoding="ascii") as f:
        f.write(WORKFLOW)
    return work


def tasks(world, db):
    return world.json("tasks", db=db)


def check_names(found):
    equal(sorted(((t["name"], t["sample"]) for t in found), key=str), sorted(NAMES, key=str),
          "tasks and their samples")
    for task in found:
        if task["name"] == "upper":
            equal(int(task["requested"]["memory_bytes"]), 100_000_000, "memory of upper")
    equal([int(t["requested"]["memory_bytes"]) for t in found if t["name"] == "retried"],
          [100_000_000, 200_000_000], "memory of the two attempts")


def replay(world, log, name):
    db = f"{world.dir}/{name}.db"
    result = world.exec([world.tracer, "replay", "--quiet", "--db", db, log])
    equal(result.rc, 0, repr(result))
    return db


@case("content: names of jobs are the same live, replayed and rebuilt without the files")
def same_names(world):
    have("/usr/bin/snakemake")
    work, log = prepare(world), f"{world.dir}/run.tlog"
    world.observe(*SNAKEMAKE, "all", "out/retried.txt", cwd=work, options=("--record", log))
    live = tasks(world, world.db)
    check_names(live)
    equal(world.show()["pipeline"], "joining", "pipeline")
    shutil.rmtree(work)
    equal(tasks(world, replay(world, log, "replayed")), live, "tasks after replay")
    result = world.exec([world.tracer, "rebuild", "--db", world.db])
    equal(result.rc, 0, repr(result))
    require(b": 7 tasks," in result.out, repr(result))
    equal(tasks(world, world.db), live, "tasks after rebuild")


@case("content: a log alone (record -o) is enough, and holds nothing else of the file")
def log_only(world):
    have("/usr/bin/snakemake")
    work, log = prepare(world), f"{world.dir}/run.tlog"
    result = world.exec([world.tracer, "record", "-o", log, "--", *SNAKEMAKE, "all",
                         "out/retried.txt"], cwd=work)
    equal(result.rc, 0, repr(result))
    shutil.rmtree(work)
    db = replay(world, log, "only")
    check_names(tasks(world, db))
    with sqlite3.connect(db) as store:
        kept = b"".join(row[0] for row in store.execute("SELECT data FROM text")).decode()
    require("rule join:\n    output: out/all.txt\n" in kept, kept)
    words = {line.split(":")[0].split(" ")[-1] for line in kept.splitlines()
             if line.startswith(" ")}
    equal(words, {"output", "jobid", "wildcards", "threads", "resources"}, "kinds of lines")
    for secret in ("not-to-be-kept", "reason", "Finished", "echo"):
        require(secret not in kept, f"{secret!r} was kept:\n{kept}")


@case("content: --no-engine-files reads nothing, tasks have the names of their tools")
def none_read(world):
    have("/usr/bin/snakemake")
    work = prepare(world)
    world.observe(*SNAKEMAKE, cwd=work, options=("--no-engine-files",))
    names = {t["name"] for t in tasks(world, world.db)}
    require(not names & {"upper", "index", "join"}, f"names: {names}")
    with sqlite3.connect(world.db) as store:
        equal(store.execute("SELECT count(*) FROM text").fetchone(), (0,), "rows of text")
