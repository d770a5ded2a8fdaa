"""What payments hold: places in the session table and bytes on disk, for how long, and how many a second a configuration carries.

The settings are read from the server's sources; no default is written down here a second time.

A record leaves its shard from the old end, in the order in which records were written (store/lmdb/gc.h), once it is over:

    a finished payment's last record    closed_seconds after it was written
    a session that nobody finishes      ttl_seconds after it was made, and is remembered as run out for a while after that
    an event without a session          inbox_seconds
    a revision that was superseded      GC_GRACE_MS

What is over waits for what was written before it and is not. So in steady traffic a record stays for the longest of those times that
occur, its *turn*. Nothing waits for longer than gc_age_seconds: what lives longer, a payment that stays open among it, is written again at
the young end then, and needs another turn. All this is an upper bound: above STORE_PRESSED_PERCENT of table or quota nothing waits so long.
"""
import math
import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MIB = 2 ** 20


def defaults():
    """Every number of the configuration by section.key."""
    text = (SOURCE / "include/sessiond/config/config_numbers.h").read_text()
    return {f"{section}.{key}": int(usual) for section, key, usual in re.findall(r"X\((\w+), (\w+), \d+, \d+, (\d+)\)", text)}


def constant(path, name):
    return int(re.search(rf"^#define {name}\s+(\d+)", (SOURCE / path).read_text(), re.MULTILINE).group(1))


PRESSED = constant("store/lmdb/table.h", "TABLE_PRESSED_PERCENT") / 100
PLACE_BYTES = 34 / (constant("store/lmdb/table.h", "TABLE_LOAD_PERCENT") / 100)  # of shared memory: an entry and its owner, at the load of sessions_max
GRACE_SECONDS = constant("store/lmdb/gc.h", "GC_GRACE_MS") / 1000
REMEMBER_MIN_SECONDS = constant("src/method/service.c", "REMEMBER_MIN_MS") / 1000


def remember_seconds(settings):
    """How long a session that ran out is known as such: remember_ms in src/method/service.c."""
    return min(max(settings["session.ttl_seconds"], REMEMBER_MIN_SECONDS), settings["session.inbox_seconds"])


def lives(settings, traffic):
    """Seconds until each kind of record is over, of the kinds that occur."""
    times = {}
    if traffic["abandoned"] < 1:
        times.update(superseded=GRACE_SECONDS, finished=settings["session.closed_seconds"])
    if traffic["abandoned"] > 0:
        times["abandoned"] = settings["session.ttl_seconds"] + remember_seconds(settings)
    if traffic["early"] > 0:
        times["early"] = settings["session.inbox_seconds"]
    if traffic["stays_open"]:
        times["open"] = math.inf
    return times


def turn_seconds(settings, traffic):
    """From a record's writing until the old end has come to it."""
    return min(max(lives(settings, traffic).values()), settings["store.gc_age_seconds"])


def hold_seconds(settings, traffic, kind):
    """From the writing of a record of that kind until its place and its bytes are free again: whole turns."""
    turn = turn_seconds(settings, traffic)
    return math.ceil(lives(settings, traffic).get(kind, 0) / turn) * turn


def places(settings, traffic):
    """Places in the table for one payment begun a second. traffic: abandoned (their share), payment_seconds (a finished one's, from
    beginning to end), early (events that no session follows, for each payment), stays_open (some payments stay open for hours; how
    many of them there are is not counted here)."""
    held = {kind: hold_seconds(settings, traffic, kind) for kind in ("finished", "abandoned", "early")}
    return ((1 - traffic["abandoned"]) * (traffic["payment_seconds"] + held["finished"]) + traffic["abandoned"] * held["abandoned"]
            + traffic["early"] * held["early"])


def record_bytes(settings, traffic, payment, first_bytes):
    """Bytes of records for one payment begun a second. payment: a finished one's records and record_bytes, all revisions; first_bytes: a
    session's first record, and taken for an early event's. Each revision stays from its own writing on, so payment_seconds is no matter."""
    last = payment["record_bytes"] / payment["records"]
    return ((1 - traffic["abandoned"]) * ((payment["record_bytes"] - last) * hold_seconds(settings, traffic, "superseded")
                                          + last * hold_seconds(settings, traffic, "finished"))
            + traffic["abandoned"] * first_bytes * hold_seconds(settings, traffic, "abandoned")
            + traffic["early"] * first_bytes * hold_seconds(settings, traffic, "early"))


def carries(settings, traffic, payment, first_bytes, workers, disk_bytes, file_factor):
    """Payments a second until the table, the quotas of all workers or the disk is filled to STORE_PRESSED_PERCENT, where the warning comes.
    file_factor: bytes of file for a byte of records."""
    each = record_bytes(settings, traffic, payment, first_bytes)
    return {"table": PRESSED * settings["store.sessions_max"] / places(settings, traffic),
            "quota": PRESSED * settings["store.quota_mib"] * MIB * workers / each,
            "disk": PRESSED * disk_bytes / (each * file_factor)}
