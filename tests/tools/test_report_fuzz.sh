#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_report_fuzz - thousands of changed files, read by a report that is compiled
# with sanitizers: no crash, no leak, no endless turn
#
# needs: native

. "$SRCDIR/tests/process/common.sh"

tools=$SRCDIR/tools
turns=5000

preload sites sites,index
compile places "$SRCDIR/tests/tools/report_sites.c"
mkdir files
LD_PRELOAD=$work/sites.so MALLOCHOOKS=sites.dir=files,sites.after=0 \
	./places || fail "places: exit status $?"
pages=$(python3 "$here/sites.py" field pages_used files/*)
head -c $((pages * 4096)) files/* >good

# shellcheck disable=SC2086
$cc -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-I"$SRCDIR/include" -I"$tools" -I"$SRCDIR/index" -o fuzz \
	"$SRCDIR/tests/tools/report_fuzz.c" "$tools/report.c" \
	"$tools/show-text.c" "$tools/show-data.c" "$tools/table.c" \
	"$tools/suppress.c" \
	"$tools/sitefile.c" "$tools/texts.c" "$tools/symbols.c" "$tools/debuginfo.c" \
	"$tools/dwarf.c" "$tools/demangle.c" "$tools/rust.c" "$tools/util.c" \
	"$tools/spawn.c" -ldw -lelf -ldl >compile.log 2>&1 || {
	cat compile.log
	skip_all "no sanitizers: see above"
}
mkdir copies
seed=${SEED-$(date +%s)}
./fuzz good "$seed" $turns copies >out 2>err
is "seed $seed" "all well" "$(cat out)"
[ "$(cat out)" = "all well" ] || grep -v '^mallochooks: ' err | head -n 30
echo "seed $seed: $(sed -n 's/^mallochooks: .*: //p' err | sort | uniq -c | sort -rn | tr -s ' ' |
	tr '\n' ';')"
finish
