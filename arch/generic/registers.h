/* SPDX-License-Identifier: MIT */
/*
 * registers.h - registers of an architecture that nobody has told us about: no
 * function describes these, so no frame is found
 */
#ifndef MH_ARCH_REGISTERS_H
#define MH_ARCH_REGISTERS_H

#define MH_DWARF_FP	0x10000
#define MH_DWARF_SP	0x10001
#define MH_DWARF_RA	0x10002

#define MH_FRAME_HERE(frame) \
	((frame)->pc = 0, (frame)->sp = 0, (frame)->fp = 0)

#endif
