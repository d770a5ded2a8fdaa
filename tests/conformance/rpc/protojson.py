"""Judges the output of protobuf's conformance_test_runner: protojson.py OUTPUT SKIPPED. SKIPPED has a line for each case that the testee left out.
Prints what failed and what was left out, then one line; exit code 1 if a case with JSON failed."""
import collections
import pathlib
import re
import sys

# Cases of our choosing are those of proto3's test message that read or write JSON.
NOT_OURS = {"another message than proto3's", "another format", "no JSON in it"}
RESULT = re.compile(r"(\d+) successes, (\d+) skipped, (\d+) expected failures, (\d+) unexpected failures")


def main(output, skipped):
    text = pathlib.Path(output).read_text(encoding="utf-8", errors="replace")
    reasons = collections.Counter(pathlib.Path(skipped).read_text(encoding="utf-8").splitlines())
    found = [tuple(map(int, match)) for match in RESULT.findall(text)]
    passed, failed = sum(row[0] for row in found), sum(row[3] for row in found)
    print("\n".join(line[:600] for line in text.splitlines() if line.startswith(("ERROR", "WARNING"))))
    left_out = {why: count for why, count in reasons.items() if why not in NOT_OURS}
    for why, count in sorted(left_out.items()):
        print(f"  {count} skipped: {why}")
    print(f"ProtoJSON: {passed + failed + sum(left_out.values())} cases, {passed} passed, {failed} failed, {sum(left_out.values())} skipped (types that we lack: "
          f"{', '.join(sorted(left_out))})")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
