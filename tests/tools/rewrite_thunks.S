/* SPDX-License-Identifier: MIT */
/*
 * rewrite_thunks.S - for calls within the allocator
 */
#include "self.S"
	mh_self	malloc, word
	mh_self	free, void
	mh_self	calloc, word
	mh_self	realloc, word
	mh_self	memalign, word
	mh_self	posix_memalign, word
	mh_self	aligned_alloc, word
	mh_self	malloc_usable_size, word
