"""sessiondctl store shards move under real machines: payments go on while their sessions move from database to database, nothing that was
acknowledged is lost, and no read is older than what its caller was told before."""
import os
import random
import subprocess
import threading
import time
import unittest

import grpc

from harness import PATIENCE, unique, wait_until
from slots import BUILD, SLOTS, Shard, let_in, settled
from pg_case import needs_servers
from pg_shards import ShardsCase
from test_failover import FailoverCase

ROUNDS = int(os.environ.get("SES_MOVE_ROUNDS", "1"))
THREADS, SESSIONS = 3, 4
KILLS, TRIES = 2, 5


class Readers:
    """Threads, each with sessions of its own that it changes at one machine and then reads at each."""

    def __init__(self, case, servers):
        self.case, self.servers = case, servers
        self.wrong, self.done = [], 0
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(THREADS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.more(THREADS)
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a reader hangs"

    def more(self, count=20):
        wanted = self.done + count
        wait_until(lambda: self.done >= wanted or self.wrong, "sessions to be changed and read")

    def _run(self):
        client = self.case.sessions(*self.servers)
        made = [self._answered(lambda session=unique(): (session, client.create(session))) for _ in range(SESSIONS)]
        versions, turn = [0] * len(made), 0
        while not self.ended.is_set():
            turn = (turn + 1) % len(made)
            session, token = made[turn]
            self._answered(lambda s=session, t=token: client.advance(t, s, state={"connector_customer_id": unique()}))
            for _ in self.servers:
                got = self._answered(lambda s=session, t=token: client.get(t, s).version)
                if got is not None and got < versions[turn]:
                    self.wrong.append(f"{session}: version {versions[turn]} was read, and then {got}")
                versions[turn] = got or versions[turn]
            self.done += 1

    def _answered(self, call):
        """A call that is UNAVAILABLE is made again, as clients do; None when the test is over."""
        while not self.ended.is_set():
            try:
                return call()
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED):
                    self.wrong.append(f"{error.code()}: {error.details()}")
                    self.ended.set()
                time.sleep(0.01)
        return None


class MoveCase(ShardsCase, FailoverCase):
    def serve(self, beside):
        """Two machines that know both shards."""
        self.servers = self.two(workers=1, beside=[beside])
        self.shards = [Shard(self.pair, 0), Shard(self.second, 1, self.name)]

    def mover(self, source, target, pause_ms):
        config = os.path.join(self.servers[0].temporary, "config.yaml")
        return subprocess.Popen([str(BUILD / "sessiondctl"), "store", "shards", "move", "--from", str(source), "--to", str(target), "--slots",
                                 f"0-{SLOTS - 1}", "--pause-ms", str(pause_ms), "-c", config], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def end(self, mover):
        output, _ = mover.communicate(timeout=PATIENCE)
        return mover.returncode, output

    def move(self, source, target, pause_ms=0):
        """To its end: again, where it lost its patience."""
        for _ in range(TRIES):
            code, output = self.end(self.mover(source, target, pause_ms))
            if code == 0:
                break
        self.assertEqual(code, 0, output)
        self.assertEqual(self.shards[target].states(), [1] * SLOTS)

    def amidst_a_move(self, blow):
        """Payments and readers go on; then everything is there."""
        with Readers(self, self.servers) as readers:
            self.amidst_payments(self.servers, lambda: blow(readers))
        self.assertEqual(readers.wrong, [])
        self.assertEqual(settled(self.shards), "")


@needs_servers
class MoverTest(MoveCase):
    """Two databases of one pair."""

    def setUp(self):
        super().setUp()
        let_in(self.pair)
        self.serve(self.add_database())

    def test_payments_go_on_while_their_sessions_move(self):
        def blow(readers):
            for number in range(ROUNDS):
                self.move(number % 2, 1 - number % 2)
                readers.more()
        self.amidst_a_move(blow)

    def test_a_mover_is_killed_again_and_again(self):
        chance = random.Random(3)

        def blow(readers):
            for number in range(ROUNDS):
                for _ in range(KILLS):
                    mover = self.mover(number % 2, 1 - number % 2, 0)
                    mover.stdout.readline()  # it begins
                    time.sleep(chance.uniform(0, 0.4))
                    mover.kill()
                    mover.communicate()
                self.move(number % 2, 1 - number % 2)
                readers.more()
        self.amidst_a_move(blow)


@needs_servers
class FailoverTest(MoveCase):
    """A pair each."""

    def setUp(self):
        super().setUp()
        self.serve(self.add_pair())

    def fail_over_amidst(self, pair):
        def blow(readers):
            mover = self.mover(0, 1, 200)
            for line in mover.stdout:
                if "out of use" in line:
                    break
            pair.primary.kill()
            pair.promote(alone=False)
            pair.rejoin()
            self.end(mover)
            self.move(0, 1)
            readers.more()
        self.amidst_a_move(blow)

    def test_the_primary_of_the_source_is_killed(self):
        self.fail_over_amidst(self.pair)

    def test_the_primary_of_the_target_is_killed(self):
        self.fail_over_amidst(self.second)


if __name__ == "__main__":
    unittest.main()
