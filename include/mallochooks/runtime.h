/* SPDX-License-Identifier: MIT */
/*
 * runtime.h - what the layers of all stacks of a unit share
 *
 * One runtime object a unit, however many stacks it carries: its functions are
 * weak and hidden, so that the first copy serves all.  Nothing in it allocates,
 * locks, or calls libc.
 */
#ifndef MALLOCHOOKS_RUNTIME_H
#define MALLOCHOOKS_RUNTIME_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define MH_RUNTIME	__attribute__((weak, visibility("hidden")))

/* Largest page size of the kernels that this architecture runs. */
#if defined(__x86_64__)
#define MH_PAGE_BYTES	4096
#else
#define MH_PAGE_BYTES	65536
#endif

enum { MH_PHASE_BOOT, MH_PHASE_WAKING, MH_PHASE_LIVE };

/* Bytes of the phase word.  The latter two are 0 in the usual case, so that one
 * comparison of the word with MH_PHASE_LIVE asks for all. */
enum {
	MH_BYTE_PHASE,	/* MH_PHASE_* */
	MH_BYTE_BELL,	/* somebody wants something: mh_attend() */
	MH_BYTE_PAUSED,	/* core.record is off */
};

struct mallochooks_stack;

/**
 * struct mh_phase - a page that the kernel wipes in children of fork
 * @word:	MH_BYTE_*; its phase is BOOT in a child, until it has been woken
 * @pad:	nothing else may share the page
 */
struct mh_phase {
	unsigned int word;
	unsigned char pad[MH_PAGE_BYTES - sizeof(unsigned int)];
} __attribute__((aligned(MH_PAGE_BYTES)));

static inline unsigned char *mh_phase_byte(struct mh_phase *phase, int nr)
{
	return (unsigned char *)&phase->word + nr;
}

#pragma GCC visibility push(hidden)

/**
 * mh_wake() - slow path of MH_LIVE()
 * @phase:	phase of a stack whose word is not MH_PHASE_LIVE
 *
 * Before the constructor: nothing.  In a child of fork: runs the fork
 * operations of the layers, terminal first.
 *
 * Context: any, also before relocation; async-signal-safe.
 * Return: nonzero when the stack is live now.
 */
int mh_wake(struct mh_phase *phase);

/**
 * mh_attend() - the same, for an entry, before any layer is called
 *
 * Does what other processes, or a signal, have asked for: takes over values of
 * live options, dumps, resets, pauses.
 */
int mh_attend(struct mh_phase *phase);

/**
 * mh_options_each() - the options of a stack, each as "layer.option = value
 * (origin)", without a newline
 * @phase:	of the stack
 *
 * Context: from the live operation on.
 */
void mh_options_each(struct mh_phase *phase,
		     void (*take)(const char *text, unsigned int nr, void *arg),
		     void *arg);

/**
 * mh_clear() - write zeros over @bytes of @ptr
 */
void mh_clear(void *ptr, size_t bytes);

/**
 * mh_wipe_on_fork() - have the kernel zero memory in children of fork
 * @ptr:	pages of their own: aligned to MH_PAGE_BYTES
 * @bytes:	a multiple of MH_PAGE_BYTES
 * Return: nonzero when it will (Linux 4.14); else a child finds what the
 * parent wrote.
 */
int mh_wipe_on_fork(void *ptr, size_t bytes);

/**
 * struct mh_line - a line of text under way to a descriptor
 *
 * Put together on the stack and written by one write(2).
 */
struct mh_line {
	unsigned int nr;
	char text[508];
};

void mh_line_start(struct mh_line *line);
void mh_line_str(struct mh_line *line, const char *str);
/* Text of strangers: control characters and what is no UTF-8 become '?'. */
void mh_line_text(struct mh_line *line, const char *text, size_t nr);
void mh_line_dec(struct mh_line *line, uint64_t value);
void mh_line_int(struct mh_line *line, int64_t value);
void mh_line_hex(struct mh_line *line, uint64_t value);	/* with 0x */
/* Ends the line and writes it whole; short writes and EINTR are carried on.
 * Return: 0, or -errno. */
int mh_line_write(struct mh_line *line, int fd);

/**
 * struct mh_output - a descriptor of our own for lines
 *
 * A copy with a high number, so that a program which closes its standard
 * descriptors does not silence us; compared before each use with what it was
 * at start, so that a program which closes and reuses every descriptor does
 * not find our lines in its files.
 */
struct mh_output {
	int fd;			/* -1: lines are dropped */
	uint64_t device;	/* what the descriptor referred to at start */
	uint64_t inode;
};

/**
 * mh_output_open() - copy @fd
 * Context: init operations.
 * Return: 0, or -errno when @fd is not open; @output then drops lines.
 */
int mh_output_open(struct mh_output *output, int fd);

/**
 * mh_output_fd() - the descriptor, as long as it is what it was
 * Return: descriptor, or -1 from the first time on that it was not.
 */
int mh_output_fd(struct mh_output *output);

/**
 * mh_say() - one line to descriptor 2: "mallochooks: WHO: WHAT"
 * @who:	layer or part
 * @what:	fact and remedy, without a newline
 *
 * At most MH_SAY_MAX lines a process, then one that says so.
 * Context: any; allocates nothing.
 */
#define MH_SAY_MAX 32
void mh_say(const char *who, const char *what);

/*
 * libc keeps errno at a fixed distance from the thread pointer (initial-exec
 * thread-local), which the constructor has measured: live phase only.
 */
extern ptrdiff_t mh_errno_offset;

/**
 * mh_relocated() - may functions of libc be called?
 *
 * Not out of an IFUNC resolver of a library that is relocated before us: our
 * PLT leads nowhere then.
 */
static inline int mh_relocated(void)
{
	static void *volatile self = (void *)&self;

	return self == (void *)&self;
}

/**
 * mh_errno() - errno of the calling thread
 *
 * Context: any; before relocation it is a place where nobody looks.
 */
static inline int *mh_errno(void)
{
	static int nowhere;

	return __builtin_expect(mh_relocated(), 1) ? &errno : &nowhere;
}

/**
 * mh_arena() - memory of our own, from mmap, zeroed, never given back
 * @bytes:	wanted; rounded up to 64
 *
 * Context: any thread, async-signal-safe, lock-free.
 * Return: memory aligned to 64 bytes, or NULL when the kernel refuses.
 */
void *mh_arena(size_t bytes);

/**
 * mh_arena_each() - the memory that mh_arena() has had from the kernel so far
 * @take:	called with each piece, whole pages
 * @arg:	handed to @take
 */
void mh_arena_each(void (*take)(uintptr_t start, size_t bytes, void *arg),
		   void *arg);

/**
 * struct mh_shard - head of a block of per-thread state
 * @owner:	thread pointer of the thread that uses it; unique among the
 *		live threads of a process, so a later thread with the same
 *		pointer takes over what a dead one left
 * @pid:	process that uses it, 0 when free
 * @link:	number of the next shard of this process, 0 at the end
 */
struct mh_shard {
	uint64_t owner;
	uint32_t pid;
	uint32_t link;
};

/**
 * struct mh_shards - the shards of one layer of one process
 * @base:	shard number 0 is a header; number i at base + i * stride
 * @stride:	bytes from shard to shard, a multiple of 64
 * @limit:	numbers below this one exist
 * @used:	number to be claimed next; may lie in shared memory
 * @first:	head of the list of this process
 * @pid:	this process
 */
struct mh_shards {
	unsigned char *base;
	uint32_t stride;
	uint32_t limit;
	uint32_t *used;
	uint32_t first;
	uint32_t pid;
};

/**
 * mh_shards_init() - private shards, from the arena
 * @shards:	to set up
 * @stride:	bytes of a shard, struct mh_shard first; a multiple of 64
 * @limit:	most shards
 * Return: 0 or -ENOMEM.
 */
int mh_shards_init(struct mh_shards *shards, uint32_t stride, uint32_t limit);

/**
 * mh_shards_open() - shards in a file that many processes share
 * @path:	made by "mallochooks run": whole size allocated, header filled in
 * Return: 0, or -errno; -EINVAL when the file is not of this kind.
 */
int mh_shards_open(struct mh_shards *shards, const char *path, uint32_t stride);

/**
 * mh_shards_fork() - this process is a child: it owns no shard yet
 */
void mh_shards_fork(struct mh_shards *shards);

/**
 * mh_shard_claim() - a shard for the calling thread
 *
 * Context: live phase; lock-free, async-signal-safe, allocates nothing.
 * Return: a shard that no other thread writes, or NULL when all are taken.
 */
void *mh_shard_claim(struct mh_shards *shards);

/**
 * mh_shard_common() - one more shard, for what the threads share
 *
 * Context: init and fork operations only.
 * Return: a shard of no thread, or NULL when all are taken.
 */
void *mh_shard_common(struct mh_shards *shards);

/**
 * mh_shard_next() - walk the shards of this process
 * @shard:	NULL for the first
 * Return: the next one or NULL.
 */
void *mh_shard_next(const struct mh_shards *shards, const void *shard);

#pragma GCC visibility pop

/**
 * mh_array_bytes() - n * size
 * Return: the product, or SIZE_MAX with errno = ENOMEM when it overflows.
 */
static inline size_t mh_array_bytes(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_expect(__builtin_mul_overflow(n, size, &bytes) ||
			     bytes == SIZE_MAX, 0)) {
		*mh_errno() = ENOMEM;
		return SIZE_MAX;
	}
	return bytes;
}

#endif
