"""What the capacity report measures, in order. Every figure stands in self.data with what it was measured by."""
import contextlib
import datetime
import math
import os
import pathlib
import random
import shutil
import statistics
import sys
import tempfile
import time

import bench_server
import machine
import room
import sizing
import slow_commits
import usl

PERCENTILES = ("p50", "p90", "p99", "p99_9", "p99_99", "max")
BUSY = 0.85  # share of a resource from which on it is called the bottleneck
SCHEMA = 2  # of the JSON file; 1 did not measure what a whole payment takes of the disk
# A fill is refused beyond what is free: records, reserve and the log of a part; the table, the server's and the kernel's own needs.
FILL_DISK_BYTES, FILL_MEMORY_BYTES, FILL_PART = 700, 250, 500000
JOURNEYS = ("redirect", "three_ds")
PAYMENTS = 5000  # of each journey, to see what one takes of the disk
DATABASE = ("primary_us", "standby_us", "wal_bytes", "primary_share")  # of a call, where the sessions are in one (campaign_pg.py)
STRIPE = {"connector": "stripe", "config": '{"config":{"Stripe":{"api_key":"sk_test_x"}}}'}


class Progress:
    def __init__(self, steps, quiet):
        self.steps, self.done, self.start, self.quiet = steps, 0, time.monotonic(), quiet

    def step(self, text, count=True):
        self.done += count
        if self.quiet:
            return
        part = min(1.0, (self.done - 1) / self.steps)
        left = (time.monotonic() - self.start) / part * (1 - part) if part > 0.05 else None
        bar = "#" * int(part * 24)
        eta = f"about {left / 60:.0f} min left" if left and left > 90 else f"about {left:.0f} s left" if left else ""
        end = "\r" if sys.stderr.isatty() else "\n"
        sys.stderr.write(f"[{bar:24}] {text:44.44} {eta:22}{end}")
        sys.stderr.flush()


def middle(rows, key):
    """Median, least and greatest of a column."""
    values = sorted(row[key] for row in rows)
    return {"median": statistics.median(values), "min": values[0], "max": values[-1]}


def summarise(rows):
    result = {"rounds": len(rows), "rate": middle(rows, "rate"), "cpu_us": middle(rows, "server_cpu_us_per_call")}
    for name in PERCENTILES:
        result[f"{name}_ms"] = statistics.median(row[f"{name}_ns"] for row in rows) / 1e6
    for name in ("loop_share", "committer_share", "simulator_share", "disk_share", "generator_share", "syncs_per_second",
                 "records_per_sync", "disk_writes_per_second", "disk_bytes_per_second", "foreign_share"):
        result[name] = statistics.median(row[name] for row in rows)
    result.update({name: statistics.median(row[name] for row in rows) for name in DATABASE if name in rows[0]})
    return result


def bottleneck(row):
    """The busiest resource by name, its share, and whether it is busy enough to be to blame."""
    shares = {"the worker's event loop": row["loop_share"], "the committer thread": row["committer_share"], "the disk": row["disk_share"],
              "the load generator": row["generator_share"], "the connector simulator": row["simulator_share"]}
    if "primary_share" in row:
        del shares["the committer thread"]
        shares["the primary, of all cores"] = row["primary_share"]
    name = max(shares, key=shares.get)
    return {"name": name, "share": shares[name], "saturated": shares[name] >= BUSY, "shares": shares}


class Campaign:
    driver = "lmdb"

    def __init__(self, args):
        self.args, self.build = args, args.build.resolve()
        cores = sorted(os.sched_getaffinity(0))
        self.generator_core = str(cores[-1])
        self.cores = [str(c) for c in (cores[:-1] or cores)]
        self.all_cores = [str(c) for c in cores]
        self.seconds, self.rounds = (1.5, 2) if args.quick else (8, 3)
        self.concurrencies = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
        self.holdout = 96
        self.live = (10000, 50000, 200000) if args.quick else (10000, 100000, 1000000, 10000000)
        self.connections = (1, 10, 100, 1000) if args.quick else (1, 10, 100, 1000, 10000)
        self.workers = [w for w in (1, 2, 4, 8, 16) if w <= len(cores)]
        self.random = random.Random(7)
        self.series = 0
        self.data = {"schema": SCHEMA, "driver": self.driver, "quick": args.quick, "slo_p99_ms": args.p99_ms, "errors": []}
        self.slow_commits = []
        steps = (len(self.concurrencies) + 1) * self.rounds + 24 + len(self.workers) * self.rounds + 2 * self.rounds + len(self.live) * self.rounds
        steps += len(self.connections) * self.rounds + 4 + 4 + 3 + 3 * self.rounds + 2 * len(JOURNEYS)
        self.progress = Progress(steps, args.quiet)

    # ---- one measurement

    def cores_for(self, workers):
        """Cores of the server; they are the generator's too where there are too few."""
        return ",".join(self.cores[:workers] if workers <= len(self.cores) else self.all_cores[:workers])

    @contextlib.contextmanager
    def server(self, **options):
        workers = options.get("workers", 1)
        server = bench_server.Server(self.build, self.folder, cores=self.cores_for(workers), **options)
        try:
            for pid in server.simulator_pids:
                os.sched_setaffinity(pid, {int(self.generator_core)})
            yield server
        finally:
            self.slow_commits += slow_commits.read(server.log)
            server.stop()

    def load(self, server, **options):
        """One load; its counters and what was used meanwhile in one row. Every load has ids of its own."""
        self.series += 1
        options.setdefault("prefix", bench_server.ids("cap", self.series))
        usage = bench_server.Usage(server)
        row = bench_server.load(self.build, server.listen, self.generator_core, server.pids, **options)
        row.update(usage.since())
        ours = row["server_cpu_seconds"] / max(0.01, row["seconds"]) + row["generator_share"] + row["simulator_share"]
        row["foreign_share"] = max(0.0, sum(row["core_share"].values()) - ours)
        return row

    def closed(self, server, label, rounds=None, **options):
        options.setdefault("connections", 4)
        options.setdefault("streams", 64)
        rows = []
        for _ in range(rounds or self.rounds):
            self.progress.step(label)
            rows.append(self.load(server, seconds=self.seconds, warmup=0.5, **options))
        return summarise(rows)

    # ---- the parts of the report

    def run(self):
        self.data["started"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        parent = self.args.data_dir or os.environ.get("SES_BENCH_DIR")
        self.folder = tempfile.mkdtemp(prefix="sessiond-capacity-", dir=parent)
        try:
            self.data["machine"] = machine.describe(self.build, self.folder)
            self.quiet_check()
            self.data["alone"] = {"stalls": machine.stalls(int(self.cores[0])), "sync_ms": machine.sync_ms(self.folder)}
            self.data["signature_us"] = bench_server.signature_us(self.build, self.cores[0])
            with self.beside():
                self.measure()
            self.data["sizing"] = sizing.size(self.data, self.args)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.data["slow_commits"] = slow_commits.summarise(self.slow_commits)
        self.data["finished"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        if not self.args.quiet:
            sys.stderr.write("\n")
        return self.data

    def beside(self):
        """What runs beside the servers all the time."""
        return contextlib.nullcontext()

    def measure(self):
        with self.server(sessions_max=4000000) as server:
            self.data["configuration"] = {k: v for k, v in server.settings.items() if k != "cores"}
            self.closed(server, "warming up", rounds=1)
            self.scalability(server)
            self.knee(server)
            worker_kib = machine.memory_kib(server.workers()[0])[0]
            self.sweep_connections(server)
            self.sweep_streams(server)
        self.memory_of_connections()
        self.data["memory"]["worker_kib"] = worker_kib
        self.store_parts()
        self.sweep_workers()
        self.sweep_connector()

    def store_parts(self):
        """What hangs on where the sessions are."""
        self.reads_beside_writes()
        self.journeys()
        self.sweep_sessions()
        self.sweep_durability()

    def quiet_check(self):
        """Who else is here? Measured over a second before anything of ours runs."""
        before = machine.core_busy()
        time.sleep(1)
        after = machine.core_busy()
        self.data["machine"]["busy_cores_before"] = round(sum(busy - before[core][0] for core, (busy, _) in after.items()), 2)

    def memory_of_connections(self):
        """On a fresh server: memory that an earlier load has freed would be used again and hide the cost."""
        self.progress.step("memory of idle connections")
        count = min(1000 if self.args.quick else 4000, bench_server.all_descriptors() - 100)
        with self.server() as server:
            pid = server.workers()[0]
            bench_server.idle_connections(server.listen, 1)[0].close()
            before = machine.memory_kib(pid)[0]
            opened = bench_server.idle_connections(server.listen, count)
            time.sleep(0.5)
            after = machine.memory_kib(pid)[0]
            for s in opened:
                s.close()
        self.data["memory"] = {"connections": count, "kib_per_connection": (after - before) / count}

    def scalability(self, server):
        """Closed loop, concurrency by concurrency, rounds apart so that a slow spell of the machine hits all of them."""
        order = [n for n in self.concurrencies for _ in range(self.rounds)]
        self.random.shuffle(order)
        rows = {n: [] for n in self.concurrencies}
        for n in order:
            self.progress.step(f"throughput at {n} calls in flight")
            rows[n].append(self.at_concurrency(server, n))
        points = [(n, row["rate"]) for n, part in rows.items() for row in part]
        result = {"points": [{"n": n, **summarise(part)} for n, part in rows.items()], "rounds": self.rounds,
                  "samples": [{"n": n, "rate": rate} for n, rate in points]}
        self.data["scalability"] = result
        try:
            fit = self.fit(result, points)
        except usl.Refused as reason:
            result["refused"] = str(reason)
        else:
            self.describe_fit(result, fit)
            self.predict_holdout(server, result, fit)
        best = max(result["points"], key=lambda p: p["rate"]["median"])
        self.data["peak"] = best
        self.data["bottleneck"] = bottleneck(best)

    @staticmethod
    def fit(result, points):
        """A lone call never waits for the sync of another one, a second one does: group commit makes a step at the foot of the
        curve which the law does not have. Where the law misses points, it is fitted above that step, and this is said."""
        lowest = sorted({n for n, _ in points})
        fits = {}
        for first in lowest[:4]:
            fits[first] = usl.Fit([p for p in points if p[0] >= first])
            if fits[first].worst_error <= 0.1:
                break
        else:
            first = min(fits, key=lambda n: fits[n].worst_error)
        fit = fits[first]
        result["fitted_from"] = first
        result["left_out"] = [n for n in lowest if n < first]
        return fit

    def at_concurrency(self, server, n):
        connections = min(4, n)
        return self.load(server, seconds=self.seconds, warmup=0.3, connections=connections, streams=n // connections)

    @staticmethod
    def describe_fit(result, fit):
        peak = fit.peak()
        result["fit"] = {"lambda": fit.lambda_, "sigma": fit.sigma, "kappa": fit.kappa, "intervals": fit.intervals, "r2": fit.r2,
                         "worst_error": fit.worst_error, "peak_n": peak[0] if peak else None, "peak_rate": peak[1] if peak else None}
        steps = [fit.n_min * (fit.n_max / fit.n_min) ** (i / 40) for i in range(41)]
        result["curve"] = [{"n": n, "rate": fit.predict(n), "low": fit.band(n)[0], "high": fit.band(n)[1]} for n in steps]

    def predict_holdout(self, server, result, fit):
        """The prediction is written down before the point is measured."""
        low, high = fit.predict_interval(self.holdout)
        holdout = {"n": self.holdout, "predicted": fit.predict(self.holdout), "low": low, "high": high,
                   "predicted_at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")}
        rows = []
        for _ in range(self.rounds):
            self.progress.step(f"holdout: {self.holdout} calls in flight")
            rows.append(self.at_concurrency(server, self.holdout))
        holdout.update(measured=middle(rows, "rate"), measured_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds"))
        holdout["error"] = holdout["measured"]["median"] / holdout["predicted"] - 1
        result["holdout"] = holdout

    def open_loop(self, server, rate, label):
        self.progress.step(label)
        row = self.load(server, rate=round(rate), poisson=True, seconds=self.seconds, warmup=0.7, connections=16, streams=256)
        summary = summarise([row])
        summary.update(offered=round(rate), unfinished=row["unfinished"], late=row["late"],
                       held=row["p99_ns"] / 1e6 < self.args.p99_ms and not row["unfinished"])
        return summary

    def holds(self, server, rate, label, ladder):
        """Two of three runs decide; every run stays in the ladder. Without the third where two agree."""
        verdicts = []
        while max(verdicts.count(True), verdicts.count(False)) < 2:
            row = self.open_loop(server, rate, label + (" again" if verdicts else ""))
            ladder.append(row)
            verdicts.append(row["held"])
        return verdicts.count(True) >= 2

    def knee(self, server):
        """Open loop, Poisson arrivals: up a ladder of rates to the first that does not hold; then the interval between that one and
        the last that holds is halved. The rungs above are run once, for the chart."""
        top = self.data["peak"]["rate"]["max"]
        ladder, low, high = [], 0, None
        for part in (0.03, 0.1, 0.25, 0.5, 0.65, 0.8, 0.9, 1.0):
            label = f"open loop at {part * 100:.0f} % of the peak"
            if high is not None:
                ladder.append(self.open_loop(server, top * part, label))
            elif self.holds(server, top * part, label, ladder):
                low = top * part
            else:
                high = top * part
        for _ in range(3 if self.args.quick else 5):
            if high is None or low == 0 or high / low < 1.03:
                break
            rate = math.sqrt(low * high)
            if self.holds(server, rate, f"knee: {rate:.0f} calls/s", ladder):
                low = rate
            else:
                high = rate
        ladder.sort(key=lambda r: r["offered"])
        half = self.open_loop(server, low / 2, "half the knee") if low else None
        at = max((r for r in ladder if r["held"] and r["offered"] <= round(low)), key=lambda r: r["offered"], default=None)
        self.data["knee"] = {"slo_p99_ms": self.args.p99_ms, "holds": round(low), "fails": round(high) if high else None, "ladder": ladder,
                             "half": half, "at": at, "bottleneck": bottleneck(at) if at else None}

    def sweep_connections(self, server):
        rows = []
        limit = bench_server.all_descriptors() - 200
        for count in self.connections:
            if count > limit:
                self.data["errors"].append(f"{count} connections: only {limit} file descriptors allowed here")
                continue
            streams = max(1, 100 // count)
            rows.append({"connections": count, "streams": streams,
                         **self.closed(server, f"{count} connections x {streams}", connections=count, streams=streams)})
        self.data["connections"] = rows

    def sweep_streams(self, server):
        self.data["streams"] = [{"connections": 1, "streams": n, **self.closed(server, f"1 connection x {n} streams", rounds=1, connections=1, streams=n)}
                                for n in (1, 10, 100, 1000)]

    def live_within_reach(self):
        """The numbers of live sessions that disk and memory of this machine allow."""
        free = shutil.disk_usage(self.folder).free / FILL_DISK_BYTES
        room = machine.memory_available() / FILL_MEMORY_BYTES
        most = min(free, room)
        dropped = [n for n in self.live if n > most]
        if dropped:
            self.data["errors"].append(f"{max(dropped):,} live sessions were not measured: disk or memory is free for {most:,.0f} here")
        return [n for n in self.live if n <= most] or [min(self.live)]

    def fill(self, server, live):
        """In parts, so that the log of the calls does not fill the disk."""
        while (need := int(live - server.metrics()["sessiond_table_entries"])) > 0:
            self.progress.step(f"filling to {live:,} live sessions, {need:,} to go", count=False)
            self.load(server, calls=min(need, FILL_PART))
            self.slow_commits += slow_commits.read(server.log)
            server.forget_log()

    def sweep_sessions(self):
        """Filled by a closed loop, then measured; the disk and memory a session takes come from the fill."""
        rows, wanted = [], self.live_within_reach()
        sessions_max = max(wanted) * 5 // 4
        with self.server(sessions_max=sessions_max) as server:
            pid = server.workers()[0]
            self.load(server, calls=2000)
            disk, memory, stored = server.disk_bytes(), machine.memory_kib(pid)[0], server.stored()
            start = entries = server.metrics()["sessiond_table_entries"]
            for live in wanted:
                self.fill(server, live)
                entries = server.metrics()["sessiond_table_entries"]
                grown = (server.disk_bytes() - disk, machine.memory_kib(pid)[0] - memory, server.stored()[1] - stored[1])
                rows.append({"live": round(entries), **self.against_few(server, live, sessions_max)})
            self.data["sessions"] = rows
            made = max(1.0, entries - start)
            self.data["per_session"] = {"disk_bytes": grown[0] / made, "own_memory_bytes": grown[1] * 1024 / made, "sessions": round(made),
                                        "record_bytes": grown[2] / made, "table_bytes": room.PLACE_BYTES, "table_capacity": server.metrics()["sessiond_table_capacity"]}
            self.restart(server)

    def against_few(self, server, live, sessions_max):
        """In turn with a fresh server beside it, whose sessions are few: what the machine does meanwhile hits both, and the ratio is that of pairs."""
        rows, ratios = [], []
        with self.server(sessions_max=sessions_max) as few:
            self.load(few, calls=2000)
            for i in range(self.rounds):
                self.progress.step(f"at {live:,} live sessions, and few")
                pair = {}
                for target in ((server, few), (few, server))[i % 2]:
                    pair[target] = self.load(target, seconds=self.seconds / 2, warmup=0.5, connections=4, streams=64)
                rows.append(pair[server])
                ratios.append({name: pair[server][key] / max(1e-9, pair[few][key]) for name, key in (("rate", "rate"), ("cpu", "server_cpu_us_per_call"))})
        return {**summarise(rows), "against_few": {name: middle(ratios, name) for name in ("rate", "cpu")}}

    def restart(self, server):
        """A full stop, then until the server is ready again with everything it held. All cores: nothing else has anything to do."""
        times = []
        for _ in range(2 if self.args.quick else 3):
            self.progress.step("restart with all these sessions")
            live = server.metrics()["sessiond_table_entries"]
            server.end()
            server.start(",".join(self.all_cores))
            times.append({"seconds": server.seconds_to_start})
            if server.metrics()["sessiond_table_entries"] != live:
                raise bench_server.Failed(f"of {live:.0f} sessions {server.metrics()['sessiond_table_entries']:.0f} were there after a restart")
        self.data["restart"] = {"sessions": round(live), "seconds": middle(times, "seconds")}

    def reads_beside_writes(self):
        """What a commit costs those who do not write: GetSession in a mix with as many CreateSessionToken calls, at half the rate of the knee, with
        commits that wait for the disk and with commits that do not. Runs alternate."""
        rate = max(200, self.data["knee"]["holds"] / 2) / 2  # journeys of one create and one get
        rows = {"disk": [], "process": []}
        for _ in range(2 if self.args.quick else 3):
            for durability, part in rows.items():
                with self.server(durability=durability) as server:
                    self.progress.step(f"reads beside writes, durability {durability}")
                    row = self.load(server, mix="read=1", rate=round(rate), poisson=True, seconds=self.seconds, warmup=1, connections=16, streams=256)
                    part.append({name: row["steps"]["get"][f"{name}_ns"] / 1e6 for name in PERCENTILES})
        self.data["reads"] = {"journeys_per_second": round(rate), "rounds": len(rows["disk"]),
                              **{durability: {name: statistics.median(r[name] for r in part) for name in PERCENTILES} for durability, part in rows.items()}}

    def journeys(self):
        """Whole payments over several steps, each step on another connection."""
        rows = []
        with self.server() as server:
            for name in JOURNEYS:
                self.progress.step(f"what a payment of {name} takes of the store")
                taken = self.payment_takes(server, name)
                self.progress.step(f"journey {name}")
                row = self.load(server, mix=f"{name}=1", seconds=self.seconds, warmup=0.5, connections=8, streams=32)
                done = row["journeys"][name]
                rows.append({"name": name, **taken, "per_second": done / row["seconds"], "cpu_us": row["server_cpu_seconds"] * 1e6 / max(1, done),
                             "calls": row["right"] / max(1, done),
                             "steps": [{"name": step, **{p: part[f"{p}_ns"] / 1e6 for p in PERCENTILES}} for step, part in row["steps"].items()]})
        self.data["journeys"] = rows

    def payment_takes(self, server, name):
        return bench_server.payment_bytes(server, lambda **options: self.load(server, **options), name, PAYMENTS)

    def sweep_workers(self):
        rows = []
        for workers in self.workers:
            with self.server(workers=workers) as server:
                shared = workers > len(self.cores)
                rows.append({"workers": workers, "shares_generator_core": shared,
                             **self.closed(server, f"{workers} workers", connections=16, streams=32)})
        self.data["workers"] = rows

    def sweep_durability(self):
        rows = []
        for durability in ("disk", "process"):
            with self.server(durability=durability) as server:
                rows.append({"durability": durability, **self.closed(server, f"durability {durability}")})
        self.data["durability"] = rows

    def sweep_connector(self):
        rows = []
        with self.server(sandbox=True) as server:
            for ms in (0, 10, 50, 200):
                server.simulator_latency(ms)
                rows.append({"latency_ms": ms, "connector": "stripe", **self.closed(server, f"connector answers after {ms} ms", rounds=1, **STRIPE)})
        self.data["connector"] = rows
