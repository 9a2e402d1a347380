#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_report - "mallochooks report": what it says of programs whose calls are
# known, and of files that are torn, foreign, of the future, or none at all
#
# needs: native

. "$SRCDIR/tests/process/common.sh"
sites=$here
here=$SRCDIR/tests/tools
unset DEBUGINFOD_URLS
cd "$(pwd -P)" || exit 1
work=$(pwd -P)

preload sites sites
compile places "$here/report_sites.c" || exit 1
mkdir files

report()
{
	timeout 60 "$tool" report "$@"
}

check()
{
	python3 "$here/report_check.py" "$@"
}

# sites_of COMMAND...: run it, with a file from the first call on
sites_of()
{
	rm -rf files
	mkdir files
	LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=$work/files,sites.after=0 \
		"$@"
}

# has NAME TEXT FILE
has()
{
	grep -qF -- "$2" "$3" || fail "$1: no \"$2\" in $(head -c 1500 "$3")"
}

hasnt()
{
	! grep -qF -- "$2" "$3" || fail "$1: \"$2\" in $(head -c 1500 "$3")"
}

# line MARK: of the source
line()
{
	grep -n "line of $1 " "$here/report_sites.c" | cut -d : -f 1
}

# ---- what is known ---------------------------------------------------------------

sites_of ./places || fail "places: exit status $?"
report files >out 2>err
is "text: exit status" 0 $?
is "text: stderr" "" "$(cat err)"
births=$((1000 + 2000 + 30 + 8 + 1))
bytes=$((1000 * 24 + 2000 * 7 + 30 * 100000 + 64 * 36 + 192))
has "text: head" "./places" out
has "text: state" ", ended" out
has "text: sums" "3,039 allocations, 2.9 MiB requested (3,040,496 bytes), 1,500 frees, 3 failed" out
has "text: operations" "of these 3,000 malloc, 30 calloc, 8 realloc, 1 memalign; 7 sites in 1 module" out
is "what is known" "$births $bytes" "3039 3040496"

# row TEXT: the first row with that in it, blanks squeezed
row()
{
	grep -F -- " $1 " out | grep -F '  [' | head -n 1 | tr -s ' '
}
source=$(cd "$here" && pwd -P)/report_sites.c
case $source in
"$work"/*) ;;
*)	[ ${#source} -le 44 ] || source=$(echo "$source" |
		awk '{ at = substr($0, length($0) - 43)
			print "..." substr(at, index(at, "/")) }') ;;
esac
is "row: large" " 2.9 MiB 98.7 30 97.7 KiB calloc large $source:$(line large) [places]" "$(row large)"
is "row: many" " 13.7 KiB 0.5 2,000 7 B malloc many $source:$(line many) [places]" "$(row many)"
is "row: inlined" " 23.4 KiB 0.8 1,000 24 B malloc inner $source:$(line inner) [places]" "$(row inner)"
is "row: inlined into" "in middle $source:$(line middle)|in outer $source:$(line outer)|" \
	"$(grep '^ *in ' out | sed 's/^ *//' | tr -s ' ' | tr '\n' '|')"
is "row: realloc" " 2.2 KiB 0.1 8 288 B realloc other $source:$(line realloc) [places]" "$(row realloc)"
is "row: memalign" " 192 B 0.0 1 192 B memalign other $source:$(line memalign) [places]" "$(row memalign)"
is "sizes" "< 16 B 65.8 2,000|< 32 B 32.9 1,000|< 64 B 0.0 0|< 128 B 0.0 1|< 256 B 0.1 3|< 512 B 0.1 4|< 1 KiB 0.0 1|< 4 KiB 0.0 0|< 16 KiB 0.0 0|< 128 KiB 1.0 30|" \
	"$(sed -n '/^sizes/,$p' out | sed -e 1d -e 's/ *#*$//' | tr -s ' ' |
	   sed 's/^ //' | tr '\n' '|')"

# order SORT: functions in the order that --sort gives
order()
{
	report "$@" --top=0 files 2>&1 >out
	sed -n -e '/^ *in /d' -e '/ where$/d' \
		-e 's/.* \([a-z]*\)  [^ ]*:[0-9]*  \[places\]$/\1/p' out |
		tr '\n' ' '
}
is "sort: bytes" "large inner many other other " "$(order)"
is "sort: calls" "many inner large other other " "$(order --sort=calls)"
is "sort: mean" "large other other inner many " "$(order --sort=mean)"
is "sort: frees" "release " "$(order --sort=frees)"
is "sort: failed" "other " "$(order --sort=failed)"
report --sort=frees files >out
is "row: free" " 0 B 100.0 0 - 1,500 free release $source:$(line release) [places]" "$(row release)"
report --sort=failed files >out
has "row: failed" "$source:$(line failed)" out

report --top=2 files >out
is "top" 2 "$(grep -c '\[places\]' out)"
has "top: rest" "and 3 more (--top=0 shows all)" out
report --filter=function=many files >out
is "filter: function" 1 "$(grep -c '\[places\]' out)"
has "filter: sums" "that pass the filter: 2,000 allocations" out
report --filter=outer files >out
is "filter: inlined into" 1 "$(grep -c '\[places\]' out)"
report '--filter=function=o*' files >out
is "filter: glob" 3 "$(grep -c '\[places\]' out)"
report --filter=module=libc files >out
has "filter: other module" "that pass the filter: 0 allocations" out
report --filter=module=places files >out
has "filter: module" "that pass the filter: 3,039 allocations" out
report --by=function files >out
is "by function" " 2.4 KiB 0.1 9 277 B 3 several other [places] (3 sites)" "$(row other)"
report --by=module files >out
is "by module" 1 "$(grep -c '(7 sites)' out)"
report --by=line files >out
is "by line" 5 "$(grep -c '\[places\]' out)"
report --histogram files >out
has "histogram" "sizes < 128 B: 1, < 256 B: 2, < 512 B: 4, < 1 KiB: 1" out
report --no-symbols files >out
hasnt "no symbols" many out
is "no symbols: rows" 5 "$(grep -c '0x[0-9a-f]*  \[places\]' out)"

# ---- for other programs ------------------------------------------------------------

is "json: sums" "1 $births $bytes 1500 3" \
	"$(report --json files | check sums)"
is "json: by function" "1 $births $bytes 1500 3" \
	"$(report --json --by=function files | check sums)"
is "json: state" ended "$(report --json files | check field processes.0.state)"
is "json: frame" "outer" \
	"$(report --json --filter=inner files | check field tables.0.rows.0.frames.2.function)"
report --json files >first
report --json files >second
same "json: twice" first second
for sort in bytes calls frees failed; do
	report --collapsed --sort=$sort files >out
	case $sort in
	bytes) want=$bytes ;;
	calls) want=$births ;;
	frees) want=1500 ;;
	failed) want=3 ;;
	esac
	is "collapsed: $sort" $want "$(awk '{ n += $NF } END { print n }' out)"
done
report --collapsed files >out
has "collapsed" "places;outer;middle;inner;report_sites.c:$(line inner) 24000" out
report --collapsed --each files >out
is "collapsed: each" 5 "$(grep -c '^places [0-9]*;places;' out)"

# Another reader of the same files, on real programs.
readers()
{
	sites_of "$@" >/dev/null 2>err
	is "$1: stderr" "" "$(cat err)"
	report --json files | check rows >got
	python3 "$sites/sites.py" places files/* |
		awk '{ n[$2 " " $3 " " $4] += $5 }
		     END { for (k in n) print k, n[k] }' | LC_ALL=C sort >want
	same "$1: another reader" want got
	[ -s want ] || fail "$1: nothing to read"
	is "$1: sums" "$(python3 "$sites/sites.py" sum files/*)" \
		"$(report --json files | check sums | cut -d ' ' -f 2-)"
}
readers git --version
readers perl -e 'print join ",", sort map { $_ * 7 % 13 } 1 .. 99'
readers python3 -c 'import json; print(json.dumps([1, 2, {"a": 3}]))'

# What C++ makes is made by the caller of operator new; long names are shown
# short.
cat >new.cc <<'END'
#include <map>
#include <string>
struct thing { long a[4]; };
__attribute__((noinline)) thing *build() { return new thing; }
__attribute__((noinline)) char *bytes(int n) { return new char[n]; }
int main()
{
	std::map<std::string, std::map<std::string, int> > all;

	for (int i = 0; i < 500; i++) {
		delete build();
		delete[] bytes(70);
		all[std::string(1, (char)i)]["x"] = i;
	}
	return 0;
}
END
if command -v "${cxx%% *}" >/dev/null; then
	$cxx -O1 -g -fno-inline -o new new.cc
	sites_of ./new || fail "C++: exit status $?"
	report --by=function --filter=module=new files >out
	is "C++: new" "15.6 KiB 500 32 B" \
		"$(row 'build()' | awk '{ print $1, $2, $4, $5, $6 }')"
	is "C++: new[]" "34.2 KiB 500 70 B" \
		"$(row 'bytes(int)' | awk '{ print $1, $2, $4, $5, $6 }')"
	has "C++: short names" "std::__new_allocator<...>::allocate(" out
	report --json --by=function --filter=module=new files >out
	has "C++: whole names" "std::__new_allocator<std::_Rb_tree_node<" out
else
	skip "C++: no compiler"
fi

# ---- many processes -----------------------------------------------------------------

sites_of ./places fork || fail "fork: exit status $?"
report files >out
has "fork: processes" "2 processes" out
has "fork: sums" "6,078 allocations" out
is "fork: list" 2 "$(grep -c ' ended  *\./places fork$' out)"
is "fork: one table" 1 "$(grep -c ' large ' out)"
is "fork: json" "2 6078 6080992 3000 6" "$(report --json files | check sums)"
report --each files >out
is "each: tables" 2 "$(grep -c ' large ' out)"
is "each: json" "2 6078 6080992 3000 6" \
	"$(report --json --each files | check sums)"
report --processes files >out
is "processes" 2 "$(grep -c ' 3,039 .*\./places fork$' out)"
hasnt "processes: no table" large out
set -- files/*
report "$1" >out
has "a file" "3,039 allocations" out
report "$1" "$1" "$2" "./$2" >out
has "files, named twice" "6,078 allocations" out
(cd files && report >../out)
has "the current directory" "6,078 allocations" out

# ---- while it runs, and when it is killed ---------------------------------------------

rm -rf files
mkdir files
LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=$work/files ./places wait >pid &
tries=0
until [ -s pid ] || [ $tries -ge 300 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
pid=$(cat pid)
report "$pid" >out 2>err
is "running: exit status" 0 $?
is "running: stderr" "" "$(cat err)"
has "running: state" "process $pid, running" out
has "running: sums" "3,039 allocations" out
mv files/*.sites files/moved.sites
report "$pid" >out 2>err
has "running: moved" "3,039 allocations" out
rm files/moved.sites
report "$pid" >out 2>err
is "running: removed: exit status" 1 $?
has "running: removed" "its file was removed" err
kill -KILL "$pid"
wait "$pid" 2>/dev/null
report "$pid" >out 2>err
is "gone: exit status" 1 $?
has "gone" "process $pid: there is none" err
# By the number that it has here, whatever it has where it lives.
user=
[ "$(id -u)" = 0 ] || user=r
if unshare -p${user}f true 2>/dev/null; then
	: >pid
	LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=$work/files \
		unshare -p${user}f --kill-child ./places wait >pid 2>/dev/null &
	tries=0
	until [ -s pid ] || [ $tries -ge 300 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	pid=$(tr -d ' ' <"/proc/$!/task/$!/children")
	report "$pid" >out 2>err
	has "namespace: state" "process 1, running" out
	has "namespace: sums" "3,039 allocations" out
	kill -KILL $!
	wait $! 2>/dev/null
	rm -f files/*
else
	skip "namespace: no pid namespace can be had here"
fi
sleep 60 &
report $! >out 2>err
is "not hooked: exit status" 1 $?
has "not hooked" "process $! has no file of sites" err
kill $!

sites_of sh -c './places; kill -KILL $$' 2>/dev/null
report files >out
has "killed" " killed " out
sites_of ./places

# ---- symbols that are not there ----------------------------------------------------------

cp places places.kept
strip places
report files >out 2>err
has "stripped" "note: places: stripped" out
is "stripped: rows" 5 "$(grep -c '\[places\]' out)"
rm places
report files >out 2>err
has "gone" "note: places: the file is gone" out
cp "$(command -v sed)" places
report files >out 2>err
has "replaced" "note: places: the file was replaced (other build id)" out
mv places.kept places

# ---- files of other kinds ----------------------------------------------------------------

good=$(echo files/*.sites)
# bad NAME TEXT FILE: exit status 1, nothing on stdout, one line that says TEXT
bad()
{
	report "$3" >out 2>err
	is "$1: exit status" 1 $?
	is "$1: stdout" "" "$(cat out)"
	is "$1: lines" 1 "$(wc -l <err)"
	has "$1" "mallochooks: report: $3: $2" err
}
# poke FILE OFFSET OCTAL...: bytes
poke()
{
	_to=$1 _at=$2
	shift 2
	printf "$(printf '\\%s' "$@")" |
		dd of="$_to" bs=1 seek="$_at" conv=notrunc 2>/dev/null
}
copy()
{
	cp --sparse=always "$good" x.sites
}
bad "missing" "No such file" nothing.sites
: >x.sites
bad "empty" "is empty" x.sites
echo hello >x.sites
bad "short text" "is no file of the sites layer" x.sites
cp "$tool" x.sites
bad "program" "is no file of the sites layer" x.sites
head -c 4096 /dev/zero >x.sites
bad "unfinished" "its process ended while it made the file" x.sites
for bytes in 8 100 4095; do
	head -c $bytes "$good" >x.sites
	bad "cut at $bytes" "is cut off within its header" x.sites
done
copy
poke x.sites 8 4
bad "future" "is of format 4, this mallochooks reads formats 1 and 3: use a newer one" x.sites
copy
poke x.sites 8 2
bad "past" "is of format 2, this mallochooks reads formats 1 and 3: use the one that it was made with" x.sites
copy
poke x.sites 8 0
bad "past" "is of format 0" x.sites
copy
poke x.sites 0 0 163 145 164 151 163 150 155
bad "byte order" "comes from a machine of the other byte order" x.sites
copy
poke x.sites 16 1
bad "record size" "has a damaged header" x.sites
mkdir none
bad "directory without any" "no *.sites in it" none
rm -f x.sites
mkfifo x.sites
bad "FIFO" "is no regular file" x.sites
rm x.sites
ln -s x.sites x.sites
bad "symlink to itself" "Too many levels" x.sites
rm x.sites
mkdir x.sites
bad "directory of that name" "no *.sites in it" x.sites
rmdir x.sites
if [ "$(id -u)" != 0 ]; then
	copy
	chmod 0 x.sites
	bad "unreadable" "Permission denied" x.sites
	rm -f x.sites
fi

# Cut behind its header it tells what is left.
head -c 8192 "$good" >x.sites
report x.sites >out 2>err
is "cut off: exit status" 0 $?
has "cut off" "its file was cut off" out
# Pages of garbage are counted, and the rest is used.
copy
head -c 64 /dev/zero | tr '\000' '\377' |
	dd of=x.sites bs=4096 seek=1 conv=notrunc 2>/dev/null
report x.sites >out 2>err
is "damaged: exit status" 0 $?
has "damaged" "its file is damaged" out
# One that claims all that can be claimed, and has holes.
copy
poke x.sites 32 377 377 377 377 377 377 377 377
truncate -s 4T x.sites 2>/dev/null || truncate -s 8G x.sites
report x.sites >out 2>err
is "endless: exit status" 0 $?
has "endless" "3,039 allocations" out
# Good ones beside bad ones are reported.
cp /dev/null files/bad.sites
report files >out 2>err
is "one is bad: exit status" 1 $?
has "one is bad: said" "bad.sites: is empty" err
has "one is bad: the other" "3,039 allocations" out
rm files/bad.sites

# What stands in a file must not reach the terminal as it is.
copy
poke x.sites 3072 033 133 063 061 155 012 101 377
poke x.sites 76 010
report x.sites >out
is "terminal: text" "?[31m?A?" "$(head -n 1 out)"
report --json x.sites | check field processes.0.command >out
is "terminal: json" "?[31m?A?" "$(cat out)"

# ---- words ---------------------------------------------------------------------------------

# refused TEXT WORDS...: exit status 2, one line
refused()
{
	_text=$1
	shift
	report "$@" >out 2>err
	is "$*: exit status" 2 $?
	is "$*: lines" 1 "$(wc -l <err)"
	has "$*" "$_text" err
}
refused "one of bytes, calls, mean, frees, failed, alive, peak, at-once is wanted" --sort=byte files
refused "one of address, line, function, module is wanted" --by= files
for n in -1 x 5x 99999999999999999999; do
	refused "--top=$n: a number" --top=$n files
done
refused "part of a name" --filter= files
refused "part of a name" --filter=module= files
refused "one of them, please" --json --collapsed files
refused "means do not add up" --collapsed --sort=mean files
refused "unknown option --eech" --eech files
refused "needs a value" --sort
report --help >out
is "help: exit status" 0 $?
for word in sort by top filter histogram no-symbols each processes json \
	    collapsed debug-dirs; do
	has "help" "--$word" out
done
if [ -c /dev/full ]; then
	report files >/dev/full 2>err
	is "full stdout: exit status" 1 $?
	has "full stdout" "cannot write to stdout" err
fi
(ulimit -v 3000000 && report files >out 2>err) || fail "bounded memory"
has "bounded memory" "3,039 allocations" out
finish
