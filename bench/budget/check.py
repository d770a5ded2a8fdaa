#!/usr/bin/python3
"""Counts the instructions of the hot paths under callgrind and compares them with budget.json.

    bench/budget/check.py --build DIR            DIR gets a Release build of sessiond-budget (sanitizers would be counted)
    bench/budget/check.py --build DIR --update   writes what is counted into budget.json

A path that needs more than its budget and the tolerance fails. One that needs that much less fails too: the budget is to be lowered
in the same commit, or the gain can be lost again unnoticed. Instruction counts do not depend on how busy a machine is, but on compiler,
libraries and on what the CPU offers libsodium and libc: budget.json says what it was made with, and elsewhere nothing is compared.
Exit code 77: not compared (no valgrind, another compiler or CPU).
"""
import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BUDGET = HERE / "budget.json"
TOLERANCE = 0.10
SKIPPED = 77


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def made_with(compiler):
    version = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    flags = re.search(r"^flags\s*:(.*)", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return {"gcc": version, "libc": platform.libc_ver()[1], "machine": platform.machine(), "avx2": bool(flags and " avx2" in flags.group(1))}


def build(folder, *targets):
    """The directory itself."""
    steps = (["cmake", "-S", str(HERE.parents[1]), "-B", str(folder), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_COMPILER=gcc",
              "-DSES_TESTS=OFF", "-DSES_SANITIZE="], ["cmake", "--build", str(folder), "--target", *targets])
    for step in steps:
        done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(step)}\n{done.stdout[-3000:]}")
    return folder


def count(program, path):
    """Instructions of one run of a path, all threads."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "callgrind")
        pathlib.Path(folder, "data").mkdir()
        done = subprocess.run(["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}", str(program), path,
                               str(pathlib.Path(folder, "data"))], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{path}: {done.stderr[-2000:]}")
        return int(re.search(r"^totals: (\d+)", out.read_text(), re.M).group(1))


def measure(program):
    rows = subprocess.run([str(program), "--list"], capture_output=True, text=True, check=True).stdout.split("\n")
    return {path: round(count(program, path) / int(operations)) for path, operations in (row.split() for row in rows if row)}


def compare(counted, budget):
    wrong = []
    for path in sorted(counted.keys() | budget.keys()):
        if path not in budget or path not in counted:
            wrong.append(f"{path}: {'not in the budget' if path in counted else 'in the budget, not measured'}; use --update")
            continue
        change = counted[path] / budget[path] - 1
        verdict = "over budget" if change > TOLERANCE else "under budget: lower it by --update" if change < -TOLERANCE else ""
        print(f"{path:12} {counted[path]:9,} instructions, budget {budget[path]:9,} {change * 100:+6.1f} % {verdict}")
        if verdict:
            wrong.append(f"{path}: {change * 100:+.1f} %, {verdict}")
    return wrong


def budget_of(path, here):
    """A budget file's content; skipped where it was made with something else."""
    budget = json.loads(path.read_text())
    if budget["made_with"] != here:
        skip(f"the budget was made with {budget['made_with']}, this is {here}")
    return budget


def update_budget(path, **content):
    path.write_text(json.dumps(content, indent=2) + "\n")
    print(path.read_text(), end="")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="directory for the Release build")
    parser.add_argument("--update", action="store_true")
    args = parser.parse_args()
    if not shutil.which("valgrind") or not pathlib.Path("/usr/include/valgrind/callgrind.h").exists():
        skip("valgrind is not installed")
    if not shutil.which("gcc"):
        skip("the budget is made with gcc")
    os.environ.pop("LD_PRELOAD", None)
    here = made_with("gcc")
    budget = None if args.update else budget_of(BUDGET, here)
    counted = measure(build(args.build.resolve(), "sessiond-budget") / "sessiond-budget")
    if args.update:
        update_budget(BUDGET, made_with=here, instructions_per_operation=counted)
        return
    wrong = compare(counted, budget["instructions_per_operation"])
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
