"""A file system of a few megabytes for a server's data directory, filled and emptied by a test. Needs root: it is mounted in a mount
namespace of the test's own process, so that it is gone with the process, whatever ends that."""
import ctypes
import os
import shutil
import subprocess

from node import account

CLONE_NEWNS = 0x00020000
MEBIBYTE = 1 << 20


def missing():
    """Why there can be none here; "" if there can. From then on mounts are this process's own."""
    if os.geteuid() != 0:
        return "a small file system of its own needs root"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        return f"no mount namespace can be made here: {os.strerror(ctypes.get_errno())}"
    made = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True, check=False)
    return made.stderr.strip()


class SmallDisk:
    """Takes the place of the data directory of a server that is stopped; what is in there is moved."""

    def __init__(self, node, mebibytes):
        assert not node.is_running()
        self.place = node.data
        aside = node.data.with_name(node.data.name + ".aside")
        os.rename(self.place, aside)
        self.place.mkdir()
        who = account()
        options = f"size={mebibytes}m,mode=0700,uid={who.pw_uid},gid={who.pw_gid}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", self.place], check=True)
        subprocess.run(["cp", "-a", f"{aside}/.", self.place], check=True)
        shutil.rmtree(aside)

    def fill(self):
        """Until nothing more fits."""
        with open(self.place / "ballast", "ab", buffering=0) as file:
            for size in (MEBIBYTE, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def make_room(self):
        (self.place / "ballast").unlink(missing_ok=True)

    def close(self):
        subprocess.run(["umount", "--lazy", self.place], check=False)
