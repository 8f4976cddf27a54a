# SPDX-License-Identifier: Apache-2.0
"""The same kinds, made by interpreters and engines instead of the suite's own program."""
import os
import signal
import time

from lab import kill, pid_of, scenario

PYTHON = "/usr/bin/python3"
WELL = ("compute-bound", "healthy", "mixed")


def python(lab, *lines):
    return lab.run(PYTHON, "-c", "\n".join(lines))


def snakefile(lab, *lines):
    with open(lab.path("Snakefile"), "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")


@scenario("python: threads behind one interpreter lock", "lock", "serial")
def interpreter_lock(lab):
    return python(lab, "import threading, time", "end = time.time() + 2.5", "def f():",
                  "    x = 0", "    while time.time() < end: x += 1",
                  "t = [threading.Thread(target=f) for _ in range(4)]",
                  "[x.start() for x in t]", "[x.join() for x in t]")


@scenario("python: processes behind one lock", "lock")
def process_lock(lab):
    return python(lab, "import multiprocessing as m", "def f(k):", "    for i in range(60):",
                  "        with k:", "            x = 0",
                  "            for j in range(200000): x += j", "k = m.Lock()",
                  "p = [m.Process(target=f, args=(k,)) for _ in range(4)]",
                  "[q.start() for q in p]", "[q.join() for q in p]")


@scenario("python: one worker of a pool has it all", "straggler", "serial")
def pool_straggler(lab):
    return python(lab, "import multiprocessing as m", "def f(i):", "    x = 0",
                  "    for k in range(2000000 if i else 50000000): x += k", "p = m.Pool(4)",
                  "p.map(f, range(4), chunksize=1)", "p.close()", "p.join()")


@scenario("xargs: a straggler", "straggler")
def xargs_straggler(lab):
    return lab.sh("printf '300\\n300\\n300\\n300\\n2500\\n' | xargs -P5 -n1 $F burn")


@scenario("snakemake: a straggler", "straggler")
def snakemake_straggler(lab):
    snakefile(lab, "rule all:", "    input: expand('{i}.txt', i=[0, 1, 2, 3])", "rule work:",
              "    output: '{i}.txt'",
              "    shell: \"$F burn $(( {wildcards.i} == 3 ? 3500 : 300 )); echo > {output}\"")
    return lab.run("snakemake", "-c", "4")


@scenario("python: a producer that sleeps", "pipe")
def python_producer(lab):
    return lab.sh("/usr/bin/python3 -uc 'import time\nfor i in range(25):\n"
                  "    time.sleep(.1); print(i)' | sort | tail -1")


@scenario("python: download on a slow line", "network")
def python_download(lab):
    name, address = lab.network("6mbit")
    with open(lab.path("f"), "wb") as f:
        f.write(b"x" * 2000000)
    lab.start("ip", "netns", "exec", name, PYTHON, "-m", "http.server", "-b", address, "8099")
    time.sleep(1.5)
    return python(lab, "import urllib.request as u",
                  f"assert len(u.urlopen('http://{address}:8099/f').read()) == 2000000")


@scenario("python: small writes to a slow disk", "disk")
def python_fsync(lab):
    where, cgroup = lab.disk(64, 1 << 20)
    with open(lab.path("w.py"), "w", encoding="ascii") as f:
        f.write(f"import os\nf = os.open('{where}/x', os.O_CREAT | os.O_WRONLY)\n"
                "for i in range(20):\n    os.write(f, b'x' * 131072)\n    os.fsync(f)\n")
    return lab.sh(lab.enter(cgroup, f"exec {PYTHON} $D/w.py"))


@scenario("python: a full disk", "disk-full")
def python_full(lab):
    where = lab.tmpfs("1m")
    return python(lab, f"f = open('{where}/x', 'wb')", "f.write(b'x' * 5000000)", "f.close()")


@scenario("cp: a full disk", "disk-full")
def cp_full(lab):
    where = lab.tmpfs("1m")
    with open(lab.path("src"), "wb") as f:
        f.write(b"x" * 4000000)
    return lab.run("cp", lab.path("src"), f"{where}/x")


@scenario("bash: the first of a pipeline misses its file", "missing-file")
def pipefail(lab):
    return lab.run("bash", "-c", "set -euo pipefail; cat missing.fa | gzip > o.gz; $F burn 100")


@scenario("python: memory without end", "oom")
def python_oom(lab):
    cgroup = lab.cgroup("memory", memory__limit_in_bytes=64 << 20)
    with open(lab.path("m.py"), "w", encoding="ascii") as f:
        f.write("x = []\nwhile True:\n    x.append(bytearray(1 << 20))\n")
    return lab.sh(lab.enter(cgroup, f"{PYTHON} $D/m.py"))


@scenario("a limit of CPU time", "timeout")
def cpu_limit(lab):
    return lab.sh("ulimit -t 1; exec $F burn 5000")


@scenario("told to end by somebody", "killed")
def terminated(lab):
    child = lab.start(*lab.argv(lab.fault, "burn", "20000"))
    pid = pid_of(lab, f"{lab.fault} burn")
    time.sleep(0.5)
    kill(pid, signal.SIGTERM)
    child.wait(20)
    return lab.tune()


@scenario("tracer itself is told to end", "cancelled")
def cancelled(lab):
    child = lab.start(*lab.argv(lab.fault, "burn", "20000"))
    pid_of(lab, f"{lab.fault} burn")
    time.sleep(0.5)
    child.send_signal(signal.SIGTERM)
    child.wait(20)
    return lab.tune()


@scenario("snakemake: retries", "retry")
def snakemake_retries(lab):
    snakefile(lab, "rule all:", "    input: 'a.txt'", "rule work:", "    output: 'a.txt'",
              "    retries: 2", "    shell: \"$F burn 700; test -e two || "
              "{{ touch two; exit 3; }}; echo > {output}\"")
    return lab.run("snakemake", "-c", "1")


@scenario("parallel: retries", "retry")
def parallel_retries(lab):
    return lab.run("parallel", "--retries", "3",
                   "$F burn 600; test -e {} || { touch {}; exit 3; }", ":::", "w")


@scenario("make first, then a long sleep outside of it", "sleep")
def after_make(lab):
    with open(lab.path("Makefile"), "w", encoding="ascii") as f:
        f.write("all:\n\t$(F) burn 200; true\n")
    return lab.sh("make -s; sleep 2.5")


@scenario("well: a supervisor that polls", *WELL, healthy=True)
def polls(lab):
    return python(lab, "import subprocess, time", f"p = subprocess.Popen(['{lab.fault}', 'burn', "
                  "'1500'])", "while p.poll() is None: time.sleep(.05)")


@scenario("well: a server beside the work", *WELL, healthy=True)
def server(lab):
    return python(lab, "import subprocess", f"s = subprocess.Popen(['{PYTHON}', '-m', "
                  "'http.server', '8097'], stderr=subprocess.DEVNULL)",
                  f"subprocess.run(['{lab.fault}', 'burn', '1500'])", "s.terminate()", "s.wait()")


@scenario("well: a balanced pool", *WELL, healthy=True)
def pool(lab):
    return python(lab, "import multiprocessing as m", "def f(i):", "    x = 0",
                  "    for k in range(9000000): x += k", "p = m.Pool(2)",
                  "p.map(f, range(4), chunksize=1)", "p.close()", "p.join()")


@scenario("well: jobs of parallel", *WELL, healthy=True)
def parallel(lab):
    return lab.run("parallel", "-j2", lab.fault, "burn", ":::", "500", "500", "500", "500")


@scenario("well: a rule of snakemake", *WELL, healthy=True)
def snakemake(lab):
    snakefile(lab, "rule all:", "    input: 'a.txt'", "rule work:", "    output: 'a.txt'",
              "    shell: \"$F burn 1200; echo > {output}\"")
    return lab.run("snakemake", "-c", "2")


@scenario("well: compressors", *WELL, healthy=True)
def compressors(lab):
    with open(lab.path("r"), "wb") as f:
        f.write(os.urandom(5000000))
    return lab.sh("xz -T2 -c r > r.xz; bzip2 -c r > r.bz2")
