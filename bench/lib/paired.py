"""What measurements of two sides in turn share: the control, progress, medians with their range, the table."""
import os
import statistics
import sys

import bench_server


class Control:
    """One signature, again and again: what the machine was like while the rows were measured."""

    def __init__(self, build, core):
        self.build, self.core, self.signatures, self.loads = build, str(core), [], []

    def look(self):
        self.loads.append(os.getloadavg()[0])
        self.signatures.append(bench_server.signature_us(self.build, self.core))

    def line(self):
        return f"control: one Ed25519 signature {spread(self.signatures)} us, load average {spread(self.loads)}"


def progress(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text:76.76}")
        sys.stderr.flush()


def spread(values, digits=None):
    if not values:
        return "-"
    if digits is None:
        digits = 2 if statistics.median(values) < 10 else 1 if statistics.median(values) < 1000 else 0
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} .. {max(values):.{digits}f})"


def verdict(values, asked):
    """Of figures of which at most so much is asked; "": nothing is asked, or nothing was measured."""
    return "" if asked is None or not values else "reached" if statistics.median(values) <= asked else "not reached"


def here_line(here, rounds):
    return (f"{here['cores']} cores, {here['cpu']}, Linux {here['kernel']}, {here['filesystem']}; {rounds} rounds, "
            "medians (least .. greatest)")


def print_columns(table):
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())
