#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_facades - who called the program's own xmalloc(): by stubs and by walks,
# of the same program, through recursion, exceptions, longjmp, coroutines,
# threads, signals, shared objects
#
# Where a stub knows less than a walk, facades.expected is changed below, and
# Documentation/description.rst says so.
#
# needs: native
# timeout: 600

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/description/common.sh"

functions='"xmalloc(Z)p", "xcalloc(ZZ)p", "xrealloc(PZ)p", "xstrdup(p)p", "xfree(P)",
	"xeven(Zi)p", "xodd(Zi)p", "xdeep(Zi)p", "xagain(PZ)p", "xtry(Z)p",
	"xretry(ZZ)p", "xjump(Zp)p", "xraise(Z)p", "xswitch(Zp)p", "xthrow(Z)p",
	"xpass(Z)p", "xmany(lllllllZ)p"'
names=$(echo "$functions" | tr -d '\n' | sed 's/([^)]*)[pz]*//g; s/"//g; s/[ 	]//g')

# Frames are found without frame pointers, by what -O2 leaves.
for kind in "" -fPIC; do
	object facades$kind.o $kind -fomit-frame-pointer -fexceptions -c "$src/facades.c"
done
object facades_main.o -fomit-frame-pointer -fexceptions -c "$src/facades_main.c"
object facades_seen.o -fPIC -c "$src/facades_seen.c" -DMH_EVENT=mh_event
$cxx -O2 -fno-builtin -fomit-frame-pointer -I"$src" -c "$src/facades_cxx.cc" -o facades_cxx.o || exit 1
object facades_dso.o -fomit-frame-pointer -fPIC -c "$src/facades_dso.c"
objects="facades_main.o facades.o facades_cxx.o"
there="-L. -lfacades -Wl,-rpath,. -lstdc++ -pthread"
compose plain event --set=CONFIG_SYM_CXX=n
link plain.so -Wl,-z,initfirst plain.o facades_seen.o
compose walk walk,event --set=CONFIG_SYM_CXX=n
link walk.so -Wl,-z,initfirst walk.o facades_seen.o
compose none event --set=CONFIG_SYM_CXX=n --caller=none
link none.so -Wl,-z,initfirst none.o facades_seen.o

# What a stub does not know: a latch that was lost in a switch of stacks, and that
# the handler of a signal is not the facade.
sed -e 's/^resumed: 1 in_the_middle/resumed: 1 elsewhere/' \
	-e 's/^raised: 2 raised, 1 elsewhere/raised: 2 raised, 1 raised/' \
	"$src/facades.expected" >by_stub
cp "$src/facades.expected" by_walk

# agrees NAME EXPECTED COMMAND...
agrees()
{
	_name=$1 _expected=$2
	shift 2
	timeout 60 env "$@" >out 2>err || fail "$_name: status $?: $(head -n 3 err)"
	diff "$_expected" out >differs || fail "$_name: $(cat differs)"
	[ ! -s err ] || fail "$_name: says $(head -n 3 err)"
}

# ---- a walk: nothing is linked in ---------------------------------------------------

$cc -shared -o libfacades.so facades_dso.o || exit 1
# shellcheck disable=SC2086
$cc -rdynamic -o plain $objects $there || exit 1
static=$(nm -S plain | sed -n 's/^\([0-9a-f]*\) \([0-9a-f]*\) t hidden_alloc$/\1 \2/p')
range=$(printf '0x%x-0x%x' "0x${static% *}" $((0x${static% *} + 0x${static#* })))
option=walk.facades=$(echo "$names,dso_alloc,dso_chain,$range" | sed 's/,/:/g')
agrees walk by_walk LD_PRELOAD=./walk.so "MALLOCHOOKS=$option" ./plain

# The names of static functions are for mallochooks run; what it starts in turn
# has other functions at these addresses.
agrees run by_walk "$tool" run --quiet --preload="$work/walk.so" \
	--facades="$names,dso_alloc,dso_chain,hidden_alloc" -- ./plain
# says NAME TEXT WORDS...: what run has to say to them
says()
{
	_name=$1 _text=$2
	shift 2
	timeout 60 "$tool" run --quiet "$@" -- ./plain alone >out 2>err
	is "$_name" "$_text" "$(cat err)"
}
says "no such function" 'mallochooks: walk: no loaded object exports "nosuch" (walk.facades): '\
'of the executable, mallochooks run --facades= finds static ones, too' \
	--preload="$work/walk.so" --facades=xmalloc,nosuch
# What it becomes is another program, of which nothing was said.
# shellcheck disable=SC2086
$cc -rdynamic -o other facades_cxx.o facades.o facades_main.o $there || exit 1
timeout 60 "$tool" run --quiet --preload="$work/walk.so" --facades=nosuch,hidden_alloc \
	-- ./plain alone ./other >out 2>err
is "a child" "1 2" "$(grep -c nosuch err) $(grep -c begin out)"
says "no layer" "mallochooks: run: --facades: $work/plain.so has no layer walk: compose one that \
has (mallochooks stack --layers=walk,...), and name it by --preload=" \
	--preload="$work/plain.so" --facades=xmalloc
says "no names" "mallochooks: run: --facades= names no function" \
	--preload="$work/walk.so" --facades=,
many=$(i=0; while [ $i -lt 40 ]; do printf 'function_%d,' $i; i=$((i + 1)); done)
says "too many" "mallochooks: run: these facades take 469 bytes of the option walk.facades, which \
has 255 (--facades): name fewer" --preload="$work/walk.so" --facades="$many"

# ---- stubs: the program's and the shared object's ---------------------------------------

echo 'facades = ( { method = "replace"; functions = [ "dso_alloc(Z)p", "dso_chain(Z)p" ]; } );' >dso.conf
make_hooks dso dso.conf
$cc -shared -o libfacades.so facades_dso.o $words || exit 1
printf 'facades = ( { method = "replace"; functions = [ %s, "facades.o:hidden_alloc(Z)p" ]; } );\n' \
	"$functions" >stub.conf
make_hooks stub stub.conf
for linker in $linkers; do
	link_prog "stub, $linker" -fuse-ld=$linker -rdynamic $objects $there || continue
	agrees "stub, $linker" by_stub LD_PRELOAD=./plain.so ./prog
done
agrees "stub and walk" by_stub LD_PRELOAD=./walk.so "MALLOCHOOKS=$option" ./prog
sed -e '/^begin/b' -e 's/1 direct/1 nobody/' -e 's/1 jump,/1 jump,/' \
	-e 's/1 failed_then/1 nobody/' -e 's/2 jumped,/2 nobody,/' -e 's/1 left_in.*dle,/1 nobody,/' \
	-e 's/2 deeper/2 nobody/' -e 's/elsewhere/nobody/' -e 's/3 [a-z_]*/3 nobody/' \
	-e 's/2 large/2 nobody/' by_stub >by_none
timeout 60 env LD_PRELOAD=./none.so ./prog alone >out 2>&1
sed '/^threads/d' by_none | diff - out >differs || fail "caller none: $(cat differs)"

# Stubs and malloc in one program: those of the shared objects it does not see.
printf 'allocators = ( { ident = "libc"; method = "wrap"; layers = [ "event" ]; } );\n' |
	cat stub.conf - >one.conf
make_hooks one one.conf
link_prog "one" -rdynamic $objects facades_seen.o $there &&
	sed -e 's/^thrown\([a-z_]*\): 3 thrown\([a-z_]*\), 2 .*/thrown\1: 2 thrown\2, 1 elsewhere/' \
		-e 's/^thrown_large: .*/thrown_large: 2 large, 1 elsewhere/' \
		-e 's/^shared\(.*\): .*/shared\1: 0 -, 0 -/' by_stub >by_one &&
	agrees "one" by_one ./prog

# By --wrap, but for the static one.
sed -e 's/"replace"/"wrap"/' -e 's/, "facades.o:hidden_alloc(Z)p"//' stub.conf >wrap.conf
make_hooks wrap wrap.conf
sed 's/^by_static: 1 user_of_static/by_static: 1 elsewhere/' by_stub >by_wrap
link_prog "wrap" -rdynamic $objects $there &&
	agrees "wrap" by_wrap LD_PRELOAD=./plain.so ./prog
finish
