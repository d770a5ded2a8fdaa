"""Two machines on one database, calls alternating between them: SES_TEST_STORE=pg runs the tests of this folder so.

Each server of a test gets a second one with the same keys, files and configuration, on a database that both share and that is
theirs alone. The test speaks to the first one's address; what goes through the harness's clients goes to the two in turn. So a session that
is made by one call is found by the next on the other machine, or the test fails.
"""
import functools
import itertools
import os
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "pg"))

# Of the data directory, what is a machine's own.
OWN = ("lock", "machine", "operator.sock", "shards", "time", "clock")
_numbers = itertools.count(1)
_databases = {}
_addresses = {}


def wanted():
    return os.environ.get("SES_TEST_STORE") == "pg"


@functools.cache
def pair():
    """Primary and standby of this process: stopped with it."""
    from cluster import Cluster
    made = Cluster(tls=False, relays=False).start()
    made.open_databases()
    return made


def why_not():
    """Why there is no database here; "" if there is one."""
    import node
    return node.missing()


def database(data):
    """The name of the database of a data directory, made from the schema's at first."""
    if data not in _databases:
        name = f"machines_{next(_numbers)}"
        pair().primary.sql(f"CREATE DATABASE {name} TEMPLATE sessiond", "postgres")
        _databases[data] = name
    return _databases[data]


def store_lines(conninfo, password, more=""):
    """Lines of the section store. conninfo: of one shard, or a list. password: the path of its file, or None."""
    file = "" if password is None else f"    password_file: {password}\n"
    shards = ", ".join(f'"{one}"' for one in ([conninfo] if isinstance(conninfo, str) else conninfo))
    return f"  driver: pg\n  pg:\n    shards: [{shards}]\n{file}{more}"


def ended(text):
    return text if text[-1:] in ("", "\n") else text + "\n"


def configured(config, data, folder):
    """The configuration with the driver in its section store. Clocks are the tests' to move."""
    from cluster import PASSWORD
    password = pathlib.Path(folder) / "password"
    password.write_text(PASSWORD + "\n")
    password.chmod(0o600)
    lines = store_lines(pair().conninfo(password=None, dbname=database(data)), password, "    skew_max_ms: 60000\n")
    head, found, rest = config.partition("store:\n")
    if not found:
        return f"{ended(config)}store:\n{lines}"
    return f"{head}store:\n{lines}{re.sub('^  durability: (disk|process)$', '', rest, count=1, flags=re.M)}"


def with_simulator(config, address):
    """Both machines call the first one's simulator; what the test says of connectors itself stands."""
    if address is None or "connectors:\n" in config:
        return config
    from client_tokens import KEYS, SLASHES
    urls = "".join(f"  {name}:\n    sandbox_url: http://{address}/{name}{'/' if name in SLASHES else ''}\n" for name in KEYS)
    urls += f"  paytm:\n    sandbox_url: http://{address}/paytm/\n"
    return f"{ended(config)}connectors:\n{urls}"


def end_leases(data):
    """Their time is over for the primary, whose clock says so: what a dead process holds lasts as long as its call might have."""
    pair().primary.sql("UPDATE session SET lease_until = clock_timestamp() WHERE lease_until > clock_timestamp()", _databases[data])


def copy_files(source, target, own=OWN):
    """Keys, callers and whatever else an operator delivers to every machine; each file is there whole or as it was before."""
    target.mkdir(mode=source.stat().st_mode & 0o777, exist_ok=True)
    there = [path for path in source.iterdir() if path.name not in own and path.name[0] != "."]  # with a dot: being written just now
    for path in there:
        if path.is_dir():
            copy_files(path, target / path.name, own=())
        else:
            fresh = target / f".{path.name}.delivered"
            shutil.copy2(path, fresh)
            fresh.rename(target / path.name)
    for path in target.iterdir() if own == () else ():
        if path.name not in [other.name for other in there]:
            path.unlink()


def added(text, other):
    """Two machines' /metrics as one: each sample is the sum of both."""
    values = dict(line.rsplit(" ", 1) for line in other.splitlines() if line and line[0] != "#")

    def sum_of(line):
        if line == "" or line[0] == "#":
            return line
        name, value = line.rsplit(" ", 1)
        total = float(value) + float(values.get(name, 0))
        return f"{name} {int(total) if total.is_integer() else total}"
    return "\n".join(map(sum_of, text.splitlines())) + "\n"


def skew_ms():
    """How far the second machine's clock is ahead: below what a machine may be (store.pg.skew_max_ms)."""
    return int(os.environ.get("SES_TEST_SKEW_MS", "0"))


def know(address, other):
    """Two machines: whoever speaks to the first one's address speaks to both in turn."""
    _addresses[address] = (address, other)


def addresses(address):
    return _addresses.get(address, (address,))
