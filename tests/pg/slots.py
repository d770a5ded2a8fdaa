"""Several shards for tests of sessiondctl store shards, and payments' writes and reads as sessiond makes them: each statement with the
epoch that it knows, in the shard that it believes to have the slot.

A shard is a database: each in a pair of its own, or all in one pair where nothing fails.
"""
import json
import os
import pathlib
import random
import subprocess
import threading
import time

from cluster import PASSWORD
from libpq import Connection, Lost, Refused
from node import PATIENCE, until

BUILD = pathlib.Path(os.environ.get("SES_BUILD", "build-gcc"))
SLOTS = 4096
GONE, OWN, LEAVING = 0, 1, 2
BEAT = "INSERT INTO beat VALUES (decode($1, 'hex'), 1) ON CONFLICT (machine) DO UPDATE SET n = beat.n + 1"


def slot_of(key):
    """Of a key in hex."""
    return int(key[:3], 16)


def key_in(slot, number=0):
    return f"{slot:03x}{number:061x}"


class Shard:
    """conninfo: sessiond's, of all nodes."""

    def __init__(self, pair, number, database="sessiond"):
        self.pair, self.number, self.database = pair, number, database
        self.conninfo = pair.conninfo(dbname=database)

    def make(self):
        """From a database that has the tables of shard 0."""
        self.sql(f"UPDATE shard SET shard = {self.number}; UPDATE slot SET state = {OWN if self.number == 0 else GONE}")
        return self

    def sql(self, text):
        return self.pair.primary.sql(text, self.database)

    def ask(self, text, *parameters):
        """As sessiond's role; what a connection's ask() returns. No program is started for it, as for sql()."""
        conn = self.connect_to_primary()
        try:
            return conn.ask(text, *parameters)
        finally:
            conn.close()

    def connect_to_primary(self):
        """To the server itself, whatever stands before it."""
        return Connection(self.pair.conninfo(dbname=self.database, host="127.0.0.1", port=self.pair.primary.port))

    def connect(self):
        return Connection(f"{self.conninfo} target_session_attrs=read-write connect_timeout=5")

    def states(self):
        """By slots."""
        return [int(state) for state in self.ask("SELECT string_agg(state::text, '' ORDER BY slot) FROM slot")[0][0]]

    def keys(self):
        return set((self.ask("SELECT string_agg(encode(key, 'hex'), ' ') FROM session")[0][0] or "").split())

    def fill(self, count, first=0, last=SLOTS - 1):
        """Rows with random keys, spread over slots: only where there are none."""
        self.sql(f"INSERT INTO session (key, revision, write_id, retain_ms, record) SELECT decode(lpad(to_hex({first} + n % {last - first + 1}), 3, '0')"
                 f" || substr(encode(sha256(n::text::bytea), 'hex'), 4), 'hex'), 1, sha256(n::text::bytea), 9000000000000,"
                 f" decode(repeat(md5(n::text), 12), 'hex') FROM generate_series(1, {count}) n ON CONFLICT DO NOTHING")

    def beat(self, machine):
        self.ask(BEAT, machine)


def let_in(pair):
    """sessiond's role into every database: the reference lets it into one alone."""
    for server in pair.nodes:
        with open(server.data / "pg_hba.conf", "a", encoding="ascii") as file:
            file.write(f"{'hostssl' if pair.tls else 'host'} all sessiond 127.0.0.1/32 scram-sha-256\n")
        server.sql("SELECT pg_reload_conf()", "postgres")


def in_one_pair(pair, count):
    """Shards that are databases of one pair."""
    let_in(pair)
    shards = [Shard(pair, 0)]
    for number in range(1, count):
        pair.primary.sql(f"CREATE DATABASE shard_{number} TEMPLATE sessiond", "postgres")
        shards.append(Shard(pair, number, f"shard_{number}"))
    return [shard.make() for shard in shards]


class Operator:
    """sessiondctl with a configuration of these shards, in a folder."""

    def __init__(self, folder, shards, lines=""):
        self.folder, self.shards = pathlib.Path(folder), shards
        self.config = self.folder / "sessiond.yaml"
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n")
        password.chmod(0o600)
        strings = ", ".join(f'"{shard.pair.conninfo(dbname=shard.database, password=None)}"' for shard in shards)
        self.config.write_text(f"store:\n  driver: pg\n{lines}  pg:\n    shards: [{strings}]\n    password_file: {password}\n")

    def command(self, *words):
        return [str(BUILD / "sessiondctl"), "--data", str(self.folder), "store", "shards", *map(str, words), "-c", str(self.config)]

    def run(self, *words):
        return subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def start(self, *words):
        return subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def status(self):
        """(exit code, what it tells)."""
        done = self.run("status", "--json")
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


def settled(shards):
    """Whether each slot has one owner, none is on its way, and no row lies where its slot is not; a sentence if not."""
    states = [shard.states() for shard in shards]
    for slot, said in enumerate(zip(*states)):
        if sorted(said) != [GONE] * (len(shards) - 1) + [OWN]:
            return f"slot {slot}: {list(said)}"
    for shard, state in zip(shards, states):
        strays = [key for key in shard.keys() if state[slot_of(key)] != OWN]
        if strays:
            return f"shard {shard.number} has {len(strays)} rows of slots that are not its own, as {strays[0]}"
    return ""


class Load:
    """Threads that change keys of their own and read everybody's, and what they have learnt.

    A version is the row's revision: 1, 2, .. A write is acknowledged when its statement was; one whose answer is lost is made again as it
    was, which does no harm. Reads must find what was acknowledged before they began.
    """

    def __init__(self, shards, keys, threads=3, seed=1):
        self.shards = shards
        self.acknowledged = {key: 0 for key in keys}
        self.wrong = []
        self.writes = self.reads = self.refused = 0
        self.longest_s = 0.0
        self.ended = threading.Event()
        mine = [list(keys)[number::threads] for number in range(threads)]
        self.threads = [threading.Thread(target=self._write, args=(mine[number], random.Random(seed + number)), daemon=True)
                        for number in range(threads)]
        self.threads.append(threading.Thread(target=self._read, args=(random.Random(seed),), daemon=True))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        until(lambda: self.writes > len(self.threads), "the first writes")
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a thread of the load hangs"

    def more(self, count=50):
        """Waits until so many further writes and reads are acknowledged."""
        writes, reads = self.writes + count, self.reads + count
        until(lambda: (self.writes >= writes and self.reads >= reads) or self.wrong, "the load to go on")

    def judge(self):
        """What was acknowledged and is not there; [] if nothing. All that went wrong meanwhile too."""
        found = {}
        for shard in self.shards:
            states = shard.states()
            for line in shard.sql("SELECT encode(key, 'hex'), revision FROM session").splitlines():
                key, revision = line.split("|")
                if states[slot_of(key)] == OWN:
                    found[key] = int(revision)
        lost = [f"{key}: {version} was acknowledged, {found.get(key, 0)} is there" for key, version in self.acknowledged.items()
                if found.get(key, 0) < version]
        return self.wrong + lost

    def _write(self, keys, chance):
        view = View(self.shards)
        while not self.ended.is_set():
            key = chance.choice(keys)
            began = time.monotonic()
            self._change(view, key)
            self.longest_s = max(self.longest_s, time.monotonic() - began)
        view.close()

    def _change(self, view, key):
        """Until it is acknowledged: nobody else writes that key, so what is found one version on is this write's own."""
        version = self.acknowledged[key]
        while not self.ended.is_set():
            done = view.at_owner(key, lambda conn, epoch: self._try_change(conn, epoch, key, version))
            if done:
                self.acknowledged[key] = version + 1
                self.writes += 1
                return
            self.refused += 1
            time.sleep(0.002)

    def _try_change(self, conn, epoch, key, version):
        body = f"{version + 1:08x}" * 40
        if version == 0:
            text = ("INSERT INTO session (key, revision, write_id, retain_ms, record) SELECT decode($1, 'hex'), 1, decode($3, 'hex'), 9000000000000,"
                    " decode($4, 'hex') WHERE (SELECT epoch FROM shard) = $2::int8 AND $5::int4 = 0 ON CONFLICT DO NOTHING")
        else:
            text = ("UPDATE session SET revision = $5::int4 + 1, write_id = decode($3, 'hex'), parent_id = write_id, record = decode($4, 'hex')"
                    " WHERE key = decode($1, 'hex') AND revision = $5::int4 AND (SELECT epoch FROM shard) = $2::int8")
        if conn.ask(text, key, epoch, body[:48], body, version) == 1:
            return True
        rows = conn.ask("SELECT s.revision, (SELECT epoch FROM shard) FROM session s WHERE key = decode($1, 'hex')", key)
        if not rows or int(rows[0][1]) != epoch:
            return False
        if int(rows[0][0]) < version:
            self.wrong.append(f"{key}: {version} was acknowledged, its writer finds {rows[0][0]}")
        # A write's own outcome is sure only once something behind it on this connection is acknowledged too.
        return int(rows[0][0]) == version + 1 and conn.ask("UPDATE shard SET epoch = epoch WHERE epoch = $1::int8", epoch) == 1

    def _read(self, chance):
        view, keys = View(self.shards), list(self.acknowledged)
        while not self.ended.is_set():
            key = chance.choice(keys)
            least = self.acknowledged[key]
            got = view.at_owner(key, lambda conn, epoch, key=key: self._try_read(conn, epoch, key))
            if got is None or got is False:
                time.sleep(0.002)
            elif got < least:
                self.wrong.append(f"{key}: {least} was acknowledged before a read that says {got}")
            else:
                self.reads += 1
        view.close()

    def _try_read(self, conn, epoch, key):
        rows = conn.ask("SELECT (SELECT epoch FROM shard), (SELECT revision FROM session WHERE key = decode($1, 'hex'))", key)
        return int(rows[0][1] or 0) if int(rows[0][0]) == epoch else None


class View:
    """What one client knows of the shards: connections, epochs, owners."""

    def __init__(self, shards):
        self.shards, self.conns, self.maps = shards, {}, {}

    def at_owner(self, key, what):
        """what(connection, epoch) at the shard that is believed to own the key; False where that is none, or could not be asked."""
        slot = slot_of(key)
        try:
            for number, shard in enumerate(self.shards):
                self._know(number, shard)
                epoch, states = self.maps[number]
                if states[slot] == str(OWN):
                    done = what(self.conns[number], epoch)
                    if done is False or done is None:
                        self.maps.clear()
                    return done
            self.maps.clear()
            return False
        except (Lost, Refused):
            self.close()
            return False

    def _know(self, number, shard):
        """A connection begins with a write that has to be acknowledged, as sessiond's do."""
        if number not in self.conns:
            self.conns[number] = shard.connect()
            self.conns[number].ask("UPDATE shard SET epoch = epoch")
        if number not in self.maps:
            rows = self.conns[number].ask("SELECT epoch, (SELECT string_agg(state::text, '' ORDER BY slot) FROM slot) FROM shard")
            self.maps[number] = (int(rows[0][0]), rows[0][1])

    def close(self):
        for conn in self.conns.values():
            conn.close()
        self.conns, self.maps = {}, {}
