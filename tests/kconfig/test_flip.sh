# SPDX-License-Identifier: MIT
#
# No symbol of the menu may be a dead switch: each one that the Kconfig files
# declare is given another value, and then "make stack" has to print something
# else, and the object that is linked into programs has to be another one (that
# is tried with a quarter of them a day; MH_FLIP_ALL=y tries all).
# For a symbol of the user API, the exports of the preload change by that name.
#
# timeout: 1200
# takes: 60
# needs: native

. "$SRCDIR/tests/kconfig/lib.sh"

src=$TMPDIR/src
out=$TMPDIR/out
config=$out/.config
log=$TMPDIR/log
copy_source "$src" && prime "$out" || exit 1

# The menu: NAME TYPE LOW HIGH CHOICE, as the Kconfig files have it.
menu()
{
	cat "$src/Kconfig" "$src"/*/Kconfig | awk '
	function flush()
	{
		if (name != "" && !env)
			print name, type, low, high, choice
		name = ""
	}
	$1 == "choice" { flush(); choice = "choice" ++nr; next }
	$1 == "endchoice" { flush(); choice = "-"; next }
	$1 ~ /^(menu|endmenu|comment|source|if|endif)$/ { flush(); next }
	$1 == "config" || $1 == "menuconfig" {
		flush()
		name = $2; type = low = high = "-"; env = 0
		if (choice == "") choice = "-"
		next
	}
	name != "" && type == "-" && $1 ~ /^(bool|int|string|hex|tristate)$/ { type = $1 }
	name != "" && low == "-" && $1 == "range" { low = $2; high = $3 }
	name != "" && $1 == "option" && /env/ { env = 1 }
	END { flush() }'
}

# Less to compile: nobody debugs these.  The tool is there already.
build()
{
	mk O="$out" CFLAGS=-O1 HOSTCFLAGS='-O2 -g' "$@"
}

# print_stack NAME: keep what make stack says
print_stack()
{
	build -s stack || { cat "$log"; return 1; }
	cp "$log" "$TMPDIR/$1.stack"
}

# print_and_build NAME: keep what make stack and the products say
print_and_build()
{
	print_stack "$1" || return 1
	build || { cat "$log"; return 1; }
	object=$(echo "$out"/build/mallochooks*.o)
	# Code, data and names; not what a debugger reads.
	strip --strip-unneeded -o "$TMPDIR/stripped.o" "$object" || return 1
	{
		echo "${object##*/}"
		cksum <"$TMPDIR/stripped.o"
		nm "$object" | awk '{ print $NF }' | sort
	} >"$TMPDIR/$1.object"
	# Methods of one's own link make no preload.
	for preload in "$out"/build/libmallochooks_preload*.so; do
		if [ -f "$preload" ]; then exported "$preload"; fi
	done >"$TMPDIR/$1.exports"
}

# Another value than the one that stands in the base configuration.
other_value()
{
	case $type in
	bool)
		case $now in
		y)	echo n ;;
		*)	echo y ;;
		esac ;;
	int)
		if [ "$now" -lt "$high" ]; then
			echo $((now + 1))
		else
			echo "$low"
		fi ;;
	string)
		case $name in
		HOOK_CLIENT)	echo "\"$TMPDIR/flip.c\"" ;;
		CLIENT_SOURCES)	echo "\"$TMPDIR/handler.c\"" ;;
		LAYER_ORDER)	echo '"event,sites,walk,count,index,log"' ;;
		*)		echo '"flip"' ;;
		esac ;;
	esac
}

# A layer and a handler of a client.
cp "$src/hooks/count.c" "$TMPDIR/flip.c"
cat >"$TMPDIR/handler.c" <<'EOF'
#include <mallochooks/eventapi.h>
static unsigned long seen;
void ALLOC_EVENT_IDENT(post_alloc_failed)(size_t size, size_t alignment,
					  caller_t caller)
{
	seen += size + alignment + (caller != 0);
}
EOF

# Everything is on, so that no symbol is hidden behind another.
mk O="$out" full_defconfig || { cat "$log"; exit 1; }
# One unit of everything takes the compiler half a minute, separate objects three
# seconds.
sed -i -e 's/^CONFIG_COMPOSE_UNIT=y/# CONFIG_COMPOSE_UNIT is not set/' \
	-e 's/^# CONFIG_COMPOSE_SEPARATE is not set/CONFIG_COMPOSE_SEPARATE=y/' "$config"
mk O="$out" olddefconfig || { cat "$log"; exit 1; }
cp "$config" "$TMPDIR/base.config"
print_and_build base || { fail "full_defconfig does not build"; finish; }

menu >"$TMPDIR/menu"
nr=0
turn=${MH_FLIP_TURN:-$(($(date +%s) / 86400 % 4))}
echo "turn $turn (MH_FLIP_TURN=0..3; MH_FLIP_ALL=y builds all)"
while read -r name type low high choice; do
	now=$(sed -n "s/^CONFIG_$name=//p" "$TMPDIR/base.config")
	[ -n "$now" ] || now=n
	nr=$((nr + 1))

	# The chosen member of a choice is flipped by choosing another: a line
	# of that one's own.  It only has to be seen.
	if [ "$choice" != - ] && [ "$now" = y ]; then
		word=$(echo "${name#*_}" | tr A-Z a-z)
		grep -q "$word" "$TMPDIR/base.stack" ||
			fail "$name is chosen, but make stack does not say $word"
		continue
	fi

	value=$(other_value)
	cp "$TMPDIR/base.config" "$config"
	if [ "$choice" != - ]; then
		for member in $(awk -v c="$choice" '$5 == c { print $1 }' "$TMPDIR/menu"); do
			sed -i "/^CONFIG_$member=/d; /^# CONFIG_$member is/d" "$config"
		done
	fi
	sed -i "/^CONFIG_$name=/d; /^# CONFIG_$name is/d" "$config"
	if [ "$value" = n ]; then
		echo "# CONFIG_$name is not set" >>"$config"
	else
		echo "CONFIG_$name=$value" >>"$config"
	fi

	# What depended on it goes along (and a layer less changes the order).
	mk O="$out" olddefconfig
	now=$(sed -n "s/^CONFIG_$name=//p" "$config")
	if [ "${now:-n}" != "$value" ]; then
		# Only a foreign architecture may refuse.
		case $name in
		ARCH_*)	grep -q 'depends on MACHINE' "$log" || fail "$name cannot be chosen" ;;
		*)	cat "$log"; fail "$name cannot be set to $value" ;;
		esac
		continue
	fi

	# Every flip is printed; every fourth is built, others by the day.
	if [ $(((nr + turn) % 4)) -ne 0 ] && [ -z "${MH_FLIP_ALL-}" ]; then
		print_stack flip || fail "make stack with CONFIG_$name=$value"
		! cmp -s "$TMPDIR/base.stack" "$TMPDIR/flip.stack" ||
			fail "make stack prints the same with CONFIG_$name=$value"
		continue
	fi
	print_and_build flip || { fail "CONFIG_$name=$value does not build"; continue; }
	! cmp -s "$TMPDIR/base.stack" "$TMPDIR/flip.stack" ||
		fail "make stack prints the same with CONFIG_$name=$value"
	case $name in
	CALLOC_HOOKED)	# a demand on the layers: they all have calloc here
		;;
	*)
		! cmp -s "$TMPDIR/base.object" "$TMPDIR/flip.object" ||
			fail "the same object comes out with CONFIG_$name=$value"
		;;
	esac

	changed=$(comm -3 "$TMPDIR/base.exports" "$TMPDIR/flip.exports" | tr -d '\t' | tr '\n' ' ')
	case $name in
	METHOD_REPLACE)
		[ ! -s "$TMPDIR/flip.exports" ] || fail "CONFIG_$name=y makes a preload"
		for entry in $(grep -v -e '^_Z' -e mallochooks "$TMPDIR/base.exports"); do
			grep -qx "__mallochooks_self_$entry" "$TMPDIR/flip.object" ||
				fail "no __mallochooks_self_$entry with CONFIG_$name=y"
		done
		grep -q 'plugin-opt,hooks=' "$out"/build/mallochooks*.pc ||
			fail "CONFIG_$name=y does not have the plugin" ;;
	METHOD_*)
		[ ! -s "$TMPDIR/flip.exports" ] || fail "CONFIG_$name=y makes a preload"
		for entry in $(grep -v -e '^_Z' -e mallochooks "$TMPDIR/base.exports"); do
			grep -qx "__wrap_$entry" "$TMPDIR/flip.object" ||
				fail "no __wrap_$entry with CONFIG_$name=y"
			grep -q -e "--wrap=$entry[, ]" "$out"/build/mallochooks*.pc ||
				fail "CONFIG_$name=y does not have $entry wrapped"
		done ;;
	SYM_PREFIX)
		grep -qx flipmalloc "$TMPDIR/flip.exports" ||
			fail "no flipmalloc with SYM_PREFIX=$value"
		! grep -qx malloc "$TMPDIR/flip.exports" ||
			fail "still malloc with SYM_PREFIX=$value"
		;;
	SYM_CXX | CALLER_LATCH)	# the operators are facades
		case $changed in
		_Z*)	;;
		*)	fail "SYM_CXX changes $changed" ;;
		esac ;;
	SYM_*)
		[ "$changed" = "$(echo "${name#SYM_}" | tr A-Z a-z) " ] ||
			fail "CONFIG_$name=$value changes the exports: $changed" ;;
	*)
		[ -z "$changed" ] || fail "CONFIG_$name=$value changes the exports: $changed" ;;
	esac
done <"$TMPDIR/menu"

echo "$nr symbols"
[ "$nr" -ge 40 ] || fail "only $nr symbols were found in the Kconfig files"
# kconfig's own list must be the same: what it writes for this machine.
sed -n 's/^\(# \)\{0,1\}CONFIG_\([A-Z0-9_]*\)[ =].*/\2/p' "$TMPDIR/base.config" | sort >"$TMPDIR/known"
awk '{ print $1 }' "$TMPDIR/menu" | sort | comm -13 - "$TMPDIR/known" >"$TMPDIR/unseen"
[ ! -s "$TMPDIR/unseen" ] || fail "never flipped: $(cat "$TMPDIR/unseen")"

# ---- the menu and the composer know the same ---------------------------------
#
# The composer has defaults of its own for a stack that no .config describes.

tool=$out/build/tools/mallochooks
mk O="$out" defconfig
mk O="$out" stack
"$tool" stack --config="$out/build/config" --source-dir="$src" --print >"$TMPDIR/a" 2>&1
: >"$TMPDIR/empty.config"
"$tool" stack --config="$TMPDIR/empty.config" --source-dir="$src" --print >"$TMPDIR/b" 2>&1
cmp -s "$TMPDIR/a" "$TMPDIR/b" || {
	diff "$TMPDIR/a" "$TMPDIR/b"
	fail "the composer's defaults are not the menu's"
}

finish
