# SPDX-License-Identifier: Apache-2.0
"""What end-to-end cases stand on: running tracer, reading its rows, judging them.

A case is a function with @case. It fails by an exception, and skips only by
Skip(reason), which is for what a probe says this machine cannot do. A case that
compares times may say attempts=3: another load on the machine can disturb a
measurement, but not three in a row; what is exact is never retried.
"""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

CASES = []
TIMEOUT_S = 120
STATES = ("cpu", "runq", "disk", "net", "pipe", "lock", "child", "sleep", "poll", "reclaim",
          "stopped", "other")


class Skip(Exception):
    """This machine cannot do what the case needs; the text says what."""


def case(name, needs=("ebpf",), attempts=1):
    def register(function):
        CASES.append((name, function, needs, attempts))
        return function
    return register


def require(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(got, wanted, what):
    require(got == wanted, f"{what}: got {got!r}, expected {wanted!r}")


def near(got, wanted, what, ratio=0.01, slack=200_000):
    """Within 1 % or 200 us, whichever is more."""
    limit = max(abs(wanted) * ratio, slack)
    require(abs(got - wanted) <= limit,
            f"{what}: got {got}, expected {wanted} +- {limit:.0f} (off by {got - wanted})")


# ---- probes: each returns None, or the reason why this machine cannot ----

def probe_root():
    return None if os.geteuid() == 0 else "not root"


def bpf_refused():
    """Asks the kernel itself, not tracer: bpf(BPF_MAP_CREATE) of a tiny array."""
    libc = ctypes.CDLL(None, use_errno=True)
    numbers = {"x86_64": 321, "aarch64": 280}
    number = numbers.get(os.uname().machine)
    if number is None:
        return f"bpf(2) is not known for {os.uname().machine}"
    attributes = (ctypes.c_uint32 * 32)(2, 4, 4, 1)  # array, key 4, value 4, one entry
    fd = libc.syscall(number, 0, attributes, ctypes.sizeof(attributes))
    if fd < 0:
        return f"bpf(2): {os.strerror(ctypes.get_errno())}"
    os.close(fd)
    return None


def probe_ebpf():
    if os.geteuid() != 0:
        return "not root"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "kernel without BTF"
    return bpf_refused()


def probe_loop():
    if os.geteuid() != 0:
        return "not root"
    return None if shutil.which("unshare") else "no unshare(1)"


PROBES = {"ebpf": probe_ebpf, "root": probe_root, "unshare": probe_loop}


def cgroup_root(controller):
    """Directory of a v1 controller, or of the v2 tree that has it; else None."""
    v1 = f"/sys/fs/cgroup/{controller}"
    if os.path.exists(f"{v1}/cgroup.procs"):
        return v1
    v2 = "/sys/fs/cgroup"
    names = {"pids": "pids", "memory": "memory", "blkio": "io"}
    try:
        with open(f"{v2}/cgroup.subtree_control", encoding="ascii") as f:
            return v2 if names[controller] in f.read().split() else None
    except OSError:
        return None


class Cgroup:
    """A child cgroup of one controller with one limit, removed at the end."""

    def __init__(self, controller, limits):
        root = cgroup_root(controller)
        if root is None:
            raise Skip(f"no {controller} controller to use")
        self.v1 = root.endswith(controller)
        self.path = f"{root}/tracer-e2e-{os.getpid()}"
        os.mkdir(self.path)
        for name, value in limits["v1" if self.v1 else "v2"].items():
            with open(f"{self.path}/{name}", "w", encoding="ascii") as f:
                f.write(value)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for _ in range(100):
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.05)

    def enter_command(self, *command):
        """The command, from inside of the group."""
        return ["sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', self.path, *command]


# ---- tracer ----

class Result:
    def __init__(self, rc, out, err):
        self.rc, self.out, self.err = rc, out, err

    def __repr__(self):
        return f"exit {self.rc}\nstdout: {self.out[-2000:]!r}\nstderr: {self.err[-2000:]!r}"


class World:
    """One case's own directory, database and truth file."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.tracer = os.path.join(self.build, "tracer")
        self.source = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
        self.dir = tempfile.mkdtemp(prefix="tracer-e2e-")
        os.chmod(self.dir, 0o755)
        self.db = os.path.join(self.dir, "t.db")
        self.truth_path = os.path.join(self.dir, "truth.jsonl")
        self.children = []

    def close(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def workload(self, name):
        return os.path.join(self.build, "tests", "workload", name)

    def environment(self, extra=None):
        env = dict(os.environ, TRUTH=self.truth_path, XDG_DATA_HOME=self.dir, LC_ALL="C.UTF-8")
        for name in ("SUDO_UID", "SUDO_GID", "SUDO_USER"):
            env.pop(name, None)
        env.update(extra or {})
        return env

    def exec(self, argv, stdin=b"", env=None, timeout=TIMEOUT_S, **kwargs):
        done = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.environment(env), timeout=timeout, check=False, **kwargs)
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, argv, env=None, **kwargs):
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        child = subprocess.Popen(argv, env=self.environment(env), stdin=subprocess.DEVNULL,
                                 **kwargs)
        self.children.append(child)
        return child

    def run_argv(self, command, options=()):
        return [self.tracer, "run", "--db", self.db, *options, "--", *command]

    def run(self, *command, options=(), **kwargs):
        return self.exec(self.run_argv(command, options), **kwargs)

    def observe(self, *command, options=(), rc=0, **kwargs):
        """Runs a command, expects its exit code, and returns its rows, checked."""
        result = self.run(*command, options=("--quiet", "--strict", *options), **kwargs)
        require(result.rc == rc, f"{command[0]}: expected exit {rc}: {result!r}")
        return self.rows()

    def reader(self, *argv, db=None):
        return self.exec([self.tracer, *argv, "--db", db or self.db])

    def json(self, *argv, db=None):
        result = self.reader(*argv, "--json", db=db)
        equal(result.rc, 0, f"tracer {' '.join(argv)}: {result!r}")
        return json.loads(result.out)

    def rows(self, run="latest", db=None):
        result = self.reader("ps", run, "--format", "jsonl", db=db)
        equal(result.rc, 0, f"tracer ps: {result!r}")
        rows = [json.loads(line) for line in result.out.decode("utf-8").splitlines()]
        for row in rows:
            check_books(row)
        return rows

    def show(self, run="latest", db=None):
        return self.json("show", run, db=db)

    def nothing_lost(self):
        books = self.show()["completeness"]
        for name in ("events_lost", "processes_lost"):
            equal(int(books[name]), 0, f"completeness.{name} of {books}")

    def truth(self, kind=None):
        try:
            with open(self.truth_path, encoding="utf-8") as f:
                lines = [json.loads(line) for line in f]
        except FileNotFoundError:
            return []
        return [t for t in lines if kind is None or t["kind"] == kind]


def num(value):
    """64-bit numbers may be strings in JSON."""
    return int(value)


def check_books(row):
    """Every ns of every thread is in exactly one state."""
    if row["thread_ns"] is None:
        return
    equal(sum(num(row["states"][s] or 0) for s in STATES), num(row["thread_ns"]),
          f"sum(states) of pid {row['pid']} {row['comm']!r}")
    equal(set(row["states"]), set(STATES), "names of the states")
    if row["cpu_ns"] is not None:
        equal(num(row["cpu_ns"]), num(row["states"]["cpu"]), f"cpu_ns of pid {row['pid']}")


def by_pid(rows):
    found = {}
    for row in rows:
        found.setdefault(row["pid"], []).append(row)
    return found


def one(rows, pid):
    found = [r for r in rows if r["pid"] == pid]
    equal(len(found), 1, f"rows of pid {pid}")
    return found[0]


def check_end(row, truth):
    """A row against what wait4 told the parent."""
    code = truth["exit_code"] if truth["exit_code"] >= 0 else None
    equal(row["exit_code"], code, f"exit code of pid {row['pid']}")
    equal(row["signal"], truth["signal"] or None, f"signal of pid {row['pid']}")


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


def read_proc(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def helpers_of(pid):
    """Our own helpers of the run that pid supervises: role -> pid. They bear its command
    line, but are not all its children: the collector must not be in the observed tree."""
    line, found = read_proc(pid, "cmdline"), {}
    for other in filter(str.isdigit, os.listdir("/proc")):
        name = read_proc(other, "comm")
        for role in ("recorder", "collector"):
            if role[:6] in name and line and read_proc(other, "cmdline") == line:
                found[role] = int(other)
    return found


def stop_nicely(child, seconds=20):
    child.send_signal(signal.SIGTERM)
    return child.wait(seconds)
