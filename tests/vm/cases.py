# SPDX-License-Identifier: Apache-2.0
"""What a guest runs, and what must be true of it. A case is a scenario (options and a
command, run under tracer in the guest) and a function that compares its rows with the
workload's own truth. Emulation is slow, so times have more slack than in tests/e2e;
counts and bytes have none.
"""
import fnmatch
import json
import os
import re
import shlex
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
# pylint: disable=wrong-import-position
from cases_files import check_uses  # noqa: E402
from harness import by_pid, check_books, check_end, equal, near, num, one, require  # noqa: E402

CASES = []
WAIT_SLACK_NS = 2_000_000  # of one wait
OOM_LIMIT = 32 << 20
WAITS = ("sleep", "sigsuspend", "poll_timer", "poll_pipe", "poll_eventfd", "epoll", "select",
         "poll_socket", "epoll_socket", "epoll_unix", "tcp_recv", "tcp_accept",
         "tcp_connect", "unix_recv", "unix_send", "pipe_read", "pipe_write", "fifo_open",
         "futex", "flock", "child", "vfork",
         "runq")


def case(name, *command, rc=0, before=(), whole_host=False):
    """before: shell lines, not observed. The judge is called with the guest's World."""
    def register(judge):
        CASES.append((name, command, rc, before, whole_host, judge))
        return judge
    return register


def chosen(patterns):
    return [c for c in CASES
            if not patterns or any(fnmatch.fnmatch(c[0], f"*{p}*") for p in patterns)]


def scenarios(patterns):
    """The guest's part of the cases, as lines of shell."""
    lines = []
    for name, command, _, before, whole_host, _ in chosen(patterns):
        verb = "observe_host" if whole_host else "observe"
        lines += [*before, f"{verb} {name} {shlex.join(command)}"]
    return "\n".join(lines) + "\n"


def lines_of(path):
    try:
        with open(path, encoding="utf-8") as f:
            return [json.loads(line) for line in f]
    except FileNotFoundError:
        return []


class World:
    """The files of one scenario of one guest."""

    def __init__(self, out, name, absent):
        self.dir, self.absent = os.path.join(out, name), absent
        self.rows = lines_of(f"{self.dir}/ps.jsonl")
        self.files = lines_of(f"{self.dir}/files.jsonl")

    def text(self, name):
        with open(f"{self.dir}/{name}", encoding="utf-8", errors="replace") as f:
            return f.read().strip()

    def truth(self, kind):
        return [t for t in lines_of(f"{self.dir}/truth.jsonl") if t["kind"] == kind]

    def incidents(self, kind):
        with sqlite3.connect(f"{self.dir}/db") as db:
            return [json.loads(d) for d, in db.execute(
                "SELECT detail FROM incident WHERE kind = ?", (kind,))]

    def check(self, rc, whole_host):
        """What holds for every run: its end, books that add up, nothing lost, and each
        thing that this kernel does not tell is named, not shown as 0."""
        equal(self.text("rc"), str(rc), f"exit code; tracer said: {self.text('err')}")
        require(self.rows, "no rows")
        for row in self.rows:
            check_books(row)
            for name in ("net_rx_bytes", "net_tx_bytes"):
                equal(row[name] is None, "sock_send_length" in self.absent,
                      f"{name} of pid {row['pid']} is unknown")
        for name in ("events_lost", "processes_lost"):
            equal(num(self.books()[name]), 0, f"completeness.{name} of {self.books()}")
        equal("not measured: network bytes" in self.books()["notes"],
              "sock_send_length" in self.absent, "network bytes are noted as not measured")
        if not whole_host:
            equal(self.books()["complete"], True, f"complete of {self.books()}")

    def books(self):
        return json.loads(self.text("show.json"))["completeness"]


def check_cpu(world):
    """All processes' CPU against what wait4 told the parent of the command, which is all of
    it if every child was waited for. wait4 does not see the last steps of a thread's end."""
    run = json.loads(world.text("show.json"))
    near(num(run["cpu_ns"]), num(run["command_cpu_ns"]), "CPU of all", ratio=0.005,
         slack=1_000_000)


def check_waits(world, pid):
    row, wanted = one(world.rows, pid), {}
    for truth in world.truth("wait"):
        wanted.setdefault(truth["state"], []).append(truth["ns"])
    wanted.pop("runq", None)  # the wait's own is a part of all
    for state, waited in wanted.items():
        near(num(row["states"][state]), sum(waited), f"state {state}", ratio=0.02,
             slack=WAIT_SLACK_NS * len(waited))
    extra = {s: v for s, v in row["states"].items()
             if s not in wanted and s not in ("cpu", "runq") and num(v) > WAIT_SLACK_NS}
    require(not extra, f"time in states that it was not in: {extra}")


@case("smoke", "sh", "-c", "ls / >/dev/null; cat /nonexistent; rm /tmp/removed; exit 3", rc=3,
      before=["touch /tmp/removed"])
def smoke(world):
    shell = one(world.rows, min(r["pid"] for r in world.rows))
    equal((shell["exe"], shell["cwd"]), ("/bin/busybox", "/tmp/results/smoke"),
          "program and directory")
    equal(shell["argv"][:2], ["sh", "-c"], "argv")
    equal([r["exit_code"] for r in world.rows if r["comm"] == "cat"], [1], "exit code of cat")
    failed = [f for f in world.files if f["path"] == "/nonexistent"]
    equal([f["error"] for f in failed], [2], "a file that is not there")
    require(any(f["path"] == "/tmp/removed" for f in world.files), f"removed file: {world.files}")


@case("files", "sh", "-c", "cat /etc/passwd >/tmp/copy; mv /tmp/copy /tmp/moved")
def files(world):
    paths = {f["path"]: f for f in world.files}
    equal(paths["/etc/passwd"]["access"], "r", "access of the file read")
    for path in ("/tmp/copy", "/tmp/moved"):
        require(path in paths, f"{path} is not among {sorted(paths)}")
    require("w" in paths["/tmp/copy"]["access"], "access of the file written")


@case("file_uses", "sh", "-c", "mkdir /tmp/uses; exec /w/files /tmp/uses")
def file_uses(world):
    check_uses(lines_of(f"{world.dir}/uses.jsonl"), world.truth("use"))


@case("forkstorm", "/w/forkstorm", "200", "2", "5000")
def fork_storm(world):
    found, truths = by_pid(world.rows), world.truth("wait4")
    equal(len(truths), 200, "processes with a truth")
    equal(len(world.rows), 201, "rows")
    for truth in truths:
        row = one(found[truth["pid"]], truth["pid"])
        check_end(row, truth)
        near(num(row["cpu_ns"]) / 1000, truth["cpu_us"], "CPU, us", ratio=0.005, slack=3)
        equal(num(row["minor_faults"]), truth["minflt"], "minor faults")
        equal(num(row["peak_rss_bytes"]), truth["maxrss_bytes"], "peak memory")


@case("execstorm", "/w/execstorm", "500")
def exec_storm(world):
    empties = [r for r in world.rows if r["comm"] == "empty"]
    equal(len(empties), 500, "processes")
    require(all(r["exit_code"] == 0 for r in empties), "an exit code is not 0")
    near(sum(num(r["cpu_ns"]) for r in empties), world.truth("storm")[0]["cpu_us"] * 1000,
         "CPU of all", ratio=0.005, slack=500 * 2000)


@case("waits", "/w/waits", *(word for kind in WAITS for word in (kind, "100")))
def waits(world):
    check_waits(world, world.truth("process")[0]["pid"])


@case("stop", "sh", "-c", "/w/waits stop 100; exit $?")
def stop(world):
    check_waits(world, world.truth("process")[0]["pid"])


@case("disk", "/w/waits", "disk", "200", before=["export WAITS_FILE=/dev/vda"])
def disk(world):
    check_waits(world, world.truth("process")[0]["pid"])


@case("threads", "/w/threads", "plain", "4", "100", "100")
def threads(world):
    truth = world.truth("threads")[0]
    row = one(world.rows, truth["pid"])
    equal(row["threads_peak"], truth["threads"], "threads at a time")
    near(num(row["states"]["sleep"]), 4 * 100_000_000, "sleep of all threads", ratio=0.02)
    check_cpu(world)


def thread_end(world, rc):
    truth = [t for t in world.truth("process") if t["exit_code"] == rc][0]
    row = one(world.rows, truth["pid"])
    equal(row["exit_code"], rc, "exit code")
    check_cpu(world)
    if "threads" in truth:
        equal(row["threads_peak"], truth["threads"], "threads")


@case("leader_exits", "/w/threads", "leader_exits", rc=3)
def leader_exits(world):
    thread_end(world, 3)


@case("thread_exec", "/w/threads", "thread_exec", rc=4)
def thread_exec(world):
    thread_end(world, 4)


@case("late", "/w/threads", "late", rc=5)
def late(world):
    thread_end(world, 5)


@case("daemon", "/w/tree", "daemon")
def daemon(world):
    truth = world.truth("daemon")[0]
    child, middle = one(world.rows, truth["pid"]), one(world.rows, truth["forked_by"])
    equal(child["parent"], middle["id"], "parent of the daemon")
    equal((middle["exit_code"], child["exit_code"]), (6, 7), "exit codes")


@case("killed", "/w/tree", "killed", "11")
def killed(world):
    truth = world.truth("wait4")[0]
    check_end(one(world.rows, truth["pid"]), truth)


@case("memory", "/w/memory", "64")
def memory(world):
    truth = world.truth("wait4")[0]
    equal(num(one(world.rows, truth["pid"])["peak_rss_bytes"]), truth["maxrss_bytes"], "peak")


def bytes_case(name, *command):
    @case(name, "/w/transfer", name, *command)
    def transfer(world):
        for truth in world.truth(name):
            row = one(world.rows, truth["pid"])
            for column, key in (("net_rx_bytes", "in_bytes"), ("net_tx_bytes", "out_bytes")):
                if row[column] is not None:  # World.check says when it must not be
                    equal(num(row[column]), truth[key], column)


for each in ("tcp", "udp", "unix"):
    bytes_case(each, "1000000")


@case("direct", "/w/transfer", "direct", "/dev/vda", "8")
def direct(world):
    truth = world.truth("direct")[0]
    row = one(world.rows, truth["pid"])
    equal(num(row["read_bytes"]), truth["in_bytes"], "bytes read from storage")
    equal(num(row["write_bytes"]), truth["out_bytes"], "bytes written to storage")
    require(num(row["rchar_bytes"]) >= truth["in_bytes"], "bytes read")


@case("oom", "sh", "-c", "echo $$ >/sys/fs/cgroup/job/cgroup.procs; /w/memory hog 200; exit $?",
      rc=137, before=["mkdir /sys/fs/cgroup/job",
                      f"echo {OOM_LIMIT} >/sys/fs/cgroup/job/memory.max"])
def oom(world):
    victim = one(world.rows, world.truth("hog")[0]["pid"])
    equal((victim["signal"], victim["oom_killed"]), (9, True), "how it ended")
    incident = world.incidents("oom")[0]
    equal(incident["limit_bytes"], OOM_LIMIT, "limit that was hit")
    equal(incident["cgroup"], "/job", "whose limit it is")


@case("whole_host", "/w/forkstorm", "20", "2", "20000", whole_host=True,
      before=["sleep 1000 &", "/w/waits sleep 60000 &"])
def whole_host(world):
    found, books = by_pid(world.rows), world.books()
    truths = world.truth("wait4")
    equal(len(truths), 20, "processes with a truth")
    for truth in truths:
        row = one(found[truth["pid"]], truth["pid"])
        check_end(row, truth)
        near(num(row["cpu_ns"]) / 1000, truth["cpu_us"], "CPU, us", ratio=0.005, slack=3)
    joined = [r for r in world.rows if r["joined_late"]]
    require(num(books["joined_late"]) > 0, "joined late")
    require({"init", "sleep", "waits"} <= {r["comm"] for r in joined}, "what was there before")
    rest = [re.search(r"not attributed .*\(([-\d.]+) %\)", n) for n in books["notes"]]
    rest = [float(m[1]) for m in rest if m]
    require(len(rest) == 1 and abs(rest[0]) < 2, f"the host's CPU time in its books: {books}")
