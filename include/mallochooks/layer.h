/* SPDX-License-Identifier: MIT */
/*
 * layer.h - what the source of a layer includes
 *
 * A layer defines malloc, free, realloc, memalign and malloc_usable_size under
 * HOOK_IDENT(), calls the next layer under NEXT_IDENT(), and says once whether
 * it is HOOK_OBSERVING or HOOK_TRANSFORMING.  hooks/count.c is the example to
 * copy.
 *
 * Two rules keep it correct in every program: thread-locals are MH_TLS and are
 * touched only when MH_LIVE(); nothing that could allocate, lock, or print
 * through stdio is called at all (mh_say() is there for a line of text).
 */
#ifndef MALLOCHOOKS_LAYER_H
#define MALLOCHOOKS_LAYER_H

#include <errno.h>
#include <mallochooks/hookapi.h>
#include <mallochooks/mallochooks.h>
#include <mallochooks/runtime.h>

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

/* A definition that goes straight down: HOOK_PASS(free) */
#define MH_PASS__(ret, op, params, args, hand) \
	ret HOOK_IDENT(op) params { hand NEXT_IDENT(op) args; }
#define MH_PASS_(row)		MH_PASS__(row)
#define HOOK_PASS(op)		MH_PASS_(MH_OP_##op)

/*
 * HOOK_EMULATE(calloc): calloc through this layer's own malloc.  The overflow
 * rule is C11 7.22.3.2 and glibc's ENOMEM; zeroed() tells whether memory fresh
 * from the kernel can be left alone.
 */
#define HOOK_EMULATE(op)	MH_EMULATE_##op
#define MH_EMULATE_calloc \
	void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller) \
	{ \
		size_t bytes = mh_array_bytes(n, size); \
		void *ptr; \
		\
		if (unlikely(bytes == SIZE_MAX)) \
			return NULL; \
		ptr = HOOK_IDENT(malloc)(bytes, caller); \
		if (ptr && !HOOK_IDENT(zeroed)(ptr, bytes)) \
			mh_clear(ptr, bytes); \
		return ptr; \
	}

/* Which kind of layer this is: one of the two, once, at file level. */
#define HOOK_OBSERVING		const char HOOK_IDENT(observing) = 1;
#define HOOK_TRANSFORMING	const char HOOK_IDENT(transforming) = 1;

/*
 * An observing layer that keeps something of each chunk: where it can be switched
 * (LAYER_SWITCHES) it goes on seeing frees and reallocs when it is off, but no
 * births.
 */
#define HOOK_KEEPS_CHUNKS	const char HOOK_IDENT(keeping) = 1;

/* Answer of zeroed() of a layer that writes into its chunks. */
#define HOOK_NOT_ZEROED \
	int HOOK_IDENT(zeroed)(void *ptr, size_t size) \
	{ (void)ptr; (void)size; return 0; }

#define MH_TLS	__thread __attribute__((tls_model("initial-exec")))

/*
 * The phase of this stack.  It reads 0 before our constructor has run, and
 * again in a child of fork, until MH_WAKE() has let each layer's fork
 * operation re-open what is its own.
 */
#define MH_PHASE_NAME__(ident)	mh_##ident##_phase
#define MH_PHASE_NAME_(ident)	MH_PHASE_NAME__(ident)
#define MH_PHASE		MH_PHASE_NAME_(MH_IDENT)
extern struct mh_phase MH_PHASE __attribute__((visibility("hidden")));

/**
 * MH_LIVE() - may thread-locals and the layer's own state be touched?
 *
 * One comparison when the answer is yes.  In the boot phase no; the first
 * call in a child of fork re-opens the stack and then answers.
 *
 * Context: any thread, signal handlers.
 */
#define MH_LIVE() \
	(likely(MH_PHASE.word == MH_PHASE_LIVE) || mh_wake(&MH_PHASE))

/**
 * MH_PAUSED() - is nothing to be recorded (core.record)?
 *
 * Only to be asked where MH_PHASE.word was found not to be MH_PHASE_LIVE, or in the
 * operations live and changed.
 */
#define MH_PAUSED() \
	(*(volatile unsigned char *)mh_phase_byte(&MH_PHASE, MH_BYTE_PAUSED))

/*
 * The options of a layer, one row each, in one array:
 *
 *	enum { FD, DEPTH };
 *	HOOK_OPTIONS(
 *		[FD] = MH_OPT_INT("fd", CONFIG_LOG_FD, 0, 1023, "descriptor",
 *				  0, "where the lines go"),
 *		...
 *	)
 *
 * and read as HOOK_OPTION(FD).num.  The value is in force from init on.  That of
 * one with the flag MALLOCHOOKS_LIVE may be another at each reading, but always
 * a good one; when some have changed, HOOK_IDENT(changed) is called, if there is
 * one, in whichever thread allocates first.  The
 * array is all there is: what "mallochooks options" prints, the manual page and
 * the example file say, and every source of values is checked by, comes of it.
 * "on" is no name for one.
 */
#ifndef MH_ON_FLAGS
#define HOOK_OPTIONS(...) \
	struct mallochooks_option HOOK_IDENT(options)[] = { \
		__VA_ARGS__ \
		{ .size = 0 } \
	};
#define HOOK_OPTION(i)	(HOOK_IDENT(options)[i])
#define HOOK_IS_ON	1
#else
#define HOOK_OPTIONS(...) \
	struct mh_switched_options HOOK_IDENT(options) = { \
		MH_OPT_ON(MH_ON_FLAGS), { \
			__VA_ARGS__ \
			{ .size = 0 } \
		} \
	};
#define HOOK_OPTION(i)	(HOOK_IDENT(options).option[i])
#define HOOK_IS_ON	(HOOK_IDENT(options).on.num != 0)
#endif

/*
 * With LAYER_SWITCHES the composer puts a switch in front of each layer (it says
 * MH_ON_FLAGS), and the switch's option before the layer's own.
 */
struct mh_switched_options {
	struct mallochooks_option on;
	struct mallochooks_option option[];
};
#ifdef MH_ON_FLAGS
extern struct mh_switched_options HOOK_IDENT(options);
#endif
#define MH_OPT_ON(flags) \
	MH_OPT_BOOL("on", 1, flags, \
		    "calls go through the layer, or else past it (LAYER_SWITCHES)")

#define MH_OPT_(type_, name_, unit_, flags_, help_, ...) { \
	.size = sizeof(struct mallochooks_option), .type = (type_), \
	.flags = (flags_), .name = (name_), .unit = (unit_), \
	.help = (help_), __VA_ARGS__ }
#define MH_OPT_NUM_(type, name, def, min_, max_, unit, flags, help) \
	MH_OPT_(type, name, unit, flags, help, .min = (min_), .max = (max_), \
		.builtin = (def), .num = (def))
#define MH_OPT_TEXT_(type, name, buf, flags, help) \
	MH_OPT_(type, name, "", flags, help, .str = (buf), \
		.str_bytes = sizeof(buf))
#define MH_OPT_BOOL(name, def, flags, help) \
	MH_OPT_NUM_(MALLOCHOOKS_BOOL, name, def, 0, 1, "", flags, help)
#define MH_OPT_INT(name, def, min, max, unit, flags, help) \
	MH_OPT_NUM_(MALLOCHOOKS_INT, name, def, min, max, unit, flags, help)
#define MH_OPT_SIZE(name, def, min, max, flags, help) \
	MH_OPT_NUM_(MALLOCHOOKS_SIZE, name, def, min, max, "bytes", flags, help)
/* Nanoseconds: 5 * MH_MS */
#define MH_OPT_DURATION(name, def, min, max, flags, help) \
	MH_OPT_NUM_(MALLOCHOOKS_DURATION, name, def, min, max, "ns", flags, help)
/* words: "off|some|all"; def: the number of one, from 0 */
#define MH_OPT_ENUM(name, def, words, flags, help) \
	MH_OPT_(MALLOCHOOKS_ENUM, name, "", flags, help, .choices = (words), \
		.builtin = (def), .num = (def))
/* buf: a char array that holds the default.  Of a list that is its items, each
 * with a NUL behind it: "a\0b\0" */
#define MH_OPT_STRING(name, buf, flags, help) \
	MH_OPT_TEXT_(MALLOCHOOKS_STRING, name, buf, flags, help)
#define MH_OPT_LIST(name, buf, flags, help) \
	MH_OPT_TEXT_(MALLOCHOOKS_LIST, name, buf, flags, help)

#define MH_US		((int64_t)1000)
#define MH_MS		(1000 * MH_US)
#define MH_S		(1000 * MH_MS)
#define MH_MIN		(60 * MH_S)
#define MH_HOUR		(60 * MH_MIN)

/* A Kconfig bool as 0 or 1 in an expression: IS_ENABLED(CONFIG_X). */
#define MH_ENABLED_1		0,
#define MH_SECOND(a, b, ...)	b
#define MH_ENABLED__(zero_or)	MH_SECOND(zero_or 1, 0, 0)
#define MH_ENABLED_(value)	MH_ENABLED__(MH_ENABLED_##value)
#define IS_ENABLED(config)	MH_ENABLED_(config)

#endif
