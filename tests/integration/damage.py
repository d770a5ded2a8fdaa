"""Bit rot, where a test wants it."""
from harness import claims


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
