#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_threads - exact counts: 8 threads that are busy, 1000 alive at a time,
# 40,000 in a row, and more than there are lines for

. "$SRCDIR/tests/process/common.sh"

compile libtally.so -shared -fPIC -Wl,-soname,libtally.so "$here/tally.c"
compile threads -rdynamic "$here/threads.c" -pthread -ldl
preload count count
preload all count,event --set=CONFIG_SYM_CXX=y --sources="$here/seen.c"

live=1000 short=40000
[ -z "$RUNNER" ] || live=100 short=1000

# try NAME SETTINGS HOW...
try()
{
	name=$1 settings=$2
	shift 2
	with "$settings" ./threads "$@" >out 2>err
	status=$?
	if [ $status -eq 77 ]; then
		skip "$name: $(cat out)"
		return
	fi
	is "$name" 0 $status
	[ ! -s err ] || fail "$name: $(cat err)"
}

for unit in count all; do
	hooks="LD_PRELOAD=$work/$unit.so:$work/libtally.so"
	try "$unit: few" "$hooks" few
	read -r births counted <out
	[ "${births:-0}" -ge 800000 ] || fail "$unit: few: $births births"
	try "$unit: live" "$hooks" live $live
	read -r births counted <out
	[ "${births:-0}" -ge $((live * 20)) ] || fail "$unit: live: $births births"
	try "$unit: short" "$hooks" short $short
	read -r births counted <out
	[ "${births:-0}" -ge $((short * 4)) ] || fail "$unit: short: $births births"
done

# A totals file has lines for a few threads only; what the others add shares one.
cat >make_file.c <<'EOS'
#include <stdio.h>
#include <stdlib.h>
#include "shard.h"
int main(int argc, char **argv)
{
	struct mh_shards_header head = { MH_SHARDS_MAGIC, MH_SHARDS_VERSION,
					 64, (uint32_t)atoi(argv[1]), 1, { 0 } };
	unsigned int i;

	(void)argc;
	if (!fwrite(&head, sizeof(head), 1, stdout))
		return 1;
	for (i = 1; i < head.limit * 64 / sizeof(head); i++)
		if (!fwrite((char [sizeof(head)]){ 0 }, sizeof(head), 1, stdout))
			return 1;
	return fflush(stdout) != 0;
}
EOS
compile make_file make_file.c
hooks="LD_PRELOAD=$work/count.so:$work/libtally.so MALLOCHOOKS=count.file=$work/file"
with "" ./make_file 1000 >file
try "a file with lines enough" "$hooks" live 50
for lines in 4 20; do
	with "" ./make_file $lines >file
	try "a file of $lines lines" "$hooks" live 50
	read -r births counted <out
	[ "${births:-0}" -ge 1000 ] || fail "file: $births births"
done
finish
