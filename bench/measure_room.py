#!/usr/bin/env python3
"""Measures what payments hold, table places and disk, once as many are collected as are begun, against the model of lib/room.py.

    bench/measure_room.py [--build build] [--rate 200] [--seconds 240] [--closed-seconds 60] [--mix redirect=8,create=2] [--open-every 5]

Two workers, durability disk, payments begun at that rate (open loop); `create` in the mix is a payment that is abandoned. The times of the
configuration are its defaults, scaled so that closed_seconds is the one given. Bytes of a payment are measured before anything is collected;
the rest is predicted from them, and compared with what is seen over the last quarter. --open-every: every so many seconds a payment begins to
be processed, and that is all that is ever told of it.
"""
import argparse
import itertools
import json
import pathlib
import statistics
import threading
import time
import urllib.request

from measure import served

import bench_server
import room

SCALED = ("session.ttl_seconds", "session.inbox_seconds", "session.closed_seconds", "session.step_seconds", "store.gc_age_seconds")
SEEN = ("table_entries", "store_records", "store_bytes")
CREATE, ADVANCE = "types.MerchantAuthenticationService/CreateSessionToken", "sessiond.v1.SessionService/AdvanceSession"
HEADERS = {"content-type": "application/json", "x-connector": "adyen",
           "x-connector-config": '{"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}'}


def call(server, method, body):
    request = urllib.request.Request(f"http://{server.listen}/{method}", data=json.dumps({**body, "test_mode": True}).encode(), headers=HEADERS)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def stay_open(server, number):
    session = {"merchant_session_id": f"open-{number}"}
    answer = call(server, CREATE, {**session, "amount": {"minor_amount": 10000, "currency": "USD"}})
    call(server, ADVANCE, {**session, "session_token": answer["session_token"], "event": "PROCESSING_STARTED"})


class Beside(threading.Thread):
    """Does something every so many seconds, until it is told to end."""

    def __init__(self, seconds, do):
        super().__init__(daemon=True)
        self.seconds, self.do, self.over, self.failed = seconds, do, threading.Event(), None
        self.start()

    def run(self):
        try:
            while not self.over.wait(self.seconds):
                self.do()
        except OSError as reason:
            self.failed = reason

    def end(self):
        self.over.set()
        self.join()
        if self.failed:
            raise bench_server.Failed(self.failed)


def parse_mix(text):
    parts = {name: int(weight) for name, weight in (part.split("=") for part in text.split(","))}
    return {name: weight / sum(parts.values()) for name, weight in parts.items()}


def measure_payments(args, mix):
    """Records and bytes of each kind; a finished one's in the mean."""
    with served(args.build, workers=2) as bench:
        sizes = {name: bench_server.payment_bytes(bench.server, bench.load, name, args.sample) for name in mix}
    for name, size in sizes.items():
        print(f"{name}: {size['record_bytes']:.0f} bytes in {size['records']:.2f} records", flush=True)
    finished = 1 - mix.get("create", 0)
    payment = {key: sum(sizes[name][key] * part for name, part in mix.items() if name != "create") / max(1e-9, finished) for key in ("records", "record_bytes")}
    return payment, sizes.get("create", {"record_bytes": 0})["record_bytes"]


def measure_steady(args, settings):
    """The load, and rows of what was there, second by second."""
    rows, numbers = [], itertools.count()
    with served(args.build, workers=2, log_level="error", settings={key: settings[key] for key in SCALED}) as bench:
        server = bench.server
        time.sleep(room.hold_seconds(settings, {"abandoned": 1, "early": 0, "stays_open": False}, "abandoned") + 2)  # the warming is collected

        def look():
            metrics = server.metrics()
            rows.append({"seconds": time.monotonic() - begin, "disk": server.disk_bytes(), **{name: metrics[f"sessiond_{name}"] for name in SEEN}})

        begin = time.monotonic()
        beside = [Beside(1, look)] + ([Beside(args.open_every, lambda: stay_open(server, next(numbers)))] if args.open_every else [])
        load = bench.load(mix=args.mix, rate=args.rate, seconds=args.seconds, think_ms=args.think_ms, connections=16, streams=256)
        for thread in beside:
            thread.end()
    return load, rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=240)
    parser.add_argument("--closed-seconds", type=int, default=60)
    parser.add_argument("--gc-age-seconds", type=int, help="before scaling; the default's otherwise")
    parser.add_argument("--mix", default="redirect=8,create=2")
    parser.add_argument("--think-ms", type=int, default=1000)
    parser.add_argument("--open-every", type=float, default=0)
    parser.add_argument("--sample", type=int, default=10000, help="payments of each kind, to measure their bytes")
    args = parser.parse_args()
    mix, settings = parse_mix(args.mix), room.defaults()
    settings["store.gc_age_seconds"] = args.gc_age_seconds or settings["store.gc_age_seconds"]
    scale = args.closed_seconds / settings["session.closed_seconds"]
    settings.update({key: max(1, round(settings[key] * scale)) for key in SCALED})
    payment, first_bytes = measure_payments(args, mix)
    load, rows = measure_steady(args, settings)
    abandoned = mix.get("create", 0)
    calls = (load["right"] / sum(load["journeys"].values()) - abandoned) / max(1e-9, 1 - abandoned)  # of a finished one
    traffic = {"abandoned": abandoned, "early": 0, "stays_open": args.open_every > 0, "payment_seconds": (calls - 1) * args.think_ms / 1000}
    print(f"{args.rate} payments/s of {args.mix}, {calls:.2f} calls each; " + ", ".join(f"{key} {settings[key]}" for key in SCALED)
          + f"; turn {room.turn_seconds(settings, traffic):.0f} s")
    last = [row for row in rows if args.seconds * 3 / 4 <= row["seconds"] <= args.seconds]
    seen = {name: statistics.mean(row[name] for row in last) for name in (*SEEN, "disk")}
    for name, predicted in (("table_entries", args.rate * room.places(settings, traffic)),
                            ("store_bytes", args.rate * room.record_bytes(settings, traffic, payment, first_bytes))):
        print(f"{name}: {seen[name]:,.0f} seen, {predicted:,.0f} predicted, {seen[name] / predicted - 1:+.1%}")
    print(f"{seen['store_records']:,.0f} records; files {seen['disk']:,.0f} bytes, {seen['disk'] / max(row['store_bytes'] for row in rows):.2f} of the most record bytes")
    for row in rows[::15]:
        print(" ".join(f"{name} {value:,.0f}" for name, value in row.items()))


if __name__ == "__main__":
    main()
