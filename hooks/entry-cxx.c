// SPDX-License-Identifier: MIT
/*
 * entry-cxx - operator new and delete as facades
 *
 * Latches the call site and calls the next definition, so new_handler,
 * bad_alloc and the program's own operators stay what they are.  Without this
 * group every chunk of a C++ program seems to come from libstdc++.
 *
 * The next operator is looked up at its first call, not at start: libstdc++
 * may be loaded late.  An exception that passes leaves the latch behind; its
 * return slot then tells that it is stale (latch.h).
 */
#include <mallochooks/layer.h>
#include "latch.h"
#include "nextsym.h"

static inline struct mh_latch latch(caller_t site, const uintptr_t *slot)
{
	struct mh_latch none = { 0, NULL, 0 };

	return MH_LIVE() ? mh_latch_set(site, slot, 0) : none;
}

static inline void unlatch(const struct mh_latch *before)
{
	if (MH_LIVE())
		mh_latch_reset(before);
}

static __attribute__((noinline, cold)) void *look_up(const char *name,
						     void **next)
{
	void *found = mh_next_symbol(name);

	if (!found)
		mh_say("cxx", "an operator new or delete was called that no "
		       "library behind us defines: link the program with "
		       "libstdc++, or build without SYM_CXX");
	__atomic_store_n(next, found, __ATOMIC_RELAXED);
	return found;
}

#define FACADE_(ret, name, params) \
	__attribute__((visibility("default"), used)) \
	ret facade_##name params __asm__(#name); \
	ret facade_##name params

/* Both build on: static pointer of the next one, latch, call, unlatch. */
#define OPERATOR_NEW(name, params, args) \
	FACADE_(void *, name, params) \
	{ \
		static void *next; \
		void *(*call) params = next; \
		struct mh_latch before; \
		void *ptr = NULL; \
		\
		if (unlikely(!call)) \
			call = look_up(#name, &next); \
		before = latch(MH_RETURN_ADDRESS(), MH_RETURN_SLOT()); \
		if (call) \
			ptr = call args; \
		unlatch(&before); \
		return ptr; \
	}

#define OPERATOR_DELETE(name, params, args) \
	FACADE_(void, name, params) \
	{ \
		static void *next; \
		void (*call) params = next; \
		struct mh_latch before; \
		\
		if (unlikely(!call)) \
			call = look_up(#name, &next); \
		before = latch(MH_RETURN_ADDRESS(), MH_RETURN_SLOT()); \
		if (call) \
			call args; \
		unlatch(&before); \
	}

/* Mangled as in the Itanium C++ ABI, 5.1: m is size_t, nothrow is a reference. */

OPERATOR_NEW(_Znwm, (size_t size), (size))
OPERATOR_NEW(_Znam, (size_t size), (size))
OPERATOR_NEW(_ZnwmRKSt9nothrow_t, (size_t size, const void *tag), (size, tag))
OPERATOR_NEW(_ZnamRKSt9nothrow_t, (size_t size, const void *tag), (size, tag))
OPERATOR_NEW(_ZnwmSt11align_val_t, (size_t size, size_t align), (size, align))
OPERATOR_NEW(_ZnamSt11align_val_t, (size_t size, size_t align), (size, align))
OPERATOR_NEW(_ZnwmSt11align_val_tRKSt9nothrow_t,
	     (size_t size, size_t align, const void *tag), (size, align, tag))
OPERATOR_NEW(_ZnamSt11align_val_tRKSt9nothrow_t,
	     (size_t size, size_t align, const void *tag), (size, align, tag))

OPERATOR_DELETE(_ZdlPv, (void *ptr), (ptr))
OPERATOR_DELETE(_ZdaPv, (void *ptr), (ptr))
OPERATOR_DELETE(_ZdlPvm, (void *ptr, size_t size), (ptr, size))
OPERATOR_DELETE(_ZdaPvm, (void *ptr, size_t size), (ptr, size))
OPERATOR_DELETE(_ZdlPvRKSt9nothrow_t, (void *ptr, const void *tag), (ptr, tag))
OPERATOR_DELETE(_ZdaPvRKSt9nothrow_t, (void *ptr, const void *tag), (ptr, tag))
OPERATOR_DELETE(_ZdlPvSt11align_val_t, (void *ptr, size_t align), (ptr, align))
OPERATOR_DELETE(_ZdaPvSt11align_val_t, (void *ptr, size_t align), (ptr, align))
OPERATOR_DELETE(_ZdlPvmSt11align_val_t,
		(void *ptr, size_t size, size_t align), (ptr, size, align))
OPERATOR_DELETE(_ZdaPvmSt11align_val_t,
		(void *ptr, size_t size, size_t align), (ptr, size, align))
OPERATOR_DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t,
		(void *ptr, size_t align, const void *tag), (ptr, align, tag))
OPERATOR_DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t,
		(void *ptr, size_t align, const void *tag), (ptr, align, tag))
