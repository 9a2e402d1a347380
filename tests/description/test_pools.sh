#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_pools - allocators with names of their own, by every method: what the
# handlers of each see is what its functions counted themselves
#
# takes: 50
# needs: native
# timeout: 600

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/description/common.sh"

for source in pools pools_inner pools_static pools_main pools_seen; do
	object $source.o -c "$src/$source.c"
	object pic_$source.o -fPIC -c "$src/$source.c"
done
$cc -shared -o libpools.so pic_pools.o pic_pools_inner.o || exit 1
objects="pools_main.o pools.o pools_inner.o pools_static.o pools_seen.o"

# conf METHOD LIBC-METHOD LAYERS STATIC: d.conf
conf()
{
	_static=
	[ -z "$4" ] || _static=", { ident = \"static\"; event-ident = \"ev_static\"; \
method = \"replace\"; layers = [ \"event\" ]; alloc = \"pools_static.o:sp_alloc(Z)p\"; }"
	sed -e "s/METHOD/$1/" -e "s/LIBC/$2/" -e "s|LAYERS|$3|" \
		-e "s|STATIC|$_static|" "$src/pools.conf" >d.conf
}

# plays NAME WORDS...: ./prog, three times
plays()
{
	_name=$1
	shift
	for play in plain enlarge cancel; do
		got=$(PLAY=$play timeout 60 "$@" 2>&1 | sort | uniq -c | sed "s,^ *1 ,," | head -n 12)
		is "$_name, $play" "all well" "$got"
	done
}

# ---- replace: by every linker -------------------------------------------------------

conf replace wrap "" static
make_hooks replace d.conf
for linker in $linkers; do
	link_prog "replace, $linker" -fuse-ld=$linker -rdynamic $objects &&
		plays "replace, $linker" ./prog static
done

# A malloc of the program's own beside the pools; main and the handlers by -flto.
conf replace replace "" static
make_hooks whole d.conf
object malloc.o -c "$SRCDIR/tests/hooks/family_pool.c"
object lto_main.o -flto -c "$src/pools_main.c"
object lto_seen.o -flto -c "$src/pools_seen.c"
for linker in $linkers; do
	case $linker in
	bfd | gold) ;;
	*) continue ;;	# ours have no plugin of gcc's
	esac
	link_prog "whole, $linker" -fuse-ld=$linker -flto -O2 -rdynamic lto_main.o \
		lto_seen.o pools.o pools_inner.o pools_static.o malloc.o &&
		plays "whole, $linker" ./prog static
done

# The same with the layers of everybody, zalloc made of malloc, and by clang.
conf replace wrap '"count", "sites", "index",' static
sed 's|transforming = true;|calloc = "emulated"; &|' d.conf >e.conf
make_hooks layers e.conf
link_prog "layers" -rdynamic $objects && plays "layers" ./prog static
got=$(MALLOCHOOKS=list:count.report=y ./prog static 2>&1 | grep -c 'count: [1-9]')
is "the count of one" 1 "$got"
if command -v clang >/dev/null; then
	cc=clang make_hooks clang d.conf --compose=separate
	link_prog "clang" -rdynamic $objects && plays "clang" ./prog static
fi

# A layer that takes a share, and above it one without calloc.
conf replace wrap "" static
tests=$SRCDIR/tests
sed "s|layers = \[ \(.*\) \]; transforming|layers = [ \"$tests/bench/nocalloc.c\", \
	\"$tests/hooks/enlarge.c\", \1 ]; transforming|" d.conf >s.conf
make_hooks share s.conf
link_prog "share" -rdynamic $objects && plays "share" ./prog static

# ---- wrap, wrapdl ------------------------------------------------------------------

conf wrap wrap "" ""
make_hooks wrap d.conf
for linker in $linkers; do
	link_prog "wrap, $linker" -fuse-ld=$linker -rdynamic $objects &&
		plays "wrap, $linker" ./prog
done
rm -f libpools.a
ar rc libpools.a pools.o pools_inner.o
link_prog "wrap, archive" -rdynamic pools_main.o pools_static.o pools_seen.o \
	-L. -l:libpools.a && plays "wrap, archive" ./prog
conf wrapdl wrap "" ""
make_hooks wrapdl d.conf
link_prog "wrapdl" -rdynamic pools_main.o pools_static.o pools_seen.o \
	pools_inner.o pools.o && plays "wrapdl" ./prog

# ---- preload --------------------------------------------------------------------------

conf preload preload "" ""
make_hooks preload d.conf
$cc -shared -Wl,-z,nodelete -Wl,-z,initfirst -o preload.so preload.o pic_pools_seen.o || exit 1
$cc -rdynamic -o plain pools_main.o pools_static.o -L. -lpools -Wl,-rpath,. || exit 1
plays "preload" env LD_PRELOAD=./preload.so ./plain
finish
