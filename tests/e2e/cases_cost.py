# SPDX-License-Identifier: Apache-2.0
"""Cost of real runs: attempts that failed are waste, and the books balance to 10^-12 USD."""
import csv
import os
import shutil
from decimal import Decimal

from harness import Skip, case, equal, require

MACHINE = ("--provider", "aws", "--type", "c5.xlarge", "--region", "us-east-1",
           "--resource", "i-0abc")
SNAKEFILE = """
rule all:
    input: 'good', 'flaky'
rule good:
    output: 'good'
    shell: 'head -c 20000000 /dev/zero | sha256sum > {output}'
rule flaky:
    output: 'flaky'
    retries: 1
    shell: 'head -c 20000000 /dev/zero | sha256sum; '
           'test -e tried && touch {output} || {{ touch tried; exit 3; }}'
"""


def money(row, *names):
    return sum(Decimal(row[n]) for n in names)


def balanced(doc):
    """Rows and parts are the total, exactly; returns the rows by name."""
    totals, rows = doc["totals"], doc["rows"]
    total = Decimal(totals["cost_usd"])
    require(total > 0, "nothing has a price")
    equal(money(totals, "attributed_usd", "overhead_usd", "idle_usd"), total, "parts of the total")
    equal(sum(money(r, "direct_usd", "overhead_usd", "idle_usd") for r in rows), total,
          "parts of rows")
    equal(sum(money(r, "cost_usd") for r in rows), total, "rows")
    return {r["name"]: r for r in rows}


@case("cost: an attempt that snakemake repeats is waste, its repetition is not")
def retried(world):
    if not shutil.which("/usr/bin/snakemake"):
        raise Skip("snakemake is not installed")
    with open(f"{world.dir}/Snakefile", "w", encoding="ascii") as f:
        f.write(SNAKEFILE)
    world.observe("/usr/bin/snakemake", "--cores", "1", "--scheduler", "greedy",
                  options=MACHINE, cwd=world.dir)
    tasks = {(t["name"], t["attempt"]): t["status"] for t in world.show()["tasks"]}
    equal(tasks, {("good", 1): "succeeded", ("flaky", 1): "failed", ("flaky", 2): "succeeded"},
          "tasks")
    doc = world.json("cost")
    equal(doc["hosts"][0]["known_from"], "recorded: options", "who said what the machine is")
    rows = balanced(doc)
    first = rows["flaky [flaky]"]
    wasted = {name for name, row in rows.items() if Decimal(row["waste_usd"])}
    equal(wasted, {"flaky [flaky]"}, "tasks with waste")
    equal(first["waste_usd"], first["direct_usd"], "all of the attempt is waste")
    require("flaky [flaky] (attempt 2)" in rows, f"no second attempt among {sorted(rows)}")
    causes = balanced(world.json("cost", "--by", "cause"))
    equal(causes["failed, tried again"]["waste_usd"], first["direct_usd"], "its cause")
    steps = balanced(world.json("cost", "--by", "step"))
    equal(steps["flaky"]["tasks_added"], 2, "attempts of the step")
    equal(steps["flaky"]["waste_usd"], first["waste_usd"], "waste of the step")


@case("cost: a bill that is divided, written as FOCUS and read again is the same bill")
def again(world):
    world.observe("sh", "-c", "head -c 30000000 /dev/zero | sha256sum; sleep 0.2", options=MACHINE)
    run = world.show()
    hour = int(run["start_ns"]) // 3600000000000 * 3600
    times = world.exec(["date", "-u", "-d", f"@{hour}", "+%FT%TZ"]).out.decode().strip()
    after = world.exec(["date", "-u", "-d", f"@{hour + 7200}", "+%FT%TZ"]).out.decode().strip()
    bill, own = f"{world.dir}/bill.csv", f"{world.dir}/own.csv"
    with open(bill, "w", encoding="ascii") as f:
        f.write("BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,"
                "ResourceId\n"
                f"0.33999999999,USD,Usage,{times},{after},i-0abc\n")
    for by in ("task", "tool", "process", "user", "cause", "day"):
        rows = balanced(world.json("cost", "--by", by, "--bill", bill, "--focus", own))
        equal(sum(money(r, "cost_usd") for r in rows.values()), Decimal("0.33999999999"),
              f"by {by}")
    with open(own, encoding="utf-8", newline="") as f:
        equal(sum(Decimal(r["BilledCost"]) for r in csv.DictReader(f)), Decimal("0.33999999999"),
              "the rows that were written")
    doc = world.json("cost", "--bill", own)
    balanced(doc)
    equal(Decimal(doc["totals"]["cost_usd"]), Decimal("0.33999999999"), "read again")
    require(os.path.getsize(own) > 0, "nothing was written")
