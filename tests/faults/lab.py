# SPDX-License-Identifier: Apache-2.0
"""What fault scenarios stand on: a directory, cgroups, a slow disk, a slow network.

A scenario is a function with @scenario: its label, the verdicts that are right, and, if
nothing is wrong with it, healthy=True. It returns the document of `tracer tune --json`.
All that it makes is its own and is taken away at the end.
"""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

SCENARIOS = []
CGROUPS = "/sys/fs/cgroup"
TIMEOUT_S = 60


class Skip(Exception):
    """This machine cannot do what the scenario needs; the text says what."""


def scenario(name, *right, healthy=False, quick=False):
    def register(function):
        SCENARIOS.append({"name": name, "right": right, "healthy": healthy, "quick": quick,
                          "run": function})
        return function
    return register


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(str(text))


def shield():
    """A cpu cgroup with a great weight: other load of the machine must not decide. Returns
    its path, or None where there is no v1 cpu controller; leave it with unshield()."""
    path = f"{CGROUPS}/cpu/faults-{os.getpid()}"
    if not os.path.exists(f"{CGROUPS}/cpu/cpu.shares"):
        return None
    os.mkdir(path)
    write(f"{path}/cpu.shares", 200000)
    write(f"{path}/cgroup.procs", os.getpid())
    return path


def unshield(path):
    if path:
        write(f"{CGROUPS}/cpu/cgroup.procs", os.getpid())
        remove_cgroup(path)


def remove_cgroup(path):
    for _ in range(100):
        try:
            os.rmdir(path)
            return
        except OSError:
            time.sleep(0.05)


class Lab:
    def __init__(self, build, shielded=None):
        self.build = os.path.abspath(build)
        self.shielded = shielded
        self.dir = tempfile.mkdtemp(prefix="tracer-fault-")
        os.chmod(self.dir, 0o755)
        self.db = os.path.join(self.dir, "t.db")
        self.cleanups = []
        self.fault = os.path.join(self.build, "tests", "workload", "fault")

    def close(self):
        for function, *args in reversed(self.cleanups):
            try:
                function(*args)
            except (OSError, subprocess.SubprocessError):
                pass
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    # ---- running ----

    def argv(self, *command):
        return [os.path.join(self.build, "tracer"), "run", "--quiet", "--strict",
                "--db", self.db, "--", *command]

    def environment(self):
        env = dict(os.environ, LC_ALL="C.UTF-8", XDG_DATA_HOME=self.dir, F=self.fault, D=self.dir)
        for name in ("SUDO_UID", "SUDO_GID", "SUDO_USER", "TRACER_DB"):
            env.pop(name, None)
        return env

    def start(self, *command, **kwargs):
        child = subprocess.Popen(command, env=self.environment(), cwd=self.dir,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, **kwargs)
        self.cleanups.append((stop, child))
        return child

    def serve(self, *command):
        """A helper outside of the run that says when it is ready."""
        child = self.start(*command)
        child.stdout.readline()
        return child

    def run(self, *command):
        """Under the collector; what it prints is of no interest here."""
        subprocess.run(self.argv(*command), env=self.environment(), cwd=self.dir, check=False,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=TIMEOUT_S)
        return self.tune()

    def sh(self, script):
        return self.run("sh", "-c", script)

    def tune(self):
        done = subprocess.run([os.path.join(self.build, "tracer"), "tune", "--json", "--db",
                               self.db], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        if done.returncode:
            raise RuntimeError(f"tune: exit {done.returncode}: {done.stderr!r}")
        return json.loads(done.stdout)

    # ---- faults ----

    def cgroup(self, controller, **limits):
        """A v1 cgroup; a double underscore in a name is a dot. Enter it with `enter`."""
        base = f"{CGROUPS}/{controller}"
        if controller == "cpu" and self.shielded:
            base = self.shielded
        elif controller == "memory":
            with open("/proc/self/cgroup", encoding="ascii") as f:
                own = [line.split(":", 2)[2].strip() for line in f if ":memory:" in line]
            base += own[0].rstrip("/") if own else ""
        if not os.path.exists(f"{base}/cgroup.procs") or not os.path.exists(
                f"{CGROUPS}/{controller}/cgroup.procs"):
            raise Skip(f"no v1 {controller} controller")
        path = f"{base}/fault-{os.getpid()}-{controller}"
        os.mkdir(path)
        self.cleanups.append((remove_cgroup, path))
        for name, value in limits.items():
            write(f"{path}/{name.replace('__', '.')}", value)
        return path

    @staticmethod
    def enter(cgroup, script):
        return f"echo $$ > {cgroup}/cgroup.procs; {script}"

    def quota(self, cpus):
        return self.cgroup("cpu", cpu__cfs_period_us=100000,
                           cpu__cfs_quota_us=int(cpus * 100000))

    def disk(self, mib, bytes_per_s):
        """An ext4 on a loop device of its own, throttled for a blkio cgroup: (dir, cgroup)."""
        for tool in ("losetup", "mkfs.ext4"):
            if not shutil.which(tool):
                raise Skip(f"no {tool}")
        image, where = self.path("disk.img"), self.path("disk")
        os.mkdir(where)
        with open(image, "wb") as f:
            f.truncate(mib << 20)
        command("mkfs.ext4", "-q", "-F", image)
        loop = command("losetup", "--show", "-f", image).strip()
        self.cleanups.append((command, "losetup", "-d", loop))
        command("mount", loop, where)
        self.cleanups.append((command, "umount", "-l", where))
        device = os.stat(loop).st_rdev
        rule = f"{os.major(device)}:{os.minor(device)} {bytes_per_s}"
        cgroup = self.cgroup("blkio")
        for way in ("read", "write"):
            write(f"{cgroup}/blkio.throttle.{way}_bps_device", rule)
        return where, cgroup

    def tmpfs(self, size):
        where = self.path("tmpfs")
        os.mkdir(where)
        command("mount", "-t", "tmpfs", "-o", f"size={size}", "none", where)
        self.cleanups.append((command, "umount", "-l", where))
        return where

    def network(self, rate):
        """A network namespace at the other end of a shaped line: (name, its address)."""
        if not shutil.which("ip") or not shutil.which("tc"):
            raise Skip("no ip or tc")
        name = f"fault{os.getpid()}"
        net = f"10.{100 + os.getpid() % 100}.{os.getpid() // 100 % 250}"
        here, there = f"fh{os.getpid()}", f"ft{os.getpid()}"
        command("ip", "netns", "add", name)
        self.cleanups.append((command, "ip", "netns", "del", name))
        command("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        self.cleanups.append((command, "ip", "link", "del", here))
        command("ip", "addr", "add", f"{net}.1/24", "dev", here)
        command("ip", "link", "set", here, "up")
        for words in (("addr", "add", f"{net}.2/24", "dev", there), ("link", "set", there, "up"),
                      ("link", "set", "lo", "up")):
            command("ip", "-n", name, *words)
        if rate:
            shape = ("root", "tbf", "rate", rate, "burst", "32k", "latency", "400ms")
            command("tc", "qdisc", "add", "dev", here, *shape)
            command("tc", "-n", name, "qdisc", "add", "dev", there, *shape)
        return name, f"{net}.2"


def stop(child):
    if child.poll() is None:
        child.kill()
    child.wait()


def command(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise Skip(f"{argv[0]}: {done.stderr.decode(errors='replace').strip()[:120]}")
    return done.stdout.decode()


def pid_of(lab, name, seconds=10):
    """The newest process with this command name below the lab's run."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for pid in sorted((int(p) for p in os.listdir("/proc") if p.isdigit()), reverse=True):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if f.read().replace(b"\0", b" ").startswith(name.encode()):
                        return pid
            except OSError:
                continue
        time.sleep(0.05)
    raise RuntimeError(f"{name} did not start")


def kill(pid, what=signal.SIGKILL):
    os.kill(pid, what)
