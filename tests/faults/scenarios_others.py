# SPDX-License-Identifier: Apache-2.0
"""Scenarios written before the rules that judge them were read: real programs, in the
mixture in which pipelines run them. What is right was fixed before the first run.
"""
import os

from lab import scenario, write

WELL = ("compute-bound", "healthy", "mixed")
SERIAL = ("serial", "single-threaded", "straggler")
BURN = "perl -e '$x+=$_ for 1..{}'"
SECOND = BURN.format(35000000)  # about one second of a CPU
HALF = BURN.format(17000000)
QUARTER = BURN.format(8500000)

SERVER = """
import socket, sys, time
first, size, chunk, pause = [float(a) for a in sys.argv[1:]]
size, chunk = int(size), int(chunk)
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(64)
open("port", "w").write(str(s.getsockname()[1])); print("ready", flush=True)
import threading
def serve(c):
    try:
        c.recv(65536); time.sleep(first)
        c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n"
                  b"Connection: close\\r\\n\\r\\n" % size)
        left = size
        while left > 0:
            n = min(chunk, left); c.sendall(b"x" * n); left -= n; time.sleep(pause)
        c.close()
    except OSError:
        pass
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""
SINK = """
import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
s.bind(("127.0.0.1", 0)); s.listen(4)
open("port", "w").write(str(s.getsockname()[1])); print("ready", flush=True)
while True:
    c = s.accept()[0]
    while c.recv(65536): time.sleep(0.02)
    c.close()
"""


def put(lab, name, text):
    with open(lab.path(name), "w", encoding="utf-8") as f:
        f.write(text)
    return name


def case(name, right, script, healthy=False, shell="bash", files=()):
    """A scenario that is one script, with files beside it."""
    right = (right,) if isinstance(right, str) else right

    def run(lab):
        for file_name, text in dict(files).items():
            put(lab, file_name, text)
        return lab.run(shell, "-c", script)
    scenario(name, *right, healthy=healthy)(run)


def well(name, script, **kwargs):
    case(f"well: {name}", WELL, script, healthy=True, **kwargs)


def on_disk(name, right, rate, prepare, script, mib=256):
    """Prepared without a limit on a file system of its own, cold; then run with one."""
    def run(lab):
        where, cgroup = lab.disk(mib, rate)
        prepared = lab.start("bash", "-c", f"cd {where}; {prepare}; sync; echo; sleep 60")
        prepared.stdout.readline()
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
            f.write("1")
        prepared.kill()
        return lab.run("bash", "-c", lab.enter(cgroup, f"cd {where}; {script}"))
    scenario(name, right)(run)


def with_server(name, right, serve, script, files=()):
    """serve: seconds until it answers, bytes, bytes at a time, pause between them."""
    right = (right,) if isinstance(right, str) else right

    def run(lab):
        put(lab, "server.py", SERVER)
        for file_name, text in dict(files).items():
            put(lab, file_name, text)
        lab.serve("python3", "server.py", *(str(s) for s in serve))
        return lab.run("bash", "-c", f"P=$(cat port); export P; {script}")
    scenario(name, *right)(run)


# ---- CPU ----

C_FILE = "".join(
    f"int f{i}(int *a,int n){{int s=0;for(int j=0;j<n;j++)s+=a[j]*{i}+a[n-j-1]%{i + 3};"
    "return s;}\n" for i in range(250))

case("xargs: eight compressors on two cores", "cpu-starved",
     "head -c 4000000 /dev/urandom > in; seq 8 | xargs -P 8 -I{} sh -c 'xz -2 < in > {}.xz'")
case("make -j 8: compilers on two cores", "cpu-starved", "make -j 8 -s", files={
    "Makefile": "all: " + " ".join(f"f{i}.o" for i in range(16)) + "\n\techo built\nf%.o: a.c\n"
                "\tgcc -O2 -c a.c -o $@\n", "a.c": C_FILE})
case("parallel: ten awks at a time", "cpu-starved",
     "seq 20 | parallel -j 10 'awk \"BEGIN{for(i=0;i<12000000;i++)x+=i}\"'")
case("node: six workers on two cores", "cpu-starved", "node w.js", files={"w.js": """
const {Worker, isMainThread} = require('worker_threads');
if (isMainThread) for (let i = 0; i < 6; i++) new Worker(__filename);
else { const e = Date.now() + 4000; let x = 0;
  while (Date.now() < e) for (let i = 0; i < 1e6; i++) x += i; }
"""})
case("taskset: three perls on one core", "cpu-starved",
     f"for i in 1 2 3; do taskset -c 0 {SECOND} & done; wait")
case("pigz with sixteen threads beside three others", "cpu-starved",
    "head -c 60000000 /dev/urandom > in; for i in 1 2 3; do pigz -p 4 -9 < in > $i.gz & done; "
    "wait")


@scenario("an outside load of six on two cores", "cpu-starved")
def outside(lab):
    for _ in range(6):
        lab.start("perl", "-e", "1 while 1")
    return lab.sh(f"bash -c \"{SECOND.replace('$', chr(92) + '$')}\"; gzip -9 < /usr/bin/python3.11"
                  " > out.gz")


@scenario("niced work beside an outside load", "cpu-starved")
def niced(lab):
    for _ in range(2):
        lab.start("perl", "-e", "1 while 1")
    return lab.sh("head -c 1500000 /dev/urandom | nice -n 19 bzip2 -9 > o.bz2")


@scenario("a quota on the parent of the cgroup", "throttled")
def quota_above(lab):
    group = lab.quota(0.5)
    os.mkdir(f"{group}/child")
    lab.cleanups.append((os.rmdir, f"{group}/child"))
    return lab.run("bash", "-c", lab.enter(f"{group}/child", "head -c 2000000 /dev/urandom > r;"
                                           "xz -T 2 -6 -k r; nice env A=b " + SECOND))


@scenario("a pool of python under a quota", "throttled")
def quota_pool(lab):
    put(lab, "p.py", "from multiprocessing import Pool\n"
        "def f(n):\n    return sum(i * i for i in range(n))\n"
        "with Pool(2) as p:\n    p.map(f, [800000] * 24)\n")
    return lab.run("bash", "-c", lab.enter(lab.quota(0.6), "python3 p.py"))


@scenario("java under a quota", "throttled")
def quota_java(lab):
    put(lab, "B.java", JAVA_BURN)
    return lab.run("sh", "-c", lab.enter(lab.quota(0.4), "java B.java 2 600"))


JAVA_BURN = """
public class B { public static void main(String[] a) throws Exception {
  int n = Integer.parseInt(a[0]); long ms = Long.parseLong(a[1]); Thread[] t = new Thread[n];
  for (int i = 0; i < n; i++) { t[i] = new Thread(() -> {
    long e = System.nanoTime() + ms * 1000000, x = 0;
    while (System.nanoTime() < e) for (int j = 0; j < 100000; j++) x += j * x; }); t[i].start(); }
  for (Thread u : t) u.join(); } }
"""

# ---- disk ----

on_disk("tar of a cold tree into gzip", "disk", 4 << 20,
        "for i in $(seq 40); do head -c 500000 /dev/urandom > f$i; done",
        "tar cf - f* | gzip -1 > /dev/null")
on_disk("grep over a cold tree", "disk", 6 << 20,
        "for i in $(seq 200); do mkdir d$i; head -c 120000 /dev/urandom > d$i/f; done",
        "grep -r nothing-like-this . ; find . -type f | wc -l")
on_disk("md5sum, four at a time, cold", "disk", 8 << 20,
        "for i in $(seq 16); do head -c 2000000 /dev/urandom > f$i; done",
        "ls f* | xargs -P 4 -n 1 md5sum")
on_disk("samtools: a cold BAM", "disk", 3 << 20,
    "perl -e 'print qq(\\@SQ\\tSN:c\\tLN:1000000\\n); for (1..120000) { "
    "printf qq(r%d\\t0\\tc\\t%d\\t60\\t50M\\t*\\t0\\t0\\t%s\\t*\\n), $_, 1+int(rand(999000)), "
    "join(q(),map {(qw(A C G T))[rand 4]} 1..50) }' | samtools view -b --output-fmt-option "
    "level=0 -o in.bam -", "samtools sort -m 50M -o /dev/null in.bam")
on_disk("sqlite: commit by commit", "disk", 400 << 10, "true",
        "(echo 'create table t(a,b);'; for i in $(seq 120); do"
        " echo \"insert into t values($i, randomblob(3000));\"; done) | sqlite3 t.db")
on_disk("a copy, then sync", "disk", 8 << 20, "head -c 10000000 /dev/urandom > a",
        "cp a b; sync b; dd if=/dev/zero of=c bs=1M count=16 conv=fsync 2>/dev/null")
on_disk("a mapped file, cold", "disk", 4 << 20, "head -c 20000000 /dev/urandom > a",
        "python3 -c \"import mmap; f = open('a','rb'); m = mmap.mmap(f.fileno(), 0, prot=1);"
        "print(sum(m[i] for i in range(0, len(m), 4096)))\"")
on_disk("java reads a cold file", "disk", 5 << 20, "head -c 20000000 /dev/urandom > a",
    "cat > /tmp/R$$.java <<'X'\nimport java.io.*;\npublic class R { public static void "
    "main(String[] a) "
    "throws Exception { try (InputStream s = new FileInputStream(a[0])) { byte[] b = new "
    "byte[65536]; "
    "long n = 0; int r; while ((r = s.read(b)) > 0) n += r; System.out.println(n); } } }\nX\n"
    "java /tmp/R$$.java a; rm /tmp/R$$.java")

# ---- network ----

with_server("curl from a slow server", "network", (0, 300000, 5000, 0.08),
            "curl -s -o out http://127.0.0.1:$P/; md5sum out")
with_server("curl: many small requests, slow each", "network", (0.35, 100, 100, 0),
            "for i in $(seq 12); do curl -s -o o$i http://127.0.0.1:$P/$i; done; cat o* | wc -c")
with_server("python: urllib with a time limit, slow server", "network", (2, 200000, 4000, 0.05),
    "python3 -c \"import urllib.request, os; "
    "print(len(urllib.request.urlopen('http://127.0.0.1:' + os.environ['P'], "
    "timeout=20).read()))\"")
with_server("node: a slow answer", ("network", "poll"), (4, 1000, 1000, 0),
            "node -e \"require('http').get('http://127.0.0.1:' + process.env.P, r => r.resume())\"")
with_server("java: a slow answer", "network", (4, 100000, 5000, 0.05), "java G.java $P",
            {"G.java": """
import java.net.*; import java.io.*;
public class G { public static void main(String[] a) throws Exception {
  InputStream s = new URL("http://127.0.0.1:" + a[0] + "/").openStream(); byte[] b = new byte[4096];
  long n = 0; int r; while ((r = s.read(b)) > 0) n += r; System.out.println(n); } }
"""})
with_server("curl into a pipe, slow server", "network", (0, 200000, 4000, 0.08),
            "curl -s http://127.0.0.1:$P/ | gzip -1 | md5sum")
with_server("perl: a slow socket", "network", (1, 100000, 2000, 0.06),
    "perl -MIO::Socket::INET -e '"
    "$s = IO::Socket::INET->new(\"127.0.0.1:$ENV{P}\"); print $s \"GET / HTTP/1.0\\r\\n\\r\\n\";"
    "$n += length while <$s>; print $n'")


@scenario("bash: upload to a slow sink", "network")
def slow_sink(lab):
    put(lab, "sink.py", SINK)
    lab.serve("python3", "sink.py")
    return lab.run("bash", "-c",
        "head -c 14000000 /dev/zero > up; exec 3<>/dev/tcp/127.0.0.1/$(cat port);"
        "cat up >&3; exec 3>&-; md5sum up")


@scenario("curl through a shaped line", "network")
def shaped(lab):
    name, address = lab.network("4mbit")
    put(lab, "web.py", "import http.server, socketserver, sys\n"
        "s = http.server.ThreadingHTTPServer(('0.0.0.0', 8099), "
        "http.server.SimpleHTTPRequestHandler)\n" "print('ready', flush=True); s.serve_forever()\n")
    with open(lab.path("big"), "wb") as f:
        f.truncate(2200000)
    lab.serve("ip", "netns", "exec", name, "python3", "web.py")
    return lab.run("bash", "-c", f"time curl -s --noproxy '*' http://{address}:8099/big | md5sum")


# ---- pipes ----

case("perl: a consumer that naps", ("pipe", "sleep"),
    "seq 3000000 | perl -ne 'select(undef, undef, undef, 0.04) unless $. % 40000' | cat > "
    "/dev/null")
case("a FIFO between two jobs, the writer naps", ("pipe", "sleep"),
    "mkfifo f; (for i in $(seq 12); do echo $i; sleep 0.3; done > f) & cat f | sort -n > out; "
    "wait")
case("python: lines of a slow child", ("pipe", "sleep", "child"), "python3 r.py", files={"r.py":
     "import subprocess\np = subprocess.Popen(['sh', '-c', 'for i in 1 2 3 4 5 6 7 8; do echo $i; "
     "sleep 0.5; done'], stdout=subprocess.PIPE)\nprint(sum(int(x) for x in p.stdout))\n"})
case("tee: one of two readers is slow", ("pipe", "sleep"),
     "head -c 3000000 /dev/urandom | tee >(md5sum > a) | python3 -c \"import sys, time\n"
     "while sys.stdin.buffer.read(65536): time.sleep(0.08)\"")

# ---- locks ----

case("java: synchronized, four threads", ("lock", "serial", "single-threaded"), "java L.java",
     files={
    "L.java": """
public class L { static final Object o = new Object(); static long x;
  public static void main(String[] a) throws Exception { Thread[] t = new Thread[4];
    for (int i = 0; i < 4; i++) { t[i] = new Thread(() -> {
      for (int k = 0; k < 25; k++) synchronized (o) {
        long e = System.nanoTime() + 40000000L;
        while (System.nanoTime() < e) x++; } }); t[i].start(); }
    for (Thread u : t) u.join(); System.out.println(x); } }
"""})
case("perl: flock across three children", "lock", "perl l.pl", files={"l.pl": """
use Fcntl ':flock';
for (1..3) { next if fork; for (1..6) { open my $f, '>', 'lock'; flock $f, LOCK_EX; my $x = 0;
  $x += $_ for 1..9000000; close $f } exit }
1 while wait > 0;
"""})
case("sqlite: writers that wait for each other", ("lock", "sleep"),
     "sqlite3 t.db 'create table t(a)'; for w in 1 2 3; do python3 w.py & done; wait",
     files={"w.py": """
import sqlite3, time
c = sqlite3.connect('t.db', timeout=60, isolation_level=None)
for _ in range(5):
    c.execute('begin immediate'); c.execute('insert into t values(1)')
    time.sleep(0.3); c.execute('commit')
"""})


@scenario("lockf held by somebody outside", "lock")
def held_outside(lab):
    lab.serve("python3", "-c",
        "import fcntl, time; f = open('l', 'w'); fcntl.lockf(f, fcntl.LOCK_EX);"
        "print('ready', flush=True); time.sleep(4); fcntl.lockf(f, fcntl.LOCK_UN); time.sleep(30)")
    return lab.run("bash", "-c", "python3 -c \"import fcntl; f = open('l', 'w');"
        "fcntl.lockf(f, fcntl.LOCK_EX); print(1)\"; head -c 3000000 /dev/urandom | md5sum")


case("mkdir as a lock, tried again and again", ("sleep", "lock"),
     "job() { until mkdir lock 2> /dev/null; do sleep 0.1; done; sleep 1; rmdir lock; };"
     "for i in 1 2 3 4; do job & done; wait")
case("OpenMP: an uneven loop", ("lock",) + SERIAL,
     "gcc -O1 -fopenmp o.c -o o && OMP_WAIT_POLICY=passive "
     "OMP_NUM_THREADS=2 ./o", files={"o.c": """
#include <stdio.h>
int main(void) { volatile double x = 0; double s = 0;
#pragma omp parallel for schedule(static) reduction(+:s)
for (int i = 0; i < 8; i++)
  for (volatile long j = 0; j < (i < 4 ? 60000000L : 300000000L); j++) s += j;
printf("%f %f\\n", s, x); }
"""})

# ---- stragglers and serial parts ----

case("parallel: one of twelve takes all", ("straggler", "serial"), "parallel -j 2 sh j.sh ::: " +
     " ".join(str(i) for i in range(12)), files={"j.sh": f"{QUARTER}\n[ $1 -eq 3 ] || exit 0\n"
                                                        + f"{SECOND}\n" * 5})
case("bash: the last of five jobs", ("straggler", "serial"),
    f"for i in 1 2 3 4; do {QUARTER} & done; (xz -6 -T1 < big > big.xz; {SECOND}; {SECOND}; "
    f"{SECOND}) & wait", files={"big": "the same text again and again\n" * 20000})
case("java: one of eight jobs of a pool is long", SERIAL, "java P.java", files={"P.java": """
import java.util.concurrent.*;
public class P { static void burn(long ms) { long e = System.nanoTime() + ms * 1000000, x = 0;
    while (System.nanoTime() < e) x++; }
  public static void main(String[] a) throws Exception {
    ExecutorService p = Executors.newFixedThreadPool(2);
    for (int i = 0; i < 8; i++) { final int k = i; p.submit(() -> burn(k == 5 ? 5000 : 200)); }
    p.shutdown(); p.awaitTermination(1, TimeUnit.MINUTES); } }
"""})
case("snakemake: one sample is far larger", ("straggler", "serial"), "snakemake -q -c 2", files={
    "Snakefile":
    "rule all:\n    input: expand('o{i}', i=range(8))\nrule work:\n    output: 'o{i}'\n"
    "    params: n=lambda w: 160000000 if w.i == '6' else 6000000\n"
    "    shell: \"perl -e '$x+=$_ for 1..{params.n}'; touch {output}\"\n"})
case("bash: parallel, one merge, parallel", SERIAL,
     f"for i in 1 2; do {HALF} & done; wait; {SECOND}; {SECOND}; {SECOND}; {SECOND};"
     f"for i in 1 2; do {HALF} & done; wait")
case("python: pool, reduce, pool", SERIAL, "python3 p.py", files={"p.py": """
from multiprocessing import Pool
def f(n): return sum(i * i for i in range(n))
with Pool(2) as p:
    p.map(f, [400000] * 20)
    f(40000000)
    p.map(f, [400000] * 20)
"""})
case("snakemake: a long rule between two wide ones", SERIAL, "snakemake -q -c 2", files={
    "Snakefile": "rule all:\n    input: expand('c{i}', i=range(2))\nrule a:\n    output: 'a{i}'\n"
                 f"    shell: \"{HALF.replace('$', '$')}; touch {{output}}\"\n"
                 "rule b:\n    input: expand('a{i}', i=range(4))\n    output: 'b'\n"
                 f"    shell: \"{BURN.format(170000000)}; touch {{output}}\"\n"
                 "rule c:\n    input: 'b'\n    output: 'c{i}'\n"
                 f"    shell: \"{HALF}; touch {{output}}\"\n"})

# ---- requests ----

case("snakemake: two threads for awk", ("single-threaded", "cpus-over-requested"),
    "snakemake -q -c 2", files={"Snakefile":
    "rule all:\n    input: 'o1', 'o2', 'o3'\nrule count:\n    output: 'o{i}'\n    threads: 2\n"
    "    shell: \"awk 'BEGIN{{for(i=0;i<40000000;i++)x+=i}}'; touch {output}\"\n"})

@scenario("Slurm gave two cores to perl", "single-threaded", "cpus-over-requested")
def slurm(lab):
    given = {"SLURM_JOB_ID": "4711", "SLURM_CPUS_PER_TASK": "2", "SLURM_CPUS_ON_NODE": "2",
             "SLURM_JOB_NAME": "count", "SLURM_NTASKS": "1", "SLURM_JOB_CPUS_PER_NODE": "2",
             "SLURM_STEP_ID": "4294967291", "SLURM_NNODES": "1", "SLURM_PROCID": "0"}
    os.environ.update(given)
    try:
        return lab.run("bash", "-c", f"{SECOND}; {SECOND}; {SECOND}")
    finally:
        for name in given:
            del os.environ[name]


# ---- memory ----


@scenario("a file read again and again in a small cgroup", "memory", "disk")
def reread(lab):
    where, slow = lab.disk(400, 80 << 20)
    for _ in range(150):
        with open(f"{where}/f", "ab") as f:
            f.write(os.urandom(1 << 20))
    os.sync()
    write("/proc/sys/vm/drop_caches", 1)
    group = lab.cgroup("memory", memory__limit_in_bytes=48 << 20)
    return lab.run("bash", "-c", lab.enter(group, lab.enter(slow, f"cd {where};"
                   "for i in 1 2 3 4; do md5sum f; done")))


# ---- sleep and waiting for nothing ----

case("perl: select as a nap", ("sleep", "poll"),
    "perl -e 'for (1..12) { select undef, undef, undef, 0.3; $x+=$_ for 1..300000 }'")
case("node: a timer", ("sleep", "poll", "idle"), "node -e 'setTimeout(() => console.log(1), 4000)'")
case("java: Thread.sleep", ("sleep", "idle", "poll"), "java S.java", files={"S.java":
    "public class S { public static void main(String[] a) throws Exception { for (int i = 0; i < "
    "10; i++) " "Thread.sleep(500); } }\n"})
case("python: a worker thread that sleeps", "sleep", "python3 t.py", files={"t.py":
    "import threading, time\nt = [threading.Thread(target=time.sleep, args=(4,)) for _ in "
    "range(3)]\n" "[x.start() for x in t]\n[x.join() for x in t]\n"})
case("python: asyncio.sleep", ("sleep", "poll", "idle"),
    "python3 -c 'import asyncio; asyncio.run(asyncio.sleep(4))'")


@scenario("bash: waits for a file from outside", "sleep", "idle", "poll")
def wait_file(lab):
    lab.start("sh", "-c", "sleep 4; touch ready")
    return lab.run("bash", "-c", f"until [ -e ready ]; do sleep 0.2; done; {QUARTER}")


@scenario("inotify: a file that comes late", "poll", "other", "sleep", "idle")
def inotify(lab):
    put(lab, "i.c", "#include <sys/inotify.h>\n#include <unistd.h>\nint main(void){char b[4096];"
        "int f=inotify_init1(0);inotify_add_watch(f,\".\",IN_CREATE);return read(f,b,sizeof "
        "b)<0;}\n")
    lab.start("sh", "-c", "sleep 5; touch ready")
    return lab.run("bash", "-c", "gcc i.c -o i && ./i")


case("make: recipes that sleep", "sleep", "make -s -j 2", files={"Makefile":
    "all: a b c d\n%:\n\t@sleep 1.5; " + BURN.format(1000000).replace("$", "$$") + "\n"})
case("a sibling stops the worker", "stopped",
    f"({SECOND}; {HALF}) & p=$!; sleep 0.5; kill -STOP $p; pkill -STOP -P $p; sleep 4; kill "
    f"-CONT $p;" "pkill -CONT -P $p; wait")
case("perl: pause until the alarm", ("sleep", "other", "idle", "poll"),
     "perl -e '$SIG{ALRM} = sub {}; alarm 4; use POSIX; pause'; echo done")
case("a hundred zombies", ("sleep", "zombie"), "python3 z.py", files={"z.py":
     "import os, time\nfor _ in range(100):\n    if os.fork() == 0: os._exit(0)\ntime.sleep(4)\n"})
case("an idle supervisor beside a sleeping worker", ("sleep", "idle", "poll"),
    "node -e 'setInterval(() => {}, 1000)' & h=$!; timeout 20 bash -c 'for i in 1 2 3 4 5; do "
    "sleep 1; done'; kill $h")

# ---- well ----

well("make -j 2 builds", "make -j 2 -s", files={"Makefile": "all: prog\n\techo built\nO=" + " ".join
    (f"f{i}.o" for i in range(8)) + "\nf%.o: a.c\n\tgcc -O2 -DN=$@ -c a.c -o $@\n"
    "prog: $(O)\n\techo linked > prog\n", "a.c": C_FILE})
well("bwa mem into samtools sort",
    "cp /usr/share/doc/hisat2/examples/reference/22_20-21M.fa r.fa; bwa index r.fa;"
    "perl -e 'open F, \"r.fa\"; <F>; $/ = undef; $s = <F>; $s =~ s/\\n//g; for (1..40000) { $p = "
    "int rand(length($s) - 101);"
    "$r = substr $s, $p, 100; next if $r =~ /N/; substr($r, rand 100, 1) = \"A\"; print "
    "\"\\@r$_\\n$r\\n+\\n\", \"I\" x 100, \"\\n\" }'"
    " > q.fq; bwa mem -t 2 r.fa q.fq | samtools sort -o o.bam -; samtools index o.bam")
well("java: two threads", "java B.java 2 2500", files={"B.java": JAVA_BURN})
well("node computes", "node -e 'let x = 0; for (let i = 0; i < 3e9; i++) x += i; console.log(x)'")
well("sort with two threads",
    "perl -e 'srand 1; print int(rand(1e9)), \"\\n\" for 1..2500000' > n; sort --parallel=2 -S "
    "100M -n n > o")
well("tar of a warm tree into gzip",
    "mkdir t; for i in $(seq 60); do head -c 500000 /dev/urandom > t/$i; done; tar cf - t | gzip "
    "> t.tgz; tar tzf t.tgz | wc -l")
well("text tools in a row",
    "perl -e 'print int(rand(5000)), \" word\\n\" for 1..3000000' | gzip -1 > w.gz; gzip -dc "
    "w.gz | awk '{print $1}' | sort | uniq -c | sort -rn | head -3")
well("dd into md5sum", "dd if=/dev/zero bs=1M count=2500 2> /dev/null | md5sum")
well("loopback at full speed", "python3 n.py", files={"n.py": """
import socket, os, hashlib
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1)
if os.fork() == 0:
    c = socket.create_connection(s.getsockname()); b = os.urandom(1 << 20)
    for _ in range(1500): c.sendall(b)
    os._exit(0)
c = s.accept()[0]; h = hashlib.md5()
while True:
    d = c.recv(1 << 20)
    if not d: break
    h.update(d)
print(h.hexdigest()); os.wait()
"""})
well("bash forks a lot", "for i in $(seq 1500); do /bin/true; x=$(echo $i); done")
well("three hundred short jobs of xargs",
    "seq 300 | xargs -P 2 -I{} sh -c 'echo {} | md5sum > /dev/null'")
well("copies within the page cache",
    "head -c 150000000 /dev/urandom > a; for i in 1 2 3 4; do cp a b; md5sum b; rm b; done")
well("python: a thread pool that hashes",
    "python3 -c \"import hashlib\nfrom concurrent.futures import ThreadPoolExecutor\n"
    "b = b'x' * 40000000\nwith ThreadPoolExecutor(2) as p: print(len(list(p.map(lambda i: "
    "hashlib.sha256(b).digest(), range(60)))))\"")
well("a helper that idles beside the work",
    f"sleep 60 & s=$!; node -e 'setInterval(() => {{}}, 500)' & h=$!; {SECOND}; {SECOND}; "
    f"{SECOND}; kill $s $h")
well("work with short naps",
    "perl -e 'for (1..10) { $x += $_ for 1..10000000; select undef, undef, undef, 0.02 }'")
well("sqlite: load and query", "python3 s.py", files={"s.py": """
import sqlite3
c = sqlite3.connect('t.db'); c.execute('create table t(a integer, b text)')
c.executemany('insert into t values(?, ?)', ((i % 977, str(i)) for i in range(1500000))); c.commit()
print(c.execute('select a, count(*), max(b) from t group by a order by 2 desc').fetchmany(3))
"""})
well("two background jobs, waited for",
    f"(nice -n 5 {SECOND}; {SECOND}) & ({SECOND}; {SECOND}) & wait")
well("openssl on two cores", "openssl speed -multi 2 -seconds 1 sha256")
well("a snakemake of twelve short jobs", "snakemake -q -c 2", files={
    "Snakefile": "rule all:\n    input: expand('o{i}', i=range(12))\nrule w:\n    output: 'o{i}'\n"
                 f"    shell: \"{HALF}; touch {{output}}\"\n"})
well("tests that say no, as they should",
    f"grep -q root /dev/null || {SECOND}; cmp a /etc/passwd 2> /dev/null; "
    f"diff /etc/passwd /etc/group > /dev/null || {SECOND}; test -f none || {HALF}; ls none 2> "
    f"/dev/null; true")
well("configure: compilers that fail on purpose",
    "for h in stdio nothere gone stdlib absent; do echo \"#include <$h.h>\" > c.c;"
    f"gcc -c c.c 2> /dev/null && echo $h; done; for i in 1 2 3 4 5 6; do gcc -O2 -c a.c -o a.o; "
    f"done", files={"a.c": C_FILE})
well("head ends its writer", "for i in 1 2 3 4 5 6 7 8; do yes $i | head -n 4000000 | md5sum; done")
well("blastn against a small base",
    "makeblastdb -in /usr/share/doc/hisat2/examples/reference/22_20-21M.fa -dbtype nucl -out b > "
    "/dev/null;"
    "perl -e 'open F, \"/usr/share/doc/hisat2/examples/reference/22_20-21M.fa\"; <F>; $/ = "
    "undef; $s = <F>; $s =~ s/\\n//g;"
    "for (1..1500) { print \">q$_\\n\", substr($s, int rand(900000), 400), \"\\n\" }' > q.fa; "
    "blastn -db b -query q.fa -num_threads 2 -outfmt 6 > o")
well("a very short command", "true")
well("python: two processes and a queue", "python3 q.py", files={"q.py": """
from multiprocessing import Process, Queue
def work(q, r):
    n = 0
    while True:
        k = q.get()
        if k is None: break
        n += sum(i * i for i in range(k))
    r.put(n)
q, r = Queue(), Queue(); p = [Process(target=work, args=(q, r)) for _ in range(2)]
[x.start() for x in p]
for _ in range(60): q.put(1000000)
for _ in p: q.put(None)
print(r.get() + r.get()); [x.join() for x in p]
"""})
