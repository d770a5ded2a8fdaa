"""The scrub through the real server: bit rot is found and told before anybody asks for the record."""
import unittest

from harness import Server, claims, unique, wait_until
from session_service import Sessions, refusal

SESSIONS = 20


def rot(shards, token):
    """A byte of the sealed body of the session's record, wherever it lies: behind its header (store/record.h), with the id at 48."""
    wanted, changed = bytes.fromhex(claims(token)["jti"]), 0
    for path in shards.glob("*/data.mdb"):
        data = bytearray(path.read_bytes())
        at = data.find(wanted)
        while at >= 0:
            if data[at - 48:at - 44] == b"\x01\x01\x01\x00":
                data[at + 100] ^= 1
                changed += 1
            at = data.find(wanted, at + 1)
        path.write_bytes(data)
    assert changed > 0


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
