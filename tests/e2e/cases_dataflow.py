# SPDX-License-Identifier: Apache-2.0
"""The dataflow that tracer saw against the one that Snakemake declares, and the critical path.

Jobs are told apart by the files that their tasks wrote, as the store has them, not by the
names of tasks: names are not what these cases are about.
"""
import collections
import json
import os
import re
import sqlite3

from cases_pipelines import have
from harness import Skip, case, equal, num, require

SNAKEMAKE = ("/usr/bin/snakemake", "--cores", "2", "--scheduler", "greedy")
SEED = {"PYTHONHASHSEED": "0"}  # so that two invocations number their jobs alike
RECALL, PRECISION, EXPLAINED = 0.999, 0.99, 0.95

SCATTER = """
PARTS = range(6)

rule all:
    input: "out/final.txt", "out/summary"

rule source:
    output: "data/source.txt"
    shell: "seq 1 20000 > {output}"

rule split:
    input: "data/source.txt"
    output: temp(directory("parts"))
    shell: "mkdir -p {output}; split -n l/6 -d -a 1 {input} {output}/p."

rule work:
    input: "parts"
    output: temp("work/{i}.txt")
    shell: "sort -rn {input}/p.{wildcards.i} > {output}; echo {wildcards.i} >> work.log"

rule gather:
    input: expand("work/{i}.txt", i=PARTS)
    output: "out/gathered.txt"
    shell: "cat {input} > {output}.tmp; mv {output}.tmp {output}"

rule left:
    input: "out/gathered.txt"
    output: "out/left.txt"
    shadow: "minimal"
    shell: "wc -l < {input} > {output}"

rule right:
    input: "out/gathered.txt"
    output: "out/right.txt"
    shell: "sort -o {output} {input}; sed -i 1d {output}"

rule summary:
    input: "out/left.txt", "out/right.txt"
    output: directory("out/summary")
    shell: "mkdir -p {output}; cat {input[0]} > {output}/count; head -3 {input[1]} > {output}/head"

rule final:
    input: "out/right.txt", "out/summary", "out/gathered.txt"
    output: "out/final.txt"
    shell: "cat {input[1]}/* {input[0]} {input[2]} > {output}"
"""

# `flaky` fails once; `pole` takes most of the time; two rules read what they do not declare:
# `peek`, after it has waited for a mark, and `late`, which is ordered by a file that it does
# declare, but never opens.
SCRIPTED = """
NAMES = ["a", "b"]

rule all:
    input: "report.txt", "peek.txt", "late.txt", expand("done/{n}.txt", n=NAMES)

rule make:
    output: "raw/{n}.txt"
    shell: "seq 1 500 > {output}"

rule count:
    input: "raw/{n}.txt"
    output: "count/{n}.txt"
    run:
        with open(input[0]) as f, open(output[0], "w") as g:
            g.write(str(sum(1 for _ in f)) + "\\n")

rule script:
    input: "count/{n}.txt"
    output: "script/{n}.txt"
    script: "double.py"

rule flaky:
    input: "script/{n}.txt"
    output: "done/{n}.txt"
    retries: 2
    shell: "cat {input} > {output}; test -e tried.{wildcards.n} || "
           "{{ : > tried.{wildcards.n}; exit 1; }}"

rule pole:
    input: "raw/a.txt"
    output: "pole.txt"
    shell: "sleep 15; cp {input} {output}"

rule secret:
    output: "secret/open.txt"
    priority: 9
    shell: "sleep 0.3; seq 9 > secret/hidden.txt; seq 9 > {output}; : > secret/mark"

rule peek:
    output: "peek.txt"
    priority: 8
    shell: "while [ ! -e secret/mark ]; do sleep 0.05; done; cat secret/hidden.txt > {output}"

rule late:
    input: "count/b.txt", "secret/open.txt"
    output: "late.txt"
    shell: "cat raw/b.txt {input[1]} > {output}"

rule report:
    input: "pole.txt", expand("script/{n}.txt", n=NAMES)
    output: "report.txt"
    shell: "cat {input} > {output}"
"""

DOUBLE = """with open(snakemake.input[0]) as f, open(snakemake.output[0], "w") as g:
    g.write(str(2 * int(f.read())) + "\\n")
"""

# Both ends of a named pipe run at the same time.
PIPED = """
rule all:
    input: "read.txt"

rule first:
    output: "first.txt"
    shell: "seq 1 200000 > {output}"

rule write:
    input: "first.txt"
    output: pipe("stream")
    shell: "cat {input} > {output}"

rule read:
    input: "stream"
    output: "read.txt"
    shell: "sort -rn {input} > {output}"
"""

# An engine that gives each task a directory of its own and stages files between them: by
# renaming, by copying, by a hard and by a symbolic link. Between two of them it only writes a
# list of its own.
STAGER = """
import os, shutil, subprocess, sys

def task(name, script):
    os.mkdir(name)
    subprocess.run(["sh", "-c", script, "stage-task", name], cwd=name, check=True)

task("one", "seq 10 > a; seq 20 > b; seq 30 > c; seq 40 > d; seq 50 > e; ls a > list")
for name in "renamed", "copied", "linked", "pointed", "listed":
    os.mkdir("in-" + name)
os.rename("one/a", "in-renamed/x")
shutil.copyfile("one/b", "in-copied/b")
os.link("one/c", "in-linked/y")
os.symlink("../one/d", "in-pointed/z")
with open("one/list") as f, open("in-listed/own.txt", "w") as g:
    g.write(f.read())
task("two", "cat ../in-renamed/x > out")
task("three", "cat ../in-copied/b > out")
task("four", "cat ../in-linked/y > out")
task("five", "cat ../in-pointed/z > out")
task("six", "cat ../in-listed/own.txt > out")
"""

STAGER_RULES = """
- id: stager.head
  kind: engine
  priority: 900
  when: {all: [{argv_re: '(^|/)stager[.]py$'}, {run_root: true}]}
  extract: {engine: {const: stager}}
- id: stager.task
  kind: task
  priority: 900
  when: {all: [{parent: stager.head}, {argv_has: stage-task}]}
  key: 'stager:${name}'
  extract: {name: {word: 4}}
"""

# Three files are packed, a sum is made of each, and all six are joined.
CWL = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}, InlineJavascriptRequirement: {}}
inputs: {fs: "File[]"}
steps:
  pack:
    scatter: f
    in: {f: fs}
    out: [o]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c]
      arguments: ["gzip -1 -c $(inputs.f.path) > out.gz"]
      inputs: {f: File}
      outputs: {o: {type: File, outputBinding: {glob: out.gz}}}
  sum:
    scatter: f
    in: {f: pack/o}
    out: [o]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c]
      arguments: ["md5sum $(inputs.f.path) > sum.txt"]
      inputs: {f: File}
      outputs: {o: {type: File, outputBinding: {glob: sum.txt}}}
  join:
    in: {fs: pack/o, ss: sum/o}
    out: [o]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c]
      arguments: ['cat "$@" > all.txt', x, $(inputs.fs), $(inputs.ss)]
      inputs: {fs: "File[]", ss: "File[]"}
      outputs: {o: {type: File, outputBinding: {glob: all.txt}}}
outputs: {out: {type: File, outputSource: join/o}}
"""


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def listed(block, name):
    found = re.search(rf"^ +{name}: (.*)$", block, re.M)
    return [p.strip().removesuffix(" (pipe)") for p in found[1].split(",")] if found else []


def declared(world, directory, config=()):
    """Of the workflow itself: its jobs by number, each with rule, inputs and outputs, and the
    pairs of jobs of which one needs the other's output."""
    def ask(*options):
        result = world.exec([*SNAKEMAKE, "--forceall", *options, *config], cwd=directory, env=SEED)
        equal(result.rc, 0, repr(result))
        return result.out.decode()
    graph = json.loads(ask("--d3dag"))
    jobs = {}
    for block in ask("--dry-run").split("\n\n"):
        number = re.search(r"^ +jobid: (\d+)$", block, re.M)
        rule = re.search(r"^ *(?:local)?rule (\w+):$", block, re.M)
        if number and rule:
            jobs[int(number[1])] = {"rule": rule[1], "inputs": listed(block, "input"),
                                    "outputs": listed(block, "output")}
    for node in graph["nodes"]:
        equal(jobs[node["id"]]["rule"], node["value"]["rule"], "rule of a job in both answers")
    work = {n for n, job in jobs.items() if job["outputs"]}
    return jobs, {(e["u"], e["v"]) for e in graph["links"] if e["u"] in work and e["v"] in work}


def writers(world, run):
    """Task number: the paths that its processes made."""
    made = collections.defaultdict(set)
    with sqlite3.connect(f"file:{world.db}?mode=ro", uri=True) as db:
        for task, path in db.execute(
                "SELECT task_id & 4294967295, path FROM v_file WHERE run = ? AND task_id NOT NULL "
                "AND (access LIKE '%w%' OR access LIKE '%m%')", (run,)):
            made[str(task)].add(path)
    return made


def jobs_of_tasks(world, run, jobs):
    """Task number: job number, by the outputs of the job among what the task made."""
    def makes(paths, output):
        return any(p.endswith("/" + output) or f"/{output}/" in p for p in paths)
    found = {}
    for task, paths in writers(world, run).items():
        owners = {n for n, job in jobs.items() if any(makes(paths, o) for o in job["outputs"])}
        require(len(owners) <= 1, f"task {task} wrote outputs of jobs {owners}")
        if owners:
            found[task] = owners.pop()
    return found


def check_dag(world, jobs, expected, planted=(), unread=()):
    """Edges by pairs of jobs against what is expected; planted and unread are pairs of rules:
    undeclared, and declared without that anybody opens the file."""
    dag = world.json("dag", "--files")
    require(dag["completeness"]["complete"], f"completeness: {dag['completeness']}")
    job_of = jobs_of_tasks(world, dag["run"], jobs)
    equal(set(job_of.values()), {n for n, job in jobs.items() if job["outputs"]},
          "jobs that have a task")
    seen = set()
    for edge in dag["edges"]:
        require(edge["files"] == len(edge["paths"]) > 0, f"files of {edge}")
        require(edge["from"] in job_of and edge["to"] in job_of, f"no job for {edge}")
        seen.add((job_of[edge["from"]], job_of[edge["to"]]))
    def rules(pair):
        return jobs[pair[0]]["rule"], jobs[pair[1]]["rule"]
    hidden = {pair for pair in seen if rules(pair) in planted}
    wanted = {pair for pair in expected if rules(pair) not in unread}
    hits = len(seen & wanted)
    recall, precision = hits / len(wanted), hits / len(seen - hidden)
    print(f"    {len(jobs)} jobs, {len(expected)} declared edges ({len(expected) - len(wanted)} "
          f"never opened), {len(seen)} seen: recall {100 * recall:.1f} %, precision "
          f"{100 * precision:.1f} %, undeclared found: {len({rules(p) for p in hidden})} of "
          f"{len(planted)}")
    require(recall >= RECALL, f"missed: {sorted(map(rules, wanted - seen))}")
    require(precision >= PRECISION, f"wrong: {sorted(map(rules, seen - hidden - wanted))}")
    equal({rules(p) for p in hidden}, set(planted), "undeclared inputs found")
    return dag


def check_path(world):
    path = world.json("critical-path")
    makespan, sums = num(path["makespan_ns"]), path["sums_ns"]
    at = num(path["start_ns"])
    for segment in path["segments"]:
        equal(num(segment["start_ns"]), at, f"start of {segment}")
        at = num(segment["end_ns"])
        equal(num(segment["duration_ns"]), at - num(segment["start_ns"]), "duration")
    equal(at, num(path["end_ns"]), "end of the last segment")
    equal(sum(map(num, sums.values())), makespan, "sum of the kinds")
    require(path["explained_ratio"] >= EXPLAINED, f"explained: {path['explained_ratio']}: {sums}")
    shares = ", ".join(f"{k} {100 * num(v) / makespan:.1f} %" for k, v in sums.items() if num(v))
    print(f"    critical path: {len(path['segments'])} segments explain "
          f"{100 * path['explained_ratio']:.2f} % of {makespan / 1e9:.2f} s: {shares}")
    for task in path["tasks"]:
        require(not task["on_path"] or num(task["slack_ns"]) == 0, f"slack of {task}")
    return path


def observe(world, directory, config=()):
    world.observe(*SNAKEMAKE, *config, cwd=directory, env=SEED)


@case("dataflow: variant calling against Snakemake's own graph")
def variant_calling(world):
    have("/usr/bin/snakemake", "bwa", "samtools", "bcftools", "fastp")
    work = f"{world.dir}/work"
    prepared = world.exec([f"{world.source}/examples/variant-calling/run.sh", "--prepare", work])
    equal(prepared.rc, 0, repr(prepared))
    config = ("--config", "pairs=3000", "windows=3")
    jobs, edges = declared(world, work, config)
    observe(world, work, config)
    # bwa mem is given the name of ref.fa, to find the index: it does not open ref.fa itself
    dag = check_dag(world, jobs, edges, unread={("reference", "align")})
    equal([f["path"].split("/")[-1] for f in dag["inputs"]], ["22_20-21M.fa"], "inputs")
    require(any(f["path"].endswith("/report/report.tsv") for f in dag["outputs"]), "outputs")
    shared = {f["path"].split("/work/")[-1]: f["tasks"] for f in dag["shared"]}
    equal(shared["ref/ref.fa"], 4 + 1 + 1 + 12, "tasks that read ref.fa")
    check_path(world)


@case("dataflow: scatter and gather, temporary files, directories, a shadow")
def scatter(world):
    have("/usr/bin/snakemake")
    work = f"{world.dir}/work"
    write(f"{work}/Snakefile", SCATTER)
    jobs, edges = declared(world, work)
    observe(world, work)
    dag = check_dag(world, jobs, edges)
    require(not any(p["path"].endswith("work.log") for e in dag["edges"] for p in e["paths"]),
            "a log to which tasks append is no edge between them")
    check_path(world)


@case("dataflow: scripts, retries, undeclared inputs, and a long pole on the path", attempts=3)
def scripted(world):
    have("/usr/bin/snakemake")
    work = f"{world.dir}/work"
    write(f"{work}/Snakefile", SCRIPTED)
    write(f"{work}/double.py", DOUBLE)
    os.makedirs(f"{work}/secret")
    jobs, edges = declared(world, work)
    observe(world, work, ("--retries", "1"))
    dag = check_dag(world, jobs, edges, planted={("secret", "peek"), ("make", "late")},
                    unread={("count", "late")})
    equal(len([n for n in dag["nodes"] if n["status"] == "failed"]), 2, "failed attempts")
    path = check_path(world)
    longest = max(path["segments"], key=lambda s: num(s["duration_ns"]))
    made = writers(world, dag["run"])
    require(longest["kind"] == "task" and
            any(p.endswith("/pole.txt") for p in made[longest["task"]]), f"longest: {longest}")
    print(f"    long pole: {longest['label']}, {100 * longest['share_ratio']:.0f} % of the run")


@case("dataflow: a named pipe between two jobs that run at the same time")
def piped(world):
    have("/usr/bin/snakemake")
    with open(f"{world.source}/bpf/wire.h", encoding="ascii") as f:
        if "FIFO" not in f.read():
            raise Skip("file events do not tell of pipes")
    work = f"{world.dir}/work"
    write(f"{work}/Snakefile", PIPED)
    jobs, edges = declared(world, work)
    observe(world, work)
    dag = check_dag(world, jobs, edges)
    equal([e["kind"] for e in dag["edges"]].count("pipe"), 1, "edges by pipe")
    check_path(world)


@case("dataflow: files that the engine moves, copies and links between tasks")
def staged(world):
    work = f"{world.dir}/work"
    write(f"{work}/stager.py", STAGER)
    write(f"{work}/rules.yaml", STAGER_RULES)
    world.observe("/usr/bin/python3", f"{work}/stager.py", cwd=work,
                  options=("--rules", f"{work}/rules.yaml"))
    dag = world.json("dag")
    names = {n["id"]: n["name"] for n in dag["nodes"]}
    equal(sorted(names.values()), ["five", "four", "one", "six", "three", "two"], "tasks")
    edges = {(names[e["from"]], names[e["to"]]): e["via_engine"] for e in dag["edges"]}
    equal(set(edges), {("one", "two"), ("one", "three"), ("one", "four"), ("one", "five")},
          "edges")
    require(edges["one", "two"] and edges["one", "three"], f"renamed and copied: {edges}")
    require(not edges["one", "five"], "a symbolic link is followed by the kernel, not the engine")
    everything = world.json("dag", "--all")
    require(("(engine)", "six") in {(e["from"], names[e["to"]]) for e in everything["edges"]
                                    if e["to"] in names}, "the engine's own file, with --all")
    path = check_path(world)
    require(num(path["sums_ns"]["staging"]) > 0, f"staging: {path['sums_ns']}")


@case("dataflow: cwltool, which gives each task a directory of its own")
def cwltool(world):
    have("cwltool")
    work = f"{world.dir}/work"
    write(f"{work}/wf.cwl", CWL)
    write(f"{work}/in.yml", "fs:\n" + "".join(f"- {{class: File, path: in{i}}}\n" for i in "123"))
    for i in "123":
        write(f"{work}/in{i}", f"{i}\n" * 1000)
    world.observe("cwltool", "--no-container", "--parallel", "wf.cwl", "in.yml", cwd=work)
    dag = world.json("dag")
    equal(len(dag["edges"]), 9, "edges")
    degrees = collections.Counter(
        (sum(e["to"] == n["id"] for e in dag["edges"]),
         sum(e["from"] == n["id"] for e in dag["edges"])) for n in dag["nodes"])
    equal(degrees, {(0, 2): 3, (1, 1): 3, (6, 0): 1}, "tasks by edges in and out")
    equal({os.path.basename(f["path"]) for f in dag["inputs"]}, {"in1", "in2", "in3"}, "inputs")
    check_path(world)


@case("dataflow: make, by recipe lines")
def make(world):
    have("make")
    work = f"{world.dir}/work"
    write(f"{work}/Makefile", "all: c\na:\n\tseq 100 > a\nb: a\n\tsort a > b.tmp\n"
                              "\tmv b.tmp b\nc: a b\n\tcat a b > c\n")
    world.observe("make", cwd=work)
    dag = world.json("dag")
    tasks = [n["id"] for n in sorted(dag["nodes"], key=lambda n: num(n["start_ns"]))]
    equal(len(tasks), 4, "recipe lines")
    seq, sort, move, cat = tasks
    equal({(e["from"], e["to"]) for e in dag["edges"]},
          {(seq, sort), (sort, move), (seq, cat), (move, cat)}, "edges")
    check_path(world)


@case("dataflow: a script without tasks: its commands are steps")
def script_steps(world):
    script = f"{world.dir}/s.sh"
    write(script, "seq 100 > a\nsort -rn a > b\n{ cat b; cat a; } | gzip -c > c\nsleep 0.3\n")
    world.observe("bash", script, cwd=world.dir)
    dag = world.json("dag")
    equal(dag["steps"], True, "steps")
    names = {n["id"]: n["name"] for n in dag["nodes"]}
    edges = {(names[e["from"]], names[e["to"]]) for e in dag["edges"] if e["kind"] == "file"}
    require({("seq", "sort")} <= edges and len(edges) == 3, f"edges: {edges}")
    path = check_path(world)
    longest = max(path["segments"], key=lambda s: num(s["duration_ns"]))
    equal((longest["kind"], names[longest["task"]]), ("task", "sleep"), "the longest segment")


@case("dataflow: without file names the path is by time, and says so")
def no_files(world):
    have("make")
    work = f"{world.dir}/work"
    write(f"{work}/Makefile", "all: b\na:\n\tsleep 0.2; seq 100 > a\n"
                              "b: a\n\tsleep 0.2; sort a > b\n")
    world.observe("make", cwd=work, options=("--no-files",))
    dag = world.json("dag")
    equal(dag["edges"], [], "edges")
    require(not dag["completeness"]["complete"], "an unknown dataflow is not complete")
    path = check_path(world)
    equal(path["by_data"], False, "by_data")
    equal([s["link"] for s in path["segments"] if s["kind"] == "task"], [None, "slot"], "links")
