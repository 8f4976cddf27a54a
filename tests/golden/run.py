#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py DUMP CASE.events [--update]: builds the log, runs the tracker over it and
compares its rows with CASE.rows beside the case. --update writes them anew, for a
review of the difference."""
import difflib
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    dump, case = (os.path.abspath(path) for path in sys.argv[1:3])
    expected = re.sub(r"\.events$", ".rows", case)
    with open(case, encoding="utf-8") as lines:
        options = re.search(r"^# options: (.*)$", lines.read(), re.M)
    with tempfile.TemporaryDirectory() as directory:
        log = os.path.join(directory, "log")
        subprocess.run([sys.executable, os.path.join(HERE, "build-log.py"), case, log], check=True)
        result = subprocess.run(
            [dump, *(options[1].split() if options else []), log],
            cwd=os.path.dirname(os.path.abspath(case)), capture_output=True,
            encoding="utf-8", errors="backslashreplace")
    if result.returncode or result.stderr:
        sys.exit(f"{result.stderr}{result.stdout[-4000:]}\ndump: exit code {result.returncode}")
    if "--update" in sys.argv:
        with open(expected, "w", encoding="utf-8") as out:
            out.write(result.stdout)
        return
    with open(expected, encoding="utf-8") as wanted:
        difference = list(difflib.unified_diff(
            wanted.read().splitlines(), result.stdout.splitlines(),
            "expected", "rows", lineterm=""))
    if difference:
        sys.exit("\n".join(difference))


main()
