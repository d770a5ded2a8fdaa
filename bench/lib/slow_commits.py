"""Commits that took long (event store_slow_commit), and what most of each was: what a stall in a report was made of."""
import json
import subprocess

PHASES = {"wake_ms": "to be woken and given a core", "reserve_ms": "for the file to be made longer", "fill_ms": "to fill its pages",
          "collect_ms": "for garbage collection", "publish_ms": "to publish what was written"}
CORE, DISK = "for a core, though the disk had answered", "for the disk"


def read(log):
    """The lines of a server's log, which may be of gigabytes: found by grep, not by us."""
    found = subprocess.run(["grep", "-a", '"event":"store_slow_commit"', str(log)], capture_output=True, text=True, check=False)
    return [json.loads(line) for line in found.stdout.splitlines()]


def cause(row):
    """core_wait_ms is of the commit and of at most a second before it: half of the sync is taken for the core's."""
    longest = max([*PHASES, "sync_ms"], key=lambda phase: row[phase])
    if longest == "sync_ms":
        return CORE if 2 * row["core_wait_ms"] >= row["sync_ms"] else DISK
    return PHASES[longest]


def summarise(rows):
    """By cause, the most frequent first: how many there were, and the longest in milliseconds."""
    causes = {}
    for row in rows:
        number, longest = causes.get(cause(row), (0, 0))
        causes[cause(row)] = (number + 1, max(longest, row["ms"]))
    return sorted(([name, *values] for name, values in causes.items()), key=lambda one: -one[1])
