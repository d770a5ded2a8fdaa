"""A collector of OpenTelemetry spans of the tests' own: OTLP/HTTP in JSON, plain or over TLS."""
import http.server
import json
import ssl
import threading

from harness import PATIENCE


class Collector:
    """Keeps every span as a flat dict; status: what it answers, gate: set when it may. pair: its certificate (https, for localhost), changed by
    prove(); clients: the authority whose certificate it asks of clients."""

    def __init__(self, status=200, answers=True, pair=None, clients=None):
        self.spans, self.resources, self.paths, self.gate = [], [], [], threading.Event()
        self.clients, self.subjects, self.handshakes = clients, [], 0
        if answers:
            self.gate.set()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = PATIENCE

            def setup(self):
                if collector.context is not None:
                    collector.handshakes += 1
                    self.request = collector.context.wrap_socket(self.request, server_side=True)
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.paths.append((self.path, self.headers["content-type"]))
                if clients is not None:
                    collector.subjects.append(dict(row[0] for row in self.connection.getpeercert()["subject"])["commonName"])
                collector.gate.wait(PATIENCE)
                if status == 200:
                    collector.take(json.loads(body))
                self.send_response_only(status)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None
        self.prove(pair)
        self.url = f"{'https://localhost' if pair else 'http://127.0.0.1'}:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def prove(self, pair):
        """New connections see this certificate."""
        self.context = None
        if pair is None:
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        if self.clients is not None:
            context.load_verify_locations(self.clients.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        self.context = context

    def take(self, request):
        for row in request["resourceSpans"]:
            self.resources.append({a["key"]: a["value"]["stringValue"] for a in row["resource"]["attributes"]})
            for scope in row["scopeSpans"]:
                assert scope["scope"]["name"] == "sessiond"
                for span in scope["spans"]:
                    values = {a["key"]: next(iter(a["value"].values())) for a in span.pop("attributes")}
                    self.spans.append({**span, **values})

    def close(self):
        self.gate.set()
        self.http.shutdown()
        self.http.server_close()
