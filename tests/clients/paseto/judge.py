"""pyseto reads the tokens of a file of cases (test_paseto.py) and refuses what is altered, or of another key."""
import json
import sys

import pyseto
from pyseto import Key


def opens(key, token):
    try:
        return pyseto.decode(key, token)
    except Exception:  # of whatever kind: it does not open
        return None


with open(sys.argv[1], encoding="utf-8") as file:
    cases = json.load(file)
keys = {kind: {kid: Key.from_paserk(text) for kid, text in cases[kind].items()} for kind in ("public", "local")}
for kind in keys.values():
    for kid, key in kind.items():
        assert key.to_paserk_id() == kid, kid
refused = 0
for case in cases["tokens"]:
    got = opens(keys[case["kind"]][case["kid"]], case["token"])
    assert got is not None, case["token"]
    assert json.loads(got.payload) == case["claims"] and json.loads(got.footer)["kid"] == case["kid"], case["token"]
    for one in case["altered"]:
        assert opens(keys[case["kind"]][case["kid"]], one) is None, one
        refused += 1
    for kid, key in keys[case["kind"]].items():
        if kid != case["kid"]:
            assert opens(key, case["token"]) is None, kid
            refused += 1
print(f"{len(cases['tokens'])} tokens read, {refused} refused")
