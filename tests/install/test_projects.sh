#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Projects that know nothing of us, with a real allocator of Debian's in them, are
# hooked by their LDFLAGS alone: a makefile, autoconf with libtool, and CMake, by
# each linker.  Each is an executable and shared objects; malloc is in the
# executable (make, autotools) or in a shared library (CMake).
#
# The calls that are to be seen are known from a program with a shared allocator
# and a preload that is nothing of ours (tests/projects/reference.c): by method
# replace all of the process, by wrap all but those of libc.
# takes: 30
# needs: native
# shellcheck disable=SC2317	# build_PROJECT is called by its project's name

for tool in autoreconf libtoolize cmake; do
	command -v $tool >/dev/null || { echo "no $tool"; exit 77; }
done
for library in jemalloc jemalloc_pic tcmalloc_minimal sqlite3 z; do
	case $($CC -print-file-name=lib$library.a) in
	/*) ;;
	*)	echo "no lib$library.a for $CC"; exit 77 ;;
	esac
done

. "$SRCDIR/tests/install/tree.sh"
linkers=
for linker in bfd gold lld mold; do
	if command -v ld.$linker >/dev/null; then
		linkers="$linkers $linker"
	else
		echo "# no ld.$linker"
	fi
done

prefix=$TMPDIR/replace
install_tree replace_defconfig
replace=$(pkg-config --variable=ldflags mallochooks)
strict=$(pkg-config --libs mallochooks)
# shellcheck disable=SC2034	# of tree.sh
prefix=$TMPDIR/wrap
install_tree wrap_defconfig
wrap=$(pkg-config --variable=ldflags mallochooks)
cd "$TMPDIR" || exit 1
for project in make autotools cmake; do
	cp -r "$SRCDIR/tests/projects/$project" $project
	cp -r "$SRCDIR/tests/projects/common" $project/src
done
$CC -O2 -fPIC -fno-builtin -shared -o reference.so \
	"$SRCDIR/tests/projects/reference.c" -ldl || exit 1

# quietly COMMAND...: its words only when it fails; "make: *** ..." tells where
quietly()
{
	"$@" >quiet.log 2>&1 && return
	not_ok "$*: $(tail -n 20 quiet.log)"
	return 1
}

# ---- what autoconf and CMake find out is the same ---------------------------------------

# configure NAME LDFLAGS: in a folder of its own
configure()
{
	mkdir "autotools/$1"
	cd "autotools/$1" || exit 1
	../configure -q CC="$CC" --prefix="$TMPDIR/root" LDFLAGS="$2" >log 2>&1 ||
		cat log
	sed -n -e '/^ac_cv_env/d' -e '/^[al][ct]_cv_/p' config.log >found
}

quietly sh -c 'cd autotools && autoreconf -i' || exit 1
configure unhooked "" &
(configure hooked "$replace")
wait
expect "autoconf finds the same" "" "$(diff autotools/unhooked/found \
	autotools/hooked/found 2>&1)"
grep -q 'ac_cv_func_malloc_usable_size=yes' autotools/hooked/found ||
	not_ok "autoconf finds no function of malloc's"
LDFLAGS=$replace quietly cmake -S cmake -B cmake/build
(
	LDFLAGS=$strict
	export LDFLAGS
	cmake -S cmake -B cmake/strict
) >log 2>&1 && not_ok "a trial program without malloc is linked"
tr '\n' ' ' <log | grep -q 'no object of this link defines malloc' ||
	not_ok "a trial program without malloc: $(tail -n 5 log)"

# ---- how each is built: build_PROJECT LDFLAGS [ALLOCATOR] -------------------------------
#
# Again in the same folder: only what depends on the flags is made anew.

build_make()
{
	rm -f make/wordsum make/libwords.so
	quietly make -C make CC="$CC" LDFLAGS="$1" ${2+ALLOCATOR="$2"}
}

build_autotools()
{
	(cd autotools/hooked && rm -f ./*.la wordsum)
	rm -rf root
	quietly make -C autotools/hooked LDFLAGS="$1" ${2+ALLOCATOR="$2"} install
}

build_cmake()
{
	quietly cmake -DCMAKE_EXE_LINKER_FLAGS="$1" \
		-DCMAKE_SHARED_LINKER_FLAGS="$1" \
		-DALLOCATOR="${2--l:libjemalloc_pic.a}" cmake/build &&
		quietly cmake --build cmake/build
}

program_of()
{
	case $1 in
	make)	echo make/wordsum ;;
	autotools) echo root/bin/wordsum ;;
	cmake)	echo cmake/build/wordsum ;;
	esac
}

# ---- and what comes of it ------------------------------------------------------------------

# works NAME PROJECT ALLOCATIONS, all stacks of the process together
works()
{
	MALLOCHOOKS=count.report=y timeout 60 "./$(program_of "$2")" >out 2>err
	expect "$1: status" 0 $?
	expect "$1: sum" "$sum" "$(cat out)"
	expect "$1: allocations" "$3" "$(awk '
		/^mallochooks: count: / { n += $3 }
		END { print n + 0 }' err)"
}

# shellcheck disable=SC2086
set -- $linkers
for project in make autotools cmake; do
	# libc's malloc would do too, but tcmalloc comes with libstdc++, which
	# allocates.
	case $project in
	autotools) shared=-ltcmalloc_minimal ;;
	*)	shared= ;;
	esac
	build_$project "" "$shared" || continue
	LD_PRELOAD=./reference.so "./$(program_of $project)" >out 2>err
	all=$(sed -n 's/^reference: \([0-9]*\) .*/\1/p' err)
	own=$(sed -n 's/^reference: .* \([0-9]*\) of them.*/\1/p' err)
	sum=$(cat out)
	[ "${own:-0}" -gt 10000 ] && [ "$all" -gt "$own" ] ||
		not_ok "$project: no reference: $(cat err)"

	build_$project "" && works "$project unhooked" $project 0
	for linker in $linkers; do
		build_$project "$replace -fuse-ld=$linker" &&
			works "$project replace $linker" $project "$all"
	done
	# Method wrap by one linker each; tests/matrix has the others.
	build_$project "$wrap -fuse-ld=$1" &&
		works "$project wrap $1" $project "$own"
	[ $# -eq 1 ] || shift
done

# Where the flags reach only the one output that has malloc, the strict ones do.
rm -r cmake/build
quietly cmake -S cmake -B cmake/build -DCMAKE_SHARED_LINKER_FLAGS="$strict" &&
	quietly cmake --build cmake/build &&
	works "CMake, shared objects only" cmake "$all"
exit $failed
