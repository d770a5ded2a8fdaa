"""Merchant A can never read, continue, probe or learn of a session of B: every route of the server, through every door it has.

The table below says of each route what it is; a route without a row fails the test. A caller of merchant a, with all rights and both
modes there, presents what it could have got hold of: tokens of others, ids of others, others' names in the headers. What names a session
that is there and what names none must be answered by the same bytes, but for request id and date."""
import itertools
import json
import re
import unittest

import grpc
from google.protobuf import json_format

from caller_walks import HEADERS, VICTIMS, Doors, WalkCase, is_others, same_but_for_accidents
from callers import as_headers, asking_server, bearer
from harness import CREATE, CREATE_NEW, PATIENCE, SOURCE, create_request, message, request_class, unique
from session_service import EXACT, SERVICE, status_name

OPERATOR = "/sessiond.v1.OperatorService/"
ACCESS = "/types.MerchantAuthenticationService/CreateAccessToken"
ACCESS_NEW = "/types.MerchantAuthenticationService/CreateServerAuthenticationToken"
CLIENT = "/types.MerchantAuthenticationService/CreateSdkSessionToken"
CLIENT_NEW = "/types.MerchantAuthenticationService/CreateClientAuthenticationToken"
HEALTH, REFLECTION = "/grpc.health.v1.Health/", "/grpc.reflection.v{}.ServerReflection/ServerReflectionInfo"


def by_token(**fields):
    """A call of SessionService: everything but session and token is in order."""
    return lambda session, token: {"session_token": token, "merchant_session_id": session, "test_mode": True, **fields}


def by_name(**fields):
    """A call of OperatorService, which knows no token."""
    return lambda session, _token: {"merchant_session_id": session, "test_mode": True, **fields}


def creating(path):
    def fill(session, _token):
        return json_format.MessageToDict(create_request(session, path=path), preserving_proto_field_name=True)
    return fill


CREATES = {"right": "create", "fill": creating(CREATE)}
CREATES_NEW = {"right": "create", "fill": creating(CREATE_NEW)}
OF_ACCESS = {"right": "create", "fill": lambda _session, _token: {"test_mode": True}}
AMOUNT = {"minor_amount": 10000, "currency": "USD"}
OF_CLIENT = {"right": "create", "fill": lambda session, _token: {"merchant_sdk_session_id": session, "amount": AMOUNT, "test_mode": True}}
OF_CLIENT_NEW = {"right": "create", "fill": lambda session, _token: {"merchant_client_session_id": session, "payment": {"amount": AMOUNT}, "test_mode": True}}
WITH_TOKEN = {"right": "continue"}
OPERATES = {"right": "operate"}
EVENT = {"event": "SESSION_EVENT_PROCESSING_STARTED", "event_id": "walked"}
# right: what the route asks for and a caller has not that has only "operate", or all but that; None: the route asks nobody. fill: a request that is in
# order. Streams are gRPC's alone.
ROWS = {
    CREATE: CREATES,
    CREATE_NEW: CREATES_NEW,
    "/payments/create_session_token": {**CREATES, "rpc": CREATE},
    "/payments/server_session_authentication_token": {**CREATES_NEW, "rpc": CREATE_NEW},
    ACCESS: OF_ACCESS,
    ACCESS_NEW: OF_ACCESS,
    "/payments/create_access_token": {**OF_ACCESS, "rpc": ACCESS},
    "/payments/server_authentication_token": {**OF_ACCESS, "rpc": ACCESS_NEW},
    CLIENT: OF_CLIENT,
    CLIENT_NEW: OF_CLIENT_NEW,
    "/payments/create_sdk_session_token": {**OF_CLIENT, "rpc": CLIENT},
    "/payments/client_authentication_token": {**OF_CLIENT_NEW, "rpc": CLIENT_NEW},
    SERVICE + "GetSession": {**WITH_TOKEN, "fill": by_token()},
    SERVICE + "AdvanceSession": {"right": "continue, webhook", "fill": by_token(**EVENT)},
    SERVICE + "UpdateSession": {**WITH_TOKEN, "fill": by_token(amount={"minor_amount": 7, "currency": "USD"})},
    SERVICE + "BeginStep": {**WITH_TOKEN, "fill": by_token(name="challenge", return_url="https://shop.example/back")},
    SERVICE + "RevokeSession": {**WITH_TOKEN, "fill": by_token()},
    SERVICE + "WatchSession": {**WITH_TOKEN, "fill": by_token(), "stream": True},
    OPERATOR + "ShowSession": {**OPERATES, "fill": by_name()},
    OPERATOR + "RevokeSession": {**OPERATES, "fill": by_name(reason="walked")},
    OPERATOR + "SetLogLevel": {**OPERATES, "fill": lambda _session, _token: {"level": "LOG_LEVEL_INFO"}},
    # A shopper's browser has no credential: the handle is the authority, and tells nothing but where it leads.
    "Return": {"right": None, "get": "/r/nothing"},
    "Health": {"right": None, "get": "/health"},
    "PasetoKeys": {"right": None, "get": "/.well-known/paseto-keys"},
    "OpenApi": {"right": None, "get": "/openapi.json"},
    HEALTH + "Check": {"right": None, "grpc": ""},
    HEALTH + "Watch": {"right": None, "grpc": ""},
    HEALTH + "List": {"right": None, "grpc": ""},
    # Descriptors of the protocol: any caller, of whatever right.
    REFLECTION.format("1"): {"right": "any", "bidi": True},
    REFLECTION.format("1alpha"): {"right": "any", "bidi": True},
    "unknown": {"right": None, "get": "/no/such/path"},
}
FILLED = [path for path, row in ROWS.items() if "fill" in row]


def kind_of(path):
    return {"create": "create", "operate": "operate"}.get(ROWS[path]["right"], "continue")


class RouteDoors(Doors):
    """Those of each route."""

    def grpc(self, path, value, metadata):
        request = json_format.ParseDict(value, request_class(path)()).SerializeToString()
        return self.stream(path, request, metadata) if ROWS[path].get("stream") else self.unary(path, request, metadata)

    def stream(self, path, request, metadata):
        """The first message."""
        try:
            answer = self.channel.unary_stream(path)(request, metadata=metadata, timeout=PATIENCE)
            first = next(answer)
            answer.cancel()
            return b"OK " + first
        except grpc.RpcError as error:
            return self.failure(error)

    @staticmethod
    def json(transport):
        return lambda path, value, metadata: transport(path, "application/json", json.dumps(value).encode(), metadata)

    def proto(self, path, value, metadata):
        return self.http1(path, "application/proto", json_format.ParseDict(value, request_class(path)()).SerializeToString(), metadata)

    def of(self, path):
        json_doors = {"json/1.1": self.json(self.http1), "json/2": self.json(self.http2)}
        if "rpc" in ROWS[path]:
            return json_doors
        if ROWS[path].get("stream"):
            return {"grpc": self.grpc}
        return {"grpc": self.grpc, "connect-proto": self.proto, **json_doors}


class Walk(WalkCase):
    doors_class = RouteDoors

    @classmethod
    def config(cls):
        return "redirect:\n  return_urls: [a https://shop.example, b https://shop.example]\n"

    def answer(self, path, door, metadata, session, token):
        value = ROWS[path]["fill"](session, token)
        extra = EXACT if ROWS[path]["right"] == "create" else []
        return same_but_for_accidents(self.doors.of(path)[door](path, value, [*extra, *metadata]))

    def ways(self, kind=None):
        """Every route with each of its doors; kind: only those that create sessions, that operate, or the others, which continue them."""
        return [(path, door) for path in FILLED for door in self.doors.of(path) if kind in (None, kind_of(path))]

    def test_every_route_has_a_row(self):
        told = re.findall(r'^sessiond_requests_total\{service="([^"]*)",method="([^"]*)",code="OK"\}', self.server.metrics(), re.M)
        routes = {f"/{service}/{method}" if service else method for service, method in told}
        aliases = set(re.findall(r'\.alias = "([^"]+)"', (SOURCE / "src/method/method_table.c").read_text()))
        self.assertGreater(len(aliases), 1)
        # The gateway's routes are there with an upstream server alone (test_gateway_walk), and are one row.
        self.assertEqual((routes | aliases) - {"gateway"}, set(ROWS))

    def test_nobody_without_a_credential(self):
        for path, door in self.ways():
            answer = self.answer(path, door, [], unique(), self.own_token)
            self.assertIn(b"UNAUTHENTICATED" if door == "grpc" else b"(401", answer, (path, door))

    def test_nobody_without_the_right(self):
        for path, door in self.ways():
            caller = "merchant" if ROWS[path]["right"] == "operate" else "nobody"
            answer = self.answer(path, door, bearer(self.keys[caller]), unique(), self.own_token)
            self.assertIn(b"PERMISSION_DENIED" if door == "grpc" else b"(403", answer, (path, door))
            if "rpc" not in ROWS[path] and door != "grpc":
                self.assertIn(f'"metadata":{{"right":"{ROWS[path]["right"]}",'.encode(), answer, (path, door))

    def test_routes_that_ask_nobody(self):
        """Whoever comes gets the same answer: no caller makes a difference."""
        for path, row in ROWS.items():
            if "get" in row:
                answers = {repr(self.get(row["get"], credential))
                           for credential in ((), tuple(as_headers(bearer(self.keys["a"]))), ("authorization: Bearer x",))}
                self.assertEqual(len(answers), 1, path)

    def get(self, path, headers):
        status, rows, body = self.server.curl(path, headers=headers)
        for name in ("x-request-id", "date"):
            rows.pop(name, None)
        return status, sorted(rows.items()), body

    def compare(self, victim, ways, tokens):
        """The victim's session and one that is nowhere, asked for in every way: by each token that a could have, under each name that it
        could give itself."""
        client, session, absent = self.clients[victim], unique(), unique()
        token = client.create(session)
        tokens = {"own": self.own_token, "none": "", "theirs": token, "forged": token[:-4] + "AAAA"} if tokens else {"none": ""}
        for header in HEADERS:
            for (path, door), (name, presented) in itertools.product(ways, tokens.items()):
                metadata = [*bearer(self.keys["a"]), *header]
                there, nowhere = (self.answer(path, door, metadata, one, presented) for one in (session, absent))
                self.assertEqual(there, nowhere, (victim, path, door, header, name))
                if is_others(header):
                    self.assertIn((b"(403" if "rpc" in ROWS[path] else b"CALLER_NOT_ALLOWED"), there, (path, door, header, name))
        seen = client.get(token, session)
        self.assertEqual((seen.version, status_name(seen)), (1, "OPEN"), "nothing came through")

    def test_nothing_tells_what_is_there(self):
        for victim in VICTIMS:
            self.compare(victim, self.ways("continue"), tokens=True)
            self.compare(victim, self.ways("operate"), tokens=False)

    def test_the_same_id_is_another_session(self):
        """What a makes under the id of another's session is a's own, and new."""
        for victim in VICTIMS:
            self.compare(victim, self.ways("create"), tokens=False)

    def test_their_token_is_theirs(self):
        """The only caller that it works for is one of its merchant and tenant, by the header that says so."""
        for victim in VICTIMS:
            session = unique()
            token = self.clients[victim].create(session)
            for path, door in self.ways("continue"):
                for header in HEADERS:
                    answer = self.answer(path, door, [*bearer(self.keys["a"]), *header], session, token)
                    self.assertIn(b"CALLER_NOT_ALLOWED" if is_others(header) else b"TOKEN_MISMATCH", answer, (victim, path, door, header))
            self.assertEqual(self.clients[victim].get(token, session).version, 1)


class Reflection(unittest.TestCase):
    """Which caller it is makes no difference for what the protocol is."""

    def test_any_caller_gets_it(self):
        server, keys = asking_server({"nobody": {"rights": "operate"}}, workers=1)
        self.addCleanup(server.cleanup)
        server.start()
        request = message("grpc.reflection.v1.ServerReflectionRequest")(list_services="").SerializeToString()
        for path in (path for path, row in ROWS.items() if row.get("bidi")):
            for metadata, allowed in ([], False), (bearer(keys["nobody"]), True):
                stream = server.grpc().stream_stream(path)(iter([request]), metadata=metadata, timeout=PATIENCE)
                if allowed:
                    self.assertTrue(next(stream))
                else:
                    self.assertEqual(self.assertRaises(grpc.RpcError, next, stream) or stream.code().name, "UNAUTHENTICATED")
        server.stop()


if __name__ == "__main__":
    unittest.main()
