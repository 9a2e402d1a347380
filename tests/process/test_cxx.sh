#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_cxx - operator new and delete as facades: every form, the caller that is
# seen, what throws, and the operators that a program brings along

. "$SRCDIR/tests/process/common.sh"

command -v "${cxx%% *}" >/dev/null || skip_all "no $cxx"

compile_cxx cxx -std=c++17 -fsized-deallocation -rdynamic "$here/cxx.cc" -ldl
compile_cxx own -std=c++17 -fsized-deallocation -DOWN -rdynamic "$here/cxx.cc" -ldl
preload count count --set=CONFIG_SYM_CXX=y
preload all log,count,event --set=CONFIG_SYM_CXX=y --sources="$here/seen.c"
preload separate event --set=CONFIG_SYM_CXX=y --compose=separate --cflags=-O0 \
	--sources="$here/seen.c"

# Without a return slot, in the arch of last resort, there is no site.
no_sites=
[ "$ARCH" != generic ] || {
	skip "the callers that are seen: ARCH=generic has no return slot"
	no_sites=NO_SITES=1
}

# Lets one allocation fail, so that there is something to try again.
cat >fail.c <<'EOS'
#include <errno.h>
#include <stddef.h>
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *ptr);
int fail_777;
void *malloc(size_t size)
{
	if (size == 777 && fail_777) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_malloc(size);
}
void *calloc(size_t n, size_t size) { return __libc_calloc(n, size); }
void *realloc(void *ptr, size_t size) { return __libc_realloc(ptr, size); }
void *memalign(size_t a, size_t size) { return __libc_memalign(a, size); }
void *aligned_alloc(size_t a, size_t size) { return __libc_memalign(a, size); }
void free(void *ptr) { __libc_free(ptr); }
EOS
compile fail.so -shared -fPIC fail.c
cat >throw.cc <<'EOS'
#include <cstdlib>
#include <new>
extern "C" { int throw_4242; }
void *operator new(size_t size)
{
	if (size == 4242)
		throw std::bad_alloc();
	if (void *ptr = std::malloc(size))
		return ptr;
	throw std::bad_alloc();
}
EOS
compile_cxx throw.so -shared -fPIC throw.cc

with "" ./cxx >out 2>err
is "unhooked" 0 $?
for unit in count all separate; do
	with "LD_PRELOAD=$work/$unit.so:$work/fail.so MALLOCHOOKS=?log.fd=4
	      $no_sites" ./cxx 4>$unit.log \
		>out 2>err
	is "$unit: exit status" 0 $?
	[ ! -s err ] || fail "$unit: $(cat err)"
	with "LD_PRELOAD=$work/$unit.so:$work/throw.so MALLOCHOOKS=?log.fd=4
	      $no_sites" ./cxx 4>/dev/null >out 2>err
	is "$unit: an operator that throws unasked" 0 $?
	[ ! -s err ] || fail "$unit: $(cat err)"
	[ "$unit$no_sites" != all ] || is "$unit: what inlined code calls" \
		"a vector's caller: ./cxx" "$(cat out)"
	with "LD_PRELOAD=$work/$unit.so MALLOCHOOKS=?log.min_bytes=1G" ./own \
		>out 2>err
	is "$unit: the program's own operators: exit status" 0 $?
	is "$unit: the program's own operators" "own: 1" "$(cat out)"
done
grep -q ' memalign size=[0-9]* alignment=64 ' all.log ||
	fail "aligned new is not in the log"

# A library behind us may bring the operators; they too stay what they are.
cat >operators.cc <<'EOS'
#include <cstdlib>
#include <new>
extern "C" { int library_news; }
void *operator new(size_t size)
{
	library_news++;
	return std::malloc(size);
}
void operator delete(void *ptr) noexcept { std::free(ptr); }
void operator delete(void *ptr, size_t) noexcept { std::free(ptr); }
EOS
cat >user.cc <<'EOS'
#include <cstdio>
#include <new>
extern "C" { extern int library_news; }
int main()
{
	int before = library_news;
	::operator delete(::operator new(10));
	::operator delete(::operator new(20));
	std::printf("%d\n", library_news - before);
}
EOS
compile_cxx libops.so -shared -fPIC operators.cc
compile_cxx user user.cc -L. -lops -Wl,-rpath,"$work"
is "operators of a library" 2 "$(under count.so ./user)"
finish
