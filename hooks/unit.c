// SPDX-License-Identifier: MIT
/*
 * unit - one link output: its descriptor, the life of its stacks, the API
 *
 * The descriptor lists the stacks by a section that the linker gathers, so it
 * is right in the file, before anything has run.
 */
#include <sys/auxv.h>
#include <sys/mman.h>
#include "nextsym.h"
#include "options.h"
#include "stack.h"
#include "syscall.h"
#include "thread.h"

#define MAX_STACKS	16	/* identities in one link output */

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK	18	/* Linux 4.14 */
#endif

extern const struct mallochooks_stack *__start_mh_stacks[]
	__attribute__((visibility("hidden")));
extern const struct mallochooks_stack *__stop_mh_stacks[]
	__attribute__((visibility("hidden")));

/* Lets the section exist in a unit that only uses the API. */
static const struct mallochooks_stack *no_stack
	__attribute__((section("mh_stacks"), used, retain));

#define MH_OWN_UNIT { \
	.magic = MALLOCHOOKS_MAGIC, \
	.abi = MALLOCHOOKS_ABI, \
	.size = sizeof(struct mallochooks_unit), \
	.version = MALLOCHOOKS_VERSION, \
	.stacks = (const struct mallochooks_stack *const *)__start_mh_stacks, \
	.stacks_end = (const struct mallochooks_stack *const *)__stop_mh_stacks, \
}

__attribute__((weak, visibility("default")))
const struct mallochooks_unit mallochooks_unit = MH_OWN_UNIT;

/* What belongs to a stack's phase page; written once, by its constructor. */
static struct started {
	struct mh_phase *phase;
	const struct mallochooks_stack *stack;
} started[MAX_STACKS];
static unsigned int nr_started;

MH_RUNTIME ptrdiff_t mh_errno_offset;

static void child_of_fork(void)
{
	unsigned int i;

	for (i = 0; i < nr_started; i++)
		started[i].phase->word = MH_PHASE_BOOT;
}

extern int __register_atfork(void (*prepare)(void), void (*parent)(void),
			     void (*child)(void), void *dso);

/* An emulator may take any advice and follow none: a nonsense one shows it. */
MH_RUNTIME int mh_wipe_on_fork(void *ptr, size_t bytes)
{
	const long nonsense = 0x7fff;

	return !mh_syscall(SYS_madvise, (long)ptr, (long)bytes,
			   MADV_WIPEONFORK, 0, 0, 0) &&
	       mh_syscall(SYS_madvise, (long)ptr, (long)bytes, nonsense, 0, 0,
			  0);
}

/*
 * The kernel wipes the page in a child, whichever way it was forked.  Where it
 * does not, fork() at least is caught by a handler.
 */
static void wipe_on_fork(struct mh_phase *phase)
{
	static int handler;

	if (mh_wipe_on_fork(phase, sizeof(*phase)))
		return;
	if (!__atomic_exchange_n(&handler, 1, __ATOMIC_RELAXED))
		__register_atfork(NULL, NULL, child_of_fork, NULL);
}

static void each_layer_up(const struct mallochooks_stack *stack,
			  size_t operation)
{
	unsigned int i;

	for (i = stack->nr_layers; i-- > 0;) {
		void (*run)(void) = *(void (*const *)(void))
			((const char *)mallochooks_layer_at(stack, i) +
			 operation);

		if (run)
			run();
	}
}

MH_RUNTIME void mh_stack_start(const struct mallochooks_stack *stack,
			       struct mh_phase *phase, char *const *envp)
{
	unsigned int nr = __atomic_load_n(&nr_started, __ATOMIC_RELAXED);

	if (nr == MAX_STACKS) {
		mh_say("unit", "too many identities in one link output: this "
		       "one only passes calls on");
		return;
	}
	mh_errno_offset = (char *)&errno - (char *)mh_thread_pointer();
	if (!getauxval(AT_SECURE))
		mh_options_from_environment(stack, envp,
					    mallochooks_for_each_stack);
	each_layer_up(stack, offsetof(struct mallochooks_layer, init));
	started[nr].phase = phase;
	started[nr].stack = stack;
	__atomic_store_n(&nr_started, nr + 1, __ATOMIC_RELEASE);
	wipe_on_fork(phase);
	__atomic_store_n(&phase->word, MH_PHASE_LIVE, __ATOMIC_RELEASE);
	each_layer_up(stack, offsetof(struct mallochooks_layer, live));
}

MH_RUNTIME int mh_wake(struct mh_phase *phase)
{
	unsigned int nr = __atomic_load_n(&nr_started, __ATOMIC_ACQUIRE);
	unsigned int boot = MH_PHASE_BOOT, i;

	for (i = 0; i < nr && started[i].phase != phase; i++)
		;
	if (i == nr)
		return 0;
	/* Only one thread, and no signal handler within it, re-opens. */
	if (!__atomic_compare_exchange_n(&phase->word, &boot, MH_PHASE_WAKING,
					 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
		return boot == MH_PHASE_LIVE;
	each_layer_up(started[i].stack, offsetof(struct mallochooks_layer, fork));
	__atomic_store_n(&phase->word, MH_PHASE_LIVE, __ATOMIC_RELEASE);
	return 1;
}

MH_RUNTIME void mh_stack_fini(const struct mallochooks_stack *stack)
{
	const struct mallochooks_layer *layer;
	unsigned int i;

	for (i = 0; i < stack->nr_layers; i++) {
		layer = mallochooks_layer_at(stack, i);
		if (layer->fini)
			layer->fini();
	}
}

MH_RUNTIME void mh_clear(void *ptr, size_t bytes)
{
	volatile unsigned char *byte = ptr;

	if (mh_relocated())
		__builtin_memset(ptr, 0, bytes);
	else
		while (bytes--)
			*byte++ = 0;
}

MH_RUNTIME const char *mallochooks_version(void)
{
	return MALLOCHOOKS_VERSION;
}

typedef int visit_stack(const struct mallochooks_unit *unit,
			const struct mallochooks_stack *stack, void *arg);

static int visit_unit(const struct mallochooks_unit *unit, visit_stack *visit,
		      void *arg)
{
	const struct mallochooks_stack *const *stack;
	int ret = 0;

	if (unit->magic != MALLOCHOOKS_MAGIC || unit->abi != MALLOCHOOKS_ABI)
		return 0;
	for (stack = unit->stacks; !ret && stack < unit->stacks_end; stack++)
		if (*stack)
			ret = visit(unit, *stack, arg);
	return ret;
}

/*
 * Our own unit is visited even where its symbol is not exported.  The symbol
 * itself may be bound to another unit's, so ours is told by its stacks.
 */
MH_RUNTIME int mallochooks_for_each_stack(visit_stack *visit, void *arg)
{
	const struct link_map *own = mh_own_map(), *map = own;
	const struct mallochooks_unit self = MH_OWN_UNIT;
	const struct mallochooks_unit *unit;
	struct mh_object object;
	int ret = 0;

	while (map && map->l_prev)
		map = map->l_prev;
	if (!map)
		return visit_unit(&self, visit, arg);
	for (; !ret && map; map = map->l_next) {
		unit = NULL;
		if (map == own)
			unit = &self;
		else if (mh_object_open(&object, map))
			unit = mh_object_find(&object, "mallochooks_unit");
		if (unit)
			ret = visit_unit(unit, visit, arg);
	}
	return ret;
}

struct dump {
	int fd;
	int nr;
};

static int dump_stack(const struct mallochooks_unit *unit,
		      const struct mallochooks_stack *stack, void *arg)
{
	const struct mallochooks_layer *layer;
	struct dump *dump = arg;
	unsigned int i;

	(void)unit;
	for (i = 0; i < stack->nr_layers; i++) {
		layer = mallochooks_layer_at(stack, i);
		if (!layer->dump)
			continue;
		layer->dump(dump->fd);
		dump->nr++;
	}
	return 0;
}

MH_RUNTIME int mallochooks_dump(int fd)
{
	struct dump dump = { fd, 0 };

	mallochooks_for_each_stack(dump_stack, &dump);
	return dump.nr;
}

/* One question to all indexes; 0 is an answer, and the first one ends it. */
struct question {
	const void *address;
	struct mallochooks_object *object;	/* NULL: set the tag */
	uint64_t tag;
	int error;
	int others;	/* our own unit has been asked */
};

static int ask_layer(const struct mallochooks_layer *layer,
		     const struct question *question)
{
	if (!mallochooks_layer_has(layer, offsetof(struct mallochooks_layer,
						   walk)))
		return -ENOENT;
	if (question->object)
		return layer->query ? layer->query(question->address,
						   question->object) : -ENOENT;
	return layer->tag ? layer->tag(question->address, question->tag) :
			    -ENOENT;
}

static int ask_stack(const struct mallochooks_unit *unit,
		     const struct mallochooks_stack *stack, void *arg)
{
	struct question *question = arg;
	int error;

	if (question->others && unit->stacks ==
	    (const struct mallochooks_stack *const *)__start_mh_stacks)
		return 0;
	for (unsigned int i = 0; i < stack->nr_layers; i++) {
		error = ask_layer(mallochooks_layer_at(stack, i), question);
		if (error == -ENOENT)
			continue;
		question->error = error;
		return 1;
	}
	return 0;
}

/* Our own unit first: looking for the others takes longer than their answer. */
static int ask(struct question *question)
{
	const struct mallochooks_unit self = MH_OWN_UNIT;

	question->error = -ENOENT;
	if (!visit_unit(&self, ask_stack, question)) {
		question->others = 1;
		mallochooks_for_each_stack(ask_stack, question);
	}
	return question->error;
}

MH_RUNTIME int mallochooks_query(const void *address,
				 struct mallochooks_object *object)
{
	struct question question = { .address = address, .object = object };

	object->size = sizeof(*object);
	return ask(&question);
}

MH_RUNTIME int mallochooks_set_tag(const void *address, uint64_t tag)
{
	struct question question = { .address = address, .tag = tag };

	return ask(&question);
}

MH_RUNTIME int mallochooks_get_tag(const void *address, uint64_t *tag)
{
	struct mallochooks_object object;
	int error = mallochooks_query(address, &object);

	if (!error)
		*tag = object.tag;
	return error;
}

struct walk {
	mallochooks_visit *visit;
	void *arg;
};

static int walk_stack(const struct mallochooks_unit *unit,
		      const struct mallochooks_stack *stack, void *arg)
{
	const struct mallochooks_layer *layer;
	const struct walk *walk = arg;
	int ret = 0;

	(void)unit;
	for (unsigned int i = 0; !ret && i < stack->nr_layers; i++) {
		layer = mallochooks_layer_at(stack, i);
		if (mallochooks_layer_has(layer, offsetof(
				struct mallochooks_layer, walk)) && layer->walk)
			ret = layer->walk(walk->visit, walk->arg);
	}
	return ret;
}

MH_RUNTIME int mallochooks_walk(mallochooks_visit *visit, void *arg)
{
	struct walk walk = { visit, arg };

	return mallochooks_for_each_stack(walk_stack, &walk);
}

struct wanted {
	const char *name;
	const struct mallochooks_option *found;
};

static int find_option(const struct mallochooks_unit *unit,
		       const struct mallochooks_stack *stack, void *arg)
{
	struct wanted *wanted = arg;

	(void)unit;
	wanted->found = mh_option_find(stack, wanted->name);
	return wanted->found != NULL;
}

MH_RUNTIME const struct mallochooks_option *mallochooks_option(const char *name)
{
	struct wanted wanted = { name, NULL };

	mallochooks_for_each_stack(find_option, &wanted);
	return wanted.found;
}
