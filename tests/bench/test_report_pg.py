"""The capacity report over PostgreSQL, on made-up measurements: rows, WAL and the primary's CPU, and no word of files and table."""
import argparse
import unittest

from test_report import ARGS, Closed, measured
import campaign
import campaign_pg
import capacity_report
import room
import room_pg
import sizing

ASKED = argparse.Namespace(**{**vars(ARGS), "primary_cores": None})
DATABASE = {"primary_us": 20.0, "standby_us": 8.0, "wal_bytes": 700.0, "primary_share": 0.4}
SETTINGS = {"session.ttl_seconds": 900, "session.closed_seconds": 3600, "session.inbox_seconds": 600}


def over_pg():
    data = measured()
    for part in ("sessions", "durability", "reads"):
        del data[part]
    for rows in (data["knee"]["ladder"], data["scalability"]["points"], data["connections"], data["streams"], data["workers"], data["connector"]):
        for row in rows:
            row.update(DATABASE)
    data.update(driver="pg", commit_ms=0.6, per_session={"row_bytes": 1000.0, "record_bytes": 305.0, "sessions": 100000},
                bottleneck=campaign.bottleneck(data["peak"]), restart={"sessions": 300000, "seconds": {"median": 0.2, "min": 0.2, "max": 0.2}})
    data["knee"]["bottleneck"] = campaign.bottleneck(data["knee"]["at"])
    data["journeys"] = [{**data["journeys"][0], "name": name, "records": 6, "primary_us": us, "standby_us": 30.0, "wal_bytes": 4096.0} for name, us in (("redirect", 60.0), ("three_ds", 100.0))]
    data["sizing"] = sizing.size(data, ASKED)
    return data


class Rows(unittest.TestCase):
    def test_each_kind_stays_until_the_sweep_behind_its_end(self):
        traffic = {"abandoned": 0.25, "payment_seconds": 100, "early": 0.5}
        self.assertEqual(room_pg.rows(SETTINGS, traffic), 0.75 * (100 + 3600 + 600) + 0.25 * (900 + 600 + 600) + 0.5 * (600 + 600))

    def test_what_a_rate_asks_of_the_database(self):
        traffic = {"abandoned": 0, "payment_seconds": 100, "early": 0}
        told = room_pg.database(SETTINGS, traffic, {"primary_us": 100, "wal_bytes": 4096}, 1000, 500)
        self.assertEqual(told["live_rows"], 500 * 4300)
        self.assertAlmostEqual(told["primary_cores"], 500 * 100e-6 / 0.5)
        self.assertAlmostEqual(told["wal_mib_per_second"], 500 * 4096 / 2 ** 20)
        self.assertAlmostEqual(told["database_gib"], 500 * 4300 * 1000 * 1.25 / 2 ** 30)

    def test_what_a_database_carries(self):
        told = room_pg.carries(SETTINGS, {"abandoned": 0, "payment_seconds": 100, "early": 0}, {"primary_us": 100}, 1000, 8, 2 ** 33)
        self.assertAlmostEqual(told["primary"], 8 * 0.5 / 100e-6)
        self.assertAlmostEqual(told["disk"], room.PRESSED * 2 ** 33 / (4300 * 1250))


class Campaign(unittest.TestCase):
    def test_a_loads_row(self):
        spent = {"primary_ns": 4_000_000_000, "standby_ns": 1_000_000_000, "wal_bytes": 70_000_000, "transactions": 5000}
        self.assertEqual(campaign_pg.used({"right": 100_000, "seconds": 4.0}, spent, 100_000, 2), {
            "primary_us": 40.0, "standby_us": 10.0, "wal_bytes": 700.0, "primary_share": 0.5, "puts": 100_000, "syncs_per_second": 1250.0, "records_per_sync": 20.0})

    def test_the_primary_can_be_the_bottleneck(self):
        told = campaign.bottleneck({**measured()["peak"], "primary_share": 0.93})
        self.assertEqual((told["name"], told["saturated"]), ("the primary, of all cores", True))
        self.assertNotIn("the committer thread", told["shares"])


class Sizing(unittest.TestCase):
    def test_the_dearest_payment_is_the_primarys(self):
        held = over_pg()["sizing"]
        self.assertEqual((held["payment"]["name"], held["primary_cores"], held["binds"]), ("three_ds", 2, "disk"))

    def test_a_rate(self):
        row = sizing.size_for(over_pg(), ASKED, 10000)
        self.assertEqual((row["cores"], row["primary_cores"], row["transactions_per_second"]), (1, 2.0, 500))
        self.assertAlmostEqual(row["memory_gib"], (40000 + 6000) / 2 ** 20)
        self.assertNotIn("sessions_max", row)

    def test_cores_of_another_primary(self):
        few, many = (sizing.room_for(over_pg(), argparse.Namespace(**{**vars(ASKED), "disk_gib": 4000, "primary_cores": cores})) for cores in (None, 16))
        self.assertEqual((few["binds"], many["carries"]["primary"] / few["carries"]["primary"]), ("primary", 8))


class Page(unittest.TestCase):
    def test_a_whole_report(self):
        text = capacity_report.html_report(over_pg())
        page = Closed()
        page.feed(text)
        self.assertEqual((page.open, page.external), ([], []))
        for words in ("20.0 us</b>", "cores for the primary</b>", "MiB/s of WAL", "transactions/s x records", "One commit of the database", "What a payment takes", "Such a database carries"):
            self.assertIn(words, text)
        for words in ("syncs/s", "sessions_max", "quota", "the committer thread", "Durability", "session table"):
            self.assertNotIn(words, text)


if __name__ == "__main__":
    unittest.main()
