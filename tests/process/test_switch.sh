#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_switch - layers that are switched off and on: at start, by each source, with
# chunks from before; and while threads allocate
#
# timeout: 400
# takes: 25

. "$SRCDIR/tests/process/common.sh"

hooks=$SRCDIR/tests/hooks
compile switch -rdynamic "$here/switch.c" -pthread -ldl
compile libswitch_boot.so -shared -fPIC -DLIBRARY "$here/switch_boot.c"
compile switch_boot "$here/switch_boot.c" -L. -lswitch_boot -Wl,-rpath,'$ORIGIN' \
	-pthread
compile prog "$here/conf_main.c"

# ---- what there is ------------------------------------------------------------

preload all log,count,sites,event,index --switches --sources="$here/seen.c"
preload shaped "log,$hooks/enlarge.c,count,event" --switches
"$tool" options --preload=all.so >options
for layer in log count sites event index; do
	grep -q "^  $layer\.on  bool  default y  live\$" options || fail "all: no $layer.on"
done
"$tool" options --preload=shaped.so >options
grep -q '^  enlarge\.on  bool  default y  start-up$' options ||
	fail "shaped: no enlarge.on, or not at start"
print()
{
	"$tool" stack --source-dir="$SRCDIR" --arch="$ARCH" --cc="$cc" \
		--layers="$hooks/enlarge.c,count" "$@" --print >print 2>&1
}
print --switches
grep -q 'malloc -> mh_libc_switch_enlarge_malloc' print || fail "print: $(cat print)"
is "print: at start" 1 "$(grep -c 'switched by enlarge.on, at start' print)"
is "print: live" 1 "$(grep -c 'switched by count.on, at any time' print)"
print
is "print: no switches" 0 "$(grep -c switch print)"
cp "$here/seen.c" switch_me.c
! "$tool" stack --source-dir="$SRCDIR" --arch="$ARCH" --cc="$cc" --print \
	--layers="./switch_me.c" >out 2>&1 || fail "a layer may be called switch_me"

# ---- observers, at start ------------------------------------------------------

mkdir files
all_on="log.fd=2,count.report=y"
off()
{
	case $1 in
	environment)
		with "LD_PRELOAD=$work/$unit.so MALLOCHOOKS=$all_on,$2.on=n" ./prog ;;
	file)
		echo "$2: { on = false; };" >off.conf
		chmod 644 off.conf
		with "LD_PRELOAD=$work/$unit.so MALLOCHOOKS=$all_on MALLOCHOOKS_CONF=$work/off.conf" \
			./prog ;;
	esac >out 2>err
	is "$unit, $1: $2 off: exit status" 0 $?
}

preload separate "log,count,$here/shift.c,sites,event,index" --switches \
	--compose=separate --calloc=emulated --sources="$here/seen.c"
for unit in all separate; do
	with "LD_PRELOAD=$work/$unit.so MALLOCHOOKS=$all_on" ./prog >out 2>err
	grep -q '^mallochooks: log: .* malloc size=50 ' err || fail "$unit: no log"
	grep -q '^mallochooks: count: [1-9]' err || fail "$unit: no count"
	for source in environment file; do
		[ $source = environment ] || ! grep -q 'no libconfig.a' compose.log || continue
		off $source log
		is "$unit, $source: lines of log" 0 "$(grep -c '^mallochooks: log:' err)"
		grep -q '^mallochooks: count: [1-9]' err || fail "$unit: no count without log"
		off $source count
		grep -q '^mallochooks: count: 0 allocations, 0 bytes requested, 0 failed, while it was on$' err ||
			fail "$unit, $source: count is off and has counted: $(grep count: err)"
		grep -q '^mallochooks: log: .* malloc size=50 ' err || fail "$unit: no log without count"
		for layer in sites event index; do
			off $source $layer
			grep -q '^mallochooks: log: .* malloc size=50 ' err ||
				fail "$unit: no log without $layer"
		done
	done
done

# Off means not one layer: what remains is the same as a stack without it.
with "LD_PRELOAD=$work/all.so MALLOCHOOKS=log.on=n,count.on=n,sites.on=n,event.on=n,index.on=n" \
	./prog >out 2>err
is "all off: exit status" 0 $?
[ ! -s err ] || fail "all off: $(cat err)"

# ---- observers, while threads allocate ----------------------------------------

switches=100000
[ -z "$RUNNER" ] || switches=2000
storm()
{
	with "LD_PRELOAD=$work/$1 MALLOCHOOKS=?sites.dir=$work/files,?sites.after=0,log.on=n,log.fd=9" \
		./switch "$2" $switches ${3-} >out 2>err 9>/dev/null
	is "$1: switch $2 ${3-}: exit status" 0 $?
	[ ! -s err ] || fail "$1: switch $2 ${3-}: $(cat err)"
	sed "s/^/$2: /" out
}
for layer in count sites event; do
	storm all.so $layer
done
storm all.so - "count sites event index"
storm separate.so count "sites event index"
switches=$((switches / 100))
storm all.so - "log event index"
storm all.so index

# ---- by another process: what lives meanwhile -----------------------------------

# 1000 chunks while sites is on, 1000 more and 400 deaths while it is off, 1000 and
# 300 of those unseen while it is on: 2300 live, and 600 more than it has seen.
cat >steps.c <<'END'
#include <stdlib.h>
#include <unistd.h>
static void *first[1000], *second[1000], *third[1000];
static void __attribute__((noinline)) make(void **chunk)
{
	for (int i = 0; i < 1000; i++)
		chunk[i] = malloc(100);
}
static void drop(void **chunk, int nr)
{
	while (nr--)
		free(chunk[nr]);
}
static void step(void)
{
	char c;

	if (write(1, "?", 1) != 1 || read(0, &c, 1) != 1)
		_exit(2);
	free(malloc(1));
}
int main(void)
{
	make(first);
	step();
	make(second);
	drop(first, 400);
	step();
	make(third);
	drop(second, 300);
	step();
	return 0;
}
END
# lives OPTION VALUE VALUE VALUE WORDS ALLOCATIONS ALIVE INHERITED GAPS UNKNOWN:
# one value before each step ("-": none)
lives()
{
	option=$1 values="$2 $3 $4"
	with "LD_PRELOAD=$work/all.so MALLOCHOOKS=log.on=n,sites.dir=$work/files,sites.after=0,$5" \
		sh -c 'echo $$ >pid; exec ./steps' <go >came 2>err &
	exec 7>go 8<came
	for value in $values; do
		head -c 1 <&8 >asked
		[ $value = - ] || "$tool" set "$(cat pid)" "$option=$value" core.dump=+1 >set.log 2>&1 ||
			fail "set: $(cat set.log)"
		printf x >&7
	done
	exec 7>&-
	wait $!
	is "lives, $option $values: exit status" 0 $?
	exec 8<&-
	# the shell before may have one, too
	for file in files/*."$(cat pid)".*; do :; done
	"$tool" report --json --leaks --by=function "$file" >report 2>&1
	python3 - report >got 2>&1 <<-'END'
		import json, sys
		report = json.load(open(sys.argv[1]))
		process, = report["processes"]
		row, = [row for row in report["tables"][0]["rows"]
		        if row["frames"][0]["function"] == "make"]
		print(row["malloc"], *[row[of][what] for of in ("alive", "inherited")
		                       for what in ("chunks", "bytes")],
		      process["gaps"], process["off"], process["unseen"])
	END
	is "lives, $option $values $5: calls, alive, inherited, gaps, off, unknown" \
		"$6 $7 $(($7 * 100)) $8 $(($8 * 100)) $9" "$(cat got)"
}
lives_all()
{
	compile steps steps.c
	mkfifo go came
	lives sites.on n y - "" 2000 2300 600 "1 False 0"
	lives core.record n y - "" 2000 2300 600 "1 False 0"
	"$tool" report --leaks "$file" >report 2>&1
	grep -q '^note: .*: calls were not recorded all the time: 1 gap (.*)$' report &&
		grep -q '^alive: .*; inherited: 600 chunks, ' report || fail "one gap: $(cat report)"
	lives core.record n - - "" 1000 2300 1300 "1 True 0"
	lives core.record - n - "" 2000 2300 700 "1 True 0"
	lives core.record - y - core.record=n 1000 2300 1600 "1 False 0"
	lives core.record n y n "" 2000 2300 600 "2 True 0"
	# deaths of its own that it has not seen; and births of which nobody knows
	lives sites.on n y - sites.on=y,index.on=y 2000 2300 600 "1 False 0"
	lives index.on n y - "" 3000 1600 -1000 "1 False 300"
	lives index.on n n y "" 3000 600 -2000 "1 False 0"
	grep '^mallochooks: index: ' err | tail -n 1 | grep -q ' 0 freed that it did not know$' ||
		fail "index, off meanwhile: $(cat err)"
	lives index.on - y y index.on=n 3000 1000 -2000 "1 False 300"
	"$tool" report --leaks "$file" >report 2>&1
	grep -q ': 300 chunks were freed that the index did not know$' report &&
		grep -q '^alive: .*; died unseen: 2,0[0-9]* chunks, ' report ||
		fail "unknown chunks: $(cat report)"
	grep '^mallochooks: index: ' err | tail -n 1 |
		grep -q ' 0 not recorded, 300 freed that it did not know$' || fail "index: $(cat err)"
}
if [ -z "$RUNNER" ]; then lives_all; else skip "a process set by another: not emulated"; fi

# ---- layers that transform ----------------------------------------------------

preload events event --transforming --switches --sources="$here/early_share.c"
preload two "$hooks/enlarge.c,event,$hooks/enlarge.c" --transforming --switches \
	--calloc=emulated --sources="$here/early_share.c"
for unit in shaped events two separate; do
	link late-$unit.so $unit.o
done

# before NAME LIBRARY N WORDS: switch_boot with N chunks from before
before()
{
	with "BOOT_CHUNKS=$3 ${2:+LD_PRELOAD=$2}" ./switch_boot >wanted 2>err
	is "switch_boot $3, unhooked" 0 $?
	with "BOOT_CHUNKS=$3 LD_PRELOAD=$work/$1${2:+:$2} MALLOCHOOKS=$4" \
		./switch_boot >out 2>err
	is "$1, $3 chunks, $4: exit status" 0 $?
	same "$1, $3 chunks, $4" wanted out
	[ ! -s err ] || fail "$1, $3 chunks, $4: $(cat err)"
}
for library in "" libjemalloc.so.2; do
	with "${library:+LD_PRELOAD=$library}" ./prog >/dev/null 2>err || fail "prog: $?"
	[ ! -s err ] || { skip "no $library: $(cat err)"; continue; }
	for nr in 0 100 5000; do
		for on in y n; do
			before shaped.so "$library" $nr log.on=n,enlarge.on=$on
			before late-shaped.so "$library" $nr log.on=n,enlarge.on=$on
			before late-separate.so "$library" $nr log.on=n,shift.on=$on
			before late-events.so "$library" $nr event.on=$on
			before late-two.so "$library" $nr enlarge.on=$on,event.on=n
			before late-two.so "$library" $nr enlarge.on=n,enlarge2.on=$on
		done
	done
done

# From before relocation, too.
if [ "$ARCH" != generic ]; then
	compile libearly.so -shared -fPIC -fno-plt -fno-stack-protector -Wl,-z,now \
		-Wl,-rpath,"$work" "$here/early_lib.c"
	compile early -rdynamic "$here/early.c" -L. -learly -Wl,-rpath,'$ORIGIN' -ldl
	with "" ./early >wanted
	for unit in events late-events; do
		for on in y n; do
			with "LD_PRELOAD=$work/$unit.so MALLOCHOOKS=event.on=$on" ./early >out 2>err
			is "$unit: early, event.on=$on: exit status" 0 $?
			same "$unit: early, event.on=$on" wanted out
		done
	done
fi

# ---- every entry, with layers on and off --------------------------------------

compile differential -fno-builtin "$hooks/differential.c" -ldl
[ -z "$RUNNER" ] || export DIFFERENTIAL_EMULATED=y
for library in libc.so.6 libjemalloc.so.2; do
	behind=
	[ "$library" = libc.so.6 ] || behind=$library
	with "${behind:+LD_PRELOAD=$behind}" ./differential exact "$library" >wanted 2>err || {
		skip "$library is not here, or does not work"
		continue
	}
	for words in "" log.on=n count.on=n event.on=n log.on=n,count.on=n,event.on=n; do
		with "LD_PRELOAD=$work/shaped.so${behind:+:$behind} MALLOCHOOKS=log.fd=9,enlarge.on=n,$words" \
			./differential exact "$library" >out 2>err 9>/dev/null
		is "$library, $words: exit status" 0 $?
		# As in tests/hooks/test_differential.sh: a product that overflows is
		# ENOMEM with us in any case.
		for file in wanted out; do
			awk 'NR == FNR { bare[FNR] = $0; next }
				bare[FNR] ~ /SMALLER THAN ASKED/ { next }
				bare[FNR] ~ /errno 0: NULL errno 0$|errno 77: NULL errno 77$/ &&
				/calloc|reallocarray/ { sub(/ errno [0-9]*$/, "") }
				{ print }' wanted $file >$file.sound
		done
		same "$library, $words" wanted.sound out.sound
	done
done
finish
