#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a readable description of events into an event log (docs/event-log.md).

    build-log.py CASE.events OUT.log

One event a line: `TYPE key=value ... flag ...`, quoted as in a shell; `#` starts a
comment. Times take us, ms or s (default ns) and count from boot; p=PID@START and
parent=PID@START name processes. Ledger keys are the states (cpu=2ms pipe=1ms) and
the other members without their unit (read=4096); thread= overrides their sum.
Texts that reach the kernel as components (cwd, exe, cgroup path) are written as
paths. `repeat N` repeats the lines up to `end-repeat`, with {i} and expressions like
{100+i} in them. `raw type=N size=N` is an unknown record, `cut N` drops the last N
bytes of the log.
"""
import re
import shlex
import struct
import sys

STATES = "cpu runq disk net pipe lock child sleep poll reclaim stopped other".split()
COUNTS = (
    "thread utime stime minflt majflt vcsw ivcsw read write cancelled rchar wchar"
    " read_calls write_calls rx tx direct_reclaim disk_waits"
).split()
TYPES = {
    name: i + 1
    for i, name in enumerate(
        ("run host fork exec exit rename sample file cgroup oom signal loss cpu clock end"
         " text stall").split()
    )
}
FLAGS = {
    "joined": 1, "root": 2, "kthread": 4, "argv_truncated": 8, "path_truncated": 16,
    "env_truncated": 32, "incomplete": 64, "last": 128, "thread_exec": 256, "adopted": 512,
}
UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "K": 1024, "M": 1 << 20}
HEADER, STRING = 16, 4


def number(text):
    match = re.fullmatch(r"(-?\d+)(ns|us|ms|s|K|M)?", text)
    if not match:
        raise ValueError(f"not a number: {text}")
    return int(match[1]) * UNITS.get(match[2] or "ns", 1)


def ident(text):
    pid, start = text.split("@")
    return struct.pack("=QII", number(start), int(pid), 0)


def components(path):
    names = [name for name in path.encode("utf-8", "surrogateescape").split(b"/") if name]
    return b"".join(name + b"\0" for name in reversed(names)) or b"\0"


def items(text):
    return b"".join(word.encode() + b"\0" for word in shlex.split(text))


class Event:
    def __init__(self, line):
        words = shlex.split(line, comments=True)
        self.type, self.keys, self.flags = words[0], {}, 0
        for word in words[1:]:
            key, equals, value = word.partition("=")
            if equals:
                self.keys[key] = value
            else:
                self.flags |= FLAGS[key]

    def num(self, key, default=0):
        return number(self.keys.pop(key, str(default)))

    def raw(self, key, default=""):
        return self.keys.pop(key, default)

    def comm(self, key="comm"):
        return self.raw(key).encode()[:16].ljust(16, b"\0")

    def fixed(self, key, size):
        return self.raw(key).encode()[:size].ljust(size, b"\0")

    def id(self, key="p"):
        return ident(self.raw(key, "0@0"))

    def ledger(self):
        states = [self.num(name) for name in STATES]
        counts = [self.num("thread", sum(states))] + [self.num(name) for name in COUNTS[1:]]
        return struct.pack("=30Q", *states, *counts)


def with_strings(before, after, texts):
    """`before`, one wire_string for each text (None: padding), `after`, the texts."""
    place = HEADER + len(before) + STRING * len(texts) + len(after)
    slots, data = b"", b""
    for text in texts:
        slots += struct.pack("=HH", place + len(data) if text else 0, len(text or b""))
        data += text or b""
    return before + slots + after + data


def run(e):
    before = struct.pack("=qII", e.num("unix"), e.num("uid"), e.num("gid")) + e.fixed("run", 24)
    texts = [e.raw("name").encode(), items(e.raw("argv")), e.raw("cwd").encode(),
             e.raw("user").encode(), items(e.raw("labels")), None]
    return with_strings(before, b"", texts)


def host(e):
    return (
        struct.pack("=qQQIIII", e.num("offset"), e.num("features"), e.num("memory"),
                    e.num("cpus", 1), 4096, e.num("all"), e.num("collector", 1))
        + e.fixed("boot", 40) + e.fixed("hostname", 72) + e.fixed("kernel", 72)
        + e.fixed("arch", 16) + e.fixed("version", 32)
    )


def fork(e):
    return (e.id() + e.id("parent") + struct.pack("=IIQ", e.num("uid"), e.num("gid"),
                                                  e.num("cgroup")) + e.comm())


def execute(e):
    argv = items(e.raw("argv"))
    before = e.id() + e.id("parent") + struct.pack(
        "=IIIIQQIIIIIIQ", e.num("uid"), e.num("gid"), 0, e.num("nspid"), e.num("cgroup"), 0,
        0, 0, 0, 0, e.num("argv_len", len(argv)), argv.count(b"\0"), e.num("rss")) + e.comm()
    exe, cwd, host = e.raw("exe"), e.raw("cwd"), e.raw("cwd_host")
    texts = [e.raw("file").encode(), e.raw("interp").encode(), components(exe) if exe else None,
             components(cwd) if cwd else None, argv, items(e.raw("env")),
             e.raw("nodename").encode(), components(host) if host else None]
    return with_strings(before, e.ledger(), texts)


def leave(e):
    return (
        e.id() + e.id("parent")
        + struct.pack("=8IQQQII", e.num("uid"), e.num("gid"), e.num("status"),
                      e.num("threads", 1), e.num("threads_total", 1), e.num("oom"),
                      e.num("execs"), e.num("dropped"), e.num("cgroup"), e.num("rss"),
                      e.num("mm"), e.num("killer"), e.num("libs"))
        + e.comm() + e.ledger()
    )


def rename(e):
    argv = items(e.raw("argv"))
    return with_strings(e.id() + e.comm() + struct.pack("=I", len(argv)), e.ledger(), [argv])


def sample(e):
    rss = e.num("rss")
    return (
        e.id() + e.id("parent")
        + struct.pack("=8IQQQ", e.num("tid"), e.num("sweep"), e.num("threads", 1),
                      e.num("threads_peak", 1), e.num("threads_total", 1), 0, e.num("uid"),
                      e.num("gid"), e.num("cgroup"), rss, rss)
        + e.comm() + e.ledger()
    )


def file(e):
    op = ["open", "rename", "unlink", "close", "inherit", "link", "symlink", "truncate",
          "exchange", "mkdir", "rmdir", "ring"].index(e.raw("op", "open"))
    access = sum({"r": 1, "w": 2, "c": 4, "t": 8, "f": 64, "p": 128}[c] for c in e.raw("access"))
    texts, dirs = [], []
    for path, directory, bit in (("path", "dir", 16), ("path2", "dir2", 32)):
        text = e.raw(path)
        access |= bit if directory in e.keys else 0
        dirs.append(components(e.raw(directory)) if directory in e.keys else None)
        texts.append((text.encode() if dirs[-1] else components(text)) if text else None)
    before = e.id() + struct.pack("=QQQQIiHHI", e.num("inode"), e.num("size"),
                                  e.num("position"), e.num("dir_inode"), e.num("dev"),
                                  e.num("error"), op, access, e.num("on"))
    return with_strings(before, b"", texts + dirs)


def cgroup(e):
    before = struct.pack("=QI", e.num("id"), 1)
    after = struct.pack("=QQ", e.num("memory_limit"), e.num("cpu_limit"))
    return with_strings(before, after, [components(e.raw("path"))])


def oom(e):
    return (e.id() + struct.pack("=QQQQQII", e.num("cgroup"), e.num("limit_cgroup"),
                                 e.num("limit"), e.num("usage"), e.num("rss"), e.num("trigger"),
                                 e.num("uid")) + e.comm())


def signal(e):
    return e.id() + struct.pack("=II", e.num("sender"), e.num("signal")) + e.comm("by")


def loss(e):
    kinds = "fork exec exit rename file cgroup incident thread group argv path clock".split()
    return struct.pack("=12Q", *[e.num(kind) for kind in kinds])


def cpu(e):
    return struct.pack("=6QII", e.num("elapsed"), e.num("idle"), e.num("process"), e.num("live"),
                       0, 0, e.num("cpus", 1), 0)


def clock(e):
    return struct.pack("=q", e.num("offset"))


def end(e):
    before = struct.pack("=qIIIIQQQQQ", e.num("unix"), e.num("status"), e.num("reason"),
                         e.num("still"), 0, e.num("command_cpu"), e.num("collector_cpu"),
                         e.num("collector_start"), e.num("bpf"), 0)
    return with_strings(before, b"", [e.raw("note").encode(), None])


def text(e):
    """lines='a|b': lines of an engine's log; an empty one ends a block."""
    return with_strings(b"", b"", [e.raw("path").encode(),
                                  e.raw("lines").replace("|", "\n").encode()])


WAITS = ("unknown running pipe-read pipe-write fifo-open file connect receive send accept futex"
         " file-lock child sleep poll stopped traced frozen kernel terminal signal device"
         " ipc").split()


def stall(e):
    """steps='PID WAIT FLAGS NUMBER COMM OBJECT|...'"""
    steps = b""
    for words in filter(None, e.raw("steps").split("|")):
        pid, wait, flags, count, comm, *thing = words.split(" ", 5)
        steps += struct.pack("=IHHQ16s224s", int(pid), WAITS.index(wait), int(flags, 0),
                             number(count), comm.encode(), "".join(thing).encode())
    before = e.id() + struct.pack("=QIIII", e.num("since"), e.num("unit"), e.num("over"),
                                  e.num("processes", 1),
                                  STATES.index(e.raw("state", "sleep")))
    return with_strings(before, b"", [steps, None])


BUILD = {
    "run": run, "host": host, "fork": fork, "exec": execute, "exit": leave, "rename": rename,
    "sample": sample, "file": file, "cgroup": cgroup, "oom": oom, "signal": signal, "loss": loss,
    "cpu": cpu, "clock": clock, "end": end, "text": text,
    "stall": stall,
}


def record(event):
    time = event.num("t")
    if event.type == "raw":
        return struct.pack("=IHHQ", event.num("size"), event.num("type"), 0, time).ljust(
            event.num("bytes", 16), b"\0")
    body = BUILD[event.type](event)
    body = body.ljust((len(body) + 7) // 8 * 8, b"\0")
    if event.keys:
        raise ValueError(f"unknown keys: {', '.join(event.keys)}")
    return struct.pack("=IHHQ", HEADER + len(body), TYPES[event.type], event.flags, time) + body


def expand(lines):
    """Lines with their number; those between `repeat N` and `end` N times."""
    block, times = None, 0
    for number_, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith("repeat "):
            block, times = [], int(text.split()[1])
        elif text == "end-repeat":
            for i in range(times):
                for at, body in block:
                    yield at, re.sub(
                        r"\{([i0-9+*/% ]+)\}", lambda m, i=i: str(
                            eval(m[1].replace("/", "//"), {"i": i})), body)
            block = None
        elif block is not None:
            block.append((number_, text))
        elif text and not text.startswith("#"):
            yield number_, text


def main(source, target):
    log = bytearray(struct.pack("=QII", 0x31474C5254, 2, 16))
    with open(source, encoding="utf-8", errors="surrogateescape") as lines:
        for at, text in expand(lines):
            if text.startswith("#") or not text:
                continue
            if text.startswith("cut "):
                del log[-int(text.split()[1]):]
                continue
            try:
                log += record(Event(text))
            except (ValueError, KeyError) as error:
                sys.exit(f"{source}:{at}: {error}")
    with open(target, "wb") as out:
        out.write(log)


if __name__ == "__main__":
    main(*sys.argv[1:])
