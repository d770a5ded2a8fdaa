"""Sessions move from LMDB to PostgreSQL and back, by reloads: nothing that was acknowledged is lost, no session is there twice, and a step
that would hide sessions is refused."""
import grpc

from harness import PATIENCE, unique, wait_until
from moving import BACK, FORTH, MovingCase, Payments
from pg_case import needs_servers


@needs_servers
class Steps(MovingCase):
    def expect(self, client, token, session, step):
        """UNAVAILABLE is no answer: a worker that was started just now may not read from the database yet."""
        tries = []

        def shown():
            try:
                tries.append(client.get(token, session).merchant_session_id == session)
            except grpc.RpcError as error:
                self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE, step)
                return False
            return True
        wait_until(shown, f"an answer in step {step}")
        self.assertEqual(tries, [True], step)

    def test_a_session_goes_there_and_comes_back(self):
        server = self.moving().start()
        client, session = self.sessions(server), unique()
        token = client.create(session)
        for step in FORTH:
            server.go(step)
            self.expect(client, token, session, step)
        self.assertEqual(self.rows("record IS NOT NULL"), 1)
        for step in BACK:
            server.go(step)
            self.expect(client, token, session, step)
        self.assertEqual(server.stop(), 0)

    def test_payments_go_on_meanwhile(self):
        server = self.moving().start()
        with Payments(server) as payments:
            for step in (*FORTH, *BACK):
                payments.some_more()
                server.go(step)
            payments.some_more()
        self.assertEqual(payments.lost(), [])
        self.assertEqual(server.stop(), 0)


@needs_servers
class WrongSteps(MovingCase):
    def test_steps_that_are_not_the_next_are_refused(self):
        server = self.moving().start()
        for step, said in (("to_pg", "know"), ("to_lmdb", "know"), ("pg", "know")):
            self.assertIn(said, server.reload(step))
        server.go("know")
        self.assertIn("to_pg", server.reload("pg"))
        self.assertEqual(server.reload("lmdb"), "", "nothing is in PostgreSQL")
        server.go("know")
        server.go("to_pg")
        self.assertIn("to_lmdb", server.reload("lmdb"))
        server.go("pg")
        for step in ("lmdb", "know", "to_lmdb"):
            self.assertIn("to_pg", server.reload(step))
        server.write("pg")
        self.assertEqual(server.stop(), 0)

    def test_a_database_that_another_machine_uses_is_refused(self):
        server = self.moving().start()
        other = self.machine().start()
        self.assertIn("another machine", server.reload("know"))
        other.stop()
        self.pair.primary.sql("UPDATE shard SET fingerprints = NULL")  # that one had keys of its own
        self.assertEqual(server.reload("know"), "")

    def test_a_start_that_would_hide_sessions_is_refused(self):
        server = self.moving().start()
        client, session = self.sessions(server), unique()
        token = client.create(session)
        server.stop()
        self.assertIn("to_pg", self.refused(server, "pg", "store_refused"))
        server.write("to_pg")
        server.start()
        server.stop()
        self.assertIn("to_lmdb", self.refused(server, "lmdb"), "some may have gone already")
        server.write("to_pg")
        server.start()
        server.go("pg")
        server.stop()
        self.assertIn("to_lmdb", self.refused(server, "lmdb"))
        server.write("pg")
        server.start()
        self.expect_session(server, token, session)

    def test_a_start_on_a_directory_whose_shards_were_moved_away(self):
        server = self.moving().start()
        self.sessions(server).create(unique())
        server.stop()
        (server.data / "shards").rename(server.data / "shards.before")
        server.write("pg")
        server.start()
        self.assertEqual(self.rows(), 0)

    def refused(self, server, step, event=None):
        server.write(step)
        server.start(ready=False)
        self.assertNotEqual(server.process.wait(PATIENCE), 0)
        server.check_log()
        return server.lines(event)[-1]["msg"] if event else server.log().strip().splitlines()[-1]

    def expect_session(self, server, token, session):
        server.hang_up()
        client = self.sessions(server)
        wait_until(lambda: client.get(token, session).merchant_session_id == session, "the session")
