"""Networks that lose packets without a word (nets.py), which a relay cannot: no reset, no end, one way only. Whoever cannot be answered is told
so within his deadline, there are never more connections than configured, who is not cut off is served, and all is well when the network is."""
import sys
import unittest

import grpc

import node
from cluster import Cluster
from harness import SOURCE, unique, wait_until
from nets import TEST, Network, missing
from pg_machines import MachinesCase
from session_service import explain

sys.path.insert(0, str(SOURCE / "deploy" / "cluster"))
from payments import Client  # noqa: E402

NO_NETWORK = node.missing() or missing()
CONNECTIONS = 2 * 5  # of two machines with a worker each (deploy/RUNBOOK.md, "Sizes")
CALL_SECONDS = 5
FAILED = ("UNAVAILABLE", "DEADLINE_EXCEEDED")


@unittest.skipIf(NO_NETWORK, NO_NETWORK)
class NetworkCase(MachinesCase):
    def setUp(self):
        self.net = Network()
        self.addCleanup(self.net.close)
        self.pair = Cluster(relays=False, network=self.net)
        self.addCleanup(self.pair.close)
        self.pair.start()
        pg = "    stall_ms: 500\n    read_lease_ms: 60000\n"
        self.first = self.machine(pg=pg).start()
        self.second = self.machine(like=self.first, pg=pg, words={"hostaddr": self.pair.hostaddr(1)}).start()
        self.clients = [self.sessions(self.first), self.sessions(self.second)]
        self.known = unique()
        self.token = self.clients[0].create(self.known)
        for machine in (0, 1):  # each has a connection for reads
            wait_until(lambda: self.get(machine) == "OK", "an answer")

    def create(self, machine):
        try:
            self.clients[machine].create(unique(), timeout=CALL_SECONDS)
            return "OK"
        except grpc.RpcError as error:
            return explain(error)[0]

    def get(self, machine):
        try:
            return "OK" if self.clients[machine].get(self.token, self.known).merchant_session_id == self.known else "another"
        except grpc.RpcError as error:
            return explain(error)[0]

    def expect_service(self, *machines):
        for machine in machines:
            (self.first, self.second)[machine].wait_for(state="open")
            wait_until(lambda: self.create(machine) == self.get(machine) == "OK", "the service to be back")

    def backends(self):
        """A connection that nobody speaks to any more counts until its server has noticed; there is one more of each then."""
        count = int(self.pair.primary.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'sessiond'", "postgres"))
        self.assertLessEqual(count, 2 * CONNECTIONS)
        return count

    def cut_standby(self):
        primary, standby = (self.net.address(self.pair.nodes.index(server)) for server in (self.pair.primary, self.pair.standby))
        self.net.drop_between(primary, standby)


class Standby(NetworkCase):
    def expect_stalled(self):
        for server in (self.first, self.second):
            server.wait_for(state="stalled", cause="no_answer")
        for machine in (0, 1):
            self.assertEqual(self.create(machine), "UNAVAILABLE")
            self.assertEqual(self.get(machine), "OK")
        self.assertLessEqual(self.backends(), CONNECTIONS)

    def test_its_link_is_cut_for_a_moment(self):
        self.cut_standby()
        self.expect_stalled()
        self.net.mend()
        self.expect_service(0, 1)

    def test_its_link_is_cut_until_both_ends_have_given_up(self):
        self.cut_standby()
        self.expect_stalled()
        node.until(lambda: self.pair.primary.sql("SELECT count(*) FROM pg_stat_replication", "postgres") == "0", "the primary to give it up")
        self.expect_stalled()
        self.net.mend()
        self.pair.wait_for_standby()
        self.expect_service(0, 1)

    def test_payments_go_on_behind_a_cut(self):
        client = Client([("127.0.0.1", server.port) for server in (self.first, self.second)])

        def blow():
            self.cut_standby()
            wait_until(lambda: self.waiting_commits() > 0, "a commit that waits")
            self.net.mend()
        self.assertEqual(client.play_around(blow, 4, 5, 30), [])


class OneMachine(NetworkCase):
    """The first machine loses the primary, the second does not, and serves."""

    def setUp(self):
        super().setUp()
        self.primary = self.net.address(self.pair.nodes.index(self.pair.primary))

    def expect_one_served(self):
        wait_until(lambda: self.create(0) in FAILED, "the first machine to notice")
        wait_until(lambda: self.first.shard()["state"] != "open", "its word for it")
        self.assertIn(self.create(0), FAILED)
        for _ in range(5):
            self.assertEqual((self.create(1), self.get(1)), ("OK", "OK"))
        self.backends()

    def expect_recovery(self):
        self.net.mend()
        self.expect_service(0, 1)
        node.until(lambda: self.backends() <= CONNECTIONS, "half-open connections to be gone")

    def test_nothing_gets_through(self):
        self.net.drop_between(TEST, self.primary)
        self.expect_one_served()
        self.expect_recovery()

    def test_nothing_gets_there(self):
        self.net.drop(TEST, self.primary)
        self.expect_one_served()
        self.expect_recovery()

    def test_nothing_comes_back(self):
        """What is sent is executed, and nobody hears of it."""
        self.net.drop(self.primary, TEST)
        self.expect_one_served()
        self.expect_recovery()

    def test_connections_of_which_the_server_knows_nothing_any_more(self):
        """It restarts while it cannot tell them."""
        self.net.drop_between(TEST, self.primary)
        wait_until(lambda: self.create(0) in FAILED, "the first machine to notice")
        self.pair.primary.restart("immediate")
        self.pair.wait_for_standby()
        self.expect_service(1)
        self.expect_recovery()


if __name__ == "__main__":
    unittest.main()
