# SPDX-License-Identifier: Apache-2.0
"""Parts that are scripts: the kernel runs their interpreter, which is a copy of the player.

    sched = script(L, "airflow", ["scheduler"])        # `#!.../python3.11`
    sched = python(L, ["-m", "prefect.engine"])         # the interpreter itself

`exe` is then the interpreter, `comm` the script, and argv has the script's path second, as
execve() does it. fork(), title() and pods are as in launcher.py.
"""
import os
import sys

from launcher import Actor, Launcher


def interpreter(launcher, name="python3.11"):
    return launcher.tool(name)


def script(launcher, name, args, interp="python3.11", **options):
    """An actor whose program is a script of that name."""
    actor = Actor(launcher, name, [name, *args], **options)
    os.unlink(actor.exe)
    with open(actor.exe, "w", encoding="ascii") as f:
        f.write(f"#!{interpreter(launcher, interp)}\n")
    os.chmod(actor.exe, 0o755)
    return actor


def python(launcher, args, name="python3.11", **options):
    """An actor that is an interpreter with these arguments."""
    return Actor(launcher, name, ["python3", *args], **options)


def pod_cgroup(launcher, uid, container, qos="burstable", v2=False):
    """Directories of a container's group as the kubelet names it with cgroupfs."""
    path = f"kubepods/{qos}/pod{uid}/{container}"
    return launcher.cgroup(path, controllers=() if v2 else ("memory", "freezer", "pids"))


def pod(launcher, name, number, **options):
    """Options of spawn() for the first process of a container in pod `name`."""
    uid = f"{number:08x}-0123-4567-89ab-0123456789ab"
    container = f"{number:064x}"
    return {
        "unshare": "pid,mnt,uts",
        "hostname": name,
        "cgroup": pod_cgroup(launcher, uid, container),
        **options,
    }


def choose(cases):
    """The launcher's case named by its first argument; all are listed without one."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in cases:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(sorted(cases))} [--prepare]")
    launcher = Launcher(name)
    launcher.main(cases[name](launcher))
