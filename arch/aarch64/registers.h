/* SPDX-License-Identifier: MIT */
/*
 * registers.h - what DWARF calls the registers: aarch64
 *
 * Source: DWARF for the Arm 64-bit Architecture, 4.1.
 */
#ifndef MH_ARCH_REGISTERS_H
#define MH_ARCH_REGISTERS_H

#define MH_DWARF_FP	29
#define MH_DWARF_SP	31
#define MH_DWARF_RA	30

/* The frame that this is used in, whose pc is a label here. */
#define MH_FRAME_HERE(frame) \
	__asm__ volatile("adr %0, 0f\n0:\n\tmov %1, sp\n\tmov %2, x29" \
			 : "=&r"((frame)->pc), "=&r"((frame)->sp), \
			   "=&r"((frame)->fp))

#endif
