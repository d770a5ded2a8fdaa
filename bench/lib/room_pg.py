"""What payments hold of a PostgreSQL database: rows, disk, WAL, and the primary's CPU; and how many payments a second a machine for it carries.

A row leaves by itself, not behind others as in LMDB's shards: once its session is over and forgotten, when the sweep comes by. An update leaves
the version of the row before it as dead, until it is vacuumed: DEAD_SHARE is what the table has more for that.
"""
import room

SWEEP_SECONDS = 600  # the whole table once in that time
DEAD_SHARE = 0.25
BUSY_SHARE = 0.5  # of the primary's cores: the rest is for vacuum, checkpoints, backups and a bad hour


def rows(settings, traffic):
    """Rows for one payment begun a second."""
    abandoned = settings["session.ttl_seconds"] + room.remember_seconds(settings)
    return ((1 - traffic["abandoned"]) * (traffic["payment_seconds"] + settings["session.closed_seconds"] + SWEEP_SECONDS)
            + traffic["abandoned"] * (abandoned + SWEEP_SECONDS) + traffic["early"] * (settings["session.inbox_seconds"] + SWEEP_SECONDS))


def database(settings, traffic, payment, row_bytes, rate):
    """What so many payments a second ask of a primary; each is taken for a whole one."""
    held = rate * rows(settings, traffic)
    return {"live_rows": round(held), "primary_cores": rate * payment["primary_us"] / 1e6 / BUSY_SHARE, "wal_mib_per_second": rate * payment["wal_bytes"] / room.MIB,
            "database_gib": held * row_bytes * (1 + DEAD_SHARE) / 2 ** 30}


def carries(settings, traffic, payment, row_bytes, cores, disk_bytes):
    """Payments a second until the primary's cores or its disk (without WAL) are used as far as they should be."""
    return {"primary": cores * BUSY_SHARE * 1e6 / payment["primary_us"],
            "disk": room.PRESSED * disk_bytes / (rows(settings, traffic) * row_bytes * (1 + DEAD_SHARE))}
