"""A payment server of the test's own: grpcio, any method, messages as their bytes. What it answers is scripted, what it was asked is kept.

Messages are written by hand here, field by field, since sessiond has no schema of them either."""
import concurrent.futures
import threading

import grpc

from harness import PATIENCE

AUTHORIZE, CAPTURE = "/types.PaymentService/Authorize", "/types.PaymentService/Capture"
VOID, REFUND, GET = "/types.PaymentService/Void", "/types.PaymentService/Refund", "/types.PaymentService/Get"
REFUND_GET = "/types.RefundService/Get"
PRE, AUTHENTICATE, POST = (f"/types.PaymentMethodAuthenticationService/{name}" for name in ("PreAuthenticate", "Authenticate", "PostAuthenticate"))
SETUP_RECURRING, COMPOSITE = "/types.PaymentService/SetupRecurring", "/types.CompositePaymentService/Authorize"
AUTHORIZED, CHARGED, FAILURE, PENDING, AUTHENTICATION_PENDING = 6, 8, 21, 20, 4
USD = 146
CARD = "4111111145551142"


def varint(value):
    out = bytearray()
    value &= (1 << 64) - 1
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def secret(field, value):
    return text(field, text(1, value))


def money(field, minor=10000, currency=USD):
    return text(field, number(1, minor) + number(2, currency))


def fields(message):
    """[(number, value)] of the top of a message, in their order."""
    at, found = 0, []

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value
    while at < len(message):
        tag = take()
        if tag & 7 == 0:
            found.append((tag >> 3, take()))
            continue
        assert tag & 7 == 2, tag
        size = take()
        found.append((tag >> 3, message[at:at + size]))
        at += size
    return found


def field(message, wanted):
    """The one of that number; None: it is not there."""
    values = [value for found, value in fields(message) if found == wanted]
    assert len(values) < 2, values
    return values[0] if values else None


def authorize(transaction, *more, minor=10000, token=None, test_mode=True, card=CARD):
    """An Authorize as clients write it: the card in payment_method, which nobody but the server reads."""
    message = text(1, transaction) + money(2, minor) + text(5, text(1, secret(1, card) + secret(4, "737")))
    if token:
        message += text(17, token)
    return message + (number(30, 1) if test_mode else b"") + b"".join(more)


def authorized(transaction, status=CHARGED, *more):
    """The answer of Authorize, with the connector's whole request and answer in it."""
    return text(1, transaction) + text(2, f"con-{transaction}") + number(3, status) + secret(11, f"raw answer {CARD}") + \
        secret(12, f"raw request {CARD}") + b"".join(more)


class PaymentServer:
    """answer(path, request, context) -> bytes; it may abort, or wait for an event. pair: TLS with it; client_ca: who calls must have a
    certificate of that authority."""

    def __init__(self, answer, pair=None, client_ca=None):
        self.answer, self.calls, self.lock = answer, [], threading.Lock()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(16))
        self.server.add_generic_rpc_handlers((self,))
        if pair is None:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
            self.address = f"127.0.0.1:{self.port}"
        else:
            self.port = self.server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(
                [(pair.key.read_bytes(), pair.certificate.read_bytes())], client_ca and client_ca.certificate.read_bytes(), client_ca is not None))
            self.address = f"localhost:{self.port}"
        self.server.start()

    def service(self, details):
        path = details.method

        def handle(request, context):
            with self.lock:
                self.calls.append((path, request, dict(context.invocation_metadata()), context.time_remaining()))
            return self.answer(path, request, context)
        if path.startswith("/types."):
            return grpc.unary_unary_rpc_method_handler(handle)
        return None

    def asked(self, path=None):
        """[(path, request, metadata, seconds left)] so far."""
        with self.lock:
            return [call for call in self.calls if path in (None, call[0])]

    def stop(self):
        self.server.stop(0).wait(PATIENCE)


# grpc.GenericRpcHandler is what add_generic_rpc_handlers wants, by its shape.
grpc.GenericRpcHandler.register(PaymentServer) if hasattr(grpc.GenericRpcHandler, "register") else None
