"""Runs the real server for a test and speaks to it with clients that we did not write.

Programs come from the directory in SES_BUILD (set by ctest). Every server started here is stopped here, its log is searched for
sanitizer reports, and its exit status is checked.
"""
import atexit
import contextlib
import functools
import itertools
import json
import mmap
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

import machines
from grpc_channel import channel_to
from token_claims import claims, instant, key_directories  # noqa: F401

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "lib"))
from ports import free_port  # noqa: E402

BUILD = pathlib.Path(os.environ.get("SES_BUILD", "build-gcc")).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]
NODE_MODULES = SOURCE / "tests" / "node_modules"
BUF = NODE_MODULES / ".bin" / "buf"
CREATE = "/types.MerchantAuthenticationService/CreateSessionToken"
CREATE_NEW = "/types.MerchantAuthenticationService/CreateServerSessionAuthenticationToken"
ROUTE = "/payments/create_session_token"
STRIPE = '{"config":{"Stripe":{"api_key":"sk_test_x"}}}'
ADYEN = '{"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}'
FORMER = False  # a version before answers, too (tests/formats): what it does not know is not asked of it
# Nobody who waits that long is answered any more: it ends a test that hangs, and no verdict hangs on it. What must come is waited for
# by wait_until; what must happen after some time is made to happen, by a server's clock or by an order of events, never by a sleep.
PATIENCE = 120
# The server's own limits of real time, likewise, where the test's configuration does not name them: a busy machine is not late.
UNHURRIED = {"limits": {"first_byte_ms": 600000, "header_ms": 600000, "body_ms": 600000, "write_stall_ms": 600000, "exchange_ms": 600000,
                        "overload_ms": 0, "ping_ms": 0},
             "connector": {"connect_timeout_ms": 1000 * PATIENCE, "total_timeout_ms": 1000 * PATIENCE}}
# The whole suite on the other kind of tokens: SES_TEST_TOKENS=local.
if "SES_TEST_TOKENS" in os.environ:
    UNHURRIED["token"] = {"purpose": os.environ["SES_TEST_TOKENS"]}
# To leave, too: with nothing left to do, processes under a sanitizer look for leaks for seconds when they end, and beside others for more.
UNHURRIED_DRAIN = "drain_seconds: 600\n"


def wait_until(predicate, what, rest=0.02):
    """The first true value of predicate(). An OSError in it (nobody listens yet, a file is not there yet) is "not yet"."""
    end, last = time.monotonic() + PATIENCE, None
    while True:
        try:
            value = predicate()
        except OSError as error:
            value, last = None, error
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}") from last
        time.sleep(rest)


def wait_until_still(value, what):
    """Waits until value() has stopped changing."""
    seen = []

    def still():
        seen.append(value())
        return len(seen) >= 5 and len(set(seen[-5:])) == 1
    wait_until(still, what, rest=0.1)


def unhurried(config):
    """The configuration with the limits of UNHURRIED that it does not name itself."""
    if not re.search("^drain_seconds:", config, re.M):
        config += ("" if config[-1:] in ("", "\n") else "\n") + UNHURRIED_DRAIN  # behind: faults name the lines of the test's own
    for section, limits in UNHURRIED.items():
        head, found, rest = config.partition(f"{section}:\n")
        own = re.match("(?: .*\n|\n)*", rest)[0] if found else ""
        more = "".join(f"  {name}: {value}\n" for name, value in limits.items() if f" {name}:" not in own)
        config = f"{head}{section}:\n{more}{rest}"
    return config


def whoever_arguments(config=""):
    """root is told that it is meant: without a user sessiond refuses to run as root."""
    return ("--user", "root") if os.geteuid() == 0 and not re.search("^user:", config, re.M) else ()


class Clock:
    """The clocks of one server, moved through the file of SESSIOND_TEST_CLOCK (include/sessiond/base/clock.h). What is set
    counts at once in every process, and over restarts. Only builds with SES_TEST_HOOKS obey: others skip the test."""

    def __init__(self, server, step_ms=0):
        self.path = pathlib.Path(server.temporary) / "test-clock"
        self.path.write_bytes(struct.pack("=qq", step_ms, 0))
        with open(self.path, "r+b") as file:
            self.words = mmap.mmap(file.fileno(), 16)
        self.server = server
        self.others = []  # of machines beside this one: moved with it

    def step(self, seconds):
        """The world's clock is set, forward or (negative) backward. No time passes."""
        self._add(0, seconds)

    def pass_(self, seconds):
        """Time passes, for the world and for sessiond. Network limits stay real."""
        assert seconds >= 0, "time does not go back"
        self._add(8, seconds)
        for clock in (self, *self.others):  # as after a machine was suspended
            clock.server.wait_for_reads()

    def time(self):
        """Seconds since 1970 as the server's world clock has them."""
        return time.time() + sum(struct.unpack("=qq", self.words[:])) / 1000

    def _add(self, offset, seconds):
        if not has_test_hooks():
            raise unittest.SkipTest("this build's clocks cannot be moved (SES_TEST_HOOKS)")
        for clock in (self, *self.others):
            ms = struct.unpack_from("=q", clock.words, offset)[0] + round(seconds * 1000)
            struct.pack_into("=q", clock.words, offset, ms)


@functools.cache
def has_test_hooks():
    return "test hooks" in subprocess.run([BUILD / "sessiond", "--version"], capture_output=True, text=True, check=True).stdout


class Server:
    """One supervisor with its children on free ports and a data directory of its own."""

    def __init__(self, workers=2, data=None, args=(), config=None, sandbox=True, env=None, beside=None):
        """beside: the machine on whose database this one is the second (machines.py)."""
        self.temporary = tempfile.mkdtemp(prefix="sessiond-test-")
        self.data = pathlib.Path(data) if data else pathlib.Path(self.temporary) / "data"
        key_directories.append(self.data / "keys")
        self.port, self.admin_port = free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.log_path = pathlib.Path(self.temporary) / "log"
        self.command = [str(BUILD / "sessiond"), "--listen", self.address, "--admin", f"127.0.0.1:{self.admin_port}",
                        "--data", str(self.data), "--workers", str(workers), *args]
        self.simulator = None
        if sandbox:
            self.command.append("--sandbox")
            if machines.wanted() and beside is None and "--simulator" not in args and "simulator_listen:" not in (config or ""):
                self.simulator = f"127.0.0.1:{free_port()}"
                self.command += ["--simulator", self.simulator]
        path = pathlib.Path(self.temporary) / "config.yaml"
        path.write_text(unhurried(self.with_store(config or "", beside)))
        self.command += ["--config", str(path), *whoever_arguments(config or "")]
        self.clock = Clock(self, machines.skew_ms() if beside else 0)
        if beside:
            beside.clock.others.append(self.clock)
        self.env = dict(os.environ, SESSIOND_TEST_CLOCK=str(self.clock.path), **(env or {}))
        self.process = None
        self.channel = None
        self.other = None
        if machines.wanted() and beside is None:
            self.other = Server(workers, None, args, config, sandbox, env, beside=self)
            machines.know(self.address, self.other.address)
            self.turns = itertools.cycle((self, self.other))

    def with_store(self, config, beside):
        if not machines.wanted():
            return config
        if machines.why_not():
            raise unittest.SkipTest(machines.why_not())
        return machines.configured(config, (beside or self).data, self.temporary)

    def next(self):
        """The machine whose turn it is."""
        return self if self.other is None else next(self.turns)

    def start(self, ready=True, stderr=None, **popen):
        """stderr: a descriptor instead of the log's file (then lines() has nothing)."""
        if "LD_PRELOAD" in self.env:  # what is preloaded opens files of the test's own, which a confined worker cannot
            path = self.config_path()
            path.write_text("confine: off\n" + path.read_text().replace("confine: off\n", ""))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log if stderr is None else stderr,
                                            stdin=subprocess.DEVNULL, env=self.env, **popen)
        atexit.register(self.kill)
        if ready:
            wait_until(self.is_ready, "readiness")
        if self.other is not None and (self.other.process is None or self.other.process.poll() is not None):
            wait_until(lambda: ready or (self.data / "keys" / "live").is_dir() or self.process.poll() is not None, "keys")
            if self.process.poll() is None:
                self.deliver()
                self.other.start(ready, **popen)
        return self

    def config_path(self):
        return pathlib.Path(self.command[self.command.index("--config") + 1])

    def deliver(self):
        """What an operator brings to every machine: keys, callers, configuration, as the first one has them now."""
        machines.copy_files(self.data, self.other.data)
        self.other.config_path().write_text(machines.with_simulator(self.config_path().read_text(), self.simulator))

    def each(self):
        """The machine, and the one beside it."""
        return [self] if self.other is None else [self, self.other]

    def tell(self, number, event):
        """A signal to the supervisor of each machine, and the line that each writes when it has done what that asks for."""
        before = [len(server.own_lines(event)) for server in self.each()]
        self.signal(number)
        wait_until(lambda: all(len(server.own_lines(event)) > count for server, count in zip(self.each(), before)), event)

    def signal(self, number):
        """To the supervisor of each machine."""
        self.process.send_signal(number)
        if self.other is not None:
            if number in (signal.SIGHUP, signal.SIGUSR2):
                self.deliver()
            self.other.signal(number)

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"sessiond ended with {self.process.returncode}: {self.log()[-2000:]}")
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/readyz", timeout=PATIENCE) as answer:
                return answer.status == 200
        return False

    def wait_for_reads(self):
        """Where time jumps, reads of a database are closed until its next write is acknowledged."""
        if machines.wanted() and self.process is not None and self.process.poll() is None:
            wait_until(lambda: all(shard["reads"] for shard in self.readyz().get("shards", ())), "reads to be open again")

    def end_leases(self):
        """What processes that are dead hold is over: at once where they share a table."""
        if machines.wanted():
            machines.end_leases(self.data)

    def hang_up(self):
        """The next call has a connection of its own: the one before may be a dead worker's, and not know it yet."""
        if self.other is not None:
            self.other.hang_up()
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def stop(self, expect=0, seconds=PATIENCE):
        """SIGTERM, and the promise: everything finishes, exit 0."""
        if self.other is not None and self.other.process is not None:
            self.other.stop(expect, seconds)
        self.hang_up()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(seconds)
        self.check_log()
        if expect is not None and status != expect:
            raise AssertionError(f"exit status {status}, expected {expect}: {self.log()[-2000:]}")
        return status

    def kill(self):
        """Everything at once, as a power failure of the processes: all children die with the supervisor's group."""
        if self.other is not None:
            self.other.kill()
        if self.process is None or self.process.poll() is not None:
            return
        for pid in [self.process.pid, *self.children()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def cleanup(self):
        self.kill()
        if self.other is not None:
            self.other.cleanup()
        shutil.rmtree(self.temporary, ignore_errors=True)

    def children(self):
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with contextlib.suppress(OSError):
            return [int(pid) for pid in path.read_text().split()]
        return []

    def readyz(self):
        """What the admin page tells (it does so too while the server is not ready, with 503)."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/readyz", timeout=PATIENCE) as answer:
                page = answer.read()
        except urllib.error.HTTPError as error:
            page = error.read()
        return json.loads(page)

    def workers(self):
        """Pids of the workers."""
        return [row["pid"] for server in self.each() for row in server.readyz()["workers"]]

    def all_serve(self):
        """Ready is a server that can serve; this is one with nobody missing, or dead and not yet missed."""
        return all(server.serves() for server in self.each())

    def serves(self):
        if self.process.poll() is not None:
            raise AssertionError(f"sessiond ended with {self.process.returncode}: {self.log()[-2000:]}")
        with contextlib.suppress(OSError, KeyError):
            page = self.readyz()
            return (page["state"] == "ready" and all(row["state"] == "ready" for row in page["workers"]) and
                    all(pathlib.Path(f"/proc/{row['pid']}/stat").read_text().rpartition(")")[2].split()[0] != "Z" for row in page["workers"]))
        return False

    def have_replaced(self, pids):
        """All serve, and none of these workers is left: a killed one stays what it was for as long as its memory takes to go."""
        return self.all_serve() and not set(pids) & set(self.workers())

    def kill_workers(self):
        """-9, and until others serve; what the dead had leased is free."""
        pids = self.workers()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.have_replaced(pids), "new workers")
        self.end_leases()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def own_lines(self, event=None):
        rows = []
        for text in self.log().splitlines():
            with contextlib.suppress(ValueError):
                row = json.loads(text)
                if event is None or row.get("event") == event:
                    rows.append(row)
        return rows

    def lines(self, event=None):
        return [row for server in self.each() for row in server.own_lines(event)]

    def check_log(self):
        bad = re.search(r"(AddressSanitizer|LeakSanitizer|runtime error:|broken invariant|is not on the list)[^\n]*", self.log())
        if bad:
            at = self.log().index(bad.group(0))
            raise AssertionError(self.log()[max(0, at - 200):at + 3000])

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=PATIENCE) as answer:
            text = answer.read().decode()
        return text if self.other is None else machines.added(text, self.other.metrics())

    def metric(self, name):
        """Sum of all samples of that name."""
        total = 0.0
        for line in self.metrics().splitlines():
            if re.match(re.escape(name) + r"(\{|\s)", line):
                total += float(line.rsplit(" ", 1)[1])
        return total

    # -- gRPC by python3-grpcio, messages by the descriptor set that the build leaves for clients

    def grpc(self):
        if self.channel is None:
            self.channel = channel_to(self.address)
        return self.channel

    def call(self, request, metadata=None, path=CREATE, timeout=PATIENCE, connector="stripe", config=STRIPE, **options):
        """A unary call; answers (response, call)."""
        if metadata is None:
            metadata = [("x-connector", connector), ("x-connector-config", config)]
        method = self.next().grpc().unary_unary(path, request_serializer=lambda m: m.SerializeToString(),
                                         response_deserializer=response_class(path).FromString)
        return method.with_call(request, metadata=metadata, timeout=timeout, **options)

    def call_within(self, request, ms, metadata, path=CREATE):
        """A call whose deadline is the server's business alone: this client goes on waiting, however late the answer reaches it. The
        response's message, or the error as JSON (code, message, details)."""
        value = json_format.MessageToDict(request, preserving_proto_field_name=True)
        headers = [f"{name}: {text}" for name, text in metadata]
        status, _, answer = self.post_json(path, value, headers=[*headers, f"connect-timeout-ms: {ms}"])
        return json_format.ParseDict(answer, response_class(path)()) if status == 200 else answer

    def fail(self, request, metadata=None, **options):
        """The grpc.RpcError of a call that must fail."""
        try:
            answer, _ = self.call(request, metadata, **options)
        except grpc.RpcError as error:
            return error
        raise AssertionError(f"the call succeeded: {answer}")

    # -- HTTP by curl

    def curl(self, path, *args, data=None, headers=(), seconds=PATIENCE):
        """(HTTP status, headers as dict, body bytes) by the curl program."""
        command = ["curl", "-sS", "-i", "--raw", "--max-time", str(seconds), *args]
        for header in headers:
            command += ["-H", header]
        if data is not None:
            command += ["--data-binary", "@-"]
        command.append(f"http://{self.next().address}{path}")
        done = subprocess.run(command, input=data, capture_output=True, timeout=seconds + 5, check=False)
        if done.returncode != 0:
            raise AssertionError(f"curl: {done.returncode} {done.stderr.decode()}")
        head, body = done.stdout, b""
        while True:
            head, _, rest = (head if not body else body).partition(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            body = rest
            if status >= 200:
                break
        rows = dict(line.decode().lower().split(": ", 1) if ": " in line.decode() else (line.decode(), "")
                    for line in head.split(b"\r\n")[1:])
        return status, rows, body

    def post_json(self, path, value, *args, headers=None):
        if headers is None:
            headers = ["x-connector: stripe", f"x-connector-config: {STRIPE}"]
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        status, rows, text = self.curl(path, "-X", "POST", *args, data=body,
                                       headers=["content-type: application/json", *headers])
        return status, rows, json.loads(text) if text else None


@functools.cache
def _pool():
    files = descriptor_pb2.FileDescriptorSet.FromString((BUILD / "sessiond.protoset").read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


_pool_lock = threading.Lock()


def _descriptors():
    with _pool_lock:  # tests with many clients may ask for it at the same time for the first time
        return _pool()


def message(name):
    """The message class of a full protobuf name."""
    descriptor = _descriptors().FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(_descriptors()).GetPrototype(descriptor)


def method_descriptor(path):
    service, method = path.lstrip("/").split("/")
    return _descriptors().FindServiceByName(service).methods_by_name[method]


def method_paths(service):
    """All methods of "/package.Service/"."""
    return [service + method.name for method in _descriptors().FindServiceByName(service.strip("/")).methods]


def request_class(path):
    return message(method_descriptor(path).input_type.full_name)


def response_class(path):
    return message(method_descriptor(path).output_type.full_name)


def create_request(session="session_001", path=CREATE, **changes):
    """The documented call's request; changes are merged over it, None removes a field."""
    value = {"merchant_session_id": session, "amount": {"minor_amount": 10000, "currency": "USD"},
             "browser_info": {"accept_header": "text/html", "user_agent": "Mozilla/5.0..."}, "test_mode": True}
    value.update(changes)
    value = {key: field for key, field in value.items() if field is not None}
    if path == CREATE_NEW:
        value["merchant_server_session_id"] = value.pop("merchant_session_id", "")
        value["payment"] = {key: value.pop(key) for key in ("amount", "metadata", "browser_info") if key in value}
    return json_format.ParseDict(value, request_class(path)())


def create_dict(session="session_001", **changes):
    value = {"merchant_session_id": session, "amount": {"minor_amount": 10000, "currency": "USD"},
             "browser_info": {"accept_header": "text/html", "user_agent": "Mozilla/5.0..."}, "test_mode": True}
    value.update(changes)
    return {key: field for key, field in value.items() if field is not None}


def connector_headers(connector):
    """Any connector by its name: the headers of one without a variant in x-connector-config."""
    return [("x-connector", connector), ("x-auth", "body-key"), ("x-api-key", "k"), ("x-key1", "m")]


def status_details(error):
    """google.rpc.Status of an RpcError: (status, {type name: message})."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = message("google.rpc.Status").FromString(value)
            found = {}
            for any_value in status.details:
                name = any_value.type_url.rsplit("/", 1)[1]
                found[name] = message(name).FromString(any_value.value)
            leave_out_help(found.get("google.rpc.ErrorInfo"))
            return status, found
    return None, {}


def leave_out_help(info):
    """Every reason says where it is explained: judged here for all tests, which compare what else metadata tells."""
    if info is not None and info.reason and not (FORMER and "help" not in info.metadata):
        assert info.metadata["help"] == f"docs/errors.md#{info.reason}", info
        del info.metadata["help"]


def reason(error):
    return getattr(status_details(error)[1].get("google.rpc.ErrorInfo"), "reason", "")


def violated_fields(error):
    bad = status_details(error)[1].get("google.rpc.BadRequest")
    return sorted(v.field for v in bad.field_violations) if bad else []


def initial_metadata(call):
    return {key: value for key, value in call.initial_metadata()}


class ServerCase(unittest.TestCase):
    """A test class with one server for all its tests. Override server_options."""
    server_options = {}
    server = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**cls.server_options).start()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.server.stop()
        finally:
            cls.server.cleanup()


_run = secrets.token_hex(6).translate(str.maketrans("0123456789", "ghijklmnop"))
_names = itertools.count()  # its next() is one step for all threads


def unique(prefix="s"):
    """A merchant_session_id nobody used before. Letters only: a run of digits might look like a card number."""
    return f"{prefix}-{_run}-{letters(next(_names))}"


def letters(number):
    text = chr(97 + number % 26)
    return text if number < 26 else letters(number // 26 - 1) + text
