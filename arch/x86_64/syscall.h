/* SPDX-License-Identifier: MIT */
/*
 * syscall.h - system calls without libc: x86_64
 *
 * No PLT, no errno, no cancellation point, so usable before relocation.
 * Source: System V ABI, AMD64 supplement, appendix A.2.1.
 */
#ifndef MH_ARCH_SYSCALL_H
#define MH_ARCH_SYSCALL_H

#include <sys/syscall.h>

/* Return: the kernel's own answer, -errno on failure. */
static inline long mh_syscall(long nr, long a, long b, long c, long d, long e,
			      long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#endif
