/* SPDX-License-Identifier: MIT */
/*
 * facades.h - names of a program's functions as the layer walk finds them
 */
#ifndef MALLOCHOOKS_FACADES_H
#define MALLOCHOOKS_FACADES_H

/**
 * facades_options() - words of MALLOCHOOKS for them
 * @names:	separated by commas; START-END is handed on as it is
 * @file:	the executable
 *
 * What the executable exports, or does not have, stays a name, which the layer
 * looks up in all that is loaded; a function that it does not export becomes the
 * range of its addresses, and so do the parts that gcc has split off.  Programs
 * that it starts are told by the build-id that these are not theirs.
 * Return: to be freed; or NULL with a line said.
 */
char *facades_options(const char *names, const char *file);

#endif
