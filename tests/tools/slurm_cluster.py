"""Slurm on this machine alone, for a test: slurmctld and slurmd, without munge, cgroups or systemd."""

import getpass
import os
import shutil
import socket
import subprocess
import time

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "sinfo", "scontrol")


def is_installed():
    return all(shutil.which(name, path=SEARCHED) for name in PROGRAMS)


SEARCHED = os.environ.get("PATH", "") + ":/usr/sbin"


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class SlurmCluster:
    """One node with so many processors. All of its files are in `folder`."""

    def __init__(self, folder, processors):
        self.folder = folder
        self.environment = {**os.environ, "SLURM_CONF": os.path.join(folder, "slurm.conf"), "PATH": SEARCHED}
        host, user = socket.gethostname().split(".")[0], getpass.getuser()
        control_port, node_port = free_ports(2)
        for name in ("state", "spool"):
            os.makedirs(os.path.join(folder, name))
        with open(self.environment["SLURM_CONF"], "w", encoding="utf-8") as file:
            file.write(
                f"""ClusterName=limn
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
MinJobAge=2
KillWait=1
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
            )
        self.daemons = []
        self.queued = {}  # since when jobs wait for their time

    def start(self):
        """Raises RuntimeError with what the daemons say if the node is not there after a minute."""
        for name in ("slurmctld", "slurmd"):
            log = open(os.path.join(self.folder, name + ".out"), "wb")
            self.daemons.append(
                subprocess.Popen(
                    [shutil.which(name, path=SEARCHED), "-D"], env=self.environment, stdout=log, stderr=subprocess.STDOUT
                )
            )
            log.close()
        for _ in range(120):
            if "idle" in self.run("sinfo", "--noheader", "--format=%T", check=False).stdout:
                return
            time.sleep(0.5)
        said = ""
        for name in ("slurmctld.out", "slurmd.out"):
            with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as file:
                said += file.read()[-2000:]
        raise RuntimeError("Slurm does not start:\n" + said)

    def run(self, *command, check=True):
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=check, timeout=600
        )

    def hurry(self):
        """Lets what was queued again begin after 3 seconds and not after two minutes, as Slurm would have it. Not at once:
        slurmd takes no job whose credential is of the second in which it was told to end that job."""
        said = self.run("squeue", "--noheader", "--states=PENDING", "--array", "--format=%i %r").stdout
        jobs = [line.split()[0] for line in said.splitlines() if line.split()[1:] == ["BeginTime"]]
        now = time.monotonic()
        self.queued = {job: self.queued.get(job, now) for job in jobs}
        for job in jobs:
            if now - self.queued[job] > 3:
                self.run("scontrol", "update", f"JobId={job}", "StartTime=now", check=False)
                del self.queued[job]

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
