"""Attacks on the HTTP/2 door of a running server, each bounded, each followed by a normal call.

SES_ADDR=127.0.0.1:PORT names a server that runs already; without it the tests start one of their own. Every test opens its own
connections, does one kind of harm, says what answer it expects where the protocol names one, and then asserts that grpc.health.v1.Health/Check still answers SERVING on a fresh connection.
"""
import contextlib
import itertools
import os
import socket
import struct
import unittest

from grpc_channel import channel_to
from h2_raw import (ACK, CANCEL, CHECK, COMPRESSION_ERROR, CONTINUATION, DATA, EMPTY_MESSAGE, END_HEADERS, END_STREAM,
                    ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY, HEADERS, PADDED, PING, PREFACE,
                    PROTOCOL_ERROR, PUSH_PROMISE, RST_STREAM, SETTINGS, STREAM_CLOSED, WATCH, WINDOW_UPDATE, Attacker, frame,
                    request_fields)
from harness import PATIENCE, Server

ADDRESS = os.environ.get("SES_ADDR", "")


def health_check():
    """The normal call: raw bytes through grpcio, an empty HealthCheckRequest."""
    with channel_to(ADDRESS) as channel:
        call = channel.unary_unary(CHECK, request_serializer=bytes, response_deserializer=bytes)
        return call(b"", timeout=PATIENCE)


_server = None


def setUpModule():
    global ADDRESS, _server
    if not ADDRESS:
        _server = Server().start()
        ADDRESS = _server.address


def tearDownModule():
    if _server is not None:
        try:
            _server.stop()
        finally:
            _server.cleanup()


class Attacks(unittest.TestCase):
    def setUp(self):
        self.open = contextlib.ExitStack()
        self.addCleanup(self.still_serves)
        self.addCleanup(self.open.close)

    def still_serves(self):
        self.assertEqual(health_check(), b"\x08\x01")  # status: SERVING

    def attacker(self, settings=b""):
        return self.open.enter_context(contextlib.closing(Attacker(ADDRESS, settings)))

    # ---- floods: the connection is ended

    def test_ping_flood(self):
        a = self.attacker()
        chunk = frame(PING, payload=b"12345678") * 2000
        for _ in range(50):
            if not a.send(chunk):
                break
        self.assertIn(a.goaway(), (ENHANCE_YOUR_CALM, None))

    def test_settings_flood(self):
        a = self.attacker()
        a.send(frame(SETTINGS, payload=struct.pack(">HI", 4, 65535)) * 5000)
        self.assertIn(a.goaway(), (ENHANCE_YOUR_CALM, None))

    def test_settings_flood_whose_acknowledgements_are_read(self):
        a = self.attacker()
        for _ in range(200):
            if not a.send(frame(SETTINGS, payload=struct.pack(">HI", 4, 65535))):
                break
            for kind, flags, _, _ in a.frames():
                if kind == SETTINGS and flags & ACK or kind == GOAWAY:
                    break
            if a.closed:
                break
        else:
            self.fail("200 SETTINGS were taken")

    def test_settings_with_too_many_entries(self):
        a = self.attacker()
        a.send(frame(SETTINGS, payload=struct.pack(">HI", 4, 65535) * 1000))
        self.assertIn(a.goaway(), (ENHANCE_YOUR_CALM, None))

    def test_continuation_flood(self):
        a = self.attacker()
        a.send(frame(HEADERS, 0, 1))
        for _ in range(200):
            if not a.send(frame(CONTINUATION, 0, 1, b"\0\x01a\x01b" * 100)):
                break
        self.assertIn(a.goaway(), (ENHANCE_YOUR_CALM, None))

    def test_empty_continuation_flood(self):
        a = self.attacker()
        a.send(frame(HEADERS, 0, 1) + frame(CONTINUATION, 0, 1) * 5000)
        self.assertIn(a.goaway(), (ENHANCE_YOUR_CALM, None))

    def test_empty_data_flood(self):
        a = self.attacker()
        a.send(a.headers(1) + frame(DATA, 0, 1) * 20000)
        self.assertIn(a.goaway(), (ENHANCE_YOUR_CALM, None))

    def test_rapid_reset(self):
        a = self.attacker()
        for start in range(1, 40001, 2000):
            chunk = b"".join(a.headers(stream) + frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))
                             for stream in range(start, start + 2000, 2))
            if not a.send(chunk):
                break
        a.goaway()

    def made_you_reset(self, provoke, *codes):
        a = self.attacker()
        for start in range(1, 4001, 400):
            if not a.send(b"".join(provoke(a, stream) for stream in range(start, start + 400, 2))):
                break
        self.assertIn(a.goaway(), (ENHANCE_YOUR_CALM, None, *codes))

    def test_made_you_reset_by_window_overflow(self):
        self.made_you_reset(lambda a, s: a.headers(s) + frame(WINDOW_UPDATE, 0, s, struct.pack(">I", 0x7fffffff)))

    def test_made_you_reset_by_zero_increment(self):
        self.made_you_reset(lambda a, s: a.headers(s) + frame(WINDOW_UPDATE, 0, s, struct.pack(">I", 0)),
                            PROTOCOL_ERROR)  # nghttp2 ends the connection at the first

    def test_made_you_reset_by_content_length(self):
        self.made_you_reset(lambda a, s: a.headers(s, request_fields(extra=[("content-length", "1")])) +
                            frame(DATA, END_STREAM, s, EMPTY_MESSAGE))

    def test_made_you_reset_by_bad_field(self):
        self.made_you_reset(lambda a, s: a.raw_headers(s, request_fields(extra=[("x-a", "b\x01")])))

    def test_made_you_reset_by_early_answers(self):
        self.made_you_reset(lambda a, s: a.headers(s, request_fields("/no.Such/Method")))

    def test_made_you_reset_by_data_behind_the_end(self):
        self.made_you_reset(lambda a, s: a.headers(s, request_fields(WATCH)) + frame(DATA, END_STREAM, s, EMPTY_MESSAGE) +
                            frame(DATA, 0, s, b"x"), STREAM_CLOSED)

    # ---- sizes

    def test_hpack_bomb(self):
        a = self.attacker()
        a.send(a.headers(1, request_fields(extra=[("x", "v" * 2900)]), END_STREAM))
        a.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, a.encoder.encode(request_fields()) + b"\xbe" * 14000))
        self.assertIn(a.goaway(), (ENHANCE_YOUR_CALM, None))

    def test_many_fields_refuse_one_request(self):
        a = self.attacker()
        a.send(a.headers(1, request_fields(extra=[("x", str(i)) for i in range(150)])) +
               frame(DATA, END_STREAM, 1, EMPTY_MESSAGE))
        self.assertEqual(a.answer(1).get("grpc-status"), "8")

    def test_large_fields_refuse_one_request(self):
        a = self.attacker()
        fields = a.raw_headers(1, request_fields(extra=[("x%d" % i, "v" * 3900) for i in range(9)]))
        block = fields[9:]
        a.send(frame(HEADERS, 0, 1, block[:16000]) + frame(CONTINUATION, 0, 1, block[16000:32000]) +
               frame(CONTINUATION, END_HEADERS, 1, block[32000:]) + frame(DATA, END_STREAM, 1, EMPTY_MESSAGE))
        self.assertEqual(a.answer(1).get("grpc-status"), "8")

    def test_large_fields_of_plain_http(self):
        a = self.attacker()
        fields = [(":method", "GET"), (":scheme", "http"), (":path", "/health"), (":authority", "localhost")]
        a.send(a.headers(1, fields + [("x", str(i)) for i in range(150)], END_STREAM))
        self.assertEqual(a.answer(1).get(":status"), "431")

    def test_frame_above_the_maximum(self):
        a = self.attacker()
        a.send(a.headers(1) + frame(DATA, 0, 1, b"x" * 16385))
        self.assertEqual(a.goaway(), FRAME_SIZE_ERROR)

    def test_message_above_the_limit(self):
        a = self.attacker()
        a.send(a.headers(1) + frame(DATA, 0, 1, b"\0\xff\xff\xff\xff" + b"x" * 1000))
        self.assertEqual(a.answer(1).get("grpc-status"), "8")

    def test_promised_messages_cost_nothing(self):
        a = self.attacker()
        for stream in range(1, 4000, 2):
            a.send(a.headers(stream) + frame(DATA, 0, stream, b"\0\0\3\xff\xff" + b"x" * 20))

    def test_more_streams_than_allowed(self):
        a = self.attacker()
        for kind, flags, _, _ in a.frames():
            if kind == SETTINGS and not flags & ACK:
                break
        a.send(frame(SETTINGS, ACK))
        for start in range(1, 24001, 2000):
            if not a.send(b"".join(a.headers(stream) for stream in range(start, start + 2000, 2))):
                break
        a.goaway()

    # ---- windows

    def test_connection_window_overflow(self):
        a = self.attacker()
        a.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fffffff)))
        self.assertEqual(a.goaway(), FLOW_CONTROL_ERROR)

    def test_stream_window_overflow(self):
        a = self.attacker()
        a.send(a.headers(1) + frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 0x7fffffff)))
        self.assertEqual(a.reset(1), FLOW_CONTROL_ERROR)

    def test_initial_window_overflow(self):
        a = self.attacker()
        a.send(frame(SETTINGS, payload=struct.pack(">HI", 4, 0x80000000)))
        self.assertEqual(a.goaway(), FLOW_CONTROL_ERROR)

    def test_closed_window_holds_no_other_stream(self):
        a = self.attacker(struct.pack(">HI", 4, 0))
        a.send(b"".join(a.headers(s) + frame(DATA, END_STREAM, s, EMPTY_MESSAGE) for s in range(1, 401, 2)))
        self.still_serves()
        a.send(b"".join(frame(WINDOW_UPDATE, 0, s, struct.pack(">I", 100)) for s in range(1, 401, 2)))
        self.assertEqual(a.answer(399).get("grpc-status"), "0")

    def test_client_that_never_reads(self):
        a = self.attacker()
        rest = b"".join(a.headers(s) + frame(DATA, END_STREAM, s, EMPTY_MESSAGE) for s in range(1, 40001, 2))
        a.socket.setblocking(False)
        for _ in range(40):  # what is taken, while others are served
            with contextlib.suppress(BlockingIOError, ConnectionError):
                rest = rest[a.socket.send(rest):]
            self.still_serves()

    # ---- malformed requests: one stream is reset, the connection serves on

    def malformed(self, fields, flags=0):
        a = self.attacker()
        a.send(a.raw_headers(1, fields, flags))
        self.assertEqual(a.reset(1), PROTOCOL_ERROR)
        a.send(a.headers(3) + frame(DATA, END_STREAM, 3, EMPTY_MESSAGE))
        self.assertEqual(a.answer(3).get("grpc-status"), "0")

    def test_no_path(self):
        self.malformed([f for f in request_fields() if f[0] != ":path"])

    def test_no_method(self):
        self.malformed([f for f in request_fields() if f[0] != ":method"])

    def test_no_scheme(self):
        self.malformed([f for f in request_fields() if f[0] != ":scheme"])

    def test_two_paths(self):
        self.malformed([(":path", "/x")] + request_fields())

    def test_pseudo_field_behind_others(self):
        self.malformed(request_fields()[:2] + [("x", "y")] + request_fields()[2:])

    def test_unknown_pseudo_field(self):
        self.malformed([(":nope", "x")] + request_fields())

    def test_upper_case_name(self):
        self.malformed(request_fields(extra=[("X-Upper", "x")]))

    def test_empty_name(self):
        self.malformed(request_fields(extra=[("", "x")]))

    def test_line_break_in_value(self):
        self.malformed(request_fields(extra=[("x", "a\r\nb")]))

    def test_nul_in_value(self):
        self.malformed(request_fields(extra=[("x", "a\0b")]))

    def test_connection_field(self):
        self.malformed(request_fields(extra=[("connection", "keep-alive")]))

    def test_transfer_encoding(self):
        self.malformed(request_fields(extra=[("transfer-encoding", "chunked")]))

    def test_te_other_than_trailers(self):
        self.malformed([f for f in request_fields() if f[0] != "te"] + [("te", "gzip")])

    def test_content_length_that_is_no_number(self):
        self.malformed(request_fields(extra=[("content-length", "-1")]))

    # ---- what breaks the protocol: the connection is ended

    def connection_error(self, data, *codes):
        a = self.attacker()
        a.send(data(a) if callable(data) else data)
        self.assertIn(a.goaway(), codes)

    def test_data_on_stream_zero(self):
        self.connection_error(frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR)

    def test_headers_on_an_even_stream(self):
        self.connection_error(lambda a: a.headers(2), PROTOCOL_ERROR)

    def test_stream_ids_going_back(self):
        # nghttp2 takes it for a late frame of a closed stream and drops it; no request may come of it.
        a = self.attacker()
        a.send(a.headers(5) + frame(DATA, END_STREAM, 5, EMPTY_MESSAGE))
        self.assertEqual(a.answer(5).get("grpc-status"), "0")
        a.send(b"".join(a.headers(stream) + frame(DATA, END_STREAM, stream, EMPTY_MESSAGE) for stream in (3, 7)))
        before = itertools.takewhile(lambda f: f[2] != 7 or not f[1] & END_STREAM, a.frames())
        self.assertEqual([f for f in before if f[2] == 3 and f[0] == HEADERS], [])

    def test_push_promise_from_a_client(self):
        self.connection_error(frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2"), PROTOCOL_ERROR)

    def test_continuation_without_headers(self):
        self.connection_error(frame(CONTINUATION, END_HEADERS, 1, b""), PROTOCOL_ERROR)

    def test_frame_between_headers_and_continuation(self):
        self.connection_error(frame(HEADERS, 0, 1) + frame(PING, payload=b"12345678"), PROTOCOL_ERROR)

    def test_broken_hpack(self):
        self.connection_error(frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"), COMPRESSION_ERROR)

    def test_padding_longer_than_the_frame(self):
        self.connection_error(lambda a: a.headers(1) + frame(DATA, PADDED, 1, b"\xff123"), PROTOCOL_ERROR)

    def test_ping_of_wrong_size(self):
        self.connection_error(frame(PING, payload=b"123"), FRAME_SIZE_ERROR)

    def test_settings_of_wrong_size(self):
        self.connection_error(frame(SETTINGS, payload=b"12345"), FRAME_SIZE_ERROR)

    def test_settings_acknowledgement_with_payload(self):
        self.connection_error(frame(SETTINGS, ACK, payload=struct.pack(">HI", 4, 1)), FRAME_SIZE_ERROR)

    def test_reset_of_a_stream_that_never_was(self):
        self.connection_error(frame(RST_STREAM, 0, 101, struct.pack(">I", CANCEL)), PROTOCOL_ERROR)

    def test_rubbish_behind_the_preface(self):
        a = self.open.enter_context(contextlib.closing(Attacker(ADDRESS)))
        a.send(b"\xff" * 1000)
        a.goaway()

    def test_preface_alone(self):
        host, port = ADDRESS.rsplit(":", 1)
        for _ in range(50):
            s = self.open.enter_context(socket.create_connection((host, int(port))))
            s.sendall(PREFACE)

    def test_connection_lost_in_the_middle(self):
        for cut in range(0, 60, 3):
            a = Attacker(ADDRESS)
            data = a.headers(1) + frame(DATA, END_STREAM, 1, EMPTY_MESSAGE)
            a.send(data[:cut])
            a.close()

    # ---- gRPC

    def grpc_status(self, data, fields=None):
        a = self.attacker()
        a.send(a.headers(1, fields) + frame(DATA, END_STREAM, 1, data))
        return a.answer(1).get("grpc-status")

    def test_cut_message(self):
        self.assertEqual(self.grpc_status(b"\0\0\0\0\x09abc"), "13")

    def test_two_messages(self):
        self.assertEqual(self.grpc_status(EMPTY_MESSAGE * 2), "12")

    def test_no_message(self):
        self.assertEqual(self.grpc_status(b""), "12")

    def test_unknown_flags(self):
        self.assertEqual(self.grpc_status(b"\x80\0\0\0\0"), "13")

    def test_compressed_flag_alone(self):
        self.assertEqual(self.grpc_status(b"\1\0\0\0\1x"), "13")

    def test_broken_gzip(self):
        self.assertEqual(self.grpc_status(b"\1\0\0\0\4abcd", request_fields(extra=[("grpc-encoding", "gzip")])), "3")

    def test_malformed_timeout(self):
        self.assertEqual(self.grpc_status(EMPTY_MESSAGE, request_fields(extra=[("grpc-timeout", "soon")])), "3")

    def test_malformed_binary_metadata(self):
        self.assertEqual(self.grpc_status(EMPTY_MESSAGE, request_fields(extra=[("x-bin", "***")])), "3")

    def test_unknown_method(self):
        self.assertEqual(self.grpc_status(EMPTY_MESSAGE, request_fields("/no.Such/Method")), "12")


if __name__ == "__main__":
    unittest.main(verbosity=1)
