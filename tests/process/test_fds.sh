#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_fds - a log, and programs that close and reuse descriptors: nothing of
# ours lands in their files, and nothing of ours ends them

. "$SRCDIR/tests/process/common.sh"

compile fds "$here/fds.c"
preload log log,count

# what_is_in: anything in the program's files but "mine"
what_is_in()
{
	for file in files/file.*; do
		[ "$(cat "$file")" = mine ] || head -n 1 "$file"
	done | head -n 3
}

# try NAME SETTINGS HOW...: in an empty directory
try()
{
	name=$1 settings=$2
	shift 2
	rm -rf files
	mkdir files
	(cd files && with "$settings" ../fds "$@")
	is "$name" 0 $?
	is "$name: what is in its files" "" "$(what_is_in)"
}

ulimit -n 1024 2>/dev/null
for how in close-all close-std dup-over; do
	try "unhooked: $how" "" $how
	try "$how, log on 9" "LD_PRELOAD=$work/log.so MALLOCHOOKS=log.fd=9" \
		$how 9>log
	grep -q 'mallochooks: log: .* malloc size=100 ' log ||
		fail "$how: nothing was logged before"
	try "$how, log on stderr" "LD_PRELOAD=$work/log.so" $how 2>log
	grep -q 'mallochooks: log: .* malloc size=100 ' log ||
		fail "$how: nothing was logged to stderr"
	# The report at exit goes to stderr, or else nowhere.
	try "$how, report" "LD_PRELOAD=$work/log.so
		MALLOCHOOKS=log.min_bytes=1G,count.report=y" $how open-at-exit 2>log
done
try "report" "LD_PRELOAD=$work/log.so
	MALLOCHOOKS=log.min_bytes=1G,count.report=y" sigpipe 2>log
grep -q '^mallochooks: count: .* failed$' log || fail "there was no report"

# A log that shuts with stdio goes on, on a number of its own.
try "close-std" "LD_PRELOAD=$work/log.so MALLOCHOOKS=log.fd=2" close-std 2>log
before=$(grep -c ' malloc size=100 ' log)
[ "$before" -ge 80 ] || fail "the log ended when stderr was closed: $before"

# Few numbers: the high one that we would like cannot be had.
for limit in 5 8 16 64; do
	(
		failures=0
		ulimit -n $limit || exit 0
		try "limit $limit" "LD_PRELOAD=$work/log.so" few 2>log
		exit $((failures > 0))
	) || failures=$((failures + 1))
done
grep -q 'mallochooks: log: .* malloc size=100 ' log ||
	fail "nothing was logged under a low limit"

# A reader that is gone, a full device, a pipe that nobody empties: the program
# does not see them.
mkfifo pipe
for what in gone full; do
	case $what in
	gone)
		# opened both ways, so that neither end waits for the other
		exec 8<>pipe 9>pipe 8<&- ;;
	full)
		[ -c /dev/full ] || continue
		exec 9>/dev/full ;;
	esac
	with "LD_PRELOAD=$work/log.so MALLOCHOOKS=log.fd=9" ./fds sigpipe >out 2>err
	is "$what: exit status" 0 $?
	[ ! -s out ] && [ ! -s err ] || fail "$what: wrote $(cat out err)"
	exec 9>&-
done

# A descriptor that is not open is a line, and no more.
with "LD_PRELOAD=$work/log.so MALLOCHOOKS=log.fd=77" ./fds sigpipe >out 2>err
is "not open: exit status" 0 $?
is "not open: what is said" \
	"mallochooks: log: descriptor log.fd is not open: nothing is logged" \
	"$(cat err)"
finish
