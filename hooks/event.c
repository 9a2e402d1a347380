// SPDX-License-Identifier: MIT
/*
 * event - tell a client what happens, in terms of chunks
 *
 * Turns the hook API into the event API (eventapi.h).  Every pre is closed by
 * exactly one post.  A call that is made from inside a handler raises no
 * event but passes every layer; a guard in a thread-local, which holds the
 * stack pointer of the frame that set it, tells such a call apart, and a guard
 * that a longjmp left behind is recognised because no live frame is that deep.
 *
 * Costs: nothing but one test where no client has a handler.  When the handlers
 * are composed into the unit and do nothing, the guard and the saving of errno
 * fold away with them; for that the guard's stores are plain ones, so a
 * handler that is inlined whole and calls nothing is not guarded against a
 * signal handler that allocates in the middle of it.
 *
 * With EVENT_TRANSFORMING every call raises its events, in the boot phase and
 * from inside handlers too, because every chunk must have its share.
 */
#include <mallochooks/layer.h>
#include <mallochooks/eventapi.h>
#include "caller.h"
#include "event-absent.h"
#include "thread.h"

#ifdef CONFIG_EVENT_TRANSFORMING
HOOK_TRANSFORMING
#else
HOOK_OBSERVING
#endif

enum listening {
#define MH_X(upper, ev, ret, params, absent) NR_##upper,
	MH_EVENTS(MH_X)
#undef MH_X
};

/* One bit for each handler that somebody has defined; 0 before init. */
static unsigned int listening;

static MH_TLS uintptr_t guard;	/* stack pointer of the frame in a handler */

#define WANTED(ev) \
	(IS_ENABLED(CONFIG_EVENT_##ev) && \
	 (IS_ENABLED(CONFIG_EVENT_TRANSFORMING) || listening & 1u << NR_##ev))

/* Is this call to raise events?  Asked once, for the pre and for its post. */
static inline int raising(void)
{
	if (IS_ENABLED(CONFIG_EVENT_TRANSFORMING))
		return 1;
	return listening && MH_LIVE() &&
	       (likely(!guard) || guard <= mh_stack_pointer());
}

/* What a handler may disturb, kept while it runs. */
struct window {
	uintptr_t guard;
	int error;
};

static inline int *own_errno(void)
{
	return (int *)(mh_thread_pointer() + (uintptr_t)mh_errno_offset);
}

/* In the boot phase, where only transforming clients come, there is no TLS. */
static inline struct window enter(void)
{
	struct window window = { 0, 0 };

	if (IS_ENABLED(CONFIG_EVENT_TRANSFORMING)) {
		if (MH_LIVE())
			window.error = *own_errno();
		return window;
	}
	window.guard = guard;
	window.error = *own_errno();
	guard = mh_stack_pointer();
	return window;
}

static inline void leave(struct window window)
{
	if (IS_ENABLED(CONFIG_EVENT_TRANSFORMING)) {
		if (MH_LIVE())
			*own_errno() = window.error;
		return;
	}
	guard = window.guard;
	*own_errno() = window.error;
}

/* A share that does not fit is asked for as SIZE_MAX, which nobody has. */
static inline size_t raise_pre_alloc(size_t size, size_t alignment,
				     caller_t caller)
{
	struct window window;
	size_t modified;

	if (!WANTED(PRE_ALLOC))
		return size;
	window = enter();
	modified = ALLOC_EVENT_IDENT(pre_alloc)(size, alignment, caller);
	leave(window);
	return likely(modified >= size) ? modified : SIZE_MAX;
}

static inline void *raise_post_alloc(void *ptr, size_t modified, size_t size,
				     size_t alignment, caller_t caller)
{
	struct window window;

	if (likely(ptr)) {
		if (!WANTED(POST_SUCCESSFUL_ALLOC))
			return ptr;
		window = enter();
		ALLOC_EVENT_IDENT(post_successful_alloc)(ptr, modified, size,
							 alignment, caller);
		leave(window);
	} else if (WANTED(POST_ALLOC_FAILED)) {
		window = enter();
		ALLOC_EVENT_IDENT(post_alloc_failed)(size, alignment, caller);
		leave(window);
	}
	return ptr;
}

static inline int raise_pre_free(void *ptr, caller_t caller)
{
	struct window window;
	int cancelled;

	if (!WANTED(PRE_NONNULL_FREE))
		return 0;
	window = enter();
	cancelled = ALLOC_EVENT_IDENT(pre_nonnull_free)(ptr, caller);
	leave(window);
	return cancelled;
}

static inline void raise_post_free(void *ptr, caller_t caller)
{
	struct window window;

	if (!WANTED(POST_NONNULL_FREE))
		return;
	window = enter();
	ALLOC_EVENT_IDENT(post_nonnull_free)(ptr, caller);
	leave(window);
}

static inline size_t raise_pre_realloc(void *old, size_t size, caller_t caller)
{
	struct window window;
	size_t modified;

	if (!WANTED(PRE_NONNULL_NONZERO_REALLOC))
		return size;
	window = enter();
	modified = ALLOC_EVENT_IDENT(pre_nonnull_nonzero_realloc)(old, size,
								  caller);
	leave(window);
	return likely(modified >= size) ? modified : SIZE_MAX;
}

static inline void raise_post_realloc(void *old, size_t modified,
				      caller_t caller, void *ptr)
{
	struct window window;

	if (!WANTED(POST_NONNULL_NONZERO_REALLOC))
		return;
	window = enter();
	ALLOC_EVENT_IDENT(post_nonnull_nonzero_realloc)(old, modified, caller,
							ptr);
	leave(window);
}

static inline void *malloc_with_events(size_t size, caller_t caller)
{
	size_t modified = raise_pre_alloc(size, 0, caller);
	void *ptr = NEXT_IDENT(malloc)(modified, caller);

	return raise_post_alloc(ptr, modified, size, 0, caller);
}

/* n * size has been checked by the entry. */
static inline void *calloc_with_events(size_t n, size_t size, caller_t caller)
{
	size_t modified = raise_pre_alloc(n * size, 0, caller);
	void *ptr = NEXT_IDENT(calloc)(1, modified, caller);

	return raise_post_alloc(ptr, modified, n * size, 0, caller);
}

static inline void *memalign_with_events(size_t alignment, size_t size,
					 caller_t caller)
{
	size_t modified = raise_pre_alloc(size, alignment, caller);
	void *ptr = NEXT_IDENT(memalign)(alignment, modified, caller);

	return raise_post_alloc(ptr, modified, size, alignment, caller);
}

static inline void free_with_events(void *ptr, caller_t caller)
{
	if (raise_pre_free(ptr, caller))
		return;
	NEXT_IDENT(free)(ptr, caller);
	raise_post_free(ptr, caller);
}

static inline size_t usable_with_event(void *ptr)
{
	size_t size = NEXT_IDENT(malloc_usable_size)(ptr);
	struct window window;

	if (!WANTED(POST_USABLE_SIZE))
		return size;
	window = enter();
	size = ALLOC_EVENT_IDENT(post_usable_size)(ptr, size);
	leave(window);
	return size;
}

/*
 * realloc(ptr, 0) frees wherever the library says so: NULL without ENOMEM is a
 * death, another pointer a birth without our share, NULL with ENOMEM leaves the
 * chunk alive, which is announced as a birth at its old address.  A cancelled
 * free calls nothing (C23 leaves the case undefined; glibc 2.36 frees).
 */
static void *realloc_to_zero(void *old, caller_t caller)
{
	int before = *mh_errno(), error;
	size_t below, above;
	void *ptr;

	if (raise_pre_free(old, caller))
		return NULL;
	*mh_errno() = 0;
	ptr = NEXT_IDENT(realloc)(old, 0, caller);
	error = *mh_errno();
	*mh_errno() = error ? error : before;
	if (ptr) {
		raise_post_alloc(ptr, 0, 0, 0, caller);
	} else if (error != ENOMEM) {
		raise_post_free(old, caller);
	} else {
		below = NEXT_IDENT(malloc_usable_size)(old);
		above = usable_with_event(old);
		raise_post_alloc(old, below, above, 0, caller);
	}
	return ptr;
}

static inline void *realloc_with_events(void *old, size_t size, caller_t caller)
{
	size_t modified;
	void *ptr;

	if (!old) {
		modified = raise_pre_alloc(size, 0, caller);
		ptr = NEXT_IDENT(realloc)(NULL, modified, caller);
		return raise_post_alloc(ptr, modified, size, 0, caller);
	}
	if (!size)
		return realloc_to_zero(old, caller);
	modified = raise_pre_realloc(old, size, caller);
	ptr = NEXT_IDENT(realloc)(old, modified, caller);
	raise_post_realloc(old, modified, caller, ptr);
	return ptr;
}

/*
 * Handlers that are compiled into the unit are inlined with all that is around
 * them.  Handlers that come with the link are called from functions of their
 * own, so that the path on which nobody listens saves no register.
 */
#define HANDLERS_INSIDE	(sizeof(CONFIG_CLIENT_SOURCES) > 1)

#define MH_X_(ret, op, params, args, hand) \
	static __attribute__((noinline)) ret op##_apart params \
	{ \
		hand op##_with_events args; \
	} \
	static inline ret op##_heard params \
	{ \
		if (HANDLERS_INSIDE) \
			hand op##_with_events args; \
		else \
			hand op##_apart args; \
	} \
	ret HOOK_IDENT(op) params \
	{ \
		if (likely(!raising())) \
			hand NEXT_IDENT(op) args; \
		else \
			hand op##_heard args; \
	}
#define MH_X(row) MH_X_(row)
MH_X(MH_OP_malloc)
MH_X(MH_OP_calloc)
MH_X(MH_OP_free)
MH_X(MH_OP_realloc)
MH_X(MH_OP_memalign)
#undef MH_X
#undef MH_X_

size_t HOOK_IDENT(malloc_usable_size)(void *ptr)
{
	if (!IS_ENABLED(CONFIG_EVENT_TRANSFORMING) && !(listening && MH_LIVE()))
		return NEXT_IDENT(malloc_usable_size)(ptr);
	return usable_with_event(ptr);
}

/* Handlers write outside of what was requested only. */
HOOK_PASS(zeroed)

size_t ALLOC_EVENT_IDENT(usable)(void *ptr)
{
	return ptr ? NEXT_IDENT(malloc_usable_size)(ptr) : 0;
}

void ALLOC_EVENT_IDENT(release)(void *ptr)
{
	if (ptr)
		NEXT_IDENT(free)(ptr, 0);
}

typedef void any_function(void);

/* The compiler must not decide that two names are two addresses. */
static int is_defined(any_function *handler, any_function *absent)
{
	__asm__("" : "+r"(handler), "+r"(absent));
	return handler != absent;
}

void HOOK_IDENT(init)(void)
{
	unsigned int found = 0;

#define MH_X(upper, ev, ret, params, absent) \
	if (IS_ENABLED(CONFIG_EVENT_##upper) && \
	    is_defined((any_function *)ALLOC_EVENT_IDENT(ev), \
		       (any_function *)MH_ABSENT(ev))) \
		found |= 1u << NR_##upper;
	MH_EVENTS(MH_X)
#undef MH_X
	listening = found;
	if (IS_ENABLED(CONFIG_EVENT_TRANSFORMING) &&
	    found & (1u << NR_PRE_ALLOC | 1u << NR_PRE_NONNULL_NONZERO_REALLOC) &&
	    !(found & 1u << NR_POST_USABLE_SIZE))
		mh_say("event", "the client enlarges and has no post_usable_size "
		       "handler: malloc_usable_size() tells the program of the "
		       "client's share too");
}

void HOOK_IDENT(live)(void)
{
	struct window window;

	if (!WANTED(POST_INIT))
		return;
	window = enter();
	ALLOC_EVENT_IDENT(post_init)();
	leave(window);
}
