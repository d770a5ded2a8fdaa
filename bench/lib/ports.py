"""Ports for servers that are started by tests and measurements."""
import random
import socket

# Below the kernel's range for outgoing connections (32768..): no client's connection, not even one that a client of ours opens
# to itself while the server is away, takes a port between the look and the server's start, or between two starts.
RANGE = range(12000, 32000)
# Nobody here speaks UDP: who has a port's UDP half has the port, until its process ends. What only looks whether a port is free
# now gives the same one twice, to one test or to two that run beside each other.
_held = []


def free_port():
    for _ in range(1000):
        port = random.choice(RANGE)
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _held.append(claim)
        return port
    raise AssertionError(f"no free port in {RANGE}")
