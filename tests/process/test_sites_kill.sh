#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_sites_kill - killed at 500 random instants, a process leaves a file that
# is at most one call a thread away from what it did; and however else it ends

. "$SRCDIR/tests/process/common.sh"

compile kill "$here/sites_kill.c" -pthread
compile end "$here/sites_end.c"
preload sites sites

# kills TIMES THREADS SEED LATEST SETTINGS
kills()
{
	rm -rf kill-files
	# shellcheck disable=SC2086
	if [ -n "$RUNNER" ]; then
		MALLOCHOOKS=$5 python3 "$here/sites_kill.py" $1 $2 $3 $4 \
			$RUNNER -E LD_PRELOAD="$work/sites.so" ./kill
	else
		python3 "$here/sites_kill.py" $1 $2 $3 $4 \
			env MALLOCHOOKS="$5" LD_PRELOAD="$work/sites.so" ./kill
	fi >out 2>&1 || fail "killed, $2 threads, $5: $(tail -n 5 out)"
	echo "$2 threads: $(tail -n 1 out)"
}

dir=sites.dir=kill-files
if [ -n "$RUNNER" ]; then
	kills 20 2 1 800 $dir,sites.after=0
else
	kills 200 1 1 12 $dir
	kills 200 4 2 12 $dir
	kills 100 4 3 8 $dir,sites.after=0
fi

# 5,000 births and as many frees, then an end of each kind.
for how in exit _exit abort SIGKILL SIGSEGV exec quick_exit; do
	rm -rf files
	mkdir files
	with "LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=files" \
		./end $how >/dev/null 2>err
	! grep -q '^mallochooks' err || fail "$how: $(cat err)"
	python3 "$here/sites.py" places files/* >got || fail "$how: no file"
	is "$how" "5000 225000 5000" "$(awk '$2 ~ /\/end$/ {
			if ($4 == "free") frees += $5
			else { births += $5; bytes += $6 }
		} END { print births, bytes, frees }' got)"
	state=1
	case $how in
	exit) state=2 ;;
	esac
	is "$how: state" $state "$(python3 "$here/sites.py" field state files/*)"
done

# While it runs, neither stopped nor attached to.
[ -n "$RUNNER" ] || {
	rm -rf files
	mkdir files
	: >lines
	dd if=/dev/zero of=lines bs=4096 count=1 2>/dev/null
	LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=files,sites.after=0 \
		./kill lines 2 &
	pid=$!
	i=0
	while [ -z "$(ls files)" ] && [ $i -lt 100 ]; do
		sleep 0.05
		i=$((i + 1))
	done
	sleep 0.1
	python3 "$here/sites.py" sum files/* >first
	sleep 0.1
	python3 "$here/sites.py" sum files/* >second
	kill -KILL $pid
	wait $pid 2>/dev/null
	read -r before rest <first
	read -r after rest <second
	[ "${before:-0}" -gt 0 ] && [ "$after" -gt "$before" ] ||
		fail "running: $before, then $after calls"
}
finish
