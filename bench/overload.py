#!/usr/bin/env python3
"""Five times what the server can do, one merchant sending most of it: what is served, to whom, and how soon it is over.

    bench/overload.py [--build build] [--seconds 10] [--times 5] [--rounds 3] [--nice -10]

One worker, durability disk; the server on one core, all load generators on the other (bench/lib). A core of generators cannot send five times what a
core of the server does, so the server is given --server-percent of its core by a control group (root; 100: all of it). Each round measures the knee first, in a closed loop without
limits, since a machine that others use too has another one every minute: figures are ratios to that. Then, open loops, all at once:

    greedy         four fifths of times x knee, CreateSessionToken
    others         five merchants, 0.6 x knee together, CreateSessionToken
    continuations  the rest, GetSession of sessions that are there

and two seconds after the greedy one has gone the others alone. A creation that finds no free stream for half a second is not made, and counts as missed. Asked for: goodput of
creations and continuations (what the server answered with OK a second, from the second second on, in the knee's calls, a GetSession being worth what it costs) at least 85 % of the knee,
continuations 99.9 %, the others 95 % of what they ask, and nobody refused any more two seconds later. `late`: calls that found no stream when they were due.
"""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from measure import GENERATOR_CORE, SERVER_CORE, bench_server

PERIOD_US = 5000
GET_WORTH = 9.0 / 26  # of a creation's CPU, bench/README.md
SETTLES = 1.0  # seconds until the server can know
GIVE_UP_MS = 500  # nobody waits longer for a stream
OTHERS, OTHERS_PART, GREEDY_PART, READS_PART = 5, 0.6, 0.8, 0.4


def start(build, address, nice, **options):
    command = ["nice", "-n", str(nice), "taskset", "-c", GENERATOR_CORE, str(build / "sessiond-load"), "--address", address, "--json", "--quiet"]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result(process):
    out, errors = process.communicate()
    try:
        if errors.strip():
            print(errors.strip()[-300:])
        return json.loads(out)
    except ValueError:
        raise bench_server.Failed(errors.strip()[-300:]) from None


def missed(row):
    return row["wrong"] + row["lost"] + row["unfinished"] + row["given_up"]


def share(rows):
    """Of what was asked for: right answers by all that were due."""
    right = sum(row["right"] for row in rows)
    return right / max(1, right + sum(missed(row) for row in rows))


def prefix(round_, name):
    return f"{name}-" + "".join(chr(ord("g") + int(digit)) for digit in str(round_))


@contextlib.contextmanager
def held_back(server, percent):
    """The server's processes in a control group (version 1 or 2) that may have so much of a core, in slices of 5 ms."""
    if percent >= 100:
        yield
        return
    first = pathlib.Path("/sys/fs/cgroup/cpu")
    group = (first if first.is_dir() else first.parent) / f"sessiond-bench-{os.getpid()}"
    quota = str(round(PERIOD_US * percent / 100))
    quotas = (("cpu.shares", "262144"), ("cpu.cfs_period_us", str(PERIOD_US)), ("cpu.cfs_quota_us", quota)) if first.is_dir() else (
        ("cpu.weight", "10000"), ("cpu.max", f"{quota} {PERIOD_US}"))
    try:
        group.mkdir()
        for name, value in quotas:
            (group / name).write_text(value)
        for pid in server.pids:
            (group / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        raise bench_server.Failed(f"{group}: {error.strerror}: a control group of the cpu controller needs root; or --server-percent 100") from None
    try:
        yield
    finally:
        server.stop()
        group.rmdir()


def one_round(server, args, number):
    build, address = args.build, server.listen
    knee = result(start(build, address, args.nice, connections=4, streams=64, seconds=4, warmup=1, prefix=prefix(number, "knee"), merchant="knee"))["rate"]
    seconds = args.seconds
    reads = start(build, address, args.nice, method="get", sessions=1000, rate=READS_PART * knee, seconds=seconds + 3, warmup=3, connections=2, streams=256,
                  prefix=prefix(number, "read"), merchant="reader")
    time.sleep(2)
    began = time.monotonic()
    others = [start(build, address, args.nice, rate=OTHERS_PART * knee / OTHERS, seconds=seconds - args.others_from, warmup=args.others_from, connections=1, streams=512, give_up_ms=GIVE_UP_MS,
                    prefix=prefix(number, "o" + chr(ord("g") + i)), merchant=f"other-{i}") for i in range(OTHERS)]
    greedy = start(build, address, args.nice, rate=GREEDY_PART * args.times * knee, seconds=seconds, connections=4, streams=2048, give_up_ms=GIVE_UP_MS,
                   prefix=prefix(number, "greedy"), merchant="greedy")
    time.sleep(max(0, began + SETTLES - time.monotonic()))
    before, from_ = server.metrics(), time.monotonic()
    time.sleep(max(0, began + seconds - time.monotonic()))
    after, until = server.metrics(), time.monotonic()
    rows = {"greedy": [result(greedy)], "others": [result(process) for process in others], "reads": [result(reads)]}
    time.sleep(2)
    again = [start(build, address, args.nice, rate=OTHERS_PART * knee / OTHERS, seconds=3, connections=1, streams=512,
                   prefix=prefix(number, "a" + chr(ord("g") + i)), merchant=f"other-{i}") for i in range(OTHERS)]
    rows["again"] = [result(process) for process in again]
    created, read = (sum(after[name] - before.get(name, 0) for name in after if name.startswith("sessiond_requests_total{") and method in name and 'code="OK"' in name)
                     / (until - from_) for method in ('"CreateSessionToken"', '"GetSession"'))
    asked = sum(row["right"] + missed(row) for row in rows["greedy"])
    refused = sum(after[name] - before.get(name, 0) for name in after if "_asked_total{outcome=" in name and '"admitted"' not in name)
    return {"knee": knee, "greedy_asked": asked / seconds / knee, "goodput": (created + GET_WORTH * read) / knee, "creations": created / knee, "continuations": share(rows["reads"]),
            "others": share(rows["others"]), "greedy": share(rows["greedy"]), "again": share(rows["again"]), "refused_per_second": refused / (until - from_), "greedy_p99_ms": rows["greedy"][0]["p99_ns"] / 1e6,
            "others_p99_ms": statistics.median(row["p99_ns"] for row in rows["others"]) / 1e6, "reads_p99_ms": rows["reads"][0]["p99_ns"] / 1e6,
            "again_p99_ms": statistics.median(row["p99_ns"] for row in rows["again"]) / 1e6,
            "late": sum(row["late"] for group in rows.values() for row in group)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--server-percent", type=float, default=20)
    parser.add_argument("--times", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--others-from", type=float, default=0, metavar="SECONDS", help="what the others ask for before is not counted (0)")
    parser.add_argument("--overload-ms", type=int, default=250)
    parser.add_argument("--nice", type=int, default=0, help="of the generators: what they cannot send in time is no load")
    args = parser.parse_args()
    args.build = args.build.resolve()
    bench_server.all_descriptors()
    with tempfile.TemporaryDirectory(prefix="sessiond-bench-", dir=os.environ.get("SES_BENCH_DIR")) as folder:
        server = bench_server.Server(args.build, folder, cores=SERVER_CORE, sessions_max=4_000_000, log_level="warn",
                                     settings={"limits.overload_ms": args.overload_ms})
        try:
            with held_back(server, args.server_percent):
                rows = [one_round(server, args, number) for number in range(args.rounds)]
        finally:
            server.stop()
    for key in rows[0]:
        values = sorted(row[key] for row in rows)
        print(f"{key:20} {statistics.median(values):12.3f}   ({values[0]:.3f} .. {values[-1]:.3f})")


if __name__ == "__main__":
    main()
