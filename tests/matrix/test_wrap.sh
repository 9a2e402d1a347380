#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_wrap - methods wrap and wrapdl, beside the matrix: families that are not
# whole, options, plug-ins, shared libraries that nobody seems to need, clients
# with -flto, wrappers of the client's own
#
# takes: 15

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/matrix/matrix.sh"
. "$SRCDIR/tests/matrix/link.sh"

nr=0 preloaded=
ours="here=1 array=1 inits=1"

find_linkers
find_compilers
find_allocators
for compiler in $compilers; do
	objects $compiler no-pie PIE PIC &
done
for method in wrap wrapdl; do
	stack $method
done
wait
wrap=$(cat wrap.words)

# right NAME WORDS...: prog, just linked by try_link
right()
{
	_linked=$?
	_name="$linker, $compiler: $1"
	shift
	nr=$((nr + 1))
	if [ $_linked -eq 0 ]; then
		works "$_name" "$@"
	else
		fail "$_name: does not link: $(head -n 5 link.log)"
	fi
}

# What a static program's own family lacks fails with ENOMEM.  lld would fetch
# libc.a's for the calls, as without hooks.
stubs()
{
	[ $linker != lld ] || return
	# shellcheck disable=SC2086
	try_link prog -static $compiler/no-pie/main.o stub-$compiler.o \
		$compiler/no-pie/seen.o $compiler/no-pie/own_small.o $wrap
	right "stubs" $ours
}

# Options come from the environment, and the constructor reads them.
options()
{
	# shellcheck disable=SC2086
	try_link prog -static $compiler/no-pie/main.o $compiler/no-pie/calls.o \
		$compiler/no-pie/seen.o $wrap
	right "static" $ours
	# shellcheck disable=SC2086
	with MALLOCHOOKS=count.report=y ./prog $ours >out 2>err
	grep -q '^mallochooks: mx:count: [1-9][0-9]* allocations' err ||
		fail "$linker: static: no report: $(cat err)"
}

# A late plug-in's chunks are those of the host's allocator.
plugins()
{
	[ -n "${jemalloc_so-}" ] || return
	for method in wrap wrapdl; do
		# shellcheck disable=SC2046
		try_link libprog.so -shared $compiler/PIC/calls-jemalloc.o \
			$compiler/PIC/seen.o $(cat $method.words) &&
		try_link prog "$here/host.c" -Wl,--no-as-needed $jemalloc_so -ldl
		right "$method: plug-in" $ours usable=112
	done
	# Told first, our words keep the library that has the real malloc.
	# shellcheck disable=SC2086
	try_link prog -Wl,--as-needed $wrap $compiler/PIE/main.o \
		$compiler/PIE/calls-jemalloc.o $compiler/PIE/seen.o $jemalloc_so
	right "words first, as needed" $ours usable=112
}

# A client with -flto.
lto()
{
	case $compiler-$linker in
	clang-bfd | clang-gold | clang-mold | *gcc-lld)
		return ;;	# want LLVMgold.so; cannot read GIMPLE
	esac
	for _file in calls main seen; do
		object lto-$_file $compiler $_file.c -flto -fPIE
	done
	# shellcheck disable=SC2086
	try_link prog -flto -O2 -pie lto-main.o lto-calls.o lto-seen.o $wrap
	right "-flto" $ours
}

# A wrapper of the client's own for the same function is told by name.
rivals()
{
	# shellcheck disable=SC2086
	if try_link prog rival.c $compiler/PIE/main.o $compiler/PIE/calls.o \
		$compiler/PIE/seen.o $wrap; then
		fail "$linker: two __wrap_malloc are not refused"
	else
		says "$linker: two __wrap_malloc" __wrap_malloc link.log
	fi
}

echo 'void *__wrap_malloc(unsigned long n) { return (void *)n; }' >rival.c
for compiler in $compilers; do
	object stub-$compiler $compiler calls.c -fno-pie -DSMALL=1 -DSTUB=1
done
turn=0
for linker in $linkers; do
	chosen=-fuse-ld=$linker
	for compiler in $compilers; do
		lto
	done
	# shellcheck disable=SC2086
	set -- $compilers
	shift $((turn % $#))
	turn=$((turn + 1))
	compiler=$1
	stubs
	options
	plugins
	rivals
done
echo "$nr links"
finish
