"""Runs a program beside a PostgreSQL primary and its synchronous standby, and ends everything when the program ends.

    with_cluster.py [--no-relays] [--no-tls] [--two-shards] -- PROGRAM ARGS..

The program's environment: SES_PG (sessiond's connection string, both nodes), SES_PG_SECOND (of a second shard, a database beside it), SES_PG_CONTROL
(a socket for orders, control.py).
Exit code: the program's; 77 and one line if PostgreSQL 15's server is not on this machine.
"""
import os
import signal
import subprocess
import sys

import control
import node
from cluster import Cluster

SKIPPED = 77


def main(args):
    if "--" not in args or args[-1] == "--":
        sys.exit(__doc__)
    options, command = args[:args.index("--")], args[args.index("--") + 1:]
    if set(options) - {"--no-relays", "--no-tls", "--two-shards"}:
        sys.exit(__doc__)
    why = node.missing()
    if why:
        print(f"skipped: {why}")
        return SKIPPED
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda seen, _: sys.exit(128 + seen))
    with Cluster(tls="--no-tls" not in options, relays="--no-relays" not in options) as cluster:
        orders = cluster.folder / "control"
        control.serve(cluster, orders)
        env = dict(os.environ, SES_PG=cluster.conninfo(), SES_PG_CONTROL=str(orders))
        if "--two-shards" in options:
            cluster.add_shard("second", 1)
            env["SES_PG_SECOND"] = cluster.conninfo(dbname="second")
        # It ends with this process, which a test runner may kill.
        program = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], env=env)
        try:
            status = program.wait()
        finally:
            if program.poll() is None:
                program.kill()
                program.wait()
        if status != 0:
            for server in cluster.nodes:
                print(f"-- the end of {server.name}'s log\n{server.log()[-4000:]}", file=sys.stderr)
        return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
