"""The log: a reader that stalls costs lines and nothing else, lines are whole, what strangers cause is summed up."""
import contextlib
import http.client
import json
import os
import signal
import threading
import unittest

from harness import ADYEN, PATIENCE, Server, create_request, unique, wait_until


class Pipe:
    """Standard error as a service manager gives it: a pipe, its reader at will."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        self.text = b""
        self.thread = None

    def read_on(self):
        """From now on somebody reads, until the last writer is gone."""
        os.close(self.writer)
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        while block := os.read(self.reader, 65536):
            self.text += block

    def rows(self):
        """All lines, each of which must be JSON. Call when the writers are gone."""
        self.thread.join()
        return [json.loads(line) for line in self.text.decode().splitlines()]

    def close(self):
        for fd in (self.reader, self.writer):
            with contextlib.suppress(OSError):
                os.close(fd)


class LogCase(unittest.TestCase):
    def start(self, pipe, **options):
        server = Server(workers=2, sandbox=False, **options)
        self.addCleanup(server.cleanup)
        self.addCleanup(pipe.close)
        return server.start(stderr=pipe.writer)

    def ask(self, server, count):
        """Requests for a path that is not there, over connections that stay open: one line of the log each."""
        links = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE) for _ in range(8)]
        for i in range(count):
            links[i % 8].request("GET", "/nope")
            answer = links[i % 8].getresponse()
            answer.read()
            self.assertEqual(answer.status, 404)
        for link in links:
            link.close()


class Stalled(LogCase):
    def test_nobody_reads(self):
        pipe = Pipe()
        server = self.start(pipe)
        for _ in range(20):
            self.ask(server, 400)
            if server.metric("sessiond_log_lines_lost_total") > 0:
                break
        self.assertGreater(server.metric("sessiond_log_lines_lost_total"), 0)
        response, _ = server.call(create_request(unique()), connector="adyen", config=ADYEN)
        self.assertTrue(response.session_token)
        worker = server.workers()[0]
        os.kill(worker, signal.SIGKILL)  # the supervisor must be able to say so, and go on
        wait_until(lambda: server.have_replaced([worker]), "its replacement")
        self.ask(server, 20)
        server.stop()

    def test_reader_comes_back(self):
        pipe = Pipe()
        server = self.start(pipe)
        while not server.metric("sessiond_log_lines_lost_total"):
            self.ask(server, 400)
        pipe.read_on()
        self.ask(server, 20)
        told = server.metric("sessiond_log_lines_lost_total")
        server.stop()
        rows = pipe.rows()
        self.assertGreater(sum(row["lost"] for row in rows if row["event"] == "log_lines_lost"), 0)
        self.assertLessEqual(sum(row["lost"] for row in rows if row["event"] == "log_lines_lost"), told)
        self.assertEqual(rows[-1]["event"], "stopped")


class Lines(LogCase):
    def test_whole_lines_from_many_writers(self):
        pipe = Pipe()
        server = self.start(pipe)
        pipe.read_on()
        threads = [threading.Thread(target=self.ask, args=(server, 500)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lost = server.metric("sessiond_log_lines_lost_total") + server.metric("sessiond_log_lines_summed_total")
        server.stop()
        rows = [row for row in pipe.rows() if row["event"] == "request" and row["flow"] == "none"]
        self.assertEqual(len(rows) + lost, 2000)

    def test_one_kind_is_summed_up(self):
        server = Server(workers=1, sandbox=False).start()
        self.addCleanup(server.cleanup)
        self.ask(server, 1500)
        server.call(create_request(unique()), connector="adyen", config=ADYEN)
        summed = server.metric("sessiond_log_lines_summed_total")
        server.stop()
        written = [row for row in server.lines("request") if row["event"] == "request" and row["flow"] == "none"]
        sums = [row for row in server.lines("log_summary") if row["of"] == "request"]
        self.assertEqual(len(written) + summed, 1500)
        self.assertEqual(sum(row["more"] for row in sums), summed)
        self.assertTrue([row for row in server.lines("request") if row["grpc_status"] == "OK"], "a session's call has its own line")


class Closed(unittest.TestCase):
    def test_started_without_standard_descriptors(self):
        server = Server(workers=1, sandbox=False)
        self.addCleanup(server.cleanup)
        server.command = ["/bin/sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", *server.command]
        server.start()
        Lines.ask(self, server, 50)
        lock = (server.data / "lock").read_bytes()
        self.assertEqual(lock.strip(), str(server.process.pid).encode())
        server.stop()
