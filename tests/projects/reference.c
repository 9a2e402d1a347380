// SPDX-License-Identifier: MIT
/*
 * reference - count the calls of malloc's family, by nothing of ours
 *
 * A preload for programs whose malloc is in a shared library.  At exit it prints
 *
 *	reference: N allocations, M of them from the project
 *
 * counted as hooks/count.c does: what returned memory, by malloc, calloc,
 * realloc and the aligned ones.  From the project is what was called by an
 * object that is not below /lib, /lib64 or /usr/lib.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static unsigned long nr_all, nr_project;

static int is_of_project(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) && strncmp(info.dli_fname, "/lib", 4) &&
	       strncmp(info.dli_fname, "/usr/lib", 8);
}

static void *count(void *ptr, const void *caller)
{
	if (!ptr)
		return ptr;
	__atomic_add_fetch(&nr_all, 1, __ATOMIC_RELAXED);
	if (is_of_project(caller))
		__atomic_add_fetch(&nr_project, 1, __ATOMIC_RELAXED);
	return ptr;
}

#define REAL(name, params, args) \
	void *name params \
	{ \
		static void *(*real) params; \
		if (!real) \
			real = (void *(*) params)dlsym(RTLD_NEXT, #name); \
		return count(real args, __builtin_return_address(0)); \
	}

REAL(malloc, (size_t size), (size))
REAL(calloc, (size_t n, size_t size), (n, size))
REAL(realloc, (void *old, size_t size), (old, size))
REAL(memalign, (size_t alignment, size_t size), (alignment, size))
REAL(aligned_alloc, (size_t alignment, size_t size), (alignment, size))

int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *ptr = memalign(alignment, size);

	if (!ptr)
		return ENOMEM;
	*out = ptr;
	return 0;
}

static __attribute__((destructor)) void report(void)
{
	char line[100];
	int nr = snprintf(line, sizeof(line), "reference: %lu allocations, %lu "
			  "of them from the project\n", nr_all, nr_project);

	if (write(2, line, (size_t)nr) != nr)
		_exit(1);
}
