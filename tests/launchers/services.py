#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prefect and Dagster: a process a run, started by a daemon that has many."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from scripts import choose, pod, python, script  # noqa: E402

IDS = [f"{n:08x}-89ab-4def-8123-456789abcdef" for n in range(1, 5)]


def prefect(launcher):
    worker = script(launcher, "prefect", ["worker", "start", "-p", "lab"])
    flows = [
        ("-m", "prefect.engine", IDS[0], "etl", "prod", 0),
        ("-m", "prefect.flow_engine", IDS[1], "qc", None, 1),
        ("-m", "prefect.engine", IDS[1], "qc", None, 0),
    ]  # a retry: the same run
    for n, (flag, module, run, name, deployment, code) in enumerate(flows):
        env = {
            "PREFECT__FLOW_RUN_ID": run,
            "PREFECT__FLOW_NAME": name,
            "PREFECT__CONTROL_TOKEN": "s3cr3t-7f",
            "PREFECT_API_KEY": "pnu_s3cr3t",
        }
        if deployment:
            env["PREFECT__DEPLOYMENT_NAME"] = deployment
        flow = python(launcher, [flag, module], env=env)
        flow.call(launcher.tool("samtools"), ["samtools", "sort", "a.bam"]).exit(code)
        worker.play(flow, f"f{n}")
        if n:
            worker.wait(f"f{n}")
    launcher.run(
        engine="prefect", pipeline="etl", name=IDS[0], key=f"prefect:{IDS[0]}", status="succeeded"
    )
    launcher.run(engine="prefect", pipeline="qc", name=IDS[1], key=f"prefect:{IDS[1]}")
    launcher.used("samtools sort", None, 3)
    return worker.wait("f0").exit(0)


def prefect_execute(launcher):
    """A runner of its own in a pod: `prefect flow-run execute`, then the engine."""
    root = launcher.actor("containerd-shim-runc-v2", ["containerd-shim-runc-v2"])
    env = {"PREFECT__FLOW_RUN_ID": IDS[2], "PREFECT__FLOW_NAME": "nightly"}
    execute = script(launcher, "prefect", ["flow-run", "execute"])
    engine = python(launcher, ["-m", "prefect.engine"], env=env)
    engine.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(0)
    execute.play(engine, "e").wait("e").exit(0)
    root.play(execute, "x", env=env, **pod(launcher, "nightly-x1", 21))
    launcher.run(engine="prefect", pipeline="nightly", name=IDS[2], status="succeeded")
    return root.wait("x").exit(0)


def arguments(kind, run, step=None):
    steps = f', "step_keys_to_execute": ["{step}"]' if step else ""
    return (
        f'{{"__class__": "{kind}", "instance_ref": {{"password": "s3cr3t-7f"}}, '
        f'"pipeline_run_id": "{run}"{steps}}}'
    )


def dagster(launcher):
    daemon = script(launcher, "dagster-daemon", ["run"])
    for n, (run, code) in enumerate(((IDS[0], 0), (IDS[1], 1))):
        head = python(
            launcher, ["-m", "dagster", "api", "execute_run", arguments("ExecuteRunArgs", run)]
        )
        for k in range(2):
            step = python(
                launcher,
                [
                    "-c",
                    "from multiprocessing.spawn import spawn_main; " "spawn_main(tracker_fd=5)",
                    "--multiprocessing-fork",
                ],
            )
            bad = code and k
            step.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(1 if bad else 0)
            head.play(step, f"s{k}").wait(f"s{k}")
            launcher.task(
                run=run,
                status="failed" if bad else "succeeded",
                exit_code=1 if bad else 0,
                attempt=1,
            )
        tracker = python(
            launcher, ["-c", "from multiprocessing.resource_tracker import main;main(4)"]
        )
        head.play(tracker, "t").wait("t").exit(code)
        daemon.play(head, f"r{n}")
        launcher.run(
            engine="dagster",
            name=run,
            status="failed" if code else "succeeded",
            key=f"dagster:{run}",
        )
    return daemon.wait("r0").wait("r1").exit(0)


def dagster_pods(launcher):
    """A container a step; the name of the job is in the environment only."""
    root = launcher.actor("containerd-shim-runc-v2", ["containerd-shim-runc-v2"])
    for n, (step, code) in enumerate((("clean.orders", 0), ("load", 2))):
        child = python(
            launcher,
            ["-m", "dagster", "api", "execute_step", arguments("ExecuteStepArgs", IDS[3], step)],
        )
        child.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(code)
        root.play(
            child,
            f"s{n}",
            env={"DAGSTER_RUN_JOB_NAME": "daily", "DAGSTER_RUN_STEP_KEY": step},
            **pod(launcher, f"dagster-step-{n}", 30 + n),
        )
        launcher.task(
            name=step,
            run=IDS[3],
            pipeline="daily",
            exit_code=code,
            attempt=1,
            status="failed" if code else "succeeded",
            key=f"dagster:{IDS[3]}:{step}",
        )
    launcher.run(engine="dagster", pipeline="daily", name=IDS[3])
    return root.wait("s0").wait("s1").exit(0)


def prefect_paused(launcher):
    worker = script(launcher, "prefect", ["worker", "start", "-p", "lab"])
    flow = python(
        launcher,
        ["-m", "prefect.engine"],
        env={
            "PREFECT__FLOW_RUN_ID": IDS[0],
            "PREFECT__FLOW_NAME": "etl",
            "PREFECT__CONTROL_TOKEN": "s3cr3t-7f",
            "PREFECT_API_KEY": "pnu_s3cr3t",
        },
    )
    flow.touch(launcher.path("paused0")).await_(launcher.path("go"))
    flow.call(launcher.tool("samtools"), ["samtools", "sort", "a.bam"]).exit(0)
    launcher.run(
        engine="prefect", pipeline="etl", name=IDS[0], key=f"prefect:{IDS[0]}", status="succeeded"
    )
    return worker.play(flow, "f").wait("f").exit(0)


choose(
    {
        "prefect-paused": prefect_paused,
        "prefect": prefect,
        "prefect-execute": prefect_execute,
        "dagster": dagster,
        "dagster-pods": dagster_pods,
    }
)
