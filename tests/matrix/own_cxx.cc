// SPDX-License-Identifier: MIT
/*
 * own_cxx - an allocator in C++: a template; its realloc uses the operators of this
 * object
 *
 * The same as own.c with OWN_SMALL.  With OWN_INLINE malloc is an inline function,
 * of which each object that uses it has a copy (COMDAT); OWN_OTHER is another
 * such object.
 */
#include <cerrno>
#include <cstring>
#include <cstdlib>
#include <new>

#include "matrix.h"

#ifdef OWN_INLINE
#define MAYBE_INLINE	inline
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wattributes"	/* inline, but not inlined */
#endif
#else
#define MAYBE_INLINE
#endif

template <size_t Alignment> struct Arena {
	alignas(4096) char bytes[ARENA_BYTES];
	size_t used;
	unsigned long births, deaths, strangers;

	void *take(size_t size);
	bool has(const void *ptr) const
	{
		return ptr >= bytes && ptr < bytes + ARENA_BYTES;
	}
};

template <size_t Alignment> void *Arena<Alignment>::take(size_t size)
{
	size_t start = (used + 16 + Alignment - 1) & ~(Alignment - 1);

	if (size > ARENA_BYTES || start > ARENA_BYTES - size) {
		errno = ENOMEM;
		return nullptr;
	}
	used = start + size;
	reinterpret_cast<size_t *>(bytes + start)[-1] = size;
	births++;
	return bytes + start;
}

extern Arena<16> own_arena;

extern "C" {
API void *malloc(size_t size) noexcept;
API void free(void *ptr) noexcept;
void *other_malloc(size_t size);

MAYBE_INLINE void *malloc(size_t size) noexcept
{
	return own_arena.take(size);
}
}

#ifdef OWN_OTHER
void *other_malloc(size_t size)
{
	return malloc(size);
}
#else
Arena<16> own_arena;

void free(void *ptr) noexcept
{
	if (!ptr)
		return;
	own_arena.deaths++;
	own_arena.strangers += !own_arena.has(ptr);
}

extern "C" {
API void *calloc(size_t n, size_t size) noexcept;
API void *realloc(void *old, size_t size) noexcept;
API void *reallocarray(void *old, size_t n, size_t size) noexcept;

void *calloc(size_t n, size_t size) noexcept
{
	return own_arena.take(n * size);
}

void *realloc(void *old, size_t size) noexcept
{
	if (!old)
		return own_arena.take(size);

	void *to = operator new(size);

	own_arena.births++;

	size_t nr = static_cast<size_t *>(old)[-1];

	memcpy(to, old, nr < size ? nr : size);
	operator delete(old);
	return to;
}

void *reallocarray(void *old, size_t n, size_t size) noexcept
{
	return realloc(old, n * size);
}
}

void *operator new(size_t size)
{
	void *ptr = malloc(size);

	if (!ptr)
		throw std::bad_alloc();
	return ptr;
}

void operator delete(void *ptr) noexcept
{
	free(ptr);
}

void operator delete(void *ptr, size_t) noexcept
{
	free(ptr);
}

/* ---- what the object does with itself ----------------------------------- */

static API void *call(size_t bytes)
{
	char *ptr = static_cast<char *>(malloc(bytes));

	if (ptr)
		*ptr = 1;
	return ptr;
}

static API void *tail(size_t bytes)
{
	return malloc(bytes);
}

/* As in own.c. */
static API long live(void *one, void *two, long a, long b, long c, long d,
		     double x, double y)
{
	long sum = a * 3 + b, other = c * 5 + d;
	double z = x * 3 + y;

	free(one);
	sum += other * a;
	free(two);
	return sum + b * other - c * d + static_cast<long>(z * x + y) -
	       a * a * b;
}

const struct own *own_find(void)
{
	static const struct own own = {
		&own_arena.births, &own_arena.deaths, &own_arena.strangers,
		call, tail, malloc, live,
	};

	return &own;
}
#endif
