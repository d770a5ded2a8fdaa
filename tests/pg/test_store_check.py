"""sessiondctl store schema and store check on a real pair: what they print is what psql takes, and each thing that can be wrong is told."""
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import time
import unittest

import node
from cluster import PASSWORD
from harness import Server, has_test_hooks
from pg_case import PgCase, needs_servers

BUILD = pathlib.Path(os.environ["SES_BUILD"])
# What the tests' cluster leaves out to be quick, put back where it needs no restart.
SOUND = {"fsync": "on", "full_page_writes": "on", "max_wal_size": "4GB", "log_min_duration_statement": "-1"}


def ctl(*args, **env):
    return subprocess.run([BUILD / "sessiondctl", *map(str, args)], env=dict(os.environ, **env), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=node.PATIENCE, check=False)


class SchemaUsageTest(unittest.TestCase):
    def test_what_is_asked_wrongly(self):
        for args in (("--shard", "x"), ("--shard", "64"), ("--shard", "-1"), ("--shard", "1x"), ("--role", "a'b"), ("--role", 'a"b'),
                     ("--role", "$x"), ("--role", "r" * 64)):
            done = ctl("store", "schema", *args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertRegex(done.stderr, "^sessiondctl: --(shard|role): ")

    def test_shard_and_role_are_in_it(self):
        text = ctl("store", "schema", "--shard", "63", "--role", "r" * 63).stdout
        self.assertIn("VALUES (1, 63, 1)", text)
        self.assertNotIn("sessiond\"", text)


@needs_servers
class SchemaTest(PgCase):
    cluster_options = {"relays": False}

    def columns(self, database="sessiond"):
        return self.pair.primary.sql("SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
                                     "WHERE table_schema = 'public' ORDER BY 1, 2", database)

    def test_again_changes_nothing(self):
        """On a database that is used; and another shard's is refused as a whole."""
        before = self.columns()
        self.pair.primary.sql("UPDATE shard SET epoch = 7; INSERT INTO beat VALUES ('m', 1)")
        self.pair.primary.sql(ctl("store", "schema").stdout)
        self.assertEqual(self.columns(), before)
        self.assertEqual(self.pair.primary.sql("SELECT format, shard, epoch FROM shard"), "1|0|7")
        self.assertEqual(self.pair.primary.sql("SELECT count(*), min(state) FROM slot"), "4096|1")
        with self.assertRaisesRegex(node.SqlError, "another shard"):
            self.pair.primary.sql(ctl("store", "schema", "--shard", "1").stdout)

    def test_tables_of_an_earlier_version_get_what_came_later(self):
        """While machines of both versions serve."""
        before = self.columns()
        self.pair.primary.sql("ALTER TABLE beat DROP COLUMN watched_until")
        self.pair.primary.sql(ctl("store", "schema").stdout)
        self.assertEqual(self.columns(), before)

    def test_it_does_not_wait_for_a_lock(self):
        """Behind a transaction that has the table it would hold up everybody who comes later."""
        self.pair.primary.sql("ALTER TABLE session ALTER record SET STORAGE EXTENDED")
        holder = self.pair.primary.ask("BEGIN; LOCK TABLE session IN ACCESS SHARE MODE; SELECT pg_sleep(120)")
        node.until(lambda: self.pair.primary.sql("SELECT count(*) FROM pg_locks WHERE relation = 'session'::regclass") != "0", "the lock")
        with self.assertRaisesRegex(node.SqlError, "lock timeout"):
            self.pair.primary.sql(ctl("store", "schema").stdout)
        holder.kill()
        holder.communicate()

    def test_the_role_may_change_rows_and_nothing_else(self):
        for sql in ("INSERT INTO session (key, revision, write_id, retain_ms) VALUES ('k', 1, 'w', 0)", "UPDATE session SET revision = 2",
                    "SELECT * FROM session", "DELETE FROM session", "INSERT INTO beat VALUES ('m', 1)", "UPDATE shard SET fingerprints = NULL",
                    "SELECT * FROM slot"):
            self.assertEqual(self.client(sql)[0], 0, sql)
        for sql in ("CREATE TABLE more ()", "DROP TABLE session", "ALTER TABLE session ADD more int", "TRUNCATE session", "CREATE INDEX ON session (revision)",
                    "DELETE FROM shard", "INSERT INTO slot VALUES (5000, 1)", "CREATE SCHEMA more", "SET ROLE postgres", "CREATE ROLE more"):
            code, _, complaint = self.client(sql)
            self.assertNotEqual(code, 0, sql)
            self.assertRegex(complaint, "permission denied|must be owner", sql)

    def test_another_schema_and_role(self):
        """Tables in a schema of their own, found by the role through its search_path; two shards on one server, which begin
        without a slot: all are shard 0's."""
        primary = self.pair.primary
        for shard in (1, 2):
            primary.sql(f"CREATE DATABASE more{shard}", "postgres")
            primary.sql(f"CREATE SCHEMA pay; ALTER DATABASE more{shard} SET search_path = pay", f"more{shard}")
            primary.sql(ctl("store", "schema", "--shard", shard, "--role", "pay.role@x").stdout, f"more{shard}")
            self.assertEqual(primary.sql("SET ROLE \"pay.role@x\"; SET search_path = pay; SELECT shard FROM shard", f"more{shard}"), str(shard))
            self.assertEqual(primary.sql("SELECT count(*), max(state) FROM pay.slot", f"more{shard}"), "4096|0")


@needs_servers
class CheckTest(PgCase):
    cluster_options = {"settings": SOUND, "relays": False}

    def check(self, *args, code=None, env=None, **changes):
        """The findings that are not fine, as {what: [(level, text, remedy)]}; all of them in self.fine too."""
        env = {"PGPASSWORD": PASSWORD, **(env or {})}
        done = ctl("--data", "/nowhere", "store", "check", "--json", "--shard", self.pair.conninfo(password=None, **changes), *args, **env)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        told = json.loads(done.stdout)
        wrong = [finding for finding in told["findings"] if finding["level"] == "wrong"]
        self.assertEqual(done.returncode, 1 if wrong else 0)
        self.assertEqual(told["wrong"], len(wrong))
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout)
        self.fine = {finding["what"] for finding in told["findings"] if finding["level"] == "fine"}
        found = {}
        for finding in told["findings"]:
            if finding["level"] != "fine":
                self.assertTrue(finding["remedy"], finding)
                found.setdefault(finding["what"], []).append((finding["level"], finding["text"], finding["remedy"]))
        return found

    def expect(self, what, level, text, *args, **changes):
        found = self.check(*args, **changes)
        self.assertTrue([one for one in found.get(what, []) if one[0] == level and re.search(text, one[1])], found)
        return found

    def admin(self, sql, database="sessiond"):
        return self.pair.primary.sql(sql, database)

    def test_a_sound_pair(self):
        """Nothing wrong, no hints, and each thing was looked at; as text it is a line each."""
        self.assertEqual(self.check(code=0), {})
        self.assertEqual(self.fine, {"tls", "version", "clock", "primary", "standby", "storage", "format", "slots", "rights", "role",
                                     "connections", "durability", "settings"})
        done = ctl("--data", "/nowhere", "store", "check", "--shard", self.pair.conninfo(password=None), PGPASSWORD=PASSWORD)
        self.assertEqual(done.returncode, 0)
        for line in done.stdout.splitlines()[:-1]:
            self.assertRegex(line, r"^fine   shard 0  \w+: \S")
        self.assertRegex(done.stdout.splitlines()[-1], "^0 wrong, 0 hints, [0-9]+ fine$")
        self.assertIn("keys are not compared", done.stderr)

    def test_nodes(self):
        self.expect("node", "wrong", "Connection refused", port=f"{self.pair.primary.port},1")
        self.expect("primary", "wrong", "none of the nodes", host="127.0.0.1", port=self.pair.standby.port)
        self.expect("node", "hint", "names one node", host="127.0.0.1", port=self.pair.primary.port)
        self.expect("tls", "wrong", "whoever stands in between", sslmode="require")
        self.expect("node", "wrong", "certificate|root", sslrootcert=self.pair.folder / "none.pem")
        self.expect("node", "wrong", "no pg_hba.conf entry|database", dbname="nowhere")
        self.expect("node", "wrong", "password authentication failed|no pg_hba.conf entry", user="nobody")

    def test_what_is_no_connection_string(self):
        for text, why in ((self.pair.conninfo(), "password"), ("dbname=x user=y", "host"), ("gibberish", "does not parse")):
            done = ctl("store", "check", "--shard", text)
            self.assertEqual(done.returncode, 1)
            self.assertIn(why, done.stderr)
            self.assertNotIn(PASSWORD, done.stderr + done.stdout)

    def test_a_node_that_does_not_answer(self):
        self.pair.standby.freeze()
        self.expect("node", "wrong", "no answer within")
        self.pair.standby.thaw()

    def test_role(self):
        for sql, text, back in (
                ("ALTER ROLE sessiond SUPERUSER", "is a superuser", "ALTER ROLE sessiond NOSUPERUSER"),
                ("ALTER ROLE sessiond CREATEDB", "may make databases", "ALTER ROLE sessiond NOCREATEDB"),
                ("ALTER ROLE sessiond CREATEROLE", "may make and change roles", "ALTER ROLE sessiond NOCREATEROLE"),
                ("ALTER ROLE sessiond REPLICATION", "may copy the whole", "ALTER ROLE sessiond NOREPLICATION"),
                ("ALTER ROLE sessiond BYPASSRLS", "row security", "ALTER ROLE sessiond NOBYPASSRLS"),
                ("GRANT CREATE ON SCHEMA public TO sessiond", "may make tables", "REVOKE CREATE ON SCHEMA public FROM sessiond"),
                ("GRANT CREATE ON DATABASE sessiond TO sessiond", "may make schemas", "REVOKE CREATE ON DATABASE sessiond FROM sessiond"),
                ("GRANT TRUNCATE ON session TO sessiond", "empty the tables", "REVOKE TRUNCATE ON session FROM sessiond"),
                ("GRANT pg_signal_backend TO sessiond", "member of pg_signal_backend", "REVOKE pg_signal_backend FROM sessiond"),
                ("ALTER TABLE beat OWNER TO sessiond", "owns the tables", "ALTER TABLE beat OWNER TO postgres; GRANT SELECT, INSERT, UPDATE, DELETE ON beat TO sessiond")):
            self.admin(sql)
            self.expect("role", "wrong", text)
            self.admin(back)
        self.admin("REVOKE DELETE ON session FROM sessiond; REVOKE UPDATE ON shard FROM sessiond")
        self.expect("rights", "wrong", "lacks DELETE on session, UPDATE on shard")

    def test_connections(self):
        self.admin("ALTER ROLE sessiond CONNECTION LIMIT 3")
        self.expect("connections", "wrong", "there are 3 .* opens 6")
        self.admin("ALTER ROLE sessiond CONNECTION LIMIT 6")
        self.expect("connections", "hint", "second machine")
        self.admin("ALTER ROLE sessiond CONNECTION LIMIT -1")
        self.expect("connections", "hint", "taking all 55")

    def test_tables(self):
        for sql, what, level, text in (
                ("ALTER TABLE beat DROP COLUMN watched_until", "schema", "hint", "watched_until is missing"),
                ("ALTER TABLE beat ADD COLUMN watched_until int8", "schema", "wrong", "watched_until is of type bigint"),
                ("ALTER TABLE session SET (fillfactor = 100)", "storage", "hint", "fillfactor"),
                ("CREATE INDEX extra ON session (retain_ms)", "storage", "hint", "more than one index"),
                ("ALTER TABLE session ALTER intent SET STORAGE MAIN", "storage", "hint", "compress"),
                ("ALTER TABLE session ENABLE ROW LEVEL SECURITY", "storage", "wrong", "row security"),
                ("ALTER TABLE session SET UNLOGGED", "storage", "wrong", "not logged"),
                ("DELETE FROM slot WHERE slot = 5", "slots", "wrong", "4095 rows"),
                ("INSERT INTO slot VALUES (5, 9)", "slots", "wrong", "1 of them not understood"),
                ("UPDATE slot SET state = 0", "slots", "hint", "no slot is here"),
                ("UPDATE slot SET state = 2 WHERE slot < 9", "slots", "hint", "9 slots are on their way"),
                ("UPDATE shard SET shard = 3", "format", "wrong", "is shard 3, and is named as shard 0"),
                ("UPDATE shard SET format = 2", "format", "wrong", "format 2"),
                ("DELETE FROM shard", "format", "wrong", "0 rows"),
                ("ALTER TABLE session DROP CONSTRAINT session_pkey", "storage", "wrong", "no valid primary key"),
                ("ALTER TABLE session DROP COLUMN intent; ALTER TABLE session ALTER revision TYPE int8", "schema", "wrong",
                 "intent is missing|revision is of type bigint"),
                ("ALTER SCHEMA public RENAME TO other; CREATE SCHEMA public", "schema", "wrong", "in schema other, and the role looks in public"),
                ("DROP TABLE other.session, other.beat, other.slot, other.shard", "schema", "wrong", "no tables")):
            self.admin(sql)
            self.expect(what, level, text)

    def test_settings(self):
        primary = self.pair.primary
        for name, value, what, level, text in (
                ("synchronous_commit", "local", "durability", "wrong", "does not wait for the standby"),
                ("synchronous_standby_names", "", "durability", "wrong", "waits for no standby"),
                ("synchronous_standby_names", "*", "durability", "hint", "backup tool"),
                ("synchronous_standby_names", "ANY 1 (sessiond_a, sessiond_b)", "durability", "hint", "the one that is promoted"),
                ("fsync", "off", "settings", "wrong", "loses its power"),
                ("full_page_writes", "off", "settings", "wrong", "half written"),
                ("checkpoint_timeout", "5min", "settings", "hint", "checkpoint_timeout is 300"),
                ("max_wal_size", "1GB", "settings", "hint", "max_wal_size is 1024"),
                ("wal_compression", "off", "settings", "hint", "wal_compression"),
                ("autovacuum", "off", "settings", "hint", "grows"),
                ("default_transaction_read_only", "on", "settings", "wrong", "every write is refused"),
                ("statement_timeout", "5s", "settings", "hint", "statement_timeout is 5000")):
            shown = primary.sql(f"SHOW {name}", "postgres")
            self.pair.set(primary, **{name: value})
            node.until(lambda name=name, shown=shown: primary.sql(f"SHOW {name}", "postgres") != shown, f"{name} to be set")
            self.expect(what, level, text)
            primary.sql(f"SET default_transaction_read_only = off; ALTER SYSTEM RESET {name}", "postgres")
            primary.sql("SELECT pg_reload_conf()", "postgres")
            node.until(lambda name=name, shown=shown: primary.sql(f"SHOW {name}", "postgres") == shown, f"{name} to be as before")

    def test_standby_is_away(self):
        self.pair.standby.stop("immediate")
        node.until(lambda: self.admin("SELECT count(*) FROM pg_stat_replication", "postgres") == "0", "the standby to be missed")
        self.expect("standby", "wrong", "none is connected")

    def test_standby_that_is_not_waited_for(self):
        """Seen by a role that may see it."""
        self.admin("GRANT pg_read_all_stats TO sessiond")
        self.check(code=0)
        self.pair.set(self.pair.primary, synchronous_standby_names="somebody")
        node.until(lambda: self.admin("SELECT sync_state FROM pg_stat_replication", "postgres") == "async", "the setting")
        self.expect("standby", "wrong", "none is one that synchronous_standby_names names")

    def test_an_old_primary(self):
        """The former primary comes back as if nothing had been."""
        old = self.pair.primary
        self.pair.fail_over()
        old.start()
        found = self.expect("primary", "wrong", "on timeline 1, which another node has left behind: it is 2 there")
        self.assertNotIn("node", found)

    @unittest.skipUnless(has_test_hooks(), "this build's clocks cannot be moved")
    def test_clock(self):
        """Ours is set, theirs is right."""
        moved = self.pair.folder / "clock"
        for ms, text in ((300, "ms behind ours"), (-300, "ms ahead of ours"), (200, None)):
            moved.write_bytes(struct.pack("=qq", ms, 0))
            found = self.check(env={"SESSIOND_TEST_CLOCK": str(moved)})
            self.assertEqual("clock" in found, text is not None, found)
            if text:
                self.assertRegex(found["clock"][0][1], rf"its clock is (2[0-9]{{2}}|300) {text}")


# ---- keys: the fingerprints once more, as fingerprints.h and key_print.h describe them

KINDS = {"natural": 0, "seal": 1, "step": 2}
KNOWN, USED, OVER = 0, 1, 2


def fingerprint(kind, kid, secret):
    key = hashlib.blake2b(b"sessiond key fingerprint 1", key=secret, digest_size=32).digest()
    parts = (bytes([kind]), kid.encode())
    return hashlib.blake2b(b"".join(struct.pack("<Q", len(part)) + part for part in parts), key=key, digest_size=32).digest()[:16]


def entry(purpose, kid, secret, state=USED):
    kind = KINDS[purpose]
    return bytes([kind, state, len(kid)]) + kid.encode() + fingerprint(kind, kid, secret)


def states(text):
    """{id: state} of shard.fingerprints in hex."""
    raw, at, found = bytes.fromhex(text), 1, {}
    while at < len(raw):
        found[raw[at + 3:at + 3 + raw[at + 2]].decode()] = raw[at + 1]
        at += 3 + raw[at + 2] + 16
    return found


@needs_servers
class KeysTest(PgCase):
    """A machine whose configuration names the pair, and whose data directory a server has made."""
    cluster_options = {"settings": SOUND, "relays": False}

    def setUp(self):
        super().setUp()
        server = Server(workers=1, sandbox=False).start()
        self.addCleanup(server.cleanup)
        server.stop()
        self.data, folder = server.data, pathlib.Path(server.temporary)
        password = folder / "password"
        password.touch(0o600)
        password.write_text(PASSWORD + "\n")
        self.config = folder / "pg.yaml"
        self.config.write_text(f"data_dir: {self.data}\nworkers: 2\nstore:\n  driver: pg\n  pg:\n"
                               f"    shards: [\"{self.pair.conninfo(password=None)}\"]\n    password_file: {password}\n")

    def keys(self, *args):
        return ctl("--data", self.data, "keys", *args)

    def secret(self, name):
        return (self.data / "keys" / name).read_bytes()

    def write(self, *entries):
        self.pair.primary.sql(f"UPDATE shard SET fingerprints = '\\x{(bytes([1]) + b''.join(entries)).hex()}'")

    def states(self):
        return states(self.pair.primary.sql("SELECT encode(fingerprints, 'hex') FROM shard"))

    def check(self):
        """Of the keys: (level, text)."""
        done = ctl("store", "check", "--json", "-c", self.config)
        self.assertEqual(done.stderr, "")
        told = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if told["wrong"] else 0)
        return [(one["level"], one["text"]) for one in told["findings"] if one["what"] == "keys"]

    def test_configuration(self):
        """Its own connections are counted: two workers, each with 2 + 1 + 2."""
        done = ctl("store", "check", "-c", self.config)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("one machine opens 12\n", done.stdout)
        for args, why in ((("-c", "/nowhere.yaml"), "/nowhere.yaml"), (("-c", self.config, "--shard", "host=x dbname=x user=x"), "one of them")):
            done = ctl("store", "check", *args)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(why, done.stderr)
        self.config.write_text(f"data_dir: {self.data}\n")
        self.assertIn("store.driver: lmdb", ctl("store", "check", "-c", self.config).stderr)

    def test_keys_are_compared(self):
        self.assertRegex(str(self.check()), "fine.*no machine has brought its keys yet")
        right = entry("natural", "natural", self.secret("natural.key")), entry("seal", "seal-1", self.secret("seal-1.key"))
        self.write(*right)
        self.assertRegex(str(self.check()), "fine.*fit the 2 that are known")
        self.write(right[0], entry("seal", "seal-1", bytes(32)))
        self.assertRegex(str(self.check()), r"wrong.*keys/seal/seal-1.json \(or keys/seal-1.key\): is not the key of that name")
        self.write(entry("natural", "natural", bytes(32)))
        self.assertRegex(str(self.check()), "wrong.*keys/natural.key: is not the key of that name")
        self.write(*right, entry("step", "step-2", bytes(32)))
        self.assertRegex(str(self.check()), "wrong.*keys/step/step-2.json: is missing")
        self.write(*right, entry("step", "step-2", bytes(32), KNOWN))
        self.assertRegex(str(self.check()), "fine")

    def rotate(self, purpose):
        """The first key of a ring rests for longer than anything that it has made lives; the bytes of both."""
        first = self.secret({"seal": "seal-1.key", "step": "step.key"}[purpose])
        self.assertEqual(self.keys("generate", f"--{purpose}").returncode, 0)
        self.assertEqual(self.keys("activate", f"{purpose}-2").returncode, 0)
        path = self.data / "keys" / purpose / f"{purpose}-1.json"
        os.utime(path, (time.time() - 9 * 86400,) * 2)
        self.write(entry(purpose, f"{purpose}-1", first))
        return path

    def retire(self, kid):
        return ctl("keys", "retire", kid, "-c", self.config)

    def test_a_step_key_is_retired_for_all(self):
        path = self.rotate("step")
        done = self.retire("step-1")
        self.assertEqual((done.returncode, done.stdout), (0, "step-1 retired\n"), done.stderr)
        self.assertFalse(path.exists())
        self.assertEqual(self.states(), {"step-1": OVER})
        self.assertEqual(self.retire("step-1").returncode, 0)  # on a machine where it is gone already
        self.assertEqual(self.check()[0][0], "fine")

    def test_without_the_configuration_the_next_start_would_be_refused(self):
        path = self.rotate("step")
        self.assertEqual(self.keys("retire", "step-1").returncode, 0)
        self.assertFalse(path.exists())
        self.assertRegex(str(self.check()), "wrong.*is missing.*sessiondctl keys retire step-1 -c FILE")
        self.assertEqual(self.retire("step-1").returncode, 0)
        self.assertEqual(self.check()[0][0], "fine")

    def test_a_seal_key_is_retired_when_nothing_is_sealed_with_it(self):
        path = self.rotate("seal")
        self.pair.primary.sql("INSERT INTO session (key, revision, write_id, retain_ms, record) VALUES ('k', 1, 'w', 0, '\\x010101000000')")
        done = self.retire("seal-1")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("records are sealed with this key", done.stderr)
        self.assertTrue(path.exists())
        self.assertEqual(self.states(), {"seal-1": USED})
        self.pair.primary.sql("UPDATE session SET record = '\\x010102000000'")
        self.assertEqual(self.retire("seal-1").returncode, 0)
        self.assertFalse(path.exists())
        self.assertEqual(self.states(), {"seal-1": OVER})

    def test_what_is_no_key(self):
        for kid in ("natural", "seal-", "../x"):
            done = self.retire(kid)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("not a key id", done.stderr)


if __name__ == "__main__":
    unittest.main()
