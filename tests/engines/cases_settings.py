# SPDX-License-Identifier: Apache-2.0
"""Settings that `tracer tune --sizes --for` writes, given to who is to read them.

Snakemake reads them in tests/e2e/cases_sizes.py. Nextflow itself is no Debian package: its
configuration language is Groovy's ConfigSlurper, which is."""
import json
import os
import re
import subprocess

from harness import case, equal, require
from truth import need, read, script

PARTS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def settings(world, form):
    """Of the made-up runs of tests/cli/size-fixture.c: what is said, and the sizes."""
    fixture = os.path.join(world.build, "tests", "cli", "size-fixture")
    if not os.path.exists(world.db):
        subprocess.run([fixture, world.db], check=True)
    sizes = {s["task"]: (int(s["memory_bytes"]) >> 20, s["cpus"])
             for s in world.json("tune", "--sizes")["sizes"]}
    equal(set(sizes), {"align", "merge"}, "tasks with a size")
    result = world.reader("tune", "--sizes", "--for", form)
    equal((result.rc, result.err), (0, b""), f"--for {form}")
    return result.out.decode(), sizes


def bytes_of(text):
    """Slurm's numbers: 490M, 1.5G."""
    number, unit = re.fullmatch(r"([\d.]+)([KMG])", text).groups()
    return float(number) * PARTS[unit]


@case("Slurm takes the #SBATCH lines of tune --sizes, and gives what they say")
def slurm_lines(world):
    need("slurmctld", "slurmd", "slurm-client", "munge")
    text, sizes = settings(world, "slurm")
    blocks = {b.split(":", 1)[0][2:]: b for b in text.split("\n\n")[1:]}
    equal(set(blocks), set(sizes), "blocks")
    subprocess.run([script("slurm"), "start", world.dir, "cgroup"], check=True, timeout=60)
    try:
        env = {"SLURM_CONF": f"{world.dir}/slurm.conf"}
        for name, block in blocks.items():
            with open(f"{world.dir}/{name}.sh", "w", encoding="utf-8") as f:
                f.write(f"#!/bin/sh\n{block}\n"
                        "cat /sys/fs/cgroup/memory$(sed -n 's/.*:memory://p' /proc/self/cgroup)"
                        "/../memory.limit_in_bytes >limit.$SLURM_JOB_NAME\n")
            done = world.exec(["sbatch", "-W", "--parsable", "-J", name, "-o", f"{name}.out",
                               f"{name}.sh"], env=env, cwd=world.dir)
            equal(done.rc, 0, f"sbatch {name}: {done!r} {block}")
            job = world.exec(["scontrol", "show", "job", done.out.decode().split()[0]], env=env)
            fields = dict(re.findall(r"(\S+?)=(\S*)", job.out.decode()))
            mib, cpus = sizes[name]
            equal((bytes_of(fields["MinMemoryNode"]), fields["CPUs/Task"]),
                  (mib << 20, str(cpus)), f"what job {name} has")
            equal(int(read(f"{world.dir}/limit.{name}")), mib << 20, f"limit of job {name}")
    finally:
        subprocess.run([script("slurm"), "stop", world.dir], check=True, timeout=60)


@case("Groovy reads the Nextflow configuration of tune --sizes, and its closures count")
def nextflow_config(world):
    need("groovy")
    text, sizes = settings(world, "nextflow")
    with open(f"{world.dir}/sizes.config", "w", encoding="utf-8") as f:
        f.write(text)
    done = world.exec(["groovy", script("work/settings/config.groovy"),
                       f"{world.dir}/sizes.config"], env={"HOME": world.dir})
    equal(done.rc, 0, repr(done))
    lines = done.out.decode().splitlines()
    equal(lines[:-1], [f"{name} {cpus} {mib} {2 * mib}" for name, (mib, cpus) in sizes.items()],
          "what attempts get")
    equal(lines[-1], "retry [retry, finish] 2", "what is tried again")


@case("The AWS Batch settings of tune --sizes have the documented shape")
def batch_shape(world):
    need("python3-jsonschema")
    import jsonschema  # pylint: disable=import-outside-toplevel
    text, sizes = settings(world, "batch")
    said = json.loads(text)
    schema = json.loads(read(script("work/settings/batch.schema.json")))
    jsonschema.validate(said, schema)
    values = {name: {r["type"]: int(r["value"]) for r in job["resourceRequirements"]}
              for name, job in said.items()}
    equal(values, {name: {"MEMORY": mib, "VCPU": cpus} for name, (mib, cpus) in sizes.items()},
          "memory in MiB, and CPUs")
    broken = text.replace('"value": "', '"value": "-', 1)
    try:
        jsonschema.validate(json.loads(broken), schema)
    except jsonschema.ValidationError:
        return
    require(False, "the schema takes anything")
