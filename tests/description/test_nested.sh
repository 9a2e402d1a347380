#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_nested - what an address lies in where pools are carved out of chunks: the
# object, its pool, and so on; nothing once the pool is gone.  Within one unit,
# across units, from outside.
#
# takes: 20
# needs: native
# timeout: 300

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/description/common.sh"

runtime=$BUILDDIR/parts/runtime.o
pid=''
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null; cd /; rm -rf "$work"' EXIT

for source in pools pools_inner nested_main; do
	object $source.o -c "$src/$source.c"
	object pic_$source.o -fPIC -c "$src/$source.c"
done
objects="nested_main.o pools.o pools_inner.o"

# conf METHOD LIBC-METHOD: d.conf
conf()
{
	sed -e "s/METHOD/$1/" -e "s/LIBC/$2/" "$src/nested.conf" >d.conf
}

# all_well NAME COMMAND...
all_well()
{
	_name=$1
	shift
	is "$_name" "all well" "$(timeout 60 "$@" 2>&1 | head -n 12)"
}

# tells CASE ADDRESS WANTED: "ident offset requested tag" of each line
tells()
{
	is "$1" "$3" "$("$tool" query "$pid" "$(awk -v name="$2" '$1 == name { print $2 }' said)" |
		awk 'NR > 1 { print $3 == "in" ? "none" : $7 " " $2 " " $4 " " $6 }')"
}

# from_outside NAME COMMAND...: it waits to be asked
from_outside()
{
	_name=$1
	shift
	: >said
	"$@" wait >said 2>&1 &
	pid=$!
	for _ in $(seq 600); do
		grep -q "^ready" said && break
		sleep 0.05
	done
	tells "$_name, inner" inner "inner 3 24 5
list 3 4096 0
libc 19 8388608 0"
	tells "$_name, slab" slab "list 30 4096 0
libc 46 8388608 0"
	tells "$_name, odd" odd "obstack 19 20 0
libc 40 4064 0"
	tells "$_name, alone" alone "nosize 0 20 0"
	tells "$_name, gone" gone none
	is "$_name, objects" "inner libc list nosize obstack" \
		"$("$tool" objects "$pid" | awk '/^ *0x/ { print $5 }' | sort -u | xargs)"
	"$tool" query --json "$pid" "$(awk '$1 == "inner" { print $2 }' said)" >json
	python3 -c '
import json, sys
answer = json.load(open("json"))["answers"][0]
print(answer["object"]["ident"], *[one["ident"] for one in answer["outer"]])' >got
	is "$_name, JSON" "inner list libc" "$(cat got)"
	if command -v gdb >/dev/null; then
		is "$_name, gdb" "3 inner 3 list 19 libc 19 obstack 40 libc none" "$(gdb -p "$pid" -nx -batch \
			-ex "source $SRCDIR/tools/mallochooks-gdb.py" \
			-ex "mallochooks query $(awk '$1 == "inner" { print $2 }' said)" \
			-ex "mallochooks query $(awk '$1 == "odd" { print $2 }' said)" \
			-ex "mallochooks query $(awk '$1 == "gone" { print $2 }' said)" 2>/dev/null |
			sed -n -e 's/.*: byte \([0-9]*\) of .* tag [0-9]*, \([a-z]*\)$/\1 \2/p' \
				-e 's/.*: in no chunk.*/none/p' | xargs)"
	else
		skip "no gdb"
	fi
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	pid=''
}

# Objects that have gone with their pool are no leaks of the layer sites.
cat >leaks.c <<'END'
#include <stdlib.h>
#include "pools.h"
struct pool a, b;
int main(void)
{
	a.room = malloc(a.bytes = 4 << 20);
	b.room = malloc(b.bytes = 4 << 20);
	for (int i = 0; i < 10; i++)
		bump_alloc(&a, 100);
	for (int i = 0; i < 3; i++)
		bump_alloc(&b, 200);
	free(a.room);
	return 0;
}
END
cat >gone.conf <<'END'
allocators = (
  { ident = "libc"; method = "wrap"; layers = [ "index" ]; },
  { ident = "bump"; inside = "libc"; method = "replace";
    layers = [ "sites", "index" ]; alloc = "bump_alloc(pZ)p"; }
);
END
object leaks.o -c leaks.c
make_hooks gone gone.conf
mkdir rec
link_prog "leaks" leaks.o pools.o && {
	with "MALLOCHOOKS=sites.dir=rec,sites.after=0" ./prog
	is "leaks" "3 600 -10 -1000" "$("$tool" report --leaks --json rec | python3 -c '
import json, sys
total = json.load(sys.stdin)["processes"][0]["total"]
print(*total["alive"].values(), *total["inherited"].values())')"
}

conf replace wrap
make_hooks replace d.conf
link_prog "replace" $objects && {
	all_well "replace" ./prog
	# its chunks are not glibc's, though they come by glibc's addresses
	if command -v valgrind >/dev/null; then
		all_well "valgrind" valgrind -q --error-exitcode=9 ./prog
	else
		skip "no valgrind"
	fi
	from_outside "replace" ./prog
}

# tcmalloc has a __libc_malloc as glibc has, and no size word before a chunk.
cat >sizes.c <<'END'
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <mallochooks/mallochooks.h>
int main(void)
{
	struct mallochooks_object object;
	for (size_t size = 1; size < 5000; size *= 3) {
		void *ptr = malloc(size);
		if (mallochooks_query(ptr, &object) ||
		    object.usable != malloc_usable_size(ptr))
			return 1;
	}
	return puts("all well") < 0;
}
END
object sizes.o -c sizes.c
for method in replace wrap; do
	echo "allocators = ( { ident = \"libc\"; method = \"$method\"; layers = [ \"index\" ]; } );" >t.conf
	make_hooks tcmalloc t.conf
	if [ -e "$($cc -print-file-name=libtcmalloc_minimal.a)" ]; then
		link_prog "tcmalloc, $method" sizes.o -l:libtcmalloc_minimal.a -lstdc++ -lm -pthread &&
			all_well "tcmalloc, $method" ./prog
	else
		skip "no libtcmalloc_minimal.a"
	fi
	link_prog "libc.a, $method" -static sizes.o && all_well "libc.a, $method" ./prog
done

# Indexes in the preload; who asks is the program.
conf preload preload
make_hooks preload d.conf
$cc -shared -o libpools.so pic_pools.o pic_pools_inner.o || exit 1
$cc -shared -Wl,-z,nodelete -Wl,-z,initfirst -o preload.so preload.o || exit 1
$cc -o plain nested_main.o "$runtime" -L. -lpools -Wl,-rpath,. -pthread -ldl || exit 1
all_well "preload" env LD_PRELOAD=./preload.so ./plain
command -v valgrind >/dev/null &&
	all_well "preload, valgrind" env LD_PRELOAD=./preload.so valgrind -q \
		--soname-synonyms=somalloc=nouserintercepts ./plain
from_outside "preload" env LD_PRELOAD=./preload.so ./plain

# Malloc's index in the preload, those of the pools in the program.
conf replace wrap
sed '/ident = "libc"/s/"index"//' d.conf >p.conf
printf 'allocators = ( { ident = "libc"; method = "preload"; layers = [ "index" ]; } );\n' >l.conf
make_hooks lower l.conf
$cc -shared -Wl,-z,nodelete -Wl,-z,initfirst -o lower.so lower.o || exit 1
make_hooks upper p.conf
link_prog "two units" $objects && {
	all_well "two units" env LD_PRELOAD=./lower.so ./prog
	from_outside "two units" env LD_PRELOAD=./lower.so ./prog
}

# The other way round.
conf preload preload
sed '/ident = "libc"/s/"index"//' d.conf >p.conf
make_hooks upper p.conf
$cc -shared -Wl,-z,nodelete -Wl,-z,initfirst -o upper.so upper.o || exit 1
printf 'allocators = ( { ident = "libc"; method = "wrap"; layers = [ "index" ]; } );\n' >l.conf
make_hooks lower l.conf
link_prog "other units" nested_main.o -L. -lpools -Wl,-rpath,. && {
	all_well "other units" env LD_PRELOAD=./upper.so ./prog alone
}
finish
