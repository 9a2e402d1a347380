#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_seccomp - the count and event layers make no system call of their own
# when a program has shut itself in, and the sites layer makes none but those
# that malloc itself lives on
#
# needs: native

. "$SRCDIR/tests/process/common.sh"

compile libtally.so -shared -fPIC -Wl,-soname,libtally.so "$here/tally.c"
compile seccomp -rdynamic "$here/seccomp.c" -pthread -ldl
preload count count
preload all count,event --set=CONFIG_SYM_CXX=y --sources="$here/seen.c"

with "LD_PRELOAD=$work/libtally.so" ./seccomp forbidden >out 2>&1
status=$?
[ $status -ne 77 ] || skip_all "$(cat out)"
is "what is forbidden kills" 159 $status	# 128 + SIGSYS

for how in strict filter; do
	with "LD_PRELOAD=$work/libtally.so" ./seccomp $how >out 2>&1
	status=$?
	if [ $status -eq 77 ]; then
		skip "$how: $(cat out)"
		continue
	fi
	is "unhooked: $how" 0 $status
	for unit in count all; do
		with "LD_PRELOAD=$work/$unit.so:$work/libtally.so" \
			./seccomp $how >out 2>&1
		is "$unit: $how" 0 $?
		is "$unit: $how: says" fine "$(cat out)"
	done
	# In a totals file too, where each thread takes a line when it comes.
	LD_PRELOAD=$work/libtally.so "$tool" run --quiet \
		--preload="$work/count.so" -- ./seccomp $how >out 2>&1
	is "run: $how" 0 $?
	is "run: $how: says" fine "$(cat out)"
done

# The sites layer, with a file from the start: new places and new threads take
# mmap and madvise, old ones nothing.
compile shut "$here/sites_shut.c" -pthread
preload sites sites
preload more log,count,sites

with "LD_PRELOAD=$work/libtally.so" ./shut forbidden >out 2>&1
status=$?
[ $status -eq 77 ] || is "shut: what is forbidden kills" 159 $status
for how in filter strict strict-new; do
	with "LD_PRELOAD=$work/libtally.so" ./shut $how >want 2>&1
	status=$?
	if [ $status -eq 77 ]; then
		skip "sites: $how: $(cat want)"
		continue
	fi
	is "sites: unhooked: $how" 0 $status
	for unit in sites more; do
		rm -rf files
		mkdir files
		with "LD_PRELOAD=$work/$unit.so:$work/libtally.so MALLOCHOOKS=sites.dir=files,sites.after=0,?log.min_bytes=1G" \
			./shut $how >out 2>err
		is "$unit: $how" 0 $?
		same "$unit: $how" want out
		[ ! -s err ] || fail "$unit: $how: says $(cat err)"
		python3 "$here/sites.py" places files/* >got
		is "$unit: $how: births, bytes, frees" "$(cat want)" \
			"$(awk '$2 ~ /\/shut$/ {
				if ($4 == "free") frees += $5
				else { births += $5; bytes += $6 }
			} END { print births, bytes, frees }' got)"
	done
done

# Shut in before it has a file: where that is an error, and does not kill, the
# program goes on, with a line.
with "LD_PRELOAD=$work/libtally.so" ./shut denied >want 2>&1
if [ $? -eq 0 ]; then
	rm -rf files
	mkdir files
	with "LD_PRELOAD=$work/sites.so:$work/libtally.so MALLOCHOOKS=sites.dir=files" \
		./shut denied >out 2>err
	is "sites: denied" 0 $?
	same "sites: denied" want out
	is "sites: denied: files" 0 "$(ls files | wc -l)"
	is "sites: denied: says" 1 "$(grep -c '^mallochooks: sites: no file' err)"
	is "sites: denied: lines" 1 "$(wc -l <err)"
fi

# A program that has libseccomp may shut itself in at any time: however few its
# calls, it has a file from the start.
echo 'int seccomp_load(void *p); int seccomp_load(void *p) { return !p; }' >lib.c
compile lib.so -shared -fPIC lib.c
for with in "" ":$work/lib.so"; do
	rm -rf files
	mkdir files
	with "LD_PRELOAD=$work/sites.so$with MALLOCHOOKS=sites.dir=files" \
		true >out 2>err
	is "sites: libseccomp \"$with\"" "${with:+1}" \
		"$(ls files | wc -l | sed 's/^0$//')"
done
finish
