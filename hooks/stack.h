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

/* The note by which a file is known to carry a stack: see Documentation. */
struct mh_note {
	uint32_t namesz;
	uint32_t descsz;
	uint32_t type;
	char name[12];			/* "mallochooks" */
	uint32_t abi;
	char ident[60];
};

#define MH_CAT_(a, b)	a##b
#define MH_CAT(a, b)	MH_CAT_(a, b)

#define MH_DEFINE_STACK(stack) \
	struct mh_phase MH_PHASE; \
	static const struct mallochooks_stack *listed \
		__attribute__((section("mh_stacks"), used, retain)) = &stack; \
	static const struct mh_note note \
		__attribute__((section(".note.mallochooks"), used, retain, \
			       aligned(4))) = { \
		sizeof(note.name), sizeof(note.abi) + sizeof(note.ident), 1, \
		"mallochooks", MALLOCHOOKS_ABI, CONFIG_IDENT \
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
	} \
	__attribute__((destructor)) \
	static void fini(void) \
	{ \
		mh_stack_fini(&stack); \
	}

#endif
