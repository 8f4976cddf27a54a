#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What each BPF program costs, by kernel.bpf_stats_enabled (an empty one reads ~51 ns)."""
import json
import sys

from lib import Bench, Sysctl, bpf_programs, finish, line, title


def measure(bench, command, options=()):
    """name: (runs, ns), of the programs that tracer loaded, when the command ended."""
    before = set(bpf_programs())
    out = f"{bench.dir}/programs.json"
    script = '"$@"; /usr/sbin/bpftool --json prog show > "$0" 2>/dev/null'
    bench.execute(bench.run_argv(["sh", "-c", script, out, *command], options))
    with open(out, encoding="utf-8") as f:
        programs = json.load(f)
    bench.clean()
    return {p["name"]: (p.get("run_cnt", 0), p.get("run_time_ns", 0))
            for p in programs if p["id"] not in before}


def report(found, pattern, what, target_ns):
    names = [n for n in found if pattern in n and found[n][0]]
    runs = sum(found[n][0] for n in names)
    if not runs:
        line(what, "did not run", f"<= {target_ns} ns", False)
        return
    ns = sum(found[n][1] for n in names) / runs
    line(f"{what} ({runs} runs)", f"{ns:.0f} ns", f"<= {target_ns} ns", ns <= target_ns)


def main():
    with Bench(__doc__) as bench, Sysctl("kernel.bpf_stats_enabled", 1):
        title("cost of the hooks, ns a run")
        switches = measure(bench, [bench.workload("pingpong"), str(bench.size(300000))])
        report(switches, "sched_switch", "sched_switch, pipe ping-pong", 130)
        execs = measure(bench, [bench.workload("execstorm"), str(bench.size(20000))])
        report(execs, "exec", "exec record, exec storm", 1500)
        for name in sorted(execs, key=lambda n: -execs[n][1]):
            runs, ns = execs[name]
            if runs:
                line(f"  {name}, exec storm ({runs} runs)", f"{ns / runs:.0f} ns", "", None)
        plain = measure(bench, ["true"], ("--no-files",))
        taxed = [n for n in plain if "sys_enter" in n or "sys_exit" in n or "openat" in n]
        line("syscall tracepoints without file names", ", ".join(taxed) or "none", "none",
             not taxed)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
