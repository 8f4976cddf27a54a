#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""20,000 processes of 1 ms, two at a time: what is seen, how exact, at what cost."""
import statistics
import sys

from lib import Bench, Group, finish, line, lost, percent, spread, title


def accuracy(bench, n):
    group = Group("work")
    try:
        command = group.command([bench.workload("forkstorm"), str(n), "2"])
        bench.execute(bench.run_argv(command), quiet=False)
        charged = group.cpu_ns()
    finally:
        group.remove()
    rows, total, unbalanced = {}, 0, 0
    for row in bench.rows():
        rows[row["pid"]] = row
        total += int(row["cpu_ns"])
        unbalanced += sum(int(v) for v in row["states"].values()) != int(row["thread_ns"])
    truths = [t for t in bench.truth("wait4") if t["pid"] in rows]
    codes = sum(rows[t["pid"]]["exit_code"] == t["exit_code"] for t in truths)
    errors = []
    for truth in truths:
        # wait4 cuts user and system time to a microsecond each
        over = int(rows[truth["pid"]]["cpu_ns"]) / 1000 - truth["cpu_us"]
        errors.append(max(over - 2, -over, 0) / truth["cpu_us"])
    errors.sort()
    show = bench.show()
    line("processes seen", f"{len(truths)} of {n}", "100 %", len(truths) == n)
    line("exit codes right", f"{codes} of {n}", "100 %", codes == n)
    line("counted as lost", str(lost(show)), "0", lost(show) == 0)
    line("CPU against wait4, median error", percent(statistics.median(errors)), "<= 0.1 %",
         statistics.median(errors) <= 0.001)
    p95 = errors[int(len(errors) * 0.95)]
    line("CPU against wait4, 95th percentile", percent(p95), "<= 0.5 %", p95 <= 0.005)
    error = abs(total - charged) / charged
    line("total CPU against the cgroup's account", percent(error), "<= 0.2 %", error <= 0.002)
    line("processes whose states do not sum to thread_ns", str(unbalanced), "0", unbalanced == 0)


def cost(bench, n):
    command = [bench.workload("forkstorm"), str(n), "2"]
    ratios = []
    for _ in range(bench.args.pairs):
        bench.clean()
        base = bench.cpu_of(command)
        ratios.append(bench.cpu_of(bench.run_argv(command)) / base - 1)
    line(f"total CPU added, median of {len(ratios)} pairs (range)", spread(ratios), "<= +2 %",
         statistics.median(ratios) <= 0.02)


def main():
    with Bench(__doc__) as bench:
        n = bench.size(20000)
        title(f"fork storm: {n} x (fork, exec, 1 ms of CPU, exit i % 7), two at a time")
        accuracy(bench, n)
        cost(bench, n)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
