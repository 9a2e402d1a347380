# SPDX-License-Identifier: MIT
#
# What make install puts in place serves a client: the .pc, the .mk, the tool
# with a libdir of its own, two configurations side by side; and what is not
# installed yet serves through mallochooks-uninstalled.pc.
#
# timeout: 600
# takes: 15
# needs: native

. "$SRCDIR/tests/kconfig/lib.sh"

src=$TMPDIR/src
out=$TMPDIR/out
prefix=$TMPDIR/prefix
libdir=$prefix/lib/deep/er
log=$TMPDIR/log
copy_source "$src" && prime "$out" || exit 1
mk O="$out" defconfig || { cat "$log"; exit 1; }

install_it()
{
	mk O="$out" install prefix="$prefix" libdir="$libdir" ||
		{ cat "$log"; fail "make install"; finish; }
}

files()
{
	(cd "$prefix" && find . ! -type d | sort)
}

install_it
files >"$TMPDIR/first"
PKG_CONFIG_PATH=$libdir/pkgconfig
export PKG_CONFIG_PATH

# ---- the client's makefile --------------------------------------------------

mkdir "$TMPDIR/client"
cd "$TMPDIR/client" || exit 1
cat >big.c <<'EOF'
#include <stdio.h>
#include <mallochooks/eventapi.h>

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
	size_t requested_size, size_t alignment, caller_t caller)
{
	(void)modified_size, (void)alignment, (void)caller;
	if (requested_size > 1 << 20)
		fprintf(stderr, "big: %zu %d\n", requested_size, ptr != NULL);
}
EOF
cat >prog.c <<'EOF'
#include <stdlib.h>
int main(void)
{
	void *volatile ptr = malloc(3 << 20);

	free(ptr);
	return 0;
}
EOF
cat >Makefile <<'EOF'
include $(shell pkg-config --variable=mk mallochooks)
CFLAGS := -O2 $(MALLOCHOOKS_CFLAGS)

all: big.so whole prog own
big.so: big.c
	$(CC) $(CFLAGS) -shared -fPIC $< $(MALLOCHOOKS_LIBS) -o $@
whole: prog.c big.c
	$(CC) $(CFLAGS) $^ $(MALLOCHOOKS_OBJ) $(MALLOCHOOKS_LDFLAGS) -o $@
prog: prog.c
	$(CC) $(CFLAGS) $< -o $@
own.o: big.c
	$(MALLOCHOOKS) stack --ident=own --event-ident=own_event --layers=event \
		--sources=big.c --cc='$(CC)' -o $@
own: own.o prog.c
	$(CC) $(CFLAGS) prog.c own.o $(shell sed -n 's/^MALLOCHOOKS_LDFLAGS_own := //p' own.mk) -o $@
EOF
make --no-print-directory CC="$CC" own.o >"$log" 2>&1 ||
	{ cat "$log"; fail "own.o by the client's makefile"; }
make --no-print-directory CC="$CC" >"$log" 2>&1 || { cat "$log"; fail "the client's makefile"; }
want="big: 3145728 1"
[ "$(LD_PRELOAD=$PWD/big.so ./prog 2>&1)" = "$want" ] || fail "big.so sees nothing"
[ "$(./whole 2>&1)" = "$want" ] || fail "a program with the drop-in object sees nothing"
[ "$(./own 2>&1)" = "$want" ] || fail "a program with a stack of its own sees nothing"

# ---- the tool finds its preload in any libdir -------------------------------

"$prefix/bin/mallochooks" run -- ./prog >"$log" 2>&1 || { cat "$log"; fail "mallochooks run"; }
grep -q '1 process, ' "$log" || { cat "$log"; fail "mallochooks run counted nothing"; }

# ---- without an installation ------------------------------------------------

words=$(PKG_CONFIG_PATH=$out/build pkg-config --cflags --libs mallochooks) ||
	fail "the uninstalled .pc"
# shellcheck disable=SC2086
$CC -O2 -shared -fPIC big.c $words -o near.so 2>"$log" ||
	{ cat "$log"; fail "a client of the build directory"; }
[ "$(LD_PRELOAD=$PWD/near.so ./prog 2>&1)" = "$want" ] || fail "near.so sees nothing"

# ---- two configurations side by side ----------------------------------------

sed -i -e 's/^CONFIG_NAME=.*/CONFIG_NAME="two"/' -e 's/^CONFIG_IDENT=.*/CONFIG_IDENT="two"/' \
	-e 's/^CONFIG_EVENT_IDENT=.*/CONFIG_EVENT_IDENT="two_event"/' "$out/.config"
install_it
files | comm -13 "$TMPDIR/first" - >"$TMPDIR/more"
for file in libmallochooks-two.a mallochooks/mallochooks-two.o \
	mallochooks/libmallochooks_preload-two.so pkgconfig/mallochooks-two.pc; do
	grep -qx "./lib/deep/er/$file" "$TMPDIR/more" || fail "no $file was installed"
done
files | comm -23 "$TMPDIR/first" - >"$TMPDIR/lost"
[ ! -s "$TMPDIR/lost" ] || fail "the second installation removed $(cat "$TMPDIR/lost")"
words=$(pkg-config --cflags --libs mallochooks-two) || fail "the second .pc"
case $words in
*-DMH_EVENT=two_event*)	;;
*)	fail "the second .pc does not pass its event identity: $words" ;;
esac
# shellcheck disable=SC2086
$CC -O2 -shared -fPIC big.c $words -o two.so 2>"$log" ||
	{ cat "$log"; fail "a client of the second"; }
[ "$(LD_PRELOAD=$PWD/two.so ./prog 2>&1)" = "$want" ] || fail "two.so sees nothing"
[ "$(LD_PRELOAD=$PWD/big.so:$PWD/two.so ./prog 2>&1 | grep -c big:)" = 2 ] ||
	fail "the two do not work side by side"

# The one goes, the other stays whole; then nothing stays.
mk O="$out" uninstall prefix="$prefix" libdir="$libdir" || { cat "$log"; fail "make uninstall"; }
files | cmp -s - "$TMPDIR/first" || {
	files | diff "$TMPDIR/first" -
	fail "uninstalling one harmed the other"
}
mk O="$out" defconfig
mk O="$out" uninstall prefix="$prefix" libdir="$libdir" || { cat "$log"; fail "make uninstall"; }
[ ! -e "$prefix" ] || { find "$prefix"; fail "make uninstall left something"; }

finish
