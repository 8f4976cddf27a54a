# SPDX-License-Identifier: Apache-2.0
"""Nothing is wrong: no finding above info."""
from lab import scenario

WELL = ("compute-bound", "healthy", "mixed")


def well(name, quick=False, right=WELL):
    return scenario(f"well: {name}", *right, healthy=True, quick=quick)


@well("two threads on two cores")
def threads(lab):
    return lab.run(lab.fault, "threads", "2", "1200")


@well("a pool that waits for its master", quick=True)
def pool(lab):
    return lab.run(lab.fault, "pool", "8", "1500")


@well("a pipeline that compresses", quick=True)
def pipeline(lab):
    return lab.sh("seq 6000000 | gzip -6 | wc -c")


@well("a pipeline with a slow reader that computes")
def pipeline_reader(lab):
    return lab.sh("$F produce 150 0 2 | $F consume 0 10")


@well("disk at its own speed", right=WELL + ("disk",))
def disk(lab):
    return lab.sh("$F burn 700; dd if=/dev/zero of=$D/f bs=1M count=150 conv=fsync")


@well("reading what is cached")
def cached(lab):
    return lab.sh("dd if=/dev/zero of=$D/f bs=1M count=100; "
                  "for i in 1 2 3 4 5; do md5sum $D/f; done")


@well("network at full speed", right=WELL + ("network",))
def network(lab):
    return lab.sh("$F serve 127.0.0.1 7010 3000000000 0 & $F fetch 127.0.0.1 7010 0; wait; "
                  "$F burn 500")


@well("locks that nobody fights for")
def locks(lab):
    return lab.run(lab.fault, "contend", "2", "1500", "5", "500", "0")


@well("shells in shells")
def shells(lab):
    return lab.sh("sh -c 'sh -c \"$F burn 1200; true\"; true'; true")


@well("short naps between work", quick=True)
def naps(lab):
    return lab.sh("for i in 1 2 3 4; do $F burn 500; sleep 0.05; done")


@well("memory within its limit")
def memory(lab):
    cgroup = lab.cgroup("memory", memory__limit_in_bytes=512 << 20)
    return lab.sh(lab.enter(cgroup, "exec $F alloc 200 1200"))


@well("a quota that is not reached")
def quota(lab):
    return lab.sh(lab.enter(lab.quota(1.9), "exec $F burn 1200"))


@well("a helper that is ended at the end")
def helper(lab):
    return lab.sh("sleep 60 & p=$!; $F burn 1200; kill $p; wait $p; true")


@well("questions whose answer is no", quick=True)
def questions(lab):
    return lab.sh("grep -q nothing /etc/hostname; diff /etc/hostname /etc/passwd >/dev/null; "
                  "cat $D/none 2>/dev/null; test -e $D/none; $F burn 1000")


@well("balanced recipes of make")
def make(lab):
    with open(lab.path("Makefile"), "w", encoding="ascii") as f:
        f.write("all: a b c d\na b c d:\n\t@$$F burn 600; true\n")
    return lab.run("make", "-s", "-j2")


@well("a background job that waits")
def background(lab):
    return lab.sh("(while sleep 0.2; do :; done) & p=$!; $F burn 1500; kill $p; true")


@well("something waited for, briefly")
def waited(lab):
    return lab.sh("(sleep 0.3; touch $D/flag) & until test -e $D/flag; do sleep 0.05; done; "
                  "$F burn 1500")


@well("many short processes on one core", right=WELL + ("cpu-starved",))
def many(lab):
    with open(lab.path("many.sh"), "w", encoding="ascii") as f:
        f.write("i=0; while [ $i -lt 800 ]; do /bin/true; i=$((i+1)); done\n")
    return lab.run("taskset", "-c", "0", "sh", lab.path("many.sh"))
