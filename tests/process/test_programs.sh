#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_programs - real programs under the build's preload, and under one that
# logs to a file: stdout, stderr and exit status are what they are unhooked
#
# needs: native

. "$SRCDIR/tests/process/common.sh"

preload all log,count,event --set=CONFIG_SYM_CXX=y

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
	for unit in "$MALLOCHOOKS_PRELOAD" "$work/all.so"; do
		timeout 120 env LD_PRELOAD="$unit" \
			MALLOCHOOKS="?log.fd=9,?log.min_bytes=${min_bytes:-0}" \
			"$@" >out 2>err 9>>log </dev/null
		is "$name: exit status" $status $?
		same "$name: stdout" plain.out out
		same "$name: stderr" plain.err err
		[ ! -f product ] || same "$name: what it made" product.plain product
		rm -f product
	done
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
same_as_unhooked perl -e 'my %h; open my $f, "<", "text"; while (<$f>) {
	$h{$_}++ for /\w+/g } print join(" ", map { "$_=$h{$_}" } sort keys %h);
	print `echo child`; my $p = fork // die; if (!$p) { exit 2 } wait;
	printf "%d\n", $? >> 8; die "the end\n"'
same_as_unhooked git -C repo log --stat -p
same_as_unhooked git -C repo diff --word-diff
same_as_unhooked git -C repo status
same_as_unhooked git -C repo no-such-command
same_as_unhooked sqlite3 :memory: 'create table t(a integer primary key, b text);
	with recursive n(x) as (select 1 union all select x+1 from n where x<3000)
	insert into t select x, printf("%050d", x*7%1000) from n;
	create index i on t(b); select b, count(*) from t group by b limit 5;
	select sum(length(b)) from t; select * from nowhere;'
same_as_unhooked gcc -O2 -Wall -c -o product prog.c
same_as_unhooked gcc -O2 -o product prog.c
same_as_unhooked gcc -o product bad.c
same_as_unhooked g++ -O1 -o product prog.cc
same_as_unhooked python3 "$here/programs.py" text
min_bytes=1k same_as_unhooked node -e 'const m = new Map(); for (let i = 0;
	i < 20000; i++) m.set("k" + i, Buffer.alloc(i % 100)); let n = 0;
	for (const [k, v] of m) n += v.length; console.log(n);
	console.log(require("zlib").gzipSync("x".repeat(100000)).length);
	require("child_process").execFile("echo", ["child"], (e, out) =>
	{ console.log(out); process.exitCode = 6; });'
finish
