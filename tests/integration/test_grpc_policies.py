"""What grpcio does by itself, by a service config: retries that wait as long as they are told, round_robin over connections whose health it watches; and
its asynchronous half."""
import asyncio
import concurrent.futures
import threading
import unittest

import grpc
import grpc.aio

from grpc_channel import asynchronous_channel_to, channel_to
from h2_raw import DATA, EMPTY_MESSAGE, END_STREAM, HEADERS, Attacker, frame, request_fields
from h2_raw import WATCH as WATCH_HEALTH
from harness import ADYEN, CREATE, PATIENCE, ServerCase, create_request, free_port, request_class, response_class, status_details, unique, wait_until

METADATA = (("x-connector", "adyen"), ("x-connector-config", ADYEN))
WATCH = "/sessiond.v1.SessionService/WatchSession"


def serializers(path):
    return {"request_serializer": lambda m: m.SerializeToString(), "response_deserializer": response_class(path).FromString}


def create(channel):
    answer = channel.unary_unary(CREATE, **serializers(CREATE))(create_request(unique()), metadata=METADATA, timeout=PATIENCE)
    return answer.session_token


class Retries(ServerCase):
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  merchant_rate: 2\n  merchant_burst: 1\n"}

    def test_a_refused_call_is_made_again_when_it_was_told_to(self):
        policy = {"maxAttempts": 5, "initialBackoff": "0.01s", "maxBackoff": "0.02s", "backoffMultiplier": 1, "retryableStatusCodes": ["RESOURCE_EXHAUSTED"]}
        channel = channel_to(self.server.address, methodConfig=[{"name": [{}], "retryPolicy": policy}])
        self.addCleanup(channel.close)

        def refused():
            """Each call is answered in the end. By its own pauses of 20 ms the policy would have given up after five tries in 80."""
            for _ in range(3):
                self.assertTrue(create(channel).startswith("sess_"))
            return self.server.metric('sessiond_refusals_total{reason="RATE_LIMITED"}') > 0
        wait_until(refused, "a call that is refused once")


class RoundRobin(ServerCase):
    server_options = {"workers": 2, "sandbox": False}

    def test_with_health_checking(self):
        """(1.51 dies when its Watch is promised gzip, as a client that accepts it otherwise is.)"""
        for service in ("", "types.MerchantAuthenticationService", "connector_service"):
            channel = channel_to(self.server.address, loadBalancingConfig=[{"round_robin": {}}], healthCheckConfig={"serviceName": service})
            for _ in range(5):
                self.assertTrue(create(channel).startswith("sess_"))
            # The library's own Watch, which is open as long as the channel.
            wait_until(lambda: self.server.metric("sessiond_exchanges_open") == 1, "the watch alone")
            channel.close()
            wait_until(lambda: self.server.metric("sessiond_exchanges_open") == 0, "its end")

    def test_no_promise_of_compression_where_nothing_is_compressed(self):
        client = Attacker(self.server.address)
        self.addCleanup(client.close)
        client.send(client.headers(1, request_fields(WATCH_HEALTH, [("grpc-accept-encoding", "identity,gzip")])) + frame(DATA, END_STREAM, 1, EMPTY_MESSAGE))
        block = next(payload for kind, _, _, payload in client.frames() if kind == HEADERS)
        fields = dict(client.decoder.decode(block))
        self.assertEqual((fields[":status"], fields.get("grpc-encoding")), ("200", None))
        self.assertIn("gzip", fields["grpc-accept-encoding"])


class Tests(unittest.TestCase):
    """The tests' own channels."""

    def test_a_call_waits_for_its_connection(self):
        port, failed = free_port(), threading.Event()
        with channel_to(f"127.0.0.1:{port}") as channel:
            channel.subscribe(lambda state: state == grpc.ChannelConnectivity.TRANSIENT_FAILURE and failed.set())
            call = channel.unary_unary("/a.B/C").future(b"", timeout=PATIENCE)
            self.assertTrue(failed.wait(PATIENCE), "nobody listens")
            server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
            server.add_insecure_port(f"127.0.0.1:{port}")
            server.start()
            self.assertEqual(call.exception(PATIENCE).code(), grpc.StatusCode.UNIMPLEMENTED, "the answer of one who was there late")
            server.stop(None)


class Asynchronous(ServerCase):
    server_options = {"workers": 2, "sandbox": False}

    def test_unary_stream_details_and_cancellation(self):
        asyncio.run(asyncio.wait_for(self.calls(), PATIENCE))

    async def calls(self):
        async with asynchronous_channel_to(self.server.address) as channel:
            name = unique()
            create = channel.unary_unary(CREATE, **serializers(CREATE))
            answer = await create(create_request(name), metadata=METADATA)
            tokens = await asyncio.gather(*(create(create_request(unique()), metadata=METADATA) for _ in range(50)))
            self.assertEqual(len({row.session_token for row in tokens}), 50)
            request = request_class(WATCH)(session_token=answer.session_token, merchant_session_id=name, test_mode=True)
            watch = channel.unary_stream(WATCH, **serializers(WATCH))(request, metadata=METADATA)
            self.assertEqual((await watch.read()).session.merchant_session_id, name)
            watch.cancel()
            with self.assertRaises(grpc.aio.AioRpcError) as caught:
                await create(create_request("", amount=None), metadata=METADATA)
            self.assertEqual(status_details(caught.exception)[1]["google.rpc.ErrorInfo"].reason, "INVALID_FIELDS")


if __name__ == "__main__":
    unittest.main()
