// SPDX-License-Identifier: MIT
/*
 * test_index - the index layer between a fake program and a fake next
 *
 * test-sources: hooks/index.c tests/hooks/fake.c index/arena.c index/chunk.c config/say.c
 * test-flags: -DMH_IDENT=t -DMH_LAYER=index -DMH_NEXT=fake
 */
#include "fake.h"

#define MALLOC(size)		HOOK_IDENT(malloc)(size, 1)
#define CALLOC(n, size)		HOOK_IDENT(calloc)(n, size, 2)
#define REALLOC(ptr, size)	HOOK_IDENT(realloc)(ptr, size, 3)
#define MEMALIGN(align, size)	HOOK_IDENT(memalign)(align, size, 4)
#define FREE(ptr)		HOOK_IDENT(free)(ptr, 5)

static void dump(void)
{
	HOOK_IDENT(dump)(2);
}

#define LIVE_AND_UNKNOWN(nr, bytes, unknown) \
	HEAR(dump, "mallochooks: index: " #nr " live chunks, " #bytes \
	     " bytes requested, 0 not recorded, " #unknown \
	     " freed that it did not know\n")
#define LIVE(nr, bytes)	LIVE_AND_UNKNOWN(nr, bytes, 0)

/* The last answer. */
static struct mallochooks_object object;

static int ask(const void *address)
{
	object.size = sizeof(object);
	return HOOK_IDENT(query)(address, &object);
}

static int is(const void *ptr, size_t size, uint64_t site)
{
	return !ask((const char *)ptr + (size ? size - 1 : 0)) &&
	       object.base == ptr && object.requested == size &&
	       object.usable == (size + 15) / 16 * 16 && object.site == site &&
	       !object.flags;
}

static void every_operation_goes_down_unchanged(void)
{
	void *p, *q;

	p = MALLOC(100);
	CHECK(CALLOC(3, 7));
	p = REALLOC(p, 300);
	q = MEMALIGN(256, 40);
	FREE(p);
	CHECK(HOOK_IDENT(malloc_usable_size)(q) == 48);
	CHECK(!REALLOC(q, 0));
	EXPECT("next malloc 100 c1 = p0; next usable p0; "
	       "next calloc 3 7 c2 = p1; next usable p1; "
	       "next realloc p0 300 c3 = p2; next usable p2; "
	       "next memalign 256 40 c4 = p3; next usable p3; "
	       "next free p2 c5; next usable p3; next realloc p3 0 c3 = NULL");
	LIVE(1, 21);
}

static void births_and_deaths(void)
{
	void *p = MALLOC(100), *q = CALLOC(5, 5), *r = MEMALIGN(64, 7);
	void *s = REALLOC(NULL, 20000);

	CHECK(is(p, 100, 1) && is(q, 25, 2) && is(r, 7, 4) && is(s, 20000, 3));
	CHECK(!strcmp(object.ident, CONFIG_IDENT));
	LIVE(4, 20132);
	FREE(q);
	CHECK(ask(q) == -ENOENT);
	FREE(q);
	FREE(&fake);		/* older than we are */
	FREE(s);
	CHECK(ask(s) == -ENOENT && ask(&fake) == -ENOENT);
	CHECK(is(p, 100, 1) && is(r, 7, 4));
	LIVE_AND_UNKNOWN(2, 107, 2);
	object.size = 8;
	CHECK(HOOK_IDENT(query)(p, &object) == -EINVAL);
}

static void failures_leave_no_trace(void)
{
	void *p = MALLOC(100);

	errno = 0;
	fake.error = ENOMEM;
	CHECK(!MALLOC(5) && errno == ENOMEM);
	fake.error = ENOMEM;
	CHECK(!CALLOC(5, 1));
	fake.error = ENOMEM;
	CHECK(!MEMALIGN(32, 1));
	fake.error = EAGAIN;
	CHECK(!REALLOC(NULL, 5) && errno == EAGAIN);
	fake.error = ENOMEM;
	CHECK(!REALLOC(p, 500) && errno == ENOMEM);
	CHECK(is(p, 100, 1));
	LIVE(1, 100);
}

static void *under_way;

static void look_while_it_happens(void)
{
	CHECK(!ask(under_way) && object.base == under_way);
	CHECK(object.flags == MALLOCHOOKS_PENDING && object.tag == 9);
	CHECK(HOOK_IDENT(tag)(under_way, 1) == -EBUSY);
}

/* Site and tag stay, and the record is there, flagged. */
static void realloc_keeps_what_was_known(void)
{
	void *p = MALLOC(100), *q;

	CHECK(!HOOK_IDENT(tag)((char *)p + 50, 9));
	under_way = p;
	fake.on_call = look_while_it_happens;
	fake.error = ENOMEM;
	CHECK(!REALLOC(p, 40000));
	fake.on_call = NULL;
	CHECK(is(p, 100, 1) && object.tag == 9);
	q = REALLOC(p, 40000);
	CHECK(q != p && is(q, 40000, 1) && object.tag == 9);
	CHECK(ask(p) == -ENOENT);
	CHECK(!HOOK_IDENT(tag)(q, 0) && !ask(q) && !object.tag);
	LIVE(1, 40000);
	q = REALLOC(&fake, 60);		/* older than we are */
	CHECK(is(q, 60, 3));
	fake.error = ENOMEM;
	CHECK(!REALLOC(&fake, 70));
	LIVE_AND_UNKNOWN(2, 40060, 1);
}

static void realloc_to_zero_is_what_the_library_says(void)
{
	void *p = MALLOC(8), *q;

	errno = 4242;
	fake.realloc_zero = FAKE_FREES;
	CHECK(!REALLOC(p, 0) && errno == 4242);
	CHECK(ask(p) == -ENOENT);
	p = MALLOC(8);
	fake.realloc_zero = FAKE_GIVES;
	q = REALLOC(p, 0);
	CHECK(q && ask(p) == -ENOENT && is(q, 0, 1));
	fake.realloc_zero = FAKE_KEEPS;
	CHECK(!REALLOC(q, 0) && errno == ENOMEM);
	CHECK(is(q, 0, 1));
	LIVE(1, 0);
}

static void errno_is_the_next_ones(void)
{
	errno = 4242;
	FREE(REALLOC(CALLOC(1, MEMALIGN(16, 1) != NULL), 8));
	MALLOC(100000);
	CHECK(errno == 4242);
	fake.leaves_errno = 55;
	MALLOC(1);
	CHECK(errno == 55);
}

/* The phase makes no difference: boot, or a child that was not woken yet. */
static void early_calls_are_known(void)
{
	void *p;

	MH_PHASE.word = MH_PHASE_BOOT;
	fake.wake_fails = 1;
	p = MALLOC(100);
	CHECK(is(p, 100, 1));
	p = REALLOC(p, 200);
	CHECK(is(p, 200, 1));
	FREE(p);
	LIVE(0, 0);
}

static int stop_at_second(const struct mallochooks_object *seen, void *arg)
{
	CHECK(seen->size == sizeof(*seen) && seen->site == 1);
	return ++*(int *)arg == 2 ? 7 : 0;
}

static void a_walk_can_be_ended(void)
{
	int nr = 0;

	MALLOC(1);
	MALLOC(2);
	MALLOC(3);
	CHECK(HOOK_IDENT(walk)(stop_at_second, &nr) == 7 && nr == 2);
}

/* The layer only looks; so the composer passes on the operation it lacks. */
extern const char HOOK_IDENT(observing);
HOOK_PASS(zeroed)

static void it_says_that_it_observes(void)
{
	CHECK(HOOK_IDENT(observing) == 1);
	fake.zeroed = 7;
	CHECK(HOOK_IDENT(zeroed)(&fake, 30) == 7);
	EXPECT("next zeroed stranger 30");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BODY(every_operation_goes_down_unchanged),
		BODY(births_and_deaths),
		BODY(failures_leave_no_trace),
		BODY(realloc_keeps_what_was_known),
		BODY(realloc_to_zero_is_what_the_library_says),
		BODY(errno_is_the_next_ones),
		BODY(early_calls_are_known),
		BODY(a_walk_can_be_ended),
		BODY(it_says_that_it_observes),
		cmocka_unit_test(fake_assert_every_op_was_seen),
	};

	return cmocka_run_group_tests(tests, fake_start, NULL);
}
