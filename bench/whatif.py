#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `tracer tune --what-if` says of other cores, against runs with those cores.

The demo pipeline runs with one and with two cores (taskset) and one or two jobs at a time;
each run predicts the others that its order allows. Needs quiet cores: what others
use of them is taken to stay as it was.
"""
import json
import os
import statistics
import subprocess
import sys
import time

from lib import Bench, finish, line, title

WORLDS = ((2, 2), (1, 2), (1, 1), (2, 1))  # cores, jobs at a time


class Shield:
    """Other load is kept out by a cgroup of great weight, where there is a v1 controller."""

    def __enter__(self):
        self.path = f"/sys/fs/cgroup/cpu/tracer-whatif-{os.getpid()}"
        if not os.path.exists("/sys/fs/cgroup/cpu/cpu.shares"):
            self.path = None
            return self
        os.makedirs(self.path)
        self.write("cpu.shares", 262144)
        self.write("cgroup.procs", os.getpid())
        return self

    def write(self, name, value, group=None):
        with open(f"{group or self.path}/{name}", "w", encoding="ascii") as f:
            f.write(str(value))

    def __exit__(self, *_):
        if self.path:
            self.write("cgroup.procs", os.getpid(), "/sys/fs/cgroup/cpu")
            for _ in range(100):
                try:
                    os.rmdir(self.path)
                    return
                except OSError:  # the last ones of the run are just ending
                    time.sleep(0.05)


def observe(bench, cores, jobs):
    """Wall time in ns and id of a run."""
    work = f"{bench.dir}/work"
    bench.execute([f"{bench.source}/examples/variant-calling/run.sh", "--prepare", work])
    with open(f"{work}/config.yaml", encoding="utf-8") as f:
        config = f.read().replace("pairs: 60000", f"pairs: {bench.size(60000)}")
    with open(f"{work}/config.yaml", "w", encoding="utf-8") as f:
        f.write(config)
    command = ["taskset", "-c", ",".join(map(str, range(cores))), "/usr/bin/snakemake",
               "--cores", str(jobs), "--scheduler", "greedy"]
    bench.execute(bench.run_argv(command), cwd=work, stderr=subprocess.DEVNULL)
    done = bench.execute([bench.tracer, "runs", "--db", bench.db, "--limit", "1", "--json"],
                         stdout=subprocess.PIPE)
    run = json.loads(done.stdout)[0]
    return run["id"], int(run["end_ns"]) - int(run["start_ns"])


def predicted(bench, run, had, cores, jobs):
    change = f"had={had},cpus={cores},tasks={jobs}"
    done = bench.execute([bench.tracer, "tune", "--what-if", change, "--db", bench.db, "--json",
                          run], stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def main():
    with Bench(__doc__) as bench:
        title("what-if: wall time of the demo pipeline, predicted and run")
        with Shield():
            runs = {world: observe(bench, *world) for world in WORLDS}
        errors = []
        for was, (run, wall) in runs.items():
            for would, (_, real) in runs.items():
                if was == would:
                    continue
                said = predicted(bench, run, was[0], *would)
                name = "%d cores, %d jobs -> %d cores, %d jobs" % (was + would)
                if not said["known"]:
                    line(name, "not known", "", None)
                    continue
                errors.append(abs(int(said["predicted_ns"]) / real - 1))
                text = f"{int(said['predicted_ns']) / 1e9:.1f} s, was {real / 1e9:.1f} s"
                line(name, text, "", None)
        error = statistics.median(errors)
        line("median error", f"{100 * error:.1f} %", "<= 15 %", error <= 0.15)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
