// SPDX-License-Identifier: MIT
/*
 * event - tell a client what happens, in terms of chunks
 *
 * Turns the hook API into the event API (eventapi.h).  Every pre is closed by
 * exactly one post.  A call that is made from inside a handler raises no
 * event but passes every layer; a guard in a thread-local, which holds the
 * stack pointer of the frame that set it, tells such a call apart, and a guard
 * that a longjmp left behind is recognised because no live frame is that deep,
 * unless it be on another stack.
 *
 * Costs: one test where no client has a handler of what the call may raise; one
 * more, of the guard, where one has.  When the handlers are composed into the
 * unit and do nothing, the rest folds away with them; for that the guard's
 * stores are plain ones, so a handler that is inlined whole and calls nothing
 * is not guarded against a signal handler that allocates in the middle of it.
 * A handler that comes with the link costs its call, the guard set and cleared,
 * and errno saved and restored: 12 instructions on x86_64.
 *
 * With EVENT_TRANSFORMING every call raises its events, in the boot phase and
 * from inside handlers too, because every chunk must have its share.
 */
#include <signal.h>
#include <mallochooks/layer.h>
#include <mallochooks/eventapi.h>
#include "caller.h"
#include "event-absent.h"
#include "syscall.h"
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

#define BIT(ev)	(1u << NR_##ev)

/* What each operation may raise. */
enum {
	EVENTS_malloc = BIT(PRE_ALLOC) | BIT(POST_SUCCESSFUL_ALLOC) |
			BIT(POST_ALLOC_FAILED),
	EVENTS_calloc = EVENTS_malloc,
	EVENTS_memalign = EVENTS_malloc,
	EVENTS_free = BIT(PRE_NONNULL_FREE) | BIT(POST_NONNULL_FREE),
	EVENTS_realloc = EVENTS_malloc | EVENTS_free | BIT(POST_USABLE_SIZE) |
			 BIT(PRE_NONNULL_NONZERO_REALLOC) |
			 BIT(POST_NONNULL_NONZERO_REALLOC),
	EVENTS_malloc_usable_size = BIT(POST_USABLE_SIZE),
};

/* Nothing to raise for sure: there is a guard, and the call lies above it. */
#define ABOVE_GUARD	(1u << 31)

/* What most clients listen to: a birth when it is done, a death before. */
enum { USUAL = BIT(POST_SUCCESSFUL_ALLOC) | BIT(PRE_NONNULL_FREE) };

/* The events that somebody has defined a handler of; none until we are live. */
static unsigned int listening;

static MH_TLS uintptr_t guard;	/* stack pointer of the frame in a handler */

#define HEARD(ev) \
	(IS_ENABLED(CONFIG_EVENT_##ev) && heard & BIT(ev))

/* Handlers that are compiled into the unit are inlined. */
#define HANDLERS_INSIDE	(sizeof(CONFIG_CLIENT_SOURCES) > 1)

/*
 * Which of @events is this call to raise?  Asked once, for the pre and for its
 * post.  Nobody listens before we are live, when the thread-local is out of
 * bounds.  It is read twice because one comparison in memory, the usual case,
 * is the shorter code.
 */
static inline unsigned int raising(unsigned int events)
{
	unsigned int heard = listening & events;

	if (IS_ENABLED(CONFIG_EVENT_TRANSFORMING))
		return events;
	if (likely(!heard))
		return 0;
	if (likely(!guard))
		return heard;
	if (*(volatile uintptr_t *)&guard > mh_stack_pointer())
		return 0;	/* a handler has made this call */
	return ABOVE_GUARD;	/* a longjmp has left it behind, most likely */
}

/*
 * A signal may interrupt a handler of ours, and its own handler's stack lie above
 * that: sigaltstack(2).  The one system call of this layer, which only a program
 * ever makes that does this, or leaves a handler by longjmp.
 *
 * Return: the events of @events to raise.
 */
static inline unsigned int raising_above(unsigned int events)
{
	stack_t stack;

	if (!mh_syscall(SYS_sigaltstack, 0, (long)&stack, 0, 0, 0, 0) &&
	    stack.ss_flags & SS_ONSTACK &&
	    guard - (uintptr_t)stack.ss_sp >= stack.ss_size)
		return 0;
	guard = 0;
	return listening & events;
}

/* What a handler may disturb, kept while it runs. */
struct window {
	uintptr_t guard;
	int error;
};

/*
 * The guard is 0 here, which raising() saw to; but only a guard that is saved
 * and restored folds away with a handler that does nothing.  In the boot phase,
 * where only transforming clients come, there is no TLS.
 */
static inline struct window enter(void)
{
	struct window window = { 0, 0 };

	if (IS_ENABLED(CONFIG_EVENT_TRANSFORMING)) {
		if (MH_LIVE())
			window.error = MH_THREAD_AT(int, mh_errno_offset);
		return window;
	}
	if (HANDLERS_INSIDE)
		window.guard = guard;
	window.error = MH_THREAD_AT(int, mh_errno_offset);
	guard = mh_stack_pointer();
	return window;
}

static inline void leave(struct window window)
{
	if (IS_ENABLED(CONFIG_EVENT_TRANSFORMING)) {
		if (MH_LIVE())
			MH_THREAD_AT(int, mh_errno_offset) = window.error;
		return;
	}
	guard = window.guard;
	MH_THREAD_AT(int, mh_errno_offset) = window.error;
}

/* A share that does not fit is asked for as SIZE_MAX, which nobody has. */
static inline size_t raise_pre_alloc(unsigned int heard, size_t size,
				     size_t alignment, caller_t caller)
{
	struct window window;
	size_t modified;

	if (!HEARD(PRE_ALLOC))
		return size;
	window = enter();
	modified = ALLOC_EVENT_IDENT(pre_alloc)(size, alignment, caller);
	leave(window);
	return likely(modified >= size) ? modified : SIZE_MAX;
}

/*
 * Beyond half of what a pointer can count nobody has anything, and mimalloc then
 * sets no errno: what only our share brought there fails as any other request.
 */
static inline int too_big_with_share(size_t modified, size_t size)
{
	return modified != size && modified > PTRDIFF_MAX / 2;
}

static __attribute__((noinline, cold)) void
raise_alloc_failed(unsigned int heard, size_t size, size_t alignment,
		   caller_t caller)
{
	struct window window;

	if (!HEARD(POST_ALLOC_FAILED))
		return;
	window = enter();
	ALLOC_EVENT_IDENT(post_alloc_failed)(size, alignment, caller);
	leave(window);
}

static inline void *raise_post_alloc(unsigned int heard, void *ptr,
				     size_t modified, size_t size,
				     size_t alignment, caller_t caller)
{
	struct window window;

	if (unlikely(!ptr)) {
		if (too_big_with_share(modified, size))
			*mh_errno() = ENOMEM;
		raise_alloc_failed(heard, size, alignment, caller);
		return NULL;
	}
	if (!HEARD(POST_SUCCESSFUL_ALLOC))
		return ptr;
	window = enter();
	ALLOC_EVENT_IDENT(post_successful_alloc)(ptr, modified, size,
						 alignment, caller);
	leave(window);
	return ptr;
}

static inline int raise_pre_free(unsigned int heard, void *ptr, caller_t caller)
{
	struct window window;
	int cancelled;

	if (!HEARD(PRE_NONNULL_FREE))
		return 0;
	window = enter();
	cancelled = ALLOC_EVENT_IDENT(pre_nonnull_free)(ptr, caller);
	leave(window);
	return cancelled;
}

static inline void raise_post_free(unsigned int heard, void *ptr,
				   caller_t caller)
{
	struct window window;

	if (!HEARD(POST_NONNULL_FREE))
		return;
	window = enter();
	ALLOC_EVENT_IDENT(post_nonnull_free)(ptr, caller);
	leave(window);
}

static inline size_t raise_pre_realloc(unsigned int heard, void *old,
				       size_t size, caller_t caller)
{
	struct window window;
	size_t modified;

	if (!HEARD(PRE_NONNULL_NONZERO_REALLOC))
		return size;
	window = enter();
	modified = ALLOC_EVENT_IDENT(pre_nonnull_nonzero_realloc)(old, size,
								  caller);
	leave(window);
	return likely(modified >= size) ? modified : SIZE_MAX;
}

static inline void raise_post_realloc(unsigned int heard, void *old,
				      size_t modified, caller_t caller,
				      void *ptr)
{
	struct window window;

	if (!HEARD(POST_NONNULL_NONZERO_REALLOC))
		return;
	window = enter();
	ALLOC_EVENT_IDENT(post_nonnull_nonzero_realloc)(old, modified, caller,
							ptr);
	leave(window);
}

static inline void *malloc_heard(unsigned int heard, size_t size,
				 caller_t caller)
{
	size_t modified = raise_pre_alloc(heard, size, 0, caller);
	void *ptr = NEXT_IDENT(malloc)(modified, caller);

	return raise_post_alloc(heard, ptr, modified, size, 0, caller);
}

/* n * size has been checked by the entry. */
static inline void *calloc_heard(unsigned int heard, size_t n, size_t size,
				 caller_t caller)
{
	size_t modified = raise_pre_alloc(heard, n * size, 0, caller);
	void *ptr = NEXT_IDENT(calloc)(1, modified, caller);

	return raise_post_alloc(heard, ptr, modified, n * size, 0, caller);
}

static inline void *memalign_heard(unsigned int heard, size_t alignment,
				   size_t size, caller_t caller)
{
	size_t modified = raise_pre_alloc(heard, size, alignment, caller);
	void *ptr = NEXT_IDENT(memalign)(alignment, modified, caller);

	return raise_post_alloc(heard, ptr, modified, size, alignment, caller);
}

static inline void free_heard(unsigned int heard, void *ptr, caller_t caller)
{
	if (raise_pre_free(heard, ptr, caller))
		return;
	NEXT_IDENT(free)(ptr, caller);
	raise_post_free(heard, ptr, caller);
}

static inline size_t malloc_usable_size_heard(unsigned int heard, void *ptr)
{
	size_t size = NEXT_IDENT(malloc_usable_size)(ptr);
	struct window window;

	if (!HEARD(POST_USABLE_SIZE))
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
static void *realloc_to_zero(unsigned int heard, void *old, caller_t caller)
{
	int before = *mh_errno(), error;
	size_t below, above;
	void *ptr;

	if (raise_pre_free(heard, old, caller))
		return NULL;
	*mh_errno() = 0;
	ptr = NEXT_IDENT(realloc)(old, 0, caller);
	error = *mh_errno();
	*mh_errno() = error ? error : before;
	if (ptr) {
		raise_post_alloc(heard, ptr, 0, 0, 0, caller);
	} else if (error != ENOMEM) {
		raise_post_free(heard, old, caller);
	} else {
		below = NEXT_IDENT(malloc_usable_size)(old);
		above = malloc_usable_size_heard(heard, old);
		raise_post_alloc(heard, old, below, above, 0, caller);
	}
	return ptr;
}

static inline void *realloc_heard(unsigned int heard, void *old, size_t size,
				  caller_t caller)
{
	size_t modified;
	void *ptr;

	if (!old) {
		modified = raise_pre_alloc(heard, size, 0, caller);
		ptr = NEXT_IDENT(realloc)(NULL, modified, caller);
		return raise_post_alloc(heard, ptr, modified, size, 0, caller);
	}
	if (!size)
		return realloc_to_zero(heard, old, caller);
	modified = raise_pre_realloc(heard, old, size, caller);
	ptr = NEXT_IDENT(realloc)(old, modified, caller);
	if (unlikely(!ptr) && too_big_with_share(modified, size))
		*mh_errno() = ENOMEM;
	raise_post_realloc(heard, old, modified, caller, ptr);
	return ptr;
}

/*
 * Handlers that come with the link are called from functions of their own, so
 * that the path on which nobody listens saves no register: one for what most
 * clients listen to, and one that calls all handlers, absent ones too, which
 * are empty.
 */
#define BARE(...)	__VA_ARGS__

#define MH_X_(ret, op, params, args, hand) \
	static __attribute__((noinline)) ret op##_usual params \
	{ \
		hand op##_heard(EVENTS_##op & USUAL, BARE args); \
	} \
	static __attribute__((noinline)) ret op##_all params \
	{ \
		hand op##_heard(EVENTS_##op, BARE args); \
	} \
	static __attribute__((noinline, cold)) ret op##_above params \
	{ \
		unsigned int heard = raising_above(EVENTS_##op); \
		\
		if (heard) \
			hand op##_heard(heard, BARE args); \
		else \
			hand NEXT_IDENT(op) args; \
	} \
	ret HOOK_IDENT(op) params \
	{ \
		unsigned int heard = raising(EVENTS_##op); \
		\
		if (!heard) \
			hand NEXT_IDENT(op) args; \
		else if (!IS_ENABLED(CONFIG_EVENT_TRANSFORMING) && \
			 unlikely(heard == ABOVE_GUARD)) \
			hand op##_above args; \
		else if (HANDLERS_INSIDE) \
			hand op##_heard(heard, BARE args); \
		else if (heard == (EVENTS_##op & USUAL)) \
			hand op##_usual args; \
		else \
			hand op##_all args; \
	}
#define MH_X(row) MH_X_(row)
MH_X(MH_OP_malloc)
MH_X(MH_OP_calloc)
MH_X(MH_OP_free)
MH_X(MH_OP_realloc)
MH_X(MH_OP_memalign)
MH_X(MH_OP_malloc_usable_size)
#undef MH_X
#undef MH_X_

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

static unsigned int find_handlers(void)
{
	unsigned int found = 0;

#define MH_X(upper, ev, ret, params, absent) \
	if (IS_ENABLED(CONFIG_EVENT_##upper) && \
	    is_defined((any_function *)ALLOC_EVENT_IDENT(ev), \
		       (any_function *)MH_ABSENT(ev))) \
		found |= BIT(upper);
	MH_EVENTS(MH_X)
#undef MH_X
	return found;
}

void HOOK_IDENT(init)(void)
{
	unsigned int found = find_handlers();

	if (IS_ENABLED(CONFIG_EVENT_TRANSFORMING) &&
	    found & (BIT(PRE_ALLOC) | BIT(PRE_NONNULL_NONZERO_REALLOC)) &&
	    !(found & BIT(POST_USABLE_SIZE)))
		mh_say("event", "the client enlarges and has no post_usable_size "
		       "handler: malloc_usable_size() tells the program of the "
		       "client's share too");
}

void HOOK_IDENT(live)(void)
{
	unsigned int heard = find_handlers();
	struct window window;

	listening = heard;
	if (!HEARD(POST_INIT))
		return;
	window = enter();
	ALLOC_EVENT_IDENT(post_init)();
	leave(window);
}
