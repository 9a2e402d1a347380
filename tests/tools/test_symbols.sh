# SPDX-License-Identifier: MIT
#
# tools/symbols.c: addresses to functions and lines, of small programs that tell
# their own addresses, in the many shapes that debug info has; and of files that
# are gone, replaced, stripped, cut off, or made to break the reader.
#
# needs: native
# timeout: 200

set -u

here=$SRCDIR/tests/tools
cc=${CC:-cc}
cxx=${CXX:-c++}
LC_ALL=C
export LC_ALL
unset LD_PRELOAD DEBUGINFOD_URLS MALLOCHOOKS
failures=0
dir=$(mktemp -d) || exit 1
trap 'cd /; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir" || exit 1
dir=$(pwd -P)
cd "$dir" || exit 1

pass() { echo "ok $1"; }
skip() { echo "ok $1 # skip $2"; }
fail()
{
	echo "not ok $1: $2"
	failures=$((failures + 1))
}

# is NAME WANTED GOT
is()
{
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "wanted \"$2\", got \"$3\""
	fi
}

tools=$SRCDIR/tools
# tool OUT WORDS...: flags and sources
tool()
{
	_out=$1
	shift
	# shellcheck disable=SC2086
	$cc -std=gnu11 -O1 -g -Wall -Wextra -I"$SRCDIR/include" -I"$tools" \
		-I"$SRCDIR/index" -o "$_out" "$@" "$tools/symbols.c" \
		"$tools/texts.c" "$tools/demangle.c" "$tools/rust.c" \
		"$tools/util.c" "$tools/spawn.c" -ldw -lelf -ldl >cc.log 2>&1 ||
		{ cat cc.log; echo "$_out did not compile"; exit 1; }
}
reader="$here/symbols_look.c $tools/debuginfo.c $tools/dwarf.c"
# shellcheck disable=SC2086
tool look $reader
# shellcheck disable=SC2086
tool look_thrifty -DMEMORY_BYTES=0 $reader
# shellcheck disable=SC2086
tool look_hasty -DSYMBOLS_STALL_MS=2000 $reader
tool fake -DSYMBOLS_STALL_MS=300 -DCHILD_SECONDS=1 "$here/symbols_fake.c"

# --- programs that tell where they are ------------------------------------

cat >here.h <<'END'
#include <stdio.h>
/* Name, offset and line of a call; the file starts where its header is. */
#define HERE(name) tell(name, __LINE__)
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
__attribute__((noinline, unused))
static void tell(const char *name, int line)
{
	printf("%s %lx %d\n", name, (unsigned long)((const char *)
		__builtin_return_address(0) - 1 - __ehdr_start), line);
}
END
cat >plain.c <<'END'
#include "here.h"
int inlined(int);
int other(void);
static __attribute__((noinline)) void hidden_one(void)
{
	HERE("hidden");
	__asm__ volatile("");
}
__attribute__((noinline)) void seen_one(void)
{
	HERE("seen");
	hidden_one();
	__asm__ volatile("");
}
int main(int argc, char **argv)
{
	(void)argv;
	seen_one();
	return inlined(argc) + other() == 77;
}
END
cat >inlined.c <<'END'
#include "here.h"
#define always static inline __attribute__((always_inline))
always int three(int n) { HERE("deep"); return n * n + 3; }
always int two(int n) { return
	three(n + 1); }
always int one(int n) {
	if (n > 0) {
		n += 2;
		return two(n); }
	return 5; }
__attribute__((noinline)) int inlined(int n)
{
	return
		one(n + 2) + 1;
}
END
cat >other.c <<'END'
#include "here.h"
int other(void)
{
#ifndef __clang__	/* it has no functions in functions */
	__attribute__((noinline)) void nested(void)
	{
		HERE("nested");
		__asm__ volatile("");
	}
	nested();
#endif
	HERE("other");
	return 1;
}
END

# build OUT WORDS...: the program, with $compiler
compiler=$cc
build()
{
	_out=$1
	shift
	# shellcheck disable=SC2086
	$compiler -o "$_out" plain.c inlined.c other.c "$@" >cc.log 2>&1
}

# tell OUT: run it; then at and line of a NAME
tell() { "./$1" >told || fail "$1" "does not run"; }
at() { sed -n "s/^$1 \([^ ]*\) .*/\1/p" told; }
line() { sed -n "s/^$1 [^ ]* //p" told; }

# where WORDS...: one line of look, without its offset and our directory
where() { ./look "$@" | sed "s/^[^ ]* //; s| $dir/| |g"; }

deep="three inlined.c:3 < two inlined.c:5 < one inlined.c:9"
deep="$deep < inlined inlined.c:14"
# program NAME FILE: all of its addresses
program()
{
	tell "$2"
	is "$1_deep" "$deep" "$(where "$2" "$(at deep)")"
	is "$1_hidden" "hidden_one plain.c:$(line hidden)" \
		"$(where "$2" "$(at hidden)")"
	is "$1_seen" "seen_one plain.c:$(line seen)" \
		"$(where "$2" "$(at seen)")"
}

# shape NAME FLAGS...
shape()
{
	_shape=$1
	shift
	if build "$_shape" -O2 -fno-optimize-sibling-calls "$@"; then
		program "$_shape" "$_shape"
	else
		skip "$_shape" "not linked here: $*"
	fi
}

build O0 -g || { cat cc.log; exit 1; }
program O0 O0
shape O2 -g
shape dwarf4 -g -gdwarf-4
shape dwarf5 -g -gdwarf-5
shape dwarf4_types -g -gdwarf-4 -fdebug-types-section
shape compressed -g -gz
shape nopie -g -no-pie
shape static -g -static
shape static_pie -g -static-pie
shape lto -g -flto
shape split -g -gsplit-dwarf
shape split4 -g -gdwarf-4 -gsplit-dwarf
shape sections -g -ffunction-sections -Wl,--gc-sections
shape segments -g -Wl,-z,separate-code -Wl,-z,max-page-size=0x200000
for ld in gold lld mold; do
	shape "$ld" -g -fuse-ld=$ld
done
tell O2
[ -z "$(at nested)" ] ||
	is nested "nested other.c:$(line nested)" "$(where O2 "$(at nested)")"

if command -v clang >/dev/null; then
	compiler=clang
	shape clang -g
	shape clang_dwarf4 -g -gdwarf-4
	shape clang_dwarf5 -g -gdwarf-5
	shape clang_compressed -g -gz
	shape clang_tables -gline-tables-only
	shape clang_split -g -gsplit-dwarf
	shape clang_lld -g -gz -fuse-ld=lld
	compiler=$cc
else
	skip clang "not installed"
fi

# All at once gives what one by one gives, also when memory is scarce.
tell O2
offsets=$(cut -d ' ' -f 2 told)
for offset in $offsets 0 fffffffff $offsets; do
	./look O2 "$offset"
done >one_by_one
# shellcheck disable=SC2086
./look O2 $offsets 0 fffffffff $offsets >at_once
is at_once "" "$(diff one_by_one at_once 2>&1)"
# shellcheck disable=SC2086
./look_thrifty O2 $offsets 0 fffffffff $offsets >thrifty
is thrifty "" "$(diff one_by_one thrifty 2>&1)"
is no_code "(the file has no code at this address)" "$(where O2 0)"

# --- shared objects -------------------------------------------------------

cat >user.c <<'END'
int inlined(int);
int main(int argc, char **argv) { (void)argv; return inlined(argc) == 77; }
END
cat >data.c <<'END'
int inlined(int);
int (*pointers[])(int) = { inlined, inlined };	/* relocated */
END
# library NAME FLAGS...
library()
{
	_name=$1
	shift
	if $cc -O2 -g -fPIC -shared -o "lib$_name.so" inlined.c data.c "$@" \
	   2>cc.log &&
	   $cc -o "use_$_name" user.c "./lib$_name.so" 2>cc.log; then
		tell "use_$_name"
		is "$_name" "$deep" "$(where "lib$_name.so" "$(at deep)")"
	else
		skip "$_name" "not linked here: $*"
	fi
}
library shared
library high -Wl,-Ttext-segment=0x7000000
library packed -Wl,-z,pack-relative-relocs

# What a linker has for a versioned name is more than the name.
echo 'V_1 { global: inlined; local: *; };' >versions
if $cc -O2 -fPIC -shared -o libversions.so inlined.c \
	-Wl,--version-script=versions 2>cc.log &&
   $cc -o use_versions user.c ./libversions.so 2>cc.log; then
	tell use_versions
	is versions "inlined ?:0 (no lines: build it with -g)" \
		"$(where libversions.so "$(at deep)")"
else
	skip versions "not linked here"
fi

# --- names that the link of hooks has made ------------------------------------

cat >renamed.c <<'END'
#include "here.h"
#define MADE __attribute__((noinline))
MADE void a(void) __asm__("__real_alloc");
MADE void b(void) __asm__("__wrap_free");
MADE void c(void) __asm__("__mallochooks_inner_get");
MADE void d(void) __asm__("__real__ZN4pool4takeEi");
MADE void e(void) __asm__("__wrap_");
void a(void) { HERE("a"); __asm__ volatile(""); }
void b(void) { HERE("b"); __asm__ volatile(""); }
void c(void) { HERE("c"); __asm__ volatile(""); }
void d(void) { HERE("d"); __asm__ volatile(""); }
void e(void) { HERE("e"); __asm__ volatile(""); }
int main(void) { a(); b(); c(); d(); e(); return 0; }
END
sed -e 's/__mallochooks_inner_get/x__mallochooks_get/' renamed.c >stranger.c
for name in renamed stranger; do
	$cc -O2 -fno-optimize-sibling-calls -o $name $name.c || exit 1
	tell $name
	for mark in a b c d e; do
		where $name "$(at $mark)"
	done | sed 's/ ?:0.*//' | tr '\n' ' ' >names
	case $name in
	renamed) is renamed "alloc free get pool::take(int) __wrap_ " "$(cat names)" ;;
	*) is a_stranger "__real_alloc __wrap_free x__mallochooks_get __real__ZN4pool4takeEi __wrap_ " \
		"$(cat names)" ;;
	esac
done

# --- what is missing ------------------------------------------------------

no_g="no lines: build it with -g"
bare="stripped: link it without -s, and build it with -g"
build without_g -O2 -fno-optimize-sibling-calls -rdynamic
tell without_g
is without_g "hidden_one ?:0 ($no_g)" "$(where without_g "$(at hidden)")"
cp without_g stripped
strip stripped
is stripped_exported "seen_one ?:0 ($bare)" "$(where stripped "$(at seen)")"
case $(where stripped "$(at hidden)") in
*+0x*" ?:0 ($bare)") pass stripped_hidden ;;
*) fail stripped_hidden "$(where stripped "$(at hidden)")" ;;
esac
$cc -O2 -fno-optimize-sibling-calls -c -o other.o other.c
$cc -O2 -g -fno-optimize-sibling-calls -o in_part plain.c inlined.c other.o
tell in_part
is in_part "other ?:0 (no lines: this part of it was built without -g)" \
	"$(where in_part "$(at other)")"
is in_part_deep "$deep" "$(where in_part "$(at deep)")"

build no_id -O2 -g -Wl,--build-id=none
tell no_id
no_id="no build id: it may be another file than the one that ran"
is no_id "$deep ($no_id)" "$(where no_id "$(at deep)")"
strip no_id
case $(where no_id "$(at deep)") in
*"($bare; $no_id)") pass no_id_stripped ;;
*) fail no_id_stripped "$(where no_id "$(at deep)")" ;;
esac

tell O2
deep_at=$(at deep)
is replaced "(the file was replaced (other build id))" \
	"$(where -b 0123456789 O2 "$deep_at")"
is lost_its_id "(the file was replaced (other build id))" \
	"$(where -b 0123456789 no_id "$(at deep)")"
is gone "(the file is gone)" "$(where "$dir/absent" 1000)"
is gone_below_a_file "(the file is gone)" "$(where "$dir/O2/x" 1000)"
is directory "(not an ELF file)" "$(where "$dir" 1000)"
is text "(not an ELF file)" "$(where "$dir/plain.c" 1000)"
: >empty
is empty "(not an ELF file)" "$(where empty 1000)"
mkfifo fifo
is fifo "(not an ELF file)" "$(timeout 20 ./look -b 0011 fifo 1000 |
	sed 's/^[^ ]* //')"
cp O2 secret
chmod 0 secret
if [ -r secret ]; then
	skip unreadable "root reads all"
else
	is unreadable "(the file cannot be read (permission?))" \
		"$(where -b 0011 secret 1000)"
fi

# --- separate debug info --------------------------------------------------

id=$(readelf -n O2 | sed -n 's/.*Build ID: //p')
rest=${id#??}
mkdir -p "debug/.build-id/${id%"$rest"}" nowhere
by_id=debug/.build-id/${id%"$rest"}/$rest.debug
objcopy --only-keep-debug O2 "$by_id"
strip -o by_id O2
is by_id "$deep" "$(where -d "$dir/debug" by_id "$deep_at")"
is by_id_list "$deep" "$(where -d "$dir/nowhere:$dir/debug" by_id "$deep_at")"
case $(where -d "$dir/nowhere" by_id "$deep_at") in
*"($bare)") pass by_id_elsewhere ;;
*) fail by_id_elsewhere "$(where -d "$dir/nowhere" by_id "$deep_at")" ;;
esac
is gone_but_debug "$deep" "$(where -d "$dir/debug" -b "$id" absent "$deep_at")"
cp no_id now
is replaced_but_debug "$deep" "$(where -d "$dir/debug" -b "$id" now "$deep_at")"
# Nobody is asked over the network; a file is as good as a server here.
mkdir -p "server/buildid/$id"
cp "$by_id" "server/buildid/$id/debuginfo"
case $(DEBUGINFOD_URLS=file://$dir/server DEBUGINFOD_CACHE_PATH=$dir/cache \
	./look -d "$dir/nowhere" by_id "$deep_at") in
*"($bare)") pass no_network ;;
*) fail no_network "it asked the server" ;;
esac
# A debug file of another build must not be used.
mv "$by_id" kept.debug
objcopy --only-keep-debug O0 "$by_id"
case $(where -d "$dir/debug" by_id "$deep_at") in
*"($bare)") pass by_id_wrong ;;
*) fail by_id_wrong "$(where -d "$dir/debug" by_id "$deep_at")" ;;
esac

build linked -O2 -g -Wl,--build-id=none
tell linked
for where in . .debug; do
	rm -rf apart
	mkdir -p "apart/$where"
	objcopy --only-keep-debug linked "apart/$where/linked.debug"
	strip -o apart/linked linked
	objcopy --add-gnu-debuglink="apart/$where/linked.debug" apart/linked
	is "debuglink_$where" "$deep ($no_id)" \
		"$(where apart/linked "$(at deep)")"
done
printf x >>apart/.debug/linked.debug
case $(where apart/linked "$(at deep)") in
*"($bare; $no_id)") pass debuglink_wrong ;;
*) fail debuglink_wrong "$(where apart/linked "$(at deep)")" ;;
esac
mkdir -p "tree/$dir/apart"
objcopy --only-keep-debug linked "tree/$dir/apart/linked.debug"
is debuglink_tree "$deep ($no_id)" \
	"$(where -d "$dir/tree" apart/linked "$(at deep)")"

if command -v xz >/dev/null; then
	strip --strip-debug -o mini without_g
	xz mini
	objcopy --add-section .gnu_debugdata=mini.xz stripped
	tell without_g
	is minidebuginfo "hidden_one ?:0 ($no_g)" \
		"$(where stripped "$(at hidden)")"
else
	skip minidebuginfo "no xz"
fi
if command -v dwz >/dev/null; then
	cp O2 dwz1
	cp sections dwz2
	if dwz -m dwz.common dwz1 dwz2 2>/dev/null && [ -f dwz.common ]; then
		tell dwz1
		is dwz "$deep" "$(where dwz1 "$(at deep)")"
	else
		skip dwz "it found nothing in common"
	fi
else
	skip dwz "not installed"
fi

# --- names ----------------------------------------------------------------

cat >names.cc <<'END'
#include "here.h"
namespace room {
template <typename T> struct box {
	__attribute__((noinline)) T fill(const T &t) const
	{
		HERE("method");
		return t + 1;
	}
};
namespace {
__attribute__((noinline)) int own(long n)
{
	HERE("unnamed");
	return n + 2;
}
}
}
struct base {
	virtual int turn(int n) = 0;
};
struct derived : base {
	__attribute__((noinline)) derived() { HERE("constructor"); }
	__attribute__((noinline)) int turn(int n) override
	{
		HERE("virtual");
		return n;
	}
};
int main()
{
	auto f = [](int n) __attribute__((noinline)) {
		HERE("lambda");
		return n;
	};
	derived d;
	base &b = d;
	return room::box<int>().fill(3) + room::own(4) + f(5) + b.turn(6) == 77;
}
END
# C++ of COMPILER: names
cplusplus()
{
	if ! $1 -std=c++11 -O1 -g -fno-optimize-sibling-calls -o names names.cc \
	     2>cc.log; then
		skip "names_$1" "not compiled"
		return
	fi
	tell names
	is "method_$1" "room::box<int>::fill(int const&) const names.cc:$(line method)" \
		"$(where names "$(at method)")"
	is "unnamed_$1" "room::(anonymous namespace)::own(long) names.cc:$(line unnamed)" \
		"$(where names "$(at unnamed)")"
	is "constructor_$1" "derived::derived() names.cc:$(line constructor)" \
		"$(where names "$(at constructor)")"
	is "virtual_$1" "derived::turn(int) names.cc:$(line virtual)" \
		"$(where names "$(at virtual)")"
	case $(where names "$(at lambda)") in
	"main::{lambda(int)#1}::operator()(int) const names.cc:$(line lambda)" | \
	"main::\$_0::operator()(int) const names.cc:$(line lambda)")
		pass "lambda_$1" ;;
	*)	fail "lambda_$1" "$(where names "$(at lambda)")" ;;
	esac
}
if command -v "${cxx%% *}" >/dev/null; then
	cplusplus "$cxx"
	command -v clang++ >/dev/null && cplusplus clang++
else
	skip names "no C++ compiler"
fi

# Names of Rust, as its compiler makes them: of the older scheme, and "_R".
cat >rust.c <<'END'
#include "here.h"
void demo(void) __asm__("_ZN4demo5alloc17h0123456789abcdefE");
void escapes(void) __asm__("_ZN43_$LT$demo..Thing$u20$as$u20$demo..Trait$GT$"
			   "3run17hfedcba9876543210E");
void not_rust(void) __asm__("_ZN4demo3hen17x0123456789abcdefE");
__attribute__((noinline)) void demo(void) { HERE("demo"); __asm__(""); }
__attribute__((noinline)) void escapes(void) { HERE("escapes"); __asm__(""); }
__attribute__((noinline)) void not_rust(void) { HERE("not"); __asm__(""); }
void closure(void) __asm__("_RNCINvMs_NtCsdoLGDhjbLAL_4demo4roomINtB7_5Thing"
			   "RShE4growjKj3_E0Cs6O6TnIPaRGP_3use");
void trait(void) __asm__("_RNvXs2_NtC4demo4roomINtB5_5ThingTmNtB5_3KeyEE"
			 "NtNtC4core5clone5Clone5clone.llvm.123");
void wrong(void) __asm__("_RNvC4demo99grow");
__attribute__((noinline)) void closure(void) { HERE("closure"); __asm__(""); }
__attribute__((noinline)) void trait(void) { HERE("trait"); __asm__(""); }
__attribute__((noinline)) void wrong(void) { HERE("wrong"); __asm__(""); }
int main(void)
{
	demo();
	escapes();
	not_rust();
	closure();
	trait();
	wrong();
	return 0;
}
END
if $cc -o rust rust.c 2>cc.log; then
	tell rust
	is rust_closure "<demo::room::Thing<&[u8]>>::grow::<usize, 3>::{closure#0} ?:0 ($no_g)" \
		"$(where rust "$(at closure)")"
	is rust_trait "<demo::room::Thing<(u32, demo::room::Key)> as core::clone::Clone>::clone ?:0 ($no_g)" \
		"$(where rust "$(at trait)")"
	is rust_wrong "_RNvC4demo99grow ?:0 ($no_g)" "$(where rust "$(at wrong)")"
fi
if [ -n "$(find /usr/lib /usr/local/lib /lib -name 'libstdc++.so.6' 2>/dev/null)" ] &&
   [ -x rust ]; then
	is rust "demo::alloc ?:0 ($no_g)" "$(where rust "$(at demo)")"
	is rust_escapes "<demo::Thing as demo::Trait>::run ?:0 ($no_g)" \
		"$(where rust "$(at escapes)")"
	is not_rust "demo::hen::x0123456789abcdef ?:0 ($no_g)" \
		"$(where rust "$(at not)")"
else
	skip rust "no C++ library"
fi

# --- files that are broken, or made to break us ---------------------------

tell O2
bytes=$(wc -c <O2)
for part in 4 20 64 100 300 $((bytes / 4)) $((bytes / 2)) $((bytes - 200)); do
	head -c "$part" O2 >cut
	got=$(timeout 100 ./look_hasty -b "$id" cut "$deep_at")
	case $got in
	*"broken"* | *"cut off"* | *"replaced"* | *"not an ELF"* | \
	*"($bare)" | *"($no_g)" | *" inlined.c:14"*) pass "cut_$part" ;;
	*) fail "cut_$part" "$got" ;;
	esac
done

# Sections of debug info, each in turn filled with ones: what the symbols tell
# stays, or it says that the file is broken.
for section in info abbrev line str aranges line_str rnglists; do
	set -- $(readelf -SW dwarf5 | sed 's/^ *\[ *[0-9]*\] *//' |
		awk -v name=.debug_$section '$1 == name { print $4, $5 }')
	[ $# -eq 2 ] || continue
	cp dwarf5 ones
	head -c "$((0x$2))" /dev/zero | tr '\000' '\377' |
		dd of=ones bs=1 seek="$((0x$1))" conv=notrunc 2>/dev/null
	tell dwarf5
	got=$(timeout 100 ./look_hasty ones "$(at hidden)")
	case $got in
	*" hidden_one "* | *"/plain.c:$(line hidden)"*) pass "ones_$section" ;;
	*) fail "ones_$section" "$got" ;;
	esac
done

# Names from a file must not talk to a terminal.
cat >escape.c <<'END'
#include "here.h"
__attribute__((noinline)) void odd(void) { HERE("odd"); __asm__(""); }
int main(void) { odd(); return 0; }
END
odd=$(printf 'odd\033[31m\n\302\233\377\303\251')
if $cc -c escape.c && objcopy --redefine-sym "odd=$odd" escape.o 2>cc.log &&
   $cc -o escape escape.o 2>cc.log; then
	tell escape
	is escape "odd?[31m????$(printf '\303\251') ?:0 ($no_g)" \
		"$(where escape "$(at odd)")"
else
	skip escape "objcopy does not take it"
fi

# Bytes changed at random, in all that was built above.
for file in O2 dwarf4 dwarf5 compressed clang names; do
	[ -x "$file" ] || continue
	"./$file" >told
	# shellcheck disable=SC2046
	got=$(timeout 100 ./look_hasty -f 80 "$file" \
		$(cut -d ' ' -f 2 told)) || got="status $?"
	case $got in
	"80 copies, 0 lines,"*) fail "fuzz_$file" "$got" ;;
	"80 copies, "*) pass "fuzz_$file: $got" ;;
	*) fail "fuzz_$file" "$got" ;;
	esac
done

is fake "all well" "$(timeout 100 ./fake 2>&1)"

if [ $failures -ne 0 ]; then
	echo "test_symbols: $failures failed"
	exit 1
fi
echo "test_symbols: all passed"
