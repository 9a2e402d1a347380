/* SPDX-License-Identifier: MIT */
/*
 * hookapi.h - prototypes of one layer and of the layer below it
 *
 * The composer compiles each layer with three tokens: MH_IDENT (the stack),
 * MH_LAYER (what the layer defines) and MH_NEXT (whom it calls).  There is no
 * include guard around the prototypes: redefine the tokens and include again
 * to speak of another layer.
 */
#ifndef MALLOCHOOKS_HOOKAPI_H
#define MALLOCHOOKS_HOOKAPI_H

#include <stddef.h>
#include <stdint.h>
#include <mallochooks/ops.h>

/**
 * typedef caller_t - the address that an allocation call returns to
 *
 * 0 when the stack was configured without caller capture.  The instruction
 * that made the call lies just before it: mh_call_site().
 */
typedef uintptr_t caller_t;

#define MH_NAME___(ident, layer, op)	mh_##ident##_##layer##_##op
#define MH_NAME__(ident, layer, op)	MH_NAME___(ident, layer, op)
#define MH_NAME(layer, op)		MH_NAME__(MH_IDENT, layer, op)

#define HOOK_IDENT(op)		MH_NAME(MH_LAYER, op)	/* what I define  */
#define NEXT_IDENT(op)		MH_NAME(MH_NEXT, op)	/* whom I call    */

#define MH_PROTO_(ret, op, params, args, hand)	ret HOOK_IDENT(op) params;
#define MH_PROTO(row)				MH_PROTO_(row)
#define MH_NEXT_PROTO_(ret, op, params, args, hand) ret NEXT_IDENT(op) params;
#define MH_NEXT_PROTO(row)			MH_NEXT_PROTO_(row)

#endif

#ifdef __cplusplus
extern "C" {
#endif
struct mallochooks_object;

#pragma GCC visibility push(hidden)

#ifdef MH_LAYER
#define MH_X(op) MH_PROTO(MH_OP_##op)
MH_OPS(MH_X)
#undef MH_X
void HOOK_IDENT(init)(void);
void HOOK_IDENT(live)(void);
void HOOK_IDENT(fork)(void);
void HOOK_IDENT(fini)(void);
void HOOK_IDENT(dump)(int fd);
int HOOK_IDENT(query)(const void *address, struct mallochooks_object *object);
int HOOK_IDENT(tag)(const void *address, uint64_t tag);
int HOOK_IDENT(walk)(int (*visit)(const struct mallochooks_object *object,
				  void *arg), void *arg);
void HOOK_IDENT(changed)(void);
void HOOK_IDENT(reset)(void);
int HOOK_IDENT(apart)(void);
size_t HOOK_IDENT(size_word)(const void *ptr);
void HOOK_IDENT(free_own)(void *ptr, caller_t caller);
void *HOOK_IDENT(realloc_own)(void *ptr, size_t size, caller_t caller);
#endif

#ifdef MH_NEXT
#define MH_X(op) MH_NEXT_PROTO(MH_OP_##op)
MH_OPS(MH_X)
#undef MH_X
int NEXT_IDENT(apart)(void);
size_t NEXT_IDENT(size_word)(const void *ptr);
void NEXT_IDENT(free_own)(void *ptr, caller_t caller);
void *NEXT_IDENT(realloc_own)(void *ptr, size_t size, caller_t caller);
#endif

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
