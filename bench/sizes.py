#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sizes on public task traces, where they lie beside the repository (../shared/traces): waste
against the best other way, the risk stated and met, and time; and `tune` on a large run."""
import glob
import json
import os
import resource
import subprocess
import sys
import time

from lib import Bench, finish, line, title

OURS = ("tracer", "tracer, one size")


def measured(argv):
    """Output, wall seconds, peak MiB of the largest child so far."""
    begin = time.monotonic()
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return done.stdout, time.monotonic() - begin, peak


def trace(file):
    """All ways are tried on the same tasks: the best of the others is chosen knowing the end."""
    name = os.path.basename(file["file"]).split(".")[0]
    waste = {w["name"]: w["waste_gb_h"] for w in file["ways"]}
    best = min((v, k) for k, v in waste.items() if k not in OURS and v is not None)
    line(f"{name}, {file['tasks']} tasks: GB h", f"{waste['tracer']:.2f}", f"<= {best[0]:.2f}",
         waste["tracer"] <= best[0])
    line(f"  one size for all; best of the others: {best[1]}", f"{waste['tracer, one size']:.2f}",
         "", None)
    stated, met = file["risk_stated_ratio"], file["risk_met_ratio"]
    line("  tasks that needed more than one size, of all", f"{100 * met:.1f} %",
         f"< {100 * stated:.1f} % stated", met <= stated)


def traces(bench):
    beside = os.path.join(bench.source, "..", "shared", "traces")
    paths = sorted(glob.glob(f"{beside}/*.csv") + glob.glob(f"{beside}/wfformat/*.json"))
    if not paths:
        line("public traces (../shared/traces)", "not there", "", None)
        return
    out, wall, _ = measured([bench.tracer, "tune", "--backtest", "--json", *paths])
    for file in json.loads(out)["files"]:
        if file["tasks"] >= 1000:
            trace(file)
    line(f"back-test of {len(paths)} traces", f"{wall:.1f} s", "< 10 s", wall < 10)


def large(bench):
    fixture = os.path.abspath(f"{bench.args.build}/tests/cli/cost-fixture")
    processes = bench.size(100000)
    bench.execute([fixture, bench.db, "--many", str(processes), "1000"])
    for options in ([], ["--sizes"]):
        _, wall, mib = measured([bench.tracer, "tune", *options, "--db", bench.db])
        line(" ".join(["tune", *options]) + f", {processes} processes, 1,000 tasks",
             f"{wall:.2f} s, {mib:.0f} MiB", "< 2 s, < 200 MiB", wall < 2 and mib < 200)


def main():
    with Bench(__doc__) as bench:
        title("Sizes")
        traces(bench)
        large(bench)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
