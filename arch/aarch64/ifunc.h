/* SPDX-License-Identifier: MIT */
/*
 * ifunc.h - call the resolver of a STT_GNU_IFUNC symbol: aarch64
 *
 * The resolver gets AT_HWCAP with bit 62 set, which says that a second
 * argument is there: {its size, AT_HWCAP, AT_HWCAP2}.  Read from /proc because
 * getauxval() may not be callable yet.
 * Source: glibc 2.36, sysdeps/aarch64/sys/ifunc.h and dl-irel.h.
 */
#ifndef MH_ARCH_IFUNC_H
#define MH_ARCH_IFUNC_H

#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include "syscall.h"

#define MH_IFUNC_ARG_HWCAP	(1ul << 62)

struct mh_ifunc_arg {
	unsigned long size;
	unsigned long hwcap;
	unsigned long hwcap2;
};

static inline uintptr_t mh_call_ifunc_resolver(uintptr_t resolver)
{
	struct mh_ifunc_arg arg = { sizeof(arg), 0, 0 };
	static const char path[] = "/proc/self/auxv";
	ElfW(auxv_t) aux;
	long fd = mh_syscall(SYS_openat, AT_FDCWD, (long)path,
			     O_RDONLY | O_CLOEXEC, 0, 0, 0);

	while (fd >= 0 &&
	       mh_syscall(SYS_read, fd, (long)&aux, sizeof(aux), 0, 0, 0) ==
	       (long)sizeof(aux)) {
		if (aux.a_type == AT_HWCAP)
			arg.hwcap = aux.a_un.a_val;
		if (aux.a_type == AT_HWCAP2)
			arg.hwcap2 = aux.a_un.a_val;
	}
	if (fd >= 0)
		mh_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	return ((uintptr_t (*)(unsigned long, const struct mh_ifunc_arg *))
		resolver)(arg.hwcap | MH_IFUNC_ARG_HWCAP, &arg);
}

#endif
