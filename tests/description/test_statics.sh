#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_statics - the same static names in several files, and a public one: each is
# hooked as its own function
#
# needs: native

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/description/common.sh"

cat >one.c <<'C'
#include <stdlib.h>
static char room[4096];
static size_t used;
static __attribute__((noinline)) void *get(size_t size)
{
	void *p = room + used;
	used += (size + 15) & ~15ul;
	return p;
}
static __attribute__((noinline)) void *xmalloc(size_t size)
{
	void *p = malloc(size);
	if (!p)
		abort();
	return p;
}
void *one_gets(size_t n) { void *p = get(n); __asm__ volatile("" : : "r"(p)); return p; }
void *one_asks(size_t n) { void *p = xmalloc(n); __asm__ volatile("" : : "r"(p)); return p; }
C
sed 's/one_/two_/' one.c >two.c
cat >main.c <<'C'
#include <stdlib.h>
void *one_gets(size_t n), *two_gets(size_t n), *one_asks(size_t n), *two_asks(size_t n);
__attribute__((noinline)) void *xmalloc(size_t size)
{
	void *p = malloc(size);
	if (!p)
		abort();
	return p;
}
__attribute__((noinline)) void *main_asks(size_t n) { void *p = xmalloc(n); __asm__ volatile("" : : "r"(p)); return p; }
int main(void)
{
	for (int i = 0; i < 3; i++)
		one_gets(10);
	for (int i = 0; i < 5; i++)
		two_gets(20);
	free(one_asks(100));
	for (int i = 0; i < 2; i++)
		free(two_asks(200));
	for (int i = 0; i < 4; i++)
		free(main_asks(300));
	return 0;
}
C
cat >d.conf <<'C'
allocators = (
  { ident = "libc"; method = "wrap"; layers = [ "log" ]; },
  { ident = "first"; method = "replace"; layers = [ "count" ]; alloc = "one.o:get(Z)p"; },
  { ident = "second"; method = "replace"; layers = [ "count" ]; alloc = "two.o:get(Z)p"; } );
facades = ( { method = "replace"; functions = [ "one.o:xmalloc(Z)p", "two.o:xmalloc(Z)p", "xmalloc(Z)p" ]; } );
C

# plays NAME
plays()
{
	MALLOCHOOKS="first:count.report=y,second:count.report=y" ./prog >out 2>err ||
		fail "$1: status $?: $(cat err)"
	is "$1: get" "first:count: 3 allocations, 30 bytes requested, 0 failed
second:count: 5 allocations, 100 bytes requested, 0 failed" \
		"$(sed -n 's/^mallochooks: \(.*:count: \)/\1/p' err | sort)"
	sed -n 's/.* malloc .*caller=//p' err >callers
	is "$1: xmalloc" "4 main_asks
1 one_asks
2 two_asks" "$(addr2line -f -e prog <callers | sed -n '1~2p' | sort | uniq -c | sed 's/^ *//')"
}

for linker in $linkers; do
	for how in gcc clang; do
		command -v $how >/dev/null || continue
		for name in one two main; do
			$how -O2 -fno-builtin -fno-pie -c $name.c || exit 1
		done
		make_hooks hooks d.conf
		# shellcheck disable=SC2086
		$how -no-pie -fuse-ld=$linker one.o two.o main.o $words -o prog >err 2>&1 ||
			fail "$linker, $how: $(cat err)"
		plays "$linker, $how"
	done
done

# By one's own makefile; and a file in which the function is public.
for name in one two main; do
	"$tool" rewrite --absent=copy --hooks=hooks.o --symbol=one.o:get --symbol=two.o:get \
		--symbol=one.o:xmalloc --symbol=two.o:xmalloc $name.o new_$name.o >err 2>&1
	is "rewrite $name.o" "0 " "$? $(cat err)"
done
sed 's/^static \(.*xmalloc\)/\1/' one.c >public.c
$cc -O2 -fno-builtin -fno-pie -c public.c -o one.o || exit 1
echo 'facades = ( { method = "replace"; functions = [ "one.o:xmalloc(Z)p", "two.o:xmalloc(Z)p" ]; } );' >d.conf
make_hooks hooks d.conf
"$tool" rewrite --absent=copy --hooks=hooks.o --symbol=one.o:xmalloc one.o new.o >err 2>&1 &&
	fail "a public one: no error"
grep -q 'xmalloc: is not static here, as it is elsewhere: ask for it without the file' err ||
	fail "a public one: $(cat err)"

# Two files of one name.
mkdir -p other
$cc -O2 -fno-builtin -fno-pie -c one.c -o one.o && $cc -O2 -fno-builtin -fno-pie -c two.c -o other/one.o &&
	$cc -O2 -fno-builtin -fno-pie -c main.c || exit 1
for linker in $linkers; do
	# shellcheck disable=SC2086
	$cc -no-pie -fuse-ld=$linker one.o other/one.o main.o $words -o prog >err 2>&1 &&
		fail "$linker, two files of one name: no error"
	grep -q 'one.o:xmalloc: another object of this link has that name and such a function: give one of' err ||
		fail "$linker, two files of one name: $(cat err)"
done
finish
