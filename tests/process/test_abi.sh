#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_abi - options of a process, shown and set by others while it runs
#
# timeout: 500

. "$SRCDIR/tests/process/common.sh"

unset MALLOCHOOKS_CONF
compile work -pthread "$here/abi_work.c"
# The other process is the machine's own, as the tool is.
target=$cc
[ -z "$RUNNER" ] || cc=cc
compile third "$here/abi_third.c"
cc=$target
preload stack count,log,event --switches

# start [SETTINGS]: a process that hears what tell says
start()
{
	rm -f in out
	mkfifo in
	with "LD_PRELOAD=$work/stack.so $*" ./work <in >out 2>err &
	starter=$!
	exec 7>in
	await pid
	pid=$said
}

# await WORD: the next answer, which begins so; the number in it
lines=0
await()
{
	tries=0
	while [ "$(wc -l <out 2>/dev/null || echo 0)" -le $lines ]; do
		tries=$((tries + 1))
		[ $tries -lt 6000 ] || { fail "no answer \"$1\""; cat err; finish; }
		sleep 0.01
	done
	lines=$((lines + 1))
	said=$(sed -n "${lines}p" out)
	case $said in
	"$1 "*) said=${said#* } ;;
	*) fail "wanted an answer \"$1\", got \"$said\"" ;;
	esac
}

# tell LINE WORD
tell()
{
	echo "$1" >&7
	await "$2"
}

stop()
{
	exec 7>&-
	wait $starter
	is "exit status" 0 $?
	lines=0
}

get() { "$tool" get "$@" 2>&1; }
set_() { "$tool" set "$@" 2>&1; }
# slot NAME: its number in the table: the numbers and enums before it, and it
slot()
{
	get "$pid" | sed -n 's/^  \([a-z0-9_.]*\) = [^"].*/\1/p' | grep -nx "$1" | cut -d: -f1
}
# dumped: calls that the last dump tells of
dumped() { sed -n 's/^mallochooks: count: \([0-9]*\) allocations.*/\1/p' err | tail -n 1; }
dumps() { grep -c '^mallochooks: dump: ' err; }

start
if ! get "$pid" >got; then
	# An emulator's process is not the one that it emulates.
	[ -n "$RUNNER" ] || fail "get: $(cat got)"
	echo q >&7
	cat got
	skip_all "the emulator's memory is not its program's"
fi

# ---- what is shown ------------------------------------------------------------

is "a stack" "stack ${MH_IDENT-libc} in $work/stack.so" "$(head -n 1 got)"
for line in 'core.record = y (built in), live' 'count.report = n (built in)' \
	'count.file = "" (built in)' 'count.on = y (built in), live' \
	'log.min_bytes = 0 (built in), live'; do
	grep -qxF "  $line" got || fail "get does not show \"$line\""
done
is "one value" n "$(get "$pid" count.report)"
is "one value, by identity" y "$(get "$pid" libc:core.record)"
is "a text" '""' "$(get "$pid" count.file)"
is "unknown" "mallochooks: get: log.min_byte: no such option; log has on fd min_bytes; did you mean min_bytes?" \
	"$(get "$pid" log.min_byte | sed 's/ depth;/;/')"
is "unknown layer" "mallochooks: get: cuont.on: no such layer in this process; there is count log event terminal core; did you mean count?" \
	"$(get "$pid" cuont.on)"

# ---- what is set --------------------------------------------------------------

is "nobody allocates" "mallochooks: set: no allocation came within 0.05 s in process $pid: it is done at the next one" \
	"$(set_ "$pid" log.on=n --wait=0.05)"
"$tool" set "$pid" log.on=n --wait=0.05 2>/dev/null
is "nobody allocates: exit status" 3 $?
is "asked for" "  log.on = y (built in), live, n from the next allocation on" "$(get "$pid" | grep log.on)"
tell "a 1" allocated
is "taken" "  log.on = n (set while running), live" "$(get "$pid" | grep log.on)"
is "the log is off" 0 "$(grep -c ' malloc ' err)"
tell "a 5" allocated
is "and stays off" 0 "$(grep -c ' malloc ' err)"
set_ "$pid" log.on=y log.min_bytes=100
tell "a 5" allocated
is "the log is on" 5 "$(grep -c ' malloc ' err)"
set_ "$pid" log.min_bytes=101
tell "a 5" allocated
is "a size of 100 is too small now" 5 "$(grep -c ' malloc ' err)"
set_ "$pid" log.on=n

# no MESSAGE WORDS...: refused with it, and exit status 1
no()
{
	_wanted=$1
	shift
	is "set $*" "mallochooks: set: $_wanted" "$(set_ "$pid" "$@")"
	"$tool" set "$pid" "$@" 2>/dev/null
	is "set $*: exit status" 1 $?
}
no 'count.report is read at start only: set it in MALLOCHOOKS or in a file, and start the program again' \
	count.report=y
no 'count.file is read at start only: set it in MALLOCHOOKS or in a file, and start the program again' \
	count.file=x
no 'core.dump_fd=1024: takes a whole number from 0 to 1023; stays 2' core.dump_fd=1024
no 'core.dump_fd=-1: takes a whole number from 0 to 1023; stays 2' core.dump_fd=-1
no 'core.record=5: takes y or n; stays y' core.record=5
no 'core.recrd=n: no such option; core has confirm record dump dump_fd reset signal signal_does; did you mean record?' \
	core.recrd=n
no 'core.dump_fd would become 2002, and ends at 1023' core.dump_fd=+2000
no 'core.record: +1 goes with a number only' core.record=+1
no 'x: wants layer.option=value' x
# One bad word, and none of the good ones.
set_ "$pid" core.dump_fd=5 core.recrd=n >/dev/null
is "none of the good ones" "  core.dump_fd = 2 (built in), live" "$(get "$pid" | grep dump_fd)"

# ---- triggers -----------------------------------------------------------------

is "no dump yet" 0 "$(dumps)"
set_ "$pid" core.dump=+1
is "asleep: no dump" 0 "$(dumps)"
tell "a 1" allocated
is "a dump" 1 "$(dumps)"
tell "a 10" allocated
is "one dump" 1 "$(dumps)"
before=$(dumped)
set_ "$pid" core.record=n
tell "a 10" allocated
set_ "$pid" core.record=y core.dump=+1
tell "a 1" allocated
# The ten after the first dump, the one of the dump, none of the pause; the one
# that brings the second comes after it.
is "ten were paused" $((before + 11)) "$(dumped)"
set_ "$pid" core.reset=+1
tell "a 3" allocated
set_ "$pid" core.dump=+1
tell "a 1" allocated
is "since the reset" 3 "$(dumped)"
set_ "$pid" core.dump=+1
set_ "$pid" core.dump=+1
nr=$(dumps)
tell "a 1" allocated
is "two requests before a call are one dump" $((nr + 1)) "$(dumps)"
# Out of a signal handler, while the program sleeps in read().
set_ "$pid" core.dump=+1
kill -USR1 "$pid"
timeout 20 sh -c "while [ \$(grep -c '^mallochooks: dump: ' err) -lt $((nr + 2)) ]; do sleep 0.01; done" ||
	fail "a signal handler's allocation does not dump"
"$tool" set "$pid" core.dump=+1 --wait=20 & setter=$!
sleep 0.1
kill -USR1 "$pid"
wait $setter
is "--wait sees it" 0 $?

# ---- foreign writers ----------------------------------------------------------

fd=$(slot core.dump_fd) confirm=$(slot core.confirm)
for value in 1024 -1 99999999999; do
	./third "$pid" "$fd" $value || fail "third"
	tell "a 1" allocated
	is "put back: $value" "  core.dump_fd = 2 (built in), live" "$(get "$pid" | grep dump_fd)"
done
is "said once" "mallochooks: options: libc:core.dump_fd, set by another process: takes a whole number from 0 to 1023; stays 2" \
	"$(grep 'core.dump_fd,' err)"
./third "$pid" "$confirm" 1
tell "a 1" allocated
is "start-up only" "mallochooks: options: libc:core.confirm, set by another process: changes at start only; stays n" \
	"$(grep 'core.confirm,' err)"
is "start-up only" "  core.confirm = n (built in)" "$(get "$pid" | grep core.confirm)"
./third "$pid" torn "$fd" 7
tell "a 1" allocated
is "a copy that is not whole is not taken" "  core.dump_fd = 2 (built in), live" "$(get "$pid" | grep dump_fd)"
./third "$pid" "$fd" 2
tell "a 1" allocated
is "and does no harm" 0 "$(set_ "$pid" core.dump_fd=2 >got; echo $?; cat got)"

./third "$pid" torn "$fd" 7
is "nor while the process sleeps" 0 "$(set_ "$pid" core.dump_fd=2 >got; echo $?; cat got)"
tell "a 1" allocated

# ---- children -----------------------------------------------------------------

set_ "$pid" log.min_bytes=77
tell "a 1" allocated
set_ "$pid" core.dump=+1 log.min_bytes=78
nr=$(dumps)
tell f child
child=$said
is "a child has its parent's values" 77 "$(get "$child" log.min_bytes)"
tell "a 1" allocated
is "also those asked for" 78 "$(get "$child" log.min_bytes)"
is "but does not dump for it" "$nr" "$(dumps)"
set_ "$child" core.dump=+1
tell "a 1" allocated
is "it does when it is asked itself" "mallochooks: dump: libc in process $child" "$(grep dump: err | tail -n 1)"
set_ "$child" core.record=n
tell "a 1" allocated
is "its parent stays as it was" y "$(get "$pid" core.record)"
if [ -z "$RUNNER" ]; then
	tell "x $work/work" pid
	is "nothing of it outlives exec" "  core.record = y (built in), live" \
		"$(get "$child" | grep core.record)"
else
	skip "exec: the emulator starts no other program"
fi
echo q >&7
await parent
tell "a 1" allocated
is "the parent dumps" "mallochooks: dump: libc in process $pid" "$(grep dump: err | tail -n 1)"
stop

# ---- the signal ---------------------------------------------------------------

start MALLOCHOOKS=core.signal=12,log.on=n
kill -USR2 "$pid"
tell "a 1" allocated
is "a signal dumps" 1 "$(dumps)"
tell "a 1" allocated
is "once" 1 "$(dumps)"
is "and counts as set" 1 "$(get "$pid" core.dump)"
set_ "$pid" log.min_bytes=5
tell "a 1" allocated
is "whoever sets something else does not dump" 1 "$(dumps)"
stop
start MALLOCHOOKS=core.signal=12,core.signal_does=record,log.on=n
kill -USR2 "$pid"
tell "a 1" allocated
is "a signal pauses" n "$(get "$pid" core.record)"
kill -USR2 "$pid"
tell "a 1" allocated
is "and goes on" y "$(get "$pid" core.record)"
set_ "$pid" core.dump=+1
tell "a 1" allocated
grep -q '^mallochooks: count: .*, while it was on$' err || fail "nobody was told of the pause: $(cat err)"
stop
start MALLOCHOOKS=core.signal=9,log.on=n
is "no handler for that" "mallochooks: options: core.signal: this signal takes no handler" \
	"$(sed 's/no signal has that number, or not for us/this signal takes no handler/' err)"
stop
(trap '' USR2; with "LD_PRELOAD=$work/stack.so MALLOCHOOKS=core.signal=12,log.on=n" ./work </dev/null >/dev/null 2>ignored)
is "ignored: stays so" "mallochooks: options: core.signal: the program has a handler of that signal, or ignores it: it keeps it" \
	"$(cat ignored)"

# ---- two at once, and many times -----------------------------------------------

start MALLOCHOOKS=log.on=n
tell "t 8" threads
min=$(slot log.min_bytes) fd=$(slot core.dump_fd)
./third "$pid" count 1 400 "$min" & one=$!
./third "$pid" count 1 400 "$fd" & two=$!
i=0
while [ $i -lt 10 ]; do
	i=$((i + 1))
	"$tool" set "$pid" event.on=$((i % 2)) --wait || fail "the third writer"
done
wait $one || fail "writer one"
wait $two || fail "writer two"
./third "$pid" count 400 400 "$min"
./third "$pid" count 400 400 "$fd"
tell j made
tell "a 1" allocated
is "two writers: both end as wanted" "400 400" "$(get "$pid" log.min_bytes) $(get "$pid" core.dump_fd)"
# The tools among themselves take turns: nobody's change is lost.
tell "t 2" threads
# add OPTION: 1 to it, forty times
add()
{
	i=0
	while [ $i -lt 40 ]; do
		i=$((i + 1))
		"$tool" set "$pid" "$1=+1" || exit 1
	done
}
add core.dump_fd & one=$!
add log.min_bytes & two=$!
wait $one || fail "turns: one"
wait $two || fail "turns: two"
tell j made
tell "a 1" allocated
is "turns" "440 440" "$(get "$pid" log.min_bytes) $(get "$pid" core.dump_fd)"
stop

start MALLOCHOOKS=log.on=n,log.fd=1023
on=$(slot count.on) record=$(slot core.record) event=$(slot event.on)
tell "t 8" threads
toggles=${TOGGLES-100000}
[ -z "$RUNNER" ] || toggles=1000
./third "$pid" toggle "$toggles" "$on" "$record" "$event" || fail "toggling"
tell j made
made=$said
set_ "$pid" core.record=y count.on=y core.dump=+1
tell "a 1" allocated
counted=$(dumped)
[ "$counted" -gt 0 ] && [ "$counted" -lt "$made" ] ||
	fail "$toggles toggles: $counted of $made counted"
tell "a 1000" allocated
set_ "$pid" core.dump=+1
tell "a 1" allocated
is "counts go on exactly" $((counted + 1001)) "$(dumped)"
stop
toggled="$toggles toggles, $counted of $made allocations counted"

# ---- what a report tells of it -------------------------------------------------

preload sites sites
mv sites.so stack.so
mkdir files
start "MALLOCHOOKS=sites.dir=$work/files,sites.after=0"
tell "a 10" allocated
births() { "$tool" report --json files | sed -n 's/.*"total":{"allocations":\([0-9]*\).*/\1/p' | head -n 1; }
before=$(births)
[ "$before" -ge 10 ] || fail "report: $before allocations"
"$tool" report --options files >report
grep -qxF "  sites.after = 0 (MALLOCHOOKS)" report || fail "report --options: $(tail -n 20 report)"
grep -qxF "  core.record = y (built in)" report || fail "report --options: $(tail -n 20 report)"
set_ "$pid" core.record=n
tell "a 10" allocated
is "report: paused" "$before" "$(births)"
set_ "$pid" core.record=y core.reset=+1
tell "a 5" allocated
is "report: counting began anew, and the first call came before it was counted" 5 "$(births)"
"$tool" report --options files >report
grep -qxF "note: process $pid: counting began anew, 1 time (core.reset)" report || fail "report: no note"
set_ "$pid" core.reset=+1
tell "a 7" allocated
is "report: twice" 7 "$(births)"
stop
"$tool" report --json files | grep -q '"core.reset = 2 (set while running)"' ||
	fail "report --json: not the values of the end"
python3 "$here/sites.py" check files/* || fail "the file breaks a rule of its format"
echo "$toggled"
finish
