#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_leaks - "mallochooks report --leaks --peak" and run with these: rows, sums,
# JSON, suppressions good and bad
#
# needs: native

. "$SRCDIR/tests/process/common.sh"
source=$here/leaks.c
unset DEBUGINFOD_URLS

preload lives sites,index
preload all count,sites,event,index
preload plain count,sites
compile leaks "$source" -pthread -ldl || exit 1
mkdir files
LD_PRELOAD=$work/lives.so MALLOCHOOKS=sites.dir=$work/files,sites.after=0 \
	./leaks exit || fail "leaks: exit status $?"

report()
{
	timeout 60 "$tool" report "$@"
}

# has NAME TEXT [FILE]
has()
{
	grep -qF -- "$2" "${3-out}" ||
		fail "$1: no \"$2\" in $(head -c 1500 "${3-out}")"
}

# row FUNCTION: its row, blanks squeezed, as far as the function
row()
{
	grep -F " $1 " out | grep -F '  [' | head -n 1 | tr -s ' ' |
		sed "s/\($1\).*/\1/"
}

# order WORDS...: functions in the order of the rows
order()
{
	report --by=function "$@" files >out
	sed -n 's/.*  *\([a-z_]*\)  \[leaks\]$/\1/p' out | tr '\n' ' '
}

# ---- rows ---------------------------------------------------------------------------

report --leaks files >out 2>err
is "leaks: exit status" 0 $?
is "leaks: stderr" "" "$(cat err)"
has "leaks: sums" "alive: 18 chunks, 5.0 KiB (5,155 bytes)"
has "leaks: peak" "peak: 19 chunks, 3.0 MiB (3,150,883 bytes)"
has "leaks: columns" "     alive     %       chunks       mean  by       where"
is "leaks: leaks_some" " 4.4 KiB 88.2 15 303 B malloc leaks_some" "$(row leaks_some)"
is "leaks: aligns" " 500 B 9.7 1 500 B memalign aligns" "$(row aligns)"
is "leaks: makes" " 77 B 1.5 1 77 B calloc makes" "$(row makes)"
is "leaks: rows" 4 "$(grep -c '  \[leaks\]' out)"
is "leaks: order" "leaks_some aligns makes resizes " "$(order --leaks)"
is "leaks: top" "leaks_some aligns " "$(order --leaks --top=2)"
is "leaks: filter" "makes " "$(order --leaks --filter=function=makes)"
is "leaks: sorted otherwise" "makes " "$(order --leaks --filter=makes --sort=calls)"
is "peak: order" "is_largest leaks_some aligns makes resizes " "$(order --peak)"
report --peak files >out
is "peak" " 3.0 MiB 99.8 1 3.0 MiB malloc is_largest" "$(row is_largest)"
is "both: order" "leaks_some aligns makes resizes is_largest " \
	"$(order --leaks --peak)"
is "both" " 0 B 0.0 0 - 3.0 MiB malloc is_largest" "$(row is_largest)"
report --leaks --by=module files >out
has "by module" "(5,155 bytes)"
has "by module" "leaks  (4 sites)"
is "at once" "leaks_nothing " "$(order --sort=at-once --top=1)"
is "at once: row" " 43.4 KiB 99.4 1,520 29 B 501" \
	"$(row leaks_nothing | cut -d ' ' -f 1-8)"
report --histogram files >out
has "lives of a row" "lived 501 at once, "
report --leaks --collapsed files >out
is "collapsed" 5155 "$(awk '{ n += $NF } END { print n }' out)"

# ---- JSON ------------------------------------------------------------------------------

# value PATH <JSON
value()
{
	python3 "$SRCDIR/tests/tools/report_check.py" field "$1"
}
report --json files >all
is "json: lives" True "$(value processes.0.lives <all)"
is "json: alive" "18 5155" \
	"$(value tables.0.total.alive.chunks <all) $(value tables.0.total.alive.bytes <all)"
is "json: peak" 3150883 "$(value processes.0.total.peak.bytes <all)"
is "json: sums" "1 $(python3 "$here/sites.py" sum files/*)" \
	"$(python3 "$SRCDIR/tests/tools/report_check.py" sums <all)"
report --leaks --json files >all
is "json: rows" 4 "$(value tables.0.nr_rows <all | head -n 1)"
is "json: row" 4545 "$(value tables.0.rows.0.alive.bytes <all)"

# Another reader of the same files, on a real program.
rm -rf others
mkdir others
LD_PRELOAD=$work/lives.so MALLOCHOOKS=sites.dir=$work/others,sites.after=0 \
	perl -e 'my %h; $h{$_ % 99} .= $_ for 1 .. 3000; print scalar %h' >/dev/null
report --json others | python3 -c '
import json, sys
for table in json.load(sys.stdin)["tables"]:
    for row in table["rows"]:
        numbers = [*row["alive"].values(), *row["died"].values(),
                   *row["peak"].values(), *row["inherited"].values()]
        if any(numbers):
            print(row["module"] or "-", row["address"], *numbers)' |
	LC_ALL=C sort >got
python3 "$here/sites.py" lives others/* | cut -d ' ' -f 2- | LC_ALL=C sort >want
same "another reader" want got
[ "$(wc -l <got)" -gt 10 ] || fail "another reader: only $(wc -l <got) rows"

# ---- suppressions -----------------------------------------------------------------------

# suppressed NAME ROWS TEXT LINES...
suppressed()
{
	_name=$1 _rows=$2 _text=$3
	shift 3
	printf '%s\n' "$@" >list
	report --leaks --by=function --suppressions=list files >out 2>err
	is "$_name: exit status" 0 $?
	is "$_name: stderr" "" "$(cat err)"
	is "$_name" "$_rows" "$(sed -n 's/.*  *\([a-z_]*\)  \[leaks\]$/\1/p' out |
		tr '\n' ' ')"
	[ -z "$_text" ] || has "$_name" "suppressed: $_text"
}
all="leaks_some aligns makes resizes "
suppressed "function" "leaks_some makes resizes " \
	"1 chunk, 500 B (500 bytes) of 1 site by leak:aligns" leak:aligns
suppressed "part" "leaks_some aligns " \
	"1 chunk, 77 B (77 bytes) of 1 site by leak:akes" leak:akes leak:esizes '# leak:a'
suppressed "begin" "$all" "" leak:^kes
suppressed "begin, end" "leaks_some aligns resizes " "1 chunk" 'leak:^makes$'
suppressed "end" "leaks_some aligns " "2 chunks" 'leak:es$'
suppressed "not the end" "$all" "" 'leak:make$'
suppressed "glob" "leaks_some makes resizes " "1 chunk" 'leak:^al*gn*s$'
suppressed "glob in order" "$all" "" 'leak:^al*s*gn$'
suppressed "file" "" "18 chunks" 'leak:/leaks.c$'
suppressed "module" "" "18 chunks" "leak:^$work/leaks\$"
suppressed "other module" "$all" "" leak:libc.so
suppressed "blanks" "leaks_some makes resizes " "1 chunk" '' '  leak:aligns  ' \
	'	# a comment'
suppressed "the first one" "leaks_some makes " "1 chunk, 500 B (500 bytes) of 1 site by leak:align" \
	leak:align leak:aligns leak:esizes
is "the first one: lines" 2 "$(grep -c ^suppressed: out)"
suppressed "sums stay" "" "" leak:leaks
has "sums stay" "alive: 18 chunks"
report --leaks --json --suppressions=list files >all
is "json: suppressed" "leaks 18 5155" "$(value tables.0.suppressed.0.pattern <all) \
$(value tables.0.suppressed.0.chunks <all) $(value tables.0.suppressed.0.bytes <all)"
is "json: none left" 0 "$(value tables.0.nr_rows <all)"

# refused NAME TEXT LINES WORDS...: exit status 2, and so many lines
refused()
{
	_name=$1 _text=$2 _lines=$3
	shift 3
	report "$@" >out 2>err
	is "$_name: exit status" 2 $?
	is "$_name: stdout" "" "$(cat out)"
	is "$_name: lines" "$_lines" "$(wc -l <err)"
	has "$_name" "$_text" err
}
printf 'leak:good\nlaek:x\n\n  \nleak:\nrace:y\nleak:*^$\nlast' >list
refused "bad lines" 'mallochooks: report: list:2: "leak:PATTERN" is wanted' 5 \
	--leaks --suppressions=list files
for line in 5 6 7 8; do
	has "bad lines" "list:$line: " err
done
printf 'leak:a\0b\n' >list
refused "a NUL" "list:1: there is a NUL in it" 1 --leaks --suppressions=list files
refused "no file" "nothing: No such file" 1 --leaks --suppressions=nothing files
refused "a directory" "files: Is a directory" 1 --leaks --suppressions=files files
echo leak:a >list
refused "without leaks" "--suppressions is for --leaks" 1 --suppressions=list files
refused "no value" "needs a value" 1 --suppressions

# ---- files that tell nothing of this --------------------------------------------------------

rm -rf others
mkdir others
LD_PRELOAD=$work/plain.so MALLOCHOOKS=?sites.dir=$work/others,?sites.after=0 \
	./leaks exit
report --leaks others >out
is "no lives: exit status" 0 $?
has "no lives" "what became of its chunks was not recorded"
! grep -q "alive:" out || fail "no lives: $(cat out)"
cp files/* others
report --leaks others >out
has "with and without" "alive: 18 chunks, 5.0 KiB (5,155 bytes)"
is "with and without" 1 "$(grep -c "was not recorded" out)"

# ---- run ---------------------------------------------------------------------------------------

mkdir tmp
run()
{
	TMPDIR=$work/tmp timeout 60 "$tool" run "$@" 2>err
}
run --preload="$work/all.so" --leaks -- ./leaks exit
is "run: exit status" 0 $?
has "run" "alive: 18 chunks, 5.0 KiB (5,155 bytes)" err
has "run" "leaks_some" err
run --preload="$work/all.so" --leaks --suppressions=list -- ./leaks SIGKILL
is "run, killed: exit status" 137 $?
has "run, killed" "killed" err
has "run, killed" "suppressed: " err
run --preload="$work/all.so" --peak -- ./leaks exit
has "run: peak" "is_largest" err
run --preload="$work/plain.so" --leaks -- touch started
is "run without index: exit status" 125 $?
has "run without index" "does not learn what becomes of chunks" err
echo x >list
run --preload="$work/all.so" --leaks --suppressions=list -- touch started
is "run, bad list: exit status" 125 $?
has "run, bad list" "mallochooks: run: list:1: " err
[ ! -e started ] || fail "run: started in spite of that"
is "run: left behind" "" "$(ls -A tmp)"
finish
