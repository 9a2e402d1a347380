/* SPDX-License-Identifier: MIT */
/*
 * syscall.h - system calls: any architecture, through libc
 *
 * Goes through the PLT, so not before relocation: port this file first.
 */
#ifndef MH_ARCH_SYSCALL_H
#define MH_ARCH_SYSCALL_H

#include <errno.h>
#include <sys/syscall.h>

long syscall(long nr, ...);

/* Return: the kernel's own answer, -errno on failure. */
static inline long mh_syscall(long nr, long a, long b, long c, long d, long e,
			      long f)
{
	int saved = errno;
	long ret = syscall(nr, a, b, c, d, e, f);

	if (ret == -1)
		ret = -errno;
	errno = saved;
	return ret;
}

#endif
