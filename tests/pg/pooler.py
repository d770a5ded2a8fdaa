"""Debian's pgbouncer in front of one node of a pair, as deploy/RUNBOOK.md ("A pooler") sets it up: TLS on both sides, SCRAM."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess

from cluster import PASSWORD
from node import PATIENCE, account, as_account, environment, free_port, until

PROGRAM = "/usr/sbin/pgbouncer"


def missing():
    """Why there is no pooler here; "" if there is one."""
    return "" if os.path.exists(PROGRAM) else "pgbouncer is not installed (Debian's package of that name)"


class Pooler:
    """mode: pool_mode. It ends with the pair's folder at the latest; close() before."""

    def __init__(self, pair, node, mode):
        self.pair, self.node, self.port, self.mode = pair, node, free_port(), mode
        self.place = pathlib.Path(pair.folder) / f"pooler-{self.port}"
        self.log_path = self.place / "log"
        self.process = None
        self.place.mkdir()
        (self.place / "users").write_text(f'"sessiond" "{PASSWORD}"\n')
        self._own(self.place / "users")
        self._own(self.place)

    def _own(self, path):
        os.chown(path, account().pw_uid, account().pw_gid)

    def _settings(self):
        folder = self.pair.folder
        return {"listen_addr": "127.0.0.1", "listen_port": self.port, "unix_socket_dir": "", "pool_mode": self.mode,
                "auth_type": "scram-sha-256", "auth_file": self.place / "users", "pidfile": self.place / "pid",
                "client_tls_sslmode": "require", "client_tls_cert_file": folder / "server.pem", "client_tls_key_file": folder / "server.key",
                "server_tls_sslmode": "verify-full", "server_tls_ca_file": folder / "ca.pem",
                # As many as all machines have connections, or a heartbeat waits for a place.
                "default_pool_size": 30, "max_client_conn": 100,
                # After a node was away; 15 s unless set.
                "server_login_retry": 1}

    def start(self):
        lines = "".join(f"{name} = {value}\n" for name, value in self._settings().items())
        (self.place / "ini").write_text(f"[databases]\nsessiond = host=127.0.0.1 port={self.pair.port(self.node)} dbname=sessiond\n"
                                        f"[pgbouncer]\n{lines}")
        self._own(self.place / "ini")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(as_account(PROGRAM, self.place / "ini", die=True), env=environment(), cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self._listens, "the pooler to listen")
        return self

    def _listens(self):
        if self.process.poll() is not None:
            raise AssertionError(f"pgbouncer ended with {self.process.returncode}: {self.log_path.read_text()[-2000:]}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        return False

    def point_at(self, node):
        """What a failover script does: the same address leads to the other node, for connections of servers that begin from now on."""
        self.node = node
        path = self.place / "ini"
        head, _, rest = path.read_text().partition(" port=")
        path.write_text(f"{head} port={self.pair.port(node)} {rest.partition(' ')[2]}")
        self.process.send_signal(signal.SIGHUP)

    def restart(self, mode):
        self.stop()
        self.mode = mode
        self.start()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)  # immediate
            self.process.wait(PATIENCE)

    def close(self):
        self.stop()
        shutil.rmtree(self.place, ignore_errors=True)
