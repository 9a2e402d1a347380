#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_self - the thunks of arch/*/self.S: what a caller keeps in registers, who
# called, and unwinding through them; in executables and shared objects

. "$SRCDIR/tests/process/common.sh"
here=$SRCDIR/tests/arch

# try ARCH COMPILER RUNNER...
try()
{
	arch=$1 compiler=$2 runner=$3
	for flags in "-pie -fPIE" "-no-pie -fno-pie" "-static"; do
		# shellcheck disable=SC2086
		$compiler -O2 -g -Wall -Wextra $flags \
			-I"$SRCDIR/arch/$arch" -o self "$here/self.c" \
			"$here/self_around.S" "$here/self_thunks.S" -lm \
			>compile.log 2>&1 || {
			cat compile.log
			fail "$compiler $flags: does not compile"
			continue
		}
		# shellcheck disable=SC2086
		timeout 60 $runner ./self >out 2>&1 ||
			fail "$compiler $flags: $(cat out)"
	done
	# shellcheck disable=SC2086
	$compiler -c -DMH_SELF=malloc -DMH_SELF_RETURNS=word -fPIC \
		"$SRCDIR/arch/$arch/self.S" -o one.o >compile.log 2>&1 ||
		fail "$compiler: alone: $(cat compile.log)"
	# shellcheck disable=SC2086
	$compiler -shared -Wl,-z,text -o one.so one.o >compile.log 2>&1 ||
		fail "$compiler: in a shared object: $(cat compile.log)"
}

case $ARCH in
generic) skip_all "no thunks for the generic architecture" ;;
esac
try "$ARCH" "$cc" "$RUNNER"
# A processor without XSAVE.
if [ "$ARCH" = x86_64 ] && command -v qemu-x86_64 >/dev/null; then
	timeout 60 qemu-x86_64 -cpu qemu64 ./self >out 2>&1 ||
		fail "without XSAVE: $(cat out)"
fi
cross=aarch64-linux-gnu-gcc
if [ "$ARCH" = x86_64 ] && command -v $cross >/dev/null &&
   command -v qemu-aarch64 >/dev/null; then
	try aarch64 $cross "qemu-aarch64 -L /usr/aarch64-linux-gnu"
	try aarch64 "$cross -march=armv8.2-a+sve" \
		"qemu-aarch64 -cpu max -L /usr/aarch64-linux-gnu"
fi
[ "$ARCH" != x86_64 ] || ! command -v clang >/dev/null ||
	try x86_64 "clang -fno-integrated-as" ""
finish
