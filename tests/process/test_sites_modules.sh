#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_sites_modules - a library that takes the place of one that was closed is
# not blamed for it, nor the other way round: of the same name or of another,
# with threads about, from the first call on or with a log

. "$SRCDIR/tests/process/common.sh"

compile modules "$here/sites_modules.c" -pthread -ldl
preload sites sites

# library NAME ID SIZE SHIFT: as link does, but one that can be closed
library()
{
	# shellcheck disable=SC2086
	$cc -shared -fPIC -O2 -fno-builtin-malloc -fno-builtin-free \
		-Wl,--build-id="0x$2" "-DSIZE=$3" "-DSHIFT=\"$4\"" -o "$1.so" \
		"$here/sites_modules_lib.c" >compile.log 2>&1 || {
		cat compile.log
		echo "$1.so was not linked"
		exit 1
	}
	echo "$2 ./$1.so" >>ids
}

# The places of one and two are at the same address, that of three is not; four
# is larger, and reaches into where others were.
library one 01010101 101 0
library two 02020202 103 0
library three 03030303 107 64
library four 04040404 109 9000

# try NAME SETTINGS ROUNDS THREADS END LIBRARIES...
try()
{
	name=$1 settings=$2
	shift 2
	rm -rf files
	mkdir files
	with "LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=files,$settings" \
		./modules "$@" >out 2>err
	status=$?
	case $3 in
	kill)	is "$name" 137 $status ;;
	*)	is "$name" 0 $status ;;
	esac
	! grep -v '^Killed$' err || fail "$name: $(cat err)"
	python3 "$here/sites.py" places files/* >places ||
		fail "$name: the file breaks a rule"

	# Sites of 101 bytes and so on, each with the build id of its library.
	sort places | join ids - >known
	awk -v name="$name" '
		FILENAME == "out" { want[$1] = $2; next }
		$5 == "malloc" { places[$2]++ }
		$5 == "malloc" || $5 == "free" { calls[$2, $5] += $6; bytes[$2] += $7 }
		END {
			size["./one.so"] = 101; size["./two.so"] = 103
			size["./three.so"] = 107; size["./four.so"] = 109
			for (lib in want) {
				if (lib == "own" || lib == "again")
					continue
				if (calls[lib, "malloc"] != want[lib] ||
				    calls[lib, "free"] != want[lib] ||
				    places[lib] != 1 ||
				    bytes[lib] != want[lib] * size[lib])
					print name ": " lib ": " want[lib] \
						" calls of " size[lib] " bytes, found " \
						calls[lib, "malloc"] + 0 " and " \
						calls[lib, "free"] + 0 " frees, " \
						bytes[lib] + 0 " bytes at " \
						places[lib] + 0 " places"
			}
		}' out known >differ
	[ ! -s differ ] || fail "$(cat differ)"
	is "$name: own place" "$(sed -n 's/^own //p' out)" \
		"$(awk '$2 ~ /\/modules$/ && $4 == "malloc" && $6 == 77 * $5 {
			n += $5 } END { print n + 0 }' places)"
	is "$name: places without a module" "" "$(grep '^- - ' places | head -n 3)"
	again=$(sed -n 's/^again //p' out)
}

try "one name" sites.after=0 50 0 end ./one.so ./two.so
# Or else this tests nothing.  An emulator takes a new address each time.
[ -n "$RUNNER" ] || [ "$again" -gt 30 ] ||
	fail "the address was the same only $again times"
try "one name, threads" sites.after=0 50 4 end ./one.so ./two.so
try "one name, three builds" sites.after=0 51 2 end ./one.so ./two.so ./three.so
try "one name, from a log" sites.after=1000 4 0 end ./one.so ./two.so
try "one name, from a long log" sites.after=4096 50 0 end ./one.so ./two.so
try "one name, stays" sites.after=0 9 1 stay ./one.so ./two.so
try "one name, killed" sites.after=0 9 1 kill ./one.so ./two.so
# What is closed and what is open are one place.
try "the same again" sites.after=0 20 1 stay ./one.so
try "other names" sites.after=0 50 2 apart ./one.so ./two.so
try "other sizes" sites.after=0 60 2 apart ./four.so ./one.so ./three.so
finish
