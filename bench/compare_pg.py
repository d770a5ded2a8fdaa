#!/usr/bin/env python3
"""Measures sessiond over PostgreSQL beside the usual service (bench/peer_pg), in turn, in one run, and prints both in one table with what is asked.

    cmake -S . -B build -G Ninja -DSES_PEER=ON && cmake --build build
    bench/compare_pg.py --build build [--rounds 3] [--rates 1000,5000,20000] [--rows create,payment] [--seconds 4] [--sessions 200000] [--scale 1] [--json]

A primary and a synchronous standby are started for it (Debian's postgresql-15; configuration deploy/pg, fsync on), with a database for each service and
so many sessions in each. Both services run all the time and are asked in turn, an open loop at each rate; who is first changes from round to round.
Both have one core and the load generator another one; the servers of the database may run on both. CPU is that of all processes of the
service, of the primary and of the standby, backends and background processes, by answered call or payment; figures are the rounds' medians (least .. greatest), and so is
the ratio of each round's pair. A rate that is not held (p99 above a second) is told; CPU by call counts all the same, p50 and p99 then say nothing.
"knee": creates at half of the greatest rate at which each service has a p99 below 10 ms (a short ladder, once), beside one commit of the database. "store": what of a create's CPU is the driver's
and libpq's own (perf; bench/lib/store_share.py), at the greatest rate, in a run of its own, since sampling costs.

What the machine was like is told by a control: one Ed25519 signature and the load average. Absolute figures are those of one machine on which service, generator,
primary and standby share the cores: read CPU and ratios.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import bench_server  # noqa: E402
import cost_rows  # noqa: E402
import machine  # noqa: E402
import pg_cost  # noqa: E402
import pg_pair  # noqa: E402
import pg_sides  # noqa: E402
from paired import Control, here_line, print_columns, progress  # noqa: E402

SESSIONS_READ = 2000
SESSIONS_MORE = 2048  # tokens behind the last call in flight are not kept


class Side:
    """One service, and the loads that it gets, each with ids of its own."""

    def __init__(self, service, pair, args):
        self.service, self.pair, self.args, self.number, self.shared = service, pair, args, 0, {}
        self.core = str(max(os.sched_getaffinity(0)))

    def n(self, count):
        return max(200, round(count * self.args.scale))

    def seconds(self, seconds):
        return max(0.3, seconds * self.args.scale)

    def load(self, **options):
        if "prefix" not in options:
            self.number += 1
            options["prefix"] = bench_server.ids(self.service.name[0], self.number)
        return bench_server.load(self.args.build, self.service.listen, self.core, any_token=True, **options)

    def counters(self):
        return {**self.pair.counters(), **self.service.counters()}

    def tokens(self, count):
        """Sessions for a row that continues some: what its load must be told."""
        path = pathlib.Path(self.args.folder, f"tokens-{self.service.name}")
        self.load(calls=count + SESSIONS_MORE, tokens_out=path, **cost_rows.MANY)
        return {"tokens_in": path, "prefix": bench_server.ids(self.service.name[0], self.number)}

    def measure(self, row, rate):
        name, _, calls, _, options = row
        seconds = self.seconds(self.args.seconds)
        options = {**options, **cost_rows.MANY, "rate": rate // calls, "poisson": True}
        options.update({"journeys": max(1, round(rate / calls * seconds))} if calls > 1 else {"seconds": seconds})
        if name in pg_cost.NEEDS_SESSIONS:
            options.update(self.tokens(SESSIONS_READ if name == "read" else round(rate * seconds * 1.1)))
        before, start = self.counters(), time.monotonic()
        load = self.load(**options)
        took = time.monotonic() - start
        return pg_cost.used(row, load, before, self.counters(), took)

    def store_us(self):
        """At the greatest rate that is measured."""
        seconds = self.seconds(self.args.seconds)
        return self.service.store_us(lambda: self.load(rate=max(self.args.rates), poisson=True, seconds=seconds, **cost_rows.MANY), seconds)

    def half_knee(self):
        """Creates at half of the greatest rate that an open loop holds, which is looked for once."""
        if "knee" not in self.shared:
            self.shared["knee"] = cost_rows.find_knee(self)
        figures = cost_rows.half_knee(self)
        return {"p50_ms": figures["p50"], "p99_ms": figures["p99"], "rate": round(self.shared["knee"] / 2)}


def measure(args):
    """What is printed, as --json tells it."""
    able = [side for side in pg_sides.SIDES if not side.missing(args.build)]
    core = str(min(os.sched_getaffinity(0)))
    control = Control(args.build, core)
    result = {"rows": {}, "knee": {side.name: [] for side in able}, "store_us": [], "sides": [side.name for side in able],
              "without": [side.missing(args.build) for side in pg_sides.SIDES if side not in able]}
    chosen = [(row, rate) for rate in args.rates for row in pg_cost.ROWS if row[0] in args.rows]
    progress("starting a primary and a standby")
    with pg_pair.Pair(args.build, args.folder, args.sessions, [side.name for side in able]) as pair, contextlib.ExitStack() as stack:
        sides = []
        for service in able:
            running = service(args.build, pair, core)
            stack.callback(running.stop)
            sides.append(Side(running, pair, args))
            sides[-1].load(calls=sides[-1].n(5000), **cost_rows.MANY)
        control.look()
        result["commit_ms"] = pair.commit_ms()
        for number in range(args.rounds):
            for row, rate in chosen:
                for side in sides[::1 if number % 2 == 0 else -1]:
                    progress(f"round {number + 1} of {args.rounds}, {row[0]} at {rate}, {side.service.name}")
                    result["rows"].setdefault(f"{row[0]} {rate}", {it.name: [] for it in able})[side.service.name].append(side.measure(row, rate))
            for side in sides if "knee" in args.rows else ():
                progress(f"round {number + 1} of {args.rounds}, half the knee, {side.service.name}")
                result["knee"][side.service.name].append(side.half_knee())
            for side in sides if "store" in args.rows else ():
                if side.service.name == pg_cost.OURS and (value := side.store_us()) is not None:
                    result["store_us"].append(value)
            control.look()
        result["record_bytes"] = {name: pair.record_bytes(name) for name in result["sides"]}
    progress("")
    result.update(signature_us=control.signatures, load=control.loads, control=control.line())
    return result


def print_table(args, here, result):
    names = result["sides"]
    print(here_line(here, args.rounds))
    print(f"{args.build}: {here['build_type']}; {machine.run('/usr/lib/postgresql/15/bin/postgres', '--version')}, {args.sessions:,} sessions, primary and one synchronous standby")
    table = [("by call or payment", *names, f"{names[-1]} / {names[0]}" if len(names) > 1 else "", "asked", "")]
    for row in pg_cost.ROWS:
        for rate in args.rates:
            if f"{row[0]} {rate}" in result["rows"]:
                table += pg_cost.lines_of(row, rate, result["rows"][f"{row[0]} {rate}"], names)
    if "knee" in args.rows:
        table += pg_cost.knee_lines(result["knee"], names, result["commit_ms"])
    if "store" in args.rows:
        table.append(pg_cost.store_line(result["store_us"], names))
    print_columns(table)
    print(f"one commit of the database: {result['commit_ms']:.2f} ms; a record: "
          + ", ".join(f"{name} {size:.0f} bytes" for name, size in result["record_bytes"].items()))
    print(result["control"])
    for why in result["without"]:
        print(f"not measured: {why}")


def rate_list(text):
    rates = [int(part) for part in text.split(",")]
    if not all(0 < rate <= 1_000_000 for rate in rates):
        raise argparse.ArgumentTypeError(f"{text}: calls a second are wanted, 1 to 1000000, with commas between")
    return rates


def row_names(text):
    names = [row[0] for row in pg_cost.ROWS] + ["knee", "store"]
    if not set(text.split(",")) <= set(names):
        raise argparse.ArgumentTypeError(f"no such row among {text}; there are {', '.join(names)}")
    return text.split(",")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[1] / "build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rates", type=rate_list, default=list(pg_cost.RATES))
    parser.add_argument("--rows", type=row_names, default=row_names("create,read,change,payment,knee,store"))
    parser.add_argument("--seconds", type=float, default=4, help="of each load (4)")
    parser.add_argument("--sessions", type=int, default=200_000, help="in each database beforehand (200000)")
    parser.add_argument("--scale", type=float, default=1, help="how long and how many, as a part of the usual")
    parser.add_argument("--json", action="store_true", help="all figures as JSON instead of a table")
    args = parser.parse_args()
    sides = [side.missing(args.build) for side in pg_sides.SIDES]
    why = pg_pair.node.missing() or ("; ".join(sides) if all(sides) else "")
    for program in ("sessiond-load", "sessiond-micro"):
        why = why or ("" if (args.build / program).exists() else f"{args.build / program} is missing: build it first")
    if why:
        sys.exit(f"compare_pg: {why}")
    args.build = args.build.resolve()
    args.folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-pg-cost-", dir=os.environ.get("SES_BENCH_DIR")))
    here = machine.describe(args.build, args.folder)
    try:
        result = measure(args)
    except (bench_server.Failed, subprocess.CalledProcessError, AssertionError) as error:
        sys.exit(f"compare_pg: {error}")
    finally:
        shutil.rmtree(args.folder, ignore_errors=True)
    if args.json:
        json.dump({"machine": here, **result}, sys.stdout, indent=1)
        print()
    else:
        print_table(args, here, result)


if __name__ == "__main__":
    main()
