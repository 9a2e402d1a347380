# SPDX-License-Identifier: MIT
#
# What the tests of the build share.  They work on a copy of the source, so
# that nothing that happens in the tree meanwhile disturbs them.

. "$SRCDIR/tests/prime.sh"

# make check hands these to tests; to make they would mean something else.
unset ARCH RUNNER CFLAGS LDFLAGS

fail()
{
	echo "FAILED: $*"
	failures=$((${failures:-0} + 1))
}

finish()
{
	[ "${failures:-0}" -eq 0 ] && exit 0
	echo "$failures failed"
	exit 1
}

# copy_source DIR: the tree without what was built in it
copy_source()
{
	mkdir -p "$1" &&
	(cd "$SRCDIR" && tar -cf - --exclude=./.git --exclude=./build \
		--exclude=./.config --exclude=./.config.old --exclude=./defconfig .) |
		(cd "$1" && tar -xf -)
}

# mk WORDS...: make on the copy in $src; output goes to $TMPDIR/log
mk()
{
	make --no-print-directory -C "$src" CC="$CC" "$@" >"$TMPDIR/log" 2>&1
}

# exported FILE: the names that a shared object defines for others
exported()
{
	nm -D --defined-only "$1" | awk '{ print $3 }' | sort
}
