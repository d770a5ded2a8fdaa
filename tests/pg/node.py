"""One PostgreSQL server of a test: started, stopped, killed, frozen, promoted. Its programs are Debian's.

PostgreSQL refuses to run as root: as root, the server and everything that touches its files run as the user "postgres" of Debian's
package; as anybody else they run as whoever starts the test.
"""
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "lib"))
from ports import free_port  # noqa: E402

BIN = pathlib.Path(os.environ.get("SES_PG_BIN", "/usr/lib/postgresql/15/bin"))
PROGRAMS = ("postgres", "initdb", "pg_basebackup", "pg_ctl", "psql")
# Nobody waits that long for a server that lives: it ends a test that hangs, and decides nothing.
PATIENCE = 120


def missing():
    """Why no server can be started here; "" if one can."""
    lacking = [name for name in PROGRAMS if not (BIN / name).exists()]
    if lacking:
        return f"PostgreSQL 15's server is not installed ({BIN} lacks {', '.join(lacking)}; Debian's package is postgresql-15)"
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "root cannot run PostgreSQL, and there is no user postgres to run it as"
    if not os.stat(os.devnull).st_mode & 0o002:
        return f"{os.devnull} is not writable for everybody here, and initdb needs it (chmod 666 {os.devnull})"
    return ""


def account():
    """Whose the servers are."""
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def as_account(*command, die=False):
    """The command as a server's user; die: it gets SIGQUIT, PostgreSQL's immediate end, when the thread that started it ends."""
    who, prefix = account(), []
    if os.geteuid() == 0:
        prefix = ["--reuid", str(who.pw_uid), "--regid", str(who.pw_gid), "--clear-groups"]
    if die:
        prefix += ["--pdeathsig", "QUIT"]
    return [*(["setpriv", *prefix, "--"] if prefix else []), *map(str, command)]


def environment():
    """Nothing of the test's own: no sanitizer's settings, no PG variables, no preloaded libraries."""
    return {"PATH": f"{BIN}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/nonexistent"}


def run(*command, timeout=PATIENCE, **options):
    """A program of PostgreSQL's as the servers' user; what it printed."""
    done = subprocess.run(as_account(*command), env=environment(), cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{pathlib.Path(command[0]).name} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def until(predicate, what):
    end = time.monotonic() + PATIENCE
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.01)


class SqlError(AssertionError):
    """What psql said."""


class Node:
    """A server with its data directory folder/name and its socket in folder/s."""

    def __init__(self, folder, name):
        self.name, self.port = name, free_port()
        self.data, self.sockets = folder / name, folder / "s"
        self.log_path = folder / f"{name}.log"
        self.process = None
        self.prefix = []  # of the command that starts it: another network (nets.py)
        self.frozen = []

    # -- life

    def start(self):
        """Returns when it takes connections, as a primary or as a standby."""
        self.launch()
        self.wait_until_accepting()

    def launch(self):
        assert not self.is_running(), f"{self.name} runs already"
        with open(self.log_path, "ab") as log:
            command = [*self.prefix, *as_account(BIN / "postgres", "-D", self.data, die=True)]
            self.process = subprocess.Popen(command, env=environment(), cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait_until_accepting(self):
        until(self.is_accepting, f"{self.name} to accept connections")

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def is_accepting(self):
        if not self.is_running():
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.log()[-3000:]}")
        return self._state() in ("ready", "standby")

    def is_standby(self):
        return (self.data / "standby.signal").exists()

    def _state(self):
        with contextlib.suppress(OSError, IndexError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return lines[7].strip() if int(lines[0]) == self.process.pid else ""
        return ""

    def stop(self, mode="fast"):
        """fast: connections are closed, the WAL reaches the standby; immediate: as after a crash."""
        if self.is_running():
            self.thaw()
            self.process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "smart": signal.SIGTERM}[mode])
            self.process.wait(PATIENCE)

    def kill(self):
        """kill -9 of the server and of all its processes."""
        if not self.is_running():
            return
        memory = self._shared_memory()
        pids = self.processes()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.frozen = []
        until(lambda: all(state(pid) == "Z" for pid in pids), "the killed processes to be gone")
        if memory:  # a few bytes by which PostgreSQL knows that it runs; nobody else would remove them
            subprocess.run(["ipcrm", "-m", memory], capture_output=True, check=False)

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def processes(self):
        """The server's own pid first, then its children's."""
        pid = self.process.pid
        with contextlib.suppress(OSError):
            return [pid, *map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
        return [pid]

    def freeze(self):
        """SIGSTOP to all of it: its sockets stay open, nothing is answered."""
        os.kill(self.process.pid, signal.SIGSTOP)  # first: it starts no more
        self.frozen = self.processes()
        for pid in self.frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        until(lambda: all(state(pid) in "TZ" for pid in self.frozen), f"{self.name} to stand still")

    def thaw(self):
        for pid in reversed(self.frozen):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.frozen = []

    def promote(self):
        """The standby becomes the primary of a new timeline."""
        run(BIN / "pg_ctl", "promote", "-w", "-D", self.data)

    def kill_backend(self, of="sessiond"):
        """kill -9 of one connection's process: PostgreSQL then restarts itself with everybody else's lost."""
        pid = self.sql(f"SELECT pid FROM pg_stat_activity WHERE usename = '{of}' LIMIT 1", "postgres")
        assert pid, f"{of} has no connection to {self.name}"
        os.kill(int(pid), signal.SIGKILL)

    def terminate_backends(self, of="sessiond"):
        """pg_terminate_backend of all connections of a role; how many."""
        return int(self.sql(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{of}'", "postgres"))

    def _shared_memory(self):
        with contextlib.suppress(OSError, IndexError):
            return (self.data / "postmaster.pid").read_text().splitlines()[6].split()[1]
        return ""

    # -- words

    def psql(self, database):
        return [BIN / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.sockets, "-p", self.port, "-U", account().pw_name,
                "-d", database]

    def sql(self, text, database="sessiond", timeout=PATIENCE):
        """As the administrator, by the socket; rows as lines, columns between "|"."""
        done = subprocess.run(as_account(*self.psql(database), "-f", "-"), input=text, env=environment(), cwd="/", capture_output=True,
                              text=True, timeout=timeout, check=False)
        if done.returncode != 0:
            raise SqlError(done.stderr.strip())
        return done.stdout.strip()

    def ask(self, text, database="sessiond"):
        """The same in the background, for what is not answered: a subprocess.Popen with stdout and stderr."""
        return subprocess.Popen(as_account(*self.psql(database), "-c", text), env=environment(), cwd="/", stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def timeline(self):
        """Of the primary."""
        return int(self.sql("SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)", "postgres"), 16)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def remove(self):
        """Its data directory, before it gets a new one."""
        shutil.rmtree(self.data, ignore_errors=True)


def state(pid):
    """The kernel's letter; Z for one that is gone."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return "Z"
