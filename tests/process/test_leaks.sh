#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_leaks - what becomes of the chunks of each site, where the index stands below
# sites: alive, freed and how soon, at the peak; to the digit, however the process
# ends, with threads, forks, closed libraries, no room
#
# takes: 20

. "$SRCDIR/tests/process/common.sh"

compile leaks "$here/leaks.c" -pthread -ldl
compile libleaks.so -shared -fPIC "$here/leaks_lib.c"
compile exact "$here/sites_exact.c" -pthread
compile storm "$here/sites_storm.c" -pthread
compile libtally.so -shared -fPIC -Wl,-soname,libtally.so "$here/tally.c"
preload lives sites,index
preload apart sites,index --compose=separate
preload few sites,index --cflags="-O2 -DSITES_SHARDS=2"
preload wrong index,sites
for module in leaks libleaks.so; do
	nm --defined-only $module |
		awk -v module=$module '$2 ~ /^[tT]$/ { print module, $1, $3 }'
done >symbols

sites()
{
	python3 "$here/sites.py" "$@"
}

# run NAME STATUS UNIT OPTIONS WORDS...: its files are in files
run()
{
	_name=$1 _want=$2 _unit=$3 _options=$4
	shift 4
	rm -rf files
	mkdir files
	with "LD_PRELOAD=$work/$_unit.so MALLOCHOOKS=sites.dir=files${_options:+,$_options}" \
		"$@" >out 2>err
	is "$_name: exit status" "$_want" $?
	[ ! -s err ] || [ "$_want" = 137 ] || fail "$_name: $(cat err)"
	sites check files/* || fail "$_name: the format's rules do not hold"
}

# lives FILE...: "function alive bytes at-once short long peak bytes inherited
# bytes" of the program's own places
lives()
{
	sites lives "$@" | python3 -c '
import sys
symbols = sorted((module, int(at, 16), name)
                 for module, at, name in map(str.split, open("symbols")))
for line in sys.stdin:
    build_id, path, address, *numbers = line.split()
    names = [name for module, at, name in symbols
             if module == path.split("/")[-1] and at < int(address, 16)]
    name = names[-1].split(".")[0] if names else None	# constprop
    if name and any(number != "0" for number in numbers):
        print(name, *numbers)
' | sort
}

# place NAME [COLUMNS]: numbers of a function
place()
{
	awk -v name="$1" -v columns="${2-2,3}" '$1 == name {
		n = split(columns, column, ",")
		for (i = 1; i <= n; i++)
			printf "%s%s", $column[i], i < n ? " " : "\n"
	}' lived
}

# ---- places that are known ----------------------------------------------------------

# known NAME: of "leaks END"
known()
{
	lives files/* >lived
	is "$1: leaks_some" "15 4545" "$(place leaks_some)"
	is "$1: makes" "1 77" "$(place makes)"
	is "$1: aligns" "1 500" "$(place aligns)"
	is "$1: resizes" "1 33 1 0 0" "$(place resizes 2,3,4,5,6)"
	is "$1: leaks_nothing" "0 0 501" "$(place leaks_nothing 2,3,4)"
	is "$1: nothing else lives" 4 "$(awk '$2 || $3 { n++ } END { print n }' lived)"
	# How soon the others were freed is told by a hash of their addresses.
	is "$1: freed later" "1019 1990" \
		"$(awk '$1 == "leaks_nothing" { a = $5 + $6 }
			$1 == "leaks_some" { b = $5 + $6 } END { print a, b }' lived)"
	[ "$(place leaks_nothing 5)" -ge 15 ] ||
		fail "$1: of 19 young chunks $(place leaks_nothing 5) were freed soon"
	[ "$(place leaks_nothing 6)" -ge 1000 ] ||
		fail "$1: of 1,000 old chunks $(place leaks_nothing 6) were freed late"
	is "$1: peak: is_largest" "1 3145728" "$(place is_largest 7,8)"
	is "$1: peak: leaks_some" "15 4545" "$(place leaks_some 7,8)"
	is "$1: peak: leaks_nothing" "0 0" "$(place leaks_nothing 7,8)"
}

for how in lives,0,exit lives,0,_exit lives,1000,SIGKILL lives,1000,exec \
	   apart,1000,exit; do
	status=0 unit=${how%%,*} end=${how##*,} after=${how#*,}
	if [ -n "$RUNNER" ] && [ $end = exec ]; then
		skip "$how: the emulator is not there for what it executes"
		continue
	fi
	[ $end != SIGKILL ] || status=137
	run "$how" $status $unit "sites.after=${after%,*}" ./leaks $end
	known "$how"
done
run "no peak" 0 lives sites.peak=0 ./leaks exit
lives files/* >lived
is "no peak" "15 4545 0 0" "$(place leaks_some 2,3,7,8)"

# ---- threads --------------------------------------------------------------------------

# threads NAME UNIT AFTER
threads()
{
	run "$1" 0 "$2" "sites.after=$3" ./leaks exit threads
	lives files/* >lived
	is "$1" "40 380" "$(place in_thread)"
	is "$1: died" 59960 "$(place in_thread 4,5,6 | awk '{ print $1 + $2 + $3 }')"
	# 3 percent, and as much again of what threads keep to themselves
	got=$(place in_thread 8)
	[ "$got" -ge 178000 ] && [ "$got" -le 190000 ] ||
		fail "$1: $got bytes at the peak, of 190000"
}
threads "threads" lives 0
threads "threads, after 1000" lives 1000
run "threads, 2 shards" 0 few "" ./leaks exit threads
lives files/* >lived
is "threads, 2 shards" "40 380" "$(place in_thread)"

# All is freed in the end, at 320 places, by four ways, from eight threads.
turns=3000
[ -z "$RUNNER" ] || turns=300
for after in 0 4096; do
	run "exact, after $after" 0 lives sites.after=$after ./exact 8 $turns 7
	sites lives files/* | awk '$2 ~ /\/exact$/' >lived
	is "exact, after $after" "" "$(awk '$4 || $5' lived)"
	[ "$(awk '$6 + $7 + $8' lived | wc -l)" -gt 100 ] ||
		fail "exact, after $after: only $(wc -l <lived) places"
	is "exact, after $after: died" "$(sites places files/* | awk '
			$2 ~ /\/exact$/ && $4 == "free" { n += $5 } END { print n }')" \
		"$(awk '{ n += $6 + $7 + $8 } END { print n }' lived)"
done

# Signal handlers that allocate and free, at any instant.  Elsewhere an addition
# is three instructions: hooks/count.c.
storm=100
[ -z "$RUNNER" ] || storm=4
run "storm" 0 "lives.so:$work/libtally" "" ./storm $storm
[ "$ARCH" != x86_64 ] || is "storm: alive" "" "$(sites lives files/* |
	awk '$2 ~ /\/storm$/ && ($4 || $5)')"

# ---- children ---------------------------------------------------------------------------

for after in 0 1000; do
	run "fork, $after" 0 lives sites.after=$after ./leaks exit fork
	# the parent is too short for one
	is "fork, $after: files" $((after ? 1 : 2)) "$(ls files | wc -l)"
	for file in files/*; do
		lives "$file" >lived
		if [ -n "$(place in_child)" ]; then
			is "fork, $after: child: in_child" "5 95 6000" \
				"$(place in_child 2,3,4)"
			# 70 * 60, and one that has grown to 600
			is "fork, $after: child: before_fork" "70 4740 100 6000" \
				"$(place before_fork 2,3,9,10)"
			is "fork, $after: child: resizes" "" "$(place resizes)"
		else
			is "fork, $after: parent" "0 0 100 0 0" \
				"$(place before_fork 2,3,4,9,10 |
				awk '{ print $1, $2, 100, $4, $5 }')"
			is "fork, $after: parent: died" 100 "$(place before_fork 4,5,6 |
				awk '{ print $1 + $2 + $3 }')"
		fi
	done
done

# ---- libraries, peaks ---------------------------------------------------------------------

run "module" 0 lives "" ./leaks exit module
lives files/* >lived
is "module" "1 123" "$(place leaks_lib_make)"
is "module: died" 2 "$(place leaks_lib_make 4,5,6 | awk '{ print $1 + $2 + $3 }')"

for percent in 3 1 20; do
	run "peak, $percent" 0 lives "sites.after=0,sites.peak=$percent" \
		./leaks exit growth
	lives files/* >lived
	most=$(cat out)
	got=$(place grows 8)
	# and a 1,024th, or 4 KiB, that the thread keeps to itself
	least=$((most * 100 / (100 + percent) - most / 1024 - 4096))
	[ "$got" -le "$most" ] && [ "$got" -ge $least ] ||
		fail "peak, $percent: $got bytes, of $most"
	is "peak, $percent: in the end" "0 0" "$(place grows)"
done

# ---- what else may be ------------------------------------------------------------------------

# With the index above, a chunk is forgotten before we could ask.
run "index above" 0 wrong "" ./leaks exit
is "index above: version" 1 "$(sites field version files/*)"
run "index above, threads" 0 wrong "" ./leaks exit threads
is "index above, threads: version" 1 "$(sites field version files/*)"

# No room: what is counted at no site is still right as a whole.
heap()
{
	sites heap files/* | cut -d ' ' -f 1,2
}
run "room" 0 lives sites.after=0 ./exact 8 $turns 5
want=$(heap)
(
	failures=0
	ulimit -f 256
	run "no room" 0 lives sites.after=0 ./exact 8 $turns 5
	[ "$(sites field lost_calls files/*)" -gt 0 ] ||
		fail "no room: there was enough"
	is "no room" "$want" "$(heap)"
	exit $failures
) || failures=$((failures + 1))
finish
