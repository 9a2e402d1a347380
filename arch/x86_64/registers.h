/* SPDX-License-Identifier: MIT */
/*
 * registers.h - what DWARF calls the registers: x86_64
 *
 * Source: System V ABI, AMD64 supplement, figure 3.36.
 */
#ifndef MH_ARCH_REGISTERS_H
#define MH_ARCH_REGISTERS_H

#define MH_DWARF_FP	6
#define MH_DWARF_SP	7
#define MH_DWARF_RA	16

/* The frame that this is used in, whose pc is a label here. */
#define MH_FRAME_HERE(frame) \
	__asm__ volatile("lea 0f(%%rip), %0\n0:\n\tmov %%rsp, %1\n\tmov %%rbp, %2" \
			 : "=&r"((frame)->pc), "=&r"((frame)->sp), \
			   "=&r"((frame)->fp))

#endif
