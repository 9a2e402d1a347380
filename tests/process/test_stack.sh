#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_stack - small stacks: threads, alternate signal stacks, coroutines; and
# how much of a stack the hooks take

. "$SRCDIR/tests/process/common.sh"

compile stack -rdynamic "$here/stack.c" -pthread -ldl
preload count count
preload event count,event --sources="$here/seen.c"
preload all log,count,event --set=CONFIG_SYM_CXX=y --caller=frames \
	--sources="$here/seen.c"
preload plain log,count,event --compose=separate --cflags=-O0 --caller=frames \
	--sources="$here/seen.c"

for unit in count event all plain; do
	for how in threads signals coroutines frames; do
		with "LD_PRELOAD=$work/$unit.so LD_BIND_NOW=1
		      MALLOCHOOKS=?log.fd=4,?log.depth=32" \
			./stack $how 4>log >out 2>err
		is "$unit: $how" 0 $?
		[ ! -s out ] && [ ! -s err ] || fail "$unit: $how: $(cat out err)"
	done
done
# Two frames that lead to each other, in main, in a thread, and where the stack
# of a coroutine lies as one expects, there too.
case $ARCH in
x86_64|aarch64)
	nr=$(grep -c ' malloc size=100 .* frame=0x1111 frame=0x2222$' log)
	[ "$nr" -ge 2 ] || fail "$nr lines with the two frames" ;;
esac

# The log puts a line together on the stack, and looks at frames there.
plain=$(with LD_BIND_NOW=1 ./stack depth)
for limit in count:1024 event:1024 all:2048; do
	unit=${limit%:*}
	hooked=$(with "LD_PRELOAD=$work/$unit.so LD_BIND_NOW=1
		MALLOCHOOKS=?log.fd=4,?log.depth=32" ./stack depth 4>/dev/null)
	echo "$unit: $hooked bytes of stack, $plain without"
	[ "$hooked" -gt 0 ] && [ $((hooked - plain)) -le "${limit#*:}" ] ||
		fail "$unit takes $hooked bytes of stack; without hooks $plain"
done
finish
