#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_rewrite_fuzz - thousands of changed objects and archives, rewritten by a
# core that is compiled with sanitizers; and all lengths of instructions
# compared with what objdump says
#
# needs: native

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/tools/rewrite_common.sh"

tools=$SRCDIR/tools
turns=3000
core="$tools/rewrite.c $tools/rewrite-lto.c $tools/rewrite-x86.c
      $tools/rewrite-aarch64.c $tools/x86-length.c $tools/elfedit.c
      $tools/archive.c $tools/util.c $tools/spawn.c"

$cc -O2 -fPIE -g -fno-builtin -c "$here/rewrite_alloc.c" -o alloc.o
$cc -O2 -fPIC -fno-semantic-interposition -ffunction-sections -fno-builtin \
	-c "$here/rewrite_alloc.c" -o sections.o
printf '%s\n' 'static __attribute__((noinline)) int inc(int n) { return n + 1; }' \
	'int (*pointer)(int) = inc; int use(int n) { return inc(n) * 2; }' >static.c
$cc -O2 -c static.c -o static.o
files="alloc.o sections.o static.o"
ar rcD small.a static.o sections.o
ar rcDS bare.a static.o
(echo; head -c 40 /dev/zero) >a_name_that_does_not_fit_in.o
ar rcD names.a static.o a_name_that_does_not_fit_in.o
files="$files small.a bare.a names.a"
if command -v aarch64-linux-gnu-gcc >/dev/null; then
	aarch64-linux-gnu-gcc -O2 -fno-builtin -c "$here/rewrite_alloc.c" \
		-o other.o
	files="$files other.o"
fi

# shellcheck disable=SC2086
$cc -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-I"$tools" -o fuzz "$here/rewrite_fuzz.c" $core >compile.log 2>&1 || {
	cat compile.log
	skip_all "no sanitizers: see above"
}
seed=${SEED-$(date +%s)}
# shellcheck disable=SC2086
./fuzz "$seed" $turns $files >out 2>err
is "seed $seed" "all well" "$(cat out)"
[ "$(cat out)" = "all well" ] || head -n 30 err
echo "seed $seed: $(tail -n 1 err)"

# Every instruction of programs that are large and of all kinds.
if [ "$ARCH" = x86_64 ] && command -v objdump >/dev/null; then
	# shellcheck disable=SC2086
	$cc -std=gnu11 -O2 -I"$tools" -o length "$here/rewrite_length.c" \
		"$tools/x86-length.c" || exit 1
	libc=$(ldd "$tool" | sed -n 's/.* \(\/.*libc\.so\.6\) .*/\1/p')
	for file in "$tool" $libc; do
		objdump -d --no-show-raw-insn --section=.text "$file" |
			sed -n 's/^ *\([0-9a-f]*\):\t\([^ ]*\).*/\1 \2/p' >insns
		objdump -h "$file" | awk '$2 == ".text" { print $4, $6, $3 }' >text
		timeout 60 ./length "$file" $(cat text) <insns >out 2>&1
		is "lengths: $file" 0 $?
		tail -n 3 out
	done
fi
finish
