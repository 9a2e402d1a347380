#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_description_fuzz - thousands of changed descriptions, read by a reader that
# is compiled with sanitizers
#
# needs: native

. "$SRCDIR/tests/process/common.sh"

tools=$SRCDIR/tools
seed=${SEED-$(date +%s)}

echo 'int main(void) { return 0; }' >any.c
$cc -fsanitize=address,undefined any.c -o any -lconfig 2>/dev/null && ./any ||
	skip_all "no sanitizers, or no libconfig"
$cc -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-I"$SRCDIR/include" -I"$tools" -DMALLOCHOOKS_VERSION='""' -o fuzz \
	"$SRCDIR/tests/description/description_fuzz.c" "$tools/describe.c" \
	"$tools/settings.c" "$tools/family.c" "$tools/signature.c" "$tools/asked.c" \
	"$tools/model.c" "$tools/util.c" "$tools/spawn.c" -lconfig >compile.log 2>&1 || {
	cat compile.log
	exit 1
}
mkdir copies
sed -e 's/METHOD/replace/; s/LIBC/wrap/; s/LAYERS/"count",/; s/STATIC//' \
	"$SRCDIR/tests/description/pools.conf" >good
echo 'facades = ( { method = "replace"; functions = [ "xmalloc(Z)p", "a.o:b(pi)" ]; } );' >>good
echo leak:libconfig >leaks	# in its parser, when it finds an error
LSAN_OPTIONS=suppressions=leaks:print_suppressions=0 timeout 200 ./fuzz good copies "$seed" 8000 >out 2>err || {
	fail "seed $seed: status $?: $(cat out)"
	grep -v '^mallochooks: ' err | head -n 30
	od -c copies/changed | tail -n 40
}
echo "seed $seed: $(cat out)"
case $(cat out) in
[0-9][0-9][0-9]*" taken, "[0-9][0-9][0-9][0-9]*) ;;
*) fail "seed $seed: $(cat out)" ;;
esac
# Each line is one, whatever the file holds.
is "lines" "" "$(grep -v '^mallochooks: fuzz: ' err | head -n 5)"
finish
