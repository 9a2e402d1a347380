#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_index - every chunk is known while threads allocate, free and reallocate:
# with each allocator, asked from the unit itself and from another one, with
# layers above, short of memory; and programs do not notice
#
# needs: native
# timeout: 600

. "$SRCDIR/tests/process/common.sh"

preload index index
preload above count,event,index --set=CONFIG_SYM_CXX=y
compose apart index --compose=separate
link apart.so -Wl,-z,initfirst apart.o
compose unit index --set=CONFIG_HOOK_INDEX=y
link ask.so -Wl,-z,initfirst "$here/index_ask.c" unit.o
# A program that only asks: the API and no stack.
compile index "$here/index.c" "$BUILDDIR/parts/runtime.o" -pthread -ldl

operations=60000

# try NAME SETTINGS: nothing is wrong; readers and signals came to something
try()
{
	with "$2" ./index basics >out 2>err
	is "$1: basics" 0 $?
	[ ! -s err ] || fail "$1: basics: $(cat err)"
	with "$2" ./index storm 8 $operations >out 2>err
	is "$1: storm" 0 $?
	[ ! -s err ] || fail "$1: storm: $(cat err)"
	read -r held alarms <out
	[ "${held:-0}" -gt 100 ] || fail "$1: only ${held:-0} chunks were held"
	[ "${alarms:-0}" -gt 0 ] || fail "$1: no signal came"
}

try "from elsewhere" "LD_PRELOAD=$work/index.so"
try "from the unit" "LD_PRELOAD=$work/ask.so"
for unit in index ask apart; do
	with "LD_PRELOAD=$work/$unit.so" ./index strangers >out 2>err
	is "strangers: $unit" 0 $?
	[ ! -s err ] || fail "strangers: $unit: $(cat err)"
done

try "layers above" "LD_PRELOAD=$work/above.so"
try "not one unit" "LD_PRELOAD=$work/apart.so"
for library in libjemalloc.so.2 libmimalloc.so.2 libtcmalloc_minimal.so.4; do
	LD_PRELOAD=$library true 2>err
	if [ -s err ]; then
		skip "$library is not here: $(cat err)"
	else
		try "$library" "LD_PRELOAD=$work/ask.so:$library"
	fi
done

compile libsizer.so -shared -fPIC -fno-builtin "$here/index_sizer.c"
with "LD_PRELOAD=$work/index.so:$work/libsizer.so" sh -c 'echo "$((6 * 7))"' >out 2>err
is "a size function that allocates" "0 42" "$? $(cat out)"
[ ! -s err ] || fail "a size function that allocates: $(cat err)"

# The program's own threads and arenas need most of this.
(
	failures=0
	ulimit -v 400000
	# of one arena that is enough; of more, what is left may be too little for the index
	try "little memory" "LD_PRELOAD=$work/ask.so MALLOC_ARENA_MAX=1"
	exit $failures
) || failures=$((failures + 1))

# No huge mapping, or valgrind would not start.
if command -v valgrind >/dev/null; then
	with "LD_PRELOAD=$work/ask.so" valgrind -q --tool=none \
		./index storm 2 1000 >out 2>err
	is "valgrind" 0 $?
	[ ! -s err ] || fail "valgrind: $(cat err)"
else
	skip "no valgrind"
fi

# ---- programs ---------------------------------------------------------------------

PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 PYTHONMALLOC=malloc
GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_PAGER=cat
export PYTHONHASHSEED PYTHONDONTWRITEBYTECODE PYTHONMALLOC
export GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_PAGER

# unharmed PROGRAM WORDS...
unharmed()
{
	command -v "$1" >/dev/null || {
		skip "no $1"
		return
	}
	"$@" >plain.out 2>plain.err </dev/null
	status=$?
	under above.so "$@" >out 2>err </dev/null
	is "$1" $status $?
	same "$1: stdout" plain.out out
	same "$1: stderr" plain.err err
}

unharmed python3 -c 'import json, re; print(len(json.dumps([re.escape(str(i)) * 3 for i in range(20000)])))'
unharmed perl -e 'my %h; $h{$_ % 7919} .= "x$_" for 1 .. 200000; print length join "", map { "$_$h{$_}" } sort keys %h'
unharmed sqlite3 -init /dev/null :memory: 'create table t(a, b); with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select i, hex(i * i) from n; create index x on t(b); select count(*), min(b), max(b) from t;'
unharmed git --no-pager grep --no-index -c static -- "$SRCDIR/hooks"
finish
