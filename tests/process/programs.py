# SPDX-License-Identifier: MIT
#
# programs.py - a little of everything that allocates: containers, text,
# compression, threads, children, extension modules, a bad end

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import zlib

words = re.findall(r"[a-z_]+", open(sys.argv[1]).read())
table = {}
for word in words:
    table.setdefault(len(word), []).append(word)
text = json.dumps({k: sorted(set(v)) for k, v in table.items()}, sort_keys=True)
print(len(words), hashlib.sha256(text.encode()).hexdigest())
print(len(zlib.decompress(zlib.compress(text.encode() * 20))))


def work(n):
    return sum(len(str(i) * 3) for i in range(n * 100))


with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(list(pool.map(work, range(20))))
# close_fds would take the log's descriptor away, and the child would say so.
print(subprocess.run([sys.executable, "-S", "-c", "print('child')"],
                     stdout=subprocess.PIPE, check=True, close_fds=False).stdout)
pid = os.fork()
if pid == 0:
    list(range(100000))
    os._exit(3)
print(os.waitpid(pid, 0)[1] >> 8)
try:
    bytearray(1 << 62)
except MemoryError as e:
    print("MemoryError", e)
sys.exit("a bad end")
