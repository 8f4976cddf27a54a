# SPDX-License-Identifier: Apache-2.0
"""Who makes no progress is told while it happens, with the root of it; who waits on purpose
is told as that; and nobody is disturbed by being looked at."""
import os
import signal
import subprocess
import time

from harness import Skip, case, equal, read_proc, require, wait_for

SOON = ("--stall-after", "1", "--no-files")
# kind, its argument, what the line must say, the wait at the end of the chain
KNOWN = (
    ("fifo", "q", ("the other end of", "/q"), "fifo-open"),
    ("grandchild", "1000", ("its child `sleeper`", "sleeps for 16m40s"), "sleep"),
    ("flock", "lock", ("the lock of", "/lock", "held by `holder`"), "sleep"),
    ("connect", "s.sock", ("connects to unix socket", "/s.sock"), "connect"),
    ("receive", "", ("data from tcp 127.0.0.1:", "`server`", "sleeps"), "sleep"),
    # the child, or its waiting parent: whichever is told first
    ("stop", "", ("`stopped`", "is stopped by a signal"), "stopped"),
    ("pipe", "", ("writes to pipe:[", "full", "`consumer`", "sleeps"), "sleep"),
    ("itself", "", ("reads from pipe:[", "only it itself holds"), "pipe-read"),
    ("deadlock", "", ("`partner`", "a deadlock"), "pipe-read"),
    ("futex", "", ("a lock or a thread of its own",), "futex"),
    ("poll", "", ("an event on pipe:[", "`silent`", "sleeps"), "sleep"),
)


class Stalled:
    """A run that is about to stall; its stderr goes to a file, as it comes."""

    def __init__(self, world, name, *command, options=SOON):
        self.world, self.db = world, os.path.join(world.dir, f"{name}.db")
        self.err_path = os.path.join(world.dir, f"{name}.err")
        argv = [world.tracer, "run", "--db", self.db, *options, "--", *command]
        with open(self.err_path, "wb") as err:
            self.child = world.start(argv, stderr=err, start_new_session=True)
        self.child.kill = self.kill  # if the case fails: the command, too

    def kill(self):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def err(self):
        with open(self.err_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def line(self, begin):
        return next((x for x in self.err().splitlines() if x.startswith(f"tracer: {begin}")), None)

    def await_line(self, begin, seconds=40):
        return wait_for(lambda: self.line(begin), f"`{begin}` in {self.err_path}", seconds)

    def end(self):
        os.killpg(self.child.pid, signal.SIGINT)  # as a terminal does
        self.child.wait(40)

    def stalls(self):
        return self.world.json("show", db=self.db)["stalls"]


@case("eleven known stalls are told while they happen, each with its root", attempts=3)
def known(world):
    for begin in range(0, len(KNOWN), 4):
        batch = []
        for kind, argument, words, wait in KNOWN[begin:begin + 4]:
            if argument and not argument.isdigit():
                argument = os.path.join(world.dir, argument)
            run = Stalled(world, kind, world.workload("stalls"), kind, argument)
            batch.append((kind, run, words, wait))
        for kind, run, words, wait in batch:
            line = run.await_line("stalled:")
            for word in words:
                require(word in line, f"{kind}: no {word!r} in {line!r}")
            live = wait_for(run.stalls, "its row, while it lasts")
            equal(live[0]["end"], None, f"{kind}: it goes on")
            run.end()
            stalls = run.stalls()
            equal(len(stalls), 1, f"{kind}: rows of {stalls}")
            equal(stalls[0]["chain"][-1]["wait"], wait, f"{kind}: {stalls[0]['words']}")
            equal(stalls[0]["end"], "exited", f"{kind}: how it ended")
            require(int(stalls[0]["end_ns"]) > int(stalls[0]["since_ns"]) + 10**9, "how long")
            require(run.line("ended:"), f"{kind}: {run.err()}")


# one thread joins, one reads what a child writes, one sleeps and then feeds that child
FED_LATER = """import subprocess, threading, time
p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def feed(): time.sleep(1000); p.stdin.close()
for f in (p.stdout.read, feed): threading.Thread(target=f).start()
"""
# the writer's end lies behind more descriptors than are looked at
FAR_END = """import os, resource, time
resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
r, w = os.pipe()
if os.fork() == 0:
    os.close(r)
    for i in range(5000): os.dup(0)
    os.dup2(w, 15000); os.close(w); time.sleep(1000)
os.close(w); os.read(r, 1)
"""


@case("stalls of which not all is seen: no deadlock beside a free thread, no end called abandoned")
def not_for_ever(world):
    for name, script in (("fed", FED_LATER), ("far", FAR_END)):
        run = Stalled(world, name, "/usr/bin/python3", "-c", script)
        line = run.await_line("stalled:")
        for word in ("deadlock", "nobody holds", "itself holds"):
            require(word not in line, f"{name}: {word!r} in {line!r}")
        require("pipe:[" in line, f"{name}: {line!r}")
        run.end()


@case("a stall that is over is told, the exit code and the output are the command's own")
def resumed(world):
    fifo = os.path.join(world.dir, "p")
    os.mkfifo(fifo)
    log = os.path.join(world.dir, "log")
    run = Stalled(world, "resumed", "sh", "-c", f"read x < {fifo}; sleep 0.3; exit 7",
                  options=(*SOON, "--record", log))
    run.await_line("stalled:")
    with open(fifo, "w", encoding="ascii") as f:
        f.write("go\n")
    equal(run.child.wait(30), 7, f"exit code: {run.err()}")
    require(run.line("goes on:") or run.line("ended:"), run.err())
    stalls = run.stalls()
    equal(len(stalls), 1, f"rows: {stalls}")
    require(stalls[0]["end"] in ("resumed", "exited"), f"{stalls}")
    again = os.path.join(world.dir, "again.db")
    result = world.exec([world.tracer, "replay", log, "--db", again])
    equal(result.rc, 0, f"replay: {result!r}")
    equal(world.json("show", db=again)["stalls"], stalls, "what a replay says")
    found = [f for f in world.json("tune", db=run.db)["findings"] if f["verdict"] == "stall"]
    equal([f["id"] for f in found][0].split(":")[0], "stall", f"finding: {found}")


@case("--quiet tells nobody, --stall-after 0 looks for none, and no wrong value is taken")
def options_of_stalls(world):
    sleep = [world.workload("stalls"), "grandchild", "4"]
    quiet = world.run(*sleep, options=(*SOON, "--quiet"))
    equal((quiet.rc, quiet.err), (0, b""), "with --quiet")
    equal(len(world.show()["stalls"]), 1, "rows with --quiet")
    off = world.run(*sleep, options=("--stall-after", "0"))
    require(b"stalled" not in off.err, f"off: {off!r}")
    equal(world.show()["stalls"], [], "rows with --stall-after 0")
    for value in ("x", "-1", "1.5", "", "86401"):
        wrong = world.run("true", options=("--stall-after", value))
        equal(wrong.rc, 125, f"--stall-after {value!r}: {wrong!r}")
        require(b"--stall-after" in wrong.err, f"message: {wrong!r}")


def fuse_server(world):
    where = os.path.join(world.dir, "mnt")
    os.mkdir(where)
    server = world.start([world.workload("stall_fs"), where, "600000"])
    if server.stdout.readline() != b"ready\n":
        raise Skip("a FUSE file system cannot be mounted here")
    return where, server


@case("a file system that does not answer: told of one process while others work, tracer lives")
def hung_file_system(world):
    where, server = fuse_server(world)
    run = Stalled(world, "fuse", world.workload("stalls"), "beside", f"{where}/data")
    try:
        line = run.await_line("stalled:")
        for word in ("`hung`", "the file system:", f"{where}/data", "fuse.stall"):
            require(word in line, f"no {word!r} in {line!r}")
        stall = wait_for(run.stalls, "its row")[0]
        equal((stall["unit"], stall["chain"][-1]["wait"]), ("process", "file"), f"{stall}")
    finally:
        server.kill()
        server.wait()
        subprocess.run(["umount", "-l", where], check=False)
        run.end()


def looker_of(child):
    line = read_proc(child.pid, "cmdline")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if read_proc(pid, "comm").strip() == "tracer-stalls" and \
           read_proc(pid, "cmdline") == line:
            return int(pid)
    return None


@case("who looks at stalled processes hangs or dies: the stall is told without its reason")
def looker_fails(world):
    for blow in (signal.SIGSTOP, signal.SIGKILL):
        run = Stalled(world, f"blow{int(blow)}", world.workload("stalls"), "grandchild", "1000",
                      options=("--stall-after", "2", "--no-files"))
        looker = wait_for(lambda: looker_of(run.child), "the helper")
        held = [x.split()[1] for x in read_proc(looker, "status").splitlines()
                if x.startswith("CapEff")]
        equal(held, [f"{1 << 19:016x}"], "its capabilities: CAP_SYS_PTRACE alone")
        os.kill(looker, blow)
        line = run.await_line("stalled:")
        require("cannot be seen" in line, line)
        run.end()
        equal([s["words"] for s in run.stalls()], [None], "what the row says")
        if blow == signal.SIGSTOP:  # it ends by itself once it may: the recorder has gone
            os.kill(looker, signal.SIGCONT)
        wait_for(lambda: read_proc(looker, "comm").strip() != "tracer-stalls", "its end")


@case("who waits for a user's input at a terminal is not complained about")
def terminal(world):
    db = os.path.join(world.dir, "tty.db")
    command = f"{world.tracer} run --db {db} --stall-after 1 --no-files -- cat"
    err_path = os.path.join(world.dir, "tty.out")
    master, slave = os.openpty()
    with open(err_path, "wb") as err:
        child = world.start(["setsid", "-c", "sh", "-c", f"exec {command} < /dev/tty"],
                            stderr=err, pass_fds=(slave,),
                            preexec_fn=lambda: os.dup2(slave, 0))
    os.close(slave)
    stall = wait_for(lambda: os.path.exists(db) and world.exec(
        [world.tracer, "show", "--json", "--db", db]).rc == 0 and
        world.json("show", db=db)["stalls"], "its row")[0]
    equal(stall["chain"][-1]["wait"], "terminal", f"{stall}")
    os.write(master, b"\x04")
    equal(child.wait(30), 0, "exit code")
    os.close(master)
    with open(err_path, "rb") as f:
        require(b"stalled" not in f.read(), "it was complained about")


@case("tasks of an engine: the stalled one is named, the run that goes on is not")
def stalled_task(world):
    fifo = os.path.join(world.dir, "p")
    os.mkfifo(fifo)
    with open(os.path.join(world.dir, "Makefile"), "w", encoding="ascii") as f:
        f.write(f"all: hang work\nhang:\n\tcat {fifo} > /dev/null\n"
                "work:\n\ti=0; while [ $$i -lt 900000000 ]; do i=$$((i+1)); done\n")
    run = Stalled(world, "make", "make", "-s", "-j2", "-C", world.dir, "-f", "Makefile")
    line = run.await_line("stalled:")
    require("stalled: task " in line and "`cat`" in line and fifo in line, line)
    wait_for(run.stalls, "its row")
    live = world.exec([world.tracer, "tune", "--db", run.db])
    require(b"makes no progress" in live.out, f"tune of a live run: {live!r}")
    listed = world.exec([world.tracer, "runs", "--db", run.db])
    require(b" is stalled: task " in listed.out, f"runs: {listed!r}")
    name = next(f["subject"]["name"] for f in world.json("tune", db=run.db)["findings"]
                if f["verdict"] == "stall")
    why = world.exec([world.tracer, "why", name, "--db", run.db])
    require(b"no progress" in why.out, f"why: {why!r}")
    run.end()
    equal([s["unit"] for s in run.stalls()], ["task"], "units")


@case("the whole host: idle daemons are no stalls, what hangs in a file system is")
def whole_host(world):
    where, server = fuse_server(world)
    db = os.path.join(world.dir, "all.db")
    child = world.start([world.tracer, "record", "--all", "--db", db, "--stall-after", "2",
                         "--quiet"])
    require(b"ready" in child.stderr.readline(), "the recording has begun")
    time.sleep(0.5)
    idle = world.start(["sleep", "1000"])
    hung = world.start([world.workload("stalls"), "read", f"{where}/data"])
    try:
        found = wait_for(lambda: [s for s in world.json("show", db=db)["stalls"]
                                  if s["pid"] == hung.pid] if os.path.exists(db) else None,
                         "its row", 40)
        require(f"{where}/data" in found[0]["words"], f"{found}")
        pids = [s["pid"] for s in world.json("show", db=db)["stalls"]]
        require(idle.pid not in pids and os.getpid() not in pids, f"idle ones: {pids}")
    finally:
        server.kill()
        server.wait()
        subprocess.run(["umount", "-l", where], check=False)
        child.send_signal(signal.SIGINT)
        child.wait(60)
