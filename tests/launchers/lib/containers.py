# SPDX-License-Identifier: Apache-2.0
"""Container runtimes and schedulers of plays: daemons beside the engine that start what it
asks for. The asking and the starting meet in a file: `<dir>/ask/<name>` and `.done`."""
import hashlib


def hex_id(text, n=64):
    return (hashlib.sha256(text.encode()).hexdigest() * 2)[:n]


class Daemon:
    """A daemon that starts jobs in its own tree; `client()` gives the program that asks."""

    def __init__(self, launcher, name, argv, **options):
        self.launcher = launcher
        self.actor = launcher.actor(name, argv, **options)
        self.jobs = 0
        launcher.mkdir("ask")

    def asked(self, name):
        """Path that tells the daemon to start `name`."""
        return self.launcher.path("ask", name)

    def start(self, name, what, argv=None, **options):
        """The daemon waits to be asked, then starts `what`; done() says when it ended."""
        self.jobs += 1
        self.actor.step("await", self.asked(name))
        self.actor.spawn(name, what, argv, **options)
        return self

    def finish(self, *names):
        for name in names:
            self.actor.wait(name).touch(self.asked(name + ".done"))
        return self

    def client(self, program, argv, name, code=None, **options):
        """`program` asks for `name`; with a code it waits for the end and exits with it."""
        client = self.launcher.actor(program, argv, **options)
        client.touch(self.asked(name))
        if code is not None:
            client.step("await", self.asked(name + ".done"))
            client.exit(code)
        return client


def shim(launcher, key, init, init_argv, cgroup, **options):
    """containerd's shim of one container: an orphan, whose child is the container's pid 1."""
    ident = hex_id(key)
    argv = ["/usr/bin/containerd-shim-runc-v2", "-namespace", options.pop("namespace", "moby"),
            "-id", ident, "-address", "/run/containerd/containerd.sock"]
    actor = launcher.actor("containerd-shim-runc-v2", argv, setsid=True)
    groups = launcher.cgroup(cgroup.replace("ID", ident), options.pop("controllers", ("memory",)))
    options.setdefault("hostname", ident[:12])
    done = options.pop("done", None)
    actor.spawn("init", init, init_argv, unshare="pid,mnt,uts", cgroup=groups, clearenv=True,
                **options)
    actor.wait("init")
    if done:
        actor.touch(done)
    return actor
