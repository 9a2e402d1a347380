#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_sites_exact - what the sites layer counts is what the log layer above it
# writes down, for each place and operation: calls, bytes, sizes

. "$SRCDIR/tests/process/common.sh"

# The log as "address op calls bytes buckets", as sites.py keys prints files.
# The second to last digit of a double is sure up to 2^53: failures, which ask
# for more, are compared without their bytes.
cat >log.awk <<'EOS'
function word(name,	i) {
	for (i = 5; i <= NF; i++)
		if (index($i, name "=") == 1)
			return substr($i, length(name) + 2)
	return ""
}
BEGIN { n = split("15 31 63 127 255 511 1023 4095 16383 131071 1048575", bound, " ") }
$4 == "realloc-old" { next }
{
	op = $4; size = word("size") + 0; at = word("caller")
	if (op == "realloc-new")
		op = size == 0 && word("ptr") == "0x0" ? "free" : "realloc"
	if (op != "free" && word("ptr") == "0x0")
		op = "failed"
	if (op == "free")
		size = 0
	for (b = 1; b <= n && size > bound[b]; b++)
		;
	key = at " " op
	calls[key]++; bytes[key] += size; bucket[key, b]++
}
END {
	for (key in calls) {
		line = key " " calls[key] " " (key ~ /failed/ ? "-" : bytes[key])
		for (b = 1; b <= 12; b++)
			line = line " " bucket[key, b] + 0
		print line
	}
}
EOS

compile exact "$here/sites_exact.c" -pthread
preload both log,sites
preload over log,sites,index
preload apart log,sites --compose=separate

turns=3000
[ -z "$RUNNER" ] || turns=300

# try NAME UNIT AFTER THREADS SEED
try()
{
	rm -rf files
	mkdir files
	with "LD_PRELOAD=$work/$2.so MALLOCHOOKS=?log.fd=4,?sites.dir=files,?sites.after=$3" \
		./exact "$4" $turns "$5" 4>log >out 2>err
	is "$1" 0 $?
	[ ! -s err ] || fail "$1: $(cat err)"
	is "$1: files" 1 "$(ls files | wc -l)"
	# Of the program's own code: what came before the constructor is not in
	# the log.
	read -r start end <out
	awk -v OFMT=%.0f -v CONVFMT=%.0f -f log.awk log >all
	python3 "$here/sites.py" keys files/* >read
	python3 - "$start" "$end" <<-'EOS'
	import sys
	start, end = (int(word, 0) for word in sys.argv[1:])
	for name, to in ("all", "want"), ("read", "got"):
	    with open(name) as file, open(to, "w") as out:
	        lines = []
	        for line in file:
	            words = line.split()
	            if words[1] == "failed":
	                words[3] = "-"
	            if start <= int(words[0], 0) <= end:
	                lines.append(" ".join(words))
	        out.write("\n".join(sorted(lines)) + "\n")
	EOS
	same "$1" want got
	[ "$(wc -l <got)" -gt 100 ] || fail "$1: only $(wc -l <got) sites"
	for op in malloc calloc realloc memalign free failed; do
		grep -q " $op " got || fail "$1: no $op"
	done
}

try "8 threads, at once" both 0 8 1
try "8 threads, after 1000" both 1000 8 2
try "8 threads, after 4096" both 4096 8 3
try "1 thread, at once" both 0 1 4
try "over the index, 8 threads" over 0 8 6
try "over the index, 1 thread" over 1000 1 7
try "separate objects" apart 1000 8 5
finish
