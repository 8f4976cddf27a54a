#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""50,000 empty programs at the highest rate, beside bpftrace printing exec and exit."""
import shutil
import statistics
import subprocess
import sys
import time

from lib import Bench, Group, bpf_programs, finish, line, lost, percent, spread, title

# In a mount namespace of its own: tracefs need not be mounted on the machine.
PRIVATE = ["unshare", "--mount", "sh", "-c", "mount -t tracefs tracefs /sys/kernel/tracing; "
           "mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null; "
           'exec bpftrace -e "$0"']
BPFTRACE = ('tracepoint:sched:sched_process_exec { printf("%d %s\\n", pid, comm); } '
            'tracepoint:sched:sched_process_exit { printf("%d\\n", pid); }')


def agents(bench):
    """CPU seconds of collector and recorder in the latest run."""
    show = bench.show()
    return [int(show[k] or 0) / 1e9 for k in ("collector_cpu_ns", "recorder_cpu_ns")]


def capture(bench, n):
    group = Group("work")
    try:
        bench.execute(bench.run_argv(group.command([bench.workload("execstorm"), str(n)])))
        charged = group.cpu_ns()
    finally:
        group.remove()
    seen = total = 0
    for row in bench.rows():
        total += int(row["cpu_ns"])
        seen += row["comm"] == "empty"
    missing, (collector, recorder) = lost(bench.show()), agents(bench)
    bench.execute(bench.run_argv(["true"]))
    start = agents(bench)
    collector, recorder = collector - start[0], recorder - start[1]
    line("processes seen", f"{seen} of {n}", "100 %", seen == n)
    line("counted as lost", str(missing), "0", missing == 0)
    line("CPU attributed", percent(total / charged), ">= 99.9 %", total / charged >= 0.999)
    line("CPU of loading and of an empty run: collector + recorder",
         f"{start[0]:.3f} + {start[1]:.3f} s", "", None)
    line("CPU of the collector, beyond that", f"{collector:.3f} s", "<= 0.1 s", collector <= 0.1)
    line("CPU of collector and recorder, beyond that", f"{collector + recorder:.3f} s", "<= 0.5 s",
         collector + recorder <= 0.5)


def with_bpftrace(bench, command):
    """CPU of the command and of bpftrace, without bpftrace's own start."""
    group, peer = Group("work"), Group("peer")
    with open(f"{bench.dir}/peer.out", "w", encoding="ascii") as out:
        # its output goes to a file: what it prints is not what it costs
        loaded = set(bpf_programs())
        child = subprocess.Popen(peer.command([*PRIVATE, BPFTRACE]), stdout=out,
                                 stderr=subprocess.DEVNULL)
        try:
            while len(set(bpf_programs()) - loaded) < 2:
                if child.poll() is not None:
                    sys.exit("bench: bpftrace ended at once")
                time.sleep(0.05)
            time.sleep(1)
            before = peer.cpu_ns()
            bench.execute(group.command(command))
            time.sleep(0.3)
            return group.cpu_ns() + peer.cpu_ns() - before
        finally:
            child.terminate()
            child.wait(20)
            group.remove()
            peer.remove()


def compare(bench, n):
    command = [bench.workload("execstorm"), str(n)]
    start = statistics.median(bench.cpu_of(bench.run_argv(["true"])) for _ in range(3))
    line("CPU of starting and ending tracer once", f"{start / 1e9:.3f} s", "", None)
    ours, theirs, ratios = [], [], []
    have_peer = shutil.which("bpftrace")
    for _ in range(bench.args.pairs):
        bench.clean()
        base = bench.cpu_of(command)
        ours.append(bench.cpu_of(bench.run_argv(command)) - start - base)
        ratios.append(ours[-1] / base)
        if have_peer:
            theirs.append(with_bpftrace(bench, command) - base)
    line(f"total CPU added, median of {len(ratios)} pairs (range)", spread(ratios), "", None)
    if not have_peer:
        print("  bpftrace is not installed: no comparison")
        return
    added, peer = statistics.median(ours), statistics.median(theirs)
    line("added us a process: tracer / bpftrace",
         f"{added / n / 1000:.1f} / {peer / n / 1000:.1f}", "<= a quarter", added <= peer / 4)


def main():
    with Bench(__doc__) as bench:
        n = bench.size(50000)
        title(f"exec storm: {n} x posix_spawn of an empty program")
        capture(bench, n)
        compare(bench, n)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
