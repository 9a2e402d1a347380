#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_conf_secure - a program that is given privileges takes options from the
# system's file alone, and only when that is root's
#
# needs: native

. "$SRCDIR/tests/process/common.sh"

[ "$(id -u)" = 0 ] || skip_all "not root: no file that is root's"
unset MALLOCHOOKS_CONF
system=$work/system.conf
named=$work/named.conf

# The stack lies in the program, because ld.so drops a preload by itself.
compose types "$here/conf_types.c" --cflags="-O2 -g -DMH_SYSTEM_CONF='\"$system\"'"
grep -q 'no libconfig.a' compose.log && skip_all "no libconfig.a for $cc"
compile plain "$here/conf_main.c" types.o -Wl,--export-dynamic-symbol=mallochooks_unit
cp plain secure
# Another group: as another user it would not find its way to this directory.
chgrp 65534 secure && chmod 2755 secure
echo 'conf_types: { level = 90; };' >"$named"
env="MALLOCHOOKS_CONF=$named MALLOCHOOKS=conf_types.mode=all,core.confirm=y,no.such=option"

# run PROGRAM SECURE LEVEL MODE SAID
run()
{
	# shellcheck disable=SC2154
	with "$env" "./$1" >out 2>err
	is "$what: exit status" 0 $?
	[ "$1:$(cat out)" != secure:secure=0 ] ||
		skip_all "privileges of a file are ignored here (nosuid?)"
	is "$what: AT_SECURE" "secure=$2" "$(cat out)"
	is "$what" "level=$3 mode=$4" "$(sed -n 's/^types: .*\(level=[^ ]*\).*\(mode=[^ ]*\).*/\1 \2/p' err)"
	is "$what: said" "$5" "$(sed -n 's/^mallochooks: options: //p' err | grep -v '^libc:')"
}

bad="\"no.such=option\" in MALLOCHOOKS: no such layer in this process; there is conf_types terminal core"
what=plain run plain 0 90 2 "$bad"
grep -q "core.confirm = y" err || fail "plain: not confirmed"
what="secure without files" run secure 1 7 1 ""
! grep -q confirm err || fail "secure: took the environment"

echo 'conf_types: { level = 80; };' >"$system"
chmod 644 "$system"
what="system's file" run secure 1 80 1 ""
echo 'only = ( { program = "sec*"; conf_types: { level = 81; }; } );' >>"$system"
what="for this program" run secure 1 81 1 ""
echo 'conf_types: { level = 82; };' >"$system"

not="is not root's alone to write, and this program was given privileges; nothing of the file is taken"
for mode in 664 646 666 777; do
	chmod $mode "$system"
	what="mode $mode" run secure 1 7 1 "$system: $not"
	what="mode $mode, plain" run plain 0 90 2 "$bad"
done
chmod 644 "$system"
chown 65534 "$system"
what="another owner" run secure 1 7 1 "$system: $not"
chown 0 "$system"

# What it includes must be root's as well.
cp "$named" inner.conf
echo '@include "inner.conf"' >"$system"
what="root's include" run secure 1 90 1 ""
chmod 666 inner.conf
what="anybody's include" run secure 1 7 1 "$system:1: cannot open include file: it $not"
chown 65534 inner.conf
chmod 600 inner.conf
what="another's include" run secure 1 7 1 "$system:1: cannot open include file: it $not"

# The same hostile files as elsewhere.
rm "$system"
mkfifo "$system"
what=FIFO run secure 1 7 1 "$system: is not a regular file; nothing of the file is taken"
rm "$system"
mkdir "$system"
what=directory run secure 1 7 1 "$system: is a directory; nothing of the file is taken"
rmdir "$system"
truncate -s 100M "$system"
what=large run secure 1 7 1 "$system: is larger than 64 KiB; nothing of the file is taken"
printf '\377\376\n' >"$system"
what=bytes run secure 1 7 1 "$system:1: syntax error; nothing of the file is taken"
echo '@include "system.conf"' >"$system"
what=circle run secure 1 7 1 "$system:1: include file nesting too deep; nothing of the file is taken"
awk 'BEGIN { for (i = 0; i < 12000; i++) printf "a:{" }' >"$system"
what=deep run secure 1 7 1 "$system:1: memory exhausted; nothing of the file is taken"
: >"$system"
what=empty run secure 1 7 1 ""
finish
