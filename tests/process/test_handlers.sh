#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_handlers - event handlers that print, load libraries, run C++, throw and
# catch, allocate, and leave by longjmp
#
# takes: 12

. "$SRCDIR/tests/process/common.sh"

compile handlers -rdynamic "$here/handlers.c" -pthread -ldl
compose unit count,event

# Six events for a birth, a realloc and a death; none of them inside another.
# What the handlers allocate passes the count layer, unless that is all above.
births=200
try()
{
	under $1.so ./handlers $births >out 2>err
	is "$1: exit status" 0 $?
	read -r says events nested counted <<-EOS
	$(grep '^says: ' out)
	EOS
	is "$1: events" $((births * 6)) "${events-}"
	is "$1: events inside events" 0 "${nested-}"
}

for act in PRINTF DLOPEN ALLOCATE; do
	name=$(echo $act | tr 'A-Z' 'a-z')
	link $name.so -Wl,-z,initfirst -D$act "$here/handlers_client.c" unit.o -ldl
	try $name
	[ "${counted:-0}" -gt $((births * 2)) ] ||
		fail "$name: the handlers' own births were not counted"
done
is "allocate: births of program and handlers" \
	$((births * 2 + births * 6 * 3)) "$counted"

# The same with handlers compiled into the unit.
compose inside count,event --sources="$here/handlers_client.c" \
	--cflags="-O2 -DALLOCATE"
link inside.so -Wl,-z,initfirst inside.o -ldl
try inside
is "inside: births of program and handlers" \
	$((births * 2 + births * 6 * 3)) "$counted"
compose below event,count
link below.so -Wl,-z,initfirst -DALLOCATE "$here/handlers_client.c" below.o -ldl
try below
is "below: births of program and handlers" \
	$((births * 2 + births * 6 * 3)) "$counted"

# What printf writes is all there, in lines.
under printf.so ./handlers $births >out 2>err
line='^event: [a-z_]* \((nil)\|0x[0-9a-f]*\) 0\.333333$'
is "printf: broken lines" 0 "$(grep -v '^says: ' out | grep -cv "$line")"
[ "$(grep -c "$line" out)" -ge $((births * 6 * 4)) ] ||
	fail "printf: lines on stdout are missing"
[ "$(grep -c "$line" err)" -ge $((births * 6 * 4)) ] ||
	fail "printf: lines on stderr are missing"

for compose in unit separate; do
	compose jump count,event --compose=$compose
	link jump.so -Wl,-z,initfirst -DLONGJMP "$here/handlers_client.c" \
		jump.o -ldl
	is "longjmp out of a handler ($compose)" fine \
		"$(under jump.so ./handlers jump 2>&1)"
done

if ! command -v "${cxx%% *}" >/dev/null; then
	skip "handlers in C++: no $cxx"
	finish
fi
compose facades count,event
for stack in unit facades; do
	compile_cxx cxx.so -shared -fPIC -Wl,-z,nodelete -Wl,-z,defs \
		"$here/handlers_cxx.cc" $stack.o -ldl
	try cxx
	grep -q '^event: 0x.* xxxx' err ||
		fail "cxx, $stack: no exception was caught"
done
finish
