#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_reach - which chunks a process had lost in the end, and which it could still
# reach: by statics, thread-locals, stacks, mappings, libraries, other chunks
#
# takes: 20

. "$SRCDIR/tests/process/common.sh"

compile reach "$here/reach.c" -pthread -ldl
compile libreach.so -shared -fPIC "$here/reach_lib.c"
preload lives sites,index
for module in reach libreach.so; do
	nm --defined-only $module |
		awk -v module=$module '$2 ~ /^[tT]$/ { print module, $1, $3 }'
done >symbols

# run NAME OPTIONS WORDS...: its file is in files, the places of what was lost,
# "function chunks bytes chunks bytes", in lost
run()
{
	_name=$1 _options=$2
	shift 2
	rm -rf files
	mkdir files
	with "LD_PRELOAD=$work/lives.so${under:+:$under} MALLOCHOOKS=sites.dir=files,sites.after=0$_options" \
		"$@" >out 2>err
	is "$_name: exit status" 0 $?
	[ ! -s err ] || fail "$_name: $(cat err)"
	python3 "$here/sites.py" check files/* || fail "$_name: the format's rules do not hold"
	python3 "$here/sites.py" unreached files/* | python3 -c '
import sys
symbols = sorted((module, int(at, 16), name)
                 for module, at, name in map(str.split, open("symbols")))
for line in sys.stdin:
    build_id, path, address, *numbers = line.split()
    names = [name for module, at, name in symbols
             if module == path.split("/")[-1] and at < int(address, 16)]
    print(names[-1].split(".")[0] if names else path, *numbers)
' | sort >lost
}

field()
{
	python3 "$here/sites.py" field "$1" files/*
}

under=
# All that is lost, to the digit; of the ring one is first.
cat >want <<'END'
head 1 40 0 0
in_freed 1 80 0 0
in_large_lost 0 0 1 72
large_lost 1 300000 0 0
one_behind 1 48 0 0
overwritten 2 20 0 0
rest 0 0 2 48
ring 1 32 1 32
self 1 48 0 0
END

run "exit" ,sites.reach=64M ./reach
[ "$(field reach)" != 3 ] || skip_all "no process_vm_readv(2) here"
is "exit: told" "1 0" "$(field reach) $(field reach_threads)"
same "exit" want lost
# What another thread's stack keeps, and that of the one that ends it all.
run "other thread" ,sites.reach=64M ./reach wait
is "other thread: told" "1 1" "$(field reach) $(field reach_threads)"
same "other thread" want lost
run "from a thread" ,sites.reach=64M ./reach thread
is "from a thread: told" "1 2" "$(field reach) $(field reach_threads)"
same "from a thread" want lost
# Dead frames of a recursion keep nothing; nor do those of main.
run "tree" ,sites.reach=64M ./reach tree
is "tree" "tree 1 32 1022 32704" "$(grep '^tree ' lost)"
is "tree: main" "in_main 1 50 0 0" "$(grep '^in_main ' lost)"
# A child has what its parent had, and has lost what it had lost.
run "child" ,sites.reach=64M ./reach fork
same "child" want lost

# ---- not told -------------------------------------------------------------------

run "not asked" "" ./reach
is "not asked" 0 "$(field reach)"
is "not asked: places" "" "$(cat lost)"
run "_exit" ,sites.reach=64M ./reach _exit
is "_exit" 0 "$(field reach)"
run "too large" ,sites.reach=64K ./reach
is "too large" 2 "$(field reach)"
is "too large: places" "" "$(cat lost)"

# ---- other allocators ------------------------------------------------------------

# Their caches of addresses may lead to anything: what is lost is no more than that.
for under in libjemalloc.so.2 libmimalloc.so.2; do
	[ -n "$(find /usr/lib /usr/local/lib -name $under 2>/dev/null | head -n 1)" ] || {
		skip "no $under"
		continue
	}
	run "$under" ,sites.reach=256M ./reach
	is "$under: told" 1 "$(field reach)"
	is "$under: not lost" "" "$(awk 'FNR == NR { lost[$1] = 1; next }
		!lost[$1]' want lost)"
done
under=

# ---- the report -------------------------------------------------------------------

run "report" ,sites.reach=64M ./reach wait
"$tool" report --leaks --by=function files >shown 2>err || fail "report: $(cat err)"
has()
{
	grep -qF -- "$1" shown || fail "report: no \"$1\" in $(head -n 20 shown)"
}
has "lost: 8 chunks, 293.2 KiB (300,268 bytes); only through these: 4 chunks, 152 B (152 bytes)"
has "still reachable: "
has "1 other thread ran when lost chunks were looked for"
is "report: the first rows" "large_lost in_freed self one_behind head ring overwritten in_large_lost rest" \
	"$(awk '/ lost through it/ { on = 1; next } on { print }' shown |
	sed -n 's/.*  *\([a-z_]*\)  \[reach\]$/\1/p' | sed -n 1,9p | tr '\n' ' ' | sed 's/ $//')"
"$tool" report --leaks --json files >json
is "json" "told 1 8 300268 4 152" "$(python3 -c '
import json
report = json.load(open("json"))
process, total = report["processes"][0], report["tables"][0]["total"]
print(process["reach"], process["reach_threads"], *total["lost_direct"].values(),
      *total["lost_indirect"].values())')"
run "report, not asked" "" ./reach
"$tool" report --leaks files >shown
has "lost or still reachable: not told apart"
has "nobody has looked: sites.reach"
if [ -z "$RUNNER" ]; then
	"$tool" run --preload="$work/lives.so" --leaks --by=function -- ./reach >out 2>shown
	has "lost: 8 chunks, 293.2 KiB (300,268 bytes)"
	"$tool" run --preload="$work/lives.so" --options=sites.reach=0 --leaks -- ./reach >out 2>shown
	has "not told apart"
fi

# A real program.
run "python" ,sites.reach=256M python3 -c 'import json; print(len(json.dumps([1] * 5)))'
is "python: told" 1 "$(field reach | sort -n | tail -n 1)"
finish
