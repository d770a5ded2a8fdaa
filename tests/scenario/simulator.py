"""The connector simulator that a server runs with --sandbox: where it listens and what it has counted."""
import json
import pathlib
import urllib.parse
import urllib.request


def simulator_pid(server):
    for pid in server.children():
        if b"sessiond-sim" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise AssertionError("no simulator among the server's children")


def simulator_address(server):
    """The socket is the supervisor's and its port a free one: found by the inode of the simulator's listening descriptor."""
    pid = simulator_pid(server)
    inodes = {link.readlink().name[len("socket:["):-1] for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()
              if str(link.readlink()).startswith("socket:[")}
    for line in pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        if columns[3] == "0A" and columns[9] in inodes:
            return f"127.0.0.1:{int(columns[1].split(':')[1], 16)}"
    raise AssertionError("the simulator does not listen")


def effects(address, order):
    """How often a connector has acted for that order."""
    with urllib.request.urlopen(f"http://{address}/effects?order={urllib.parse.quote(order)}", timeout=120) as answer:
        return json.load(answer)["count"]
