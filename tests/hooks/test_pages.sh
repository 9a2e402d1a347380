#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What layers are told of valloc and pvalloc: memalign to a page, and for
# pvalloc whole pages, not one too many.

set -u
cd "$TMPDIR" || exit 1
cat >pages.c <<'X'
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void)
{
	size_t page = (size_t)getpagesize();

	fprintf(stderr, "page %zu\n", page);
	free(pvalloc(0));
	free(pvalloc(1));
	free(pvalloc(page));
	free(pvalloc(page + 1));
	free(valloc(page + 1));
	return 0;
}
X
$CC pages.c -o pages || exit 1
"$MALLOCHOOKS_TOOL" stack --cc="$CC" --arch="$ARCH" --method=preload \
	--layers=log -o log.o &&
	$CC -shared log.o -o log.so || exit 1
if [ -n "$RUNNER" ]; then
	$RUNNER -E LD_PRELOAD=./log.so ./pages 2>out
else
	LD_PRELOAD=./log.so ./pages 2>out
fi
page=$(sed -n 's/^page //p' out)
want="0 $page $page $((2 * page)) $((page + 1)) "
got=$(sed -n "s/.* memalign size=\([0-9]*\) alignment=$page .*/\1/p" out |
	tr '\n' ' ')
if [ "$want" = "$got" ]; then
	echo "ok sizes in pages"
else
	echo "not ok: wanted <$want>, got <$got>"
	cat out
	exit 1
fi
