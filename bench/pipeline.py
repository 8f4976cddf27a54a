#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The demo pipeline: what observing it costs, in BPF programs and in our own processes."""
import json
import subprocess
import sys

from lib import Bench, Group, Sysctl, bpf_programs, finish, line, lost, percent, spread, title

SNAKEMAKE = ["/usr/bin/snakemake", "--cores", "2", "--scheduler", "greedy"]


def prepare(bench):
    work = f"{bench.dir}/work"
    bench.execute([f"{bench.source}/examples/variant-calling/run.sh", "--prepare", work])
    return work


def shares(bench, options, what, target):
    """BPF and agent time as shares of the pipeline's CPU."""
    work = prepare(bench)
    out = f"{bench.dir}/programs.json"
    others, group = set(bpf_programs()), Group("work")
    try:
        script = '"$@"; rc=$?; /usr/sbin/bpftool --json prog show > "$0" 2>/dev/null; exit $rc'
        command = ["sh", "-c", script, out, *group.command(SNAKEMAKE)]
        bench.execute(bench.run_argv(command, options), cwd=work, stderr=subprocess.DEVNULL)
        cpu = group.cpu_ns()
    finally:
        group.remove()
    with open(out, encoding="utf-8") as f:
        bpf = sum(p.get("run_time_ns", 0) for p in json.load(f) if p["id"] not in others)
    show = bench.show()
    agent = int(show["collector_cpu_ns"] or 0) + int(show["recorder_cpu_ns"] or 0)
    line(f"BPF programs, {what}", f"{percent(bpf / cpu)} of {cpu / 1e9:.1f} s", f"<= {target} %",
         bpf / cpu <= target / 100)
    line(f"collector and recorder, {what}", percent(agent / cpu), "<= 1 %", agent / cpu <= 0.01)
    line(f"processes, counted as lost, {what}", f"{show['processes']}, {lost(show)}", "0 lost",
         lost(show) == 0)
    bench.clean()


def pairs(bench):
    ratios = []
    for _ in range(bench.args.pairs):
        quiet = {"stderr": subprocess.DEVNULL}
        base = bench.cpu_of(SNAKEMAKE, cwd=prepare(bench), **quiet)
        traced = bench.cpu_of(bench.run_argv(SNAKEMAKE), cwd=prepare(bench), **quiet)
        ratios.append(traced / base - 1)
        bench.clean()
    line(f"total CPU added, median of {len(ratios)} pairs (range)", spread(ratios), "", None)


def main():
    with Bench(__doc__) as bench:
        title("demo pipeline: 66 Snakemake jobs, bwa, samtools, bcftools, fastp")
        with Sysctl("kernel.bpf_stats_enabled", 1):
            shares(bench, ("--no-files",), "no file names", 0.2)
            shares(bench, (), "with file names", 0.5)
        pairs(bench)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
