# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: exact CPU by cgroup, runs under tracer, verdict lines.

CPU is what the kernel charged a cgroup (v1 cpuacct or v2 cpu.stat), never what a
sampler saw. Ratios come from interleaved pairs; a median and the range are printed.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

FAILED = []


def line(name, measured, target, good):
    """One row of the result; good is None where there is no target."""
    verdict = "" if good is None else ("ok" if good else "MISSED")
    print(f"  {name:<58} {measured:>24}   {target:<18} {verdict}", flush=True)
    if good is False:
        FAILED.append(name)


def title(text):
    print(f"\n{text}\n  {'':<58} {'measured':>24}   {'target':<18} verdict", flush=True)


def finish():
    return 1 if FAILED else 0


class Group:
    """A cgroup that only counts CPU."""

    def __init__(self, name):
        v1 = "/sys/fs/cgroup/cpuacct"
        self.v1 = os.path.isdir(v1)
        roots = [v1] if self.v1 else ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        root = next(r for r in roots if os.path.exists(f"{r}/cgroup.procs"))
        self.path = f"{root}/tracer-bench-{os.getpid()}-{name}"
        os.makedirs(self.path, exist_ok=True)

    def cpu_ns(self):
        if self.v1:
            with open(f"{self.path}/cpuacct.usage", encoding="ascii") as f:
                return int(f.read())
        with open(f"{self.path}/cpu.stat", encoding="ascii") as f:
            return int(dict(l.split() for l in f)["usage_usec"]) * 1000

    def command(self, argv):
        return ["sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', self.path, *argv]

    def remove(self):
        for _ in range(200):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.05)


class Bench:
    def __init__(self, description, extra=None):
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--build", default="build")
        parser.add_argument("--pairs", type=int, default=5)
        parser.add_argument("--scale", type=float, default=1.0,
                            help="share of the full size, for a quick look")
        if extra:
            extra(parser)
        self.args = parser.parse_args()
        if os.geteuid() != 0:
            sys.exit("bench: needs root (eBPF, cgroups)")
        self.tracer = os.path.abspath(f"{self.args.build}/tracer")
        self.source = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
        self.dir = tempfile.mkdtemp(prefix="tracer-bench-")
        self.db = f"{self.dir}/t.db"
        self.truth_path = f"{self.dir}/truth.jsonl"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def size(self, n):
        return max(int(n * self.args.scale), 1)

    def workload(self, name):
        return os.path.abspath(f"{self.args.build}/tests/workload/{name}")

    def environment(self, quiet=True):
        env = dict(os.environ, TRUTH=self.truth_path)
        if quiet:
            env["QUIET"] = "1"
        return env

    def clean(self):
        for name in os.listdir(self.dir):
            if name.startswith(("t.db", "truth")):
                os.unlink(f"{self.dir}/{name}")

    def run_argv(self, command, options=()):
        return [self.tracer, "run", "--db", self.db, "--quiet", "--strict", *options, "--",
                *command]

    def execute(self, argv, quiet=True, **kwargs):
        kwargs.setdefault("stdout", subprocess.DEVNULL)
        done = subprocess.run(argv, env=self.environment(quiet), stdin=subprocess.DEVNULL,
                              check=False, **kwargs)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(argv[:8])} ...: exit {done.returncode}")
        return done

    def cpu_of(self, argv, **kwargs):
        """Runs it in a cgroup of its own; CPU in ns of everything in there."""
        group = Group("total")
        try:
            self.execute(group.command(argv), **kwargs)
            time.sleep(0.1)
            return group.cpu_ns()
        finally:
            group.remove()

    def show(self):
        done = self.execute([self.tracer, "show", "latest", "--db", self.db, "--json"],
                            stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    def rows(self):
        """Each row of ps; streamed, as a run may have 200,000."""
        argv = [self.tracer, "ps", "latest", "--db", self.db, "--format", "jsonl"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as reader:
            for text in reader.stdout:
                yield json.loads(text)

    def truth(self, kind):
        with open(self.truth_path, encoding="utf-8") as f:
            return [t for t in map(json.loads, f) if t["kind"] == kind]


def percent(x):
    return f"{100 * x:.3f} %"


def spread(values):
    return f"{100 * statistics.median(values):+.1f} % " \
           f"({100 * min(values):+.1f}..{100 * max(values):+.1f})"


def lost(show):
    return int(show["completeness"]["events_lost"]) + int(show["completeness"]["processes_lost"])


class Sysctl:
    """Sets a kernel variable and puts the old value back, whatever happens."""

    def __init__(self, name, value):
        self.path = "/proc/sys/" + name.replace(".", "/")
        self.value = value

    def __enter__(self):
        with open(self.path, encoding="ascii") as f:
            self.old = f.read().strip()
        self.write(self.value)
        return self

    def __exit__(self, *_):
        self.write(self.old)

    def write(self, value):
        with open(self.path, "w", encoding="ascii") as f:
            f.write(str(value))


def bpf_programs():
    """id: program, of all that are loaded now."""
    done = subprocess.run(["/usr/sbin/bpftool", "--json", "prog", "show"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False)
    return {p["id"]: p for p in json.loads(done.stdout or b"[]")}


def read_proc(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def helpers(pid):
    """Collector and recorder of the run that pid supervises: role -> pid. They bear its
    command line; the collector is not its child."""
    line, found = read_proc(pid, "cmdline"), {}
    for other in filter(str.isdigit, os.listdir("/proc")):
        name = read_proc(other, "comm")
        for role in ("collector", "recorder"):
            if role[:6] in name and line and read_proc(other, "cmdline") == line:
                found[role] = int(other)
    return found


def peak_kib(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
            return next((int(l.split()[1]) for l in f if l.startswith("VmHWM:")), 0)
    except OSError:
        return 0


def process_cpu_ns(pid):
    """Exact: the scheduler's own sum, over all threads."""
    total = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total
