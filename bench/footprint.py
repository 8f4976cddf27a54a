#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Memory of our own processes at 1,000 and at 200,000 processes, and their idle CPU."""
import subprocess
import sys
import time

from lib import Bench, finish, helpers, line, lost, peak_kib, process_cpu_ns, title


def peaks(bench, n):
    """Peak RSS in MiB of collector and recorder; they are asked until they end."""
    argv = bench.run_argv([bench.workload("execstorm"), str(n)])
    peak = {}
    with subprocess.Popen(argv, env=bench.environment(), stdin=subprocess.DEVNULL) as child:
        found = {}
        while child.poll() is None:
            now = {role: peak_kib(pid) for role, pid in found.items()}
            if len(now) < 2 or not all(now.values()):
                found = helpers(child.pid)
            for role, kib in now.items():
                peak[role] = max(peak.get(role, 0), kib)
            time.sleep(0.02)
    seen, missing = sum(r["comm"] == "empty" for r in bench.rows()), lost(bench.show())
    bench.clean()
    line(f"seen, lost of {n}", f"{seen}, {missing}", "none lost", seen == n and not missing)
    return {role: kib / 1024 for role, kib in peak.items()}


def memory(bench):
    results = []
    for n in (1000, bench.size(200000)):
        peak = peaks(bench, n)
        total = sum(peak.values())
        parts = " + ".join(f"{peak.get(r, 0):.1f}" for r in ("collector", "recorder"))
        line(f"peak RSS, collector + recorder, {n} processes", f"{parts} = {total:.1f} MiB",
             "<= 24 MiB", len(peak) == 2 and total <= 24)
        results.append(total)
    growth = results[1] - results[0]
    line("growth from the first to the second", f"{growth:+.1f} MiB", "<= 2 MiB", growth <= 2)


def idle(bench, seconds, options, what):
    argv = [bench.tracer, *options]
    with subprocess.Popen(argv, env=bench.environment(), stdin=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as child:
        time.sleep(3)
        found = helpers(child.pid)
        before = sum(process_cpu_ns(pid) for pid in found.values())
        time.sleep(seconds)
        share = (sum(process_cpu_ns(pid) for pid in found.values()) - before) / seconds / 1e9
        child.terminate()
        child.wait(30)
    line(f"idle CPU of a core, {what}, {seconds} s", f"{100 * share:.3f} %", "<= 0.1 %",
         len(found) == 2 and share <= 0.001)


def main():
    with Bench(__doc__) as bench:
        title("footprint")
        memory(bench)
        seconds = bench.size(60)
        idle(bench, seconds, ("run", "--db", bench.db, "--quiet", "--", "sleep", str(seconds + 9)),
             "run -- sleep")
        idle(bench, seconds, ("record", "--all", "-o", f"{bench.dir}/t.tlog"), "record --all")
    return finish()


if __name__ == "__main__":
    sys.exit(main())
