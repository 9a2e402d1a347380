// SPDX-License-Identifier: MIT
/*
 * seed.c - a small object for the fuzzers to begin with: all ways to use a name
 *
 *	(nothing)	an allocator that calls itself
 *	-DHOOKS		hooks for it, as the composer makes them
 *	-DIFUNC		malloc by a resolver
 *	-DCOMDAT	malloc in a group, with a short jump on x86_64
 *	-DVERSION	malloc@@V1
 *	-DINDICES	with any of them: SHT_SYMTAB_SHNDX, but for its sh_link
 *
 * -DNAME=free has hooks for another function.
 */
#include <stddef.h>

#ifndef NAME
#define NAME	malloc
#endif
#define CAT_(a, b)	a##b
#define CAT(a, b)	CAT_(a, b)
#define TEXT_(a)	#a
#define TEXT(a)		TEXT_(a)
#define HIDDEN		__attribute__((visibility("hidden")))

#ifdef __x86_64__
#define CALL	"call"
#define JUMP	"jmp"
#else
#define CALL	"bl"
#define JUMP	"b"
#endif

#ifdef INDICES
__asm__(".section .indices,\"\",%18\n.zero 256\n.text\n");
#endif

#if defined(HOOKS)

HIDDEN extern void *CAT(__real_, NAME)(size_t bytes);

void *NAME(size_t bytes)
{
	return CAT(__real_, NAME)(bytes + 1);
}

HIDDEN extern __typeof__(NAME) CAT(__mallochooks_entry_, NAME)
	__attribute__((alias(TEXT(NAME))));

HIDDEN void *CAT(__mallochooks_absent_, NAME)(size_t bytes)
{
	return (void *)bytes;
}

#elif defined(IFUNC)

static void *one(size_t bytes)
{
	return (void *)bytes;
}

static void *(*choose(void))(size_t)
{
	return one;
}

void *malloc(size_t bytes) __attribute__((ifunc("choose")));

void *again(size_t bytes)
{
	return malloc(bytes);
}

#elif defined(COMDAT)

__asm__(".section .text.malloc,\"axG\",%progbits,malloc,comdat\n"
	".globl malloc\n.type malloc,%function\n"
	".Lmalloc: malloc:\n" CALL " again\nret\n.size malloc,.-malloc\n"
	".type again,%function\n"
	"again:\n" JUMP " .Lmalloc\n.size again,.-again\n"
	".balign 16\n.type more,%function\n"
	"more:\n" CALL " .Lmalloc\nret\n.size more,.-more\n");

#elif defined(VERSION)

__asm__(".symver versioned,malloc@@V1");

void *versioned(size_t bytes)
{
	return (void *)bytes;
}

void *again(size_t bytes)
{
	return versioned(bytes);
}

#else

static int nr;

static __attribute__((noinline)) void inc(int by)
{
	nr += by;
}

/* No loop is as cold as what never returns. */
__attribute__((noinline)) void *malloc(size_t bytes)
{
	inc(1);
	if (__builtin_expect(bytes > 99, 0))
		__builtin_trap();
	return &nr;
}

__attribute__((noinline)) void free(void *ptr)
{
	if (ptr)
		inc(-1);
}

void *calloc(size_t n, size_t bytes)
{
	return malloc(n * bytes);
}

void *realloc(void *old, size_t bytes)
{
	free(old);
	return malloc(bytes);
}

void *const table[] = { (void *)malloc, (void *)free, (void *)inc };

void *(*pointer(void))(size_t)
{
	return malloc;
}

#endif
