/* SPDX-License-Identifier: MIT */
/*
 * named.h - functions that are not called malloc
 *
 * Included by what "mallochooks stack" generates from signatures: the entry and
 * the terminal of an allocator whose functions have names of their own, and the
 * stubs of facades.
 */
#ifndef MH_NAMED_H
#define MH_NAMED_H

#include <limits.h>
#include <mallochooks/layer.h>
#include "entry.h"
#include "latch.h"
#include "nextsym.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

/* ---- the real function ------------------------------------------------------- */

/*
 * MH_REAL(ret, name, params, args, none): real_NAME, by whatever the method is;
 * @none is what a function does that is not there.
 */
#if defined(CONFIG_METHOD_REPLACE)
#define MH_REAL(ret, name, params, args, none) \
	extern ret real_##name params __asm__("__real_" #name) \
		__attribute__((visibility("hidden"))); \
	extern ret absent_##name params __asm__("__mallochooks_absent_" #name) \
		__attribute__((visibility("hidden"), used)); \
	ret absent_##name params { none; }
#elif defined(CONFIG_METHOD_WRAP)
#define MH_REAL(ret, name, params, args, none) \
	extern ret linked_##name params __asm__("__real_" #name) \
		__attribute__((weak)); \
	static inline ret real_##name params \
	{ \
		if (unlikely(!linked_##name)) \
			none; \
		return linked_##name args; \
	}
#else
#ifdef CONFIG_METHOD_WRAPDL
#define MH_LOOK_UP(name)	mh_scope_symbol(name)
#else
#define MH_LOOK_UP(name)	mh_next_symbol(name)
#endif
#define MH_REAL(ret, name, params, args, none) \
	static ret real_##name params \
	{ \
		static void *found; \
		\
		if (unlikely(!found)) \
			__atomic_store_n(&found, MH_LOOK_UP(#name), \
					 __ATOMIC_RELAXED); \
		if (unlikely(!found)) \
			none; \
		return ((ret (*) params)found) args; \
	}
#endif

/* ---- a call on its way from the entry to the terminal ------------------------- */

#define MH_CALL_WORDS	12	/* SIGNATURE_MOST of tools/signature.h */

/**
 * struct mh_call - the arguments that the hook API has no room for
 * @mark:	tells that it is one still
 * @function:	number of the function within its allocator
 * @word:	its arguments
 * @bytes:	that these ask for
 * @result:	of a function that frees, which layers take for void
 * @taken:	the latch of a facade above, while the entry works
 * @outer:	call within which this one was made
 *
 * Lives in the frame of the entry.
 */
struct mh_call {
	uintptr_t mark;
	int function;
	uintptr_t word[MH_CALL_WORDS];
	size_t bytes;
	uintptr_t result;
	struct mh_latch taken;
	struct mh_call *outer;
};

extern MH_TLS struct mh_call *MH_NAME(entry, call)
	__attribute__((visibility("hidden")));

#define MH_CALL_MARK(call)	((uintptr_t)(call) ^ 0x63616c6c)

/*
 * The call under way, or NULL: a handler releases a chunk out of no call at all,
 * and what a longjmp has left behind lies below the stack pointer, or was
 * written over.
 */
static inline struct mh_call *mh_call_now(void)
{
	struct mh_call *call = MH_NAME(entry, call);

	return (uintptr_t)call >= mh_stack_pointer() &&
	       call->mark == MH_CALL_MARK(call) ? call : NULL;
}

/* Return: the caller, a facade's rather than @caller. */
static inline caller_t mh_call_begin(struct mh_call *call, size_t bytes,
				     caller_t caller)
{
	mh_answer();
	call->mark = MH_CALL_MARK(call);
	call->bytes = bytes;
	call->outer = mh_call_now();
	MH_NAME(entry, call) = call;
	return mh_latch_take(caller, &call->taken);
}

/* @done: it succeeded */
static inline void mh_call_end(struct mh_call *call, int done)
{
	MH_NAME(entry, call) = call->outer;
	mh_latch_give_back(&call->taken, done);
}

/* What the real function says when it is asked about no chunk. */
#define MH_OF_NONE(name)	MH_NAME(terminal, of_none_##name)

/* What an int asks for; SIZE_MAX: it is negative. */
static inline size_t mh_call_bytes(int wanted)
{
	return wanted < 0 ? SIZE_MAX : (size_t)wanted;
}

/* Layers see powers of two only. */
static inline size_t mh_call_alignment(size_t wanted)
{
	size_t alignment = sizeof(void *);

	while (alignment < wanted && alignment <= SIZE_MAX / 2)
		alignment *= 2;
	return alignment;
}

static inline int mh_call_function(const struct mh_call *call)
{
	return call ? call->function : -1;
}

/* No function of the allocator does this. */
static inline void *mh_call_none(void)
{
	*mh_errno() = ENOMEM;
	return NULL;
}

/* A size function may answer -1 to a chunk that is none of its. */
static inline size_t mh_call_usable(long answer)
{
	return answer < 0 ? 0 : (size_t)answer;
}

static inline void *mh_call_cleared(void *ptr, size_t bytes)
{
	if (ptr)
		mh_clear(ptr, bytes);
	return ptr;
}

/*
 * While a function of the allocator is under way, calls from the object that
 * defines it are its own work, as of a realloc that allocates, copies and
 * frees: the layers have been told of that, and their shares are in it.
 */
#ifdef CONFIG_METHOD_REPLACE
#undef ENTRY_FOR_OWN_OBJECT
#define ENTRY_FOR_OWN_OBJECT(ret, name, params, args) \
	extern ret real_##name params __asm__("__real_" #name) \
		__attribute__((visibility("hidden"))); \
	ENTRY_HIDDEN_NAME(ret, name, params) \
	ENTRY_INNER(ret, name, params) \
	{ \
		if (mh_call_now()) \
			return real_##name args; \
		return name##_by(IS_ENABLED(CONFIG_CALLER_NONE) ? \
				 (caller_t)0 : MH_RETURN_ADDRESS_ABOVE() \
				 MORE args); \
	}
#endif

/* ---- facades ------------------------------------------------------------------- */

struct mh_facade {
	struct mh_latch before;
	int latched;
};

/* By cleanup, so that an exception which passes takes the latch away too. */
static inline void mh_facade_end(const struct mh_facade *facade)
{
	if (facade->latched)
		mh_latch_reset(&facade->before);
}

static inline struct mh_facade mh_facade_begin(caller_t site,
					       const uintptr_t *slot)
{
	struct mh_facade facade = { { 0, NULL, 0 }, mh_latch_offset != 0 };

	if (facade.latched)
		facade.before = mh_latch_set(site, slot, MH_LATCH_CLEANED);
	return facade;
}

#ifdef CONFIG_METHOD_REPLACE
#define FACADE_FOR_OWN_OBJECT(ret, name, params, args) \
	ENTRY_HIDDEN_NAME(ret, name, params) \
	ENTRY_INNER(ret, name, params) \
	{ \
		return name##_by(MH_RETURN_ADDRESS_ABOVE(), \
				 MH_RETURN_SLOT_ABOVE() MORE args); \
	}
#else
#define FACADE_FOR_OWN_OBJECT(ret, name, params, args)
#endif

/* Notes who called, and calls the real function. */
#define FACADE(ret, name, params, args) \
	static inline __attribute__((always_inline)) \
	ret name##_by(caller_t site, const uintptr_t *slot MORE params) \
	{ \
		struct mh_facade facade \
			__attribute__((cleanup(mh_facade_end))) = \
			mh_facade_begin(site, slot); \
		\
		(void)facade; \
		return real_##name args; \
	} \
	ENTRY_PUBLIC(ret, name, params) \
	{ \
		return name##_by(MH_RETURN_ADDRESS(), MH_RETURN_SLOT() \
				 MORE args); \
	} \
	FACADE_FOR_OWN_OBJECT(ret, name, params, args)

/* Before any of them is called, or it notes nothing. */
#define FACADES_START \
	__attribute__((constructor)) static void start(void) \
	{ \
		mh_latch_start(); \
	}

#endif
