#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_run_sites - "mallochooks run" with the sites layer: the report at the end,
# the files behind it, and what becomes of both when things go wrong
#
# needs: native

. "$SRCDIR/tests/process/common.sh"

TMPDIR=$work/tmp
export TMPDIR
mkdir tmp
compile child "$SRCDIR/tests/tools/run_child.c"
preload both count,sites
preload sites sites
preload count count

# run WORDS...: with both layers, unless unit= says another
unit=both
run() { timeout -k 5 100 "$tool" run --preload="$work/$unit.so" "$@"; }

# ran NAME STATUS WORDS...: its exit status; nothing of it is left
ran()
{
	name=$1 want=$2
	shift 2
	run "$@" >out 2>err
	is "$name: exit status" "$want" $?
	is "$name: left behind" "" "$(ls -A tmp)"
}

# says NAME TEXT [FILE]
says()
{
	grep -qF -- "$2" "${3-err}" ||
		fail "$1: no \"$2\" in: $(head -c 1500 "${3-err}")"
}

# silent NAME TEXT: it stands nowhere in err
silent()
{
	! grep -qF -- "$2" err || fail "$1: \"$2\" in: $(head -c 1500 err)"
}

# wait_for COMMAND...: until it succeeds, for 20 s
wait_for()
{
	tries=0
	until "$@" 2>/dev/null || [ $tries -ge 200 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
}

shell="[$(basename "$(readlink -f "$(command -v sh)")")]"
brief="too short for a file"
nothing="mallochooks: run: nothing is recorded: "
unmade="mallochooks: sites: no file can be made in sites.dir"

# --- the report -------------------------------------------------------------

ran table 0 -- ./child allocate
says table "1 process, "
says table "100.0 MiB"
says table "allocate_mode"
says table "run_child.c:"
silent table "$brief"
# However short, what we start ourselves gets a file.
ran first 0 -- sh -c :
says first "1 process, "
silent first "$brief"
silent first "no report"
ran exec 0 -- sh -c 'exec ./child allocate'
says exec "1 process, "
says exec "allocate_mode"
silent exec "$brief"

ran others 0 --each -- sh -c './child fds; ./child fds; ./child allocate; :'
says others "4 processes, "
says others "3 of 4 processes were $brief"
is "others: each" 3 "$(grep -c ': process [0-9]*, .* failed, no file$' err)"
is "others: none" 1 "$(grep -c ': process [0-9]*, .* failed$' err)"
ran after 0 --each --options=sites.after=0 -- sh -c './child fds; ./child fds; :'
says after "3 processes, "
silent after "$brief"
is "after: tables" 3 "$(grep -c '^process [0-9]*, ' err)"

ran many 0 -- sh -c 'i=0; while [ $i -lt 300 ]; do ./child status; i=$((i + 1)); done'
says many "301 processes, "
says many "300 of 301 processes were $brief"

ran words 0 --top=1 --by=module --sort=calls --no-symbols --histogram \
	--filter=module=child -- ./child allocate
says words "100.0 MiB"
silent words "allocate_mode"
for word in sort=size by=row top=some; do
	ran "$word" 125 --$word -- touch started
	is "$word: lines" 1 "$(wc -l <err)"
done
[ ! -e started ] || fail "started in spite of a wrong word"

ran output 0 --output=report -- ./child allocate
is "output: stderr" "" "$(cat err)"
says output "1 process, " report
says output "allocate_mode" report
ran full 6 --output=/dev/full -- sh -c 'exit 6'
is "full: lines" 1 "$(wc -l <err)"
says full "could not be written"
run -- sh -c 'exit 5' 2>/dev/full
is "stderr full: exit status" 5 $?
run -- sh -c 'exit 5' 2>&-
is "stderr closed: exit status" 5 $?
{
	run -- sh -c 'sleep 0.3; exit 5'
	echo $? >status
} 2>&1 | :
wait_for test -s status
is "stderr is a closed pipe: exit status" 5 "$(cat status)"
is "stderr: left behind" "" "$(ls -A tmp)"

for n in 9 11 15; do
	got=$(./child status "$tool" run --preload="$work/both.so" -- \
		sh -c "kill -$n \$\$" 2>err)
	is "dies by signal $n" "signal $n" "$got"
	says "dies by signal $n" "$shell"
done

run -- "$tool" run --preload="$work/both.so" -- ./child allocate >out 2>err
is "nested: reports" 2 "$(grep -c 'sizes of allocations' err)"
is "nested: left behind" "" "$(ls -A tmp)"
run --output=one -- ./child allocate &
run --output=two -- sh -c './child allocate; :' 2>err
wait $!
says "two at once" "1 process, " one
says "two at once" "2 processes, " two
is "two at once: left behind" "" "$(ls -A tmp)"

# --- kept files ---------------------------------------------------------------

ran kept 0 --keep=dir -- ./child allocate
says kept "allocate_mode"
says kept "files kept: mallochooks report $work/dir"
is "kept: files" 1 "$(find dir -type f | wc -l)"
is "kept: trimmed" 1 "$(find dir -name '*.sites' -size -200k | wc -l)"
"$tool" report dir >out 2>&1
says "kept: report" "allocate_mode" out
ran "kept: not empty" 125 --keep=dir -- touch started
says "kept: not empty" "name a new directory"
ran "kept: no directory" 125 --keep=out -- touch started
ran "kept: no name" 125 --keep= -- touch started
ran "kept: no name to tell" 125 --quiet --keep -- touch started
[ ! -e started ] || fail "started in spite of a wrong --keep"
run --keep -- ./child allocate >out 2>err
is "kept in TMPDIR" 1 "$(find tmp -name '*.sites' | wc -l)"
is "kept in TMPDIR: all" 1 "$(find tmp -type f | wc -l)"
says "kept in TMPDIR" "mallochooks report $TMPDIR/mallochooks-"
rm -r tmp/*
ran "kept: nothing started" 126 --keep=unused -- ./tmp
is "kept: nothing started: files" "" "$(ls -A unused 2>&1 | grep -v unused)"
ran "kept: absent/dir" 3 --keep=absent/dir -- sh -c 'exit 3'
is "kept: absent/dir: lines" 1 "$(wc -l <err)"
says "kept: absent/dir" "$nothing"
mkdir 'a dir,x'
ran "kept: odd name" 0 '--keep=a dir,x' -- ./child allocate
says "kept: odd name" "report '$work/a dir,x'"
is "kept: odd name: files" 1 "$(find 'a dir,x' -name '*.sites' | wc -l)"

ran quiet 3 --quiet -- sh -c 'exit 3'
is "quiet: says" "" "$(cat err)"
ran "quiet, kept" 3 --quiet --keep=silent -- sh -c './child allocate; exit 3'
is "quiet, kept: says" "" "$(cat err)"
is "quiet, kept: files" 1 "$(find silent -type f | wc -l)"

# --- programs that go on, or that lay hands on the files -----------------------

mkfifo go
run -- sh -c '(read -r word <go; ./child allocate 500; ./child fds; echo $? >went) &
	exit 4' >out 2>err
is "outlived: exit status" 4 $?
is "outlived: left behind" "" "$(ls -A tmp)"
cp err before
echo on >go
wait_for test -s went
is "outlived: goes on" "$(./child fds; echo $?)" "$(cat went)"
same "outlived: silent" before err

ran truncated 0 -- sh -c 'cd tmp/*; for f in *.sites; do : >new && mv new "$f"; done
	cd ../..; ./child allocate 500; :'
says truncated ".sites: is empty"
says truncated "allocate_mode"
ran garbage 0 -- sh -c 'cd tmp/*; for f in 1 2 3; do
	head -c 70000 /dev/urandom >mallochooks.$f.0.sites; done'
says garbage "4 processes, "
says garbage "$shell"
ran removed 3 -- sh -c 'rm -rf tmp/*; ./child allocate 500; exit 3'
says removed "no report: no process has made a file"
run -- sh -c 'd=$(echo tmp/*); mv $d moved; : >moved/mine; ln -s ../moved $d' 2>err
is "moved: exit status" 0 $?
[ -e moved/mine ] || fail "moved: removed through a symlink"
rm -rf moved tmp/*

# --- no room, no right ----------------------------------------------------------

# without NAME [BLOCKS]: recording is off, in one line
without()
{
	(ulimit -f "${2-unlimited}" && run -- sh -c './child fds; exit 3') >out 2>err
	is "$1: exit status" 3 $?
	is "$1: lines" 1 "$(wc -l <err)"
	says "$1" "$nothing"
}
TMPDIR=$work/absent without "TMPDIR absent"
TMPDIR=$work/out without "TMPDIR a file"
mkdir -p "$work/$(printf '%0120d/%0120d' 0 0)"
TMPDIR=$work/$(printf '%0120d/%0120d' 0 0) without "TMPDIR too long"
without "file size limit" 8
is "without: left behind" "" "$(ls -A tmp)"
mkdir disk
if mount -t tmpfs -o size=8m none disk 2>/dev/null; then
	trap 'cd /; umount "$work/disk"; rm -rf "$work"' EXIT
	TMPDIR=$work/disk ran "disk fills" 3 -- sh -c 'cat /dev/zero >disk/most 2>/dev/null
		./child allocate 500; i=0
		while [ $i -lt 20 ]; do sh -c :; i=$((i + 1)); done; exit 3'
	says "disk fills" "23 processes, "
	[ "$(grep -c 'mallochooks: sites:' err)" -le 1 ] ||
		fail "disk fills: $(head -c 500 err)"
	is "disk fills: left behind" most "$(ls disk)"
	cat /dev/zero >disk/more 2>/dev/null
	TMPDIR=$work/disk without "disk full"
	rm disk/m*
	mount -o remount,ro disk
	TMPDIR=$work/disk without "disk read-only"
	mount -o remount,rw disk
else
	skip "disks: cannot mount a small tmpfs"
fi

# --- units with one of the layers -------------------------------------------------

unit=sites
ran "sites alone" 0 --each -- sh -c './child fds; ./child allocate; :'
says "sites alone" "has a file, shorter ones not counted"
says "sites alone" "$shell"
ran "sites alone: nobody" 0 -- env -i sh -c :
unit=count
ran "count alone" 0 -- sh -c './child allocate; :'
is "count alone: lines" 1 "$(wc -l <err)"
says "count alone" "2 processes, "
ran "count alone: kept" 0 --keep=never -- ./child allocate
says "count alone: kept" "has no sites layer"
[ ! -d never ] || fail "count alone: made --keep=DIR"

# --- signals while the report is being written --------------------------------------

# A pipe that is full and that nobody reads.
unit=both
mkfifo pipe
exec 3<>pipe
head -c 65536 /dev/zero >&3
# start WORDS...: a run, $pid
start()
{
	rm -f ready done
	"$tool" run --preload="$work/both.so" --output=pipe -- "$@" >out 2>err &
	pid=$!
}
is_reporting()
{
	for task in $(cat "/proc/$pid/task/$pid/children"); do
		[ "$(readlink "/proc/$task/exe")" != "$(readlink -f "$tool")" ] ||
			return 0
	done
	return 1
}
start sh -c ': >done; exit 7'
wait_for test -e done
wait_for is_reporting
kill -TERM $pid
wait $pid
is "SIGTERM in the report: exit status" 7 $?
is "SIGTERM in the report: says" "" "$(cat err)"
is "SIGTERM in the report: left behind" "" "$(ls -A tmp)"
# timeout(1) sends it twice: the second does not mean the report.
start sh -c 'trap ": >done; exit 7" TERM; : >ready; while :; do sleep 0.1; done'
wait_for test -e ready
kill -TERM $pid
wait_for test -e done
wait_for is_reporting
kill -TERM $pid
cat <&3 >report &
reader=$!
wait $pid
is "SIGTERM twice: exit status" 7 $?
wait_for grep -q "sizes of allocations" report
kill $reader
exec 3<&-
says "SIGTERM twice" "sizes of allocations" report
is "SIGTERM twice: left behind" "" "$(ls -A tmp)"

finish
