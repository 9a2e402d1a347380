/* SPDX-License-Identifier: MIT */
/*
 * entry.h - how an entry is defined, by each method
 */
#ifndef MH_ENTRY_H
#define MH_ENTRY_H

#include <mallochooks/layer.h>
#include "caller.h"

#define TOP(op)		NEXT_IDENT(op)
#define CALLER() \
	(IS_ENABLED(CONFIG_CALLER_NONE) ? (caller_t)0 : MH_RETURN_ADDRESS())

/*
 * An entry that makes chunks compares the phase word: the one time a call when
 * it is looked at whether somebody wants something (core.dump, live options).
 * It costs two instructions where no layer above the first call needs the same.
 * Where no layer has anything to do then, the composer says so: -DMH_ATTENDS=0.
 */
#ifndef MH_ATTENDS
#define MH_ATTENDS	1
#endif

static inline int mh_is_asked(void)
{
	return MH_ATTENDS && unlikely(MH_PHASE.word != MH_PHASE_LIVE);
}

static inline void mh_answer(void)
{
	if (mh_is_asked())
		mh_attend(&MH_PHASE);
}

/*
 * By --wrap callers of this output alone are bound to an entry, so it is hidden:
 * two outputs of one process must not take each other's.
 */
#if defined(CONFIG_METHOD_WRAP) || defined(CONFIG_METHOD_WRAPDL)
#define ENTRY_NAME(name)	"__wrap_" CONFIG_SYM_PREFIX name
#define ENTRY_VISIBILITY	"hidden"
#else
#define ENTRY_NAME(name)	CONFIG_SYM_PREFIX name
#define ENTRY_VISIBILITY	"default"
#endif

/*
 * Method replace: tools/takeover.h has the names.  Where the object that defines
 * the real function calls itself, a thunk comes between (arch/ARCH/self.S), so
 * the caller is the thunk's.
 */
#define ENTRY_HIDDEN_NAME(ret, op, params) \
	extern __attribute__((alias(ENTRY_NAME(#op)), visibility("hidden"), \
			      used)) \
	ret hidden_##op params __asm__("__mallochooks_entry_" \
				       CONFIG_SYM_PREFIX #op);
#define ENTRY_INNER(ret, op, params) \
	__attribute__((used, noinline)) \
	ret inner_##op params __asm__("__mallochooks_inner_" \
				      CONFIG_SYM_PREFIX #op); \
	ret inner_##op params

#ifdef CONFIG_METHOD_REPLACE
#define ENTRY_FOR_OWN_OBJECT(ret, op, params, args) \
	ENTRY_HIDDEN_NAME(ret, op, params) \
	ENTRY_INNER(ret, op, params) \
	{ \
		return op##_by(IS_ENABLED(CONFIG_CALLER_NONE) ? (caller_t)0 : \
			       MH_RETURN_ADDRESS_ABOVE() MORE args); \
	}
#else
#define ENTRY_FOR_OWN_OBJECT(ret, op, params, args)
#endif

/* What stands in parentheses, behind something else. */
#define MORE(...)	__VA_OPT__(,) __VA_ARGS__

#define ENTRY_PUBLIC(ret, op, params) \
	__attribute__((visibility(ENTRY_VISIBILITY), used, flatten)) \
	ret entry_##op params __asm__(ENTRY_NAME(#op)); \
	ret entry_##op params

/*
 * One entry, under its name for the linker, everything below it inlined.  What
 * follows the macro is its body, to which the caller is @caller.
 */
#define ENTRY(ret, op, params, args) \
	static inline __attribute__((always_inline)) \
	ret op##_by(caller_t caller MORE params); \
	ENTRY_PUBLIC(ret, op, params) \
	{ \
		return op##_by(CALLER() MORE args); \
	} \
	ENTRY_FOR_OWN_OBJECT(ret, op, params, args) \
	static inline __attribute__((always_inline)) \
	ret op##_by(caller_t caller MORE params)

#endif
