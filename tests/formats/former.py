"""A build of a former commit of this repository, for what two versions must be able to do together."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import harness  # noqa: E402

harness.FORMER = True
SKIPPED = 77


def git(*args, **options):
    return subprocess.run(["git", "-C", str(ROOT), *args], capture_output=True, check=False, **options)


def build(commit, folder):
    source, binary = folder / "source", folder / "build"
    source.mkdir()
    archive = git("archive", commit)
    subprocess.run(["tar", "-x", "-C", str(source)], input=archive.stdout, check=True)
    for step in (["cmake", "-S", str(source), "-B", str(binary), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DSES_TESTS=OFF"],
                 ["cmake", "--build", str(binary), "--target", "sessiond", "sessiondctl", "sessiond-sim"]):
        done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(step)}\n{done.stdout[-3000:]}")
    return binary


def run(case, name, variable):
    """Runs the tests of case with case.former, the programs of the commit that the file name in this folder names, or those in the folder that
    the variable names. Returns the exit code; SKIPPED, with a line, where the history does not have the commit."""
    commit = (HERE / name).read_text().split()[0]
    prepared = os.environ.get(variable)
    if prepared is None and git("cat-file", "-e", commit + "^{commit}").returncode != 0:
        print(f"formats: skipped: the history does not have {commit}, the version before (a shallow clone, an archive?)")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="sessiond-previous-") as folder:
        case.former = pathlib.Path(prepared).resolve() if prepared else build(commit, pathlib.Path(folder))
        result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    return 0 if result.wasSuccessful() else 1
