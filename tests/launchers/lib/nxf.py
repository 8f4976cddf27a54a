# SPDX-License-Identifier: Apache-2.0
"""What Nextflow leaves on disk and executes: task directories, their wrapper script, and the
head. The scripts are our own; what they execute, in what order and under what names, is
Nextflow's (24.x; `old` the header before 24.05)."""
import uuid

from containers import hex_id

WRAPPER = r"""#!/bin/bash
{header}{directives}set -e
set -u
nxf_tree() {{ ps -e -o pid= -o ppid= | awk '{{ n++ }} END {{ if (n == 0) exit 1 }}'; }}
nxf_date() {{ date +%s%3N; }}
nxf_kill() {{
    local child
    for child in $(ps -o pid= --ppid $1); do nxf_kill $child; done
    kill $1 2>/dev/null || true
}}
nxf_trace() {{
    local begin=$(nxf_date) status=0
    {launch} &
    local task=$!
    ( set +e; while kill -0 $task 2>/dev/null; do nxf_tree; sleep 0.05; done ) &
    local sampler=$!
    wait $task || status=$?
    kill $sampler 2>/dev/null || true
    wait $sampler 2>/dev/null || true
    printf 'nextflow.trace/v2\nrealtime=%s\n' $(( $(nxf_date) - begin )) > {dir}/.command.trace
    return $status
}}
nxf_launch() {{
    {start}
}}
nxf_main() {{
    {enter}
    touch {dir}/.command.begin
    export NXF_TASK_WORKDIR={dir}
    set +e
    ( set -e; nxf_launch ) > >(tee .command.out) 2> >(tee .command.err >&2) &
    local pid=$! status=0
    trap 'nxf_kill $pid' TERM INT
    wait $pid || status=$?
    printf -- $status > {dir}/.exitcode
    sync_out=$(cat .command.out | tail -n 1)
    exit $status
}}
if [ $# -gt 0 ]; then "$@"; else nxf_main; fi
"""


def task_hash(text):
    text = hex_id("nxf " + text, 32)
    return text[:2] + "/" + text[2:]


class Task:
    """One task directory. `script` is the body of .command.sh."""

    def __init__(self, launcher, name, script, **options):
        self.launcher, self.name = launcher, name
        self.hash = task_hash(name + options.get("salt", ""))
        self.dir = options.get("root", launcher.path("work")) + "/" + self.hash
        self.shebang = options.get("shebang", "/bin/bash -ue")
        self.script = f"#!{options.get('first', self.shebang)}\n{script}\n"
        self.directives = options.get("directives", "")
        self.old = options.get("old", False)
        self.trace = options.get("trace", False)
        self.scratch = options.get("scratch", False)
        self.launch = options.get("launch")

    @property
    def script_call(self):
        return f"{self.shebang} {self.dir}/.command.sh"

    @property
    def wrapper(self):
        header = f"# NEXTFLOW TASK: {self.name}\n" if self.old else (
            f"### ---\n### name: '{self.name}'\n### outputs:\n### - '*.txt'\n### ...\n")
        launch = (self.launch or "{call}").replace("{call}", self.script_call)
        start = f"/bin/bash {self.dir}/.command.run nxf_trace" if self.trace else launch
        enter = "cd $(mktemp -d /tmp/nxf.XXXXXXXXXX)" if self.scratch else f"cd {self.dir}"
        return WRAPPER.format(header=header, directives=self.directives, launch=launch,
                              start=start, dir=self.dir, enter=enter)

    def create(self, head):
        """The head makes the directory and its two files."""
        head.mkdir(self.dir)
        head.write(f"{self.dir}/.command.sh", self.script)
        head.chmod(f"{self.dir}/.command.sh", "755")
        head.write(f"{self.dir}/.command.run", self.wrapper)
        return self

    def local(self, head, name):
        """The local executor's start of it."""
        head.spawn(name, "/bin/bash", ["/bin/bash", "-ue", ".command.run"], cwd=self.dir,
                   out=f"{self.dir}/.command.log")
        return self


class Head:
    """The JVM: an actor called java, with the paths that Nextflow's cache has."""

    def __init__(self, launcher, name="happy_darwin", session=None, args=(), project="main.nf"):
        self.launcher, self.name = launcher, name
        self.session = session or str(uuid.UUID(hex_id("session " + launcher.name, 32)))
        self.project = project
        argv = ["java", "-Xmx1g", "-Djava.io.tmpdir=/tmp", "-jar",
                "/opt/nextflow/framework/24.10.0/nextflow-24.10.0-one.jar", "run",
                "-with-report", "r.html", *args, project, "--input", "sheet.csv"]
        launcher.mkdir("launch")
        self.actor = launcher.actor("java", argv, cwd=launcher.path("launch"),
                                    env={"PATH": f"{launcher.path('bin')}:/usr/bin:/bin"})
        self.begin()

    def begin(self):
        cache = self.launcher.path("launch", ".nextflow", "cache", self.session)
        self.actor.mkdir(cache + "/db")
        self.actor.hold(cache + "/db/LOCK").hold(f"{cache}/index.{self.name}")
        self.actor.append(self.launcher.path("launch", ".nextflow", "history"),
                          f"2026-01-01 00:00:00\t-\t{self.name}\t-\tabc\t{self.session}"
                          "\tnextflow run\n")

    def run_local(self, *tasks):
        """All at once, then waits for each."""
        for task in tasks:
            task.create(self.actor)
        for i, task in enumerate(tasks):
            task.local(self.actor, f"{task.hash}.{i}")
        for i, task in enumerate(tasks):
            self.actor.wait(f"{task.hash}.{i}").read(f"{task.dir}/.exitcode")
        return self

    def truth(self, status="succeeded", **keys):
        self.launcher.run(engine="nextflow", pipeline=self.project, name=self.name,
                          session=self.session, status=status, **keys)
        return self
