"""How much of a worker's CPU is its store's over PostgreSQL: samples of perf whose innermost function of ours is the driver's or libpq's. What they call,
kernel and libc too, is theirs; what the driver calls back is the caller's."""
import pathlib
import re
import shutil
import subprocess
import tempfile

FRAME = re.compile(r"^\s*[0-9a-f]+\s+(.*?)(?:\+0x[0-9a-f]+)?\s+\((\S+)\)\s*$")
HERTZ = 999
STACK_BYTES = 8192


def symbols(paths):
    if not paths:
        return set()
    done = subprocess.run(["nm", "--defined-only", "--format=posix", *map(str, paths)], capture_output=True, text=True, check=True)
    return {line.split()[0] for line in done.stdout.splitlines() if len(line.split()) > 1 and line.split()[1] in "tT"}


def driver_symbols(build):
    """Functions of store/pg, without those whose names others have too: a sample tells no more than the name."""
    objects = list(pathlib.Path(build).rglob("*.o"))
    own = [path for path in objects if path.parent.name == "pg" and "store" in path.parts]
    return symbols(own) - symbols([path for path in objects if path not in own and path.suffixes[-2:] == [".c", ".o"]])


def share(script, names):
    """Of perf script's text with ip, sym and dso, the part of all samples."""
    stacks = [[found.groups() for line in stack.splitlines() if (found := FRAME.match(line))] for stack in script.split("\n\n")]
    stacks = [stack for stack in stacks if stack]
    return sum(_is_store(stack, names) for stack in stacks) / len(stacks) if stacks else 0


def _is_store(stack, names):
    for symbol, dso in stack:
        if symbol in names or "libpq.so" in dso:
            return True
        if dso.endswith("/sessiond"):
            return False
    return False


def watch(pid, seconds):
    """(perf that samples a process, its file); None: it is not on this machine."""
    if shutil.which("perf") is None:
        return None
    file = tempfile.NamedTemporaryFile(prefix="sessiond-store-")
    command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(HERTZ), "--call-graph", f"dwarf,{STACK_BYTES}", "-p", str(pid), "-o", file.name,
               "--", "sleep", str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), file


def read(perf, file):
    """The text for share(); "": this user may not sample."""
    perf.wait()
    with file:
        done = subprocess.run(["perf", "script", "-i", file.name, "-F", "ip,sym,dso"], capture_output=True, text=True, check=False)
    return done.stdout
