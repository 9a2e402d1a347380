#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_early - calls before our relocation, before our constructor, and in a
# preinit_array, through each kind of stack

. "$SRCDIR/tests/process/common.sh"

# The arch of last resort reaches the kernel through libc, and says so.
quiet=
[ "$ARCH" != generic ] || {
	skip "calls before relocation: ARCH=generic has no system call of its own"
	quiet=-DQUIET
}

library()
{
	out=$1
	shift
	compile "$out" -shared -fPIC -fno-plt -fno-stack-protector -Wl,-z,now \
		-Wl,-rpath,"$work" "$@"
}
library libearly.so $quiet "$here/early_lib.c"
mkdir quiet
library quiet/libearly.so -DQUIET "$here/early_lib.c"
compile early -rdynamic "$here/early.c" -L. -learly -Wl,-rpath,'$ORIGIN' -ldl
compile quiet/early -rdynamic "$here/early.c" -Lquiet -learly \
	-Wl,-rpath,'$ORIGIN' -ldl

with "" ./early >wanted
is "unhooked" 0 $?
# Were the resolver not run before main, there would be nothing to test.
[ -n "$quiet" ] || is "resolver ran" "resolver: fine" "$(head -n 1 wanted)"

# try NAME UNIT ARGUMENT: the program as without hooks
try()
{
	under "$2" ./early "${3-}" >out 2>err
	is "$1: exit status" 0 $?
	same "$1: stdout" wanted out
}

preload count count --calloc=emulated
preload log log,count
preload event count,event --sources="$here/seen.c"
preload cxx log,count,event --set=CONFIG_SYM_CXX=y --compose=separate \
	--sources="$here/seen.c"
preload share count,event --transforming --sources="$here/early_share.c"

for unit in count log event cxx share; do
	seen=
	case $unit in event|cxx) seen=seen ;; esac
	try "$unit, our constructor first" $unit.so $seen
	link "late-$unit.so" $unit.o
	try "$unit, our constructor late" "late-$unit.so" $seen
	with "LD_PRELOAD=$work/$unit.so LD_BIND_NOW=1" ./early $seen >out 2>err
	is "$unit, bound at start: exit status" 0 $?
	same "$unit, bound at start: stdout" wanted out
done

# Early calls count as much as others: with those of the resolver there are as
# many more as it has births: seven chunks, and two that died at once.
for unit in count late-count; do
	all=$(under $unit.so ./early calls | tail -n 1)
	rest=$(under $unit.so quiet/early calls | tail -n 1)
	[ -n "$quiet" ] || is "$unit: calls of the resolver" 9 $((all - rest))
done

# A log begins with our constructor, so the deaths of early chunks stand in it.
if ! grep -q 'mallochooks: log: .* malloc size=1 ' err; then
	under log.so ./early >out 2>err
	grep -q 'mallochooks: log: .* malloc size=1 ' err ||
		fail "log: main's malloc is not in it"
fi

if ! command -v "${cxx%% *}" >/dev/null; then
	skip "operator new in a resolver: no $cxx"
	finish
fi
[ -z "$quiet" ] || finish
compile_cxx libnew.so -DLIBRARY -shared -fPIC -fno-plt -fno-stack-protector \
	-Wl,-z,now "$here/early_new.cc"
compile_cxx early_new "$here/early_new.cc" -L. -lnew -Wl,-rpath,"$work"
for unit in cxx.so late-cxx.so; do
	is "$unit: operator new in a resolver" 42 \
		"$(under $unit ./early_new 2>/dev/null)"
done
finish
