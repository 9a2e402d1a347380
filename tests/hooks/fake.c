// SPDX-License-Identifier: MIT
/*
 * fake - the layer below a layer under test: see fake.h
 */
#undef MH_LAYER
#undef MH_NEXT
#define MH_LAYER fake
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fake.h"
#include "thread.h"

#define MEMORY_BYTES	(1u << 20)
#define MAX_CHUNKS	1000

struct fake fake;
unsigned int *fake_seen, *fake_events_seen;

struct mh_phase MH_PHASE = { .word = MH_PHASE_LIVE };
ptrdiff_t mh_errno_offset;

int mh_wake(struct mh_phase *phase)
{
	if (*mh_phase_byte(phase, MH_BYTE_PHASE) == MH_PHASE_LIVE)
		return 1;
	if (fake.wake_fails)
		return 0;
	phase->word = MH_PHASE_WAKING;
	if (fake.on_wake)
		fake.on_wake();
	phase->word = MH_PHASE_LIVE;
	return 1;
}

/* ---- journal --------------------------------------------------------------- */

static char text[16384];
static size_t nr_text;

void journal(const char *format, ...)
{
	va_list args;

	if (fake.quiet)
		return;
	if (nr_text)
		nr_text += (size_t)snprintf(text + nr_text,
					    sizeof(text) - nr_text, "; ");
	va_start(args, format);
	nr_text += (size_t)vsnprintf(text + nr_text, sizeof(text) - nr_text,
				     format, args);
	va_end(args);
	CHECK(nr_text < sizeof(text));
}

const char *journal_text(void)
{
	return text;
}

void journal_clear(void)
{
	nr_text = 0;
	text[0] = 0;
}

void mh_say(const char *who, const char *what)
{
	journal("say %s: %s", who, what);
}

/* ---- chunks ---------------------------------------------------------------- */

static unsigned char memory[MEMORY_BYTES] __attribute__((aligned(4096)));
static size_t nr_used;
static struct {
	unsigned char *at;
	size_t size;
} chunks[MAX_CHUNKS];
static int nr_chunks;

const char *chunk_name(const void *ptr)
{
	static char names[8][16];
	static int turn;
	int i;

	if (!ptr)
		return "NULL";
	for (i = 0; i < nr_chunks && chunks[i].at != ptr; i++)
		;
	if (i == nr_chunks)
		return "stranger";
	turn = (turn + 1) % 8;
	snprintf(names[turn], sizeof(names[0]), "p%d", i);
	return names[turn];
}

size_t fake_size(const void *ptr)
{
	int i;

	for (i = 0; i < nr_chunks; i++)
		if (chunks[i].at == ptr)
			return chunks[i].size;
	return 0;
}

static void *hand_out(size_t alignment, size_t size)
{
	unsigned char *at;

	if (fake.error || size > MEMORY_BYTES || nr_chunks == MAX_CHUNKS) {
		errno = fake.error ? fake.error : ENOMEM;
		fake.error = 0;
		return NULL;
	}
	if (alignment < 64)
		alignment = 64;
	nr_used = (nr_used + alignment - 1) & ~(alignment - 1);
	CHECK(nr_used + size <= MEMORY_BYTES);
	at = memory + nr_used;
	nr_used += size + 1;
	memset(at, 0xaa, size);
	chunks[nr_chunks].at = at;
	chunks[nr_chunks++].size = size;
	if (fake.leaves_errno)
		errno = fake.leaves_errno;
	return at;
}

/* ---- operations ------------------------------------------------------------ */

static void called(int op)
{
	fake_seen[op]++;
	if (fake.on_call)
		fake.on_call();
}

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	void *ptr;

	called(FAKE_OP_malloc);
	ptr = hand_out(0, size);
	journal("next malloc %zu c%lx = %s", size, (long)caller,
		chunk_name(ptr));
	return ptr;
}

void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller)
{
	void *ptr;

	called(FAKE_OP_calloc);
	ptr = hand_out(0, n * size);
	if (ptr)
		memset(ptr, 0, n * size);
	journal("next calloc %zu %zu c%lx = %s", n, size, (long)caller,
		chunk_name(ptr));
	return ptr;
}

void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	called(FAKE_OP_free);
	journal("next free %s c%lx", chunk_name(ptr), (long)caller);
	if (fake.leaves_errno)
		errno = fake.leaves_errno;
}

void *HOOK_IDENT(realloc)(void *old, size_t size, caller_t caller)
{
	void *ptr = NULL;

	called(FAKE_OP_realloc);
	if (!old || size || fake.realloc_zero == FAKE_GIVES)
		ptr = hand_out(0, size);
	else if (fake.realloc_zero == FAKE_KEEPS)
		errno = ENOMEM;
	else if (fake.leaves_errno)
		errno = fake.leaves_errno;
	journal("next realloc %s %zu c%lx = %s", chunk_name(old), size,
		(long)caller, chunk_name(ptr));
	return ptr;
}

void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	void *ptr;

	called(FAKE_OP_memalign);
	ptr = hand_out(alignment, size);
	journal("next memalign %zu %zu c%lx = %s", alignment, size,
		(long)caller, chunk_name(ptr));
	return ptr;
}

/* As an allocator of sixteens would say. */
size_t HOOK_IDENT(malloc_usable_size)(void *ptr)
{
	called(FAKE_OP_malloc_usable_size);
	journal("next usable %s", chunk_name(ptr));
	return (fake_size(ptr) + 15) & ~(size_t)15;
}

int HOOK_IDENT(zeroed)(void *ptr, size_t size)
{
	called(FAKE_OP_zeroed);
	journal("next zeroed %s %zu", chunk_name(ptr), size);
	return fake.zeroed;
}

void mh_clear(void *ptr, size_t bytes)
{
	journal("clear %s %zu", chunk_name(ptr), bytes);
	memset(ptr, 0, bytes);
}

/* ---- tests ----------------------------------------------------------------- */

int fake_start(void **state)
{
	fake_seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)state;
	if (fake_seen == MAP_FAILED)
		return -1;
	fake_events_seen = fake_seen + 512;
	mh_errno_offset = (char *)&errno - (char *)mh_thread_pointer();
	return 0;
}

void fake_assert_every_op_was_seen(void **state)
{
	static const char *const names[] = {
#define MH_X(op) #op,
		MH_OPS(MH_X)
#undef MH_X
	};
	int i;

	(void)state;
	for (i = 0; i < FAKE_NR_OPS; i++)
		if (!fake_seen[i])
			fail_msg("no test called %s of ops.h", names[i]);
}

void check_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	fflush(NULL);
	_exit(1);
}

static void check_same(const char *file, int line, const char *is,
		       const char *want)
{
	if (!strcmp(is, want))
		return;
	fprintf(stderr, "%s:%d:\n  is   %s\n  want %s\n", file, line, is,
		want);
	_exit(1);
}

void check_journal(const char *file, int line, const char *want)
{
	check_same(file, line, text, want);
	journal_clear();
}

int fake_child(void (*body)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		body();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

void fake_run(void **state)
{
	int status = fake_child((void (*)(void))*state);

	if (status)
		fail_msg("its child ended with status 0x%x", (unsigned)status);
}

void check_said(const char *file, int line, void (*body)(void),
		const char *want)
{
	char heard[4096];
	int fds[2], saved = dup(2);
	ssize_t nr;

	CHECK(!pipe(fds));
	dup2(fds[1], 2);
	close(fds[1]);
	body();
	dup2(saved, 2);
	close(saved);
	nr = read(fds[0], heard, sizeof(heard) - 1);
	close(fds[0]);
	heard[nr > 0 ? nr : 0] = 0;
	check_same(file, line, heard, want);
}
