#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Engines of Kubernetes: Flyte, Argo, KFP. Pods are namespaces and cgroups, not the cluster."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from scripts import choose, pod, script  # noqa: E402


def shim(launcher):
    return launcher.actor(
        "containerd-shim-runc-v2",
        ["/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", "0a"],
    )


def flyte(launcher):
    root = shim(launcher)
    nodes = [("n0", "load", 0, 0), ("n1", "fit", 0, 1), ("n1", "fit", 1, 0)]
    for k, (node, task, attempt, code) in enumerate(nodes):
        env = {
            "FLYTE_INTERNAL_EXECUTION_ID": "f5a3e2",
            "FLYTE_INTERNAL_EXECUTION_PROJECT": "lab",
            "FLYTE_INTERNAL_EXECUTION_DOMAIN": "dev",
            "FLYTE_ATTEMPT_NUMBER": attempt,
            "FLYTE_INTERNAL_EXECUTION_WORKFLOW": "lab:dev:flows.train.wf",
            "FLYTE_INTERNAL_TASK_NAME": f"flows.train.{task}",
        }
        child = script(
            launcher,
            "pyflyte-execute",
            [
                "--inputs",
                "s3://b/in.pb",
                "--output-prefix",
                "s3://b/o",
                "--",
                "task-module",
                "flows.train",
                "task-name",
                task,
            ],
        )
        child.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(code)
        name = f"f5a3e2-{node}-{attempt}"
        root.play(child, f"p{k}", env=env, **pod(launcher, name, 40 + k)).wait(f"p{k}")
        launcher.task(
            name=f"flows.train.{task}",
            run="f5a3e2",
            pipeline="flows.train.wf",
            attempt=attempt + 1,
            exit_code=code,
            key=f"flyte:f5a3e2:{name}",
            status="failed" if code else "succeeded",
        )
    launcher.run(engine="flyte", pipeline="flows.train.wf", name="f5a3e2")
    launcher.used("bwa mem", "flows.train.fit", 2)
    return root.exit(0)


def argo_pod(launcher, root, k, workflow, template, command, more=None):
    """init, wait and main of one pod: one UTS name, three containers."""
    name = f"{workflow}-{template}-{1234567890 + k}"
    env = {
        "ARGO_WORKFLOW_NAME": workflow,
        "ARGO_NODE_ID": f"{workflow}-{1234567890 + k}",
        "ARGO_TEMPLATE": '{"inputs": "s3cr3t-7f"}',
        **(more or {}),
    }
    for n, word in enumerate(("init", "wait")):
        side = launcher.actor("argoexec", ["argoexec", word, "--loglevel", "info"])
        root.play(
            side.call(launcher.tool("date"), ["date"]).exit(0),
            f"{word}{k}",
            env={**env, "ARGO_CONTAINER_NAME": word},
            **pod(launcher, name, 100 * k + n + 1),
        ).wait(f"{word}{k}")
    main = launcher.actor(
        "argoexec",
        [
            "/var/run/argo/argoexec",
            "emissary",
            "--loglevel",
            "info",
            "--log-format",
            "text",
            "--",
            *command[1],
        ],
    )
    main.spawn("cmd", *command)
    main.wait("cmd").exitas("cmd")
    root.play(
        main,
        f"m{k}",
        env={**env, "ARGO_CONTAINER_NAME": "main"},
        **pod(launcher, name, 100 * k + 3),
    ).wait(f"m{k}")
    return name


def argo(launcher):
    root = shim(launcher)
    for k, (workflow, template, code, attempt) in enumerate(
        (
            ("train-x7k2p", "fit-model", 64, 1),
            ("train-x7k2p", "fit-model", 0, 2),
            ("qc-b2c4d", "fit-model", 0, 1),
        ),
        1,
    ):
        command = (launcher.tool("bwa"), ["bwa", "mem"])
        if code:
            failing = launcher.actor("samtools", ["samtools", "sort"]).exit(code)
            command = (failing, failing.argv)
        name = argo_pod(launcher, root, k, workflow, template, command)
        launcher.task(
            name=template,
            run=workflow,
            attempt=attempt,
            exit_code=code,
            status="failed" if code else "succeeded",
            key=f"argo:{workflow}:{name}:main",
        )
    launcher.run(engine="argo", pipeline="train", name="train-x7k2p")
    launcher.run(engine="argo", pipeline="qc", name="qc-b2c4d")
    launcher.used("date", None, 6)
    return root.exit(0)


def kfp(launcher):
    """Under Argo: its pods are tasks of both, the inner one of KFP."""
    root = shim(launcher)
    run = "01234567-89ab-4def-8123-456789abcdef"
    for k, (retry, code) in enumerate(((0, 1), (1, 0)), 1):
        words = [
            "/kfp-launcher/launch",
            "--pipeline_name",
            "train",
            "--run_id",
            run,
            "--execution_id",
            "12",
            "--executor_input",
            '{"lr": 0.1}',
            "--component_spec",
            "{}",
            "--",
            "python3",
            "main.py",
        ]
        launch = launcher.actor("launch", words)
        launch.call(launcher.tool("bwa"), ["bwa", "mem"]).exit(code)
        name = argo_pod(
            launcher,
            root,
            k,
            "train-x7k2p",
            "system-container-impl",
            (launch, words),
            {"KFP_RETRY_INDEX": retry},
        )
        launcher.task(
            run=run,
            pipeline="train",
            exit_code=code,
            attempt=retry + 1,
            status="failed" if code else "succeeded",
            key=f"kfp:{run}:{name}",
            parent=f"argo:train-x7k2p:{name}:main",
        )
        launcher.task(name="system-container-impl", run="train-x7k2p", exit_code=code)
    driver = launcher.actor(
        "driver",
        [
            "driver",
            "--type",
            "CONTAINER",
            "--pipeline_name",
            "train",
            "--run_id",
            run,
            "--task_name",
            "fit",
        ],
    ).exit(0)
    root.play(driver, "d").wait("d")
    launcher.run(engine="kfp", pipeline="train", name=run)
    return root.exit(0)


def many(launcher):
    """The environment below a program that had a longer name before: always read."""
    root = shim(launcher)
    launch = (
        launcher.actor("launch", ["launch", "--pipeline_name=many", "--run_id=r1"]).burn(1).exit(0)
    )
    for n in range(30):
        outer = launcher.actor("argoexec", ["argoexec", "emissary", "--", "launch"])
        outer.play(launch, "l").wait("l").exit(0)
        root.play(outer, f"a{n}", env={"KFP_POD_NAME": f"pod-{n}"}).wait(f"a{n}")
        launcher.task(run="r1", key=f"kfp:r1:pod-{n}", attempt=1)
        launcher.task(run=None, rule="argo.task")
    launcher.run(engine="kfp", pipeline="many", name="r1", status="succeeded")
    return root.exit(0)


choose({"flyte": flyte, "argo": argo, "kfp": kfp, "kfp-many": many})
