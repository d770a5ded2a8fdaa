"""Clients of the platform's, unmodified: of its proto files (payment_services.proto stands in for them) and ours they know what a generated client
knows, and nothing else of sessiond. Two kinds: grpcio in Python, grpc-js in Node. Requests and answers are JSON of protobuf by field names.
"""
import base64
import concurrent.futures
import contextlib
import functools
import itertools
import json
import os
import subprocess
import tempfile
import threading

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

import machines
from grpc_channel import channel_to
from harness import NODE_MODULES, PATIENCE, SOURCE, message
from session_service import CONNECTION

PROTOS = [SOURCE / "proto", SOURCE / "tests" / "integration"]
FILES = ["payment_services.proto", "payment_types/merchant_authentication.proto", "sessiond/v1/session.proto"]


class Told:
    """What came of a call: a code's name, the reason of its ErrorInfo ("": none), the answer, the metadata that came with it."""

    def __init__(self, code, details, answer, headers):
        self.code, self.answer, self.headers, self.reason = code, answer or {}, headers, ""
        for any_value in message("google.rpc.Status").FromString(details or b"").details:
            if any_value.type_url.endswith("/google.rpc.ErrorInfo"):
                self.reason = message("google.rpc.ErrorInfo").FromString(any_value.value).reason

    def word(self):
        """Status of the answer, or the reason or code of a failure."""
        payment = self.answer.get("authorize_response", self.answer)
        return payment.get("status", "OK") if self.code == "OK" else self.reason or self.code

    def __repr__(self):
        return f"{self.code} {self.reason} {self.answer}"


@functools.cache
def _pool():
    with tempfile.NamedTemporaryFile() as made:
        subprocess.run(["protoc", *(f"-I{folder}" for folder in PROTOS), "--include_imports", f"--descriptor_set_out={made.name}", *FILES], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(made.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


def _class(descriptor):
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(_pool()).GetPrototype(descriptor)


_pool_lock = threading.Lock()


@functools.cache
def _method(path):
    service, name = path.lstrip("/").split("/")
    with _pool_lock:
        method = _pool().FindServiceByName(service).methods_by_name[name]
        return _class(method.input_type), _class(method.output_type)


class PythonClient:
    """grpcio; calls go to the machines in turn (machines.py)."""

    def __init__(self, address):
        self.addresses, self.turn = machines.addresses(address), itertools.count()
        self.open()

    def open(self):
        options = [*CONNECTION, ("grpc.max_metadata_size", 65536)]
        self.channels = [channel_to(one, options=options) for one in self.addresses]

    def call(self, path, request, metadata, timeout=PATIENCE):
        asked, told = _method(path)
        channel = self.channels[next(self.turn) % len(self.channels)]
        stub = channel.unary_unary(path, request_serializer=asked.SerializeToString, response_deserializer=told.FromString)
        try:
            answer, call = stub.with_call(json_format.ParseDict(request, asked()), metadata=metadata, timeout=timeout)
        except grpc.RpcError as error:
            details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
            return Told(error.code().name, details, None, {})
        except ValueError:  # its channel was closed under it
            return Told("CANCELLED", None, None, {})
        return Told("OK", None, json_format.MessageToDict(answer, preserving_proto_field_name=True), dict(call.initial_metadata()))

    def crash(self):
        """It is gone with all that it has in flight, and another one is there."""
        self.close()
        self.open()

    def close(self):
        for channel in self.channels:
            channel.close()


class NodeClient:
    """grpc-js, in a process of its own."""

    def __init__(self, address):
        self.addresses, self.turn, self.lock = machines.addresses(address), itertools.count(), threading.Lock()
        self.open()

    def open(self):
        command = ["node", SOURCE / "tests" / "integration" / "platform_client.mjs", ",".join(map(str, PROTOS)), *self.addresses]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ, NODE_MODULES=str(NODE_MODULES)))
        self.waiting, self.ids = {}, itertools.count()
        self.reader = threading.Thread(target=self.read, args=(self.process, self.waiting), daemon=True)
        self.reader.start()

    @staticmethod
    def read(process, waiting):
        with process.stdout:
            for line in process.stdout:
                told = json.loads(line)
                waiting.pop(told["id"]).set_result(Told(told["code"], base64.b64decode(told["details"]), told.get("answer"), told["headers"]))
        for future in list(waiting.values()):
            future.set_result(Told("CANCELLED", None, None, {}))

    def call(self, path, request, metadata, timeout=PATIENCE):
        future = concurrent.futures.Future()
        with self.lock:
            number = next(self.ids)
            self.waiting[number] = future
            line = {"id": number, "address": next(self.turn) % len(self.addresses), "path": path, "request": request, "metadata": metadata,
                    "timeout_ms": round(timeout * 1000)}
            self.process.stdin.write(json.dumps(line) + "\n")
            self.process.stdin.flush()
        return future.result(timeout + PATIENCE)

    def crash(self):
        with self.lock:
            self.process.kill()
            self.end()
            self.open()

    def end(self):
        self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def close(self):
        self.process.stdin.close()
        self.end()


KINDS = {"grpcio": PythonClient, "grpc-js": NodeClient}
