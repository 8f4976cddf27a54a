# SPDX-License-Identifier: Apache-2.0
"""Files: every way to use one is seen as it was; many of one directory are counted."""
import json
import os

from harness import case, equal, num, require


def listed(world, *options):
    result = world.reader("files", *options, "--all", "--format", "jsonl", "--columns", "all")
    equal(result.rc, 0, f"tracer files {options}: {result!r}")
    return [json.loads(line) for line in result.out.decode().splitlines()]


def directory(world, name="work"):
    path = os.path.join(os.path.realpath(world.dir), name)
    os.mkdir(path)
    return path


def check_use(rows, truth):
    """A row against what the program did; "null" is a truth like any other."""
    what = f"{truth['path']} of pid {truth['pid']}"
    found = [r for r in rows if r["pid"] == truth["pid"] and r["path"] == truth["path"]]
    equal(len(found), 1, f"rows of {what}")
    row = found[0]
    require(set(truth["access"]) <= set(row["access"]), f"access of {what}: {row['access']}")
    equal(row["kind"], truth.get("file_kind", "regular"), f"kind of {what}")
    for name in ("opens", "failed", "size_bytes", "read_to_bytes", "written_to_bytes", "source",
                 "inherited", "descriptors"):
        if name not in truth:
            continue
        got = row[name] if row[name] is None or isinstance(truth[name], (str, bool)) \
            else num(row[name])
        equal(got, truth[name], f"{name} of {what}")
    return row


def check_uses(rows, truths):
    """Of several truths of one file the last one says all that happened."""
    last = {}
    require(len(truths) > 25, f"only {len(truths)} truths")
    for truth in truths:
        last[truth["pid"], truth["path"]] = truth
    for truth in last.values():
        row = check_use(rows, truth)
        if "same_inode" in truth:
            other = [r for r in rows if r["pid"] == truth["pid"] and
                     r["path"] == truth["same_inode"]][0]
            equal((row["inode"], row["dev"]), (other["inode"], other["dev"]), "inode of a link")
        if not truth["access"]:
            equal(row["access"], "", f"access of {truth['path']}, which was not used")


@case("files: every way to open, write, name, hand over and pipe")
def every_way(world):
    world.observe(world.workload("files"), directory(world))
    rows = listed(world, "--by", "process")
    check_uses(rows, world.truth("use"))
    names = {r["path"] for r in rows if r["kind"] == "regular"}
    leaves = {os.path.basename(p) for p in names if p.startswith(os.path.realpath(world.dir))}
    require(not {"made", "kept", "soft"} & leaves, f"a directory or link is a file: {leaves}")
    world.nothing_lost()


@case("files: what a pipe's ends are, by task and hidden by default")
def pipes_hidden(world):
    world.observe("bash", "-c", "seq 1000 | sort -n | tail -1 > last; wc -l <(seq 5) > lines",
                  cwd=directory(world))
    rows = listed(world, "--by", "process")
    pipes = {}
    for row in rows:
        if row["kind"] == "pipe":
            pipes.setdefault(row["path"], set()).add((row["tool"], row["access"]))
    require({("seq", "w"), ("sort", "r")} in pipes.values(), f"pipes: {pipes}")
    require({("sort", "w"), ("tail", "r")} in pipes.values(), f"pipes: {pipes}")
    require({("seq", "w"), ("wc", "r")} in pipes.values(), f"pipes: {pipes}")
    result = world.reader("files", "--format", "jsonl")
    require(b"pipe:" not in result.out, "pipes are listed without --all")
    totals = world.json("files", "--by", "task")
    run = [t for t in totals if t["task"] == "(run)"][0]
    require(num(run["files_created"]) >= 1 and num(run["files_written_bytes"]) >= 5, f"{run}")


@case("files: 2,000 files of one directory are one row and a count")
def many_files(world):
    world.observe(world.workload("manyfiles"), directory(world), "2000", "1")
    truth = world.truth("manyfiles")[0]
    rows = [r for r in listed(world, "--by", "process") if "/work/" in r["path"]]
    folds = [r for r in rows if r["kind"] == "fold"]
    equal(len(folds), 1, "rows of the kind fold")
    equal(len(rows), 1001, "rows of that directory")
    fold, named = folds[0], [r for r in rows if r["kind"] != "fold"]
    require(fold["path"].endswith("/work/*"), fold["path"])
    equal(fold["files_at_least"], False, "files_at_least")
    equal(num(fold["files"]) + len(named), truth["files"], "files")
    equal(sum(num(r["opens"]) for r in rows), truth["opens"], "opens")
    equal(sum(num(r["size_bytes"]) for r in rows), truth["bytes"], "bytes")
    equal(set(fold["access"]), set("rwcd"), "access")
    equal(num(world.show()["completeness"]["files_folded"]), 0, "files_folded")
