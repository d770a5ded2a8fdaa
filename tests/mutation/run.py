#!/usr/bin/env python3
"""Are the tests worth their name? Plants one fault at a time into a copy of the tree, builds what must notice, and demands that one of its
tests fails. A fault that no test notices, or that no longer fits the source, fails the run.

usage: run.py [--only WORD] [--jobs N] [--tree DIR]     prints a line a fault; exit 0: all were noticed
The copy, with its own build, lies in the temporary folder and is removed at the end; in DIR it stays, and is built on by the next run.
About forty minutes on two cores. What only a PostgreSQL server shows is left out where Debian's postgresql-15 is missing.
"""
import argparse
import filecmp
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import faults
import faults_client
import faults_gateway
import faults_payments
import faults_pg
import faults_upstream

# Of each: name, file, what stands there once, what is planted, the tests that must notice (one failure is enough, the first is tried first):
#   unit_store_gc                 a program of the build
#   pg/link/use                   a test of ctest, made of a program
#   pg/link/rules:test_seal       a case of it alone, where it takes SES_TEST_CASE
#   test_slots.FenceTest.test_x   of tests/pg or tests/integration, with the whole server
FAULTS = faults.FAULTS + faults_client.FAULTS + faults_gateway.FAULTS + faults_payments.FAULTS + faults_upstream.FAULTS + faults_pg.FAULTS
ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT_S = 240  # for what a fault makes hang
END_S = 60     # .. to end its servers, when it is told to
SKIPPED = 77


def sh(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)


def copy_tree(to):
    """What is the same keeps its time, so that a build goes on where it was."""
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, names):
        source, target = ROOT / os.fsdecode(name), to / os.fsdecode(name)
        if source.is_file() and not (target.is_file() and filecmp.cmp(source, target, shallow=False)):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    modules = to / "tests" / "node_modules"  # fetched, and nobody's source
    if not modules.exists():
        modules.symlink_to(ROOT / "tests" / "node_modules")


def targets_of(test):
    if "." in test:
        return ["sessiond", "sessiondctl", "sessiond-sim"]
    parts = test.partition(":")[0].split("/")
    program = "_".join(parts[:2] if parts[0] == "contract" else parts)
    return [program, "sessiondctl"] if len(parts) > 1 else [program]  # that makes the tables


def build(tree, tests, jobs):
    targets = sorted({target for test in tests for target in targets_of(test)})
    return sh("cmake", "--build", tree / "build", "-j", str(jobs), "--target", *targets)


def command_of(tree, test):
    if "." in test:
        return ["/usr/bin/python3", "-B", tree / "tests/integration/run.py", test], tree / "tests/pg"
    if "/" in test:
        return ["ctest", "--test-dir", tree / "build", "-R", f"^{re.escape(test.partition(':')[0])}$", "--no-tests=error"], tree / "build"
    return [tree / "build" / test], tree / "build"


def run(tree, test):
    """Its exit code; of what hangs that of a failure. Ended by word first: servers are ended by who started them."""
    command, folder = command_of(tree, test)
    environment = dict(os.environ, SES_SOURCE_DIR=str(tree), SES_BUILD=str(tree / "build"), ASAN_OPTIONS="detect_leaks=1:exitcode=99",
                       UBSAN_OPTIONS="halt_on_error=1")
    if ":" in test:
        environment["SES_TEST_CASE"] = test.partition(":")[2]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          start_new_session=True) as process:
        for number, limit in ((signal.SIGTERM, LIMIT_S), (signal.SIGKILL, END_S), (None, None)):
            try:
                output, _ = process.communicate(timeout=limit)
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, number)
        if "***Skipped" in output:
            return SKIPPED
        return process.returncode


def configure(tree, tests, jobs):
    """The tests that are left out here."""
    done = sh("cmake", "-S", tree, "-B", tree / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DSES_SANITIZE=address,undefined", "-DSES_WERROR=OFF")
    if done.returncode == 0:
        done = build(tree, tests, jobs)
    if done.returncode != 0:
        sys.exit(done.stdout[-4000:] + "\nmutation: the unchanged copy does not build")
    skipped = set()
    for test in tests:
        code = run(tree, test)
        if code not in (0, SKIPPED):
            sys.exit(f"mutation: {test} fails without any fault")
        if code == SKIPPED:
            skipped.add(test)
    return skipped


def try_fault(tree, fault, tests, jobs):
    """None when a test noticed; else what is wrong. Prints who did."""
    name, file, stands, planted, _ = fault
    path = tree / file
    text = path.read_text()
    if text.count(stands) != 1:
        return f"{file} has {text.count(stands)} places like this; the fault must be written anew"
    path.write_text(text.replace(stands, planted))
    try:
        done = build(tree, tests, jobs)
        if done.returncode != 0:
            return "does not build:\n" + done.stdout[-1500:]
        test = next((test for test in tests if run(tree, test) not in (0, SKIPPED)), None)
        if test is None:
            return "no test noticed: " + ", ".join(tests)
        print(f"noticed   {name}: {test}", flush=True)
        return None
    finally:
        path.write_text(text)


def try_all(tree, chosen, jobs):
    copy_tree(tree)
    skipped = configure(tree, sorted({test for fault in chosen for test in fault[4]}), jobs)
    failed = left_out = 0
    for fault in chosen:
        tests = [test for test in fault[4] if test not in skipped]
        wrong = try_fault(tree, fault, tests, jobs) if tests else None
        if not tests:
            left_out += 1
            print(f"left out  {fault[0]}: no PostgreSQL server here", flush=True)
        if wrong is not None:
            failed += 1
            print(f"UNNOTICED {fault[0]}: {wrong}", flush=True)
    print(f"mutation: {len(chosen) - failed - left_out} passed, {failed} failed, {left_out} left out")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only faults with this word in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--tree", type=pathlib.Path, help="where the copy stays")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if options.only in fault[0]]
    if not chosen:
        sys.exit("mutation: no fault has that word in its name")
    if options.tree is not None:
        return try_all(options.tree.resolve(), chosen, options.jobs)
    with tempfile.TemporaryDirectory(prefix="sessiond-mutation-") as folder:
        return try_all(pathlib.Path(folder), chosen, options.jobs)


if __name__ == "__main__":
    sys.exit(main())
