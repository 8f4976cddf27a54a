#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `tracer tune --what-if` says of other cores and jobs at a time, against such runs.

Each pipeline runs with one and two cores (taskset) and one to three jobs at a time, several
times, interleaved; every run predicts every other world. Needs quiet cores, or a v1 cpu
controller that keeps others out: what others used of the cores is taken to stay as it was.
"""
import json
import os
import statistics
import subprocess
import sys
import time

from lib import Bench, finish, line, title

WORLDS = ((2, 2), (1, 2), (1, 1), (2, 1), (2, 3))  # cores, jobs at a time

WORK = """
import sys, time
cpu, pause, bursts, out = float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
for name in sys.argv[5:]:
    with open(name, "rb") as f:
        f.read()
for _ in range(bursts):
    x = 0
    for i in range(int(cpu / bursts * 1e7)):
        x += i
    time.sleep(pause / bursts)
with open(out, "w") as f:
    f.write(str(x))
"""


class Shield:
    """Other load is kept out by a cgroup of great weight, where there is a v1 controller; or,
    where that is not enough, by real-time scheduling in turns (95 % of the CPUs)."""

    def __init__(self, realtime):
        self.realtime = realtime

    def __enter__(self):
        if self.realtime:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        self.path = f"/sys/fs/cgroup/cpu/tracer-whatif-{os.getpid()}"
        if self.realtime or not os.path.exists("/sys/fs/cgroup/cpu/cpu.shares"):
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
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        if self.path:
            self.write("cgroup.procs", os.getpid(), "/sys/fs/cgroup/cpu")
            for _ in range(100):
                try:
                    os.rmdir(self.path)
                    return
                except OSError:  # the last ones of the run are just ending
                    time.sleep(0.05)


class Pipeline:
    """A directory, what puts it back to its beginning, and a command for N jobs."""

    def __init__(self, bench):
        self.bench = bench
        self.dir = f"{bench.dir}/{self.name}"
        os.makedirs(self.dir, exist_ok=True)
        self.write("work.py", WORK)

    def write(self, name, text):
        with open(f"{self.dir}/{name}", "w", encoding="utf-8") as f:
            f.write(text)

    def prepare(self):
        for name in os.listdir(self.dir):
            if name.startswith("out."):
                os.unlink(f"{self.dir}/{name}")

    def seconds(self, s):
        return round(s * self.bench.args.scale, 3)


class Demo(Pipeline):
    """The example: Snakemake, real tools in pipes."""
    name = "demo"

    def prepare(self):
        self.bench.execute([f"{self.bench.source}/examples/variant-calling/run.sh", "--prepare",
                            self.dir])
        with open(f"{self.dir}/config.yaml", encoding="utf-8") as f:
            config = f.read().replace("pairs: 60000", f"pairs: {self.bench.size(60000)}")
        self.write("config.yaml", config)

    def command(self, jobs):
        return ["/usr/bin/snakemake", "--cores", str(jobs), "--scheduler", "greedy"]


class Make(Pipeline):
    """Tasks of unequal length that use each other's files."""
    name = "make"
    cpu = (0.9, 0.2, 0.5, 1.4, 0.3, 0.7)
    pause = 0.0

    def prepare(self):
        super().prepare()
        rules, n = ["all: out.end"], len(self.cpu)

        def rule(out, cpu, needs, pause=0.0):
            rules.append(f"{out}: {' '.join(needs)}")
            rules.append(f"\tpython3 work.py {self.seconds(cpu)} {self.seconds(pause)} 4 {out} "
                         + " ".join(needs))

        for i, cpu in enumerate(self.cpu):
            rule(f"out.a{i}", cpu, [], self.pause * (i % 2))
            rule(f"out.b{i}", 0.3, [f"out.a{i}"], self.pause)
        half = n // 2
        rule("out.c0", 0.6, [f"out.b{i}" for i in range(half)])
        rule("out.c1", 0.2, [f"out.b{i}" for i in range(half, n)], self.pause)
        rule("out.end", 0.3, ["out.c0", "out.c1"])
        self.write("Makefile", "\n".join(rules) + "\n")

    def command(self, jobs):
        return ["make", "-s", f"-j{jobs}"]


class Waits(Make):
    """The same with tasks that sleep for half of their time, in turns."""
    name = "waits"
    cpu = (0.5, 0.4, 0.6, 0.3)
    pause = 0.6


class FanOut(Pipeline):
    """Independent jobs of unequal length without files of each other."""
    name = "xargs"
    cpu = (1.2, 0.2, 0.4, 0.9, 0.3, 0.6, 0.2, 0.8, 0.5)

    def prepare(self):
        super().prepare()
        self.write("jobs", "".join(f"{self.seconds(c)} {self.seconds(0.1)} 2 out.{i}\n"
                                   for i, c in enumerate(self.cpu)))

    def command(self, jobs):
        return ["xargs", "-a", "jobs", "-P", str(jobs), "-L", "1", "python3", "work.py"]


class Parallel(Pipeline):
    """Pipes of several programs under GNU parallel."""
    name = "parallel"
    sizes = (36, 12, 24, 48, 8, 28, 16)

    def prepare(self):
        super().prepare()
        with open(f"{self.dir}/data", "wb") as f:
            state = bytearray(range(256))
            for i in range(self.bench.size(48 << 20) // 256):
                state[i % 256] = (state[i % 256] * 5 + i) % 251
                f.write(state)

    def command(self, jobs):
        sizes = [str(int(self.bench.size(s << 20))) for s in self.sizes]
        return ["parallel", f"-j{jobs}",
                "head -c {} data | gzip -9 | sha256sum > out.{#}", ":::", *sizes]


def observe(pipeline, cores, jobs):
    """Wall time in ns and id of a run."""
    bench = pipeline.bench
    pipeline.prepare()
    command = ["taskset", "-c", ",".join(map(str, range(cores))), *pipeline.command(jobs)]
    bench.execute(bench.run_argv(command), cwd=pipeline.dir, stderr=subprocess.DEVNULL)
    done = bench.execute([bench.tracer, "runs", "--db", bench.db, "--limit", "1", "--json"],
                         stdout=subprocess.PIPE)
    run = json.loads(done.stdout)[0]
    return run["id"], int(run["end_ns"]) - int(run["start_ns"])


def predicted(bench, run, cores, jobs):
    change = f"cpus={cores},tasks={jobs}"
    done = bench.execute([bench.tracer, "tune", "--what-if", change, "--db", bench.db, "--json",
                          run], stdout=subprocess.PIPE)
    return json.loads(done.stdout)


class Score:
    def __init__(self):
        self.errors, self.unknown, self.within = [], 0, 0

    def add(self, said, real):
        if not said["known"]:
            self.unknown += 1
            return
        error = int(said["predicted_ns"]) / real - 1
        self.errors.append(abs(error))
        self.within += abs(real / int(said["predicted_ns"]) - 1) <= said["error_ratio"]

    def more(self, other):
        self.errors += other.errors
        self.unknown += other.unknown
        self.within += other.within

    def print(self, name, target):
        n = len(self.errors)
        error = statistics.median(self.errors) if n else 1
        line(f"{name}: median error of {n}", f"{100 * error:.1f} %",
             "<= 15 %" if target else "", error <= 0.15 if target else None)
        line(f"{name}: in the range it gave, not known",
             f"{100 * self.within / max(n, 1):.0f} %, {self.unknown} of {n + self.unknown}", "",
             None)


def judge(bench, pipeline, runs):
    score = Score()
    for was, observed in runs.items():
        for would in runs:
            if was == would:
                continue
            real = statistics.median(wall for _, wall in runs[would])
            said = [predicted(bench, run, *would) for run, _ in observed]
            for one in said:
                score.add(one, real)
            known = [int(one["predicted_ns"]) / 1e9 for one in said if one["known"]]
            text = "/".join(f"{k:.2f}" for k in known) or "not known: " + said[0]["doubt"][:40]
            if bench.args.verbose:
                line("  %d cores, %d jobs -> %d cores, %d jobs" % (was + would),
                     f"{text} s, was {real / 1e9:.2f} s", "", None)
    score.print(pipeline.name, False)
    return score


def options(parser):
    parser.add_argument("--only", help="names of pipelines, with commas")
    parser.add_argument("--realtime", action="store_true",
                        help="run at real-time priority: for a machine that others use")
    parser.add_argument("--verbose", action="store_true", help="each prediction")


def main():
    with Bench(__doc__, options) as bench:
        kinds = (Demo, Make, Waits, FanOut, Parallel)
        only = (bench.args.only or "").split(",")
        pipelines = [kind(bench) for kind in kinds if not bench.args.only or kind.name in only]
        runs = {p: {w: [] for w in WORLDS} for p in pipelines}
        title("what-if: wall times with other cores and jobs at a time, predicted and run")
        with Shield(bench.args.realtime):
            for _ in range(min(bench.args.pairs, 3)):
                for world in WORLDS:
                    for p in pipelines:
                        runs[p][world].append(observe(p, *world))
        total = Score()
        for p in pipelines:
            total.more(judge(bench, p, runs[p]))
        total.print("all", True)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
