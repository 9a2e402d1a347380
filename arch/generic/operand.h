/* SPDX-License-Identifier: MIT */
/*
 * operand.h - numbers in memory that are operands of what is done with them: any
 * architecture
 *
 * Those that can only load and store gain nothing by another way.
 */
#ifndef MH_ARCH_OPERAND_H
#define MH_ARCH_OPERAND_H

#include <stdint.h>

/* Acquire. */
static inline uint64_t mh_xor_with(uint64_t number, const uint64_t *where)
{
	return number ^ __atomic_load_n(where, __ATOMIC_ACQUIRE);
}

/* Relaxed. */
static inline int mh_is_there(const uint64_t *where, uint64_t number)
{
	return __atomic_load_n(where, __ATOMIC_RELAXED) == number;
}

/* Not atomic. */
static inline int mh_count_is_high(uint32_t *where)
{
	return (int32_t)++*where < 0;
}

/* The lowest bit of one number becomes that of the other; both are shifted by it. */
static inline void mh_shift_over(uint64_t *from, uint16_t *to)
{
	*to = (uint16_t)(*to << 1 | (*from & 1));
	*from >>= 1;
}

#endif
