"""The gRPC door through python3-grpcio and through raw HTTP/2 frames (python3-h2): framing, compression, deadlines, metadata,
errors, cancellation, flow control, many streams, health, reflection."""
import gzip
import json
import socket
import struct
import threading
import time
import unittest
import uuid

import grpc
import h2.config
import h2.connection
import h2.events
from google.protobuf import json_format

from harness import (ADYEN, CREATE, PATIENCE, STRIPE, ServerCase, create_request, initial_metadata, message, response_class, status_details, unique,
                     wait_until)

EXACT = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]


class RawH2:
    """A client of bare frames: what a well-behaved library would never send, or in pieces it would never choose."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()
        self.headers, self.trailers, self.data, self.ended, self.reset = {}, {}, {}, set(), {}

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def request(self, headers=(), path=CREATE, content_type="application/grpc", end=False):
        stream = self.h2.get_next_available_stream_id()
        rows = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"), ("content-type", content_type),
                ("te", "trailers"), *EXACT, *headers]
        self.h2.send_headers(stream, rows, end_stream=end)
        self.flush()
        return stream

    def send(self, stream, data, end=False):
        """In frames of at most 16 KiB and as the server's windows allow; gives up when the stream is over."""
        while len(data) > (room := min(self.h2.local_flow_control_window(stream), 16384)):
            if room > 0:
                self.h2.send_data(stream, data[:room])
                data = data[room:]
                self.flush()
            else:
                self.pump()
            if stream in self.ended:
                return
        self.h2.send_data(stream, data, end_stream=end)
        self.flush()

    def pump(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed")
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self.headers[event.stream_id] = dict(event.headers)
            elif isinstance(event, h2.events.TrailersReceived):
                self.trailers[event.stream_id] = dict(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                self.data[event.stream_id] = self.data.get(event.stream_id, b"") + event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.ended.add(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                self.reset[event.stream_id] = event.error_code
                self.ended.add(event.stream_id)
        self.flush()

    def wait(self, stream):
        while stream not in self.ended:
            self.pump()
        status = self.trailers.get(stream, self.headers.get(stream, {})).get("grpc-status")
        return None if status is None else int(status)

    def close(self):
        self.socket.close()


def frame(body, compressed=0):
    return struct.pack(">BI", compressed, len(body)) + body


class Framing(ServerCase):
    def setUp(self):
        self.raw = RawH2(self.server.port)
        self.addCleanup(self.raw.close)

    def test_message_split_over_any_data_frames(self):
        body = frame(create_request(unique()).SerializeToString())
        for size in (1, 2, 3, 4, 5, 6, 7, 50):
            stream = self.raw.request()
            for at in range(0, len(body), size):
                self.raw.send(stream, body[at:at + size], end=at + size >= len(body))
            self.assertEqual(self.raw.wait(stream), 0)

    def test_end_of_stream_in_an_empty_data_frame(self):
        stream = self.raw.request()
        self.raw.send(stream, frame(create_request(unique()).SerializeToString()))
        self.raw.send(stream, b"", end=True)
        self.assertEqual(self.raw.wait(stream), 0)

    def test_no_message_two_messages_cut_message(self):
        body = frame(create_request(unique()).SerializeToString())
        for data, code in ((b"", 12), (body + body, 12), (body[:-3], 13), (body[:3], 13)):
            stream = self.raw.request()
            self.raw.send(stream, data, end=True)
            self.assertEqual(self.raw.wait(stream), code, data[:8])
            self.assertTrue(self.raw.trailers.get(stream, self.raw.headers[stream])["grpc-message"])

    def test_protobuf_rubbish(self):
        good = create_request(unique()).SerializeToString()
        for data in (b"\xff" * 40, good[:-1], b"\x0a\xff\xff\xff\xff\x0f", b"\x12\x02\x08" + b"\x80" * 12):
            stream = self.raw.request()
            self.raw.send(stream, frame(data), end=True)
            self.assertEqual(self.raw.wait(stream), 3, data[:8])

    def test_length_above_the_limit_is_refused_before_it_is_sent(self):
        stream = self.raw.request()
        self.raw.send(stream, struct.pack(">BI", 0, 0x7FFFFFFF))
        self.assertEqual(self.raw.wait(stream), 8)

    def test_gzip_request_and_answer(self):
        stream = self.raw.request([("grpc-encoding", "gzip"), ("grpc-accept-encoding", "gzip,identity")])
        self.raw.send(stream, frame(gzip.compress(create_request(unique()).SerializeToString()), 1), end=True)
        self.assertEqual(self.raw.wait(stream), 0)
        self.assertEqual(self.raw.headers[stream].get("grpc-encoding"), "gzip")
        self.assertEqual(self.raw.data[stream][0], 1)
        answer = response_class(CREATE).FromString(gzip.decompress(self.raw.data[stream][5:]))
        self.assertEqual(answer.status_code, 200)

    def test_gzip_bomb_and_gzip_rubbish(self):
        for data, status in ((gzip.compress(b"\0" * 50_000_000), (8,)), (b"no gzip at all", (3, 13))):
            stream = self.raw.request([("grpc-encoding", "gzip")])
            self.raw.send(stream, frame(data, 1), end=True)
            self.assertIn(self.raw.wait(stream), status)

    def test_unknown_encoding(self):
        stream = self.raw.request([("grpc-encoding", "snappy")])
        self.raw.send(stream, frame(b"xx", 1), end=True)
        self.assertEqual(self.raw.wait(stream), 12)
        row = dict(self.raw.headers[stream], **self.raw.trailers.get(stream, {}))
        self.assertIn("gzip", row["grpc-accept-encoding"])

    def test_errors_are_trailers_only(self):
        stream = self.raw.request(path="/types.MerchantAuthenticationService/Nothing")
        self.raw.send(stream, frame(b""), end=True)
        self.assertEqual(self.raw.wait(stream), 12)
        self.assertNotIn(stream, self.raw.trailers)
        self.assertEqual(self.raw.headers[stream][":status"], "200")
        self.assertEqual(self.raw.headers[stream]["content-type"].split("+")[0], "application/grpc")

    def test_other_content_type_is_415(self):
        for content_type in ("application/grpc+thrift", "application/grpc+jsonx"):
            stream = self.raw.request(content_type=content_type)
            self.raw.send(stream, frame(b"{}"), end=True)
            self.assertEqual(self.raw.wait(stream), 12)
            self.assertEqual(self.raw.headers[stream][":status"], "415")

    def test_json_messages(self):
        name = unique()
        value = json_format.MessageToDict(create_request(name), preserving_proto_field_name=True)
        stream = self.raw.request(content_type="application/grpc+json")
        self.raw.send(stream, frame(json.dumps(value).encode()), end=True)
        self.assertEqual(self.raw.wait(stream), 0)
        self.assertEqual(self.raw.headers[stream]["content-type"], "application/grpc+json")
        token = json.loads(self.raw.data[stream][5:])["session_token"]
        call = {"session_token": token, "merchant_session_id": name, "test_mode": True}
        for packed in (False, True):
            stream = self.raw.request([("grpc-encoding", "gzip")], "/sessiond.v1.SessionService/GetSession", "application/grpc+json; charset=utf-8")
            text = json.dumps(call).encode()
            self.raw.send(stream, frame(gzip.compress(text) if packed else text, int(packed)), end=True)
            self.assertEqual(self.raw.wait(stream), 0)
            self.assertEqual(json.loads(self.raw.data[stream][5:])["session"]["status"], "SESSION_STATUS_OPEN")
        stream = self.raw.request(content_type="application/grpc+json")
        self.raw.send(stream, frame(b'{"amount": 7}'), end=True)
        self.assertEqual(self.raw.wait(stream), 3)
        self.assertEqual(self.raw.headers[stream]["content-type"], "application/grpc+json")
        self.assertIn("grpc-status-details-bin", self.raw.headers[stream])  # protobuf, whatever the messages are

    def test_streams_of_json_messages(self):
        name = unique()
        call, _ = self.server.call(create_request(name), EXACT)
        request = {"session_token": call.session_token, "merchant_session_id": name, "test_mode": True}
        for path, message, key in (("/sessiond.v1.SessionService/WatchSession", request, "session"),
                                   ("/grpc.health.v1.Health/Watch", {}, "status"),
                                   ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", {"list_services": "*"}, "list_services_response")):
            stream = self.raw.request(path=path, content_type="application/grpc+json")
            self.raw.send(stream, frame(json.dumps(message).encode()), end=path.endswith("Watch") or path.endswith("WatchSession"))
            while len(self.raw.data.get(stream, b"")) < 5 or len(self.raw.data[stream]) < 5 + struct.unpack(">I", self.raw.data[stream][1:5])[0]:
                self.raw.pump()
            self.assertIn(key, json.loads(self.raw.data[stream][5:]), path)

    def test_grpc_timeout_forms(self):
        body = frame(create_request(unique()).SerializeToString())
        for value in ("100S", "1H", "99999999u", "100000m"):
            stream = self.raw.request([("grpc-timeout", value)])
            self.raw.send(stream, body, end=True)
            self.assertEqual(self.raw.wait(stream), 0, value)
        for value in ("10", "S", "1.5S", "123456789S", "1d", "-1S"):
            stream = self.raw.request([("grpc-timeout", value)])
            self.raw.send(stream, body, end=True)
            self.assertIn(self.raw.wait(stream), (3, 13), value)

    def test_many_streams_on_one_connection(self):
        count = 2000
        streams = []
        for _ in range(count):
            streams.append(self.raw.request())
        for stream in streams:
            self.raw.send(stream, frame(create_request(unique()).SerializeToString()), end=True)
        for stream in streams:
            self.assertEqual(self.raw.wait(stream), 0)

    def test_reset_by_the_client_harms_nobody(self):
        for _ in range(50):
            stream = self.raw.request()
            self.raw.h2.reset_stream(stream)
            self.raw.flush()
        stream = self.raw.request()
        self.raw.send(stream, frame(create_request(unique()).SerializeToString()), end=True)
        self.assertEqual(self.raw.wait(stream), 0)


class Metadata(ServerCase):
    # The default margin of 50 ms is less than a busy machine and a sanitizer may take from the connector's end to the reply.
    server_options = {"config": "connector:\n  deadline_margin_ms: 10000\n"}

    def test_request_id_is_echoed_or_made(self):
        _, call = self.server.call(create_request(unique()), EXACT + [("x-request-id", "my-id-1")])
        self.assertEqual(initial_metadata(call)["x-request-id"], "my-id-1")
        _, call = self.server.call(create_request(unique()), EXACT)
        self.assertEqual(uuid.UUID(initial_metadata(call)["x-request-id"]).version, 4)
        _, call = self.server.call(create_request(unique()), EXACT + [("x-request-id", "y" * 3000)])
        self.assertLess(len(initial_metadata(call)["x-request-id"]), 200)

    def test_binary_metadata_is_accepted(self):
        self.server.call(create_request(unique()), EXACT + [("trace-bin", b"\x00\xff\x01")])

    def test_error_message_is_percent_encoded_and_details_are_google_rpc(self):
        error = self.server.fail(create_request(""), EXACT)
        status, details = status_details(error)
        self.assertEqual(status.code, 3)
        self.assertEqual(status.message, error.details())
        self.assertIn("google.rpc.BadRequest", details)

    def test_deadline_ends_a_call_that_does_not_come(self):
        raw = RawH2(self.server.port)
        self.addCleanup(raw.close)
        stream = raw.request([("grpc-timeout", "300m")])
        self.assertEqual(raw.wait(stream), 4)

    def test_connector_that_hangs_is_504_within_the_callers_deadline(self):
        answer = self.server.call_within(create_request(unique("sim-hang-")), 10500,
                                         [("x-connector", "stripe"), ("x-connector-config", STRIPE)])
        self.assertEqual((answer.status_code, answer.session_token), (504, ""))
        self.assertEqual(answer.error.unified_details.code, "CONNECTOR_TIMEOUT")

    def test_unknown_service_and_method_are_named(self):
        for path in ("/types.MerchantAuthenticationService/Nope", "/no.Such/Thing"):
            with self.assertRaises(grpc.RpcError) as caught:
                self.server.grpc().unary_unary(path)(b"", timeout=120)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
            self.assertIn(path.rsplit("/", 1)[1], caught.exception.details())

    def test_cancelled_call_leaves_the_server_in_order(self):
        method = self.server.grpc().unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString())
        for _ in range(30):
            call = method.future(create_request(unique("sim-slow-300-")),
                                 metadata=[("x-connector", "stripe"), ("x-connector-config", STRIPE)], timeout=120)
            time.sleep(0.01)
            call.cancel()
        self.server.call(create_request(unique()), EXACT)
        wait_until(lambda: self.server.metric("sessiond_exchanges_open") == 0, "no exchange left open")


class Health(ServerCase):
    def check(self, service):
        return self.server.call(message("grpc.health.v1.HealthCheckRequest")(service=service), [],
                                path="/grpc.health.v1.Health/Check")[0].status

    def test_check(self):
        self.assertEqual(self.check(""), 1)
        self.assertEqual(self.check("types.MerchantAuthenticationService"), 1)
        error = self.server.fail(message("grpc.health.v1.HealthCheckRequest")(service="nobody"), [],
                                 path="/grpc.health.v1.Health/Check")
        self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND)

    def test_every_service_that_reflection_lists_is_known(self):
        kind = message("grpc.reflection.v1.ServerReflectionRequest")
        method = self.server.grpc().stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                                  request_serializer=lambda m: m.SerializeToString(),
                                                  response_deserializer=message("grpc.reflection.v1.ServerReflectionResponse").FromString)
        answer, = method(iter([kind(list_services="*")]), timeout=120)
        names = [service.name for service in answer.list_services_response.service]
        self.assertGreater(len(names), 3)
        for name in names:
            self.assertEqual(self.check(name), 1, name)

    def test_watch_tells_of_the_drain(self):
        watch = self.server.grpc().unary_stream("/grpc.health.v1.Health/Watch",
                                                request_serializer=lambda m: m.SerializeToString(),
                                                response_deserializer=message("grpc.health.v1.HealthCheckResponse").FromString)
        stream = watch(message("grpc.health.v1.HealthCheckRequest")(service=""), timeout=120)
        self.assertEqual(next(stream).status, 1)
        unknown = watch(message("grpc.health.v1.HealthCheckRequest")(service="nobody"), timeout=120)
        self.assertEqual(next(unknown).status, 3)
        unknown.cancel()
        self.server.process.send_signal(15)
        seen = []
        try:
            for answer in stream:
                seen.append(answer.status)
        except grpc.RpcError:
            pass
        self.assertEqual(seen[:1], [2], "NOT_SERVING while draining")
        self.server.process.wait(PATIENCE)
        type(self).server.channel = None
        type(self).server.start()


class Reflection(ServerCase):
    def ask(self, version, *requests):
        name = f"grpc.reflection.{version}"
        method = self.server.grpc().stream_stream(f"/{name}.ServerReflection/ServerReflectionInfo",
                                                  request_serializer=lambda m: m.SerializeToString(),
                                                  response_deserializer=message(f"{name}.ServerReflectionResponse").FromString)
        kind = message(f"{name}.ServerReflectionRequest")
        return list(method(iter([kind(**r) for r in requests]), timeout=120))

    def test_both_versions_list_every_service(self):
        for version in ("v1", "v1alpha"):
            answer, = self.ask(version, {"list_services": "*"})
            names = {s.name for s in answer.list_services_response.service}
            self.assertLessEqual({"types.MerchantAuthenticationService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                  "grpc.reflection.v1alpha.ServerReflection"}, names)

    def test_symbols_files_and_errors_on_one_stream(self):
        answers = self.ask("v1", {"file_containing_symbol": "types.Money"}, {"file_containing_symbol": "types.Currency"},
                           {"file_containing_symbol": "types.MerchantAuthenticationService.CreateSessionToken"},
                           {"file_containing_symbol": "no.such.Symbol"}, {"file_by_filename": "no/such.proto"})
        self.assertEqual(len(answers), 5)
        for answer in answers[:3]:
            self.assertTrue(answer.file_descriptor_response.file_descriptor_proto)
        for answer in answers[3:]:
            self.assertEqual(answer.error_response.error_code, 5)


if __name__ == "__main__":
    unittest.main()
