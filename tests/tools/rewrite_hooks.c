// SPDX-License-Identifier: MIT
/*
 * rewrite_hooks - hooks by hand, around the __real_ functions
 *
 * Each counts, and makes the trouble that handlers make: it formats floating
 * point, for which the stack must be aligned, and changes registers.
 */
#include <stdio.h>

#include "rewrite_alloc.h"

#define HIDDEN		__attribute__((visibility("hidden")))
#define ENTRY(name)	HIDDEN __attribute__((alias(#name)))

static long calls[NR_OPS];
static void *caller;
static int armed;

long hook_calls(int op)
{
	return calls[op];
}

void *hook_caller(void)
{
	return caller;
}

int hook_is(void *(*alloc)(size_t))
{
	return alloc == malloc;
}

/* Before main printf may not be ready. */
void hook_arm(void)
{
	armed = 1;
}

#ifdef HAVE_THUNKS
extern HIDDEN const char __mallochooks_back_malloc[];
#define IS_THUNK(at)	((const char *)(at) == __mallochooks_back_malloc)
#else
#define IS_THUNK(at)	0
#endif

static __attribute__((noinline)) void trouble(int op)
{
	char text[64];

	calls[op]++;
	if (!armed)
		return;
	armed = 0;
	snprintf(text, sizeof(text), "%d %f", op, calls[op] * 1.25);
#ifdef __x86_64__
	__asm__ volatile("mov $-1, %%eax; mov $-1, %%ecx; mov $-1, %%edx;"
		"mov $-1, %%esi; mov $-1, %%edi; mov $-1, %%r8d;"
		"mov $-1, %%r9d; mov $-1, %%r10d; mov $-1, %%r11d;"
		"pxor %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; pxor %%xmm2, %%xmm2;"
		"pxor %%xmm3, %%xmm3; pxor %%xmm9, %%xmm9"
		: : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
		"r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm9", "cc");
#else
	__asm__ volatile("mov x0, -1; mov x1, -1; mov x2, -1; mov x3, -1;"
		"mov x4, -1; mov x5, -1; mov x6, -1; mov x7, -1; mov x8, -1;"
		"mov x9, -1; mov x10, -1; mov x11, -1; mov x12, -1; mov x13, -1;"
		"mov x14, -1; mov x15, -1; mov x16, -1; mov x17, -1;"
		"movi v0.2d, 0; movi v1.2d, 0; movi v2.2d, 0; movi v16.2d, 0"
		: : : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8",
		"x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
		"v0", "v1", "v2", "v16", "cc");
#endif
	armed = 1;
}

#define HOOK(ret, op, name, params, args) \
	HIDDEN ret __real_##name params; \
	ENTRY(name) ret __mallochooks_entry_##name params; \
	ret name params \
	{ \
		trouble(op); \
		return __real_##name args; \
	}

HIDDEN void *__real_malloc(size_t bytes);
ENTRY(malloc) void *__mallochooks_entry_malloc(size_t bytes);
void *malloc(size_t bytes)
{
	caller = __builtin_return_address(0);
	if (IS_THUNK(caller))
		caller = (*(void ***)__builtin_frame_address(0))[1];
	trouble(OP_MALLOC);
	return __real_malloc(bytes);
}

HIDDEN void __real_free(void *ptr);
ENTRY(free) void __mallochooks_entry_free(void *ptr);
void free(void *ptr)
{
	trouble(OP_FREE);
	__real_free(ptr);
}

HOOK(void *, OP_CALLOC, calloc, (size_t n, size_t each), (n, each))
HOOK(void *, OP_REALLOC, realloc, (void *old, size_t bytes), (old, bytes))
HOOK(void *, OP_MEMALIGN, memalign, (size_t align, size_t bytes),
     (align, bytes))
HOOK(int, OP_POSIX_MEMALIGN, posix_memalign,
     (void **out, size_t align, size_t bytes), (out, align, bytes))
HOOK(void *, OP_ALIGNED_ALLOC, aligned_alloc, (size_t align, size_t bytes),
     (align, bytes))
HOOK(size_t, OP_USABLE, malloc_usable_size, (void *ptr), (ptr))
