"""What a measurement ran on, and what it used: everything from /proc and /sys, nothing asked of a tool that may be missing."""
import os
import pathlib
import platform
import re
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def read(path, default=""):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return default


def run(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def describe(build, data_dir):
    """The machine, the versions, the commit."""
    model = re.search(r"model name\s*:\s*(.*)", read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", read("/proc/meminfo"))
    mount = max((line.split() for line in read("/proc/mounts").splitlines()
                 if str(data_dir).startswith(line.split()[1])), key=lambda m: len(m[1]), default=["?", "?", "?"])
    here = pathlib.Path(__file__).resolve().parents[2]
    packages = run("dpkg-query", "-W", "-f", "${Package} ${Version}\n", "libuv1", "libnghttp2-14", "liblmdb0", "libsodium23",
                   "libprotobuf-c1", "libcurl4", "libjansson4", "libc6")
    cache = read(pathlib.Path(build, "CMakeCache.txt"))
    kind = re.search(r"CMAKE_BUILD_TYPE:\w+=(\w*)", cache)
    sanitize = re.search(r"SES_SANITIZE:\w+=(\S+)", cache)
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory.group(1)) / 1048576, 1) if memory else None,
        "kernel": platform.release(),
        "filesystem": f"{mount[2]} on {mount[0]}",
        "virtual": bool(re.search(r"^flags.*\bhypervisor\b", read("/proc/cpuinfo"), re.M)),
        "system": (re.search(r'PRETTY_NAME="(.*)"', read("/etc/os-release")) or [None, platform.system()])[1],
        "packages": packages.splitlines(),
        "commit": run("git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"),
        "build_type": (kind.group(1) if kind else "?") + (f" with sanitizers {sanitize.group(1)}" if sanitize else ""),
    }


def thread_cpu(pid):
    """{tid: seconds} of a process's threads."""
    result = {}
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        fields = read(task / "stat").rpartition(")")[2].split()
        if len(fields) > 12:
            result[int(task.name)] = (int(fields[11]) + int(fields[12])) / TICK
    return result


def run_ns(pid):
    """Nanoseconds that a process's threads have run: thread_cpu counts in ticks of ten milliseconds."""
    return sum(int(read(task / "schedstat", "0").split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def process_ns(pid):
    """Nanoseconds that all threads of a process have run, those that have ended too; None: it is gone."""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)  # the clock of clock_getcpuclockid(3), which Python has for threads only
    except OSError:
        return None


def family_ns(pid):
    """The same of a process and its children, those that have ended too (to a hundredth of a second)."""
    children = [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) * 1_000_000_000 // TICK if len(fields) > 14 else 0
    return ended + sum(process_ns(each) or 0 for each in [pid, *children])


def core_busy():
    """{core: (busy, all) seconds}; steal counts as busy: somebody else has the core."""
    result = {}
    for line in read("/proc/stat").splitlines():
        if re.match(r"cpu\d+ ", line):
            name, *values = line.split()
            values = [int(v) / TICK for v in values[:8]]
            result[int(name[3:])] = (sum(values) - values[3] - values[4], sum(values))
    return result


def disk_of(path):
    """Name of the block device below a path, for /proc/diskstats; None for a RAM file system."""
    device = os.stat(path).st_dev
    name = pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    return name.resolve().name if name.exists() else None


def disk_counters(name):
    """(writes, bytes written, seconds busy, flushes) so far."""
    for line in read("/proc/diskstats").splitlines():
        fields = line.split()
        if len(fields) > 13 and fields[2] == name:
            return int(fields[7]), int(fields[9]) * 512, int(fields[12]) / 1000, int(fields[18]) if len(fields) > 18 else 0
    return 0, 0, 0.0, 0


def stalls(core, seconds=2.0, limit=0.001):
    """How often a core stood still for longer than the limit while one process asked for nothing but the time, and how much of the time it
    was gone: interrupts, and the hypervisor giving it to somebody else. No server can answer meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    count, lost = 0, 0.0
    try:
        start = last = time.perf_counter()
        while last - start < seconds:
            now = time.perf_counter()
            if now - last > limit:
                count, lost = count + 1, lost + now - last
            last = now
    finally:
        os.sched_setaffinity(0, before)
    return {"per_second": count / seconds, "lost_share": lost / seconds}


def sync_ms(folder, count=1500):
    """Quantiles of one fdatasync after a write of 4 KiB into reserved space, nothing else being written: what a commit takes twice."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, 4 << 20)
        for i in range(count):
            os.pwrite(file.fileno(), bytes(4096), i % 1024 * 4096)
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - start) * 1000)
    times.sort()
    return {name: times[min(count - 1, int(count * share))] for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999))}


def memory_kib(pid):
    """(own anonymous, shared memory in proportion) of a process; pages of data files are the kernel's to keep or drop."""
    rows = dict(line.split(":", 1) for line in read(f"/proc/{pid}/smaps_rollup").splitlines()[1:])
    return int(rows["Anonymous"].split()[0]), int(rows["Pss_Shmem"].split()[0])


def memory_available():
    """Bytes that could be had without swapping."""
    return int(re.search(r"MemAvailable:\s*(\d+)", read("/proc/meminfo")).group(1)) * 1024


def voluntary_switches(pid):
    """How often a process's threads have gone to sleep, and were woken."""
    return sum(int(found.group(1)) for task in pathlib.Path(f"/proc/{pid}/task").glob("*")
               if (found := re.search(r"^voluntary_ctxt_switches:\s*(\d+)", read(task / "status"), re.M)))
