#!/usr/bin/env python3
"""Measures what a GetSession costs: server CPU a call with tokens that the worker has verified before, and with tokens it sees for the first time.

    bench/measure_read.py [--build build] [--rounds 5] [--calls 40000]

As bench/measure.py: one worker and the load generator on one core each, durability disk, medians of the rounds with minimum and maximum. The sessions
are created by the load generator first and not counted. A fresh token is one that was created, in that run, more than a cache of verified tokens ago and
never presented. The budget: 12 us seen before, 62 us fresh on a machine where one Ed25519 verification takes 48 us: what it takes here, now, is measured beside.
"""
import argparse
import ctypes
import ctypes.util
import pathlib
import statistics
import time

from measure import served

SEEN_US, FRESH_US, VERIFY_US = 12, 62, 48


def verify_us(count=4000, size=600):
    """CPU of one Ed25519 verification by libsodium, of a message as long as a token's."""
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
    public, secret, signature, message = (ctypes.create_string_buffer(n) for n in (32, 64, 64, size))
    sodium.sodium_init()
    sodium.crypto_sign_keypair(public, secret)
    sodium.crypto_sign_detached(signature, None, message, ctypes.c_ulonglong(size), secret)
    start = time.thread_time()
    for _ in range(count):
        assert sodium.crypto_sign_verify_detached(signature, message, ctypes.c_ulonglong(size), public) == 0
    return (time.thread_time() - start) / count * 1e6


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
        verify = statistics.median(verify_us() for _ in range(args.rounds))
        for connections, streams in ((1, 100), (64, 1)):
            bench.series(f"seen before, {connections} connections x {streams}", args.rounds, method="get", calls=args.calls // 2,
                         connections=connections, streams=streams)
        print(f"budget: seen before {seen:.1f} of {SEEN_US} us; fresh {fresh:.1f} us, of which one verification is {verify:.1f}: "
              f"{fresh - verify:.1f} of {FRESH_US - VERIFY_US} us besides")


if __name__ == "__main__":
    main()
