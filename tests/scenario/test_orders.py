"""Random orders of everything that can happen to a session, through the real server and all its workers, against the model (model.py): with
repeated calls, lost answers, steps that run out, and the browser's return by its URL. All orders up to six are tried on the domain's
functions (tests/unit/domain/test_session_model.c); this is a sample of them with the store, the tokens and the wire in between."""
import concurrent.futures
import http.client
import os
import random
import unittest

import grpc

from harness import PATIENCE, Server, claims, unique
from invariants import Invariants
from model import BY_CALLER, Model, moves
from session_service import Sessions, event_names, explain, outcome_name, status_name

SEED = int(os.environ.get("SES_ORDERS_SEED", str(random.SystemRandom().randrange(1 << 32))))
SEQUENCES = int(os.environ.get("SES_ORDERS", "750"))
AT_ONCE = 16
STEP_SECONDS = 300  # of a step that will run out: the server's clock is moved over its end
RETURN_URL = "https://shop.example/back"
CONFIG = ("session:\n  ttl_seconds: 3600\n  rotation_overlap_seconds: 3600\nredirect:\n  return_urls:\n    - \"* https://shop.example\"\n")
THINGS = sorted(BY_CALLER) + ["BEGIN", "BEGIN", "RETURN", "RETURN", "REVOKE", "UPDATE_TEXT", "UPDATE_AMOUNT", "REPEAT", "REPEAT", "TIME", "WEBHOOK"]


class Sequence:
    """One session and what the client knows of it; every answer is compared with the model's."""

    def __init__(self, server, seed):
        self.server, self.clock, self.dice = server, server.clock, random.Random(seed)
        self.clients = [Sessions(server.address) for _ in range(3)]
        self.session = unique("order")
        self.model = Model()
        self.path = []
        self.token = self.client().create(self.session)
        self.overlapping = 0
        self.last = None
        self.handle = None
        self.history_known = True

    def client(self):
        return self.dice.choice(self.clients)

    def demand(self, found, wanted, what):
        if found != wanted:
            raise AssertionError(f"{what}: {found!r}, the model says {wanted!r}; after {' '.join(self.path)} ({self.session})")

    def run(self, things):
        try:
            for number, thing in enumerate(things):
                self.path.append(thing)
                following = things[number + 1] if number + 1 < len(things) else None
                self.happen(thing, f"e{number}", STEP_SECONDS if following == "TIME" else 0)
                if not self.look():
                    break
        finally:
            for client in self.clients:
                client.close()
        return len(self.path)

    def happen(self, thing, event_id, step_seconds):
        handlers = {"BEGIN": self.begin, "RETURN": self.browser_returns, "REVOKE": self.revoke, "UPDATE_TEXT": self.update,
                    "UPDATE_AMOUNT": self.update, "REPEAT": self.repeat, "TIME": self.time_passes, "WEBHOOK": self.webhook}
        if thing in handlers:
            handlers[thing](thing, event_id, step_seconds)
        else:
            self.send(thing, event_id, step_seconds)
            self.last = (thing, event_id)

    def accepted(self):
        generation = claims(self.token)["gen"]
        return generation in (self.model.generation, self.overlapping)

    def perform(self, call, *args, **fields):
        """The answer, or the reason of the refusal. A new token is taken, unless the answer is lost on its way."""
        try:
            answer = call(self.token, self.session, *args, **fields)
        except grpc.RpcError as error:
            code, why, info = explain(error)
            if why == "TOKEN_SUPERSEDED":
                self.demand(int(info["generation"]), self.model.generation, "current generation")
            if code not in ("FAILED_PRECONDITION", "ABORTED"):
                raise AssertionError(f"{code} {why} after {' '.join(self.path)}") from error
            return why
        if getattr(answer, "session_token", "") and self.dice.random() < 0.85:
            self.token = answer.session_token
        return answer

    def expect_token(self):
        """What a call with this token gets before anything else; None: it is let in."""
        if self.model.status == "REVOKED":
            return "SESSION_REVOKED"
        return None if self.accepted() else "TOKEN_SUPERSEDED"

    def send(self, event, event_id, step_seconds):
        wanted = self.expect_token()
        stale = self.dice.random() < 0.1
        before = self.model.version
        known = event_id in self.model.seen
        expected = before + 1 if stale else self.dice.choice((0, before))
        generation = self.model.generation
        if wanted is None and stale and not known:
            wanted = "VERSION_MISMATCH"
        if wanted is None:
            wanted = self.model.event(event, event_id)
            if self.model.generation != generation:
                self.overlapping = generation
            if step_seconds and wanted == "APPLIED":
                if self.model.open_step is None:  # else the step of BeginStep goes on, with its own time
                    self.model.short_step = self.model.version
        answer = self.perform(self.client().advance, event, event_id=event_id, step_seconds=step_seconds, expected_version=expected)
        self.demand(answer if isinstance(answer, str) else outcome_name(answer), wanted, event)

    def repeat(self, _, __, ___):
        if self.last is None:
            return
        thing, event_id = self.last
        if thing == "BEGIN":
            self.begin_again(event_id)
        else:
            self.send(thing, event_id, 0)

    def begin(self, _, event_id, step_seconds):
        refused = self.expect_token()
        wanted = refused or self.model.begin(event_id)
        answer = self.perform(self.client().begin, return_url=RETURN_URL, event_id=event_id, step_seconds=step_seconds)
        self.demand(answer if isinstance(answer, str) else None, wanted, "BeginStep")
        if wanted is None:
            self.demand(answer.return_url.endswith("/r/" + answer.step_handle), True, "return_url")
            self.handle = (answer.step_handle, self.model.version)
            self.last = ("BEGIN", event_id)
            if step_seconds:
                self.model.short_step = self.model.version

    def begin_again(self, event_id):
        wanted = self.expect_token()
        if wanted is None and self.model.status in ("PROCESSING", "COMPLETED", "FAILED"):
            wanted = "SESSION_PROCESSING" if self.model.status == "PROCESSING" else "SESSION_CLOSED"
        open_now = self.model.open_step == event_id
        answer = self.perform(self.client().begin, return_url=RETURN_URL, event_id=event_id)
        if wanted is None and not open_now:
            wanted = "STEP_OVER"
        if wanted in ("SESSION_PROCESSING", "SESSION_CLOSED") and answer == "STEP_OVER":
            wanted = "STEP_OVER"  # both are true
        self.demand(answer if isinstance(answer, str) else None, wanted, "BeginStep again")

    def browser_returns(self, _, __, ___):
        if self.handle is None:
            return
        handle, _ = self.handle
        fits = self.model.status == "REDIRECTED" and self.model.open_step is not None
        connection = http.client.HTTPConnection(self.server.next().address, timeout=PATIENCE)
        connection.request("GET", f"/r/{handle}?cres=abc&n=1")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if fits:
            self.demand((answer.status, answer.getheader("location")), (303, RETURN_URL), "return")
            self.model.event("BROWSER_RETURNED")
        else:
            self.history_known = False  # whether a late return is in the history is not told

    def revoke(self, _, __, ___):
        if self.model.status == "REVOKED":  # which ends the overlap, too
            wanted = None if claims(self.token)["gen"] == self.model.generation else "TOKEN_SUPERSEDED"
        else:
            wanted = self.expect_token() or self.model.revoke()
        answer = self.perform(self.client().revoke)
        self.demand(answer if isinstance(answer, str) else None, wanted, "RevokeSession")

    def update(self, thing, event_id, _):
        values = {"text": "text-" + event_id} if thing == "UPDATE_TEXT" else {"amount": self.dice.randrange(1, 99)}
        wanted = self.expect_token()
        fields = {"metadata": {"value": values["text"]}} if "text" in values else {"amount": {"minor_amount": values["amount"], "currency": "USD"}}
        # Only a token of the current generation may update.
        if wanted is None and claims(self.token)["gen"] != self.model.generation:
            return
        generation = self.model.generation
        if wanted is None:
            wanted = self.model.update(**values)
        answer = self.perform(self.client().update, **fields)
        self.demand(answer if isinstance(answer, str) else None, wanted, "UpdateSession")
        if self.model.generation != generation:
            self.overlapping = 0

    def webhook(self, _, event_id, __):
        event = self.dice.choice(("COMPLETED", "FAILED", "PROCESSING_STARTED"))
        self.path[-1] += ":" + event
        wanted = self.model.event(event, event_id)
        answer = self.client().advance(None, self.session, event, event_id=event_id)
        self.demand(outcome_name(answer), wanted, "webhook")

    def time_passes(self, _, __, ___):
        """Only a step that was begun for STEP_SECONDS, just now, is affected."""
        before = self.path[-2] if len(self.path) > 1 else ""
        if before not in ("BEGIN", "AUTHENTICATION_STARTED", "REDIRECT_STARTED") or moves(self.model.status, "STEP_TIMED_OUT") is None:
            return
        if self.model.short_step != self.model.version:
            return
        self.clock.pass_(STEP_SECONDS + 1)
        self.model.event("STEP_TIMED_OUT")

    def look(self):
        """The session as any worker sees it. False: no token can be had any more."""
        if self.model.status == "REVOKED":
            self.demand(self.perform(self.client().get), "SESSION_REVOKED", "GetSession")
            return True
        if not self.accepted():
            self.demand(self.perform(self.client().get), "TOKEN_SUPERSEDED", "GetSession")
            if self.model.status in ("COMPLETED", "FAILED"):
                return False
            # The payload as it is now: what UpdateSession changed belongs to it.
            self.token = self.client().create(self.session, amount={"minor_amount": self.model.amount, "currency": "USD"},
                                              metadata={"value": self.model.text} if self.model.text else None)
            self.demand(claims(self.token)["gen"], self.model.generation, "generation of CreateSessionToken's token")
        found = self.client().get(self.token, self.session)
        self.demand((status_name(found), found.version, found.generation), (self.model.status, self.model.version, self.model.generation),
                    "GetSession")
        self.demand(event_names(found), self.model.next_events(), "next_events")
        self.demand((found.amount.minor_amount, found.metadata.value), (self.model.amount, self.model.text), "amount and text")
        if self.history_known:
            names = found.DESCRIPTOR.fields_by_name["events"].message_type.fields_by_name["event"].enum_type.values_by_number
            told = [(names[event.event].name.removeprefix("SESSION_EVENT_"), event.event_id, {1: "APPLIED", 2: "LATE"}[event.outcome])
                    for event in found.events]
            self.demand(told, self.model.history, "history")
        return True


class Orders(unittest.TestCase):
    def test_random_orders(self):
        dice = random.Random(SEED)
        print(f"seed {SEED}", flush=True)
        server = Server(workers=4, config=CONFIG).start()
        self.addCleanup(server.cleanup)
        kept = Invariants(server)

        def drawn(seed):
            own = random.Random(seed)
            return seed, [own.choice(THINGS) for _ in range(own.randint(2, 6))]

        def one(order):
            return Sequence(server, order[0]).run(order[1])

        # The clock is one for all sessions: orders in which it is moved have the server for themselves.
        orders = [drawn(dice.random()) for _ in range(SEQUENCES)]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            lengths = list(pool.map(one, [order for order in orders if "TIME" not in order[1]]))
        lengths += map(one, [order for order in orders if "TIME" in order[1]])
        print(f"{SEQUENCES} orders, {sum(lengths)} things happened", flush=True)
        kept.check()
        server.stop()


if __name__ == "__main__":
    unittest.main()
