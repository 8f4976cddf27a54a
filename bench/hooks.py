#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What each BPF program costs, by kernel.bpf_stats_enabled (an empty one reads ~51 ns)."""
import json
import os
import subprocess
import sys

from lib import Bench, Sysctl, bpf_programs, finish, line, title


def measure(bench, command, options=()):
    """(name: (runs, ns), tracepoints) of what tracer has loaded when the command ends."""
    before = set(bpf_programs())
    programs_out, links_out = f"{bench.dir}/programs.json", f"{bench.dir}/links.json"
    script = ('out=$0; links=$1; shift; "$@"; /usr/sbin/bpftool --json prog show > "$out"; '
              '/usr/sbin/bpftool --json perf show > "$links"')
    bench.execute(bench.run_argv(["sh", "-c", script, programs_out, links_out, *command],
                                 options), stderr=subprocess.DEVNULL)
    with open(programs_out, encoding="utf-8") as f:
        programs = [p for p in json.load(f) if p["id"] not in before]
    with open(links_out, encoding="utf-8") as f:
        links = json.load(f)
    bench.clean()
    ours = {p["id"] for p in programs}
    return ({p["name"]: (p.get("run_cnt", 0), p.get("run_time_ns", 0)) for p in programs},
            sorted({l["tracepoint"] for l in links
                    if l["prog_id"] in ours and "tracepoint" in l}))


def report(found, name, what, target_ns):
    runs, ns = found.get(name, (0, 0))
    if not runs:
        line(what, "did not run", f"<= {target_ns} ns", False)
        return
    line(f"{what} ({runs} runs)", f"{ns / runs:.0f} ns", f"<= {target_ns} ns",
         ns / runs <= target_ns)


def main():
    with Bench(__doc__) as bench, Sysctl("kernel.bpf_stats_enabled", 1):
        title("cost of the hooks, ns a run")
        switches, _ = measure(bench, [bench.workload("pingpong"), str(bench.size(300000))])
        report(switches, "on_switch", "sched_switch, pipe ping-pong", 130)
        execs, _ = measure(bench, [bench.workload("execstorm"), str(bench.size(20000))])
        report(execs, "on_exec", "exec record, exec storm", 1500)
        for name in sorted(execs, key=lambda n: -execs[n][1]):
            runs, ns = execs[name]
            if runs:
                line(f"  {name}, exec storm ({runs} runs)", f"{ns / runs:.0f} ns", "", None)
        report(execs, "on_exit", "end of a process: files left open, exec storm", 1500)
        os.mkdir(f"{bench.dir}/many")
        files, _ = measure(bench, [bench.workload("manyfiles"), f"{bench.dir}/many",
                                   str(bench.size(20000)), "1"])
        report(files, "on_file_open", "open with its path", 1500)
        report(files, "on_file_close", "close with size and position", 900)
        report(files, "on_file_name", "unlink with its path", 1200)
        _, points = measure(bench, ["true"], ("--no-files",))
        taxed = [p for p in points if p.startswith("sys_")]
        line("system-call tracepoints without file names", ", ".join(taxed) or "none", "none",
             not taxed)
        _, points = measure(bench, ["true"])
        line("system-call tracepoints with file names",
             str(len([p for p in points if p.startswith("sys_")])), "", None)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
