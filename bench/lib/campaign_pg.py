"""The capacity report over PostgreSQL: what is measured of LMDB's files and table is measured of rows, WAL and the primary's CPU instead."""
import contextlib

import campaign
import pg_pair
import pg_sides

ROWS_BEFORE = 200_000
SESSIONS = 100_000  # made to see what one takes


class CampaignPg(campaign.Campaign):
    """A primary and a synchronous standby of its own beside the servers, on the same cores."""

    driver = "pg"

    @contextlib.contextmanager
    def beside(self):
        self.progress.step("starting a primary and a standby", count=False)
        with pg_pair.Pair(self.build, self.folder, 1000 if self.args.quick else ROWS_BEFORE, [pg_sides.OURS]) as self.pair:
            self.data["commit_ms"] = self.pair.commit_ms()
            yield

    @contextlib.contextmanager
    def server(self, **options):
        self.pair.forget_keys(pg_sides.OURS)
        options.update(durability="replica", settings=pg_sides.settings(self.pair))
        with super().server(**options) as server:
            yield server

    def load(self, server, **options):
        """With what the database used meanwhile, by call. Without a warm-up: its counters know no part of a load."""
        options.pop("warmup", None)
        before, puts = self.pair.counters(), server.metrics()["sessiond_store_puts_total"]
        row = super().load(server, **options)
        after, puts = self.pair.counters(), server.metrics()["sessiond_store_puts_total"] - puts
        row.update(used(row, {key: after[key] - before[key] for key in after}, puts, len(self.all_cores)))
        return row

    def store_parts(self):
        self.journeys()
        self.sessions()

    def payment_takes(self, server, name):
        row = self.load(server, mix=f"{name}=1", journeys=campaign.PAYMENTS, connections=8, streams=32)
        calls = row["right"] / campaign.PAYMENTS
        return {"records": row["puts"] / campaign.PAYMENTS, **{key: row[key] * calls for key in ("primary_us", "standby_us", "wal_bytes")}}

    def sessions(self):
        """What a session's row takes of the database, its part of the index too; and a start, which reads none of them."""
        with self.server() as server:
            self.progress.step("what a session takes of the database")
            before = self.pair.table(pg_sides.OURS)
            self.load(server, calls=SESSIONS // 10 if self.args.quick else SESSIONS)
            after = self.pair.table(pg_sides.OURS)
            made = after["rows"] - before["rows"]
            self.data["per_session"] = {"row_bytes": (after["bytes"] - before["bytes"]) / max(1, made), "record_bytes": self.pair.record_bytes(pg_sides.OURS), "sessions": made}
            server.end()
            server.start(",".join(self.all_cores))
            self.data["restart"] = {"sessions": after["rows"], "seconds": campaign.middle([{"seconds": server.seconds_to_start}], "seconds")}


def used(row, spent, puts, cores):
    """What a load's row says of the database: spent, the difference of Pair.counters()."""
    calls = max(1, row["right"])
    return {"primary_us": spent["primary_ns"] / 1000 / calls, "standby_us": spent["standby_ns"] / 1000 / calls, "wal_bytes": spent["wal_bytes"] / calls,
            "primary_share": spent["primary_ns"] / 1e9 / max(0.01, row["seconds"]) / cores, "puts": puts,
            "syncs_per_second": spent["transactions"] / max(0.01, row["seconds"]), "records_per_sync": puts / spent["transactions"] if spent["transactions"] else 0}


def missing(build):
    return pg_pair.node.missing() or pg_sides.Ours.missing(build)
