"""A pair of PostgreSQL servers for tests: primary, synchronous standby, sessiond's schema and role, TLS, relays in front.

The configuration is deploy/pg's own, with paths, addresses and sizes replaced. What takes time (initdb, base backup, certificates)
is made once for a build directory, and copied.
"""
import atexit
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import node as server
from node import BIN, Node, account, until
from relay import Relay

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "integration"))
from certificates import Pair, server_pair  # noqa: E402

REFERENCE = SOURCE / "deploy" / "pg"
BUILD = os.environ.get("SES_BUILD", "build-gcc")
NAMES = ("sessiond_a", "sessiond_b")
MADE = (*NAMES, "ca.pem", "server.pem", "server.key")
PASSWORD, REPLICATOR_PASSWORD = "tests-only", "tests-only-too"
CONNECTIONS = 40
SOCKET_PATH_MAX = 107
MEMORY_MIN = 2 << 30
ABANDONED_S = 3600  # younger folders may not be locked yet
# Sizes of a test. fsync: what is killed here is a process and not the machine, and what it has written the kernel keeps.
SIZES = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "effective_cache_size": "64MB", "maintenance_work_mem": "16MB",
         "max_connections": "60", "max_wal_size": "128MB", "min_wal_size": "8MB", "wal_keep_size": "64MB", "dynamic_shared_memory_type": "mmap",
         "wal_retrieve_retry_interval": "100ms", "log_checkpoints": "off"}
SEGMENT_MB = 4


def schema_text(build, shard=0):
    """As an operator gets it."""
    done = subprocess.run([pathlib.Path(build) / "sessiondctl", "store", "schema", "--shard", str(shard)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"sessiondctl store schema ended with {done.returncode}: {done.stderr}"
    return done.stdout


def _place():
    """The temporary folder. Memory if there is room, as nobody said otherwise: a pair's 2,600 files are copied there in a tenth of the time."""
    memory = pathlib.Path("/dev/shm")
    with contextlib.suppress(OSError):
        space = os.statvfs(memory)
        if "TMPDIR" not in os.environ and os.access(memory, os.W_OK) and space.f_bavail * space.f_frsize > MEMORY_MIN:
            return memory
    return pathlib.Path(tempfile.gettempdir())


def _lock(path, how):
    file = open(path, "w", encoding="ascii")
    try:
        fcntl.flock(file, how)
    except OSError:
        file.close()
        return None
    return file


def _own_folder():
    """A new folder, and its lock, which a process that is killed gives back: then whoever comes by removes the folder."""
    place = _place()
    for old in place.glob("sessiond-pg-*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > ABANDONED_S:
                lock = _lock(old / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
                if lock is not None:
                    shutil.rmtree(old, ignore_errors=True)
                    lock.close()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-pg-", dir=place))
    return folder, _lock(folder / "lock", fcntl.LOCK_EX)


class Cluster:
    """with Cluster() as pair: ..  primary and standby run, the schema and the role are there.

    build: whose sessiondctl prints the schema, and where what is made once is kept, unless kept is False.  tls: False lets clients in without it, for measurements.
    settings: of postgresql.conf, over SIZES.  relays: False leaves them out: ports are the servers' own.  network: each server is in a
    namespace of it (nets.py); without relays.
    """

    def __init__(self, build=BUILD, kept=True, tls=True, settings=None, relays=True, network=None):
        self.build, self.kept, self.tls = pathlib.Path(build), kept, tls
        self.settings = {**SIZES, **(settings or {})}
        self.folder, self.lock = _own_folder()
        atexit.register(self.close)
        self.nodes = [Node(self.folder, name) for name in NAMES]
        self.primary, self.standby = self.nodes
        self.clients, self.peers, self.network = {}, {}, network
        for number, node in enumerate(self.nodes):
            node.prefix = network.prefix(number) if network else []
        if relays:
            self.clients = {node: Relay(node.port) for node in self.nodes}
            self.peers = {node: Relay(node.port) for node in self.nodes}
        self._give(self.folder)
        (self.folder / "s").mkdir()
        self._give(self.folder / "s")
        path = self.folder / "s" / ".s.PGSQL.65535"
        assert len(str(path)) <= SOCKET_PATH_MAX, f"TMPDIR is too long for a socket below it: {path}"

    def start(self):
        template = self._template()
        for name in MADE:
            os.rename(template / name, self.folder / name)
        self._configure()
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_until_accepting()
        self.wait_for_standby()
        return self

    # -- addresses

    def port(self, node):
        """Where clients find a node: its relay, if it has one."""
        return self.clients[node].port if node in self.clients else node.port

    def conninfo(self, **changes):
        """sessiond's connection string, both nodes in it; changes over it, None leaves a word out."""
        ports = ",".join(str(self.port(node)) for node in self.nodes)
        words = {"host": "127.0.0.1,127.0.0.1", "port": ports, "dbname": "sessiond", "user": "sessiond", "password": PASSWORD}
        words.update({"sslmode": "verify-full", "sslrootcert": self.folder / "ca.pem"} if self.tls else {"sslmode": "disable"})
        if self.network:
            words["hostaddr"] = self.hostaddr(0)
        words.update(changes)
        return " ".join(f"{name}={value}" for name, value in words.items() if value is not None)

    def hostaddr(self, machine):
        """Where that machine finds the servers of a network."""
        return ",".join(self.network.address(number, machine) for number in range(len(self.nodes)))

    def relay(self, node):
        """In front of a node, for clients."""
        return self.clients[node]

    def standby_link(self):
        """Between the standby and the primary that it follows."""
        return self.peers[self.primary]

    # -- what happens to it

    def wait_for_standby(self):
        """Until commits are answered."""
        until(lambda: self.primary.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "postgres") == "1", "the standby")

    def alone(self, node=None):
        """That node acknowledges writes without a standby: what an operator may decide when the other one is lost."""
        node = node or self.primary
        self.set(node, synchronous_standby_names="")

    def strict(self, node=None):
        node = node or self.primary
        node.sql("ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()", "postgres")

    def set(self, node, **settings):
        """Settings that need no restart, of a running primary or standby."""
        for name, value in settings.items():
            node.sql(f"ALTER SYSTEM SET {name} = '{value}'", "postgres")
        node.sql("SELECT pg_reload_conf()", "postgres")

    def promote(self, alone=True):
        """The standby becomes the primary. alone: and acknowledges writes without another; else they wait for rejoin()."""
        if alone:
            self.alone(self.standby)
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary

    def fail_over(self, alone=True):
        """kill -9 of the primary, and the standby takes over."""
        self.primary.kill()
        self.promote(alone)

    def rejoin(self):
        """The node that is not the primary comes back as its standby, from a new base backup."""
        node = self.standby
        node.stop("immediate")
        node.remove()
        self._base_backup(node, self.primary)
        self._configure()
        node.start()
        self.strict()
        self.wait_for_standby()

    def open_databases(self):
        """The reference lets sessiond's role into no other database than its own: into any."""
        for node in self.nodes:
            with open(node.data / "pg_hba.conf", "a", encoding="ascii") as file:
                file.write("host all sessiond 127.0.0.1/32 scram-sha-256\n")
            node.sql("SELECT pg_reload_conf()", "postgres")

    def add_shard(self, name, shard):
        """A database beside the schema's own."""
        self.open_databases()
        self.primary.sql(f"CREATE DATABASE {name}", "postgres")
        self.primary.sql(schema_text(self.build, shard), name)

    def close(self):
        atexit.unregister(self.close)
        for node in self.nodes:
            node.stop("immediate")
        for relay in [*self.clients.values(), *self.peers.values()]:
            relay.close()
        self.clients, self.peers = {}, {}
        shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.close()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    # -- making

    def _give(self, path):
        who = account()
        os.chown(path, who.pw_uid, who.pw_gid)

    def _configure(self):
        """deploy/pg's files and what is replaced of them, for both nodes."""
        own = (REFERENCE / "pg_hba.conf").read_text()
        if not self.network:
            own = own.replace("10.0.0.0/8", "127.0.0.1/32")
        for node in self.nodes:
            if node.data.exists():
                self._write(node.data / "reference.conf", (REFERENCE / "postgresql.conf").read_text())
                self._write(node.data / "pg_hba.conf", own if self.tls else own.replace("hostssl", "host   "))
                self._write(node.data / "node.conf", "".join(f"{name} = '{value}'\n" for name, value in self._own(node).items()))
                self._write(node.data / "postgresql.conf", "include 'reference.conf'\ninclude 'node.conf'\n")

    def _own(self, node):
        return {**self.settings, "port": node.port, "listen_addresses": "*" if self.network else "127.0.0.1", "unix_socket_directories": node.sockets,
                "ssl_cert_file": self.folder / "server.pem", "ssl_key_file": self.folder / "server.key", "cluster_name": node.name,
                "primary_conninfo": self._follow(self.nodes[1 - self.nodes.index(node)])}

    def _follow(self, node):
        port = self.peers[node].port if self.peers else node.port
        encryption = f"sslmode=verify-full sslrootcert={self.folder / 'ca.pem'}" if self.tls else "sslmode=disable"
        address = f"hostaddr={self.network.address(self.nodes.index(node))} " if self.network else ""
        return f"host=127.0.0.1 {address}port={port} user=replicator password={REPLICATOR_PASSWORD} {encryption}"

    def _write(self, path, text):
        path.write_text(text)
        self._give(path)

    def _base_backup(self, node, source):
        """As the runbook makes it: over the network, by the standby's role."""
        server.run(BIN / "pg_basebackup", "-d", self._follow(source), "-D", node.data, "-X", "stream", "-c", "fast", "--no-sync")
        self._write(node.data / "standby.signal", "")
        self._write(node.data / "postgresql.auto.conf", "")  # what the other one was told for a while

    def _template(self):
        if not self.kept:
            return self._make(self.folder / "template")
        kept = self.build / "pg-template"
        kept.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256("\0".join([self._everything(), str(account().pw_uid)]).encode()).hexdigest()[:16]
        lock = _lock(kept / "lock", fcntl.LOCK_SH)  # who makes a new one waits for those who copy
        if not (kept / name).exists():
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (kept / name).exists():
                for old in kept.iterdir():
                    if old.is_dir():
                        shutil.rmtree(old)
                made = self._make(self.folder / "template")
                _copy(made, kept / "new")
                os.rename(kept / "new", kept / name)
                shutil.rmtree(made)
            fcntl.flock(lock, fcntl.LOCK_SH)
        _copy(kept / name, self.folder / "template")
        lock.close()
        return self.folder / "template"

    def _everything(self):
        """What a kept template hangs on."""
        files = [*sorted(REFERENCE.iterdir()), *sorted(pathlib.Path(__file__).parent.glob("*.py"))]
        return "\0".join([str(SEGMENT_MB), schema_text(self.build), server.run(BIN / "postgres", "--version"),
                          *(file.read_text() for file in files)])

    def _make(self, place):
        """Data directories of both nodes, shut down, and certificates."""
        ca = Pair(self.folder, "ca", authority=True, days=3650)
        server_pair(self.folder, issuer=ca, days=3650)
        for name in ("ca.pem", "server.pem", "server.key"):
            self._give(self.folder / name)
        first, second = self.nodes
        server.run(BIN / "initdb", "-D", first.data, "-E", "UTF8", "--locale=C.UTF-8", "--auth=peer", "--data-checksums", "--no-sync",
                   f"--wal-segsize={SEGMENT_MB}")
        self._configure()
        self._write(first.data / "postgresql.auto.conf", "synchronous_standby_names = ''\n")
        first.start()
        self._fill(first)
        self._base_backup(second, first)
        self._configure()
        second.start()
        first.sql("ALTER SYSTEM RESET ALL; SELECT pg_reload_conf(); CREATE TABLE awaited (); DROP TABLE awaited", "postgres")
        first.stop()
        second.stop()
        place.mkdir()
        for name in MADE:
            os.rename(self.folder / name, place / name)
        return place

    def _fill(self, node):
        node.sql("CREATE DATABASE sessiond", "postgres")
        node.sql(schema_text(self.build))
        variables = {"password": PASSWORD, "replicator_password": REPLICATOR_PASSWORD, "connections": CONNECTIONS}
        node.sql("".join(f"\\set {name} '{value}'\n" for name, value in variables.items()) + (REFERENCE / "role.sql").read_text())


def _copy(source, target):
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)
