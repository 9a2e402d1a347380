#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_differential - every entry against the real library, line by line
#
# The same program on the bare library and hooked, over four libraries and
# through stacks of every calloc mode, of layers that look and that enlarge.
#
# timeout: 240
# takes: 20

. "$SRCDIR/tests/process/common.sh"
src=$SRCDIR/tests/hooks

[ -z "$RUNNER" ] || export DIFFERENTIAL_EMULATED=y
compile differential -fno-builtin "$src/differential.c" -ldl
preload auto count,event
preload hooked count,event --calloc=hooked
preload emulated log,count,event --calloc=emulated
preload enlarge "$src/enlarge.c,count"
preload events count,event --transforming --sources="$src/enlarge_events.c"

# sound BARE HOOKED: HOOKED without what proves nothing, because the bare library
# broke its own promise there: a chunk smaller than asked, or a failure that left
# errno as it was.  A product that overflows is ENOMEM with us in any case, and so
# is what only a layer's share made too big.
sound()
{
	awk -v kind="$kind" '
	NR == FNR { bare[FNR] = $0; next }
	bare[FNR] ~ /SMALLER THAN ASKED/ { next }
	bare[FNR] ~ /errno 0: NULL errno 0$|errno 77: NULL errno 77$/ &&
	(kind == "roomy" || /calloc|reallocarray/) {
		sub(/ errno [0-9]*$/, "")
	}
	{ print }' "$1" "$2"
}

# run NAME KIND LIBRARY ENVIRONMENT
run()
{
	with "$4 MALLOCHOOKS=log.fd=9" ./differential "$2" "$3" \
		>"$1" 2>err 9>/dev/null
	is "$1: exit status" 0 $?
	is "$1: last line" end "$(tail -n 1 "$1")"
}

# against STACK KIND WORDS: hooked as bare
against()
{
	kind=$2
	run "$name.$1" $kind "$library" \
		"LD_PRELOAD=$work/$1.so${behind:+:$behind} ${3-}"
	sound "$name.$kind" "$name.$kind" >wanted
	sound "$name.$kind" "$name.$1" >got
	same "$name, $1" wanted got
}

for library in libc.so.6 libjemalloc.so.2 libtcmalloc_minimal.so.4 \
	libmimalloc.so.2.0; do
	name=${library%%.*}
	behind=
	[ "$name" = libc ] || behind=$library
	with "${behind:+LD_PRELOAD=$behind}" ./differential roomy "$library" \
		>/dev/null 2>err
	case $?:$(cat err) in
	0:*) ;;
	*)	[ "$name" != libc ] || fail "libc: does not work unhooked"
		skip "$name is not here, or does not work: $(head -n 1 err)"
		continue ;;
	esac
	run "$name.exact" exact "$library" "${behind:+LD_PRELOAD=$behind}"
	run "$name.roomy" roomy "$library" "${behind:+LD_PRELOAD=$behind}"
	echo "$name: $(wc -l <"$name.exact") lines"
	against auto exact
	against hooked exact
	against emulated exact
	against enlarge roomy DIFFERENTIAL_SHARE=64
	against events roomy DIFFERENTIAL_SHARE=64
done
finish
