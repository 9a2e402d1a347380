#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_rewrite - "mallochooks rewrite": allocators that are hooked in the link
# that defines them, with every compiler, linker and kind of output that is
# there
#
# timeout: 400

. "$SRCDIR/tests/process/common.sh"
here=$SRCDIR/tests/tools
plain="-fno-builtin -Wall -Wextra"

. "$here/rewrite_common.sh"

# ---- an allocator, every way it can be linked --------------------------------------

# flags_of KIND: of the program's objects
flags_of()
{
	case $1 in
	pie) echo -fPIE ;;
	nopie) echo -fno-pie ;;
	static) echo "-fno-pie -DSTATIC" ;;
	staticpie) echo "-fPIE -DSTATIC" ;;
	shared) echo -fPIE ;;
	esac
}

# prepare ARCH COMPILER: all but the allocator and the links
prepare()
{
	rm -rf "m-$1"
	mkdir "m-$1"
	for _file in hooks other; do
		$2 -O2 $plain -fPIC -DHAVE_THUNKS -c "$here/rewrite_$_file.c" \
			-o "m-$1/$_file.o" || exit 1
	done
	$2 -fPIC -I"$SRCDIR/arch/$1" -c "$here/rewrite_thunks.S" \
		-o "m-$1/thunks.o" || exit 1
	$2 -O2 $plain -fPIC -DNAME=lib_malloc -c "$here/rewrite_other.c" \
		-o "m-$1/lib.o" || exit 1
	$2 -shared -o "m-$1/liblib.so" "m-$1/lib.o" || exit 1
	for _kind in $kinds; do
		$2 -O2 $plain $(flags_of $_kind) -DHAVE_THUNKS -c \
			"$here/rewrite_main.c" -o "m-$1/main-$_kind.o" || exit 1
	done
}

# join DIR KIND LINK...: a program of what is prepared and DIR/alloc-hooked.o
join()
{
	_dir=$1 _kind=$2
	shift 2
	_main="$_dir/main-$_kind.o $_dir/other.o"
	_alloc="$_dir/alloc-hooked.o $_dir/hooks.o $_dir/thunks.o"
	case $_kind in
	pie) set -- "$@" -pie ;;
	nopie) set -- "$@" -no-pie ;;
	static) set -- "$@" -static ;;
	staticpie) set -- "$@" -static-pie ;;
	shared)
		build "$@" -shared -o "$_dir/liballoc.so" $_alloc || return 1
		_alloc=$_dir/liballoc.so ;;
	esac
	if [ "${_kind#static}" != "$_kind" ]; then
		build "$@" -o "$_dir/main" $_main "$_dir/lib.o" $_alloc
	else
		build "$@" -o "$_dir/main" $_main $_alloc "$_dir/liblib.so" \
			-Wl,-rpath,"$work/$_dir"
	fi
}

# matrix ARCH COMPILER RUNNER FLAGS LINK...: LINK is a file of link commands
matrix()
{
	_arch=$1 _compiler=$2 _runner=$3 _flags=$4 _links=$5
	for kind in $kinds; do
		_pic=$(flags_of $kind)
		[ $kind != shared ] || _pic=-fPIC
		$_compiler $_pic $plain -g $_flags -c "$here/rewrite_alloc.c" \
			-o "m-$_arch/alloc.o" || exit 1
		rewrite --hooks="m-$_arch/hooks.o" "m-$_arch/alloc.o" \
			"m-$_arch/alloc-hooked.o" >rewrite.log 2>&1 || {
			fail "$_compiler $_flags $kind: $(cat rewrite.log)"
			continue
		}
		while read -r link; do
			# gold and gcc cannot do that, hooks or not
			case $kind:$link in
			staticpie:*gold*) continue ;;
			esac
			runs=$((runs + 1))
			join "m-$_arch" $kind $link || continue
			timeout 60 $_runner "m-$_arch/main" >out 2>&1 ||
				fail "$_compiler $_flags $kind, $link: $(cat out)"
		done <"$_links"
	done
}

runs=0
kinds="pie nopie static staticpie shared"
prepare "$ARCH" "$cc"
: >links
if [ -n "$RUNNER" ]; then
	echo "$cc" >links
else
	for linker in bfd gold lld mold; do
		if command -v ld.$linker >/dev/null; then
			echo "$cc -fuse-ld=$linker"
		else
			skip "no ld.$linker" >&2
		fi
	done >links
fi
for flags in "-O2" "-O2 -ffunction-sections" "-O0"; do
	matrix "$ARCH" "$cc" "$RUNNER" "$flags" links
done
matrix "$ARCH" "$cc" "$RUNNER" "-O2 -fPIC -fno-semantic-interposition" links

# Who defined what, as the debug info tells.
addr=$(nm "m-$ARCH/main" | sed -n 's/^\([0-9a-f]*\) . __real_malloc$/\1/p')
[ -n "$addr" ] || addr=$(nm "m-$ARCH/liballoc.so" |
	sed -n 's/^\([0-9a-f]*\) . __real_malloc$/\1/p')
if [ -z "$RUNNER" ]; then
	line=$(addr2line -f -e "m-$ARCH/liballoc.so" "$addr" | tr '\n' ' ')
	case $line in
	"malloc "*rewrite_alloc.c:*) ;;
	*) fail "addr2line: $line" ;;
	esac
	is "frames that begin there" 1 "$(readelf --debug-dump=frames \
		"m-$ARCH/liballoc.so" 2>/dev/null | grep -c "FDE.*pc=$addr\.")"
	is "a hidden name" 0 "$(nm -D "m-$ARCH/liballoc.so" |
		grep -c '__real_\|__mallochooks')"
fi

if [ -z "$RUNNER" ] && command -v clang >/dev/null; then
	for flags in "-O2" "-O2 -fPIC -fno-semantic-interposition"; do
		matrix "$ARCH" clang "" "$flags" links
	done
else
	skip "clang: none, or not for this machine"
fi

# Of a foreign machine, if its compiler and its emulator are here.
cross=aarch64-linux-gnu
if [ "$ARCH" = x86_64 ] && command -v $cross-gcc >/dev/null &&
   command -v qemu-aarch64 >/dev/null; then
	prepare aarch64 $cross-gcc
	for linker in $cross-ld.bfd $cross-ld.gold ld.lld ld.mold; do
		command -v $linker >/dev/null || continue
		mkdir -p "with-$linker"
		ln -sf "$(command -v $linker)" "with-$linker/ld"
		echo "$cross-gcc -B$work/with-$linker"
	done >cross-links
	for flags in "-O2" "-O2 -fPIC -fno-semantic-interposition"; do
		matrix aarch64 $cross-gcc "qemu-aarch64 -L /usr/$cross" \
			"$flags" cross-links
	done
else
	skip "aarch64: no compiler or no emulator"
fi
echo "$runs links and runs"

# Without the thunk a caller loses what it keeps in registers: the test of this
# test.  gcc at -O2 only, where nothing but the same file is known.
if [ "$ARCH" = x86_64 ] && ! $cc --version | grep -q clang; then
	$cc -fPIE $plain -O2 -c "$here/rewrite_alloc.c" -o "m-$ARCH/alloc.o"
	rewrite --hooks="m-$ARCH/hooks.o" --self=direct "m-$ARCH/alloc.o" \
		"m-$ARCH/alloc-hooked.o"
	join "m-$ARCH" pie $cc && "m-$ARCH/main" >out 2>&1 &&
		fail "without thunks: nothing was lost"
	$cc -fPIE $plain -O2 -fno-ipa-ra -fno-ipa-stack-alignment -c \
		"$here/rewrite_alloc.c" -o "m-$ARCH/alloc.o"
	rewrite --hooks="m-$ARCH/hooks.o" --self=direct "m-$ARCH/alloc.o" \
		"m-$ARCH/alloc-hooked.o"
	join "m-$ARCH" pie $cc && ! "m-$ARCH/main" >out 2>&1 &&
		grep -v 'the caller: ' out | grep -q . &&
		fail "--self=direct: $(cat out)"
fi

# ---- allocators of others ------------------------------------------------------------------

strangers=0
for name in jemalloc jemalloc_pic tcmalloc_minimal mimalloc; do
	[ -z "$RUNNER" ] || break
	lib=$($cc -print-file-name=lib$name.a)
	[ -f "$lib" ] || { skip "no lib$name.a"; continue; }
	strangers=$((strangers + 1))
	rewrite --hooks="m-$ARCH/hooks.o" "$lib" stranger.a 2>err || {
		fail "$name: $(cat err)"
		continue
	}
	for link in -pie -no-pie -static; do
		build $cc -O2 -fno-builtin $link -o stranger \
			"$here/rewrite_strangers.c" "m-$ARCH/hooks.o" \
			"m-$ARCH/thunks.o" stranger.a -lstdc++ -lm -lpthread \
			-ldl || continue
		is "$name $link" "10001 1" "$(timeout 60 ./stranger 2>&1)"
	done
done
echo "$strangers allocators of others"
finish
