# SPDX-License-Identifier: Apache-2.0
"""Slow in a known way."""
import os
import signal
import subprocess
import threading
import time

from lab import Skip, command, kill, pid_of, scenario


@scenario("CPU-bound, one thread", "compute-bound", "healthy", healthy=True, quick=True)
def cpu_bound(lab):
    return lab.run(lab.fault, "burn", "1500")


@scenario("CPU-bound, a script", "compute-bound", "healthy", healthy=True)
def cpu_script(lab):
    return lab.sh("i=0; while [ $i -lt 1500000 ]; do i=$((i+1)); done")


@scenario("oversubscribed: 6 processes", "cpu-starved", quick=True)
def oversubscribed(lab):
    return lab.sh("for i in 1 2 3 4 5 6; do $F burn 700 & done; wait")


@scenario("oversubscribed: 8 threads", "cpu-starved")
def oversubscribed_threads(lab):
    return lab.run(lab.fault, "threads", "8", "500")


@scenario("throttled: quota 0.3, one thread", "throttled", quick=True)
def throttled(lab):
    return lab.sh(lab.enter(lab.quota(0.3), "exec $F burn 800"))


@scenario("throttled: quota 1, four processes", "throttled")
def throttled_many(lab):
    return lab.sh(lab.enter(lab.quota(1), "for i in 1 2 3 4; do $F burn 600 & done; wait"))


@scenario("slow disk: direct reads", "disk", quick=True)
def disk_direct(lab):
    where, cgroup = lab.disk(64, 4 << 20)
    command("dd", "if=/dev/zero", f"of={where}/f", "bs=1M", "count=12", "conv=fsync")
    return lab.sh(lab.enter(cgroup, f"exec dd if={where}/f of=/dev/null bs=64k iflag=direct"))


@scenario("slow disk: cold reads and some CPU", "disk")
def disk_cold(lab):
    where, cgroup = lab.disk(64, 4 << 20)
    command("dd", "if=/dev/zero", f"of={where}/f", "bs=1M", "count=12", "conv=fsync")
    command("dd", f"if={where}/f", "iflag=nocache", "count=0")
    return lab.sh(lab.enter(cgroup, f"cat {where}/f | md5sum; $F burn 300"))


@scenario("slow disk: writes until they are there", "disk")
def disk_sync(lab):
    where, cgroup = lab.disk(64, 4 << 20)
    write = f"exec dd if=/dev/zero of={where}/f bs=1M count=10 oflag=direct"
    return lab.sh(lab.enter(cgroup, write))


@scenario("slow network: download", "network", quick=True)
def net_down(lab):
    name, address = lab.network("8mbit")
    lab.serve("ip", "netns", "exec", name, lab.fault, "serve", address, "7001", "2500000", "0")
    return lab.run(lab.fault, "fetch", address, "7001", "0")


@scenario("slow network: upload", "network")
def net_up(lab):
    name, address = lab.network("8mbit")
    lab.serve("ip", "netns", "exec", name, lab.fault, "serve", address, "7002", "0", "0")
    return lab.run(lab.fault, "fetch", address, "7002", "2500000")


@scenario("a server that does not answer", "network")
def net_silent(lab):
    lab.serve(lab.fault, "serve", "127.0.0.1", "7003", "1000", "2500")
    return lab.run(lab.fault, "fetch", "127.0.0.1", "7003", "0")


@scenario("pipe: starved consumer", "pipe", quick=True)
def pipe_starved(lab):
    return lab.sh("$F produce 40 60 2 | $F consume 0 1")


@scenario("pipe: back-pressure", "pipe")
def pipe_pressure(lab):
    return lab.sh("$F produce 120 0 1 | $F consume 25 0")


@scenario("pipe: the middle of three sleeps", "pipe")
def pipe_middle(lab):
    return lab.sh("cat /dev/zero | head -c 400000 | "
                  "(while dd bs=4096 count=1 of=/dev/null 2>/dev/null && sleep 0.25; do "
                  "echo x; n=$((n+1)); [ $n -ge 10 ] && exit 0; done) | $F consume 0 0")


@scenario("hang in a read of a FIFO", "pipe")
def hang_fifo(lab):
    command("mkfifo", lab.path("fifo"))
    threading.Timer(3.5, feed, [lab.path("fifo")]).start()
    return lab.run("cat", lab.path("fifo"))


def feed(path):
    with open(path, "wb") as f:
        f.write(b"x")


@scenario("hang in a read of a silent pipe", "pipe")
def hang_pipe(lab):
    writer = subprocess.Popen(["sleep", "3.5"], stdout=subprocess.PIPE)
    subprocess.run(lab.argv("cat"), stdin=writer.stdout, env=lab.environment(), cwd=lab.dir,
                   check=False, stdout=subprocess.DEVNULL, timeout=60)
    writer.wait()
    return lab.tune()


@scenario("futex contention: all work under one lock", "lock", quick=True)
def lock_busy(lab):
    return lab.run(lab.fault, "contend", "4", "2500", "500", "20", "0")


@scenario("futex contention: the holder sleeps", "lock")
def lock_asleep(lab):
    return lab.run(lab.fault, "contend", "6", "2500", "2000", "20", "1")


@scenario("file lock: four jobs, one at a time", "lock")
def lock_file(lab):
    return lab.sh("for i in 1 2 3 4; do flock $D/lock $F burn 600 & done; wait")


@scenario("straggler among processes", "straggler", quick=True)
def straggler(lab):
    return lab.sh("for t in 300 320 310 2800; do $F burn $t & done; wait")


@scenario("straggler among recipes of make", "straggler")
def straggler_make(lab):
    with open(lab.path("Makefile"), "w", encoding="ascii") as f:
        f.write("all: a b c d e\na b c d:\n\t@$$F burn 250; true\ne:\n\t@$$F burn 3000; true\n")
    return lab.run("make", "-s", "-j2", "e", "a", "b", "c", "d")


@scenario("serial section in a threaded program", "serial")
def serial_threads(lab):
    return lab.run(lab.fault, "serial", "2", "2400", "700")


@scenario("serial section after parallel processes", "serial")
def serial_processes(lab):
    return lab.sh("$F burn 600 & $F burn 600 & wait; $F burn 2400")


def snakemake(lab, rule, cores=2):
    with open(lab.path("Snakefile"), "w", encoding="ascii") as f:
        f.write("rule all:\n    input: 'a.txt'\n" + rule)
    return lab.run("snakemake", "-c", str(cores))


@scenario("two cores asked for, one used", "single-threaded", "cpus-over-requested")
def over_cpus(lab):
    return snakemake(lab, "rule work:\n    output: 'a.txt'\n    threads: 2\n"
                          "    shell: \"$F burn 2200; echo > {output}\"\n")


@scenario("4 GB asked for, 20 MB used", "memory-over-requested")
def over_memory(lab):
    return snakemake(lab, "rule work:\n    output: 'a.txt'\n    resources: mem_mb=4000\n"
                          "    shell: \"$F alloc 20 1600; echo > {output}\"\n")


def big_file(lab):
    with open(lab.path("big"), "wb") as f:
        for _ in range(96):
            f.write(b"x" * (1 << 20))
        f.flush()
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # else the cache is not its own
    return lab.cgroup("memory", memory__limit_in_bytes=24 << 20)


@scenario("memory pressure: a mapped file larger than the cgroup", "memory")
def memory_mapped(lab):
    return lab.sh(lab.enter(big_file(lab), "exec $F thrash 3000 $D/big"))


@scenario("memory pressure: read again and again", "memory")
def memory_reread(lab):
    return lab.sh(lab.enter(big_file(lab), "for i in 1 2 3 4 5 6 7 8 9 10; do "
                                           "cat $D/big > /dev/null; done"))


@scenario("sleep loop", "sleep", quick=True)
def sleep_loop(lab):
    return lab.sh("for i in 1 2 3 4 5 6 7 8; do $F burn 10; sleep 0.3; done")


@scenario("a program that sleeps", "sleep")
def sleep_program(lab):
    return lab.sh("$F burn 300; $F produce 30 80 1 > /dev/null")


@scenario("zombie child of a sleeping parent", "sleep", "zombie")
def zombie(lab):
    return lab.run(lab.fault, "zombie", "2500")


@scenario("an event that does not come", "poll")
def poll_event(lab):
    return lab.run(lab.fault, "event", "2500")


@scenario("stopped for two seconds", "stopped")
def stopped(lab):
    child = lab.start(*lab.argv(lab.fault, "burn", "800"))
    pid = pid_of(lab, f"{lab.fault} burn")
    time.sleep(0.2)
    kill(pid, signal.SIGSTOP)
    time.sleep(2.5)
    kill(pid, signal.SIGCONT)
    child.wait(30)
    return lab.tune()


@scenario("FUSE stall", "disk")
def fuse_stall(lab):
    where = lab.path("fuse")
    command("mkdir", where)
    try:
        with open("/dev/fuse", "rb"):
            pass
    except OSError as e:
        raise Skip(f"/dev/fuse: {e.strerror}") from e
    server = lab.start(lab.fault.replace("fault", "stall_fs"), where, "120")
    if not server.stdout.readline():
        raise Skip("FUSE does not mount here")
    lab.cleanups.append((command, "umount", "-l", where))
    return lab.run("dd", f"if={where}/data", "of=/dev/null", "bs=4k", "count=20")
