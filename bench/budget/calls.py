#!/usr/bin/python3
"""Counts what the hot paths ask of the kernel, in the real server, and compares it with calls.json: system calls, and how often a thread went
to sleep and had to be woken (voluntary context switches).

    bench/budget/calls.py --build DIR              DIR gets a Release build of the server
    bench/budget/calls.py --build DIR --update     writes what is counted into calls.json
    bench/budget/calls.py --build DIR --explain create,get     which system calls, by thread

A worker is loaded in two ways by a script of fixed bytes (scripted.py), from a client that is not counted:

  alone   one call at a time, and the next one only when all threads of the server sleep: each call finds an idle server, as at 500 a second
  full    as many calls as are in flight at full load (4 connections x 64 streams, 16 x 4 with a connector), written while the worker is
          stopped, so that it finds all of them in one poll, whatever else the machine does; divided by their number

A connector's answers (authorize: the payment server's, sessiond-stub) come when the worker sleeps, and in "full" all at once: whether it would meet one while it still works is a matter of time.

System calls are those of the worker's loop, of its other threads (the committer), and of both for locks and sleeping (futex). What the worker does by
its clock is left out (a poll that ended by its time, and what follows it), and a figure is the lower quartile. All is on one core, as it is
measured elsewhere (bench/README.md). System calls are counted under strace, context switches in a second server without it. More than the budget
and its tolerance fails; so does less: the budget is to be lowered in the same commit, or the gain can be lost again unnoticed.
Exit code 77: not compared (no strace, not allowed to trace, other libraries).
"""
import argparse
import collections
import contextlib
import itertools
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
import bench_server  # noqa: E402
import meters  # noqa: E402
import scripted  # noqa: E402
from payment_stub import PaymentStub  # noqa: E402
from check import budget_of, build, skip, update_budget  # noqa: E402

BUDGET = HERE / "calls.json"
LOADS = ("alone", "full")
PATHS = ("create", "create_local", "create_connector", "authorize", "get", "begin_step", "advance", "complete", "watched_complete", "step_return")
ALONE, WARM, ROUNDS = 40, 6, 5
CONNECTOR = {"create_connector", "authorize"}  # somebody is asked, and answers
GATEWAY = {"authorize"}  # .. a payment server, of a server that has one behind it
FULL = {"create_connector": (16, 4), "authorize": (16, 4)}
FULL_USUAL = (4, 64)
SETTINGS = {"create_local": (("token.purpose", "local"),)}  # a server of its own
# What is counted, and by how much the same work may differ: a share of the budget, or that many. Of a call alone the loop's own calls are always
# the same; how many pieces LMDB writes depends on where its free pages lie, and whether a lock is taken or a thread asleep on who runs first.
# In a full turn it is a matter of time which wake-ups become one.
KINDS = {"loop": {"alone": (0.05, 0.5), "full": (0.25, 0.15)}, "others": {"alone": (0.20, 1.5), "full": (0.50, 0.15)},
         "futex": {"alone": (0.30, 0.9), "full": (0.50, 0.15)}, "switches": {"alone": (0.20, 2.0), "full": (0.50, 0.15)}}
# Two are answered by one change, by one turn of the loop or by two: that is a matter of time too.
TWO_ANSWERS = {"watched_complete": 1.0}


@contextlib.contextmanager
def served(program, folder, trace, settings, gateway):
    """A server with one worker, all of it on one core, what meters the worker, and the processes that it asks."""
    stub = PaymentStub(program, 0) if gateway else None
    # A look at its health would be an answer that comes at any time.
    behind = {"upstream.grpc": stub.address, "upstream.health_ms": 600000} if stub else {}
    prefix = ["strace", "-D", "-f", "-ff", "-qq", "-s", "0", "-e", "signal=none", "-o", str(folder / "trace")] if trace else []
    server = bench_server.Server(program, folder, sandbox=True, prefix=prefix, settings={**dict(settings), **behind})
    meter = (meters.Calls(folder, server.workers()[0]) if trace else meters.Switches(server.workers()[0]))
    try:
        yield server, meter, server.simulator_pids + ([stub.pid] if stub else [])
    finally:
        meter.close()
        server.stop()
        if stub:
            stub.stop()


class Bench:
    """Plays the script of a path at a server, and notes what it has cost."""

    def __init__(self, server, meter, simulators):
        self.address, self.meter = server.listen, meter
        self.simulators = simulators
        self.pids = [meter.pid, *self.simulators]
        self.script = scripted.Script(self.address)

    def close(self):
        self.script.close()

    def alone(self, path):
        """The figures of each call, one at a time."""
        connection, rows = scripted.Connection(self.address), []
        for call in getattr(self.script, path)(WARM + ALONE):
            self._begin()
            with self._connector_waits(path):
                ids = connection.send([call])
            self.script.await_answers(connection, [call], ids)
            rows.append(self._end(1))
        connection.close()
        return rows[WARM:]

    def full(self, path):
        """The figures a call of each round of calls that are found together."""
        count, streams = FULL.get(path, FULL_USUAL)
        connections, rows = [scripted.Connection(self.address) for _ in range(count)], []
        for _ in range(1 + ROUNDS):
            calls = getattr(self.script, path)(count * streams)
            parts = [calls[i:i + streams] for i in range(0, len(calls), streams)]
            self._begin()
            with self._connector_waits(path, at_once=True), meters.stopped(self.meter.pid):
                sent = [connection.send(part) for connection, part in zip(connections, parts)]
            for connection, part, ids in zip(connections, parts, sent):
                self.script.await_answers(connection, part, ids)
            rows.append(self._end(len(calls)))
        for connection in connections:
            connection.close()
        return rows[1:]

    @contextlib.contextmanager
    def _connector_waits(self, path, at_once=False):
        """The simulator stands still until the worker has asked it all; at_once: and the worker until it has answered all."""
        simulators = self.simulators if path in CONNECTOR else []
        with contextlib.ExitStack() as standing:
            for pid in simulators:
                standing.enter_context(meters.stopped(pid))
            yield
            if simulators:
                meters.settle([self.meter.pid])
            with meters.stopped(self.meter.pid) if simulators and at_once else contextlib.nullcontext():
                standing.close()
                meters.settle(simulators)

    def _begin(self):
        meters.settle(self.pids)
        self.meter.look()

    def _end(self, calls):
        meters.settle(self.pids)
        return {key: count / calls for key, count in self.meter.look().items()}


def kind_of_server(path):
    """Settings of its own, and whether a payment server is behind it."""
    return SETTINGS.get(path, ()), path in GATEWAY


def measure(program, trace, paths):
    """{path: {load: rows}}"""
    found = {}
    for kind in dict.fromkeys(map(kind_of_server, paths)):
        with (tempfile.TemporaryDirectory(prefix="sessiond-budget-") as folder,
              served(program, pathlib.Path(folder), trace, *kind) as (server, meter, simulators)):
            bench = Bench(server, meter, simulators)
            found |= {path: {load: getattr(bench, load)(path) for load in LOADS} for path in paths if kind_of_server(path) == kind}
            bench.close()
    return found


def usual(rows, kind):
    """The lower quartile: who is interrupted while he hands over finds locks taken and sleeps more often, never less."""
    return round(statistics.quantiles((sum(count for key, count in row.items() if meters.kind_of(*key) == kind) for row in rows), n=4)[0], 2)


def figures(calls, switches):
    """{path: {load: {kind: figure}}}"""
    return {path: {load: {kind: usual((switches if kind == "switches" else calls)[path][load], kind) for kind in KINDS} for load in LOADS}
            for path in calls}


def explain(found):
    """Which calls, by thread; means, so that what comes now and then is seen too."""
    for path, loads in found.items():
        for load, rows in loads.items():
            total = collections.Counter()
            for row in rows:
                total.update(row)
            print(f"{path}, {load}: " + ", ".join(f"{thread} {name} {count / len(rows):.2f}" for (thread, name), count in total.most_common()))


def compare(counted, budget):
    wrong = []
    for path in sorted(counted.keys() | budget.keys()):
        if path not in budget or path not in counted:
            wrong.append(f"{path}: {'not in the budget' if path in counted else 'in the budget, not measured'}; use --update")
            continue
        for load, kind in itertools.product(LOADS, KINDS):
            now, before, (share, least) = counted[path][load][kind], budget[path][load][kind], KINDS[kind][load]
            allowed = max(least, share * before, TWO_ANSWERS.get(path, 0) if load == "alone" else 0)
            verdict = "over budget" if now > before + allowed else "under budget: lower it by --update" if now < before - allowed else ""
            print(f"{path:16} {load:6} {kind:9} {now:6.2f}, budget {before:6.2f} +-{allowed:.2f} {verdict}")
            if verdict:
                wrong.append(f"{path}, {load}: {kind} {now:.2f} instead of {before:.2f}, {verdict}")
    return wrong


def made_with():
    return {"libc": platform.libc_ver()[1], "machine": platform.machine()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="directory for the Release build")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--explain", metavar="PATH,..", help="tells the system calls of these paths, and compares nothing")
    args = parser.parse_args()
    if not shutil.which("strace"):
        skip("strace is not installed")
    if subprocess.run(["strace", "-D", "-f", "-o", os.devnull, "true"], capture_output=True, check=False).returncode != 0:
        skip("tracing is not allowed here")
    budget = None if args.update or args.explain else budget_of(BUDGET, made_with())
    program = build(args.build.resolve(), "sessiond", "sessiond-sim", "sessiond-stub")
    if args.explain:
        explain(measure(program, True, args.explain.split(",")))
        return
    counted = figures(measure(program, True, PATHS), measure(program, False, PATHS))
    if args.update:
        update_budget(BUDGET, made_with=made_with(), a_call=counted)
        return
    wrong = compare(counted, budget["a_call"])
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
