/* SPDX-License-Identifier: MIT */
/*
 * stack.h - what the composer's generated source makes of its tables
 */
#ifndef MH_STACK_H
#define MH_STACK_H

#include <mallochooks/layer.h>

#pragma GCC visibility push(hidden)

/**
 * mh_stack_start() - take a stack live
 * @stack:	its tables
 * @phase:	its phase page
 * @envp:	environment, as the constructor was handed it: libc's own may
 *		not be set up yet
 *
 * Reads the options, runs init of each layer terminal first, then live.
 * Context: constructor.
 */
void mh_stack_start(const struct mallochooks_stack *stack,
		    struct mh_phase *phase, char *const *envp);

/**
 * mh_stack_fini() - run fini of each layer, top first
 * Context: destructor; calls still come and are still served afterwards.
 */
void mh_stack_fini(const struct mallochooks_stack *stack);

#pragma GCC visibility pop

#define MH_CAT_(a, b)	a##b
#define MH_CAT(a, b)	MH_CAT_(a, b)

#ifndef MH_ATTENDS
#define MH_ATTENDS	1	/* the composer has another answer, if it is */
#endif

/* The note .note.mallochooks leads to it: tools/generate.c. */
#define MH_TABLE_NAME__(ident)	mh_##ident##_table
#define MH_TABLE_NAME_(ident)	MH_TABLE_NAME__(ident)
#define MH_TABLE		MH_TABLE_NAME_(MH_IDENT)
extern struct mallochooks_table MH_TABLE __attribute__((visibility("hidden")));

/* @decide: called when the options have their values and the stack is live */
#define MH_DEFINE_STACK(stack, decide) \
	struct mh_phase MH_PHASE; \
	static const struct mallochooks_stack *listed \
		__attribute__((section("mh_stacks"), used, retain)) = &stack; \
	struct mallochooks_table MH_TABLE = { \
		.magic = MALLOCHOOKS_TABLE_MAGIC, \
		.version = MALLOCHOOKS_TABLE_VERSION, \
		.size = sizeof(struct mallochooks_table), \
		.flags = MH_ATTENDS ? MALLOCHOOKS_ATTENDS : 0, \
	}; \
	extern const char MH_CAT(__mallochooks_entry_, MH_IDENT)[]; \
	__attribute__((visibility("hidden"))) \
	const char MH_CAT(__mallochooks_entry_, MH_IDENT)[] = CONFIG_IDENT; \
	__attribute__((constructor)) \
	static void start(int argc, char **argv, char **envp) \
	{ \
		(void)argc; \
		(void)argv; \
		mh_stack_start(&stack, &MH_PHASE, envp); \
		decide(); \
	} \
	__attribute__((destructor)) \
	static void fini(void) \
	{ \
		mh_stack_fini(&stack); \
	}

#endif
