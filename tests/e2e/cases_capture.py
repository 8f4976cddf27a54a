# SPDX-License-Identifier: Apache-2.0
"""Every process is seen, with its end, its parent, its peak and its bytes."""
import os
import statistics
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "../../bench"))

from lib import Group  # noqa: E402
from harness import Skip, by_pid, case, check_end, equal, near, num, one, require


def wait4_rows(world, rows):
    found = by_pid(rows)
    pairs = []
    for truth in world.truth("wait4"):
        equal(len(found.get(truth["pid"], [])), 1, f"rows of pid {truth['pid']}")
        pairs.append((found[truth["pid"]][0], truth))
    return pairs


@case("fork storm: all seen, codes right, CPU as wait4 says")
def fork_storm(world):
    rows = world.observe(world.workload("forkstorm"), "1000", "2")
    pairs = wait4_rows(world, rows)
    equal(len(pairs), 1000, "processes with a truth")
    errors = []
    for row, truth in pairs:
        check_end(row, truth)
        # wait4 cuts user and system time to microseconds each: up to 2 us short
        over = num(row["cpu_ns"]) / 1000 - truth["cpu_us"]
        errors.append(max(over - 2, -over, 0) / truth["cpu_us"])
    equal(len(rows), 1001, "rows of the run")
    require(statistics.median(errors) <= 0.001, f"median CPU error {statistics.median(errors)}")
    p95 = sorted(errors)[int(len(errors) * 0.95)]
    require(p95 <= 0.005, f"95th percentile of the CPU error {p95}")
    world.nothing_lost()


@case("exec storm: 5,000 empty programs, none lost")
def exec_storm(world):
    group = Group("e2e-storm")
    try:
        rows = world.observe(*group.command([world.workload("execstorm"), "5000"]))
        whole = group.cpu_ns()
    finally:
        group.remove()
    truth = world.truth("storm")[0]
    empties = [r for r in rows if r["comm"] == "empty"]
    equal(len(empties), 5000, "processes seen")
    require(all(r["exit_code"] == 0 for r in empties), "an exit code is not 0")
    # wait4 cuts to 1 us twice, and may come before a process has left its CPU: all that it ran
    # since the last tick is missing then. The cgroup has it.
    own = sum(num(r["cpu_ns"]) for r in empties)
    require(own >= truth["cpu_us"] * 1000, f"{own} ns of CPU, wait4 saw {truth['cpu_us']} us")
    near(sum(num(r["cpu_ns"]) for r in rows), whole, "CPU of all against the cgroup",
         ratio=0.01)
    require(all(r["complete"] for r in rows), "nothing was lost, yet a process is incomplete")
    world.nothing_lost()


@case("parents: ids link the tree, a double fork is re-parented")
def parents(world):
    rows = world.observe(world.workload("tree"), "daemon")
    truth = world.truth("daemon")[0]
    daemon = one(rows, truth["pid"])
    middle = one(rows, truth["forked_by"])
    equal(daemon["parent"], middle["id"], "parent of the daemon")
    equal(daemon["ppid"], middle["pid"], "ppid: who forked it")
    equal((middle["exit_code"], daemon["exit_code"]), (6, 7), "exit codes")
    ids = {r["id"] for r in rows}
    roots = [r for r in rows if r["parent"] not in ids]
    equal(len(roots), 1, "processes whose parent is outside the run")


@case("exec chain: one process, four programs")
def exec_chain(world):
    rows = world.observe(world.workload("tree"), "chain")
    row = one(rows, world.truth("chain")[0]["pid"])
    equal(row["comm"], "true", "last program")
    equal(row["exe"].rsplit("/", 1)[-1], "true", "loaded program")
    require(row.get("execs", 4) == 4, f"programs: {row.get('execs')}")
    check_end(row, world.truth("wait4")[0])


@case("fork without exec: CPU and exit code of its own")
def fork_without_exec(world):
    rows = world.observe(world.workload("tree"), "fork_cpu", "50")
    fork, end = world.truth("no_exec")[0], world.truth("wait4")[0]
    row = one(rows, fork["pid"])
    check_end(row, end)
    near(num(row["cpu_ns"]), end["cpu_us"] * 1000, "CPU", ratio=0.001, slack=5000)
    equal(row["parent"], one(rows, fork["forked_by"])["id"], "parent")


@case("signals: killed by 9, 11 and 15")
def signals(world):
    for number in ("9", "11", "15"):
        world.observe(world.workload("tree"), "killed", number)
    runs = world.json("runs")
    runs = runs["runs"] if isinstance(runs, dict) else runs
    equal(len(runs), 3, "runs")
    rows = [row for run in runs for row in world.rows(run["id"])]
    for truth in world.truth("wait4"):
        check_end(one(rows, truth["pid"]), truth)


@case("pid reuse: 50 processes with one pid")
def pid_reuse(world):
    result = world.run(world.workload("tree"), "reuse", "50", options=("--quiet",))
    if result.rc == 77:
        raise Skip("clone3 with set_tid: " + result.err.decode().strip())
    equal(result.rc, 0, repr(result))
    truths = world.truth("wait4")
    pid = truths[0]["pid"]
    rows = [r for r in world.rows() if r["pid"] == pid]
    equal(len(rows), 50, f"rows of pid {pid}")
    equal(len({r["id"] for r in rows}), 50, "different ids")
    rows.sort(key=lambda r: num(r["start_ns"]))
    for row, truth in zip(rows, truths):
        check_end(row, truth)


@case("pid wrap: a pid namespace with pid_max 400", needs=("ebpf", "unshare"))
def pid_wrap(world):
    script = ("mount -t proc proc /proc && echo 400 > /proc/sys/kernel/pid_max || exit 78; "
              'exec "$0" 1000 2 200')
    result = world.run("unshare", "--pid", "--fork", "--mount", "sh", "-c", script,
                       world.workload("forkstorm"), options=("--quiet",))
    if result.rc == 78:
        raise Skip("kernel.pid_max is not per pid namespace here (since Linux 6.14)")
    equal(result.rc, 0, repr(result))
    truths = world.truth("wait4")
    require(len({t["pid"] for t in truths}) < 400, "pids did not wrap")
    rows = [r for r in world.rows() if r["comm"] == "forkstorm" and len(r["argv"] or []) == 4
            and r["argv"][1] == "burn"]
    equal(len(rows), 1000, "processes seen")
    codes = [sum(r["exit_code"] == c for r in rows) for c in range(7)]
    equal(codes, [sum(t["exit_code"] == c for t in truths) for c in range(7)], "exit codes")
    world.nothing_lost()


@case("threads: leader exits first, thread calls execve, threads cut by _exit")
def thread_ends(world):
    for what, rc in (("leader_exits", 3), ("thread_exec", 4), ("late", 5)):
        rows = world.observe(world.workload("threads"), what, rc=rc)
        truth = [t for t in world.truth("process") if t["exit_code"] == rc][0]
        row = one(rows, truth["pid"])
        equal(row["exit_code"], rc, f"{what}: exit code")
        if "cpu_ns" in truth:
            near(num(row["cpu_ns"]), truth["cpu_ns"], f"{what}: CPU", slack=2_000_000)
        if "threads" in truth:
            equal(row["threads_peak"], truth["threads"], f"{what}: threads")


@case("threads: 5,000 at a time in one process")
def many_threads(world):
    rows = world.observe(world.workload("threads"), "many", "5000")
    truth = world.truth("threads")[0]
    row = one(rows, truth["pid"])
    equal(row["threads_peak"], truth["threads"], "threads")
    require(num(row["cpu_ns"]) >= truth["cpu_ns"], "CPU is less than the process counted")
    world.nothing_lost()


@case("memory: peak equals wait4's high-water mark")
def memory_peak(world):
    for mib in ("10", "200"):
        rows = world.observe(world.workload("memory"), mib)
        truth = world.truth("wait4")[-1]
        equal(num(one(rows, truth["pid"])["peak_rss_bytes"]), truth["maxrss_bytes"],
              f"peak of {mib} MiB")


@case("faults and switches: as wait4 says")
def faults_and_switches(world):
    rows = world.observe(world.workload("forkstorm"), "50", "2")
    for row, truth in wait4_rows(world, rows):
        equal(num(row["minor_faults"]), truth["minflt"], "minor faults")
        equal(num(row["major_faults"]), truth["majflt"], "major faults")
        # the last switch, away from a dead thread, may or may not be counted yet by wait4
        near(num(row["switches_voluntary"]), truth["nvcsw"], "voluntary switches", slack=1)
        near(num(row["switches_involuntary"]), truth["nivcsw"], "involuntary switches", slack=1)


@case("storage: bytes of direct I/O are exact")
def direct_io(world):
    path = f"{world.dir}/data"
    result = world.run(world.workload("transfer"), "direct", path, "16", options=("--quiet",))
    if b"Invalid argument" in result.err:
        raise Skip("no O_DIRECT in the temporary directory's file system")
    equal(result.rc, 0, repr(result))
    truth = world.truth("direct")[0]
    row = one(world.rows(), truth["pid"])
    equal(num(row["read_bytes"]), truth["in_bytes"], "bytes read from storage")
    equal(num(row["write_bytes"]), truth["out_bytes"], "bytes written to storage")
    require(num(row["rchar_bytes"]) >= truth["in_bytes"], "rchar_bytes")
    require(num(row["wchar_bytes"]) >= truth["out_bytes"], "wchar_bytes")


@case("network: bytes over TCP, UDP and Unix sockets are exact")
def sockets(world):
    for what in ("tcp", "udp", "unix"):
        rows = world.observe(world.workload("transfer"), what, "3000000")
        for truth in world.truth(what):
            row = one(rows, truth["pid"])
            equal(num(row["net_rx_bytes"]), truth["in_bytes"], f"{what}: received")
            equal(num(row["net_tx_bytes"]), truth["out_bytes"], f"{what}: sent")


@case("argv: 10,000 characters, true length known, cut said")
def long_argv(world):
    rows = world.observe(world.workload("arguments"), "big", "10000")
    row = one(rows, world.truth("wait4")[0]["pid"])
    equal(row["argv_truncated"], True, "argv_truncated")
    equal(row["argv"][1], "noop", "second argument")
    require(len(row["argv"][2]) > 4000 and set(row["argv"][2][:4000]) == {"a"},
            "the kept part is not the beginning")


@case("argv: 9,000 arguments")
def many_arguments(world):
    rows = world.observe(world.workload("arguments"), "many", "9000")
    row = one(rows, world.truth("wait4")[0]["pid"])
    equal(row["argv"][:3], ["arguments", "noop", "x"], "first arguments")
    equal(row["argv_truncated"], True, "argv_truncated")


@case("names that are not UTF-8: rows stay valid JSON")
def strange_bytes(world):
    rows = world.observe(world.workload("arguments"), "bytes")
    row = one(rows, world.truth("wait4")[0]["pid"])
    equal(row["exit_code"], 0, "exit code")
    equal(len(row["argv"]), 4, "arguments")
    equal(row["argv"][3], "", "an empty argument")
    require("caf" in row["argv"][2] and '"\\' in row["argv"][2], f"argument: {row['argv'][2]!r}")


@case("record and replay: the same rows, twice")
def record_replay(world):
    log = f"{world.dir}/run.tlog"
    result = world.exec([world.tracer, "record", "-o", log, "--", world.workload("forkstorm"),
                         "100", "2"])
    equal(result.rc, 0, repr(result))
    rows = []
    for name in ("a.db", "b.db"):
        db = f"{world.dir}/{name}"
        replay = world.exec([world.tracer, "replay", "--db", db, log])
        equal(replay.rc, 0, repr(replay))
        rows.append(world.rows(db=db))
    equal(len(rows[0]), 101, "rows of the replay")
    equal(rows[0], rows[1], "two replays")
    for row, truth in wait4_rows(world, rows[0]):
        check_end(row, truth)
