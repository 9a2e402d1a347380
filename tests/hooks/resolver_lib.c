// SPDX-License-Identifier: MIT
/*
 * resolver_lib - symbols of every kind, in a library with a DT_HASH table only
 *
 * With -DEARLY its IFUNC resolver also calls the checker, if there is one.  It
 * does not name the checker as needed: then that would be relocated first.
 */
int old_one(void);
int new_one(void);
int two_of_ours(void);
int gone_from_the_api(void);
int weak_one(void) __attribute__((weak));
int protected_one(void) __attribute__((visibility("protected")));
int hidden_one(void) __attribute__((visibility("hidden")));
extern int absolute_one;

/* old_and_new@OLD is hidden, old_and_new@@NEW is what a reference binds to. */
int old_one(void)
{
	return 1;
}
__asm__(".symver old_one, old_and_new@OLD");

int new_one(void)
{
	return 2;
}
__asm__(".symver new_one, old_and_new@@NEW");

int gone_from_the_api(void)
{
	return 3;
}
__asm__(".symver gone_from_the_api, only_old@OLD");

int weak_one(void)
{
	return 4;
}

int protected_one(void)
{
	return 5;
}

int hidden_one(void)
{
	return 6;
}

/* Also defined by the next library: the first one counts. */
int two_of_ours(void)
{
	return 7;
}

__asm__(".globl absolute_one; absolute_one = 0x1234");

int a_datum = 8, *an_address = &a_datum;
__thread int a_thread_local = 9;

static int answer(void)
{
	return 42;
}

#ifdef EARLY
void resolver_early(void) __attribute__((weak));
#endif

static int (*choose(void))(void)
{
#ifdef EARLY
	if (resolver_early)
		resolver_early();
#endif
	return answer;
}
int picked(void) __attribute__((ifunc("choose")));

/* A use in here, last among the relocations: the loader must call choose(). */
static int chosen(void) __attribute__((ifunc("choose")));

int call_picked(void);
int call_picked(void)
{
	return chosen() + hidden_one();
}
