# SPDX-License-Identifier: MIT
#
# tree.sh - an installed tree in a prefix of its own, for the scripts here
#
# Sourced.  Sets $prefix, and PKG_CONFIG_PATH and PATH to it; the stack is composed
# anew, so that nothing of the developer's .config leaks in.

set -u
. "$SRCDIR/tests/prime.sh"
prefix=$TMPDIR/prefix
failed=0

# install_tree [DEFCONFIG]: further calls add to the same prefix
install_tree()
{
	[ -d "$TMPDIR/build" ] || prime "$TMPDIR/build" || exit 1
	make -s -C "$SRCDIR" O="$TMPDIR/build" "${1:-defconfig}" >"$TMPDIR/log" 2>&1 &&
	make -s -C "$SRCDIR" O="$TMPDIR/build" \
		${ARCH:+ARCH=$ARCH} CC="$CC" prefix="$prefix" install \
		>>"$TMPDIR/log" 2>&1 || {
		cat "$TMPDIR/log"
		echo "not ok install ${1:-defconfig}"
		exit 1
	}
	PKG_CONFIG_PATH=$prefix/lib/pkgconfig
	PATH=$prefix/bin:$PATH
	export PKG_CONFIG_PATH PATH
}

ok()
{
	echo "ok $*"
}

not_ok()
{
	echo "not ok $*"
	failed=1
}

# expect NAME WANTED GOT
expect()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1: wanted <$2>, got <$3>"
	fi
}
