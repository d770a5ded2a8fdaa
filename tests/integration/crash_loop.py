"""A slot whose workers die before they serve, for as long as the test likes."""
import contextlib
import os
import pathlib
import signal

from harness import wait_until


class CrashLoop:
    """For a test case with a self.server."""

    def row(self, slot):
        return self.server.readyz()["workers"][slot]

    def worker(self, slot):
        for pid in self.server.children():
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sessiond: worker-%d\0" % slot):
                    return pid
        return None

    def supervisor_hears(self):
        """All that its children have said so far: it reads them in each turn of its loop, and a signal that means nothing is told in one. The
        line of the second one is behind the whole turn of the first."""
        for _ in range(2):
            before = self.server.log().count('"signal_ignored"')
            self.server.process.send_signal(signal.SIGUSR1)
            wait_until(lambda: self.server.log().count('"signal_ignored"') > before, "a turn of the supervisor")

    def crash_loop(self, slot, over):
        """No successor of this slot's worker gets as far as to serve: killed while it starts, so that it executes nothing."""
        killed = 0
        pid = self.worker(slot)
        os.kill(pid, signal.SIGTERM)
        while not over.wait(0.005):
            fresh = self.worker(slot)
            if fresh in (None, pid):
                continue
            with contextlib.suppress(OSError):
                os.kill(fresh, signal.SIGSTOP)
                self.supervisor_hears()  # what it said before
                row = wait_until(lambda: self.row(slot), "the admin port")  # its process is replaced by a reload, too
                starting = row["pid"] == fresh and row["state"] == "starting"
                os.kill(fresh, signal.SIGKILL if starting else signal.SIGCONT)
                killed += starting
                if not starting:  # it was too fast for us, and leaves as it should
                    os.kill(fresh, signal.SIGTERM)
            pid = fresh
        return killed
