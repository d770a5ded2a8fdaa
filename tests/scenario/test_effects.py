"""64 clients, one merchant_session_id, all workers, workers killed by SIGKILL while they wait for the connector: how often has the
connector acted?

What is demanded of each connector, and why not the same of all:
  stripe  exactly one effect. Every repetition carries the Idempotency-Key that is derived from the natural key.
  paytm   exactly one effect. It binds its token to the order id, and that is the merchant_session_id: a repetition answers the first token with
          code 0002, which the platform takes for an error (facts). So after a death during the call the clients may get that error, all of them
          and for good, but never a second order.
  nuvei   no idempotency of any kind on its side (facts: getSessionToken answers a new token each time). What sessiond can promise is that
          only one call is in flight: without a death exactly one effect, and at most one more for each worker that died during the calls.
Of all three: every client that gets a token gets the same session, before and after the deaths, and asked again it is a replay. stripe and
nuvei answer every client that asks long enough.
"""
import concurrent.futures
import contextlib
import os
import random
import signal
import threading
import time
import unittest

import grpc

import machines
from grpc_channel import OF_ITS_OWN, channel_to
from harness import CREATE, STRIPE, Server, claims, create_request, initial_metadata, response_class, unique, wait_until
from invariants import Invariants
from simulator import effects, simulator_address

SEED = int(os.environ.get("SES_EFFECTS_SEED", str(random.SystemRandom().randrange(1 << 32))))
ROUNDS = int(os.environ.get("SES_EFFECTS_ROUNDS", "6"))
CLIENTS = 64
WORKERS = 4
# Restarts are not what is tested: no budget, no growing delay. A host that looks dead because we killed its callers is no reason to wait.
CONFIG = "restart:\n  budget: 1000\n  window_seconds: 60\n  delay_max_ms: 10\nconnector:\n  breaker_failures: 1000000\n"
NUVEI = '{"config":{"Nuvei":{"merchant_id":"m1","merchant_site_id":"s1","merchant_secret":"nuvei_secret"}}}'
PAYTM = '{"config":{"Paytm":{"merchant_id":"mid1","merchant_key":"0123456789abcdef","website":"WEBSTAGING","client_id":"c1"}}}'
METADATA = {name: [("x-connector", name), ("x-connector-config", config)]
            for name, config in (("stripe", STRIPE), ("paytm", PAYTM), ("nuvei", NUVEI))}
CURRENCY = {"stripe": "USD", "paytm": "INR", "nuvei": "USD"}
# What a client sees of a death, and "somebody else is at it": it asks again.
AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNKNOWN,
         grpc.StatusCode.CANCELLED)


# What a dead process held of a database is free when its call's time is over, and a little later.
PATIENCE_S = 5 if machines.wanted() else 30


class Client:
    """One connection of its own, so that SO_REUSEPORT spreads the clients over the workers."""

    def __init__(self, address):
        self.address = address
        self.connect()

    def connect(self):
        self.channel = channel_to(self.address, options=[*OF_ITS_OWN, ("grpc.initial_reconnect_backoff_ms", 50),
                                                         ("grpc.max_reconnect_backoff_ms", 200)])
        self.method = self.channel.unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString(),
                                               response_deserializer=response_class(CREATE).FromString)

    def create(self, session, connector):
        """(claims, was it a replay), after as many attempts as it takes, however long that is; None: Paytm has had that order before."""
        patience = PATIENCE_S
        request = create_request(session, amount={"minor_amount": 10000, "currency": CURRENCY[connector]})
        while True:
            try:
                # Not to wait would be to fail at once while the channel connects; gRPC reads its sockets while calls wait, so that many who
                # only look in keep each other from ever being connected.
                answer, call = self.method.with_call(request, metadata=METADATA[connector], timeout=patience)
            except grpc.RpcError as error:
                if error.code() not in AGAIN:
                    raise
                if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                    # Now and then a channel of gRPC's Python client is stuck after a death: only a new one connects again. Or the machine
                    # is slow, and so short a call would be given up for ever.
                    patience *= 2
                    self.channel.close()
                    self.connect()
                time.sleep(0.02)
                continue
            if connector == "paytm" and answer.error.connector_details.code == "0002":
                return None
            if answer.status_code != 200 or not answer.session_token:
                raise AssertionError(f"{connector} {session}: {answer}")
            return claims(answer.session_token), initial_metadata(call).get("x-session-replayed")


class Effects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dice = random.Random(SEED)
        print(f"seed {SEED}", flush=True)
        cls.server = Server(workers=WORKERS, config=CONFIG).start()
        cls.kept = Invariants(cls.server)
        cls.simulator = simulator_address(cls.server)
        cls.clients = [Client(cls.server.next().address) for _ in range(CLIENTS)]
        cls.pool = concurrent.futures.ThreadPoolExecutor(CLIENTS)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.pool.shutdown()
            for client in cls.clients:
                client.channel.close()
            cls.kept.check(killed=True)
            cls.server.stop()
        finally:
            cls.server.cleanup()

    def kill_while(self, stop, deaths):
        """Kills a random worker every 50 to 200 ms: within the 100 to 400 ms that the connector takes."""
        while not stop.wait(self.dice.uniform(0.05, 0.2)):
            with contextlib.suppress(OSError, IndexError):
                os.kill(self.dice.choice(self.server.workers()), signal.SIGKILL)
                deaths.append(time.monotonic())
            if len(deaths) >= 6:
                return

    def round(self, connector, kills):
        # Paytm's error is asked for anew by every client, one after the other: the shortest time keeps 64 of them bearable.
        delay_ms = 100 if connector == "paytm" else self.dice.choice((100, 200, 400))
        session = unique(f"sim-slow-{delay_ms}-eff")
        stop, deaths = threading.Event(), []
        killer = threading.Thread(target=self.kill_while, args=(stop, deaths))
        calls = [self.pool.submit(client.create, session, connector) for client in self.clients]
        if kills:
            killer.start()
        try:
            answers = [call.result() for call in calls]
        finally:
            stop.set()
            if kills:
                killer.join()
                wait_until(self.server.all_serve, "the replaced workers")
        found = [answer[0] for answer in answers if answer is not None]
        again = self.clients[0].create(session, connector)
        if found:
            self.assertEqual(len({(one["jti"], one["exp"], one["gen"]) for one in found}), 1, f"{session}: differing tokens")
            self.assertEqual((again[0]["jti"], again[1]), (found[0]["jti"], "true"))
        else:
            self.assertTrue(connector == "paytm" and deaths, "nobody got a token")
        return effects(self.simulator, session), len(deaths)

    def test_without_deaths_one_effect(self):
        for connector in METADATA:
            count, _ = self.round(connector, kills=False)
            self.assertEqual(count, 1, connector)

    def test_stripe_one_effect(self):
        self.exactly_one("stripe")

    def test_paytm_one_effect(self):
        self.exactly_one("paytm")

    def rounds(self, connector):
        """(effects, deaths) of as many as are wanted; if all calls were faster than those who kill, nothing was shown: some more."""
        played = deaths = 0
        while played < ROUNDS or deaths == 0:
            count, died = self.round(connector, kills=True)
            played, deaths = played + 1, deaths + died
            yield count, died
        print(f"{connector}: {played} ids, {deaths} deaths", flush=True)

    def exactly_one(self, connector):
        for count, died in self.rounds(connector):
            self.assertEqual(count, 1, f"{connector}: {count} effects, {died} deaths")

    def test_nuvei_one_call_in_flight(self):
        most = 0
        for count, died in self.rounds("nuvei"):
            self.assertGreaterEqual(count, 1)
            self.assertLessEqual(count, 1 + died, "more calls than deaths explain: two were in flight at once")
            most = max(most, count)
        print(f"nuvei: at most {most} effects for one id", flush=True)


if __name__ == "__main__":
    unittest.main()
