#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_rewrite_kinds - "mallochooks rewrite": static, indirect, weak, versioned,
# hidden and C++ functions, aliases; references of all kinds

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/tools/rewrite_common.sh"

make_inc

# take SOURCE "FLAGS" OPTIONS...: compile and rewrite
take()
{
	_source=$1 _flags=$2
	shift 2
	# shellcheck disable=SC2086
	$cc -O2 $_flags -c "$_source.c" -o "$_source.o" || exit 1
	rewrite "$@" "$_source.o" "$_source-hooked.o" >rewrite.log 2>&1 ||
		fail "$_source: $(cat rewrite.log)"
}

# ---- functions ---------------------------------------------------------------------------

cat >static.c <<'END'
static __attribute__((noinline)) int inc(int n) { return n + 1; }
int (*pointer)(int) = inc;
int use(int n) { return inc(n) * 2; }
END
for flags in -fPIE -ffunction-sections -O0; do
	take static $flags --symbol=static.o:inc
	says "static $flags" "212 106 212 3" inc_main.o static-hooked.o \
		inc_static.o inc_static_thunk.o
done
rewrite --symbol=inc static.o x.o 2>err
is "static, unnamed: exit status" 1 $?
is "static, unnamed" "mallochooks: rewrite: static.o: inc: is not defined here as a global function (a static one: say FILE:NAME; not every object: say --absent=copy)" "$(cat err)"
rewrite --symbol=other.o:inc static.o x.o 2>err
is "static, of another file" 1 $?

cat >indirect.c <<'END'
static int one(int n) { return n + 1; }
static void *pick(void) { return one; }
int inc(int n) __attribute__((ifunc("pick")));
int (*pointer)(int) = inc;
int use(int n) { return inc(n) * 2; }
END
for flags in -fPIE -fno-pie -fPIC; do
	take indirect $flags --symbol=inc
	link=-pie
	[ $flags != -fno-pie ] || link=-no-pie
	says "indirect $flags" "212 106 106 3" $link inc_outside.o \
		indirect-hooked.o inc_hooks.o inc_thunk.o
done

cat >aliased.c <<'END'
int impl(int n) { return n + 1; }
int inc(int n) __attribute__((alias("impl")));
int (*pointer)(int) = inc;
int use(int n) { return inc(n) * 2; }
END
take aliased -fno-inline --symbol=inc --aliases
says alias "212 106 106 3" inc_outside.o aliased-hooked.o inc_hooks.o inc_thunk.o
if [ -z "$RUNNER" ] && command -v clang >/dev/null; then
	clang -O2 -fPIE -fno-inline -c aliased.c -o aliased.o
	rewrite --symbol=inc --aliases aliased.o aliased-hooked.o
	says "alias, clang" "212 106 106 3" inc_outside.o aliased-hooked.o \
		inc_hooks.o inc_thunk.o
fi

# The strong one is it, in whatever order they come.
cat >weak.c <<'END'
__attribute__((weak)) int inc(int n) { return n + 7; }
int (*pointer)(int) = inc;
int use(int n) { return inc(n) * 2; }
END
echo 'int inc(int n) { return n + 1; }' >strong.c
take weak "" --symbol=inc
take strong "" --symbol=inc
says "weak alone" "224 112 112 3" inc_outside.o weak-hooked.o inc_hooks.o \
	inc_thunk.o
take weak "" --symbol=inc --self=real
says "weak, self=real" "24 112 112 2" inc_outside.o weak-hooked.o inc_hooks.o
take weak "" --symbol=inc --self=direct
says "weak, self=direct" "224 112 112 3" inc_outside.o weak-hooked.o inc_hooks.o
take weak "" --symbol=inc
says "weak, strong" "212 106 106 3" inc_outside.o weak-hooked.o strong-hooked.o \
	inc_hooks.o inc_thunk.o
says "strong, weak" "212 106 106 3" inc_outside.o strong-hooked.o weak-hooked.o \
	inc_hooks.o inc_thunk.o
cp strong-hooked.o twice.o
$cc -o inc inc_outside.o weak-hooked.o strong-hooked.o twice.o inc_hooks.o \
	inc_thunk.o >out 2>&1 && fail "two strong ones: the link passes"

cat >version.c <<'END'
int inc_1(int n) { return n + 1; }
int inc_0(int n) { return n + 50; }
__asm__(".symver inc_1, inc@@V1");
__asm__(".symver inc_0, inc@V0");
int (*pointer)(int) = inc_1;
int use(int n) { return inc_1(n) * 2; }
END
echo 'V0 { }; V1 { global: inc; use; pointer; inc_calls; local: *; };' >version.map
take version "-fPIC -fno-inline" --symbol=inc --aliases
if build $cc -shared -Wl,--version-script=version.map -o libversion.so \
		version-hooked.o inc_hooks.o inc_thunk.o; then
	says ".symver" "212 106 106 3" inc_outside.o ./libversion.so \
		-Wl,-rpath,"$work"
	is ".symver: exported" "inc@@V1 inc@V0 " "$(nm -D libversion.so |
		sed -n 's/.* \(inc@.*\)/\1/p' | LC_ALL=C sort | tr '\n' ' ')"
fi

# A hidden one stays so, and so does the hook.
cat >hidden.c <<'END'
__attribute__((visibility("hidden"))) int inc(int n) { return n + 1; }
int (*pointer)(int) = inc;
int use(int n) { return inc(n) * 2; }
END
take hidden "-fPIC -fno-inline" --symbol=inc
if build $cc -shared -o libhidden.so hidden-hooked.o inc_hooks.o inc_thunk.o; then
	says hidden "212 106 212 3" inc_main.o ./libhidden.so -Wl,-rpath,"$work"
	is "hidden: exported" 0 "$(nm -D libhidden.so | grep -c ' inc$')"
fi

# In C++ every file has its own copy of an inline function.
if command -v "${cxx%% *}" >/dev/null; then
	cat >first.cc <<'END'
__attribute__((noinline)) inline int inc(int n) { return n + 1; }
extern "C" int use(int n);
extern "C" { extern int (*pointer)(int); int (*pointer)(int) = inc; }
int use(int n) { return inc(n) * 2; }
END
	sed -e 's/use/use2/g' -e 's/pointer/pointer2/g' first.cc >second.cc
	sed 's/inc\>/_Z3inci/g' "$here/rewrite_inc.c" >mangled.c
	$cc -O2 -fPIC -DHOOKS -c mangled.c -o mangled.o
	$cc -fPIC -DMH_SELF=_Z3inci -DMH_SELF_RETURNS=word -c \
		"$SRCDIR/arch/$ARCH/self.S" -o mangled_thunk.o
	for flags in "-fPIE" "-fPIC -fvisibility-inlines-hidden"; do
		for file in first second; do
			# shellcheck disable=SC2086
			$cxx -O2 $flags -c $file.cc -o $file.o
			rewrite --symbol=_Z3inci $file.o $file-hooked.o ||
				fail "COMDAT: $file"
		done
		says "COMDAT $flags" "212 106 212 3" inc_main.o \
			first-hooked.o second-hooked.o mangled.o mangled_thunk.o
		says "COMDAT $flags, other order" "212 106 212 3" inc_main.o \
			second-hooked.o first-hooked.o mangled.o mangled_thunk.o
	done
else
	skip "COMDAT: no C++ compiler"
fi

# ---- references ----------------------------------------------------------------------------

# relocations OBJECT SECTION: symbol and addend of each
relocations()
{
	readelf -rW "$1" | awk -v wanted="'.rela$2'" '
		/^Relocation section/ { here = $3 == wanted; next }
		here && $3 ~ /^R_/ { printf "%s%s%s ", $5, $6, $7 }'
}

# What describes inc stays with the real one, and so does its inside.
cat >describe.s <<'END'
	.text
	.globl	inc
	.type	inc, %function
inc:	nop
	nop
	.zero	16
	.size	inc, 16
	.section .debug_x, "", %progbits
	.quad	inc
	.section .eh_frame_x, "a", %progbits
	.quad	inc
	.section __patchable_function_entries, "ao", %progbits, inc
	.quad	inc
	.data
	.quad	inc
	.quad	inc + 4
END
$cc -c describe.s -o describe.o
rewrite --symbol=inc describe.o x.o || fail describe
for section in .debug_x .eh_frame_x __patchable_function_entries; do
	is "$section" "__real_inc+0 " "$(relocations x.o $section)"
done
is ".data" "inc+0 __real_inc+4 " "$(relocations x.o .data)"
is "its entry" "UND inc FUNC __real_inc " "$(readelf -sW x.o | awk '
	$8 == "inc" { printf "%s %s ", $7, $8 }
	$8 == "__real_inc" { printf "%s %s ", $4, $8 }')"

# Code of a section calls into another by that one's name.
cat >across.s <<'END'
	.section .text.a, "ax", %progbits
	.zero	8
	.type	inc, %function
inc:	.zero	8
	.size	inc, 8
	.data
	.quad	inc
	.quad	inc + 1
END
$cc -c across.s -o across.o
rewrite --symbol=across.o:inc across.o x.o || fail across
is "by section" "__mallochooks_entry_inc+0 .text.a+9 " "$(relocations x.o .data)"

if [ "$ARCH" = x86_64 ]; then
	cat >sites.s <<'END'
	.text
	.type	inc, @function
inc:	call	inc
	jmp	inc
	lea	inc(%rip), %rax
	movabs	$0x00e8e8e8e8, %rax
	ret
	.size	inc, .-inc
	.type	use, @function
use:	vaddps	%zmm1, %zmm2, %zmm3
	call	inc
	lea	inc(%rip), %rax
	mov	inc(%rip), %rax
	.byte	0x0f, 0x84
	.long	inc - . - 4
	.byte	0xe9
	.long	inc - . - 4
	ret
	.size	use, .-use
END
	$cc -c sites.s -o sites.o
	rewrite --symbol=sites.o:inc sites.o x.o || fail sites
	is "without relocation" "__mallochooks_self_inc-4 __mallochooks_self_inc-4 __mallochooks_entry_inc-4 __mallochooks_self_inc-4 __mallochooks_self_inc-4 " \
		"$(relocations x.o .text)"
	rewrite --self=real --symbol=sites.o:inc sites.o x.o
	is "without relocation, real" "" "$(relocations x.o .text)"
	rewrite --self=direct --symbol=sites.o:inc sites.o x.o
	is "without relocation, direct" 5 "$(relocations x.o .text |
		tr ' ' '\n' | grep -c '^__mallochooks_entry_inc-4$')"

	printf '%s\n' .text '.globl inc' '.type inc, @function' 'inc: ret' \
		'.size inc, .-inc' '.type use, @function' 'use: nop' \
		'jmp 1f' '1: jmp inc' '.size use, .-use' >short.s
	$cc -c short.s -o short.o
	rm -f x.o
	rewrite --symbol=inc short.o x.o 2>err
	is "short jump: exit status" 1 $?
	is "short jump" "mallochooks: rewrite: short.o: inc: .text+0x4 jumps to it in two bytes, with no room near for a longer jump: compile the object with -fPIC or -ffunction-sections, or assemble it with -Wa,-mshared" \
		"$(cat err)"
	[ ! -e x.o ] || fail "short jump: leaves a file"
	{
		cat short.s
		printf '%s\n' '.p2align 4' '.type last, @function' 'last: ret' \
			'.size last, .-last'
	} >room.s
	$cc -c room.s -o room.o
	rewrite --symbol=inc room.o x.o || fail "short jump, with room"
	is "short jump, with room" "__mallochooks_self_inc-4 " \
		"$(relocations x.o .text)"
else
	cat >sites.s <<'END'
	.text
	.type	inc, %function
inc:	bl	inc
	b	inc
	adr	x0, inc
	ret
	.size	inc, .-inc
	.type	use, %function
use:	bl	inc
	b.eq	inc
	cbz	x0, inc
	tbz	x0, 3, inc
	adr	x0, inc
	b	inc
	.word	inc - .
	.size	use, .-use
END
	$cc -c sites.s -o sites.o
	rewrite --symbol=sites.o:inc sites.o x.o || fail sites
	s=__mallochooks_self_inc+0
	is "without relocation" "$s $s $s $s $s __mallochooks_entry_inc+0 $s " \
		"$(relocations x.o .text)"
fi

# More sections than fit into sixteen bits.
awk 'BEGIN { for (i = 0; i < 66000; i++) printf ".section .t%d, \"ax\"\n" \
	".globl f%d\n.type f%d, %%function\nf%d: ret\n.size f%d, . - f%d\n",
	i, i, i, i, i, i }' >many.s
$cc -c many.s -o many.o
rewrite --symbols=f7,f65990 many.o many-hooked.o 2>err ||
	fail "many sections: $(cat err)"
is "many sections" "f65990 .t65990 f7 .t7 " "$(objdump -t many-hooked.o | awk '
	/ __real_f/ { sub("__real_", "", $NF); for (i = 1; i < NF; i++)
		if ($i ~ /^\.t/) print $NF, $i }' | LC_ALL=C sort | tr '\n' ' ')"
finish
