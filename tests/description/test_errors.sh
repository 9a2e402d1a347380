#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_errors - what is wrong in a description is said in one line: where, what,
# and what to do
#
# needs: native

. "$SRCDIR/tests/process/common.sh"

reads()
{
	timeout 60 "$tool" stack --source-dir="$SRCDIR" --lib-dir="$BUILDDIR" \
		--cc="$cc" --description="$1" --link-words -o out.o >out 2>err
}

# wrong NAME LINE TEXT: the description on stdin is refused with "FILE:LINE: TEXT"
wrong()
{
	cat >d.conf
	reads d.conf
	is "$1: status" 2 $?
	is "$1" "mallochooks: stack: d.conf:$2: $3" "$(cat err)"
}

# right NAME: it is taken, and nothing is said
right()
{
	cat >d.conf
	reads d.conf
	is "$1: status" 0 $?
	is "$1: says" "" "$(cat err)"
}

# ---- the file -------------------------------------------------------------------

reads none.conf
is "no file" "mallochooks: stack: none.conf: no such file (--description)" "$(cat err)"
reads .
is "a folder" "mallochooks: stack: .: no such file (--description)" "$(cat err)"
wrong "syntax" 3 "syntax error" <<'C'
allocators = (
  { ident = "a";
    method }
);
C
: >d.conf
reads d.conf
is "empty" "mallochooks: stack: d.conf: describes nothing: allocators = ( { ident = ...; } );" \
	"$(cat err)"
wrong "another list" 1 "only allocators = ( ... ); and facades = ( ... ); stand here" <<'C'
allocator = ( { ident = "a"; } );
C
wrong "no list" 1 "a list is wanted: ( { ... }, ... )" <<'C'
allocators = { ident = "a"; };
C
wrong "no group" 2 "a group { ... } is wanted here" <<'C'
allocators = (
  "a" );
C
wrong "unknown word" 3 "no such word as \"metod\": Documentation/description.rst has them all" <<'C'
allocators = (
  { ident = "a";
    metod = "wrap"; } );
C
printf 'allocators = (\n@include "inner"\n);\n' >d.conf
printf '{ ident = "a";\n alloc = [ "f(Z)q" ]; }\n' >inner
reads d.conf
is "an included file" "mallochooks: stack: inner:2: \"f(Z)q\" has the result \"q\": \
one of p P z Z i l, or nothing, is wanted" "$(cat err)"

# ---- signatures -------------------------------------------------------------------

# bad KIND SIGNATURE TEXT
bad()
{
	wrong "$1 $2" 4 "\"$2\" $3" <<C
allocators = (
  { ident = "a"; alloc = [ "a_new(Z)p" ];
    method = "wrap"; },
  { ident = "b"; $1 = [ "$2" ]; } );
C
}

bad alloc 'f' 'has no arguments: as "malloc(Z)p"'
bad alloc '(Z)p' 'has no name of C before its arguments'
bad alloc '9f(Z)p' 'has no name of C before its arguments'
bad alloc 'a b(Z)p' 'has no name of C before its arguments'
bad alloc ':f(Z)p' "wants the plain name of an object before the ':', as \"file.o:name(Z)p\""
bad alloc 'f(Z' "lacks the ')' behind its arguments"
bad alloc 'f(Zq)p' "has an argument 'q': one of Z I P A p z i l is wanted"
bad alloc 'f(Z...)p' "takes variable arguments, which cannot be handed on: name the function below it"
bad alloc 'f(Zzzzzzzzzzzzz)p' "has more than 12 arguments"
bad alloc 'f(Z)pp' 'has the result "pp": one of p P z Z i l, or nothing, is wanted'
bad alloc 'f(Z)A' 'has the result "A": one of p P z Z i l, or nothing, is wanted'
bad alloc 'f(p)p' "has no 'Z' (or 'I') among its arguments: which one is the size?"
bad alloc 'f(ZZZ)p' "has more than two sizes 'Z' to multiply"
bad alloc 'f(PZ)p' "has a chunk 'P' among its arguments: that is a realloc, or write 'p'"
bad alloc 'f(AAZ)p' "has an alignment too many ('A')"
bad alloc 'f(Z)i' "has a result that does not fit: 'p' is wanted"
bad alloc 'f(Z)' "has a result that does not fit: 'p' is wanted"
bad zalloc 'f(AZ)p' "has an alignment too many ('A')"
bad realloc 'f(Z)p' "wants one 'P' among its arguments: which one is the chunk?"
bad realloc 'f(PPZ)p' "wants one 'P' among its arguments: which one is the chunk?"
bad free 'f(p)' "wants one 'P' among its arguments: which one is the chunk?"
bad free 'f(PZ)' "has a size 'Z', which counts for nothing here: write 'z'"
bad free 'f(P)P' "has a result that does not fit: 'p', a number, or nothing is wanted"
bad size 'f(P)p' "has a result that does not fit: 'z' is wanted"
wrong "twice in one" 3 '"f(pZ)p" stands there twice' <<'C'
allocators = (
  { ident = "a"; alloc = [ "f(Z)p",
      "f(pZ)p" ]; } );
C
wrong "no signature" 2 'a signature is wanted here: "NAME(ARGUMENTS)RESULT"' <<'C'
allocators = ( { ident = "a"; alloc = (
  { } ); } );
C
wrong "the line of the item" 5 '"h(q)" has an argument '"'q': one of Z I P A p z i l is wanted" <<'C'
allocators = (
  { ident = "a";
    alloc = [ "f(Z)p",
              "g(Z)p",
              "h(q)" ]; } );
C

# ---- words ------------------------------------------------------------------------

wrong "facades with alloc" 1 'facades have "functions" only' <<'C'
facades = ( { method = "wrap"; alloc = [ "f(Z)p" ]; } );
C
wrong "functions of an allocator" 1 \
	'"functions" are for facades: here it is alloc, zalloc, realloc, free or size' <<'C'
allocators = ( { functions = [ "f(Z)p" ]; } );
C
for word in layers events event-ident sources calloc symbols prefix inside; do
	wrong "facades with $word" 2 "facades have no stack, so no $word: that of the \
allocator behind them is told their callers" <<C
facades = ( { functions = [ "f(Z)p" ];
  $word = "count"; } );
C
done
for word in symbols prefix; do
	wrong "$word and functions" 2 "$word is for malloc's family: this allocator names \
its functions itself" <<C
allocators = ( { alloc = [ "f(Z)p" ];
  $word = "malloc"; } );
C
done
for word in alloc zalloc realloc free size; do
	wrong "no function in $word" 2 'an empty list names no function: leave the word out' <<C
allocators = ( { method = "wrap";
  $word = [ ]; } );
C
done
wrong "no function of facades" 1 'an empty list names no function: leave the word out' <<'C'
facades = ( { method = "wrap"; functions = ( ); } );
C
wrong "no symbol" 1 "no symbol of malloc's family is selected, and no function is named: \
this allocator would hook nothing" <<'C'
allocators = ( { method = "wrap"; symbols = [ ]; layers = [ ]; } );
C
wrong "facades without functions" 1 "these facades have no functions" <<'C'
facades = ( { method = "wrap"; } );
C
wrong "no allocating function" 2 \
	'allocator a has no function that allocates: alloc = [ "NAME(Z)p" ]' <<'C'
allocators = (
  { ident = "a"; free = [ "f(P)" ]; } );
C
right "a realloc alone" <<'C'
allocators = ( { ident = "a"; method = "wrap"; realloc = [ "f(pPzZ)p" ]; layers = [ ]; } );
C
wrong "two size functions" 1 'allocator a has more than one size function' <<'C'
allocators = ( { ident = "a"; alloc = [ "f(Z)p" ]; size = [ "g(P)z", "h(P)z" ]; } );
C
for value in '"y"' 1 '[ ]' '{ }'; do
	wrong "transforming $value" 2 "transforming is true or false" <<C
allocators = ( { layers = [ "event" ];
  transforming = $value; } );
C
done
wrong "inside a number" 1 "inside wants the identity of another allocator" <<'C'
allocators = ( { ident = "a"; alloc = [ "f(Z)p" ]; inside = 1; } );
C
wrong "a list of lists" 1 "only words may stand in this list" <<'C'
allocators = ( { layers = ( ( "count" ) ); } );
C
wrong "a group for a word" 1 "a word or a list of words is wanted here" <<'C'
allocators = ( { layers = { a = 1; }; } );
C

# ---- the whole -----------------------------------------------------------------------

wrong "one identity twice" 3 'identity "a" is that of d.conf:2 too: give it another ident' <<'C'
allocators = (
  { ident = "a"; method = "wrap"; },
  { ident = "a"; method = "replace"; alloc = [ "f(Z)p" ]; } );
C
wrong "no identities" 3 'identity "libc" is that of d.conf:2 too: give it another ident' <<'C'
allocators = (
  { method = "wrap"; },
  { method = "wrap"; alloc = [ "f(Z)p" ]; } );
C
wrong "a function twice" 3 'f belongs to d.conf:2 already' <<'C'
allocators = (
  { ident = "a"; method = "wrap"; alloc = [ "f(Z)p" ]; },
  { ident = "b"; method = "replace"; alloc = [ "g(Z)p", "f(pZ)p" ]; } );
C
wrong "malloc twice" 3 'malloc belongs to d.conf:2 already' <<'C'
allocators = (
  { ident = "a"; method = "wrap"; },
  { ident = "b"; method = "wrap"; alloc = [ "malloc(Z)p" ]; } );
C
wrong "malloc as a facade" 2 'calloc belongs to d.conf:1 already' <<'C'
allocators = ( { ident = "a"; method = "wrap"; } );
facades = ( { method = "wrap"; functions = [ "calloc(ZZ)p" ]; } );
C
wrong "two families" 3 'malloc belongs to d.conf:2 already' <<'C'
allocators = (
  { ident = "a"; method = "wrap"; symbols = [ "malloc", "free" ]; },
  { ident = "b"; method = "replace"; symbols = [ "malloc", "calloc" ]; } );
C
right "two families, two prefixes" <<'C'
allocators = (
  { ident = "a"; method = "wrap"; },
  { ident = "b"; method = "replace"; prefix = "je_"; event-ident = "je_event"; } );
C
wrong "events of two" 3 'the events of b would go to the handlers mh_event_* of a (d.conf:2): '\
'give it another event-ident' <<'C'
allocators = (
  { ident = "a"; method = "wrap"; layers = [ "count", "event" ]; },
  { ident = "b"; method = "replace"; layers = [ "event" ]; alloc = "f(Z)p"; },
  { ident = "c"; method = "replace"; layers = [ "count" ]; alloc = "g(Z)p"; } );
C
wrong "events of two, by name" 4 'the events of c would go to the handlers on_* of a (d.conf:2): '\
'give it another event-ident' <<'C'
allocators = (
  { ident = "a"; event-ident = "on"; method = "wrap"; layers = [ "event" ]; },
  { ident = "b"; method = "replace"; layers = [ "event" ]; alloc = "f(Z)p"; },
  { ident = "c"; event-ident = "on"; method = "replace"; layers = [ "event" ]; alloc = "g(Z)p"; } );
C
right "events of one" <<'C'
allocators = (
  { ident = "a"; method = "wrap"; layers = [ "event" ]; },
  { ident = "b"; method = "replace"; layers = [ "count" ]; alloc = "f(Z)p"; } );
facades = ( { method = "replace"; functions = [ "g(Z)p" ]; } );
C
wrong "a facade twice" 3 'x_dup belongs to d.conf:2 already' <<'C'
facades = (
  { method = "wrap"; functions = [ "x_alloc(Z)p", "x_dup(p)p" ]; },
  { ident = "others"; method = "replace"; functions = [ "x_dup(p)p" ]; } );
C
wrong "two groups of facades" 3 'identity "facades" is that of d.conf:2 too: give it another ident' <<'C'
facades = (
  { method = "wrap"; functions = [ "x_alloc(Z)p" ]; },
  { method = "replace"; functions = [ "x_dup(p)p" ]; } );
C
right "static functions of one name" <<'C'
allocators = (
  { ident = "a"; method = "replace"; alloc = [ "a.o:get(Z)p" ]; layers = [ ]; },
  { ident = "b"; method = "replace"; alloc = [ "b.o:get(Z)p", "get(Z)p" ]; layers = [ ]; } );
C
wrong "one static function in two parts" 3 'get belongs to d.conf:2 already' <<'C'
allocators = (
  { ident = "a"; method = "replace"; alloc = [ "a.o:get(Z)p" ]; layers = [ ]; },
  { ident = "b"; method = "replace"; alloc = [ "a.o:get(Z)p" ]; layers = [ ]; } );
C
wrong "a static facade twice" 2 '"b.o:get(Z)p" stands there twice' <<'C'
facades = ( { method = "replace"; functions = [ "b.o:get(Z)p",
  "b.o:get(Z)p" ]; } );
C
wrong "files that differ in a sign" 3 'get__in_a_o belongs to d.conf:2 already' <<'C'
allocators = (
  { ident = "a"; method = "replace"; alloc = [ "a.o:get(Z)p" ]; layers = [ ]; },
  { ident = "b"; method = "replace"; alloc = [ "a-o:get(Z)p" ]; layers = [ ]; } );
C
right "two families share nothing" <<'C'
allocators = (
  { ident = "a"; method = "wrap"; symbols = [ "malloc", "free", "realloc" ]; layers = [ "count" ]; calloc = "emulated"; },
  { ident = "b"; method = "replace"; alloc = "f(Z)p"; layers = [ ]; } );
C
n=0
echo 'facades = ( { method = "replace"; functions = [ "g(Z)p" ]; } );' >many.conf
echo 'allocators = ( { ident = "a"; method = "wrap"; layers = [ ]; }' >>many.conf
while [ $((n += 1)) -lt 16 ]; do
	echo ", { ident = \"a$n\"; method = \"replace\"; alloc = \"f$n(Z)p\"; layers = [ ]; }"
done >>many.conf
{ cat many.conf; echo ');'; } | right "16 allocators"
{ cat many.conf; echo ', { ident = "b"; method = "replace"; alloc = "f(Z)p"; } );'; } |
	wrong "17 allocators" 18 "more than 16 allocators do not go into one object"
wrong "inside nobody" 2 'inside "c", which is no allocator of this file' <<'C'
allocators = ( { ident = "a"; method = "wrap"; },
  { ident = "b"; method = "wrap"; alloc = [ "f(Z)p" ]; inside = "c"; layers = [ ]; } );
C
wrong "inside a facade" 1 'inside "facades", which is no allocator of this file' <<'C'
allocators = ( { ident = "b"; method = "wrap"; alloc = [ "f(Z)p" ]; inside = "facades"; } );
facades = ( { method = "wrap"; functions = [ "g(Z)p" ]; } );
C
wrong "inside itself" 1 'b is inside itself' <<'C'
allocators = ( { ident = "b"; method = "wrap"; alloc = [ "f(Z)p" ]; inside = "b"; } );
C
wrong "inside itself by another" 1 'a is inside itself' <<'C'
allocators = ( { ident = "a"; method = "wrap"; alloc = [ "f(Z)p" ]; inside = "b"; },
  { ident = "b"; method = "wrap"; alloc = [ "g(Z)p" ]; inside = "a"; } );
C
wrong "malloc inside" 2 'only an allocator with functions of its own can be inside another' <<'C'
allocators = ( { ident = "a"; method = "wrap"; alloc = [ "f(Z)p" ]; },
  { ident = "b"; method = "wrap"; inside = "a"; layers = [ ]; } );
C
wrong "preload and a link" 2 'method preload and link-time methods do not go into one object: '"write two descriptions" <<'C'
allocators = ( { ident = "a"; method = "wrap"; },
  { ident = "b"; method = "preload"; alloc = [ "f(Z)p" ]; layers = [ ]; } );
C
for method in preload wrap wrapdl; do
	wrong "static by $method" 1 'x.o:f is static, which only method replace can reach' <<C
allocators = ( { ident = "a"; method = "$method"; alloc = [ "x.o:f(Z)p" ]; } );
C
done
wrong "facades for nobody" 2 'CONFIG_CALLER_LATCH=n, so the facades of d.conf:1 would '"change nothing: leave one of the two out" <<'C'
facades = ( { method = "wrap"; functions = [ "f(Z)p" ]; } );
allocators = ( { ident = "a"; method = "wrap"; set = [ "CONFIG_CALLER_LATCH=n" ]; } );
C

other=aarch64
[ "$ARCH" = x86_64 ] || other=x86_64
wrong "another machine" 2 "the architecture is $other, but ${cc%% *} makes code for $ARCH (--cc): say --arch=$ARCH" <<C
allocators = (
  { ident = "a"; arch = "$other"; method = "wrap"; } );
C

# What the link says when a static function is not where it was said to be.
cat >d.conf <<'C'
facades = ( { method = "replace"; functions = [ "prog.o:get(Z)p" ]; } );
C
echo 'int main(void) { return 0; }' >prog.c
$cc -c prog.c || exit 1
"$tool" stack --source-dir="$SRCDIR" --lib-dir="$BUILDDIR" --cc="$cc" --description=d.conf \
	-o hooks.o >err 2>&1 || fail "a static function that is not there: $(cat err)"
# shellcheck disable=SC2046
$cc prog.o $("$tool" stack --source-dir="$SRCDIR" --lib-dir="$BUILDDIR" --cc="$cc" \
	--description=d.conf --link-words -o hooks.o) -o prog >err 2>&1
grep -q 'no object of this link defines prog.o:get (prog.o has no get, which is misspelt or was inlined): ' err ||
	fail "a static function that is not there: the link says $(cat err)"

# Or only a part of it is, or of several one is misspelt: a warning, and the rest is hooked.
cat >part.c <<'C'
#include <stdlib.h>
static __attribute__((noinline)) void *get(size_t size) { char *p = malloc(size); p[0] = 1; return p; }
static __attribute__((noipa)) void *have(size_t size) { char *p = get(100); p[size] = 1; return p; }
int main(void) { free(have(9)); return 0; }
C
cp d.conf one.conf
sed 's/prog.o:get/part.o:&/; s/prog.o://; s/"part/"part.o:have(Z)p", &/' one.conf >d.conf
$cc -O2 -fipa-cp -fno-builtin -c part.c || exit 1
nm part.o | grep -q ' t get\.' || sed -i 's/part.o:get/part.o:gett/' d.conf	# clang
"$tool" stack --source-dir="$SRCDIR" --lib-dir="$BUILDDIR" --cc="$cc" --description=d.conf \
	-o hooks.o >err 2>&1 || fail "a part of a function: $(cat err)"
for linker in bfd gold lld mold; do
	command -v ld.$linker >/dev/null || continue
	# shellcheck disable=SC2046
	$cc -fuse-ld=$linker part.o $("$tool" stack --source-dir="$SRCDIR" --lib-dir="$BUILDDIR" \
		--cc="$cc" --description=d.conf --link-words -o hooks.o) -o prog >err 2>&1 ||
		fail "a part of a function, $linker: $(cat err)"
	grep -q -e 'warning: .*not hooked: part.o has get\..*, which takes other arguments than get: ' \
		-e 'warning: .*not hooked: part.o has no gett, which is misspelt or was inlined' err ||
		fail "a part of a function, $linker: the link says $(cat err)"
done

# A public one that is misspelt, of an archive; one whose member is not taken is not.
cat >pool.c <<'C'
static char room[100];
void *pool_get(unsigned long size) { return room + size; }
C
echo 'int pool_other; void *pool_more(unsigned long size) { return (char *)&pool_other + size; }' >more.c
echo 'void *pool_get(unsigned long size); int main(void) { return !pool_get(1); }' >main.c
$cc -O2 -c pool.c more.c main.c && rm -f libpool.a && ar rc libpool.a pool.o more.o || exit 1
for alloc in '"pool_get(Z)p", "pool_gett(Z)p"' '"pool_get(Z)p", "pool_more(Z)p"'; do
	echo "allocators = ( { ident = \"pool\"; method = \"replace\"; layers = [ ]; alloc = [ $alloc ]; } );" >d.conf
	"$tool" stack --source-dir="$SRCDIR" --lib-dir="$BUILDDIR" --cc="$cc" --description=d.conf \
		-o hooks.o >err 2>&1 || fail "$alloc: $(cat err)"
	for linker in bfd gold lld mold; do
		command -v ld.$linker >/dev/null || continue
		# shellcheck disable=SC2046
		$cc -fuse-ld=$linker main.o libpool.a $("$tool" stack --source-dir="$SRCDIR" --lib-dir="$BUILDDIR" \
			--cc="$cc" --description=d.conf --link-words -o hooks.o) -o prog >err 2>&1 ||
			fail "$alloc, $linker: $(cat err)"
		case $alloc:$(cat err) in
		*gett*'warning: '*'not hooked: no object or archive of this link has pool_gett, which is misspelt'*) ;;
		*more*: ) ;;
		*) fail "$alloc, $linker: the link says $(cat err)" ;;
		esac
	done
done

# Several at once: each its line.
cat >d.conf <<'C'
allocators = (
  { ident = "a";
    alloc = [ "f(q)p", "g(Z)" ];
    nonsense = 1;
  } );
C
reads d.conf
is "several" "3 3 4" "$(sed 's/.*d.conf:\([0-9]*\):.*/\1/' err | tr '\n' ' ' | sed 's/ $//')"

# Words that the command line has as well, with file and line.
for line in 'method = "wrapp"' 'calloc = "no"' 'layers = [ "nolayer" ]' \
	'symbols = [ "mallok" ]' 'events = [ "pre" ]' 'ident = "a b"' \
	'set = [ "CONFIG_NO=1" ]' 'set = "x"' 'caller = "who"' 'arch = "pdp11"' \
	'method = [ ]' 'ident = 1.5' 'ident = "abcdefghijklmnopqrstuvwxy"'; do
	printf 'allocators = (\n  { method = "wrap";\n    %s; } );\n' \
		"$(echo "$line" | sed 's/^method = "wrapp"/compose = "wrapp"/')" >d.conf
	reads d.conf
	is "$line: status" 2 $?
	case $(cat err) in
	*d.conf:3*) [ "$(wc -l <err)" -eq 1 ] || fail "$line: says $(cat err)" ;;
	*) fail "$line: says $(cat err)" ;;
	esac
done
finish
