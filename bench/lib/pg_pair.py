"""A PostgreSQL primary and its synchronous standby to measure services on: the pair of tests/pg, durable and of a real size, with a
database for each service, and what both servers have used."""
import contextlib
import os
import pathlib
import statistics
import sys
import tempfile

import machine

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "pg"))
import node  # noqa: E402
from cluster import PASSWORD, Cluster  # noqa: E402

# A session of a usual create, and keys as sessions have them: any 32 bytes.
FILL = """INSERT INTO session (key, revision, write_id, retain_ms, record)
          SELECT sha256(int8send(n)), 0, substr(sha256(int8send(-n)), 1, 24), 9223372036854775807, string_agg(sha256(int8send(n * 16 + part)), '')
          FROM generate_series(1, {rows}) n, generate_series(1, 10) part GROUP BY n"""
# fsync and full_page_writes as in production; no checkpoint for its time within a run.
SIZES = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "512MB", "effective_cache_size": "2GB", "max_connections": "100",
         "max_wal_size": "8GB", "wal_keep_size": "256MB", "log_connections": "off"}
COMMITS = 400


def database_of(side):
    return f"sessions_of_{side}"


@contextlib.contextmanager
def temporary_folder(place):
    """Where a pair that is made now puts itself: on the disk that is measured, and not in memory."""
    before, cached = dict(os.environ), tempfile.tempdir
    os.environ["TMPDIR"], tempfile.tempdir = place, place
    try:
        yield
    finally:
        tempfile.tempdir = cached
        os.environ.clear()
        os.environ.update(before)


class Pair:
    """with Pair(build, folder, rows, sides) as pair: ..  A database for each side, with so many sessions that nobody asks for."""

    def __init__(self, build, folder, rows, sides):
        self.build, self.folder, self.rows, self.databases = build, folder, rows, [database_of(side) for side in sides]
        self.place = tempfile.mkdtemp(prefix="pg-", dir=folder)
        for each in (folder, self.place):  # the database's own user goes through both
            os.chmod(each, 0o755)

    def __enter__(self):
        with temporary_folder(self.place):
            self.cluster = Cluster(build=self.build, kept=False, tls=False, relays=False, settings=SIZES)
        self.cluster.__enter__()
        self.primary, self.standby = self.cluster.primary, self.cluster.standby
        for name in self.databases:
            self.primary.sql(f"CREATE DATABASE {name} TEMPLATE sessiond; GRANT CONNECT ON DATABASE {name} TO sessiond", "postgres")
            hba = self.primary.data / "pg_hba.conf"
            hba.write_text(hba.read_text() + f"host {name} sessiond 127.0.0.1/32 scram-sha-256\n")
            self.primary.sql(FILL.format(rows=self.rows), name, timeout=3600)
            self.primary.sql("VACUUM (ANALYZE, FREEZE) session", name, timeout=3600)
        self.primary.sql("ALTER ROLE sessiond CONNECTION LIMIT 90; SELECT pg_reload_conf(); CHECKPOINT", "postgres", timeout=3600)
        return self

    def __exit__(self, *error):
        self.cluster.__exit__(*error)

    def conninfo(self, side, password=False):
        """Of the primary."""
        secret = f" password={PASSWORD}" if password else ""
        return f"host=127.0.0.1 port={self.primary.port} dbname={database_of(side)} user=sessiond sslmode=disable{secret}"

    def password_file(self):
        path = pathlib.Path(self.folder, "password")
        path.write_text(PASSWORD + "\n")
        path.chmod(0o600)
        return path

    def counters(self):
        """What both servers have used so far: CPU of all their processes, WAL, transactions that wrote."""
        wal, transactions = self.primary.sql("SELECT pg_current_wal_insert_lsn() - '0/0', pg_snapshot_xmax(pg_current_snapshot())", "postgres").split("|")
        return {"primary_ns": machine.family_ns(self.primary.process.pid), "standby_ns": machine.family_ns(self.standby.process.pid),
                "wal_bytes": int(wal), "transactions": int(transactions)}

    def record_bytes(self, side):
        """Of a session that a service wrote, on average."""
        return float(self.primary.sql("SELECT coalesce(avg(length(record)), 0) FROM session WHERE retain_ms < 9223372036854775807", database_of(side)))

    def forget_keys(self, side):
        """For a server with keys of its own: what is stored was another one's, and nobody asks for it."""
        self.primary.sql("UPDATE shard SET fingerprints = NULL", database_of(side))

    def table(self, side):
        """Rows, and bytes of the session table with its index."""
        rows, size = self.primary.sql("SELECT count(*), pg_total_relation_size('session') FROM session", database_of(side), timeout=3600).split("|")
        return {"rows": int(rows), "bytes": int(size)}

    def commit_ms(self):
        """The median of single inserts, one after the other, standby's answer included: one commit of the database."""
        self.primary.sql("CREATE TABLE IF NOT EXISTS probe (key bytea PRIMARY KEY, record bytea)", "postgres")
        script = pathlib.Path(self.place, "commit.sql")
        script.write_text("INSERT INTO probe SELECT sha256(random()::text::bytea), string_agg(sha256(random()::text::bytea), '') FROM generate_series(1, 10);\n")
        logs = pathlib.Path(tempfile.mkdtemp(dir=self.cluster.folder))
        os.chmod(logs, 0o777)
        node.run(node.BIN / "pgbench", "-n", "-c", "1", "-t", str(COMMITS), "-M", "prepared", "-f", script, "-l", "--log-prefix", logs / "log",
                 "-h", self.primary.sockets, "-p", str(self.primary.port), "-U", node.account().pw_name, "postgres")
        took = [int(line.split()[2]) / 1000 for path in logs.iterdir() for line in path.read_text().splitlines()]
        return statistics.median(took[len(took) // 10:])
