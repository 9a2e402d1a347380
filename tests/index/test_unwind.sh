#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_unwind - index/unwind.c against libgcc's unwinder, for code as gcc and
# clang make it with many options; on aarch64, too, where that can be had
#
# takes: 15
# needs: native

. "$SRCDIR/tests/process/common.sh"

src=$SRCDIR/tests/index
seed=${SEED-$(date +%s)}

# build COMPILER ARCH WORDS...
build()
{
	compiler=$1 arch=$2
	shift 2
	what="$compiler $*"
	# shellcheck disable=SC2086
	$compiler -std=gnu11 -O2 -g -Wall -Wextra -fasynchronous-unwind-tables \
		-I"$SRCDIR/include" -I"$SRCDIR/hooks" -I"$SRCDIR/index" \
		-I"$SRCDIR/arch/$arch" -I"$SRCDIR/arch/generic" "$@" -o unwind \
		"$src/unwind.c" "$src/unwind_frames.c" "$SRCDIR/index/unwind.c" \
		"$SRCDIR/index/module.c" "$SRCDIR/hooks/nextsym.c" -pthread \
		>compile.log 2>&1 || {
		fail "$what: $(head -n 5 compile.log)"
		return 1
	}
}

# looks MODE LEAST-FRAMES [SEED]
looks()
{
	mode=$1 least=$2
	shift 2
	timeout 100 $emulator ./unwind "$mode" "$@" >out 2>&1 || {
		fail "$what: $mode $*: status $?: $(head -n 20 out)"
		return
	}
	echo "$what: $(cat out)"
	[ "$(sed -n 's/.*, \([0-9]*\) frames.*/\1/p' out)" -ge "$least" ] ||
		fail "$what: $mode: it found too little"
}

# try COMPILER ARCH WORDS...
try()
{
	build "$@" || return
	looks calls 10000 "$seed"
	looks signal 100
	looks thread 2000
	looks strange 100
	[ "$2" != x86_64 ] || looks steps 8000
}

# Places push each other out of what is kept; and then nothing is.
try_anew()
{
	build "$@" -DUNWIND_KEPT=2 && looks calls 10000 "$seed"
	build "$@" -DUNWIND_KEPT=0 && looks broken 100000 "$seed"
}

emulator=$RUNNER
for compiler in gcc clang; do
	command -v $compiler >/dev/null || { skip "no $compiler"; continue; }
	try $compiler "$ARCH"
	try_anew $compiler "$ARCH"
	try $compiler "$ARCH" -O0
	try $compiler "$ARCH" -O3 -fno-omit-frame-pointer
	try $compiler "$ARCH" -Os -no-pie
done
build "$cc" "$ARCH" -Wl,--no-eh-frame-hdr && looks short 0
build "$cc" "$ARCH" -fno-asynchronous-unwind-tables -fno-unwind-tables &&
	looks short 0

if [ "$ARCH" = x86_64 ] && command -v qemu-aarch64 >/dev/null &&
	command -v aarch64-linux-gnu-gcc >/dev/null; then
	emulator="qemu-aarch64 -L /usr/aarch64-linux-gnu"
	try aarch64-linux-gnu-gcc aarch64
	try aarch64-linux-gnu-gcc aarch64 -mbranch-protection=standard -O3
	try_anew aarch64-linux-gnu-gcc aarch64 -mbranch-protection=standard -O3
else
	skip "no aarch64 here"
fi
finish
