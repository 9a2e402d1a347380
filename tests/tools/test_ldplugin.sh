#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_ldplugin - hooks that come into an ordinary link by the plugin of ld.bfd
# and ld.gold; and by "mallochooks rewrite --tailor", which shares its insides

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/tools/rewrite_common.sh"

plugin=$BUILDDIR/ldplugin.so
temporary=$work/tmp
mkdir "$temporary"
plain="-fno-builtin -DHAVE_THUNKS"

# ---- the pieces --------------------------------------------------------------

# hooks NAME: of inc, which it lets add 100, and of dec; hooked() counts
hooks()
{
	cat >"$1.c" <<END
#define HIDDEN	__attribute__((visibility("hidden")))
#define HOOK(x, more) \\
	HIDDEN int __real_##x(int n); \\
	HIDDEN __attribute__((alias(#x))) int __mallochooks_entry_##x(int n); \\
	HIDDEN int __mallochooks_absent_##x(int n); \\
	int __mallochooks_absent_##x(int n) { return -n; } \\
	int x(int n) { calls += cbrt(eight) == 2; return __real_##x(n) + more; }
static int calls;
HIDDEN int __mallochooks_entry_$1 = 1;
#ifdef MATH
double cbrt(double x);
volatile double eight = 8;
#else
#define cbrt(x) 2
#endif
#ifdef INC
int inc(int n);
HOOK(inc, 100)
int hooked(void) { return calls; }
#endif
#ifdef DEC
int dec(int n);
HOOK(dec, 1000)
int lacks(void) { return __real_dec(7); }
#endif
END
	_hooks=$1
	shift
	_objects=
	for _x in inc dec; do
		case " $* " in *" $_x "*) ;; *) continue ;; esac
		$cc -fPIC -DMH_SELF_RETURNS=word -DMH_SELF="$_x" -c \
			"$SRCDIR/arch/$ARCH/self.S" -o "self-$_x.o" || exit 1
		_objects="$_objects self-$_x.o"
	done
	# shellcheck disable=SC2086
	$cc -O2 -fPIC ${hooks_flags-} $(echo "$*" | sed 's/[a-z]*/-D\U&/g') \
		-c "$_hooks.c" \
		-o "$_hooks-c.o" &&
	$cc -nostdlib -r -o "$_hooks.o" "$_hooks-c.o" $_objects || exit 1
}

# object NAME [FLAGS...] <SOURCE
object()
{
	_object=$1
	shift
	cat >"$_object.c"
	$cc -O2 -fPIC "$@" -c "$_object.c" -o "$_object.o" || exit 1
}

hooks both inc dec
hooks one inc
hooks other dec
hooks math inc math
hooks_flags=-g
hooks debugged inc dec
hooks_flags=
cat >program.c <<'END'
#include <stdio.h>
int inc(int n), use(int n), hooked(void), lacks(void);
#ifdef UNHOOKED
int hooked(void) { return 0; }
int lacks(void) { return 0; }
#endif
int main(void)
{
	int called = inc(5), used = use(5);

	printf("%d %d %d %d\n", called, used, hooked(), lacks());
	return 0;
}
END
object main <program.c
object unhooked -DUNHOOKED <program.c
object alloc <<'END'
int inc(int n);
__attribute__((noinline)) int inc(int n) { return n + 1; }
int use(int n) { return inc(n) * 2; }
END
object dec <<'END'
int dec(int n);
int dec(int n) { return n - 1; }
END
good="106 212 2 -7"	# by the hooks, inc alone being there
bare="6 12 0 0"

# ---- links -------------------------------------------------------------------

# link WORDS...: with the linker of this round, and the options in $options
link()
{
	_options=
	for _option in $options; do
		_options="$_options,-plugin-opt,$_option"
	done
	# shellcheck disable=SC2086
	TMPDIR=$temporary timeout 60 $compiler -fuse-ld=$linker \
		"-Wl,-plugin,$plugin$_options" "$@" >link.log 2>&1
}

# prints NAME WANTED WORDS...: what the program of these prints
prints()
{
	_name="$linker: $1" _wanted=$2
	shift 2
	rm -f out
	link -o out "$@" || {
		fail "$_name: $(head -n 5 link.log)"
		return
	}
	# shellcheck disable=SC2086
	is "$_name" "$_wanted" "$(timeout 60 $RUNNER ./out 2>&1)"
}

# refuses NAME TEXT WORDS...: one line says why there is no link
refuses()
{
	_name="$linker: $1" _text=$2
	shift 2
	rm -f out
	link -o out "$@" && fail "$_name: links"
	[ ! -e out ] || fail "$_name: leaves an output"
	grep -F "mallochooks: " link.log | grep -qF -- "$_text" ||
		fail "$_name: no \"$_text\" in $(cat link.log)"
	is "$_name: lines" 1 "$(grep -cv '^collect2: ' link.log)"
}

# ---- a family of malloc, every kind of output --------------------------------

prepare()
{
	# shellcheck disable=SC2086
	{
		$cc -O2 $plain -fPIC -c "$here/rewrite_hooks.c" -o fh.o &&
		$cc -fPIC -I"$SRCDIR/arch/$ARCH" -c "$here/rewrite_thunks.S" \
			-o thunks.o &&
		$cc -nostdlib -r -o family.o fh.o thunks.o &&
		$cc -O2 $plain -fPIC -c "$here/rewrite_other.c" -o fo.o &&
		$cc -O2 $plain -fPIC -DNAME=lib_malloc -c \
			"$here/rewrite_other.c" -o lib.o &&
		$cc -shared -o liblib.so lib.o &&
		$cc -O2 $plain -fPIE -c "$here/rewrite_main.c" -o fm.o &&
		$cc -O2 $plain -fPIE -DSTATIC -c "$here/rewrite_main.c" \
			-o fms.o
	} || exit 1
}

# family KIND FLAGS
family()
{
	# shellcheck disable=SC2086
	$compiler -O2 $plain $2 -c "$here/rewrite_alloc.c" -o fa.o || exit 1
	options=hooks=family.o
	case $1 in
	-shared)
		link -shared -o liballoc.so fa.o || {
			fail "$linker -shared: $(head -n 5 link.log)"
			return
		}
		build $compiler -o out fm.o fo.o liballoc.so liblib.so \
			-Wl,-rpath,"$work" || return
		is "hidden names, $1" "" "$(nm -D liballoc.so |
			grep '__real_\|__mallochooks')"
		# shellcheck disable=SC2086
		is "$compiler $linker $*" "" "$(timeout 60 $RUNNER ./out 2>&1)" ;;
	-static*)
		prints "$compiler $*" "" "$1" fms.o fo.o fa.o lib.o ;;
	*)
		prints "$compiler $*" "" "$1" fm.o fo.o fa.o liblib.so \
			-Wl,-rpath,"$work" ;;
	esac
}

families()
{
	for compiler in "$cc" ${clang:+clang}; do
		family -pie -fPIE
		family -no-pie -fno-pie
		family -static -fno-pie
		# gold and gcc cannot do that, hooks or not
		[ "$linker" = gold ] || family -static-pie -fPIE
		family -shared -fPIC
	done
	compiler=$cc
}

# ---- where the function comes from -------------------------------------------

archives()
{
	options=hooks=both.o
	prints "archive after" "$good" main.o liba.a
	prints "archive before" "$good" -Wl,-u,inc liba.a main.o
	prints "-L -l" "$good" -L. main.o -la
	prints "--start-group" "$good" main.o -Wl,--start-group liba.a \
		-Wl,--end-group
	prints "--whole-archive" "106 212 2 6" main.o -Wl,--whole-archive liba.a \
		-Wl,--no-whole-archive
	prints "thin archive" "$good" main.o thin/libthin.a
	prints "static" "$good" -static main.o -L. -la
	prints "name of a member" "$good" main.o long.a
	[ "$linker" != gold ] ||
		prints "--start-lib, not wanted" "$good" main.o alloc.o \
			-Wl,--start-lib dec.o -Wl,--end-lib
	options="hooks=both.o self=real"
	prints "self=real" "106 12 1 -7" main.o liba.a
	options="hooks=both.o self=direct"
	prints "self=direct" "$good" main.o liba.a
	options="hooks=both.o symbol=static-for-the-members-name.o:dec"
	prints "static, of a member" "1106 2212 4 6" main.o long.a
	nm out | grep -q ' T dec' && fail "static: became global"
	options="hooks=both.o symbol=another.o:dec"
	prints "static, of another file" "$good" main.o long.a
}

kinds()
{
	options=hooks=both.o
	prints "weak alone" "112 224 2 -7" main.o weak.o
	prints "weak, strong" "$good" main.o weak.o strong.o
	prints "strong, weak" "$good" main.o strong.o weak.o
	prints "two objects" "106 212 2 6" dec.o main.o alloc.o
	prints "IFUNC" "$good" main.o indirect.o
	prints "LTO around it" "$good" -flto -O2 lto-main.o alloc.o
	[ -z "$comdat" ] || prints COMDAT "$good" main.o comdat1.o comdat2.o
	link -o out main.o alloc.o strong.o && fail "$linker: two strong ones link"
	grep -q "multiple definition" link.log || fail "two: $(cat link.log)"
	prints "alias" "106 12 1 -7" main.o aliased.o
	options="hooks=both.o aliases"
	prints "aliases" "$good" main.o aliased.o
}

# A version is the version script's: of X@@V1, also beside an X.
versions()
{
	options=hooks=both.o
	for _object in versioned.o versioned-too.o; do
		link -shared -o libv.so $_object \
			-Wl,--version-script=v.map || {
			fail "$linker: $_object: $(cat link.log)"
			continue
		}
		is "$linker: $_object" "inc@@V1" "$(nm -D --defined-only \
			libv.so | sed -n 's/.* T \(inc.*\)/\1/p')"
		build $cc -o out main.o libv.so -Wl,-rpath,"$work" || continue
		# shellcheck disable=SC2086
		is "$linker: $_object" "$good" "$(timeout 60 $RUNNER ./out 2>&1)"
	done
}

# What the output had not, it has not: to be exported, or to be called.
exports()
{
	options=hooks=both.o
	link -shared -o libx.so alloc.o -Wl,-z,defs || fail "$(cat link.log)"
	is "$linker: exported" "hooked inc lacks use" "$(nm -D --defined-only \
		libx.so | awk '$2 == "T" { print $3 }' | sort | tr '\n' ' ' |
		sed 's/ $//')"
	build $cc -o out main.o libx.so -Wl,-rpath,"$work" || return
	# shellcheck disable=SC2086
	is "$linker: DSO" "$good" "$(timeout 60 $RUNNER ./out 2>&1)"
}

needs()
{
	options=hooks=math.o
	prints "hooks that need libm" "$good" -static main.o alloc.o no-lacks.o \
		-lm
	prints "hooks that need libm, shared" "$good" main.o alloc.o \
		no-lacks.o -lm
}

# debugs OUTPUT: "SECTIONS UNITS FRAMES" of the hooks' debug info, and all FDEs
debugs()
{
	echo "$(readelf -WS "$1" | grep -c ' \.debug_')" \
		"$(readelf --debug-dump=info "$1" 2>/dev/null |
			grep -c debugged.c)" \
		"$(readelf --debug-dump=frames "$1" | grep -c ' FDE ')"
}

# It goes unless it is asked for, and unwind tables stay.
debug_info()
{
	options=hooks=both.o
	prints "no debug info" "$good" main.o alloc.o
	_frames=$(debugs out)
	options=hooks=debugged.o
	prints "debug info left out" "$good" main.o alloc.o
	is "$linker: debug info left out" "$_frames" "$(debugs out)"
	options="hooks=debugged.o debug"
	prints debug "$good" main.o alloc.o
	case $(debugs out) in
	[1-9]*" 1 ${_frames##* }") ;;
	*)	fail "$linker: debug: $(debugs out), without: $_frames" ;;
	esac
}

# ---- more than one -----------------------------------------------------------

identities()
{
	options="hooks=one.o hooks=other.o"
	prints "two" "106 212 2 6" main.o alloc.o dec.o
	options=hooks=one.o
	prints "two words" "106 212 2 6" main.o alloc.o dec.o \
		"-Wl,-plugin,$plugin,-plugin-opt,hooks=other.o"
	prints "guards" "106 212 2 6" main.o alloc.o dec.o \
		"-Wl,-plugin,$plugin,-plugin-opt,hooks=other.o" \
		-Wl,--defsym=__mallochooks_present_one=__mallochooks_entry_one \
		-Wl,--defsym=__mallochooks_present_other=__mallochooks_entry_other
	prints "the same twice" "106 212 2 6" main.o alloc.o dec.o \
		"-Wl,-plugin,$plugin,-plugin-opt,hooks=$work/one.o" \
		"-Wl,-plugin,$plugin,-plugin-opt,hooks=other.o"
	options="hooks=one.o hooks=both.o"
	refuses "both hook inc" "inc: is hooked by both one.o and both.o" main.o \
		alloc.o
	options="hooks=one.o hooks=other.o"
	refuses "both hook one place" "twins.o: inc: is the same function as dec, but one.o hooks the one and other.o the other: compose one stack for both" \
		main.o twins.o
	options=hooks=both.o
	prints "one hooks both names" "106 2012 2 8" main.o twins.o
	options="hooks=one.o hooks=other.o if-absent=ignore"
	prints "one is not needed" "$good" main.o alloc.o no-lacks.o
	options="hooks=one.o hooks=other.o"
	refuses "one is not needed" "other.o: no object of this link defines dec: " \
		main.o alloc.o no-lacks.o
}

# ---- what cannot be done, in a line ------------------------------------------

refusals()
{
	options=hooks=both.o
	refuses absent "both.o: no object of this link defines inc (nor dec): for those of a shared library or of libc compose the stack with --method=preload" \
		unhooked.o libplain.so
	options="hooks=both.o if-absent=ignore"
	prints if-absent=ignore "$bare" unhooked.o libplain.so \
		-Wl,-rpath,"$work"
	_guard=-Wl,--defsym=__mallochooks_present=__mallochooks_entry_both
	prints "if-absent=ignore, guarded" "$bare" unhooked.o libplain.so \
		-Wl,-rpath,"$work" $_guard
	$cc -fuse-ld=$linker -o out unhooked.o alloc.o $_guard 2>/dev/null &&
		fail "$linker: without the plugin the guard lets it pass"
	options=hooks=none.o
	refuses "no such hooks" "none.o: No such file or directory: give" main.o \
		alloc.o
	options=hooks=program.c
	refuses "no object" "program.c: is no ELF file: give" main.o alloc.o
	options=hooks=alloc.o
	refuses "no hooks" "alloc.o: defines no __mallochooks_entry_X" main.o \
		alloc.o
	options=
	refuses "without hooks=" "no hooks: say -plugin-opt,hooks=FILE" main.o \
		alloc.o
	options="hooks=both.o simbol=x"
	refuses "no such option" "-plugin-opt simbol=x: unknown" main.o alloc.o
	options="hooks=both.o self=no"
	refuses "no such self" "-plugin-opt self=no: one of thunk, direct, real" \
		main.o alloc.o
	options="hooks=both.o symbol=nothing"
	refuses "no such symbol" "nothing: the hooks given do not hook nothing" \
		main.o alloc.o
	options=hooks=family.o
	refuses "nothing to call" "no object of this link defines it, and the hooks have no __mallochooks_absent_" \
		only-malloc.o
	options=hooks=both.o
	refuses data "libdata.a(data.o): inc: is no function but data" unhooked.o \
		-L. -ldata
	prints "of an archive, not wanted" "$good" main.o alloc.o -L. -ldata
	refuses "hooks in the link" "both.o: is hooks itself: leave it out of the link" \
		main.o alloc.o both.o
}

# Slim GIMPLE belongs to the compiler's own plugin, which comes first.
lto()
{
	options=hooks=both.o
	_none="no object of this link defines inc (nor dec) in code that could be hooked"
	refuses LTO "$_none: lto-alloc.o: inc: is defined in GIMPLE (-flto): compile this object with -fno-lto" \
		-flto -O2 unhooked.o lto-alloc.o
	refuses "LTO, archive" "$_none: liblto.a(lto-alloc.o): inc: " -flto -O2 \
		unhooked.o liblto.a
	refuses "LTO, -l" "$_none: ./liblto.a(lto-alloc.o): inc: " -flto -O2 \
		unhooked.o -L. -llto
	echo "unhooked.o lto-alloc.o" >words
	refuses "LTO, static" "$_none: ./liblto.a(lto-alloc.o): inc: " -flto \
		-O2 unhooked.o -static -L. -llto
	refuses "LTO, @file" "$_none: lto-alloc.o: inc: " -flto -O2 @words
}

# What the allocator uses, the plugin for LTO believes to be unused.
used()
{
	options=hooks=both.o
	_warning="mallochooks: user.o: refers to functions or data of objects compiled with -flto, which may go away as unused: link with -Wl,-u,helper"
	link -o out -flto -O2 lto-main.o lto-helper.o user.o &&
		fail "$linker: LTO keeps what it did not: no need to warn"
	grep -qF -- "$_warning" link.log || fail "$linker: $(cat link.log)"
	prints "used by the allocator" "$good" -flto -O2 lto-main.o \
		lto-helper.o user.o -Wl,-u,helper
	grep -q "go away" link.log && fail "$linker: warns for nothing"
	prints "used and exported" "$good" -flto -O2 lto-main.o lto-helper.o \
		user.o -Wl,-E
	grep -q "go away" link.log && fail "$linker: warns for nothing"
}

# ---- what is left ------------------------------------------------------------

outputs()
{
	options=hooks=both.o
	link -nostdlib -r -o hooked-r.o alloc.o dec.o || fail "-r: $(cat link.log)"
	$cc -fuse-ld=$linker -nostdlib -r -o plain-r.o alloc.o dec.o
	cmp -s plain-r.o hooked-r.o || fail "$linker -r: differs"
	echo "alloc.o dec.o" >words
	for _guard in --defsym=__mallochooks_present_both=__mallochooks_entry_both \
		--defsym,__mallochooks_present_both=__mallochooks_entry_both; do
		rm hooked-r.o
		link -nostdlib -r -o hooked-r.o @words "-Wl,$_guard" ||
			fail "$linker -r, $_guard: $(cat link.log)"
		cmp -s plain-r.o hooked-r.o ||
			fail "$linker -r, $_guard: differs"
	done
	for _i in 1 2; do
		(
			exec 5>&1
			[ $_i = 1 ] || exec 6>&1 7>&1
			link -o same main.o liba.a -Wl,-Map,same.map
		) || fail "$linker: $(cat link.log)"
		mv same same-$_i
		mv same.map same.map-$_i
	done
	cmp -s same-1 same-2 || fail "$linker: two links differ"
	cmp -s same.map-1 same.map-2 ||
		fail "$linker: two maps differ: $(diff same.map-1 same.map-2)"
	strings -a same-1 | grep -q "/proc/self\|$temporary" &&
		fail "$linker: a name of ours in the output"
	is "$linker: left behind" "" "$(ls "$temporary")"
	_good=$temporary temporary=$work/nowhere
	prints "TMPDIR that is not there" "$good" main.o alloc.o
	temporary=$_good
}

# Without files in memory they go to TMPDIR.
on_disk()
{
	# shellcheck disable=SC2086
	$cc -shared -fPIC -o nomem.so -x c - <<'END' || exit 1
int memfd_create(const char *name, unsigned flags) { return -1; }
END
	options=hooks=both.o
	LD_PRELOAD=$work/nomem.so
	export LD_PRELOAD
	link -o out main.o alloc.o -Wl,-Map,disk.map
	_status=$?
	link -o bad main.o alloc.o strong.o &&
		echo "two strong ones link" >>link.log
	_good=$temporary temporary=$work/nowhere
	link -o bad main.o alloc.o && echo "nowhere to write: links" >>link.log
	temporary=$_good
	unset LD_PRELOAD
	is "$linker, on disk: status" 0 $_status
	is "$linker, on disk" "$good" "$(timeout 60 ./out)"
	grep -q "$temporary/mallochooks-" disk.map || fail "$linker: not on disk"
	grep -q "cannot write $work/nowhere/.*set TMPDIR to" link.log ||
		fail "$linker, nowhere to write: $(cat link.log)"
	grep links link.log && fail "$linker, on disk"
	is "$linker: left on disk" "" "$(ls "$temporary")"
}

# ---- what the composer makes -------------------------------------------------

# Between the lowest and the highest number of mallocs: libc makes a few, too.
composed()
{
	options=hooks=stack.o
	for _kind in -pie -static; do
		link $_kind -o out thousand.o fa.o || {
			fail "$linker, composed, $_kind: $(head -n 5 link.log)"
			continue
		}
		# shellcheck disable=SC2086
		with MALLOCHOOKS=count.report=y ./out >log 2>&1 ||
			fail "$linker, composed, $_kind: $(head -n 5 log)"
		_nr=$(sed -n 's/.*count: \([0-9]*\) allocations.*/\1/p' log)
		[ "${_nr:-0}" -ge 1000 ] && [ "$_nr" -lt 1010 ] ||
			fail "$linker, composed, $_kind: $(cat log)"
		is "$linker, composed, $_kind: hidden" "" "$(nm -D out 2>/dev/null |
			grep '__real_\|__mallochooks\| T valloc')"
	done
}

# ---- one round for each linker -----------------------------------------------

object weak <<'END'
__attribute__((weak)) int inc(int n) { return n + 7; }
int use(int n) { return inc(n) * 2; }
END
echo 'int inc(int n) { return n + 1; }' | object strong
object indirect -fno-inline <<'END'
static int one(int n) { return n + 1; }
static void *pick(void) { return one; }
int inc(int n) __attribute__((ifunc("pick")));
int use(int n) { return inc(n) * 2; }
END
object versioned <<'END'
int inc(int n), inc_v1(int n);
int inc_v1(int n) { return n + 1; }
__asm__(".symver inc_v1, inc@@V1");
int use(int n) { return inc(n) * 2; }
END
object versioned-too <<'END'
int inc(int n);
__attribute__((noinline)) int inc(int n) { return n + 1; }
__asm__(".symver inc, inc@@V1");
int use(int n) { return inc(n) * 2; }
END
echo 'V1 { global: inc; use; hooked; lacks; local: *; };' >v.map
object aliased -fno-inline <<'END'
int impl(int n) { return n + 1; }
int inc(int n) __attribute__((alias("impl")));
int use(int n) { return impl(n) * 2; }
END
object twins <<'END'
int inc(int n) { return n + 1; }
int dec(int n) __attribute__((alias("inc")));
int use(int n) { return dec(n) * 2; }
END
echo 'int lacks(void) { return -7; }' | object no-lacks
object only-malloc -fno-builtin <<'END'
void *malloc(unsigned long bytes) { return (void *)(bytes * 16); }
int main(void) { return !malloc(1); }
END
object static-for-the-members-name -fno-inline <<'END'
static int dec(int n) { return n - 1; }
int inc(int n) { return dec(n + 2); }
int use(int n) { return inc(n) * 2; }
END
echo 'int inc = 1; int use(int n) { return n; }' | object data
echo 'int filler;' | object filler
object lto-main -flto <program.c
echo 'int helper(int n) { return n * 2; }' | object lto-helper -flto
object user <<'END'
int inc(int n), helper(int n);
__attribute__((noinline)) int inc(int n) { return n + 1; }
int use(int n) { return helper(inc(n)); }
END
object lto-alloc -flto <alloc.c
ar rcs liba.a alloc.o dec.o
ar rcs long.a filler.o static-for-the-members-name.o
mkdir thin
cp alloc.o dec.o thin
(cd thin && ar rcsT libthin.a alloc.o dec.o)
ar rcs libdata.a data.o
if command -v gcc-ar >/dev/null; then gcc-ar rcs liblto.a lto-alloc.o; fi
$cc -shared -o libplain.so alloc.o || exit 1
comdat=
for i in 1 2; do
	cat >comdat$i.cc <<END
extern "C" inline __attribute__((noinline)) int inc(int n) { return n + 1; }
extern "C" int use$i(int n) { return inc(n) * 2; }
END
	sed -i 's/use1/use/' comdat$i.cc
	# Not weak, so that nothing but the group makes them one.
	# shellcheck disable=SC2086
	[ -z "${CXX-}" ] || { $CXX -O2 -fPIC -S comdat$i.cc -o comdat$i.s &&
		sed -i 's/\.weak/.globl/' comdat$i.s &&
		$cc -c comdat$i.s -o comdat$i.o && comdat=yes; }
done
object thousand -fno-builtin <<'END'
#include <stdlib.h>
int main(void)
{
	for (int i = 0; i < 1000; i++)
		free(malloc(i));
	return 0;
}
END
"$tool" stack --runtime="$BUILDDIR/tests/runtime/wrap/runtime.list" --source-dir="$SRCDIR" \
	--arch="$ARCH" --cc="$cc" --method=replace --layers=count -o stack.o >compose.log 2>&1 || {
	cat compose.log
	echo "stack.o was not composed"
	exit 1
}
clang=
[ -n "$RUNNER" ] || ! command -v clang >/dev/null || clang=yes
[ -n "$clang" ] || skip "no clang, or not for this machine"
prepare
compiler=$cc
rounds=0
for linker in bfd gold; do
	$cc -fuse-ld=$linker -o out unhooked.o alloc.o 2>/dev/null || {
		skip "no ld.$linker"
		continue
	}
	rounds=$((rounds + 1))
	families
	archives
	kinds
	versions
	exports
	needs
	debug_info
	identities
	refusals
	lto
	used
	composed
	outputs
	[ -n "$RUNNER" ] || on_disk
done
[ $rounds -gt 0 ] || skip_all "neither ld.bfd nor ld.gold"

# ---- "mallochooks rewrite --tailor" ------------------------------------------

# made NAME WANTED OBJECTS...
made()
{
	_name="rewrite: $1" _wanted=$2
	shift 2
	build $cc -o out "$@" || return
	# shellcheck disable=SC2086
	is "$_name" "$_wanted" "$(timeout 60 $RUNNER ./out 2>&1)"
}

rewrite --hooks=both.o --tailor=t.o alloc.o a.o dec.o d.o ||
	fail "two objects: not rewritten"
made "two objects" "106 212 2 6" main.o a.o d.o t.o
rewrite --hooks=debugged.o --tailor=t.o alloc.o a.o ||
	fail "rewrite: $(cat err)"
rewrite --hooks=debugged.o --tailor=td.o --debug alloc.o a.o ||
	fail "rewrite: $(cat err)"
for _tailored in t td; do
	made "$_tailored.o" "$good" main.o a.o $_tailored.o
done
is "rewrite: units, --debug" "0 1" "$(readelf --debug-dump=info t.o 2>&1 |
	grep -c debugged.c) $(readelf --debug-dump=info td.o 2>&1 |
	grep -c debugged.c)"
rewrite --hooks=both.o --tailor=t.o main.o m.o alloc.o a.o ||
	fail "one of two: not rewritten"
made "one of two" "$good" m.o a.o t.o
is "one of two: exported" "hooked inc lacks" "$(nm t.o |
	awk '$2 == "T" && $3 !~ /^__/ { print $3 }' | sort |
	tr '\n' ' ' | sed 's/ $//')"
rewrite --hooks=both.o --tailor=t.o main.o m.o liba.a ta.a ||
	fail "an archive: not rewritten"
made "an archive" "106 212 2 6" m.o t.o ta.a
rm -f a.o m.o t.o
rewrite --hooks=both.o --tailor=t.o alloc.o a.o data.o d.o 2>err
is "one is refused: status" 1 $?
is "one is refused" "mallochooks: rewrite: data.o: inc: is no function but data, which cannot be hooked" \
	"$(cat err)"
[ ! -e a.o ] && [ ! -e t.o ] || fail "one is refused: the other is written"
rewrite --hooks=both.o --tailor=t.o main.o m.o 2>err
is "none of them: status" 1 $?
is "none of them" "mallochooks: rewrite: both.o: no object of this link defines inc (nor dec): name the objects that do, or say --absent=copy" \
	"$(cat err)"
rewrite --hooks=both.o --tailor=t.o --symbol=x.o:inc alloc.o a.o 2>err
is "static, of no file" "mallochooks: rewrite: alloc.o: x.o:inc: is not defined here" \
	"$(cat err)"
rewrite --tailor=t.o --symbol=inc alloc.o a.o 2>err
is "without hooks: status" 2 $?
rewrite --hooks=one.o --hooks=both.o alloc.o a.o 2>err
is "two of one" "mallochooks: rewrite: inc: is hooked by both one.o and both.o: give one of them, or one stack with the layers of both" \
	"$(cat err)"
finish
