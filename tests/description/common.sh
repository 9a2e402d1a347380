# SPDX-License-Identifier: MIT
#
# common.sh - descriptions made into hooks, and linked; sourced behind that of
# tests/process

src=$SRCDIR/tests/description
linkers=
for _linker in bfd gold lld mold; do
	if command -v ld.$_linker >/dev/null; then
		linkers="$linkers $_linker"
	else
		skip "no ld.$_linker"
	fi
done

# object OUT WORDS...
object()
{
	_out=$1
	shift
	$cc -O2 -g -Wall -Wextra -fno-builtin -I"$SRCDIR/include" -I"$src" \
		-o "$_out" "$@" >compile.log 2>&1 || {
		cat compile.log
		echo "$_out did not compile"
		exit 1
	}
}

# make_hooks NAME DESCRIPTION WORDS...: NAME.o; the words of its link in $words and
# $hooks.  Every warning is an error: the C that was written is looked at, too.
make_hooks()
{
	_name=$1 _description=$2
	shift 2
	_runtime=
	case $cc:$(cat "$_description") in
	"$CC:"*preload* | "$CC:"*wrapdl*)
		_runtime=--runtime=$BUILDDIR/tests/runtime/preload/runtime.list ;;
	"$CC:"*)
		_runtime=--runtime=$BUILDDIR/tests/runtime/wrap/runtime.list ;;
	esac
	"$tool" stack ${_runtime:+"$_runtime"} --source-dir="$SRCDIR" --lib-dir="$BUILDDIR" --cc="$cc" \
		--cflags="-O2 -Wall -Wextra -Werror" \
		--description="$_description" "$@" -o "$_name.o" \
		>compose.log 2>&1 || {
		cat "$_description" compose.log
		echo "$_name was not made"
		exit 1
	}
	[ ! -s compose.log ] || fail "$_name: says $(cat compose.log)"
	printf 'include %s.mk\nwords:; @echo '"'"'$(MALLOCHOOKS_OBJ) $(MALLOCHOOKS_LDFLAGS)'"'"'\n' \
		"$_name" >words.mk
	words=$(make -s -f words.mk words)
}

# link_prog NAME WORDS...: prog
link_prog()
{
	_name=$1
	shift
	rm -f prog
	# shellcheck disable=SC2086
	$cc -o prog "$@" $words >link.log 2>&1 || {
		fail "$_name: $(head -n 5 link.log)"
		return 1
	}
}
