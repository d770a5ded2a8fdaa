"""Merchant A can neither see nor move a session of B through the gateway: every method that passes, through every door that it passes by.

What test_caller_walk does for all other routes, for those that are there with a payment server alone: a caller of merchant a, with all
rights, presents what it could have got hold of. What names a session that is there and what names none must be answered by the same bytes,
nothing of it reaches the payment server, and the session is as it was."""
import itertools
import re
import unittest

import grpc

from caller_walks import HEADERS, VICTIMS, Doors, WalkCase, is_others, same_but_for_accidents
from callers import bearer
from harness import PATIENCE, SOURCE, unique
from payment_server import AUTHORIZE, CHARGED, GET, PaymentServer, authorize, authorized, field, money, number, text
from session_service import EXACT, explain, status_name


def of(*, name, amount=None, test_mode=None, token=None, more=b""):
    """A request of a method: name: the field that may name the session; token: the one that takes a session token."""
    def fill(session, presented):
        message = text(name, session) + more
        message += money(amount) if amount else b""
        message += text(token, presented) if token and presented else b""
        return message + (number(test_mode, 1) if test_mode else b"")
    return fill


# Of each method a request that is in order for the session's amount.
METHODS = {
    "types.PaymentService/Authorize": of(name=1, amount=2, test_mode=30, token=17),
    "types.PaymentService/Capture": of(name=1, amount=3, test_mode=10),
    "types.PaymentService/Void": of(name=1, test_mode=10),
    "types.PaymentService/Refund": of(name=1, amount=4, test_mode=14),
    "types.PaymentService/Get": of(name=1, test_mode=13),
    "types.RefundService/Get": of(name=1, test_mode=8),
    "types.PaymentService/SetupRecurring": of(name=17, amount=2, token=14, more=text(1, "m-1")),
    "types.PaymentMethodAuthenticationService/PreAuthenticate": of(name=1, amount=2),
    "types.PaymentMethodAuthenticationService/Authenticate": of(name=1, amount=2),
    "types.PaymentMethodAuthenticationService/PostAuthenticate": of(name=1, amount=2),
    "types.CompositePaymentService/Authorize": of(name=1, amount=7, test_mode=4, token=18),
}


class PassingDoors(Doors):
    """Those by which bytes pass as they are."""

    def proto1(self, path, message, metadata):
        return self.http1(path, "application/proto", message, metadata)

    def proto2(self, path, message, metadata):
        return self.http2(path, "application/proto", message, metadata)

    def web(self, path, message, metadata):
        return self.http1(path, "application/grpc-web+proto", b"\0" + len(message).to_bytes(4, "big") + message, metadata)

    def all(self):
        return {"grpc": self.unary, "connect/1.1": self.proto1, "connect/2": self.proto2, "grpc-web": self.web}


class Walk(WalkCase):
    doors_class = PassingDoors

    @classmethod
    def config(cls):
        cls.upstream = PaymentServer(lambda path, request, context: authorized("theirs") if path == AUTHORIZE else number(2, CHARGED))
        cls.addClassCleanup(cls.upstream.stop)
        return f"upstream:\n  grpc: {cls.upstream.address}\n"

    def setUp(self):
        self.upstream.calls.clear()

    def answer(self, method, door, metadata, session, token, told_by):
        """told_by: where the session and its token are named, in headers or in the message."""
        message = METHODS[method](session if told_by == "message" else "t-1", token if told_by == "message" else None)
        headers = [*EXACT, *metadata]
        if told_by == "header":
            headers += [("x-merchant-session-id", session)] + ([("x-session-token", token)] if token else [])
        return same_but_for_accidents(self.doors.all()[door]("/" + method, message, headers))

    def ways(self):
        """(method, door, told_by). The door that starts a program for each call is walked by one method: the others differ in what is read
        of a message, behind all doors."""
        return [way for way in itertools.product(METHODS, self.doors.all(), ("header", "message"))
                if way[1] != "connect/2" or "/" + way[0] == AUTHORIZE]

    def is_told(self, told_by, method, token):
        """Is a token presented at all? A method without a field for one passes as a call without a session."""
        return bool(token) and (told_by == "header" or b"PRESENT" in METHODS[method]("s", "PRESENT"))

    def test_every_method_has_a_row(self):
        table = (SOURCE / "include/sessiond/domain/gateway_methods.h").read_text()
        self.assertEqual(set(re.findall(r'X\([A-Z_]+, +"([^"]+)"\)', table)), set(METHODS))

    def test_nobody_without_a_credential(self):
        for method, door, told_by in self.ways():
            answer = self.answer(method, door, [], unique(), self.own_token, told_by)
            self.assertRegex(answer, rb"UNAUTHENTICATED|\(401|grpc-status', '16'|grpc-status: ?16", (method, door))
        self.assertEqual(self.upstream.asked(), [])

    def test_nobody_without_the_right(self):
        for method, door, told_by in self.ways():
            answer = self.answer(method, door, bearer(self.keys["nobody"]), unique(), self.own_token, told_by)
            self.assertRegex(answer, rb"PERMISSION_DENIED|\(403|grpc-status', '7'|grpc-status: ?7", (method, door))
        self.assertEqual(self.upstream.asked(), [])

    def test_no_mode_but_the_callers_own(self):
        """Without a session, too, where no token says which mode it is: this caller may do nothing live."""
        pay = self.server.grpc().unary_unary(AUTHORIZE)
        metadata = [*EXACT, *bearer(self.keys["merchant"])]
        with self.assertRaises(grpc.RpcError) as caught:
            pay(authorize("t-1", test_mode=False), metadata=metadata, timeout=PATIENCE)
        self.assertEqual(explain(caught.exception)[:2], ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED"))
        self.assertEqual(self.upstream.asked(), [])
        pay(authorize("t-1"), metadata=metadata, timeout=PATIENCE)
        self.assertEqual(len(self.upstream.asked()), 1)

    def test_nothing_tells_what_is_there(self):
        for victim in VICTIMS:
            client, session, absent = self.clients[victim], unique(), unique()
            token = client.create(session)
            tokens = {"own": self.own_token, "theirs": token, "forged": token[:-4] + "AAAA"}
            for header, (method, door, told_by), (name, presented) in itertools.product(HEADERS, self.ways(), tokens.items()):
                if not self.is_told(told_by, method, presented):
                    continue
                metadata = [*bearer(self.keys["a"]), *header]
                there, nowhere = (self.answer(method, door, metadata, one, presented, told_by) for one in (session, absent))
                self.assertEqual(there, nowhere, (victim, method, door, header, name))
                if is_others(header):
                    self.assertRegex(there, rb"CALLER_NOT_ALLOWED|'grpc-status', '7'", (method, door, header, name))
            self.assertEqual(self.upstream.asked(), [], "nothing came through")
            seen = client.get(token, session)
            self.assertEqual((seen.version, status_name(seen), list(seen.gateway_calls)), (1, "OPEN", []))

    def test_without_a_token_nothing_is_known_of_it(self):
        """It passes as a call of nobody's session, whatever it names: byte for byte, and nothing of the session goes along."""
        for victim in VICTIMS:
            client, session, absent = self.clients[victim], unique(), unique()
            token = client.create(session)
            for header, (method, door, told_by) in itertools.product(HEADERS, self.ways()):
                self.upstream.calls.clear()
                metadata = [*bearer(self.keys["a"]), *header]
                there, nowhere = (self.answer(method, door, metadata, one, None, told_by) for one in (session, absent))
                self.assertEqual(there, nowhere, (victim, method, door, header))
                asked = [request for _, request, _, _ in self.upstream.asked()]
                wanted = [METHODS[method](one if told_by == "message" else "t-1", None) for one in (session, absent)]
                self.assertEqual(asked, [] if is_others(header) else wanted, (method, door, header))
            self.assertEqual(client.get(token, session).version, 1)

    def test_one_id_is_each_ones_own(self):
        """Session and payment of one name: an answer that another merchant's, or tenant's, was given is nobody else's."""
        session, seen = unique(), []
        callers = {"a": [], "b": [("x-merchant-id", "b")], "tenant": [("x-merchant-id", "a"), ("x-tenant-id", "other")]}
        channel = self.server.grpc()
        tokens = {}
        for name, header in callers.items():
            tokens[name] = self.clients[name].create(session, headers=header)
            answer = channel.unary_unary(AUTHORIZE)(authorize("t-1", token=tokens[name]), timeout=PATIENCE,
                                                    metadata=[*EXACT, *bearer(self.keys[name]), *header, ("x-merchant-session-id", session)])
            seen.append(field(answer, 3))
        self.assertEqual((seen, len(self.upstream.asked(AUTHORIZE))), ([CHARGED] * 3, 3))
        for (name, header), other in itertools.product(callers.items(), callers):
            if name == other:
                continue
            with self.assertRaises(grpc.RpcError) as caught:
                channel.unary_unary(GET)(text(1, "t-1") + number(13, 1), timeout=PATIENCE,
                                         metadata=[*EXACT, *bearer(self.keys[name]), *header, ("x-merchant-session-id", session),
                                                   ("x-session-token", tokens[other])])
            self.assertEqual(explain(caught.exception)[:2], ("PERMISSION_DENIED", "TOKEN_MISMATCH"))
        self.assertEqual(len(self.upstream.asked()), 3)


if __name__ == "__main__":
    unittest.main()
