/* SPDX-License-Identifier: MIT */
/*
 * ldplugin.h - the parts of the linker's plugin
 */
#ifndef MALLOCHOOKS_LDPLUGIN_H
#define MALLOCHOOKS_LDPLUGIN_H

#include "takeover.h"

/**
 * ldplugin_find_lto() - what this link could hook if it were no LTO
 * @lines:	gets "FILE: X: is defined in GIMPLE ...", up to three of them
 *
 * Another plugin has claimed such files, and none of them was shown to us; so
 * they are taken from the linker's command line.
 */
void ldplugin_find_lto(const struct takeover *takeover, struct strings *lines);

/* Shows takeover_concerns() all objects and members of archives of the line. */
void ldplugin_search(const struct takeover *takeover);

/* Leaves out of @symbols those that the command line has the linker keep. */
void ldplugin_drop_kept(struct strings *symbols);

/**
 * ldplugin_leave_guard() - begin the link anew, without the guard and us
 *
 * Of -r the hooks are no part.  The guard among the words that a whole build has
 * would fail it, and a plugin cannot take a word back.
 * Return: NULL when the line has no guard, or why it still has, to be freed.
 */
char *ldplugin_leave_guard(void);

#endif
