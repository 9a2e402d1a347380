#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_sites_threads - exact counts with 1,000 threads alive, with 10,000 in a
# row, with more than there are shards, and under a storm of signals; what they
# cost in memory

. "$SRCDIR/tests/process/common.sh"

compile threads "$here/sites_threads.c" -pthread
compile storm "$here/sites_storm.c" -pthread
compile libtally.so -shared -fPIC -Wl,-soname,libtally.so "$here/tally.c"
preload sites sites
preload few sites --cflags="-O2 -DSITES_SHARDS=3"

live=1000 short=10000 storm=150
[ -z "$RUNNER" ] || live=60 short=500 storm=4

# try NAME UNIT HOW N
try()
{
	rm -rf files
	mkdir files
	with "LD_PRELOAD=$work/$2.so MALLOCHOOKS=sites.dir=files" \
		./threads "$3" "$4" >out 2>err
	status=$?
	if [ $status -eq 77 ]; then
		skip "$1: $(cat out)"
		return
	fi
	is "$1" 0 $status
	[ ! -s err ] || fail "$1: $(cat err)"
	read -r births resident <out
	is "$1: births, bytes, frees" "$births $((births * 21)) $births" \
		"$(python3 "$here/sites.py" places files/* |
		awk '$2 ~ /\/threads$/ && $4 == "malloc" { n += $5; bytes += $6 }
		     $2 ~ /\/threads$/ && $4 == "free" { frees += $5 }
		     END { print n, bytes, frees }')"
	is "$1: nothing lost" "0 0" "$(python3 "$here/sites.py" field lost_calls \
		files/*) $(python3 "$here/sites.py" field lost_frees files/*)"
	shards=$(python3 "$here/sites.py" field shards files/*)
	pages=$(python3 "$here/sites.py" field pages_used files/*)
}

# bare N: the memory of that many without us
bare()
{
	with "" ./threads live "$1" >out
	read -r _ bare <out
}

try "live" sites live $live
if [ $status -eq 0 ]; then
	with_us=$resident
	bare $live
	# of the file a page each, of memory an index of one
	[ -n "$RUNNER" ] || [ $(((with_us - bare) / live)) -le 10 ] ||
		fail "live: $with_us KiB resident, $bare without hooks"
	echo "live: $with_us KiB resident, $bare without hooks"
	[ "$shards" -gt $live ] || fail "live: $shards shards"
	# a page each, one of the modules, the header
	[ "$pages" -le $((live + 6)) ] || fail "live: $pages pages"
fi
try "short" sites short $short
# Threads that are gone leave their shards to others.
[ $status -ne 0 ] || [ "$shards" -lt 200 ] || fail "short: $shards shards"
# What all threads together may take is set, and the file is no longer.
is "short: bytes of the file" 67108864 "$(stat -c %s files/*)"
[ "$(stat -c %b files/*)" -le 2048 ] || fail "short: $(stat -c %b files/*) blocks"
try "live, 3 shards" few live $live
[ $status -ne 0 ] || is "live, 3 shards: shards" 3 "$shards"
try "short, 3 shards" few short $short
try "handler" sites handler 20

# Signals at any instant, in the layer itself too, whose handler counts at sites
# of its own.  Elsewhere an addition is three instructions: hooks/count.c.
rm -rf files
mkdir files
with "LD_PRELOAD=$work/sites.so:$work/libtally.so MALLOCHOOKS=sites.dir=files" \
	./storm $storm >out 2>err
is "storm" 0 $?
[ ! -s err ] || fail "storm: $(cat err)"
python3 "$here/sites.py" places files/* | awk '
	$2 ~ /\/storm$/ && $4 == "malloc" { n += $5; bytes += $6 }
	$2 ~ /\/storm$/ && $4 == "free" { frees += $5 }
	END { print n, bytes, frees }' >got
is "storm: nothing lost" 0 "$(python3 "$here/sites.py" field lost_calls files/*)"
read -r births bytes frees signals <out
case $ARCH in
x86_64)
	is "storm: births, bytes, frees" "$births $bytes $frees" "$(cat got)" ;;
*)
	read -r n _ n_frees <got
	[ "$n" -le "$births" ] && [ "$n" -ge $((births - signals)) ] &&
		[ "$n_frees" -le "$frees" ] &&
		[ "$n_frees" -ge $((frees - signals)) ] ||
		fail "storm: $(cat out) made, $(cat got) found" ;;
esac
finish
