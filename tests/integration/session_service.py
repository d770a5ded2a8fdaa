"""A client of sessiond.v1.SessionService, one connection each: SO_REUSEPORT spreads several of them over the workers."""
import concurrent.futures
import contextlib
import itertools

import grpc
from google.protobuf import json_format

import machines
from grpc_channel import OF_ITS_OWN, channel_to
from harness import ADYEN, CREATE, PATIENCE, ServerCase, create_request, request_class, response_class, status_details, unique

SERVICE = "/sessiond.v1.SessionService/"
EXACT = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]
BROWSER = {"accept_header": "text/html", "user_agent": "Mozilla/5.0..."}
CONNECTION = [*OF_ITS_OWN, ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]


class Sessions:
    def __init__(self, address, metadata=()):
        self.channels = [channel_to(one, options=CONNECTION) for one in machines.addresses(address)]
        self.metadata = list(metadata)
        self.methods = {}
        self.turn = itertools.count()

    def method(self, path):
        """On the machine whose turn it is."""
        if path not in self.methods:
            self.methods[path] = [self.stub(channel, path) for channel in self.channels]
        return self.methods[path][next(self.turn) % len(self.channels)]

    @staticmethod
    def stub(channel, path):
        kind = channel.unary_stream if path.endswith("/WatchSession") else channel.unary_unary
        return kind(path, request_serializer=lambda m: m.SerializeToString(), response_deserializer=response_class(path).FromString)

    def create(self, session, timeout=PATIENCE, headers=(), connector=EXACT, **changes):
        """The session token of CreateSessionToken."""
        metadata = [*connector, *self.metadata, *headers]
        answer = self.method(CREATE)(create_request(session, **changes), metadata=metadata, timeout=timeout)
        assert answer.status_code == 200, answer
        return answer.session_token

    def request(self, name, token, session, /, **fields):
        value = {"session_token": token, "merchant_session_id": session, "test_mode": True, **fields}
        value = {key: field for key, field in value.items() if field is not None}
        return json_format.ParseDict(value, request_class(SERVICE + name)())

    def call(self, name, token, session, /, timeout=PATIENCE, headers=(), **fields):
        path, request = SERVICE + name, self.request(name, token, session, **fields)
        return self.method(path)(request, metadata=self.metadata + list(headers), timeout=timeout)

    def get(self, token, session, **fields):
        return self.call("GetSession", token, session, **fields).session

    def advance(self, token, session, event=None, **fields):
        """event without its prefix, e.g. "COMPLETED"."""
        return self.call("AdvanceSession", token, session, event=event and "SESSION_EVENT_" + event, **fields)

    def update(self, token, session, **fields):
        return self.call("UpdateSession", token, session, **fields)

    def begin(self, token, session, name="challenge", **fields):
        return self.call("BeginStep", token, session, name=name, **fields)

    def revoke(self, token, session, **fields):
        return self.call("RevokeSession", token, session, **fields)

    def watch(self, token, session, **fields):
        return self.call("WatchSession", token, session, **fields)

    def close(self):
        for channel in self.channels:
            channel.close()


@contextlib.contextmanager
def connections(address, count, **options):
    """That many clients, each with a connection of its own."""
    clients = [Sessions(address, **options) for _ in range(count)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def refusal(call, *args, **fields):
    """(code name, reason, ErrorInfo's metadata) of a call that must fail."""
    try:
        answer = call(*args, **fields)
    except grpc.RpcError as error:
        return explain(error)
    raise AssertionError(f"the call succeeded: {answer}")


def explain(error):
    info = status_details(error)[1].get("google.rpc.ErrorInfo")
    return error.code().name, getattr(info, "reason", ""), dict(getattr(info, "metadata", {}))


def status_name(session):
    return session.DESCRIPTOR.fields_by_name["status"].enum_type.values_by_number[session.status].name.removeprefix("SESSION_STATUS_")


def outcome_name(answer):
    return answer.DESCRIPTOR.fields_by_name["outcome"].enum_type.values_by_number[answer.outcome].name.removeprefix("EVENT_OUTCOME_")


def event_names(session):
    names = session.DESCRIPTOR.fields_by_name["next_events"].enum_type.values_by_number
    return {names[number].name.removeprefix("SESSION_EVENT_") for number in session.next_events}


# So many connections that every worker has one: with 24 the chance that a given one of three has none is below one in 10,000.
SPREAD = 24
OVERLAP_SECONDS = 60
CONFIG = f"session:\n  ttl_seconds: 600\n  rotation_overlap_seconds: {OVERLAP_SECONDS}\n"


class SessionCase(ServerCase):
    """A server with several workers and a client for each test."""
    server_options = {"workers": 3, "config": CONFIG}

    def setUp(self):
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)

    def begin(self, **changes):
        session = unique()
        return session, self.client.create(session, **changes)

    def everywhere(self, check):
        """The check on connections to all workers, at the same time."""
        with connections(self.server.address, SPREAD) as clients, concurrent.futures.ThreadPoolExecutor(SPREAD) as pool:
            return list(pool.map(check, clients))
