"""A machine whose sessions move from LMDB to PostgreSQL and back, by reloads, and payments that go on meanwhile."""
import pathlib
import signal
import sys
import threading

from harness import SOURCE, Server, wait_until
from pg_machines import Machine, MachinesCase

sys.path.insert(0, str(SOURCE / "deploy" / "cluster"))
from payments import Client, Payment, Refused  # noqa: E402

DRIVERS = {"lmdb": "lmdb", "know": "lmdb+pg", "to_pg": "lmdb+pg", "to_lmdb": "lmdb+pg", "pg": "pg"}
FORTH, BACK = ("know", "to_pg", "pg"), ("to_pg", "to_lmdb", "lmdb")
# Restarts are what some tests are about: no budget, no growing delay in the way.
CONFIG = "restart:\n  budget: 1000\n  window_seconds: 60\n  delay_max_ms: 100\nsession:\n  ttl_seconds: 3600\n"


class MovingMachine(Machine):
    def __init__(self, pair, step="lmdb", workers=2, **options):
        super().__init__(pair, workers, more=CONFIG, **options)
        self.path = pathlib.Path(self.temporary) / "config.yaml"
        head, _, self.store = self.path.read_text().partition("store:\n")
        self.head = head
        self.write(step)

    def start(self, ready=True, **options):
        """Without a shard there is none to wait for."""
        return super().start(ready, **options) if self.step != "lmdb" else Server.start(self, ready, **options)

    def write(self, step):
        lines = self.store.replace("driver: pg", f"driver: {DRIVERS[step]}", 1)
        if DRIVERS[step] == "lmdb+pg":
            lines += f"  move: {step}\n"
        if step == "lmdb":
            lines = "  driver: lmdb\n"
        self.path.write_text(f"{self.head}store:\n{lines}")
        self.step = step

    def told(self, event):
        return len(self.lines(event))

    def reload(self, step):
        """The step is taken, or it is refused: why."""
        before = {event: self.told(event) for event in ("reloaded", "reload_refused")}
        self.write(step)
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: any(self.told(event) > count for event, count in before.items()), "an end of the reload")
        if self.told("reload_refused") > before["reload_refused"]:
            return self.lines("reload_refused")[-1]["msg"]
        return ""

    def left(self):
        """Whether the step that is next is refused for sessions that are left."""
        return self.metric("sessiond_store_move_left")

    def go(self, step):
        """Takes the step as soon as nothing is left behind; it may begin to wait before all has been gone through once."""
        refused = []

        def taken():
            refused[:] = [self.reload(step)]
            if refused[0] and "still" not in refused[0] and "over soon" not in refused[0]:
                raise AssertionError(refused[0])
            return not refused[0]
        wait_until(taken, f"the step {step} (refused: {refused})", rest=0.2)


class Payments:
    """Payments one behind the other, in some threads, from the beginning to the end of a with."""

    def __init__(self, server, threads=3):
        self.client = Client([("127.0.0.1", server.port)])
        self.stopping = threading.Event()
        self.troubles, self.payments = [], []
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]

    def run(self):
        while not self.stopping.is_set():
            payment = Payment()
            self.payments.append(payment)
            try:
                self.client.play(payment)
            except (Refused, KeyError) as error:
                self.troubles.append(f"{payment.id}, {payment.told or 'not acknowledged'}: {error}")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def some_more(self, calls=40):
        end = self.client.acknowledged + calls
        wait_until(lambda: self.client.acknowledged >= end, f"{calls} acknowledged calls")

    def lost(self):
        """What went wrong, and what of the acknowledged is not there."""
        return self.troubles + [text for text in map(self.client.check, self.payments) if text]


class MovingCase(MachinesCase):
    def moving(self, step="lmdb", **options):
        made = MovingMachine(self.pair, step, **options)
        self.addCleanup(made.cleanup)
        return made

    def rows(self, condition="true"):
        return int(self.pair.primary.sql(f"SELECT count(*) FROM session WHERE {condition}"))
