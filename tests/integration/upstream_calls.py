"""Calls of rank upstream (upstream_caller.c) to a server that is not ours: grpcio, and what stands behind it."""
import json
import os
import pathlib
import subprocess
import threading
from concurrent import futures

import grpc

ANSWERED, NOT_SENT, UNKNOWN = range(3)
# A wait that is answered lasts nowhere near as long.
PATIENCE_SECONDS = 120


def program():
    return pathlib.Path(os.environ["SES_BUILD"]) / "upstream-caller"


class Method(grpc.GenericRpcHandler):
    """Each path's behaviour is a function of (message, context) in ways; bytes in, bytes out."""

    def __init__(self, ways):
        self.ways, self.calls, self.lock = ways, [], threading.Lock()

    def service(self, details):
        way = self.ways.get(details.method)
        if way is None:
            return None

        def answer(message, context):
            with self.lock:
                self.calls.append((details.method, message, dict(context.invocation_metadata()), context.time_remaining()))
            return way(message, context)

        return grpc.unary_unary_rpc_method_handler(answer)


class Server:
    """pair: TLS with it; client_ca: clients must have a certificate of that authority."""

    def __init__(self, ways, pair=None, client_ca=None, options=()):
        self.method = Method(ways)
        self.server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0), *options])
        self.server.add_generic_rpc_handlers([self.method])
        if pair is None:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
        else:
            credentials = grpc.ssl_server_credentials([(pair.key.read_bytes(), pair.certificate.read_bytes())],
                                                      client_ca and client_ca.certificate.read_bytes(), client_ca is not None)
            self.port = self.server.add_secure_port("127.0.0.1:0", credentials)
        self.server.start()

    def stop(self):
        self.server.stop(None).wait()


class Caller:
    """The program, calls one by one or many at once."""

    def __init__(self, host, port, *options):
        self.process = subprocess.Popen([program(), host, str(port), *map(str, options)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.answers, self.made = {}, 0

    def start(self, path, message=b"", effect=True, deadline_ms=60000, timeout_ms=0, **metadata):
        pairs = "".join(f" {name.replace('_', '-')}={value.hex()}" for name, value in metadata.items())
        self.process.stdin.write(f"{path} {message.hex()} {int(effect)} {deadline_ms} {timeout_ms}{pairs}\n")
        self.process.stdin.flush()
        self.made += 1
        return self.made - 1

    def _line(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def answer(self, call):
        while call not in self.answers:
            answer = self._line()
            for key in ("text", "details", "message", "why"):
                answer[key] = bytes.fromhex(answer[key])
            answer["why"] = answer["why"].decode()
            answer["metadata"] = {name: bytes.fromhex(value) for name, value in answer["metadata"].items() if name}
            self.answers[answer["id"]] = answer
        return self.answers[call]

    def call(self, path, message=b"", **how):
        return self.answer(self.start(path, message, **how))

    def look(self):
        self.process.stdin.write("look\n")
        self.process.stdin.flush()
        return self._line()["health"]

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(PATIENCE_SECONDS)
        errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        assert code == 0, errors
