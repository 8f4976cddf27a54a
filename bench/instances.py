#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Time and memory of `tracer tune --instances` on a run of 100,000 processes in 1,000 tasks; and
how far off times on another machine are, predicted as it does, where the Lotaru traces are."""
import collections
import csv
import itertools
import math
import os
import statistics
import sys

from cost import RENTED, measured
from lib import Bench, finish, line, title

TRACES = "../shared/traces/lotaru_machines_eager_bacass.csv"
SPEED_ERROR = 0.25      # INSTANCE_SPEED_ERROR


def command(bench):
    processes = bench.size(100000)
    fixture = os.path.abspath(f"{bench.args.build}/tests/cli/cost-fixture")
    bench.execute([fixture, bench.db, "--many", str(processes), "1000"])
    argv = [bench.tracer, "tune", "--instances", "--db", bench.db, *RENTED]
    wall, cpu, mib = min(measured(argv) for _ in range(3))
    line(f"tune --instances, {processes} processes, 1,000 tasks",
         f"{wall:.2f} s ({cpu:.2f} CPU), {mib:.0f} MiB", "< 2 s, < 200 MiB", wall < 2 and mib < 200)


def load():
    """Seconds and share on a CPU of each task by machine; short ones say nothing."""
    tasks = {}
    with open(TRACES, newline="", encoding="utf-8") as f:
        for r in csv.DictReader(f):
            key = (r["Workflow"].lower()[-5:], r["Task"], r["Label"], r["NumberSequences"],
                   r["TaskInputSize"])
            if r["Realtime"].isdigit() and int(r["Realtime"]) >= 10000 and r["%cpu"]:
                tasks.setdefault(key, {}).setdefault(r["Machine"], []).append(
                    (int(r["Realtime"]) / 1000, min(float(r["%cpu"]) / 100, 1)))
    return {k: {m: tuple(map(statistics.mean, zip(*v))) for m, v in by.items()}
            for k, by in tasks.items()}


def group_errors(tasks, here, there, of, learn):
    """log(actual / predicted) of each task name of one workflow, the speed from the other one;
    and the same for times as they were."""
    both = {k: (v[here], v[there]) for k, v in tasks.items() if here in v and there in v}
    ratios = [b[0] / a[0] for k, (a, b) in both.items() if k[0] == learn and a[1] >= 0.9]
    if len(ratios) < 3:
        return []
    ratio = statistics.median(ratios)
    groups = collections.defaultdict(list)
    for key, (a, b) in both.items():
        if key[0] == of:
            groups[key[1]].append((b[0], a[0] * (a[1] * ratio + 1 - a[1]), a[0]))
    sums = [[sum(column) for column in zip(*g)] for g in groups.values() if len(g) > 2]
    return [(abs(math.log(is_ / was)), abs(math.log(is_ / as_was))) for is_, was, as_was in sums]


def predictions():
    tasks = load()
    machines = sorted({m for v in tasks.values() for m in v})
    workflows = sorted({k[0] for k in tasks})
    errors = [e for a, b in itertools.permutations(machines, 2)
              for of, learn in (workflows, workflows[::-1])
              for e in group_errors(tasks, a, b, of, learn)]
    ours, as_was = zip(*errors)
    inside = sum(e <= 1.96 * SPEED_ERROR for e in ours) / len(ours)
    line(f"median error of the time on another machine, {len(ours)} groups",
         f"{statistics.median(ours):.0%} (as it was {statistics.median(as_was):.0%})", "",
         None)
    line("  inside of the range that holds 95 %", f"{inside:.0%}", "", None)


def main():
    with Bench(__doc__) as bench:
        title("Machines")
        if os.path.exists(TRACES):
            predictions()
        command(bench)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
