"""What bench/measure_cost.py measures: each row's load, what it is asked to cost, and the kind of server that it needs.

A figure is (key, title, unit, asked). The rows of one kind of server are measured on one server of each version, in turn.
"""
import http.client
import json
import os
import statistics
import tempfile
import time

import bench_server
import machine

NUVEI = {"connector": "nuvei", "config": '{"config":{"Nuvei":{"merchant_id":"mid_1","merchant_site_id":"site_1","merchant_secret":"nuvei_secret"}}}'}
IATAPAY = {"connector": "iatapay", "config": '{"config":{"Iatapay":{"client_id":"c-1","merchant_id":"m-1","client_secret":"hush"}}}'}
MANY = {"connections": 4, "streams": 64}
SINGLE = {"connections": 64, "streams": 1}
WORKERS_TRIES = 24  # runs of one connection each for creating and reading; half of them have a worker for each
WORKER_SHARE = 0.1  # of the other worker's CPU: less did not serve any of it
KNEE_P99_MS = 10
KNEE_SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)  # of what a closed loop reaches
STEADY_RATE = 500
CREATE = {"merchant_session_id": "first-answer", "amount": {"minor_amount": 10000, "currency": "USD"}, "test_mode": True}
CREATE_HEADERS = {"content-type": "application/json", "x-connector": "adyen",
                  "x-connector-config": '{"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}'}


def cpu(row):
    return {"cpu": row["server_cpu_us_per_call"]}


def latency(row):
    return {name: row[f"{name}_ns"] / 1e6 for name in ("p50", "p99", "p99_9")}


# ---- the loads; side: measure_cost.Side, n(): a number of calls made smaller or larger as a whole

def get_first(side):
    return cpu(side.load(method="get", tokens_fresh=True, calls=side.n(15_000), **MANY))


def get_seen(side):
    return cpu(side.load(method="get", sessions=side.n(1000), calls=side.n(30_000), **MANY))


def get_others(side):
    """One connection creates and another one reads: whether each had a worker of its own is seen by their CPU."""
    for _ in range(WORKERS_TRIES):
        before = side.workers_ran()
        row = side.load(method="get", tokens_fresh=True, calls=side.n(6000), connections=1, streams=64)
        used = sorted(now - then for now, then in zip(side.workers_ran(), before))
        if used[0] > WORKER_SHARE * used[-1]:
            return cpu(row)
    raise bench_server.Failed(f"one worker got the connections that create and those that read, {WORKERS_TRIES} times")


def three_ds(shape):
    def measure(side):
        row = side.load(mix="three_ds=1", journeys=side.n(2500), **shape)
        return {"cpu": row["server_cpu_seconds"] * 1e6 / row["journeys"]["three_ds"]}
    return measure


def create(count, **shape):
    return lambda side: cpu(side.load(calls=side.n(count), **shape))


def connector_steady(side):
    """Calls that come one by one; what they ask of the kernel is counted in a run of its own, since counting costs."""
    load = {"rate": STEADY_RATE, "connections": 4, "streams": 16, **NUVEI}
    switches = sum(machine.voluntary_switches(pid) for pid in side.pids)
    row = side.load(seconds=side.seconds(6), **load)
    switches = sum(machine.voluntary_switches(pid) for pid in side.pids) - switches
    result = {**cpu(row), **latency(row), "switches": switches / row["right"]}
    calls = side.load_counted(seconds=side.seconds(2), **load)
    if calls is not None:
        result["system_calls"] = calls
    return result


def half_knee(side):
    result = latency(side.load(rate=round(side.shared["knee"] / 2), poisson=True, seconds=side.seconds(5), warmup=0.3, **MANY))
    return {**result, "ratio": result["p99_9"] / result["p50"]}


def find_knee(side):
    """The greatest share of a closed loop's rate that an open loop holds, by a short ladder downwards: the same rate for both versions."""
    peak = side.load(calls=side.n(30_000), **MANY)["rate"]
    for share in KNEE_SHARES:
        rate = max(100, round(peak * share))
        if side.load(rate=rate, poisson=True, seconds=side.seconds(1.5), warmup=0.3, **MANY)["p99_ns"] < KNEE_P99_MS * 1e6:
            break
    return rate


# ---- an empty server's first answer

class Timed(bench_server.Server):
    """Asks for a session from the moment that the program is started."""

    def start(self, cores):
        self.begun = time.monotonic()
        super().start(cores)

    def _wait(self):
        while self.process.poll() is None and not self._answers():
            time.sleep(0.0005)
        self.first_answer_ms = (time.monotonic() - self.begun) * 1e3
        super()._wait()  # tells why, if it has ended

    def _answers(self):
        client = http.client.HTTPConnection(self.listen, timeout=60)
        try:
            client.request("POST", "/payments/create_session_token", json.dumps(CREATE), CREATE_HEADERS)
            return client.getresponse().status == 200
        except OSError:
            return False
        finally:
            client.close()


def first_answer(side):
    times = []
    for _ in range(max(1, round(3 * min(1, side.scale)))):
        server = Timed(side.build, side.folder, cores=",".join(map(str, sorted(os.sched_getaffinity(0)))), former=True)
        times.append(server.first_answer_ms)
        server.stop()
    return {"ms": statistics.median(times)}


# ---- what perf counts while a load runs

def system_calls_under():
    """(command in front of a load, the file where it writes); None where this user may not count."""
    file = tempfile.NamedTemporaryFile(prefix="sessiond-calls-", mode="r")
    return ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-o", file.name], file


def counted(text):
    """The number of perf's line; None: it could not count."""
    for line in text.splitlines():
        number, *rest = line.split(",")
        if "raw_syscalls:sys_enter" in rest and number.isdigit():
            return int(number)
    return None


# upstream: a payment server that answers at once stands behind it (sessiond-stub).
KINDS = {"plain": {"workers": 1}, "gateway": {"workers": 1, "upstream": True}, "two": {"workers": 2}, "local": {"workers": 1, "settings": {"token.purpose": "local"}},
         "nuvei": {"workers": 1, "sandbox": True}, "none": None}

US, MS = "us", "ms"
ROWS = (  # name, kind, measure, figures
    ("get-first", "plain", get_first, (("cpu", "GetSession, token seen for the first time", US, 15),)),
    ("get-seen", "plain", get_seen, (("cpu", "GetSession, token seen before", US, None),)),
    ("three-ds", "plain", three_ds(MANY), (("cpu", "three_ds payment of eight calls, 4 x 64", US, 200),)),
    ("three-ds-single", "plain", three_ds(SINGLE), (("cpu", "three_ds payment of eight calls, 64 x 1", US, 300),)),
    ("create", "plain", create(30_000, **MANY), (("cpu", "create, public, 4 x 64", US, 23),)),
    ("create-single", "plain", create(15_000, **SINGLE), (("cpu", "create, public, 64 x 1", US, 31),)),
    ("knee", "plain", half_knee, (("p50", "creates at half the knee, p50", MS, None), ("p99", ".. p99", MS, None), ("p99_9", ".. p99.9", MS, None),
                                  ("ratio", ".. p99.9 / p50", "", 3))),
    ("gateway", "gateway", create(15_000, method="authorize", **MANY), (("cpu", "Authorize through the gateway, 4 x 64", US, 25),)),
    ("access-token", "nuvei", create(30_000, method="access_token", **IATAPAY, **MANY), (("cpu", "access token from the store, 4 x 64", US, 12),)),
    ("get-other", "two", get_others, (("cpu", "GetSession, token just minted by another worker, 1 x 64", US, 9),)),
    ("create-local", "local", create(30_000, **MANY), (("cpu", "create, token.purpose local, 4 x 64", US, 13),)),
    ("nuvei", "nuvei", create(8000, connections=16, streams=4, **NUVEI), (("cpu", "create with a connector's call, disk, 16 x 4", US, 60),)),
    ("nuvei-steady", "nuvei", connector_steady, (
        ("cpu", f"create with a connector's call, disk, {STEADY_RATE} a second", US, 150), ("system_calls", ".. system calls", "", 20), ("switches", ".. voluntary context switches", "", None),
        ("p50", ".. p50", MS, 1.19), ("p99", ".. p99", MS, None))),
    ("start", "none", first_answer, (("ms", "start of an empty server to its first answer", MS, 50),)),
)
