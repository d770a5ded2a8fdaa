"""What bench/compare_pg.py measures of a service over PostgreSQL, and what is asked of it.

A row is a load: (name, title of one unit, calls of one unit, records that it writes, its options of sessiond-load). Its figures are those
of one unit: a call, or a payment of eight.
"""
import paired

USUAL, OURS = "usual", "sessiond"
RATES = (1000, 5000, 20000)  # calls a second
PAYMENT = "three_ds_grpc"
ROWS = (
    ("create", "create", 1, 1, {}),
    ("read", "read", 1, 0, {"method": "get"}),
    ("change", "change", 1, 1, {"method": "change"}),
    ("payment", "3-D Secure payment", 8, 6, {"mix": f"{PAYMENT}=1"}),
)
NEEDS_SESSIONS = ("read", "change")
HELD_P99_MS = 1000  # an open loop whose rate is not held waits longer and longer
# (row, calls a second, figure): the most that it may be of the usual service's.
ASKED_RATIO = {("create", 20000, "primary_us"): 1 / 3, ("payment", 20000, "primary_us"): 1 / 4}
ASKED_STORE_US = 3
ASKED_KNEE_MS = 1  # above one commit of the database, p50 at half the knee
FIGURES = (  # key, title, digits
    ("primary_us", "CPU of the primary, us", None), ("standby_us", "CPU of the standby, us", None), ("service_us", "CPU of the service, us", None),
    ("wal_bytes", "WAL, bytes", 0), ("batch", "records a transaction", 1), ("read_batch", "rows a statement that reads", 1),
    ("p50_ms", "p50 of a call, ms", 2), ("p99_ms", "p99 of a call, ms", 2), ("rate", "units a second", 0))


def used(row, load, before, after, seconds):
    """A row's figures: what was used between two looks at all counters, by the units that sessiond-load has counted."""
    name, _, calls, writes, _ = row
    units = load["journeys"][PAYMENT] if calls > 1 else load["right"]
    if not units:
        return {}
    spent = {key: after[key] - before[key] for key in after if key in before}
    figures = {f"{who}_us": spent[f"{who}_ns"] / 1000 / units for who in ("primary", "standby", "service")}
    figures.update(wal_bytes=spent["wal_bytes"] / units, p50_ms=load["p50_ns"] / 1e6, p99_ms=load["p99_ns"] / 1e6)
    figures["rate"] = units / (load["seconds"] if held(figures) else seconds)
    if writes and spent["transactions"] > 0:
        figures["batch"] = units * writes / spent["transactions"]
    if name != "create" and name != "change" and spent.get("reads"):
        figures["read_batch"] = spent["rows_read"] / spent["reads"]
    return figures


def held(figures):
    return figures["p99_ms"] < HELD_P99_MS


def lines_of(row, rate, result, sides):
    """The table's lines of one row at one rate; result: {side: [figures of each round]}, sides: the usual service first."""
    name, title, calls, _, _ = row
    yield (f"{title}, {rate:,} calls a second" + (f", {rate // calls:,} payments" if calls > 1 else ""), *("" for _ in range(len(sides) + 3)))
    for key, label, digits in FIGURES:
        values = {side: [figures[key] for figures in result[side] if key in figures] for side in sides}
        if not any(values.values()):
            continue
        ratios = [ours / theirs for theirs, ours in zip(values[sides[0]], values[sides[-1]]) if theirs > 0] if len(sides) > 1 else []
        asked = ASKED_RATIO.get((name, rate, key))
        cells = [paired.spread(values[side], digits) + ("" if key != "rate" or all(map(held, result[side])) else " (not held)") for side in sides]
        yield ("  " + label, *cells, paired.spread(ratios, 3) if ratios else "", "" if asked is None else f"ratio <= {asked:.2f}", paired.verdict(ratios, asked))


def knee_lines(knee, sides, commit_ms):
    """p50 of creates at half of each side's own knee, beside one commit of the database."""
    ours = [figures["p50_ms"] - commit_ms for figures in knee.get(OURS, [])]
    yield ("create at half the knee, p50, ms", *(paired.spread([figures["p50_ms"] for figures in knee.get(side, [])], 2) for side in sides), "",
           f"sessiond <= {commit_ms + ASKED_KNEE_MS:.2f}", paired.verdict(ours, ASKED_KNEE_MS))
    yield ("  calls a second there", *(paired.spread([figures["rate"] for figures in knee.get(side, [])], 0) for side in sides), "", "", "")


def store_line(store_us, sides):
    cells = [paired.spread(store_us, 1) if side == OURS else "" for side in sides]
    return ("create: of its CPU the store's own, us", *cells, "", f"<= {ASKED_STORE_US}", paired.verdict(store_us, ASKED_STORE_US))
