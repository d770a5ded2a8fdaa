"""What a session token says, by a second implementation of PASETO version 4 (the standard's Version4.md, RFC 8439 and draft-irtf-cfrg-xchacha
for the cipher, hashlib for BLAKE2b): of a v4.public one as it stands, of a v4.local one by the key that is derived from a signing key's file."""
import base64
import datetime
import hashlib
import json
import struct

SIGNATURE_BYTES = 64
NONCE_BYTES = 32
TAG_BYTES = 32
LOCAL_HEADER = b"v4.local."
LOCAL_CONTEXT = b"sessiond token local 1"  # src/token/key_derive.h

key_directories = []  # keys/ of the servers that tests have made


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


# ---- keys ----

def local_key(seed):
    return hashlib.blake2b(LOCAL_CONTEXT, key=seed, digest_size=32).digest()


def local_id(key):
    """PASERK: docs/operations/ID.md."""
    header = b"k4.lid."
    return header.decode() + encode(hashlib.blake2b(header + b"k4.local." + encode(key).encode(), digest_size=33).digest())


def local_keys(directory):
    """Of a keys/ folder: id -> (key, signing key's id), of every signing key that has its secret."""
    keys = {}
    for path in [*directory.glob("test/*.json"), *directory.glob("live/*.json")]:
        file = json.loads(path.read_text())
        if "secret" in file:
            key = local_key(decode(file["secret"].removeprefix("k4.secret."))[:32])
            keys[local_id(key)] = (key, file["kid"])
    return keys


# ---- XChaCha20 ----

def rotate(value, by):
    return (value << by | value >> (32 - by)) & 0xFFFFFFFF


def rounds(words):
    """The 20 rounds of ChaCha20 (RFC 8439, 2.3), without the addition at their end."""
    words = list(words)
    quarters = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]
    for _ in range(10):
        for a, b, c, d in quarters:
            for into, add, turn, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                words[into] = (words[into] + words[add]) & 0xFFFFFFFF
                words[turn] = rotate(words[turn] ^ words[into], by)
    return words


def xchacha20(key, nonce, data):
    constants = struct.unpack("<4I", b"expand 32-byte k")
    inner = rounds([*constants, *struct.unpack("<8I", key), *struct.unpack("<4I", nonce[:16])])
    subkey = inner[:4] + inner[12:]
    out = bytearray()
    for block in range(0, len(data), 64):
        start = [*constants, *subkey, *struct.unpack("<2I", struct.pack("<Q", block // 64)), *struct.unpack("<2I", nonce[16:])]
        stream = struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(start, rounds(start))))
        out += bytes(a ^ b for a, b in zip(data[block:block + 64], stream))
    return bytes(out)


# ---- v4.local ----

def pae(*pieces):
    return struct.pack("<Q", len(pieces)) + b"".join(struct.pack("<Q", len(piece)) + piece for piece in pieces)


def halves(key, nonce):
    both = hashlib.blake2b(b"paseto-encryption-key" + nonce, key=key, digest_size=56).digest()
    return both[:32], both[32:], hashlib.blake2b(b"paseto-auth-key-for-aead" + nonce, key=key, digest_size=32).digest()


def decrypt(key, body, footer):
    """The message; ValueError if the MAC does not hold."""
    nonce, ciphertext, tag = body[:NONCE_BYTES], body[NONCE_BYTES:-TAG_BYTES], body[-TAG_BYTES:]
    cipher_key, cipher_nonce, mac_key = halves(key, nonce)
    if hashlib.blake2b(pae(LOCAL_HEADER, nonce, ciphertext, footer, b""), key=mac_key, digest_size=32).digest() != tag:
        raise ValueError("the MAC does not hold")
    return xchacha20(cipher_key, cipher_nonce, ciphertext)


def parts(token):
    """("public" or "local", body, footer) of a token, decoded."""
    prefix, _, rest = token.partition("_")
    version, purpose, body, footer = rest.split(".")
    assert (prefix, version) == ("sess", "v4") and purpose in ("public", "local"), token[:20]
    return purpose, decode(body), decode(footer)


def other_kind(token):
    """The same under the other kind's header."""
    return token.replace(".local.", ".public.", 1) if ".local." in token else token.replace(".public.", ".local.", 1)


def claims(token):
    """The claims of a session token, unverified if it is a public one."""
    purpose, body, footer = parts(token)
    if purpose == "public":
        return json.loads(body[:-SIGNATURE_BYTES])
    kid = json.loads(footer)["kid"]
    for directory in reversed(key_directories):
        keys = local_keys(directory)
        if kid in keys:
            return json.loads(decrypt(keys[kid][0], body, footer))
    raise AssertionError(f"no server's key is called {kid}")


def instant(text):
    """A claim's time in seconds since 1970."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
