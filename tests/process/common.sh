# SPDX-License-Identifier: MIT
#
# common.sh - what the scripts of this room share; sourced, not run
#
# A script works in a directory of its own, composes the stacks that it wants,
# goes on after a failed check, and ends with "finish".

set -u

here=$SRCDIR/tests/process
tool=$MALLOCHOOKS_TOOL
cc=${CC:-cc}
cxx=${CXX:-c++}
RUNNER=${RUNNER-}
# Of a foreign machine, libconfig lies where cmocka does.
if [ -f "${MH_CMOCKA-}" ]; then
	for foreign in "${MH_CMOCKA%/complete}"/usr/lib/*/; do
		cc="$cc -B$foreign -isystem ${MH_CMOCKA%/complete}/usr/include"
	done
fi
LC_ALL=C
export LC_ALL
unset LD_PRELOAD LD_AUDIT LD_BIND_NOW LD_LIBRARY_PATH MALLOCHOOKS

work=$(mktemp -d) || exit 1
trap 'cd /; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
failures=0

fail()
{
	echo "not ok: $*"
	failures=$((failures + 1))
}

skip_all()
{
	echo "$*"
	exit 77
}

# What cannot be had here is said, and the rest goes on.
skip()
{
	echo "skipped: $*"
}

finish()
{
	[ "$failures" -eq 0 ] || echo "$failures failed"
	exit $((failures > 0))
}

# is NAME WANTED GOT
is()
{
	[ "$2" = "$3" ] || fail "$1: wanted \"$2\", got \"$3\""
}

# same NAME WANTED-FILE GOT-FILE
same()
{
	cmp -s "$2" "$3" || {
		fail "$1: differs from what it was without hooks"
		diff "$2" "$3" | head -n 10
	}
}

# compile OUT WORDS...: flags first, sources, libraries last
compile()
{
	_out=$1
	shift
	# shellcheck disable=SC2086
	$cc -O2 -g -Wall -Wextra -fno-builtin-malloc -fno-builtin-calloc \
		-fno-builtin-realloc -fno-builtin-free -I"$SRCDIR/include" \
		-I"$SRCDIR/index" -I"$here" -o "$_out" "$@" >compile.log 2>&1 || {
		cat compile.log
		echo "$_out did not compile"
		exit 1
	}
}

compile_cxx()
{
	_out=$1
	shift
	# shellcheck disable=SC2086
	$cxx -O2 -g -Wall -Wextra -fno-builtin -I"$SRCDIR/include" -I"$here" \
		-o "$_out" "$@" >compile.log 2>&1 || {
		cat compile.log
		echo "$_out did not compile"
		exit 1
	}
}

# runtime_of WORDS...: $_runtime, "--runtime=FILE" for such a stack, as make check
# has made it; nothing for flags that it was not made with
runtime_of()
{
	case " $* " in
	*" --cflags="* | *" --cc="*)
		_runtime=
		return ;;
	*" --method=wrap "* | *" --method=replace "*)
		_runtime=$BUILDDIR/tests/runtime/wrap ;;
	*)	_runtime=$BUILDDIR/tests/runtime/preload ;;
	esac
	cat "$_runtime/log" >compose.log	# what it lacks
	_runtime=--runtime=$_runtime/runtime.list
}

# compose NAME LAYERS OPTIONS...: NAME.o, of the built-in configuration; without
# what debuggers read, which takes a quarter of the time
compose()
{
	_name=$1 _layers=$2
	shift 2
	: >compose.log
	runtime_of "$@"
	CFLAGS=${CFLAGS:--O2} "$tool" stack ${_runtime:+"$_runtime"} --source-dir="$SRCDIR" \
		--arch="$ARCH" --cc="$cc" --method=preload --layers="$_layers" "$@" \
		-o "$_name.o" >>compose.log 2>&1 || {
		cat compose.log
		echo "$_name was not composed"
		exit 1
	}
}

# preload NAME LAYERS OPTIONS...: NAME.so, linked as the Makefile links ours
preload()
{
	compose "$@"
	link "$1.so" -Wl,-z,initfirst "$1.o"
}

# link UNIT.so WORDS...
link()
{
	_out=$1
	shift
	# shellcheck disable=SC2086
	$cc -shared -fPIC -O2 -Wl,-z,nodelete -Wl,-z,defs -Wl,--build-id \
		-Wl,-soname,"$_out" -I"$SRCDIR/include" -I"$here" -o "$_out" \
		"$@" >compile.log 2>&1 || {
		cat compile.log
		echo "$_out was not linked"
		exit 1
	}
}

# with "VAR=VALUE..." COMMAND...: run it, killed after a minute, with these in
# its environment alone.  An emulator must not be preloaded itself.
with()
{
	_settings=$1
	shift
	_host='' _guest=''
	for _setting in $_settings; do
		case $RUNNER:$_setting in
		?*:LD_*) _guest="$_guest -E $_setting" ;;
		*) _host="$_host $_setting" ;;
		esac
	done
	# shellcheck disable=SC2086
	timeout -k 5 60 env $_host $RUNNER $_guest "$@"
}

# under UNIT.so COMMAND...: run it hooked
under()
{
	_unit=$work/$1
	shift
	with "LD_PRELOAD=$_unit" "$@"
}
