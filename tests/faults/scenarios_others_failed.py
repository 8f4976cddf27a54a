# SPDX-License-Identifier: Apache-2.0
"""Failures of real programs, written before the rules that judge them were read."""
import os

from lab import scenario
from scenarios_others import HALF, SECOND, case, put

NOBODY = "setpriv --reuid 65534 --regid 65534 --clear-groups"


def limited(name, mib, script, right=("oom",), files=()):
    def run(lab):
        for file_name, text in dict(files).items():
            put(lab, file_name, text)
        group = lab.cgroup("memory", memory__limit_in_bytes=mib << 20)
        return lab.run("bash", "-c", lab.enter(group, script))
    scenario(name, *right)(run)


def full(name, size, script):
    def run(lab):
        return lab.run("bash", "-c", f"T={lab.tmpfs(size)}; export T; {script}")
    scenario(name, "disk-full")(run)


# ---- memory ----

limited("java: more than its cgroup", 120,
    "time env X=y java -Xms1g -Xmx1g -XX:+AlwaysPreTouch A.java", files={"A.java":
    "public class A { public static void main(String[] a) { System.out.println(1); } }\n"})
limited("node: buffers without end", 150,
    "node -e 'const a = []; for (let i = 0; i < 60; i++) a.push(Buffer.alloc(8e6, 1))'; exit 0")
limited("parallel: one of four jobs grows", 100, "parallel -j 2 sh g.sh ::: 1 2 3 4", files={"g.sh":
    f"{HALF}\n[ $1 = 3 ] || exit 0\nperl -e '$x .= \"y\" x 1000000 for 1..300'\n"})
limited("the victim is small, the other grew", 160,
    "sh -c 'echo 1000 > /proc/self/oom_score_adj; exec perl -e \"\\$x = q(z) x 8000000; sleep "
    "30\"' & s=$!;"
    "python3 -c \"b = []\nfor i in range(40): b.append(bytearray(4000000))\"; wait $s")
limited("sort of too much in a grandchild", 60, "make -s", files={"Makefile":
    "all:\n\tsh -c 'seq 20000000 | (sort -S 400M -r > /dev/null; echo $$?)'\n"})
limited("more memory at the second try", 200,
    "for m in 90000000 20000000; do python3 -c \"import sys; b = [bytearray($m) for _ in "
    "range(4)]\" && break; sleep 0.3; done", ("oom", "retry"))

# ---- full disks ----

full("tar into a full tmpfs", "4m",
    "head -c 9000000 /dev/urandom > a; tar cf - a | tar xf - -C $T; ls -l $T")
full("sort: its temporary files do not fit", "6m",
    "set -e; seq 3000000 > n; sort -R -S 5M -T $T n > o; echo done")
full("sqlite on a full disk", "3m",
    "sqlite3 $T/d 'create table t(a); with recursive c(x) as (select 1 union all select x+1 "
    "from c where x<4000) insert into t select randomblob(2000) from c'")
full("samtools to a full disk", "1m",
    "perl -e 'print qq(\\@SQ\\tSN:c\\tLN:1000000\\n); for (1..60000) {"
    "printf qq(r%d\\t0\\tc\\t%d\\t60\\t50M\\t*\\t0\\t0\\t%s\\t*\\n), $_, 1+int(rand(999000)), "
    "join(q(),map {(qw(A C G T))[rand 4]} 1..50) }'" " | samtools sort -o $T/o.bam - || exit 3")
full("gcc: no room for the object", "8k",
    "echo 'char big[100000] = {1}; int main(void){return 0;}' > b.c; gcc b.c -o $T/b || exit 1")
full("java: a full disk", "2m",
    "java W.java $T/f 2>/dev/null <<< '' || { echo 'import java.io.*; public class W { public "
    "static void main(String[] a)"
    " throws Exception { try (OutputStream o = new FileOutputStream(a[0])) { for (int i = 0; i < "
    "100; i++) o.write(new byte[100000]); } } }' > W.java;" " java W.java $T/f; }")


@scenario("no inode left", "disk-full")
def inodes(lab):
    where, _ = lab.disk(16, 1 << 30)
    return lab.run("bash", "-c", f"set -e; cd {where}; for i in $(seq 20000); do : > f$i; done")


@scenario("gzip to a full loop file system", "disk-full")
def loop_full(lab):
    where, _ = lab.disk(8, 1 << 30)
    return lab.run("bash", "-c",
        f"set -o pipefail; head -c 20000000 /dev/urandom | gzip -1 > {where}/o.gz && echo fine")


# ---- missing files ----

case("python: open of what is not there", "missing-file",
    "python3 -c \"print(len(open('samples.tsv').read()))\"")
case("bwa: no index", "missing-file",
    "printf '@r\\nACGT\\n+\\nIIII\\n' > q.fq; set -e; bwa mem -t 2 nothere.fa q.fq > o.sam")
case("samtools: no such BAM", "missing-file",
    f"{HALF}; samtools view -c missing.bam || exit 1; echo never")
case("perl: open or die", "missing-file",
    "perl -e 'open my $f, \"<\", \"conf/run.cfg\" or die \"conf/run.cfg: $!\"'")
case("gcc: a header is missing", "missing-file",
    "printf '#include \"config.h\"\\nint main(void){return 0;}\\n' > m.c; gcc -c m.c -o m.o")
case("node: a module is missing", ("missing-file", "exit"), "node -e 'require(\"./lib/absent\")'")
case("python: a module is missing", ("missing-file", "exit"), "python3 -c 'import absent_module'")
case("make: nothing makes the file", ("missing-file", "exit"), "make -s out", files={"Makefile":
    "out: input.txt\n\tcp input.txt out\n"})
case("a shared library is missing", "missing-file",
    "printf 'int f(void){return 0;}' > l.c; gcc -shared -fPIC l.c -o libl.so;"
    "printf 'int f(void);int main(void){return f();}' > p.c; gcc p.c -o p -L. -ll && rm libl.so; "
    "./p")
case("an interpreter is missing", "missing-file",
    "printf '#!/opt/none/python\\nprint(1)\\n' > s; chmod +x s; ./s")
case("bash: no directory for the output", "missing-file",
    "set -e; seq 10 > results/n.txt; echo never")
case("java: an input is missing", "missing-file", "java M.java", files={"M.java":
    "import java.io.*; public class M { public static void main(String[] a) throws Exception { "
    "new FileInputStream(\"reads.fq\").read(); } }\n"})
case("snakemake: a rule's program finds no input", "missing-file", "snakemake -q -c 1", files={
    "Snakefile":
    "rule all:\n    input: 'o'\nrule r:\n    output: 'o'\n    shell: 'awk \"{{print}}\" "
    "annotation.gtf > {output}'\n"})
case("xargs: one of six files is missing", "missing-file",
    "for i in 1 2 3 5 6; do seq 1000 > f$i; done; set -e; seq 6 | xargs -P 2 -I{} wc -l f{}")
case("tar: the archive is missing", "missing-file", "env LC_ALL=C nice tar xzf bundle.tgz")

# ---- permissions ----

case("nobody: a file of root", "permission-denied",
    f"seq 9 > s; chmod 600 s; {NOBODY} python3 -c \"open('s')\"")
case("nobody: a directory of root", "permission-denied",
    f"{NOBODY} bash -c 'set -e; date > out.txt; echo never'")
case("nobody: mkdir where he may not", ("permission-denied", "exit"), f"{NOBODY} mkdir -p results/a"
    )
case("nobody: no way into the directory", "permission-denied",
    f"mkdir p; seq 9 > p/f; chmod 700 p; {NOBODY} sort p/f")
case("nobody: sqlite may not write", ("permission-denied", "exit"),
    f"sqlite3 d 'create table t(a)'; {NOBODY} sqlite3 d 'insert into t values(1)'")


@scenario("a read-only file system", "permission-denied", "exit")
def read_only(lab):
    where = lab.tmpfs("4m")
    return lab.run("bash", "-c",
        f"set -e; mount -o remount,ro {where}; gzip -c /etc/passwd > {where}/p.gz")


# ---- signals ----

case("a sibling kills the worker", "killed",
    f"({SECOND}; {SECOND}; {SECOND}) & p=$!; sleep 0.6; kill -9 $p; wait $p")
case("a watchdog ends python", ("killed", "timeout"),
    "python3 -c 'import time\nwhile True: time.sleep(0.1)' & p=$!; (sleep 2; kill -TERM $p) & "
    "wait $p; exit $?")
case("timeout of a python", "timeout",
    "timeout 2 python3 -c 'while True: pass'; echo rc $?; exit 124")
case("timeout with KILL in a recipe", "timeout", "make -s", files={"Makefile":
    "all:\n\ttimeout -s KILL 2 perl -e '1 while 1'\n"})
case("timeout of a script's child", "timeout",
    "timeout -k 1 3 bash -c 'sort -n <(while :; do echo 1; sleep 0.1; done)'")
case("perl: the alarm ends it", ("killed", "timeout"), "perl -e 'alarm 2; 1 while 1'")
case("python: subprocess with a time limit", ("timeout", "killed"),
    "python3 -c \"import subprocess; subprocess.run(['sleep', '30'], timeout=2)\"")
case("gcc: a null pointer", "crash",
    "printf 'int main(void){volatile int *p=0;return *p;}' > s.c; gcc s.c -o s && ./s")
case("a division by zero", "crash",
    "printf 'int main(int c,char**v){return 7/(c-1);}' > d.c; gcc d.c -o d && env A=1 ./d")
case("an assertion fails", "crash",
    "printf '#include <assert.h>\\nint main(int c,char**v){assert(c==9);}' > a.c; gcc a.c -o a "
    "&& sh -c './a > o'; exit 6")
case("node: abort", "crash", "node -e 'process.abort()'")
case("an illegal instruction", "crash",
    "printf 'int main(void){__builtin_trap();}' > i.c; gcc i.c -o i && nice ./i")
case("a mapped file is cut", "crash",
    "python3 -c \"import mmap, os; open('m','wb').write(b'x' * 8192); f = open('m', 'r+b');"
    "m = mmap.mmap(f.fileno(), 8192); os.truncate('m', 0); print(m[5000])\"")
case("a stack without end", "crash",
    "printf 'int f(int n){volatile char b[9999];b[0]=n;return f(n+1)+b[0];}int main(void){return "
    "f(0);}' > r.c; gcc r.c -o r; ./r")
case("a crash within a pipeline", "crash",
    "printf '#include <stdlib.h>\\nint main(void){free((void*)17);}' > f.c; gcc -w f.c -o f;"
    "set -euo pipefail; seq 100000 | ./f | wc -l")
case("parallel: one of six crashes", "crash",
    "parallel -j 2 'test {} != 4 || perl -e \"kill 11, \\$\\$\" && sort /etc/services > "
    "/dev/null' ::: 1 2 3 4 5 6")

# ---- errors of their own ----

case("python: an exception", "exit", f"{HALF}; python3 -c \"d = {{}}; d['sample']\"")
case("perl: die after work", "exit",
    "perl -e '$x += $_ for 1..20000000; die \"bad record at line 7\\n\"'")
case("node: throw", "exit",
    "node -e 'let x = 0; for (let i = 0; i < 1e8; i++) x += i; throw new Error(\"format\")'")
case("java: an exception", "exit", "java T.java", files={"T.java":
    "public class T { public static void main(String[] a) { throw new "
    "IllegalStateException(\"no\"); } }\n"})
case("grep finds nothing, pipefail", "exit",
    "set -euo pipefail; seq 100000 | grep -c nothere | sort; echo never")
case("bash: an unset variable", "exit", f"set -u; {HALF}; echo \"$SAMPLE\"")
case("a missing file is dealt with, then it fails by itself", "exit",
    f"cat none.txt 2> /dev/null || true; {SECOND}; awk 'BEGIN {{ exit 4 }}'; exit 4")
case("slow, then a failure", "exit",
    "sleep 3; python3 -c 'import sys; sys.exit(\"checksum differs\")'")
case("parallel: halt at the first failure", "exit",
    "parallel --halt now,fail=1 -j 2 sh h.sh ::: 1 2 3 4 5 6", files={"h.sh":
    f"[ $1 = 2 ] && {{ sleep 0.5; exit 7; }}\n{SECOND}\n"})
case("xargs: a job says 255", "exit",
    "seq 6 | xargs -P 2 -I{} sh -c 'gzip -c /etc/services > {}.gz; [ {} != 3 ] || exit 255'")
case("snakemake: the output does not come", ("exit", "missing-file"),
    "snakemake -q -c 1 --latency-wait 1", files={"Snakefile":
    "rule all:\n    input: 'o'\nrule r:\n    output: 'o'\n    shell: 'seq 1000 | sort > other'\n"})
case("snakemake: a checker fails", "exit", "snakemake -q -c 2", files={"Snakefile":
    "rule all:\n    input: 'a', 'b'\nrule good:\n    output: 'a'\n    shell: 'sort /etc/services "
    "> {output}'\n"
    "rule check:\n    output: 'b'\n    shell: 'python3 -c \"raise SystemExit(3)\"; touch "
    "{output}'\n"})
case("too little address space", ("exit", "oom"),
    "ulimit -v 400000; python3 -c 'b = bytearray(900000000)'")
case("a pipe closed by head, pipefail", ("killed", "exit"),
    "set -euo pipefail; yes | head -n 2 > o; echo never")
case("make -k: one of four recipes", "exit", "make -s -k -j 2", files={"Makefile":
    "all: a b c d\na b d:\n\tsort /etc/services > $@\nc:\n\tsort /etc/services > $@; test 1 = 2\n"})

# ---- again ----

case("until it works", "retry",
    "n=0; until sh t.sh; do n=$((n+1)); [ $n -lt 5 ] || exit 1; sleep 0.3; done", files={"t.sh":
    f"{HALF}\nn=$(cat c 2> /dev/null || echo 0); echo $((n+1)) > c; [ $n -ge 2 ]\n"})
case("python tries a program again", "retry", "python3 r.py", files={"r.py": """
import subprocess, time
for n in range(5):
    job = '$x += $_ for 1..9000000; open F, ">>n"; print F 1; close F; exit(-s "n" < 4)'
    if subprocess.run(['perl', '-e', job]).returncode == 0: break
    time.sleep(0.2)
"""})
case("a crash that goes away", "retry",
    "for i in 1 2 3; do perl -e '$x += $_ for 1..9000000; if (!-e \"ok\") { open F, \">ok\"; "
    "kill 11, $$ }' && break; done")
