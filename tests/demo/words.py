# SPDX-License-Identifier: MIT
"""What a small script does all day: read, split, count, sort, print."""
import collections
import json
import re
import sys

text = open(sys.argv[1], encoding="utf-8").read()
words = collections.Counter(re.findall(r"[a-z]{4,}", text.lower()))
table = [{"word": w, "times": n, "letters": len(w)} for w, n in words.items()]
table.sort(key=lambda row: (-row["times"], row["word"]))
copy = json.loads(json.dumps(table))
for row in copy[:5]:
    print(f"{row['times']:6} {row['word']}")
print(f"{len(copy)} words, {sum(r['times'] * r['letters'] for r in copy)} letters")
