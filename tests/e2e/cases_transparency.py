# SPDX-License-Identifier: Apache-2.0
"""The command does not notice that it is observed, and its caller does not either."""
import os
import signal
import stat
import time

from harness import case, equal, helpers_of, num, one, read_proc, require, wait_for
from terminal import Terminal

QUIET = ("--quiet",)


@case("exit codes: 0, 1, 42, 125, 255")
def exit_codes(world):
    for code in (0, 1, 42, 125, 255):
        result = world.run("sh", "-c", f"exit {code}", options=QUIET)
        equal(result.rc, code, repr(result))
        equal(one(world.rows(), world.rows()[0]["pid"])["exit_code"], code, "stored exit code")


@case("exit codes: 128 + signal")
def killed_command(world):
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        result = world.run("sh", "-c", f"kill -{int(number)} $$", options=QUIET)
        equal(result.rc, 128 + number, repr(result))
        equal(world.rows()[0]["signal"], int(number), "stored signal")


@case("command not found: 127, not executable: 126")
def not_runnable(world):
    result = world.run("no-such-program-anywhere")
    equal(result.rc, 127, repr(result))
    require(b"no-such-program-anywhere" in result.err, f"message: {result!r}")
    path = f"{world.dir}/plain"
    with open(path, "w", encoding="ascii") as f:
        f.write("text\n")
    os.chmod(path, stat.S_IRUSR)
    result = world.run(path)
    equal(result.rc, 126, repr(result))
    require(path.encode() in result.err, f"message: {result!r}")


@case("stdin and stdout: byte for byte, stderr only gets our own words after")
def standard_streams(world):
    data = bytes(range(256)) * 4096
    result = world.run("sh", "-c", "cat; echo error >&2", options=QUIET, stdin=data)
    equal(result.rc, 0, repr(result))
    require(result.out == data, "stdout differs from stdin")
    equal(result.err, b"error\n", "stderr with --quiet")
    loud = world.run("sh", "-c", "cat; echo error >&2", stdin=data)
    require(loud.out == data, "stdout differs from stdin without --quiet")
    require(loud.err.startswith(b"error\n") and len(loud.err) > 50, f"report: {loud.err!r}")


@case("stdin, stdout, stderr closed: closed for the command too, and the run is stored")
def closed_streams(world):
    for closed in ("<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"):
        seen = {}
        for who, argv in (("alone", []), ("observed", world.run_argv([], QUIET))):
            path = f"{world.dir}/{who}"
            inner = ["sh", "-c", 'ls /proc/self/fd >"$0"; exit 4', path]
            result = world.exec(["sh", "-c", f'exec "$@" {closed}', "sh", *argv, *inner])
            equal(result.rc, 4, f"{who} with {closed}: {result!r}")
            seen[who] = open(path, encoding="ascii").read()
        equal(seen["observed"], seen["alone"], f"descriptors with {closed}")
        run = world.json("runs")[0]
        require(run["complete"] and run["exit_code"] == 4, f"the run with {closed}: {run}")
        require(world.rows(), f"processes of the run with {closed}")


@case("surroundings: directory, environment, umask and open files are the command's own")
def surroundings(world):
    read_end, write_end = os.pipe()
    script = 'pwd; umask; echo "$MARK"; echo through >&%d' % write_end
    result = world.run("sh", "-c", script, options=QUIET, env={"MARK": "as it was"},
                       cwd=world.dir, pass_fds=(write_end,), umask=0o027)
    os.close(write_end)
    equal(result.out.decode().splitlines(), [world.dir, "0027", "as it was"], repr(result))
    equal(os.read(read_end, 100), b"through\n", "an inherited file descriptor")
    os.close(read_end)


@case("surroundings: no file descriptor, signal mask or disposition of ours leaks")
def no_leaks(world):
    script = "ls -l /proc/self/fd | grep -c -- '->'; grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status"
    plain = world.exec(["sh", "-c", script])
    observed = world.run("sh", "-c", script, options=QUIET)
    equal(observed.out, plain.out, "open files and signal masks")


@case("signals are forwarded: TERM, INT, HUP, USR1 to tracer reach the command")
def forwarded(world):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        name = signal.Signals(number).name[3:]
        script = f"trap 'echo got {name}; exit 9' {name}; echo ready; while :; do sleep 0.05; done"
        child = world.start(world.run_argv(["bash", "-c", script], QUIET), start_new_session=True)
        equal(child.stdout.readline(), b"ready\n", "start")
        child.send_signal(number)
        out, err = child.communicate(timeout=20)
        equal((child.returncode, out), (9, f"got {name}\n".encode()), f"{name}: {err!r}")


@case("Ctrl-C in a terminal: the command is interrupted, the run is stored")
def control_c(world):
    with Terminal(["bash", "--norc", "--noprofile"], world.environment({"PS1": "> "}),
                  world.dir) as t:
        t.type(f"{world.tracer} run --db {world.db} --quiet -- sh -c 'echo sta''rted; sleep 30'\n")
        t.expect("started")
        time.sleep(0.3)  # a shell in vfork(2) takes an interrupt for its child's
        t.type("\x03")
        t.type("echo rc=$?.\n")
        t.expect("rc=130.")
    rows = world.rows()
    require(all(r["end_ns"] for r in rows), "a process has no end")


@case("Ctrl-Z and fg: the job stops and goes on")
def job_control(world):
    with Terminal(["bash", "--norc", "--noprofile"], world.environment({"PS1": "> "}),
                  world.dir) as t:
        t.type(f"{world.tracer} run --db {world.db} --quiet -- "
               "sh -c 'echo sta''rted; sleep 1.5; echo fini''shed; exit 5'\n")
        t.expect("started")
        time.sleep(0.3)  # not while the shell is in vfork(2): it cannot stop there
        t.type("\x1a")
        t.expect("Stopped")
        t.type("sleep 2; echo still-''here\n")
        t.expect("still-here")
        t.type("fg\n")
        t.expect("finished")
        t.type("echo rc=$?.\n")
        t.expect("rc=5.")
    shell = [r for r in world.rows() if r["exit_code"] == 5][0]
    require(num(shell["states"]["stopped"]) > 1_000_000_000,
            f"time stopped is not accounted: {shell['states']}")


@case("terminal: the command reads it and knows that it has one")
def terminal_is_there(world):
    with Terminal([world.tracer, "run", "--db", world.db, "--quiet", "--", "sh", "-c",
                   'test -t 0 && test -t 1 && read -r line && echo "<$line>"; tty'],
                  world.environment(), world.dir) as t:
        t.type("hello\n")
        t.expect("<hello>")
        t.expect("/dev/pts/")


@case("sudo: the command runs as the user who called it, and owns the database")
def sudo_user(world):
    os.chmod(world.dir, 0o777)
    result = world.run("sh", "-c", "id -u; id -g", options=QUIET,
                       env={"SUDO_UID": "65534", "SUDO_GID": "65534", "SUDO_USER": "nobody"})
    equal(result.rc, 0, repr(result))
    equal(result.out.split(), [b"65534", b"65534"], "ids of the command")
    equal(os.stat(world.db).st_uid, 65534, "owner of the database")
    equal(world.rows()[0]["uid"], 65534, "uid in its row")


@case("helpers: the collector keeps two capabilities, the recorder none")
def privileges(world):
    child = world.start(world.run_argv(["sleep", "30"], QUIET))

    def command_runs():
        pids = read_proc(child.pid, f"task/{child.pid}/children").split()
        return any("sleep" in read_proc(p, "comm") for p in pids)

    wait_for(command_runs, "the command")
    found = {}
    for role, pid in helpers_of(child.pid).items():
        fields = dict(line.split(":\t", 1) for line in read_proc(pid, "status").splitlines()
                      if ":\t" in line)
        found[role] = int(fields["CapEff"], 16)
    child.send_signal(signal.SIGTERM)
    child.wait(20)
    bpf_and_perfmon = 1 << 39 | 1 << 38
    equal(found, {"collector": bpf_and_perfmon, "recorder": 0}, "effective capabilities")


@case("background processes outlive the command: said, not waited for")
def outlives(world):
    result = world.run("sh", "-c", "sleep 3 >/dev/null 2>&1 & exit 0", options=QUIET)
    equal(result.rc, 0, repr(result))
    rows = world.rows()
    alive = [r for r in rows if r["end_ns"] is None]
    equal(len(alive), 1, "processes without an end")
    require(num(alive[0]["thread_ns"]) > 0, "its totals so far are not known")


@case("processes that end or begin as observation ends: none is lost")
def ends_with_it(world):
    script = "for i in 1 2 3 4 5 6 7 8 9; do (sleep 0.00$i; true) & done; exit 0"
    for n in range(25):
        equal(world.run("sh", "-c", script, options=QUIET).rc, 0, f"exit code of run {n}")
        equal(int(world.show()["completeness"]["processes_lost"]), 0, f"lost in run {n}")


@case("nested tracer run: both see the command")
def nested(world):
    inner = f"{world.dir}/inner.db"
    result = world.run(world.tracer, "run", "--quiet", "--db", inner, "--", "sh", "-c", "exit 6",
                       options=QUIET)
    equal(result.rc, 6, repr(result))
    equal([r["exit_code"] for r in world.rows(db=inner)], [6], "inner rows")
    outer = [r for r in world.rows() if r["comm"] == "sh"]
    require(any(r["exit_code"] == 6 for r in outer), f"outer rows: {len(outer)}")
