#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_programs - real programs under the build's preload, under one that logs
# to a file, and under one that records sites, with other allocators behind too:
# stdout, stderr and exit status are what they are unhooked
#
# takes: 14
# needs: native

. "$SRCDIR/tests/process/common.sh"

preload all log,count,event
preload sites sites

allocators=
for library in libjemalloc.so.2 libmimalloc.so.2 libtcmalloc_minimal.so.4; do
	LD_PRELOAD=$library true 2>err
	if [ -s err ]; then
		skip "$library is not here: $(cat err)"
	else
		allocators="$allocators $library"
	fi
done

PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_PAGER=cat
GIT_AUTHOR_NAME=Test GIT_AUTHOR_EMAIL=test@example.org
GIT_COMMITTER_NAME=Test GIT_COMMITTER_EMAIL=test@example.org
GIT_AUTHOR_DATE='2024-05-01T12:00:00Z' GIT_COMMITTER_DATE='2024-05-01T12:00:00Z'
export PYTHONHASHSEED PYTHONDONTWRITEBYTECODE
XDG_CONFIG_HOME=$work
export XDG_CONFIG_HOME GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_PAGER
export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
export GIT_AUTHOR_DATE GIT_COMMITTER_DATE

# with_sites ALLOCATOR PROGRAM WORDS...: as plain.out, plain.err, product.plain
# have it; its files are whole
with_sites()
{
	behind=$1
	shift
	rm -rf files
	mkdir files
	timeout 120 env LD_PRELOAD="$work/sites.so${behind:+:$behind}" \
		MALLOCHOOKS="sites.dir=$work/files,sites.after=${after:-0}" \
		"$@" >out 2>err </dev/null
	is "$name, sites $behind: exit status" $status $?
	same "$name, sites $behind: stdout" plain.out out
	same "$name, sites $behind: stderr" plain.err err
	[ ! -f product.plain ] ||
		same "$name, sites $behind: what it made" product.plain product
	rm -f product
	python3 "$here/sites.py" process files/*.sites >calls 2>err ||
		fail "$name, sites $behind: $(tail -n 1 err)"
	[ "$(awk '$2 > 0' calls | wc -l)" -gt 0 ] ||
		fail "$name, sites $behind: nothing was recorded"
}

# same_with_allocators PROGRAM WORDS...: each is compared with itself unhooked,
# for what allocators say by themselves
same_with_allocators()
{
	same_as_unhooked "$@"
	command -v "$1" >/dev/null || return
	for allocator in $allocators; do
		LD_PRELOAD=$allocator timeout 120 "$@" >plain.out 2>plain.err \
			</dev/null
		status=$?
		[ ! -f product ] || mv product product.plain
		after=100 with_sites "$allocator" "$@"
		rm -f product.plain
	done
}

# same_as_unhooked PROGRAM WORDS...: also a file "product", if it makes one
same_as_unhooked()
{
	command -v "$1" >/dev/null || {
		skip "$1 is not here"
		return
	}
	name=$1
	rm -f product
	timeout 120 "$@" >plain.out 2>plain.err </dev/null
	status=$?
	[ ! -f product ] || mv product product.plain

	rm -f log
	for unit in ${MALLOCHOOKS_PRELOAD:+"$MALLOCHOOKS_PRELOAD"} "$work/all.so"; do
		timeout 120 env LD_PRELOAD="$unit" \
			MALLOCHOOKS="?log.fd=9,?log.min_bytes=${min_bytes:-0}" \
			"$@" >out 2>err 9>>log </dev/null
		is "$name: exit status" $status $?
		same "$name: stdout" plain.out out
		same "$name: stderr" plain.err err
		[ ! -f product ] || same "$name: what it made" product.plain product
		rm -f product
	done
	with_sites "" "$@"
	grep -q '^mallochooks: log: [0-9]*/[0-9]* [a-z-]* ' log ||
		fail "$name: nothing in the log"
	grep -qv '^mallochooks: log: ' log && fail "$name: torn lines in the log"
	rm -f product.plain
}

# Something to work on, the same each time.
mkdir repo
(
	cd repo || exit 1
	git init -q -b main .
	for file in count event log; do
		cp "$SRCDIR/hooks/$file.c" . && git add . &&
			git commit -q -m "add $file"
	done
	sed 's/static/extern/' event.c >new && mv new event.c
) || skip "no repository for git"
cat "$SRCDIR"/hooks/*.c >text
cat >prog.c <<'EOS'
#include <stdio.h>
static int squares(int n) { return n ? n * n + squares(n - 1) : 0; }
int main(void) { printf("%d\n", squares(20)); int unused; return 0; }
EOS
cat >prog.cc <<'EOS'
#include <algorithm>
#include <iostream>
#include <map>
#include <string>
int main()
{
	std::map<std::string, int> words;
	std::string word;
	while (std::cin >> word)
		words[word]++;
	for (auto &w : words)
		std::cout << w.first << ' ' << w.second << '\n';
}
EOS
echo 'int main() { return nothing_of_that_name; }' >bad.c

same_as_unhooked sh -c 'echo a; exit 3'
same_as_unhooked bash -c 'declare -A a; for i in {1..300}; do a[$i]=$((i*i)); done
	echo "${a[@]}" | tr " " "\n" | sort -n | tail -n 3; (exit 4) & wait $!;
	echo $(echo sub) <(echo x) >/dev/null; no_such_command; exit 5'
same_with_allocators perl -e 'my %h; open my $f, "<", "text"; while (<$f>) {
	$h{$_}++ for /\w+/g } print join(" ", map { "$_=$h{$_}" } sort keys %h);
	print `echo child`; my $p = fork // die; if (!$p) { exit 2 } wait;
	printf "%d\n", $? >> 8; die "the end\n"'
same_with_allocators git -C repo log --stat -p
same_as_unhooked git -C repo diff --word-diff
same_as_unhooked git -C repo status
same_as_unhooked git -C repo no-such-command
same_with_allocators sqlite3 :memory: 'create table t(a integer primary key, b text);
	with recursive n(x) as (select 1 union all select x+1 from n where x<3000)
	insert into t select x, printf("%050d", x*7%1000) from n;
	create index i on t(b); select b, count(*) from t group by b limit 5;
	select sum(length(b)) from t; select * from nowhere;'
same_with_allocators gcc -O2 -Wall -c -o product prog.c
same_as_unhooked gcc -O2 -o product prog.c
same_as_unhooked gcc -o product bad.c
same_as_unhooked g++ -O1 -o product prog.cc
same_with_allocators python3 "$here/programs.py" text
min_bytes=1k same_as_unhooked node -e 'const m = new Map(); for (let i = 0;
	i < 20000; i++) m.set("k" + i, Buffer.alloc(i % 100)); let n = 0;
	for (const [k, v] of m) n += v.length; console.log(n);
	console.log(require("zlib").gzipSync("x".repeat(100000)).length);
	require("child_process").execFile("echo", ["child"], (e, out) =>
	{ console.log(out); process.exitCode = 6; });'
finish
