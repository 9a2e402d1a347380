#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_resolver - our symbol lookup against dlsym: preloaded into programs, in a
# namespace of its own, dlopened, before relocation, on old kinds of tables
#
# timeout: 120

. "$SRCDIR/tests/process/common.sh"
src=$SRCDIR/tests/hooks

library()
{
	out=$1
	shift
	compile "$out" -shared -fPIC -I"$SRCDIR/hooks" \
		-I"$SRCDIR/arch/$ARCH" -I"$SRCDIR/arch/generic" \
		-ftls-model=initial-exec "$@"
}

library checker.so -fvisibility=hidden "$src/resolver.c" \
	"$SRCDIR/hooks/nextsym.c" -ldl
library liboldhash.so -Wl,--hash-style=sysv \
	-Wl,--version-script="$src/resolver_lib.map" "$src/resolver_lib.c"
library libbothhash.so -Wl,--hash-style=both \
	-Wl,--version-script="$src/resolver_lib.map" "$src/resolver_lib.c"
compile host "$src/resolver_host.c" -ldl
compile empty -Wl,--hash-style=sysv -x c - <<-END
	int main(void) { return 0; }
END

# check NAME WORDS: the last line says how much was compared
check()
{
	name=$1
	shift
	"$@" >out 2>err
	is "$name: exit status" 0 $?
	grep -q '^[0-9]* names, [0-9]* found, [0-9]* early, 0 differ$' err || {
		fail "$name: $(tail -n 1 err)"
		head -n 20 err
	}
	echo "$name: $(tail -n 1 err)"
}

hooked="RESOLVER_CHECK=1 LD_PRELOAD=$work/checker.so"
check "empty program" with "$hooked" ./empty
check "DT_HASH only" with "$hooked:$work/liboldhash.so" ./empty
check "DT_HASH and DT_GNU_HASH" with \
	"$hooked:$work/libbothhash.so:$work/liboldhash.so" ./empty
check "bound at start" with "LD_BIND_NOW=1 $hooked:$work/liboldhash.so" ./empty
check "namespace" with "" ./host space "$work/checker.so"
check "dlopened" with "" ./host open "$work/checker.so"
check "dlopened beside a preload" with "LD_PRELOAD=$work/liboldhash.so" \
	./host open "$work/checker.so"

for program in true python3 perl git sqlite3 bash; do
	[ -z "$RUNNER" ] || break
	path=$(command -v $program) || continue
	check "$program" with "$hooked" "$path" --version
done

# ---- before relocation: choose() calls into the checker, which lies in front --

[ "$ARCH" != generic ] || {
	skip "before relocation: ARCH=generic has no system call of its own"
	finish
}
library libearly.so -DEARLY -fno-plt -fno-stack-protector -Wl,-z,now \
	-Wl,--version-script="$src/resolver_lib.map" \
	"$src/resolver_lib.c"
compile calls -x c - -L. -learly -Wl,-rpath,"$work" <<-END
	int call_picked(void);
	int main(void) { return call_picked() != 48; }
END
check "before relocation" with "$hooked" ./calls
is "early lookups" 11 "$(sed -n 's/.* \([0-9]*\) early.*/\1/p' err)"
with "" ./calls
is "the program itself" 0 $?
finish
