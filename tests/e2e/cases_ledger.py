# SPDX-License-Identifier: Apache-2.0
"""Every wait is in its state: 1 % or 200 us. Times: up to three attempts each."""
import os
import subprocess

from harness import Cgroup, Skip, case, near, num, one, require

WAIT_MS = "250"
# kind: state, as `waits list` prints them; the case below proves that none is missing
KINDS = ("sleep", "sigsuspend", "poll_timer", "poll_pipe", "poll_eventfd", "epoll", "select",
         "poll_socket", "epoll_socket", "epoll_unix", "tcp_recv", "tcp_accept",
         "tcp_connect", "unix_recv", "unix_send", "pipe_read", "pipe_write", "fifo_open",
         "futex", "flock", "child", "vfork",
         "stop", "runq")


def expected_states(truths):
    wanted = {}
    for truth in truths:
        wanted[truth["state"]] = wanted.get(truth["state"], 0) + truth["ns"]
    return wanted


def check_waits(world, rows):
    truths = world.truth("wait")
    process = world.truth("process")[0]
    row = one(rows, process["pid"])
    wanted = expected_states(truths)
    for state, ns in wanted.items():
        near(num(row["states"][state]), ns, f"{truths[0]['wait']}: state {state}")
    unexpected = {s: num(v) for s, v in row["states"].items()
                  if s not in wanted and s not in ("cpu", "runq", "disk") and num(v) > 200_000}
    require(not unexpected, f"time in states that it was not in: {unexpected}")


def wait_case(kind):
    @case(f"wait: {kind}", attempts=3)
    def function(world):
        # a shell between, so that a stopped workload does not stop tracer's own job
        rows = world.observe("sh", "-c", '"$0" "$@"; exit $?', world.workload("waits"), kind,
                             WAIT_MS)
        check_waits(world, rows)


for each in KINDS:
    wait_case(each)


@case("waits: every kind that the workload knows has a case", needs=())
def all_kinds(world):
    listed = subprocess.run([world.workload("waits"), "list"], stdout=subprocess.PIPE, text=True,
                            check=True).stdout.split()[::2]
    missing = set(listed) - set(KINDS) - {"disk"}
    require(not missing, f"kinds without a case: {missing}")


def large_file(world):
    path = os.path.join(world.dir, "large")
    with open(path, "wb") as f:
        for _ in range(32):
            f.write(os.urandom(1024 * 1024))
        f.flush()
        os.fsync(f.fileno())
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
    except OSError as error:
        raise Skip(f"O_DIRECT in the temporary directory: {error.strerror}") from error
    return path


@case("wait: disk, direct reads", attempts=3)
def disk(world):
    env = {"WAITS_FILE": large_file(world)}
    rows = world.observe(world.workload("waits"), "disk", WAIT_MS, env=env)
    check_waits(world, rows)


@case("wait: disk, throttled to 4 MB/s", attempts=3)
def throttled_disk(world):
    path = large_file(world)
    device = os.stat(path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    if os.major(device) == 0:
        raise Skip("the temporary directory is on no block device")
    world.exec([world.workload("waits"), "list"])  # its own pages are in memory then
    limits = {"v1": {"blkio.throttle.read_bps_device": f"{number} 4194304"},
              "v2": {"io.max": f"{number} rbps=4194304"}}
    with Cgroup("blkio", limits) as group:
        # not by exec: entering a group waits in the kernel, in this same process
        command = group.enter_command("sh", "-c", '"$0" disk 1000; exit $?',
                                      world.workload("waits"))
        rows = world.observe(*command, env={"WAITS_FILE": path})
        check_waits(world, rows)
        require(world.truth("wait")[0]["ns"] > 500_000_000, "the disk was not throttled")


@case("threads: CPU and waits of all threads are summed", attempts=3)
def threads(world):
    rows = world.observe(world.workload("threads"), "plain", "4", "30", "100")
    truth = world.truth("threads")[0]
    row = one(rows, truth["pid"])
    near(num(row["states"]["sleep"]), truth["sleep_ns"], "sleep of all threads")
    near(num(row["cpu_ns"]), truth["cpu_ns"], "CPU of all threads")
    require(num(row["thread_ns"]) > 4 * 100_000_000, "lifetime of all threads")
