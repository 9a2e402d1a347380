/* SPDX-License-Identifier: MIT */
/*
 * sites-reach.h - what the process has lost in the end: no pointer leads to it
 *
 * Included by sites.c.  The work is done by index/reach.h.
 */
#ifndef MH_SITES_REACH_H
#define MH_SITES_REACH_H

#ifdef CONFIG_HOOK_INDEX

#include <sys/stat.h>
#include "reach.h"
#include "registers.h"
#include "unwind.h"

#define OURS_SPARE	64u	/* ranges that come while we count them */

static int count_chunk(const struct mh_chunk *chunk, void *arg)
{
	(void)chunk;
	++*(uint64_t *)arg;
	return 0;
}

static void count_range(uintptr_t start, size_t bytes, void *arg)
{
	(void)start;
	(void)bytes;
	++*(uint64_t *)arg;
}

static int add_chunk(const struct mh_chunk *chunk, void *arg)
{
	mh_reach_add(arg, chunk->base, chunk->requested, chunk->usable,
		     chunk->site, MH_REACH_UNSEEN);
	return 0;
}

static void add_range(uintptr_t start, size_t bytes, void *arg)
{
	mh_reach_add(arg, start, bytes, bytes, 0, MH_REACH_OURS);
}

/* The chunks, and what we know of them: addresses that are no use of theirs. */
static struct mh_reach *open_reach(void)
{
	struct mh_chunks *chunks = &MH_NAME(index, chunks);
	struct mh_reach *reach;
	uint64_t nr = OURS_SPARE;

	mh_chunk_walk(chunks, count_chunk, &nr);
	mh_arena_each(count_range, &nr);
	/* of other threads, which go on */
	nr += nr / 8;
	if (nr >= UINT32_MAX)
		return NULL;
	reach = mh_reach_open((uint32_t)nr, (uint64_t)HOOK_OPTION(REACH).num);
	if (!reach)
		return NULL;
	mh_chunk_walk(chunks, add_chunk, reach);
	add_range((uintptr_t)chunks, sizeof(*chunks), reach);
	mh_arena_each(add_range, reach);
	return reach;
}

/* The links of its directory of threads are as many, and two. */
static uint32_t other_threads(void)
{
	static const char path[] = "/proc/self/task";
	struct stat st = { .st_nlink = 0 };

	mh_syscall(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, 0, 0, 0);
	return st.st_nlink > 3 ? (uint32_t)st.st_nlink - 3 : 0;
}

/* ---- into the file ----------------------------------------------------------- */

/* The entry of a site, or NULL; @nr counts those that were made. */
static struct mh_sites_unreached *make_unreached(uint64_t key, uint32_t *nr,
						 uint32_t **last)
{
	struct mh_sites_unreached *entry;
	struct mh_sites_page *page;

	if (!(*nr % MH_SITES_RECORDS)) {
		page = mh_sitefile_page(&file);
		if (!page)
			return NULL;
		**last = number_of(page);
		*last = &page->next;
	} else {
		page = (struct mh_sites_page *)((char *)*last -
			offsetof(struct mh_sites_page, next));
	}
	entry = &page->unreached[page->used++];
	entry->key = key;
	++*nr;
	return entry;
}

/* Those of a site come one behind the other. */
static void write_lost(const struct mh_reach_chunk *chunk, uint32_t nr)
{
	struct mh_sites_header *head = file.head;
	struct mh_sites_unreached *entry = NULL;
	struct mh_sites_heap *heap;
	uint32_t *last = &head->unreached_page, made = 0;

	for (uint32_t i = 0; i < nr; i++) {
		if (!i || chunk[i].site != chunk[i - 1].site) {
			/* of a parent's modules none need be in the file */
			mh_sitefile_module(&file, chunk[i].site - 1);
			entry = make_unreached(life_key(chunk[i].site), &made,
					       &last);
		}
		if (chunk[i].state == MH_REACH_DIRECT)
			heap = entry ? &entry->direct : &head->unreached[0];
		else
			heap = entry ? &entry->indirect : &head->unreached[1];
		heap->chunks++;
		heap->bytes += chunk[i].requested;
	}
}

/* To the front. */
static uint32_t gather_lost(struct mh_reach *reach)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < reach->nr; i++)
		if (reach->chunk[i].state == MH_REACH_DIRECT ||
		    reach->chunk[i].state == MH_REACH_INDIRECT)
			reach->chunk[nr++] = reach->chunk[i];
	return nr;
}

static enum mh_sites_reach reason(int error)
{
	switch (error) {
	case 0:
		return MH_SITES_REACH_TOLD;
	case -E2BIG:
		return MH_SITES_REACH_LARGE;
	case -ENOMEM:
		return MH_SITES_REACH_MEMORY;
	default:
		return MH_SITES_REACH_DENIED;
	}
}

static int is_in(const struct mh_module *module, uintptr_t address)
{
	return address - module->start < module->end - module->start;
}

/*
 * The stack from the frame on that has ended the process.  What lies below, of libc's
 * exit() and the loader, is in use by nobody else, and full of what dead calls of the
 * program have left there.
 * Return: 0 when that frame is not found.
 */
static uintptr_t find_stack(void)
{
	const uintptr_t end = (uintptr_t)mh_next_symbol("exit");
	struct mh_module own, libc;
	struct mh_frame frame;
	int left = 0;

	mh_unwind_init();
	if (!end || !mh_module_find((uintptr_t)find_stack, &own) ||
	    !mh_module_find(end, &libc))
		return 0;
	MH_FRAME_HERE(&frame);
	while (mh_frame_up(&frame)) {
		if (is_in(&libc, frame.pc) || is_in(&loader, frame.pc))
			left = 1;
		else if (left || !is_in(&own, frame.pc))
			return frame.sp;
	}
	return 0;
}

/* A frame of its own: below it nothing is in use but by ourselves. */
static __attribute__((noinline)) int mark_from_here(struct mh_reach *reach)
{
	uintptr_t stack = find_stack();

	if (!stack)
		stack = (uintptr_t)__builtin_frame_address(0);
	return mh_reach_mark(reach, stack, MH_INSIDE[0] != '\0');
}

static enum mh_sites_reach find_lost(void)
{
	struct mh_reach *reach;
	enum mh_sites_reach how;
	uint32_t nr;

	if (gaps || had_gaps || MH_NAME(index, chunks).lost)
		return MH_SITES_REACH_GAPS;
	reach = open_reach();
	if (!reach)
		return MH_SITES_REACH_MEMORY;
	/* what registers hold for those who have called us, onto the stack */
	__builtin_unwind_init();
	how = reason(mark_from_here(reach));
	if (how == MH_SITES_REACH_TOLD) {
		nr = gather_lost(reach);
		mh_reach_sort(reach->chunk, nr,
			      offsetof(struct mh_reach_chunk, site));
		write_lost(reach->chunk, nr);
	}
	mh_reach_close(reach);
	return how;
}

/*
 * At the end.  Where a sandbox may forbid what we need, and kill for it, nobody
 * looks.
 */
static void tell_lost(void)
{
	if (!HOOK_OPTION(REACH).num || alive_is_off() || may_shut_in)
		return;
	file.head->reach_threads = other_threads();
	__atomic_store_n(&file.head->reach, find_lost(), __ATOMIC_RELEASE);
}

#else
static inline void tell_lost(void) { }
#endif

#endif
