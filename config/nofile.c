// SPDX-License-Identifier: MIT
/*
 * nofile - files of options where libconfig's archive was not to be had
 *
 * In the place of file.c: a file that is there is said not to be read.
 */
#include <fcntl.h>
#include <mallochooks/runtime.h>
#include "options.h"
#include "syscall.h"

MH_RUNTIME void mh_options_from_file(struct mh_options *options,
				     const char *path,
				     enum mallochooks_origin origin)
{
	const struct mh_source source = { .origin = origin, .file = path };

	if (origin == MALLOCHOOKS_SYSTEM_FILE &&
	    mh_syscall(SYS_faccessat, AT_FDCWD, (long)path, 0, 0, 0, 0))
		return;
	mh_options_mistake(options, &source, "not read: libconfig was missing "
			   "where this stack was composed; MALLOCHOOKS=... "
			   "works without it");
}
