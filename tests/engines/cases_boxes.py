# SPDX-License-Identifier: Apache-2.0
"""Containers without a daemon: bubblewrap, runc, podman."""
from harness import case, equal, require
from truth import Seen, need, prepare, read, read_json, script, task_is

LAUNCHERS = ("boxes", "bash", "bwrap", "runc", "exe", "runc:[0:PARENT]", "runc:[1:CHILD]",
             "runc:[2:INIT]", "podman", "conmon", "python3", "mkdir", "cp", "ln", "hostname",
             "rmdir")


def boxes(world, kind):
    place = prepare(world, "box")
    world.observe(script("work/box/boxes"), kind, place)
    return place, Seen(world)


def members(seen, scope):
    return [r for r in seen.rows if scope in seen.scopes_of(r)]


def tools(seen, scope):
    return sorted(r["tool"] or r["comm"] for r in members(seen, scope))


def elsewhere(seen, containers):
    """Comms of the processes that are in no container."""
    return {r["comm"] for r in seen.rows
            if not any(s in seen.scopes_of(r) for s in containers)}


def only_launchers(seen, containers):
    strange = elsewhere(seen, containers) - set(LAUNCHERS)
    require(not strange, f"in no container: {sorted(strange)}")


@case("bubblewrap: each command is a container, with its end")
def bwrap(world):
    need("bubblewrap")
    place, seen = boxes(world, "bwrap")
    found = sorted(seen.containers(), key=lambda s: int(s["start_ns"]))
    equal([s["exit_code"] for s in found],
          [int(read(f"{place}/{n}.rc")) for n in ("first", "second")], "exit codes")
    equal([s["status"] for s in found], ["failed", "succeeded"], "status")
    equal(tools(seen, found[0]), ["sh", "sort", "wc"], "processes of the first")
    only_launchers(seen, found)


@case("runc: the container has the name and the end that it was given")
def runc(world):
    need("runc", "busybox-static")
    place, seen = boxes(world, "runc")
    equal(len(seen.containers()), 1, "containers")
    found = seen.containers()[0]
    task_is(found, name=read(f"{place}/name").strip(), exit_code=int(read(f"{place}/first.rc")),
            status="failed")
    equal(len(members(seen, found)), 2, "processes in it")
    only_launchers(seen, [found])


@case("podman: ids, ends and processes of containers as podman inspect has them")
def podman(world):
    need("podman", "runc")
    place, seen = boxes(world, "podman")
    found = {s["key"]: s for s in seen.containers()}
    for name in ("good", "bad"):
        told = read_json(f"{place}/{name}.json")[0]
        scope = found.pop(f"podman:{told['Id']}")
        code = told["State"]["ExitCode"]
        task_is(scope, exit_code=code, status="failed" if code else "succeeded")
        equal({r["container"] for r in members(seen, scope)}, {told["Id"][:12]}, "container of ps")
        if name == "good":
            equal(tools(seen, scope), ["sh", "sleep", "sort", "wc"], "processes of it")
    equal(found, {}, "other containers")
    only_launchers(seen, seen.containers())
