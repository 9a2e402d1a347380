// SPDX-License-Identifier: MIT
/*
 * unit - one link output: its descriptor, the life of its stacks, the API
 *
 * The descriptor lists the stacks by a section that the linker gathers, so it
 * is right in the file, before anything has run.
 */
#include <sys/auxv.h>
#include <sys/mman.h>
#include "latch.h"
#include "live.h"
#include "nextsym.h"
#include "options.h"
#include "stack.h"
#include "syscall.h"
#include "thread.h"
#include "unit.h"

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
	.core = &mh_core, \
	.latch_offset = &mh_latch_offset, \
}

__attribute__((weak, visibility("default")))
const struct mallochooks_unit mallochooks_unit = MH_OWN_UNIT;

/* That name may be bound to another unit's, this one never is. */
extern const struct mallochooks_unit mh_own_unit
	__attribute__((weak, alias("mallochooks_unit"), visibility("hidden")));

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

/* Those of our own unit, so that a query need not look for them. */
static int (*own_query[MAX_STACKS])(const void *address,
				    struct mallochooks_object *object);
static unsigned int nr_own_queries;

static void list_queries(const struct mallochooks_stack *stack)
{
	for (unsigned int i = 0; i < stack->nr_layers; i++)
		if (stack->layers[i].query && nr_own_queries < MAX_STACKS)
			own_query[nr_own_queries++] = stack->layers[i].query;
}

static void set_options(const struct mallochooks_stack *stack,
			char *const *envp)
{
	struct mh_options options = {
		.stack = stack,
		.core = &mh_core,
		.each = mallochooks_for_each_stack,
		.secure = getauxval(AT_SECURE) != 0,
		.mistake = mh_options_say,
	};

	mh_options_load(&options, envp);
	mh_options_confirm(&options);
}

MH_RUNTIME void mh_stack_start(const struct mallochooks_stack *stack,
			       struct mh_phase *phase, char *const *envp)
{
	unsigned int nr = __atomic_load_n(&nr_started, __ATOMIC_RELAXED);
	unsigned int word;

	if (nr == MAX_STACKS) {
		mh_say(stack->ident, "too many identities in one link output: "
		       "this one only passes calls on");
		return;
	}
	mh_errno_offset = (char *)&errno - (char *)mh_thread_pointer();
	mh_latch_start();
	set_options(stack, envp);
	word = mh_live_start(stack, phase);
	each_layer_up(stack, offsetof(struct mallochooks_layer, init));
	started[nr].phase = phase;
	started[nr].stack = stack;
	list_queries(stack);
	__atomic_store_n(&nr_started, nr + 1, __ATOMIC_RELEASE);
	wipe_on_fork(phase);
	mh_live_signal();
	__atomic_store_n(&phase->word, word, __ATOMIC_RELEASE);
	each_layer_up(stack, offsetof(struct mallochooks_layer, live));
}

MH_RUNTIME const struct mallochooks_stack *mh_started(unsigned int i,
						     struct mh_phase **phase)
{
	if (i >= __atomic_load_n(&nr_started, __ATOMIC_ACQUIRE))
		return NULL;
	*phase = started[i].phase;
	return started[i].stack;
}

MH_RUNTIME const struct mallochooks_stack *
mh_stack_of(const struct mh_phase *phase)
{
	const struct mallochooks_stack *stack;
	struct mh_phase *one;

	for (unsigned int i = 0; (stack = mh_started(i, &one)); i++)
		if (one == phase)
			return stack;
	return NULL;
}

static int is_live(struct mh_phase *phase)
{
	/* acquire: pairs with the release of who has woken it */
	return __atomic_load_n(mh_phase_byte(phase, MH_BYTE_PHASE),
			       __ATOMIC_ACQUIRE) == MH_PHASE_LIVE;
}

MH_RUNTIME int mh_wake(struct mh_phase *phase)
{
	unsigned char *state = mh_phase_byte(phase, MH_BYTE_PHASE);
	unsigned char boot = MH_PHASE_BOOT;
	const struct mallochooks_stack *stack;

	if (is_live(phase))
		return 1;
	stack = mh_stack_of(phase);
	if (!stack)
		return 0;
	/* Only one thread, and no signal handler within it, re-opens. */
	if (!__atomic_compare_exchange_n(state, &boot, MH_PHASE_WAKING, 0,
					 __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
		return boot == MH_PHASE_LIVE;
	each_layer_up(stack, offsetof(struct mallochooks_layer, fork));
	__atomic_store_n(state, MH_PHASE_LIVE, __ATOMIC_RELEASE);
	mh_live_fork(stack, phase);
	return 1;
}

MH_RUNTIME int mh_attend(struct mh_phase *phase)
{
	if (!is_live(phase) && !mh_wake(phase))
		return 0;
	if (*(volatile unsigned char *)mh_phase_byte(phase, MH_BYTE_BELL))
		mh_live_take(mh_stack_of(phase), phase);
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

static int has_dynamic(const ElfW(Phdr) *phdr, size_t nr,
		       const struct link_map *map)
{
	for (size_t i = 0; i < nr; i++)
		if (phdr[i].p_type == PT_DYNAMIC)
			return map->l_addr + phdr[i].p_vaddr ==
			       (uintptr_t)map->l_ld;
	return 0;
}

/*
 * A shared object exports its descriptor by itself; an executable would have to
 * be told to, which costs ld.bfd a tenth of a small link.  The headers that the
 * kernel, or the loader, tells of are those of the executable.
 */
static const struct mallochooks_unit *noted_unit(const struct link_map *map)
{
	const ElfW(Phdr) *phdr;
	const ElfW(Nhdr) *note;
	const char *at;
	int64_t distance;
	size_t nr;

	if (map->l_prev || !mh_relocated())
		return NULL;
	phdr = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	nr = phdr ? getauxval(AT_PHNUM) : 0;
	if (!has_dynamic(phdr, nr, map))
		return NULL;
	note = mh_find_note(phdr, nr, map->l_addr, "mallochooks", 1);
	if (!note || note->n_descsz < MALLOCHOOKS_NOTE_BYTES)
		return NULL;
	at = (const char *)(note + 1) + sizeof("mallochooks") +
	     MALLOCHOOKS_NOTE_UNIT;
	__builtin_memcpy(&distance, at, sizeof(distance));
	return (const struct mallochooks_unit *)(at + distance);
}

static const struct mallochooks_unit *unit_of(const struct link_map *map)
{
	const struct mallochooks_unit *unit = NULL;
	struct mh_object object;

	if (mh_object_open(&object, map))
		unit = mh_object_find(&object, "mallochooks_unit");
	if (!unit)
		unit = noted_unit(map);
	return unit && unit->magic == MALLOCHOOKS_MAGIC &&
	       unit->abi == MALLOCHOOKS_ABI ? unit : NULL;
}

/*
 * Our own unit is visited even where its symbol is not exported.  The symbol
 * itself may be bound to another unit's, so ours is told by its stacks.
 */
MH_RUNTIME int mh_each_unit(int (*visit)(const struct mallochooks_unit *unit,
					 void *arg), void *arg)
{
	const struct link_map *own = mh_own_map(), *map = own;
	const struct mallochooks_unit self = MH_OWN_UNIT;
	const struct mallochooks_unit *unit;
	int ret = 0;

	while (map && map->l_prev)
		map = map->l_prev;
	if (!map)
		return visit(&self, arg);
	for (; !ret && map; map = map->l_next) {
		unit = map == own ? &self : unit_of(map);
		if (unit)
			ret = visit(unit, arg);
	}
	return ret;
}

typedef int visit_stack(const struct mallochooks_unit *unit,
			const struct mallochooks_stack *stack, void *arg);

struct stack_visit {
	visit_stack *visit;
	void *arg;
};

static int visit_stacks(const struct mallochooks_unit *unit, void *arg)
{
	const struct mallochooks_stack *const *stack;
	const struct stack_visit *visit = arg;
	int ret = 0;

	for (stack = unit->stacks; !ret && stack < unit->stacks_end; stack++)
		if (*stack)
			ret = visit->visit(unit, *stack, visit->arg);
	return ret;
}

MH_RUNTIME int mallochooks_for_each_stack(visit_stack *visit, void *arg)
{
	struct stack_visit visits = { visit, arg };

	return mh_each_unit(visit_stacks, &visits);
}

typedef int visit_allocator(const struct mallochooks_allocator *allocator,
			    void *arg);

struct allocator_visit {
	visit_allocator *visit;
	void *arg;
};

static int has_index(const struct mallochooks_stack *stack)
{
	const struct mallochooks_layer *layer;

	for (unsigned int i = 0; i < stack->nr_layers; i++) {
		layer = mallochooks_layer_at(stack, i);
		if (mallochooks_layer_has(layer, offsetof(
				struct mallochooks_layer, walk)) && layer->query)
			return 1;
	}
	return 0;
}

static int tell_allocator(const struct mallochooks_unit *unit,
			  const struct mallochooks_stack *stack, void *arg)
{
	const struct allocator_visit *visit = arg;
	const struct mallochooks_allocator allocator = {
		.size = sizeof(allocator),
		.flags = has_index(stack) ? MALLOCHOOKS_INDEXED : 0,
		.ident = stack->ident,
		.method = stack->method,
		.prefix = stack->prefix,
		.symbols = stack->symbols,
		.unit = unit,
		.stack = stack,
	};

	return visit->visit(&allocator, visit->arg);
}

MH_RUNTIME int mallochooks_for_each_allocator(visit_allocator *visit, void *arg)
{
	struct allocator_visit visits = { visit, arg };

	return mallochooks_for_each_stack(tell_allocator, &visits);
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

/* One question to all indexes; the innermost answer counts. */
struct question {
	const void *address;
	const struct mallochooks_object *inner;	/* only what this lies in; or NULL */
	struct mallochooks_object object;
	const struct mallochooks_layer *layer;	/* whose it is */
	int error;
};

/* Of two that have an address in common. */
static int is_within(const struct mallochooks_object *a,
		     const struct mallochooks_object *b)
{
	if (a->base != b->base)
		return (uintptr_t)a->base > (uintptr_t)b->base;
	if (a->usable != b->usable)
		return a->usable < b->usable;
	return (a->flags & MALLOCHOOKS_DEPTH) > (b->flags & MALLOCHOOKS_DEPTH);
}

static void ask_layer(const struct mallochooks_layer *layer,
		      struct question *question)
{
	struct mallochooks_object object = { .size = sizeof(object) };
	int error;

	if (!mallochooks_layer_has(layer, offsetof(struct mallochooks_layer,
						   walk)) || !layer->query)
		return;
	error = layer->query(question->address, &object);
	if (error) {
		if (question->error == -ENOENT)
			question->error = error;
		return;
	}
	if (question->inner && !is_within(question->inner, &object))
		return;
	if (!question->error && !is_within(&object, &question->object))
		return;
	question->object = object;
	question->layer = layer;
	question->error = 0;
}

static void ask_layers(const struct mallochooks_stack *stack,
		       struct question *question)
{
	for (unsigned int i = 0; i < stack->nr_layers; i++)
		ask_layer(mallochooks_layer_at(stack, i), question);
}

static int ask_other(const struct mallochooks_unit *unit,
		     const struct mallochooks_stack *stack, void *arg)
{
	if (unit->stacks != (const struct mallochooks_stack *const *)
			    __start_mh_stacks)
		ask_layers(stack, arg);
	return 0;
}

/*
 * Our own unit first, in a plain loop: looking for the others takes longer than
 * their answer.  They have nothing inside of what is no pool.
 */
static int ask(struct question *question)
{
	const struct mallochooks_unit self = MH_OWN_UNIT;
	const struct mallochooks_stack *const *stack;

	question->error = -ENOENT;
	for (stack = self.stacks; stack < self.stacks_end; stack++)
		if (*stack)
			ask_layers(*stack, question);
	if (question->error || question->inner ||
	    question->object.flags & MALLOCHOOKS_POOL)
		mallochooks_for_each_stack(ask_other, question);
	return question->error;
}

static __attribute__((noinline)) int
ask_all(const void *address, const struct mallochooks_object *inner,
	struct mallochooks_object *object)
{
	struct question question = { .address = address, .inner = inner };
	int error = ask(&question);

	if (!error)
		*object = question.object;
	return error;
}

MH_RUNTIME int mallochooks_query(const void *address,
				 struct mallochooks_object *object)
{
	object->size = sizeof(*object);
	if (likely(nr_own_queries == 1) &&
	    likely(!own_query[0](address, object)) &&
	    likely(!(object->flags & MALLOCHOOKS_POOL)))
		return 0;
	return ask_all(address, NULL, object);
}

MH_RUNTIME int mallochooks_query_outer(const struct mallochooks_object *inner,
				       struct mallochooks_object *outer)
{
	return ask_all(inner->base, inner, outer);
}

MH_RUNTIME int mallochooks_set_tag(const void *address, uint64_t tag)
{
	struct question question = { .address = address };
	int error = ask(&question);

	if (error)
		return error;
	return question.layer->tag ? question.layer->tag(address, tag) : -ENOENT;
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

	wanted->found = mh_option_find(mallochooks_unit_core(unit), stack,
				       wanted->name);
	return wanted->found != NULL;
}

MH_RUNTIME const struct mallochooks_option *mallochooks_option(const char *name)
{
	struct wanted wanted = { name, NULL };

	mallochooks_for_each_stack(find_option, &wanted);
	return wanted.found;
}
