"""What the report says of sessions that are in PostgreSQL: rows, WAL and the primary's CPU, where it speaks of files and table else."""
from page import count, esc, ms, share, table, us

EDGE = " This is at the edge of what was seen to hold: no reserve is in it."
LIMITS = {"primary": "the primary's CPU", "disk": "the primary's disk"}


def tile(point):
    return f"{us(point['primary_us'])} us", f"CPU of the primary a call, {point['records_per_sync']:.1f} records a transaction"


def commit_text(data):
    return (f"One commit of the database, the standby's answer included, takes {ms(data['commit_ms'])} ms by itself (p50), and a call waits for the rest of the one before its own too: "
            "that is the floor under the latencies above.")


def payments_text(data):
    rows = [[esc(j["name"]), us(j["cpu_us"]), us(j["primary_us"]), us(j["standby_us"]), f"{j['wal_bytes'] / 1024:.1f}", f"{j['records']:.1f}"] for j in data["journeys"]]
    return table("What a payment takes (closed loop, 8 x 32)", ["payment", "CPU of the server, us", "of the primary, us", "of the standby, us", "WAL, KiB", "records"], rows)


def sizing_sentence(row, sizing, core):
    edge = EDGE if row["edge"] else ""
    return (f"<p><b>For {count(row['rate'])} calls/s at p99 &lt; {sizing['p99_ms']:g} ms you need {row['cores']} {core}</b> for the workers ({row['cores_busy']:.2f} .. {row['cores_busy_high']:.2f} of them busy) "
            f"and {max(0.1, row['memory_gib']):.1f} GiB of memory for them and {sizing['connections']:,} connections; of the database <b>{row['primary_cores']:.1f} cores for the primary</b> (kept half idle), "
            f"<b>{row['wal_mib_per_second']:.1f} MiB/s of WAL</b> on its disk and to the standby, {count(row['transactions_per_second'])} transactions a second that write, and <b>{row['database_gib']:.1f} GiB</b> for {count(row['live_rows'])} rows, "
            f"dead ones and index included, WAL not. p99 seen: {ms(row['p99_ms'])} ms at {count(row['seen_at'])} calls/s. Uncertainty of the rate: {share(row['uncertainty'])}.{edge}</p>")


def room_text(sizing):
    settings, traffic, payment, carried = sizing["settings"], sizing["traffic"], sizing["payment"], sizing["carries"]
    rows = [["the primary's CPU", f"{sizing['primary_cores']:g} cores, {share(sizing['busy'])} of them busy", count(carried["primary"])],
            ["the primary's disk", f"{sizing['disk_gib']:g} GiB for table and index, filled to {share(sizing['pressed'])}", count(carried["disk"])]]
    return f"""<p><b>Such a database carries {count(carried[sizing['binds']])} payments a second; {LIMITS[sizing['binds']]} binds first.</b></p>
<p class=note>One payment begun a second takes {sizing['rows_held']:,.0f} rows: a finished one's row stays for closed_seconds ({settings['session.closed_seconds']:g}) behind its end, an abandoned one's
({share(traffic['abandoned'])} of them) for ttl_seconds ({settings['session.ttl_seconds']:g}) and a while in which it is known as over, both until the sweep comes by. All are taken for {esc(payment['name'])}: {us(payment['primary_us'])} us of the primary's
CPU, {us(payment['standby_us'])} of the standby's, {payment['wal_bytes'] / 1024:.1f} KiB of WAL, as measured in a closed loop: with fewer calls a transaction holds fewer records, and costs more each (bench/compare_pg.py).</p>
{table("Of one shard", ["what", "given", "payments/s"], rows)}"""


def takes_rows(data):
    per = data["per_session"]
    return [["database per million sessions, index included", f"{per['row_bytes'] * 1e6 / 2 ** 20:,.0f} MiB ({count(per['sessions'])} were made)"],
            ["a session's first record", f"{per['record_bytes']:.0f} bytes"],
            [f"start beside {count(data['restart']['sessions'])} sessions, none of which is read, until ready", f"{data['restart']['seconds']['median']:.2f} s"]]
