#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_fork - fork, _Fork, vfork, raw clone, exec and posix_spawn in a program
# whose threads allocate all the while
#
# takes: 15

. "$SRCDIR/tests/process/common.sh"

compile fork "$here/fork.c" -pthread -ldl
preload count count
preload all log,count,event --set=CONFIG_SYM_CXX=y --sources="$here/seen.c"

children=50
[ -z "$RUNNER" ] || children=3
ways="fork fork-exit fork-exec fork-threads fork-fork _Fork clone vfork
      vfork-exec posix_spawn"

for way in $ways; do
	case $RUNNER:$way in
	?*:*exec|?*:posix_spawn)
		skip "$way: the emulator is not there for what it executes"
		continue ;;
	?*:fork-threads)
		skip "$way: the emulator makes no threads in a child"
		continue ;;
	?*:_Fork|?*:clone)
		skip "$way: the emulator wipes no page in a child"
		continue ;;
	?*:vfork)
		skip "$way: the emulator makes a fork of it"
		continue ;;
	esac
	for unit in count all; do
		with "LD_PRELOAD=$work/$unit.so MALLOCHOOKS=?log.fd=4" ./fork \
			$way $children 3>told 4>log >out 2>err
		is "$unit: $way" 0 $?
		[ ! -s out ] && [ ! -s err ] || fail "$unit: $way: $(cat out err)"
	done
	# Each line of the log bears the process that wrote it: with vfork there
	# is one only, whatever the child did.
	cut -d ' ' -f 1 told | sort -u >want
	sed -n 's|^mallochooks: log: \([0-9]*\)/.*|\1|p' log | sort -u >got
	case $way in
	*exec|posix_spawn) ;;
	*) same "$way: processes in the log" want got ;;
	esac
	grep -qv '^mallochooks: log: [0-9]*/[0-9]* [a-z]' log &&
		fail "$way: torn lines in the log"
done

[ -z "$RUNNER" ] || {
	skip "totals files are for native programs"
	finish
}

# What each process says of itself is what the totals file says of it.
for way in $ways; do
	"$tool" run --preload="$work/count.so" --each --output=totals -- \
		./fork $way $children 3>told >out 2>err
	is "run: $way" 0 $?
	[ "$(wc -l <told)" -gt 0 ] || fail "run: $way: nobody told"
	sort -n told | awk '{ sum[$1] += $2 }
		END { for (pid in sum) print pid, sum[pid] }' | sort -n >want
	sed -n 's/^mallochooks: run: .*process \([0-9]*\).* \([0-9]*\) allocations*,.*/\1 \2/p' \
		totals | sort -n >got
	same "run: $way: births of each process" want got
done
finish
