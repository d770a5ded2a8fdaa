"""What a process asked of the kernel between two looks, and when it has stopped asking."""
import collections
import contextlib
import os
import pathlib
import re
import signal
import time

PATIENCE = 600  # ends what hangs, and decides nothing
CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+|\?)(.*)")
POLLS = ("epoll_wait", "epoll_pwait", "poll", "ppoll")


def kind_of(thread, name):
    """What the budget calls it. A thread that yields has found a lock taken."""
    return "switches" if name == "switches" else "futex" if name in ("futex", "sched_yield") else thread


def states(pid):
    """[state, its switches] of each thread."""
    found = []
    for task in sorted(pathlib.Path(f"/proc/{pid}/task").iterdir()):
        text = (task / "status").read_text()
        found.append((re.search(r"^State:\s+(\w)", text, re.M).group(1),
                      *(int(n) for n in re.findall(r"^(?:non)?voluntary_ctxt_switches:\s+(\d+)", text, re.M))))
    return found


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.001)


def settle(pids):
    """Until all their threads sleep, and have not done anything between three looks."""
    seen = collections.deque(maxlen=3)

    def still():
        seen.append([states(pid) for pid in pids])
        return len(seen) == 3 and seen[0] == seen[1] == seen[2] and all(row[0] == "S" for threads in seen[0] for row in threads)
    wait_for(still, "an idle server")


@contextlib.contextmanager
def stopped(pid):
    """The process stands still meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: all(row[0] in "Tt" for row in states(pid)), "a process that stands still")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class Calls:
    """System calls of a worker since the last look, from the files that strace writes for each thread."""

    def __init__(self, folder, pid):
        self.pid = pid
        self.files, self.begun = {}, collections.defaultdict(str)
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            self.files[int(task.name)] = open(folder / f"trace.{task.name}", encoding="utf-8", errors="replace")

    def look(self):
        """Counter of (thread, name); what began because time had come is left out."""
        found = collections.Counter()
        for tid, file in self.files.items():
            thread, by_time = "loop" if tid == self.pid else "others", False
            # The beginning of a call that waits stands there without an end.
            *lines, self.begun[tid] = (self.begun[tid] + file.read()).split("\n")
            for line in lines:
                call = CALL.match(line)
                if call is None or "EINTR" in call[4] or "ERESTART" in call[4]:
                    continue
                if call[1] in POLLS:  # a poll that was not to wait belongs to what is done
                    by_time = call[3] == "0" and not re.search(r", 0(, NULL, 8)?$", call[2])
                elif call[1] == "futex" and "WAIT" in call[2]:
                    by_time = "ETIMEDOUT" in call[4]
                if not by_time:
                    found[thread, call[1]] += 1
        return found

    def close(self):
        for file in self.files.values():
            file.close()


class Switches:
    """How often the threads of a worker went to sleep since the last look."""

    def __init__(self, pid):
        self.pid, self.before = pid, 0

    def look(self):
        now = sum(row[1] for row in states(self.pid))
        since, self.before = now - self.before, now
        return collections.Counter({("all", "switches"): since})

    def close(self):
        pass
