// SPDX-License-Identifier: MIT
/*
 * tally - an allocator that counts its births
 *
 * Stands behind a unit as the real malloc, so that two counts can be compared;
 * async-signal-safe and lock-free, so that a signal handler may allocate; makes
 * no system call.  Small chunks are slots of one size, larger ones are never
 * reused.  tally_births is for the program that preloads it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define POOL_BYTES	(1ul << 29)	/* of address space; pages as touched */
#define HEAD_BYTES	16ul		/* before each chunk there: its size */
#define SLOT_BYTES	512ul
#define NR_SLOTS	32768u

static unsigned char pool[POOL_BYTES] __attribute__((aligned(4096)));
static size_t used;

static unsigned char slot[NR_SLOTS][SLOT_BYTES] __attribute__((aligned(512)));
static size_t slot_size[NR_SLOTS];	/* of the chunk in it, plus 1 */
static unsigned int next_slot;

unsigned long tally_births;

/* Any free slot; NULL when there is none near. */
static void *take_slot(size_t size)
{
	size_t none;
	unsigned int nr, tries;

	for (tries = 0; tries < 1000; tries++) {
		nr = __atomic_fetch_add(&next_slot, 1, __ATOMIC_RELAXED) %
			NR_SLOTS;
		none = 0;
		if (__atomic_compare_exchange_n(&slot_size[nr], &none, size + 1,
						0, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED)) {
			__atomic_fetch_add(&tally_births, 1, __ATOMIC_RELAXED);
			return slot[nr];
		}
	}
	return NULL;
}

/* Its number, or NR_SLOTS. */
static unsigned int slot_of(const void *ptr)
{
	size_t at = (uintptr_t)ptr - (uintptr_t)slot;

	return at < sizeof(slot) ? (unsigned int)(at / SLOT_BYTES) : NR_SLOTS;
}

static void *take(size_t alignment, size_t size)
{
	size_t bytes, at;
	uintptr_t chunk;

	if (alignment < 16)
		alignment = 16;
	if (alignment <= SLOT_BYTES && size <= SLOT_BYTES) {
		void *ptr = take_slot(size);

		if (ptr)
			return ptr;
	}
	if (size > POOL_BYTES / 2 || alignment > POOL_BYTES / 2) {
		errno = ENOMEM;
		return NULL;
	}
	bytes = (HEAD_BYTES + alignment + size + 15) & ~15ul;
	at = __atomic_fetch_add(&used, bytes, __ATOMIC_RELAXED);
	if (at > POOL_BYTES - bytes) {
		errno = ENOMEM;
		return NULL;
	}
	chunk = ((uintptr_t)pool + at + HEAD_BYTES + alignment - 1) &
		~(uintptr_t)(alignment - 1);
	((size_t *)chunk)[-2] = size;
	__atomic_fetch_add(&tally_births, 1, __ATOMIC_RELAXED);
	return (void *)chunk;
}

static size_t size_of(void *ptr)
{
	unsigned int nr = slot_of(ptr);

	if (!ptr)
		return 0;
	return nr < NR_SLOTS ? slot_size[nr] - 1 : ((size_t *)ptr)[-2];
}

void *malloc(size_t size)
{
	return take(16, size);
}

void *calloc(size_t n, size_t size)
{
	size_t bytes;
	void *ptr;

	if (__builtin_mul_overflow(n, size, &bytes))
		bytes = SIZE_MAX;
	ptr = take(16, bytes);
	return ptr ? memset(ptr, 0, bytes) : NULL;
}

void free(void *ptr)
{
	unsigned int nr = slot_of(ptr);

	if (nr < NR_SLOTS)
		__atomic_store_n(&slot_size[nr], 0, __ATOMIC_RELEASE);
}

void *realloc(void *old, size_t size)
{
	void *ptr = take(16, size);
	size_t keep = size_of(old);

	if (ptr && old) {
		memcpy(ptr, old, keep < size ? keep : size);
		free(old);
	}
	return ptr;
}

void *memalign(size_t alignment, size_t size)
{
	return take(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return take(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	int before = errno;
	void *ptr = take(alignment, size);

	errno = before;
	if (!ptr)
		return ENOMEM;
	*out = ptr;
	return 0;
}

void *valloc(size_t size)
{
	return take(4096, size);
}

void *pvalloc(size_t size)
{
	return take(4096, (size + 4095) & ~4095ul);
}

size_t malloc_usable_size(void *ptr)
{
	return size_of(ptr);
}
