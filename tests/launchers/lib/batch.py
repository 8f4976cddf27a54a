# SPDX-License-Identifier: Apache-2.0
"""Batch systems of plays: a daemon that starts a job's script the way that PBS, LSF, HTCondor,
Slurm and others do. Each start() gives the actor to hand to Daemon.start(), by name of the ask."""
from containers import Daemon

CONTROLLERS = ("memory", "freezer", "pids")


def path_env(L, **more):
    return {"PATH": f"{L.path('bin')}:/usr/bin:/bin", "HOME": L.mkdir("home"), **more}


class Pbs:
    """pbs_mom executes a login shell; its argument is the copy of the script."""

    def __init__(self, L, torque=False):
        self.L, self.torque = L, torque
        self.daemon = Daemon(L, "pbs_mom", ["/opt/pbs/sbin/pbs_mom"], setsid=True)

    def submit(self, ident, script, cwd, name, cgroup=True, **env):
        """`script`: text. The job's directory is the user's home, which then goes to cwd."""
        job = f"{ident}.head"
        spool = self.L.write(f"var/spool/pbs/mom_priv/jobs/{job}.SC", script)
        values = path_env(self.L, PBS_JOBID=job, PBS_JOBNAME=name, PBS_O_WORKDIR=cwd,
                          PBS_QUEUE="batch", **env)
        layout = "/torque/" if self.torque else "/pbs_jobs.service/jobid/"
        groups = self.L.cgroup(layout + job, CONTROLLERS) if cgroup else []
        self.daemon.start(ident, "/bin/bash", ["-bash", spool], clearenv=True, env=values,
                          cgroup=groups, cwd=cwd)
        return job

    def client(self, ident, argv, code=None):
        return self.daemon.client("qsub", ["qsub", *argv], ident, code)


class Lsf:
    """sbatchd -> res -> the job file below ~/.lsbatch."""

    def __init__(self, L):
        self.L = L
        self.daemon = Daemon(L, "sbatchd", ["/opt/lsf/10.1/etc/sbatchd"], setsid=True)

    def submit(self, ident, script, cwd, name, index=0, **env):
        spool = self.L.path(f"root/.lsbatch/1700000000.{ident}")
        self.L.write(spool + ".shell", script)
        self.L.write(spool, f"/bin/bash {spool}.shell\nExitStat=$?\nexit $ExitStat\n")
        values = path_env(self.L, LSB_JOBID=str(ident), LSB_JOBINDEX=str(index), LSB_JOBNAME=name,
                          LSB_QUEUE="normal", LS_SUBCWD=cwd, **env)
        res = self.L.actor("res", ["/opt/lsf/10.1/etc/res", "-d", "/opt/lsf/conf", "-m", "node1"])
        res.spawn("job", "/bin/sh", ["/bin/sh", spool], clearenv=True, env=values, cwd=cwd)
        res.exitas("job")
        self.daemon.start(f"{ident}.{index}", res)
        return f"lsf:{ident}[{index}]" if index else f"lsf:{ident}"


class Condor:
    """condor_starter executes condor_exec.exe in dir_<its pid>; the job's ad tells the rest."""

    def __init__(self, L):
        self.L = L
        self.daemon = Daemon(L, "condor_startd", ["condor_startd", "-f"], setsid=True)

    def submit(self, cluster, proc, command, args, code=0, **ad):
        place = f"var/lib/condor/execute/dir_{cluster}{proc}"
        lines = {"ClusterId": cluster, "ProcId": proc, "Cmd": f'"/srv/u/bin/{command}"',
                 "Args": '"%s"' % " ".join(args), "NumJobStarts": 1, "Iwd": '"/srv/u"',
                 "User": '"u@pool"', "GlobalJobId": f'"sched#{cluster}.{proc}#1700000000"', **ad}
        self.L.write(f"{place}/.job.ad", "".join(f"{k} = {v}\n" for k, v in lines.items()))
        starter = self.L.actor("condor_starter", ["condor_starter", "-f", "-local-name", "slot1_1",
                                                  "submit.pool"])
        tool = self.L.actor("condor_exec.exe", ["condor_exec.exe", *args],
                            at=f"{place}/condor_exec.exe", cwd=self.L.path(place))
        tool.step("burn", 2).exit(code)
        starter.play(tool, "job", clearenv=True, env=path_env(
            self.L, _CONDOR_JOB_AD=self.L.path(place, ".job.ad"),
            _CONDOR_SCRATCH_DIR=self.L.path(place)))
        starter.exitas("job")
        self.daemon.start(f"{cluster}.{proc}", starter)
        return f"condor:{self.L.path(place)}"


class Slurm:
    """slurmd -> slurmstepd (its title is set without a rename) -> the script, in the groups of a
    layout: `v1`, `v2`, `sluid` (26.05), or None for proctrack/linuxproc."""

    def __init__(self, L, layout="v2"):
        self.L, self.layout = L, layout
        self.daemon = Daemon(L, "slurmd", ["/usr/sbin/slurmd", "-D"], setsid=True)

    def groups(self, job, step, sluid=None):
        if self.layout == "v1":
            return self.L.cgroup(f"/slurm_node1/uid_0/job_{job}/step_{step}/task_0", CONTROLLERS)
        if self.layout == "v2":
            return self.L.cgroup(
                f"/system.slice/slurmstepd.scope/job_{job}/step_{step}/user/task_0", ())
        if self.layout == "sluid":
            return self.L.cgroup(
                f"/system.slice/node1_slurmstepd.scope/{sluid}/step_{step}/user/task_0", ())
        return []

    def submit(self, job, script, cwd, name, sluid=None, code=0, inherit=None, **env):
        spool = self.L.write(f"var/spool/slurmd/job{int(job):05d}/slurm_script", script, 0o755)
        step = self.L.actor("slurmstepd", ["slurmstepd"])
        step.argv_title(f"slurmstepd: [{job}.batch]")
        values = path_env(self.L, **(inherit or {}), SLURM_JOB_ID=str(job), SLURM_JOB_NAME=name,
                          SLURM_CLUSTER_NAME="c1", SLURM_SUBMIT_DIR=cwd, **env)
        step.spawn("job", spool, [spool], clearenv=True, env=values, cwd=cwd,
                   cgroup=self.groups(job, "batch", sluid))
        step.exitas("job")
        self.daemon.start(str(job), step)

    def client(self, job, argv):
        return self.daemon.client("sbatch", ["sbatch", *argv], str(job))
