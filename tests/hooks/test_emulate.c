// SPDX-License-Identifier: MIT
/*
 * test_emulate - calloc made of malloc, as HOOK_EMULATE(calloc) makes it
 *
 * Over a layer that has no calloc of its own and moves each chunk, so that
 * what zeroed() is asked about is what the layer itself gave.
 *
 * test-sources: tests/hooks/fake.c
 * test-flags: -DMH_IDENT=t -DMH_LAYER=shift -DMH_NEXT=fake
 */
#include <setjmp.h>
#include "fake.h"

#define SHARE	64

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	char *ptr = NEXT_IDENT(malloc)(size + SHARE, caller);

	return ptr ? ptr + SHARE : NULL;
}

int HOOK_IDENT(zeroed)(void *ptr, size_t size)
{
	return NEXT_IDENT(zeroed)((char *)ptr - SHARE, size);
}

HOOK_EMULATE(calloc)

static char *gave(int i)
{
	return (char *)HOOK_IDENT(calloc)((size_t)i, 1, 9);
}

static int is_filled(const char *ptr, size_t size, unsigned char with)
{
	while (size--)
		if ((unsigned char)*ptr++ != with)
			return 0;
	return 1;
}

/* Exactly what was asked for is cleared: the share before it is not. */
static void memory_is_cleared(void)
{
	char *ptr = HOOK_IDENT(calloc)(3, 100, 7);

	CHECK(ptr && is_filled(ptr, 300, 0));
	CHECK(is_filled(ptr - SHARE, SHARE, 0xaa));
	EXPECT("next malloc 364 c7 = p0; next zeroed p0 300; "
	       "clear stranger 300");
}

/* A chunk that is known to be zero is not written. */
static void zeroed_memory_is_left_alone(void)
{
	char *ptr;

	fake.zeroed = 1;
	ptr = HOOK_IDENT(calloc)(1, 100, 7);
	CHECK(ptr && is_filled(ptr, 100, 0xaa));
	EXPECT("next malloc 164 c7 = p0; next zeroed p0 100");
}

static void nothing_of_nothing(void)
{
	CHECK(HOOK_IDENT(calloc)(0, 0, 1));
	CHECK(HOOK_IDENT(calloc)(0, 1000, 1));
	CHECK(HOOK_IDENT(calloc)(SIZE_MAX, 0, 1));
	EXPECT("next malloc 64 c1 = p0; next zeroed p0 0; clear stranger 0; "
	       "next malloc 64 c1 = p1; next zeroed p1 0; clear stranger 0; "
	       "next malloc 64 c1 = p2; next zeroed p2 0; clear stranger 0");
}

static void overflow_asks_nobody(void)
{
	static const size_t pairs[][2] = {
		{ SIZE_MAX, 2 }, { 2, SIZE_MAX }, { SIZE_MAX, SIZE_MAX },
		{ (size_t)1 << 32, (size_t)1 << 32 }, { SIZE_MAX, 1 },
		{ 1, SIZE_MAX }, { SIZE_MAX / 2 + 1, 2 },
		{ SIZE_MAX / 3 + 1, 3 }, { 0x100000001, 0x100000001 },
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		errno = 0;
		CHECK(!HOOK_IDENT(calloc)(pairs[i][0], pairs[i][1], 1));
		CHECK(errno == ENOMEM);
		EXPECT("");
	}
}

static void failure_is_the_next_ones(void)
{
	fake.error = EAGAIN;
	errno = 0;
	CHECK(!gave(5));
	CHECK(errno == EAGAIN);
	EXPECT("next malloc 69 c9 = NULL");
	errno = 4242;
	CHECK(gave(5));
	CHECK(errno == 4242);
}

/* The rule that all emulation rests on. */
static void array_bytes(void)
{
	errno = 4242;
	CHECK(mh_array_bytes(0, 0) == 0);
	CHECK(mh_array_bytes(0, SIZE_MAX) == 0);
	CHECK(mh_array_bytes(SIZE_MAX, 0) == 0);
	CHECK(mh_array_bytes(7, 9) == 63);
	CHECK(mh_array_bytes(SIZE_MAX - 1, 1) == SIZE_MAX - 1);
	CHECK(mh_array_bytes(SIZE_MAX / 2, 2) == SIZE_MAX - 1);
	CHECK(errno == 4242);
	CHECK(mh_array_bytes(SIZE_MAX, 1) == SIZE_MAX && errno == ENOMEM);
	errno = 0;
	CHECK(mh_array_bytes(SIZE_MAX / 2 + 1, 2) == SIZE_MAX);
	CHECK(errno == ENOMEM);
}

/* The answers that the composer writes for a layer that has none. */
#undef MH_LAYER
#define MH_LAYER writes
HOOK_NOT_ZEROED
#undef MH_LAYER
#define MH_LAYER looks
HOOK_PASS(zeroed)
#undef MH_LAYER
#define MH_LAYER shift

static void default_answers(void)
{
	char one = 0;

	fake.zeroed = 1;
	CHECK(mh_t_writes_zeroed(&one, 1) == 0);
	EXPECT("");
	CHECK(mh_t_looks_zeroed(&one, 1) == 1);
	EXPECT("next zeroed stranger 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BODY(memory_is_cleared),
		BODY(zeroed_memory_is_left_alone),
		BODY(nothing_of_nothing),
		BODY(overflow_asks_nobody),
		BODY(failure_is_the_next_ones),
		BODY(array_bytes),
		BODY(default_answers),
	};

	return cmocka_run_group_tests(tests, fake_start, NULL);
}
