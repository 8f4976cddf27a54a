#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions, and runtimes of containers that are known by cgroup, UTS name or argv[0]."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from scripts import choose, python, script  # noqa: E402


def login(launcher):
    sshd = launcher.actor("sshd", ["sshd: ann@pts/1"])
    for n in range(2):
        shell = launcher.actor("bash", ["-bash"])
        shell.call(launcher.tool("samtools"), ["samtools", "view"]).exit(0)
        sshd.play(shell, f"s{n}", setsid=True)
        launcher.scope(kind="session", name="bash")
    return sshd.wait("s0").wait("s1").exit(0)


def adhoc(launcher):
    """Scripts that people start by hand: runs, unless they are the system's."""
    shell = launcher.actor("bash", ["-bash"])
    step = launcher.actor("sh", ["/bin/sh", "./step.sh"])
    step.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(0)
    for n, code in enumerate((0, 4)):
        run = launcher.actor("bash", ["/bin/bash", f"./run_{n}.sh", "all"])
        shell.play(run.play(step, "s").wait("s").exit(code), f"r{n}").wait(f"r{n}")
        launcher.run(
            engine="bash", pipeline=f"run_{n}.sh", status="failed" if code else "succeeded"
        )
    ldd = launcher.actor("bash", ["/bin/bash", "/usr/bin/ldd", "x"]).exit(0)
    shell.play(ldd, "l").wait("l")
    launcher.no_run(engine="bash", pipeline="ldd")
    launcher.no_run(engine="bash", pipeline="step.sh")
    sshd = launcher.actor("sshd", ["sshd: ann@pts/1"])
    return sshd.play(shell.exit(0), "s").wait("s").exit(0)


def cron(launcher):
    daemon = launcher.actor("cron", ["/usr/sbin/cron", "-f"])
    nightly = script(launcher, "nightly.sh", ["--all"], interp="bash")
    nightly.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(0)

    def child(a):
        a.spawn("l", "/bin/sh", ["/bin/sh", "-c", f"LC_ALL=C {nightly.exe} --all; :"]).exitas("l")

    for n in range(2):
        daemon.fork(f"c{n}", child)
        launcher.run(engine="cron", pipeline="nightly.sh", status="succeeded")
        launcher.scope(kind="session", name="nightly.sh")
    return daemon.wait("c0").wait("c1").exit(0)


def github(launcher):
    worker = launcher.actor("Runner.Worker", ["Runner.Worker", "spawnclient", "1", "2"])
    env = {
        "GITHUB_RUN_ID": 1001,
        "GITHUB_RUN_ATTEMPT": 2,
        "GITHUB_JOB": "qc",
        "GITHUB_WORKFLOW": "nightly",
        "GITHUB_TOKEN": "s3cr3t-7f",
    }
    for n in range(2):
        step = launcher.actor("bash", ["/usr/bin/bash", "-e", f"/w/_temp/{n}.sh"])
        step.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(0)
        worker.play(step, f"s{n}", env=env).wait(f"s{n}")
    launcher.scope(kind="session", name="nightly", key="github:1001:2:qc")
    return worker.exit(0)


def gitlab(launcher):
    runner = launcher.actor("gitlab-runner", ["gitlab-runner", "run"])
    step = launcher.actor("bash", ["bash", "--login"])
    step.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(0)
    runner.play(
        step, "a", env={"CI_PIPELINE_ID": 77, "CI_JOB_ID": 901, "CI_JOB_TOKEN": "s3cr3t-7f"}
    )
    runner.wait("a").play(step, "b").wait("b")
    launcher.scope(kind="session", key="gitlab:77:901")
    launcher.scope(kind="session", name="gitlab")
    return runner.exit(0)


def jenkins(launcher):
    agent = launcher.actor("java", ["java", "-jar", "agent.jar"])
    step = launcher.actor("sh", ["sh", "-xe", "/tmp/jenkins1.sh"])
    step.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(0)
    launcher.scope(kind="session", name="rna-qc", key="jenkins:jenkins-rna-qc-17")
    return agent.play(step, "s", env={"BUILD_TAG": "jenkins-rna-qc-17"}).wait("s").exit(0)


def jupyter(launcher):
    server = script(launcher, "jupyter-lab", ["--no-browser"])
    for n, name in enumerate(("counts", "qc")):
        kernel = python(
            launcher,
            ["-m", "ipykernel_launcher", "-f", f"/run/jupyter/kernel-0{n}-ab.json"],
            env={
                "JPY_SESSION_NAME": f"/h/ann/{name}.ipynb",
                "JPY_PARENT_PID": 7,
                "JPY_API_TOKEN": "s3cr3t-7f",
            },
        )
        kernel.call(launcher.tool("samtools"), ["samtools", "view"]).exit(0)
        server.play(kernel, f"k{n}")
        launcher.run(
            engine="jupyter", pipeline=f"{name}.ipynb", name=f"0{n}-ab", status="succeeded"
        )
        launcher.scope(kind="session", key=f"kernel:0{n}-ab")
    return server.wait("k0").wait("k1").exit(0)


def papermill(launcher):
    head = script(launcher, "papermill", ["nb/qc.ipynb", "out/qc-1.ipynb", "-p", "n", "3"])
    kernel = python(launcher, ["-m", "ipykernel_launcher", "-f", "/tmp/kernel-9.json"])
    kernel.call(launcher.tool("samtools"), ["samtools", "view"]).exit(0)
    launcher.run(engine="papermill", pipeline="qc", status="failed")
    launcher.no_run(engine="jupyter")
    return head.play(kernel, "k").wait("k").exit(2)


def nbconvert(launcher):
    head = script(launcher, "jupyter-nbconvert", ["--to", "html", "--execute", "nb/qc.ipynb"])
    launcher.run(engine="nbconvert", pipeline="qc", status="succeeded")
    return head.burn(3).exit(0)


def ides(launcher):
    root = launcher.actor("rserver", ["rserver"])
    session = launcher.actor("rsession", ["rsession", "-u", "ann"])
    node = launcher.actor("node", ["node", "/h/ann/.vscode-server/bin/0a/out/server-main.js"])
    for n, part in enumerate((session, node)):
        root.play(part.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(0), f"x{n}")
    launcher.scope(kind="session", name="rstudio")
    launcher.scope(kind="session", name="vscode")
    return root.wait("x0").wait("x1").exit(0)


def units(launcher):
    """A timer of systemd: the unit is in the cgroup."""
    root = launcher.actor("init", ["init"])
    for n, unit in enumerate(("nightly-qc", "cron")):
        part = python(launcher, ["qc.py"]).call(launcher.tool("bwa"), ["bwa", "mem"]).exit(0)
        root.play(part, f"u{n}", cgroup=launcher.cgroup(f"system.slice/{unit}.service")).wait(
            f"u{n}"
        )
    launcher.scope(kind="session", name="nightly-qc", key="unit:nightly-qc")
    launcher.no_scope(key="unit:cron")
    return root.exit(0)


SLICE = "kubepods.slice/kubepods"
DRIVERS = {
    "systemd": SLICE + "-burstable.slice/kubepods-burstable-pod{u}.slice/cri-containerd-{c}.scope",
    "guaranteed": SLICE + "-pod{u}.slice/cri-containerd-{c}.scope",
    "crio": SLICE + "-besteffort.slice/kubepods-besteffort-pod{u}.slice/crio-{c}.scope",
    "cgroupfs": "kubepods/burstable/pod{d}/{c}",
    "mixed": "system.slice/containerd.service/kubepods-burstable-pod{u}.slice:cri-containerd:{c}",
}


def kubernetes(launcher):
    root = launcher.actor("containerd-shim-runc-v2", ["containerd-shim-runc-v2"])
    for n, (driver, path) in enumerate(DRIVERS.items()):
        uid, container = f"{n:08x}_0123_4567_89ab_0123456789ab", f"{n + 512:064x}"
        group = launcher.cgroup(path.format(u=uid, d=uid.replace("_", "-"), c=container))
        main = launcher.actor("tini", ["tini", "--", "bwa"])
        main.sleep(30)  # moved by then, as runc does before it executes the program
        main.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(0)
        # the runtime forks first, and moves the child some ms later
        late = {"late": group[0]} if driver == "cgroupfs" else {"cgroup": group}
        root.play(main, f"c{n}", unshare="pid,mnt,uts", hostname=f"pod-{driver}", **late).wait(
            f"c{n}"
        )
        launcher.scope(kind="container", key=f"k8s:{container}", name=f"pod-{driver}")
    return root.exit(0)


def ecs(launcher):
    root = launcher.actor("containerd-shim-runc-v2", ["containerd-shim-runc-v2"])
    task = f"{77:032x}"
    for n, path in enumerate(
        (f"ecs/{task}/{600:064x}", f"ecstasks.slice/ecstasks-{task}.slice/docker-{601:064x}.scope")
    ):
        main = launcher.actor("bwa", ["bwa", "mem"]).burn(2).exit(0)
        root.play(main, f"c{n}", cgroup=launcher.cgroup(path)).wait(f"c{n}")
        launcher.scope(kind="container", key=f"ecs:{600 + n:064x}", name=task)
    return root.exit(0)


def apptainer(launcher):
    """exec in place from the client; the program waits under a name in argv[0]."""
    shell = launcher.actor("bash", ["/bin/bash", "run.sh"])
    for n, (runtime, image, init) in enumerate(
        (("Apptainer", "/sif/bwa_0.7.17.sif", True), ("Singularity", "", False))
    ):
        parent = launcher.actor(
            "starter-suid", [f"{runtime} runtime parent" + (f": {image}" if image else "")]
        )
        tool = launcher.actor("bwa", ["bwa", "mem"]).burn(2).exit(n)
        if init:
            parent.play(
                launcher.actor("starter", ["appinit"]).play(tool, "t").exitas("t"),
                "i",
                unshare="pid,mnt",
            ).exitas("i")
        else:
            parent.play(tool, "t", unshare="mnt").exitas("t")
        client = launcher.actor(
            runtime.lower(), [runtime.lower(), "exec", image or "i.sif", "bwa", "mem"]
        )
        shell.play(client.become(parent), f"c{n}").wait(f"c{n}")
        launcher.scope(kind="container", image=image or None, runtime=runtime)
    launcher.scope_of(comm="bwa", kind="container", count=2)
    return shell.exit(0)


def charliecloud(launcher):
    shell = launcher.actor("bash", ["/bin/bash", "run.sh"])
    tool = launcher.actor("bwa", ["bwa", "mem"]).burn(2).exit(0)
    chrun = launcher.actor("ch-run", ["ch-run", "-w", "/var/tmp/img/bwa", "--", "bwa", "mem"])
    shifter = launcher.actor("shifter", ["shifter", "--image=docker:lab/bwa:1", "bwa", "mem"])
    shell.play(chrun.become(tool), "a").wait("a").play(shifter.become(tool), "b").wait("b")
    launcher.scope(kind="container", image="/var/tmp/img/bwa", name="bwa")
    launcher.scope(kind="container", image="docker:lab/bwa:1")
    launcher.scope_of(comm="bwa", kind="container", count=2)
    return shell.exit(0)


choose(
    {
        "login": login,
        "adhoc": adhoc,
        "cron": cron,
        "github": github,
        "gitlab": gitlab,
        "jenkins": jenkins,
        "jupyter": jupyter,
        "papermill": papermill,
        "nbconvert": nbconvert,
        "ides": ides,
        "units": units,
        "kubernetes": kubernetes,
        "ecs": ecs,
        "apptainer": apptainer,
        "charliecloud": charliecloud,
    }
)
