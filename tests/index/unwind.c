// SPDX-License-Identifier: MIT
/*
 * unwind - walks of index/unwind.c against those of libgcc
 *
 *	unwind calls SEED	from the ends of random chains of calls
 *	unwind steps		from every instruction of them (x86_64)
 *	unwind signal		from a handler: as far as its frame
 *	unwind thread		from a thread's stack, and a coroutine's
 *	unwind strange		through code that nobody describes
 *	unwind short		as far as it goes: an object lacks tables
 *	unwind broken SEED	with tables in which bytes are wrong
 *
 * Prints what it found; exits with 1 and says so when the two differ.
 */
#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include "caller.h"
#include "module.h"
#include "registers.h"
#include "unwind.h"
#include "unwind_frames.h"

#define MOST	256

/* Of libgcc, whose unwind.h has the name of ours: Itanium C++ ABI, Exception
 * Handling, 1.1 and 1.2. */
struct _Unwind_Context;
typedef int unwind_visit(struct _Unwind_Context *context, void *arg);
int _Unwind_Backtrace(unwind_visit *visit, void *arg);
uintptr_t _Unwind_GetIP(struct _Unwind_Context *context);

struct walk {
	uintptr_t pc[MOST];
	size_t nr;
};

static void (*at_end)(void);
static unsigned long nr_walks, nr_frames;
static int may_be_shorter;

int next(struct chain *chain)
{
	if (chain->at < chain->nr)
		chain->result = links[chain->order[chain->at++]](chain);
	else
		at_end();
	return chain->result;
}

static void fail(const char *what, const struct walk *ours,
		 const struct walk *theirs)
{
	printf("%s: ours %zu, libgcc's %zu frames\n", what, ours->nr,
	       theirs->nr);
	for (size_t i = 0; i < ours->nr || i < theirs->nr; i++)
		printf("%3zu %16lx %16lx\n", i,
		       i < ours->nr ? (long)ours->pc[i] : 0L,
		       i < theirs->nr ? (long)theirs->pc[i] : 0L);
	exit(1);
}

static void walk_on(struct mh_frame *frame, struct walk *walk)
{
	while (walk->nr < MOST && mh_frame_up(frame))
		walk->pc[walk->nr++] = frame->pc;
}

static int take(struct _Unwind_Context *context, void *arg)
{
	struct walk *walk = arg;

	if (walk->nr < MOST && _Unwind_GetIP(context))
		walk->pc[walk->nr++] = mh_strip(_Unwind_GetIP(context));
	return 0;
}

/* @theirs begins one frame before @ours. */
static void compare(const char *what, const struct walk *ours,
		    const struct walk *theirs, size_t first)
{
	nr_walks++;
	nr_frames += ours->nr;
	for (size_t i = 0; i < ours->nr; i++)
		if (i + first >= theirs->nr ||
		    ours->pc[i] != theirs->pc[i + first])
			fail(what, ours, theirs);
	if (!may_be_shorter && ours->nr + first != theirs->nr)
		fail(what, ours, theirs);
}

static __attribute__((noinline)) void both(void)
{
	struct walk ours = { .nr = 0 }, theirs = { .nr = 0 };
	struct mh_frame frame;

	MH_FRAME_HERE(&frame);
	walk_on(&frame, &ours);
	_Unwind_Backtrace(take, &theirs);
	compare("call", &ours, &theirs, 1);
}

static unsigned long random_state;

static unsigned long any(unsigned long below)
{
	random_state = random_state * 6364136223846793005ul + 1442695040888963407ul;
	return (random_state >> 33) % below;
}

static void run(const unsigned char *order, int nr)
{
	struct chain chain = { order, nr, 0, 0 };

	if (next(&chain) != nr) {
		printf("a chain of %d gave %d\n", nr, chain.result);
		exit(1);
	}
}

static void run_any(void)
{
	unsigned char order[9];
	int nr = (int)any(sizeof(order)) + 1;

	for (int i = 0; i < nr; i++)
		order[i] = (unsigned char)any(nr_links);
	run(order, nr);
}

/* Every pair stands together. */
static void run_pairs(void)
{
	for (size_t a = 0; a < nr_links; a++)
		for (size_t b = 0; b < nr_links; b++)
			run((unsigned char[]){ (unsigned char)a,
					       (unsigned char)b }, 2);
}

/* ---- every instruction -------------------------------------------------------- */

static unsigned long nr_unknown;

#ifdef __x86_64__
extern const char __start_frames[], __stop_frames[];

static void step(int number, siginfo_t *info, void *context)
{
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t pc = (uintptr_t)regs[REG_RIP];
	struct walk ours = { .nr = 0 }, theirs = { .nr = 0 };
	/* Not behind a call: as if it were. */
	struct mh_frame frame = {
		pc + 1, (uintptr_t)regs[REG_RSP], (uintptr_t)regs[REG_RBP],
	};
	size_t first = 0;

	(void)number;
	(void)info;
	if (pc < (uintptr_t)__start_frames || pc >= (uintptr_t)__stop_frames)
		return;
	walk_on(&frame, &ours);
	_Unwind_Backtrace(take, &theirs);
	while (first < theirs.nr && theirs.pc[first] != pc)
		first++;
	nr_unknown += !ours.nr;
	if (ours.nr)
		compare("step", &ours, &theirs, first + 1);
}

static void nothing(void)
{
}

static void do_steps(void)
{
	struct sigaction action = { .sa_sigaction = step, .sa_flags = SA_SIGINFO };
	unsigned char order[32];

	for (size_t i = 0; i < nr_links; i++)
		order[i] = (unsigned char)i;
	at_end = nothing;
	sigaction(SIGTRAP, &action, NULL);
	__asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory",
			 "cc");
	run(order, (int)nr_links);
	__asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory",
			 "cc");
}
#endif

/* ---- other stacks ------------------------------------------------------------- */

static void on_signal(int number)
{
	(void)number;
	both();
}

static void raise_it(void)
{
	raise(SIGUSR1);
}

static void do_signal(void)
{
	signal(SIGUSR1, on_signal);
	may_be_shorter = 1;
	at_end = raise_it;
	run_pairs();
}

static void *thread(void *arg)
{
	(void)arg;
	run_pairs();
	return NULL;
}

static ucontext_t main_context, other_context;

static void coroutine(void)
{
	run_pairs();
}

static void do_thread(void)
{
	static char stack[1 << 20];
	pthread_t id;

	if (pthread_create(&id, NULL, thread, NULL) || pthread_join(id, NULL))
		exit(2);
	getcontext(&other_context);
	other_context.uc_stack.ss_sp = stack;
	other_context.uc_stack.ss_size = sizeof(stack);
	other_context.uc_link = &main_context;
	makecontext(&other_context, coroutine, 0);
	swapcontext(&main_context, &other_context);
}

/* ---- code without tables ------------------------------------------------------ */

/* A function of one call, made now: void f(void (*called)(void)) */
static const unsigned char made[] = {
#ifdef __x86_64__
	0x48, 0x83, 0xec, 0x08,		/* sub $8, %rsp */
	0xff, 0xd7,			/* call *%rdi */
	0x48, 0x83, 0xc4, 0x08,		/* add $8, %rsp */
	0xc3,				/* ret */
#else
	0xfd, 0x7b, 0xbf, 0xa9,		/* stp x29, x30, [sp, #-16]! */
	0x00, 0x00, 0x3f, 0xd6,		/* blr x0 */
	0xfd, 0x7b, 0xc1, 0xa8,		/* ldp x29, x30, [sp], #16 */
	0xc0, 0x03, 0x5f, 0xd6,		/* ret */
#endif
};

static void call_made(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(page, made, sizeof(made));
	mprotect(page, 4096, PROT_READ | PROT_EXEC);
	__builtin___clear_cache(page, (char *)page + sizeof(made));
	((void (*)(void (*)(void)))page)(both);
}

static void do_strange(void)
{
	may_be_shorter = 1;
	at_end = call_made;
	run_pairs();
}

/* ---- broken tables ------------------------------------------------------------ */

static int crashed;

static void only_ours(void)
{
	struct walk ours = { .nr = 0 };
	struct mh_frame frame;

	MH_FRAME_HERE(&frame);
	walk_on(&frame, &ours);
	nr_walks++;
	nr_frames += ours.nr;
}

static void on_crash(int number)
{
	static const char text[] = "crashed in a walk with broken tables\n";

	(void)number;
	crashed = 1;
	if (write(1, text, sizeof(text) - 1) < 0)
		_exit(3);
	_exit(1);
}

/* .eh_frame lies behind its header, and ends with a length of 0. */
static size_t table_bytes(const struct mh_module *module)
{
	const unsigned char *at;
	int32_t distance;
	uint32_t length;

	memcpy(&distance, module->eh_frame_hdr + 4, 4);
	at = module->eh_frame_hdr + 4 + distance;
	for (memcpy(&length, at, 4); length; memcpy(&length, at, 4))
		at += 4 + length;
	return (size_t)(at - module->eh_frame_hdr);
}

static void break_bytes(unsigned char *table, size_t bytes)
{
	static const unsigned char words[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	for (unsigned long n = any(8) + 1; n; n--) {
		unsigned char *at = table + any(any(2) ? bytes :
						bytes < 64 ? bytes : 64);

		*at = any(2) ? (unsigned char)any(256) : words[any(5)];
	}
}

static void do_broken(void)
{
	struct mh_module module;
	unsigned char *table, *kept;
	uintptr_t page;
	size_t bytes;

	if (!mh_module_find((uintptr_t)do_broken, &module) ||
	    !module.eh_frame_hdr)
		exit(2);
	table = (unsigned char *)(uintptr_t)module.eh_frame_hdr;
	bytes = table_bytes(&module);
	page = (uintptr_t)table & ~(uintptr_t)4095;
	/* Code may lie beside it. */
	if (mprotect((void *)page, bytes + ((uintptr_t)table - page),
		     PROT_READ | PROT_WRITE | PROT_EXEC))
		exit(2);
	kept = malloc(bytes);
	memcpy(kept, table, bytes);
	signal(SIGSEGV, on_crash);
	signal(SIGBUS, on_crash);
	at_end = only_ours;
	for (int i = 0; i < 20000; i++) {
		break_bytes(table, bytes);
		run_any();
		memcpy(table, kept, bytes);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	mh_unwind_init();
	at_end = both;
	random_state = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	if (!strcmp(what, "calls")) {
		run_pairs();
		for (int i = 0; i < 500; i++)
			run_any();
	} else if (!strcmp(what, "signal")) {
		do_signal();
	} else if (!strcmp(what, "thread")) {
		do_thread();
	} else if (!strcmp(what, "strange")) {
		do_strange();
	} else if (!strcmp(what, "short")) {
		may_be_shorter = 1;
		run_pairs();
	} else if (!strcmp(what, "broken")) {
		do_broken();
#ifdef __x86_64__
	} else if (!strcmp(what, "steps")) {
		do_steps();
#endif
	} else {
		return 2;
	}
	printf("%s: %lu walks, %lu frames, %lu unknown\n", what, nr_walks,
	       nr_frames, nr_unknown);
	return 0;
}
