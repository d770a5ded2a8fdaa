"""Runs one module of unittests and fails when it ran nothing: python 3.11's own runner calls an empty module a success.

    run.py MODULE      exit code 0: all passed; 1: some did not, or there were none; 77: every one of them was skipped
"""
import os
import signal
import sys
import unittest

import machines
import one_machine

SKIPPED = 77


def tests_of(suite):
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from tests_of(part)
        else:
            yield part


def main(module):
    sys.path.insert(0, os.getcwd())
    # A shell starts what runs in the background with these ignored, and everything started from here would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    suite = unittest.defaultTestLoader.loadTestsFromName(module)
    if machines.wanted():
        one_machine.leave_out(module, list(tests_of(suite)))
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    if not result.wasSuccessful():
        return 1
    if result.testsRun == 0:
        print(f"{module}: no test ran", file=sys.stderr)
        return 1
    return SKIPPED if len(result.skipped) == result.testsRun else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} MODULE")
    sys.exit(main(sys.argv[1]))
