// SPDX-License-Identifier: MIT
/*
 * index - what is this address, how large, and who asked for it?
 *
 * Keeps a record of each live chunk in a table beside the allocator
 * (index/chunk.h): mallochooks_query() answers from it.  Stands lowest, so that
 * it knows what the allocator itself was asked for and has given; sizes and
 * pointers are left as they are, so it only observes, and what it has never
 * seen is simply not its own.
 *
 * A death is recorded before the call and a birth after it; between the two
 * halves of a realloc the old record stays, flagged.  A child of fork goes on with
 * its copy of the table; until the stack is live only the quickest way is left out.
 *
 * Of a nested allocator, a chunk lives only as long as that of the other one that
 * it lies in: the tables of the two know each other.
 */
#include <mallochooks/layer.h>
#include "chunk-quick.h"

HOOK_OBSERVING
HOOK_KEEPS_CHUNKS

/* Has a name of its own, as the layer sites looks into it too. */
#define chunks	HOOK_IDENT(chunks)
__attribute__((visibility("hidden"))) struct mh_chunks chunks;

/* One address to go out from, where gcc would have one for each of its fields. */
static inline struct mh_chunks *own_chunks(void)
{
	struct mh_chunks *own = &chunks;

	__asm__("" : "+r"(own));
	return own;
}

static uint64_t unseen;	/* deaths of chunks that we have never had */

/*
 * What the terminal knows of its allocator; weak, for where another layer is the
 * next: that one may carve its chunks out of others.
 */
__attribute__((weak)) int NEXT_IDENT(apart)(void)
{
	return 0;
}

__attribute__((weak)) size_t NEXT_IDENT(size_word)(const void *ptr)
{
	(void)ptr;
	return SIZE_MAX;
}

__attribute__((weak)) void NEXT_IDENT(free_own)(void *ptr, caller_t caller)
{
	NEXT_IDENT(free)(ptr, caller);
}

__attribute__((weak)) void *NEXT_IDENT(realloc_own)(void *ptr, size_t size,
						    caller_t caller)
{
	return NEXT_IDENT(realloc)(ptr, size, caller);
}

enum { NEVER_ASKED, ASKING, ANSWERED };

/*
 * A size function may allocate when it is called first, and that leads here again
 * before it is done: tcmalloc's does by operator new.  What was asked for is enough to
 * go on with, for that chunk and those of other threads just then.
 */
static size_t ask_usable(void *ptr, size_t size)
{
	static int state;
	int never = NEVER_ASKED;
	size_t usable;

	if (likely(__atomic_load_n(&state, __ATOMIC_ACQUIRE) == ANSWERED))
		return NEXT_IDENT(malloc_usable_size)(ptr);
	if (!__atomic_compare_exchange_n(&state, &never, ASKING, 0,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return size;
	usable = NEXT_IDENT(malloc_usable_size)(ptr);
	__atomic_store_n(&state, ANSWERED, __ATOMIC_RELEASE);
	return usable;
}

/* An allocator without a size function answers 0: what was asked for, then. */
static inline size_t usable_of(void *ptr, size_t size)
{
	const size_t usable = ask_usable(ptr, size);

	return usable < size ? size : usable;
}

/* While the layer is off, somebody else's chunks are no news. */
static void met_unseen(void)
{
	if (HOOK_IS_ON)
		__atomic_fetch_add(&unseen, 1, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) void die_slowly(void *ptr, caller_t caller)
{
	if (!mh_chunk_dies_quickly(&chunks, (uintptr_t)ptr, 0) &&
	    !mh_chunk_dies_slowly(&chunks, (uintptr_t)ptr))
		met_unseen();
	NEXT_IDENT(free)(ptr, caller);
}

#ifdef MH_INSIDE
/* The index of the allocator that we carve our chunks out of, if it has one. */
static int find_outer(const struct mallochooks_unit *unit,
		      const struct mallochooks_stack *stack, void *arg)
{
	const struct mallochooks_layer *layer;
	const struct mallochooks_root *root;

	(void)unit;
	(void)arg;
	for (unsigned int i = 0; i < stack->nr_layers; i++) {
		layer = mallochooks_layer_at(stack, i);
		root = mallochooks_layer_has(layer, offsetof(
			struct mallochooks_layer, root)) ? layer->root : NULL;
		if (root && root->layout == MH_CHUNK_LAYOUT &&
		    root->bytes == sizeof(chunks) &&
		    !__builtin_strcmp(stack->ident, MH_INSIDE))
			return !mh_chunk_nest(&chunks,
					      (struct mh_chunks *)root->at);
	}
	return 0;
}

static void meet_outer(void)
{
	static int met;

	if (likely(__atomic_load_n(&met, __ATOMIC_ACQUIRE)))
		return;
	/* who comes meanwhile does the same */
	mallochooks_for_each_stack(find_outer, NULL);
	__atomic_store_n(&met, 1, __ATOMIC_RELEASE);
}

static void *born(void *ptr, size_t size, caller_t caller)
{
	if (unlikely(!ptr))
		return NULL;
	meet_outer();
	mh_chunk_born_inside(&chunks, (uintptr_t)ptr, size,
			     usable_of(ptr, size), caller);
	return ptr;
}

#define born_early	born
#define find_chunk	mh_chunk_find_inside
#define is_alive	mh_chunk_is_inside
#else
/*
 * In the usual case, of an allocator whose chunks begin apart; NULL has no way.
 * Return: its kind, or 0.
 */
static inline size_t born_apart(struct mh_chunks *own, void *ptr, size_t size,
				caller_t caller, const void *keys,
				unsigned int stride, uint64_t mark)
{
	const size_t way = mh_chunk_way((uintptr_t)ptr);
	const uint64_t units = mh_chunk_units(own, way + MH_WAY_APART,
					      (uintptr_t)ptr);
	struct mh_chunk_leaf *leaf;
	size_t slack, kind;

	if (unlikely(units >= MH_LEAF_UNITS))
		return 0;
	/* as early as that: a register less to be kept until then */
	leaf = mh_chunk_way_leaf(own, way);
	kind = mh_chunk_kind_of(keys, stride, mark, size, NEXT_IDENT(size_word)(ptr),
				&slack, caller, 1);
	if (likely(kind))
		mh_chunk_born_at(leaf, units, kind, slack, 1);
	return kind;
}

/*
 * A way of its own, so that the usual one needs no more of a frame.  For the layer
 * sites, too.
 * Return: as born_apart()
 */
__attribute__((noinline)) size_t HOOK_IDENT(born)(void *ptr, size_t size,
						  caller_t caller)
{
	size_t kind;

	if (!ptr)
		return 0;
	kind = born_apart(&chunks, ptr, size, caller, chunks.first_kinds, 1, 0);
	if (likely(kind))
		return kind;
	if (NEXT_IDENT(apart)())
		mh_chunk_born_slowly(&chunks, (uintptr_t)ptr, size,
				     usable_of(ptr, size), caller, 1);
	else
		mh_chunk_born(&chunks, (uintptr_t)ptr, size,
			      usable_of(ptr, size), caller, 0);
	return 0;
}

static inline void *born(void *ptr, size_t size, caller_t caller)
{
	struct mh_chunks *own = own_chunks();

	if (unlikely(!born_apart(own, ptr, size, caller, own->first_kinds, 1, 0)))
		HOOK_IDENT(born)(ptr, size, caller);
	return ptr;
}

/* Before init, an allocation that fails would seem to have a way. */
static inline void *born_early(void *ptr, size_t size, caller_t caller)
{
	HOOK_IDENT(born)(ptr, size, caller);
	return ptr;
}

/*
 * For the layer sites, when it is the next one above: what it has to know of a chunk
 * we have at hand anyway.  It takes a chunk out of the index before it is released.
 * @keys: where the thread's own table is of kinds that it knows already; those of
 * calls of calloc are inverted.  What is of none of these takes born().  Of a live
 * stack.
 */
struct mh_born HOOK_IDENT(malloc_as)(size_t size, caller_t caller, void *const *keys)
{
	struct mh_born born = { .ptr = NEXT_IDENT(malloc)(size, caller) };

	born.keys = *keys;
	born.kind = born_apart(own_chunks(), born.ptr, size, caller, born.keys,
			       MH_KIND_STRIDE, 0);
	return born;
}

struct mh_born HOOK_IDENT(calloc_as)(size_t n, size_t size, caller_t caller,
				     void *const *keys)
{
	struct mh_born born = { .ptr = NEXT_IDENT(calloc)(n, size, caller) };

	born.keys = *keys;
	born.kind = born_apart(own_chunks(), born.ptr, n * size, caller, born.keys,
			       MH_KIND_STRIDE, ~(uint64_t)0);
	return born;
}

struct mh_chunk_held HOOK_IDENT(hold)(void *ptr)
{
	return mh_chunk_hold(own_chunks(), (uintptr_t)ptr);
}

size_t HOOK_IDENT(take)(void *ptr)
{
	return mh_chunk_dies_quickly(own_chunks(), (uintptr_t)ptr, 1);
}

void HOOK_IDENT(release)(void *ptr, caller_t caller)
{
	NEXT_IDENT(free_own)(ptr, caller);
}

#define find_chunk	mh_chunk_find
#define is_alive(chunks, chunk)	1
#endif

void HOOK_IDENT(init)(void)
{
	mh_chunk_init(&chunks);
}

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	if (unlikely(MH_PHASE.word != MH_PHASE_LIVE))
		return born_early(NEXT_IDENT(malloc)(size, caller), size,
				  caller);
	return born(NEXT_IDENT(malloc)(size, caller), size, caller);
}

void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller)
{
	if (unlikely(MH_PHASE.word != MH_PHASE_LIVE))
		return born_early(NEXT_IDENT(calloc)(n, size, caller), n * size,
				  caller);
	return born(NEXT_IDENT(calloc)(n, size, caller), n * size, caller);
}

void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	return born_early(NEXT_IDENT(memalign)(alignment, size, caller), size,
			  caller);
}

void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	if (likely(mh_chunk_dies_quickly(own_chunks(), (uintptr_t)ptr, 1)))
		NEXT_IDENT(free_own)(ptr, caller);
	else
		die_slowly(ptr, caller);
}

HOOK_PASS(malloc_usable_size)

static void moved(const struct mh_chunk_move *move, void *ptr, size_t size,
		  caller_t caller)
{
	struct mh_chunk chunk = {
		.base = (uintptr_t)ptr,
		.requested = size,
		.usable = ptr ? usable_of(ptr, size) : 0,
		.site = caller,
	};

	if (!move->pending)
		met_unseen();
#ifdef MH_INSIDE
	meet_outer();
	mh_chunk_move_ends_inside(&chunks, move, &chunk);
#else
	mh_chunk_move_ends(&chunks, move, &chunk, NEXT_IDENT(apart)());
#endif
}

/* Freed wherever NULL comes without ENOMEM; with it the chunk lives on. */
static void *realloc_to_zero(const struct mh_chunk_move *move, void *old,
			     caller_t caller)
{
	const int before = *mh_errno();
	void *ptr;
	int error;

	*mh_errno() = 0;
	ptr = NEXT_IDENT(realloc)(old, 0, caller);
	error = *mh_errno();
	*mh_errno() = error ? error : before;
	if (!ptr && error == ENOMEM)
		mh_chunk_move_failed(&chunks, move);
	else
		moved(move, ptr, 0, caller);
	return ptr;
}

static void end_move(const struct mh_chunk_move *move, void *ptr, size_t size,
		     caller_t caller)
{
	if (unlikely(!ptr))
		mh_chunk_move_failed(&chunks, move);
	else
		moved(move, ptr, size, caller);
}

static __attribute__((noinline)) void end_hop(struct mh_chunk_hop hop, void *old,
					      void *ptr, size_t size)
{
	struct mh_chunk_move move;

	mh_chunk_hop_slowly(&chunks, (uintptr_t)old, hop, &move);
	end_move(&move, ptr, size, move.site);
}

static MH_TLS struct mh_chunk_mover *own_mover =
	(struct mh_chunk_mover *)&mh_chunk_no_mover;

/* For the layer sites, too, of a live stack; @size: not 0 */
struct mh_moved HOOK_IDENT(realloc_as)(void *old, size_t size, caller_t caller)
{
	const struct mh_chunk_hop hop = mh_chunk_hop_begins(
		own_chunks(), (uintptr_t)old, &own_mover);
	struct mh_moved moved = { NULL, hop.code };

	if (unlikely(!hop.code))
		return moved;
	moved.ptr = NEXT_IDENT(realloc_own)(old, size, caller);
	if (unlikely(!moved.ptr) ||
	    unlikely(!mh_chunk_hop_ends(own_chunks(), hop, (uintptr_t)old,
					(uintptr_t)moved.ptr, size,
					NEXT_IDENT(size_word)(moved.ptr))))
		end_hop(hop, old, moved.ptr, size);
	return moved;
}

static __attribute__((noinline)) void *realloc_slowly(void *old, size_t size,
						      caller_t caller)
{
	struct mh_chunk_move move;
	void *ptr;

	mh_chunk_move_begins(&chunks, (uintptr_t)old, &move);
	if (!size)
		return realloc_to_zero(&move, old, caller);
	ptr = NEXT_IDENT(realloc)(old, size, caller);
	end_move(&move, ptr, size, caller);
	return ptr;
}

void *HOOK_IDENT(realloc)(void *old, size_t size, caller_t caller)
{
	struct mh_moved quick = { NULL, 0 };

	if (!old)
		return born_early(NEXT_IDENT(realloc)(NULL, size, caller), size,
				  caller);
	if (likely(size) && likely(MH_PHASE.word == MH_PHASE_LIVE))
		quick = HOOK_IDENT(realloc_as)(old, size, caller);
	return likely(quick.code) ? quick.ptr : realloc_slowly(old, size, caller);
}

/* ---- what is asked of us -------------------------------------------------- */

static void tell(const struct mh_chunk *chunk, struct mallochooks_object *object)
{
	object->flags = (chunk->pending ? MALLOCHOOKS_PENDING : 0) |
			(mh_chunk_is_pool(chunk) ? MALLOCHOOKS_POOL : 0) |
			chunks.depth << 8;
	object->ident = CONFIG_IDENT;
	object->base = (void *)chunk->base;
	object->requested = chunk->requested;
	object->usable = chunk->usable;
	object->site = chunk->site;
	object->tag = chunk->tag;
}

int HOOK_IDENT(query)(const void *address, struct mallochooks_object *object)
{
	struct mh_chunk chunk;
	int error;

	if (object->size < sizeof(*object))
		return -EINVAL;
	error = find_chunk(&chunks, (uintptr_t)address, &chunk);
	if (!error)
		tell(&chunk, object);
	return error;
}

int HOOK_IDENT(tag)(const void *address, uint64_t tag)
{
	return mh_chunk_tag(&chunks, (uintptr_t)address, tag);
}

/* One, as an array, so that its name is a pointer. */
__attribute__((visibility("hidden")))
const struct mallochooks_root HOOK_IDENT(root)[1] = { {
	.size = sizeof(struct mallochooks_root),
	.layout = MH_CHUNK_LAYOUT,
	.bytes = sizeof(chunks),
	.at = &chunks,
} };

struct visitor {
	mallochooks_visit *visit;
	void *arg;
};

static int visit_chunk(const struct mh_chunk *chunk, void *arg)
{
	struct mallochooks_object object = { .size = sizeof(object) };
	const struct visitor *visitor = arg;

	if (!is_alive(&chunks, chunk))
		return 0;
	tell(chunk, &object);
	return visitor->visit(&object, visitor->arg);
}

int HOOK_IDENT(walk)(mallochooks_visit *visit, void *arg)
{
	struct visitor visitor = { visit, arg };

	return mh_chunk_walk(&chunks, visit_chunk, &visitor);
}

struct sum {
	uint64_t nr;
	uint64_t bytes;
};

static int add_chunk(const struct mh_chunk *chunk, void *arg)
{
	struct sum *sum = arg;

	if (!is_alive(&chunks, chunk))
		return 0;
	sum->nr++;
	sum->bytes += chunk->requested;
	return 0;
}

void HOOK_IDENT(dump)(int fd)
{
	struct sum sum = { 0, 0 };
	struct mh_line line;

	mh_chunk_walk(&chunks, add_chunk, &sum);
	mh_line_start(&line);
	mh_line_str(&line, "mallochooks: index: ");
	mh_line_dec(&line, sum.nr);
	mh_line_str(&line, " live chunks, ");
	mh_line_dec(&line, sum.bytes);
	mh_line_str(&line, " bytes requested, ");
	mh_line_dec(&line, __atomic_load_n(&chunks.lost, __ATOMIC_RELAXED));
	mh_line_str(&line, " not recorded, ");
	mh_line_dec(&line, __atomic_load_n(&unseen, __ATOMIC_RELAXED));
	mh_line_str(&line, " freed that it did not know");
	mh_line_write(&line, fd);
}
