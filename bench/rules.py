#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What rules cost the recorder: 500 programs a second for a minute, as tasks of a pipeline
start them, with the built-in rules and with none; then the dearest single programs."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

from lib import Bench, finish, line, lost, title

RATE = 500
HOSTILE_RATE = 250  # 2 MB of arguments a second
# what a bash-heavy task executes; every program is a copy of `empty`
MIX = [
    ("mkdir", ["mkdir", "-p", "results/A"]),
    ("sed", ["sed", "-e", "s/a/b/", "in.txt"]),
    ("date", ["date", "+%s"]),
    ("cut", ["cut", "-f1,3", "table.tsv"]),
    ("bash", ["/bin/bash", "-c", "set -euo pipefail; bwa mem -t 2 ref.fa A.fq | samtools sort"]),
    ("python3.11", ["python3", "/data/scripts/plot.py", "--in", "x.tsv", "--out", "x.pdf"]),
    ("samtools", ["samtools", "sort", "-@", "4", "-o", "/data/A.sorted.bam", "/data/A.bam"]),
    ("perl", ["perl", "/opt/bin/filter.pl", "a.vcf"]),
    ("gzip", ["gzip", "-c", "A.fq"]),
    ("java", ["java", "-Xmx4g", "-jar", "/opt/picard.jar", "MarkDuplicates", "I=A.bam"]),
    ("awk", ["awk", "{ print $1 }", "t.tsv"]),
    ("env", ["env", "python3", "tool.py"]),
]
POD = "burstable/pod01234567-89ab-4def-8123-456789abcdef/" + "0123456789abcdef" * 4
# the same over and over, up to 8 KiB: what patterns are about, and never quite right
HOSTILE = ["a", "/", "A=b ", "/fork0/chnk", "/cylc-run/a/log/job/1/b/01/jo", "é"]


def pace(directory, seconds, rate):
    """The workload: this file, started anew by tracer."""
    argvs = [(f"{directory}/{name}", argv) for name, argv in MIX]
    run_all(argvs, int(seconds * rate), rate)


def hostile(directory, text, count):
    words = [(text * 8192)[:4000], (text * 8192)[:4000]]
    names = ("python3.11", "java", "bash")
    run_all([(f"{directory}/{name}", [name, "-c", *words]) for name in names], count, HOSTILE_RATE)


def run_all(argvs, count, rate):
    start, n = time.monotonic(), 0
    while n < count:
        late = time.monotonic() - start - n / rate
        if late < 0:
            time.sleep(-late)
        exe, argv = argvs[n % len(argvs)]
        os.waitpid(os.posix_spawn(exe, argv, os.environ), 0)
        n += 1
    print(json.dumps({"kind": "paced", "n": n, "seconds": time.monotonic() - start}))


def no_rules(bench):
    """A file that takes every built-in rule out."""
    listed = subprocess.run([bench.tracer, "rules", "list"], stdout=subprocess.PIPE, check=True)
    ids = [text.split()[0] for text in listed.stdout.decode().splitlines()[1:]]
    path = f"{bench.dir}/none.yaml"
    with open(path, "w", encoding="ascii") as f:
        f.writelines(f"- {{id: {rule}, disabled: true}}\n" for rule in ids)
    return path, len(ids)


def measure(bench, options, *words):
    """CPU seconds of recorder and collector beyond an empty run, and the wall time."""
    bench.clean()
    pod = Pod()
    argv = [
        sys.executable,
        os.path.abspath(__file__),
        words[0],
        f"{bench.dir}/bin",
        *map(str, words[1:]),
    ]
    try:
        done = bench.execute(bench.run_argv(pod.command(argv), options), stdout=subprocess.PIPE)
    finally:
        pod.remove()
    wall = json.loads(done.stdout)["seconds"]
    show = bench.show()
    if lost(show):
        print(f"  {lost(show)} events were lost")
    bench.execute(bench.run_argv(["true"], options))
    start = bench.show()
    return [
        *((int(show[k]) - int(start[k])) / 1e9 for k in ("recorder_cpu_ns", "collector_cpu_ns")),
        wall,
    ]


class Pod:
    """The group of a container in a pod, in the hierarchy that tracer looks at first."""

    def __init__(self):
        v1 = "/sys/fs/cgroup/memory"
        self.top = f"{v1 if os.path.isdir(v1) else '/sys/fs/cgroup'}/kubepods"
        self.path = f"{self.top}/{POD}"
        os.makedirs(self.path, exist_ok=True)

    def command(self, argv):
        return ["sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', self.path, *argv]

    def remove(self):
        path = self.path
        while len(path) >= len(self.top):
            for _ in range(100):
                try:
                    os.rmdir(path)
                    break
                except OSError:
                    time.sleep(0.02)
            path = os.path.dirname(path)


def compare(bench):
    seconds = max(bench.size(60), 5)
    empty, rules = no_rules(bench)
    title(f"rules: {RATE} programs a second for {seconds} s, {rules} rules against none")

    def shares(*options):
        *cpu, wall = measure(bench, options, "--pace", seconds, RATE)
        return [c / wall for c in cpu]

    pairs = [(shares(), shares("--rules", empty)) for _ in range(max(bench.args.pairs // 2, 1))]
    added = [with_rules[0] - without[0] for with_rules, without in pairs]
    line(
        "recorder, share of a core: with rules / without",
        "{:.2f} / {:.2f} %".format(
            *[100 * statistics.median(p[i][0] for p in pairs) for i in (0, 1)]
        ),
        "",
        None,
    )
    line(
        "added by rules, median (range)",
        f"{100 * statistics.median(added):.2f} % ({100 * min(added):.2f}.."
        f"{100 * max(added):.2f})",
        "<= 2 %",
        statistics.median(added) <= 0.02,
    )
    line(
        "collector, share of a core: with rules / without",
        "{:.2f} / {:.2f} %".format(
            *[100 * statistics.median(p[i][1] for p in pairs) for i in (0, 1)]
        ),
        "",
        None,
    )


def dearest(bench):
    """Command lines that are made to be dear."""
    empty, _ = no_rules(bench)
    n = max(bench.size(2000), 200)
    title(f"rules: {n} programs with 8 KiB of arguments that nearly match, added CPU each")
    for text in HOSTILE:
        cost = [
            measure(bench, options, "--hostile", text, n)[0] / n * 1e6
            for options in ((), ("--rules", empty))
        ]
        line(
            f"recorder, {text!r} repeated: with rules / without",
            f"{cost[0]:.0f} / {cost[1]:.0f} us",
            "<= 1 ms added",
            cost[0] - cost[1] <= 1000,
        )


def main():
    if "--pace" in sys.argv:
        pace(sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
        return 0
    if "--hostile" in sys.argv:
        hostile(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return 0
    with Bench(__doc__) as bench:
        os.mkdir(f"{bench.dir}/bin")
        for name, _ in MIX:
            shutil.copy(bench.workload("empty"), f"{bench.dir}/bin/{name}")
        compare(bench)
        dearest(bench)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
