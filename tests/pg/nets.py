"""A network of the test's own: each server of a pair in a network namespace, a router between them and the test's, which is told what to
drop. What a relay cannot do: packets vanish without a word, one way or both, and neither end hears of it. Needs root. All namespaces are
this process's own and its children's: they are gone with them, whatever ends the test."""
import ctypes
import os
import shutil
import subprocess

CLONE_NEWNET = 0x40000000
TEST, ROUTER_TO_TEST = "10.77.0.1", "10.77.0.2"
MACHINES = 2  # of sessiond, told apart by the address at which each finds a server
_entered = False


def missing():
    """Why there can be none here; "" if there can. From then on this thread, and what it starts, has a network of its own."""
    global _entered
    if _entered:
        return ""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("nsenter") is None:
        return "network namespaces need root, and ip (Debian's iproute2) and nsenter"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        return f"no network namespace can be made here: {os.strerror(ctypes.get_errno())}"
    _entered = True
    for command in ("link set lo up", "rule add from 10.78.0.1 to 10.78.0.2 blackhole", "link add probe type veth peer name eborp", "link del probe"):
        done = subprocess.run(["ip", *command.split()], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"this kernel has no {command}: {done.stderr.strip()}"
    return ""


class _Namespace:
    """Lives as long as a process that sleeps in it."""

    def __init__(self):
        # A line says that it is there: until then it is ours.
        self.holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", "echo; exec sleep infinity"],
                                       stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.holder.stdout.readline()
        self.prefix = ["nsenter", "--target", str(self.holder.pid), "--net", "--"]
        self.ip("link set lo up")

    def run(self, *command):
        subprocess.run([*self.prefix, *command], check=True, capture_output=True)

    def ip(self, command):
        self.run("ip", *command.split())

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


class Network:
    """Servers are numbered as the pair's nodes. A server has an address for each machine."""

    def __init__(self, servers=2):
        self.router = _Namespace()
        self.servers = [_Namespace() for _ in range(servers)]
        self.dropped = []
        self._connect(None, "test", TEST, ROUTER_TO_TEST)
        for number, server in enumerate(self.servers):
            self._connect(server, f"server{number}", self.address(number), f"10.77.{number + 1}.1")
            for machine in range(1, MACHINES):
                server.ip(f"addr add {self.address(number, machine)}/24 dev server{number}")
            server.ip(f"route add default via 10.77.{number + 1}.1")
        self._ip(None, f"route add 10.77.0.0/16 via {ROUTER_TO_TEST}")
        self.router.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")

    def address(self, server, machine=0):
        return f"10.77.{server + 1}.{2 + machine}"

    def prefix(self, server):
        """Of a command that runs where that server does."""
        return self.servers[server].prefix

    def drop(self, source, target):
        """What goes from one address to the other vanishes; both ways: twice."""
        rule = f"from {source} to {target} blackhole"
        self.router.ip(f"rule add {rule}")
        self.dropped.append(rule)

    def drop_between(self, one, other):
        self.drop(one, other)
        self.drop(other, one)

    def mend(self):
        while self.dropped:
            self.router.ip(f"rule del {self.dropped.pop()}")

    def close(self):
        """The wires go with the namespaces at their other ends."""
        for namespace in (*self.servers, self.router):
            namespace.close()
        subprocess.run(["ip", "link", "del", "test"], capture_output=True, check=False)

    def _ip(self, namespace, command):
        if namespace is not None:
            namespace.ip(command)
        else:
            subprocess.run(["ip", *command.split()], check=True, capture_output=True)

    def _connect(self, namespace, name, address, router_address):
        """A wire from there (None: the test's own) to the router, whose end has the same name behind "r"."""
        self._ip(None, f"link add {name} type veth peer name r{name}")
        self._ip(None, f"link set r{name} netns {self.router.holder.pid}")
        if namespace is not None:
            self._ip(None, f"link set {name} netns {namespace.holder.pid}")
        self._ip(namespace, f"addr add {address}/24 dev {name}")
        self._ip(namespace, f"link set {name} up")
        self.router.ip(f"addr add {router_address}/24 dev r{name}")
        self.router.ip(f"link set r{name} up")
