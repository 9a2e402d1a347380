#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A set-up is two texts: what "make savedefconfig" saves, and a file of options.
# Taken to another place they give the same stack with the same values.
#
# needs: native

. "$SRCDIR/tests/kconfig/lib.sh"

src=$TMPDIR/src
copy_source "$src" || exit 1
tool=$MALLOCHOOKS_TOOL

# in_place N GOAL...: of the build directory N
in_place()
{
	place=$1
	shift
	make -C "$src" O="$TMPDIR/$place" "$@" >"$TMPDIR/log" 2>&1 ||
		{ cat "$TMPDIR/log"; fail "$*"; }
}

mkdir "$TMPDIR/one" "$TMPDIR/two"
in_place one log_defconfig
sed -i -e 's/^CONFIG_LOG_MIN_BYTES=.*/CONFIG_LOG_MIN_BYTES=333/' \
	-e 's/^CONFIG_LOG_FD=.*/CONFIG_LOG_FD=77/' \
	-e 's/^# CONFIG_HOOK_SITES is not set/CONFIG_HOOK_SITES=y/' \
	-e '/CONFIG_SYM_VALLOC/d' "$TMPDIR/one/.config"
echo '# CONFIG_SYM_VALLOC is not set' >>"$TMPDIR/one/.config"
in_place one olddefconfig
in_place one savedefconfig
[ "$(wc -l <"$TMPDIR/one/defconfig")" -lt 12 ] || fail "savedefconfig: $(cat "$TMPDIR/one/defconfig")"
grep -qx 'CONFIG_LOG_FD=77' "$TMPDIR/one/defconfig" || fail "savedefconfig lacks LOG_FD"
cp "$TMPDIR/one/defconfig" "$src/config/defconfig/mine_defconfig"
in_place two mine_defconfig
diff "$TMPDIR/one/.config" "$TMPDIR/two/.config" || fail "another configuration"

cat >"$TMPDIR/conf" <<'END'
count: { report = true; };
sites: { after = 5; size = "1M"; };
END
for place in one two; do
	"$tool" stack --runtime="$BUILDDIR/tests/runtime/preload/runtime.list" --source-dir="$src" --config="$TMPDIR/$place/.config" -o "$TMPDIR/$place/s.o" \
		>"$TMPDIR/log" 2>&1 || { cat "$TMPDIR/log"; fail "composing $place"; }
	${CC:-cc} -shared -Wl,-z,nodelete -Wl,-z,initfirst -o "$TMPDIR/$place/s.so" "$TMPDIR/$place/s.o" ||
		fail "linking $place"
	MALLOCHOOKS_CONF=$TMPDIR/conf "$tool" options --preload="$TMPDIR/$place/s.so" --effective \
		>"$TMPDIR/$place/effective" 2>&1 || fail "options of $place"
	LD_PRELOAD=$TMPDIR/$place/s.so MALLOCHOOKS_CONF=$TMPDIR/conf MALLOCHOOKS=core.confirm=y \
		/bin/true 2>"$TMPDIR/$place/confirm"
done
diff "$TMPDIR/one/effective" "$TMPDIR/two/effective" || fail "other values"
diff "$TMPDIR/one/confirm" "$TMPDIR/two/confirm" || fail "other values in a process"
for line in 'log.min_bytes = 333 (built in)' 'log.fd = 77 (built in)' \
	"count.report = y ($TMPDIR/conf:1)" "sites.after = 5 ($TMPDIR/conf:2)"; do
	grep -qxF "  $line" "$TMPDIR/two/effective" || fail "not in force: $line"
	grep -qxF "mallochooks: options: libc:$line" "$TMPDIR/two/confirm" || fail "not confirmed: $line"
done
finish
