"""The two kinds of connectors that tests call: sessiond-sim beside the server, and one of the test's own that records what it is asked."""
import http.server
import json
import threading
import urllib.parse
import urllib.request

from grpc_channel import channel_to
from harness import CREATE, PATIENCE, initial_metadata, response_class, wait_until


def details(answer):
    """(unified code, status_code, connector code, message, reason) of an answer."""
    error = answer.error
    connector = error.connector_details
    return (error.unified_details.code, answer.status_code, connector.code, connector.message, connector.reason)


def own_channel(server, request, metadata, timeout=120):
    """On a connection of its own, to the machine whose turn it is: (answer, metadata)."""
    with channel_to(server.next().address) as channel:
        call = channel.unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString(),
                                   response_deserializer=response_class(CREATE).FromString)
        answer, got = call.with_call(request, metadata=metadata, timeout=timeout)
        return answer, initial_metadata(got)


class Sim:
    """Knobs and counters of the sessiond-sim that a server with --sandbox has started, or of one at that URL."""

    def __init__(self, server, url=None):
        self.url = url or f"http://{wait_until(lambda: server.own_lines('ready')[-1:], 'the line that names the simulator')[0]['sandbox']}"

    def control(self, **knobs):
        request = urllib.request.Request(f"{self.url}/control", data=json.dumps(knobs).encode())
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert answer.status == 200

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            return json.loads(answer.read())

    def effects(self, order):
        """How often a connector acted for this merchant_session_id."""
        return self.get("/effects?order=" + urllib.parse.quote(order))["count"]

    def requests(self):
        return self.get("/effects")["requests"]


class FakeConnector:
    """A connector on a free loopback port. answer(handler) -> (status, headers, body) decides; requests are kept."""

    def __init__(self, answer):
        self.requests = []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                fake.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body.decode()))
                status, headers, text = answer(fake, self.path, body.decode())
                self.send_response_only(status)
                for name, value in {"content-length": str(len(text.encode())), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # a caller that does not wait for the answer
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def stripe_intent(body, secret="pi_1_secret_1"):
    """What Stripe answers to a form that asks for a PaymentIntent."""
    form = dict(urllib.parse.parse_qsl(body))
    return json.dumps({"id": "pi_1", "object": "payment_intent", "amount": int(form["amount"]), "currency": form["currency"],
                       "status": "requires_payment_method", "client_secret": secret, "metadata": {}})
