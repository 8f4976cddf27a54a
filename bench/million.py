#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One run of a million processes in fifty thousand tasks of an engine: memory and time of the
recorder. Made as an event log, so that it needs no privilege; `tracer replay` is the recorder.

usage: bench/million.py [--build DIR] [--processes N] [--per-task N]
"""
import argparse
import os
import resource
import struct
import subprocess
import sys
import tempfile

HEADER, LEDGER = 16, 240
FORK, EXEC, EXIT, RUN, HOST, END = 3, 4, 5, 1, 2, 15
S = 10**9


def header(kind, body, time, flags=0):
    body += b"\0" * (-len(body) % 8)
    return struct.pack("=IHHQ", HEADER + len(body), kind, flags, time) + body


def ident(pid, start):
    return struct.pack("=QII", start, pid, 0)


def with_strings(before, after, texts):
    place = HEADER + len(before) + 4 * len(texts) + len(after)
    slots = data = b""
    for text in texts:
        slots += struct.pack("=HH", place + len(data) if text else 0, len(text))
        data += text
    return before + slots + after + data


def ledger(cpu):
    return struct.pack("=30Q", cpu, *[0] * 11, cpu, *[0] * 17)


def components(path):
    return b"".join(n + b"\0" for n in reversed(path.encode().strip(b"/").split(b"/")))


def argv(*words):
    return b"".join(w.encode() + b"\0" for w in words)


class Writer:
    def __init__(self, out):
        self.out = out

    def begin(self):
        self.out.write(struct.pack("=QII", 0x31474C5254, VERSION, 16))
        before = struct.pack("=qII", 1700000001 * S, 1000, 1000) + b"0badcafe".ljust(24, b"\0")
        self.out.write(header(RUN, with_strings(
            before, b"", [b"", argv("snakemake", "-c", "2"), b"/work", b"ada", b"", b""]), S))
        self.out.write(header(HOST, struct.pack("=qQQIIII", 1700000000 * S, 0x3ff, 1 << 34, 2,
                                                4096, 0, 1) + b"\0" * 264, S))

    def fork(self, pid, start, parent, flags=0):
        self.out.write(header(FORK, ident(pid, start) + ident(*parent) +
                              struct.pack("=IIQ", 1000, 1000, 0) + b"x".ljust(16, b"\0"), start,
                              flags))

    def exec(self, pid, start, parent, time, exe, words):
        args = argv(*words)
        before = ident(pid, start) + ident(*parent) + struct.pack(
            "=IIIIQQIIIIIIQ", 1000, 1000, 0, 0, 0, 0, 0, 0, 0, 0, len(args), len(words),
            1 << 20) + os.path.basename(exe).encode()[:15].ljust(16, b"\0")
        self.out.write(header(EXEC, with_strings(
            before, ledger(1000), [exe.encode(), b"", components(exe), components("/work"),
                                   args, b"", b"", b""]), time))

    def exit(self, pid, start, parent, time, cpu, execs=1):
        self.out.write(header(EXIT, ident(pid, start) + ident(*parent) + struct.pack(
            "=8IQQQII", 1000, 1000, 0, 1, 1, 0, execs, 0, 0, 2 << 20, 2 << 20, 0, 0) +
            b"x".ljust(16, b"\0") + ledger(cpu), time))

    def end(self, time):
        before = struct.pack("=qIIIIQQQQQ", 1700000000 * S + time, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        self.out.write(header(END, with_strings(before, b"", [b"", b""]), time))


def make(out, processes, per_task):
    """The head; tasks one after another, each a shell with its tools."""
    w, head, now = Writer(out), (100, 2 * S), 3 * S
    w.begin()
    w.fork(100, 2 * S, (99, S), 2)
    w.exec(100, 2 * S, (99, S), 2 * S + 1000, "/usr/bin/python3.11",
           ["/usr/bin/python3", "/usr/bin/snakemake", "-c", "2"])
    made = 1
    while made + per_task <= processes:
        shell = (1000 + made % 30000, now)
        w.fork(*shell, head)
        w.exec(*shell, head, now + 1000, "/usr/bin/bash",
               ["/usr/bin/bash", "-c", f"set -euo pipefail;  step {made} > out/{made}.txt"])
        for i in range(per_task - 1):
            start = now + 10000 + i * 100000
            tool = (1001 + (made + i) % 30000, start)
            w.fork(*tool, shell)
            w.exec(*tool, shell, start + 1000, f"/usr/bin/tool{i % 7}",
                   [f"tool{i % 7}", "-i", f"in/{made}.{i}"])
            w.exit(*tool, shell, start + 90000, 80000)
        now += 10000 + per_task * 100000
        w.exit(*shell, head, now, 30000)
        made += per_task
    w.exit(*head, (99, S), now + 1000, 5 * S)
    w.end(now + 2000)
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--processes", type=int, default=1_000_000)
    parser.add_argument("--per-task", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tracer-million-") as directory:
        log, db = f"{directory}/log", f"{directory}/t.db"
        with open(log, "wb", buffering=1 << 20) as out:
            made = make(out, args.processes, args.per_task)
        subprocess.run([f"{args.build}/tracer", "replay", "--quiet", "--db", db, log], check=True)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = usage.ru_utime + usage.ru_stime
        shown = subprocess.run([f"{args.build}/tracer", "runs", "--db", db, "--json"], check=True,
                               capture_output=True).stdout
        print(f"{made} processes, {made // args.per_task} tasks: peak RSS of the recorder "
              f"{usage.ru_maxrss / 1024:.1f} MiB (limit 64), {seconds:.1f} s CPU, "
              f"{1e6 * seconds / made:.1f} us a process, log {os.path.getsize(log) >> 20} MiB, "
              f"database {os.path.getsize(db) >> 20} MiB")
        if f'"processes":{made},'.encode() not in shown:
            sys.exit(f"not all are there: {shown[:500]}")
        if usage.ru_maxrss > 64 * 1024:
            sys.exit("more than 64 MiB")


VERSION = 1

if __name__ == "__main__":
    main()
