// SPDX-License-Identifier: MIT
/*
 * rewrite_inc - a program that uses int inc(int), which another object defines;
 * with -DHOOKS the hooks around it, which add 100
 */
#include <stdio.h>

int inc_calls(void);

#ifdef HOOKS
#define HIDDEN	__attribute__((visibility("hidden")))

HIDDEN int __real_inc(int n);

#ifdef ENTRY_ONLY		/* as for a static function */
#define inc	__mallochooks_entry_inc
HIDDEN int inc(int n);
#else
int inc(int n);
HIDDEN __attribute__((alias("inc"))) int __mallochooks_entry_inc(int n);
#endif

static int calls;

int inc_calls(void)
{
	return calls;
}

int inc(int n)
{
	calls++;
	return __real_inc(n) + 100;
}
#else
int use(int n);
extern int (*pointer)(int);
#ifdef OUTSIDE
int inc(int n);
#else
#define inc	use
#endif

int main(void)
{
	int used = use(5), pointed = pointer(5), called = inc(5);

	printf("%d %d %d %d\n", used, pointed, called, inc_calls());
	return 0;
}
#endif
