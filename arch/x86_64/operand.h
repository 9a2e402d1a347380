/* SPDX-License-Identifier: MIT */
/*
 * operand.h - numbers in memory that are operands of what is done with them: x86_64
 *
 * gcc loads an atomic number into a register first, always; where each instruction
 * counts, these do without.  A load of so many bytes is atomic where it is aligned,
 * and is an acquire as well.
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual 3A, 9.1.1
 * and 9.2.
 */
#ifndef MH_ARCH_OPERAND_H
#define MH_ARCH_OPERAND_H

#include <stdint.h>

/* Acquire. */
static inline uint64_t mh_xor_with(uint64_t number, const uint64_t *where)
{
	__asm__("xorq %1, %0" : "+r"(number) : "m"(*where) : "cc", "memory");
	return number;
}

/* Relaxed. */
static inline int mh_is_there(const uint64_t *where, uint64_t number)
{
	int same;

	__asm__("cmpq %2, %1" : "=@cce"(same) : "m"(*where), "re"(number));
	return same;
}

/* Not atomic, but one instruction: what a signal handler adds meanwhile is not lost. */
static inline int mh_count_is_high(uint32_t *where)
{
	int high;

	__asm__("addl $1, %1" : "=@ccs"(high), "+m"(*where));
	return high;
}

/* The lowest bit of one number becomes that of the other; both are shifted by it. */
static inline void mh_shift_over(uint64_t *from, uint16_t *to)
{
	__asm__("shrq %0\n\tadcl %k1, %k1" : "+r"(*from), "+r"(*to) : : "cc");
}

#endif
