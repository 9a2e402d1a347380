#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_conf_fuzz - the reader of options, fed with what is nearly right
#
# The objects are those of the tool, libconfig as it is contained included.
#
# needs: native

set -u
cd "$TMPDIR" || exit 1
objects=$BUILDDIR/tools/config
nm "$objects/from-file.o" 2>/dev/null | grep -q config_read_file || {
	echo "the tool was built without libconfig"
	exit 77
}
# shellcheck disable=SC2086
${CC:-cc} -O1 -g -Wall -Wextra -I"$SRCDIR/include" -I"$SRCDIR/config" -o conf_fuzz \
	"$SRCDIR/tests/config/conf_fuzz.c" "$objects"/from-file.o "$objects"/options.o \
	"$objects"/value.o "$objects"/say.o "$BUILDDIR"/tools/index/arena.o || exit 1
mkdir files
for seed in 1 2 3; do
	timeout -k 5 100 ./conf_fuzz files 2000 $seed >out 2>err || {
		cat out err
		echo "not ok: seed $seed; the last file:"
		od -c files/conf | head -n 40
		exit 1
	}
	cat out
	# It did read some of them.
	[ "$(sed -n 's/.* \([0-9]*\) mistakes/\1/p' out)" -gt 500 ] || exit 1
done
