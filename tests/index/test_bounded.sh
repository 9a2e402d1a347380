#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_bounded - a lookup costs about the same, whatever the size of the chunk:
# in instructions, from 16 bytes to 4 GiB, and where others have lived before
#
# needs: native

. "$SRCDIR/tests/process/common.sh"

command -v valgrind >/dev/null || skip_all "no valgrind"
compile bounded -I"$SRCDIR/arch/$ARCH" -I"$SRCDIR/arch/generic" \
	"$SRCDIR/tests/index/bounded.c" "$SRCDIR/index/chunk.c" \
	"$SRCDIR/index/arena.c"

# count SIZE [stale]: instructions of all its lookups
count()
{
	valgrind --tool=callgrind --toggle-collect=mh_chunk_find \
		--callgrind-out-file=calls ./bounded "$@" >out 2>err </dev/null ||
		fail "$*: $(cat err)"
	sed -n 's/^summary: *//p' calls
}

least='' most=0
for size in 16 64 256 1000 1024 1032 4000 16376 16384 100000 1000000 4000000 \
	100000000 1073741824 4294967296; do
	for past in '' stale; do
		# shellcheck disable=SC2086
		nr=$(count $size $past)
		[ "${nr:-0}" -gt 0 ] || fail "$size $past: no lookup was counted"
		[ -n "$least" ] && [ "$least" -le "${nr:-0}" ] || least=$nr
		[ "$most" -ge "${nr:-0}" ] || {
			most=$nr
			worst="$size $past"
		}
	done
done
[ "$most" -le $((least * 5)) ] ||
	fail "$most instructions for $worst, and $least at least"
echo "from $least to $most instructions ($worst)"
finish
