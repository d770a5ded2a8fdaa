"""Three nodes under Patroni with one etcd, on deploy/pg's configuration with paths and addresses replaced: a failover, a frozen leader
and a switchover amidst payments. Each takes Patroni's time (ttl 20 s), so that this is no part of ctest.

    patroni.py BUILD     exit code 77 and one line: Debian's packages patroni, etcd-server or postgresql-15 are missing
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import node
from cluster import PASSWORD, REFERENCE, REPLICATOR_PASSWORD, SIZES, SOURCE, Pair, schema_text, server_pair
from node import account, as_account, environment, free_port

sys.path.insert(0, str(SOURCE / "deploy" / "cluster"))
from payments import Client  # noqa: E402
from trial import Machine  # noqa: E402

NAMES = ("sessiond_a", "sessiond_b", "sessiond_c")
PATIENCE = 300
PAYMENTS, THREADS = 40, 4
PATRONI, ETCD = pathlib.Path("/usr/bin/patroni"), pathlib.Path("/usr/bin/etcd")


def until(predicate, what):
    end = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError, ValueError, KeyError, StopIteration, AssertionError):
            value = predicate()
            if value:
                return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.2)


class Member:
    """A node: Patroni, which starts PostgreSQL."""

    def __init__(self, trial, name):
        self.trial, self.name = trial, name
        self.port, self.rest = free_port(), free_port()
        self.data, self.log = trial.folder / name, trial.folder / f"{name}.log"
        self.process = None

    def start(self):
        path = self.trial.folder / f"{self.name}.yml"
        path.write_text(self._configuration())
        self.trial.give(path)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(as_account(PATRONI, path, die=True), env=environment(), cwd="/", stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)

    def _configuration(self):
        """The reference, with this machine's paths and ports."""
        folder = self.trial.folder
        text = (REFERENCE / "patroni.yml").read_text()
        changes = {"name: sessiond_a": f"name: {self.name}", "10.0.0.1:8008": f"127.0.0.1:{self.rest}", "10.0.0.1:5432": f"127.0.0.1:{self.port}",
                   "10.0.0.1:2379,10.0.0.2:2379,10.0.0.3:2379": f"127.0.0.1:{self.trial.etcd_port}", "10.0.0.0/8": "127.0.0.1/32",
                   "/var/lib/postgresql/15/sessiond": str(self.data), "/var/lib/postgresql/patroni.pgpass": f"{folder}/{self.name}.pgpass",
                   "/etc/postgresql/sessiond.conf": f"{folder}/sessiond.conf", "/etc/postgresql/ca.pem": f"{folder}/ca.pem",
                   "/var/run/postgresql": f"{folder}/s", "CHANGE-ME-1": REPLICATOR_PASSWORD, "mode: automatic": "mode: \"off\"",
                   "username: postgres": f"username: {account().pw_name}", "max_connections: 200": "max_connections: 60"}
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, new)
        return text

    def pids(self):
        """Patroni, and PostgreSQL with its children."""
        found = [self.process.pid]
        with contextlib.suppress(OSError, ValueError):
            server = int((self.data / "postmaster.pid").read_text().split()[0])
            found += [server, *map(int, pathlib.Path(f"/proc/{server}/task/{server}/children").read_text().split())]
        return found

    def signal(self, number):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        self.process.wait()

    def sql(self, text, database="postgres"):
        command = [node.BIN / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.trial.folder / "s", "-p", self.port,
                   "-U", account().pw_name, "-d", database, "-f", "-"]
        done = subprocess.run(as_account(*command), input=text, env=environment(), cwd="/", capture_output=True, text=True, timeout=PATIENCE,
                              check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


class Trial:
    """As a Cluster to Machine: folder and conninfo()."""

    def __init__(self, build):
        self.build = build
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-patroni-"))
        self.give(self.folder)
        (self.folder / "s").mkdir()
        self.give(self.folder / "s")
        ca = Pair(self.folder, "ca", authority=True)
        server_pair(self.folder, issuer=ca)
        sizes = "".join(f"{name} = '{value}'\n" for name, value in {**SIZES, "min_wal_size": "32MB", "full_page_writes": "on", "ssl_cert_file": self.folder / "server.pem",
                                                                   "ssl_key_file": self.folder / "server.key"}.items())
        (self.folder / "sessiond.conf").write_text((REFERENCE / "postgresql.conf").read_text() + sizes)
        for name in ("ca.pem", "server.pem", "server.key", "sessiond.conf"):
            self.give(self.folder / name)
        self.etcd_port, self.etcd = free_port(), None
        self.members = [Member(self, name) for name in NAMES]

    def give(self, path):
        os.chown(path, account().pw_uid, account().pw_gid)

    def start(self):
        peer = free_port()
        command = [ETCD, "--data-dir", self.folder / "etcd", "--listen-client-urls", f"http://127.0.0.1:{self.etcd_port}", "--advertise-client-urls",
                   f"http://127.0.0.1:{self.etcd_port}", "--listen-peer-urls", f"http://127.0.0.1:{peer}"]
        with open(self.folder / "etcd.log", "wb") as log:
            self.etcd = subprocess.Popen(as_account(*command, die=True), env=environment(), cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for member in self.members:
            member.start()
        until(self.sync_standby, "a leader and its synchronous standby")
        leader = self.leader()
        leader.sql("CREATE DATABASE sessiond")
        leader.sql(schema_text(self.build), "sessiond")
        variables = {"password": PASSWORD, "replicator_password": REPLICATOR_PASSWORD, "connections": 40}
        role = re.sub("^CREATE ROLE replicator.*$", "", (REFERENCE / "role.sql").read_text(), flags=re.M)  # Patroni has made it
        leader.sql("".join(f"\\set {name} '{value}'\n" for name, value in variables.items()) + role, "sessiond")

    def cluster(self):
        """What Patroni says of its members, from whichever answers."""
        if all(member.process.poll() is not None for member in self.members):
            sys.exit(f"every Patroni has ended: {self.members[0].log.read_text(errors='replace')[-3000:]}")
        for member in self.members:
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(f"http://127.0.0.1:{member.rest}/cluster", timeout=5) as answer:
                    return json.load(answer)["members"]
        return []

    def _with_role(self, *roles):
        name = next(row["name"] for row in self.cluster() if row["role"] in roles and row["state"] in ("running", "streaming"))
        return self.members[NAMES.index(name)]

    def leader(self):
        return self._with_role("leader")

    def sync_standby(self):
        return self._with_role("sync_standby")

    def whole(self):
        """A leader, a synchronous standby and another one."""
        return len([row for row in self.cluster() if row["state"] in ("running", "streaming")]) == len(NAMES) and self.sync_standby()

    def conninfo(self, **changes):
        words = {"host": "127.0.0.1,127.0.0.1,127.0.0.1", "port": ",".join(str(member.port) for member in self.members), "dbname": "sessiond",
                 "user": "sessiond", "sslmode": "verify-full", **changes}
        return " ".join(f"{name}={value}" for name, value in words.items() if value is not None)

    def close(self):
        for member in self.members:
            if member.process is not None:
                member.kill()
        if self.etcd is not None:
            self.etcd.kill()
            self.etcd.wait()


def amidst_payments(trial, machines, name, blow):
    client, before, spent = Client([("127.0.0.1", machine.port) for machine in machines]), trial.leader(), []

    def timed():
        began = time.monotonic()
        blow(before)
        spent.append(time.monotonic() - began)
    print(f"== {name}", flush=True)
    troubles = client.play_around(timed, THREADS, PAYMENTS, PAYMENTS)
    print(f"   {client.acknowledged} acknowledged, {client.repeated} repeated; whole again after {spent[0]:.1f} s; leader {before.name} -> "
          f"{trial.leader().name}", flush=True)
    assert not troubles, "\n".join(troubles)


def kill_leader(trial):
    def blow(leader):
        leader.kill()
        until(lambda: trial.leader() is not leader, "another leader")
        leader.start()
        until(trial.whole, "the former leader as a standby")
    return blow


def freeze_leader(trial):
    def blow(leader):
        leader.signal(signal.SIGSTOP)
        until(lambda: trial.leader() is not leader, "another leader")
        leader.signal(signal.SIGCONT)
        until(trial.whole, "the former leader as a standby")
    return blow


def switch_over(trial):
    def blow(leader):
        body = json.dumps({"leader": leader.name, "candidate": trial.sync_standby().name}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{leader.rest}/switchover", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE):
            pass
        until(lambda: trial.leader() is not leader and trial.whole(), "another leader")
    return blow


def main(build):
    lacking = [str(path) for path in (PATRONI, ETCD) if not path.exists()]
    why = node.missing() or (f"{', '.join(lacking)} is missing (Debian's packages patroni, etcd-server)" if lacking else "")
    if why:
        print(f"skipped: {why}")
        return 77
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda seen, _: sys.exit(128 + seen))
    trial, machines = Trial(build), []
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-machines-"))
    try:
        trial.start()
        machines.append(Machine(build, folder, "first", trial))
        machines[0].wait_until_ready()
        machines.append(Machine(build, folder, "second", trial, keys=machines[0].data))
        machines[1].wait_until_ready()
        for name, blow in (("kill -9 of leader and Patroni", kill_leader), ("leader and Patroni frozen until another leads", freeze_leader),
                           ("switchover", switch_over)):
            amidst_payments(trial, machines, name, blow(trial))
        assert [machine.stop() for machine in machines] == [0, 0]
    except BaseException:
        for path in [*trial.folder.glob("*.log"), *folder.glob("*.log")]:
            print(f"-- the end of {path}\n{path.read_text(errors='replace')[-3000:]}", file=sys.stderr)
        raise
    finally:
        for machine in machines:
            machine.process.kill()
        trial.close()
        shutil.rmtree(trial.folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
    print("== nothing was lost")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
