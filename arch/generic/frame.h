/* SPDX-License-Identifier: MIT */
/*
 * frame.h - walk up the frame pointers
 *
 * Both our architectures keep {caller's frame, return address} where the frame
 * pointer points; one that does not puts its own frame.h into its folder.
 * Code compiled without frame pointers ends the walk early; the walk never
 * leaves [lo, hi), only goes up, and reads nothing outside.
 */
#ifndef MH_ARCH_FRAME_H
#define MH_ARCH_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include "caller.h"

/**
 * mh_frame_walk() - return addresses from a frame upwards
 * @frame:	frame pointer to start at: __builtin_frame_address(0)
 * @lo:		lowest address of the stack that may be read
 * @hi:		end of the stack
 * @out:	filled, innermost first
 * @max:	room in @out
 *
 * Context: any; reads the calling thread's stack only.
 * Return: number of addresses in @out.
 */
static inline size_t mh_frame_walk(const void *frame, uintptr_t lo,
				   uintptr_t hi, uintptr_t *out, size_t max)
{
	uintptr_t at = (uintptr_t)frame;
	size_t nr = 0;

	while (nr < max) {
		const uintptr_t *record = (const uintptr_t *)at;
		uintptr_t ret;

		if (at < lo || hi < 2 * sizeof(*record) ||
		    at > hi - 2 * sizeof(*record) || at % sizeof(*record))
			break;
		ret = mh_strip(record[1]);
		if (!ret)
			break;
		out[nr++] = ret;
		if (record[0] <= at)
			break;
		at = record[0];
	}
	return nr;
}

#endif
