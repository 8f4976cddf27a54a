#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Cost: exact books in 10^6 random cases, time and memory of reports on a large run, and memory of
an import of a price list of half a gigabyte."""
import json
import os
import subprocess
import sys

from lib import Bench, finish, line, title

RENTED = ["--provider", "aws", "--type", "c5.2xlarge", "--region", "us-east-1"]


def measured(argv, env=None, **kwargs):
    """Wall seconds, CPU seconds, peak MiB of one command."""
    script = "import os, subprocess, sys, time\n" \
             "t = time.monotonic()\n" \
             "r = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n" \
             "import resource\n" \
             "u = resource.getrusage(resource.RUSAGE_CHILDREN)\n" \
             "print(time.monotonic() - t, u.ru_utime + u.ru_stime, u.ru_maxrss / 1024, r)\n"
    done = subprocess.run([sys.executable, "-c", script, *argv], env=env, stdout=subprocess.PIPE,
                          text=True, check=True, **kwargs)
    wall, cpu, mib, rc = (float(x) for x in done.stdout.split())
    if rc:
        sys.exit(f"bench: {' '.join(argv[:6])} ...: exit {rc:.0f}")
    return wall, cpu, mib


def books(bench):
    cases = bench.size(1000000)
    argv = [os.path.abspath(f"{bench.args.build}/tests/unit/test-cost-books"), str(cases)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    line(f"{cases} random cases: attributed + overhead + idle - billed",
         "0" if done.returncode == 0 else done.stdout.strip()[-40:], "0", done.returncode == 0)


def reports(bench):
    processes = bench.size(100000)
    fixture = os.path.abspath(f"{bench.args.build}/tests/cli/cost-fixture")
    bench.execute([fixture, bench.db, "--many", str(processes), "1000"])
    commands = [["cost", "--by", by, *RENTED]
                for by in ("step", "task", "tool", "process", "user", "cause", "day")]
    commands += [["tune"], ["tune", "--sizes"], ["why", "step:5"]]
    for argv in commands:
        wall, cpu, mib = min(measured([bench.tracer, *argv, "--db", bench.db]) for _ in range(3))
        line(f"{' '.join(argv[:3])}, {processes} processes, 1,000 tasks",
             f"{wall:.2f} s ({cpu:.2f} CPU), {mib:.0f} MiB", "< 2 s, < 200 MiB",
             wall < 2 and mib < 200)


def price_list(path, size):
    """A list in the shape of EC2's, mostly of products that do not matter, as in the real one."""
    attributes = {"location": "US East (N. Virginia)", "tenancy": "Shared", "preInstalledSw": "NA",
                  "regionCode": "us-east-1", "servicename": "Amazon Elastic Compute Cloud",
                  "licenseModel": "No License required", "capacitystatus": "Used",
                  "physicalProcessor": "x" * 200, "marketoption": "OnDemand"}
    n = 0
    with open(path, "w", encoding="ascii") as f:
        f.write('{"formatVersion":"v1.0","offerCode":"AmazonEC2","publicationDate":'
                '"2026-08-01T00:00:00Z","products":{')
        while f.tell() < size / 2:
            wanted = n % 300 == 0
            sku = {"sku": f"SKU{n:09}", "productFamily": "Compute Instance",
                   "attributes": dict(attributes, instanceType=f"c9.{n}xlarge",
                                      operatingSystem="Linux" if wanted else "Windows")}
            f.write(("," if n else "") + f'"SKU{n:09}":' + json.dumps(sku))
            n += 1
        f.write('},"terms":{"OnDemand":{')
        for i in range(n):
            rate = {"unit": "Hrs", "description": "y" * 300,
                    "pricePerUnit": {"USD": "0.0850000000"}}
            f.write(("," if i else "") + f'"SKU{i:09}":' + json.dumps(
                {f"SKU{i:09}.J": {"priceDimensions": {"r": rate}}}))
        f.write("}}}")
    return (n + 299) // 300


def imports(bench):
    path = f"{bench.dir}/prices.json"
    wanted = price_list(path, bench.size(500 << 20))
    env = dict(os.environ, XDG_DATA_HOME=bench.dir)
    wall, cpu, mib = measured([bench.tracer, "prices", "import", path], env=env)
    with open(f"{bench.dir}/tracer/prices.csv", encoding="ascii") as f:
        got = len(f.readlines()) - 1
    line(f"import of {os.path.getsize(path) >> 20} MiB: prices", f"{got} of {wanted}", "all",
         got == wanted)
    line("  time and memory", f"{wall:.1f} s ({cpu:.1f} CPU), {mib:.0f} MiB", "< 32 MiB", mib < 32)
    os.unlink(path)


def main():
    with Bench(__doc__) as bench:
        title("Cost")
        books(bench)
        reports(bench)
        imports(bench)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
