"""A server of the protocol that is not ours: CreateSessionToken by gRPC's own server with messages of the protos, and a token of another kind."""
import concurrent.futures
import contextlib

import grpc

from load_rig import harness

LONG = 4000  # bytes of a token: longer than any of ours


class Service(grpc.GenericRpcHandler):
    """What the other server asks of a call is in the protocol: the connector's name or its credentials, an amount, a currency."""

    def __init__(self, token, code):
        self.token, self.code, self.ids = token, code, []

    def service(self, handler_call_details):
        if handler_call_details.method != harness.CREATE:
            return None
        return grpc.unary_unary_rpc_method_handler(self.create, request_deserializer=harness.request_class(harness.CREATE).FromString,
                                                   response_serializer=self.serialized)

    @staticmethod
    def serialized(answer):
        """With a number of eight bytes and one of four behind, in fields that the protocol does not have (yet)."""
        return answer.SerializeToString() + bytes((15 << 3 | 1, *range(8), 14 << 3 | 5, *range(4)))

    def create(self, request, context):
        metadata = dict(context.invocation_metadata())
        if "x-connector-config" not in metadata or not request.amount.currency:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Missing x-connector-config in request metadata, or currency")
        self.ids.append(request.merchant_session_id)
        return harness.response_class(harness.CREATE)(session_token=self.token, status_code=self.code)


@contextlib.contextmanager
def plain_server(token="t" * LONG, code=200):
    """(address, service)"""
    service = Service(token, code)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), handlers=[service])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", service
    finally:
        server.stop(None).wait(harness.PATIENCE)
