#!/usr/bin/env python3
"""Measures what a CreateSessionToken costs: server CPU a call, disk and memory a session, the same at many live sessions, time to start.

    bench/measure.py [--build build] [--sessions 1000000] [--durability disk] [--rounds 5]

The server (one worker, durability disk) and the load generator run on one core each. CPU is that of all server processes, user and system, from
/proc/PID/stat. Every figure is the median of the rounds, with minimum and maximum. Nothing here is a test: machines differ, ratios hold.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request



def free_address():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{s.getsockname()[1]}"


# Free ports: a measurement of somebody else's server on a fixed one looks like one's own.
ADMIN, LISTEN = free_address(), free_address()


def ready():
    try:
        with urllib.request.urlopen(f"http://{ADMIN}/readyz", timeout=5) as answer:
            return json.load(answer) if answer.status == 200 else None
    except OSError:
        return None


class Server:
    def __init__(self, build, data, durability, sessions_max, cpu):
        config = pathlib.Path(data).parent / "config.yaml"
        config.write_text(f"store:\n  durability: {durability}\n  sessions_max: {sessions_max}\n  quota_mib: 65536\n"
                          "session:\n  ttl_seconds: 86400\nlog:\n  level: info\n")
        self.log = open(pathlib.Path(data).parent / "log", "ab")
        start = time.monotonic()
        self.process = subprocess.Popen(["taskset", "-c", cpu, build / "sessiond", "--listen", LISTEN, "--admin", ADMIN, "--data", data,
                                         "--workers", "1", "--config", config], stderr=self.log, stdout=self.log)
        while not ready():
            if self.process.poll() is not None:
                sys.exit(f"sessiond ended: {pathlib.Path(self.log.name).read_text()[-500:]}")
            time.sleep(0.005)
        self.seconds_to_start = time.monotonic() - start
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.pids = [self.process.pid, *map(int, children)]

    def worker(self):
        return ready()["workers"][0]["pid"]

    def memory(self):
        """KiB of the worker: (anonymous, shared memory mapped: the table). Pages of the data files are the kernel's to keep or drop."""
        rows = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self.worker()}/smaps_rollup").read_text().splitlines()[1:])
        kib = {k: int(v.split()[0]) for k, v in rows.items()}
        return kib["Anonymous"], kib["Pss_Shmem"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


def load(build, server, cpu, *args):
    command = ["taskset", "-c", cpu, build / "sessiond-load", "--address", LISTEN, "--json", "--quiet", *map(str, args)]
    for pid in server.pids:
        command += ["--pid", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    result = json.loads(done.stdout)
    if result["wrong"] or result["lost"]:
        sys.exit(f"wrong answers: {done.stdout} {done.stderr}")
    return result


def disk_bytes(data):
    return sum(p.stat().st_blocks * 512 for p in pathlib.Path(data, "shards").rglob("*") if p.is_file())


def spread(rows, key):
    values = sorted(row[key] for row in rows)
    return f"{statistics.median(values):.1f} ({values[0]:.1f}..{values[-1]:.1f})"


def series(build, server, name, rounds, *args):
    rows = [load(build, server, "1", *args) for _ in range(rounds)]
    print(f"{name:44} CPU us a call {spread(rows, 'server_cpu_us_per_call'):24} calls/s {spread(rows, 'rate'):28} "
          f"p99 ms {statistics.median(r['p99_ns'] for r in rows) / 1e6:.2f}", flush=True)
    return statistics.median(r["server_cpu_us_per_call"] for r in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--durability", default="disk")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="keep the data directory")
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="sessiond-bench-", dir=os.environ.get("SES_BENCH_DIR"))
    data = str(pathlib.Path(folder) / "data")
    try:
        server = Server(args.build, data, args.durability, args.sessions * 2, "0")
        print(f"empty start: {server.seconds_to_start:.3f} s; durability {args.durability}")
        load(args.build, server, "1", "--calls", 5000)  # warm
        few = series(args.build, server, "10 thousand live, 4 connections x 64", args.rounds, "--calls", 40000)
        series(args.build, server, "the same, replayed (one id)", args.rounds, "--calls", 40000, "--same-id")
        before, memory_before = disk_bytes(data), server.memory()
        fill = load(args.build, server, "1", "--calls", args.sessions, "--prefix", "fill")
        print(f"{args.sessions} sessions: {fill['server_cpu_us_per_call']:.1f} us CPU a call, {fill['rate']:.0f} calls/s, "
              f"{(disk_bytes(data) - before) / args.sessions:.0f} bytes of disk a session; worker memory "
              f"{memory_before[0]} -> {server.memory()[0]} KiB, session table {memory_before[1]} -> {server.memory()[1]} KiB")
        many = series(args.build, server, f"{args.sessions} live, 4 connections x 64", args.rounds, "--calls", 40000)
        print(f"cost at {args.sessions} live sessions is {many / few:.3f} x that at ten thousand")
        for connections, streams in ((1, 100), (1, 1000), (64, 1), (64, 16)):
            series(args.build, server, f"{connections} connections x {streams}", args.rounds, "--calls", 20000, "--connections", connections,
                   "--streams", streams)
        server.stop()
        times = []
        for _ in range(3):
            server = Server(args.build, data, args.durability, args.sessions * 2, "0,1")
            times.append(server.seconds_to_start)
            server.stop()
        print(f"start with {args.sessions} live sessions: {statistics.median(times):.3f} s")
    finally:
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
