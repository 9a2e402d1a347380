# SPDX-License-Identifier: MIT
#
# The configuration and the build: every defconfig, allnoconfig, allyesconfig
# and some random ones build without a warning and give a preload that works;
# what kconfig would swallow is refused by name; O= leaves the source alone; and
# a change makes again what it touches and nothing else.
#
# timeout: 1500
# takes: 120
# needs: native
#
# MH_SEED=N repeats the random ones.

. "$SRCDIR/tests/kconfig/lib.sh"

src=$TMPDIR/src
out=$TMPDIR/out
config=$out/.config
log=$TMPDIR/log
copy_source "$src" && prime "$out" || exit 1

# A name in the list of exports follows from a symbol of the configuration.
expected_exports()
{
	sed -n 's/^CONFIG_SYM_\([A-Z_]*\)=y$/\1/p' "$1" | grep -v '^CXX$' |
		tr A-Z a-z
	echo mallochooks_unit
}

# A method of one's own link: no preload, but a program that it makes.
links()
{
	[ -z "$(find "$out/build" -name 'libmallochooks_preload*')" ] ||
		fail "$1 makes a preload"
	! grep -q ' STACK ' "$log" || grep -q 'no preload is made' "$log" ||
		fail "$1: that no preload is made is not said"
	object=$(echo "$out"/build/mallochooks*.o)
	prefix=$(sed -n 's/^CONFIG_SYM_PREFIX="\(.*\)"$/\1/p' "$config")
	mark=__wrap_
	! grep -q '^CONFIG_METHOD_REPLACE=y' "$config" || mark=__mallochooks_self_
	expected_exports "$config" | grep -v mallochooks | sed "s/^/$mark$prefix/" |
		sort >"$TMPDIR/want"
	nm -g --defined-only "$object" | awk '{ print $3 }' | grep "^$mark" |
		sort >"$TMPDIR/have"
	if ! cmp -s "$TMPDIR/want" "$TMPDIR/have"; then
		diff "$TMPDIR/want" "$TMPDIR/have"
		fail "$1 has other entries than it was told to"
	fi
	pc=$(basename "$out"/build/mallochooks*-uninstalled.pc .pc)
	# What the allocator of the prefix lacks is not called here; what is
	# replaced has to be there, and so have both that the program calls, hooked
	# or not: libc's free would not know what is not its own.
	echo 'char room[1 << 20], *end = room;' >"$TMPDIR/own.c"
	[ $mark = __wrap_ ] || { expected_exports "$config"; echo malloc; echo free; } |
		grep -v mallochooks | sort -u | sed "s/.*/void *$prefix&(void) { return end += 1024; }/" >>"$TMPDIR/own.c"
	cat >"$TMPDIR/prog.c" <<-EOF
	#include <stdlib.h>
	int main(void)
	{
		void *volatile ptr = malloc(10);

		free(ptr);
		return 42;
	}
	EOF
	# shellcheck disable=SC2046
	$CC -w -fno-builtin "$TMPDIR/prog.c" "$TMPDIR/own.c" $(PKG_CONFIG_PATH=$out/build pkg-config --libs "$pc") -o "$TMPDIR/prog" 2>"$log" ||
		{ cat "$log"; fail "$1: its words do not link a program"; return; }
	MALLOCHOOKS=log.fd=99 "$TMPDIR/prog" >"$log" 2>&1
	[ $? -eq 42 ] || { cat "$log"; fail "$1: a program that it made does not run"; }
}

# Without what a debugger reads, which takes a quarter of the time.
works()
{
	if ! mk O="$out" CFLAGS=-O2 HOSTCFLAGS='-O2 -g'; then
		cat "$log"
		fail "$1 does not build"
		cp "$config" "$TMPDIR/failed.config"
		sed -n '/^CONFIG_/p' "$config"
		return
	fi
	# The composer's own warnings begin with its name: a family hooked in part.
	if grep -v '^mallochooks: ' "$log" | grep 'warning:'; then
		fail "$1 builds with a warning"
	fi
	# The runtime is kept where it can be.  In a static program, which wrap and
	# replace can make, this may be missing.
	kind=U
	! grep -q -e '^CONFIG_METHOD_WRAP=y' -e '^CONFIG_METHOD_REPLACE=y' "$config" || kind=w
	nm "$out/build/parts/runtime.o" | grep -q " $kind _DYNAMIC\$" ||
		fail "$1 has the runtime of another method"
	if ! grep -q '^CONFIG_METHOD_PRELOAD=y' "$config"; then
		links "$1"
		return
	fi
	preload=$(echo "$out"/build/libmallochooks_preload*.so)
	expected_exports "$config" | sort >"$TMPDIR/want"
	# operator new and delete are there exactly when SYM_CXX is.
	exported "$preload" | grep -v '^_Z' >"$TMPDIR/have"
	if ! cmp -s "$TMPDIR/want" "$TMPDIR/have"; then
		diff "$TMPDIR/want" "$TMPDIR/have"
		fail "$1 exports other names than it was told to"
	fi
	cxx=$(exported "$preload" | grep -c '^_Z')
	if grep -q '^CONFIG_SYM_CXX=y' "$config"; then
		[ "$cxx" -gt 0 ] || fail "$1 has SYM_CXX but no operators"
	else
		[ "$cxx" -eq 0 ] || fail "$1 has operators without SYM_CXX"
	fi
	# Logs of layers would stand between the lines.
	LD_PRELOAD=$preload MALLOCHOOKS=log.fd=99 ls -l /usr /usr/bin >"$TMPDIR/ls" \
		2>"$TMPDIR/ls.err" || fail "$1: ls does not run under its preload"
	ls -l /usr /usr/bin | cmp -s - "$TMPDIR/ls" || fail "$1: ls prints something else"
}

# ---- configurations ---------------------------------------------------------

for file in "$src"/config/defconfig/*defconfig; do
	name=${file##*/}
	echo "$name"
	mk O="$out" "$name" || { cat "$log"; fail "make $name"; continue; }
	works "$name"
	made_runtime=$(grep -c ' STACK .*runtime\.o' "$log")
	case $name in
	debug_defconfig)	[ "$made_runtime" = 1 ] || fail "frame pointers, but the same runtime" ;;
	event_defconfig)	[ "$made_runtime" = 0 ] || fail "other layers, and another runtime" ;;
	esac
done

# The defconfig file alone and the defaults of the menu must be one thing.
mk O="$out" defconfig
cp "$config" "$TMPDIR/a"
rm "$config"
mk O="$out" olddefconfig
cmp -s "$TMPDIR/a" "$config" || fail "defconfig is not what the menu has as defaults"

# Two of the methods have a defconfig, which was built.
for name in METHOD_WRAP METHOD_WRAPDL METHOD_REPLACE; do
	echo "$name"
	mk O="$TMPDIR/other" "$(echo "${name#METHOD_}" | tr A-Z a-z)_defconfig"
	mk O="$out" defconfig
	sed -i -e 's/^CONFIG_METHOD_PRELOAD=y/# CONFIG_METHOD_PRELOAD is not set/' \
		-e "s/^# CONFIG_$name is not set/CONFIG_$name=y/" "$config"
	mk O="$out" olddefconfig
	grep -q "^CONFIG_$name=y" "$config" || fail "$name cannot be chosen"
	cmp -s "$config" "$TMPDIR/other/.config" || works $name
done

for name in allnoconfig allyesconfig; do
	echo "$name"
	mk O="$out" $name || { cat "$log"; fail "make $name"; continue; }
	works $name
done

seed=${MH_SEED:-$(date +%s)}
for i in 1 2; do
	seed=$((seed + 1))
	echo "randconfig, KCONFIG_SEED=$seed"
	KCONFIG_SEED=$seed make -s -C "$src" O="$out" randconfig >"$log" 2>&1 || {
		cat "$log"
		fail "make randconfig"
	}
	grep -q KCONFIG_SEED "$log" || fail "randconfig does not tell its seed"
	cp "$config" "$TMPDIR/a"
	KCONFIG_SEED=$seed make -s -C "$src" O="$out" randconfig >"$log" 2>&1
	cmp -s "$TMPDIR/a" "$config" || fail "KCONFIG_SEED=$seed gave two configurations"
	works "randconfig with KCONFIG_SEED=$seed"
done

# savedefconfig, read back, is the same configuration.
cp "$config" "$TMPDIR/a"
mk O="$out" savedefconfig || fail "make savedefconfig"
cp "$out/defconfig" "$src/config/defconfig/saved_defconfig"
mk O="$out" saved_defconfig || { cat "$log"; fail "a saved defconfig is refused"; }
# What cannot be chosen kconfig may list as not set, or leave out.
grep '^CONFIG_' "$TMPDIR/a" >"$TMPDIR/b"
grep '^CONFIG_' "$config" | cmp -s "$TMPDIR/b" - || fail "savedefconfig lost something"
rm "$src/config/defconfig/saved_defconfig"

# ---- bad values -------------------------------------------------------------

# refused TEXT LINE...: make says TEXT and builds nothing
refused()
{
	text=$1
	shift
	mk O="$out" defconfig
	for line; do
		key=$(echo "$line" | sed -n 's/^\(CONFIG_[A-Z0-9_]*\)=.*/\1/p')
		[ -z "$key" ] || sed -i "/^$key=/d; /^# $key is/d" "$config"
		echo "$line" >>"$config"
	done
	cp "$config" "$TMPDIR/asked"
	rm -f "$out"/build/*.o
	if mk O="$out" all; then
		fail "$* was not refused"
	elif ! grep '^mallochooks: ' "$log" | grep -qF -- "$text"; then
		cat "$log"
		fail "$* was refused, but nothing says \"$text\""
	fi
	[ ! -f "$out/build/mallochooks.o" ] || fail "$* was refused and built"
	cmp -s "$TMPDIR/asked" "$config" || fail "$*: the user's .config was written"
}

echo "bad values"
refused "CONFIG_HOOK_LGO is no symbol of the menu" 'CONFIG_HOOK_LGO=y'
refused "did you mean CONFIG_HOOK_LOG?" 'CONFIG_HOOK_LGO=y'
refused "CONFIG_LOG_FD=1024 is out of range" CONFIG_HOOK_LOG=y CONFIG_LOG_FD=1024
refused "0 to 1023" CONFIG_HOOK_LOG=y CONFIG_LOG_FD=-1
refused "CONFIG_LOG_DEPTH=33 is out of range" CONFIG_HOOK_LOG=y CONFIG_LOG_DEPTH=33
refused "CONFIG_LOG_MIN_BYTES=99999999999 is out of range" CONFIG_HOOK_LOG=y \
	CONFIG_LOG_MIN_BYTES=99999999999
refused "CONFIG_LOG_FD=two is not a number" CONFIG_HOOK_LOG=y CONFIG_LOG_FD=two
refused 'CONFIG_LOG_FD="2" is not a number' CONFIG_HOOK_LOG=y 'CONFIG_LOG_FD="2"'
refused "CONFIG_HOOK_LOG=m is neither y nor n" CONFIG_HOOK_LOG=m
refused "CONFIG_HOOK_LOG=1 is neither y nor n" CONFIG_HOOK_LOG=1
refused "CONFIG_NAME=quiet is not a text" CONFIG_NAME=quiet
refused "CONFIG_LOG_FD=3 depends on HOOK_LOG" CONFIG_LOG_FD=3
refused "HOOK_LOG is n" CONFIG_LOG_FD=3
refused "CONFIG_EVENT_TRANSFORMING=y depends on HOOK_EVENT" \
	CONFIG_HOOK_EVENT=n CONFIG_EVENT_TRANSFORMING=y
refused "SYM_FREE is n" CONFIG_SYM_FREE=n CONFIG_EVENT_TRANSFORMING=y
refused "CONFIG_COMPOSE_SEPARATE=y and CONFIG_COMPOSE_UNIT=y (line" \
	CONFIG_COMPOSE_SEPARATE=y
refused "exclude each other" CONFIG_CALLOC_EMULATED=y
refused '"hello" is no line of a configuration' 'hello'

# What kconfig cannot know, the composer does.
refused linux 'CONFIG_IDENT="linux"'
refused 9lives 'CONFIG_IDENT="9lives"'
refused Upper 'CONFIG_EVENT_IDENT="Upper"'
refused a/b 'CONFIG_NAME="a/b"'
refused '-x' 'CONFIG_SYM_PREFIX="-x"'
refused nowhere.c 'CONFIG_HOOK_CLIENT="./nowhere.c"'
refused nowhere.c 'CONFIG_CLIENT_SOURCES="./nowhere.c"'
refused log 'CONFIG_LAYER_ORDER="log,count,event"'
refused event 'CONFIG_LAYER_ORDER="count,sites"'

# A transforming layer wants the whole family: the missing one is named.
cat >"$TMPDIR/grow.c" <<'EOF'
#include <mallochooks/layer.h>
HOOK_TRANSFORMING
HOOK_PASS(malloc)
HOOK_PASS(calloc)
HOOK_PASS(free)
HOOK_PASS(realloc)
HOOK_PASS(memalign)
HOOK_PASS(malloc_usable_size)
EOF
refused realloc "CONFIG_HOOK_CLIENT=\"$TMPDIR/grow.c\"" CONFIG_SYM_REALLOC=n
refused valloc "CONFIG_HOOK_CLIENT=\"$TMPDIR/grow.c\"" CONFIG_SYM_VALLOC=n
sed '/(calloc)/d' "$TMPDIR/grow.c" >"$TMPDIR/lacking.c"
refused lacking "CONFIG_HOOK_CLIENT=\"$TMPDIR/lacking.c\"" \
	CONFIG_CALLOC_AUTO=n CONFIG_CALLOC_HOOKED=y
sed '/(free)/d' "$TMPDIR/grow.c" >"$TMPDIR/undying.c"
refused free "CONFIG_HOOK_CLIENT=\"$TMPDIR/undying.c\""
sed '/^HOOK_TRANSFORMING/d' "$TMPDIR/grow.c" >"$TMPDIR/mute.c"
refused mute "CONFIG_HOOK_CLIENT=\"$TMPDIR/mute.c\""

# Every mistake is named at once, and olddefconfig is the way out.
printf 'CONFIG_ONE=y\nCONFIG_TWO=y\n' >"$config"
! mk O="$out" || fail "two unknown symbols were not refused"
grep -q CONFIG_ONE "$log" && grep -q CONFIG_TWO "$log" || fail "only one of two is named"
mk O="$out" olddefconfig || fail "olddefconfig refused what it is there to drop"
grep -q CONFIG_ONE "$log" || fail "olddefconfig dropped a line and did not say so"
! grep -q CONFIG_ONE "$config" || fail "olddefconfig kept an unknown symbol"
mk O="$out" stack || fail "olddefconfig left something that make refuses"

# A bad ARCH=, a target that wants a terminal, a defconfig that isn't there.
! mk O="$out" ARCH=vax || fail "ARCH=vax was not refused"
! mk O="$out" menuconfig </dev/null || fail "menuconfig without a terminal"
! mk O="$out" nconfig </dev/null || fail "nconfig without a terminal"
! mk O="$out" nosuch_defconfig || fail "nosuch_defconfig was not refused"

# ---- O= ---------------------------------------------------------------------

# From here on all is made from nothing several times, and how fast its code is does
# not matter.
mk()
{
	make --no-print-directory -C "$src" CC="$CC" CFLAGS=-O0 "$@" >"$log" 2>&1
}

echo "O="
tree()
{
	(cd "$src" && find . -type f -exec cksum {} + | sort -k 3; find . -type d | sort)
}
rm -rf "$out"
tree >"$TMPDIR/before"
mk O="$out" -j2 || { cat "$log"; fail "make O="; }
! grep 'warning:' "$log" || fail "make O= has something to say"
grep -q 'No .* yet: taking' "$log" || fail "taking defconfig was not said"
mk O="$out" stack savedefconfig olddefconfig || fail "make O= stack savedefconfig"
mk O="$out" install DESTDIR="$TMPDIR/dest" prefix=/usr || { cat "$log"; fail "make O= install"; }
tree | cmp -s - "$TMPDIR/before" || {
	tree | diff "$TMPDIR/before" -
	fail "O= did not leave the source untouched"
}

# A source that cannot even be written to, from some other directory.
mkdir "$TMPDIR/elsewhere"
(cd "$TMPDIR/elsewhere" && make -s -f "$src/Makefile" CC="$CC" CFLAGS=-O0 O=here stack \
	>"$log" 2>&1) || { cat "$log"; fail "make -f elsewhere O=here"; }
[ -d "$TMPDIR/elsewhere/here/build" ] || fail "O=here is not below where make ran"

# KCONFIG_CONFIG= names another file, and no .config comes into being.
rm -f "$config"
mk O="$out" KCONFIG_CONFIG="$TMPDIR/mine" pass_defconfig || fail "KCONFIG_CONFIG="
mk O="$out" KCONFIG_CONFIG="$TMPDIR/mine" stack || fail "make stack KCONFIG_CONFIG="
[ ! -f "$config" ] || fail "KCONFIG_CONFIG= was not the only one"

# uninstall takes away what install brought, and nothing else.
mk O="$out" defconfig
echo mine >"$TMPDIR/dest/usr/lib/mine"
mk O="$out" uninstall DESTDIR="$TMPDIR/dest" prefix=/usr || { cat "$log"; fail "make uninstall"; }
left=$(cd "$TMPDIR/dest" && find . ! -type d)
[ "$left" = ./usr/lib/mine ] || fail "uninstall left: $left"
! mk O="$out" uninstall DESTDIR="$TMPDIR/dest" prefix=/usr ||
	fail "a second uninstall found something"

# ---- rebuild on change ------------------------------------------------------

echo "rebuild on change"
mk O="$out" || fail make

# made WANT WORDS...: make WORDS prints lines that match each word of WANT (an
# extended regular expression each) and no other kind
made()
{
	want=$1
	shift
	mk O="$out" "$@" || { cat "$log"; fail "make $*"; }
	sed -n 's/^  \([A-Z]*\) .*/\1/p' "$log" | sort -u | tr '\n' ' ' >"$TMPDIR/kinds"
	[ "$(cat "$TMPDIR/kinds")" = "$want" ] || {
		cat "$log"
		fail "after $what: made \"$(cat "$TMPDIR/kinds")\", not \"$want\""
	}
}

stamps()
{
	(cd "$out/build" && find . -type f -exec stat -c '%y %n' {} + | sort)
}

what="nothing"; stamps >"$TMPDIR/stamps"; made ""
stamps | cmp -s - "$TMPDIR/stamps" || {
	stamps | diff "$TMPDIR/stamps" -
	fail "a second make wrote files"
}
what="touching .config"; touch "$config"; made ""
what="a comment in .config"; echo "# hello" >>"$config"; made ""
what="a help text"; sed -i 's/right choice unless/right choice, unless/' "$src/hooks/Kconfig"
made ""
what="a value"; sed -i 's/^CONFIG_EVENT_POST_INIT=y/# CONFIG_EVENT_POST_INIT is not set/' "$config"
made "AR GEN LD STACK "
what="a layer"; touch "$src/hooks/count.c"; made "AR LD STACK "
what="an installed header"; touch "$src/include/mallochooks/runtime.h"
mk O="$out"; grep -q STACK "$log" || fail "a header does not make the stack again"
what="a source of the runtime"; touch "$src/index/shard.c"; made "AR LD STACK "
what="a template"; touch "$src/mallochooks.pc.in"; made "GEN "
what="a source of the tool"; touch "$src/tools/run.c"; made "AR CC LD STACK "
[ "$(grep -c '  CC ' "$log")" -eq 1 ] || fail "one source of the tool changed, more were compiled"
what="CFLAGS"; made "AR CC LD STACK " CFLAGS="-O0 -g1"
what="the same CFLAGS"; made "" CFLAGS="-O0 -g1"
what="prefix"; made "GEN " CFLAGS="-O0 -g1" includedir=/opt/include
what="NAME"; sed -i 's/^CONFIG_NAME=""/CONFIG_NAME="other"/' "$config"
mk O="$out" CFLAGS="-O0 -g1" || { cat "$log"; fail "make with a NAME"; }
for file in libmallochooks-other.a mallochooks-other.o libmallochooks_preload-other.so \
	mallochooks-other.pc; do
	[ -f "$out/build/$file" ] || fail "NAME=other made no $file"
done
[ ! -f "$out/build/libmallochooks.a" ] || fail "products of the old NAME are still there"
what="W=1"; mk O="$out" CFLAGS=-O0 W=1; ! grep 'warning:' "$log" || fail "W=1 has something to say"
grep -q '  CC ' "$log" || fail "W=1 compiles nothing"
if command -v clang >/dev/null; then
	what="CC"; made "AR CC LD STACK " CC=clang CFLAGS=-O0
fi

# make clean leaves the configuration, make mrproper nothing.
mk O="$out" clean || fail "make clean"
[ -f "$config" ] && [ ! -d "$out/build/parts" ] || fail "make clean cleans wrongly"
mk O="$out" mrproper || fail "make mrproper"
left=$(find "$out" ! -type d)
[ -z "$left" ] || fail "make mrproper left $left"

finish
