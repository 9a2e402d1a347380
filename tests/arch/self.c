// SPDX-License-Identifier: MIT
/*
 * self - do the thunks of self.S keep what a caller keeps in registers?
 *
 * Each thunk is called by a caller that has something in every register; what
 * it ends in changes all of them, formats floating point, and looks who called.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#ifdef __x86_64__
enum { NR_GENERAL = 9, NR_VECTORS = 16, FLAGS = 9, RESULT2 = 2 };
#define ALL_FLAGS	0x8c1	/* carry, zero, sign, overflow */
#define REST		6	/* registers between flags and vectors */
#else
enum { NR_GENERAL = 19, NR_VECTORS = 32, FLAGS = 19, RESULT2 = 1 };
#define ALL_FLAGS	0xf0000000
#define REST		12
#endif

struct regs {
	uint64_t general[NR_GENERAL];
	uint64_t flags;
	uint64_t rest[REST];
	unsigned char vectors[NR_VECTORS][64];
};

struct pair {
	long a, b;
};

unsigned int around_width = 16;
void around(const struct regs *in, struct regs *out, void (*thunk)(void));
extern const char around_back[];

#define HIDDEN	__attribute__((visibility("hidden")))
#define THUNK(name) \
	HIDDEN void __mallochooks_self_##name(void); \
	extern HIDDEN const char __mallochooks_back_##name[]
THUNK(nothing);
THUNK(word);
THUNK(two);
THUNK(number);
HIDDEN long __mallochooks_self_many(long a, long b, long c, long d, long e,
				    long f, long g, long h, long i, long k,
				    long l);

static int failures, called;

static void check(int good, const char *what, const char *which)
{
	if (good)
		return;
	printf("%s: %s\n", which, what);
	failures++;
}

static void clobber(void)
{
#ifdef __x86_64__
	__asm__ volatile("xor %%eax, %%eax; xor %%ecx, %%ecx; xor %%edx, %%edx;"
		"xor %%esi, %%esi; xor %%edi, %%edi; xor %%r8d, %%r8d;"
		"xor %%r9d, %%r9d; xor %%r10d, %%r10d; xor %%r11d, %%r11d"
		: : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
		"r11", "cc");
	if (around_width > 16)
		__asm__ volatile("vzeroall" : : : "xmm0", "xmm1", "xmm2",
			"xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
			"xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	else
		__asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm15, %%xmm15"
				 : : : "xmm0", "xmm15");
#else
	__asm__ volatile("mov x8, 0; mov x9, 0; mov x10, 0; mov x17, 0;"
		"movi v0.2d, 0; movi v7.2d, 0; movi v8.2d, 0; movi v31.2d, 0"
		: : : "x8", "x9", "x10", "x17", "v0", "v7", "v8", "v31", "cc");
#endif
}

struct walk {
	int found;
};

static _Unwind_Reason_Code frame(struct _Unwind_Context *context, void *arg)
{
	struct walk *walk = arg;

	walk->found |= _Unwind_GetIP(context) == (uintptr_t)around_back;
	return _URC_NO_REASON;
}

static __attribute__((noinline)) void body(const char *which, void *back,
					   void *caller, const char *wanted)
{
	struct walk walk = { 0 };
	char text[64];

	called++;
	snprintf(text, sizeof(text), "%f", 1.5 * called);
	check(strtod(text, NULL) == 1.5 * called, "floating point", which);
	check(back == wanted, "came from elsewhere", which);
	check(caller == around_back, "the true caller", which);
	_Unwind_Backtrace(frame, &walk);
	check(walk.found, "unwinding ends in the thunk", which);
	clobber();
}

/* The true caller stands in the frame of the thunk. */
#define FROM(name) \
	body(#name, __builtin_return_address(0), \
	     (*(void ***)__builtin_frame_address(0))[1], __mallochooks_back_##name)

void nothing(void)
{
	FROM(nothing);
}

long word(void)
{
	FROM(word);
	return 0x1234;
}

struct pair two(void)
{
	FROM(two);
	return (struct pair){ 0x1234, 0x5678 };
}

double number(void)
{
	FROM(number);
	return 0.75;
}

long many(long a, long b, long c, long d, long e, long f, long g, long h,
	  long i, long k, long l)
{
	clobber();
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h +
	       9 * i + 10 * k + 11 * l;
}

static void fill(struct regs *regs)
{
	unsigned char *byte = (unsigned char *)regs;

	for (size_t i = 0; i < sizeof(*regs); i++)
		byte[i] = (unsigned char)(i * 7 + 1);
	regs->flags = ALL_FLAGS;
#ifdef __x86_64__
	regs->flags |= 0x202;
#endif
}

/* A call with these results; all else must be as it was. */
static void try(const char *which, void (*thunk)(void), int words, int floats)
{
	static struct regs in, out;
	double value;

	fill(&in);
	memset(&out, 0, sizeof(out));
	around(&in, &out, thunk);
	for (int i = 0; i < NR_GENERAL; i++) {
		uint64_t wanted = in.general[i];

		if (i == 0 && words)
			wanted = 0x1234;
		if (i == RESULT2 && words > 1)
			wanted = 0x5678;
		check(out.general[i] == wanted, "a general register", which);
	}
	check((out.flags & ALL_FLAGS) == ALL_FLAGS, "flags", which);
	memcpy(&value, out.vectors[0], sizeof(value));
	check(!floats || value == 0.75, "the number", which);
	for (int i = floats; i < NR_VECTORS; i++)
		check(!memcmp(in.vectors[i], out.vectors[i], around_width),
		      "a vector register", which);
}

int main(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx"))
		around_width = 32;
	if (__builtin_cpu_supports("avx512f"))
		around_width = 64;
#endif
	for (int i = 0; i < 2; i++) {
		try("nothing", __mallochooks_self_nothing, 0, 0);
		try("word", __mallochooks_self_word, 1, 0);
		try("two", __mallochooks_self_two, 2, 0);
		try("number", __mallochooks_self_number, 0, 1);
	}
	check(__mallochooks_self_many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) == 506,
	      "arguments on the stack", "many");
	check(called == 8, "calls", "all");
	printf("width %u, %d failures\n", around_width, failures);
	return failures > 0;
}
