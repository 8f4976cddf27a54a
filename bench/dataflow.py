#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `tracer dag` and `tracer critical-path` cost on a large run: 1,000 tasks, 100,000
processes, 200,000 file rows; and on four times as much, for the growth."""
import os
import subprocess
import sys

from lib import Bench, finish, line, title

TASKS = 1000


def measure(bench, db, command):
    """CPU seconds and peak MiB of one reader; the better of two."""
    tries = []
    for _ in range(2):
        with subprocess.Popen([bench.tracer, *command, "--db", db],
                              stdout=subprocess.DEVNULL) as child:
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"bench: {' '.join(command)}: exit {child.returncode}")
        tries.append((usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
    return min(tries)


def main():
    fixture = os.path.abspath(sys.argv[sys.argv.index("--build") + 1]
                              if "--build" in sys.argv else "build") + "/tests/cli/flow-fixture"
    with Bench(__doc__) as bench:
        title("Dataflow and critical path of a large run")
        sizes = {}
        for factor in (1, 4):
            n = bench.size(TASKS * factor)
            db = f"{bench.dir}/t.db-{factor}"
            subprocess.run([fixture, db, "--large", str(n)], check=True)
            for command in (["dag"], ["dag", "--json", "--files"], ["critical-path", "--json"]):
                seconds, mib = measure(bench, db, command)
                sizes[factor, command[0], len(command)] = seconds
                name = f"{' '.join(command)}, {n:,} tasks, {n * 200:,} file rows"
                line(name, f"{seconds:.2f} s CPU, {mib:.0f} MiB",
                     "< 1 s, < 200 MiB" if factor == 1 else "",
                     seconds < 1 and mib < 200 if factor == 1 else None)
        growth = sizes[4, "dag", 1] / sizes[1, "dag", 1]
        line("dag: four times the rows", f"{growth:.1f} times the CPU", "< 6", growth < 6)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
