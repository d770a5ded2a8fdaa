#!/usr/bin/env python3
"""Measures what calls and payments cost in two versions, in turn, in one run, and prints both in one table with what is asked.

    bench/measure_cost.py --before DIR --now DIR [--rounds 3] [--rows create,three-ds] [--quick] [--scale 1] [--json]

DIR is a Release build (sessiond, sessiond-sim, sessiond-load, sessiond-micro); the load generator is that of --now for both. One worker and the load
generator on one core each, durability disk, the simulator on the generator's core. CPU is that of all server processes, a call or a payment. For each kind
of server both versions run beside each other, and each round measures every row at both, the order turned from round to round; figures are
the rounds' medians (least .. greatest), and so is the ratio of each round's pair. Settings that a version does not know are not given to it; what it cannot do is "-".

What the machine was like meanwhile is told by a control: one Ed25519 signature, before and behind each kind of server, and the load average. Read the
column "now" only when the control was steady, and the ratio otherwise. System calls are counted by perf (root, or kernel.perf_event_paranoid -1), in a run of
their own. Absolute figures are those of one machine.
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

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import bench_server  # noqa: E402
import config_file  # noqa: E402
import cost_rows  # noqa: E402
import machine  # noqa: E402
from payment_stub import PaymentStub  # noqa: E402
from paired import Control, here_line, print_columns, progress, spread, verdict  # noqa: E402

SIDES = ("before", "now")
WARM_CALLS = 5000


class Side:
    """One version: its servers one after the other, and the loads they get, each with ids of its own."""

    def __init__(self, name, build, generator, folder, scale, shared):
        self.name, self.build, self.generator = name, build.resolve(), generator.resolve()
        self.folder, self.scale, self.shared = folder, scale, shared
        self.number, self.server, self.pids = 0, None, ()
        cores = sorted(os.sched_getaffinity(0))
        self.core, self.generator_core = cores[0], cores[-1]

    def n(self, count):
        return max(20, round(count * self.scale))

    def seconds(self, seconds):
        return max(0.2, round(seconds * min(1, self.scale), 2))

    def can(self, kind):
        options = cost_rows.KINDS[kind] or {}
        settings = {**options.get("settings", {}), **({"upstream.grpc": "127.0.0.1:1"} if "upstream" in options else {})}
        return config_file.known(self.build, settings) == settings

    @contextlib.contextmanager
    def serving(self, kind):
        """With a server of that kind, warm; without one where it needs none."""
        options = cost_rows.KINDS[kind]
        if options is None:
            yield
            return
        options, stub = dict(options), None
        if options.pop("upstream", False):
            stub = PaymentStub(self.generator, self.generator_core)
            options["settings"] = {"upstream.grpc": stub.address}
        try:
            self.server = bench_server.Server(self.build, self.folder, cores=str(self.core), sessions_max=4_000_000, former=True, **options)
            self.pids = self.server.pids
            for pid in self.server.simulator_pids:
                os.sched_setaffinity(pid, {self.generator_core})
            self.load(calls=self.n(WARM_CALLS), **(cost_rows.NUVEI if options.get("sandbox") else {}))
            yield
        finally:
            if self.server is not None:
                self.server.stop()
            self.server, self.pids = None, ()
            if stub is not None:
                stub.stop()

    def load(self, under=(), **options):
        self.number += 1
        options["prefix"] = bench_server.ids(self.name[0], self.number)
        return bench_server.load(self.generator, self.server.listen, str(self.generator_core), self.pids, under, **options)

    def load_counted(self, **options):
        """System calls a call of all server processes; None where nobody may count them."""
        if shutil.which("perf") is None:
            return None
        under, file = cost_rows.system_calls_under()
        with file:
            try:
                row = self.load([*under, "-p", ",".join(map(str, self.pids)), "--"], **options)
            except bench_server.Failed:
                return None
            calls = cost_rows.counted(file.read())
        return calls / row["right"] if calls is not None else None

    def workers_ran(self):
        return [machine.run_ns(pid) for pid in self.server.workers()]


def measure_kind(kind, rows, sides, rounds, results):
    able = [side for side in sides if side.can(kind)]
    with contextlib.ExitStack() as stack:
        for side in able:
            stack.enter_context(side.serving(kind))
        for number in range(rounds if able else 0):
            for name, _, measure, _ in rows:
                if name == "knee" and "knee" not in able[0].shared:
                    progress("where the knee is")
                    able[0].shared["knee"] = cost_rows.find_knee(able[0])
                for side in able[::1 if number % 2 == 0 else -1]:
                    progress(f"round {number + 1} of {rounds}, {name}, {side.name}")
                    results[name][side.name].append(measure(side))
            for side in able:
                if side.server is not None:
                    side.server.forget_log()


def measure(args, folder):
    """({row: {side: [figures]}}, control, what both sides share)"""
    shared = {}
    sides = [Side(name, getattr(args, name), args.now, folder, args.scale, shared) for name in SIDES]
    chosen = [row for row in cost_rows.ROWS if row[0] in args.rows]
    results = {row[0]: {name: [] for name in SIDES} for row in chosen}
    control = Control(sides[1].build, sides[1].core)
    control.look()
    for kind in dict.fromkeys(row[1] for row in chosen):
        measure_kind(kind, [row for row in chosen if row[1] == kind], sides, args.rounds, results)
        progress("one signature, again")
        control.look()
    progress("")
    return results, control, shared


def lines_of(row, result):
    """The table's lines for one row."""
    for key, title, unit, asked in row[3]:
        values = {name: [figures[key] for figures in result[name] if key in figures] for name in SIDES}
        ratios = [now / before for before, now in zip(values["before"], values["now"]) if before > 0]
        yield (f"{title}{', ' + unit if unit else ''}", *(spread(values[name]) for name in SIDES), spread(ratios, 3), "" if asked is None else f"<= {asked}",
               verdict(values["now"], asked))


def version(build):
    return f"{build}: {machine.run(build / 'sessiond', '--version').splitlines()[0]}, {machine.describe(build, build)['build_type']}"


def print_table(args, here, results, control, shared):
    print(here_line(here, args.rounds))
    for name in SIDES:
        print(f"{name}: {version(getattr(args, name))}")
    table = [("CPU of all server processes a call, where nothing else is said", *SIDES, "now / before", "asked", "")]
    for row in cost_rows.ROWS:
        if row[0] in results:
            table += lines_of(row, results[row[0]])
    print_columns(table)
    if "knee" in shared:
        print(f"half the knee: {round(shared['knee'] / 2)} creates a second, the same for both (p99 below {cost_rows.KNEE_P99_MS} ms at {shared['knee']})")
    print(control.line())


def row_names(text):
    names = [row[0] for row in cost_rows.ROWS]
    chosen = text.split(",")
    if not set(chosen) <= set(names):
        raise argparse.ArgumentTypeError(f"no such row among {text}; there are {', '.join(names)}")
    return chosen


def build_directory(text):
    path = pathlib.Path(text)
    missing = [name for name in ("sessiond", "sessiond-sim") if not os.access(path / name, os.X_OK)]
    if missing:
        raise argparse.ArgumentTypeError(f"{text} has no {' and no '.join(missing)}: name a build directory")
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=build_directory, required=True)
    parser.add_argument("--now", type=build_directory, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=row_names, default=[row[0] for row in cost_rows.ROWS], help=", ".join(row[0] for row in cost_rows.ROWS))
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--scale", type=float, default=1, help="how many calls, as a part of the usual number")
    parser.add_argument("--json", action="store_true", help="all figures as JSON instead of a table")
    args = parser.parse_args()
    args.rounds = 1 if args.quick else args.rounds
    bench_server.all_descriptors()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-cost-", dir=os.environ.get("SES_BENCH_DIR")))
    here = machine.describe(args.now, folder)
    try:
        results, control, shared = measure(args, folder)
    except (bench_server.Failed, subprocess.CalledProcessError) as error:
        sys.exit(f"measure_cost: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if args.json:
        json.dump({"machine": here, "results": results, "signature_us": control.signatures, "load": control.loads, **shared}, sys.stdout, indent=1)
        print()
    else:
        print_table(args, here, results, control, shared)


if __name__ == "__main__":
    main()
