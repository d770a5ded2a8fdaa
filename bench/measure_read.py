#!/usr/bin/env python3
"""Measures what a GetSession costs: server CPU a call with tokens that the worker has had before, and with tokens it sees for the first time.

    bench/measure_read.py [--build build] [--rounds 5] [--calls 40000]

As bench/measure.py: one worker and the load generator on one core each, durability disk, medians of the rounds with minimum and maximum. The sessions
are created by the load generator first and not counted. A fresh token is one that was created in that run and never presented. A worker keeps no token, so
that both cost the same: the budget is 15 us.
"""
import argparse
import pathlib

from measure import served

BUDGET_US = 15


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=40_000)
    args = parser.parse_args()
    with served(args.build, sessions_max=4_000_000) as bench:
        seen = bench.series("GetSession, 1000 tokens seen before", args.rounds, method="get", calls=args.calls)
        for sessions in (1, 10_000):
            bench.series(f"GetSession, {sessions} tokens seen before", args.rounds, method="get", sessions=sessions, calls=args.calls)
        fresh = bench.series("GetSession, every token for the first time", args.rounds, method="get", tokens_fresh=True, calls=args.calls)
        for connections, streams in ((1, 100), (64, 1)):
            bench.series(f"seen before, {connections} connections x {streams}", args.rounds, method="get", calls=args.calls // 2,
                         connections=connections, streams=streams)
        print(f"budget: seen before {seen:.1f}, fresh {fresh:.1f} of {BUDGET_US} us")


if __name__ == "__main__":
    main()
