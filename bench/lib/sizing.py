"""From measurements to hardware: cores, memory and disk for a rate, and what the server's settings carry."""
import room
import room_pg


def size(data, args):
    """Also of a report that was written earlier: another rate needs no new measurement."""
    holds = data["knee"]["holds"]
    wanted = args.calls_per_second or ([holds * part for part in (0.25, 0.5, 1.0, 2.0)] if holds else [])
    return {"connections": args.connections, "p99_ms": data["slo_p99_ms"], **room_for(data, args),
            "rows": [size_for(data, args, rate) for rate in wanted]}


def settings_of(args):
    """The server's defaults, with the times that were named."""
    named = {"session.ttl_seconds": args.ttl_seconds, "session.closed_seconds": args.closed_seconds,
             "store.gc_age_seconds": args.gc_age_seconds}
    return {**room.defaults(), **{key: value for key, value in named.items() if value is not None}}


def traffic_of(args):
    """Payments that stay open are always reckoned with: there is one among many, and it holds back the others."""
    return {"abandoned": args.abandoned_share, "payment_seconds": args.payment_seconds, "early": args.early_share, "stays_open": True}


def over_pg(data):
    return data.get("driver") == "pg"


def dearest(data):
    return max(data["journeys"], key=lambda journey: journey["primary_us" if over_pg(data) else "record_bytes"])


def file_factor(data):
    """Bytes of file for a byte of records, over the fill with sessions. Files grow in steps: small fills say nothing."""
    return max(1.0, data["per_session"]["disk_bytes"] / data["per_session"]["record_bytes"])


def room_for(data, args):
    """What a payment holds with these settings, and how many a second the server's defaults carry."""
    settings, traffic, payment = settings_of(args), traffic_of(args), dearest(data)
    if over_pg(data):
        return room_of_database(data, args, settings, traffic, payment)
    first, workers = data["per_session"]["record_bytes"], data["machine"]["cores"]
    carried = room.carries(settings, traffic, payment, first, workers, args.disk_gib * 2 ** 30, file_factor(data))
    shown = ("session.ttl_seconds", "session.closed_seconds", "session.inbox_seconds", "store.gc_age_seconds", "store.sessions_max", "store.quota_mib")
    return {"settings": {key: settings[key] for key in shown}, "traffic": traffic, "payment": {key: payment[key] for key in ("name", "records", "record_bytes")},
            "hold_seconds": room.hold_seconds(settings, traffic, "finished"), "places": room.places(settings, traffic),
            "record_bytes": room.record_bytes(settings, traffic, payment, first), "file_factor": file_factor(data),
            "disk_gib": args.disk_gib, "workers": workers, "pressed": room.PRESSED, "carries": carried, "binds": min(carried, key=carried.get)}


def room_of_database(data, args, settings, traffic, payment):
    cores = args.primary_cores or data["machine"]["cores"]
    carried = room_pg.carries(settings, traffic, payment, data["per_session"]["row_bytes"], cores, args.disk_gib * 2 ** 30)
    shown = ("session.ttl_seconds", "session.closed_seconds", "session.inbox_seconds")
    return {"settings": {key: settings[key] for key in shown}, "traffic": traffic, "payment": {key: payment[key] for key in ("name", "records", "primary_us", "standby_us", "wal_bytes")},
            "rows_held": room_pg.rows(settings, traffic), "disk_gib": args.disk_gib, "primary_cores": cores, "busy": room_pg.BUSY_SHARE, "pressed": room.PRESSED,
            "carries": carried, "binds": min(carried, key=carried.get)}


def store_for(data, args, rate, near, n):
    """What n workers' store takes at a rate, and the memory of the session table that is part of it."""
    session, held = data["per_session"], room_for(data, args)
    if over_pg(data):
        return {**room_pg.database(settings_of(args), traffic_of(args), dearest(data), session["row_bytes"], rate), "transactions_per_second": near["syncs_per_second"] * n}, 0
    live = rate * held["places"]
    sessions_max = live / room.PRESSED
    return {"syncs_per_second": near["syncs_per_second"] * n, "disk_writes_per_second": near["disk_writes_per_second"] * n, "live_sessions": round(live),
            "sessions_max": round(sessions_max), "disk_gib_live": rate * held["record_bytes"] * held["file_factor"] / 2 ** 30,
            "live_measured": data["sessions"][-1]["live"]}, sessions_max * session["table_bytes"] / 1024


def size_for(data, args, rate):
    """Cores, memory, disk for a rate; or why not."""
    knee, workers = data["knee"], data["workers"]
    row = {"rate": round(rate)}
    if not knee["holds"]:
        return {**row, "refused": f"not even {knee['ladder'][0]['offered']:,} calls/s kept p99 < {data['slo_p99_ms']:g} ms here"}
    if knee["fails"] is None:
        return {**row, "refused": "the knee was not found: every rate offered held, so there is no upper end to size by"}
    # How much more n workers do than one, by CPU per call: wall-clock rates say nothing where the generator shares their cores.
    scaling = {w["workers"]: w["workers"] * min(1.0, workers[0]["cpu_us"]["median"] / w["cpu_us"]["median"]) for w in workers}
    fits = [(n, s) for n, s in sorted(scaling.items()) if rate <= knee["holds"] * s * 1.001]
    if not fits:
        most = max(scaling)
        return {**row, "refused": f"{rate:,.0f} calls/s are above what {most} workers can do by these measurements ({knee['holds'] * scaling[most]:,.0f}); "
                                  f"more than {most} workers were not measured here, and scaling is not extrapolated"}
    n, _ = fits[0]
    # The rate tried that is nearest, in its worst run.
    near = min((r for r in knee["ladder"] if r["held"]), key=lambda r: (abs(r["offered"] - rate / n), -r["p99_ms"]))
    memory, (store, table_kib) = data["memory"], store_for(data, args, rate, near, n)
    kib = memory["worker_kib"] * n + table_kib + args.connections * memory["kib_per_connection"]
    spread = max(near["cpu_us"]["max"] / near["cpu_us"]["min"] - 1, knee["fails"] / knee["holds"] - 1)
    busy = rate * near["cpu_us"]["median"] / 1e6
    return {**row, **store, "cores": n, "cores_busy": busy, "cores_busy_high": busy * (1 + spread), "memory_gib": kib / 1048576, "uncertainty": spread,
            "p99_ms": near["p99_ms"], "seen_at": near["offered"] * n, "edge": rate > knee["holds"] * 0.9 * scaling[n]}
