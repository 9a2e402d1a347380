#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_ldshim - ld.lld and ld.mold with the ld shim before them, from gcc and
# clang: allocators that the link itself defines, in all ways a link can name
# them
#
# takes: 15
# needs: native
# timeout: 400

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/tools/rewrite_common.sh"
plain="-fno-builtin -Wall -Wextra"
shim=$BUILDDIR/ld
plugin=$BUILDDIR/ldplugin.so
unset COMPILER_PATH MALLOCHOOKS_LD MALLOCHOOKS_LD_SEEN

# Names that are no good for careless hands.
mkdir "a b" "a b/t'm\$p"
TMPDIR="$work/a b/t'm\$p"
export TMPDIR

# Without a declaration of malloc but ours: what the hooks have for an X that
# the output lacks, as the composer makes it.
cat >absent.c <<'EOF'
#define ABSENT(x) __attribute__((visibility("hidden"))) \
	long __mallochooks_absent_##x(void) { return 0; }
ABSENT(malloc) ABSENT(free) ABSENT(calloc) ABSENT(realloc) ABSENT(memalign)
ABSENT(posix_memalign) ABSENT(aligned_alloc) ABSENT(malloc_usable_size)
__attribute__((visibility("hidden"))) char __mallochooks_entry_test;
EOF

# A malloc, its friends, and no more; a program around it.
cat >small.c <<'EOF'
#include <string.h>
static char pool[1 << 22] __attribute__((aligned(64)));
static size_t used;
long small_calls;
void *malloc(size_t bytes)
{
	char *p = pool + used;

	small_calls++;
	bytes = (bytes + 31) & ~(size_t)15;
	if (used + bytes > sizeof(pool))
		return NULL;
	*(size_t *)p = bytes - 16;
	used += bytes;
	return p + 16;
}
void free(void *p) { (void)p; }
void *calloc(size_t n, size_t each)
{
	void *p = malloc(n * each);

	return p ? memset(p, 0, n * each) : p;
}
void *realloc(void *old, size_t bytes)
{
	void *p = malloc(bytes);
	size_t was = old ? ((size_t *)old)[-2] : 0;

	if (p && old)
		memcpy(p, old, was < bytes ? was : bytes);
	return p;
}
EOF
cat >prog.c <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
__attribute__((weak)) extern long small_calls;
__attribute__((weak)) long hook_calls(int op);
int main(void)
{
	char *text = strdup("text");
	void *volatile p = realloc(malloc(100), 200);
	long hooked = hook_calls ? hook_calls(0) : 0;

	free(p);
	free(text);
	printf("%s %s\n", &small_calls && small_calls ? "own" : "libc",
	       hooked ? "hooked" : "not");
	return 0;
}
EOF
echo 'int main(void) { return 0; }' >idle.c
printf 'void *malloc(unsigned long);void *my(unsigned long n);%s%s' \
	'__attribute__((noinline)) void *my(unsigned long n) { static char p[4096]; return p + (n = 0); }' \
	'__attribute__((alias("my"))) void *malloc(unsigned long); void *call(void) { return (char *)my(1) + 1; }' >alias.c
echo 'void *call(void); long hook_calls(int); int main(void) { call(); return (int)hook_calls(0); }' >alias_main.c

# objects DIR COMPILER: all that the links below use
objects()
{
	mkdir -p "$1"
	{
		for _file in hooks other; do
			$2 -O2 $plain -fPIC -DHAVE_THUNKS -c \
				"$here/rewrite_$_file.c" -o "$1/$_file.o"
		done
		$2 -O2 -fPIC -c absent.c -o "$1/absent.o"
		$2 -fPIC -I"$SRCDIR/arch/$3" -c "$here/rewrite_thunks.S" \
			-o "$1/thunks.o"
		$2 -r -nostdlib -o "$1/hand.o" "$1/hooks.o" "$1/thunks.o" \
			"$1/absent.o"
		$2 -O2 $plain -fPIC -DNAME=lib_malloc -c \
			"$here/rewrite_other.c" -o "$1/lib.o"
		$2 -shared -o "$1/liblib.so" "$1/lib.o"
		$2 -O2 $plain -fPIE -DHAVE_THUNKS -c "$here/rewrite_main.c" \
			-o "$1/main.o"
		$2 -O2 $plain -fPIE -DHAVE_THUNKS -DSTATIC -c \
			"$here/rewrite_main.c" -o "$1/main-static.o"
		$2 -O2 $plain -fPIE -c "$here/rewrite_alloc.c" -o "$1/alloc.o"
		$2 -O2 $plain -fPIC -c "$here/rewrite_alloc.c" -o "$1/alloc-pic.o"
		for _file in small prog idle; do
			$2 -O2 $plain -fPIE -c $_file.c -o "$1/$_file.o"
		done
	} >compile.log 2>&1 || {
		cat compile.log
		exit 1
	}
}

objects gcc "$cc" "$ARCH"
command -v clang >/dev/null && objects clang clang "$ARCH"

linkers=
for linker in lld mold; do
	if command -v ld.$linker >/dev/null; then
		linkers="$linkers $linker"
	else
		skip "no ld.$linker"
	fi
done
[ -n "$linkers" ] || skip_all "neither ld.lld nor ld.mold"

# ---- links ---------------------------------------------------------------------------

compiler='' linker='' nr=0
with_hooks="-Wl,-plugin,$plugin,-plugin-opt,hooks=hand.o -Wl,--defsym=__mallochooks_present_test=__mallochooks_entry_test"

no_leftovers()
{
	for _left in "$TMPDIR"/mallochooks-ld-*; do
		[ ! -e "$_left" ] || fail "$1: leaves $_left"
		rm -rf "$_left"
	done
}

# try WORDS...: a link of out with the shim; says nothing
try()
{
	rm -f out
	nr=$((nr + 1))
	# shellcheck disable=SC2086
	timeout 60 $compiler -fuse-ld="$linker" -B"$shim" -o out $with_hooks "$@" \
		>link.log 2>&1
}

# linked NAME WORDS...
linked()
{
	_name="$compiler $linker: $1"
	shift
	try "$@"
	_status=$?
	no_leftovers "$_name"
	[ $_status -eq 0 ] || fail "$_name: $(head -n 5 link.log)"
	return $_status
}

# good NAME WORDS...: rewrite_main has no complaints
good()
{
	linked "$@" || return
	# shellcheck disable=SC2086
	timeout 60 $RUNNER ./out >run.log 2>&1 ||
		fail "$_name: $(head -n 5 run.log)"
}

# prints NAME WANTED WORDS...
prints()
{
	_say=$1 _wanted=$2
	shift 2
	linked "$_say" "$@" || return
	# shellcheck disable=SC2086
	is "$_name" "$_wanted" "$(timeout 60 $RUNNER ./out 2>&1)"
}

# refused NAME TEXT WORDS...: the link fails with that line
refused()
{
	_name="$compiler $linker: $1" _text=$2
	shift 2
	try "$@" && fail "$_name: no error"
	no_leftovers "$_name"
	[ ! -e out ] || fail "$_name: leaves a file"
	grep -qF -- "$_text" link.log ||
		fail "$_name: no \"$_text\" in $(cat link.log)"
}

# defines FILE NAME: it is there, whatever its binding
defines()
{
	nm "$1" | grep -q " [TtWwVi] $2\$"
}

kinds()
{
	good "pie" -pie $main alloc.o $so
	good "no-pie" -no-pie $main alloc.o $so
	good "static" -static $static alloc.o
	good "static-pie" -static-pie $static alloc.o
	linked "shared" -shared alloc-pic.o && {
		mv out libhooked.so
		_hooks=$with_hooks with_hooks=
		good "shared library" -pie $main libhooked.so $so
		with_hooks=$_hooks
	}
}

archives()
{
	rm -rf libs
	mkdir libs libs/sub
	ar rcD libs/liballoc.a other.o alloc.o
	ar rcDT libs/libthin.a other.o alloc.o
	cp libs/liballoc.a libs/sub/libsub.a
	_main="main.o $so"
	good "archive" -pie libs/liballoc.a $_main
	good "archive, first" -pie $_main libs/liballoc.a
	good "archive, -l" -pie $_main -Llibs -lalloc
	good "archive, -l X" -pie $_main -Wl,-L,libs,-l,alloc
	good "archive, -l:X" -pie -L libs $_main -l:liballoc.a
	good "archive, --library" -pie $_main -Llibs -Wl,-Bstatic,-lalloc,-Bdynamic
	good "archive, thin" -pie $_main libs/libthin.a
	good "archive, -static" -static main-static.o lib.o -Llibs -lalloc
	good "archive, three times" -pie $_main libs/liballoc.a -Llibs -lalloc \
		./libs/../libs/liballoc.a
	good "archive, whole" -pie $_main -Wl,--whole-archive libs/liballoc.a \
		-Wl,--no-whole-archive
	good "archive, group" -pie -Wl,--start-group $_main libs/liballoc.a \
		-Wl,--end-group
	good "archive, sysroot" -pie $_main -Wl,--sysroot="$work" -Wl,-L=/libs -lalloc
	good "start-lib" -pie $_main -Wl,--start-lib other.o alloc.o -Wl,--end-lib
	good "wrong name first" -pie $_main -Llibs/none -Llibs/sub -Llibs -lalloc
}

scripts()
{
	printf '/* a\n */ OUTPUT_FORMAT(%s)\nGROUP ( AS_NEEDED ( -lalloc ) )\n' \
		elf64-x86-64 >libs/libscript.so
	echo 'INPUT("libs/liballoc.a")' >libs/inner.ld
	echo "INPUT(libs/inner.ld $work/libs/liballoc.a)" >outer.ld
	echo 'INPUT(sub/libsub.a)' >libs/beside.ld
	_main="main.o $so"
	case $ARCH in
	x86_64) good "script, -l" -pie $_main -Llibs -lscript ;;
	esac
	good "script, nested" -pie $_main outer.ld
	good "script, twice" -pie $_main libs/inner.ld outer.ld
	case $linker in
	lld) good "script, beside" -pie $_main libs/beside.ld ;;
	mold) good "script, -L" -pie $_main -Llibs libs/beside.ld ;;
	esac
	printf '"-Llibs"\n@rsp.2' >"r s p"
	printf 'main.o\t-l al\\loc' >rsp.2
	good "@file" -pie "-Wl,@r s p" $so
	# Longer than what is given to a program by hand.
	for _i in $(seq 1000); do
		echo "-L/nowhere/a-directory-that-is-there-to-make-the-line-longer-and-longer-$_i"
		echo "'-L/a \"b\\\" c/$_i'"
	done >rsp.long
	good "a long line" -pie $_main "-Wl,@rsp.long" -Llibs -lalloc
	rm -f rsp.long
}

# What the output defines, and no more.
extent()
{
	prints "own malloc, static" "own hooked" -static prog.o small.o
	defines out __real_malloc || fail "$_name: nothing is hooked"
	! defines out _int_malloc || fail "$_name: libc's malloc is here"
	! nm out | grep -q ' [TW] memalign$' || fail "$_name: a memalign came in"
	prints "libc's malloc, static" "libc hooked" -static prog.o
	defines out __real_malloc || fail "$_name: nothing is hooked"
	prints "own malloc" "own hooked" prog.o small.o -Wl,-E
	is "$_name: exported" "calloc free malloc realloc" \
		"$(nm -D --defined-only out | awk '$3 ~ /^[a-z]*(alloc|free)/ { print $3 }' | sort | tr '\n' ' ' | sed 's/ $//')"
	prints "gc-sections" "own hooked" prog.o small.o -Wl,--gc-sections
	ar rcD libs/small.a small.o
	# Of two members with one name the linker takes the second.
	mkdir -p twin
	echo 'void *memalign(unsigned long a, unsigned long b) { return (void *)(a + b); }' >twin.c
	$compiler -O2 -fPIE $plain -w -c twin.c -o twin/small.o
	rm -f libs/twins.a
	ar qcD libs/twins.a twin/small.o small.o
	prints "twins" "own hooked" prog.o libs/twins.a
	! defines out memalign || fail "$_name: a memalign came in"
	refused "not taken" "hand.o: no object of this link defines malloc" \
		idle.o libs/small.a
	refused "nowhere" "hand.o: no object of this link defines malloc" prog.o
	echo 'V1 { global: malloc; free; local: *; };' >map
	linked "version script" -shared alloc-pic.o -Wl,--version-script=map &&
		is "$_name: exported" "free@@V1 malloc@@V1" \
			"$(nm -D --defined-only --with-symbol-versions out |
			awk '$2 == "T" { print $3 }' | sort | tr '\n' ' ' | sed 's/ $//')"
	ar rcD libs/pic.a alloc-pic.o
	linked "archive in a library" -shared -Wl,-u,malloc libs/pic.a -Wl,-z,defs \
		-Wl,--fatal-warnings && nm -D out | grep -q ' T malloc$' ||
		fail "$_name: not exported"
	for _libs in ALL pic.a; do
		linked "--exclude-libs $_libs" -shared -Wl,-u,malloc libs/pic.a \
			-Wl,--exclude-libs,$_libs && defines out __real_malloc &&
			! nm -D out | grep -q ' T malloc$' ||
			fail "$_name: exported"
	done
}

for linker in $linkers; do
	for dir in gcc clang; do
		[ -d $dir ] || continue
		compiler=$cc
		[ $dir = gcc ] || compiler=clang
		cd $dir || exit 1
		main="main.o other.o" static="main-static.o other.o lib.o"
		so="liblib.so -Wl,-rpath,$work/$dir -L."
		kinds
		work=$work/$dir
		archives
		scripts
		extent
		work=${work%/*}
		cd ..
	done
done

# ---- the rest, with one compiler each -----------------------------------------------------

cd gcc || exit 1
compiler=$cc

options()
{
	good "self=thunk" $main alloc.o $so -Wl,-plugin-opt,self=thunk
	linked "self=real" $main alloc.o $so -Wl,-plugin-opt,self=real && {
		timeout 60 ./out >run.log 2>&1
		grep -q 'its own object: not hooked' run.log ||
			fail "$_name: has no effect"
	}
	$compiler -O2 -fPIE $plain -c ../alias.c -o alias.o
	$compiler -O2 -fPIE $plain -c ../alias_main.c -o alias_main.o
	linked "no aliases" alias_main.o alias.o && ./out
	_without=$?
	linked "aliases" alias_main.o alias.o -Wl,-plugin-opt,aliases && ./out
	is "$linker: aliases" "$_without 0" "0 $(($? - 1))"
	# A static function, which only its file's name can mean.
	$compiler -O2 $plain -fPIC -DHOOKS -c "$here/rewrite_inc.c" -o inc_hooks.o
	$compiler -O2 -fPIC -DMH_SELF_RETURNS=word -DMH_SELF=inc -c \
		"$SRCDIR/arch/$ARCH/self.S" -o inc_thunk.o
	$compiler -r -nostdlib -o inc_hand.o inc_hooks.o inc_thunk.o
	$compiler -O2 -fPIE -c "$here/rewrite_inc.c" -o inc_main.o
	cat >static.c <<'EOF'
static __attribute__((noinline)) int inc(int n) { return n + 1; }
int use(int n) { return inc(n); }
int (*pointer)(int) = inc;
EOF
	$compiler -O2 -fPIE -c static.c -o static.o
	ar rcD libs/static.a static.o
	_hooks=$with_hooks
	with_hooks="-Wl,-plugin,$plugin,-plugin-opt,hooks=inc_hand.o,-plugin-opt,symbol=static.o:inc"
	for _file in static.o libs/static.a; do
		prints "symbol=, $_file" "106 106 106 3" inc_main.o $_file
	done
	with_hooks=$_hooks
	refused "symbol=" "inc: the hooks given do not hook inc" prog.o small.o \
		-Wl,-plugin-opt,symbol=inc
	refused "hooks=" "none.o: No such file or directory" prog.o small.o \
		-Wl,-plugin-opt,hooks=none.o
	linked "hooks= twice" prog.o small.o -Wl,-plugin-opt,hooks=./hand.o \
		-Wl,-plugin,"$plugin",-plugin-opt,hooks=hand.o
	_hooks=$with_hooks
	with_hooks="$with_hooks -Wl,-plugin-opt,if-absent=ignore"
	prints "if-absent=ignore" "libc not" prog.o
	prints "if-absent=ignore, in vain" "own hooked" prog.o small.o
	with_hooks=$_hooks
	refused "self=" "one of thunk, direct, real is wanted" prog.o small.o \
		-Wl,-plugin-opt,self=no
	refused "the hooks in the link" "hand.o: is hooks itself: leave it out of the link" prog.o \
		small.o hand.o
}

# What is none of our business is as if we were not there.
untouched()
{
	_hooks=$with_hooks with_hooks=
	for _words in "prog.o small.o" "-static prog.o" "-r prog.o small.o"; do
		# shellcheck disable=SC2086
		$compiler -fuse-ld=$linker -o plain.out $_words
		# shellcheck disable=SC2086
		linked "no words: $_words" $_words && cmp -s plain.out out ||
			fail "$_name: another output"
	done
	with_hooks=$_hooks
	linked "-r" -r -nostdlib prog.o small.o
	$compiler -fuse-ld=$linker -r -nostdlib -o plain.out prog.o small.o
	cmp -s plain.out out || fail "$_name: another output"
	for _words in --version --help -v; do
		ld.$linker $_words >plain.out 2>&1
		"$shim/ld.$linker" $_words -plugin ldplugin.so \
			-plugin-opt hooks=none.o >out 2>&1
		[ -s out ] || fail "$linker $_words: prints nothing"
		# help has the path of the program in it
		sed "s|[^ ]*/ld\.$linker|ld.$linker|" plain.out >a.txt
		sed "s|[^ ]*/ld\.$linker|ld.$linker|" out >b.txt
		cmp -s a.txt b.txt || fail "$linker $_words: prints something else"
	done
	try -Wl,--version prog.o small.o
	grep -qi "$linker" link.log || fail "$linker: no version from the compiler"
}

# Linked twice: the same file, and nothing in it of where it was made.
reproducible()
{
	ar rcD libs/liballoc.a other.o alloc.o
	$compiler -g -O2 $plain -fPIE -c "$here/rewrite_alloc.c" -o alloc-g.o
	for _words in "main.o alloc-g.o other.o" "main.o libs/liballoc.a"; do
		for _i in 1 2; do
			# shellcheck disable=SC2086
			linked "twice: $_words" $_words $so -Wl,--build-id && mv out out.$_i
		done
		cmp -s out.1 out.2 || fail "$_name: another output"
		! grep -qa mallochooks-ld- out.1 || fail "$_name: a path of ours"
	done
	linked "map" main.o libs/liballoc.a $so -Wl,-Map=map.txt \
		-Wl,--dependency-file=dep.txt
	for _file in map.txt dep.txt; do
		[ -s $_file ] || fail "$linker: no $_file"
		! grep -q mallochooks-ld- $_file ||
			fail "$linker: $_file: $(grep mallochooks-ld- $_file | head -n 2)"
		grep -q hand.o $_file || fail "$linker: $_file: nothing of hand.o"
		grep -q libs/liballoc.a $_file ||
			fail "$linker: $_file: nothing of liballoc.a"
	done
}

# fake COMMANDS: a linker that does that
fake()
{
	printf '#!/bin/sh\n%s\n' "$1" >"$work/fake-$linker"
	chmod +x "$work/fake-$linker"
}

# run_shim WORDS...: without a compiler
run_shim()
{
	timeout 20 env PATH="${path-$PATH}" "$shim/ld.$linker" -plugin ldplugin.so \
		-plugin-opt hooks=hand.o "$@" >link.log 2>&1
}

# The linker's own words, and its status.
failing()
{
	echo 'void nobody(void); int main(void) { nobody(); return 0; }' >undefined.c
	$compiler -O2 -fPIE -c undefined.c -o undefined.o
	refused "undefined" "nobody" undefined.o small.o
	refused "undefined, archive" "nobody" undefined.o small.o -static
	_hooks=$with_hooks
	with_hooks="${with_hooks%_*}_none"
	refused "the guard" "__mallochooks_entry_none" prog.o small.o
	with_hooks=$_hooks
	refused "no such library" "nobody" prog.o small.o -lnobody
	refused "no such file" "nobody.o" prog.o nobody.o
	refused "no such file, archive" "nobody.o" prog.o libs/small.a nobody.o
	refused "twice" "malloc" prog.o small.o alloc.o
	head -c 3000 alloc.o >cut.o
	head -c 3000 libs/liballoc.a >cut.a
	: >empty.o
	case $linker in
	lld) for _bad in cut.o cut.a; do
		refused "$_bad" "$_bad" prog.o $_bad
	done ;;
	esac
	# For mold 1.10 the end may be a signal: that is not ours.
	fake 'exit 0'
	for _i in 1 2 3 4 5 6 7 8; do
		head -c $((_i * 150)) alloc.o >cut.o
		head -c $((_i * 700)) libs/liballoc.a >cut.a
		for _bad in cut.o cut.a empty.o libs ../absent.c; do
			MALLOCHOOKS_LD=$work/fake-$linker run_shim prog.o small.o $_bad
			is "$linker: $_bad, $_i" "0 " "$? $(cat link.log)"
		done
	done
	no_leftovers "$linker: damaged files"
}

late()
{
	case $compiler in *clang*) return ;; esac
	$compiler -O2 $plain -flto -c ../small.c -o small-lto.o 2>/dev/null || {
		skip "no -flto"
		return
	}
	refused "GIMPLE" "small-lto.o: malloc: is defined in GIMPLE (-flto): compile this object with -fno-lto" \
		prog.o small-lto.o
	ar rcD libs/lto.a small-lto.o
	case $linker in
	mold)
		$compiler -O2 $plain -fPIE -flto -c ../prog.c -o prog-lto.o
		prints "LTO" "own hooked" -O2 -flto prog-lto.o small.o
		prints "LTO, archive" "own hooked" -O2 -flto prog-lto.o libs/small.a
		refused "GIMPLE, archive" "libs/lto.a(small-lto.o): malloc: is defined in GIMPLE" \
			-flto prog-lto.o libs/lto.a ;;
	esac
}

late_clang()
{
	[ -d ../clang ] || return
	_compiler=$compiler compiler=clang
	clang -O2 $plain -flto -c ../small.c -o small-bc.o
	clang -O2 $plain -fPIE -flto -c ../prog.c -o prog-bc.o
	refused "bitcode" "small-bc.o: malloc: is defined in LLVM bitcode (-flto): compile this object with -fno-lto" \
		-flto prog-bc.o small-bc.o
	case $linker in
	lld)
		prints "bitcode" "own hooked" -flto prog-bc.o small.o
		prints "bitcode, archive" "own hooked" -flto prog-bc.o libs/small.a
		clang -O2 $plain -fPIE -flto=thin -c ../prog.c -o prog-thin.o
		prints "thin" "own hooked" -flto=thin prog-thin.o small.o ;;
	esac
	compiler=$_compiler
}

# Which linker is run, and how it ends.
behind()
{
	fake 'exit 7'
	MALLOCHOOKS_LD=$work/fake-$linker run_shim prog.o small.o
	is "$linker: status" 7 $?
	fake 'kill -SEGV $$'
	(MALLOCHOOKS_LD=$work/fake-$linker run_shim prog.o small.o) 2>/dev/null
	is "$linker: a signal" 139 $?
	fake 'echo "$1"'
	MALLOCHOOKS_LD=$work/fake-$linker "$shim/ld.$linker" one two >link.log
	is "$linker: as told" one "$(cat link.log)"
	MALLOCHOOKS_LD=$shim/ld.$linker run_shim prog.o
	grep -q 'MALLOCHOOKS_LD=.* is this shim' link.log ||
		fail "$linker: runs itself: $(cat link.log)"
	MALLOCHOOKS_LD=$work/none run_shim prog.o
	grep -q 'MALLOCHOOKS_LD=.*: No such file' link.log ||
		fail "$linker: runs nothing: $(cat link.log)"
	path=$shim
	run_shim prog.o small.o
	grep -q "there is no other ld.$linker along" link.log ||
		fail "$linker: no linker: $(cat link.log)"
	# Links to it, copies, and scripts that lead back: one after another.
	rm -rf bin1 bin2 bin3
	mkdir bin1 bin2 bin3
	ln -s "$shim/ldshim" bin1/ld.$linker
	cp "$shim/ldshim" bin2/ld.$linker
	printf '#!/bin/sh\nexec %s "$@"\n' "$shim/ld.$linker" >bin3/ld.$linker
	chmod +x bin3/ld.$linker
	path=bin1:bin2:bin3:$shim:$PATH
	run_shim -r prog.o -o out || fail "$linker: a chain: $(cat link.log)"
	rm -f out
	mkdir -p binsh
	ln -sf "$(command -v sh)" binsh/sh
	path=bin1:bin2:bin3:$shim:binsh
	run_shim -r prog.o -o out
	unset path
	grep -q "there is no other ld.$linker along" link.log ||
		fail "$linker: a chain without end: $(cat link.log)"
	ln -sf "$shim/ldshim" bin1/some-triple-ld.$linker
	bin1/some-triple-ld.$linker --version | grep -qi $linker ||
		fail "$linker: the name of a cross linker"
	no_leftovers "$linker: behind"
}

killed()
{
	for _signal in TERM INT HUP; do
		fake ': >started; exec sleep 30'
		rm -f started
		# A shell's background jobs ignore SIGINT: not so here.
		MALLOCHOOKS_LD=$work/fake-$linker python3 -c 'import os, signal, sys
for s in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    signal.signal(s, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$shim/ld.$linker" -plugin ldplugin.so \
			-plugin-opt hooks=hand.o prog.o small.o 2>/dev/null &
		_pid=$!
		_i=0
		until [ -e started ] || [ $_i -ge 200 ]; do
			sleep 0.05
			_i=$((_i + 1))
		done
		kill -$_signal $_pid
		wait $_pid 2>/dev/null
		_status=$?
		case $_signal:$_status in
		TERM:143|INT:130|HUP:129) ;;
		*) fail "$linker: SIG$_signal: status $_status" ;;
		esac
		no_leftovers "$linker: SIG$_signal"
	done
}

for linker in $linkers; do
	main="main.o other.o"
	so="liblib.so -Wl,-rpath,$work/gcc -L."
	options
	untouched
	reproducible
	failing
	late
	late_clang
	behind
	killed
done
if [ -d ../clang ] && [ "${linkers#*lld}" != "$linkers" ]; then
	clang --ld-path="$shim/ld.lld" -o out $with_hooks prog.o small.o >link.log 2>&1
	is "clang --ld-path" "own hooked" "$(./out)"
fi
cd ..

# ---- a foreign machine ------------------------------------------------------------------------

cross=aarch64-linux-gnu
if [ "$ARCH" = x86_64 ] && command -v $cross-gcc >/dev/null &&
   command -v qemu-aarch64 >/dev/null; then
	objects cross "$cross-gcc" aarch64
	cd cross || exit 1
	ar rcD liballoc.a other.o alloc.o
	compiler=$cross-gcc RUNNER="qemu-aarch64 -L /usr/$cross"
	for linker in $linkers; do
		so="liblib.so -Wl,-rpath,$work/cross"
		good "pie" -pie main.o other.o alloc.o $so
		good "archive" -pie main.o liballoc.a $so
		good "static" -static main-static.o lib.o liballoc.a
	done
	cd ..
else
	skip "aarch64: no compiler or no emulator"
fi
echo "$nr links"
finish
