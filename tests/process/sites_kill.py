# SPDX-License-Identifier: MIT
#
# sites_kill.py - kill a program at random instants and look at its file
#
#	sites_kill.py TIMES THREADS SEED LATEST COMMAND...
#
# COMMAND runs sites_kill; the file and the number of threads are added.
# LATEST is the latest instant after the start, in milliseconds, to begin with: later
# where many come before there is a file, as on a busy machine.  Once there is a whole
# file, no thread may have lost a call that had returned, nor be more than one ahead;
# bytes may be behind by that one call.

import glob
import os
import random
import signal
import struct
import subprocess
import sys
import time
import sites

times, threads, seed = (int(word) for word in sys.argv[1:4])
latest = float(sys.argv[4])
command = sys.argv[5:]
draw = random.Random(seed)
whole = early = behind = ahead = bad = 0

for turn in range(times):
    directory = "kill-files"
    os.makedirs(directory, exist_ok=True)
    with open("kill-lines", "wb") as lines:
        lines.write(bytes(4096))
    child = subprocess.Popen(command + ["kill-lines", str(threads)])
    time.sleep(draw.random() * latest / 1000)
    child.send_signal(signal.SIGKILL)
    child.wait()
    with open("kill-lines", "rb") as lines:
        told = struct.unpack("=512Q", lines.read())
    files = glob.glob(directory + "/*.sites")
    if not files:
        early += 1
        latest *= 1.03
        continue
    if len(files) > 1:
        print("turn %d: %d files" % (turn, len(files)))
        bad += 1
    try:
        file = sites.File(files[0])
    except sites.Unfinished:
        file = None
    os.unlink(files[0])
    if not file:
        early += 1
        latest *= 1.03
        continue
    whole += 1
    latest *= 0.99
    births = size = frees = 0
    for address, retired, op, calls, more, _ in file.sites():
        if not file.place(address, retired)[1].endswith("/kill"):
            continue
        if op == "free":
            frees += calls
        else:
            births += calls
            size += more
    for name, want, got, one in (
            ("births", sum(told[0::8]), births, 1),
            ("frees", sum(told[2::8]), frees, 1),
            ("bytes", sum(told[1::8]), size, 3000)):
        behind = max(behind, want - got if one == 1 else 0)
        ahead = max(ahead, got - want if one == 1 else 0)
        if want - got > threads * one or got - want > threads * one:
            print("turn %d: %s: made %d, in the file %d"
                  % (turn, name, want, got))
            bad += 1
print("%d whole files, %d without; at most %d behind, %d ahead"
      % (whole, early, behind, ahead))
sys.exit(bad > 0 or whole < times // 4)
