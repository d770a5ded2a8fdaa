"""Servers that ask who calls: callers made by sessiondctl before the first start, as an operator would."""
import subprocess

from harness import BUILD, Server

CONFIG = "callers: callers.yaml\n"


def ctl(server, *args):
    return subprocess.run([BUILD / "sessiondctl", "--data", server.data, "callers", *args], capture_output=True, text=True, timeout=120,
                          check=False)


def change(server, *args):
    """What a command that must succeed prints."""
    done = ctl(server, *args)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def add(server, name, merchants=None, rights="create,continue", modes="test", **more):
    """The new caller's key."""
    options = [word for key, value in more.items() for word in ("--" + key.replace("_", "-"), value)]
    return change(server, "add", name, "--merchants", merchants or name, "--rights", rights, "--modes", modes, *options)


def key_id(key):
    return key.split("_")[1]


def bearer(key, merchant=None, tenant=None):
    """Metadata of a call by this key."""
    rows = [("authorization", "Bearer " + key)]
    return rows + [(name, value) for name, value in (("x-merchant-id", merchant), ("x-tenant-id", tenant)) if value is not None]


def as_headers(metadata):
    return [f"{name}: {value}" for name, value in metadata]


def asking_server(callers, config="", **options):
    """A server with these callers, {name: options of add}, not started yet, and {name: key}."""
    server = Server(config=CONFIG + config, **options)
    return server, {name: add(server, name, **caller) for name, caller in callers.items()}
