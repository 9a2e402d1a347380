# SPDX-License-Identifier: MIT
#
# rewrite_common.sh - what the tests of "mallochooks rewrite" share; sourced,
# behind common.sh

here=$SRCDIR/tests/tools

case $ARCH in
generic) skip_all "no thunks for the generic architecture" ;;
esac

rewrite()
{
	timeout 60 "$tool" rewrite "$@"
}

# build WORDS...: or say what went wrong
build()
{
	"$@" >build.log 2>&1 && return
	fail "$*: $(head -n 5 build.log)"
	return 1
}

# The hook adds 100 to what inc() says, and counts.
make_inc()
{
	_inc=$here/rewrite_inc.c
	_thunk="-fPIC -DMH_SELF_RETURNS=word -c $SRCDIR/arch/$ARCH/self.S"
	# shellcheck disable=SC2086
	{
		$cc -O2 -fPIC -DHOOKS -c "$_inc" -o inc_hooks.o
		$cc -O2 -fPIC -DHOOKS -DENTRY_ONLY -c "$_inc" -o inc_static.o
		$cc -O2 -fPIC -c "$_inc" -o inc_main.o
		$cc -O2 -fPIC -DOUTSIDE -c "$_inc" -o inc_outside.o
		$cc -DMH_SELF=inc $_thunk -o inc_thunk.o
		$cc -DMH_SELF=inc -DMH_SELF_TARGET=__mallochooks_entry_inc \
			$_thunk -o inc_static_thunk.o
	} || exit 1
}

# says NAME WANTED OBJECTS...: what a program of these prints
says()
{
	_name=$1 _wanted=$2
	shift 2
	# shellcheck disable=SC2086
	build $cc -o inc "$@" || return
	# shellcheck disable=SC2086
	is "$_name" "$_wanted" "$(timeout 60 $RUNNER ./inc 2>&1)"
}
