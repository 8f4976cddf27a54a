# SPDX-License-Identifier: Apache-2.0
"""Writes plays for `as` (as.c) and knows their truth.

A launcher builds the processes, files and environments that an engine or a scheduler
has, with programs that are really executed under the names of the real ones:

    from launcher import Launcher
    L = Launcher("nextflow-local")             # directory: $LAUNCHER_DIR, or a new one
    head = L.actor("java", [...argv...], cwd=L.path("launch"))
    task = head.spawn("t1", L.script("bash"), ["/bin/bash", "-ue", ".command.run"], cwd=d)
    head.wait("t1").exit(0)
    L.run(engine="nextflow", pipeline="main.nf", name="happy_x", status="succeeded")
    L.task(name="FASTQC (A)", sample="A", status="succeeded", exit_code=0)
    L.main(head)

`L.actor(name, argv, **options)` is a program of its own: a hard link of `as` called
`name` in a directory of its own (or at `at=`, a path below the launcher's directory), with
a play. Its methods append steps; all return the actor, but spawn(), which returns the
started actor. A program without a play (`L.tool("bwa")`: its path) computes for 2 ms.

    actor.spawn(NAME, what, argv, **options)   what: an actor, or the path of a program
    actor.play(other, NAME=None, **options)    spawns an actor made by L.actor()
    actor.call(what, argv, **options)          spawn and wait
    actor.fork(NAME, body)                     body(actor) adds steps of a child without exec
    actor.step("mkdir", path)                  any step of as.c; the common ones have names

Options: those of as_spawn.c, as cwd=, env={}, unenv=[], cgroup=[], unshare="pid,uts",
hostname=, tmpfs=[dir], bind=[(source, target)], setsid=True, daemon=True, clearenv=True,
late=, out=.

The truth is one JSON object a line, in $TRUTH: {"kind": "run"|"task"|"tool"|"process"|
"none", ...}. `process` lines are written by the actors themselves, with their pids. Keys of
tasks: name, run (name of L.run), attempt, sample, status, exit_code, signal, cpus,
memory_bytes, task_kind ("task" or "allocation"), key, and any field that the rules keep. Only
keys that are given are compared; None means that tracer must not claim to know.

Started as a program, a launcher prepares its files and becomes the root of the play; with
`--prepare` it prints {"argv", "cwd", "env", "cgroups"} instead, so that nothing but the play
is in the observed tree. Cgroups that were made are removed by Launcher.cleanup(list).
"""
import json
import os
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8",
         "TMPDIR": "/tmp"}


def find_as():
    """The player: $LAUNCHER_AS, or that of build/ (or $TRACER_BUILD)."""
    build = os.environ.get("TRACER_BUILD", os.path.join(SOURCE, "build"))
    return os.environ.get("LAUNCHER_AS", os.path.join(build, "tests", "launchers", "as"))


def encode(steps):
    out = b""
    for step in steps:
        words = [str(w).encode("utf-8", "surrogateescape") for w in step]
        out += b"%d\0" % len(words) + b"".join(w + b"\0" for w in words)
    return out


def option_words(options):
    """Options of spawn() in the order in which as_spawn.c wants them to act."""
    words = []
    for name in ("unshare", "late"):
        if options.get(name):
            words.append(f"{name}={options[name]}")
    words += [f"cgroup={d}" for d in options.get("cgroup", ())]
    if options.get("hostname"):
        words.append(f"hostname={options['hostname']}")
    words += [f"tmpfs={d}" for d in options.get("tmpfs", ())]
    words += [f"bind={a}:{b}" for a, b in options.get("bind", ())]
    words += [name for name in ("setsid", "daemon", "clearenv") if options.get(name)]
    words += [f"unenv={n}" for n in options.get("unenv", ())]
    words += [f"env={n}={v}" for n, v in options.get("env", {}).items()]
    for name in ("in", "out", "cwd"):
        if options.get(name):
            words.append(f"{name}={options[name]}")
    known = {"unshare", "late", "cgroup", "hostname", "tmpfs", "bind", "setsid", "daemon",
             "clearenv", "unenv", "env", "in", "out", "cwd"}
    if set(options) - known:
        raise TypeError(f"unknown options: {set(options) - known}")
    return words


class Actor:
    """One program with a play. Made by Launcher.actor()."""

    def __init__(self, launcher, name, argv, at=None, **options):
        self.launcher, self.argv, self.options = launcher, list(argv), options
        self.exe = launcher.link(name, at)
        self.steps = []
        self.n = 0
        launcher.actors.append(self)
        self.step("truthfile", launcher.truth_path)
        self.step("truth", '{"kind": "process", "pid": @{pid}, "comm": "%s"}' % name[:15])

    def step(self, *words):
        self.steps.append(words)
        return self

    def spawn(self, name, what, argv=None, **options):
        other = what if isinstance(what, Actor) else None
        if other:
            options = {**other.options, **options}
            argv = argv or other.argv
        exe = other.exe if other else what
        self.step("spawn", name, *option_words(options), f"exe={exe}", "--", *argv)
        return other or self

    def play(self, other, name=None, **options):
        self.n += 1
        self.spawn(name or f"p{self.n}", other, **options)
        return self

    def call(self, what, argv=None, **options):
        self.n += 1
        self.spawn(f"c{self.n}", what, argv, **options)
        return self.wait(f"c{self.n}")

    def fork(self, name, body):
        at = len(self.steps)
        self.step("fork", name, 0)
        body(self)
        self.steps[at] = ("fork", name, len(self.steps) - at - 1)
        return self

    def become(self, what, argv=None, **options):
        other = what if isinstance(what, Actor) else None
        if other:
            options = {**other.options, **options}
        self.step("exec", *option_words(options), f"exe={other.exe if other else what}", "--",
                  *(argv or other.argv))
        return self

    def __getattr__(self, name):
        """head.wait("t1"), head.touch(path), ...: the steps of as.c by their name."""
        steps = {"truth", "mkdir", "write", "append", "touch", "read", "hold", "unlink", "rename",
                 "symlink", "chmod", "chdir", "env", "unenv", "wait", "kill", "sleep",
                 "burn", "hog", "title", "comm", "trap", "exit", "exitas", "hostname"}
        alias = {"await_": "await", "raise_": "raise", "argv_title": "argv"}
        if name in steps or name in alias:
            return lambda *words: self.step(alias.get(name, name), *words)
        raise AttributeError(name)


class Launcher:
    def __init__(self, name):
        self.name = name
        self.dir = os.environ.get("LAUNCHER_DIR") or tempfile.mkdtemp(prefix=f"tracer-{name}-")
        os.makedirs(self.dir, exist_ok=True)
        self.truth_path = os.environ.get("TRUTH", os.path.join(self.dir, "truth.jsonl"))
        self.actors, self.lines, self.cgroups, self.links = [], [], [], 0
        self.player = os.path.join(self.dir, "as")
        shutil.copy(find_as(), self.player)

    # ---- files ----

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def mkdir(self, *parts):
        os.makedirs(self.path(*parts), exist_ok=True)
        return self.path(*parts)

    def write(self, path, text, mode=0o644):
        path = self.path(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def link(self, name, at=None):
        """A copy of the player with a name of its own."""
        self.links += 1
        path = self.path(at) if at else self.path("x", str(self.links), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.exists(path):
            raise ValueError(f"{path} is already there")
        os.link(self.player, path)
        return path

    def tool(self, name):
        """A program without a play: the same path for the same name."""
        path = self.path("bin", name)
        if not os.path.exists(path):
            self.link(name, f"bin/{name}")
        return path

    def actor(self, name, argv, at=None, **options):
        return Actor(self, name, argv, at, **options)

    def cgroup(self, path, controllers=("memory", "freezer", "pids")):
        """Makes the group in the v2 tree (controllers=()) or in v1 hierarchies; its
        directories, for cgroup=."""
        roots = [f"/sys/fs/cgroup/{c}" for c in controllers]
        if not controllers:
            v2 = "/sys/fs/cgroup/unified"
            roots = [v2 if os.path.isdir(v2) else "/sys/fs/cgroup"]
        made = []
        for root in roots:
            if not os.path.exists(f"{root}/cgroup.procs"):
                raise RuntimeError(f"no cgroup hierarchy at {root}")
            here = root
            for part in path.strip("/").split("/"):
                here += "/" + part
                if not os.path.isdir(here):
                    os.mkdir(here)
                    self.cgroups.append(here)
            made.append(here)
        return made

    @staticmethod
    def cleanup(cgroups, seconds=5):
        """Removes the groups, deepest first, once they are empty."""
        end = time.monotonic() + seconds
        for path in sorted(cgroups, key=len, reverse=True):
            while os.path.isdir(path):
                if any(e.is_dir() for e in os.scandir(path)):
                    break  # another's
                try:
                    os.rmdir(path)
                except OSError:
                    if time.monotonic() > end:
                        break
                    time.sleep(0.02)

    # ---- truth ----

    def run(self, **keys):
        self.lines.append({"kind": "run", **keys})

    def task(self, **keys):
        self.lines.append({"kind": "task", **keys})

    def scope(self, **keys):
        """There is a scope with these keys: kind, key, name, or any of its fields."""
        self.lines.append({"kind": "scope", "scope": keys})

    def no_scope(self, **keys):
        self.lines.append({"kind": "no-scope", "scope": keys})

    def no_run(self, **keys):
        self.lines.append({"kind": "no-run", "run": keys})

    def scope_of(self, comm, kind, count=1):
        """`count` processes called `comm` are inside a scope of that kind."""
        self.lines.append({"kind": "inside", "comm": comm, "scope_kind": kind, "count": count})

    def used(self, tool, task=None, count=1):
        """`count` processes of that tool belong to the task of that name (None: none)."""
        self.lines.append({"kind": "tool", "tool": tool, "task": task, "count": count})

    def exits(self, code):
        """Exit code of the root, if it is not 0."""
        self.lines.append({"kind": "exit", "code": code})

    # ---- start ----

    def prepare(self, root, env=None):
        for actor in self.actors:
            with open(actor.exe + ".play", "wb") as f:
                f.write(encode(actor.steps))
        with open(self.truth_path, "a", encoding="utf-8") as f:
            for line in self.lines:
                f.write(json.dumps(line) + "\n")
        options = dict(root.options)
        cwd = options.pop("cwd", self.dir)
        own = {**CLEAN, **options.pop("env", {}), **(env or {})}
        if options:
            raise TypeError(f"the root has no {sorted(options)}: give it to a child of the root")
        return {"exe": root.exe, "argv": root.argv, "cwd": cwd, "env": own,
                "cgroups": self.cgroups, "dir": self.dir}

    def main(self, root, env=None):
        made = self.prepare(root, env)
        if "--prepare" in sys.argv:
            print(json.dumps(made))
            return
        os.chdir(made["cwd"])
        sys.stdout.flush()
        os.execve(made["exe"], made["argv"], made["env"])
