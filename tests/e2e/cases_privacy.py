# SPDX-License-Identifier: Apache-2.0
"""Secrets never reach a disk: the raw bytes of every file that is written are searched."""
import os

from harness import case, equal, read_proc, require, wait_for

SECRET = b"HUSH"


def search(directory):
    found = []
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                data = f.read()
            for at in range(len(data)):
                at = data.find(SECRET, at)
                if at < 0:
                    break
                found.append(f"{name}: {data[max(at - 40, 0):at + 20]!r}")
                if len(found) > 20:
                    return found
    return found


@case("secrets: not in the database, not in its journal")
def database(world):
    rows = world.observe(world.workload("arguments"), "secrets")
    equal(search(world.dir), [], "secrets on disk")
    mysql = [r for r in rows if r["argv"] and r["argv"][0] == "mysql"]
    equal(len(mysql), 3, "processes with redacted arguments")
    require(all(r["argv"][1] == "noop" for r in mysql), "harmless arguments are gone")
    require(any(r["argv"][2] == "--password" for r in mysql), "names of options are gone")


@case("secrets: not in the event log")
def event_log(world):
    log = f"{world.dir}/run.tlog"
    result = world.exec([world.tracer, "record", "-o", log, "--", world.workload("arguments"),
                         "secrets"])
    equal(result.rc, 0, repr(result))
    require(os.path.getsize(log) > 1000, "the log is empty")
    equal(search(world.dir), [], "secrets on disk")


@case("secrets: a title that runs on into the environment is cut before it")
def titles(world):
    log = f"{world.dir}/run.tlog"
    world.observe(world.workload("arguments"), "titles")
    result = world.exec([world.tracer, "record", "-o", log, "--", world.workload("arguments"),
                         "titles"])
    equal(result.rc, 0, repr(result))
    equal(search(world.dir), [], "secrets on disk")
    with open(log, "rb") as f:
        data = f.read()
    argv = len("arguments title WAY behind.") - len("WAY")
    whole = b"a title as long as the arguments and more\0"
    equal(data.count(whole), 2, "titles over all of the environment")
    for way, text in (("last", b"t" * (argv + 3) + b"x"), ("part", b"t" * (argv + 4))):
        require(data.count(text) >= 2, f"{way}: the title up to the environment is gone")


@case("secrets: nor is the environment behind a title that was set before the recording")
def earlier_titles(world):
    program = world.workload("arguments")
    stayed = [world.start(["env", "-i", "FIRST_VAR=HUSH-first-variable", *more,
                           program, "title", way, "stayed"])
              for way in ("last", "part", "whole")
              for more in ((), ("LAST_VAR=HUSH-last-variable",))]
    for child in stayed:
        wait_for(lambda pid=child.pid: read_proc(pid, "comm") == "renamed\n", "the new title")
    log = f"{world.dir}/host.tlog"
    tracer = world.start([world.tracer, "record", "--all", "-o", log])
    line = tracer.stderr.readline()
    while line and not line.startswith(b"tracer: ready"):
        line = tracer.stderr.readline()
    for child in stayed:
        child.kill()
        child.communicate(timeout=60)
    tracer.send_signal(2)
    tracer.communicate(timeout=60)
    equal(search(world.dir), [], "secrets on disk")
    with open(log, "rb") as f:
        data = f.read()
    require(data.count(b"a title as long as the arguments and more\0") >= 2, "whole titles")
    require(data.count(b"ttttttttx") >= 2, "titles up to the environment")


@case("secrets: in a shell's command line too, and not in the report")
def command_line(world):
    result = world.run("sh", "-c", "true --password HUSH-shell; exit 0")
    equal(result.rc, 0, repr(result))
    require(SECRET not in result.err, f"the report: {result.err!r}")
    equal(search(world.dir), [], "secrets on disk")


@case("files are private: the database and the event log are for their owner only")
def modes(world):
    log = f"{world.dir}/run.tlog"
    world.observe("true")
    world.exec([world.tracer, "record", "-o", log, "--", "true"])
    for path in (world.db, log):
        equal(os.stat(path).st_mode & 0o077, 0, f"mode of {os.path.basename(path)}")
