// SPDX-License-Identifier: MIT
/*
 * reach - which chunks can a process still reach, and which has it lost?
 *
 * Memory is read by process_vm_readv(2), which answers EFAULT where a load would
 * be a SIGSEGV: other threads may unmap what they like meanwhile.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include "reach.h"
#include "syscall.h"

#define PAGE		4096u	/* the smallest; a larger one is some of these */
#define TEXT_MOST	(4u << 20)	/* some 40,000 mappings */
#define OWN_FRAMES	65536u	/* that we need of the stack, no more */

MH_RUNTIME struct mh_reach *mh_reach_open(uint32_t room, uint64_t most)
{
	const size_t bytes = sizeof(struct mh_reach) +
			     room * sizeof(struct mh_reach_chunk);
	const long at = mh_syscall(SYS_mmap, 0, (long)(bytes + TEXT_MOST),
				   PROT_READ | PROT_WRITE, MAP_PRIVATE |
				   MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct mh_reach *reach = (struct mh_reach *)at;

	if (at < 0 && at > -4096)
		return NULL;
	reach->mapped = bytes + TEXT_MOST;
	reach->text = (char *)reach + bytes;
	reach->room = room;
	reach->left = most;
	reach->pid = mh_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
	return reach;
}

MH_RUNTIME void mh_reach_close(struct mh_reach *reach)
{
	mh_syscall(SYS_munmap, (long)reach, (long)reach->mapped, 0, 0, 0, 0);
}

MH_RUNTIME void mh_reach_add(struct mh_reach *reach, uint64_t base,
			     uint64_t requested, uint64_t usable, uint64_t site,
			     enum mh_reach_state state)
{
	struct mh_reach_chunk *chunk = &reach->chunk[reach->nr];

	if (reach->nr >= reach->room) {
		reach->nr = reach->room + 1;
		return;
	}
	reach->nr++;
	chunk->base = base;
	chunk->requested = requested;
	chunk->usable = usable;
	chunk->site = site;
	chunk->state = state;
}

/* ---- order ----------------------------------------------------------------- */

static inline uint64_t key_at(const struct mh_reach_chunk *chunk, size_t offset)
{
	return *(const uint64_t *)((const char *)chunk + offset);
}

/* Of a heap whose other parts are in order. */
static void sift(struct mh_reach_chunk *chunk, uint32_t at, uint32_t nr,
		 size_t offset)
{
	struct mh_reach_chunk kept;
	uint64_t child;

	for (; (child = 2 * (uint64_t)at + 1) < nr; at = (uint32_t)child) {
		if (child + 1 < nr && key_at(&chunk[child], offset) <
				      key_at(&chunk[child + 1], offset))
			child++;
		if (key_at(&chunk[at], offset) >= key_at(&chunk[child], offset))
			return;
		kept = chunk[at];
		chunk[at] = chunk[child];
		chunk[child] = kept;
	}
}

/*
 * In place, and never slow: Williams' heapsort.  A walk over an index brings most
 * of them in order.
 */
MH_RUNTIME void mh_reach_sort(struct mh_reach_chunk *chunk, uint32_t nr,
			      size_t offset)
{
	struct mh_reach_chunk kept;
	uint32_t i = 1;

	while (i < nr && key_at(&chunk[i - 1], offset) <= key_at(&chunk[i], offset))
		i++;
	if (i >= nr)
		return;
	for (i = nr / 2; i-- > 0;)
		sift(chunk, i, nr, offset);
	for (i = nr - 1; i > 0; i--) {
		kept = chunk[0];
		chunk[0] = chunk[i];
		chunk[i] = kept;
		sift(chunk, 0, i, offset);
	}
}

/* ---- marks ----------------------------------------------------------------- */

/* Number of the chunks that begin at @address or below. */
static uint32_t count_to(const struct mh_reach *reach, uint64_t address)
{
	uint32_t low = 0, half, nr = reach->nr;

	while (nr) {
		half = nr / 2;
		if (reach->chunk[low + half].base <= address) {
			low += half + 1;
			nr -= half + 1;
		} else {
			nr = half;
		}
	}
	return low;
}

static void mark(struct mh_reach *reach, uint64_t address)
{
	const uint32_t nr = count_to(reach, address) - 1;
	struct mh_reach_chunk *chunk = &reach->chunk[nr];

	if (address - chunk->base >= chunk->requested + !chunk->requested)
		return;
	if (chunk->state == MH_REACH_UNSEEN) {
		chunk->state = reach->as;
		chunk->next = reach->todo;
		reach->todo = nr + 1;
	} else if (chunk->state == MH_REACH_DIRECT && nr != reach->leader) {
		/* what it leads to was found */
		chunk->state = MH_REACH_INDIRECT;
	}
}

/*
 * From the begin of a page on, at least to its end: small chunks lie side by side,
 * and a system call takes longer than a page.  Up to the first page that can't be
 * read; 0 bytes when that is the first one.
 */
static void read_words(struct mh_reach *reach, uint64_t from, uint64_t to)
{
	struct iovec here = { reach->word, to - from }, there;
	long nr;

	if (here.iov_len < PAGE)
		here.iov_len = PAGE;
	if (here.iov_len > sizeof(reach->word))
		here.iov_len = sizeof(reach->word);
	there.iov_base = (void *)(uintptr_t)from;
	there.iov_len = here.iov_len;
	nr = mh_syscall(SYS_process_vm_readv, reach->pid, (long)&here, 1,
			(long)&there, 1, 0);
	if (nr < 0 && nr != -EFAULT)
		reach->error = (int)nr;
	reach->from = from;
	reach->bytes = nr < 0 ? 0 : (uint64_t)nr & ~(uint64_t)7;
}

static void scan(struct mh_reach *reach, uint64_t from, uint64_t to)
{
	uint64_t end, word;

	from = (from + 7) & ~(uint64_t)7;
	to &= ~(uint64_t)7;
	if (from < to && to - from > reach->left)
		reach->error = -E2BIG;
	while (from < to && !reach->error) {
		if (from - reach->from >= reach->bytes)
			read_words(reach, from & ~(uint64_t)(PAGE - 1), to);
		if (from - reach->from >= reach->bytes) {
			from = (from | (PAGE - 1)) + 1;
			continue;
		}
		end = reach->from + reach->bytes < to ?
		      reach->from + reach->bytes : to;
		reach->left -= end - from;
		for (; from < end; from += 8) {
			word = reach->word[(from - reach->from) / 8];
			if (word - reach->low < reach->span)
				mark(reach, word);
		}
	}
}

MH_RUNTIME void mh_reach_from(struct mh_reach *reach, uint64_t from, uint64_t to)
{
	const struct mh_reach_chunk *chunk;

	scan(reach, from, to);
	while (reach->todo && !reach->error) {
		chunk = &reach->chunk[reach->todo - 1];
		reach->todo = chunk->next;
		scan(reach, chunk->base, chunk->base + chunk->usable);
	}
}

MH_RUNTIME void mh_reach_begin(struct mh_reach *reach)
{
	const struct mh_reach_chunk *last;

	mh_reach_sort(reach->chunk, reach->nr,
		      offsetof(struct mh_reach_chunk, base));
	reach->as = MH_REACH_REACHED;
	reach->leader = UINT32_MAX;
	if (!reach->nr)
		return;
	last = &reach->chunk[reach->nr - 1];
	reach->low = reach->chunk[0].base;
	reach->span = last->base + last->requested + !last->requested - reach->low;
}

/*
 * A lost chunk that comes first leads to all that can be reached from it.  Where one
 * of a ring came first, another one outside that leads to the ring comes second, and
 * both are lost directly.
 */
MH_RUNTIME void mh_reach_end(struct mh_reach *reach)
{
	struct mh_reach_chunk *chunk;

	reach->as = MH_REACH_INDIRECT;
	for (uint32_t i = 0; i < reach->nr && !reach->error; i++) {
		chunk = &reach->chunk[i];
		if (chunk->state != MH_REACH_UNSEEN)
			continue;
		chunk->state = MH_REACH_DIRECT;
		reach->leader = i;
		mh_reach_from(reach, chunk->base, chunk->base + chunk->usable);
	}
}

/* ---- the mappings of this process ------------------------------------------- */

struct mapping {
	uint64_t start;
	uint64_t end;
	int is_root;	/* private, and can be written to */
	int is_heap;
	int is_stack;
};

/* Without the part of the stack that is not in use. */
static void take_part(struct mh_reach *reach, uint64_t from, uint64_t to,
		      uint64_t stack)
{
	if (from < stack && to > stack - OWN_FRAMES) {
		if (from < stack - OWN_FRAMES)
			mh_reach_from(reach, from, stack - OWN_FRAMES);
		from = stack;
	}
	if (from < to)
		mh_reach_from(reach, from, to);
}

/*
 * Mappings that lie side by side are one to the kernel: what a thread-local, or the
 * program itself, has there may be between chunks.  But it has whole pages.
 */
static void take_mapping(struct mh_reach *reach, const struct mapping *mapping,
			 uint64_t stack, int all)
{
	const uint64_t mask = all ? 0 : PAGE - 1;
	uint64_t at = mapping->start, end;
	uint32_t i = count_to(reach, at);

	i -= i && reach->chunk[i - 1].base + reach->chunk[i - 1].usable > at;
	for (; i < reach->nr && reach->chunk[i].base < mapping->end; i++) {
		end = reach->chunk[i].base;
		/* before the first one of brk's: thread-locals, in static programs */
		if (at > mapping->start) {
			at = (at + mask) & ~mask;
			end &= ~mask;
		}
		if (at == mapping->start || !mapping->is_heap || all)
			take_part(reach, at, end, stack);
		end = reach->chunk[i].base + reach->chunk[i].usable;
		if (at < end)
			at = end;
	}
	if (at == mapping->start)
		take_part(reach, at, mapping->end, stack);
	else if (!mapping->is_heap || all)
		take_part(reach, (at + mask) & ~mask, mapping->end, stack);
}

/* A line of maps that was read so far. */
struct line {
	struct mapping mapping;
	uint32_t field;		/* number: start, end, mode, offset, device, inode, path */
	uint32_t nr;		/* characters of the field so far */
};

static uint32_t digit(char c)
{
	return c <= '9' ? (uint32_t)(c - '0') : (uint32_t)(c - 'a') + 10;
}

/* Is @c what @name has behind its first @nr characters? */
static int goes_on(const char *name, uint32_t nr, char c)
{
	uint32_t i = 0;

	while (i < nr && name[i])
		i++;
	return i == nr && name[i] == c;
}

enum { FIELD_START, FIELD_END, FIELD_MODE, FIELD_PATH = 6 };

static void take_char(struct line *line, char c)
{
	struct mapping *mapping = &line->mapping;

	switch (line->field) {
	case FIELD_START:
		mapping->start = mapping->start << 4 | digit(c);
		break;
	case FIELD_END:
		mapping->end = mapping->end << 4 | digit(c);
		break;
	case FIELD_MODE:
		if (line->nr == 1)
			mapping->is_root = c == 'w';
		if (line->nr == 3)
			mapping->is_root &= c == 'p';
		break;
	case FIELD_PATH:
		mapping->is_heap = goes_on("[heap]", line->nr, c) &&
				   (mapping->is_heap || !line->nr);
		mapping->is_stack = goes_on("[stack]", line->nr, c) &&
				    (mapping->is_stack || !line->nr);
		break;
	}
	line->nr++;
}

/* Return: nonzero when the line is whole. */
static int next_char(struct line *line, char c)
{
	if (c == '\n')
		return 1;
	if ((c == '-' && line->field == FIELD_START) ||
	    (c == ' ' && line->field < FIELD_PATH && line->nr)) {
		line->field++;
		line->nr = 0;
	} else if (c != ' ' || line->nr) {
		take_char(line, c);
	}
	return 0;
}

static void take_line(struct mh_reach *reach, struct mapping *mapping,
		      uint64_t stack, int all)
{
	if (!mapping->is_root)
		return;
	if (mapping->is_stack && mapping->start < stack && mapping->end > stack)
		mapping->start = stack;
	take_mapping(reach, mapping, stack, all);
}

/* All of it at first: what is looked at later must not change it. */
static long read_maps(struct mh_reach *reach)
{
	static const char path[] = "/proc/self/maps";
	const long fd = mh_syscall(SYS_openat, AT_FDCWD, (long)path,
				   O_RDONLY | O_CLOEXEC, 0, 0, 0);
	long nr, all = 0;

	if (fd < 0)
		return fd;
	do {
		nr = mh_syscall(SYS_read, fd, (long)(reach->text + all),
				TEXT_MOST - all, 0, 0, 0);
		all += nr > 0 ? nr : 0;
	} while (nr > 0 && all < (long)TEXT_MOST);
	mh_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	if (nr)
		return nr < 0 ? nr : -ENOMEM;
	return all;
}

MH_RUNTIME int mh_reach_mark(struct mh_reach *reach, uint64_t stack, int all)
{
	const long nr = read_maps(reach);
	struct line line = { .field = 0 };

	mh_reach_add(reach, (uintptr_t)reach, reach->mapped, reach->mapped, 0,
		     MH_REACH_OURS);
	if (nr < 0)
		reach->error = (int)nr;
	else if (reach->nr > reach->room)
		reach->error = -ENOMEM;
	if (reach->error)
		return reach->error;
	mh_reach_begin(reach);
	for (long i = 0; i < nr && !reach->error; i++) {
		if (!next_char(&line, reach->text[i]))
			continue;
		take_line(reach, &line.mapping, stack, all);
		line = (struct line){ .field = 0 };
	}
	mh_reach_end(reach);
	return reach->error;
}
