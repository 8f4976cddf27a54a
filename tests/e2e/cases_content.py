# SPDX-License-Identifier: Apache-2.0
"""Tasks that are named only in their engine's log: the same live, replayed and rebuilt,
and nothing of that log is kept but what names them."""
import contextlib
import ctypes
import os
import shutil
import sqlite3
import struct
import threading
import time

from harness import Skip, case, equal, require
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


@contextlib.contextmanager
def hung_mount(world):
    """A FUSE file system whose server takes every request and answers none but the first:
    who asks it for a name cannot even be killed. Yields its directory and what was asked."""
    directory, asked = f"{world.dir}/hung", []
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        raise Skip(f"/dev/fuse: {error.strerror}") from error
    os.mkdir(directory)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    if libc.mount(b"hung", directory.encode(), b"fuse", 0, options.encode()):
        os.close(device)
        raise Skip(f"mount fuse: {os.strerror(ctypes.get_errno())}")

    def serve():
        with contextlib.suppress(OSError):  # ENODEV: unmounted
            while True:
                request = os.read(device, 1 << 17)
                _, opcode, unique = struct.unpack_from("=IIQ", request)
                asked.append(opcode)
                if opcode == 26:  # FUSE_INIT: version 7.31, at most 64 KiB a write
                    answer = struct.pack("=IIIIHHI40x", 7, 31, 0, 0, 0, 0, 65536)
                    os.write(device, struct.pack("=IiQ", 16 + len(answer), 0, unique) + answer)

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield directory, asked
    finally:
        libc.umount2(directory.encode(), 1)  # MNT_FORCE: what waits gets an error
        libc.umount2(directory.encode(), 2)  # MNT_DETACH, had the first found it busy
        server.join(10)
        os.close(device)


@case("content: a hung file system under an engine's file holds up nothing but its reader")
def hung_files(world):
    with hung_mount(world) as (directory, asked):
        task = f"{directory}/ab/0123456789abcdef0123456789abcd"
        script = f"bash -ue {task}/.command.run >/dev/null 2>&1 & sleep 1; kill -9 $!; exit 4"
        log, started = f"{world.dir}/run.tlog", time.monotonic()
        result = world.run("sh", "-c", script, options=("--record", log), timeout=60)
        took = time.monotonic() - started
        require(1 in asked, f"no name was looked up: {asked}")  # FUSE_LOOKUP
        equal(result.rc, 4, repr(result))
        # stdout and stderr were pipes read to their end: nobody stuck had them open
        require(took < 6, f"a command of 1 s took {took:.1f} s: {result!r}")
        said = f"no answer within 1 s (hung file system?): {task}/.command.run"
        require(said.encode() in result.err, repr(result))
        for db in (world.db, replay(world, log, "replayed")):
            notes = world.show(db=db)["completeness"]["notes"]
            equal(sum(said in note for note in notes), 1, f"notes {notes}")
