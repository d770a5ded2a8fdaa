#!/usr/bin/env python3
"""pack.py FILE..: each as gzip beside it, once and for all: packing a description costs milliseconds, which no stranger's request should.
The same bytes for the same file."""
import gzip
import sys

for name in sys.argv[1:]:
    with open(name, "rb") as file:
        packed = gzip.compress(file.read(), 9, mtime=0)
    with open(name + ".gz", "wb") as file:
        file.write(packed)
