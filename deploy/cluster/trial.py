"""A pair of PostgreSQL servers and two sessiond (deploy/cluster.sh says what for).

    trial.py [--once] BUILD
"""
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "pg"))
import control  # noqa: E402
import node  # noqa: E402
from cluster import PASSWORD, Cluster  # noqa: E402
from node import free_port  # noqa: E402
from payments import Client  # noqa: E402

READY_SECONDS = 120
STOP_SECONDS = 120
THREADS, PAYMENTS = 8, 25  # a thread
KILL_AFTER = 200  # acknowledged calls


class Machine:
    """One sessiond. keys: the data directory of a machine whose keys it is to have; None: it makes its own."""

    def __init__(self, build, folder, name, pair, keys=None):
        self.folder, self.log = folder / name, folder / f"{name}.log"
        self.port, self.admin = free_port(), free_port()
        self.data = self.folder / "data"
        self.folder.mkdir(mode=0o700)
        self.data.mkdir(mode=0o700)
        if keys is not None:
            shutil.copytree(keys / "keys", self.data / "keys", ignore=shutil.ignore_patterns(".*"))  # what is just being written
        self._configure(pair)
        # It ends with us, however we end.
        command = ["setpriv", "--pdeathsig", "TERM", "--", build / "sessiond", "--sandbox", "--listen", f"127.0.0.1:{self.port}", "--admin",
                   f"127.0.0.1:{self.admin}", "--data", self.data, "--config", self.folder / "sessiond.yaml"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _configure(self, pair):
        authority, password = self.folder / "db-ca.pem", self.folder / "db-password"
        shutil.copyfile(pair.folder / "ca.pem", authority)
        password.touch(0o600)
        password.write_text(PASSWORD + "\n")
        (self.folder / "sessiond.yaml").write_text(
            "store:\n  driver: pg\n  pg:\n"
            f"    shards: [\"{pair.conninfo(password=None, sslrootcert=authority)}\"]\n"
            f"    password_file: {password}\n")

    def wait_until_ready(self):
        end = time.monotonic() + READY_SECONDS
        while True:
            if self.process.poll() is not None:
                sys.exit(f"cluster: sessiond ended with {self.process.returncode}; its last words: {self.last_words()}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/readyz", timeout=READY_SECONDS):
                    return
            except (OSError, urllib.error.HTTPError) as error:
                if time.monotonic() > end:
                    sys.exit(f"cluster: sessiond is not ready after {READY_SECONDS} s ({error}); its last words: {self.last_words()}")
            time.sleep(0.05)

    def last_words(self):
        return "".join(self.log.read_text(errors="replace").splitlines(True)[-5:])

    def stop(self):
        """Its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


def fail_over(pair, client):
    """Amidst the payments: the primary is killed, the standby takes over, the killed node comes back as its standby. Until then
    nothing is acknowledged: a write waits for two disks."""
    print(f"== kill -9 of the primary ({pair.primary.name}) after {client.acknowledged} acknowledged calls")
    pair.primary.kill()
    pair.promote(alone=False)
    print(f"== {pair.primary.name} is promoted, timeline {pair.primary.timeline()}; {pair.standby.name} joins it from a new base backup")
    pair.rejoin()
    print("== the pair is whole again")


def once(pair, machines):
    """The exit code."""
    client = Client([("127.0.0.1", machine.port) for machine in machines])
    print(f"== {THREADS * PAYMENTS} payments, each call at the other machine than the one before")
    troubles = client.play_around(lambda: fail_over(pair, client), THREADS, PAYMENTS, KILL_AFTER)
    for trouble in troubles:
        print(f"cluster: {trouble}", file=sys.stderr)
    rows = pair.primary.sql("SELECT count(*) FROM session")
    print(f"== {client.acknowledged} calls acknowledged ({client.repeated} repeated), all looked for at both machines: {rows} sessions in the database, "
          f"{len(troubles)} troubles")
    return 1 if troubles else 0


def attend(pair, machines):
    """Until a signal: obeys what is typed."""
    print("\nTwo machines, one set of sessions:")
    for machine in machines:
        print(f"  sessiond http://127.0.0.1:{machine.port} , status page and metrics http://127.0.0.1:{machine.admin}/ , log {machine.log}")
    print(f"The database, as its administrator: {' '.join(map(str, node.as_account(*pair.primary.psql('sessiond'))))}\n"
          "Type: fail_over (then rejoin), freeze primary, thaw primary, link stall, link flow, terminate, sql primary SELECT ..; Ctrl-C stops everything.")
    sys.stdout.flush()
    for line in sys.stdin:
        if line.strip():
            try:
                value = control.obey(pair, line.strip())
                print("done" if value is None else value)
            except (AssertionError, ValueError, KeyError, AttributeError, TypeError) as error:
                print(f"no: {error}")
            sys.stdout.flush()
    signal.pause()


def main(args):
    build = pathlib.Path(args[-1]).resolve()
    why = node.missing()
    if why:
        sys.exit(f"cluster: {why}")
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda seen, _: sys.exit(128 + seen))
    folder, machines, status = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-machines-")), [], 1
    keep = "--once" in args  # the logs, if it fails
    try:
        print("== starting a primary and its synchronous standby")
        with Cluster(build=build) as pair:
            try:
                print("== starting two sessiond; the second one gets the keys of the first")
                machines.append(Machine(build, folder, "first", pair))
                machines[0].wait_until_ready()
                machines.append(Machine(build, folder, "second", pair, keys=machines[0].data))
                machines[1].wait_until_ready()
                status = once(pair, machines) if "--once" in args else attend(pair, machines)
            finally:
                ends = [machine.stop() for machine in machines]
        if status == 0 and any(ends):
            sys.exit(f"cluster: sessiond ended with {ends}, and not with 0; logs in {folder}")
        keep = status != 0
        if not keep:
            print("== nothing was lost")
        return status
    finally:
        if keep and machines:
            print(f"cluster: logs are in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
