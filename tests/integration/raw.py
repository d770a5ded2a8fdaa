"""Bare connections to the server under test: bytes out, answers of HTTP/1.1 in."""
import contextlib
import json
import socket

from harness import ADYEN, CREATE, PATIENCE, ServerCase, create_dict, unique

HOST = "Host: localhost\r\n"
GET = "GET /health HTTP/1.1\r\n" + HOST
POST = f"POST {CREATE} HTTP/1.1\r\n{HOST}Content-Type: application/json\r\nx-connector-config: {ADYEN}\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Raw:
    """A connection of bytes. answers() parses what came: [(status, headers, body)]."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.data = b""
        self.closed = False

    def send(self, data):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def read(self):
        """Until the server closes."""
        with contextlib.suppress(ConnectionResetError):
            while block := self.socket.recv(65536):
                self.data += block
        self.closed = True
        self.close()
        return self

    def read_answers(self, count, heads=()):
        """Until so many whole answers are there (or the end)."""
        while len(self.answers(heads)) < count and not self.closed:
            block = b""
            with contextlib.suppress(ConnectionResetError):
                block = self.socket.recv(65536)
            self.closed = not block
            self.data += block
        return self.answers(heads)

    def answers(self, heads=()):
        """heads: indexes of answers to HEAD, which have no body."""
        found, rest = [], self.data
        while b"\r\n\r\n" in rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            headers = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in lines[1:]}
            size = 0 if len(found) in heads else int(headers.get("content-length", 0))
            if len(rest) < size:
                break
            found.append((int(lines[0].split()[1]), headers, rest[:size]))
            rest = rest[size:]
        return found

    def close(self):
        self.socket.close()


class RawCase(ServerCase):
    def raw(self):
        raw = Raw(self.server.port)
        self.addCleanup(raw.close)
        return raw

    def serves(self):
        status, _, answer = self.raw().send(GET + "Connection: close\r\n\r\n").read().answers()[0]
        self.assertEqual((status, json.loads(answer)["status"]), (200, "healthy"))

    def post(self, value=None, extra=""):
        body = json.dumps(value or create_dict(unique()))
        return f"{POST}{extra}Content-Length: {len(body.encode())}\r\n\r\n{body}"
