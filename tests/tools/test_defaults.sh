#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What the composer does without a description is what Kconfig's defaults say:
# the two may not drift apart.  Ranges and words are compared by flipping every
# symbol (tests/kconfig).

set -u
cd "$TMPDIR" || exit 1
: >.config
make -s -C "$SRCDIR" O="$TMPDIR" ARCH="$ARCH" \
	olddefconfig >log 2>&1 || { cat log; exit 1; }
: >empty
"$MALLOCHOOKS_TOOL" stack --config=empty --arch="$ARCH" --cc="$CC" --print >composer || exit 1
"$MALLOCHOOKS_TOOL" stack --config=.config --arch="$ARCH" --cc="$CC" --print \
	>kconfig || exit 1
[ -s composer ] && diff composer kconfig || {
	echo "not ok: the composer's defaults differ from Kconfig's"
	exit 1
}
echo "ok the composer's defaults are Kconfig's"
