# SPDX-License-Identifier: MIT
"""Builds and drops dicts of strings: nothing but small chunks."""
import sys

for turn in range(int(sys.argv[1])):
    table = {}
    for i in range(1000):
        table["key %d" % i] = ["value %d" % (i * turn), str(i) * 3]
    kept = [key for key, value in table.items() if value[0].endswith("7")]
print(len(kept))
