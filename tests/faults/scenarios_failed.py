# SPDX-License-Identifier: Apache-2.0
"""Failed in a known way."""
import os
import time

from lab import kill, pid_of, scenario


@scenario("cgroup OOM of a grandchild", "oom", quick=True)
def oom_grandchild(lab):
    cgroup = lab.cgroup("memory", memory__limit_in_bytes=48 << 20)
    return lab.sh(lab.enter(cgroup, "sh -c '$F alloc 200 0; true'; $F burn 300"))


@scenario("cgroup OOM, the run fails", "oom")
def oom_run(lab):
    cgroup = lab.cgroup("memory", memory__limit_in_bytes=48 << 20)
    return lab.sh(lab.enter(cgroup, "exec $F alloc 200 0"))


@scenario("tmpfs fills the cgroup", "oom")
def oom_tmpfs(lab):
    where = lab.tmpfs("200m")
    cgroup = lab.cgroup("memory", memory__limit_in_bytes=48 << 20)
    return lab.sh(lab.enter(cgroup, f"dd if=/dev/zero of={where}/f bs=1M count=150 && $F burn 200"))


@scenario("disk full", "disk-full", quick=True)
def disk_full(lab):
    where = lab.tmpfs("2m")
    return lab.sh(f"$F burn 300; dd if=/dev/zero of={where}/f bs=64k")


@scenario("disk full, nobody looks", "disk-full")
def disk_full_ignored(lab):
    where = lab.tmpfs("2m")
    return lab.sh(f"dd if=/dev/zero of={where}/f bs=64k; $F burn 500; true")


@scenario("input file missing", "missing-file", quick=True)
def missing(lab):
    return lab.sh(f"set -e; $F burn 200; $F read {lab.path('input.bam')}")


@scenario("command missing", "missing-file")
def missing_command(lab):
    return lab.sh("$F burn 200; samtoolz sort x")


@scenario("input missing in a script", "missing-file")
def missing_python(lab):
    return lab.run("/usr/bin/python3", "-c", f"open('{lab.path('reads.fq')}')")


@scenario("permission denied: a file", "permission-denied", quick=True)
def denied(lab):
    with open(lab.path("secret"), "w", encoding="ascii") as f:
        f.write("x")
    os.chmod(lab.path("secret"), 0o600)
    return lab.run("setpriv", "--reuid=65534", "--clear-groups", "cat", lab.path("secret"))


@scenario("permission denied: a script without the bit", "permission-denied")
def denied_exec(lab):
    with open(lab.path("script"), "w", encoding="ascii") as f:
        f.write("#!/bin/sh\n")
    return lab.sh(f"$F burn 100; {lab.path('script')}")


@scenario("killed from outside", "killed", quick=True)
def killed(lab):
    child = lab.start(*lab.argv("sh", "-c", "$F burn 20000; exit $?"))
    pid = pid_of(lab, f"{lab.fault} burn")
    time.sleep(0.5)
    kill(pid)
    child.wait(30)
    return lab.tune()


@scenario("crash: segmentation fault", "crash")
def crash(lab):
    return lab.sh("$F burn 200; $F crash 0; exit $?")


@scenario("crash: abort", "crash")
def crash_abort(lab):
    return lab.run(lab.fault, "crash", "1")


@scenario("time limit", "timeout")
def timed_out(lab):
    return lab.run("timeout", "1.5", lab.fault, "burn", "20000")


@scenario("an error of its own", "exit")
def own_error(lab):
    return lab.sh("grep -q nothing /etc/hostname; $F burn 300; $F burn 100 7")


@scenario("retry that succeeds", "retry", quick=True)
def retry(lab):
    with open(lab.path("try.sh"), "w", encoding="ascii") as f:
        f.write("$F burn 700; test -e $D/second || { touch $D/second; exit 5; }\n")
    return lab.sh("for i in 1 2 3; do sh $D/try.sh && break; done")


@scenario("retry with back-off", "retry")
def retry_pause(lab):
    with open(lab.path("try.sh"), "w", encoding="ascii") as f:
        f.write("$F burn 300; n=$(cat $D/n 2>/dev/null); echo x$n > $D/n; "
                "test \"$n\" = xx || exit 1\n")
    return lab.sh("until sh $D/try.sh; do sleep 0.5; done; $F burn 200")


@scenario("a task of make fails", "exit")
def make_fails(lab):
    with open(lab.path("Makefile"), "w", encoding="ascii") as f:
        f.write("all: a b\na:\n\t@$$F burn 200; true\nb:\n\t@$$F burn 200 3; exit $$?\n")
    return lab.run("make", "-s")
