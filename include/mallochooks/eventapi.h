/* SPDX-License-Identifier: MIT */
/*
 * eventapi.h - what the event layer tells its client
 *
 * Define the handlers that you want; the others stay empty.  A handler must
 * not write inside [ptr, ptr + requested), and must return (no longjmp, no
 * exception).  It may call anything, malloc and printf included: such calls
 * pass every layer but raise no event, unless the stack was configured with
 * EVENT_TRANSFORMING; then they do, and handlers must not allocate.
 *
 * Context: any thread, any time from the start of main()'s process image to
 * its last instruction; signal handlers too, where the program allocates in
 * them.  errno is saved and restored around every handler.
 */
#ifndef MALLOCHOOKS_EVENTAPI_H
#define MALLOCHOOKS_EVENTAPI_H

#include <mallochooks/hookapi.h>

#ifndef MH_EVENT
#define MH_EVENT mh_event	/* prefix of the handlers of the default stack */
#endif

#define MH_EVENT_NAME__(prefix, ev)	prefix##_##ev
#define MH_EVENT_NAME_(prefix, ev)	MH_EVENT_NAME__(prefix, ev)
#define ALLOC_EVENT_IDENT(ev)		MH_EVENT_NAME_(MH_EVENT, ev)

/* "used" keeps the handlers of a client that is compiled with -flto. */
#define MH_HANDLER	__attribute__((used, visibility("hidden")))

/*
 * The events, one row each: name (upper case as in Kconfig), name, return
 * type, parameters, and what an absent handler answers.
 */
#define MH_EVENTS(X) \
	X(POST_INIT, post_init, void, (void), ) \
	X(PRE_ALLOC, pre_alloc, size_t, \
	  (size_t size, size_t alignment, caller_t caller), size) \
	X(POST_SUCCESSFUL_ALLOC, post_successful_alloc, void, \
	  (void *ptr, size_t modified_size, size_t requested_size, \
	   size_t alignment, caller_t caller), ) \
	X(POST_ALLOC_FAILED, post_alloc_failed, void, \
	  (size_t size, size_t alignment, caller_t caller), ) \
	X(PRE_NONNULL_FREE, pre_nonnull_free, int, \
	  (void *ptr, caller_t caller), 0) \
	X(POST_NONNULL_FREE, post_nonnull_free, void, \
	  (void *ptr, caller_t caller), ) \
	X(PRE_NONNULL_NONZERO_REALLOC, pre_nonnull_nonzero_realloc, size_t, \
	  (void *old_ptr, size_t size, caller_t caller), size) \
	X(POST_NONNULL_NONZERO_REALLOC, post_nonnull_nonzero_realloc, void, \
	  (void *old_ptr, size_t modified_size, caller_t caller, \
	   void *new_ptr), ) \
	X(POST_USABLE_SIZE, post_usable_size, size_t, \
	  (void *ptr, size_t usable), usable)

#ifdef __cplusplus
extern "C" {
#endif

/**
 * post_init() - the stack has gone live
 *
 * Called once a process, from the constructor, after every layer's init; not
 * again in a child of fork.
 *
 * pre_alloc() - an allocation is about to be made
 * @size:	bytes that the program asked for (n * size for calloc)
 * @alignment:	a power of two, in bytes; 0 when the call names none
 *
 * Return: the size to ask for, >= @size.
 *
 * post_successful_alloc() - closes pre_alloc: there is a new chunk
 * @modified_size:	what pre_alloc returned, in bytes
 * @requested_size:	what the program asked for, in bytes
 *
 * post_alloc_failed() - closes pre_alloc: there is none
 *
 * pre_nonnull_free() - a chunk is about to die
 * Return: nonzero cancels the free: the chunk stays alive below this layer
 * until release() is called with it.
 *
 * post_nonnull_free() - closes pre_nonnull_free; another thread may already
 * own the address, so only its value may be used.
 *
 * pre_nonnull_nonzero_realloc() - a chunk is about to change its size
 * Return: the size to ask for, >= @size.
 *
 * post_nonnull_nonzero_realloc() - closes it; @new_ptr is NULL when the call
 * failed, and then the old chunk is alive and unchanged.
 *
 * post_usable_size() - the program asks what it may write
 * @usable:	bytes that the next layer answers for @ptr
 * Return: bytes of @usable that are the program's; a client whose pre_alloc
 * enlarges takes its share off here.
 */
#define MH_X(upper, ev, ret, params, absent) \
	MH_HANDLER ret ALLOC_EVENT_IDENT(ev) params;
MH_EVENTS(MH_X)
#undef MH_X

/**
 * usable() - usable size of a live chunk, asked of this stack's own allocator
 * @ptr:	a chunk as the handler was given it, or NULL
 *
 * Context: inside a handler.
 * Return: bytes, the client's share included; 0 for NULL.
 */
__attribute__((visibility("hidden")))
size_t ALLOC_EVENT_IDENT(usable)(void *ptr);

/**
 * release() - free a chunk whose free was cancelled
 * @ptr:	the chunk
 *
 * Enters at the layer below the event layer and raises no event.
 * Context: any thread, inside a handler or not.
 */
__attribute__((visibility("hidden")))
void ALLOC_EVENT_IDENT(release)(void *ptr);

#ifdef __cplusplus
}
#endif
#endif
