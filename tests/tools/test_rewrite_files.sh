#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_rewrite_files - "mallochooks rewrite": archives, and files and words that
# it has to refuse

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/tools/rewrite_common.sh"

make_inc
echo 'int inc(int n) { return n + 1; }' >strong.c
echo 'static __attribute__((noinline)) int inc(int n) { return n + 1; }
int (*pointer)(int) = inc; int use(int n) { return inc(n) * 2; }' >static.c
echo '__attribute__((weak)) int inc(int n) { return n + 7; }
int (*pointer)(int) = inc; int use(int n) { return inc(n) * 2; }' >weak.c
for file in strong static weak; do
	$cc -O2 -fPIE -c $file.c -o $file.o || exit 1
done

# ---- archives ----------------------------------------------------------------------------

long=a_member_with_a_long_name_of_its_own.o
cp strong.o $long
cp inc_main.o odd.o
printf x >>odd.o
ar rcsD lib.a $long odd.o inc_thunk.o weak.o
rewrite --symbol=inc lib.a first.a || fail "archive: exit status"
rewrite --symbol=inc lib.a second.a
cmp -s first.a second.a || fail "archive: other output the second time"
is "archive: members" "$(ar t lib.a)" "$(ar t first.a)"
mkdir old new
(cd old && ar x ../lib.a)
(cd new && ar x ../first.a)
for member in odd.o inc_thunk.o; do
	cmp -s old/$member new/$member || fail "archive: $member: is changed"
done
rewrite --symbol=inc old/$long x.o
cmp -s x.o new/$long || fail "archive: $long: is not what it is alone"
cp first.a ranlib.a
ranlib -D ranlib.a
cmp -s first.a ranlib.a || fail "archive: ranlib makes another table"

# One without a table, a thin one, and one of BSD's.
ar rcSD bare.a $long odd.o inc_thunk.o weak.o
rewrite --symbol=inc bare.a x.a
cmp -s first.a x.a || fail "archive without a table"
mkdir sub
cp $long odd.o inc_thunk.o weak.o sub
(cd sub && ar rcsDT thin.a $long odd.o inc_thunk.o weak.o)
rewrite --symbol=inc sub/thin.a x.a 2>err || fail "thin archive: $(cat err)"
is "thin archive: members" "$(ar t lib.a)" "$(ar t x.a)"
mkdir thin
(cd thin && ar x ../x.a)
for member in $long odd.o inc_thunk.o weak.o; do
	cmp -s thin/$member new/$member || fail "thin archive: $member"
done
rm sub/weak.o
rewrite --symbol=inc sub/thin.a y.a 2>err
is "thin archive, member missing: exit status" 1 $?
grep -q "its member sub/weak.o is no file" err || fail "thin archive: $(cat err)"
bytes=$(($(wc -c <strong.o) + 12))
{
	printf '!<arch>\n%-16s%-12s%-6s%-6s%-8s%-10s`\n' '#1/12' 0 0 0 644 $bytes
	printf 'strong.o\0\0\0\0'
	cat strong.o
} >bsd.a
rewrite --symbol=inc bsd.a x.a || fail "BSD's archive"
is "BSD's archive" strong.o "$(ar t x.a)"

# Nothing to do: the same bytes.
rewrite --symbol=inc --absent=copy inc_thunk.o x.o && cmp -s inc_thunk.o x.o ||
	fail "nothing to do"
ar rcsD none.a inc_thunk.o odd.o
rewrite --symbol=absent --absent=copy none.a x.a && cmp -s none.a x.a ||
	fail "archive, nothing to do"
# In place, a static function of a member, and who pulls a member in.
cp lib.a place.a
rewrite --symbol=inc place.a place.a && cmp -s place.a first.a || fail "in place"
ar rcsD static.a static.o strong.o
rewrite --symbol=static.o:inc static.a x.a || fail "archive, static function"
says "archive, static" "212 106 212 3" inc_main.o x.a inc_static.o \
	inc_static_thunk.o
ar rcsD weak.a weak.o strong.o
rewrite --symbol=inc weak.a x.a
says "archive, linked" "224 112 112 3" inc_outside.o inc_hooks.o inc_thunk.o x.a

# ---- what cannot be ----------------------------------------------------------------------

# refused NAME TEXT WORDS...: exit status 1, a line, no output
refused()
{
	_name=$1 _text=$2
	shift 2
	rm -f x.o
	rewrite "$@" x.o >out 2>err
	is "$_name: exit status" 1 $?
	is "$_name: lines" 1 "$(wc -l <err)"
	[ ! -e x.o ] || fail "$_name: leaves a file"
	grep -qF -- "mallochooks: rewrite: $_text" err ||
		fail "$_name: no \"$_text\" in $(cat err)"
}

echo 'int inc(int n) { return n + 1; } int use(int n) { return inc(n); }' >lto.c
echo 'int inc(int n); int use(int n) { return inc(n); }' >user.c
if ! $cc --version | grep -q clang && $cc -flto -c lto.c -o lto.o; then
	refused "GIMPLE" "lto.o: inc: is defined in GIMPLE (-flto): compile this object with -fno-lto" \
		--symbol=inc lto.o
	$cc -flto -ffat-lto-objects -c lto.c -o fat.o
	refused "GIMPLE and code" "fat.o: inc: is defined in GIMPLE" \
		--symbol=inc fat.o
	ar rcD lto.a strong.o lto.o
	refused "GIMPLE, archive" "lto.a(lto.o): inc: is defined in GIMPLE" \
		--symbol=inc lto.a
	$cc -flto -c user.c -o user.o
	rewrite --symbol=inc --absent=copy user.o x.o && cmp -s user.o x.o ||
		fail "GIMPLE that only uses it"
fi
if [ -z "$RUNNER" ] && command -v clang >/dev/null; then
	clang -flto -c lto.c -o bitcode.o
	refused "bitcode" "bitcode.o: inc: is defined in LLVM bitcode (-flto)" \
		--symbol=inc bitcode.o
	clang -flto -c user.c -o user.o
	rewrite --symbol=inc --absent=copy user.o x.o && cmp -s user.o x.o ||
		fail "bitcode that only uses it"
fi
echo 'int inc = 1; int tent; void use(void) { }' >data.c
$cc -fcommon -c data.c -o data.o
refused "data" "data.o: inc: is no function but data" --symbol=inc data.o
refused "common" "data.o: tent: is common or absolute" --symbol=tent data.o
rewrite --symbol=inc strong.o strong-hooked.o
refused "rewritten" "strong-hooked.o: inc: is not defined here" \
	--symbol=inc strong-hooked.o
echo 'int inc(int n) { return n; } int __real_inc(int n) { return n; }' >taken.c
$cc -c taken.c -o taken.o
refused "name taken" "taken.o: inc: __real_ of it is defined here, too" \
	--symbol=inc taken.o
refused "no such" "strong.o: nothing: is not defined here" \
	--symbols=inc,nothing strong.o
refused "archive, no such" "none.a: absent: is not defined here" \
	--symbol=absent none.a
$cc -shared -o linked.so inc_thunk.o
refused "linked" "linked.so: is linked already; a relocatable object is wanted" \
	--symbol=inc linked.so
echo hello >text.o
refused "text" "text.o: is no object and no archive" --symbol=inc text.o
: >empty.o
refused "empty" "empty.o: is no object and no archive" --symbol=inc empty.o
refused "missing" "none.o: No such file" --symbol=inc none.o
refused "directory" ".: Is a directory" --symbol=inc .
head -c 3000 lib.a >cut.a
refused "archive, cut off" "cut.a: is cut off" --symbol=inc cut.a

# poke OFFSET OCTAL: strong.o with another byte
poke()
{
	cp strong.o poked.o
	# shellcheck disable=SC2059
	printf "\\$2" | dd of=poked.o bs=1 seek="$1" conv=notrunc 2>/dev/null
}
poke 4 1
refused "32 bits" "poked.o: is no ELF64 file" --symbol=inc poked.o
poke 5 2
refused "byte order" "poked.o: is big-endian" --symbol=inc poked.o
poke 18 0
refused "machine" "poked.o: is for another machine" --symbol=inc poked.o
for bytes in 4 63 100 500; do
	head -c $bytes strong.o >poked.o
	refused "cut at $bytes" "poked.o: is cut off" --symbol=inc poked.o
done
if [ -c /dev/full ]; then
	rewrite --symbol=inc strong.o /dev/full 2>err
	is "full disk: exit status" 1 $?
	grep -q "cannot write /dev/full" err || fail "full disk: $(cat err)"
fi
if [ "$ARCH" = x86_64 ]; then
	$cc -O2 -fno-inline -mcmodel=large -fno-pie -c lto.c -o large.o
	refused "large model" "large.o: inc: is called in the large code model" \
		--symbol=inc large.o
fi

# A link without the hooks fails, and says what it lacks.
$cc -fPIE -O2 -fno-inline -c lto.c -o plain.o
rewrite --symbol=inc plain.o x.o
$cc -shared -o x.so x.o -Wl,-z,defs >out 2>&1 && fail "no hooks: the link passes"
grep -q __mallochooks_self_inc out || fail "no hooks: $(cat out)"

# ---- words ---------------------------------------------------------------------------------

# wrong TEXT WORDS...: exit status 2
wrong()
{
	_text=$1
	shift
	rewrite "$@" >out 2>err
	is "$*: exit status" 2 $?
	is "$*: lines" 1 "$(wc -l <err)"
	grep -qF -- "$_text" err || fail "$*: no \"$_text\" in $(cat err)"
}
wrong "two files are wanted" --symbol=inc strong.o
wrong "no function was named" strong.o x.o
wrong "unknown option --simbol" --simbol=inc strong.o x.o
wrong "a value is wanted behind --symbol" strong.o x.o --symbol
wrong "X or FILE:X is wanted, not a.o:" --symbol=a.o: strong.o x.o
wrong "one of thunk, direct, real is wanted" --self=no --symbol=inc strong.o x.o
wrong "one of copy, error is wanted" --absent=no --symbol=inc strong.o x.o
rewrite --help >out || fail "help: exit status"
grep -q "For your own links, where" out || fail "help: says not what it is for"
for word in symbol symbols hooks tailor aliases self absent; do
	grep -q -- "--$word" out || fail "help: --$word"
done
rewrite --hooks=strong.o strong.o x.o 2>err
is "hooks of another kind: exit status" 1 $?
grep -q "defines no __mallochooks_entry_X" err || fail "hooks: $(cat err)"
rewrite --hooks=inc_hooks.o -v strong.o x.o 2>err || fail "--hooks: $(cat err)"
is "-v" "mallochooks: rewrite: strong.o: inc: now __real_inc; references within: 0 to the thunk, 0 to the entry, 0 by name, 0 stay with it" "$(cat err)"
finish
