#!/usr/bin/python3
"""Measures what an open WatchSession stream holds in its worker, by protocol: private memory of the worker with some streams open and with
many, the difference by stream. One worker, each protocol on a fresh server; python3-h2 is the client.

    bench/measure_streams.py [--build build] [--few 2000] [--many 10000] [--rounds 3]

The session's first state was told on each stream and read, and nothing else is said: what is measured is a stream that waits.
"""
import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import struct
import sys
import tempfile
import time
import urllib.request

import h2.config
import h2.connection
import h2.events

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))

import bench_server
import machine

CREATE = "types.MerchantAuthenticationService/CreateSessionToken"
WATCH = "/sessiond.v1.SessionService/WatchSession"
PROTOCOLS = ("application/grpc", "application/connect+proto", "application/grpc-web+proto", "application/connect+json")
STREAMS = 200  # a connection
ID = "watched"


def varint_field(number, text):
    raw = text.encode()
    length, head = len(raw), bytes([number << 3 | 2])
    while length > 127:
        head += bytes([length & 127 | 128])
        length >>= 7
    return head + bytes([length]) + raw


def create(server):
    request = urllib.request.Request(f"http://{server.listen}/{CREATE}", headers={
        "content-type": "application/json", "x-connector": "adyen", "x-connector-config": '{"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}'},
        data=json.dumps({"merchant_session_id": ID, "amount": {"minor_amount": 1000, "currency": "USD"}, "test_mode": True,
                         "browser_info": {"accept_header": "text/html", "user_agent": "Mozilla/5.0"}}).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["session_token"]


def message(content_type, token):
    if content_type.endswith("json"):
        body = json.dumps({"session_token": token, "merchant_session_id": ID, "test_mode": True}).encode()
    else:
        body = varint_field(1, token) + varint_field(2, ID) + bytes([4 << 3, 1])
    return struct.pack(">BI", 0, len(body)) + body


class Connection:
    """STREAMS streams, of which each has told something."""

    def __init__(self, address, content_type, body):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.told = set()
        self.read()  # the server's settings, and its window
        for _ in range(STREAMS):
            stream = self.h2.get_next_available_stream_id()
            self.h2.send_headers(stream, [(":method", "POST"), (":scheme", "http"), (":path", WATCH), (":authority", address),
                                          ("content-type", content_type), ("te", "trailers")])
            self.h2.send_data(stream, body, end_stream=True)
            self.socket.sendall(self.h2.data_to_send())
        while len(self.told) < STREAMS:
            self.read()

    def read(self):
        self.socket.sendall(self.h2.data_to_send())
        for event in self.h2.receive_data(self.socket.recv(65536)):
            if isinstance(event, h2.events.DataReceived):
                self.told.add(event.stream_id)
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)):
                raise bench_server.Failed(event)
        self.socket.sendall(self.h2.data_to_send())


def bytes_a_stream(args, content_type):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-bench-", dir=os.environ.get("SES_BENCH_DIR")))
    server = bench_server.Server(args.build, folder, log_level="error")
    try:
        pid, body, open_ones, seen = server.workers()[0], message(content_type, create(server)), [], []
        for count in (args.few, args.many):
            while len(open_ones) * STREAMS < count:
                open_ones.append(Connection(server.listen, content_type, body))
            time.sleep(1)
            seen.append(machine.memory_kib(pid)[0] * 1024)
        return (seen[1] - seen[0]) / (args.many - args.few)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--few", type=int, default=2000)
    parser.add_argument("--many", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    bench_server.all_descriptors()
    rounds = [{kind: bytes_a_stream(args, kind) for kind in PROTOCOLS} for _ in range(args.rounds)]
    for kind in PROTOCOLS:
        seen = [one[kind] for one in rounds]
        of_grpc = statistics.median(one[kind] / one[PROTOCOLS[0]] for one in rounds)
        print(f"{kind}: {statistics.median(seen):,.0f} bytes a stream ({min(seen):,.0f} .. {max(seen):,.0f}), {of_grpc - 1:+.1%} of gRPC's")


if __name__ == "__main__":
    main()
