/* SPDX-License-Identifier: MIT */
/*
 * ops.h - the operations of the hook API, one row each
 *
 * A row is: return type, name, parameters, arguments, and the word that hands
 * a result back ("return", or nothing for void).  Prototypes, HOOK_PASS() and
 * the tests are all drawn from these rows.
 */
#ifndef MALLOCHOOKS_OPS_H
#define MALLOCHOOKS_OPS_H

#define MH_OP_malloc \
	void *, malloc, (size_t size, caller_t caller), (size, caller), return
#define MH_OP_calloc \
	void *, calloc, (size_t n, size_t size, caller_t caller), \
	(n, size, caller), return
#define MH_OP_free \
	void, free, (void *ptr, caller_t caller), (ptr, caller),
#define MH_OP_realloc \
	void *, realloc, (void *ptr, size_t size, caller_t caller), \
	(ptr, size, caller), return
#define MH_OP_memalign \
	void *, memalign, (size_t alignment, size_t size, caller_t caller), \
	(alignment, size, caller), return
#define MH_OP_malloc_usable_size \
	size_t, malloc_usable_size, (void *ptr), (ptr), return
#define MH_OP_zeroed \
	int, zeroed, (void *ptr, size_t size), (ptr, size), return

/* Every layer defines the first five; the composer fills in the other two. */
#define MH_MANDATORY_OPS(X) \
	X(malloc) X(free) X(realloc) X(memalign) X(malloc_usable_size)
#define MH_OPTIONAL_OPS(X) \
	X(calloc) X(zeroed)
#define MH_OPS(X) \
	MH_MANDATORY_OPS(X) MH_OPTIONAL_OPS(X)

#endif
