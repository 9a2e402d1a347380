#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_sites_fork - each process of a tree has a file of its own, with its own
# calls alone: fork, _Fork, vfork, raw clone, exec, posix_spawn, threads about
#
# takes: 15

. "$SRCDIR/tests/process/common.sh"

compile fork "$here/fork.c" -pthread -ldl
compile tree "$here/sites_tree.c"
preload sites count,sites
preload only sites

children=50
[ -z "$RUNNER" ] || children=3

# tables NAME SETTINGS COMMAND...: what the count layer of each process says of
# it (descriptor 3) is what its file says.
tables()
{
	name=$1 settings=$2
	shift 2
	rm -rf files
	mkdir files
	with "LD_PRELOAD=$work/sites.so MALLOCHOOKS=?sites.dir=$work/files,$settings" \
		"$@" 3>told >out 2>err
	is "$name" 0 $?
	[ ! -s out ] && [ ! -s err ] || fail "$name: $(cat out err)"
	sort -n told | awk '{ sum[$1] += $2 }
		END { for (pid in sum) print pid, sum[pid] }' | sort >want
	python3 "$here/sites.py" process files/* 2>&1 | awk '{ sum[$1] += $2 }
		END { for (pid in sum) print pid, sum[pid] }' | sort >got
	# A process below the limit needs none.
	[ "$settings" = "?sites.after=0" ] || {
		join want got | awk '{ print $1, $2 }' >both
		mv both want
	}
	same "$name: births of each process" want got
}

for way in fork fork-exit fork-exec fork-threads fork-fork _Fork clone vfork \
	   vfork-exec posix_spawn; do
	case $RUNNER:$way in
	?*:*exec|?*:posix_spawn|?*:fork-threads|?*:_Fork|?*:clone|?*:vfork)
		skip "$way: see test_fork"
		continue ;;
	esac
	tables "$way" '?sites.after=0' ./fork $way $children
	[ "$(wc -l <got)" -gt 0 ] || fail "$way: no table"
	tables "$way, after 1000" '?sites.after=1000' ./fork $way $children
done

# A chain of 20 forks and one of 20 execs: level N makes 100 * N births.
for how in fork exec; do
	case $RUNNER:$how in
	?*:exec)
		skip "exec: the emulator is not there for what it executes"
		continue ;;
	esac
	rm -rf files
	mkdir files
	with "LD_PRELOAD=$work/only.so MALLOCHOOKS=sites.dir=$work/files,sites.after=0" \
		./tree $how 20 >out 2>err
	is "chain of $how" 0 $?
	[ ! -s err ] || fail "chain of $how: $(cat err)"
	is "chain of $how: files" 21 "$(ls files | wc -l)"
	for file in files/*; do
		python3 "$here/sites.py" places "$file" |
			awk '$2 ~ /\/tree$/ && $4 == "malloc" && $6 == 33 * $5 { n += $5 }
			END { print n + 0 }'
	done | sort -n | xargs >got
	is "chain of $how: births" "$(seq 0 100 2000 | xargs)" "$(cat got)"
done

# A child that ends without a call has no file, and does not end its parent's.
rm -rf files
mkdir files
with "LD_PRELOAD=$work/only.so MALLOCHOOKS=sites.dir=$work/files,sites.after=0" \
	./tree idle 3 >out 2>err
is "idle children" 137 $?
is "idle children: files" 1 "$(ls files | wc -l)"
is "idle children: state" 1 "$(python3 "$here/sites.py" field state files/*)"

# A relative directory is one of the start.
rm -rf files
mkdir files
with "LD_PRELOAD=$work/only.so MALLOCHOOKS=sites.dir=files,sites.after=100" \
	"$work/tree" away 1000 >out 2>err
is "gone to another directory" 0 $?
[ ! -s err ] || fail "gone to another directory: $(cat err)"
is "gone to another directory: births" "1000 1000" "$(for file in files/*; do
	python3 "$here/sites.py" places "$file" |
		awk '$2 ~ /\/tree$/ && $4 == "malloc" { print $5 }'
done | xargs)"

# Thousands of short processes leave nothing behind, and say nothing.
[ -n "$RUNNER" ] || {
	rm -rf files
	mkdir files
	LD_PRELOAD=$work/only.so MALLOCHOOKS=sites.dir=$work/files \
		./tree many 2000 >out 2>err
	is "2000 short processes" 0 $?
	[ ! -s err ] || fail "short processes: $(head -n 3 err)"
	is "2000 short processes: files" 0 "$(ls files | wc -l)"
	seq 500 | MALLOCHOOKS=sites.dir=files xargs -n 1 -P 2 \
		env LD_PRELOAD="$work/only.so" true >out 2>err
	is "500 executed ones" 0 $?
	[ ! -s err ] || fail "500 executed ones: $(head -n 3 err)"
	is "500 executed ones: files" 0 "$(ls files | wc -l)"
}
finish
