// SPDX-License-Identifier: MIT
/*
 * shard - blocks of per-thread state that outlive their threads
 *
 * A shard belongs to the thread whose thread pointer it bears.  That pointer
 * is unique among the live threads of a process, so a thread that finds a
 * shard with its own pointer knows that the former owner is gone and goes on
 * where that one stopped: no thread-exit handler, no key, no system call.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <mallochooks/runtime.h>
#include "shard.h"
#include "syscall.h"
#include "thread.h"

#define COMMON_OWNER	1	/* no thread pointer is odd */

static uint32_t own_pid(void)
{
	return (uint32_t)mh_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static struct mh_shard *shard_at(const struct mh_shards *shards, uint32_t nr)
{
	return (struct mh_shard *)(shards->base + (size_t)nr * shards->stride);
}

MH_RUNTIME int mh_shards_init(struct mh_shards *shards, uint32_t stride,
			      uint32_t limit)
{
	struct mh_shards_header *head = mh_arena((size_t)stride * limit);

	if (!head)
		return -ENOMEM;
	head->used = 1;
	shards->stride = stride;
	shards->limit = limit;
	shards->used = &head->used;
	shards->pid = own_pid();
	shards->base = (unsigned char *)head;
	return 0;
}

/* Is this the header that the file's size and the layer's shards ask for? */
static int header_fits(const struct mh_shards_header *head, uint64_t bytes,
		       uint32_t stride)
{
	return head->magic == MH_SHARDS_MAGIC &&
	       head->version == MH_SHARDS_VERSION &&
	       head->stride == stride && head->limit > 1 && head->used &&
	       (uint64_t)head->limit * stride <= bytes;
}

MH_RUNTIME int mh_shards_open(struct mh_shards *shards, const char *path,
			      uint32_t stride)
{
	struct mh_shards_header *head;
	struct stat st;
	long fd, at;
	int error = -EINVAL;

	fd = mh_syscall(SYS_openat, AT_FDCWD, (long)path,
			O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0, 0, 0);
	if (fd < 0)
		return (int)fd;
	if (mh_syscall(SYS_fstat, fd, (long)&st, 0, 0, 0, 0) ||
	    !S_ISREG(st.st_mode) || st.st_size < (off_t)(2 * sizeof(*head)))
		goto close;
	at = mh_syscall(SYS_mmap, 0, st.st_size, PROT_READ | PROT_WRITE,
			MAP_SHARED, fd, 0);
	if (at < 0 && at > -4096) {
		error = (int)at;
		goto close;
	}
	head = (struct mh_shards_header *)at;
	if (!header_fits(head, (uint64_t)st.st_size, stride)) {
		mh_syscall(SYS_munmap, at, st.st_size, 0, 0, 0, 0);
		goto close;
	}
	shards->stride = stride;
	shards->limit = head->limit;
	shards->used = &head->used;
	shards->pid = own_pid();
	shards->base = (unsigned char *)head;
	error = 0;
close:
	mh_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	return error;
}

MH_RUNTIME void mh_shards_fork(struct mh_shards *shards)
{
	shards->first = 0;
	shards->pid = own_pid();
}

/* Past the limit the number is still counted: the reader says what is lost. */
static struct mh_shard *claim(struct mh_shards *shards, uint64_t owner)
{
	struct mh_shard *shard;
	uint32_t nr, first;

	if (!shards->base)
		return NULL;
	nr = __atomic_load_n(shards->used, __ATOMIC_RELAXED);
	if (nr > UINT32_MAX / 2)
		return NULL;
	nr = __atomic_fetch_add(shards->used, 1, __ATOMIC_RELAXED);
	if (nr >= shards->limit)
		return NULL;
	shard = shard_at(shards, nr);
	shard->owner = owner;
	first = __atomic_load_n(&shards->first, __ATOMIC_RELAXED);
	do {
		shard->link = first;
		/* release: pairs with the acquire of mh_shard_next() */
	} while (!__atomic_compare_exchange_n(&shards->first, &first, nr, 0,
					      __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	/* last: a reader of the file takes a shard with a pid for whole */
	__atomic_store_n(&shard->pid, shards->pid, __ATOMIC_RELEASE);
	return shard;
}

MH_RUNTIME void *mh_shard_next(const struct mh_shards *shards,
			       const void *shard)
{
	uint32_t nr;

	if (shard)
		nr = ((const struct mh_shard *)shard)->link;
	else
		nr = __atomic_load_n(&shards->first, __ATOMIC_ACQUIRE);
	return nr ? shard_at(shards, nr) : NULL;
}

MH_RUNTIME void *mh_shard_claim(struct mh_shards *shards)
{
	uint64_t self = mh_thread_pointer();
	struct mh_shard *shard = NULL;

	while ((shard = mh_shard_next(shards, shard)))
		if (shard->owner == self)
			return shard;
	return claim(shards, self);
}

MH_RUNTIME void *mh_shard_common(struct mh_shards *shards)
{
	return claim(shards, COMMON_OWNER);
}
