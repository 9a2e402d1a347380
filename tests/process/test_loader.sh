#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_loader - what the dynamic loader can do to a preload: audit libraries,
# other scopes and namespaces, a late dlopen, copies, other tools, other
# interposers

. "$SRCDIR/tests/process/common.sh"

compile loader -rdynamic "$here/loader.c" -pthread -ldl
compile libplugin.so -shared -fPIC "$here/loader_lib.c"
preload count count
preload all log,count,event --sources="$here/seen.c"

births=1100

# try NAME WANTED SETTINGS ARGUMENTS...: exit 0, that line, and no other
try()
{
	name=$1 wanted=$2 settings=$3
	shift 3
	with "$settings" ./loader "$@" >out 2>err
	is "$name: exit status" 0 $?
	is "$name: says" "$wanted" "$(cat out)"
	[ ! -s err ] || fail "$name: $(head -n 5 err)"
}

for unit in count all; do
	all="LD_PRELOAD=$work/$unit.so MALLOCHOOKS=?log.min_bytes=1G"
	try "$unit: plain" $births "$all" plain
	try "$unit: DEEPBIND" fine "$all" deepbind ./libplugin.so
	try "$unit: dlmopen" fine "$all" dlmopen ./libplugin.so
	try "$unit: in a namespace" fine "MALLOCHOOKS=?log.min_bytes=1G" \
		namespace ./$unit.so
	cp $unit.so again.so
	try "$unit: here and in a namespace" fine "$all" namespace ./again.so
	try "$unit: dlopened late" fine "MALLOCHOOKS=?log.min_bytes=1G" \
		late ./$unit.so
done

compile audit.so -shared -fPIC "$here/loader_audit.c"
for unit in count all; do
	try "$unit: LD_AUDIT" $births "LD_AUDIT=$work/audit.so
		LD_PRELOAD=$work/$unit.so MALLOCHOOKS=?log.min_bytes=1G" plain
done

# Two copies of one file: the calls are counted once, whichever is first.
cp count.so copy.so
for order in count.so:copy.so copy.so:count.so count.so:count.so; do
	first=$work/${order%:*} second=$work/${order#*:}
	with "LD_PRELOAD=$first:$second MALLOCHOOKS=count.report=y" \
		./loader plain >out 2>err
	is "copies $order: exit status" 0 $?
	is "copies $order: counted" $births "$(cat out)"
	busy=$(grep -c '^mallochooks: count: [1-9]' err)
	is "copies $order: those that count" 1 "$busy"
done

# Two tools made from one object: both run, in either order, and so does a
# third with handlers of its own beside the count of another unit.
compose tool event
for name in one two; do
	link tool_$name.so -DCOUNTER=tool_$name "$here/loader_tool.c" tool.o -ldl
done
for order in one:two two:one; do
	try "tools $order" "$births tools $births $births" \
		"LD_PRELOAD=$work/tool_${order%:*}.so:$work/tool_${order#*:}.so" \
		plain
done
try "a tool before count" "$births tools $births 0" \
	"LD_PRELOAD=$work/tool_one.so:$work/count.so" plain
try "a tool behind count" "$births tools $births 0" \
	"LD_PRELOAD=$work/count.so:$work/tool_one.so" plain

# Beside other interposers, before and behind.
compile other.so -shared -fPIC "$here/loader_other.c" -ldl
compile ifunc.so -shared -fPIC -DIFUNC "$here/loader_other.c"
echo 'OTHER_1.0 { global: malloc; calloc; realloc; free; };' >versions
compile versioned.so -shared -fPIC -DVERSIONED -Wl,--version-script=versions \
	"$here/loader_other.c"
compile sysv.so -shared -fPIC -DVERSIONED -Wl,--hash-style=sysv \
	"$here/loader_other.c"
for other in other ifunc versioned sysv; do
	for unit in count all; do
		try "$unit before $other" "$births other $births" \
			"LD_PRELOAD=$work/$unit.so:$work/$other.so
			 MALLOCHOOKS=?log.min_bytes=1G" plain
		# The others that do not ask for the next one end the chain.
		[ $other = other ] || continue
		try "$unit behind $other" "$births other $births" \
			"LD_PRELOAD=$work/$other.so:$work/$unit.so
			 MALLOCHOOKS=?log.min_bytes=1G" plain
	done
done

# A definition of an old version is not the one that plain references mean.
cat >old.c <<'EOS'
#include <stdlib.h>
void *old_malloc(size_t size);
void *old_malloc(size_t size)
{
	(void)size;
	abort();
}
__asm__(".symver old_malloc, malloc@OTHER_0");
EOS
echo 'OTHER_0 { global: malloc; local: old_malloc; };' >versions
compile old.so -shared -fPIC -Wl,--version-script=versions old.c
nm -D old.so | grep -q ' malloc@OTHER_0$' || fail "old.so has no old malloc"
with "LD_PRELOAD=$work/count.so:$work/old.so" ./loader plain >out 2>err
is "an old version behind us: exit status" 0 $?
is "an old version behind us: counted" $births "$(cat out)"
finish
