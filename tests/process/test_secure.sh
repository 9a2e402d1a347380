#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_secure - a program that is given privileges takes no orders from the
# environment: neither options nor files
#
# needs: native

. "$SRCDIR/tests/process/common.sh"

# The stack lies in the program, because ld.so drops a preload by itself.
compose stack log,count
compile plain "$here/secure.c" stack.o -Wl,--export-dynamic-symbol=mallochooks_unit
chmod 755 "$work" plain

# The options that would show: a report, a log elsewhere, and a complaint.
options=MALLOCHOOKS=count.report=y,log.fd=9,no.such=option
with "$options" ./plain >out 2>err 9>log
is "plain: exit status" 0 $?
is "plain: AT_SECURE" 0 "$(cat out)"
grep -q '^mallochooks: count: .* failed$' err || fail "plain: no report"
grep -q '^mallochooks: options: "no.such=option"' err || fail "plain: no complaint"
grep -q ' malloc size=50 ' log || fail "plain: the log is not on 9"

cp plain secure
if [ "$(id -u)" = 0 ]; then
	chown 65534 secure && chmod 4755 secure
else
	# One of our other groups will do as well.
	for group in $(id -G); do
		[ "$group" = "$(id -g)" ] || break
	done
	[ "$group" != "$(id -g)" ] && chgrp "$group" secure && chmod 2755 secure ||
		skip_all "neither root nor in a second group: no file with privileges"
fi
with "$options" ./secure >out 2>err 9>log
is "secure: exit status" 0 $?
[ "$(cat out)" = 1 ] ||
	skip_all "privileges of a file are ignored here (nosuid?): $(cat out)"
grep -q '^mallochooks: count:' err && fail "secure: wrote a report"
grep -q '^mallochooks: options:' err && fail "secure: read the options"
[ ! -s log ] || fail "secure: logged to 9"
# Its own defaults hold: the log goes to stderr.
grep -q '^mallochooks: log: .* malloc size=50 ' err || fail "secure: no log"

# A totals file is one that the environment names.
compose count count
compile plain "$here/secure.c" count.o -Wl,--export-dynamic-symbol=mallochooks_unit
[ -n "$MALLOCHOOKS_PRELOAD" ] || { skip "the method makes no preload to run with"; finish; }
"$tool" run --output=totals -- ./plain >out 2>err
is "plain: totals: exit status" 0 $?
grep -q '1 process, ' totals || fail "plain: no totals: $(cat totals)"
cp plain secure2
chown "$(stat -c %u secure)" secure2
chgrp "$(stat -c %g secure)" secure2
chmod "$(stat -c %a secure)" secure2
"$tool" run --force --output=totals -- ./secure2 >out 2>err
is "secure: totals: exit status" 0 $?
is "secure: AT_SECURE under run" 1 "$(cat out)"
grep -q '[1-9][0-9]* process' totals && fail "secure: opened the totals file"
finish
