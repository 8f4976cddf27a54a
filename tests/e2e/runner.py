# SPDX-License-Identifier: Apache-2.0
"""Runs registered cases and prints a line for each: for tests/e2e/run and tests/engines/run."""
import argparse
import fnmatch
import json
import sys
import time
import traceback

import harness


def attempt(function, build, keep):
    world = harness.World(build)
    try:
        function(world)
    finally:
        if keep:
            print(f"    kept: {world.dir}")
        else:
            world.close()


def run_case(name, function, needs, attempts, args):
    for need in needs:
        reason = harness.PROBES[need]()
        if reason:
            return {"name": name, "result": "skip", "reason": reason}
    for left in range(attempts - 1, -1, -1):
        try:
            attempt(function, args.build, args.keep)
            return {"name": name, "result": "ok"}
        except harness.Skip as skip:
            return {"name": name, "result": "skip", "reason": str(skip)}
        except Exception:  # pylint: disable=broad-except
            if left == 0:
                traceback.print_exc(limit=-3)
                return {"name": name, "result": "fail"}
            print(f"    {name}: again ({left} left): {sys.exc_info()[1]}"[:300])
    return None


def parse(usage):
    parser = argparse.ArgumentParser(description=usage)
    parser.add_argument("--build", default="build")
    parser.add_argument("--results")
    parser.add_argument("--keep", action="store_true", help="keep the cases' directories")
    parser.add_argument("patterns", nargs="*", help="only cases whose name matches")
    return parser


def main(prefix, args, summary=False):
    """Exit status: 1 if a case failed. With summary, the last line counts them."""
    results = []
    for name, function, needs, attempts in harness.CASES:
        if args.patterns and not any(fnmatch.fnmatch(name, f"*{p}*") for p in args.patterns):
            continue
        started = time.monotonic()
        result = run_case(f"{prefix}: {name}", function, needs, attempts, args)
        word = {"ok": "ok", "fail": "not ok", "skip": "skip"}[result["result"]]
        note = f" # {result['reason']}" if "reason" in result else ""
        print(f"{word} - {result['name']} ({time.monotonic() - started:.1f} s){note}", flush=True)
        results.append(result)
    if args.results:
        with open(args.results, "w", encoding="utf-8") as f:
            for result in results:
                f.write(json.dumps(result) + "\n")
    count = {k: sum(r["result"] == k for r in results) for k in ("ok", "fail", "skip")}
    if summary:
        skipped = f", {count['skip']} skipped" if count["skip"] else ""
        print(f"{count['ok']} passed, {count['fail']} failed{skipped}")
    return 1 if count["fail"] or not results else 0
