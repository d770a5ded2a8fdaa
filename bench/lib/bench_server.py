"""Starts and stops a sessiond, points the load generator at it, and reads what both used meanwhile."""
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import config_file
import machine
from ports import free_port

GAUGES_SECONDS = 1.5  # the last commit is in the gauges by then


class Failed(Exception):
    """A measurement that must not be believed."""


def all_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, 65536), max(hard, 65536)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def children(pid):
    return [int(p) for p in machine.read(f"/proc/{pid}/task/{pid}/children").split()]


class Server:
    def __init__(self, build, folder, workers=1, durability="disk", cores="0", sandbox=False, sessions_max=1000000, ttl_seconds=86400,
                 settings=None, log_level="info", former=False, prefix=()):
        """former: it may be a version before, which gets those settings that it knows. prefix: of its command, what watches it."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=folder))
        self.listen, self.admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.settings = {"workers": workers, "durability": durability, "cores": cores, "sandbox": sandbox,
                         "sessions_max": sessions_max, "ttl_seconds": ttl_seconds}
        config = self.folder / "config.yaml"
        settings = {"store.durability": durability, "store.sessions_max": sessions_max, "store.quota_mib": 65536,
                    "session.ttl_seconds": ttl_seconds, "log.level": log_level,
                    "limits.merchant_share_percent": 100,  # the load is one merchant's
                    "limits.overload_ms": 0,  # what is measured is the machine, and no call is refused
                    **(settings or {})}
        config.write_text(config_file.text(config_file.known(build, settings) if former else settings))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.arguments = [str(build / "sessiond"), "--listen", self.listen, "--admin", self.admin, "--data", str(self.data),
                          "--workers", str(workers), "--config", str(config)] + (["--sandbox"] if sandbox else []) + (
                          ["--user", "root"] if os.geteuid() == 0 else [])
        self.prefix = list(prefix)
        self.start(cores)
        self.simulator = self._ready_line()["sandbox"] if sandbox else None

    def start(self, cores):
        """Until it is ready; seconds_to_start tells how long that took."""
        begin = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.prefix + ["taskset", "-c", cores] + self.arguments, stdout=log, stderr=log)
        self._wait()
        self.seconds_to_start = time.monotonic() - begin
        self.pids = [self.process.pid] + [p for p in children(self.process.pid)
                                          if machine.read(f"/proc/{p}/comm").strip() != "sessiond-sim"]
        self.simulator_pids = [p for p in children(self.process.pid) if p not in self.pids]

    def _wait(self):
        for _ in range(12000):
            if self.process.poll() is not None:
                raise Failed(f"sessiond ended: {self.log.read_text()[-500:]}")
            if self.ready():
                return
            time.sleep(0.01)
        raise Failed("sessiond was not ready within 120 s")

    def _ready_line(self):
        """It may come a moment after /readyz has said so."""
        for _ in range(1000):
            for row in self.log.read_text().splitlines():
                if '"event":"ready"' in row:
                    return json.loads(row)
            time.sleep(0.01)
        raise Failed("sessiond did not log that it is ready")

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://{self.admin}/readyz", timeout=5) as answer:
                return json.load(answer)
        except (OSError, urllib.error.URLError):
            return None

    def workers(self):
        return [row["pid"] for row in self.ready()["workers"]]

    def metrics(self):
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=5) as answer:
            rows = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line and line[0] != "#"]
        return {name: float(value) for name, value in rows}

    def simulator_latency(self, ms):
        body = json.dumps({"latency_ms": ms, "clear": True}).encode()
        request = urllib.request.Request(f"http://{self.simulator}/control", data=body, headers={"content-type": "application/json"})
        urllib.request.urlopen(request, timeout=5).close()

    def disk_bytes(self):
        return sum(p.stat().st_blocks * 512 for p in (self.data / "shards").rglob("*") if p.is_file())

    def stored(self):
        """Records and their bytes, garbage included, as they are now."""
        time.sleep(GAUGES_SECONDS)
        metrics = self.metrics()
        return metrics["sessiond_store_records"], metrics["sessiond_store_bytes"]

    def forget_log(self):
        """Ten million calls log 5 GB. The server goes on to write at its old place: the file is a hole up to there."""
        os.truncate(self.log, 0)

    def end(self):
        """The data stays; start() goes on with it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def stop(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class Usage:
    """Counters before and after a load."""

    def __init__(self, server):
        self.server = server
        self.disk = machine.disk_of(server.folder)
        self.time = time.monotonic()
        self.metrics = server.metrics()
        self.threads = {pid: machine.thread_cpu(pid) for pid in server.pids + server.simulator_pids}
        self.workers = server.workers()
        self.disk_counters = machine.disk_counters(self.disk)
        self.cores = machine.core_busy()

    def since(self):
        """What was used since then; shares are of one core, of one device."""
        cores, disk, seconds = machine.core_busy(), machine.disk_counters(self.disk), time.monotonic() - self.time
        loops, committers = [], []
        for pid in self.workers:
            now, before = machine.thread_cpu(pid), self.threads.get(pid, {})
            used = {tid: cpu - before.get(tid, 0) for tid, cpu in now.items()}
            loops.append(used.pop(pid, 0) / seconds)
            committers.append(sum(used.values()) / seconds)
        metrics = self.server.metrics()
        commits = metrics["sessiond_store_commits_total"] - self.metrics["sessiond_store_commits_total"]
        puts = metrics["sessiond_store_puts_total"] - self.metrics["sessiond_store_puts_total"]
        simulators = [sum(machine.thread_cpu(p).values()) - sum(self.threads[p].values()) for p in self.server.simulator_pids]
        return {
            "seconds": seconds,
            "loop_share": max(loops, default=0), "committer_share": max(committers, default=0),
            "simulator_share": max(simulators, default=0) / seconds,
            "core_share": {core: (busy - self.cores[core][0]) / max(1e-9, total - self.cores[core][1]) for core, (busy, total) in cores.items()},
            "syncs_per_second": commits / seconds, "records_per_sync": puts / commits if commits else 0,
            "disk_share": (disk[2] - self.disk_counters[2]) / seconds,
            "disk_writes_per_second": (disk[0] - self.disk_counters[0]) / seconds,
            "disk_bytes_per_second": (disk[1] - self.disk_counters[1]) / seconds,
        }


def ids(name, number):
    """A --prefix that no other load of a run has."""
    return f"{name}-" + "".join(chr(ord("g") + int(digit)) for digit in f"{number:04}")


def load(build, address, core, pids=(), under=(), **options):
    """One run of sessiond-load; options as its own, with _ for -; under: what runs it. A wrong answer ends everything."""
    command = [*under, "taskset", "-c", core, str(build / "sessiond-load"), "--address", address, "--json", "--quiet"]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-")] + ([] if value is True else [str(value)])
    for pid in pids:
        command += ["--pid", str(pid)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        result = json.loads(done.stdout)
    except ValueError:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip()[-300:]}") from None
    if result["wrong"] or result["lost"] or not result["right"] + result["unfinished"]:
        raise Failed(f"{result['wrong']} wrong answers, {result['lost']} lost: {result['first_error']}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    result["generator_share"] = used / (time.monotonic() - start)
    return result


def payment_bytes(server, load_at, journey, count):
    """What one payment of that kind writes, all its revisions. Nothing may be collected meanwhile."""
    before = server.stored()
    load_at(mix=f"{journey}=1", journeys=count, connections=8, streams=32)
    after = server.stored()
    return {"records": (after[0] - before[0]) / count, "record_bytes": (after[1] - before[1]) / count}


def signature_us(build, core):
    """What one Ed25519 signature costs on this core now: the largest part of a call, and the unit that makes figures of two machines comparable."""
    done = subprocess.run(["taskset", "-c", core, str(build / "sessiond-micro"), "sodium"], capture_output=True, text=True, check=True)
    return float(re.search(r"Ed25519 sign\D*\d+ bytes\s+([\d.]+) ns", done.stdout).group(1)) / 1000


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + struct.pack(">HBBBI", 0, 0, 4, 0, 0)
SETTINGS_ACK = struct.pack(">HBBBI", 0, 0, 4, 1, 0)


def idle_connections(address, count):
    """Opened HTTP/2 connections with settings exchanged; the caller closes them."""
    host, port = address.split(":")
    opened = []
    for _ in range(count):
        s = socket.create_connection((host, int(port)), 10)
        s.sendall(PREFACE)
        s.recv(4096)
        s.sendall(SETTINGS_ACK)
        opened.append(s)
    return opened
