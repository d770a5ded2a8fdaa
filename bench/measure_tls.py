#!/usr/bin/env python3
"""Measures what TLS costs: memory of an idle connection, CPU a call over kept connections, CPU of a full handshake.

    bench/measure_tls.py [--build build] [--rounds 5] [--call-rounds 25] [--calls 5000] [--handshakes 1000] [--connections 1000]

One worker that takes plain text and TLS on its one port, certificate EC P-256, made for the run. CPU is the worker's own run time in nanoseconds
(/proc/PID/task/*/schedstat), so that a machine that is busy with other things is slower and not dearer; plain and TLS, ours and OpenSSL's, are measured in turn.

  idle connection  growth of the worker's private memory over many connections that have said something once and are silent
  call             CreateSessionToken by sessiond-load over 4 connections x 64 streams, and 64 x 1 (a record and a write for each call), connected and warm
                   before anything is counted; pairs of short runs, since a machine's clock and neighbours change from second to second
  handshake        TLS 1.3, full, ECDSA P-256 and X25519; the same client at sessiond and at `openssl s_server`; a connection without TLS that is opened and
                   closed at ours is told beside, since accepting is in both
"""
import argparse
import contextlib
import json
import pathlib
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import bench_server  # noqa: E402
import machine  # noqa: E402
import ports  # noqa: E402

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
PING = bytes((0, 0, 8, 6, 0, 0, 0, 0, 0)) + b"measured"
GET = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"


def private_kib(pid):
    rows = dict(line.split(":") for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return sum(int(rows[name].split()[0]) for name in ("Private_Clean", "Private_Dirty"))


def certificate(folder):
    pair = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", pair[1], "-out", pair[0]], check=True, capture_output=True)
    pair[1].chmod(0o600)
    return pair


def client(cafile, alpn=None, version=None):
    context = ssl.create_default_context(cafile=cafile)
    if alpn:
        context.set_alpn_protocols([alpn])
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def told(values, digits=1):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} .. {max(values):.{digits}f})"


def say_once(peer, http2):
    peer.sendall(PREFACE + PING if http2 else GET)
    got = b""
    while (b"measured" if http2 else b"\r\n\r\n{") not in got:
        got += peer.recv(65536)


def idle(port, pid, count, context, http2):
    """KiB a connection; the first hundred fill what is shared."""
    with contextlib.ExitStack() as stack:
        def more(n):
            for _ in range(n):
                plain = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                say_once(stack.enter_context(context.wrap_socket(plain, server_hostname="localhost")) if context else plain, http2)
        more(100)
        time.sleep(0.5)
        before = private_kib(pid)
        more(count)
        time.sleep(0.5)
        return (private_kib(pid) - before) / count


def calls(args, address, pid, ca, connections, streams):
    """us a call; what comes before counting, handshakes and the first calls of each connection, is not in it."""
    command = [args.build / "sessiond-load", "--address", address, "--json", "--quiet", "--connections", connections, "--streams", streams,
               "--warmup", "0.3", "--calls", args.calls, "--pid", pid]
    tls = ["--tls", "--ca", ca] if ca else []
    done = json.loads(subprocess.run([*map(str, command), *tls], check=True, capture_output=True, text=True).stdout)
    assert (done["right"] >= args.calls, done["wrong"], done["lost"]) == (True, 0, 0), done
    return done["server_cpu_us_per_call"]


def handshakes(port, pid, count, context):
    """us a connection that is made, and closed."""
    before = machine.run_ns(pid)
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port)) as plain:
            if context:
                with context.wrap_socket(plain, server_hostname="localhost"):
                    pass
            else:
                plain.sendall(GET)
                plain.recv(65536)
    time.sleep(0.2)
    return (machine.run_ns(pid) - before) / count / 1000


@contextlib.contextmanager
def openssl_server(pair):
    port = ports.free_port()
    process = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", pair[0], "-key", pair[1], "-quiet"],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    try:
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def port_of(address):
    return int(address.rpartition(":")[2])


def measure_idle(args, serve, ca):
    """Each on a server of its own: what the one before has given back would be taken for nothing."""
    for name, context in (("plain", None), ("TLS 1.3", client(ca, version=ssl.TLSVersion.TLSv1_3)), ("TLS 1.2", client(ca, version=ssl.TLSVersion.TLSv1_2))):
        for http2 in (False, True):
            with serve() as (address, pid):
                kib = idle(port_of(address), pid, args.connections, context, http2)
            print(f"idle connection, {name}, HTTP/{'2' if http2 else '1.1'}: {kib:.1f} KiB", flush=True)


def measure_calls(args, address, pid, ca):
    for connections, streams in ((4, 64), (64, 1)):
        plain, tls = [], []
        for turn in range(args.call_rounds):  # the one that is first has the caches and the clock of the other before it
            for kind, cafile in ((plain, None), (tls, ca))[::1 if turn % 2 else -1]:
                kind.append(calls(args, address, pid, cafile, connections, streams))
        more = [b - a for a, b in zip(plain, tls)]
        print(f"call, {connections} x {streams}: plain {told(plain)} us, TLS {told(tls)} us, more {told(more)} us", flush=True)


def measure_handshakes(args, port, pid, pair):
    ours, theirs, plain = [], [], []
    context = client(pair[0], version=ssl.TLSVersion.TLSv1_3)
    with openssl_server(pair) as (other_port, other_pid):
        for _ in range(args.rounds):
            ours.append(handshakes(port, pid, args.handshakes, context))
            theirs.append(handshakes(other_port, other_pid, args.handshakes, context))
            plain.append(handshakes(port, pid, args.handshakes, None))
    ratio = [a / b for a, b in zip(ours, theirs)]
    print(f"full handshake: {told(ours, 0)} us, openssl s_server {told(theirs, 0)} us, ratio {told(ratio, 2)}; a connection without TLS and its one answer {told(plain, 0)} us")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--call-rounds", type=int, default=25)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--handshakes", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=1000)
    args = parser.parse_args()
    bench_server.all_descriptors()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-tls-"))
    try:
        pair = certificate(folder)

        @contextlib.contextmanager
        def serve():
            server = bench_server.Server(args.build, folder, cores="0-1", log_level="warn", settings={
                "tls.certificate": pair[0], "tls.key": pair[1], "tls.plaintext": "allow", "limits.idle_ms": 3600000})
            try:
                yield server.listen, server.workers()[0]
            finally:
                server.stop()

        measure_idle(args, serve, pair[0])
        with serve() as (address, pid):
            measure_calls(args, address, pid, pair[0])
            measure_handshakes(args, port_of(address), pid, pair)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
