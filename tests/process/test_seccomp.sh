#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_seccomp - the count and event layers make no system call of their own
# when a program has shut itself in
#
# needs: native

. "$SRCDIR/tests/process/common.sh"

compile libtally.so -shared -fPIC -Wl,-soname,libtally.so "$here/tally.c"
compile seccomp -rdynamic "$here/seccomp.c" -pthread -ldl
preload count count
preload all count,event --set=CONFIG_SYM_CXX=y --sources="$here/seen.c"

with "LD_PRELOAD=$work/libtally.so" ./seccomp forbidden >out 2>&1
status=$?
[ $status -ne 77 ] || skip_all "$(cat out)"
is "what is forbidden kills" 159 $status	# 128 + SIGSYS

for how in strict filter; do
	with "LD_PRELOAD=$work/libtally.so" ./seccomp $how >out 2>&1
	status=$?
	if [ $status -eq 77 ]; then
		skip "$how: $(cat out)"
		continue
	fi
	is "unhooked: $how" 0 $status
	for unit in count all; do
		with "LD_PRELOAD=$work/$unit.so:$work/libtally.so" \
			./seccomp $how >out 2>&1
		is "$unit: $how" 0 $?
		is "$unit: $how: says" fine "$(cat out)"
	done
	# In a totals file too, where each thread takes a line when it comes.
	LD_PRELOAD=$work/libtally.so "$tool" run --quiet \
		--preload="$work/count.so" -- ./seccomp $how >out 2>&1
	is "run: $how" 0 $?
	is "run: $how: says" fine "$(cat out)"
done
finish
