"""What a start of sessiond meets: a database that is away, refuses or is not as it should be. A clear line, no loop, and it serves as soon
as it is mended; with keys that are not the others' it does not start."""
import shutil
import subprocess
import unittest

from cluster import PASSWORD

from harness import PATIENCE, unique, wait_until
from pg_case import needs_servers
from pg_machines import MachinesCase

ROLE = "sessiond"


@needs_servers
class Start(MachinesCase):
    def expect_wait(self, server, *words):
        """It waits, says so once, and answers that it does."""
        wait_until(lambda: server.lines("database_awaited"), "a line that says what is awaited")
        text = server.lines("database_awaited")[-1]["msg"]
        for word in words:
            self.assertIn(word, text)
        self.assertNotIn(PASSWORD, server.log())
        page = server.readyz()
        self.assertEqual((page["ready"], page["state"]), (False, "not ready"))
        wait_until(lambda: server.metric("sessiond_store_pg_connections") == 0, "no connection that stays")
        return text

    def expect_service(self, server):
        wait_until(server.is_ready, "readiness")
        client, session = self.sessions(server), unique()
        self.assertEqual(client.get(client.create(session), session).merchant_session_id, session)

    def test_a_wrong_password_is_mended_in_its_file(self):
        server = self.machine(password="wrong").start(ready=False)
        self.expect_wait(server)
        before = len(server.lines("database_awaited"))
        server.write_password(PASSWORD)
        self.expect_service(server)
        self.assertLessEqual(len(server.lines("database_awaited")), before + 1, "one line, however many tries")

    def test_a_database_that_is_away_is_waited_for(self):
        self.pair.standby.stop()
        self.pair.primary.stop()
        server = self.machine().start(ready=False)
        self.expect_wait(server)
        self.pair.primary.start()
        self.pair.standby.start()
        self.expect_service(server)

    def test_a_role_without_rights_gets_them(self):
        self.pair.primary.sql(f"REVOKE ALL ON shard FROM {ROLE}")
        server = self.machine().start(ready=False)
        self.expect_wait(server, "shard")
        self.pair.primary.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON shard TO {ROLE}")
        self.expect_service(server)

    def test_a_schema_that_is_missing_is_waited_for(self):
        self.pair.primary.sql("ALTER TABLE shard RENAME TO not_yet")
        server = self.machine().start(ready=False)
        self.expect_wait(server, "shard")
        self.pair.primary.sql("ALTER TABLE not_yet RENAME TO shard")
        self.expect_service(server)

    def test_it_stops_while_it_waits(self):
        server = self.machine(password="wrong").start(ready=False)
        self.expect_wait(server)
        self.assertEqual(server.stop(), 0)


@needs_servers
class Keys(MachinesCase):
    def refused(self, server):
        server.start(ready=False)
        self.assertEqual(server.process.wait(PATIENCE), 1)
        server.check_log()
        return server.lines("keys_refused")[-1]["msg"]

    def test_a_machine_with_another_natural_key_does_not_start(self):
        first = self.machine().start()
        client, session = self.sessions(first), unique()
        client.create(session)
        self.assertIn("natural.key", self.refused(self.machine()))
        self.assertEqual(int(self.pair.primary.sql("SELECT count(*) FROM session")), 1)

    def test_another_seal_key_is_named_too(self):
        first = self.machine().start()
        self.sessions(first).create(unique())
        other = self.machine(like=first)
        (other.data / "keys" / "seal-1.key").unlink(missing_ok=True)
        shutil.rmtree(other.data / "keys" / "seal", ignore_errors=True)
        self.assertIn("seal", self.refused(other))

    def test_check_says_so_without_starting(self):
        first = self.machine().start()
        other = self.machine(like=first)
        check = [*other.command, "--check"]
        done = subprocess.run(check, capture_output=True, text=True, env=other.env, timeout=PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, "configuration ok"), done.stderr)
        (other.data / "keys" / "natural.key").write_bytes(bytes(32))
        done = subprocess.run(check, capture_output=True, text=True, env=other.env, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("natural.key", done.stderr)


@needs_servers
class Durability(MachinesCase):
    def test_without_a_standby_nothing_is_acknowledged_as_replicated(self):
        self.pair.alone()
        server = self.machine().start(ready=False)
        server.wait_for(cause="no_standby")
        wait_until(lambda: server.readyz()["reasons"] == ["store_away"], "its word for it")
        self.assertFalse(server.readyz()["ready"])
        self.pair.strict()
        self.expect_durability(server, "replica")

    def test_disk_is_what_it_says(self):
        self.pair.alone()
        server = self.machine(store="  durability: disk\n").start()
        self.expect_durability(server, "disk")
        self.pair.strict()
        wait_until(lambda: server.shard().get("durability") == "replica", "a primary that waits for its standby")
        self.expect_durability(server, "replica")

    def expect_durability(self, server, name):
        wait_until(server.is_ready, "readiness")

        def told():
            _, headers, _ = server.post_json("/types.MerchantAuthenticationService/CreateSessionToken",
                                             {"merchant_session_id": unique(), "test_mode": True,
                                              "amount": {"minor_amount": 1, "currency": "USD"}},
                                             headers=["x-connector: adyen", 'x-connector-config: {"config":{"Adyen":{"api_key":"k",'
                                                      '"merchant_account":"m"}}}'])
            return headers["x-session-durability"]
        wait_until(lambda: told() == name, f"x-session-durability: {name}")
        wait_until(lambda: f'sessiond_durability_info{{durability="{name}"}} 1' in server.metrics(), "the metric")

    def test_a_clock_that_is_off_is_not_ready(self):
        server = self.machine().start()
        server.clock.step(2)
        wait_until(lambda: server.readyz()["reasons"] == ["clock_off"], "a clock that is known to be off")
        self.assertFalse(server.readyz()["ready"])
        self.assertGreater(server.metric("sessiond_store_pg_clock_skew_seconds"), 0.25)
        server.clock.step(-2)
        wait_until(server.is_ready, "readiness")


@needs_servers
class Settings(MachinesCase):
    def test_the_environment_does_not_decide(self):
        """libpq's variables would: another address, no commit that waits, no TLS."""
        server = self.machine(env={"PGHOSTADDR": "192.0.2.1,192.0.2.1", "PGOPTIONS": "-c synchronous_commit=off", "PGSSLMODE": "disable",
                                   "PGSERVICE": "nobody", "PGTARGETSESSIONATTRS": "standby"}).start()
        self.assertEqual(server.shard()["durability"], "replica")
        client, session = self.sessions(server), unique()
        client.get(client.create(session), session)

    def test_settings_of_the_other_driver_are_told(self):
        server = self.machine(store="  quota_mib: 100\n  queue_max: 1000\n").start()
        line, = server.lines("settings_unused")
        self.assertIn("store.quota_mib", line["msg"])
        self.assertNotIn("queue_max", line["msg"])
        self.assertEqual(sorted(path.name for path in (server.data / "shards").iterdir()), [])

    def test_the_number_of_a_machine_stays(self):
        server = self.machine().start()
        number = (server.data / "machine").read_text()
        self.assertRegex(number, "^[0-9a-f]{32}\n$")
        self.assertEqual((server.data / "machine").stat().st_mode & 0o777, 0o600)
        wait_until(lambda: self.pair.primary.sql("SELECT encode(machine, 'hex') FROM beat") == number.strip(), "its heartbeat")
        server.stop()
        server.start()
        self.assertEqual((server.data / "machine").read_text(), number)
        (server.data / "machine").write_text("x\n")
        server.stop()
        server.start(ready=False)
        self.assertEqual(server.process.wait(PATIENCE), 1)
        self.assertIn("must hold this machine's number", server.log())


if __name__ == "__main__":
    unittest.main()
