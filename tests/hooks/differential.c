// SPDX-License-Identifier: MIT
/*
 * differential - every entry of the user API, on every kind of argument
 *
 *	differential {exact|roomy} LIBRARY
 *
 * Prints what each call did, without addresses, so that a run on the bare
 * library and a hooked run can be compared line by line.  "exact" also prints
 * what a layer that enlarges may change for the better: natural alignment.
 * LIBRARY is the allocator's own file; its size function is asked what the
 * hooked one may say.  With DIFFERENTIAL_SHARE in the environment the hooked
 * answer must be that much smaller, as a layer takes its share.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR(array)	(sizeof(array) / sizeof((array)[0]))
#define UNTOUCHED	((void *)(uintptr_t)0x5a5a5a50)

static int exact;
static size_t share;
static size_t (*real_usable)(void *ptr);
static int is_emulated;		/* by qemu, which huge mappings confuse */
static int has_pvalloc;		/* the library's own, not the next one's */

/* Called through pointers, so that no compiler knows what they do. */
static void *(*volatile do_malloc)(size_t) = malloc;
static void *(*volatile do_calloc)(size_t, size_t) = calloc;
static void *(*volatile do_realloc)(void *, size_t) = realloc;
static void *(*volatile do_reallocarray)(void *, size_t, size_t) = reallocarray;
static void *(*volatile do_memalign)(size_t, size_t) = memalign;
static void *(*volatile do_aligned_alloc)(size_t, size_t) = aligned_alloc;
static int (*volatile do_posix_memalign)(void **, size_t, size_t) =
	posix_memalign;
static void *(*volatile do_valloc)(size_t) = valloc;
static void *(*volatile do_pvalloc)(size_t) = pvalloc;
static void (*volatile do_free)(void *) = free;
static size_t (*volatile do_usable)(void *) = malloc_usable_size;

/* What no library of today has comes from us, and is free() without us. */
static void (*do_free_sized)(void *, size_t);
static void (*do_free_aligned_sized)(void *, size_t, size_t);
static void (*do_cfree)(void *);

static void plain_free_sized(void *ptr, size_t size)
{
	(void)size;
	do_free(ptr);
}

static void plain_free_aligned_sized(void *ptr, size_t alignment, size_t size)
{
	(void)alignment;
	(void)size;
	do_free(ptr);
}

static void plain_cfree(void *ptr)
{
	do_free(ptr);
}

static void find_frees(void)
{
	do_free_sized = (void (*)(void *, size_t))
		dlsym(RTLD_DEFAULT, "free_sized");
	if (!do_free_sized)
		do_free_sized = plain_free_sized;
	do_free_aligned_sized = (void (*)(void *, size_t, size_t))
		dlsym(RTLD_DEFAULT, "free_aligned_sized");
	if (!do_free_aligned_sized)
		do_free_aligned_sized = plain_free_aligned_sized;
	do_cfree = (void (*)(void *))dlsym(RTLD_DEFAULT, "cfree");
	if (!do_cfree)
		do_cfree = plain_cfree;
}

/* ---- arguments ---------------------------------------------------------------- */

static size_t sizes[1000], nr_sizes;		/* that can be had */
static const size_t too_big[] = {
	(size_t)1 << 47, (size_t)1 << 62, PTRDIFF_MAX - 1000000,
	PTRDIFF_MAX - 4096, PTRDIFF_MAX - 64, PTRDIFF_MAX - 16,
	PTRDIFF_MAX - 1, PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1,
	(size_t)PTRDIFF_MAX + 4096, SIZE_MAX - 1000000, SIZE_MAX - 8192,
	SIZE_MAX - 4096, SIZE_MAX - 4095, SIZE_MAX - 128, SIZE_MAX - 64,
	SIZE_MAX - 63, SIZE_MAX - 32, SIZE_MAX - 16, SIZE_MAX - 15,
	SIZE_MAX - 8, SIZE_MAX - 7, SIZE_MAX - 1, SIZE_MAX,
};
static const size_t products[][2] = {
	{ 0, 0 }, { 0, SIZE_MAX }, { SIZE_MAX, 0 }, { 1, 0 }, { 3, 100 },
	{ 1, SIZE_MAX }, { SIZE_MAX, 1 }, { 2, SIZE_MAX }, { SIZE_MAX, 2 },
	{ SIZE_MAX, SIZE_MAX }, { (size_t)1 << 32, (size_t)1 << 32 },
	{ ((size_t)1 << 32) + 1, ((size_t)1 << 32) + 1 },
	{ SIZE_MAX / 2 + 1, 2 }, { 2, SIZE_MAX / 2 }, { PTRDIFF_MAX, 1 },
	{ PTRDIFF_MAX, 2 }, { SIZE_MAX / 3 + 1, 3 }, { SIZE_MAX / 16 + 1, 16 },
	{ SIZE_MAX / 24, 24 }, { 7, ((size_t)1 << 61) },
};
static const int errnos[] = { 0, 77 };

static void choose_sizes(void)
{
	size_t size;
	int i;

	for (size = 0; size <= 264; size++)
		sizes[nr_sizes++] = size;
	for (i = 9; i <= 24; i++) {
		sizes[nr_sizes++] = ((size_t)1 << i) - 1;
		sizes[nr_sizes++] = (size_t)1 << i;
		sizes[nr_sizes++] = ((size_t)1 << i) + 1;
		sizes[nr_sizes++] = ((size_t)3 << i) / 2;
	}
	for (size = 131072 - 64; size <= 131072 + 64; size += 8)
		sizes[nr_sizes++] = size;	/* glibc's mmap threshold */
}

/* ---- what a chunk is like ------------------------------------------------------ */

/* Big chunks are written and looked at near their ends only: for speed. */
#define EDGE	4096

static int is_looked_at(size_t i, size_t size)
{
	return i < EDGE || i >= size - EDGE;
}

static size_t next_place(size_t i, size_t size)
{
	return is_looked_at(i + 1, size) ? i + 1 : size - EDGE;
}

static void fill(unsigned char *ptr, size_t size, unsigned char seed)
{
	size_t i;

	for (i = 0; i < size; i = next_place(i, size))
		ptr[i] = (unsigned char)(i * 7 + seed);
}

static int is_filled(const unsigned char *ptr, size_t kept, size_t size,
		     unsigned char seed)
{
	size_t i;

	for (i = 0; i < kept; i = next_place(i, size))
		if (ptr[i] != (unsigned char)(i * 7 + seed))
			return 0;
	return 1;
}

static int is_zero(const unsigned char *ptr, size_t size)
{
	size_t i;

	for (i = 0; i < size; i = next_place(i, size))
		if (ptr[i])
			return 0;
	return 1;
}

/* Largest power of two up to @most that divides the address. */
static size_t alignment_of(const void *ptr, size_t most)
{
	size_t alignment = 1;

	while (alignment < most && !((uintptr_t)ptr & alignment))
		alignment *= 2;
	return alignment;
}

/* What the hooks say may be the library's answer less the layer's share. */
static const char *usable_is(void *ptr, size_t size)
{
	size_t hooked = do_usable(ptr), real = real_usable(ptr);

	if (hooked < size)
		return "SMALLER THAN ASKED";
	if (hooked == real - share || (!size && hooked == real))
		return "right";
	return "NOT THE LIBRARY'S";
}

/* Prints the end of a line about @ptr, fills all that may be used, and frees. */
static void tell(void *ptr, size_t size, size_t alignment, int error)
{
	if (!ptr) {
		printf(" NULL errno %d\n", error);
		return;
	}
	printf(" chunk errno %d usable %s%s\n", error, usable_is(ptr, size),
	       (uintptr_t)ptr % alignment ? " UNALIGNED" : "");
	fill(ptr, do_usable(ptr), 9);
	errno = 77;
	do_free(ptr);
	if (errno != 77)
		printf("  free changed errno to %d\n", errno);
}

/* The least that malloc owes to an object of that size. */
static size_t natural(size_t size)
{
	size_t alignment = 1;

	while (alignment < _Alignof(max_align_t) && alignment * 2 <= size)
		alignment *= 2;
	return alignment;
}

/* ---- malloc, calloc ------------------------------------------------------------ */

/* One chunk may lie well by chance, eight do not. */
static void malloc_alignment(size_t size)
{
	void *ptr[8];
	size_t least = 16;
	int i;

	if (!exact || size > 264)
		return;
	for (i = 0; i < 8; i++) {
		ptr[i] = do_malloc(size);
		if (alignment_of(ptr[i], 16) < least)
			least = alignment_of(ptr[i], 16);
	}
	for (i = 0; i < 8; i++)
		do_free(ptr[i]);
	printf("malloc(%zu): alignment %zu\n", size, least);
}

static void try_malloc(size_t size, int before)
{
	void *ptr;

	errno = before;
	ptr = do_malloc(size);
	printf("malloc(%zu) errno %d:", size, before);
	tell(ptr, size, natural(size), errno);
}

/* Over memory that was dirty before. */
static void try_calloc(size_t n, size_t size, int before)
{
	size_t bytes = n * size;
	void *ptr;

	if (bytes <= 1 << 25 && (!size || n == bytes / size)) {
		ptr = do_malloc(bytes);
		fill(ptr, bytes, 1);
		do_free(ptr);
	}
	errno = before;
	ptr = do_calloc(n, size);
	printf("calloc(%zu, %zu) errno %d:%s", n, size, before,
	       ptr && !is_zero(ptr, bytes) ? " NOT ZERO" : "");
	tell(ptr, bytes, natural(bytes), errno);
}

/* ---- realloc -------------------------------------------------------------------- */

static const size_t steps[] = {
	0, 1, 7, 8, 16, 24, 25, 40, 100, 104, 120, 136, 1000, 1032, 5000,
	65536, 70000, 131072, 140000, 200000, 1000000, 4000000,
};

static void try_realloc(size_t old_size, size_t size, int before)
{
	size_t kept = old_size < size ? old_size : size;
	void *old = do_malloc(old_size), *ptr;

	fill(old, old_size, 3);
	errno = before;
	ptr = do_realloc(old, size);
	printf("realloc([%zu], %zu) errno %d:", old_size, size, before);
	if (ptr && !is_filled(ptr, kept, old_size, 3))
		printf(" CONTENT LOST");
	if (!ptr && size && !is_filled(old, old_size, old_size, 3))
		printf(" OLD CONTENT LOST");
	tell(ptr, size, natural(size), errno);
	if (!ptr && size)
		do_free(old);
}

static void try_reallocarray(size_t n, size_t size, int before, int old_size)
{
	void *old = old_size < 0 ? NULL : do_malloc((size_t)old_size), *ptr;
	size_t bytes = n * size;

	errno = before;
	ptr = do_reallocarray(old, n, size);
	printf("reallocarray([%d], %zu, %zu) errno %d:", old_size, n, size,
	       before);
	tell(ptr, bytes, natural(bytes), errno);
	if (!ptr && n && size)
		do_free(old);
}

/* ---- aligned --------------------------------------------------------------------- */

static const size_t odd[] = {
	0, 3, 5, 6, 7, 9, 12, 24, 48, 100, 1000, 4095, 4097,
	((size_t)1 << 63) + 1, SIZE_MAX - 1, SIZE_MAX,
};

/* What an odd alignment came to is the library's own affair. */
static size_t owed(size_t alignment)
{
	return alignment && !(alignment & (alignment - 1)) ? alignment : 1;
}

static void try_aligned(size_t alignment, size_t size, int before)
{
	void *ptr;
	int ret;

	errno = before;
	ptr = do_memalign(alignment, size);
	printf("memalign(%zu, %zu) errno %d:", alignment, size, before);
	tell(ptr, size, owed(alignment), errno);

	errno = before;
	ptr = do_aligned_alloc(alignment, size);
	printf("aligned_alloc(%zu, %zu) errno %d:", alignment, size, before);
	tell(ptr, size, owed(alignment), errno);

	ptr = UNTOUCHED;
	errno = before;
	ret = do_posix_memalign(&ptr, alignment, size);
	printf("posix_memalign(%zu, %zu) errno %d: %d", alignment, size,
	       before, ret);
	if (ret) {
		printf(" errno %d%s\n", errno,
		       ptr == UNTOUCHED ? "" : " POINTER TOUCHED");
		return;
	}
	tell(ptr, size, owed(alignment), errno);
}

static void try_pages(size_t size, int before)
{
	size_t page = (size_t)getpagesize(), pages;
	void *ptr;

	errno = before;
	ptr = do_valloc(size);
	printf("valloc(%zu) errno %d:", size, before);
	tell(ptr, size, page, errno);
	if (!has_pvalloc)
		return;
	errno = before;
	ptr = do_pvalloc(size);
	printf("pvalloc(%zu) errno %d:", size, before);
	pages = (size + page - 1) & ~(page - 1);
	tell(ptr, pages < size ? size : pages, page, errno);
}

/* ---- free -------------------------------------------------------------------------- */

static void try_frees(size_t size)
{
	void *ptr;

	errno = 77;
	do_free(do_malloc(size));
	do_free_sized(do_malloc(size), size);
	do_free_aligned_sized(do_memalign(64, size), 64, size);
	do_cfree(do_malloc(size));
	printf("free of %zu: errno %d\n", size, errno);
	/* C23 leaves a size that lies undefined; libraries look away */
	ptr = do_malloc(size);
	do_free_sized(ptr, size + 1000);
}

static void try_null(void)
{
	errno = 77;
	do_free(NULL);
	do_free_sized(NULL, 5);
	do_free_aligned_sized(NULL, 8, 5);
	do_cfree(NULL);
	printf("free of NULL: errno %d\n", errno);
	printf("usable size of NULL: %zu\n", do_usable(NULL));
	tell(do_realloc(NULL, 0), 0, 1, 0);
	tell(do_realloc(NULL, 100), 100, 16, 0);
	tell(do_reallocarray(NULL, 10, 10), 100, 16, 0);
}

/* Some libraries crash on what is no power of two: a child tells. */
static void try_odd(size_t alignment, size_t size, int before)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		try_aligned(alignment, size, before);
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(3);
	if (status)
		printf(" alignment %zu ends with status 0x%x\n", alignment,
		       (unsigned int)status);
}

static void try_all_odd(int before)
{
	size_t i;

	for (i = 0; i < NR(odd); i++) {
		try_odd(odd[i], 0, before);
		try_odd(odd[i], 100, before);
		try_odd(odd[i], 5000, before);
		try_odd(odd[i], PTRDIFF_MAX, before);
		try_odd(odd[i], SIZE_MAX - 63, before);
		try_odd(odd[i], SIZE_MAX, before);
	}
}

/* ---- all of it ------------------------------------------------------------------------ */

static void try_sizes(int before)
{
	static const size_t small[] = { 0, 1, 8, 24, 100, 4096, 5000, 140000 };
	size_t i, j, first = 0;

	while (is_emulated && too_big[first] <= PTRDIFF_MAX)
		first++;
	for (i = 0; i < nr_sizes; i++) {
		try_malloc(sizes[i], before);
		try_calloc(1, sizes[i], before);
		try_calloc(sizes[i], 3, before);
		try_aligned(32, sizes[i], before);
		try_pages(sizes[i], before);
		malloc_alignment(sizes[i]);
		try_frees(sizes[i]);
	}
	for (i = first; i < NR(too_big); i++) {
		try_malloc(too_big[i], before);
		try_calloc(1, too_big[i], before);
		try_pages(too_big[i], before);
		try_realloc(1000, too_big[i], before);
		try_realloc(1000000, too_big[i], before);
		try_reallocarray(1, too_big[i], before, 100);
		try_reallocarray(1, too_big[i], before, -1);
	}
	for (i = 0; i < NR(steps); i++)
		for (j = 0; j < NR(steps); j++)
			try_realloc(steps[i], steps[j], before);
	for (i = 0; i < NR(products); i++) {
		try_calloc(products[i][0], products[i][1], before);
		try_reallocarray(products[i][0], products[i][1], before, 100);
		try_reallocarray(products[i][0], products[i][1], before, -1);
	}
	for (i = 0; i < 64; i++) {
		/* between these it is the machine that says yes or no */
		if (i > (is_emulated ? 24 : 32) && i < (is_emulated ? 63 : 47))
			continue;
		for (j = 0; j < NR(small); j++)
			try_aligned((size_t)1 << i, small[j], before);
		for (j = first; j < NR(too_big); j++)
			try_aligned((size_t)1 << i, too_big[j], before);
	}
}

static int is_in_one_file(void *a, void *b)
{
	Dl_info one, two;

	return dladdr(a, &one) && dladdr(b, &two) &&
	       one.dli_fbase == two.dli_fbase;
}

int main(int argc, char **argv)
{
	const char *taken = getenv("DIFFERENTIAL_SHARE");
	static char buffer[1 << 16];
	void *library;
	size_t i;

	if (argc != 3)
		return 2;
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	exact = !strcmp(argv[1], "exact");
	is_emulated = getenv("DIFFERENTIAL_EMULATED") != NULL;
	share = taken ? strtoul(taken, NULL, 10) : 0;
	library = dlopen(argv[2], RTLD_NOW | RTLD_NOLOAD);
	real_usable = library ?
		(size_t (*)(void *))dlsym(library, "malloc_usable_size") : NULL;
	if (!real_usable) {
		fprintf(stderr, "%s: not here\n", argv[2]);
		return 2;
	}
	has_pvalloc = is_in_one_file((void *)real_usable, dlsym(library, "pvalloc"));
	find_frees();
	choose_sizes();
	try_null();
	try_all_odd(0);
	try_all_odd(77);
	for (i = 0; i < NR(errnos); i++)
		try_sizes(errnos[i]);
	printf("end\n");
	return 0;
}
