"""The scrub through the real server: bit rot is found and told before anybody asks for the record."""
import unittest

from damage import rot
from harness import Server, unique, wait_until
from session_service import Sessions, refusal

SESSIONS = 20


class Scrub(unittest.TestCase):
    def server_of(self, data=None):
        server = Server(workers=2, sandbox=False, data=data).start()
        self.addCleanup(server.cleanup)
        return server

    def test_rot_is_found(self):
        server = self.server_of()
        client = Sessions(server.address)
        tokens = {session: client.create(session) for session in (unique() for _ in range(SESSIONS))}
        client.close()
        server.stop()
        victim = list(tokens)[7]
        rot(server.data / "shards", tokens[victim])

        server = self.server_of(data=server.data)
        wait_until(lambda: server.metric("sessiond_store_scrub_damaged") == 1, "the damage to be found")
        (line,) = server.lines("record_unreadable")
        self.assertEqual(line["found_by"], "scrub")
        self.assertEqual(server.metric("sessiond_store_unreadable_total"), 1)
        wait_until(lambda: server.metric("sessiond_store_scrubbed_total") == SESSIONS, "both shards to be gone through")
        client = Sessions(server.address)
        self.addCleanup(client.close)
        for session, token in tokens.items():
            if session != victim:
                self.assertEqual(client.get(token, session).merchant_session_id, session)
        self.assertEqual(refusal(client.get, tokens[victim], victim)[0], "DATA_LOSS")
        server.stop()


if __name__ == "__main__":
    unittest.main()
