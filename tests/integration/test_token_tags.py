"""The tag in a token's footer, made here by its definition (src/token/tag.h) with Python's hashlib: what the server makes is that, what it takes is
that and nothing else."""
import hashlib
import json
import pathlib
import subprocess
import tempfile
import unittest

from harness import SOURCE, claims
from session_service import SessionCase, refusal
from token_claims import SIGNATURE_BYTES, decode, encode, pae, parts

VECTORS = SOURCE / "tests" / "conformance" / "sessiond-tokens.json"
TOKEN_STATE = {"access_token": {"token": {"value": "at-1"}, "expires_in_seconds": 3600, "token_type": "Bearer"}}
HEADER = b"v4.public."


def tag_key(seed):
    return hashlib.blake2b(b"sessiond token tag 1", key=seed, digest_size=32).digest()


def tag(seed, payload):
    return hashlib.blake2b(pae(HEADER, payload), key=tag_key(seed), digest_size=16).digest()


def footer(kid, made):
    return f'{{"kid":"{kid}","tag":"{encode(made)}"}}'.encode()


def assemble(payload, signature, end):
    return f"sess_{HEADER.decode()}{encode(payload + signature)}.{encode(end)}"


def apart(token):
    """Payload, signature and footer of a token, as bytes."""
    purpose, body, end = parts(token)
    assert purpose == "public", purpose
    return body[:-SIGNATURE_BYTES], body[-SIGNATURE_BYTES:], end


def flipped(some, at):
    copy = bytearray(some)
    copy[at] ^= 1
    return bytes(copy)


def seeds(server):
    """Seed and purpose of each signing key of the server's rings, by key id."""
    found = {}
    for purpose in ("test", "live"):
        for path in (pathlib.Path(server.data) / "keys" / purpose).glob("*.json"):
            key = json.loads(path.read_text())
            if "secret" in key:
                found[key["kid"]] = (decode(key["secret"].removeprefix("k4.secret."))[:32], purpose)
    return found


class Vectors(unittest.TestCase):
    def setUp(self):
        self.vectors = json.loads(VECTORS.read_text())["tests"]
        self.assertEqual(len(self.vectors), 4)

    def test_they_follow_from_the_definition(self):
        for vector in self.vectors:
            seed, payload = bytes.fromhex(vector["seed"]), vector["claims"].encode()
            self.assertEqual((vector["tag-key"], vector["tag"]), (tag_key(seed).hex(), tag(seed, payload).hex()))
            self.assertEqual(apart(vector["tagged"])[::2], (payload, footer(vector["pid"], tag(seed, payload))))

    def test_another_library_verifies_their_signatures(self):
        temporary = tempfile.TemporaryDirectory(prefix="sessiond-vector-")
        self.addCleanup(temporary.cleanup)
        folder = pathlib.Path(temporary.name)
        for vector in self.vectors:
            key = "k4.public." + encode(decode(vector["public-key"]))
            said = json.loads(vector["claims"])
            (folder / "keys.json").write_text(json.dumps({"keys": [{"kid": vector["pid"], "paserk": key, "purpose": "test" if said["test"] else "live"}]}))
            (folder / "token").write_text(vector["tagged"])
            done = subprocess.run(["node", SOURCE / "tests" / "conformance" / "paseto_npm.mjs", folder / "token", folder / "keys.json", said["iat"]],
                                  capture_output=True, text=True, timeout=120, check=False, cwd=SOURCE / "tests")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Tags(SessionCase):
    def setUp(self):
        super().setUp()
        self.session, self.token = self.begin()
        self.payload, self.signature, self.footer = apart(self.token)
        self.kid = json.loads(self.footer)["kid"]
        self.seed = seeds(self.server)[self.kid][0]

    def test_what_the_server_makes(self):
        self.assertEqual(self.footer, footer(self.kid, tag(self.seed, self.payload)))
        self.assertEqual(seeds(self.server)[self.kid][1], "test")

    def test_the_tag_is_enough_on_every_worker(self):
        """The signature is for everybody else: here it may be any."""
        unsigned = assemble(self.payload, bytes(SIGNATURE_BYTES), self.footer)
        self.assertEqual({found.version for found in self.everywhere(lambda client: client.get(unsigned, self.session))}, {1})
        ours = self.payload.replace(b'"amt":10000,', b'"amt":10001,')
        self.assertNotEqual(ours, self.payload)
        made = assemble(ours, bytes(SIGNATURE_BYTES), footer(self.kid, tag(self.seed, ours)))
        self.assertEqual(self.client.get(made, self.session).version, 1)

    def test_whatever_else_is_refused_by_the_same_words(self):
        right, other = tag(self.seed, self.payload), seeds(self.server)
        foreign = next(seed for seed, purpose in other.values() if purpose == "live")
        begin, whole = f'{{"kid":"{self.kid}"', f'"tag":"{encode(right)}"'
        ends = [footer(self.kid, wrong) for wrong in (flipped(right, 0), flipped(right, 15), bytes(16), right[:15], right + b"\0", right * 2, b"",
                                                      tag(foreign, self.payload), self.signature[:16])]
        ends += [(begin + rest).encode() for rest in ("}", f",{whole},{whole}}}", f",{whole},\"a\":1}}", f", {whole}}}", f",{whole}", f",{whole}}}\n",
                                                      f",\"gat\":\"{encode(right)}\"}}", f",\"tag\":{{\"a\":1}}}}", f",{whole[:-1]}=\"}}")]
        ends += [f"{{{whole}}}".encode(), f'{{{whole},"kid":"{self.kid}"}}'.encode(), b"{}", right,
                 footer("k4.pid." + encode(bytes(33)), right), footer("k4.lid." + self.kid[7:], right)]
        ends += [flipped(self.footer, at) for at in range(len(self.footer))]
        tokens = [assemble(self.payload, self.signature, end) for end in ends]
        tokens += [assemble(flipped(self.payload, at), self.signature, self.footer) for at in range(0, len(self.payload), 37)]
        tokens += [assemble(self.payload, self.signature[:-1], self.footer), assemble(self.payload + b"A", self.signature, self.footer),
                   assemble(self.payload[:-1], self.signature, self.footer), assemble(b"", self.signature, self.footer)]
        altered = refusal(self.client.get, assemble(self.payload, flipped(self.signature, 5), begin.encode() + b"}"), self.session)
        self.assertEqual(altered[:2], ("UNAUTHENTICATED", "TOKEN_INVALID"))
        for number, one in enumerate(tokens):
            self.assertEqual(refusal(self.client.get, one, self.session), altered, number)
        self.client.get(self.token, self.session)

    def test_nothing_is_found_by_a_tokens_text(self):
        """The same call by another text of its token is that call, and a token that is fenced is fenced in every text."""
        twins = [assemble(self.payload, flipped(self.signature, at), self.footer) for at in range(3)]
        event = {"event": "SESSION_EVENT_PROCESSING_STARTED", "event_id": "started"}
        for one in (self.token, *twins):
            self.assertEqual(self.client.call("AdvanceSession", one, self.session, **event).session.version, 2)
        session, token = self.begin()
        payload, signature, end = apart(token)
        self.assertEqual(claims(self.client.create(session, state=TOKEN_STATE))["gen"], 2)
        for one in (token, assemble(payload, flipped(signature, 9), end), assemble(payload, bytes(SIGNATURE_BYTES), end)):
            self.assertEqual(refusal(self.client.get, one, session)[:2], ("FAILED_PRECONDITION", "TOKEN_SUPERSEDED"))


class Plain(SessionCase):
    server_options = {"workers": 2, "config": "token:\n  tag: off\n"}

    def test_tokens_are_as_before(self):
        session, token = self.begin()
        payload, signature, end = apart(token)
        kid = json.loads(end)["kid"]
        self.assertEqual(end, f'{{"kid":"{kid}"}}'.encode())
        self.client.get(token, session)
        self.assertEqual(refusal(self.client.get, assemble(payload, flipped(signature, 0), end), session)[:2], ("UNAUTHENTICATED", "TOKEN_INVALID"))
        # Those that were made with a tag are taken all the same.
        seed, _ = seeds(self.server)[kid]
        self.client.get(assemble(payload, signature, footer(kid, tag(seed, payload))), session)


if __name__ == "__main__":
    unittest.main()
