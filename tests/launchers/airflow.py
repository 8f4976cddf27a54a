#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Airflow 2 and 3: daemons whose forks say by their title what they run."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from scripts import choose, pod, python, script  # noqa: E402

RUNS = ("scheduled__2026-01-02T00:00:00+00:00", "manual__2026-01-02T08:30:00.123456+00:00")


def context(dag, task, run, attempt):
    return {
        "AIRFLOW_CTX_DAG_ID": dag,
        "AIRFLOW_CTX_TASK_ID": task,
        "AIRFLOW_CTX_DAG_RUN_ID": run,
        "AIRFLOW_CTX_TRY_NUMBER": attempt,
        "AIRFLOW_CTX_DAG_EMAIL": "ann@example.org",
        "AIRFLOW_CTX_DAG_OWNER": "ann",
    }


def operator(launcher, actor, tool, env):
    """BashOperator: a child with the context, which the runner itself never had."""
    actor.call(
        "/bin/bash", ["/bin/bash", "-c", launcher.tool(tool) + " mem r.fa a.fq; :"], env=env
    )


def runner2(launcher, dag, task, run, job, attempt, tool, code):
    def body(a):
        a.title(f"airflow task runner: {dag} {task} {run} {job}")
        operator(launcher, a, tool, context(dag, task, run, attempt))
        a.exit(code)

    return body


def supervisor2(launcher, *job):
    dag, task, run = job[:3]

    def body(a):
        a.title(
            f"airflow task supervisor: ['airflow', 'tasks', 'run', '{dag}', '{task}', '{run}', "
            "'--local']"
        )
        a.fork("runner", runner2(launcher, *job)).wait("runner").exit(0)

    return body


def worker2(launcher, title, jobs):
    def body(a):
        a.title(title)
        for n, job in enumerate(jobs):
            a.title(f"{title}: ['airflow', 'tasks', 'run', '{job[0]}', '{job[1]}', '{job[2]}']")
            a.fork(f"s{n}", supervisor2(launcher, *job)).wait(f"s{n}")
            a.title(title)
            a.call(launcher.tool("date"), ["date"])  # idle again: no part of a task
        a.exit(0)

    return body


JOBS = (
    [
        ("etl", "extract", RUNS[0], 11, 1, "bwa", 0),
        ("etl", "load", RUNS[0], 13, 1, "samtools", 3),
        ("etl", "load", RUNS[0], 15, 2, "samtools", 0),
    ],
    [("qc", "extract", RUNS[1], 12, 1, "bwa", 0), ("etl", "extract", RUNS[1], 14, 1, "bwa", 0)],
)


def truth2(launcher):
    launcher.run(engine="airflow", pipeline="etl", name=RUNS[0])
    launcher.run(engine="airflow", pipeline="qc", name=RUNS[1])
    launcher.run(engine="airflow", pipeline="etl", name=RUNS[1])
    for dag, task, run, job, attempt, _, code in JOBS[0] + JOBS[1]:
        launcher.task(
            name=task,
            run=run,
            pipeline=dag,
            attempt=attempt,
            exit_code=code,
            key=f"airflow:{dag}:{run}:{task}:{job}",
            status="failed" if code else "succeeded",
            sample=None,
        )
    launcher.used("bwa mem", "extract", 3)
    launcher.used("samtools mem", "load", 2)
    launcher.used("date", None, 5)


def local2(launcher):
    truth2(launcher)
    sched = script(launcher, "airflow", ["scheduler"])
    for n, jobs in enumerate(JOBS):
        sched.fork(f"w{n}", worker2(launcher, "airflow worker -- LocalExecutor", jobs))
    return sched.wait("w0").wait("w1").exit(0)


def celery2(launcher):
    """A pool process forks a supervisor for each task; the parent has no title."""
    truth2(launcher)
    worker = script(launcher, "airflow", ["celery", "worker", "-q", "default"])

    def pool(jobs):
        def body(a):
            for n, job in enumerate(jobs):
                a.fork(f"s{n}", supervisor2(launcher, *job)).wait(f"s{n}")
                a.call(launcher.tool("date"), ["date"])
            a.exit(0)

        return body

    for n, jobs in enumerate(JOBS):
        worker.fork(f"w{n}", pool(jobs))
    return worker.wait("w0").wait("w1").exit(0)


def runner3(launcher, ti, operators, code):
    def body(a):
        a.title(f"airflow worker -- {ti}")
        a.burn(3)
        for dag, task, run, attempt in operators:
            operator(launcher, a, "bwa", context(dag, task, run, attempt))
        a.exit(code)

    return body


def local3(launcher):
    tis = [f"0198c3f0-{n:04x}-7abc-8def-0123456789ab" for n in range(3)]
    work = [
        (tis[0], [("etl", "align", RUNS[0], 1)], 0),
        (tis[1], [("qc", "align", RUNS[1], 2)], 1),
        (tis[2], [], 0),
    ]
    launcher.run(engine="airflow", pipeline="etl", name=RUNS[0])
    launcher.run(engine="airflow", pipeline="qc", name=RUNS[1])
    for ti, operators, code in work:
        dag, task, run, attempt = operators[0] if operators else (None, ti, None, 1)
        launcher.task(
            name=task,
            run=run,
            **({"pipeline": dag} if dag else {}),
            key=f"airflow:ti:{ti}",
            attempt=attempt,
            exit_code=code,
            status="failed" if code else "succeeded",
        )
    launcher.used("date", None, 3)
    sched = script(launcher, "airflow", ["scheduler"])

    def worker(a):
        a.title("airflow worker -- LocalExecutor: <idle>")
        for n, (ti, operators, code) in enumerate(work):
            a.title(f"airflow worker -- LocalExecutor: {ti}")
            a.fork(f"r{n}", runner3(launcher, ti, operators, code)).wait(f"r{n}")
            a.title("airflow worker -- LocalExecutor: <idle>")
            a.call(launcher.tool("date"), ["date"])
        a.exit(0)

    return sched.fork("w", worker).wait("w").exit(0)


def edge(launcher):
    ti = "0198c3f0-0000-7abc-8def-0123456789ab"
    launcher.task(name=ti, key=f"airflow:ti:{ti}", status="succeeded", exit_code=0, attempt=1)
    worker = script(launcher, "airflow", ["edge", "worker", "-q", "lab"])

    def body(a):
        a.title(f"airflow edge worker: {ti}")
        a.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(0)

    return worker.fork("t", body).wait("t").exit(0)


def kubernetes(launcher):
    """Two pods at a time; the scheduler itself has one that is no task."""
    launcher.run(engine="airflow", pipeline="etl", name=RUNS[0])
    root = launcher.actor(
        "containerd-shim-runc-v2", ["containerd-shim-runc-v2", "-namespace", "k8s.io"]
    )
    for n, (task, more, code) in enumerate(
        (("extract", [], 0), ("load", ["--map-index", "4"], 1))
    ):
        child = python(
            launcher,
            ["/usr/local/bin/airflow", "tasks", "run", "etl", task, RUNS[0], "--local", *more],
        )
        child.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(code)
        root.play(child, f"t{n}", **pod(launcher, f"etl-{task}-abc{n}", n + 1))
        launcher.task(
            name=task,
            run=RUNS[0],
            pipeline="etl",
            exit_code=code,
            attempt=1,
            status="failed" if code else "succeeded",
            key=f"airflow:etl:{RUNS[0]}:{task}" + (":4" if more else ""),
        )
    launcher.used("bwa mem", "extract")
    return root.wait("t0").wait("t1").exit(0)


def leak(launcher):
    """An operator starts a container, to which its environment was copied: not the task."""
    launcher.run(engine="airflow", pipeline="etl", name=RUNS[0])
    launcher.task(name="extract", run=RUNS[0], attempt=1, status="succeeded", exit_code=0)
    sched = script(launcher, "airflow", ["scheduler"])
    inner = launcher.actor(
        "bash",
        ["/bin/bash", "job.sh"],
        env=context("etl", "extract", RUNS[0], 1),
        **pod(launcher, "batch-7", 7),
    )
    inner.call(launcher.tool("samtools"), ["samtools", "sort"]).exit(0)

    def runner(a):
        a.title(f"airflow task runner: etl extract {RUNS[0]} 3")
        a.burn(2).exit(0)

    launcher.scope(
        kind="container", name="batch-7", submitted_by=f"airflow:etl:{RUNS[0]}:extract:try1"
    )
    launcher.used("samtools sort", None)
    sched.fork("r", runner).wait("r")
    return sched.play(inner, "c").wait("c").exit(0)


def paused(launcher):
    """Two runners that wait for a file: who starts to look then must find their tasks."""
    sched = script(launcher, "airflow", ["scheduler"])
    for n, (task, code) in enumerate((("extract", 0), ("load", 3))):

        def runner(a, task=task, code=code, n=n):
            a.title(f"airflow task runner: etl {task} {RUNS[0]} {20 + n}")
            a.touch(launcher.path(f"paused{n}")).await_(launcher.path("go"))
            operator(launcher, a, "bwa", context("etl", task, RUNS[0], 1))
            a.exit(code)

        sched.fork(f"r{n}", runner)
        launcher.task(
            name=task,
            run=RUNS[0],
            pipeline="etl",
            exit_code=code,
            attempt=1,
            status="failed" if code else "succeeded",
        )
        launcher.used("bwa mem", task)
    pod_task = python(launcher, ["/usr/local/bin/airflow", "tasks", "run", "qc", "count", RUNS[1]])
    pod_task.touch(launcher.path("paused2")).await_(launcher.path("go"))
    pod_task.call(launcher.tool("samtools"), ["samtools", "view"]).exit(0)
    launcher.task(name="count", run=RUNS[1], pipeline="qc", exit_code=0, status="succeeded")
    launcher.used("samtools view", "count")
    sched.play(pod_task, "p", **pod(launcher, "qc-count-1", 8))
    return sched.wait("r0").wait("r1").wait("p").exit(0)


choose(
    {
        "airflow2-paused": paused,
        "airflow2-local": local2,
        "airflow2-celery": celery2,
        "airflow3-local": local3,
        "airflow3-edge": edge,
        "airflow-kubernetes": kubernetes,
        "airflow-leak": leak,
    }
)
