"""The journeys of gateway_journeys.py while somebody is killed (-9): worker, simulator of upstream's server, all of sessiond, the client itself.

Between any two calls of a journey, and while each call is at the simulator, before and after it has asked the connector. All these places of
all journeys are reached side by side, and one kill is for all of them. Then at any moment, SES_JOURNEY_ROUNDS (1) times; with that variable
every place is reached by a client of each kind, without it by one of them.
"""
import os
import threading
import unittest

from gateway_journeys import AT_THE_CONNECTOR, JOURNEYS, Payment, calls_of
from harness import PATIENCE, wait_until
from platform_clients import KINDS
from test_gateway_journeys import JourneyCase

ROUNDS = int(os.environ.get("SES_JOURNEY_ROUNDS", "1"))


class KillCase(JourneyCase):
    turn = 0

    @classmethod
    def places(cls, of_journey):
        """[(payment, call)] for each of these calls of each journey; the kinds of clients take turns, from another beginning each time."""
        found = [(journey, i) for journey in JOURNEYS for i in of_journey(journey)]
        kinds = list(KINDS)
        cls.turn += 1
        return [(Payment(cls.world, cls.clients[kind], journey), i) for at, (journey, i) in enumerate(found)
                for kind in (kinds if "SES_JOURNEY_ROUNDS" in os.environ else [kinds[(at + cls.turn) % len(kinds)]])]

    def let_calls_end(self):
        """What the dead had under way counts as unknown from then on."""
        self.server.clock.pass_(self.deadline_ms / 1000 + 15)

    def kill_workers(self):
        self.server.kill_workers()

    def kill_sessiond(self):
        self.server.kill()
        self.server.start()
        wait_until(self.server.all_serve, "all processes")
        self.server.end_leases()

    def kill_simulator(self):
        self.simulator.restart()

    def kill_clients(self):
        for client in self.clients.values():
            client.crash()

    KILLS = {"worker": kill_workers, "sessiond": kill_sessiond, "simulator": kill_simulator, "client": kill_clients}


class Between(KillCase):
    def come_back_after(self, kill):
        """Each journey up to each of its gaps; then the kill; then the call before it again, and the rest."""
        rows = self.places(lambda journey: range(1, len(calls_of(journey))))
        self.side_by_side(lambda payment, i: payment.walk(0, i), rows)
        kill(self)

        def go_on(payment, i):
            payment.walk(i - 1, payment.length())
            payment.check_end()
        self.side_by_side(go_on, rows)

    def test_each_gap(self):
        for victim, kill in self.KILLS.items():
            with self.subTest(victim):
                self.come_back_after(kill)


class InFlight(KillCase):
    def make(self, way, timeout=PATIENCE):
        """Each journey up to each of its calls that reach the simulator, which holds them all, and each of these calls by a thread."""
        rows = self.places(lambda journey: [i for i, name in enumerate(calls_of(journey)) if name in AT_THE_CONNECTOR])
        self.side_by_side(lambda payment, i: payment.walk(0, i), rows)
        self.simulator.script(path="*", way=way)
        making = []
        for payment, i in rows:
            payment.timeout = timeout
            making.append(threading.Thread(target=payment.send, args=payment.of(i)))
            making[-1].start()
        return rows, making

    def fail(self, kill, way):
        """All of them held, then the kill."""
        rows, making = self.make(way)
        wait_until(lambda: self.simulator.held() == len(rows), "all calls at the simulator")
        kill(self)
        return rows, making

    def go_on(self, rows, making, resume):
        self.simulator.release()
        for one in making:
            one.join()

        def rest(payment, i):
            payment.timeout = PATIENCE
            i = resume(payment, i)
            while i < payment.length():
                payment.call(i)
                i += 1
            payment.check_effects()
        self.side_by_side(rest, rows)

    def test_the_client_dies(self):
        """Nobody waits for the call, which is made to its end; whoever comes again gets its answer."""
        for way in ("hold", "hold_before"):
            with self.subTest(way):
                rows, making = self.fail(KillCase.kill_clients, way)
                self.go_on(rows, making, lambda payment, i: i)
                for payment, _ in rows:
                    payment.check_end()

    def test_the_client_has_no_more_time(self):
        """The same: its deadline is not the payment server's, which would give up what it has begun."""
        rows, making = self.make("hold", timeout=1)
        for one in making:
            one.join()
        self.go_on(rows, making, lambda payment, i: i)
        for payment, _ in rows:
            payment.check_end()
            self.assertEqual([call for call in self.world.effects(payment.session) if call["state"] != "made"], [])

    def test_somebody_else_dies(self):
        """An effect that was under way is not made again, and its outcome found out; what has none is asked again."""
        for victim in ("simulator", "worker", "sessiond"):
            for way in ("hold", "hold_before"):
                with self.subTest(victim, way=way):
                    rows, making = self.fail(self.KILLS[victim], way)
                    wait_until(lambda: self.simulator.held() == 0, "the calls to have ended at the simulator")
                    self.let_calls_end()
                    self.go_on(rows, making, lambda payment, i: payment.recover(i, final=True) if payment.has_effect(i) else i)


class AtAnyMoment(KillCase):
    deadline_ms = 60000

    def walk(self, payment, walked):
        payment.timeout = 5  # who waits for a call of the dead asks again, until its time is over
        i = 0
        while i < payment.length():
            i = payment.recover(i) if payment.has_effect(i) else payment.next(i)
            walked.append(payment)
        payment.check_effects()

    def disturb(self, walked, over):
        """A kill of each, when so many more calls have been answered."""
        for turn, kill in enumerate(self.KILLS.values()):
            wait_until(lambda: len(walked) > 8 * turn or over.is_set(), "calls")
            kill(self)
            self.let_calls_end()

    def test_whatever_dies(self):
        for _ in range(ROUNDS):
            payments = [(self.payment(kind, journey),) for kind in KINDS for journey in JOURNEYS]
            walked, over = [], threading.Event()
            disturbing = threading.Thread(target=self.disturb, args=(walked, over))
            disturbing.start()
            try:
                self.side_by_side(lambda payment: self.walk(payment, walked), payments)
            finally:
                over.set()
                disturbing.join()


if __name__ == "__main__":
    unittest.main()
