# SPDX-License-Identifier: Apache-2.0
"""What goes wrong is said, counted, and never harms the observed command."""
import glob
import os
import signal
import sqlite3
import subprocess
import time

from harness import (Cgroup, Skip, bpf_refused, case, equal, helpers_of, num, one, require,
                     wait_for)

QUIET = ("--quiet",)
MARK = "echo it ran; exit 4"


def check_message(result, *words):
    text = result.err.decode(errors="replace")
    require(text.strip(), f"no message: {result!r}")
    require("Traceback" not in text and "assert" not in text.lower(), f"message: {text}")
    for word in words:
        require(word.lower() in text.lower(), f"message without {word!r}: {text}")


def check_unharmed(result):
    equal(result.rc, 4, repr(result))
    equal(result.out, b"it ran\n", repr(result))


@case("ring full: every process is seen or counted as lost")
def ring_full(world):
    result = world.run(world.workload("execstorm"), "5000",
                       options=("--quiet", "--ring", "4"))
    equal(result.rc, 0, repr(result))
    seen = sum(r["comm"] == "empty" and r["complete"] for r in world.rows())
    books = world.show()["completeness"]
    require(seen + num(books["events_lost"]) >= 5000, f"{seen} seen, {books}")
    if seen < 5000:
        require(num(books["events_lost"]) > 0, "lost without being counted")


@case("recorder stopped for 3 s: nothing is lost")
def recorder_stopped(world):
    child = world.start(world.run_argv([world.workload("forkstorm"), "1500", "2"], QUIET))
    recorder = wait_for(lambda: helpers_of(child.pid).get("recorder"), "the recorder")
    os.kill(recorder, signal.SIGSTOP)
    time.sleep(3)
    os.kill(recorder, signal.SIGCONT)
    equal(child.wait(60), 0, "exit code")
    equal(len(world.rows()), 1501, "processes seen")
    world.nothing_lost()


@case("recorder killed: the command goes on, the run is readable up to its last batch")
def recorder_killed(world):
    child = world.start(world.run_argv(["sh", "-c", f"sleep 3; {MARK}"]))
    time.sleep(1.5)
    recorder = wait_for(lambda: helpers_of(child.pid).get("recorder"), "the recorder")
    os.kill(recorder, signal.SIGKILL)
    out, err = child.communicate(timeout=30)
    equal((child.returncode, out), (4, b"it ran\n"), f"the command: {err!r}")
    require(b"recorder" in err.lower(), f"message: {err!r}")
    shown = world.show()
    require(shown["status"] != "succeeded", f"status {shown['status']}")


@case("collector killed: the command goes on, the loss is said")
def collector_killed(world):
    child = world.start(world.run_argv(["sh", "-c", f"sleep 2; {MARK}"]))
    time.sleep(1)  # it is up then, and no longer about to detach itself
    collector = wait_for(lambda: helpers_of(child.pid).get("collector"), "the collector")
    os.kill(collector, signal.SIGKILL)
    out, err = child.communicate(timeout=30)
    equal((child.returncode, out), (4, b"it ran\n"), f"the command: {err!r}")
    require(b"collector" in err.lower(), f"message: {err!r}")
    shown = world.show()
    require(shown["status"] == "interrupted" or shown["completeness"]["notes"],
            f"the run looks complete: {shown['status']} {shown['completeness']}")


@case("store on a full disk: the command is unharmed, lost rows are said")
def full_disk(world):
    small = f"{world.dir}/small"
    os.mkdir(small)
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", small],
                           stderr=subprocess.PIPE, check=False)
    if mount.returncode != 0:
        raise Skip(f"mount tmpfs: {mount.stderr.decode().strip()}")
    try:
        world.db = f"{small}/t.db"
        result = world.run(world.workload("forkstorm"), "4000", "2", "10")
        equal(result.rc, 0, repr(result))
        check_message(result, "space")
    finally:
        subprocess.run(["umount", "-l", small], check=False)


@case("store locked by another program: the command is unharmed")
def locked(world):
    world.observe("true")
    holder = sqlite3.connect(world.db)
    holder.execute("begin exclusive")
    try:
        result = world.run("sh", "-c", MARK)
        check_unharmed(result)
        check_message(result, "lock")
    finally:
        holder.rollback()
        holder.close()


@case("store that is no database: said, the command is unharmed, the file is not touched")
def corrupt(world):
    with open(world.db, "wb") as f:
        f.write(b"this is no database, but somebody's file\n" * 300)
    before = open(world.db, "rb").read()
    result = world.run("sh", "-c", MARK)
    check_unharmed(result)
    check_message(result, "database")
    equal(open(world.db, "rb").read(), before, "the file")
    reader = world.reader("runs")
    require(reader.rc != 0, "a reader took it for a database")
    check_message(reader, "database")


@case("store of a newer version: said, not touched")
def newer(world):
    world.observe("true")
    connection = sqlite3.connect(world.db)
    version = connection.execute("pragma user_version").fetchone()[0]
    require(version > 0, "user_version is not used")
    connection.execute(f"pragma user_version = {version + 1000}")
    connection.close()
    result = world.run("sh", "-c", MARK)
    check_unharmed(result)
    check_message(result, "newer")
    check_message(world.reader("runs"), "newer")


def unprivileged(world):
    os.chmod(world.dir, 0o777)
    return ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set",
            "-all", "--inh-caps", "-all"]


@case("BPF refused: the command runs unobserved, with a message; --strict says 125",
      needs=("root",))
def refused(world):
    command = unprivileged(world)
    result = world.exec([*command, *world.run_argv(["sh", "-c", MARK])])
    check_unharmed(result)
    check_message(result, "tracer", "not observed: only the command's end")
    require(b"every process seen" not in result.err, repr(result))
    said = result.err.count(b"the kernel refuses the BPF programs")
    equal(said, 2, f"said before the command and in the report, not more: {result.err!r}")
    shown = world.show()
    equal((shown["collector"], shown["exit_code"], shown["processes"], shown["cpu_ns"]),
          ("none", 4, None, None), "an unobserved run")
    require(num(shown["command_cpu_ns"]) > 0, "wait4 told its CPU")
    books = shown["completeness"]
    require(not books["complete"] and len(books["notes"]) == 2, f"books: {books}")
    require("BPF" in books["notes"][1], f"no reason: {books}")
    strict = world.exec([*command, *world.run_argv(["sh", "-c", MARK], ("--strict",))])
    equal((strict.rc, strict.out), (125, b""), repr(strict))
    check_message(strict, "tracer")


@case("a database that the command's user cannot write: said once, before it runs",
      needs=("root",))
def foreign_database(world):
    os.makedirs(f"{world.dir}/closed", mode=0o700)
    db = f"{world.dir}/closed/t.db"
    result = world.exec([world.tracer, "run", "--user", "nobody", "--db", db, "--", "sh", "-c",
                         MARK])
    check_unharmed(result)
    equal((result.err.count(b"no permission"), result.err.count(b"as user nobody")), (1, 1),
          f"words about it: {result.err!r}")
    strict = world.exec([world.tracer, "run", "--strict", "--user", "nobody", "--db", db, "--",
                         "sh", "-c", MARK])
    equal((strict.rc, strict.out), (125, b""), repr(strict))


@case("no privileges at all: clear message, the command runs", needs=())
def not_root(world):
    if os.geteuid() == 0 or bpf_refused() is None:
        raise Skip("this machine allows BPF (the case before covers it)")
    check_unharmed(world.run("sh", "-c", MARK))


@case("fork bomb under a pids limit: refused forks harm nothing, all others are seen")
def fork_bomb(world):
    limits = {"v1": {"pids.max": "100"}, "v2": {"pids.max": "100"}}
    with Cgroup("pids", limits) as group:
        rows = world.observe(*group.enter_command(world.workload("forkbomb"), "8"))
        truth = world.truth("bomb")[0]
        require(truth["refused"] > 0, "the limit was not reached")
        equal(len(rows), truth["made"] + 1, "processes seen")
        world.nothing_lost()


@case("memory limit: the victim is named as killed for want of memory")
def out_of_memory(world):
    limits = {"v1": {"memory.limit_in_bytes": str(64 << 20)}, "v2": {"memory.max": str(64 << 20)}}
    with Cgroup("memory", limits) as group:
        command = group.enter_command("sh", "-c", '"$0" hog 200; exit $?',
                                      world.workload("memory"))
        rows = world.observe(*command, rc=137)
        row = one(rows, world.truth("hog")[0]["pid"])
        equal((row["oom_killed"], row["signal"]), (True, 9), "the victim's row")
        equal([r["pid"] for r in rows if r["oom_killed"]], [row["pid"]], "victims")


@case("interrupted tracer: a second signal does not lose the rows")
def interrupted_twice(world):
    script = "trap '' TERM; echo ready; sleep 2; exit 3"
    child = world.start(world.run_argv(["sh", "-c", script], QUIET), start_new_session=True)
    equal(child.stdout.readline(), b"ready\n", "start")
    child.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    child.send_signal(signal.SIGTERM)
    equal(child.wait(20), 3, "exit code")
    require(any(r["exit_code"] == 3 for r in world.rows()), "the command's row")


@case("clock step: durations do not move with the wall clock")
def clock_step(world):
    if os.environ.get("TRACER_E2E_STEP_CLOCK") != "1":
        raise Skip("it would set this machine's clock; TRACER_E2E_STEP_CLOCK=1 allows that")
    child = world.start(world.run_argv(["sleep", "2"], QUIET))
    time.sleep(1)
    now = time.time()
    time.clock_settime(time.CLOCK_REALTIME, now + 3600)
    try:
        equal(child.wait(30), 0, "exit code")
    finally:
        time.clock_settime(time.CLOCK_REALTIME, time.time() - 3600)
    row = world.rows()[0]
    wall = num(row["end_ns"]) - num(row["start_ns"])
    require(1.9e9 < wall < 4e9, f"wall time {wall}")
    require(num(row["thread_ns"]) < 4e9, "thread time moved with the clock")


@case("damaged event log: what came before is replayed, and it is said")
def damaged_log(world):
    log = f"{world.dir}/run.tlog"
    result = world.exec([world.tracer, "record", "-o", log, "--", world.workload("forkstorm"),
                         "50", "2"])
    equal(result.rc, 0, repr(result))
    cut = f"{world.dir}/cut.tlog"
    data = open(log, "rb").read()
    with open(cut, "wb") as f:
        f.write(data[:len(data) // 2 + 3])
    replay = world.exec([world.tracer, "replay", "--db", world.db, cut])
    check_message(replay)
    require(10 < len(world.rows()) < 51, "rows of half a log")
    with open(cut, "wb") as f:
        f.write(b"no event log\n" * 100)
    replay = world.exec([world.tracer, "replay", "--db", f"{world.dir}/x.db", cut])
    require(replay.rc not in (0, 139, 134), repr(replay))
    check_message(replay, "event log")


@case("nothing is left behind: no process, no BPF program, no file")
def nothing_left(world):
    def files():  # not those of tests that run beside this one
        return {f for f in glob.glob("/tmp/tracer*") if not f.startswith("/tmp/tracer-e2e-")}

    before = files()
    world.observe("true")
    equal(files() - before, set(), "files")
    programs = subprocess.run(["/usr/sbin/bpftool", "prog", "show"], stdout=subprocess.PIPE,
                              check=False, text=True).stdout
    require(f"pids tracer({os.getpid()})" not in programs, "BPF programs")
    me = os.getpid()
    for status in glob.glob("/proc/[0-9]*/status"):
        try:
            with open(status, encoding="utf-8", errors="replace") as f:
                text = f.read()
        except OSError:
            continue
        require(not (f"PPid:\t{me}\n" in text and text.startswith("Name:\ttracer")),
                f"a process is left: {status}")
