// SPDX-License-Identifier: MIT
/*
 * walk - facades' call sites without stubs: by walking the stack
 *
 * Where a caller lies in a facade (xmalloc), goes up to whoever called the
 * outermost one and hands that down as the caller.  For programs whose link is
 * not ours; where it is, a stub (named.h) finds the same at a fraction of the
 * cost.
 *
 * Facades are named by exported symbols, whose bounds the unwind tables give, or
 * by addresses.  Only what was loaded at start is known.
 */
#include <sys/auxv.h>
#include <mallochooks/layer.h>
#include "caller.h"
#include "module.h"
#include "nextsym.h"
#include "registers.h"
#include "unwind.h"

#define MAX_FACADES	64
#define MAX_OWN		64	/* frames of ours */
#define MAX_FRAMES	65536	/* a recursion of facades */

enum { FACADES, BUILD_ID, THROUGH };

static char facades[MALLOCHOOKS_STRING_BYTES];
static char build_id[MALLOCHOOKS_STRING_BYTES];

HOOK_OPTIONS(
	[FACADES] = MH_OPT_LIST("facades", facades, 0,
				"functions whose caller counts: NAME, or "
				"START-END in the executable"),
	[BUILD_ID] = MH_OPT_STRING("build_id", build_id, 0,
				   "in this executable they are: first digits of "
				   "its build-id; \"\": in any"),
	[THROUGH] = MH_OPT_INT("through", 0, 0, 16, "frames", 0,
			       "look for a facade behind so many other frames"),
)

HOOK_OBSERVING

static struct range {
	uintptr_t start, end;
} range[MAX_FACADES];
static size_t nr_ranges;
/* All of them lie in here: most callers are told at once. */
static uintptr_t lowest, extent;

/* ---- which functions they are ------------------------------------------------ */

static void add_range(uintptr_t start, uintptr_t end)
{
	if (nr_ranges == MAX_FACADES) {
		mh_say("walk", "more than 64 facades: the others are not known");
		return;
	}
	range[nr_ranges++] = (struct range){ start, end };
	if (nr_ranges == 1 || start < lowest) {
		extent += nr_ranges == 1 ? 0 : lowest - start;
		lowest = start;
	}
	if (end - lowest > extent)
		extent = end - lowest;
}

/* Return: behind the number, NULL when there is none. */
static const char *read_hex(const char *text, uintptr_t *value)
{
	const char *start;

	if (text[0] == '0' && text[1] == 'x')
		text += 2;
	*value = 0;
	for (start = text; ; text++) {
		char c = *text;

		if (c >= '0' && c <= '9')
			*value = *value * 16 + (uintptr_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*value = *value * 16 + (uintptr_t)(c - 'a') + 10;
		else
			return text > start ? text : NULL;
	}
}

/* Addresses as the file of the executable has them. */
static int add_addresses(const char *item, uintptr_t bias)
{
	uintptr_t start, end;

	item = read_hex(item, &start);
	if (!item || *item != '-')
		return 0;
	item = read_hex(item + 1, &end);
	if (!item || *item || end <= start)
		return 0;
	add_range(bias + start, bias + end);
	return 1;
}

static int add_name(const char *item)
{
	void *function = mh_scope_symbol(item);
	uintptr_t start, end;

	if (!function)
		return 0;
	if (mh_function_range((uintptr_t)function, &start, &end))
		add_range(start, end);
	return 1;
}

static char hex_digit(unsigned int value)
{
	return "0123456789abcdef"[value & 15];
}

/* A child may have become another program: what are addresses to that? */
static int is_meant(const struct mh_module *executable)
{
	const char *digits = HOOK_OPTION(BUILD_ID).str;

	for (size_t i = 0; digits[i]; i++) {
		unsigned int byte;

		if (i / 2 >= executable->build_id_bytes)
			return 0;
		byte = executable->build_id[i / 2];
		if (digits[i] != hex_digit(i % 2 ? byte : byte >> 4))
			return 0;
	}
	return 1;
}

static void add_facade(const char *item, const struct mh_module *executable)
{
	struct mh_line line;

	if (add_name(item) || !is_meant(executable))
		return;
	if (item[0] == '0' && add_addresses(item, executable->bias))
		return;
	mh_line_start(&line);
	mh_line_str(&line, "mallochooks: walk: no loaded object exports \"");
	mh_line_text(&line, item, __builtin_strlen(item));
	mh_line_str(&line, "\" (walk.facades): of the executable, mallochooks "
			   "run --facades= finds static ones, too");
	mh_line_write(&line, 2);
}

void HOOK_IDENT(init)(void)
{
	struct mh_module executable = { .bias = 0 };
	const char *item = NULL;

	mh_unwind_init();
	mh_module_find(getauxval(AT_ENTRY), &executable);
	while ((item = mallochooks_next_item(&HOOK_OPTION(FACADES), item)))
		add_facade(item, &executable);
}

/* ---- up the stack -------------------------------------------------------------- */

static int is_facade(uintptr_t pc)
{
	/* A call may be the last thing in it. */
	pc--;
	for (size_t i = 0; i < nr_ranges; i++)
		if (pc >= range[i].start && pc < range[i].end)
			return 1;
	return 0;
}

/* The frame that called the entry. */
static int find_caller(struct mh_frame *frame, caller_t caller)
{
	for (int i = 0; i < MAX_OWN; i++)
		if (!mh_frame_up(frame))
			return 0;
		else if (frame->pc == caller)
			return 1;
	return 0;
}

/* Behind as many frames as the option says, the outermost of those on end. */
static caller_t outermost(struct mh_frame *frame, caller_t caller)
{
	caller_t found = caller;
	int64_t others = 0;

	for (int i = 0; i < MAX_FRAMES; i++) {
		int facade = is_facade(frame->pc);

		if (!facade && others++ >= HOOK_OPTION(THROUGH).num)
			return found;
		if (!mh_frame_up(frame))
			return found;
		if (facade) {
			found = frame->pc;
			others = 0;
		}
	}
	return found;
}

static __attribute__((noinline)) caller_t walk(caller_t caller)
{
	struct mh_frame frame;

	MH_FRAME_HERE(&frame);
	return find_caller(&frame, caller) ? outermost(&frame, caller) : caller;
}

static inline caller_t site(caller_t caller)
{
	if (likely(!nr_ranges || !caller))
		return caller;
	if (likely(caller - 1 - lowest >= extent) && !HOOK_OPTION(THROUGH).num)
		return caller;
	return walk(caller);
}

void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	return NEXT_IDENT(malloc)(size, site(caller));
}

void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller)
{
	return NEXT_IDENT(calloc)(n, size, site(caller));
}

void *HOOK_IDENT(realloc)(void *ptr, size_t size, caller_t caller)
{
	return NEXT_IDENT(realloc)(ptr, size, site(caller));
}

void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	return NEXT_IDENT(memalign)(alignment, size, site(caller));
}

void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	NEXT_IDENT(free)(ptr, site(caller));
}

HOOK_PASS(malloc_usable_size)
