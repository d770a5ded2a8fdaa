"""A port that was given to one test is given to nobody else, in this process or another, in Python or in Node."""
import pathlib
import subprocess
import sys
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
LIB = str(SOURCE / "bench" / "lib")
sys.path.insert(0, LIB)
import ports  # noqa: E402


def of_python(port):
    code = f"import ports; ports.RANGE = range({port}, {port + 1}); print(ports.free_port())"
    return subprocess.run([sys.executable, "-c", code], cwd=LIB, capture_output=True, text=True, check=False)


def of_node(port):
    code = f"import {{ freePort }} from './ports.mjs'; console.log(await freePort({port}, {port + 1}));"
    return subprocess.run(["node", "--input-type=module", "-e", code], cwd=SOURCE / "tests" / "journey", capture_output=True, text=True,
                          check=False)


class Ports(unittest.TestCase):
    def test_two_are_two(self):
        first = ports.free_port()
        usual, ports.RANGE = ports.RANGE, range(first, first + 1)
        self.addCleanup(setattr, ports, "RANGE", usual)
        with self.assertRaisesRegex(AssertionError, "no free port"):
            ports.free_port()

    def test_it_is_another_processs_too(self):
        port = ports.free_port()
        for other in of_python, of_node:
            with self.subTest(other.__name__):
                done = other(port)
                self.assertNotEqual(done.returncode, 0, done.stdout)
                self.assertIn("no free port", done.stderr)


if __name__ == "__main__":
    unittest.main()
