"""How much is taken on: rates, calls in progress, and what is refused while there is more to do than can be done. No rate is measured: what
may come in is compared with the time that has really passed, and a disk that the test holds is what makes a queue."""
import concurrent.futures
import os
import pathlib
import socket
import time
import unittest

import grpc

from harness import BUILD, CREATE, PATIENCE, Server, create_dict, create_request, status_details, unique, wait_until
from session_service import EXACT, Sessions, connections, explain, refusal

HEADERS = [f"{name}: {value}" for name, value in EXACT]
HOLDERS = 12  # calls in progress: fewer than eight make nobody wait


def merchant(name):
    return [("x-tenant-id", "t"), ("x-merchant-id", name)]


def trailers(error):
    return {key: value for key, value in error.trailing_metadata()}


class Rates(unittest.TestCase):
    def start(self, limits):
        self.server = Server(workers=2, sandbox=False, config="limits:\n" + "".join(f"  {line}\n" for line in limits)).start()
        self.addCleanup(self.server.cleanup)

    def burst(self, count, make):
        """How many of so many calls, over several connections and thereby workers, came in; the first refusal; how long it took."""
        began, admitted, refused = time.monotonic(), 0, None
        with connections(self.server.address, 8) as clients:
            for i in range(count):
                try:
                    make(clients[i % 8])
                    admitted += 1
                except grpc.RpcError as error:
                    refused = refused or error
        return admitted, refused, time.monotonic() - began

    def test_a_merchants_rate_is_of_all_workers(self):
        self.start(["merchant_rate: 1", "merchant_burst: 5"])
        admitted, error, seconds = self.burst(60, lambda client: client.create(unique(), headers=merchant("greedy")))
        self.assertGreaterEqual(admitted, 5)
        self.assertLessEqual(admitted, 5 + seconds + 1)
        if error is None:
            self.skipTest("the machine is slower than a call a second")
        self.assertEqual(explain(error), ("RESOURCE_EXHAUSTED", "RATE_LIMITED", {"scope": "merchant"}))
        delay = status_details(error)[1]["google.rpc.RetryInfo"].retry_delay
        pushback = int(trailers(error)["grpc-retry-pushback-ms"])
        self.assertEqual(delay.seconds * 1000 + delay.nanos // 1000000, pushback)
        self.assertTrue(0 < pushback <= 2000, pushback)
        self.assertIn("limits.merchant_rate", error.details())
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        client.create(unique(), headers=merchant("modest"))
        self.assertGreaterEqual(self.server.metric('sessiond_creations_asked_total{outcome="admitted"}'), admitted + 1)
        self.assertGreater(self.server.metric('sessiond_creations_asked_total{outcome="merchant_rate"}'), 0)

    def test_the_json_doors_say_when_to_come_again(self):
        self.start(["server_rate: 1", "server_burst: 1"])

        def refused(path):
            status, headers, body = self.server.post_json(path, create_dict(unique()), headers=HEADERS)
            return (headers, body) if status == 429 else None
        headers, body = wait_until(lambda: refused(CREATE), "a refusal in Connect's words")
        self.assertEqual(body["code"], "resource_exhausted")
        self.assertIn(headers["retry-after"], ("1", "2"))
        headers, body = wait_until(lambda: refused("/payments/create_session_token"), "a refusal of a route")
        self.assertEqual((body["error"]["reason"], body["error"]["metadata"]), ("RATE_LIMITED", {"scope": "server", "help": "docs/errors.md#RATE_LIMITED"}))
        self.assertIn(headers["retry-after"], ("1", "2"))
        self.assertEqual({self.server.curl("/health")[0] for _ in range(20)}, {200})

    def test_a_connections_rate(self):
        self.start(["connection_rate: 1", "connection_burst: 3"])
        with connections(self.server.address, 2) as (busy, other):
            began = time.monotonic()
            refusals = [e for e in (self.outcome(busy) for _ in range(60)) if e]
            if time.monotonic() - began < 50:
                self.assertEqual(refusals[0], ("RESOURCE_EXHAUSTED", "RATE_LIMITED", {"scope": "connection"}))
            other.create(unique())

    def outcome(self, client):
        try:
            client.create(unique())
        except grpc.RpcError as error:
            return explain(error)
        return None


class Connections(unittest.TestCase):
    def start(self, limits):
        self.server = Server(workers=2, sandbox=False, config="limits:\n" + "".join(f"  {line}\n" for line in limits)).start()
        self.addCleanup(self.server.cleanup)

    def test_a_connection_that_is_old_goes_and_no_call_is_lost(self):
        self.start(["connection_age_seconds: 1"])
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        before = self.server.metric("sessiond_connections_accepted_total")
        running = [client.method(CREATE).future(create_request(unique()), metadata=EXACT, timeout=PATIENCE) for _ in range(10)]

        def moved():
            client.create(unique())
            return self.server.metric("sessiond_connections_accepted_total") - before >= 4
        wait_until(moved, "the client to come over three more connections")
        self.assertTrue(all(call.result().session_token for call in running))

    def test_connections_from_one_address(self):
        self.start(["source_connections: 2"])
        open_ones = []
        self.addCleanup(lambda: [one.close() for one in open_ones])

        def refused():
            one = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE)
            open_ones.append(one)
            one.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            try:
                return one.recv(1) == b""
            except ConnectionResetError:
                return True
        wait_until(refused, "a connection to be closed at once")
        self.assertGreater(len(open_ones), 2)
        self.assertLessEqual(len(open_ones), 2 * 2 + 1)  # two a worker, and the kernel chooses the worker
        wait_until(lambda: self.server.metric("sessiond_connections_refused_total") > 0, "it to be counted")

    def test_connections_from_one_address_behind_a_proxy(self):
        """Everybody comes from the proxy's address: who is behind it counts, once the PROXY header has told."""
        self.server = Server(workers=1, sandbox=False, config="limits:\n  source_connections: 2\nproxies:\n  trusted: [127.0.0.1]\n").start()
        self.addCleanup(self.server.cleanup)
        open_ones = []
        self.addCleanup(lambda: [one.close() for one in open_ones])

        def answers(client):
            one = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE)
            open_ones.append(one)
            one.sendall(f"PROXY TCP4 {client} 127.0.0.1 1000 80\r\nGET /health HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
            try:
                return one.recv(1) != b""
            except ConnectionResetError:
                return False
        greedy, other = "198.51.100.9", "198.51.100.10"
        self.assertEqual([answers(client) for client in (greedy, greedy, greedy, other, other)], [True, True, False, True, True])
        open_ones[0].close()
        wait_until(lambda: answers(greedy), "the place of the one that left")


class Overload(unittest.TestCase):
    def start(self, limits, more=""):
        self.server = Server(workers=1, sandbox=False, config="limits:\n" + "".join(f"  {line}\n" for line in limits) + more)
        self.addCleanup(self.server.cleanup)
        self.flag = pathlib.Path(self.server.temporary) / "stall"
        options = os.environ.get("ASAN_OPTIONS", "")
        self.server.env.update(LD_PRELOAD=str(BUILD / "failing_disk.so"), SES_FAILING_DISK=str(self.flag),
                               ASAN_OPTIONS=f"{options}:verify_asan_link_order=0".lstrip(":"))
        self.server.start()
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)
        self.pool = concurrent.futures.ThreadPoolExecutor(HOLDERS)
        self.addCleanup(self.pool.shutdown)
        self.addCleanup(self.let_go)

    def hold(self, count, name, headers=()):
        """So many creations in progress, which wait for the disk."""
        whole = self.flag.with_suffix(".new")
        whole.write_text(f"stall {self.server.data / 'shards'}")
        whole.rename(self.flag)
        calls = [self.pool.submit(self.client.create, unique(), headers=merchant(name) + list(headers)) for _ in range(count)]
        self.held = getattr(self, "held", 0) + count
        wait_until(lambda: self.server.metric("sessiond_exchanges_open") >= self.held, "the calls to be in progress")
        return calls

    def let_go(self):
        self.flag.unlink(missing_ok=True)

    def test_calls_in_progress(self):
        self.start(["merchant_calls: 2", "overload_ms: 0"])
        calls = self.hold(2, "greedy")
        self.assertEqual(refusal(self.client.create, unique(), headers=merchant("greedy")),
                         ("RESOURCE_EXHAUSTED", "TOO_MANY_CONCURRENT", {"scope": "merchant"}))
        other = self.pool.submit(self.client.create, unique(), headers=merchant("modest"))
        wait_until(lambda: self.server.metric("sessiond_exchanges_open") >= 3, "the other merchant's call to be in progress")
        self.let_go()
        self.assertTrue(all(call.result() for call in [*calls, other]))
        for _ in range(5):  # each was given back
            self.client.create(unique(), headers=merchant("greedy"))

    def test_calls_of_one_address_behind_a_proxy(self):
        """All come over the proxy's connections; its header says whose each is. A /64 is one."""
        self.start(["source_calls: 2", "overload_ms: 0"], "proxies:\n  trusted: [127.0.0.1]\n")

        def client(address):
            return [("x-forwarded-for", address)]
        greedy, six = client("198.51.100.9"), client("2001:db8:1:2::1")
        calls = self.hold(2, "m", greedy) + self.hold(2, "m", six)
        before = self.server.metric('sessiond_creations_asked_total{outcome="source_calls"}')
        for address in ("198.51.100.9", "198.51.100.10, 198.51.100.9", "2001:db8:1:2:ffff::3"):  # what it wrote itself says nothing
            self.assertEqual(refusal(self.client.create, unique(), headers=merchant("other") + client(address)),
                             ("RESOURCE_EXHAUSTED", "TOO_MANY_CONCURRENT", {"scope": "address"}))
        self.assertEqual(self.server.metric('sessiond_creations_asked_total{outcome="source_calls"}'), before + 3)
        # A browser that comes back is somebody, too.
        self.assertEqual(self.server.curl("/r/abc", headers=["x-forwarded-for: 198.51.100.9"])[0], 429)
        self.assertEqual(self.server.metric('sessiond_continuations_asked_total{outcome="source_calls"}'), 1)
        self.assertNotEqual(self.server.curl("/r/abc", headers=["x-forwarded-for: 198.51.100.8"])[0], 429)
        calls += self.hold(1, "m", client("198.51.100.10")) + self.hold(1, "m", client("2001:db8:1:3::1"))
        calls += self.hold(3, "m")  # a proxy that names nobody
        self.let_go()
        self.assertTrue(all(call.result() for call in calls))
        for _ in range(5):  # each was given back
            self.client.create(unique(), headers=merchant("m") + greedy)

    def test_calls_of_one_address_without_a_proxy(self):
        self.start(["source_calls: 2", "overload_ms: 0"])
        calls = self.hold(2, "a", [("x-forwarded-for", "198.51.100.9")])  # which nobody believes
        self.assertEqual(refusal(self.client.create, unique(), headers=merchant("b")),
                         ("RESOURCE_EXHAUSTED", "TOO_MANY_CONCURRENT", {"scope": "address"}))
        self.assertEqual(self.server.curl("/health")[0], 200)
        self.let_go()
        self.assertTrue(all(call.result() for call in calls))

    def test_what_cannot_be_in_time_is_refused_at_once(self):
        self.start(["overload_ms: 0"])
        session = unique()
        token = self.client.create(session, headers=merchant("modest"))
        calls = self.hold(HOLDERS, "greedy")

        def hurried():
            body = self.server.call_within(create_request(unique()), 3000, [*EXACT, *merchant("modest")])
            return body if body.get("code") == "resource_exhausted" else None
        body = wait_until(hurried, "a refusal because of the deadline")
        self.assertEqual(body["details"][0]["debug"]["reason"], "OVERLOADED")
        self.assertEqual(body["details"][0]["debug"]["metadata"], {"scope": "deadline", "help": "docs/errors.md#OVERLOADED"})
        self.client.call("GetSession", token, session, headers=merchant("modest"))  # needs no disk
        self.let_go()
        self.assertTrue(all(call.result() for call in calls))

    def test_creations_are_given_up_first(self):
        self.start(["overload_ms: 20"])
        session = unique()
        token = self.client.create(session, headers=merchant("greedy"))
        calls = self.hold(HOLDERS, "greedy")
        wait_until(lambda: self.server.metric("sessiond_overload_shedding") == 1, "the overload to be noticed")

        def refused():
            calls.extend(self.client.method(CREATE).future(create_request(unique()), metadata=[*EXACT, *merchant("greedy")], timeout=PATIENCE)
                         for _ in range(30))
            return next((call.exception() for call in calls if call.done() and call.exception()), None)
        error = wait_until(refused, "a creation to be refused", rest=0.2)
        self.assertEqual(explain(error)[:2], ("RESOURCE_EXHAUSTED", "OVERLOADED"))
        self.client.call("GetSession", token, session, headers=merchant("greedy"))
        self.assertEqual(self.server.curl("/health")[0], 200)
        self.let_go()
        outcomes = {explain(call.exception())[1] if call.exception() else "" for call in calls}
        self.assertEqual(outcomes, {"", "OVERLOADED"})
        wait_until(lambda: self.server.metric("sessiond_overload_shedding") == 0, "the end of the overload")
        self.client.create(unique(), headers=merchant("greedy"))
        events = [row["event"] for row in self.server.lines() if row["event"].startswith("overload")]
        self.assertEqual((events[0], events[-1]), ("overload", "overload_over"))


if __name__ == "__main__":
    unittest.main()
