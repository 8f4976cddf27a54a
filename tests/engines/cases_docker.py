# SPDX-License-Identifier: Apache-2.0
"""Docker with its daemon inside of the observed tree, and started before, outside of it."""
import subprocess

from harness import case, equal, require
from truth import (Seen, need, prepare, read, read_json, record_host, script, task_is,
                   temporary)

NAMES = ("good", "bad", "oom", "later")
DAEMONS = {"docker", "dockerd", "containerd", "containerd-shim", "runc", "exe", "check", "tar",
           "unpigz", "pigz", "modprobe", "iptables", "ip6tables", "ip", "mount", "umount", "ps",
           "docker-init", "tini-static", "xz", "git", "zfs", "mkfs.xfs", "fuse-overlayfs",
           "runc:[0:PARENT]", "runc:[1:CHILD]", "runc:[2:INIT]", "kmod", "bash", "mkdir", "cp",
           "ln", "sleep", "cat", "sh", "nft", "docker-jobs", "docker-make", "tail", "rmdir",
           "apparmor_parser"}


def members(seen, scope):
    return [r for r in seen.rows if scope in seen.scopes_of(r)]


def check_containers(seen, place, only=True):
    """Ids, ends and out-of-memory as docker inspect has them; no container more or less."""
    found = {s["key"]: s for s in seen.containers()}
    for name in NAMES:
        told = read_json(f"{place}/{name}.json")[0]
        scope = found.pop(f"docker:{told['Id']}")
        code = told["State"]["ExitCode"]
        if name == "later":  # killed: the kernel has the signal, docker 128 more
            task_is(scope, signal=code - 128, status="failed")
        else:
            task_is(scope, exit_code=code, status="failed" if code else "succeeded")
        rows = members(seen, scope)
        equal({r["container"] for r in rows}, {told["Id"][:12]}, f"container of {name} in ps")
        equal(any(r["oom_killed"] for r in rows), told["State"]["OOMKilled"], f"OOM of {name}")
    if only:
        equal(found, {}, "containers that docker does not know")


def check_exec(seen, place):
    """docker exec: another branch below the daemon, in the same container."""
    told = read_json(f"{place}/later.json")[0]["Id"]
    code = int(read(f"{place}/exec.rc"))
    rows = [r for r in seen.rows if r["exit_code"] == code and r["container"] == told[:12]]
    equal(len(rows), 1, "the process of docker exec")
    equal([s["key"] for s in seen.scopes_of(rows[0]) if s["kind"] == "container"],
          [f"docker:{told}"], "its container")


def launchers_only(seen):
    inside = [r["id"] for s in seen.containers() for r in members(seen, s)]
    strange = {r["comm"] for r in seen.rows if r["id"] not in inside} - DAEMONS
    require(not strange, f"in no container: {sorted(strange)}")


@case("Docker with its daemon in the tree: ids, ends, out of memory, exec")
def docker_inside(world):
    need("docker.io", "busybox-static", "runc")
    place = prepare(world)
    world.observe(script("docker"), "with", world.dir, script("work/docker-jobs"), place,
                  env={"DOCKER_HOST": f"unix://{world.dir}/socket"})
    seen = Seen(world)
    check_containers(seen, place)
    check_exec(seen, place)
    launchers_only(seen)


def daemon(world, command):
    subprocess.run([script("docker"), command, world.dir], check=True, timeout=60)


@case("Docker started before: what its daemon starts for the command is in the tree")
def docker_outside(world):
    need("docker.io", "busybox-static", "runc")
    place = prepare(world)
    daemon(world, "start")
    try:
        world.observe(script("work/docker-jobs"), place,
                      env={"DOCKER_HOST": f"unix://{world.dir}/socket"})
    finally:
        daemon(world, "stop")
    seen = Seen(world)
    check_containers(seen, place)
    check_exec(seen, place)


@case("docker run as a recipe of make: the container is in the recipe's task")
def docker_make(world):
    need("docker.io", "busybox-static", "runc")
    place = prepare(world)
    daemon(world, "start")
    try:
        world.observe(script("work/docker-make"), place,
                      env={"DOCKER_HOST": f"unix://{world.dir}/socket"})
    finally:
        daemon(world, "stop")
    seen = Seen(world)
    tasks = {t["exit_code"]: t for t in seen.of_engine("make")}
    equal(set(tasks), {0, 9}, "ends of the recipes")
    for name, code in (("one", 0), ("two", 9)):
        told = read_json(f"{place}/{name}.json")[0]
        scope = [s for s in seen.containers() if s["key"] == f"docker:{told['Id']}"]
        equal(len(scope), 1, f"container {name}")
        task_is(scope[0], exit_code=code)
        equal(scope[0]["task"], tasks[code]["key"], f"task of container {name}")
        equal({r["container"] for r in members(seen, scope[0])}, {told["Id"][:12]}, "processes")
        asked = tasks[code]["requested"]
        equal((asked["cpus"], asked["memory_bytes"]), (2, 64 << 20), f"request of {name}")


@case("Docker started before: containers found in a recording of the whole host")
def docker_host(world):
    need("docker.io", "busybox-static", "runc")
    place = prepare(world)
    daemon(world, "start")
    try:
        db = record_host(world, [script("work/docker-jobs"), place],
                         env={"DOCKER_HOST": f"unix://{world.dir}/socket"})
    finally:
        daemon(world, "stop")
    seen = Seen(world, db=db)
    check_containers(seen, place, only=False)
    check_exec(seen, place)


@case("cwltool with Docker: the container is in the job's task")
def docker_cwl(world):
    need("docker.io", "busybox-static", "runc", "cwltool", "nodejs")
    place = prepare(world, "cwl")
    daemon(world, "start")
    try:
        world.observe("/usr/bin/cwltool", "--disable-pull", "--strict-memory-limit", "--outdir",
                      "out", "box.cwl", "one.yml", cwd=place,
                      env={"DOCKER_HOST": f"unix://{world.dir}/socket", **temporary(world)})
    finally:
        daemon(world, "stop")
    seen = Seen(world)
    equal(len(seen.tasks), 1, "tasks")
    task = seen.tasks[0]
    task_is(task, name="box", status="succeeded", exit_code=0)
    equal(task["requested"]["memory_bytes"], 64 << 20, "memory of the job")
    equal([s["task"] for s in seen.containers()], [task["key"]], "task of the container")
    rows = members(seen, seen.containers()[0])
    equal(sorted(r["tool"] for r in rows), ["sh", "sort"], "processes in the container")
    equal({r["task"] for r in rows}, {"box"}, "their task")
