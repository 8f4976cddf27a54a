#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The books of a whole host: processes + kernel threads + idle = all CPU time."""
import struct
import subprocess
import sys
import time

from lib import Bench, finish, line, percent, title

FILE_HEADER = struct.Struct("<QII")
RECORD_HEADER = struct.Struct("<IHHQ")
CPU_RECORD = struct.Struct("<QQQQQQI")  # bpf/wire.h: struct wire_cpu after its header
WIRE_CPU = 13


def last_books(path):
    with open(path, "rb") as f:
        data = f.read()
    _, _, at = FILE_HEADER.unpack_from(data)
    books = None
    while at + RECORD_HEADER.size <= len(data):
        size, kind, _, _ = RECORD_HEADER.unpack_from(data, at)
        if size < RECORD_HEADER.size or at + size > len(data):
            break
        if kind == WIRE_CPU:
            books = CPU_RECORD.unpack_from(data, at + RECORD_HEADER.size)
        at += size
    return books


def observe(bench, seconds):
    log = f"{bench.dir}/host.tlog"
    with subprocess.Popen([bench.tracer, "record", "--all", "-o", log], stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, env=bench.environment()) as child:
        for text in child.stderr:
            if text.startswith(b"tracer: ready"):
                break
        bench.execute([bench.workload("forkstorm"), str(int(seconds * 500)), "2"])
        time.sleep(seconds / 2)
        child.send_signal(2)
        child.wait(60)
    return last_books(log)


def main():
    with Bench(__doc__) as bench:
        title("CPU conservation on the host, record --all")
        books = observe(bench, bench.size(20))
        if not books:
            line("books of the machine in the event log", "none", "<= 0.5 %", False)
            return finish()
        elapsed, idle, ended, live, busy, irq, cpus = books
        capacity = elapsed * cpus
        for name, value in (("idle", idle), ("ended processes", ended), ("alive", live)):
            line(name, f"{value / 1e9:.3f} s ({percent(value / capacity)})", "", None)
        residual = abs(capacity - idle - ended - live) / capacity
        line(f"residual of {cpus} CPUs x {elapsed / 1e9:.1f} s", percent(residual), "<= 0.5 %",
             residual <= 0.005)
        if busy:
            error = abs(busy - ended - live) / busy
            line("processes against the kernel's own total", percent(error), "<= 0.5 %",
                 error <= 0.005)
        line("interrupts and steal, by /proc/stat", f"{irq / 1e9:.3f} s", "", None)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
