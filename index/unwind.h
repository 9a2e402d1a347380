/* SPDX-License-Identifier: MIT */
/*
 * unwind.h - up the stack, frame by frame, by the tables that exceptions use
 *
 * Needs no frame pointers, no lock, no memory and no libgcc.  Knows only what a
 * return address and a frame pointer need: enough for code that compilers make.
 * Ends at the frame of a signal.
 */
#ifndef MH_UNWIND_H
#define MH_UNWIND_H

#include <mallochooks/runtime.h>

/**
 * struct mh_frame - where a function is
 * @pc:	address in it; of all but the first frame a return address
 * @sp:	stack pointer there
 * @fp:	frame pointer register there, whatever it is used for
 */
struct mh_frame {
	uintptr_t pc;
	uintptr_t sp;
	uintptr_t fp;
};

#pragma GCC visibility push(hidden)

/**
 * mh_unwind_init() - find what is loaded, and where the stack ends
 *
 * Context: init operations; the other functions find nothing before.
 */
void mh_unwind_init(void);

/**
 * mh_frame_up() - to the function that called this one
 *
 * Context: any thread whose code on the stack stays loaded; async-signal-safe.
 * As lock-free as mh_module_find().
 * Return: nonzero; or 0, and the frame as it was, at the outermost one, and where
 * there are no tables or these lead out of the stack.
 */
int mh_frame_up(struct mh_frame *frame);

/**
 * mh_function_range() - the bounds of the code that is described together with
 * @address
 * Return: nonzero when they were found.
 */
int mh_function_range(uintptr_t address, uintptr_t *start, uintptr_t *end);

#pragma GCC visibility pop

#endif
