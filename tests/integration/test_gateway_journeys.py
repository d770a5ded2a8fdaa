"""Whole journeys of payments (gateway_journeys.py) by clients that know nothing of sessiond, through it to the simulator of upstream's server."""
import concurrent.futures
import pathlib
import tempfile
import unittest

from gateway_journeys import JOURNEYS, Payment, World
from harness import Server
from platform_clients import KINDS
from upstream_process import Process

CONFIG = """session:
  ttl_seconds: 86400
  step_seconds: 86400
upstream:
  grpc: {}
  deadline_ms: {}
"""


class JourneyCase(unittest.TestCase):
    """One server and one simulator for all journeys of a class, and a client of each kind."""
    deadline_ms = 300000  # what is held at the simulator is held for as long as the test takes

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.simulator = Process(pathlib.Path(folder.name) / "book")
        cls.addClassCleanup(cls.simulator.end)
        cls.server = Server(config=CONFIG.format(cls.simulator.address, cls.deadline_ms))
        cls.addClassCleanup(cls.server.cleanup)
        cls.server.start()
        cls.world = World(cls.server, cls.simulator)
        cls.clients = {}
        for kind, make in KINDS.items():
            cls.clients[kind] = make(cls.server.address)
            cls.addClassCleanup(cls.clients[kind].close)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def payment(self, kind, journey):
        return Payment(self.world, self.clients[kind], journey)

    @staticmethod
    def side_by_side(action, rows):
        """action(*row) of each row at the same time; their results, or the first of their failures."""
        with concurrent.futures.ThreadPoolExecutor(max(1, len(rows))) as pool:
            return [one.result() for one in [pool.submit(action, *row) for row in rows]]


class Undisturbed(JourneyCase):
    def test_each_call_once_and_again(self):
        def walk(payment):
            for i in range(payment.length()):
                payment.call(i)
                payment.call(i)
            payment.check_end()
        self.side_by_side(walk, [(self.payment(kind, journey),) for kind in KINDS for journey in JOURNEYS])


if __name__ == "__main__":
    unittest.main()
