#!/usr/bin/env python3
"""Measures what a CreateSessionToken costs: server CPU a call, disk and memory a session, the same at many live sessions, time to start.

    bench/measure.py [--build build] [--sessions 1000000] [--durability disk] [--rounds 5]

The server (one worker, durability disk) and the load generator run on one core each. CPU is that of all server processes, user and system, from
/proc/PID/stat. Every figure is the median of the rounds, with minimum and maximum. Nothing here is a test: machines differ, ratios hold.
"""
import argparse
import contextlib
import os
import pathlib
import shutil
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import bench_server  # noqa: E402
import machine  # noqa: E402

SERVER_CORE, GENERATOR_CORE = "0", "1"
FILL_PART = 500_000  # calls between two looks at the log: ten million log 5 GB


def spread(rows, key):
    values = sorted(row[key] for row in rows)
    return f"{statistics.median(values):.1f} ({values[0]:.1f}..{values[-1]:.1f})"


class Bench:
    """One server and the loads it gets, each with ids of its own."""

    def __init__(self, build, folder, **settings):
        self.build, self.number = build.resolve(), 0
        bench_server.all_descriptors()
        self.server = bench_server.Server(self.build, folder, cores=SERVER_CORE, **settings)

    def load(self, **options):
        self.number += 1
        options.setdefault("prefix", "m-" + "".join(chr(ord("g") + int(d)) for d in f"{self.number:04}"))
        return bench_server.load(self.build, self.server.listen, GENERATOR_CORE, self.server.pids, **options)

    def series(self, name, rounds, **options):
        """Prints the rounds' medians; answers the CPU time of a call."""
        rows = [self.load(**options) for _ in range(rounds)]
        print(f"{name:44} CPU us a call {spread(rows, 'server_cpu_us_per_call'):24} calls/s {spread(rows, 'rate'):28} "
              f"p99 ms {statistics.median(r['p99_ns'] for r in rows) / 1e6:.2f}", flush=True)
        return statistics.median(r["server_cpu_us_per_call"] for r in rows)


@contextlib.contextmanager
def served(build, **settings):
    """A Bench whose server ends with it, and its data too."""
    folder = tempfile.mkdtemp(prefix="sessiond-bench-", dir=os.environ.get("SES_BENCH_DIR"))
    try:
        bench = Bench(build, folder, **settings)
        try:
            bench.load(calls=5000)  # warm
            yield bench
        finally:
            bench.server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fill(bench, sessions):
    server, pid = bench.server, bench.server.workers()[0]
    disk, memory = server.disk_bytes(), machine.memory_kib(pid)
    done, cpu = 0, 0.0
    while done < sessions:
        part = min(FILL_PART, sessions - done)
        cpu += bench.load(calls=part)["server_cpu_seconds"]
        server.forget_log()
        done += part
    after = machine.memory_kib(pid)
    print(f"{sessions} sessions: {cpu / sessions * 1e6:.1f} us CPU a call, {(server.disk_bytes() - disk) / sessions:.0f} bytes of disk a session; "
          f"worker memory {memory[0]} -> {after[0]} KiB, session table {memory[1]} -> {after[1]} KiB")


def restart(server, rounds=3):
    times = []
    for _ in range(rounds):
        server.end()
        server.start(f"{SERVER_CORE},{GENERATOR_CORE}")
        times.append(server.seconds_to_start)
    return statistics.median(times)


def measure(bench, args):
    signature = bench_server.signature_us(bench.build, SERVER_CORE)
    print(f"empty start: {bench.server.seconds_to_start:.3f} s; durability {args.durability}; one Ed25519 signature {signature:.1f} us here, now")
    few = bench.series("10 thousand live, 4 connections x 64", args.rounds, calls=40000)
    bench.series("the same, replayed (one id)", args.rounds, calls=40000, same_id=True)
    fill(bench, args.sessions)
    many = bench.series(f"{args.sessions} live, 4 connections x 64", args.rounds, calls=40000)
    print(f"cost at {args.sessions} live sessions is {many / few:.3f} x that at ten thousand; besides the signature {few - signature:.1f} us")
    for connections, streams in ((1, 100), (1, 1000), (10, 10), (64, 1), (64, 16), (1000, 1), (10000, 1)):
        bench.series(f"{connections} connections x {streams}", args.rounds, calls=20000, connections=connections, streams=streams)
    print(f"start with {args.sessions} live sessions: {restart(bench.server):.3f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--durability", default="disk")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    # Room for the series too, about 220,000 calls a round.
    with served(args.build, durability=args.durability, sessions_max=args.sessions + 250_000 * args.rounds) as bench:
        measure(bench, args)


if __name__ == "__main__":
    main()
