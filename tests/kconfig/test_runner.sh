# SPDX-License-Identifier: MIT
#
# make check itself: what passes, fails, is skipped, hangs or does not compile
# is told apart and counted, and the exit status follows.
#
# takes: 13
# needs: native

. "$SRCDIR/tests/kconfig/lib.sh"

src=$TMPDIR/src
out=$TMPDIR/out
log=$TMPDIR/log
copy_source "$src" && prime "$out" || exit 1
rm -rf "$src"/tests/*/test_*
mkdir -p "$src/tests/room"
cd "$src/tests/room" || exit 1

unit()
{
	cat >"test_$1.c" <<EOF
/* SPDX-License-Identifier: MIT */
/*
 * test-sources: tests/room/other.c
 * test-flags: -DWANTED=7
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

int other(void);
static void works(void **state)
{
	(void)state;
	assert_int_equal(other(), $2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(works) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
EOF
}
echo 'int other(void); int other(void) { return WANTED; }' >other.c
unit good 7
unit bad 8
unit broken 'nothing that compiles'
echo 'echo quiet; exit 0' >test_pass.sh
echo 'echo "no moon today"; exit 77' >test_skip.sh
echo 'echo a word; exit 3' >test_fail.sh
printf '# timeout: 1\nsleep 60\n' >test_hang.sh
cat >test_environment.sh <<'EOF'
for variable in SRCDIR BUILDDIR MALLOCHOOKS_TOOL MALLOCHOOKS_PRELOAD CC ARCH TMPDIR; do
	eval "value=\$$variable"
	[ -n "$value" ] || { echo "no $variable"; exit 1; }
done
[ -x "$MALLOCHOOKS_TOOL" ] && [ -f "$MALLOCHOOKS_PRELOAD" ] &&
	[ -d "$TMPDIR" ] && [ -z "${MAKEFLAGS-}" ]
EOF

# The packages are there, or this test would not run; apt stays out of it.
mk O="$out" check && fail "make check succeeds with tests that fail"
has()
{
	grep -qE "$1" "$log" || { cat "$log"; fail "make check does not say: $1"; }
}
has '^PASS tests/room/test_good$'
has '^PASS tests/room/test_pass$'
has '^PASS tests/room/test_environment$'
has '^SKIP tests/room/test_skip \(no moon today\)$'
has '^FAIL tests/room/test_bad$'
has '^FAIL tests/room/test_fail$'
has '^    a word$'
has '^    \(exit status 3\)$'
has "^    again: make check O=$out T=tests/room/test_fail V=1$"
has '^FAIL tests/room/test_hang$'
has 'not done after 1 s'
has '^FAIL tests/room/test_broken$'
has 'did not build'
has '^3 passed, 4 failed, 1 skipped$'
! grep -q quiet "$log" || fail "the output of a passing test is shown"

# One alone, by its whole name or by a part of it; then all that are good.
mk O="$out" check T=tests/room/test_good || { cat "$log"; fail "T=tests/room/test_good"; }
has '^1 passed, 0 failed, 0 skipped$'
mk O="$out" check T=environment V=1 || { cat "$log"; fail "T=environment"; }
has '^1 passed, 0 failed, 0 skipped$'
CHECK_UNTIL=1
export CHECK_UNTIL
mk O="$out" check T=environment || { cat "$log"; fail "CHECK_UNTIL=1"; }
unset CHECK_UNTIL
has '^SKIP tests/room/test_environment \(no time is left: CHECK_UNTIL\)$'
has '^0 passed, 0 failed, 1 skipped$'
! mk O="$out" check T=nosuch || fail "T=nosuch"
rm test_bad.c test_broken.c test_fail.sh test_hang.sh
mk O="$out" check || { cat "$log"; fail "make check fails without a test that does"; }
has '^3 passed, 0 failed, 1 skipped$'

# A test whose source changes is built again, and one that broke is not run
# from its old program.
unit good 9
! mk O="$out" check || fail "a changed test was not built again"
has '^2 passed, 1 failed, 1 skipped$'
echo 'int other(void); int other(void) { return 9; }' >other.c
mk O="$out" check || { cat "$log"; fail "a changed source of a test was not built again"; }
unit good 'nothing that compiles'
! mk O="$out" check || fail "a test that does not compile any more ran"

finish
