#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_sites_files - files of the sites layer where there is no room, no right or
# no file for them: the program does not notice, a line is said at most, and
# what a file holds is exact, with what was lost
#
# takes: 15
# needs: native

. "$SRCDIR/tests/process/common.sh"

room="no room for a file in sites.dir: nothing is recorded"
nowhere="no file can be made in sites.dir (no directory, or no right to write): nothing is recorded"

# sums FILE...: all together
sums()
{
	python3 "$here/sites.py" sum "$@"
}

# measure: a run with room, for each number of threads, is what others are
# compared with: the totals of a whole process, its libraries' calls included
measure()
{
	for threads in 1 8; do
		./fill "$threads" >"plain.$threads" || fail "unhooked: $threads"
		rm -rf files
		mkdir files
		with "LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=files" \
			./fill "$threads" >out 2>err
		is "$threads threads" 0 $?
		same "$threads threads" plain.$threads out
		[ ! -s err ] || fail "$threads threads: $(cat err)"
		sums files/* >"want.$threads"
		is "$threads threads: lost" 0 \
			"$(python3 "$here/sites.py" field lost_calls files/*)"
	done
	# Nothing but its own places allocates in one thread.
	is "1 thread" "$(cut -d ' ' -f 1-4 plain.1)" "$(cat want.1)"
}

# ran NAME STATUS THREADS SAID: out and err of a run are what they must be
ran()
{
	is "$1: exit status" 0 "$2"
	same "$1" "plain.$3" out
	is "$1: says" "${4:+mallochooks: sites: }$4" "$(cat err)"
}

# try NAME THREADS SAID SETTINGS WORDS...: into "files", which the caller makes
try()
{
	name=$1 threads=$2 said=$3 settings=$4
	shift 4
	with "LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=files$settings" \
		./fill "$threads" "$@" >out 2>err
	ran "$name" $? "$threads" "$said"
}

# injected NAME THREADS SAID CALL:HOW...: a system call as strace has it
injected()
{
	command -v strace >/dev/null || {
		skip "$1: no strace"
		return 1
	}
	threads=$2
	timeout -k 5 60 strace -f -qq -o trace -e trace=openat,ftruncate,pwritev,madvise \
		-e inject="$4" -E LD_PRELOAD="$work/sites.so" -E MALLOCHOOKS=sites.dir=files \
		./fill "$threads" >out 2>err
	ran "$1" $? "$threads" "$3"
}

# exact NAME: one file, and it tells what a file with room would; lost ones are
# in its head
exact()
{
	is "$1: files" 1 "$(find -L files -name '*.sites' | wc -l)"
	is "$1: sums" "$(cat want."$threads")" "$(sums files/*.sites 2>&1)"
	lost=$(python3 "$here/sites.py" field lost_calls files/*.sites 2>&1)
}

nothing()
{
	is "$1: files" 0 "$(find -L files -name '*.sites' | wc -l)"
}

all_there()
{
	[ "$lost" = 0 ] || fail "$1: lost $lost calls"
}

some_lost()
{
	[ "$lost" -gt 0 ] || fail "$1: lost $lost calls, so there was room"
}

anew()
{
	rm -rf files
	mkdir files
}

# ---- disks: in a mount namespace, so that nothing stays mounted ----------------

# disk OPTIONS: a small one in "files"
disk()
{
	umount files 2>/dev/null
	anew
	mount -t tmpfs -o "$1" none files
}

full_disks()
{
	disk size=64k
	dd if=/dev/zero of=files/big bs=4096 2>/dev/null
	try "full disk$1" 1 "$room" "$1"
	nothing "full disk$1"
	# some pages, but not the first ones of a file
	disk size=256k
	dd if=/dev/zero of=files/big bs=4096 count=56 2>/dev/null
	try "nearly full disk$1" 8 "$room" "$1"
	nothing "nearly full disk$1"
	disk size=256k,nr_inodes=1
	try "no inode$1" 1 "$room" "$1"
	nothing "no inode$1"
	disk size=2m
	mount -o remount,ro files
	try "read-only disk$1" 1 "$nowhere" "$1"
	nothing "read-only disk$1"
}

filling_disks()
{
	for threads in 1 8; do
		# to the last page, also where pages are no multiple of what is
		# allocated at once
		pages=$((64 - (threads > 1)))
		disk size=$((4 * pages))k
		try "$pages pages, $threads threads$1" "$threads" "" "$1"
		exact "$pages pages, $threads threads$1"
		some_lost "$pages pages, $threads threads$1"
		is "$pages pages, $threads threads$1: in use" $pages \
			"$(du -B 4096 files/*.sites | cut -f 1)"
		used=$(python3 "$here/sites.py" field pages_used files/*.sites)
		[ "$used" -gt $pages ] ||
			fail "$pages pages, $threads threads$1: only $used taken"
		# the program's own file takes what is left
		disk size=2m
		try "disk filled up, $threads threads$1" "$threads" "" "$1" \
			disk=files/big
		exact "disk filled up, $threads threads$1"
		some_lost "disk filled up, $threads threads$1"
	done
}

if [ "${1-}" = disks ]; then
	cp "$2/fill" "$2/sites.so" "$2"/plain.* "$2"/want.* . || exit 1
	mkdir files
	mount -t tmpfs -o size=64k none files || exit 77
	for after in "" ,sites.after=0; do
		full_disks "$after"
		filling_disks "$after"
	done
	disk size=256k
	injected "small disk, no populating" 1 "$room" madvise:error=EINVAL
	nothing "small disk, no populating"
	umount files
	finish
fi

# ---- all else ------------------------------------------------------------------

compile fill "$here/sites_fill.c" -pthread
preload sites sites
measure

user=
[ "$(id -u)" = 0 ] || user=r
if unshare -m$user true 2>/dev/null; then
	unshare -m$user sh "$0" disks "$work" >disks.log 2>&1
	case $? in
	0) grep '^skipped' disks.log ;;
	77) skip "full disks: no tmpfs can be mounted here" ;;
	*) cat disks.log; fail "full disks" ;;
	esac
else
	skip "full disks: no mount namespace can be had here"
fi

# Limits that are there from the start, in units of 512 bytes.
# Their files are pipes: others of the program would be limited too.
limited()
{
	{
		(
			ulimit -f "$1"
			LD_PRELOAD=$work/sites.so \
				MALLOCHOOKS=sites.dir=files$after \
				./fill "$threads" 2>&1 >&3 3>&-
			echo "exit status $?"
		) | cat >said
	} 3>&1 | cat >out
	grep -v '^exit status ' said >err
	ran "ulimit -f $1$after" "$(sed -n 's/^exit status //p' said)" \
		$threads "$2"
}

for after in "" ,sites.after=0; do
	threads=1
	for blocks in 0 8 195; do
		anew
		limited $blocks "no file: the limit of file sizes (ulimit -f) is below 128 KiB: nothing is recorded"
		nothing "ulimit -f $blocks$after"
	done
	threads=8
	anew
	limited 391 ""
	exact "ulimit -f 391$after"
	some_lost "ulimit -f 391$after"
	is "ulimit -f 391$after: bytes" 196608 "$(stat -c %s files/*.sites)"
done
# and some that come later
anew
try "RLIMIT_FSIZE later" 8 "" "" fsize=4096
exact "RLIMIT_FSIZE later"
all_there "RLIMIT_FSIZE later"
anew
try "RLIMIT_NOFILE" 1 "$nowhere" ",sites.after=1000" nofile=3
nothing "RLIMIT_NOFILE"

# An address space without room for 1 MiB; with that, but not for an index; with
# both.
anew
try "RLIMIT_AS" 1 "" ",sites.after=1000" as=1000000000
cp want.1 want.1.kept
sums files/* >want.1
for above in 0 500000 1000000; do
	anew
	try "RLIMIT_AS $above" 1 "$room" ",sites.after=1000" as=$above
	nothing "RLIMIT_AS $above"
done
for above in 1060000 1100000 1200000 1500000 5000000; do
	anew
	try "RLIMIT_AS $above" 1 "" ",sites.after=1000" as=$above
	exact "RLIMIT_AS $above"
done
all_there "RLIMIT_AS $above"
mv want.1.kept want.1

# ---- what sites.dir is -----------------------------------------------------------

rm -rf files elsewhere
mkdir elsewhere
ln -s elsewhere files
try "symlink to a directory" 1 "" ""
exact "symlink to a directory"
is "symlink to a directory: files" 1 "$(ls elsewhere | wc -l)"
rm -rf files
try "missing" 1 "" ""
[ ! -e files ] || fail "missing: was made"
: >files
try "file" 1 "$nowhere" ""
is "file" "regular empty file 0" "$(stat -c '%F %s' files)"
rm -f files
ln -s files files
try "symlink to itself" 1 "$nowhere" ""
rm -f files

long=files
while [ ${#long} -lt 240 ]; do
	long=$long/long
done
mkdir -p "$long"
try "long" 1 "" "/${long#files/}"
is "long: files" 1 "$(ls "$long" | wc -l)"
while [ ${#long} -lt 4000 ]; do
	long=$long/long
done
mkdir -p "$long"
with "LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=$long" ./fill 1 >out 2>err
is "too long: exit status" 0 $?
same "too long" plain.1 out
is "too long: lines" 1 "$(wc -l <err)"
grep -q '^mallochooks: ' err || fail "too long: says $(cat err)"
is "too long: files" 1 "$(find files -name '*.sites' | wc -l)"

# Without the right to write; root has to lay down its own.
anew
chmod 555 files
as=
[ "$(id -u)" != 0 ] ||
	as="setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all"
if $as sh -c ': >files/mine' 2>/dev/null; then
	skip "unwritable: every directory can be written to here"
else
	# shellcheck disable=SC2086
	timeout 60 $as env LD_PRELOAD="$work/sites.so" \
		MALLOCHOOKS=sites.dir=files ./fill 1 >out 2>err
	ran "unwritable" $? 1 "$nowhere"
	nothing "unwritable"
fi

# Another user's directory, as /tmp is one; and one of his where only he may.
if [ -n "$as" ] && chown 65534 files; then
	for mode in 1777 1755; do
		chmod $mode files
		# shellcheck disable=SC2086
		timeout 60 $as env LD_PRELOAD="$work/sites.so" \
			MALLOCHOOKS=sites.dir=files ./fill 1 >out 2>err
		status=$?
		case $mode in
		1777)
			ran "sticky" $status 1 ""
			exact "sticky"
			is "sticky: file" "600 0" "$(stat -c '%a %u' files/*)"
			rm -f files/* ;;
		*)
			ran "his own" $status 1 "$nowhere"
			nothing "his own" ;;
		esac
	done
else
	skip "sticky: only root can give a directory away"
fi

# ---- the files themselves ----------------------------------------------------------

for mask in 0 022 077 0777; do
	anew
	(
		umask $mask
		LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=files \
			./fill 1 >/dev/null 2>&1
	)
	is "umask $mask: mode" 600 "$(stat -c %a files/*.sites)"
done

# What ls itself has open is all that there is.
anew
ls /proc/self/fd >plain
LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=files,sites.after=0 \
	ls /proc/self/fd >out 2>err
is "ls: exit status" 0 $?
same "descriptors" plain out
is "ls: files" 1 "$(ls files | wc -l)"

# Many at a time.
anew
for i in 1 2 3 4 5 6 7 8; do
	LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=files \
		./fill 1 >out.$i 2>err.$i &
done
wait
for i in 1 2 3 4 5 6 7 8; do
	same "8 at a time: $i" plain.1 out.$i
	[ ! -s err.$i ] || fail "8 at a time: $(cat err.$i)"
done
is "8 at a time: files" 8 "$(ls files | wc -l)"
for file in files/*; do
	is "8 at a time" "$(cat want.1)" "$(sums "$file")"
done

# One pid, two processes.
anew
if unshare -p${user}f true 2>/dev/null; then
	for i in 1 2; do
		unshare -p${user}f env LD_PRELOAD="$work/sites.so" \
			MALLOCHOOKS=sites.dir=files ./fill 1 >out.$i 2>err.$i &
	done
	wait
	cat err.1 err.2 >err
	[ ! -s err ] || fail "two of one pid: $(cat err)"
	is "two of one pid: files" 2 "$(ls files/mallochooks.1.* | wc -l)"
	for file in files/*; do
		is "two of one pid" "$(cat want.1)" "$(sums "$file")"
	done
else
	skip "two of one pid: no pid namespace can be had here"
fi

# Two units in a process: the second one sees the calls of the first.
anew
preload other sites,count
with "LD_PRELOAD=$work/sites.so:$work/other.so MALLOCHOOKS=sites.dir=files" \
	./fill 1 >out 2>err
ran "two units" $? 1 ""
is "two units: files" 2 "$(ls files | wc -l)"
for file in files/*; do
	is "two units" "$(cat want.1)" "$(sums "$file")"
done

# A program with privileges takes no directory from the environment.
compose stack sites
compile plain "$here/secure.c" stack.o -Wl,--export-dynamic-symbol=mallochooks_unit
cp plain secure
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$work"
	chown 65534 secure && chmod 4755 secure
	others=yes
else
	others=
	for group in $(id -G); do
		[ "$group" = "$(id -g)" ] || others=$group
	done
	[ -z "$others" ] || chgrp "$others" secure && chmod 2755 secure
fi
for program in plain secure; do
	anew
	chmod 777 files
	MALLOCHOOKS=sites.dir=files,sites.after=0 ./$program >$program.out 2>err
	is "$program: exit status" 0 $?
	[ ! -s err ] || fail "$program: $(cat err)"
	ls files >$program.files
done
is "plain: AT_SECURE" 0 "$(cat plain.out)"
is "plain: files" 1 "$(wc -l <plain.files)"
if [ "$(cat secure.out)" = 1 ]; then
	is "secure: files" 0 "$(wc -l <secure.files)"
else
	skip "secure: no file with privileges can be made here"
fi

# ---- under strace: how it is opened, and calls that fail ---------------------------

anew
if injected "traced" 1 "" ftruncate:delay_enter=1; then
	exact "traced"
	all_there "traced"
	cp trace first
	# the number of that call, to let it fail
	nr=$(grep openat trace | grep -n '\.sites"' | cut -d : -f 1)
	call=$(grep '\.sites"' trace)
	is "traced: opened" 1 "$(echo "$nr" | wc -w)"
	for flag in O_RDWR O_CREAT O_EXCL O_NOFOLLOW O_CLOEXEC 0600; do
		echo "$call" | grep -q "[ |]${flag}[|,)]" ||
			fail "traced: no $flag: $call"
	done
	anew
	injected "name taken" 1 "" "openat:error=EEXIST:when=$nr"
	exact "name taken"
	is "name taken: other name" 2 \
		"$(grep -o '[^/]*\.sites"' trace | sort -u | wc -l)"
	anew
	injected "all names taken" 1 "$nowhere" "openat:error=EEXIST:when=$nr+"
	nothing "all names taken"
	# A name that somebody has foretold: with the clock at 0, and in a
	# namespace where pids are small.
	for target in victim absent; do
		anew
		rm -f absent
		echo mine >victim
		for pid in $(seq 50); do
			ln -s ../$target files/mallochooks.$pid.0.sites
		done
		unshare -p${user}f strace -f -qq -o trace -e trace=openat,clock_gettime \
			-e inject=clock_gettime:retval=0 -E LD_PRELOAD="$work/sites.so" \
			-E MALLOCHOOKS=sites.dir=files ./fill 1 >out 2>err ||
			[ -s out ] || {
			skip "foretold: no pid namespace can be had here"
			break
		}
		ran "foretold, $target" 0 1 "$nowhere"
		grep -q 'mallochooks\.[0-9]*\.0\.sites.*EEXIST' trace ||
			fail "foretold, $target: it took another name"
		is "foretold, $target: symlinks" 50 \
			"$(find files -type l -name '*.0.sites' | wc -l)"
		is "foretold, $target: files" 50 "$(ls files | wc -l)"
		is "foretold: victim" mine "$(cat victim)"
		[ ! -e absent ] || fail "foretold: absent was made"
	done
	for error in ENOSPC EDQUOT; do
		anew
		injected "pwritev: $error" 1 "$room" pwritev:error=$error
		nothing "pwritev: $error"
	done
	anew
	injected "pwritev: EIO" 1 "$nowhere" pwritev:error=EIO
	nothing "pwritev: EIO"
	anew
	injected "pwritev: EINTR" 1 "" pwritev:error=EINTR:when=1
	exact "pwritev: EINTR"
	anew
	injected "ftruncate: EPERM" 1 "$nowhere" ftruncate:error=EPERM
	nothing "ftruncate: EPERM"
	# An old kernel, an emulator, a kernel that refuses from some day on.
	for how in error=EINVAL retval=0; do
		anew
		injected "madvise: $how" 8 "" madvise:$how
		exact "madvise: $how"
		some_lost "madvise: $how"
		is "madvise: $how: blocks" 256 \
			"$(du -B 4096 files/*.sites | cut -f 1)"
	done
	nr=$(grep madvise first | grep -n 'MADV_POPULATE_WRITE\|, 0x17' |
		sed -n '2s/:.*//p')
	anew
	injected "madvise: later" 1 "" "madvise:error=ENOMEM:when=${nr:-1}+"
	exact "madvise: later"
	some_lost "madvise: later"
fi
finish
