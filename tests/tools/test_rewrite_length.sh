#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_rewrite_length - the lengths of all instructions of large programs,
# compared with what objdump says
#
# needs: native

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/tools/rewrite_common.sh"

[ "$ARCH" = x86_64 ] || skip_all "only instructions of x86_64 differ in length"
command -v objdump >/dev/null || skip_all "no objdump"

# shellcheck disable=SC2086
$cc -std=gnu11 -O2 -I"$SRCDIR/tools" -o length "$here/rewrite_length.c" \
	"$SRCDIR/tools/x86-length.c" || exit 1
libc=$(ldd "$tool" | sed -n 's/.* \(\/.*libc\.so\.6\) .*/\1/p')
for file in "$tool" $libc; do
	objdump -d --no-show-raw-insn --section=.text "$file" |
		sed -n 's/^ *\([0-9a-f]*\):\t\([^ ]*\).*/\1 \2/p' >insns
	objdump -h "$file" | awk '$2 == ".text" { print $4, $6, $3 }' >text
	timeout 60 ./length "$file" $(cat text) <insns >out 2>&1
	is "lengths: $file" 0 $?
	tail -n 3 out
done
finish
