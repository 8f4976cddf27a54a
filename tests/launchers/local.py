#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Metaflow, Cylc, Pegasus, Luigi, Parsl, Ray, Dask, Spark, Galaxy, Martian: on one host."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from scripts import choose, python, script  # noqa: E402


def outcome(code):
    return {"exit_code": code, "status": "failed" if code else "succeeded"}


def metaflow(launcher):
    head = python(launcher, ["flows/train.py", "run"])
    for n, (step, task, retry, code) in enumerate(
        (
            ("start", 1, 0, 0),
            ("fit", 2, 0, 1),
            ("fit", 2, 1, 0),
            ("fit", 3, 0, 0),
            ("end", 4, 0, 0),
        )
    ):
        child = python(
            launcher,
            [
                "-u",
                "flows/train.py",
                "--quiet",
                "--metadata",
                "local",
                "step",
                step,
                "--run-id",
                "1701",
                "--task-id",
                task,
                "--input-paths",
                "1701/x/1",
                "--retry-count",
                retry,
                "--max-user-code-retries",
                2,
            ],
        )
        child.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(code)
        head.play(child, f"t{n}").wait(f"t{n}")
        launcher.task(name=step, run="1701", pipeline="train", attempt=retry + 1, **outcome(code))
    launcher.run(engine="metaflow", pipeline="train", name="1701")
    launcher.used("bwa mem", "fit", 3)
    return head.exit(0)


def cylc(launcher):
    base = launcher.path("home", "cylc-run", "forecast", "run3", "log", "job")
    play = script(launcher, "cylc", ["play", "--no-detach", "forecast/run3"])
    for n, (cycle, task, submit, code) in enumerate(
        (
            ("20260102T0000Z", "prep", 1, 0),
            ("20260102T0000Z", "model", 1, 1),
            ("20260102T0000Z", "model", 2, 0),
            ("20260102T0600Z", "model", 1, 0),
        )
    ):
        path = f"{base}/{cycle}/{task}/{submit:02}/job"
        job = launcher.actor("bash", ["/bin/bash", "-l", path])
        job.call(launcher.tool("cdo"), ["cdo", "mergetime", "a.nc"]).exit(code)
        play.play(job, f"j{n}", setsid=True, daemon=False).wait(f"j{n}")
        launcher.task(
            name=task,
            run="forecast/run3",
            pipeline="forecast",
            attempt=submit,
            **outcome(code),
            key=f"cylc:forecast/run3:{cycle}/{task}" + ("#2" if submit > 1 else ""),
        )
    launcher.run(engine="cylc", pipeline="forecast", name="forecast/run3")
    return play.exit(0)


def pegasus(launcher):
    uuid = "01234567-89ab-4def-8123-456789abcdef"
    starter = launcher.actor("condor_starter", ["condor_starter", "-f"])
    for n, (job, code) in enumerate(
        (("mProject_ID0000001", 0), ("mAdd_ID0000002", 1), ("mAdd_ID0000002", 0))
    ):
        env = {"PEGASUS_WF_UUID": uuid, "PEGASUS_WF_LABEL": "montage", "PEGASUS_DAG_JOB_ID": job}
        kick = launcher.actor(
            "pegasus-kickstart", ["pegasus-kickstart", "-n", "montage", "-N", job]
        )
        kick.call(launcher.tool("mProject"), ["mProject", "a.fits"]).exit(code)
        lite = launcher.actor("condor_exec.exe", ["condor_exec.exe"], env=env)
        lite.play(kick, "k").exitas("k")
        starter.play(lite, f"j{n}").wait(f"j{n}")
        launcher.task(
            name=job.split("_")[0],
            run=uuid,
            pipeline="montage",
            attempt=1 + (n == 2),
            **outcome(code),
        )
    launcher.run(engine="pegasus", pipeline="montage", name=uuid)
    return starter.exit(0)


def luigi(launcher):
    head = script(launcher, "luigi", ["--module", "etl.daily", "LoadAll", "--workers", "2"])

    def worker(a):
        a.call(launcher.tool("samtools"), ["samtools", "sort"]).exit(0)

    head.fork("a", worker).fork("b", worker).wait("a").wait("b").exit(0)
    launcher.run(engine="luigi", pipeline="etl.daily", status="succeeded")
    launcher.used("samtools sort", None, 2)
    return head


def parsl(launcher):
    """Head: any script. Its blocks are pools of one directory; one task fails."""
    head = python(launcher, ["run.py"])
    logs = launcher.path("align", "runinfo", "003", "htex")
    for n in range(2):
        pool = script(
            launcher,
            "process_worker_pool.py",
            ["-a", "127.0.0.1", "-c", 1, f"--logdir={logs}", f"--block_id={n}"],
        )

        def worker(a, n=n):
            for k in range(2):
                code = n and k
                a.spawn(
                    f"c{k}",
                    "/bin/bash",
                    [
                        "/bin/bash",
                        "-c",
                        launcher.tool("bwa") + " index r.fa; " f"exit {int(code)}",
                    ],
                ).wait(f"c{k}")
            a.exit(0)

        for k in range(2):
            launcher.task(name="bwa index", run="003", **outcome(int(n and k)))
        pool.fork("w", worker).wait("w").exit(0)
        head.play(pool, f"p{n}")
    launcher.run(
        engine="parsl", pipeline="align", name="003", key=f"parsl:{os.path.dirname(logs)}"
    )
    return head.wait("p0").wait("p1").exit(0)


def ray(launcher):
    raylet = launcher.actor("raylet", ["raylet", "--store_socket_name=/tmp/ray/s"])

    def worker(a):
        for k, name in enumerate(("align", "align", "count")):
            a.title(f"ray::{name}").call(launcher.tool("bwa"), ["bwa", "mem"])
            a.title("ray::IDLE").call(launcher.tool("date"), ["date"])
        a.exit(0)

    for _ in range(2):
        launcher.task(name="align", run=None, attempt=1, status="unknown")
    launcher.task(name="count", run=None)
    launcher.used("bwa mem", "align", 2)
    launcher.used("date", None, 3)
    worker_program = python(launcher, ["default_worker.py", "--node-ip-address=127.0.0.1"])
    worker_program.fork("w", worker).wait("w").exit(0)
    return raylet.play(worker_program, "d").wait("d").exit(0)


def dask(launcher):
    worker = script(launcher, "dask-worker", ["tcp://127.0.0.1:8786"])
    worker.fork("n", lambda a: a.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(0))
    launcher.used("bwa mem", None)
    return worker.wait("n").exit(0)


def spark(launcher):
    submit = launcher.actor(
        "java",
        ["java", "-cp", "x", "org.apache.spark.deploy.SparkSubmit", "--name", "daily", "app.py"],
    )
    for n in range(2):
        executor = launcher.actor(
            "java",
            [
                "java",
                "org.apache.spark.executor.CoarseGrainedExecutorBackend",
                "--executor-id",
                n,
                "--cores",
                2,
                "--app-id",
                "app-1",
            ],
        )
        submit.play(executor.burn(2).exit(0), f"e{n}")
        launcher.task(name="executor", run="app-1", cpus=2, key=f"spark:app-1:{n}", **outcome(0))
    launcher.run(engine="spark", pipeline="daily", status="succeeded")
    return submit.wait("e0").wait("e1").exit(0)


def galaxy(launcher):
    handler = python(launcher, ["/g/lib/galaxy/main.py"])
    for n, code in ((17, 0), (18, 1)):
        d = f"/g/job_working_directory/000/{n}"
        tool = launcher.actor("bash", ["/bin/bash", f"{d}/tool_script.sh"])
        tool.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(code)
        job = launcher.actor("bash", ["/bin/bash", f"{d}/galaxy_{n}.sh"])
        handler.play(job.play(tool, "t").exitas("t"), f"j{n}").wait(f"j{n}")
        launcher.task(key=f"galaxy:{n}", **outcome(code))
    return handler.exit(0)


def martian(launcher):
    mrp = launcher.actor("mrp", ["mrp", "/x/SC_RNA.mro", "sample1", "--jobmode=local"])
    for n, code in ((0, 0), (1, 1)):
        job = launcher.actor(
            "mrjob",
            [
                "mrjob",
                "/x/stages/align",
                "main",
                f"/w/sample1/SC_RNA/ALIGN_READS/fork0/chnk{n}-u1a",
                "/w/f",
                "/w/j",
            ],
        )
        job.call(launcher.tool("STAR"), ["STAR", "--runMode", "alignReads"]).exit(code)
        mrp.play(job, f"j{n}").wait(f"j{n}")
        launcher.task(name="ALIGN_READS", **outcome(code))
    launcher.run(engine="martian", pipeline="SC_RNA", name="sample1", status="failed")
    return mrp.exit(1)


choose(
    {
        "metaflow": metaflow,
        "cylc": cylc,
        "pegasus": pegasus,
        "luigi": luigi,
        "parsl": parsl,
        "ray": ray,
        "dask": dask,
        "spark": spark,
        "galaxy": galaxy,
        "martian": martian,
    }
)
