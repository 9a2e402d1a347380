#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_tables - reports of a program with a pool in malloc's chunks and another in
# the pool's: a table for each, and no sum that counts the same bytes twice
#
# needs: native
# timeout: 600

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/description/common.sh"

object tables.o -c "$src/tables.c"
# Without -g, so that its functions have the names that the link gives them.
object tables_cells.o -g0 -c "$src/tables_cells.c"
object tables_main.o -c "$src/tables_main.c"
layers='layers = [ "count", "sites", "index" ];'
cat >d.conf <<C
allocators = (
  { ident = "libc"; method = "wrap"; $layers },
  { ident = "pool"; inside = "libc"; method = "replace"; $layers
    alloc = "pool_alloc(pZ)p"; },
  { ident = "cell"; inside = "pool"; method = "replace"; layers = [ "count", "sites" ];
    alloc = "cell_alloc(pZ)p"; free = "cell_free(pP)"; }
);
C
make_hooks hooks d.conf
link_prog tables tables_main.o tables_cells.o tables.o

check()
{
	python3 "$SRCDIR/tests/tools/report_check.py" "$@"
}

# recorded WORDS...: files of ./prog WORDS, in rec
recorded()
{
	rm -rf rec
	mkdir rec
	MALLOCHOOKS=sites.dir=rec,sites.after=0 timeout 60 ./prog "$@" || fail "prog $*: status $?"
}

report() { timeout 60 "$tool" report "$@"; }

# line MARK: of the source
line() { grep -n "line of $1 " "$src/tables_main.c" | cut -d : -f 1; }

heads() { grep -E '^(allocator|process|[0-9]+ process)|, allocator| allocations?, ' out; }

# numbers <JSON: of each table ident, inside, allocations, bytes, frees, rows
numbers()
{
	python3 -c '
import json, sys
for t in json.load(sys.stdin)["tables"]:
    n = t["total"]
    print(t["ident"], t["inside"], n["allocations"], n["bytes"], n["free"], n["failed"])'
}

libc="2 allocations, 64.1 KiB requested (65,644 bytes), 2 frees, 0 failed"
pool="11 allocations, 8.9 KiB requested (9,096 bytes), 0 frees, 1 failed (--sort=failed shows where)"
cell="20 allocations, 800 B requested (800 bytes), 19 frees, 0 failed"

# ---- one process ---------------------------------------------------------------------

recorded
report rec >out 2>err
is "says" "" "$(cat err)"
is "heads" "1 process, 3 allocators
allocator libc
$libc
allocator cell, inside pool
$cell
allocator pool, inside libc
$pool" "$(heads)"
is "processes" "cell libc pool" "$(sed -n 's/^.* ended  *\([a-z]*\)  *\.\/prog$/\1/p' out | sort | tr '\n' ' ' | sed 's/ $//')"
is "a site of each" "$(line made) $(line other) $(line object) $(line cell) $(line cell) " \
	"$(sed -n 's/.*  work  .*tables_main.c:\([0-9]*\)  \[prog]$/\1/p' out | sort -n | tr '\n' ' ')"
is "the true name" "96 B cell_alloc" "$(sed -n 's/^ *\([0-9]* B\) .* malloc *\([a-z_]*\)  \[prog]$/\1 \2/p' out)"
report --each rec >out
is "each: heads" "1 process
process N, ended, allocator libc
$libc
process N, ended, allocator pool, inside libc
$pool
process N, ended, allocator cell, inside pool
$cell" "$(heads | sed 's/process [0-9]*,/process N,/')"
report --processes rec >out
is "processes: heads" "1 process, 3 allocators" "$(heads)"

report --json rec >out
is "json" "libc None 2 65644 2 0
cell pool 20 800 19 0
pool libc 11 9096 0 1" "$(numbers <out)"
is "json: sums" "3 33 75540 21 1" "$(check sums <out)"
report --json --each rec >out
is "json: each: sums" "3 33 75540 21 1" "$(check sums <out)"
is "json: each" "cell libc pool" "$(numbers <out | cut -d ' ' -f 1 | sort | tr '\n' ' ' | sed 's/ $//')"
is "json: process" "libc" "$(check field processes.1.inside <out)"

report --collapsed rec >out
is "collapsed" "cell 800
libc 65644
pool 9096" "$(awk -F '[; ]' '{ n[$1] += $NF } END { for (i in n) print i, n[i] }' out | sort)"
report --collapsed --each rec >out
is "collapsed: each" "prog;cell 800
prog;libc 65644
prog;pool 9096" "$(sed 's/^prog [0-9]*/prog/' out | awk -F ';' '{ sub(/.* /, "", $NF); n[$1 ";" $2] += $NF }
	END { for (i in n) print i, n[i] }' | sort)"

# What was never freed is the pool's own, which went with its chunk: no leak.
report --leaks rec >out
is "leaks" "" "$(sed -n 's/  [^ ]*tables_main.c:.*//p' out)"
is "leaks: cells" "note: process N, cell: what became of its chunks was not recorded: its stack \
has no index below sites (CONFIG_HOOK_INDEX)" \
	"$(sed -n '/, cell:/s/^note: process [0-9]*/note: process N/p' out)"
report --peak rec >out
is "peak" "64.0 KiB 8.8 KiB" "$(sed -n 's/^peak: .* chunks*, \(.*\) (.*/\1/p' out | tr '\n' ' ' | sed 's/ $//')"
report --options rec >out
is "options" "cell libc pool" "$(sed -n 's/^options of process [0-9]*, \(.*\):$/\1/p' out | sort |
	tr '\n' ' ' | sed 's/ $//')"

# ---- several ------------------------------------------------------------------------

twice="libc None 4 131288 4 0
cell pool 40 1600 38 0
pool libc 22 18192 0 2"
recorded fork
report --json rec | numbers >got
is "fork" "$twice" "$(cat got)"
report rec >out
is "fork: head" "2 processes, 3 allocators" "$(head -n 1 out)"
recorded exec
report --json rec | numbers >got
is "exec" "$twice" "$(cat got)"
report rec >out
is "exec: head" "2 processes, 3 allocators" "$(head -n 1 out)"

# One allocator by itself is one table, as ever.
mkdir one
for file in rec/*; do
	report --json "$file" | numbers >got
	case $(cat got) in
	pool*)	cp "$file" one ;;
	esac
done
report one >out
is "one: head" "2 processes
22 allocations, 17.8 KiB requested (18,192 bytes), 0 frees, 2 failed (--sort=failed shows where)" "$(heads)"
report "$(set -- one/*; echo "$1")" >out
is "one file: head" "process N, ended, allocator pool, inside libc" \
	"$(heads | sed -n 's/process [0-9]*,/process N,/p' | sed 's/killed, or left by _exit or exec/ended/')"

# In one program the pool is inside libc, in another it is not.
head -c 32 /dev/zero | dd of="$(set -- one/*; echo "$1")" bs=1 seek=408 conv=notrunc 2>dd.log ||
	fail "dd: $(cat dd.log)"
report --json one | numbers >got
is "inside and not" "pool None 11 9096 0 1
pool libc 11 9096 0 1" "$(cat got)"
report one >out
is "inside and not: heads" "allocator pool
allocator pool, inside libc" "$(grep ^allocator out)"

# ---- run --------------------------------------------------------------------------------

timeout 60 "$tool" run --each --output=out -- ./prog
is "run" "mallochooks: run: process N, libc: 2 allocations, 65644 bytes requested (64.1 KiB), 0 failed
mallochooks: run: process N, pool: 11 allocations, 9096 bytes requested (8.9 KiB), 1 failed
mallochooks: run: process N, cell: 20 allocations, 800 bytes requested, 0 failed
mallochooks: run: 1 process, libc: 2 allocations, 65644 bytes requested (64.1 KiB), 0 failed
mallochooks: run: 1 process, pool: 11 allocations, 9096 bytes requested (8.9 KiB), 1 failed
mallochooks: run: 1 process, cell: 20 allocations, 800 bytes requested, 0 failed" \
	"$(sed -n 's/^\(mallochooks: run: process\) [0-9]*,/\1 N,/; s/^mallochooks: run/&/p' out)"
is "run: tables" "cell libc pool" "$(sed -n 's/.*, allocator \([a-z]*\).*/\1/p' out | sort | tr '\n' ' ' | sed 's/ $//')"
finish
