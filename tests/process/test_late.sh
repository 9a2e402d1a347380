#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_late - destructors, atexit, the end of threads, and an exit in the midst
# of them

. "$SRCDIR/tests/process/common.sh"

compile liblate.so -shared -fPIC "$here/late_lib.c"
mkdir quiet
compile quiet/liblate.so -shared -fPIC -DCALLS=0 "$here/late_lib.c"
compile late -rdynamic "$here/late.c" -L. -llate -Wl,-rpath,'$ORIGIN' \
	-pthread -ldl
cp late quiet/late

preload count count
preload log log
preload event event --sources="$here/seen.c"
preload all log,count,event --set=CONFIG_SYM_CXX=y --sources="$here/seen.c"

exec 9>log
for unit in count log event all; do
	with "LD_PRELOAD=$work/$unit.so MALLOCHOOKS=?log.fd=9,?count.report=y" \
		./late plain >out 2>err
	is "$unit: everything ends" 7 $?
	case $unit in
	count|all)
		is "$unit: lines of the report" 1 \
			"$(grep -c '^mallochooks: count: .* failed$' err)"
		sed -i '/^mallochooks: count: /d' err ;;
	esac
	[ ! -s out ] && [ ! -s err ] || fail "$unit: wrote $(cat out err)"
done
exec 9>&-
grep -q ' realloc-new size=100000 ' log || fail "log: no calls of the end in it"

# Each way to end, over and over, while threads are at it.
turns=10
[ -z "$RUNNER" ] || turns=2
for how in exit quick_exit _exit pthread_exit return; do
	turn=0
	while [ $turn -lt $turns ]; do
		turn=$((turn + 1))
		unit=count
		[ $((turn % 2)) -eq 0 ] || unit=all
		with "LD_PRELOAD=$work/$unit.so MALLOCHOOKS=?log.min_bytes=1G" \
			./late $how busy >out 2>err
		is "$unit: $how of a busy program" 7 $?
		[ ! -s out ] && [ ! -s err ] || {
			fail "$unit: $how wrote $(cat out err)"
			break
		}
	done
done

# What comes after our destructor is counted where the count outlives us.
if [ -n "$RUNNER" ]; then
	skip "calls after our destructor: totals files are for native programs"
	finish
fi

# births DIR: of ./late in DIR
births()
{
	"$tool" run --preload="$work/count.so" --output=totals -- \
		"$1/late" return >out 2>err
	sed -n 's/.* \([0-9]*\) allocations, .*/\1/p' totals
}
all=$(births .)
rest=$(births quiet)
is "births after our destructor" 1000 $((all - rest))
finish
