"""What fails around a service on PostgreSQL, and what is promised then: nothing acknowledged is lost, nothing that was read is taken
back, and whoever cannot be answered is told so. Two machines, each call at the other one than the call before."""
import contextlib
import os
import signal
import threading
import time
import unittest

import grpc

from harness import PATIENCE, unique, wait_until
from held_call import HeldConnector, held_metadata
from node import state
from pg_case import needs_servers
from pg_machines import MachinesCase
from session_service import explain

ROUNDS = int(os.environ.get("SES_FAILOVER_ROUNDS", "2"))
SOON = 2  # seconds of a call that may have been sent before anybody knew that nobody answers; it is made again
CONNECTIONS = 2 * 5  # of two machines with a worker each (deploy/RUNBOOK.md, "Sizes")
CALLS = 300  # that wait for a standby which does not answer


class FailoverCase(MachinesCase):
    # The gRPC code of one call that is not repeated; OK.

    def create_code(self, client, session, timeout=PATIENCE):
        try:
            client.create(session, timeout=timeout)
            return "OK"
        except grpc.RpcError as error:
            return explain(error)[0]

    def get_code(self, client, token, session, timeout=PATIENCE):
        try:
            client.get(token, session, timeout=timeout)
            return "OK"
        except grpc.RpcError as error:
            return explain(error)[0]


@needs_servers
class LostTest(FailoverCase):
    def test_the_primary_is_killed_and_the_standby_promoted(self):
        """And back again: the killed node is the next primary."""
        servers = self.two()

        def blow():
            self.pair.primary.kill()
            self.pair.promote(alone=False)
            self.pair.rejoin()
        for _ in range(ROUNDS):
            self.amidst_payments(servers, blow)

    def test_the_primary_restarts_itself(self):
        """One backend killed, so that all are: commits that waited for the standby are visible then and not replicated."""
        servers = self.two()
        self.amidst_payments(servers, lambda: self.while_a_commit_waits(self.pair.primary.kill_backend))

    def test_backends_are_terminated_and_connections_cut(self):
        servers = self.two()

        def strike():
            self.pair.primary.terminate_backends()
            self.pair.relay(self.pair.primary).cut()
        self.amidst_payments(servers, lambda: self.while_a_commit_waits(strike))

    def test_answers_of_the_primary_are_lost(self):
        """What was sent is written, and nobody hears of it."""
        servers = self.two()

        def blow():
            relay = self.pair.relay(self.pair.primary)
            relay.stall("down")
            wait_until(lambda: relay.held("down") > 0, "an answer that is held")
            relay.cut()
            relay.flow()
        self.amidst_payments(servers, blow)

    def test_what_waits_for_the_standby_and_dies_was_never_acknowledged(self):
        """The standby is cut off, the primary is killed, the standby promoted: what only the primary had is gone, and was not told."""
        servers = self.two()
        client, session = self.sessions(*servers), unique()
        self.pair.standby_link().stall()
        codes = []
        waiting = threading.Thread(target=lambda: codes.append(self.create_code(client, session)), daemon=True)
        waiting.start()
        wait_until(lambda: self.waiting_commits() > 0, "the create to wait")
        self.pair.primary.kill()
        self.pair.standby_link().cut()
        self.pair.promote(alone=False)
        self.pair.rejoin()
        waiting.join(PATIENCE)
        self.assertIn(codes[0], ("UNAVAILABLE", "DEADLINE_EXCEEDED", "OK"))  # OK: it was settled at the new primary
        wait_until(lambda: self.create_code(client, session) == "OK", "the same call to settle it")
        self.assertEqual(self.pair.primary.sql("SELECT count(*) FROM session"), "1")


@needs_servers
class StandbyAwayTest(FailoverCase):
    def test_writes_are_refused_and_reads_go_on_until_their_lease_ends(self):
        servers = self.two(pg="    read_lease_ms: 3000\n    stall_ms: 500\n")
        client, known, session = self.sessions(*servers), unique(), unique()
        token = client.create(known)
        self.pair.standby_link().stall()
        for server in servers:
            server.wait_for(state="stalled")
        self.assertEqual(self.create_code(client, session), "UNAVAILABLE")
        wait_until(lambda: self.get_code(client, token, known) == "UNAVAILABLE", "reads to end with their lease")
        self.pair.standby_link().flow()
        for server in servers:
            server.wait_for(state="open")
        self.assertEqual(self.get_code(client, token, known), "OK")
        self.assertEqual(self.create_code(client, session), "OK")
        self.assertEqual(self.pair.primary.sql("SELECT count(*) FROM session"), "2")

    def test_reads_go_on_while_a_lease_lasts(self):
        servers = self.two(pg="    read_lease_ms: 60000\n    stall_ms: 500\n")
        client, known = self.sessions(*servers), unique()
        token = client.create(known)
        for _ in range(2 * len(servers)):  # each has a connection for reads
            wait_until(lambda: self.get_code(client, token, known) == "OK", "an answer")
        began = time.monotonic()
        self.pair.standby_link().stall()
        for server in servers:
            server.wait_for(state="stalled")
        for _ in range(20):
            code = self.get_code(client, token, known)
            if time.monotonic() - began < 30:  # what is later says nothing
                self.assertEqual(code, "OK")

    def test_an_administrator_can_log_in_while_calls_wait(self):
        """Callers come and give up, in any number: there are no more connections for it."""
        servers = self.two(pg="    stall_ms: 60000\n    read_lease_ms: 60000\n")
        client = self.sessions(*servers)
        client.create(unique())
        self.pair.standby_link().stall()

        def give_up(count):
            for _ in range(count):
                self.create_code(client, unique(), timeout=0.05)
        threads = [threading.Thread(target=give_up, args=(CALLS // 10,), daemon=True) for _ in range(10)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.assertLessEqual(self.backends(), CONNECTIONS)
            time.sleep(0.05)
        self.assertGreater(self.waiting_commits(), 0)
        self.pair.standby_link().flow()
        wait_until(lambda: self.create_code(client, unique()) == "OK", "the service to be back")

    def backends(self):
        """As the administrator, by a connection of his own."""
        return int(self.pair.primary.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'sessiond'", "postgres"))


@needs_servers
class FrozenTest(FailoverCase):
    def test_a_frozen_primary_is_waited_for_and_thaws(self):
        servers = self.two(pg="    stall_ms: 500\n    read_lease_ms: 2000\n")
        client, known = self.sessions(*servers), unique()
        token = client.create(known)
        self.pair.primary.freeze()
        wait_until(lambda: self.create_code(client, unique(), timeout=SOON) == "UNAVAILABLE", "writes to be refused")
        wait_until(lambda: self.get_code(client, token, known, timeout=SOON) == "UNAVAILABLE", "reads to be refused")
        self.pair.primary.thaw()
        wait_until(lambda: self.get_code(client, token, known) == "OK" and self.create_code(client, unique()) == "OK", "the service to be back")

    def test_a_former_primary_that_thaws_is_never_asked(self):
        """What was revoked at the new primary is not open at the old one, also when the new one cannot be reached."""
        servers = self.two(store="  durability: disk\n", pg="    stall_ms: 500\n    read_lease_ms: 2000\n")
        client, session = self.sessions(*servers), unique()
        token = client.create(session)
        former = self.pair.primary
        former.freeze()
        self.pair.promote(alone=True)
        self.pair.relay(former).cut()

        def revoked():
            try:
                client.revoke(token, session)
                return True
            except grpc.RpcError as error:
                return explain(error)[0] == "FAILED_PRECONDITION"
        wait_until(revoked, "the new primary to take it")
        former.thaw()

        def closed():
            code = self.get_code(client, token, session, timeout=SOON)
            self.assertNotEqual(code, "OK")
            return code == "FAILED_PRECONDITION"
        for _ in servers:
            wait_until(closed, "the new primary to be asked")
        relay = self.pair.relay(self.pair.primary)
        relay.refuse()
        relay.cut()
        for server in servers:
            server.wait_for(state="searching")
        for _ in range(20):
            self.assertEqual(self.get_code(client, token, session), "UNAVAILABLE")
        relay.accept()
        wait_until(closed, "the new primary to be found")


@needs_servers
class FrozenMachineTest(FailoverCase):
    def test_another_machine_takes_over_its_call_to_a_connector(self):
        """Its lease runs out, the connector is asked again by the same idempotency key, and what the thawed machine brings comes too late."""
        held, session = HeldConnector(), unique()
        self.addCleanup(held.close)
        servers = self.two(more=f"connector:\n  connect_timeout_ms: 2000\n  total_timeout_ms: 2000\n  base_url_hosts: ['127.0.0.1:{held.fake.port}']\n")
        first, second = (self.sessions(server) for server in servers)
        to_held = {"connector": held_metadata(held)}

        def begin():
            with contextlib.suppress(grpc.RpcError):
                first.create(session, timeout=SOON, **to_held)  # its lease lasts five seconds longer
        call = threading.Thread(target=begin, daemon=True)
        call.start()
        wait_until(lambda: held.fake.requests, "the connector to be called")
        pids = [servers[0].process.pid, *servers[0].children()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        self.addCleanup(self.thaw, pids)
        wait_until(lambda: all(state(pid) == "T" for pid in pids), "the machine to stand still")
        held.gate.set()
        token = second.create(session, **to_held)
        self.thaw(pids)
        call.join(PATIENCE)
        keys = {headers["idempotency-key"] for _, headers, _ in held.fake.requests}
        self.assertGreater(len(held.fake.requests), 1)
        self.assertEqual(len(keys), 1)
        wait_until(servers[0].all_serve, "the machine to be back")
        again = self.sessions(servers[0]).create(session, **to_held)
        self.assertEqual(second.get(again, session).session_id, second.get(token, session).session_id)
        self.assertEqual(self.pair.primary.sql("SELECT count(*) FROM session"), "1")

    def thaw(self, pids):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@needs_servers
class GoneTest(FailoverCase):
    def test_both_nodes_are_gone_and_come_back(self):
        servers = self.two()
        client, session = self.sessions(*servers), unique()
        token = client.create(session)
        for node in self.pair.nodes:
            node.kill()
        for server in servers:
            server.wait_for(state="searching")
        for code in (self.create_code(client, unique()), self.get_code(client, token, session)):
            self.assertEqual(code, "UNAVAILABLE")
        for node in self.pair.nodes:
            node.start()
        for server in servers:
            server.wait_for(state="open")
        for _ in servers:
            wait_until(lambda: self.get_code(client, token, session) == self.create_code(client, unique()) == "OK", "the service to be back")


if __name__ == "__main__":
    unittest.main()
