# SPDX-License-Identifier: Apache-2.0
"""Names of tools: real front ends and their leaves, probes, MPI, glue."""
import collections
import os
import random
import shutil

from harness import Skip, case, equal, num, require


def have(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")


def sequences(world, reads=400):
    """ref.fa of 6 kb, r.fq of its pieces, s.fa of six alike sequences."""
    chance = random.Random(11)
    ref = "".join(chance.choice("ACGT") for _ in range(6000))
    with open(f"{world.dir}/ref.fa", "w", encoding="ascii") as f:
        f.write(f">chr1\n{ref}\n")
    with open(f"{world.dir}/r.fq", "w", encoding="ascii") as f:
        for i in range(reads):
            at = chance.randrange(len(ref) - 100)
            f.write(f"@r{i}\n{ref[at:at + 100]}\n+\n{'I' * 100}\n")
    with open(f"{world.dir}/s.fa", "w", encoding="ascii") as f:
        for i in range(6):
            f.write(f">s{i}\n{ref[10 * i:10 * i + 200]}\n")


def script(world, text, name="steps.sh"):
    path = f"{world.dir}/{name}"
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def observe(world, text):
    rows = world.observe(script(world, f"#!/bin/bash\n{text}"), cwd=world.dir)
    world.nothing_lost()
    return rows


def components(world, tool):
    """Processes by component (None: the front end itself); the books balance."""
    rows = world.json("tools", "latest", "--by", "component")
    equal(sum(num(r["cpu_ns"]) for r in rows), num(world.show()["cpu_ns"]), "CPU of all tools")
    return {r["component"]: r["processes"] for r in rows if r["tool"] == tool}


def counts(world):
    return collections.Counter({r["tool"]: r["processes"] for r in world.json("tools", "latest")})


@case("tools: bowtie2 is one tool, bowtie2-align its component")
def bowtie2(world):
    have("bowtie2", "bowtie2-build")
    sequences(world)
    rows = observe(world, "bowtie2-build -q ref.fa i\nbowtie2 -x i -U r.fq -S o.sam 2>/dev/null\n")
    tools = counts(world)
    require(not any(t.startswith("bowtie2-align") for t in tools), f"a leaf alone: {tools}")
    parts = components(world, "bowtie2")
    require(parts.get("bowtie2-align", 0) >= 1 and None in parts, f"bowtie2: {parts}")
    parts = components(world, "bowtie2-build")
    require(parts.get("bowtie2-build-s") == 1, f"bowtie2-build: {parts}")
    leaves = [r for r in rows if r["exe"] and r["exe"].endswith("/bowtie2-align-s")]
    require(leaves, "no process of bowtie2-align-s")
    equal({r["tool"] for r in leaves}, {"bowtie2"}, "tool of the leaves in ps")


@case("tools: hisat2 is one tool, hisat2-align its component")
def hisat2(world):
    have("hisat2", "hisat2-build")
    sequences(world)
    observe(world, "hisat2-build -q ref.fa i\nhisat2 -x i -U r.fq -S o.sam 2>/dev/null\n")
    require(components(world, "hisat2").get("hisat2-align", 0) >= 1, "hisat2-align")
    equal(components(world, "hisat2-build").get("hisat2-build-s"), 1, "hisat2-build-s")


@case("tools: mafft has its mode, and the programs behind it")
def mafft(world):
    have("mafft")
    sequences(world)
    observe(world, "mafft --auto s.fa > o.fa 2>/dev/null\n")
    parts = components(world, "mafft auto")
    require(parts.get("tbfast", 0) + parts.get("disttbfast", 0) >= 1, f"mafft: {parts}")


@case("tools: megahit and megahit_core")
def megahit(world):
    have("megahit")
    sequences(world, 2000)
    observe(world, "megahit -r r.fq -o out -t 2 2>/dev/null\n")
    parts = components(world, "megahit")
    require(parts.get("megahit_core assemble", 0) >= 1, f"megahit: {parts}")


@case("tools: trim_galore, cutadapt and gzip; its probes are components")
def trim_galore(world):
    have("trim_galore")
    sequences(world)
    observe(world, "trim_galore --gzip -o out r.fq 2>/dev/null\n")
    parts = components(world, "trim_galore")
    require(parts.get("cutadapt", 0) >= 1, f"trim_galore: {parts}")
    require("cutadapt" not in counts(world), "cutadapt alone")


@case("tools: FastQC, Picard and Trimmomatic are classes of java")
def java(world):
    have("fastqc", "PicardCommandLine", "TrimmomaticSE", "java")
    sequences(world)
    observe(world, "fastqc -q r.fq\nTrimmomaticSE r.fq t.fq MINLEN:36 2>/dev/null\n"
            "PicardCommandLine FastqToSam F1=r.fq O=o.bam SM=x 2>/dev/null\n")
    tools = counts(world)
    for tool in ("fastqc", "picard FastqToSam", "trimmomatic SE"):
        require(tools[tool] >= 1, f"{tool} is not among {tools}")
    require("java" not in tools, f"java has no name of its own: {tools}")


@case("tools: sub-commands, modes and legacy names of real programs")
def subcommands(world):
    have("samtools", "bedtools", "intersectBed", "minimap2")
    sequences(world)
    observe(world, "printf 'chr1\\t10\\t100\\n' > a.bed\n"
            "minimap2 -ax sr ref.fa r.fq > m.sam 2>/dev/null\n"
            "minimap2 -d r.mmi ref.fa 2>/dev/null\n"
            "samtools sort -o m.bam m.sam\nsamtools index m.bam\n"
            "intersectBed -a a.bed -b a.bed > i.bed\nbedtools merge -i a.bed > m.bed\n"
            "samtools-missing view 2>/dev/null\ntrue\n")
    tools = counts(world)
    for tool, n in (("minimap2 sr", 1), ("minimap2 index", 1), ("samtools sort", 1),
                    ("samtools index", 1), ("bedtools merge", 1)):
        equal(tools[tool], n, tool)
    require(tools["bedtools intersect"] >= 1, f"bedtools intersect: {tools}")


@case("tools: a question for the version is no run of the tool")
def probes(world):
    have("samtools")
    rows = observe(world, "samtools --version > v\nsamtools view --help > h\n"
                   "samtools view -H missing.bam 2>/dev/null\ntrue\n")
    tools = world.json("tools", "latest")
    by_name = {t["tool"]: t for t in tools}
    equal(by_name["samtools view"]["processes"], 1, "samtools view")
    for probe in ("samtools (probe)", "samtools view (probe)"):
        equal((by_name[probe]["processes"], by_name[probe]["role"], by_name[probe]["noise"]),
              (1, "probe", True), probe)
    argv = {tuple(r["argv"]): r["tool"] for r in rows if r["argv"]}
    equal(argv[("samtools", "--version")], "samtools (probe)", "ps")
    table = world.reader("tools", "latest", "--no-header", "--columns", "tool").out.decode()
    require("(probe)" in [line.strip() for line in table.splitlines()], table)
    require("samtools (probe)" not in table, table)


@case("tools: ranks of an MPI program are one tool, its launcher another")
def ranks(world):
    script(world, "#!/bin/sh\nn=$2\nshift 2\nfor i in $(seq $n); do \"$@\" & done\nwait\n",
           "mpirun")
    shutil.copy("/bin/sleep", f"{world.dir}/lmp")
    rows = world.observe(f"{world.dir}/mpirun", "-np", "5", f"{world.dir}/lmp", "0.05",
                         cwd=world.dir)
    tools = {t["tool"]: t for t in world.json("tools", "latest")}
    equal(tools["lammps"]["processes"], 5, "ranks")
    equal((tools["mpirun"]["processes"], tools["mpirun"]["role"]), (1, "glue"), "mpirun")
    equal(sum(r["tool"] == "lammps" for r in rows), 5, "ranks in ps")


def table_of(world, *options):
    out = world.reader("tools", "latest", "--no-header", *options, "--columns",
                       "tool,processes,failed").out.decode()
    rows = [line.rsplit(None, 2) for line in out.splitlines()]
    return {name.strip(): (int(n), int(failed)) for name, n, failed in rows}


@case("tools: tables fold glue and add up, --all and JSON have each tool")
def glue(world):
    observe(world, "for i in 1 2 3 4 5; do ls missing.$i 2>/dev/null; mkdir -p d; done\n"
            "date > d/x; timeout 5 sort /etc/passwd > d/y\n"
            "/usr/bin/perl -e '$i++ while $i < 2e7'\ntrue\n")
    json_rows = world.json("tools", "latest")
    wanted = [sum(r["processes"] for r in json_rows), sum(r["failed"] for r in json_rows)]
    few, each, by_task = (table_of(world), table_of(world, "--all"),
                          table_of(world, "--by", "task"))
    for rows in (few, each, by_task):
        equal([sum(v[i] for v in rows.values()) for i in (0, 1)], wanted, "sums of a table")
    equal(set(each), {r["tool"] for r in json_rows}, "--all")
    for name in ("ls", "mkdir", "date", "sort", "timeout"):
        require(name in each and name not in few, f"{name}: {few}")
        equal({r["noise"] for r in json_rows if r["tool"] == name}, {True}, name)
    require("perl:inline" in few and "(glue)" in few, few)
    require(few["(glue)"][0] >= 13, f"glue: {few}")
    report = world.reader("report", "latest").out.decode()
    require("\n(glue) " in report and "\nmkdir " not in report, report)


@case("tools: what costs enough is a tool, glue or not")
def costly_glue(world):
    path = f"{world.dir}/big"
    with open(path, "w", encoding="ascii") as f:
        chance = random.Random(5)
        f.writelines(f"{chance.random()}\n" for _ in range(400_000))
    observe(world, f"LC_ALL=C.UTF-8 sort {path} > {path}.sorted\nls > /dev/null\n")
    few = table_of(world)
    require("sort" in few and "ls" not in few, few)
