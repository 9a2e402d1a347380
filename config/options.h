/* SPDX-License-Identifier: MIT */
/*
 * options.h - give the options of a stack their values
 */
#ifndef MH_OPTIONS_H
#define MH_OPTIONS_H

#include <mallochooks/mallochooks.h>

/* How to visit every stack of the process: mallochooks_for_each_stack(). */
typedef int mh_for_each_stack(
	int (*visit)(const struct mallochooks_unit *unit,
		     const struct mallochooks_stack *stack, void *arg),
	void *arg);

#pragma GCC visibility push(hidden)

/**
 * mh_options_from_environment() - read MALLOCHOOKS="layer.option=value,..."
 * @stack:	whose options are set
 * @envp:	environment
 * @each:	asked whether some other stack knows a layer that this one does
 *		not
 *
 * A later word wins.  "identity:" before the name speaks to one stack only; a
 * "?" before all says that nobody need know the option.  A comma in a string
 * is written "\,".  Each mistake is one line, and the default stays.
 *
 * Context: constructor.
 */
void mh_options_from_environment(const struct mallochooks_stack *stack,
				 char *const *envp, mh_for_each_stack *each);

/**
 * mh_option_find() - an option of a stack by "[identity:]layer.option"
 * Return: the option, or NULL.
 */
struct mallochooks_option *mh_option_find(const struct mallochooks_stack *stack,
					  const char *name);

#pragma GCC visibility pop

#endif
