#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_lacks - a preload, loaded by hand into a program whose own malloc lacks
# reallocarray and the like: these come to us, with chunks of the program's

. "$SRCDIR/tests/process/common.sh"

compile lacks -rdynamic "$here/lacks.c"
compile whole -rdynamic -DWHOLE "$here/lacks.c"
preload count count
preload all log,count,event --set=CONFIG_SYM_CFREE=y --sources="$here/seen.c"

with "" ./lacks >out
is "unhooked: exit status" 0 $?
# A libc of before C23 has no free_sized; we bring it.
reallocs=$(sed 's/,.*//' out)
is "unhooked" "2 reallocs" "$reallocs"
for unit in count all; do
	for name in lacks whole; do
		wanted="2 reallocs, 2 frees"
		[ $name = lacks ] || wanted="22 reallocs, 2 frees"
		with "LD_PRELOAD=$work/$unit.so MALLOCHOOKS=?log.min_bytes=1G" \
			./$name >out 2>err
		is "$unit, $name: exit status" 0 $?
		is "$unit, $name" "$wanted" "$(cat out)"
		[ ! -s err ] || fail "$unit, $name: $(head -n 5 err)"
	done
done

# Where malloc is ours, so are they.
cat >plain.c <<'END'
#include <stdlib.h>
void free_sized(void *ptr, size_t size) __attribute__((weak));
int main(void)
{
	void *ptr = reallocarray(malloc(10), 10, 100);

	if (free_sized)
		free_sized(ptr, 1000);
	return 0;
}
END
compile plain plain.c
with "LD_PRELOAD=$work/count.so MALLOCHOOKS=count.report=y" ./plain >out 2>err
is "no malloc of its own: exit status" 0 $?
grep -q "^mallochooks: count: 2 allocations, 1010 bytes" err ||
	fail "no malloc of its own: $(cat err)"

# In a unit that comes late, behind libc, they stay together as well.
cat >late.c <<'END'
#include <dlfcn.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
	void *unit = dlopen(argv[argc - 1], RTLD_NOW | RTLD_LOCAL);
	void *(*get)(size_t) = (void *(*)(size_t))dlsym(unit, "malloc");
	void *(*more)(void *, size_t, size_t) =
		(void *(*)(void *, size_t, size_t))dlsym(unit, "reallocarray");

	return !more(get(10), 10, 100);
}
END
compile late late.c -ldl
with "MALLOCHOOKS=count.report=y" ./late ./count.so >out 2>err
is "late: exit status" 0 $?
grep -q "^mallochooks: count: 2 allocations, 1010 bytes" err ||
	fail "late: $(cat err)"
finish
