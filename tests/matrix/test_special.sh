#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_special - method replace, by every linker: allocators of all kinds and
# flags, what the output has to be like, and what cannot be done
#
# timeout: 400
# takes: 25

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/matrix/matrix.sh"
. "$SRCDIR/tests/matrix/link.sh"

nr=0 preloaded=
all="here=1 own=1 tail=1 dso=1 libc=1 dlsym=1 array=1 inits=1"
# What is asked for from outside is another malloc, where ours is hidden or has a
# version of its own; dlsym() takes any.
inside="here=1 own=1 tail=1 dso=2 libc=2 dlsym=2 array=1 inits=1"
versioned="here=1 own=1 tail=1 dso=2 libc=2 dlsym=1 array=1 inits=1"
family="malloc calloc realloc reallocarray free memalign aligned_alloc
	posix_memalign valloc pvalloc malloc_usable_size"

find_linkers
find_compilers
for compiler in $compilers; do
	objects $compiler PIE PIC &
done
stack replace
wait
hooks=$(cat replace.words)

cxx_of()
{
	case $1 in
	*clang*) echo clang++ ;;
	*) echo "$cxx" ;;
	esac
}

# ---- a link, and its program ------------------------------------------------

# hooked NAME OUTPUT WORDS...: prog, or libprog.so behind prog; OUTPUT is pie or dso
hooked()
{
	name="$linker, $compiler, $1, $2"
	nr=$((nr + 1))
	_output=$2
	shift 2
	_outer="-Wl,--no-as-needed -L. -l:libouter-$compiler.so"
	# shellcheck disable=SC2086
	case $_output in
	pie)
		try_link prog -pie $compiler/PIE/main.o $compiler/PIE/seen.o "$@" \
			$hooks $_outer ;;
	dso)
		try_link libprog.so -shared $compiler/PIC/seen.o "$@" $hooks \
			$_outer &&
		try_link prog $compiler/PIE/main.o -L. -l:libprog.so \
			-Wl,--allow-shlib-undefined ;;
	esac && return
	fail "$name: $(head -n 5 link.log)"
	return 1
}

# right NAME OUTPUT CALLS WORDS...: and the program sees what it should
right()
{
	_calls=$3
	_said=$1 _kind=$2
	shift 3
	# shellcheck disable=SC2086
	hooked "$_said" "$_kind" "$@" && works "$name" $_calls
}

# refused NAME TEXT WORDS...: no link, but that text
refused()
{
	name="$linker, $1" _text=$2
	shift 2
	nr=$((nr + 1))
	if try_link prog "$@"; then
		fail "$name: links"
	else
		says "$name" "$_text" link.log
	fi
}

# ---- how the allocator is compiled ------------------------------------------

# With each compiler once; what each linker makes of it follows.
compile_kinds()
{
	object $1/own-fpic $1 own.c -fPIC
	object $1/own-nosem $1 own.c -fPIC -fno-semantic-interposition
	object $1/own-O0 $1 own.c -fPIE -O0
	object $1/own-O3 $1 own.c -fPIE -O3
	object $1/own-sections $1 own.c -fPIE -ffunction-sections -fdata-sections
	object $1/own-hidden $1 own.c -fPIE -fvisibility=hidden
	object $1/own-weak $1 own.c -fPIE -DOWN_WEAK
	object $1/own-apart $1 own.c -fPIE -DOWN_APART
	object $1/own_free $1 own_free.c -fPIE -DOWN_APART
	object $1/own-ifunc $1 own.c -fPIE -DOWN_IFUNC
	object $1/own-alias $1 own.c -fPIE -DOWN_ALIAS
	object $1/own-symver $1 own.c -fPIC -DOWN_SYMVER
	object $1/trace $1 trace.c -fPIE
	_cxx=$(cxx_of $1)
	command -v "${_cxx%% *}" >/dev/null || return
	for _kind in PIC PIE; do
		object $1/cxx-$_kind "$_cxx" own_cxx.cc -f$_kind
	done
	object $1/cxx-inline "$_cxx" own_cxx.cc -fPIE -DOWN_INLINE
	object $1/cxx-other "$_cxx" own_cxx.cc -fPIE -DOWN_INLINE -DOWN_OTHER
}

compiled()
{
	calls=$compiler/PIE/calls.o
	right "-fPIC" pie "$all" $calls $compiler/own-fpic.o
	right "-fno-semantic-interposition" pie "$all" $calls $compiler/own-nosem.o
	right "-fno-semantic-interposition" dso "$all" $compiler/PIC/calls.o \
		$compiler/own-nosem.o
	right "-O0" pie "$all" $calls $compiler/own-O0.o
	right "-O3" pie "$all" $calls $compiler/own-O3.o
	right "--gc-sections" pie "$all" $calls $compiler/own-sections.o \
		-Wl,--gc-sections
	right "-fvisibility=hidden" pie "$inside" $calls $compiler/own-hidden.o
	is "$name: exported" "" "$(exported prog)"
	right "IFUNC" pie "$all" $calls $compiler/own-ifunc.o
	_hooks=$hooks hooks="$hooks -Wl,-plugin-opt,aliases"
	right "alias" pie "$all" $calls $compiler/own-alias.o
	hooks=$_hooks
	[ -f $compiler/cxx-PIC.o ] || return
	for _kind in PIC PIE; do
		right "C++ -f$_kind" pie "$all" $compiler/PIE/calls-least.o \
			$compiler/cxx-$_kind.o -lstdc++
	done
	right "COMDAT" pie "$all" $compiler/PIE/calls-least.o \
		$compiler/cxx-inline.o $compiler/cxx-other.o -lstdc++
	right "COMDAT, other order" pie "$all" $compiler/PIE/calls-least.o \
		$compiler/cxx-other.o $compiler/cxx-inline.o -lstdc++
}

# ---- which definition it is -------------------------------------------------

definitions()
{
	calls=$compiler/PIE/calls.o own=$compiler/PIE/own.o
	weak=$compiler/own-weak.o
	right "weak" pie "$all" $calls $weak
	right "weak, strong" pie "$all" $calls $weak $own
	right "strong, weak" pie "$all" $calls $own $weak
	right "free in another object" pie "$all" $calls $compiler/own-apart.o \
		$compiler/own_free.o
	refused "two strong ones" "malloc" $compiler/PIE/main.o $calls $own \
		$compiler/own-fpic.o $compiler/PIE/seen.o $hooks
	{
		echo "V1 { global:"
		for _name in $family; do
			echo "$_name;"
		done
		echo "check; local: *; };"
	} >v.map
	right "version script" dso "$versioned" $compiler/PIC/calls.o \
		$compiler/PIC/own.o -Wl,--version-script=v.map
	is "$name: exported" "$(echo $family | tr ' ' '\n' | sort | tr '\n' ' ')" \
		"$(exported libprog.so)"
	right ".symver" dso "$versioned" $compiler/PIC/calls.o \
		$compiler/own-symver.o -Wl,--version-script=v.map
}

# ---- link-time optimisation -------------------------------------------------

lto()
{
	case $linker-$compiler in
	bfd-clang | gold-clang | mold-clang)
		return ;;	# want LLVMgold.so
	esac
	for _file in calls main seen; do
		object lto-$_file $compiler $_file.c -flto -fPIE
	done
	object lto-own $compiler own.c -flto -fPIE
	object lto-free $compiler own_free.c -flto -fPIE -DOWN_APART
	set -- lto-main.o lto-calls.o lto-seen.o
	_outer="-Wl,--no-as-needed -L. -l:libouter-$compiler.so"
	name="$linker, $compiler, -flto, the allocator not"
	case $linker-$compiler in
	lld-*gcc)
		# shellcheck disable=SC2086
		refused "-flto" "main" -flto -O2 -pie "$@" $compiler/PIE/own.o \
			$hooks $_outer
		return ;;
	esac
	nr=$((nr + 1))
	# shellcheck disable=SC2086
	if try_link prog -flto -O2 -pie "$@" $compiler/PIE/own.o $hooks $_outer; then
		works "$name" $all
	else
		fail "$name: $(head -n 5 link.log)"
	fi
	# shellcheck disable=SC2086
	refused "$compiler, the allocator -flto" "malloc: .*(-flto): compile this object with -fno-lto" \
		-flto -O2 -pie "$@" lto-own.o $hooks $_outer
	# shellcheck disable=SC2086
	refused "$compiler, its free alone -flto" "free: .*(-flto): compile this object with -fno-lto" \
		-flto -O2 -pie "$@" $compiler/own-apart.o lto-free.o $hooks $_outer
}

# ---- what the output is like ------------------------------------------------

# The names of the family, and any of ours, that others can be bound to; but not
# the guard, which gold and lld export.
exported()
{
	nm -D --defined-only "$1" | sed 's/.* //; s/@.*//' |
		grep -E -e '^(malloc|calloc|c?free.*|realloc.*|aligned_alloc)$' \
			-e '^((posix_)?memalign|p?valloc|malloc_usable_size)$' \
			-e '^(__real_|__mallochooks)' |
		grep -v '^__mallochooks_present' | sort -u | tr '\n' ' '
}

# What the output had not it has not.
only_malloc()
{
	cat >only.c <<'END'
#include <stddef.h>
static char arena[1 << 20] __attribute__((aligned(16)));
static size_t used;
void *malloc(size_t size);
void *malloc(size_t size)
{
	used += (size + 15) & ~15ul;
	return arena + used - 16;
}
END
	cat >user.c <<'END'
void *malloc(unsigned long size);
int main(void) { return malloc(3) ? 42 : 1; }
END
	$compiler -O2 -fPIC -c only.c user.c
	name="$linker: only malloc"
	nr=$((nr + 2))
	# shellcheck disable=SC2086
	try_link prog -pie user.o only.o -Wl,-E $hooks || fail "$name: $(cat link.log)"
	run
	is "$name: status" 42 $?
	is "$name: exported" "malloc " "$(exported prog)"
	# shellcheck disable=SC2086
	try_link only.so -shared only.o $hooks || fail "$name: $(cat link.log)"
	is "$name: exported by a DSO" "malloc " "$(exported only.so)"
}

# Who defined it, as a debugger and an unwinder find out.
described()
{
	hooked "debug info" pie $compiler/PIE/calls.o $compiler/PIE/own.o || return
	_at=$(nm prog | sed -n 's/^\([0-9a-f]*\) . __real_malloc$/\1/p')
	# Inlined into it is what it begins with.
	_line=$(addr2line -fi -e prog "$_at" | tr '\n' ' ')
	case " $_line" in
	*" malloc "*/own.c:*) ;;
	*) fail "$name: addr2line: $_line" ;;
	esac
	is "$name: frames that begin there" 1 "$(readelf --debug-dump=frames prog \
		2>/dev/null | grep -c "FDE.*pc=$_at\.")"
	is "$name: functions that begin there" malloc "$(readelf --debug-dump=info \
		prog 2>/dev/null | awk -v at="$(echo "$_at" | sed 's/^0*//')" '
		/DW_TAG_/ { tell(); is_function = /subprogram/; name = begins = "" }
		/DW_AT_name/ { name = $NF }
		/DW_AT_low_pc/ && $NF ~ "^0x0*" at "$" { begins = 1 }
		function tell() { if (is_function && begins) print name }
		END { tell() }')"
}

traced()
{
	nr=$((nr + 1))
	# shellcheck disable=SC2086
	try_link prog -pie $compiler/trace.o $hooks || fail "$(cat link.log)"
	run
	is "$linker, $compiler: backtrace" "42 " "$? $(cat err)"
}

# Handlers within the hooks, which need a library that the program names last.
needs_libm()
{
	nr=$((nr + 1))
	# shellcheck disable=SC2086
	try_link prog -static root.o $compiler/PIE/own.o \
		$(sed "s|$work/replace.o|$work/math.o|" replace.words) -lm ||
		fail "$linker: libm: $(head -n 5 link.log)"
	run
	is "$linker: libm" "42 " "$? $(cat err)"
}

# ---- what cannot be ---------------------------------------------------------

impossible()
{
	set -- $compiler/PIE/main.o $compiler/PIE/calls.o $compiler/PIE/seen.o
	# The words without the folder of shims are for a plugin alone.
	_words=$(echo "$hooks" | sed 's/-B[^ ]* //')
	# shellcheck disable=SC2086
	case $linker in
	lld)	refused "the plugin" "unknown plugin option" "$@" \
			$compiler/PIE/own.o $_words ;;
	# 1.10 dies of a --defsym that has no value, which is the guard
	mold)	refused "the plugin" "__mallochooks_entry_mx\|Segmentation" "$@" \
			$compiler/PIE/own.o $_words ;;
	esac
	[ "$ARCH" = x86_64 ] || return
	# shellcheck disable=SC2086
	refused "short jump" "malloc: .text+0x4 jumps to it in two bytes, .*: compile" \
		"$@" short.o $hooks
}

cat >short.s <<'END'
	.text
	.globl	malloc
	.type	malloc, @function
malloc:	ret
	.size	malloc, .-malloc
	.type	use, @function
use:	nop
	jmp	1f
1:	jmp	malloc
	.size	use, .-use
END
[ "$ARCH" != x86_64 ] || $cc -c short.s -o short.o || exit 1
cat >math.c <<'END'
#include <math.h>
#include <mallochooks/eventapi.h>
void tell(double root);
void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
	size_t requested_size, size_t alignment, caller_t caller)
{
	(void)ptr, (void)modified_size, (void)alignment, (void)caller;
	tell(cbrt(requested_size));
}
END
cat >root.c <<'END'
#include <stdlib.h>
static double is;
void tell(double root);
void tell(double root) { is = root; }
int main(void)
{
	return malloc(27) && is > 2.99 && is < 3.01 ? 42 : 1;
}
END
$cc -fPIE -fno-builtin -c root.c || exit 1
compose math count,event --method=replace --ident=mx --event-ident=mx_event \
	--sources=math.c

for compiler in $compilers; do
	compile_kinds $compiler
done
turn=0
for linker in $linkers; do
	chosen=-fuse-ld=$linker
	for compiler in $compilers; do
		compiled
		lto
		traced
	done
	# The rest with each compiler by turns.
	# shellcheck disable=SC2086
	set -- $compilers
	shift $((turn % $#))
	turn=$((turn + 1))
	compiler=$1
	definitions
	only_malloc
	described
	needs_libm
	impossible
done
echo "$nr links"
finish
