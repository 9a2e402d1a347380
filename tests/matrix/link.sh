# SPDX-License-Identifier: MIT
#
# link.sh - one link, and what its program has to say; sourced
#
# Of whoever sources it: $compiler, $chosen (how that is told the linker), $behind
# (where it finds that), $preloaded (a unit or nothing), and a function fail.

# try_link OUT WORDS...: what the linker says is left in link.log
try_link()
{
	_out=$1
	shift
	rm -f "$_out"
	# shellcheck disable=SC2086
	$limit $compiler $chosen -o "$_out" "$@" $behind >link.log 2>&1
}

# run WORDS...: prog, which ends with 42; an emulator must not be preloaded itself
# shellcheck disable=SC2086
run()
{
	_with= _emulator=$RUNNER
	case $preloaded:$RUNNER in
	?*:?*)	_emulator="$RUNNER -E LD_PRELOAD=$preloaded" ;;
	?*:)	_with=LD_PRELOAD=$preloaded ;;
	esac
	LD_LIBRARY_PATH=.:$work $limit env $_with $_emulator ./prog "$@" >out 2>err
}

# works NAME WORDS...: all calls that were to be made were, and nothing was wrong
works()
{
	_name=$1
	shift
	run "$@"
	_status=$?
	_calls=$(echo "calls of $*" | sed -e 's/tail=[0-9] *//' -e 's/ array.*//' \
		-e 's/ inits.*//' -e 's/=[0-9]//g')
	case $_status in
	42)
		[ "$(cat out)" = "$_calls" ] ||
			fail "$_name: says $(cat out), not $_calls"
		[ ! -s err ] || fail "$_name: says $(head -n 5 err)" ;;
	124 | 137)
		fail "$_name: comes to no end: $(head -n 5 err)" ;;
	*)
		fail "$_name: status $_status: $(head -n 8 err)" ;;
	esac
}

# says NAME TEXT FILE
says()
{
	grep -q -e "$2" "$3" ||
		fail "$1: does not say \"$2\", but $(head -n 5 "$3")"
}
